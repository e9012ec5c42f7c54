"""Replays' screens: who may, how they start, what they show on the way and at the end, and what they cost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from ecsaudit.library.effective import rules
from ecsaudit.library.models import RuleSet
from ecsaudit.people.models import User
from ecsaudit.replay import services
from ecsaudit.replay.models import Purpose, Replay, ReplayMatch, Scope, State
from tests import factories
from tests.replay.history import NARROWER, SHIPPED, WIDER, finish, overlay, take_in

pytestmark = pytest.mark.django_db
FORM = {"kind": "rule", "name": "Shell", "layer": "overlay", "text": NARROWER, "days": "all"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    rules.current()


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/rules/replays/", "/rules/replays/1/cancel/"])
def test_strangers_are_sent_to_the_log_in_and_viewers_may_not_start_or_cancel(
    client: Client, as_vera: Client, address: str
) -> None:
    assert client.post(address, FORM).headers["Location"] == f"/login/?next={address}"
    assert as_vera.post(address, FORM).status_code == 403
    assert not Replay.objects.exists()


@pytest.mark.usefixtures("library")
def test_an_analyst_starts_a_try_and_a_worker_is_woken_at_once(
    as_ann: Client,
    ann: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[int] = []
    monkeypatch.setattr("ecsaudit.tasks.replay_soon", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        response = as_ann.post("/rules/replays/", FORM)
    replay = Replay.objects.get()
    assert response.headers["Location"] == f"/rules/replays/{replay.pk}/"
    assert (replay.purpose, replay.author, replay.text, replay.since) == (Purpose.TRY, ann, NARROWER, None)
    assert woken == [replay.pk]


@pytest.mark.usefixtures("library")
def test_htmx_gets_the_part_that_goes_on_by_itself_until_the_end(as_ann: Client) -> None:
    take_in("/bin/sh")
    page = as_ann.post("/rules/replays/", FORM, headers=HTMX).content.decode()
    replay = Replay.objects.get()
    assert "<html" not in page
    assert f'hx-get="/rules/replays/{replay.pk}/state/?change="' in page
    assert "Not begun yet." in page
    finish(replay)
    page = as_ann.get(f"/rules/replays/{replay.pk}/state/", headers=HTMX).content.decode()
    assert "hx-get" not in page
    assert "1 of 1 stored events judged" in page
    assert "1 unchanged" in page


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"text": NARROWER.replace("json.value", "jsn.value")}, "line 2"),
        ({"text": "- rule: Shell\n" + "# x\n" * 1_250_000}, "one item may have 1,000,000"),
        ({"text": "- rule: Shell\n  desc: d\n  override: {desc: replace}\n"}, "There is nothing to try"),
        ({"kind": "cloud"}, "not one of the available choices"),
        ({"days": "14"}, "not one of the available choices"),
        ({"layer": "shipped"}, "not one of the available choices"),
        ({"name": "", "text": "- list: l\n"}, "there is no rule here"),
        ({"text": "\x00"}, "Null characters are not allowed"),
    ],
)
def test_what_can_not_be_tried_is_told_and_starts_nothing(as_ann: Client, changes: dict[str, str], told: str) -> None:
    response = as_ann.post("/rules/replays/", FORM | changes)
    assert response.status_code == 422
    assert told in response.content.decode()
    response = as_ann.post("/rules/replays/", FORM | changes, headers=HTMX)
    assert response.status_code == 200
    assert told in response.content.decode()
    assert "<html" not in response.content.decode()
    assert not Replay.objects.exists()


def test_a_text_of_five_megabytes_reaches_the_page_that_refuses_it() -> None:
    assert django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE > 8_000_000


@pytest.mark.usefixtures("library")
def test_the_difference_has_an_address_for_each_kind_and_every_row_leads_to_its_reason(
    as_vera: Client, ann: User
) -> None:
    take_in("/bin/sh", "/bin/ash", "id")
    replay = finish(services.start(kind="list", name="shells", layer="overlay", text=WIDER, days=None, author=ann))
    page = html(as_vera, f"/rules/replays/{replay.pk}/")
    for text in ("1 new", "1 gone", "2 unchanged", "3 of 3 stored events judged", "named ExecuteCommand"):
        assert text in page
    match = replay.matches.get(change="gone")
    page = html(as_vera, f"/rules/replays/{replay.pk}/?change=gone")
    assert f'href="/rules/replays/{replay.pk}/matches/{match.pk}/"' in page
    assert page.count('class="rows matches"') == 1
    assert 'data-change="gone" aria-current="true"' in page
    session = match.event.session_event.session
    assert f'href="/sessions/{session.pk}/"' in page
    why = html(as_vera, f"/rules/replays/{replay.pk}/matches/{match.pk}/")
    assert why.index("In force: matches") < why.index("With this text: does not match")
    assert "<strong>Notice</strong> other" in why
    assert "list <code>shells</code>: /bin/sh, /bin/ash" in why


@pytest.mark.usefixtures("library")
def test_a_rule_that_one_side_lacks_is_told(as_vera: Client) -> None:
    match = factories.replay_match(event=factories.event(), rule="Nowhere")
    assert html(as_vera, f"/rules/replays/{match.replay_id}/matches/{match.pk}/").count("no such rule") == 2
    assert as_vera.get(f"/rules/replays/{match.replay_id + 1}/matches/{match.pk}/").status_code == 404


@pytest.mark.usefixtures("library")
def test_a_page_of_matches_costs_the_same_however_many_there_are(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    replay = factories.replay(new=1_234)
    for number in range(60):
        session = factories.exec_session(started_at=factories.NOW - timedelta(minutes=number))
        ReplayMatch.objects.create(
            replay=replay, event=session.event, event_time=session.started_at, rule="Shell", change="new"
        )
    # login session, user, replay with rule sets, key of the rules in force, page of matches, sample data: 6
    with django_assert_num_queries(6):
        page = html(as_vera, f"/rules/replays/{replay.pk}/")
    assert page.count("/matches/") == 50
    assert "1,234 new" in page
    assert "1,000 of them are kept" in page
    older = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert html(as_vera, older).count("/matches/") == 10


@pytest.mark.usefixtures("library")
def test_the_list_tells_the_newest_and_costs_three_queries(
    as_vera: Client, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert "Nothing was judged again yet" in html(as_vera, "/rules/replays/")
    for number in range(3):
        factories.replay(name=f"Rule {number}", author=ann)
    factories.replay(purpose="count", name="", rules=["counted"])
    # login session, user, replays with their authors, sample data: 4
    with django_assert_num_queries(4):
        page = html(as_vera, "/rules/replays/")
    assert page.index("Rule 2") < page.index("Rule 0")
    assert "counted" not in page


@pytest.mark.usefixtures("library")
def test_cancelling_leads_back_or_answers_with_the_part(as_ann: Client) -> None:
    as_ann.post("/rules/replays/", FORM)
    replay = Replay.objects.get()
    assert 'action="/rules/replays/' in html(as_ann, f"/rules/replays/{replay.pk}/")
    response = as_ann.post(f"/rules/replays/{replay.pk}/cancel/", headers=HTMX)
    assert "<html" not in response.content.decode()
    assert "Cancelled" in response.content.decode()
    replay.refresh_from_db()
    assert replay.state == State.CANCELLED
    response = as_ann.post(f"/rules/replays/{replay.pk}/cancel/", follow=True)
    assert "There was nothing left to cancel." in response.content.decode()


@pytest.mark.usefixtures("library")
def test_a_viewer_sees_no_cancel_button(as_vera: Client) -> None:
    replay = factories.replay(state="running", total=1_000, done=250)
    page = html(as_vera, f"/rules/replays/{replay.pk}/")
    assert "25 %" in page
    assert "/cancel/" not in page


@pytest.mark.usefixtures("library")
def test_what_was_applied_says_who_judged_and_leads_to_the_findings(as_vera: Client, ann: User) -> None:
    take_in("/bin/sh")
    take_in("/bin/sh", first=1, container="db")
    overlay(ann, NARROWER)
    replay = finish(services.apply(rules=["Shell"], scope=Scope.OPEN, author=ann))
    page = html(as_vera, f"/rules/replays/{replay.pk}/")
    assert "<li>1 archived</li>" in page
    asked = "days=3650&amp;rule=Shell&amp;record_state=archived&amp;workflow_status=any&amp;view=flat"
    assert f'href="/findings/?{asked}">Archived ones' in page
    assert f"(rule set {replay.rule_set_id})." in page
    overlay(ann, WIDER, kind="list", name="shells")
    assert "other rules are in force since" in html(as_vera, f"/rules/replays/{replay.pk}/")


@pytest.mark.usefixtures("library")
def test_names_that_nothing_asks_cloudtrail_for_are_told(as_vera: Client) -> None:
    replay = factories.replay(event_names=["DeleteTrail", "ExecuteCommand"], rule_set=RuleSet.objects.first())
    page = html(as_vera, f"/rules/replays/{replay.pk}/")
    assert "No rule that is on asks CloudTrail for <code>DeleteTrail</code>:" in page


@pytest.mark.usefixtures("library")
def test_a_failure_tells_its_reason(as_vera: Client) -> None:
    replay = factories.replay(state="failed", failure="OperationalError: disk full")
    assert "OperationalError: disk full" in html(as_vera, f"/rules/replays/{replay.pk}/")


@pytest.mark.usefixtures("library")
def test_what_brings_findings_back_offers_no_cancelling_and_says_why(as_ann: Client) -> None:
    replay = factories.replay(purpose="apply", scope="back", state="waiting", exception=factories.rule_exception())
    address = f"/rules/replays/{replay.pk}/"
    page = html(as_ann, address)
    assert f"{address}cancel/" not in page
    assert "It can't be cancelled" in page
    assert "Findings that the exception archived, and events that it kept from being found." in page
    answer = as_ann.post(f"{address}cancel/", follow=True)
    assert "It goes on: the exception has ended" in answer.content.decode()
    replay.refresh_from_db()
    assert replay.state == State.WAITING
    Replay.objects.filter(pk=replay.pk).update(state=State.FAILED)
    assert "is brought back by another" in html(as_ann, address)
