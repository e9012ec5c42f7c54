"""Turns at a replay: who may take one, where it goes on, and what is left by those that end badly."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from threading import Event as StopEvent
from typing import Any

import pytest
from django.utils import timezone

from ecsaudit.cloudtrail.models import Account
from ecsaudit.library.models import Layer
from ecsaudit.people.models import User
from ecsaudit.replay import outcomes, services, turns
from ecsaudit.replay.models import Purpose, Replay, Scope, State
from tests.replay.history import WIDER, finish, take_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("library")]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecsaudit.replay.reading.BATCH", dict.fromkeys(Purpose, 2))


def started(author: User, *, text: str = WIDER) -> Replay:
    return services.start(kind="list", name="shells", layer=Layer.OVERLAY, text=text, days=None, author=author)


def matches(replay: Replay) -> list[Any]:
    return sorted(replay.matches.values_list("rule", "change", "event__event_id"))


class Killed(BaseException):
    """What no handler of the product catches, as if the process were gone."""


def killed_after(monkeypatch: pytest.MonkeyPatch, batches: int, where: str) -> None:
    """The worker dies in the batch after so many, at a line of `take_batch`."""
    original, seen = getattr(turns, where), []

    def wrapped(*args: Any) -> Any:
        seen.append(args)
        if len(seen) > batches:
            raise Killed
        return original(*args)

    monkeypatch.setattr(turns, where, wrapped)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_killed_worker_s_successor_goes_on_where_it_was(
    ann: User, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    take_in("/bin/sh", "/bin/ash", "id", "/bin/ash", "/bin/sh")
    undisturbed = finish(started(ann))
    replay = started(ann)
    with monkeypatch.context() as patched:
        # `move` comes after the outcome was written, in the same transaction.
        killed_after(patched, batches, "move")
        with pytest.raises(Killed):
            turns.run(replay.pk, StopEvent())
    replay.refresh_from_db()
    assert (replay.state, replay.done) == (State.RUNNING, batches * 2)
    # Nobody takes it while the lease lasts.
    turns.run(replay.pk, StopEvent())
    assert Replay.objects.get(pk=replay.pk).done == batches * 2
    Replay.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    finish(replay)
    assert (replay.new, replay.gone, replay.unchanged) == (undisturbed.new, undisturbed.gone, undisturbed.unchanged)
    assert matches(replay) == matches(undisturbed)
    assert replay.done == replay.total == 5


def test_a_worker_that_lost_its_lease_writes_nothing(ann: User) -> None:
    take_in("/bin/ash", "/bin/ash", "/bin/ash")
    replay = started(ann)
    turn = turns.take(replay.pk, timezone.now())
    assert turn is not None
    turns.prepare(turn)
    later = turns.take(replay.pk, timezone.now() + timedelta(minutes=5))
    assert later is not None
    with pytest.raises(turns.TurnLost):
        turns.take_batch(turn, outcomes.Try(turn.replay))
    assert not replay.matches.exists()
    turn.release()
    assert Replay.objects.get(pk=replay.pk).lease_owner == later.owner


def test_cancelling_takes_effect_at_the_next_batch(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(*["/bin/ash"] * 6)
    replay = started(ann)
    original = turns.take_batch

    def cancelled_meanwhile(turn: turns.Turn, outcome: outcomes.Outcome) -> None:
        original(turn, outcome)
        assert services.cancel(replay=replay)

    monkeypatch.setattr(turns, "take_batch", cancelled_meanwhile)
    turns.run(replay.pk, StopEvent())
    replay.refresh_from_db()
    assert (replay.state, replay.done, replay.lease_owner) == (State.CANCELLED, 2, "")
    assert replay.finished_at is not None


def test_a_cancelled_replay_whose_worker_died_is_ended_by_the_next(ann: User) -> None:
    take_in("/bin/ash")
    replay = started(ann)
    turns.take(replay.pk, timezone.now() - timedelta(hours=1))
    assert services.cancel(replay=replay)
    assert finish(replay).state == State.CANCELLED


def test_a_worker_that_is_asked_to_stop_ends_its_turn_and_gives_the_replay_back(ann: User) -> None:
    take_in("/bin/ash", "/bin/ash", "/bin/ash")
    replay, stop = started(ann), StopEvent()
    stop.set()
    turns.run(replay.pk, stop)
    replay.refresh_from_db()
    assert (replay.state, replay.done, replay.lease_owner) == (State.RUNNING, 0, "")
    assert finish(replay).done == 3


def test_what_fails_again_and_again_is_parked_with_its_reason(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in("/bin/ash")
    replay = started(ann)

    def broken(batch: object) -> object:
        raise ValueError("no such thing")

    with monkeypatch.context() as patched:
        patched.setattr("ecsaudit.replay.reading.record_of", broken)
        patched.setattr("ecsaudit.replay.outcomes.record_of", broken)
        for _ in range(turns.MOST_ATTEMPTS):
            with pytest.raises(ValueError, match="no such thing"):
                turns.run(replay.pk, StopEvent())
            # Not again at once.
            assert not Replay.objects.due(timezone.now()).exists()
            Replay.objects.update(lease_expires_at=None)
    turns.run(replay.pk, StopEvent())
    replay.refresh_from_db()
    assert (replay.state, replay.failure) == (State.FAILED, "ValueError: no such thing")
    assert not Replay.objects.due(timezone.now()).exists()


def test_events_of_an_account_that_is_removed_meanwhile_are_passed_over(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in("/bin/ash", "/bin/ash")
    tried, applied = started(ann), services.apply(rules=["Shell"], scope=Scope.ALL, author=ann)
    original = outcomes.Try.judge

    def removed_meanwhile(self: outcomes.Try, batch: Any) -> None:
        original(self, batch)
        Account.objects.all().delete()

    monkeypatch.setattr(outcomes.Try, "judge", removed_meanwhile)
    assert finish(tried).new == 2
    assert not tried.matches.exists()
    assert finish(applied).new == 0


def test_applying_goes_on_in_both_stages_after_kills(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in("/bin/sh", "/bin/sh", "/bin/sh")
    replay = services.apply(rules=["Shell"], scope=Scope.ALL, author=ann)
    done = []
    while replay.is_unfinished:
        with monkeypatch.context() as patched, suppress(Killed):
            killed_after(patched, 1, "move")
            turns.run(replay.pk, StopEvent())
        replay.refresh_from_db()
        done.append((replay.stage, replay.done))
        Replay.objects.update(lease_expires_at=None)
    # Two batches of findings, then two of events.
    assert done == [("findings", 2), ("events", 3), ("events", 5), ("events", 6)]
    assert (replay.new, replay.gone, replay.unchanged) == (0, 0, 3)
