from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ecsaudit.findings.models import Finding
from ecsaudit.notifications import services, throttles
from ecsaudit.notifications.models import Delivery, Message, Throttle
from tests import factories
from tests.factories import NOW

HOUR = timedelta(hours=1)


def enqueue(*findings: Finding, now: datetime = NOW, key: str = "k", **fields: object) -> int:
    return services.enqueue(
        [factories.routing(finding, throttle=HOUR, throttle_key=key, **fields) for finding in findings], now
    )


@pytest.mark.django_db
def test_what_was_held_back_goes_out_together_and_opens_the_next_window() -> None:
    findings = [factories.finding() for _ in range(4)]
    enqueue(findings[0])
    enqueue(findings[1], severity="LOW", runbook_url="https://r")
    enqueue(findings[2], severity="CRITICAL", runbook_url="https://r")
    assert throttles.close_due(NOW + HOUR - timedelta(seconds=1)) == 0
    assert throttles.close_due(NOW + HOUR) == 1
    digest = Message.objects.get(purpose="digest")
    assert (digest.count, digest.severity, digest.policy, digest.runbook_url, digest.state) == (
        2, "CRITICAL", "Everything", "https://r", "pending",
    )  # fmt: skip
    assert list(digest.deliveries.order_by("pk").values_list("finding", "throttle", "held_until")) == [
        (finding.pk, None, NOW + HOUR) for finding in findings[1:3]
    ]
    window = Throttle.objects.get()
    assert (window.until_at, window.held, window.first_message) == (NOW + 2 * HOUR, 0, digest)
    assert enqueue(findings[3], now=NOW + HOUR) == 0
    assert throttles.close_due(NOW + HOUR) == 0


@pytest.mark.django_db
def test_a_window_that_held_nothing_ends_and_the_next_finding_is_told_at_once() -> None:
    enqueue(factories.finding())
    assert throttles.close_due(NOW + HOUR) == 0
    assert not Throttle.objects.exists()
    assert enqueue(factories.finding(), now=NOW + HOUR) == 1


@pytest.mark.django_db
def test_a_window_whose_findings_are_gone_ends_without_a_message() -> None:
    first, second = factories.finding(), factories.finding()
    enqueue(first, second)
    second.delete()
    assert throttles.close_due(NOW + HOUR) == 0
    assert not Throttle.objects.exists()


@pytest.mark.django_db
def test_more_windows_than_one_transaction_closes_are_all_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "BATCH", 2)
    for number in range(5):
        enqueue(factories.finding(), factories.finding(), key=str(number))
    assert throttles.close_due(NOW + HOUR) == 5
    assert Delivery.objects.filter(message__purpose="digest").count() == 5


@pytest.mark.django_db
def test_a_window_that_could_not_be_closed_holds_what_it_held() -> None:
    enqueue(factories.finding(), factories.finding())
    with transaction.atomic():
        assert throttles.close_due(NOW + HOUR) == 1
        transaction.set_rollback(True)
    assert Throttle.objects.get().held == Delivery.objects.filter(throttle__isnull=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_open_one_window_for_each_key_and_lose_nothing() -> None:
    """Each takes the keys in another order, and windows end all the while."""
    channel, now = factories.channel(), timezone.now()
    keys = [f"key {number}" for number in range(10)]
    findings = [[factories.finding() for _ in keys] for _ in range(12)]

    def worker(number: int) -> None:
        order = keys[number:] + keys[:number] if number % 2 else keys[::-1]
        try:
            with transaction.atomic():
                services.enqueue(
                    [
                        factories.routing(finding, channel, throttle=HOUR, throttle_key=key)
                        for key, finding in zip(order, findings[number], strict=True)
                    ],
                    now,
                )
            if number % 4 == 3:
                throttles.close_due(now + HOUR)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(12)))
    assert Delivery.objects.count() == 120
    # What is held back has an open window, and what has none has a message.
    assert not Delivery.objects.filter(message__isnull=True, throttle__isnull=True).exists()
    for window in Throttle.objects.all():
        assert window.held == window.deliveries.count()
    throttles.close_due(now + 2 * HOUR)
    assert not Delivery.objects.filter(message__isnull=True).exists()
    assert sum(Message.objects.values_list("count", flat=True)) == 120


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_route_the_same_findings_write_each_down_once() -> None:
    findings, channel = [factories.finding() for _ in range(20)], factories.channel()

    def worker(number: int) -> int:
        try:
            order = findings if number % 2 else findings[::-1]
            return services.enqueue([factories.routing(finding, channel) for finding in order], NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(worker, range(4)))
    assert sum(made) == Message.objects.count() == Delivery.objects.count() == 20
