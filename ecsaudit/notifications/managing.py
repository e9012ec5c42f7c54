"""Channels as administrators make, change, test and remove them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from ecsaudit.environment import BadSetting
from ecsaudit.findings.severity import Severity
from ecsaudit.notifications import health, sealing, telling
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.messages import new_message
from ecsaudit.notifications.models import Attempt, Channel, Message, Purpose, State
from ecsaudit.notifications.texts import Text, compose
from ecsaudit.people.models import User

# Longer than any try takes, so that nobody takes a test over that still runs.
TEST_LEASE = timedelta(minutes=2)
# A test is not tried again: the page names those whom it did not reach.
STATES = {Outcome.ACCEPTED: State.SENT, Outcome.PARTLY: State.SENT, Outcome.UNKNOWN: State.UNCERTAIN}


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
    with transaction.atomic():
        channel.save(update_fields=["enabled", "updated_at"])
        if not enabled:
            health.settle(channel, timezone.now(), "The channel was switched off.")


def delete(*, channel: Channel) -> None:
    """With its messages, and what is known of them."""
    with transaction.atomic():
        # Whoever sends, or writes down what is to be sent, is done by then or finds no channel.
        Channel.objects.select_for_update().filter(pk=channel.pk).first()
        health.settle(channel, timezone.now(), "The channel was deleted.")
        channel.delete()


def send_test(*, channel: Channel, by: User, now: datetime) -> Answer:
    """Send a made-up finding at once, in this process, and return what came of it. Raises TestTakenAway.

    The row is written before the call, as for every message, so that nothing ever leaves without a trace.
    """
    message = new_message(
        channel_id=channel.pk, purpose=Purpose.TEST, policy="", severity=Severity.INFORMATIONAL, runbook_url="", now=now
    )
    notice = telling.sample(key=message.key, about=message.about, now=now)
    text = compose(channel.kind, channel.title_template, channel.body_template, notice)
    attempt = begin(message, text, owner=f"test {message.key}"[:64], by=by, now=now)

    def before_call() -> None:
        mine = Message.objects.filter(pk=message.pk, state=State.CLAIMED, lease_owner=message.lease_owner)
        if not mine.update(state=State.CALLING):
            raise TestTakenAway

    try:
        secrets = sealing.unseal(channel.sealed_secrets)
    except (sealing.CannotOpen, BadSetting) as error:
        answer = Answer(Outcome.UNSENT, "secrets", f"the channel's secrets can't be opened: {error}")
    else:
        answer = CHANNELS[channel.kind].send(channel.settings, secrets, notice, text, before_call)
    note(message, attempt, answer)
    health.note(channel=channel, answer=answer, now=timezone.now(), is_test=True)
    return answer


def begin(message: Message, text: Text, *, owner: str, by: User, now: datetime) -> Attempt:
    """The rows of a test that is about to be sent, held so that no worker takes it for one of its own."""
    message.state, message.attempts = State.CLAIMED, 1
    message.lease_owner, message.lease_expires_at = owner, now + TEST_LEASE
    message.sent_title, message.sent_body = text.title, text.body
    message.asked_by, message.asked_at = by, now
    with transaction.atomic():
        message.save()
        return Attempt.objects.create(message=message, at=now, owner=owner, asked_by=by)


def note(message: Message, attempt: Attempt, answer: Answer) -> None:
    """Write the answer down, for the message and its try, unless they were deleted with their channel meanwhile."""
    now, accepted = timezone.now(), answer.outcome in (Outcome.ACCEPTED, Outcome.PARTLY)
    with transaction.atomic():
        Message.objects.filter(pk=message.pk, lease_owner=message.lease_owner).update(
            state=STATES.get(answer.outcome, State.FAILED),
            answer_code=answer.code,
            answer_text=answer.text,
            taken_by=list(answer.taken_by),
            not_taken_by=list(answer.not_taken_by),
            accepted_at=now if accepted else None,
            # A test is about no finding.
            findings_noted=True,
            lease_owner="",
            lease_expires_at=None,
        )
        Attempt.objects.filter(pk=attempt.pk).update(
            answered_at=now, outcome=answer.outcome, code=answer.code, text=answer.text
        )
