"""Findings worked through in a real browser: with the keyboard alone, in bulk and taken back, and without JavaScript."""

from __future__ import annotations

from datetime import timedelta
from threading import Event as StopEvent

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db.models import Q
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ecsaudit.findings import bulk, triage
from ecsaudit.findings.models import Activity, BulkAction, Finding
from ecsaudit.people.models import User
from tests import factories
from tests.browser.test_replays import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def findings(ann: User) -> list[Finding]:
    """Four, each of a person of its own, the first the newest."""
    now = timezone.now()
    made = []
    for number, person in enumerate(("ana", "bob", "cid", "dan")):
        at = now - timedelta(minutes=number)
        made.append(
            factories.finding(session=factories.exec_session(person=person, started_at=at), rule=f"of {person}")
        )
    return made


def status(finding: Finding) -> tuple[str, str, str]:
    row = Finding.objects.select_related("assignee").get(pk=finding.pk)
    return row.workflow_status, row.close_reason, row.assignee.username if row.assignee else ""


def test_findings_are_worked_through_with_the_keyboard_alone(
    page: Page, live_server: LiveServer, findings: list[Finding]
) -> None:
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/findings/?view=flat")
    keys = page.keyboard
    keys.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    keys.press("Escape")
    # The second and the third: resolve, with a reason.
    keys.press("j")
    keys.press("j")
    keys.press("x")
    keys.press("j")
    keys.press("x")
    expect(page.locator("fieldset").get_by_text("2 ticked")).to_be_visible()
    keys.press("e")
    expect(page.get_by_label("Reason")).to_be_focused()
    keys.press("E")
    expect(page.get_by_label("Reason")).to_have_value("expected")
    keys.press("Tab")
    keys.type("drill")
    keys.press("Enter")
    expect(page.get_by_role("status").filter(has_text="2 changed")).to_be_visible()
    assert [status(each) for each in findings] == [
        ("new", "", ""), ("resolved", "expected", ""), ("resolved", "expected", ""), ("new", "", ""),
    ]  # fmt: skip
    # What came after them is the current one. The first is mine now.
    expect(page.locator("tr.current")).to_contain_text("of dan")
    expect(page.locator("tr.current a.opens")).to_be_focused()
    keys.press("k")
    keys.press("a")
    expect(page.get_by_role("status").filter(has_text="1 changed")).to_be_visible()
    assert status(findings[0]) == ("new", "", "ann")
    # Open it, go to the next that is open, and back to the list.
    expect(page.locator("tr.current")).to_contain_text("of dan")
    keys.press("k")
    keys.press("o")
    expect(page.get_by_role("heading", name="of ana")).to_be_visible()
    keys.press("j")
    expect(page.get_by_role("heading", name="of dan")).to_be_visible()
    keys.press("k")
    expect(page.get_by_role("heading", name="of ana")).to_be_visible()
    keys.press("e")
    keys.press("T")
    keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_text("Status: New → Resolved (True positive)")).to_be_visible()
    keys.press("u")
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    expect(page.locator("tr.current")).to_contain_text("of dan")
    keys.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


def test_the_place_in_a_long_list_outlasts_what_is_done_on_each_page(
    page: Page, live_server: LiveServer, findings: list[Finding]
) -> None:
    at = timezone.now() - timedelta(hours=1)
    about = factories.exec_session(person="eve", started_at=at)
    for number in range(60):
        factories.finding(
            session=about, rule=f"of {number}", event=factories.event(), event_time=at - timedelta(minutes=number)
        )
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/findings/")
    page.get_by_role("link", name="Older →").click()
    expect(page.locator(".tickable tbody tr")).to_have_count(14)
    keys = page.keyboard
    for _ in range(12):
        keys.press("j")
    current = page.locator("tr.current")
    expect(current).to_contain_text("of 57")
    keys.press("a")
    expect(page.get_by_role("status").filter(has_text="1 changed")).to_be_in_viewport()
    expect(current).to_contain_text("of 58")
    expect(current.locator("a.opens")).to_be_focused()
    expect(current).to_be_in_viewport()
    # The facets, which come a moment later, move nothing.
    expect(page.locator("#count")).to_have_text("64")
    expect(current.locator("a.opens")).to_be_focused()
    # Who turns to the list from elsewhere is not led anywhere.
    page.goto(f"{live_server.url}/sessions/")
    page.get_by_role("navigation", name="Screens").get_by_role("link", name="Findings").click()
    expect(page.locator(".tickable tbody tr")).to_have_count(50)
    expect(current).to_have_count(0)


