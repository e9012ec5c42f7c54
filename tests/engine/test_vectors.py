"""Falco's behaviour, vector by vector: what Falco's own tests expect and what its code was seen to do.

A vector that is exempt (vector_exemptions.py) must fail; when it passes, its exemption has to go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecsaudit import engine
from ecsaudit.engine import fields, nodes, versions
from ecsaudit.engine.errors import Problem
from ecsaudit.engine.problems import Context
from ecsaudit.engine.reader import Mapping, Sequence, Source, read_documents
from tests.engine.syscall_fields import stand_ins
from tests.engine.vector_exemptions import EXEMPT

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "falco"

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="the vectors stand beside the project, not in it")


def read(name: str) -> Iterator[dict[str, Any]]:
    with (VECTORS / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def run(
    name: str,
    key: Callable[[dict[str, Any]], str],
    difference: Callable[[dict[str, Any]], str],
    wanted: Callable[[dict[str, Any]], bool] = lambda vector: True,
) -> None:
    """Fail with a list of the vectors that differ though they aren't exempt, or are exempt but don't differ."""
    exempt = {vector: reason for reason, group in EXEMPT.get(name, {}).items() for vector in group}
    complaints: list[str] = []
    passed = 0
    for vector in read(name):
        if not wanted(vector):
            continue
        found = difference(vector)
        passed += not found
        if found and key(vector) not in exempt:
            complaints.append(f"{key(vector)!r}: {found}")
        elif not found and key(vector) in exempt:
            complaints.append(f"{key(vector)!r} passes: remove its exemption")
    assert passed
    assert not complaints, "\n".join([f"{len(complaints)} of {name}:", *complaints])


@pytest.fixture
def syscall_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, definition in stand_ins().items():
        monkeypatch.setitem(fields.EVENT_FIELDS, name, definition)


def compact(event: Any) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def test_conditions_are_parsed_and_printed_as_by_falco() -> None:
    run("parse", lambda vector: vector["condition"], parse_difference)


def parse_difference(vector: dict[str, Any]) -> str:
    text = vector["condition"]
    try:
        node = engine.parse_condition(text)
    except engine.ConditionError as error:
        got = (error.message, [error.index, error.line, error.column])
        expected = (vector.get("error"), vector.get("error_pos"))
        return "" if not vector["ok"] and got == expected else f"error {got}, expected {expected}"
    if not vector["ok"]:
        return f"accepted as {node}"
    if str(node) != vector["canonical"]:
        return f"printed as {node}"
    tree, expected_tree = dump(node, text), without_argument_places(vector["ast"])
    return "" if tree == expected_tree else f"tree {tree}, expected {expected_tree}"


def without_argument_places(tree: Any, inside: bool = False) -> Any:
    """Falco places a transformer's argument before the blanks that lead to it, the engine at its first character."""
    if isinstance(tree, list):
        return [without_argument_places(item, inside) for item in tree]
    if not isinstance(tree, dict):
        return tree
    inner = inside or tree["type"] == "transformer"
    kept = {key: value for key, value in tree.items() if not (inside and key == "pos")}
    return {key: value if key == "pos" else without_argument_places(value, inner) for key, value in kept.items()}


def test_blanks_around_a_condition_and_the_kind_of_blank_do_not_matter() -> None:
    run("parse", lambda vector: vector["condition"], blank_difference, lambda v: v.get("whitespace_variants", False))


def blank_difference(vector: dict[str, Any]) -> str:
    text = vector["condition"]
    for variant in (f" {text}", f"{text} ", text.replace(" ", "\n"), text.replace(" ", "\t")):
        try:
            engine.parse_condition(variant)
            accepted = True
        except engine.ConditionError:
            accepted = False
        if accepted != vector["ok"]:
            return f"{variant!r} accepted: {accepted}"
    return ""


