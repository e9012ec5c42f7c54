from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings.models import Finding, WorkflowStatus
from ecsaudit.notifications import health, managing
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.models import Channel
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
YES, NO = Answer(Outcome.ACCEPTED, "200", "ok"), Answer(Outcome.REFUSED, "503", "down")
MINUTE = timedelta(minutes=1)


def note(channel: Channel, answer: Answer, *, minutes: float = 0, is_test: bool = False) -> Channel:
    health.note(channel=channel, answer=answer, now=NOW + minutes * MINUTE, is_test=is_test)
    channel.refresh_from_db()
    return channel


def own_findings() -> list[tuple[str, str]]:
    return list(Finding.objects.filter(source="ecsaudit").values_list("output", "workflow_status"))


def test_after_three_failures_in_a_row_there_is_a_finding_that_the_next_yes_settles() -> None:
    channel = factories.channel("Ops")
    note(channel, NO)
    note(channel, NO)
    assert own_findings() == []
    assert not Channel.objects.failing(NOW).exists()
    note(channel, NO)
    note(channel, NO)
    assert Channel.objects.failing(NOW).get() == channel
    (output, status), *others = own_findings()
    assert (output, status, others) == (
        "The channel “Ops” has taken no message since 2026-11-02 12:00 UTC; the last answer was 503",
        WorkflowStatus.NEW,
        [],
    )
    note(channel, YES, minutes=1)
    assert own_findings()[0][1] == WorkflowStatus.RESOLVED
    assert (channel.failures_in_a_row, channel.failing_since, channel.next_attempt_at) == (0, None, None)
    assert channel.last_accepted_at == NOW + MINUTE
    assert not Channel.objects.failing(NOW).exists()


def test_fewer_failures_are_enough_after_five_minutes() -> None:
    channel = note(factories.channel(), NO)
    assert not channel.is_failing(NOW + 4 * MINUTE)
    assert channel.is_failing(NOW + 5 * MINUTE)
    assert Channel.objects.failing(NOW + 5 * MINUTE).exists()
    note(channel, NO, minutes=6)
    assert len(own_findings()) == 1


def test_a_channel_that_is_switched_off_is_not_failing() -> None:
    channel = factories.channel(enabled=False, failures_in_a_row=9, failing_since=NOW)
    assert not channel.is_failing(NOW)
    assert not Channel.objects.failing(NOW).exists()


def test_a_test_that_arrives_mends_and_one_that_fails_counts_for_nothing() -> None:
    channel = factories.channel(failures_in_a_row=2, failing_since=NOW, next_attempt_at=NOW + MINUTE)
    note(channel, NO, is_test=True)
    assert (channel.failures_in_a_row, channel.tested_at, channel.last_answer_code) == (2, NOW, "503")
    note(channel, YES, is_test=True)
    assert (channel.failures_in_a_row, channel.next_attempt_at) == (0, None)


def test_a_yes_to_a_sound_channel_costs_four_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    channel = factories.channel()
    # savepoint, channel locked, channel written, savepoint released: 4
    with django_assert_num_queries(4):
        health.note(channel=channel, answer=YES, now=NOW)


def test_the_wait_doubles_up_to_five_minutes_with_full_jitter_and_is_as_long_as_asked_up_to_an_hour() -> None:
    for failures, longest in ((1, 2), (2, 4), (5, 32), (9, 300), (10_000, 300)):
        waits = [health.wait_after(failures).total_seconds() for _ in range(200)]
        assert 0 <= min(waits) < longest / 4
        assert longest * 3 / 4 < max(waits) <= longest
    assert health.wait_after(1, 600) == timedelta(minutes=10)
    assert health.wait_after(1, 1e12) == timedelta(hours=1)


def test_a_channel_that_is_gone_is_passed_over() -> None:
    channel = factories.channel()
    Channel.objects.all().delete()
    health.note(channel=channel, answer=NO, now=NOW)
    assert own_findings() == []


def test_the_finding_about_a_channel_ends_when_it_is_switched_off_or_deleted() -> None:
    off, gone = factories.channel("off"), factories.channel("gone")
    for _ in range(3):
        note(off, NO)
        note(gone, NO)
    assert Finding.objects.open().count() == 2
    managing.switch(channel=off, enabled=False)
    managing.delete(channel=gone)
    assert not Finding.objects.open().exists()
