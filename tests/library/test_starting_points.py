from __future__ import annotations

import pytest

from ecsaudit import engine
from ecsaudit.library.models import Kind, Layer, Version
from ecsaudit.library.starting_points import copied, new_text, overlay_starts

RULE = (
    "# Ours.\n- rule: A\n  desc: d\n  condition: ct.name = x\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
)
OVERLAY = "- rule: A\n  priority: ERROR\n  override: {priority: replace}\n"


def version(layer: Layer, text: str) -> Version:
    return Version(kind=Kind.RULE, name="A", layer=layer, text=text)


def test_a_copy_has_the_text_and_what_customises_it_behind_it() -> None:
    text = copied([version(Layer.OVERLAY, OVERLAY), version(Layer.SHIPPED, RULE)], Kind.RULE, "A")
    (rule,) = engine.load_rules([("a.yaml", text)]).rules
    assert (rule.name, rule.priority) == ("A (copy)", "Error")
    assert text.startswith("# Ours.\n- rule: ")


def test_copies_of_macros_and_lists_have_names_that_they_may_have() -> None:
    macro = Version(kind=Kind.MACRO, name="m", layer=Layer.OWN, text="- macro: m\n  condition: ct.user = u\n")
    text = copied([macro], Kind.MACRO, "m") + "- list: l\n  items: [a]\n"
    assert engine.load_rules([("a.yaml", engine.renamed(text, Kind.LIST, "l", "l_copy"))]).ok


@pytest.mark.parametrize("kind", Kind.values)
def test_a_new_item_is_of_its_kind(kind: str) -> None:
    assert [item.kind for item in engine.item_texts(new_text(kind))] == [kind]


@pytest.mark.parametrize("name", ["A", 'odd "name": #1', "ünïcode"])
def test_every_beginning_of_an_overlay_is_of_the_item_and_overrides_it(name: str) -> None:
    for kind in Kind.values:
        for start in overlay_starts(kind, name, None):
            (item,) = engine.item_texts(start.text)
            assert (item.kind, item.name) == (kind, name)
            assert item.overrides
