"""Bulk actions: which findings they reach, where they go on after a kill, and how they are taken back."""

from __future__ import annotations

from datetime import timedelta
from threading import Event as StopEvent
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from ecsaudit.findings import bulk, triage
from ecsaudit.findings.models import IS_OPEN, Activity, BulkAction, BulkState, Finding, FindingGroup, Suppression
from ecsaudit.people.models import User
from tests import factories
from tests.factories import NOW
from tests.findings.test_triage import FOREVER, REOPEN, RESOLVE, actions, apply, fresh, in_threads, open_again

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)


def findings(number: int) -> list[Finding]:
    about = factories.exec_session()
    return [factories.finding(session=about, rule=f"rule {each}", event_time=NOW) for each in range(number)]


def asked(by: User, change: triage.Change = RESOLVE, condition: Q = IS_OPEN) -> BulkAction:
    return bulk.ask(change=change, condition=condition, address="", by=by)


def finish(action: BulkAction) -> BulkAction:
    """Take turns as workers do."""
    while action.is_unfinished:
        bulk.run(action.pk, StopEvent())
        action.refresh_from_db()
    return action


def test_every_finding_that_fits_is_changed_once_though_it_no_longer_fits_then(ann: User) -> None:
    found = findings(5)
    already = factories.finding(workflow_status="resolved")
    action = finish(asked(ann))
    assert (action.changed, action.unchanged, action.state, action.total) == (5, 0, "done", 5)
    assert {fresh(each).workflow_status for each in found} == {"resolved"}
    assert set(Activity.objects.values_list("bulk", "by")) == {(action.pk, ann.pk)}
    assert not already.activities.exists()
    assert action.finished_at is not None
    assert action.lease_owner == ""


def test_what_came_after_the_person_looked_is_not_touched(ann: User) -> None:
    findings(3)
    action = asked(ann)
    later = factories.finding(event_time=NOW - timedelta(days=1))
    assert finish(action).changed == 3
    assert fresh(later).is_open


def test_the_first_batch_is_made_at_once_and_a_worker_makes_the_rest(ann: User) -> None:
    findings(5)
    action = asked(ann)
    bulk.run(action.pk, StopEvent(), batches=1)
    action.refresh_from_db()
    assert (action.changed, action.state, action.total, action.lease_owner) == (2, "running", None, "")
    assert bulk.due(timezone.now()) == [action.pk]
    bulk.run(action.pk, StopEvent())
    action.refresh_from_db()
    assert (action.changed, action.total, action.percent) == (5, 5, 100)
    assert bulk.due(timezone.now()) == []


class Killed(BaseException):
    """What no handler of the product catches, as if the process were gone."""


