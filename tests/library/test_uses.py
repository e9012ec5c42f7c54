from ecsaudit import engine
from ecsaudit.library.models import Kind
from ecsaudit.library.uses import Use, used_by

RULES = """
- list: shells
  items: [sh]
- list: tools
  items: [shells, curl]
- macro: shell
  condition: ecs.command in (shells)
- macro: loud
  condition: shell and not ct.user in (nobody)
- list: nobody
  items: []
"""
RULE = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
RULES += "".join(
    RULE.format(name=name, condition=condition)
    for name, condition in {
        "Tool": "ecs.command in (tools)",
        "Loud": "ct.name = x and loud",
        "Other": "ct.name = shells_of_another",
        "both": "shell and loud",
    }.items()
)


def users(kind: Kind, name: str) -> list[Use]:
    loaded = engine.load_rules([("a.yaml", RULES)])
    assert loaded.ok
    return used_by(loaded, loaded.rules, kind, name)


def test_a_list_is_used_by_lists_macros_and_rules_and_by_those_that_use_them() -> None:
    assert users(Kind.LIST, "shells") == [
        Use("list", "tools"),
        Use("macro", "loud", ("macro", "shell")),
        Use("macro", "shell"),
        Use("rule", "both", ("macro", "shell")),
        Use("rule", "Loud", ("macro", "shell")),
        Use("rule", "Tool", ("list", "tools")),
    ]


def test_a_macro_is_used_by_what_names_it() -> None:
    assert users(Kind.MACRO, "shell") == [
        Use("macro", "loud"),
        Use("rule", "both"),
        Use("rule", "Loud", ("macro", "loud")),
    ]


def test_a_list_without_items_is_used_where_it_is_named() -> None:
    assert Use("macro", "loud") in users(Kind.LIST, "nobody")


def test_what_nothing_names_is_used_by_nothing() -> None:
    assert users(Kind.RULE, "Tool") == []
    assert users(Kind.MACRO, "nowhere") == []
