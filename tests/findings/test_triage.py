"""The one service that changes findings: what it takes, what stands in the history, and who is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from ecsaudit.findings import triage
from ecsaudit.findings.models import Action, Activity, BulkAction, CloseReason, Finding, FindingGroup, Suppression
from ecsaudit.library.models import Layer, Mode
from ecsaudit.library.services import refresh, save, switch
from ecsaudit.people.models import User
from tests import factories
from tests.factories import NOW
from tests.replay.history import SHIPPED, overlay, take_in

pytestmark = pytest.mark.django_db
RESOLVE = triage.SetStatus("resolved", reason=CloseReason.TRUE_POSITIVE)
REOPEN = triage.SetStatus("new")
FOREVER = "2099-01-01T00:00:00Z"


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> None:
    """The rules of tests.replay.history, in force."""
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()


def apply(change: triage.Change, *found: Finding, by: User | None = None, **more: Any) -> triage.Outcome:
    return triage.apply(finding_ids=[each.pk for each in found], change=change, by=by, now=NOW, **more)


def fresh(finding: Finding) -> Finding:
    return Finding.objects.get(pk=finding.pk)


def open_again(now: datetime = NOW) -> int:
    """Open, page by page, what ended suppressions suppressed, as workers do; returns in how many pages."""
    pages = 0
    for pk in triage.opening():
        with transaction.atomic():
            while triage.open_again(pk, now) is not None:
                pages += 1
    return pages


def actions(finding: Finding) -> list[str]:
    return list(finding.activities.order_by("pk").values_list("action", flat=True))


def test_a_finding_is_resolved_with_a_reason_and_the_history_says_what_was_before(ann: User) -> None:
    finding = factories.finding()
    assert apply(RESOLVE, finding, by=ann) == triage.Outcome(changed=1)
    after = fresh(finding)
    assert (after.workflow_status, after.close_reason, after.is_open) == ("resolved", "true_positive", False)
    assert (after.revision, after.hub_is_stale, after.updated_at) == (2, True, NOW)
    line = finding.activities.get()
    assert (line.by, line.before, line.after) == (
        ann,
        {"workflow_status": "new", "close_reason": ""},
        {"workflow_status": "resolved", "close_reason": "true_positive"},
    )
    assert FindingGroup.objects.get().open_count == 0


def test_opening_again_takes_the_reason_away_and_the_group_is_open_again() -> None:
    finding = factories.finding()
    apply(RESOLVE, finding)
    apply(REOPEN, finding)
    assert (fresh(finding).workflow_status, fresh(finding).close_reason) == ("new", "")
    group = FindingGroup.objects.get()
    assert (group.open_count, group.reopened_at) == (1, NOW)


def test_what_is_so_already_gets_no_line() -> None:
    first, second = factories.finding(), factories.finding()
    apply(RESOLVE, first)
    assert apply(RESOLVE, first, second) == triage.Outcome(changed=1, unchanged=1)
    assert actions(first) == ["status"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (triage.SetStatus("resolved"), "choose a reason: True positive, Expected"),
        (triage.SetStatus("suppressed", reason="odd"), "choose a reason"),
        (triage.SetStatus("resolved", reason="other", text=" "), "“other” needs a text"),
        (triage.SetStatus("closed"), "'closed' is no workflow status; use one of new, notified"),
        (triage.SetStatus("new", text="x" * 10_001), "the text has 10,001 characters; 10,000 are allowed"),
        (triage.Comment("  "), "a comment needs a text"),
        (triage.Assign(999_999), "nobody with this number can be assigned to"),
        (triage.Tick(0, True), "steps are counted from 1"),
        (triage.Suppress("expected"), "say until when to suppress"),
        (triage.Suppress("", more=1), "choose a reason"),
        (triage.Suppress("expected", more=-1), "can't be negative"),
        (triage.Suppress("expected", until_at="tomorrow"), "'tomorrow' is no time"),
        (triage.Suppress("expected", until_at="2026-12-31T18:00:00"), "is no time"),
        (triage.Suppress("expected", while_rule_stays=True), "“gone” is not among the rules"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_changed(change: triage.Change, problem: str) -> None:
    finding = factories.finding(rule="gone")
    with pytest.raises(triage.TriageError, match=problem.replace("(", r"\(")):
        apply(change, finding)
    assert fresh(finding).revision == 1
    assert not Activity.objects.exists()
    assert not Suppression.objects.exists()


def test_somebody_is_assigned_and_nobody_again(ann: User) -> None:
    finding = factories.finding()
    apply(triage.Assign(ann.pk), finding, by=ann)
    assert fresh(finding).assignee == ann
    apply(triage.Assign(None), finding, by=ann)
    assert fresh(finding).assignee is None
    assert [line.after for line in finding.activities.order_by("pk")] == [
        {"assignee_id": ann.pk},
        {"assignee_id": None},
    ]


def test_nobody_who_left_is_assigned_to(ann: User) -> None:
    ann.is_active = False
    ann.save()
    with pytest.raises(triage.TriageError, match="nobody with this number"):
        apply(triage.Assign(ann.pk), factories.finding())


def test_a_comment_is_always_a_line_and_changes_nothing_else(ann: User) -> None:
    finding = factories.finding()
    for _ in range(2):
        assert apply(triage.Comment("seen"), finding, by=ann).changed == 1
    assert (actions(finding), fresh(finding).revision) == (["comment", "comment"], 1)


def test_steps_of_the_runbook_are_ticked_by_two_people_without_losing_one(ann: User, adam: User) -> None:
    finding = factories.finding()
    apply(triage.Tick(3, True), finding, by=ann)
    apply(triage.Tick(1, True), finding, by=adam)
    assert fresh(finding).steps_done == [1, 3]
    apply(triage.Tick(3, False), finding, by=adam)
    assert fresh(finding).steps_done == [1]
    assert apply(triage.Tick(1, True), finding) == triage.Outcome(unchanged=1)


def test_who_saw_an_older_finding_overwrites_nothing(ann: User) -> None:
    finding = factories.finding()
    apply(triage.Assign(ann.pk), finding, revision=1)
    with pytest.raises(triage.ChangedMeanwhile, match="somebody changed this finding"):
        apply(RESOLVE, finding, revision=1)
    assert fresh(finding).workflow_status == "new"
    assert apply(RESOLVE, finding, revision=2).changed == 1


def test_a_message_makes_new_findings_notified_and_leaves_those_that_were_worked_on() -> None:
    new, resolved = factories.finding(), factories.finding()
    apply(RESOLVE, resolved)
    outcome = triage.note_notified(finding_ids=[new.pk, resolved.pk], now=NOW, text="Slack took the message.")
    assert outcome == triage.Outcome(changed=1, unchanged=1)
    assert (fresh(new).workflow_status, fresh(resolved).workflow_status) == ("notified", "resolved")
    line = new.activities.get()
    assert (line.by, line.text) == (None, "Slack took the message.")


def test_a_suppression_reaches_the_ticked_findings_and_is_one_for_their_group(ann: User) -> None:
    ticked, other = factories.finding(), factories.finding()
    elsewhere = factories.finding(session=factories.exec_session(person="bob"))
    apply(triage.Suppress("expected", text="drill", until_at=FOREVER), ticked, elsewhere, by=ann)
    assert [fresh(each).workflow_status for each in (ticked, other, elsewhere)] == ["suppressed", "new", "suppressed"]
    assert [(each.by, each.reason, each.text) for each in Suppression.objects.all()] == [(ann, "expected", "drill")] * 2
    assert fresh(ticked).suppression.group == ticked.group


def test_a_suppression_that_is_due_ends_once_and_opens_what_it_suppressed() -> None:
    finding, by_hand = factories.finding(), factories.finding()
    apply(triage.SetStatus("suppressed", reason="expected"), by_hand)
    apply(triage.Suppress("expected", until_at="2026-11-02T12:30:00Z"), finding)
    assert triage.end_suppressions(NOW) == 0
    assert triage.end_suppressions(NOW + timedelta(hours=1)) == 1
    assert triage.end_suppressions(NOW + timedelta(hours=1)) == 0
    open_again(NOW + timedelta(hours=1))
    assert (fresh(finding).workflow_status, fresh(finding).close_reason) == ("new", "")
    assert fresh(by_hand).workflow_status == "suppressed"
    assert actions(finding) == ["status", "recurred"]
    assert finding.activities.last().text == "The suppression ended: its time was up at 2026-11-02 12:30 UTC"
    assert FindingGroup.objects.get().reopened_at == NOW + timedelta(hours=1)


def test_a_suppression_takes_the_place_of_another_and_its_end_opens_the_findings_of_both() -> None:
    first, second = factories.finding(), factories.finding()
    apply(triage.Suppress("expected", until_at=FOREVER), first)
    apply(triage.Suppress("test", until_at="2026-11-02T12:30:00Z"), second)
    assert [each.ended_because for each in Suppression.objects.order_by("pk")] == [triage.REPLACED, ""]
    assert fresh(first).workflow_status == "suppressed"
    triage.end_suppressions(NOW + timedelta(hours=1))
    open_again(NOW + timedelta(hours=1))
    assert [fresh(each).workflow_status for each in (first, second)] == ["new", "new"]


def test_who_opens_a_finding_by_hand_is_not_overruled_when_the_suppression_ends() -> None:
    finding, other = factories.finding(), factories.finding()
    apply(triage.Suppress("expected", until_at="2026-11-02T12:30:00Z"), finding, other)
    apply(RESOLVE, finding)
    triage.end_suppressions(NOW + timedelta(hours=1))
    open_again(NOW + timedelta(hours=1))
    assert [fresh(each).workflow_status for each in (finding, other)] == ["resolved", "new"]


@pytest.mark.usefixtures("library")
def test_a_suppression_that_lasts_as_long_as_the_rule_ends_when_the_rule_is_changed(ann: User) -> None:
    take_in("/bin/sh")
    finding = Finding.objects.get()
    apply(triage.Suppress("expected", while_rule_stays=True), finding)
    take_in("/bin/sh", first=1)
    assert set(Finding.objects.values_list("workflow_status", flat=True)) == {"suppressed"}
    # Another rule's text is no reason.
    save(kind="macro", name="unused", layer=Layer.OWN, text="- macro: unused\n  condition: ct.name = X\n",
         author=ann, message="m", expected=None)  # fmt: skip
    assert triage.end_suppressions(timezone.now()) == 0
    overlay(ann, "- rule: Shell\n  condition: and ct.name exists\n  override: {condition: append}\n")
    assert triage.end_suppressions(timezone.now()) == 1
    open_again()
    assert set(Finding.objects.values_list("workflow_status", flat=True)) == {"new"}
    assert Suppression.objects.get().ended_because == "the rule was changed"


@pytest.mark.usefixtures("library")
def test_a_rule_that_is_only_switched_off_keeps_its_suppressions(ann: User) -> None:
    take_in("/bin/sh")
    apply(triage.Suppress("expected", while_rule_stays=True), Finding.objects.get())
    switch(names=["Shell"], mode=Mode.OFF, author=ann, message="m")
    assert triage.end_suppressions(timezone.now()) == 0


def bulk(change: triage.Change, *found: Finding, by: User) -> BulkAction:
    made = BulkAction.objects.create(by=by, change=triage.as_data(change))
    apply(change, *found, by=by, bulk=made)
    return made


def test_undo_gives_back_what_was_taken_and_leaves_alone_what_somebody_changed_since(ann: User, adam: User) -> None:
    untouched, commented, assigned, opened = (factories.finding() for _ in range(4))
    apply(triage.SetStatus("notified"), untouched)
    action = bulk(RESOLVE, untouched, commented, assigned, opened, by=ann)
    apply(triage.Comment("why?"), commented, by=adam)
    apply(triage.Assign(adam.pk), assigned, by=adam)
    apply(REOPEN, opened, by=adam)
    apply(triage.SetStatus("suppressed", reason="test"), opened, by=adam)
    assert apply(triage.Undo(action.pk), untouched, commented, assigned, opened, by=ann) == triage.Outcome(3, 1)
    found = [fresh(each) for each in (untouched, commented, assigned, opened)]
    assert [each.workflow_status for each in found] == ["notified", "new", "new", "suppressed"]
    assert (found[2].assignee, found[3].close_reason) == (adam, "test")
    assert actions(commented) == ["status", "comment", "undone"]


def test_an_undone_comment_stays_in_the_history(ann: User) -> None:
    finding = factories.finding()
    action = bulk(triage.Comment("seen"), finding, by=ann)
    assert apply(triage.Undo(action.pk), finding, by=ann) == triage.Outcome(unchanged=1)
    assert finding.activities.get().text == "seen"


def test_taking_back_a_suppression_opens_later_findings_or_puts_the_earlier_one_in_force_again(ann: User) -> None:
    first = factories.finding()
    apply(triage.Suppress("expected", until_at=FOREVER), first)
    earlier = Suppression.objects.get()
    second = factories.finding()
    apply(triage.Suppress("test", more=5), second)
    later = Suppression.objects.get(ended_at=None)
    born = factories.finding(workflow_status="suppressed", close_reason="test", suppression=later)
    triage.take_back(later, now=NOW, by=ann)
    assert Suppression.objects.get(ended_at=None) == earlier
    assert open_again() == 0
    assert fresh(born).workflow_status == "suppressed"
    triage.take_back(Suppression.objects.get(pk=earlier.pk), now=NOW, by=ann)
    open_again()
    assert set(Finding.objects.values_list("workflow_status", flat=True)) == {"new"}
    assert born.activities.get().text.endswith("the action that suppressed it was taken back")


def test_what_a_suppression_suppressed_is_opened_page_by_page_each_kept_by_itself(
    monkeypatch: pytest.MonkeyPatch, ann: User
) -> None:
    monkeypatch.setattr(triage, "BATCH", 2)
    found = [factories.finding() for _ in range(5)]
    apply(triage.Suppress("expected", until_at=FOREVER), *found)
    suppression = Suppression.objects.get()
    assert triage.end(suppression, because="ann ended it", now=NOW, by=ann)
    assert triage.opening() == [suppression.pk]
    assert [each.pk for each in triage.open_again(suppression.pk, NOW) or []] == [each.pk for each in found[:2]]
    assert FindingGroup.objects.get().open_count == 2
    assert open_again() == 2
    assert triage.opening() == []
    assert {each.by for each in Activity.objects.filter(action=Action.RECURRED)} == {ann}
    assert FindingGroup.objects.get().open_count == 5


def test_a_suppression_that_comes_in_force_keeps_what_was_not_opened_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triage, "BATCH", 1)
    first, second = factories.finding(), factories.finding()
    apply(triage.Suppress("expected", until_at=FOREVER), first, second)
    ended = Suppression.objects.get()
    triage.end(ended, because="enough", now=NOW)
    triage.open_again(ended.pk, NOW)
    apply(triage.Suppress("test", until_at=FOREVER), first)
    assert open_again() == 0
    assert [fresh(each).workflow_status for each in (first, second)] == ["suppressed", "suppressed"]
    triage.end(Suppression.objects.get(ended_at=None), because="enough", now=NOW)
    open_again()
    assert [fresh(each).workflow_status for each in (first, second)] == ["new", "new"]


@pytest.mark.parametrize("ends", [{"more": 1}, {"until_at": "2026-11-02T12:30:00Z"}])
def test_taking_back_does_not_revive_what_would_be_over_by_now(ann: User, ends: dict[str, Any]) -> None:
    first = factories.finding()
    apply(triage.Suppress("expected", **ends), first)
    apply(triage.Suppress("test", until_at=FOREVER), first)
    factories.finding()
    later = Suppression.objects.get(ended_at=None)
    triage.take_back(later, now=NOW + timedelta(hours=1), by=ann)
    assert not Suppression.objects.filter(ended_at=None).exists()
    open_again()
    assert fresh(first).workflow_status == "new"


@pytest.mark.usefixtures("library")
def test_taking_back_does_not_revive_what_lasted_as_long_as_a_rule_that_was_changed(ann: User) -> None:
    take_in("/bin/sh")
    finding = Finding.objects.get()
    apply(triage.Suppress("expected", while_rule_stays=True), finding)
    apply(triage.Suppress("test", until_at=FOREVER), finding)
    overlay(ann, "- rule: Shell\n  condition: and ct.name exists\n  override: {condition: append}\n")
    triage.take_back(Suppression.objects.get(ended_at=None), now=timezone.now(), by=ann)
    assert not Suppression.objects.filter(ended_at=None).exists()


def test_taking_back_revives_the_one_before_where_the_one_between_was_taken_back_first(ann: User) -> None:
    finding = factories.finding()
    apply(triage.Suppress("expected", until_at=FOREVER), finding)
    by_hand = Suppression.objects.get()
    second = bulk(triage.Suppress("test", more=5), finding, by=ann)
    bulk(triage.Suppress("test", more=7), finding, by=ann)
    third = Suppression.objects.get(ended_at=None)
    BulkAction.objects.create(by=ann, change=triage.as_data(triage.Undo(second.pk)), undo_of=second)
    triage.take_back(third, now=NOW, by=ann)
    assert Suppression.objects.get(ended_at=None) == by_hand


def test_undo_leaves_suppressed_what_the_revived_one_found_suppressed(ann: User) -> None:
    oldest, newer = factories.finding(), factories.finding()
    apply(triage.Suppress("expected", until_at=FOREVER), oldest)
    apply(triage.Suppress("expected", more=5), newer)
    revived = Suppression.objects.get(ended_at=None)
    action = bulk(triage.Suppress("test", more=7), oldest, newer, by=ann)
    apply(triage.Undo(action.pk), oldest, newer, by=ann)
    triage.take_back(Suppression.objects.get(bulk=action), now=NOW, by=ann)
    assert [fresh(each).workflow_status for each in (oldest, newer)] == ["suppressed", "suppressed"]
    assert Suppression.objects.get(ended_at=None) == revived


def test_every_change_is_the_same_after_it_was_kept_as_data() -> None:
    for change in (RESOLVE, triage.Assign(3), triage.Comment("x"), triage.Tick(2, False), triage.Undo(7),
                   triage.Suppress("other", "t", FOREVER, 2, True)):  # fmt: skip
        assert triage.from_data(triage.as_data(change)) == change


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returns; all begin at once, each on a connection of its own."""
    ready = threading.Barrier(len(calls))

    def called(call: Callable[[], Any]) -> Any:
        try:
            ready.wait(20)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(called, call) for call in calls]]


