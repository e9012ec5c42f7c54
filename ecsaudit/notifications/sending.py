"""The outbox is emptied here: one worker at a time for each channel, oldest message first.

    pending, retrying → claimed → calling → sent | retrying | failed | uncertain

A message is marked as `calling` immediately before its first byte may leave. A worker that is killed before leaves it to be
sent as if nothing had been; killed afterwards, nobody knows whether it arrived: it goes out again only where and as long as
the other side drops repeats, and is uncertain elsewhere and afterwards, which a person decides about.

After a failure the whole channel is left alone for a while; then its oldest due message shows whether it is mended.

TurnLost                somebody else took the channel or the message over; stop without sending
TooLate                 an earlier try may have arrived, and the other side might no longer drop this one; stop without sending
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as StopEvent
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from ecsaudit.findings import triage
from ecsaudit.findings.models import WorkflowStatus
from ecsaudit.notifications import composing, health
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.models import (
    HELD,
    LOST,
    WAITING,
    Attempt,
    Channel,
    ChannelQuerySet,
    Message,
    Purpose,
    State,
)
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.sealing import CannotOpen, unseal
from ecsaudit.notifications.texts import Text, compose

logger = logging.getLogger(__name__)
# A turn ends after this, so that no busy channel keeps the others waiting; it goes on when a worker is free.
TURN = timedelta(seconds=15)
MOST_MESSAGES = 200
# A message that is tried for the first time is tried for at least so long.
LATE_TRIES = timedelta(hours=1)
# Findings that are marked as notified in one transaction.
STEP = 500
STOPPED = "the worker was stopped while it sent; it may have arrived"


class TurnLost(RuntimeError):
    """The channel or the message is no longer ours."""


class TooLate(RuntimeError):
    """Sent again now, the message might arrive twice."""


@dataclass(frozen=True, slots=True)
class Turn:
    channel: Channel
    owner: str

    def renew(self, now: datetime) -> None:
        """Hold the channel for another while, and lock its row; TurnLost if it isn't ours."""
        if not self.held().update(lease_expires_at=lease_end(now)):
            raise TurnLost(f"channel {self.channel.pk} is held by somebody else, or gone")

    def release(self) -> None:
        self.held().update(lease_owner="", lease_expires_at=None)

    def held(self) -> ChannelQuerySet:
        return Channel.objects.filter(pk=self.channel.pk, lease_owner=self.owner)


def lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)


def take(channel_id: int, now: datetime) -> Turn | None:
    """A turn at a channel, or None: held by a live worker, left alone after a failure, or gone.

    At one that is switched off there is nothing to send, only what was begun before to see to.
    """
    owner = uuid4().hex
    if not Channel.objects.free(now).filter(pk=channel_id).update(lease_owner=owner, lease_expires_at=lease_end(now)):
        return None
    channel = Channel.objects.filter(pk=channel_id).first()
    return None if channel is None else Turn(channel, owner)


def run(channel_id: int, stop: StopEvent) -> None:
    """Take a turn at a channel. Does nothing when there is none to take."""
    turn = take(channel_id, timezone.now())
    if turn is None:
        return
    try:
        go_on(turn, stop)
    except TurnLost as lost:
        logger.info("turn ended", extra={"reason": str(lost)})
    finally:
        turn.release()


def go_on(turn: Turn, stop: StopEvent) -> None:
    until = timezone.now() + TURN
    recover(turn.channel, timezone.now())
    for accepted in Message.objects.unnoted().filter(channel=turn.channel):
        tell_findings(turn, accepted)
    for _ in range(MOST_MESSAGES):
        if stop.is_set() or timezone.now() >= until:
            return
        message = claim(turn, timezone.now())
        if message is None or not send(turn, message):
            return


def recover(channel: Channel, now: datetime) -> None:
    """See to the messages whose worker went silent."""
    dropped_for = drops_repeats_for(channel)
    for message in Message.objects.abandoned(now).filter(channel=channel).order_by("pk"):
        # One that kills its workers lets the others go first.
        later = now + health.wait_after(message.attempts)
        unchanged = Message.objects.abandoned(now).filter(pk=message.pk, state=message.state)
        if message.state == State.CLAIMED:
            unchanged.update(state=State.PENDING, next_attempt_at=later, lease_owner="", lease_expires_at=None)
        elif message.purpose != Purpose.TEST and may_repeat(message, dropped_for, later):
            unchanged.update(
                state=State.RETRYING, next_attempt_at=later, answer_code="stopped", answer_text=STOPPED,
                lease_owner="", lease_expires_at=None,
            )  # fmt: skip
        else:
            # Its owner stays: should it only have been slow, its answer is still worth knowing.
            unchanged.update(state=State.UNCERTAIN, answer_code="stopped", answer_text=STOPPED, lease_expires_at=None)


