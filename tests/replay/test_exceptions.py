"""Exceptions over time: they hide what comes in and what was found, and bring all of it back when they end."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit import tasks
from ecsaudit.execsessions.models import DailyCount, Dimension, ExecSession
from ecsaudit.findings import triage
from ecsaudit.findings.models import Finding, FindingGroup, RecordState
from ecsaudit.library.exception_texts import Term
from ecsaudit.library.models import ExceptionState, HiddenEvent, Library, Mode, RuleException
from ecsaudit.library.services import refresh, switch
from ecsaudit.people.models import User
from ecsaudit.replay import exceptions, services, turns
from ecsaudit.replay.models import Hidden, Purpose, Replay, Scope, State
from tests.replay.history import FIRST, SHIPPED, WIDER, finish, overlay, take_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("library")]
CONTAINER = "json.value[/requestParameters/container]"
WEB, DB = Term(CONTAINER, "=", ("web",)), Term(CONTAINER, "=", ("db",))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecsaudit.replay.reading.BATCH", dict.fromkeys(Purpose, 2))


def make(author: User, *terms: Term, past: bool = False, **changes: Any) -> RuleException:
    now = timezone.now()
    fields = {"owner": "ana", "reason": "nightly job", "now": now, "expires_at": now + timedelta(days=30)} | changes
    made, replay = exceptions.make(past=past, rule="Shell", terms=list(terms) or [WEB], author=author, **fields)
    assert (replay is not None) == past
    if replay is not None:
        finish(replay)
    made.refresh_from_db()
    return made


def expire(made: RuleException) -> Replay:
    """What the beat's task does once the time is up."""
    RuleException.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    (replay,) = exceptions.end_due(timezone.now())
    return replay


def numbers(record_state: str = RecordState.ACTIVE) -> list[str]:
    found = Finding.objects.filter(record_state=record_state).order_by("event__pk")
    return [event_id[-2:] for event_id in found.values_list("event__event_id", flat=True)]


def lines() -> list[tuple[str, str, str]]:
    """The histories of all findings."""
    rows = Finding.objects.order_by("event__pk", "activities__pk").exclude(activities=None)
    found = rows.values_list("event__event_id", "activities__action", "activities__text")
    return [(event_id[-2:], action, text) for event_id, action, text in found]


def counted() -> tuple[int, int, int]:
    """How many findings sessions, days and groups count."""
    sessions = sum(ExecSession.objects.values_list("finding_count", flat=True))
    days = sum(DailyCount.objects.filter(dimension=Dimension.RULE).values_list("count", flat=True))
    groups = sum(FindingGroup.objects.values_list("count", flat=True))
    return sessions, days, groups


def test_it_hides_what_comes_in_and_leaves_what_is_there(ann: User) -> None:
    take_in("/bin/sh")
    make(ann)
    take_in("/bin/sh", first=1)
    take_in("/bin/sh", first=2, container="db")
    assert numbers() == ["00", "02"]
    assert counted() == (2, 2, 2)


