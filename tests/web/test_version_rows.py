from __future__ import annotations

from ecsaudit.library.models import Kind, Layer, Version
from ecsaudit.web.version_rows import version_rows


def version(number: int, layer: Layer, text: str = "text", *, is_current: bool = False) -> Version:
    return Version(pk=number, kind=Kind.RULE, name="A", number=number, layer=layer, text=text, is_current=is_current)


def test_each_version_is_compared_with_the_one_before_it_in_its_layer() -> None:
    versions = [
        version(5, Layer.OVERLAY, is_current=True),
        version(4, Layer.SHIPPED, is_current=True),
        version(3, Layer.SWITCH, "off", is_current=True),
        version(2, Layer.OVERLAY),
        version(1, Layer.SHIPPED),
    ]
    rows = version_rows(versions)
    assert [row.before.number if row.before else None for row in rows] == [2, 1, None, None, None]
    assert [row.in_force.number if row.in_force else None for row in rows] == [5, 4, 3, 5, 4]
    assert [row.can_be_restored for row in rows] == [False, False, False, True, False]


def test_a_text_that_was_taken_away_can_be_restored_and_its_removal_can_not() -> None:
    rows = version_rows([version(2, Layer.OWN, "", is_current=True), version(1, Layer.OWN)])
    assert [(row.can_be_restored, row.in_force) for row in rows] == [(False, None), (True, None)]
