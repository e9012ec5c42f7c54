"""Conditions in plain words: every word of the language has its own, and what is said is what is meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecsaudit import engine
from ecsaudit.engine.compiler import compile_condition
from ecsaudit.engine.field_words import FLAGS, TRANSFORMER_WORDS, definition_words, pointer_words
from ecsaudit.engine.fields import ALL_FIELDS, FieldDefinition
from ecsaudit.engine.plain_words import MAX_PARTS, MODIFIER_WORDS, OPERATOR_WORDS, TITLES
from ecsaudit.engine.words import MODIFIERS, OPERATORS, TRANSFORMERS

RULES = """
- list: shells
  items: [sh, bash]
- macro: call
  condition: ct.src = ecs.amazonaws.com and ct.name = ExecuteCommand
- macro: by_aws
  condition: call or ct.user = aws
- rule: Shell
  desc: d
  condition: call and not by_aws and ecs.command in (shells, zsh)
  output: o
  priority: INFO
  source: aws_cloudtrail
  exceptions:
    - name: people
      fields: [ct.user, ct.region]
      values: [[alice, eu-west-1], [bob, us-east-1]]
    - name: office
      fields: ct.srcip
      values: [203.0.113.7]
"""


def lines(condition: str) -> list[str]:
    return list(engine.plain_lines(engine.plain_words(compile_condition(condition))))


@pytest.mark.parametrize("definition", ALL_FIELDS.values(), ids=lambda definition: definition.name)
def test_every_field_has_a_name_that_fits_a_sentence(definition: FieldDefinition) -> None:
    assert re.fullmatch(r"(the|an|a) [^,;:]+", definition_words(definition))


def test_a_mark_is_a_field_that_is_true_or_false() -> None:
    marks = {name for name, field in ALL_FIELDS.items() if field.values == {"true", "false"}}
    assert set(FLAGS) == marks


def test_every_operator_modifier_and_transformer_has_words() -> None:
    assert set(OPERATOR_WORDS) == set(OPERATORS)
    assert set(MODIFIER_WORDS) == set(MODIFIERS)
    assert set(TRANSFORMER_WORDS) == {"val", *TRANSFORMERS}
    assert set(TITLES) == set(engine.Sense) - {engine.Sense.STATEMENT}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("ct.name = x", "the event's name is “x”"),
        ("not ct.name = x", "the event's name is not “x”"),
        ("ct.name == x", "the event's name is “x”"),
        ("ct.name != x", "the event's name is there, and is not “x”"),
        ("not ct.name != x", "the event's name is missing, or is “x”"),
        ("ct.error exists", "the error code is there"),
        ("not ct.error exists", "the error code is missing"),
        ("ct.time < 5", "the time of the event is less than in the order of letters “5”"),
        ("s3.bytes < 5", "the number of bytes received and sent is less than “5”"),
        ("not s3.bytes >= 5", "the number of bytes received and sent is missing, or is less than “5”"),
        ("s3.bytes <= 5", "the number of bytes received and sent is at most “5”"),
        ("len(ct.name) > 5", "the length of the event's name is more than “5”"),
        ("ct.name contains x", "the event's name contains “x”"),
        ("ct.name icontains x", "the event's name contains, in small or capital letters, “x”"),
        ("ct.name startswith x", "the event's name begins with “x”"),
        ("not ct.name endswith x", "the event's name does not end with “x”"),
        ("ct.name glob x*", "the event's name fits the pattern “x*”"),
        ("ct.name iglob x*", "the event's name fits, in small or capital letters, the pattern “x*”"),
        ("ct.name regex x.*", "the event's name fits the regular expression “x.*”"),
        ("ct.name in (x, y)", "the event's name is one of “x”, “y”"),
        ("not ct.name in (x, y)", "the event's name is none of “x”, “y”"),
        ("ct.name in ()", "the event's name is one of nothing (the list is empty)"),
        ("ct.name intersects (x)", "the event's name is one of “x”"),
        ("ct.name pmatch (/a, /b)", "the event's name is, or lies below, one of the paths “/a”, “/b”"),
        ("ct.name startswith anyof (x, y)", "the event's name begins with at least one of “x”, “y”"),
        ("ct.name iglob anyof (x*)", "the event's name fits, in small or capital letters, at least one of the patterns “x*”"),
        ("not ct.name glob anyof (x*)", "the event's name does not fit any of the patterns “x*”"),
        ("not ct.name != anyof (x)", "it is not so that the event's name is there, and is not at least one of “x”"),
        ("ct.name contains oneof (x, y)", "the event's name contains exactly one of “x”, “y”"),
        ("not ct.name contains allof (x, y)", "it is not so that the event's name contains each of “x”, “y”"),
        ("ec2.imageids in (x)", "each of the image ids of an EC2 call is one of “x”"),
        ("not ec2.imageids intersects (x)", "it is not so that at least one of the image ids of an EC2 call is one of “x”"),
        ("ec2.imageids[1] in (x)", "each of value 1 (from 0) of the image ids of an EC2 call is one of “x”"),
        ("ct.readonly = true", "the call only reads"),
        ("ecs.interactive = false", "no terminal is asked for"),
        ("not ct.readonly = true", "the mark of a call that only reads is not “true”"),
        ("ct.id = val(ct.requestid)", "the event's unique id is the same as the id of the request"),
        ("tolower(ct.name) = x", "the event's name in small letters is “x”"),
        ("toupper(basename(ct.name)) = X", "the part after the last “/” of the event's name in capital letters is “X”"),
        ("b64(ct.name) = x", "the event's name decoded from base64 is “x”"),
        ('join("-", (ct.name, ct.user)) = x', "the event's name, the user or role of the caller joined with “-” is “x”"),
        ('concat(ct.name, "!") = x', "the event's name followed by “!” is “x”"),
        ('getopt((ct.id, ct.src), "c:")[c] = x', "the option “c” (as in “c:”) among the event's unique id, the service is “x”"),
        ("json.value[/requestParameters/command] = ls", "the request parameter command is “ls”"),
        ("jevt.value[/responseElements/a/0/b~1c] exists", "the response element a › 0 › b/c is there"),
        ("json.value[/userIdentity/invokedBy] exists", "the caller's invokedBy is there"),
        ("json.value[/eventName] = x", "the event's name is “x”"),
        ("json.value[/some~0thing] = x", "the record's some~thing is “x”"),
    ],
)  # fmt: skip
def test_a_check_is_told_as_it_is_meant(condition: str, words: str) -> None:
    assert lines(condition) == [words]


def test_the_empty_pointer_is_the_whole_record() -> None:
    assert pointer_words("") == "the whole record"


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("ct.name = a and (ct.name = b and ct.name = c)", ["all of these hold:", "a", "b", "c"]),
        ("ct.name = a or ct.name = b or ct.name = c", ["at least one of these holds:", "a", "b", "c"]),
        ("not (ct.name = a or ct.name = b)", ["none of these holds:", "a", "b"]),
        ("not (ct.name = a and ct.name = b)", ["at least one of these does not hold:", "a", "b"]),
        ("not (not (ct.name = a and ct.name = b))", ["all of these hold:", "a", "b"]),
        ("ct.name = a and not (not ct.name = b)", ["all of these hold:", "a", "b"]),
    ],
)
def test_groups_say_what_must_hold_together(condition: str, told: list[str]) -> None:
    first, *rest = told
    assert lines(condition) == [first, *(f"  the event's name is “{value}”" for value in rest)]


def test_a_rule_is_told_with_its_macros_lists_and_exceptions() -> None:
    loaded = engine.load_rules([("a.yaml", RULES)])
    assert list(engine.plain_lines(engine.plain_words(loaded.rules[0]))) == [
        "all of these hold:",
        "  all of these hold (macro call):",
        "    the service is “ecs.amazonaws.com”",
        "    the event's name is “ExecuteCommand”",
        "  none of these holds (macro by_aws):",
        "    all of these hold (macro call):",
        "      the service is “ecs.amazonaws.com”",
        "      the event's name is “ExecuteCommand”",
        "    the user or role of the caller is “aws”",
        "  the command to execute is one of “sh”, “bash”, “zsh” (list shells)",
        "  unless one of these exceptions applies:",
        "    exception people: at least one of these holds:",
        "      all of these hold:",
        "        the user or role of the caller is “alice”",
        "        the Region of the call is “eu-west-1”",
        "      all of these hold:",
        "        the user or role of the caller is “bob”",
        "        the Region of the call is “us-east-1”",
        "    exception office: the caller's address is one of “203.0.113.7”",
    ]


def test_a_macro_is_told_from_its_tree_and_an_unresolved_name_as_it_is() -> None:
    loaded = engine.load_rules([("a.yaml", RULES)])
    words = engine.plain_words(loaded.macro_trees["by_aws"])
    assert [(part.macros, part.sense) for part in words.children] == [
        (("call",), engine.Sense.ALL),
        ((), engine.Sense.STATEMENT),
    ]
    assert list(engine.plain_lines(engine.plain_words(engine.parse_condition("a and not b")))) == [
        "all of these hold:",
        "  the macro a holds (macro a)",
        "  the macro b does not hold (macro b)",
    ]


def test_long_lists_and_huge_conditions_are_cut_and_say_so() -> None:
    values = ", ".join(map(str, range(40)))
    assert lines(f"ct.name in ({values})")[0].endswith("“11” and 28 more")
    many = lines(" or ".join(f"ct.name = {number}" for number in range(5_000)))
    assert len(many) <= MAX_PARTS + 2
    assert many[-1] == "  there is more, too much to tell here"
    deep = lines("".join(f"ct.name = {n} and (ct.user = {n} or (" for n in range(9)) + "ct.name = x" + "))" * 9)
    assert deep[-1].strip() == "there is more, too much to tell here"


def test_every_shipped_rule_can_be_told() -> None:
    folder = Path(__file__).parents[2] / "rules"
    loaded = engine.load_rules([(path.name, path.read_text()) for path in sorted(folder.glob("*.yaml"))])
    for rule in loaded.rules:
        assert "too much" not in " ".join(engine.plain_lines(engine.plain_words(rule)))


def test_lists_in_lists_are_known_by_name() -> None:
    loaded = engine.load_rules(
        [("a.yaml", "- list: a\n  items: [x]\n- list: b\n  items: [a, y]\n- list: c\n  items: []\n")]
    )
    assert loaded.lists_in_lists == {"a": (), "b": ("a",), "c": ()}
