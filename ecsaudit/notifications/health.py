"""How a channel stands: what its last answers were, how long it is left alone, and when people must hear of it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.db import transaction

from ecsaudit.findings.models import Priority
from ecsaudit.findings.own import raise_own, settle_own
from ecsaudit.library.shipped import Runbook
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.models import Channel

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
# The other side may ask for more, up to this.
LONGEST_ASKED = timedelta(hours=1)
# Of the finding's output fields: which channel it is about.
CHANNEL_ID = "channel_id"
RULE = "Notification channel does not take messages"
RUNBOOK = Runbook(
    check=(
        "Read what the other side said: it stands with the channel and with each try of its messages.",
        "See in Deliveries what waits for the channel, and whether another channel told the same people.",
    ),
    do=(
        "Mend what the answer names: the address, a secret that has ended, the rights of the account, or the other side itself.",
        "Send a test from the channel's page. The first message that is accepted resolves this finding.",
        "Send again what failed for good or is uncertain meanwhile; what failed for now goes out by itself.",
        "If the channel is no longer needed, switch it off and name another in its policies.",
    ),
)


def wait_after(failures: int, retry_after: float | None = None) -> timedelta:
    """How long to wait after so many failures: doubled with each, anything up to that, but as long as the other side asked.

    Full jitter, so that what failed together doesn't come back together.
    """
    longest = min(FIRST_WAIT.total_seconds() * 2.0 ** min(max(failures - 1, 0), 16), LONGEST_WAIT.total_seconds())
    asked = min(retry_after or 0, LONGEST_ASKED.total_seconds())
    return timedelta(seconds=max(random.uniform(0, longest), asked))


def note(*, channel: Channel, answer: Answer, now: datetime, is_test: bool = False) -> None:
    """Write down what the other side said.

    A test that fails tells nothing about messages, one that arrives mends; a message that is never taken was at least read, and
    so was one to a recipient who is put off after others took it.
    """
    said = {"last_tried_at": now, "last_answer_code": answer.code, "last_answer_text": answer.text}
    if is_test:
        said["tested_at"] = now
    with transaction.atomic():
        found = Channel.objects.select_for_update(no_key=True).filter(pk=channel.pk).first()
        if found is None:
            return
        if answer.outcome == Outcome.ACCEPTED or answer.taken_by:
            mended(found, said, now)
        elif is_test or answer.outcome in (Outcome.PARTLY, Outcome.REJECTED):
            Channel.objects.filter(pk=found.pk).update(**said)
        else:
            failed(found, answer, said, now)


def mended(channel: Channel, said: dict[str, object], now: datetime) -> None:
    Channel.objects.filter(pk=channel.pk).update(
        **said, failures_in_a_row=0, failing_since=None, next_attempt_at=None, last_accepted_at=now
    )
    if channel.failing_since is not None:
        settle(channel, now, "It takes messages again.")


def settle(channel: Channel, now: datetime, text: str) -> None:
    """Resolve the finding about a channel, if there is one, because `text`."""
    settle_own(key=key_of(channel), now=now, text=text)


def failed(channel: Channel, answer: Answer, said: dict[str, object], now: datetime) -> None:
    channel.failures_in_a_row += 1
    channel.failing_since = channel.failing_since or now
    Channel.objects.filter(pk=channel.pk).update(
        **said,
        failures_in_a_row=channel.failures_in_a_row,
        failing_since=channel.failing_since,
        next_attempt_at=now + wait_after(channel.failures_in_a_row, answer.retry_after),
    )
    if channel.is_failing(now):
        raise_own(
            key=key_of(channel),
            rule=RULE,
            priority=Priority.ERROR,
            output=f"The channel “{channel.name}” has taken no message since {channel.failing_since:%Y-%m-%d %H:%M} UTC; "
            f"the last answer was {answer.code}",
            output_fields={CHANNEL_ID: channel.pk, "channel": channel.name, "code": answer.code, "answer": answer.text},
            now=now,
        )


def key_of(channel: Channel) -> str:
    """What keeps the finding about one channel apart."""
    return f"channel:{channel.pk}"
