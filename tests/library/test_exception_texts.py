"""Exceptions as items of a rule file: whatever an attacker wrote is compared as it is, and comes back from the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit import engine
from ecsaudit.library.exception_texts import Term, found_in, item, literal, names_in, text_of, unliteral, with_draft
from ecsaudit.library.models import RuleException
from tests.records import execute_command

COMMAND = "json.value[/requestParameters/command]"
RULE = """- list: shells
  items: [ash, zsh]

- rule: Shell
  desc: d
  condition: ct.name = ExecuteCommand
  output: o
  priority: INFO
  source: aws_cloudtrail

"""
HOSTILE = ['"', "'", "\\", "a\\", "cat shells", "(ash)", "a,b=c", "x) or (ct.name exists", "toupper(ct.user)",
           "\n- rule: x", "ü\u202e", "#", "a: b", "~", "no", "-1"]  # fmt: skip


def exception(*terms: Term, rule: str = "Shell", **columns: object) -> RuleException:
    fields = {"name": "ecsaudit_0123456789ab", "owner": "ana", "reason": "nightly job", "why_no_expiry": "known"}
    return RuleException(rule=rule, terms=[term.as_data() for term in terms], **fields | columns)


def matches(text: str, command: str) -> bool:
    loaded = engine.load_rules([("a.yaml", RULE + text)])
    assert loaded.errors == ()
    return bool(loaded.rule_set.evaluate(json.dumps(execute_command(command=command))))


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("comparison", ["=", "in", "startswith", "endswith", "contains"])
def test_a_value_means_nothing_but_itself(value: str, comparison: str) -> None:
    text = text_of([exception(Term(COMMAND, comparison, (value,)))])
    assert not matches(text, value)
    assert matches(text, "other")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda text: "\x00" not in text))
def test_any_text_is_a_value_that_comes_back(value: str) -> None:
    assert unliteral(literal(value)) == value
    compiled = engine.compile_condition(f"ct.user = {literal(value)}")
    assert compiled.matches({"userIdentity": {"type": "IAMUser", "userName": value}})


def test_all_fields_must_fit() -> None:
    text = text_of([exception(Term(COMMAND, "=", ("id",)), Term("ct.srcip", "in", ("192.0.2.1", "203.0.113.7")))])
    assert not matches(text, "id")
    assert matches(text, "id -a")
    elsewhere = text_of([exception(Term(COMMAND, "=", ("id",)), Term("ct.srcip", "=", ("192.0.2.1",)))])
    assert matches(elsewhere, "id")


def test_what_is_written_is_read_back_with_what_falco_does_not_know() -> None:
    terms = tuple(Term(COMMAND, each, (value,)) for value in HOSTILE for each in ("=", "in"))
    until = datetime(2026, 12, 1, tzinfo=UTC)
    text = text_of([exception(*terms, rule="- it's: #1", expires_at=until, why_no_expiry="", reason="a\nb\u2028c")])
    (read,) = engine.item_texts(text)
    assert read.name == "- it's: #1"
    assert names_in(read) == ["ecsaudit_0123456789ab"]
    found = found_in(read)
    assert found is not None
    assert (found.name, found.terms, found.owner, found.reason) == (
        "ecsaudit_0123456789ab",
        terms,
        "ana",
        "a\nb\u2028c",
    )
    assert (found.expires_at, found.why_no_expiry) == (until, "")


@pytest.mark.parametrize(
    "change",
    [
        ("## ecsaudit: exception ", "## "),
        ('{"owner"', '["owner"'),
        ("- name: ecsaudit_", "- name: ours_"),
        ("comps:", "more: x\n    comps:"),
        ("\\x20b", " b"),
        ("T00:00:00+00:00", "T00:00:00"),
    ],
)
def test_what_somebody_changed_is_no_longer_ours(change: tuple[str, str]) -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    text = text_of([exception(Term(COMMAND, "=", ("a b",)), expires_at=until, why_no_expiry="")])
    assert change[0] in text
    (read,) = engine.item_texts(text.replace(*change))
    assert found_in(read) is None or names_in(read) == []


def test_a_draft_stands_behind_those_in_force() -> None:
    terms = [Term(COMMAND, "=", ("id",))]
    assert with_draft("", "Shell", terms) == item("Shell", "ecsaudit_new", terms)
    in_force = text_of([exception(Term(COMMAND, "=", ("ls",)))])
    text = with_draft(in_force, "Shell", terms)
    assert not matches(text, "id") and not matches(text, "ls") and matches(text, "w")
