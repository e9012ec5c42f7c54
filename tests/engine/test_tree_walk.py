"""For random trees and records: printing and reading again changes nothing, and what is compiled is what a walk finds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ecsaudit import engine
from ecsaudit.engine import nodes
from tests.engine.tree_walk import MISSING, Event, holds

SETTINGS = settings(deadline=None, database=None, max_examples=120)

# What records hold and conditions ask for, from the same small pools, so that they often meet.
WORDS = ["a", "A", "b", "ab", "null", "true", "false", "5", "1.50", "1E5", "-0", "0", "x y", "é", "/a/b", "a,b", 'q"q']
BARE = [word for word in WORDS if word.isascii() and not set(word) & set(' ,"')]
NAMES = ["json.value", "jevt.value"]
POINTERS = [
    "/eventName",
    "eventName",
    "/awsRegion",
    "/readOnly",
    "/p/0",
    "/p/+1",
    "/p/01",
    "/p/9",
    "/p/k",
    "/a~1b",
    "/~0",
]
POINTERS += ["/requestParameters/command", "/requestParameters", "/userIdentity/type", "", "/", "/missing", "/p/0/k"]
TEXTS = (
    "ct.name ct.src ct.error ct.region ct.user ct.user.identitytype ct.user.arn ct.readonly ct.managementevent ct.request "
    "ct.request.cluster ct.resources ecs.cluster ecs.command ecs.interactive ct.srcip ct.useragent"
).split()

# Positions are not compared: a tree of its own has none.
AT = 0

text_fields = st.one_of(
    st.sampled_from([nodes.Field(name, None, AT) for name in TEXTS]),
    st.builds(nodes.Field, st.sampled_from(NAMES), st.sampled_from([p for p in POINTERS if p]), st.just(AT)),
)
number_fields = st.sampled_from([nodes.Field("s3.bytes", None, AT), nodes.Field("evt.num", None, AT)])
list_field = nodes.Field("ec2.imageids", None, AT)


def function(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[nodes.Transformer]:
    return st.builds(nodes.Transformer, st.just(name), st.tuples(*arguments), st.none(), st.just(AT))


def lists_of(operand: st.SearchStrategy[Any]) -> st.SearchStrategy[nodes.TransformerList]:
    children = st.lists(operand, min_size=1, max_size=2).map(tuple)
    return st.builds(nodes.TransformerList, children, st.just(AT))


quoted = st.builds(nodes.Value, st.sampled_from(["x y", "a=", "\\a", "'"]), st.just(AT))
text_operands = st.recursive(
    text_fields,
    lambda inner: st.one_of(
        function("tolower", inner),
        function("toupper", inner),
        function("basename", inner),
        function("b64", inner),
        function("concat", inner, inner),
        function("join", quoted, lists_of(inner)),
    ),
    max_leaves=3,
)
number_operands = st.one_of(number_fields, function("len", text_operands), function("len", st.just(list_field)))
constants = st.builds(nodes.Value, st.sampled_from(WORDS), st.just(AT))
# In quotes a text can't end with a backslash: the quote after it never closes.
glob_texts = st.text("ab*?\\", min_size=1, max_size=4).filter(lambda text: not text.endswith("\\"))
globs = st.builds(nodes.Value, glob_texts, st.just(AT))
patterns = st.builds(
    nodes.Value, st.sampled_from(["a", "a|b", "[ab]+", ".*", "a?b?", "(a|A)b*", "[^a]*", "nul."]), st.just(AT)
)
numbers = st.builds(nodes.Value, st.sampled_from(["0", "1", "2", "5", "15", "300"]), st.just(AT))
word_lists = st.builds(nodes.ListValue, st.lists(st.sampled_from(WORDS), max_size=4).map(tuple), st.just(AT))
number_lists = st.builds(
    nodes.ListValue, st.lists(st.sampled_from(["0", "1", "5", "15"]), max_size=3).map(tuple), st.just(AT)
)
path_lists = st.builds(
    nodes.ListValue,
    st.lists(st.sampled_from(["/a", "a/b", "/a/*", "?", "/", "/b"]), max_size=3).map(tuple),
    st.just(AT),
)
right_sides = st.one_of(
    function("val", text_fields), text_operands.filter(lambda operand: isinstance(operand, nodes.Transformer))
)

SIMPLE = ["=", "==", "!=", "contains", "icontains", "startswith", "endswith"]
ORDERS = ["<", "<=", ">", ">="]
MODIFIERS = ["oneof", "anyof", "allof"]


def comparison(
    left: Any, operators: list[str], right: Any, modifiers: Any = None
) -> st.SearchStrategy[nodes.Comparison]:
    return st.builds(
        nodes.Comparison,
        left,
        st.sampled_from(operators),
        st.none() if modifiers is None else modifiers,
        right,
        st.just(AT),
    )


order_texts = st.builds(nodes.Value, st.sampled_from(["5", "1.50", "0", "+1", "0x1f"]), st.just(AT))
checks = st.one_of(
    st.builds(nodes.Exists, st.one_of(text_operands, number_operands, st.just(list_field)), st.just(AT)),
    comparison(text_operands, SIMPLE, constants),
    comparison(text_operands, ORDERS, order_texts),
    comparison(text_operands, ["glob", "iglob"], globs),
    comparison(text_operands, ["regex"], patterns),
    comparison(text_operands, ["in", "intersects"], word_lists),
    comparison(text_operands, ["pmatch"], path_lists),
    comparison(text_operands, SIMPLE, word_lists, st.sampled_from(MODIFIERS)),
    comparison(text_operands, [*SIMPLE, *ORDERS, "in"], right_sides),
    comparison(number_operands, ["=", "!=", *ORDERS], numbers),
    comparison(number_operands, ["in", "intersects"], number_lists),
    comparison(st.just(list_field), ["in", "intersects"], word_lists),
)


def several(kind: type[nodes.And] | type[nodes.Or], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, st.lists(inner, min_size=2, max_size=3).map(tuple), st.just(AT))


# `not not x` is read as `x`.
trees = st.recursive(
    checks,
    lambda inner: st.one_of(
        several(nodes.And, inner),
        several(nodes.Or, inner),
        st.builds(nodes.Not, inner.filter(lambda node: not isinstance(node, nodes.Not)), st.just(AT)),
    ),
    max_leaves=6,
)

scalars = st.sampled_from(
    [json.dumps(word, ensure_ascii=False) for word in WORDS]
    + ["null", "true", "false", "5", "15", "0", "-0", "1.50", "1E5", "300", "123456789012345678901234567890"]
    + [r'"\u0061"', r'"a\u0000b"', r'"\ud83d\ude00"', '"YWI="', '"YWI"', '""']
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(["k", "0", "command", "type"]), inner), max_size=2).map(
            lambda pairs: object_of(pairs)
        ),
    ),
    max_leaves=4,
)


def object_of(pairs: list[tuple[str, str]], colon: str = ":", comma: str = ",") -> str:
    return "{" + comma.join(f"{json.dumps(key)}{colon}{value}" for key, value in pairs) + "}"


def members(**choices: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """An object with some of these members, in any order, now and then one twice."""
    pairs = [st.tuples(st.just(key), strategy) for key, strategy in choices.items()]
    return st.lists(st.one_of(pairs), max_size=len(pairs) + 1).map(object_of)


identities = st.one_of(
    members(
        type=st.sampled_from(['"IAMUser"', '"Root"', '"AssumedRole"', '"AWSService"', '"AWSAccount"', "5", "null"]),
        userName=scalars,
        arn=scalars,
        invokedBy=scalars,
        sessionContext=members(sessionIssuer=members(userName=scalars)),
    ),
    values,
)
transferred = members(
    bytesTransferredIn=st.sampled_from(["5", "10", "0", '"5"']), bytesTransferredOut=st.sampled_from(["5", "null"])
)
instances = st.lists(members(imageId=scalars), max_size=2).map(
    lambda items: object_of([("items", f"[{','.join(items)}]")])
)
documents = members(
    eventName=values,
    eventSource=scalars,
    errorCode=scalars,
    awsRegion=scalars,
    readOnly=scalars,
    managementEvent=scalars,
    sourceIPAddress=scalars,
    userAgent=scalars,
    userIdentity=identities,
    requestParameters=st.one_of(members(cluster=scalars, command=values, interactive=scalars), values),
    responseElements=st.one_of(members(instancesSet=instances), values),
    additionalEventData=transferred,
    resources=st.one_of(st.lists(values, max_size=2).map(lambda items: f"[{','.join(items)}]"), scalars),
    p=values,
    **{"a/b": scalars, "~": scalars, "": scalars},
)
records = st.one_of(
    documents,
    documents,
    documents.map(lambda text: " " + text),
    documents.map(lambda text: text.replace(":", " :\n", 1)),
    values,
    st.sampled_from(["", "{", "nul", "[", '{"eventName":"a"} x']),
)


def written(node: Any) -> str:
    """A condition with every constant in quotes where it may be; Falco's own form leaves `a,b` and `(` bare."""
    match node:
        case nodes.And() | nodes.Or():
            return "(" + f" {type(node).__name__.lower()} ".join(map(written, node.children)) + ")"
        case nodes.Not():
            return f"not {written(node.child)}"
        case nodes.Comparison():
            right = str(node.right) if node.operator in ORDERS else written(node.right)
            return f"{node.left} {node.operator} {node.modifier or ''} {right}"
        case nodes.Value():
            return quoted_text(node.text)
        case nodes.ListValue():
            return f"({', '.join(map(quoted_text, node.texts))})"
    return str(node)


