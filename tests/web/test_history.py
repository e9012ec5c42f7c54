import pytest
from django.db import transaction

from ecsaudit.findings import triage
from ecsaudit.findings.models import Action, Activity, BulkAction, Suppression
from ecsaudit.people.models import User
from ecsaudit.web import history
from tests import factories
from tests.factories import NOW


def line(action: Action, before: dict[str, object], after: dict[str, object]) -> str:
    return history.what(Activity(action=action, before=before, after=after, at=NOW), {1: "ann", 2: "adam"})


@pytest.mark.parametrize(
    ("action", "before", "after", "words"),
    [
        (Action.STATUS, {"workflow_status": "new", "close_reason": ""},
         {"workflow_status": "resolved", "close_reason": "test"}, "Status: New → Resolved (Test)"),
        (Action.STATUS, {"close_reason": "test"}, {"close_reason": "expected"}, "Reason: Test → Expected"),
        (Action.STATUS, {"suppression_id": 1}, {"suppression_id": 2}, "Suppressed until something else"),
        (Action.ASSIGNED, {"assignee_id": None}, {"assignee_id": 1}, "Assignee: nobody → ann"),
        (Action.ASSIGNED, {"assignee_id": 3}, {"assignee_id": 2}, "Assignee: somebody who is gone → adam"),
        (Action.STEP, {"steps_done": [1]}, {"steps_done": [1, 2]}, "Runbook: ticked step 2"),
        (Action.STEP, {"steps_done": [1]}, {"steps_done": []}, "Runbook: took the tick from step 1"),
        (Action.COMMENT, {}, {}, "Comment"),
        (Action.ARCHIVED, {}, {}, "Archived"),
        (Action.RECURRED, {"workflow_status": "suppressed"}, {"workflow_status": "new"},
         "Came back: status: Suppressed → New"),
        (Action.UNDONE, {"workflow_status": "resolved", "assignee_id": 1},
         {"workflow_status": "new", "assignee_id": None},
         "Taken back: status: Resolved → New; Assignee: ann → nobody"),
    ],
)  # fmt: skip
def test_each_change_is_told_in_words(
    action: Action, before: dict[str, object], after: dict[str, object], words: str
) -> None:
    assert line(action, before, after) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (triage.SetStatus("resolved", "test"), "Status → Resolved (Test)"),
        (triage.SetStatus("new"), "Status → New"),
        (triage.Assign(1), "Assignee → ann"),
        (triage.Assign(None), "Assignee → nobody"),
        (triage.Comment("x"), "Comment"),
        (triage.Suppress("expected", "", "2026-12-31T18:00:00+00:00", 3, True),
         "Suppressed until 2026-12-31 18:00 UTC or until 3 more have come or until the rule is changed (Expected)"),
    ],
)  # fmt: skip
def test_each_bulk_action_is_told_in_words(change: triage.Change, words: str) -> None:
    assert history.change_words(triage.as_data(change), {1: "ann"}) == words


def test_results_say_what_was_left_alone() -> None:
    assert history.result(BulkAction(changed=1_280, unchanged=4)) == (
        "1,280 changed, 4 were so already or no longer matched"
    )
    assert history.result(BulkAction(unchanged=1)) == "0 changed, 1 was so already or no longer matched"
    assert history.result(BulkAction(changed=5)) == "5 changed"
    assert history.result(BulkAction(changed=5, unchanged=2, undo_of_id=1)) == (
        "5 taken back, 2 left alone because somebody changed them since"
    )


@pytest.mark.django_db
def test_what_ecsaudit_did_itself_says_so(ann: User) -> None:
    finding = factories.finding()
    triage.apply(finding_ids=[finding.pk], change=triage.Suppress("test", more=1), by=ann, now=NOW)
    suppression = Suppression.objects.get()
    triage.end(suppression, because="enough", now=NOW)
    with transaction.atomic():
        triage.open_again(suppression.pk, NOW)
    told = history.lines(list(finding.activities.select_related("by").order_by("pk")))
    assert [(each.who, each.what, each.text) for each in told] == [
        ("ann", "Status: New → Suppressed (Test), until the group has 2 findings", ""),
        ("ecsaudit", "Came back: status: Suppressed → New", "The suppression ended: enough"),
    ]
