from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings.models import Finding
from ecsaudit.notifications import services, throttles
from ecsaudit.notifications.models import Channel, Delivery, Message, State, Throttle
from ecsaudit.notifications.routing import Routing
from ecsaudit.people.models import User
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def many(count: int) -> list[Finding]:
    """Findings of one event, as many rules made them."""
    first = factories.finding(rule="rule 0")
    rest = [
        Finding(
            account=first.account, event=first.event, session=first.session, group=first.group, rule=f"rule {number}",
            priority=4, tag_set=first.tag_set, source=first.source, region=first.region, event_time=NOW,
        )
        for number in range(1, count)
    ]  # fmt: skip
    return [first, *Finding.objects.bulk_create(rest)]


def throttled(findings: Sequence[Finding], key: str = "somebody", **fields: object) -> list[Routing]:
    return [factories.routing(finding, throttle=HOUR, throttle_key=key, **fields) for finding in findings]


def held() -> int:
    return Delivery.objects.filter(throttle__isnull=False).count()


def test_without_a_throttle_each_finding_has_a_message_that_is_due_at_once() -> None:
    findings = many(2)
    assert services.enqueue([factories.routing(finding, runbook_url="https://r") for finding in findings], NOW) == 2
    for finding in findings:
        message = Message.objects.get(deliveries__finding=finding)
        assert (message.state, message.purpose, message.policy, message.severity, message.count) == (
            "pending", "finding", "Everything", "HIGH", 1,
        )  # fmt: skip
        assert (message.about, message.runbook_url) == (finding.group.fingerprint, "https://r")
        assert (message.next_attempt_at, message.give_up_at) == (NOW, NOW + 24 * HOUR)
    assert Message.objects.values("key").distinct().count() == 2


def test_by_several_policies_a_finding_comes_to_a_channel_once_and_the_first_counts() -> None:
    finding, other = factories.finding(), factories.channel("Other")
    routings = [
        factories.routing(finding, policy_name="first"),
        factories.routing(finding, policy_name="second"),
        factories.routing(finding, other, policy_name="second"),
    ]
    assert services.enqueue(routings, NOW) == 2
    assert sorted(Delivery.objects.values_list("channel__name", "policy")) == [
        ("Other", "second"),
        ("Security team", "first"),
    ]


def test_a_repeated_call_changes_nothing() -> None:
    findings = many(3)
    routings = [*throttled(findings[:2]), factories.routing(findings[2])]
    assert services.enqueue(routings, NOW) == 2
    before = list(Delivery.objects.values()), list(Message.objects.values()), list(Throttle.objects.values())
    assert services.enqueue(routings, NOW + HOUR) == 0
    assert before == (list(Delivery.objects.values()), list(Message.objects.values()), list(Throttle.objects.values()))
    assert services.enqueue([], NOW) == 0


def test_the_first_of_a_window_is_told_and_later_ones_are_held_back_until_its_end() -> None:
    findings = many(5)
    assert services.enqueue(throttled(findings[:3]), NOW) == 1
    assert services.enqueue(throttled(findings[3:]), NOW + HOUR / 2) == 0
    window = Throttle.objects.get()
    assert (window.until_at, window.held) == (NOW + HOUR, 4)
    assert window.first_message == Message.objects.get(deliveries__finding=findings[0])
    for finding in findings[1:]:
        delivery = Delivery.objects.get(finding=finding)
        assert (delivery.message, delivery.throttle, delivery.held_until) == (None, window, NOW + HOUR)


def test_channel_policy_and_key_have_windows_of_their_own() -> None:
    findings = many(4)
    routings = [
        *throttled(findings[:1], key="a"),
        *throttled(findings[1:2], key="b"),
        *throttled(findings[2:3], key="a", policy_name="other"),
        *throttled(findings[3:], key="a", to=factories.channel("Other")),
    ]
    assert services.enqueue(routings, NOW) == 4
    assert (Throttle.objects.count(), held()) == (4, 0)


def test_after_a_window_that_held_nothing_the_next_finding_is_told_at_once() -> None:
    findings = many(3)
    services.enqueue(throttled(findings[:1]), NOW)
    assert services.enqueue(throttled(findings[1:]), NOW + HOUR) == 1
    assert Throttle.objects.get().until_at == NOW + 2 * HOUR
    assert held() == 1