def claim(turn: Turn, now: datetime) -> Message | None:
    """The oldest message that is due, ours from now on."""
    with transaction.atomic():
        turn.renew(now)
        # Its channel's row is ours until the transaction ends, so that nobody switches it off meanwhile.
        due = Message.objects.due(now).filter(channel=turn.channel)
        asked = due.filter(channel__enabled=True).order_by("pk")
        pk = asked.values_list("pk", flat=True).first()
        if pk is None or not due.filter(pk=pk).update(
            state=State.CLAIMED,
            lease_owner=turn.owner,
            lease_expires_at=lease_end(now),
            attempts=F("attempts") + 1,
            # What waited for a worker for longer than anybody meant gets its tries all the same.
            give_up_at=Case(
                When(attempts=0, give_up_at__lt=now + LATE_TRIES, then=Value(now + LATE_TRIES)), default=F("give_up_at")
            ),
        ):
            return None
    return Message.objects.for_detail().filter(pk=pk).first()


def send(turn: Turn, message: Message) -> bool:
    """Send a message that was claimed, and note the answer; returns whether the channel may be sent another."""
    notice = composing.notice_of(message)
    if notice is None:
        held(message, turn.owner).update(
            state=State.WITHDRAWN, answer_text="nothing is left to be told", lease_owner=""
        )
        return True
    channel = turn.channel
    call = Call(turn, message, compose(channel.kind, channel.title_template, channel.body_template, notice))
    try:
        answer = called(call, notice)
    except TooLate:
        held(message, turn.owner).update(state=State.UNCERTAIN, lease_owner="", lease_expires_at=None)
        return True
    note(call, answer)
    if answer.outcome == Outcome.ACCEPTED or answer.taken_by:
        tell_findings(turn, message)
    # A message that is never taken, or not by everybody, says nothing against the next one.
    return answer.outcome in (Outcome.ACCEPTED, Outcome.PARTLY, Outcome.REJECTED)


def called(call: Call, notice: Notice) -> Answer:
    channel = call.turn.channel
    try:
        secrets = unseal(channel.sealed_secrets)
        kind = CHANNELS[channel.kind]
        rest = kind.for_the_rest(channel.settings, call.message.taken_by)
        return kind.send(rest, secrets, notice, call.text, call.begin)
    except CannotOpen as error:
        return Answer(Outcome.UNSENT, "secrets", str(error))
    except (TurnLost, TooLate):
        raise
    except Exception as error:
        # Whatever it is, the screen must tell it, and it must not be tried without a pause. Its text may hold secrets.
        outcome = Outcome.UNKNOWN if call.attempt else Outcome.UNSENT
        note(call, Answer(outcome, type(error).__name__, "an error in ecsaudit; the worker's log has it"))
        raise


@dataclass(slots=True)
class Call:
    """One try to send one message."""

    turn: Turn
    message: Message
    text: Text
    attempt: Attempt | None = field(default=None)

    def begin(self) -> None:
        """Immediately before the first byte may leave: from here on the message may have arrived."""
        now = timezone.now()
        with transaction.atomic():
            self.turn.renew(now)
            ours = held(self.message, self.turn.owner).filter(state__in=(State.CLAIMED, State.CALLING))
            if not ours.update(
                state=State.CALLING,
                lease_expires_at=lease_end(now),
                sent_title=self.text.title,
                sent_body=self.text.body,
            ):
                raise TurnLost(f"message {self.message.pk} was taken over")
            if self.attempt is None:
                if self.message.attempts > 1 and not may_repeat(
                    self.message, drops_repeats_for(self.turn.channel), now
                ):
                    raise TooLate(f"message {self.message.pk} may have arrived before")
                self.attempt = self.new_attempt(now)

    def new_attempt(self, now: datetime, **answer: object) -> Attempt:
        message = self.message
        return Attempt.objects.create(
            message=message, at=now, owner=self.turn.owner, asked_by_id=message.asked_by_id, **answer
        )

    def keep(self, answer: Answer, now: datetime) -> Attempt:
        """The try with its answer."""
        said = {"answered_at": now, "outcome": answer.outcome, "code": answer.code, "text": answer.text}
        if self.attempt is None:
            return self.new_attempt(now, **said)
        Attempt.objects.filter(pk=self.attempt.pk).update(**said)
        return self.attempt


