"""One change to many findings, batch by batch; each batch is kept with the place that it led to, or not at all.

The first batch is made while the person waits, so that most actions are finished at once; workers go on with the rest. A
worker may be killed at any line: the next one goes on after the last batch that was kept.

TurnLost                somebody else took the action over, or it was stopped, or it is gone; stop without writing
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as StopEvent
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from ecsaudit.findings import selection, triage
from ecsaudit.findings.models import Activity, BulkAction, BulkActionQuerySet, BulkState, Finding, Suppression
from ecsaudit.people.models import User

logger = logging.getLogger(__name__)
BATCH = 500
# A turn ends after this, so that others get theirs; it goes on when the next tick finds a free worker.
TURN = timedelta(seconds=60)
# So many turns in a row may end without a batch.
MOST_ATTEMPTS = 5


class TurnLost(RuntimeError):
    """The action is no longer ours."""


def ask(
    *, change: triage.Change, condition: Q, address: str, by: User, newest_finding: int | None = None, expected: int = 0
) -> BulkAction:
    """Ask for a change of the findings that fit `condition`, up to the id `newest_finding`: later ones don't slip in.

    TriageError when the change can't be made. `address` is the filter as people see it, `expected` how many findings they
    named: of those that don't fit any more when it is their turn, the result tells. Nothing is changed before `run`.
    """
    change.check()
    if newest_finding is None:
        newest_finding = newest()
    return BulkAction.objects.create(
        by=by, change=triage.as_data(change), selection=selection.as_data(condition), address=address,
        newest_finding=newest_finding, total=expected or None,
    )  # fmt: skip


def newest() -> int:
    """The id of the newest finding."""
    return Finding.objects.aggregate(newest=Max("pk"))["newest"] or 0


@transaction.atomic
def undo(*, action: BulkAction, by: User) -> BulkAction:
    """Ask for an action to be taken back, once; an action that is still under way is stopped."""
    row = BulkAction.objects.select_for_update(no_key=True).get(pk=action.pk)
    if not row.can_be_undone:
        present = BulkAction.objects.filter(undo_of=row).first()
        if present is None:
            raise triage.TriageError("only changes can be taken back: comments stay, and an undo is not undone")
        return present
    if row.is_unfinished:
        BulkAction.objects.filter(pk=row.pk).update(
            state=BulkState.STOPPED, finished_at=timezone.now(), lease_owner="", lease_expires_at=None
        )
    return BulkAction.objects.create(
        by=by, change=triage.as_data(triage.Undo(row.pk)), address=row.address, undo_of=row,
        newest_finding=row.newest_finding,
    )  # fmt: skip


def due(now: datetime) -> list[int]:
    """The ids of actions that a worker should turn to now."""
    return list(BulkAction.objects.due(now).order_by("pk").values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Turn:
    action: BulkAction
    owner: str

    def renew(self, now: datetime) -> None:
        """Hold the action for another while, and lock its row; TurnLost if it isn't ours or was stopped."""
        expires_at = now + timedelta(seconds=settings.LEASE_SECONDS)
        if not self.held().filter(state=BulkState.RUNNING).update(lease_expires_at=expires_at):
            raise TurnLost(f"bulk action {self.action.pk} was stopped, is held by somebody else, or is gone")

    def release(self, *, until: datetime | None = None, **columns: object) -> None:
        """Give the action back, with what is to be noted on it; nobody takes it before `until`."""
        self.held().update(lease_owner="", lease_expires_at=until, **columns)

    def held(self) -> BulkActionQuerySet:
        return BulkAction.objects.filter(pk=self.action.pk, lease_owner=self.owner)


def take(action_id: int, now: datetime) -> Turn | None:
    """A turn at an action that is due, or None."""
    owner = uuid4().hex
    taken = BulkAction.objects.due(now).filter(pk=action_id)
    if not taken.update(
        lease_owner=owner,
        lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS),
        state=BulkState.RUNNING,
        attempts=F("attempts") + 1,
    ):
        return None
    action = BulkAction.objects.select_related("by").filter(pk=action_id).first()
    return None if action is None else Turn(action, owner)


