"""Channels as administrators make, change, test and remove them."""

from __future__ import annotations

import logging
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
from ecsaudit.notifications.models import Attempt, Channel, Delivery, Message, Purpose, State, Throttle
from ecsaudit.notifications.texts import Text, compose
from ecsaudit.people.models import User

logger = logging.getLogger(__name__)
# Longer than any try takes, so that nobody takes a test over that still runs.
TEST_LEASE = timedelta(minutes=2)
# Rows that one transaction deletes.
PAGE = 1_000
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
        found = Channel(kind=kind) if channel is None else locked(channel)
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


def locked(channel: Channel) -> Channel:
    """The channel as it is now, held against other changes, but not against messages that are written down for it."""
    return Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)


def save_texts(*, channel: Channel, title_template: str, body_template: str) -> None:
    channel.title_template, channel.body_template = title_template, body_template
    channel.save(update_fields=["title_template", "body_template", "updated_at"])


def switch(*, channel: Channel, enabled: bool, why: str = "The channel was switched off.") -> None:
    """What waits for a channel that is off goes out when it is on again, unless it was given up by then."""
    channel.enabled = enabled
    with transaction.atomic():
        channel.save(update_fields=["enabled", "updated_at"])
        if not enabled:
            health.settle(channel, timezone.now(), why)


def delete(*, channel: Channel) -> None:
    """With its messages, and what is known of them: PAGE at a time, each in a transaction of its own.

    Stopped half-way, it leaves a channel that is off and knows less; to delete it again ends it.
    """
    switch(channel=channel, enabled=False, why="The channel was deleted.")
    while not delete_emptied(channel):
        while delete_page_held(channel) or delete_page_told(channel):
            pass


@transaction.atomic
def delete_page_held(channel: Channel) -> int:
    """Delete some of what the channel's windows hold back, or windows that hold nothing; returns how many rows.

    The windows are locked first, as by all who add to them or close them.
    """
    windows = Throttle.objects.filter(channel=channel)
    ids = list(windows.select_for_update().order_by("digest").values_list("pk", flat=True)[:PAGE])
    held = list(Delivery.objects.filter(throttle__in=ids).order_by("pk").values_list("pk", flat=True)[:PAGE])
    if held:
        return Delivery.objects.filter(pk__in=held).delete()[0]
    return windows.filter(pk__in=ids).delete()[0]


@transaction.atomic
def delete_page_told(channel: Channel) -> int:
    """Delete some of the channel's deliveries, then of its messages, that no window holds; returns how many rows.

    The messages are locked first, as by a worker who notes an answer.
    """
    told = Delivery.objects.filter(channel=channel, throttle__isnull=True).order_by("pk")
    if ids := list(told.values_list("pk", flat=True)[:PAGE]):
        return Delivery.objects.filter(pk__in=ids).delete()[0]
    messages = Message.objects.filter(channel=channel).order_by("pk")
    ids = list(messages.select_for_update().values_list("pk", flat=True)[:PAGE])
    Attempt.objects.filter(message__in=ids).delete()
    return Message.objects.filter(pk__in=ids).delete()[0]


@transaction.atomic
def delete_emptied(channel: Channel) -> bool:
    """Delete the channel unless something is known of it; returns whether it is gone.

    From the lock on, nothing for the channel can be committed any longer. Nothing else is waited for under this lock: who
    writes messages down holds findings and windows, and comes for the channel last.
    """
    Channel.objects.select_for_update().filter(pk=channel.pk).first()
    if any(model.objects.filter(channel=channel).exists() for model in (Throttle, Delivery, Message)):
        return False
    Channel.objects.filter(pk=channel.pk).delete()
    return True


def send_test(*, channel: Channel, by: User, now: datetime) -> Answer:
    """Send a made-up finding at once, in this process, and return what came of it. Raises TestTakenAway.

    The row is written before the call, as for every message, so that nothing ever leaves without a trace. An error of our own is
    logged, and told like an answer.
    """
    message = new_message(
        channel_id=channel.pk, purpose=Purpose.TEST, policy="", severity=Severity.INFORMATIONAL, runbook_url="", now=now
    )
    notice = telling.sample(key=message.key, about=message.about, now=now)
    text = compose(channel.kind, channel.title_template, channel.body_template, notice)
    attempt = begin(message, text, owner=f"test {message.key}"[:64], by=by, now=now)
    is_called = False

    def before_call() -> None:
        nonlocal is_called
        mine = Message.objects.filter(pk=message.pk, state=State.CLAIMED, lease_owner=message.lease_owner)
        if not mine.update(state=State.CALLING):
            raise TestTakenAway
        is_called = True

    try:
        secrets = sealing.unseal(channel.sealed_secrets)
    except (sealing.CannotOpen, BadSetting) as error:
        answer = Answer(Outcome.UNSENT, "secrets", f"the channel's secrets can't be opened: {error}")
    else:
        try:
            answer = CHANNELS[channel.kind].send(channel.settings, secrets, notice, text, before_call)
        except TestTakenAway:
            raise
        except Exception as error:
            # Its text may hold secrets: the screen has only its name.
            logger.exception("a test failed by an error of our own", extra={"channel": channel.pk})
            answer = Answer(
                Outcome.UNKNOWN if is_called else Outcome.UNSENT,
                type(error).__name__,
                "an error in ecsaudit; the web server's log has it",
            )
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