def test_a_refused_bulk_action_keeps_what_was_written_and_ticked(
    page: Page, live_server: LiveServer, findings: list[Finding]
) -> None:
    log_in(page, live_server.url)
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{live_server.url}/findings/?view=flat")
    apply = page.get_by_role("button", name="Apply")
    expect(apply).to_be_hidden()
    page.get_by_label("Tick finding").nth(1).check()
    bar = page.get_by_text("Change findings 1 ticked")
    expect(bar).to_be_in_viewport()
    bar.click()
    page.get_by_label("What to do").select_option("Suppress until …")
    page.get_by_label("Reason").select_option("Expected")
    page.get_by_label("Until (UTC)").fill("2020-01-01T08:00")
    page.get_by_role("textbox", name="Comment").fill("a drill")
    apply.click()
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(
        "Nothing was changed: “until”: lies in the past; write a time (UTC) that is still to come."
    )
    expect(alert).to_be_in_viewport()
    expect(alert).to_be_focused()
    expect(page.get_by_label("Tick finding").nth(1)).to_be_checked()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("a drill")
    page.get_by_label("Until (UTC)").fill("2099-01-01T08:00")
    apply.click()
    expect(page.get_by_role("status").filter(has_text="1 changed")).to_be_in_viewport()
    assert [status(each)[:2] for each in findings] == [
        ("new", ""), ("suppressed", "expected"), ("new", ""), ("new", ""),
    ]  # fmt: skip


def test_a_bulk_action_on_all_that_match_is_taken_back(
    page: Page, live_server: LiveServer, findings: list[Finding], adam: User
) -> None:
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/findings/?-person=dan")
    expect(page.get_by_text("all 3 that match the filter")).to_be_visible()
    page.get_by_label("that match the filter, on every page").check()
    page.get_by_label("What to do").select_option("Resolve")
    page.get_by_label("Reason").select_option("False positive")
    page.get_by_role("button", name="Apply").click()
    acted = page.get_by_role("status").filter(has_text="3 changed")
    expect(acted).to_be_visible()
    assert [status(each)[0] for each in findings] == ["resolved", "resolved", "resolved", "new"]
    triage.apply(finding_ids=[findings[0].pk], change=triage.SetStatus("new"), by=adam, now=timezone.now())
    acted.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 taken back, 1 left alone because somebody changed them since")).to_be_visible()
    assert [status(each)[0] for each in findings] == ["new"] * 4
    assert BulkAction.objects.count() == 2
    page.get_by_role("link", name="Bulk actions").click()
    expect(page.get_by_text("undone")).to_be_visible()


def test_the_screens_of_triage_fit_and_are_accessible(
    page: Page, live_server: LiveServer, findings: list[Finding]
) -> None:
    for number in range(2):
        at = findings[0].event_time - timedelta(hours=number)
        factories.finding(session=findings[0].session, rule="of ana", event=factories.event(), event_time=at)
    action = bulk.ask(
        change=triage.Assign(None, "nobody's " * 30), condition=Q(), address="", by=User.objects.get(username="ann"),
        newest_finding=None,
    )  # fmt: skip
    bulk.run(action.pk, StopEvent())
    factories.policy()
    page.set_viewport_size({"width": 400, "height": 900})
    log_in(page, live_server.url)
    axe = Axe()
    for address, last in (
        (f"/findings/?acted={action.pk}", "#count"), (findings[0].get_absolute_url(), ".verdicts, .caught-by .note"),
        ("/findings/actions/", "table"), ("/policies/", "table"), ("/policies/new/", ".caught"),
    ):  # fmt: skip
        page.goto(live_server.url + address)
        # What is fetched after the page is there as well.
        expect(page.locator(last).first).to_be_attached()
        found = axe.run(page).response["violations"]
        assert [(address, each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, address
        # Rows are cards where it is narrow: nothing in them is to be scrolled to.
        for box in page.locator(".list .scroller").all():
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), address


def test_who_is_slower_sees_what_the_other_one_did(
    browser: Browser, live_server: LiveServer, findings: list[Finding], adam: User
) -> None:
    # Not the common profile: Chromium notes in its console that the answer is a conflict.
    context = browser.new_context()
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + findings[0].get_absolute_url())
    triage.apply(
        finding_ids=[findings[0].pk], change=triage.SetStatus("suppressed", reason="test", text="my drill"), by=adam,
        now=timezone.now(),
    )  # fmt: skip
    page.get_by_label("What to do").select_option("Resolve")
    page.get_by_label("Reason").select_option("True positive")
    page.get_by_role("textbox", name="Comment").fill("an intruder")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("adam: Status: New → Suppressed (Test): my drill")
    assert status(findings[0]) == ("suppressed", "test", "")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("an intruder")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Status: Suppressed → Resolved (True positive)")).to_be_visible()
    context.close()


def test_all_works_without_javascript(browser: Browser, live_server: LiveServer, findings: list[Finding]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/findings/")
    page.get_by_label("Tick group").nth(1).check()
    page.get_by_label("What to do").select_option("Suppress until …")
    page.get_by_label("Reason").select_option("Expected")
    page.get_by_label("more have come").fill("5")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Suppressed until 5 more have come (Expected)")).to_be_visible()
    assert [status(each)[0] for each in findings] == ["new", "suppressed", "new", "new"]
    page.goto(live_server.url + findings[1].get_absolute_url())
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("The suppression ended: ann ended it")).to_be_visible()
    page.get_by_label("What to do").select_option("Comment")
    page.get_by_label("Comment", exact=True).fill("seen")
    page.get_by_role("button", name="Apply").click()
    assert Activity.objects.filter(text="seen", by__username="ann").count() == 1
    context.close()