@pytest.mark.parametrize("where", ["make", "suppressions_of"])
@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_killed_worker_s_successor_goes_on_where_it_was(
    ann: User, monkeypatch: pytest.MonkeyPatch, batches: int, where: str
) -> None:
    findings(5)
    action, original, calls = asked(ann, triage.Comment("seen")), bulk.make, []

    def killed(*args: Any) -> Any:
        made = original(*args)
        calls.append(args)
        if len(calls) > batches:
            raise Killed
        return made

    with monkeypatch.context() as patched:
        # After the findings were changed, in the same transaction; or after the last batch was kept.
        patched.setattr(bulk, where, killed if where == "make" else lambda _: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            bulk.run(action.pk, StopEvent())
    action.refresh_from_db()
    assert action.changed == (batches * 2 if where == "make" else 5)
    # Nobody takes it while the lease lasts.
    bulk.run(action.pk, StopEvent())
    assert fresh_action(action).is_unfinished
    BulkAction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert finish(action).changed == 5
    assert Activity.objects.count() == 5


def fresh_action(action: BulkAction) -> BulkAction:
    return BulkAction.objects.get(pk=action.pk)


def test_a_worker_that_lost_its_lease_writes_nothing(ann: User) -> None:
    findings(3)
    action = asked(ann)
    turn = bulk.take(action.pk, timezone.now())
    assert turn is not None
    later = bulk.take(action.pk, timezone.now() + timedelta(minutes=5))
    assert later is not None
    with pytest.raises(bulk.TurnLost):
        bulk.take_batch(turn)
    assert not Activity.objects.exists()


def test_an_action_that_can_no_longer_be_done_fails_and_says_why(ann: User, adam: User) -> None:
    findings(3)
    action = asked(ann, triage.Assign(adam.pk))
    User.objects.filter(pk=adam.pk).update(is_active=False)
    assert finish(action).state == BulkState.FAILED
    assert "nobody with this number" in action.failure


def test_an_action_whose_workers_die_again_and_again_fails(ann: User) -> None:
    findings(1)
    action = asked(ann)
    for _ in range(bulk.MOST_ATTEMPTS):
        bulk.take(action.pk, timezone.now())
        BulkAction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert finish(action).failure == "every worker that took it was killed"


def test_what_cannot_be_asked_for_is_refused_before_anything_is_kept(ann: User) -> None:
    with pytest.raises(triage.TriageError, match="choose a reason"):
        asked(ann, triage.SetStatus("resolved"))
    assert not BulkAction.objects.exists()


def test_undo_gives_back_all_but_what_somebody_changed_since(ann: User, adam: User) -> None:
    found = findings(5)
    action = finish(asked(ann))
    apply(REOPEN, found[0], by=adam)
    undo = finish(bulk.undo(action=action, by=adam))
    assert (undo.changed, undo.unchanged, undo.state) == (4, 1, "done")
    assert {fresh(each).workflow_status for each in found} == {"new"}
    assert actions(found[0]) == ["status", "status"]
    assert actions(found[1]) == ["status", "undone"]
    assert sum(FindingGroup.objects.values_list("open_count", flat=True)) == 5
    assert not fresh_action(action).can_be_undone
    # A second click is the same undo.
    assert bulk.undo(action=action, by=ann) == undo


def test_undo_ends_the_suppressions_that_the_action_made(ann: User) -> None:
    found = findings(3)
    action = finish(asked(ann, triage.Suppress("expected", until_at=FOREVER)))
    assert Suppression.objects.filter(bulk=action, ended_at=None).count() == 3
    suppression = Suppression.objects.get(group=found[0].group)
    born = factories.finding(rule="rule 0", session=found[0].session, event=factories.event(),
                             workflow_status="suppressed", close_reason="expected", suppression=suppression)  # fmt: skip
    assert finish(bulk.undo(action=action, by=ann)).changed == 3
    assert not Suppression.objects.filter(ended_at=None).exists()
    open_again()
    assert {each.workflow_status for each in Finding.objects.all()} == {"new"}
    assert actions(born) == ["recurred"]


def test_what_an_undo_gives_back_to_a_suppression_that_is_over_opens_as_at_any_other_end(ann: User) -> None:
    found = findings(1)
    earlier = triage.Suppress("expected", until_at=(timezone.now() + timedelta(hours=1)).isoformat())
    triage.apply(finding_ids=[found[0].pk], change=earlier, by=ann, now=timezone.now())
    action = finish(asked(ann, triage.Suppress("expected", until_at=FOREVER), Q()))
    Suppression.objects.filter(bulk=None).update(until_at=timezone.now())
    finish(bulk.undo(action=action, by=ann))
    assert fresh(found[0]).workflow_status == "suppressed"
    open_again()
    assert fresh(found[0]).workflow_status == "new"
    assert actions(found[0])[-2:] == ["undone", "recurred"]


def test_an_undo_gives_back_a_suppression_that_ended_while_the_finding_was_resolved(ann: User) -> None:
    found = findings(1)
    triage.apply(finding_ids=[found[0].pk], change=triage.Suppress("expected", more=5), by=ann, now=timezone.now())
    action = finish(asked(ann, RESOLVE, Q()))
    triage.end(Suppression.objects.get(), because="it was enough", now=timezone.now())
    open_again()
    finish(bulk.undo(action=action, by=ann))
    assert Suppression.objects.get().is_opening
    open_again()
    assert fresh(found[0]).workflow_status == "new"


def test_one_suppression_is_made_for_a_group_whose_findings_lie_in_several_batches(ann: User) -> None:
    about = factories.exec_session()
    for _ in range(5):
        factories.finding(session=about, event=factories.event())
    assert finish(asked(ann, triage.Suppress("expected", more=3))).changed == 5
    assert Suppression.objects.get().until_count == 8


def test_undo_stops_an_action_that_is_under_way(ann: User) -> None:
    found = findings(5)
    action = asked(ann)
    turn = bulk.take(action.pk, timezone.now())
    assert turn is not None
    bulk.take_batch(turn)
    undo = bulk.undo(action=action, by=ann)
    with pytest.raises(bulk.TurnLost):
        bulk.take_batch(turn)
    assert finish(undo).changed == 2
    assert fresh_action(action).state == BulkState.STOPPED
    assert {fresh(each).workflow_status for each in found} == {"new"}


def test_comments_and_undos_are_not_undone(ann: User) -> None:
    findings(1)
    comment, resolved = finish(asked(ann, triage.Comment("seen"))), finish(asked(ann))
    undo = finish(bulk.undo(action=resolved, by=ann))
    for action in (comment, undo):
        assert not action.can_be_undone
        with pytest.raises(triage.TriageError, match="comments stay"):
            bulk.undo(action=action, by=ann)


@pytest.mark.django_db(transaction=True)
def test_two_people_act_on_the_same_findings_in_bulk_at_once_and_nothing_is_lost(ann: User, adam: User) -> None:
    found = findings(9)
    every = Q(pk__in=[each.pk for each in found])
    resolve, assign = asked(ann, RESOLVE, every), asked(adam, triage.Assign(adam.pk), every)
    suppress, comment = asked(adam, triage.Suppress("test", more=9), every), asked(ann, triage.Comment("seen"), every)
    in_threads(*(lambda action=action: finish(action) for action in (resolve, assign, suppress, comment)))
    for action in (resolve, assign, suppress, comment):
        assert (action.state, action.changed) == ("done", 9)
        assert action.activities.count() == 9
    for finding in map(fresh, found):
        assert finding.assignee == adam
        last = finding.activities.filter(action="status").last()
        assert finding.workflow_status == last.after["workflow_status"]
        assert finding.revision == 4
        group = finding.group
        assert (group.count, group.open_count) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_for_the_same_only_one_changes_each_finding(ann: User, adam: User) -> None:
    findings(9)
    both = [asked(ann), asked(adam, triage.SetStatus("suppressed", reason="expected"))]
    in_threads(*(lambda action=action: finish(action) for action in both))
    assert sum(action.changed for action in both) == 9
    assert Activity.objects.count() == 9
