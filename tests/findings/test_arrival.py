"""Findings that come new, by way of pipeline and replay: groups, suppressions, history."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from ecsaudit.cloudtrail.models import Event
from ecsaudit.findings import services, triage
from ecsaudit.findings.models import Action, Activity, CloseReason, Finding, FindingGroup, Suppression, WorkflowStatus
from ecsaudit.library.effective import Effective, compiled
from ecsaudit.library.models import RuleSet
from tests import factories
from tests.factories import NOW
from tests.findings.test_services import RULES, take_in
from tests.findings.test_triage import open_again
from tests.records import execute_command

pytestmark = pytest.mark.django_db
AT = "2026-11-02T{:02}:00:00Z"


def exec_at(hour: int, **fields: Any) -> dict[str, Any]:
    return execute_command(eventID=f"at-{hour}", eventTime=AT.format(hour), **fields)


def finish() -> None:
    change = triage.SetStatus(WorkflowStatus.RESOLVED, reason=CloseReason.EXPECTED)
    ids = list(Finding.objects.values_list("pk", flat=True))
    triage.apply(finding_ids=ids, change=change, by=None, now=timezone.now())


def suppress(**fields: Any) -> None:
    change = triage.Suppress(reason=CloseReason.EXPECTED, **fields)
    ids = list(Finding.objects.values_list("pk", flat=True))
    triage.apply(finding_ids=ids, change=change, by=None, now=timezone.now())


def statuses() -> list[str]:
    return list(Finding.objects.order_by("event_time").values_list("workflow_status", flat=True))


def test_findings_of_one_person_on_one_container_are_one_group_with_its_times() -> None:
    take_in(exec_at(9))
    take_in(exec_at(11), exec_at(8))
    group = FindingGroup.objects.get()
    assert (group.count, group.open_count, group.rule, group.cluster, group.target) == (
        3, 3, "Anyone", "prod_payments", "web",
    )  # fmt: skip
    assert (group.first_seen_at.hour, group.last_seen_at.hour) == (8, 11)


def test_a_group_that_was_finished_comes_back_with_the_next_finding() -> None:
    take_in(exec_at(9))
    finish()
    assert not FindingGroup.objects.get().is_open
    take_in(exec_at(10), exec_at(11))
    group = FindingGroup.objects.get()
    assert (group.is_open, group.open_count, group.count) == (True, 2, 3)
    assert group.reopened_at is not None
    assert Activity.objects.filter(action=Action.RECURRED).count() == 1


def test_findings_of_a_suppressed_group_are_born_suppressed_and_the_history_says_so() -> None:
    take_in(exec_at(9))
    suppress(until_at="2099-01-01T00:00:00Z")
    take_in(exec_at(10))
    assert statuses() == ["suppressed", "suppressed"]
    assert FindingGroup.objects.get().open_count == 0
    line = Activity.objects.get(finding__event__event_id="at-10")
    assert line.after["workflow_status"] == "suppressed"


def test_the_finding_that_makes_it_too_many_opens_all_again() -> None:
    take_in(exec_at(9))
    suppress(more=2)
    take_in(exec_at(10))
    assert statuses() == ["suppressed", "suppressed"]
    take_in(exec_at(11))
    # Those before are opened by workers, page by page.
    assert statuses() == ["suppressed", "suppressed", "new"]
    open_again()
    assert statuses() == ["new", "new", "new"]
    group, suppression = FindingGroup.objects.get(), Suppression.objects.get()
    assert (group.count, group.open_count) == (3, 3)
    assert suppression.ended_because == "the group has 3 findings"


def test_only_a_finding_by_another_text_of_the_rule_ends_a_suppression_that_lasts_as_long_as_the_rule() -> None:
    suppression = Suppression(while_version_id=1)
    assert triage.why_over(suppression, count=5, version_id=1, now=timezone.now()) == ""
    assert triage.why_over(suppression, count=5, version_id=2, now=timezone.now()) == "the rule was changed"


def test_a_finding_after_the_time_is_up_opens_all_even_before_anybody_looked() -> None:
    take_in(exec_at(9))
    suppress(until_at="2099-01-01T00:00:00Z")
    Suppression.objects.update(until_at=timezone.now() - timedelta(seconds=1))
    take_in(exec_at(10))
    open_again()
    assert statuses() == ["new", "new"]


def effective() -> Effective:
    return compiled(RuleSet.objects.create(files=[["test.yaml", RULES]], modes={}))


def test_archived_findings_leave_their_group_s_numbers_and_return_to_them() -> None:
    take_in(exec_at(9), exec_at(10))
    rules = effective()
    gone = Finding.objects.get(event__event_id="at-10")
    assert services.archive(because={gone.pk: "gone"}, by=rules, now=timezone.now()) == [gone.pk]
    group = FindingGroup.objects.get()
    assert (group.count, group.open_count) == (1, 1)
    event = Event.objects.select_related("body").get(event_id="at-10")
    matches = {event.pk: rules.rule_set.evaluate(event.raw_text)}
    assert services.bring_up(matches=matches, by=rules) == services.BroughtUp([], reopened=[gone.pk], kept=0)
    group.refresh_from_db()
    assert (group.count, group.open_count) == (2, 2)
    assert list(gone.activities.order_by("pk").values_list("action", flat=True)) == ["archived", "unarchived"]
    gone.refresh_from_db()
    assert gone.revision == 3


def test_a_group_is_as_old_and_as_bad_as_the_findings_that_are_left() -> None:
    about = factories.exec_session()
    plain, other = factories.tag_set("a"), factories.tag_set("b")
    made = [
        factories.finding(session=about, event=factories.event(), event_time=at, priority=priority, tag_set=tags)
        for at, priority, tags in (
            (NOW - timedelta(hours=3), 2, plain),
            (NOW - timedelta(hours=2), 5, plain),
            (NOW - timedelta(hours=1), 4, other),
            (NOW, 2, other),
        )
    ]
    rules = effective()
    services.archive(because={made[0].pk: "gone"}, by=rules, now=NOW)
    group = FindingGroup.objects.get()
    assert (group.first_seen_at, group.last_seen_at) == (NOW - timedelta(hours=2), NOW)
    assert (group.priority, group.tag_set) == (2, other)
    services.archive(because={made[2].pk: "gone", made[3].pk: "gone"}, by=rules, now=NOW)
    group = FindingGroup.objects.get()
    assert (group.first_seen_at, group.last_seen_at) == (NOW - timedelta(hours=2), NOW - timedelta(hours=2))
    assert (group.priority, group.tag_set, group.count) == (5, plain, 1)


def test_a_page_costs_the_same_number_of_queries_whatever_it_holds(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    take_in(exec_at(1))
    new = [json.loads(json.dumps(exec_at(hour))) for hour in range(2, 20)]
    # events 3, sessions 4, links 1, tag sets 1, groups 1 + 2, suppressions 1, findings 1, counts 3; savepoints aside
    with django_assert_max_num_queries(24):
        take_in(*new)
    assert FindingGroup.objects.get().count == 19