def test_with_the_past_it_archives_open_findings_that_it_hides_and_says_so(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh")
    take_in("/bin/sh", first=2, container="db")
    made = make(ann, past=True)
    assert (numbers(), numbers(RecordState.ARCHIVED)) == (["02"], ["00", "01"])
    assert lines() == [(each, "archived", f"Exception {made.pk} hides it: nightly job") for each in ("00", "01")]
    assert made.archived == 2
    assert counted() == (1, 1, 1)


def test_finished_work_is_not_archived_by_it(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh")
    first = Finding.objects.order_by("pk")[0]
    done = triage.SetStatus("resolved", "true_positive")
    triage.apply(finding_ids=[first.pk], change=done, by=ann, now=timezone.now())
    make(ann, past=True)
    assert (numbers(), numbers(RecordState.ARCHIVED)) == (["00"], ["01"])


def test_it_archives_nothing_that_other_changes_of_the_rule_would(ann: User) -> None:
    take_in("/bin/sh")
    take_in("/bin/sh", first=1, container="db")
    overlay(ann, "- rule: Shell\n  condition: and ct.user = nobody\n  override: {condition: append}\n")
    make(ann, past=True)
    assert numbers(RecordState.ARCHIVED) == []


def test_when_it_expires_all_comes_back_what_it_archived_and_what_it_kept_from_being_found(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh")
    before = counted()
    made = make(ann, past=True)
    take_in("/bin/sh", "id", "/bin/sh", first=2)
    assert numbers() == []
    replay = finish(expire(made))
    assert (replay.state, replay.scope, replay.author, replay.new) == (State.DONE, Scope.BACK, None, 4)
    assert numbers() == ["00", "01", "02", "04"]
    made.refresh_from_db()
    assert (made.state, made.ended_by) == (ExceptionState.EXPIRED, None)
    assert [line.action for line in made.history.all()] == ["made", "expired"]
    back = f"Exception {made.pk} expired"
    assert [line for line in lines() if line[1] != "archived"] == [
        ("00", "unarchived", f"{back}: the rule matches the event again."),
        ("01", "unarchived", f"{back}: the rule matches the event again."),
        ("02", "recurred", f"Found late, because an exception hid the event. {back}."),
        ("04", "recurred", f"Found late, because an exception hid the event. {back}."),
    ]
    assert counted() == (before[0] + 2, before[1] + 2, before[2] + 2)
    assert not Hidden.objects.exists()


def test_events_that_came_late_come_back_too(ann: User) -> None:
    """What an exception hid counts by when it was read, not by when it happened."""
    take_in("/bin/sh", first=50)
    made = make(ann)
    take_in("/bin/sh", first=1)
    finish(expire(made))
    assert numbers() == ["50", "01"]


def test_events_from_before_the_exception_are_not_judged_again_at_its_end(ann: User) -> None:
    """Somebody widened the rule and left the past as it is: the end of an exception does not change that."""
    take_in("/bin/ash")
    overlay(ann, "- list: shells\n  items: [/bin/ash]\n  override: {items: append}\n", kind="list", name="shells")
    made = make(ann)
    take_in("/bin/ash", first=1)
    finish(expire(made))
    assert numbers() == ["01"]


def test_what_a_wider_rule_would_match_by_now_is_not_found_at_its_end(ann: User) -> None:
    """The exception never hid it: the rule did not match it when it came in."""
    made = make(ann)
    take_in("/bin/ash", "/bin/sh")
    overlay(ann, WIDER, kind="list", name="shells")
    take_in("/bin/ash", first=2)
    finish(expire(made))
    assert numbers() == ["01", "02"]


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.OFF])
def test_what_came_in_while_the_rule_made_no_findings_is_not_found_at_its_end(ann: User, mode: Mode) -> None:
    made = make(ann)
    switch(names=["Shell"], mode=mode, author=ann, message="m")
    take_in("/bin/sh")
    switch(names=["Shell"], mode=Mode.ON, author=ann, message="m")
    take_in("/bin/sh", first=1)
    finish(expire(made))
    assert numbers() == ["01"]


def test_what_a_narrower_rule_did_not_match_is_not_found_at_its_end(ann: User) -> None:
    narrower = "- rule: Shell\n  condition: and ct.user = nobody\n  override: {condition: append}\n"
    saved = overlay(ann, narrower)
    made = make(ann)
    take_in("/bin/sh")
    overlay(ann, "", expected=saved)
    finish(expire(made))
    assert numbers() == []


def test_two_that_hid_the_same_event_bring_it_back_with_the_last_of_them(ann: User) -> None:
    first = make(ann)
    second = make(ann, Term(CONTAINER, "startswith", ("w",)))
    take_in("/bin/sh")
    assert set(HiddenEvent.objects.values_list("exception", flat=True)) == {first.pk, second.pk}
    finish(expire(second))
    assert numbers() == []
    finish(expire(first))
    assert numbers() == ["00"]
    assert not HiddenEvent.objects.exists()


def test_what_one_hides_by_the_time_that_another_ended_comes_back_with_that_one(ann: User) -> None:
    first = make(ann)
    take_in("/bin/sh")
    back = expire(first)
    second = make(ann, Term(CONTAINER, "startswith", ("w",)))
    finish(back)
    assert numbers() == []
    finish(expire(second))
    assert numbers() == ["00"]


def test_what_a_rule_applied_to_all_events_would_find_is_noted_as_hidden(ann: User) -> None:
    take_in("/bin/ash")
    made = make(ann)
    overlay(ann, WIDER, kind="list", name="shells")
    finish(services.apply(rules=["Shell"], scope=Scope.ALL, author=ann))
    assert numbers() == []
    finish(expire(made))
    assert numbers() == ["00"]


def test_it_tells_how_much_it_hid_and_when_it_last_matched(ann: User) -> None:
    take_in("/bin/sh", first=5)
    made = make(ann, past=True)
    assert (made.archived, made.kept_out, made.last_matched_at) == (1, 0, FIRST + timedelta(hours=5))
    take_in("/bin/sh", "/bin/sh", first=7)
    take_in("/bin/sh", first=1)
    made.refresh_from_db()
    assert (made.hid, made.kept_out, made.last_matched_at) == (4, 3, FIRST + timedelta(hours=8))


def test_what_it_archived_is_not_noted_a_second_time_by_the_rule_applied_to_all_events(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh")
    made = make(ann, past=True)
    finish(services.apply(rules=["Shell"], scope=Scope.ALL, author=ann))
    made.refresh_from_db()
    assert (made.archived, made.kept_out) == (2, 0)
    assert not HiddenEvent.objects.exists()


def test_withdrawing_brings_back_in_the_name_of_the_person(ann: User) -> None:
    take_in("/bin/sh")
    made = make(ann, past=True)
    replay = exceptions.end(pk=made.pk, state=ExceptionState.WITHDRAWN, by=ann, now=timezone.now(), text="a mistake")
    assert replay is not None and replay.author == ann
    finish(replay)
    assert numbers() == ["00"]
    assert lines()[-1][2].startswith(f"Exception {made.pk} was withdrawn")
    assert made.history.last().text == "a mistake"  # type: ignore[union-attr]


def test_what_another_exception_hides_too_comes_back_with_that_one(ann: User) -> None:
    take_in("/bin/sh")
    first = make(ann, past=True)
    second = make(ann, Term(CONTAINER, "startswith", ("w",)))
    take_in("/bin/sh", first=1)
    finish(expire(first))
    assert (numbers(), numbers(RecordState.ARCHIVED)) == ([], ["00"])
    assert Hidden.objects.get().exception == second
    finish(expire(second))
    assert numbers() == ["00", "01"]


def test_one_archives_also_what_an_older_one_hides_and_says_so_beside_it(ann: User) -> None:
    take_in("/bin/sh")
    first = make(ann)
    second = make(ann, Term(CONTAINER, "startswith", ("w",)), past=True)
    assert numbers(RecordState.ARCHIVED) == ["00"]
    assert set(Hidden.objects.values_list("exception", flat=True)) == {first.pk, second.pk}
    first.refresh_from_db()
    assert (first.hid, second.hid) == (1, 1)
    assert lines()[-1][2] == f"Exception {first.pk} hides it: nightly job; Exception {second.pk} hides it: nightly job"
    finish(expire(second))
    assert (numbers(), Hidden.objects.get().exception) == ([], first)
    finish(expire(first))
    assert (numbers(), Hidden.objects.count()) == (["00"], 0)


def test_what_was_hidden_before_the_last_of_several_began_comes_back_as_well(ann: User) -> None:
    first = make(ann)
    take_in("/bin/sh")
    second = make(ann, Term(CONTAINER, "startswith", ("w",)))
    finish(expire(first))
    assert numbers() == []
    finish(expire(second))
    assert numbers() == ["00"]


def test_what_the_rule_no_longer_matches_anyway_stays_archived(ann: User) -> None:
    take_in("/bin/sh")
    made = make(ann, past=True)
    overlay(ann, "- rule: Shell\n  condition: and ct.user = nobody\n  override: {condition: append}\n")
    finish(expire(made))
    assert (numbers(), numbers(RecordState.ARCHIVED)) == ([], ["00"])
    assert not Hidden.objects.exists()


def test_any_application_to_the_past_notes_which_exception_hides(ann: User) -> None:
    take_in("/bin/sh")
    made = make(ann)
    finish(services.apply(rules=["Shell"], scope=Scope.ALL, author=ann))
    assert Hidden.objects.get().exception == made
    finish(expire(made))
    assert numbers() == ["00"]


def test_a_rule_that_is_off_by_then_finds_nothing_new_but_gives_back_what_was_there(ann: User) -> None:
    take_in("/bin/sh")
    made = make(ann, past=True)
    take_in("/bin/sh", first=1)
    switch(names=["Shell"], mode=Mode.OFF, author=ann, message="m")
    finish(expire(made))
    assert numbers() == ["00"]


def test_one_that_ends_before_it_was_applied_gives_back_what_it_archived_since(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh", "/bin/sh")
    now = timezone.now()
    made, hide = exceptions.make(
        past=True, rule="Shell", terms=[WEB], author=ann, owner="o", reason="r", now=now, expires_at=now + timedelta(1)
    )
    assert hide is not None
    turn = turns.take(hide.pk, now)
    assert turn is not None
    turns.prepare(turn)
    turns.take_batch(turn, turns.OUTCOMES[hide.purpose](turn.replay))
    turn.release()
    assert len(numbers(RecordState.ARCHIVED)) == 2
    back = expire(made)
    # They apply in the order of their asking.
    assert back.pk not in services.due(timezone.now())
    finish(hide)
    finish(back)
    assert numbers() == ["00", "01", "02"]


def test_nothing_is_due_before_its_time_and_nothing_twice(
    ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = make(ann)
    assert made.expires_at is not None
    # those that are due
    with django_assert_num_queries(1):
        assert exceptions.end_due(made.expires_at - timedelta(seconds=1)) == []
    assert len(exceptions.end_due(made.expires_at)) == 1
    assert exceptions.end_due(made.expires_at) == []
    assert Replay.objects.filter(scope=Scope.BACK).count() == 1


def test_the_beat_s_task_ends_what_is_due(ann: User) -> None:
    made = make(ann)
    RuleException.objects.update(expires_at=timezone.now())
    tasks.end_exceptions()
    made.refresh_from_db()
    assert made.state == ExceptionState.EXPIRED


def test_what_brings_findings_back_is_not_cancelled(ann: User) -> None:
    take_in("/bin/sh")
    replay = expire(make(ann, past=True))
    assert not services.cancel(replay=replay)
    replay.refresh_from_db()
    assert (replay.state, replay.cancel_requested) == (State.WAITING, False)
    finish(replay)
    assert numbers() == ["00"]


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_what_should_have_brought_findings_back_begins_anew_after_a_pause_and_once(ann: User, state: State) -> None:
    take_in("/bin/sh")
    made = make(ann, past=True)
    take_in("/bin/sh", first=1)
    stopped = expire(made)
    now = timezone.now()
    Replay.objects.filter(pk=stopped.pk).update(state=state, finished_at=now)
    assert exceptions.bring_back_again(now) == []
    (again,) = exceptions.bring_back_again(now + exceptions.PAUSE)
    assert exceptions.bring_back_again(now + exceptions.PAUSE) == []
    finish(again)
    assert numbers() == ["00", "01"]
    assert exceptions.bring_back_again(now + timedelta(days=1)) == []


def test_the_beat_s_task_begins_anew_what_came_to_a_stop(ann: User) -> None:
    stopped = expire(make(ann))
    long_ago = timezone.now() - exceptions.PAUSE
    Replay.objects.filter(pk=stopped.pk).update(state=State.FAILED, finished_at=long_ago)
    tasks.end_exceptions()
    assert Replay.objects.filter(scope=Scope.BACK, state=State.WAITING).count() == 1


class Killed(BaseException):
    """What no handler of the product catches, as if the process were gone."""


@pytest.mark.parametrize("where", ["create", "add_version", "settle", "apply"])
def test_killed_while_it_ends_it_is_in_force_and_ends_the_next_time(
    ann: User, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    take_in("/bin/sh")
    made = make(ann, past=True)
    take_in("/bin/sh", first=1)
    rule_set = Library.objects.get().rule_set

    def killed(*args: Any, **kwargs: Any) -> None:
        raise Killed

    modules = {"create": "library.exceptions.note", "add_version": "library.services.add_version",
               "settle": "library.services.settle", "apply": "replay.services.apply"}  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(f"ecsaudit.{modules[where]}", killed)
        with pytest.raises(Killed):
            expire(made)
    made.refresh_from_db()
    assert (made.state, Library.objects.get().rule_set) == (ExceptionState.ACTIVE, rule_set)
    assert not Replay.objects.filter(scope=Scope.BACK).exists()
    # The time was set back by the kill as well.
    finish(expire(made))
    assert numbers() == ["00", "01"]


@pytest.mark.parametrize("batches", [0, 1, 2, 3])
def test_killed_while_it_comes_back_the_next_worker_goes_on(
    ann: User, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    take_in("/bin/sh", "/bin/sh", "/bin/sh")
    made = make(ann, past=True)
    take_in("/bin/sh", "/bin/sh", "/bin/sh", first=3)
    replay = expire(made)
    original, seen = turns.move, []

    def move(*args: Any) -> None:
        seen.append(args)
        if len(seen) > batches:
            raise Killed
        original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(turns, "move", move)
        with suppress(Killed):
            finish(replay)
    Replay.objects.update(lease_expires_at=None)
    replay.refresh_from_db()
    finish(replay)
    assert numbers() == ["00", "01", "02", "03", "04", "05"]
    assert counted() == (6, 6, 6)
    assert replay.new == 6
    assert sum(action in ("unarchived", "recurred") for _, action, _ in lines()) == 6


def test_while_newer_rules_are_broken_those_that_are_due_stay(ann: User, tmp_path: Any) -> None:
    made = make(ann)
    (tmp_path / "shipped.yaml").write_text(SHIPPED + "- rule: Bad\n")
    refresh()
    RuleException.objects.update(expires_at=timezone.now())
    assert exceptions.end_due(timezone.now()) == []
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    assert len(exceptions.end_due(timezone.now())) == 1
    made.refresh_from_db()
    assert made.state == ExceptionState.EXPIRED


def test_a_look_counts_what_would_be_hidden_and_how_much_of_it_was_confirmed(ann: User) -> None:
    take_in("/bin/sh", "/bin/sh", "/bin/sh", "id")
    take_in("/bin/sh", first=4, container="db")
    ids = list(Finding.objects.order_by("event__pk").values_list("pk", flat=True))
    confirmed = triage.SetStatus("resolved", "true_positive")
    triage.apply(finding_ids=ids[:2], change=confirmed, by=ann, now=timezone.now())
    replay = exceptions.look(rule="Shell", terms=[WEB], days=None, author=ann)
    assert exceptions.seen(replay, "Shell", [WEB]) is None
    finish(replay)
    assert (replay.gone, replay.gone_findings, replay.gone_confirmed) == (3, 3, 2)
    assert (replay.new, replay.unchanged) == (0, 1)
    told = {"since": None, "findings": 3, "confirmed": 2, "events": 3}
    assert exceptions.seen(replay, "Shell", [WEB]) == told
    # It was a look at nothing else.
    assert exceptions.seen(replay, "Shell", [DB]) is None
    assert exceptions.seen(replay, "Quiet", [WEB]) is None
    make(ann, DB)
    assert exceptions.seen(replay, "Shell", [WEB]) is None
    assert numbers() == ["00", "01", "02", "04"]


def test_a_page_that_was_taken_in_while_it_ended_is_judged_by_one_of_both(ann: User) -> None:
    made = make(ann)
    replay = expire(made)
    take_in("/bin/sh")
    finish(replay)
    assert numbers() == ["00"]
    assert counted() == (1, 1, 1)