def dump(node: Any, text: str) -> dict[str, Any]:
    """A node in the form of the vectors, which is the form of Falco's own dump."""
    found = engine.ConditionError.at("", text, node.at)
    result: dict[str, Any] = {"pos": [found.index, found.line, found.column]}
    match node:
        case nodes.And() | nodes.Or():
            result |= {"type": type(node).__name__.lower(), "children": [dump(child, text) for child in node.children]}
        case nodes.Not():
            result |= {"type": "not", "child": dump(node.child, text)}
        case nodes.Identifier():
            result |= {"type": "identifier", "name": node.name}
        case nodes.Exists():
            result |= {"type": "unary_check", "left": dump(node.left, text), "op": "exists"}
        case nodes.Comparison():
            operator = f"{node.operator} {node.modifier}" if node.modifier else node.operator
            result |= {"type": "binary_check", "left": dump(node.left, text), "op": operator}
            result["right"] = dump(node.right, text)
        case nodes.Field():
            result |= {"type": "field", "name": node.name, "arg": node.argument}
        case nodes.Transformer():
            result |= {"type": "transformer", "name": node.name, "arg": node.argument}
            result["args"] = [without_argument_places(dump(child, text), inside=True) for child in node.arguments]
        case nodes.TransformerList():
            result |= {"type": "transformer_list", "children": [dump(child, text) for child in node.children]}
        case nodes.Value():
            result |= {"type": "value", "value": node.text}
        case nodes.ListValue():
            result |= {"type": "list", "values": list(node.texts)}
    return result


@pytest.mark.usefixtures("syscall_fields")
def test_operators_take_the_types_that_they_take_in_falco() -> None:
    run("compile", lambda vector: vector["condition"], compile_difference)


def compile_difference(vector: dict[str, Any]) -> str:
    source = "syscall" if vector["uses_syscall_fields"] else "aws_cloudtrail"
    try:
        condition = engine.compile_condition(vector["condition"], source)
    except engine.ConditionError as error:
        if vector["ok"]:
            return f"refused: {error}"
        expected = vector.get("error", error.message)
        return "" if expected.endswith(error.message) else f"error {error.message!r}, expected {expected!r}"
    if not vector["ok"]:
        return "accepted"
    warnings = [warned.message for warned in condition.warnings if warned.code.startswith("LOAD_")]
    if "warnings" in vector:
        return "" if warnings == vector["warnings"] else f"warnings {warnings}"
    return "" if len(warnings) == vector["expected_warnings"] else f"warnings {warnings}"


def test_conditions_match_what_they_match_in_falco() -> None:
    run("eval", eval_key, eval_difference)


def eval_key(vector: dict[str, Any]) -> str:
    return vector.get("condition") or vector.get("field") or vector.get("name") or vector["event_text"]


def eval_difference(vector: dict[str, Any]) -> str:
    record = vector.get("event_text") or compact(vector["event"])
    if vector["kind"] == "condition":
        return match_difference(vector, record)
    expected = {vector["field"]: vector["value"]} if vector["kind"] == "field" else vector["fields"]
    expected |= dict.fromkeys(vector.get("absent", ()))
    got = {name: engine.extract(name, record) for name in expected}
    return "" if got == expected else str({name: got[name] for name in got if got[name] != expected[name]})


def match_difference(vector: dict[str, Any], record: str) -> str:
    try:
        got = engine.compile_condition(vector["condition"]).matches(record, vector.get("evt_num", 1))
    except engine.ConditionError as error:
        wrong = vector["match"] is not None or not vector.get("error", error.message).endswith(error.message)
        return f"error {error}" if wrong else ""
    return "" if got == vector["match"] else f"matches: {got}"


def test_outputs_print_what_they_print_in_falco() -> None:
    run("format", lambda vector: vector["format"], format_difference)


def format_difference(vector: dict[str, Any]) -> str:
    event = dict(vector["event"])
    if "event_time_ns" in vector:
        assert vector["event_time_ns"] == 1700000000123456789
        event["eventTime"] = "2023-11-14T22:13:20.123456789Z"
    try:
        got = engine.format_output(vector["format"], compact(event), vector.get("evt_num", 1))
    except engine.OutputError as error:
        return "" if error.message == vector.get("error") else f"error {error.message!r}"
    expected = vector["observed_text"] if "observed_text" in vector else vector.get("expect")
    return "" if got == expected else f"printed {got!r}, expected {expected!r}"


@pytest.mark.usefixtures("syscall_fields")
def test_rule_files_load_as_in_falco() -> None:
    run("rules", lambda vector: vector["id"], load_difference, lambda vector: vector["kind"] == "load")