def held(message: Message, owner: str) -> Any:
    """The message as long as it is ours: others may have made it uncertain meanwhile, but have not sent it again."""
    return Message.objects.filter(pk=message.pk, lease_owner=owner, state__in=(*HELD, State.UNCERTAIN))


def note(call: Call, answer: Answer) -> None:
    """Write down what came of a try: on the try, the message and the channel."""
    now, message, channel = timezone.now(), call.message, call.turn.channel
    with transaction.atomic():
        # What another worker noted meanwhile must stand; and nobody deletes the message before the answer is there.
        fresh = Message.objects.select_for_update(no_key=True).filter(pk=message.pk).first()
        if fresh is None:
            return
        attempt = call.keep(answer, now)
        columns = {
            "answer_code": answer.code,
            "answer_text": answer.text,
            "taken_by": [*dict.fromkeys([*fresh.taken_by, *answer.taken_by])],
            "not_taken_by": list(answer.not_taken_by) or still_without(fresh, answer),
            **after(message, attempt, answer, drops_repeats_for(channel), now),
        }
        changed = held(message, call.turn.owner).update(**columns, lease_owner="", lease_expires_at=None)
        if not changed and answer.outcome in (Outcome.ACCEPTED, Outcome.PARTLY):
            # Late, but a yes: nobody may send it again who hasn't begun yet.
            unsent = (*WAITING, State.CLAIMED, State.FAILED, State.UNCERTAIN)
            Message.objects.filter(pk=message.pk, state__in=unsent).update(**columns, lease_owner="")
    # By itself: an answer must not be lost because of what it says about the channel, and others lock the channel first.
    health.note(channel=channel, answer=answer, now=now)
    logger.info(
        "message tried",
        extra={"message_id": message.pk, "channel": channel.pk, "outcome": answer.outcome.value, "code": answer.code},
    )


def still_without(message: Message, answer: Answer) -> list[str]:
    """Those of an earlier try who got nothing, where this one reached nobody either."""
    return [] if answer.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN) else message.not_taken_by


def drops_repeats_for(channel: Channel) -> timedelta:
    return CHANNELS[channel.kind].drops_repeats_for(channel.settings)


def may_repeat(message: Message, dropped_for: timedelta, at: datetime) -> bool:
    """Whether a try at that time does no harm: nothing may have arrived, or the other side still drops a second one.

    A person who asked for the message to be sent again has answered for the tries before.
    """
    lost = message.tries.filter(outcome__in=LOST)
    if message.asked_at:
        lost = lost.filter(at__gte=message.asked_at)
    first = lost.values_list("at", flat=True).first()
    return first is None or at < first + dropped_for


def after(
    message: Message, attempt: Attempt, answer: Answer, dropped_for: timedelta, now: datetime
) -> Mapping[str, object]:
    """The columns of a message after this answer, which its try has by now."""
    if answer.outcome == Outcome.ACCEPTED:
        return {"state": State.SENT, "accepted_at": now}
    if message.tries.exclude(pk=attempt.pk).filter(outcome=Outcome.ACCEPTED).exists():
        # Of two workers at once, the slower one was told yes.
        return {"state": State.SENT, "accepted_at": now}
    next_attempt_at = now + health.wait_after(message.attempts, answer.retry_after)
    is_in_time = next_attempt_at < message.give_up_at and may_repeat(message, dropped_for, next_attempt_at)
    if answer.outcome != Outcome.REJECTED and is_in_time:
        return {"state": State.RETRYING, "next_attempt_at": next_attempt_at}
    return {"state": State.UNCERTAIN if message.tries.filter(outcome__in=LOST).exists() else State.FAILED}


def tell_findings(turn: Turn, message: Message) -> None:
    """Mark the findings of an accepted message as notified, some at a time: a message may be about thousands."""
    text, last = f"Told to {turn.channel.name}.", 0
    while True:
        now = timezone.now()
        turn.renew(now)
        rows = message.deliveries.filter(pk__gt=last).order_by("pk").values_list("pk", "finding")
        step = list(rows.filter(finding__workflow_status=WorkflowStatus.NEW)[:STEP])
        if step:
            triage.note_notified(finding_ids=[finding_id for _, finding_id in step], now=now, text=text)
        if len(step) < STEP:
            break
        last = step[-1][0]
    Message.objects.filter(pk=message.pk).update(findings_noted=True)
