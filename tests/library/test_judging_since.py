"""Since when rules judge, from the versions of the library."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.library.effective import rules
from ecsaudit.library.judging_since import Change, began, judging_since
from ecsaudit.library.models import Kind, Layer, Mode
from ecsaudit.library.services import save, switch
from ecsaudit.people.models import User

SHELL = "Terminal Shell in ECS Container"


def at(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


def since(*changes: tuple[int, str, str], enabled: bool = True) -> int | None:
    """The day since which a rule judges that was changed on these days, in this layer, to this text."""
    found = began([Change("R", layer, word, at(day)) for day, layer, word in changes], {"R": enabled})
    return found["R"].day if "R" in found else None


def test_a_rule_judges_since_its_first_text() -> None:
    assert since((3, "shipped", "- rule: ")) == 3
    assert since((3, "own", "- rule: "), (5, "own", "- rule: ")) == 3
    assert since((3, "shipped", "- rule: "), (5, "overlay", "- rule: ")) == 3


def test_a_rule_that_is_off_or_in_the_shadow_judges_since_never() -> None:
    assert since((3, "shipped", "- rule: "), enabled=False) is None
    assert since((3, "shipped", "- rule: "), (4, "switch", "off")) is None
    assert since((3, "shipped", "- rule: "), (4, "switch", "shadow")) is None
    assert since() is None


def test_a_rule_judges_since_it_was_last_switched_on() -> None:
    assert since((3, "shipped", "- rule: "), (4, "switch", "off"), (6, "switch", "on")) == 6
    assert since((3, "shipped", "- rule: "), (4, "switch", "on"), enabled=False) == 4
    assert since((3, "shipped", "- rule: "), (4, "switch", "on"), (5, "switch", "on")) == 3


def test_a_rule_that_was_gone_judges_since_it_came_back() -> None:
    assert since((3, "shipped", "- rule: "), (4, "shipped", ""), (6, "shipped", "- rule: ")) == 6
    assert since((3, "shipped", "- rule: "), (4, "own", "- rule: "), (5, "shipped", "")) == 3


@pytest.mark.django_db
def test_only_what_came_after_the_first_rule_set_is_told(
    ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    effective = rules.current()
    enabled = {rule.name: rule.enabled for rule in effective.loaded.rules}
    assert judging_since(enabled) == {}
    before = timezone.now()
    switch(names=[SHELL], mode=Mode.SHADOW, author=ann, message="quiet")
    switch(names=[SHELL], mode=Mode.ON, author=ann, message="again")
    text = (
        "- rule: Mine\n  desc: d\n  condition: ct.name = X\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    )
    save(kind=Kind.RULE, name="Mine", layer=Layer.OWN, text=text, author=ann, message="new")
    with django_assert_num_queries(2):
        found = judging_since({rule.name: rule.enabled for rule in effective.loaded.rules} | {"Mine": True})
    assert found.keys() == {SHELL, "Mine"}
    assert all(moment > before for moment in found.values())


@pytest.mark.django_db
def test_without_any_rule_set_nothing_is_told() -> None:
    assert judging_since({"Mine": True}) == {}