def load_difference(vector: dict[str, Any]) -> str:
    texts = [file["yaml"] for file in vector.get("files") or [vector]]
    loaded = engine.load_rules([(f"{number}.yaml", text) for number, text in enumerate(texts)], vector["sources"])
    if loaded.ok != vector["ok"]:
        return f"ok: {loaded.ok} {[str(problem) for problem in loaded.errors]}"
    for expected, found in ((vector["expect_errors"], loaded.errors), (vector["expect_warnings"], loaded.warnings)):
        for problem in expected:
            if not any(is_expected(candidate, problem) for candidate in found):
                return f"missing {problem} among {[(p.code, p.message, p.item_type, p.item_name) for p in found]}"
    not_expected = vector.get("not_expected_warnings", ())
    unwanted = [problem for problem in loaded.warnings if any(is_expected(problem, one) for one in not_expected)]
    return f"unwanted {unwanted}" if unwanted else rules_difference(vector, loaded) if loaded.ok else ""


def is_expected(problem: Problem, expected: dict[str, Any]) -> bool:
    if (
        problem.code != expected.get("code", problem.code)
        or expected.get("message_contains", "") not in problem.message
    ):
        return False
    if "message" in expected and problem.message != expected["message"]:
        return False
    steps = [[step.item_type, step.item_name] for step in problem.locations]
    return "item" not in expected or expected["item"] in (steps if "item_match" in expected else steps[-1:])


def rules_difference(vector: dict[str, Any], loaded: engine.LoadResult) -> str:
    by_name = {rule.name: rule for rule in loaded.rules}
    trees = [str(rule.condition.tree) for rule in loaded.rules]
    if vector["expect_compiled_condition"] and vector["expect_compiled_condition"] not in trees:
        return f"compiled to {trees}"
    observed = vector.get("observed", {"rules": {}})["rules"]
    for name, expected in (vector.get("expect_rules") or observed).items():
        if expected.get("source", "syscall") not in vector["sources"]:
            continue
        rule = by_name.get(name)
        if rule is None:
            return f"no rule {name}"
        got = {
            "condition": str(rule.condition.tree),
            "output": rule.output_text,
            "enabled": rule.enabled,
            "priority": rule.priority,
            "source": rule.source,
            "tags": sorted(rule.tags),
            "description": rule.description,
        }
        wrong = {key: got[key] for key in got if key in expected and got[key] != expected[key]}
        if wrong:
            return f"{name}: {wrong}"
    if vector.get("expect_lists") is not None and as_lists(loaded) != vector["expect_lists"]:
        return f"lists {loaded.lists}"
    if vector.get("expect_macros") is not None and loaded.macros != vector["expect_macros"]:
        return f"macros {loaded.macros}"
    enabled = sum(rule.enabled for rule in loaded.rules)
    return "" if vector.get("expect_enabled_rules", enabled) == enabled else f"{enabled} rules enabled"


def as_lists(loaded: engine.LoadResult) -> dict[str, list[str]]:
    return {name: list(items) for name, items in loaded.lists.items()}


@pytest.mark.usefixtures("syscall_fields")
def test_conditions_are_warned_of_as_in_falco() -> None:
    key = "condition"
    run("rules", lambda vector: vector[key], warning_difference, lambda v: v["kind"] == "condition_warning")


def warning_difference(vector: dict[str, Any]) -> str:
    try:
        condition = engine.compile_condition(vector["condition"], "syscall")
    except engine.ConditionError as error:
        return str(error)
    warned = any(warning.code == vector["code"] for warning in condition.warnings)
    return "" if warned == vector["warns"] else f"warns: {warned}"


def test_plugin_requirements_are_met_as_in_falco() -> None:
    run("rules", lambda vector: vector["id"], plugin_difference, lambda v: v["kind"] == "plugin_requirements")


def plugin_difference(vector: dict[str, Any]) -> str:
    plugins = {plugin["name"]: plugin["version"] for plugin in vector["plugins"]}
    source = Source("plugins.yaml", vector["yaml"])
    met = True
    for document in read_documents(source):
        assert isinstance(document, Sequence)
        for item in document.items:
            assert isinstance(item, Mapping)
            try:
                entries = versions.read_plugin_versions(item, Context.of_file(source))
            except engine.EngineError as error:
                return "" if not vector["ok"] else str(error)
            met = met and not any(versions.unmet_requirement(entry, plugins) for entry in entries)
    return "" if met == vector["requirements_satisfied"] else f"met: {met}"