@pytest.mark.django_db(transaction=True)
def test_what_two_people_do_at_once_stands_all_in_the_history(ann: User, adam: User) -> None:
    found = [factories.finding() for _ in range(20)]

    def work(person: User, status: str, found: list[Finding]) -> None:
        for finding in found:
            apply(triage.SetStatus(status, reason="expected"), finding, by=person)
            apply(triage.Assign(person.pk), finding, by=person)
            apply(triage.Comment(f"by {person}"), finding, by=person)

    in_threads(lambda: work(ann, "resolved", found), lambda: work(adam, "suppressed", found[::-1]))
    for finding in found:
        lines = list(finding.activities.order_by("pk"))
        assert sorted(line.action for line in lines) == sorted([Action.STATUS, Action.ASSIGNED, Action.COMMENT] * 2)
        # Each line begins where the one before it ended.
        now: dict[str, Any] = {"workflow_status": "new", "close_reason": "", "assignee_id": None}
        for line in lines:
            assert {name: now[name] for name in line.before} == line.before
            now |= line.after
        after = fresh(finding)
        assert {name: getattr(after, name) for name in now} == now
        assert after.revision == 5


@pytest.mark.django_db(transaction=True)
def test_only_one_of_two_who_saw_the_same_finding_decides_on_it(ann: User, adam: User) -> None:
    finding = factories.finding()

    def decide(person: User, change: triage.Change) -> bool:
        try:
            return bool(apply(change, finding, by=person, revision=1).changed)
        except triage.ChangedMeanwhile:
            return False

    suppressed = triage.SetStatus("suppressed", reason="expected")
    assert sorted(in_threads(lambda: decide(ann, RESOLVE), lambda: decide(adam, suppressed))) == [False, True]
    assert finding.activities.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_who_suppress_the_same_group_at_once_leave_one_suppression_in_force(ann: User, adam: User) -> None:
    first, second = factories.finding(), factories.finding()
    in_threads(
        lambda: apply(triage.Suppress("expected", until_at=FOREVER), first, by=ann),
        lambda: apply(triage.Suppress("test", more=3), second, by=adam),
    )
    assert Suppression.objects.filter(ended_at=None).count() == 1
    assert Suppression.objects.count() == 2
    triage.end(Suppression.objects.get(ended_at=None), because="enough", now=NOW)
    open_again()
    assert FindingGroup.objects.get().open_count == 2