def test_what_comes_after_the_time_of_a_window_that_still_holds_others_goes_out_with_them() -> None:
    findings = many(3)
    services.enqueue(throttled(findings[:2]), NOW)
    assert services.enqueue(throttled(findings[2:]), NOW + HOUR) == 0
    assert throttles.close_due(NOW + HOUR) == 1
    assert set(Message.objects.get(purpose="digest").deliveries.values_list("finding", flat=True)) == {
        findings[1].pk,
        findings[2].pk,
    }


def test_a_finding_that_is_too_old_is_written_down_and_not_told() -> None:
    finding = factories.finding()
    because = "the event was older than 24 h when it was found"
    assert services.enqueue([factories.routing(finding, throttle=HOUR, not_sent=because)], NOW) == 0
    delivery = Delivery.objects.get(finding=finding)
    assert (delivery.message, delivery.throttle, delivery.not_sent) == (None, None, because)
    assert not Throttle.objects.exists()


def test_nothing_is_written_when_the_transaction_is_not_kept() -> None:
    finding = factories.finding()
    with transaction.atomic():
        services.enqueue([factories.routing(finding)], NOW)
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()


def test_a_page_of_findings_costs_ten_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    findings = many(50)
    routings = throttled(findings)
    # savepoint, findings locked, their deliveries, windows made, windows read, fingerprints, messages, windows written,
    # deliveries, savepoint released: 10
    with django_assert_num_queries(10):
        services.enqueue(routings, NOW)


def test_ten_thousand_findings_keep_throttle_and_grouping_and_drop_nothing() -> None:
    """Queries are counted, not time: a batch of a thousand costs a few of them, whatever is in it."""
    findings, channels = many(10_000), [factories.channel("One"), factories.channel("Two")]
    costs = []
    for start in range(0, len(findings), 1_000):
        routings = [
            factories.routing(finding, to, throttle=HOUR, throttle_key=str(number % 100))
            for number, finding in enumerate(findings[start : start + 1_000])
            for to in channels
        ]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            services.enqueue(routings, NOW)
        costs.append(len(captured))
    # SQLite takes at most 999 values in a statement, so that its inserts come in parts.
    assert max(costs) <= (10 if connection.vendor == "postgresql" else 10 + 26)
    assert Delivery.objects.count() == 20_000
    assert (Throttle.objects.count(), Message.objects.count(), held()) == (200, 200, 19_800)
    with CaptureQueriesContext(connection) as captured:
        assert throttles.close_due(NOW + HOUR) == 200
    assert len(captured) <= 40
    assert held() == 0
    assert Delivery.objects.filter(message__purpose="digest").count() == 19_800
    assert set(Message.objects.filter(purpose="digest").values_list("count", flat=True)) == {99}
    assert not Delivery.objects.filter(message__isnull=True).exists()


@pytest.mark.parametrize("state", [State.FAILED, State.UNCERTAIN])
def test_a_person_has_a_message_sent_again(ann: User, state: State) -> None:
    message = factories.message(state=state, attempts=9, lease_owner="somebody")
    services.send_again(message=message, by=ann, now=NOW + 48 * HOUR)
    message.refresh_from_db()
    assert (message.state, message.asked_by, message.asked_at) == (State.PENDING, ann, NOW + 48 * HOUR)
    assert (message.next_attempt_at, message.give_up_at) == (NOW + 48 * HOUR, NOW + 72 * HOUR)


@pytest.mark.parametrize("state", sorted(set(State) - {State.FAILED, State.UNCERTAIN}))
def test_no_other_message_is_sent_again(ann: User, state: State) -> None:
    message = factories.message(state=state)
    with pytest.raises(services.NotificationError, match="failed for good or is uncertain"):
        services.send_again(message=message, by=ann, now=NOW)
    message.refresh_from_db()
    assert (message.state, message.asked_by) == (state, None)


def test_a_channel_goes_with_all_that_is_its() -> None:
    findings = many(2)
    services.enqueue(throttled(findings), NOW)
    Channel.objects.get().delete()
    assert not Delivery.objects.exists()
    assert not Message.objects.exists()
    assert not Throttle.objects.exists()
