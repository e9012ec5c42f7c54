from __future__ import annotations

from ecsaudit import engine
from ecsaudit.library.composing import compose, in_order
from ecsaudit.library.models import Kind, Layer, Version


def macro(name: str, condition: str) -> Version:
    return Version(kind=Kind.MACRO, layer=Layer.OWN, name=name, text=f"- macro: {name}\n  condition: {condition}\n")


def test_lists_come_first_then_macros_then_rules_each_by_name() -> None:
    names = [("rule", "A"), ("macro", "b"), ("list", "d"), ("macro", "a"), ("list", "c")]
    versions = [Version(kind=kind, name=name, text="") for kind, name in names]
    assert [version.name for version in in_order(versions)] == ["c", "d", "a", "b", "A"]


def test_a_macro_stands_behind_those_that_it_names() -> None:
    versions = [macro("a", "b and z"), macro("b", "z or ct.name = x"), macro("z", "ct.user = u")]
    composed = compose([], versions)
    assert [version.name for version in in_order(versions)] == ["z", "b", "a"]
    loaded = engine.load_rules(composed.files)
    assert loaded.errors == ()
    assert loaded.macros["a"] == "((ct.user = u or ct.name = x) and ct.user = u)"


def test_a_comment_makes_no_order_and_a_circle_is_left_to_the_engine() -> None:
    first = macro("a", "ct.name = x")
    first.text = "# See z.\n" + first.text
    assert [version.name for version in in_order([first, macro("z", "a")])] == ["a", "z"]
    circle = [macro("a", "b"), macro("b", "a")]
    assert [version.name for version in in_order(circle)] == ["a", "b"]
    (problem,) = engine.load_rules(compose([], circle).files).errors
    assert "Undefined macro 'b'" in problem.message
