from datetime import timedelta
from urllib.parse import quote_plus

import pytest

from ecsaudit.notifications.models import Channel, Throttle
from ecsaudit.web.channel_list import count_word, last_of, rows, state_of
from tests import factories
from tests.factories import NOW

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({}, "untested", "Never tested"),
        ({"enabled": False, "failures_in_a_row": 9}, "off", "Switched off"),
        ({"last_tried_at": NOW, "last_accepted_at": NOW}, "ok", "OK"),
        ({"last_tried_at": NOW, "last_accepted_at": NOW - MINUTE}, "refused", "The last try failed"),
        ({"last_tried_at": NOW}, "refused", "The last try failed"),
        (
            {"last_tried_at": NOW, "failing_since": NOW - 9 * MINUTE, "failures_in_a_row": 3},
            "failing",
            "Failing since 2026-11-02 11:51:00 UTC",
        ),
    ],
)
def test_a_channel_s_state_is_told_in_words(fields: dict[str, object], state: str, words: str) -> None:
    assert state_of(Channel(kind="slack", **fields), NOW) == (state, words)


def test_the_last_answer_has_its_age() -> None:
    assert last_of(Channel(last_tried_at=NOW - 3 * MINUTE, last_answer_code="200"), NOW) == "200, 3 min ago"
    assert last_of(Channel(), NOW) == ""


def test_counts_end_somewhere() -> None:
    assert [count_word(number) for number in (0, 1_000, 1_001)] == ["0", "1,000", "1,000+"]


@pytest.mark.django_db
def test_findings_of_a_week_and_those_held_back_are_counted() -> None:
    channel, other = factories.channel(), factories.channel(name="Another")
    session = factories.exec_session()
    for days, rule in ((1, "a"), (2, "b"), (9, "c")):
        factories.delivery(
            finding=factories.finding(session=session, rule=rule),
            channel=channel,
            created_at=NOW - timedelta(days=days),
        )
    for digest, until, held in (("1", NOW + MINUTE, 4), ("2", NOW + MINUTE, 3), ("3", NOW - MINUTE, 9)):
        Throttle.objects.create(channel=channel, digest=digest, length=MINUTE, until_at=until, held=held)
    numbers = Channel.objects.numbers(NOW, since=NOW - timedelta(days=7))
    assert {pk: (each.findings, each.held) for pk, each in numbers.items()} == {channel.pk: (2, 7), other.pk: (0, 0)}
    first, second = rows([channel, other], numbers, NOW, policies={channel.pk: 5})
    assert (first.findings, first.held, first.policies, second.policies) == ("2", 7, 5, 0)
    assert first.policies_address == f"/policies/?channel={quote_plus(channel.name)}"
