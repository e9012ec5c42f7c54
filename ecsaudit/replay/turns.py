"""One worker at a time goes on with a replay, batch by batch; each batch is kept with the place that it led to, or not at all.

So a worker may be killed at any line: the next one goes on after the last batch that was kept.

TurnLost                somebody else took the replay over, or it was cancelled, or it is gone; stop without writing
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as StopEvent
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from ecsaudit.library.effective import rules
from ecsaudit.library.models import Library
from ecsaudit.replay import reading
from ecsaudit.replay.judging import asked_names, chosen
from ecsaudit.replay.models import Purpose, Replay, ReplayQuerySet, Scope, Stage, State
from ecsaudit.replay.outcomes import OUTCOMES, Outcome
from ecsaudit.replay.services import names_to_read, newest_event

logger = logging.getLogger(__name__)
# A turn ends after this, so that others get theirs; it goes on when the next tick finds a free worker.
TURN = timedelta(seconds=60)
# So many turns in a row may end without a batch.
MOST_ATTEMPTS = 5
COLUMNS = (
    "stage", "at_name", "at_time", "at_id", "done", "new", "gone", "unchanged", "state", "finished_at", "attempts",
    "gone_findings", "gone_confirmed",
)  # fmt: skip


class TurnLost(RuntimeError):
    """The replay is no longer ours."""


@dataclass(frozen=True, slots=True)
class Turn:
    replay: Replay
    owner: str

    def renew(self, now: datetime) -> None:
        """Hold the replay for another while, and lock its row; TurnLost if it isn't ours or shall not go on."""
        held = self.held().filter(state=State.RUNNING, cancel_requested=False)
        expires_at = now + timedelta(seconds=settings.LEASE_SECONDS)
        if not held.update(lease_expires_at=expires_at):
            raise TurnLost(f"replay {self.replay.pk} was cancelled, is held by somebody else, or is gone")

    def release(self, *, until: datetime | None = None, **columns: object) -> None:
        """Give the replay back, with what is to be noted on it; nobody takes it before `until`."""
        self.held().update(lease_owner="", lease_expires_at=until, **columns)

    def held(self) -> ReplayQuerySet:
        return Replay.objects.filter(pk=self.replay.pk, lease_owner=self.owner)


def take(replay_id: int, now: datetime) -> Turn | None:
    """A turn at a replay that is due, or None."""
    owner = uuid4().hex
    taken = Replay.objects.due(now).filter(pk=replay_id)
    if not taken.update(
        lease_owner=owner,
        lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS),
        state=State.RUNNING,
        started_at=Coalesce("started_at", now),
        attempts=F("attempts") + 1,
    ):
        return None
    replay = Replay.objects.for_detail().filter(pk=replay_id).first()
    return None if replay is None else Turn(replay, owner)


def run(replay_id: int, stop: StopEvent) -> None:
    """Take a turn at a replay. Does nothing when it isn't due or somebody holds it."""
    turn = take(replay_id, timezone.now())
    if turn is None:
        return
    replay = turn.replay
    if replay.attempts > MOST_ATTEMPTS:
        reason = replay.failure or "every worker that took it was killed"
        return turn.release(state=State.FAILED, failure=reason, finished_at=timezone.now())
    logger.info("replay taken", extra={"replay": replay.pk, "purpose": replay.purpose, "done": replay.done})
    try:
        go_on(turn, stop)
    except TurnLost as lost:
        turn.held().filter(cancel_requested=True).update(
            state=State.CANCELLED, finished_at=timezone.now(), lease_owner="", lease_expires_at=None
        )
        logger.info("replay ended", extra={"reason": str(lost)})
    except Exception as error:
        # Whatever it is, the screen must tell it, and it must not be tried without a pause.
        pause = timedelta(seconds=2**replay.attempts)
        turn.release(until=timezone.now() + pause, failure=f"{type(error).__name__}: {error}")
        raise


def go_on(turn: Turn, stop: StopEvent) -> None:
    replay, until = turn.replay, timezone.now() + TURN
    if replay.total is None:
        prepare(turn)
    outcome = OUTCOMES[replay.purpose](replay)
    while not stop.is_set() and timezone.now() < until:
        take_batch(turn, outcome)
        if replay.state == State.DONE:
            logger.info("replay done", extra={"replay": replay.pk, "judged": replay.done})
            return
    turn.release(attempts=0)


def prepare(turn: Turn) -> None:
    """Say what is to be read. What is applied are the rules in force now, to what is stored now."""
    replay = turn.replay
    with transaction.atomic():
        if replay.purpose == Purpose.APPLY:
            Library.locked()
            effective = rules.current()
            loud = [rule for rule in chosen(effective.rules, replay.rules) if rule.name not in effective.quiet]
            replay.rule_set_id, replay.stage, replay.newest_event = effective.pk, Stage.FINDINGS, newest_event()
            replay.event_names = names_to_read(asked_names(loud)) if replay.scope != Scope.OPEN else []
            if replay.scope == Scope.BACK:
                replay.stage = Stage.ARCHIVED
        turn.renew(timezone.now())
        replay.save(update_fields=["rule_set", "stage", "newest_event", "event_names"])
    # Counting takes a while where much is stored, and ingest need not wait for it.
    replay.total = reading.total(replay)
    turn.held().update(total=replay.total)


def take_batch(turn: Turn, outcome: Outcome) -> None:
    replay = turn.replay
    batch = reading.read(replay)
    outcome.judge(batch)
    with transaction.atomic():
        if outcome.keeps_ingest_waiting:
            Library.locked()
        turn.renew(timezone.now())
        outcome.keep()
        replay.done += len(batch.rows)
        replay.attempts = 0
        move(replay, batch)
        turn.held().update(**{name: getattr(replay, name) for name in COLUMNS})
        if replay.state == State.DONE:
            turn.release()


def move(replay: Replay, batch: reading.Batch) -> None:
    """To where the next batch begins, or to the end."""
    place = batch.place
    replay.at_name, replay.at_time, replay.at_id = place.name, place.time, place.pk
    if not batch.is_last:
        return
    if replay.stage != Stage.EVENTS and (replay.event_names or replay.scope == Scope.BACK):
        replay.stage, replay.at_name = Stage.EVENTS, 0
    else:
        replay.state, replay.finished_at = State.DONE, timezone.now()
