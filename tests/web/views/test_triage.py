"""Work on findings over HTTP: who may, what the forms do, and what they say when they can't."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from threading import Event as StopEvent
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.findings import bulk, own, triage
from ecsaudit.findings.models import Activity, BulkAction, Finding, Priority, Suppression
from ecsaudit.people.models import User
from tests import factories

pytestmark = pytest.mark.django_db
RUNBOOK = "CloudTrail Stopped"


def finding(**fields: Any) -> Finding:
    about = factories.exec_session(started_at=timezone.now())
    return factories.finding(**{"session": about} | fields)


def status(found: Finding) -> tuple[str, str]:
    row = Finding.objects.get(pk=found.pk)
    return row.workflow_status, row.close_reason


def change(client: Client, found: Finding, query: str = "", **fields: Any) -> HttpResponse:
    answer: HttpResponse = client.post(f"/findings/{found.pk}/change/{query}", {"revision": 1, "seen": 0} | fields)
    return answer


def act(client: Client, **fields: Any) -> HttpResponse:
    answer: HttpResponse = client.post("/findings/act/", {"address": "", "newest": bulk.newest()} | fields)
    return answer


def html(client: Client, address: str) -> str:
    return unescape(client.get(address).content.decode())


def shown(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_viewers_and_strangers_change_nothing_and_viewers_are_told_why(as_vera: Client, client: Client) -> None:
    found = finding()
    action = BulkAction.objects.create(change={"change": "assign", "assignee_id": None})
    triage.apply(finding_ids=[found.pk], change=triage.Suppress("test", more=1), by=None, now=timezone.now())
    suppression = Suppression.objects.get()
    for address in (f"/findings/{found.pk}/change/", "/findings/act/", f"/findings/actions/{action.pk}/undo/",
                    f"/findings/suppressions/{suppression.pk}/end/"):  # fmt: skip
        answer = as_vera.post(address, {"change": "resolved", "reason": "test", "scope": "all"})
        assert answer.status_code == 403
        assert "the analyst role" in shown(answer)
        assert as_vera.get(address).status_code == 405
        assert client.post(address).headers["Location"].startswith("/login/")
    assert Activity.objects.count() == 1
    for address in ("/findings/?workflow_status=any", f"/findings/{found.pk}/"):
        page = html(as_vera, address)
        assert "<fieldset disabled>" in page
        assert "needs the analyst role" in page


def test_ann_resolves_a_finding_and_its_history_says_so(as_ann: Client) -> None:
    found = finding()
    answer = change(as_ann, found, "?listed=1&priority=4", change="resolved", reason="expected", text=" a drill ")
    assert answer.headers["Location"] == f"/findings/{found.pk}/?listed=1&priority=4"
    assert status(found) == ("resolved", "expected")
    page = html(as_ann, f"/findings/{found.pk}/")
    assert "Status: New → Resolved (Expected)" in page
    assert '<p class="said">a drill</p>' in page
    again = as_ann.post(f"/findings/{found.pk}/change/", {"revision": 2, "change": "resolved", "reason": "expected"},
                        follow=True)  # fmt: skip
    assert "It was so already" in shown(again)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"change": "resolved"}, "choose a reason"),
        ({"change": "resolved", "reason": "other"}, "“other” needs a text"),
        ({"change": "resolved", "reason": "odd"}, "“reason”: Select a valid choice"),
        ({"change": "delete"}, "“change”: Select a valid choice"),
        ({}, "“change”: This field is required"),
        ({"change": "comment"}, "a comment needs a text"),
        ({"change": "assign", "assignee": "zoe"}, "there is no user “zoe”"),
        ({"change": "until", "reason": "test"}, "say until when to suppress"),
        ({"change": "until", "reason": "test", "until": "2020-01-01T00:00"}, "“until”: lies in the past"),
        ({"change": "until", "reason": "test", "until": "soon"}, "“until”: Enter a valid date/time"),
        ({"change": "until", "reason": "test", "more": "-1"}, "“more”: Ensure this value"),
        ({"change": "tick", "step": "x"}, "“step”: Enter a whole number"),
        ({"change": "tick"}, "steps are counted from 1"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_was_written_kept(
    as_ann: Client, fields: dict[str, str], problem: str
) -> None:
    found = finding()
    answer = change(as_ann, found, **{"text": "" if fields.get("change") == "comment" or fields.get("reason") == "other"
                                      else "what I wrote"} | fields)  # fmt: skip
    assert answer.status_code == 422
    assert problem in shown(answer)
    if "text" not in fields and fields.get("reason") != "other" and fields.get("change") != "comment":
        assert 'value="what I wrote"' in shown(answer)
    assert status(found) == ("new", "")


def test_who_saw_an_older_state_is_shown_by_whom_it_was_changed_and_overwrites_nothing(
    as_ann: Client, adam: User
) -> None:
    found = finding()
    triage.apply(finding_ids=[found.pk], change=triage.Comment("old"), by=adam, now=timezone.now())
    seen = Activity.objects.get().pk
    resolved = triage.SetStatus("resolved", reason="false_positive", text="I know him")
    triage.apply(finding_ids=[found.pk], change=resolved, by=adam, now=timezone.now())
    answer = change(as_ann, found, seen=seen, change="suppressed", reason="test")
    assert answer.status_code == 409
    alert = re.search(r'role="alert">(.*?)</div>', shown(answer), re.S)
    assert alert is not None
    assert "somebody changed this finding" in alert[1]
    assert "<bdi>adam</bdi>: Status: New → Resolved (False positive): <bdi>I know him</bdi>" in alert[1]
    assert "old" not in alert[1]
    assert status(found) == ("resolved", "false_positive")
    # With what the page now knows it is a decision.
    assert 'name="revision" value="2"' in shown(answer)
    change(as_ann, found, revision=2, change="suppressed", reason="test")
    assert status(found) == ("suppressed", "test")


def test_comments_and_ticks_never_conflict(as_ann: Client, adam: User, settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[3] / "rules"
    found = finding(rule=RUNBOOK)
    triage.apply(finding_ids=[found.pk], change=triage.Assign(adam.pk), by=adam, now=timezone.now())
    assert change(as_ann, found, change="comment", text="seen").status_code == 302
    assert change(as_ann, found, change="tick", step=2, done="1").status_code == 302
    page = html(as_ann, f"/findings/{found.pk}/")
    assert page.count('aria-pressed="true"') == 1
    assert "Runbook: ticked step 2" in page
    assert "Assignee: nobody → adam" in page
    change(as_ann, found, change="tick", step=2)
    assert "Runbook: took the tick from step 2" in html(as_ann, f"/findings/{found.pk}/")


def test_a_finding_is_assigned_to_me_to_somebody_and_to_nobody(as_ann: Client, ann: User, adam: User) -> None:
    found = finding()
    for number, (fields, who) in enumerate(
        [({"change": "mine"}, ann), ({"change": "assign", "assignee": "adam"}, adam),
         ({"change": "assign", "assignee": "nobody"}, None)], start=1,
    ):  # fmt: skip
        change(as_ann, found, revision=number, **fields)
        assert Finding.objects.get().assignee == who


def test_one_finding_that_is_suppressed_until_something_leaves_its_group_open_and_the_screens_say_so(
    as_ann: Client,
) -> None:
    found = finding()
    other = factories.finding(session=found.session, event=factories.event(event_time=timezone.now()))
    assert "others that are open now stay open unless you choose their group" in html(as_ann, f"/findings/{found.pk}/")
    change(as_ann, found, change="until", reason="expected", until="2099-12-31T18:00")
    assert [status(each)[0] for each in (found, other)] == ["suppressed", "new"]
    page = html(as_ann, f"/findings/{found.pk}/")
    assert "Later findings of its group are suppressed by <bdi>ann</bdi> until 2099-12-31 18:00 UTC" in page
    link = f'<a href="/findings/?group={found.group_id}&days=3650&view=flat">1 of the group is still open</a>'
    assert link in page
    listed = html(as_ann, "/findings/")
    assert "later ones suppressed until 2099-12-31 18:00 UTC" in listed
    # Who chooses the group suppresses all that is open in it.
    act(as_ann, group=[found.group_id], change="until", reason="expected", until="2099-12-31T18:00")
    assert [status(each)[0] for each in (found, other)] == ["suppressed", "suppressed"]
    assert "still open" not in html(as_ann, f"/findings/{found.pk}/")


def test_a_group_is_suppressed_until_something_and_that_can_be_ended(as_ann: Client) -> None:
    found = finding()
    change(as_ann, found, change="until", reason="expected", until="2099-12-31T18:00", more="3", text="maintenance")
    page = html(as_ann, f"/findings/{found.pk}/")
    until = "2099-12-31 18:00 UTC or until the group has 4 findings"
    assert f"Later findings of its group are suppressed by <bdi>ann</bdi> until {until}" in page
    suppression = Suppression.objects.get()
    for back, leads in ((f"/findings/{found.pk}/?listed=1", f"/findings/{found.pk}/?listed=1"),
                        ("https://evil.example/", "/findings/"), ("//evil.example", "/findings/")):  # fmt: skip
        answer = as_ann.post(f"/findings/suppressions/{suppression.pk}/end/", {"back": back})
        assert answer.headers["Location"] == leads
    assert status(found) == ("new", "")
    assert "The suppression ended: ann ended it" in html(as_ann, f"/findings/{found.pk}/")


def test_a_finding_leads_to_the_next_and_the_one_before_in_the_list_it_came_from(as_ann: Client) -> None:
    now = timezone.now()
    made = [finding(rule=f"of {number}", event_time=now - timedelta(hours=number)) for number in range(4)]
    triage.apply(finding_ids=[made[1].pk], change=triage.SetStatus("resolved", reason="test"), by=None, now=now)
    page = html(as_ann, f"/findings/{made[2].pk}/?listed=1")
    assert f'rel="prev" data-key="k" href="/findings/{made[0].pk}/?view=flat&listed=1"' in page
    assert f'rel="next" data-key="j" href="/findings/{made[3].pk}/?view=flat&listed=1"' in page
    page = html(as_ann, f"/findings/{made[2].pk}/?listed=1&workflow_status=any&rule=of+1&rule=of+2")
    assert f'href="/findings/{made[1].pk}/?' in page
    assert 'rel="next"' not in page
    assert 'rel="prev"' not in html(as_ann, f"/findings/{made[2].pk}/")


def test_a_finding_of_ecsaudit_s_own_is_shown_and_listed(as_ann: Client) -> None:
    raised = own.raise_own(
        key="channel:1", rule="Channel fails", priority=Priority.ERROR, output="Messages don't arrive",
        output_fields={"channel": "Slack"}, now=timezone.now(),
    )  # fmt: skip
    page = html(as_ann, f"/findings/{raised.pk}/")
    assert "ecsaudit itself found this" in page
    assert "Slack" in page
    assert "Why the rule matched" not in page
    for view in ("flat", "grouped"):
        assert "Channel fails" in html(as_ann, f"/findings/?view={view}")
    change(as_ann, raised, change="resolved", reason="expected")
    assert status(raised) == ("resolved", "expected")


def test_ticked_findings_are_changed_at_once_and_the_result_says_how_many(
    as_ann: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first, second, third = (finding(rule=f"of {number}") for number in range(3))
    triage.apply(finding_ids=[second.pk], change=triage.SetStatus("resolved", reason="test"), by=None,
                 now=timezone.now())  # fmt: skip
    answer = act(as_ann, scope="ticked", finding=[first.pk, second.pk], change="resolved", reason="expected",
                 address="priority=4&view=flat")  # fmt: skip
    action = BulkAction.objects.get()
    assert answer.headers["Location"] == f"/findings/?priority=4&view=flat&acted={action.pk}"
    assert [status(each)[0] for each in (first, second, third)] == ["resolved", "resolved", "new"]
    assert status(second) == ("resolved", "test")
    # login session, user, action, page of findings, newest, people, sample data: 7
    with django_assert_max_num_queries(7):
        page = html(as_ann, answer.headers["Location"])
    assert "Status → Resolved (Expected)</strong>: 1 changed, 1 was so already or no longer matched" in page
    assert ">Undo<" in page


def test_ticked_groups_are_changed_as_far_as_their_findings_fit_the_filter(as_ann: Client) -> None:
    about = factories.exec_session(started_at=timezone.now())
    low, high = (factories.finding(session=about, event=factories.event(), priority=each) for each in (5, 2))
    other = finding(rule="other", priority=2)
    act(as_ann, scope="ticked", group=[low.group_id], change="resolved", reason="test", address="priority=2")
    assert [status(each)[0] for each in (low, high, other)] == ["new", "resolved", "new"]


def test_all_that_match_are_changed_but_none_that_came_later(as_ann: Client, ann: User) -> None:
    made = [finding(rule=f"of {number}") for number in range(3)]
    newest = bulk.newest()
    later = finding(rule="later")
    act(as_ann, scope="all", change="mine", newest=newest, address="-rule=of+0")
    assert [Finding.objects.get(pk=each.pk).assignee for each in (*made, later)] == [None, ann, ann, None]


def test_a_large_action_goes_on_by_itself_and_shows_how_far_it_is(
    as_ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    woken: list[int] = []
    monkeypatch.setattr("ecsaudit.tasks.bulk_action_soon", woken.append)
    for number in range(5):
        finding(rule=f"of {number}")
    answer = act(as_ann, scope="all", change="mine")
    action = BulkAction.objects.get()
    assert (action.changed, action.is_unfinished) == (2, True)
    page = html(as_ann, answer.headers["Location"])
    assert "2 changed, under way" in page
    assert f'hx-get="/findings/actions/{action.pk}/state/"' in page
    assert "Stop and undo" in page
    bulk.run(action.pk, StopEvent())
    part = html(as_ann, f"/findings/actions/{action.pk}/state/")
    assert "5 changed." in part
    assert "hx-get" not in part


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"scope": "ticked", "change": "mine"}, "tick what you mean"),
        ({"scope": "ticked", "change": "mine", "finding": ["x"]}, "must be numbers"),
        ({"scope": "all", "change": "resolved"}, "choose a reason"),
    ],
)
def test_a_bulk_action_that_cannot_be_is_refused_on_the_same_list(
    as_ann: Client, fields: dict[str, Any], problem: str
) -> None:
    found = finding()
    answer = act(as_ann, address="priority=4", text="what I wrote", after="1.1", **fields)
    assert answer.headers["Location"] == "/findings/?priority=4&after=1.1"
    page = html(as_ann, "/findings/?priority=4")
    alert = re.search(r'<p class="note wrong"[^>]* role="alert"[^>]*>(.*?)</p>', page)
    assert alert is not None
    assert alert[1].startswith("Nothing was changed: ")
    assert problem in alert[1]
    assert 'value="what I wrote"' in page
    assert f'name="scope" value="{fields["scope"]}" checked' in page
    # Once, and not to anybody else.
    assert "what I wrote" not in html(as_ann, "/findings/?priority=4")
    assert not BulkAction.objects.exists()
    assert status(found) == ("new", "")


@pytest.mark.parametrize("view", ["flat", "grouped"])
def test_what_was_ticked_for_a_refused_bulk_action_is_ticked_again(as_ann: Client, view: str) -> None:
    first, second = (finding(rule=f"of {number}") for number in range(2))
    name, pk, other = ("finding", first.pk, second.pk) if view == "flat" else ("group", first.group_id, second.group_id)
    act(as_ann, scope="ticked", change="until", reason="expected", until="soon", address=f"view={view}", **{name: [pk]})
    page = html(as_ann, f"/findings/?view={view}")
    assert f'name="{name}" value="{pk}" aria-label="Tick {name} {pk}" checked' in page
    assert f'name="{name}" value="{other}" aria-label="Tick {name} {other}">' in page
    assert '<option value="until" selected>' in page
    assert '<option value="expected" selected>' in page
    assert 'name="until" value="soon"' in page


def test_an_action_leads_back_to_its_page_of_the_list_and_to_the_newest_when_that_is_empty(as_ann: Client) -> None:
    first, second = (finding(rule=f"of {number}") for number in range(2))
    place = f"{int(first.event_time.timestamp() * 1_000_000)}.{first.pk}"
    answer = act(as_ann, scope="ticked", finding=[first.pk], change="resolved", reason="test", address="view=flat",
                 after=place)  # fmt: skip
    assert answer.headers["Location"].endswith(f"&after={place}")
    page = html(as_ann, f"/findings/?view=flat&after={place}")
    assert f'href="/findings/{second.pk}/' in page


def test_bulk_actions_are_listed_with_who_when_how_many_and_undo(
    as_ann: Client, as_vera: Client, adam: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert "Nobody has changed many findings at once yet" in html(as_vera, "/findings/actions/")
    found = finding()
    act(as_ann, scope="all", change="assign", assignee="adam", text="yours", address="priority=4")
    # login session, user, actions, assignees, sample data: 5
    with django_assert_num_queries(5):
        page = html(as_vera, "/findings/actions/")
    assert "Assignee → adam" in page
    assert "yours" in page
    action = BulkAction.objects.get()
    assert f'href="/findings/?priority=4&acted={action.pk}">1 changed</a>' in page
    assert "disabled" in page
    answer = as_ann.post(f"/findings/actions/{action.pk}/undo/")
    assert answer.headers["Location"] == f"/findings/?priority=4&acted={BulkAction.objects.latest('pk').pk}"
    assert Finding.objects.get(pk=found.pk).assignee is None
    page = html(as_ann, "/findings/actions/")
    assert "Undo: Assignee → adam" in page
    assert "1 taken back" in page
    assert "Taken back: assignee: adam → nobody" in html(as_ann, f"/findings/{found.pk}/")


def test_a_session_shows_how_far_people_are_with_its_findings(as_vera: Client, ann: User) -> None:
    found = finding(workflow_status="notified", assignee=ann)
    page = html(as_vera, f"/sessions/{found.session_id}/")
    assert 'data-status="notified">Notified' in page
    assert "assigned to <bdi>ann</bdi>" in page
