"""Since when rules judge, from the versions of the library."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.library.effective import rules
from ecsaudit.library.judging_since import Change, began, enabled_in, judging_since
from ecsaudit.library.models import Kind, Layer, Mode
from ecsaudit.library.services import save, switch
from ecsaudit.people.models import User

SHELL = "Terminal Shell in ECS Container"


def at(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


def since(*changes: tuple[int, str, str] | tuple[int, str, str, bool]) -> int | None:
    """The day since which a rule judges that was changed on these days, in this layer, to this text (and enabled)."""
    found = began([Change("R", layer, word, at(day), *enabled) for day, layer, word, *enabled in changes])
    return found["R"].day if "R" in found else None


def test_a_rule_judges_since_its_first_text() -> None:
    assert since((3, "shipped", "- rule: ")) == 3
    assert since((3, "own", "- rule: "), (5, "own", "- rule: ")) == 3
    assert since((3, "shipped", "- rule: "), (5, "overlay", "- rule: ")) == 3


def test_a_rule_that_is_off_or_in_the_shadow_judges_since_never() -> None:
    assert since((3, "shipped", "- rule: ", False)) is None
    assert since((3, "shipped", "- rule: "), (4, "switch", "off")) is None
    assert since((3, "shipped", "- rule: "), (4, "switch", "shadow")) is None
    assert since() is None


def test_a_rule_judges_since_it_was_last_switched_on() -> None:
    assert since((3, "shipped", "- rule: "), (4, "switch", "off"), (6, "switch", "on")) == 6
    assert since((3, "shipped", "- rule: ", False), (4, "switch", "on")) == 4
    assert since((3, "shipped", "- rule: "), (4, "switch", "on"), (5, "switch", "on")) == 3


def test_a_rule_that_was_gone_judges_since_it_came_back() -> None:
    assert since((3, "shipped", "- rule: "), (4, "shipped", ""), (6, "shipped", "- rule: ")) == 6
    assert since((3, "shipped", "- rule: "), (4, "own", "- rule: "), (5, "shipped", "")) == 3


def test_a_rule_judges_since_its_text_enables_it() -> None:
    assert since((3, "own", "- rule: ", False), (5, "own", "- rule: ")) == 5
    assert since((3, "shipped", "- rule: "), (4, "overlay", "- rule: ", False)) is None
    assert since((3, "shipped", "- rule: "), (4, "overlay", "- rule: ", False), (6, "overlay", "")) == 6
    assert (
        since((3, "shipped", "- rule: ", False), (4, "overlay", "- rule: ", True), (5, "overlay", "- rule: ")) is None
    )


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("- rule: A\n  enabled: false\n", False),
        ("- rule: A\n  enabled: 'Yes'\n  override: {enabled: replace}\n", True),
        ("- rule: A\n  enabled: false\n- rule: A\n  enabled: true\n  override: {enabled: replace}\n", True),
        ("- rule: A\n  desc: enabled\n", None),
    ],
)
def test_what_a_text_says_of_being_enabled_is_read(text: str, enabled: bool | None) -> None:
    assert enabled_in(text) is enabled


@pytest.mark.django_db
def test_only_what_came_after_the_first_rule_set_is_told(
    ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rules.current()
    assert judging_since() == {}
    before = timezone.now()
    switch(names=[SHELL], mode=Mode.SHADOW, author=ann, message="quiet")
    switch(names=[SHELL], mode=Mode.ON, author=ann, message="again")
    text = (
        "- rule: Mine\n  desc: d\n  condition: ct.name = X\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    )
    save(kind=Kind.RULE, name="Mine", layer=Layer.OWN, text=text, author=ann, message="new")
    with django_assert_num_queries(2):
        found = judging_since()
    assert found.keys() == {SHELL, "Mine"}
    assert all(moment > before for moment in found.values())


@pytest.mark.django_db
def test_without_any_rule_set_nothing_is_told() -> None:
    assert judging_since() == {}