def run(action_id: int, stop: StopEvent, *, batches: int | None = None) -> None:
    """Take a turn at an action, of so many batches at most. Does nothing when it isn't due or somebody holds it."""
    turn = take(action_id, timezone.now())
    if turn is None:
        return
    action = turn.action
    if action.attempts > MOST_ATTEMPTS:
        reason = action.failure or "every worker that took it was killed"
        return turn.release(state=BulkState.FAILED, failure=reason, finished_at=timezone.now())
    try:
        go_on(turn, stop, batches)
    except TurnLost as lost:
        logger.info("bulk action ended", extra={"reason": str(lost)})
    except triage.TriageError as refused:
        turn.release(state=BulkState.FAILED, failure=str(refused), finished_at=timezone.now())
    except Exception as error:
        # Whatever it is, the screen must tell it, and it must not be tried without a pause.
        pause = timedelta(seconds=2**action.attempts)
        turn.release(until=timezone.now() + pause, failure=f"{type(error).__name__}: {error}")
        raise


def go_on(turn: Turn, stop: StopEvent, batches: int | None) -> None:
    action, until, made = turn.action, timezone.now() + TURN, 0
    while not stop.is_set() and timezone.now() < until and made != batches:
        if batches is None and action.total is None:
            # Counting takes a while where much is stored, so whoever waits for the first batch doesn't wait for it.
            rest = lines_left(action).count() if action.undo_of_id else findings_left(action).count()
            action.total = action.changed + action.unchanged + rest
        take_batch(turn)
        made += 1
        if action.state == BulkState.DONE:
            logger.info("bulk action done", extra={"bulk_action": action.pk, "changed": action.changed})
            return
    turn.release(attempts=0)


def take_batch(turn: Turn) -> None:
    """The next batch; after the last of an undo come the suppressions, each by itself, because they lock findings again."""
    action, now = turn.action, timezone.now()
    with transaction.atomic():
        turn.renew(now)
        outcome, is_last = take_back(action, now) if action.undo_of_id else make(action, now)
        action.changed += outcome.changed
        action.unchanged += outcome.unchanged
        if is_last and action.total is not None:
            action.unchanged = max(action.unchanged, action.total - action.changed)
        columns = ("at_time", "at_id", "total", "changed", "unchanged")
        turn.held().update(attempts=0, failure="", **{name: getattr(action, name) for name in columns})
    if not is_last:
        return
    for suppression in suppressions_of(action.undo_of_id):
        with transaction.atomic():
            turn.renew(timezone.now())
            triage.take_back(suppression, now=now, by=action.by)
    if action.undo_of_id:
        with transaction.atomic():
            turn.renew(timezone.now())
            triage.open_given_back(action.pk)
    action.state, action.finished_at = BulkState.DONE, timezone.now()
    turn.release(state=action.state, finished_at=action.finished_at)


def suppressions_of(action_id: int | None) -> QuerySet[Suppression]:
    """Those in force that an action made."""
    made = Suppression.objects.filter(bulk=action_id, bulk__isnull=False, ended_at__isnull=True)
    return made.select_related("instead_of").order_by("pk")


def lines_left(action: BulkAction) -> QuerySet[Activity]:
    """The lines of the history that are still to be undone."""
    return Activity.objects.filter(bulk=action.undo_of_id, pk__gt=action.at_id or 0).order_by("pk")


def findings_left(action: BulkAction) -> QuerySet[Finding]:
    """What is still to be changed."""
    found = Finding.objects.filter(selection.from_data(action.selection), pk__lte=action.newest_finding)
    if action.at_time is not None:
        # The plain bound on the time lets every database use the index.
        earlier = Q(event_time__lt=action.at_time) | Q(event_time=action.at_time, pk__lt=action.at_id)
        found = found.filter(earlier, event_time__lte=action.at_time)
    return found.order_by("-event_time", "-pk")


def make(action: BulkAction, now: datetime) -> tuple[triage.Outcome, bool]:
    """Change the next findings; returns how many, and whether they were the last."""
    found = list(findings_left(action).values_list("event_time", "pk")[: BATCH + 1])
    batch = found[:BATCH]
    if not batch:
        return triage.Outcome(), True
    outcome = triage.apply(
        finding_ids=[pk for _, pk in batch],
        change=triage.from_data(action.change),
        by=action.by,
        now=now,
        bulk=action,
        fitting=selection.from_data(action.selection),
    )
    action.at_time, action.at_id = batch[-1]
    return outcome, len(found) <= BATCH


def take_back(action: BulkAction, now: datetime) -> tuple[triage.Outcome, bool]:
    """Give the next findings back what they had; returns how many got it, and whether they were the last."""
    found = list(lines_left(action).values_list("pk", "finding")[: BATCH + 1])
    batch = found[:BATCH]
    if not batch:
        return triage.Outcome(), True
    change, ids = triage.from_data(action.change), [finding for _, finding in batch]
    outcome = triage.apply(finding_ids=ids, change=change, by=action.by, now=now, bulk=action)
    action.at_id = batch[-1][0]
    return outcome, len(found) <= BATCH
