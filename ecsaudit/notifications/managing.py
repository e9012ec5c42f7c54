"""Channels as administrators make, change, test and remove them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from ecsaudit.environment import BadSetting
from ecsaudit.notifications import sealing, telling
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.models import Attempt, Channel, Message, Purpose, Severity, State
from ecsaudit.notifications.texts import Text, compose
from ecsaudit.people.models import User

# Longer than any try takes, so that nobody takes a test over that still runs.
TEST_LEASE = timedelta(minutes=2)
STATES = {Outcome.ACCEPTED: State.SENT, Outcome.UNKNOWN: State.UNCERTAIN}


class TestTakenAway(Exception):
    """The row of the test was changed by somebody else before the call; nothing was sent."""

    __test__ = False


def save(
    *, channel: Channel | None, kind: str, name: str, settings: Mapping[str, str], secrets: Mapping[str, str]
) -> Channel:
    """Make a channel, or change one. Secrets that are not given stay as they are."""
    with transaction.atomic():
        found = Channel(kind=kind) if channel is None else Channel.objects.select_for_update().get(pk=channel.pk)
        found.name, found.settings = name, dict(settings)
        if secrets:
            # With every field filled in anew, what can't be opened any longer doesn't matter.
            fields = {field.name for field in CHANNELS[kind].fields if field.secret}
            kept = {} if fields <= secrets.keys() else sealing.unseal(found.sealed_secrets)
            found.sealed_secrets = sealing.seal({**kept, **secrets})
        if found.pk is None:
            found.save()
        else:
            found.save(update_fields=["name", "settings", "sealed_secrets", "updated_at"])
    return found


def save_texts(*, channel: Channel, title_template: str, body_template: str) -> None:
    channel.title_template, channel.body_template = title_template, body_template
    channel.save(update_fields=["title_template", "body_template", "updated_at"])


def switch(*, channel: Channel, enabled: bool) -> None:
    """What waits for a channel that is off goes out when it is on again, unless it was given up by then."""
    channel.enabled = enabled
    channel.save(update_fields=["enabled", "updated_at"])


def delete(*, channel: Channel) -> None:
    """With its messages, and what is known of them."""
    channel.delete()


def send_test(*, channel: Channel, by: User, now: datetime) -> Message:
    """Send a made-up finding at once, in this process, and return its message with the answer.

    The row is written before the call, as for every message, so that nothing ever leaves without a trace.
    """
    key, owner = uuid4().hex, f"test by {by.pk}"
    notice = telling.sample(key=key, about=key, now=now)
    text = compose(channel.kind, channel.title_template, channel.body_template, notice)
    message, attempt = begin(channel, key=key, owner=owner, text=text, by=by, now=now)

    def before_call() -> None:
        mine = Message.objects.filter(pk=message.pk, state=State.CLAIMED, lease_owner=owner)
        if not mine.update(state=State.CALLING):
            raise TestTakenAway

    try:
        secrets = sealing.unseal(channel.sealed_secrets)
    except (sealing.CannotOpen, BadSetting) as error:
        answer = Answer(Outcome.UNSENT, "secrets", f"the channel's secrets can't be opened: {error}")
    else:
        answer = CHANNELS[channel.kind].send(channel.settings, secrets, notice, text, before_call)
    note(message, attempt, answer)
    return message


def begin(channel: Channel, *, key: str, owner: str, text: Text, by: User, now: datetime) -> tuple[Message, Attempt]:
    """The rows of a test that is about to be sent."""
    with transaction.atomic():
        message = Message.objects.create(
            channel=channel,
            purpose=Purpose.TEST,
            key=key,
            about=key,
            severity=Severity.INFORMATIONAL,
            state=State.CLAIMED,
            attempts=1,
            created_at=now,
            next_attempt_at=now,
            give_up_at=now,
            lease_owner=owner,
            lease_expires_at=now + TEST_LEASE,
            sent_title=text.title,
            sent_body=text.body,
            asked_by=by,
            asked_at=now,
        )
        return message, Attempt.objects.create(message=message, at=now, owner=owner, asked_by=by)


def note(message: Message, attempt: Attempt, answer: Answer) -> None:
    """Write the answer down: for the message, its try, and the channel's health."""
    now = timezone.now()
    message.state = STATES.get(answer.outcome, State.FAILED)
    message.answer_code, message.answer_text = answer.code, answer.text
    message.accepted_at = now if answer.outcome == Outcome.ACCEPTED else None
    # A test is about no finding.
    message.findings_noted, message.lease_owner, message.lease_expires_at = True, "", None
    attempt.outcome, attempt.code, attempt.text, attempt.answered_at = answer.outcome, answer.code, answer.text, now
    health = {
        "last_answer_code": answer.code,
        "last_answer_text": answer.text,
        "last_tried_at": now,
        "tested_at": now,
    }
    if answer.outcome == Outcome.ACCEPTED:
        # What waited because of failures needn't wait any longer.
        health |= {"last_accepted_at": now, "failures_in_a_row": 0, "failing_since": None, "next_attempt_at": None}
    with transaction.atomic():
        message.save()
        attempt.save()
        Channel.objects.filter(pk=message.channel_id).update(**health)