def quoted_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_printable(node: Any) -> bool:
    """Whether Falco's form of a tree can be read again: it puts no quotes around parentheses and commas."""
    if isinstance(node, nodes.Value | nodes.ListValue):
        return set("(),").isdisjoint("".join(node.texts) if isinstance(node, nodes.ListValue) else node.text)
    parts = [getattr(node, name, ()) for name in ("children", "arguments")]
    inner = [*parts[0], *parts[1], *(getattr(node, name, None) for name in ("child", "left", "right"))]
    return all(is_printable(part) for part in inner if part is not None)


@given(trees.filter(is_printable))
@SETTINGS
def test_what_is_printed_is_read_as_the_same_tree(tree: nodes.Node) -> None:
    printed = str(tree)
    read = engine.parse_condition(printed, 1000)
    assert without_places(read) == without_places(tree)
    assert str(read) == printed


@given(trees)
@SETTINGS
def test_what_is_written_in_quotes_is_read_as_the_same_tree(tree: nodes.Node) -> None:
    assert without_places(engine.parse_condition(written(tree), 1000)) == without_places(tree)


def without_places(node: Any) -> Any:
    """A node as nested tuples. `(x)` with one value in it and the like stay what they are."""
    if isinstance(node, tuple):
        return tuple(map(without_places, node))
    if not hasattr(node, "at"):
        return node
    kept = [getattr(node, name) for name in node.__slots__ if name not in ("at", "lists")]
    return (type(node).__name__, *map(without_places, kept))


