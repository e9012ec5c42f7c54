"""What policies decide reaches the outbox, with the findings and at a known cost."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit import pipeline, tasks
from ecsaudit.findings import triage
from ecsaudit.findings.models import CloseReason, Finding, Priority, Suppression
from ecsaudit.findings.own import raise_own
from ecsaudit.notifications.models import Channel, Delivery, Message
from ecsaudit.people.models import User
from ecsaudit.policies import services
from ecsaudit.policies.routing import route, route_back, route_own
from ecsaudit.replay import services as replays
from ecsaudit.replay.models import Hidden, Scope
from tests import factories
from tests.cloudtrail_api import numbered
from tests.factories import NOW
from tests.records import item
from tests.replay.history import finish

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str, str]]:
    """(channel, policy, why it was not sent) of each delivery."""
    return list(Delivery.objects.order_by("channel__name", "pk").values_list("channel__name", "policy", "not_sent"))


def take_in(*times: datetime, command: str = "/bin/sh") -> None:
    for number, at in enumerate(times, start=Finding.objects.count()):
        record = numbered(number, at)
        record["requestParameters"] |= {"command": command}
        with transaction.atomic():
            pipeline.take_in(factories.feed(), [item(json.dumps(record))])


def recent() -> datetime:
    return timezone.now().replace(microsecond=0) - timedelta(minutes=5)


def test_a_page_of_events_writes_its_messages_with_its_findings() -> None:
    factories.policy(channels=[factories.channel()], severity="HIGH", runbook_url="https://example.com/runbook")
    take_in(recent())
    delivery = Delivery.objects.get()
    assert delivery.finding == Finding.objects.get()
    assert delivery.severity == "HIGH"
    message = Message.objects.get()
    assert (message.policy, message.runbook_url) == ("Production", "https://example.com/runbook")


def test_without_a_channel_nothing_is_told_for_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    finding = factories.finding()
    route([finding], NOW)
    with django_assert_num_queries(1):
        assert route([finding], NOW) == 0
    with django_assert_num_queries(0):
        assert route([], NOW) == 0
    assert told() == []


def test_many_findings_cost_as_many_queries_as_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    # The one is throttled by person and the other not at all; roles are asked for.
    factories.policy("A", channels=[factories.channel("a")], grouping="person", scope={"role": ["Dev*"]})
    factories.policy("B", channels=[factories.channel("b")], grouping="finding")
    findings = [factories.finding(rule=f"Rule {number}") for number in range(40)]
    route(findings[:1], NOW)
    # count of changes, channels, findings: 3; the rest is the outbox's
    with django_assert_num_queries(3 + 10) as few:
        route(findings[1:3], NOW)
    with django_assert_num_queries(len(few)):
        assert route(findings[3:], NOW) == 37
    assert len(told()) == 80


def test_a_first_backfill_sends_nothing_and_says_why() -> None:
    factories.policy(channels=[factories.channel()])
    take_in(recent() - timedelta(days=80), recent() - timedelta(hours=25), recent())
    assert told() == [
        ("Security team", "Production", "the event was older than 24 h when it was found"),
        ("Security team", "Production", "the event was older than 24 h when it was found"),
        ("Security team", "Production", ""),
    ]
    assert Message.objects.count() == 1


def test_what_a_channel_should_hear_that_is_off_waits_for_it() -> None:
    factories.policy(channels=[factories.channel("off", enabled=False)])
    route([factories.finding()], NOW)
    assert told() == [("off", "Production", "")]
    assert Message.objects.get().state == "pending"


def test_a_channel_that_was_deleted_harms_nobody() -> None:
    gone = factories.channel("gone")
    factories.policy(channels=[gone, factories.channel("there")])
    route([factories.finding()], NOW)
    Channel.objects.filter(pk=gone.pk).delete()
    route([factories.finding(rule="Another")], NOW)
    assert told() == [("there", "Production", "")] * 2


def test_a_finding_that_was_born_suppressed_is_told_to_nobody() -> None:
    factories.policy(channels=[factories.channel()])
    assert route([factories.finding(workflow_status="suppressed")], NOW) == 0
    assert told() == []


def test_a_finding_of_ecsaudit_s_own_is_told_but_not_to_the_channel_that_it_is_about(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    broken, other = factories.channel("broken"), factories.channel("other")
    factories.policy(channels=[broken, other])
    raise_own(
        key=f"channel:{broken.pk}", rule="Channel fails", priority=Priority.ERROR, output="o",
        output_fields={}, now=NOW,
    )  # fmt: skip
    tasks.tell_of_own_findings()
    # It is from another day.
    assert told() == []
    assert route_own(NOW) == 1
    assert told() == [("other", "Production", "")]
    # those without a delivery: 1
    with django_assert_num_queries(1):
        assert route_own(NOW) == 0


def test_a_role_is_found_also_where_there_is_no_session() -> None:
    factories.policy(channels=[factories.channel()], scope={"role": ["Deployer"]})
    arn = "arn:aws:sts::111122223333:assumed-role/Deployer/ci"
    record = {"eventName": "UpdateService", "userIdentity": {"type": "AssumedRole", "arn": arn}}
    event = factories.event(raw_text=json.dumps(record), event_name="UpdateService")
    with_role = factories.finding(event=event)
    Finding.objects.filter(pk=with_role.pk).update(session=None)
    with_role.refresh_from_db()
    assert route([with_role, factories.finding(rule="Another")], NOW) == 1


def test_findings_that_a_replay_makes_of_the_past_are_routed(ann: User) -> None:
    factories.policy(channels=[factories.channel()])
    take_in(recent(), recent() - timedelta(days=3))
    names = sorted(set(Finding.objects.values_list("rule", flat=True)))
    Finding.objects.all().delete()
    finish(replays.apply(rules=names, scope=Scope.ALL, author=ann))
    assert Finding.objects.count() == 2
    assert sorted(each[2] for each in told()) == ["", "the event was older than 24 h when it was found"]


def test_what_is_routed_is_undone_with_the_findings() -> None:
    factories.policy(channels=[factories.channel()])
    with transaction.atomic():
        route([factories.finding()], NOW)
        transaction.set_rollback(True)
    assert (Finding.objects.count(), Delivery.objects.count(), Message.objects.count()) == (0, 0, 0)


def test_policies_that_were_switched_off_decide_nothing_from_then_on(ann: User) -> None:
    policy = factories.policy(channels=[factories.channel()])
    route([factories.finding()], NOW)
    services.switch(policy_id=policy.pk, enabled=False, by=ann, now=NOW)
    assert route([factories.finding(rule="Another")], NOW) == 0
    assert len(told()) == 1


def test_what_was_born_suppressed_is_told_once_when_the_suppression_s_date_has_passed() -> None:
    factories.policy(channels=[factories.channel()], grouping="finding")
    take_in(recent())
    told_at_once = Finding.objects.get()
    change = triage.Suppress(CloseReason.EXPECTED, until_at=(timezone.now() + timedelta(days=7)).isoformat())
    triage.apply(finding_ids=[told_at_once.pk], change=change, by=None, now=timezone.now())
    take_in(recent())
    tasks.end_suppressions()
    assert Message.objects.count() == 1
    # Eight days pass.
    ago = timedelta(days=8)
    Suppression.objects.update(until_at=timezone.now() - timedelta(days=1))
    Finding.objects.update(event_time=F("event_time") - ago, created_at=F("created_at") - ago)
    for _ in range(2):
        tasks.end_suppressions()
        assert sorted(Finding.objects.values_list("workflow_status", flat=True)) == ["new", "new"]
        assert told() == [("Security team", "Production", "")] * 2
        assert Message.objects.count() == 2
    assert set(Delivery.objects.values_list("finding", flat=True)) == set(Finding.objects.values_list("pk", flat=True))


def test_what_was_closed_while_it_was_hidden_is_told_to_nobody() -> None:
    factories.policy(channels=[factories.channel()])
    closed = factories.finding(workflow_status="resolved")
    assert route_back([closed.pk, factories.finding(workflow_status="suppressed").pk], NOW) == 0


def test_what_an_exception_hid_before_anybody_was_told_is_told_when_it_ends(ann: User) -> None:
    take_in(recent())
    factories.policy(channels=[factories.channel()])
    finding = Finding.objects.get()
    hiding_it = factories.rule_exception(rule=finding.rule, state="expired", ended_at=NOW)
    Finding.objects.update(record_state="archived")
    Hidden.objects.create(finding=finding, exception=hiding_it)
    finish(replays.apply(rules=[finding.rule], scope=Scope.BACK, author=ann, exception=hiding_it))
    assert told() == [("Security team", "Production", "")]