@given(trees, st.lists(records, min_size=1, max_size=5), st.integers(1, 3))
@SETTINGS
def test_a_compiled_condition_finds_what_the_walk_finds(tree: nodes.Node, texts: list[str], number: int) -> None:
    condition = engine.compile_condition(written(tree))
    for text in texts:
        expected = holds(condition.tree, text, number)
        assert condition.matches(text, number) is expected
        assert engine.explain(condition, text, number).result is expected


def rule_file(conditions: list[str]) -> str:
    common = {"desc": "d", "output": "o", "priority": "INFO", "source": "aws_cloudtrail"}
    return json.dumps([common | {"rule": f"R{n}", "condition": text} for n, text in enumerate(conditions)])


@given(st.lists(trees, min_size=1, max_size=8), st.lists(records, min_size=1, max_size=12))
@SETTINGS
def test_a_rule_set_finds_what_the_walk_finds_for_each_of_its_rules(found: list[nodes.Node], texts: list[str]) -> None:
    # Some rules are for one event name, as real ones are.
    conditions = [
        f"ct.name = {BARE[n % 4]} and {written(tree)}" if n % 2 else written(tree) for n, tree in enumerate(found)
    ]
    loaded = engine.load_rules([("rules.yaml", rule_file(conditions))])
    assert loaded.ok, loaded.errors
    for text in [*texts, *texts]:
        expected = [rule.name for rule in loaded.rules if holds(rule.condition.tree, text)]
        assert [match.rule for match in loaded.rule_set.evaluate(text)] == expected


@given(st.one_of(text_fields, number_fields, st.just(list_field)), records, st.integers(1, 3))
@SETTINGS
def test_a_field_has_the_value_that_the_walk_reads(field: nodes.Field, text: str, number: int) -> None:
    expected = Event(text, number).field(field.name, field.argument)
    assert engine.extract(str(field), text, number) == (None if expected is MISSING else expected)


def test_the_walk_and_the_engine_both_say_yes_and_no() -> None:
    """The pools above are worth nothing if nothing ever matches."""
    outcomes: set[bool] = set()

    @given(trees.filter(lambda tree: not isinstance(tree, nodes.Not)), documents)
    @settings(deadline=None, database=None, max_examples=100, derandomize=True)
    def collect(tree: nodes.Node, text: str) -> None:
        outcomes.add(holds(engine.parse_condition(written(tree), 1000), text))

    collect()
    assert outcomes == {True, False}
