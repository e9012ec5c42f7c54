"""What a rule author does, in a real browser: clone, change, save, see findings; break the text; meet another author."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ecsaudit import pipeline
from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Kind, Layer, Version
from ecsaudit.library.services import save
from ecsaudit.people.models import User
from ecsaudit.replay.models import Replay
from tests import factories, records
from tests.browser.test_journey import log_in
from tests.replay.history import finish

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHELL = "Terminal Shell in ECS Container"
OWN = "- rule: Mine\n  desc: d\n  condition: ct.name = ExecuteCommand\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


@pytest.fixture(autouse=True)
def library(ann: User) -> None:
    rules.current()


def take_in(*found: dict[str, Any]) -> None:
    """New events, as the collector takes them in."""
    with transaction.atomic():
        pipeline.take_in(factories.feed(), [records.item(record) for record in found])


def clone(page: Page, address: str, rule: str) -> None:
    page.goto(f"{address}/rules/")
    page.get_by_role("link", name=rule).first.click()
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_role("heading", name=f"New rule, a copy of {rule}")).to_be_visible()
    expect(page.locator(".rule-text[data-ready]")).to_be_visible()


TO_LINE = """(text) => {
  const editor = ace.edit(document.querySelector(".rule-text"));
  const row = editor.session.getDocument().getAllLines().findIndex((line) => line.includes(text));
  editor.gotoLine(row + 1, editor.session.getLine(row).search(/\\S/));
  editor.focus();
}"""


def line(page: Page, text: str) -> None:
    """Put the cursor at the beginning of the words of the line that holds a text."""
    expect(page.locator(".rule-text")).to_be_visible()
    page.evaluate(TO_LINE, text)


def save_as(page: Page, state: str, why: str) -> None:
    page.get_by_role("radio", name=state, exact=True).check()
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Save", exact=True).click()


def test_interactive_commands_that_are_no_shell_from_a_clone_to_a_finding(page: Page, live_server: LiveServer) -> None:
    log_in(page, live_server.url, username="ann")
    clone(page, live_server.url, SHELL)
    line(page, "in (system_shells)")
    page.keyboard.type("not ")
    expect(page.locator("#checked")).to_contain_text("The text can be used.")
    save_as(page, "On", "interactive commands that are not a shell")
    expect(page.get_by_text("It judges from the next event on")).to_be_visible()

    take_in(
        records.execute_command(command="/usr/bin/top", eventID="e-1"),
        records.execute_command(command="/bin/sh", eventID="e-2"),
    )
    page.goto(f"{live_server.url}/findings/?rule=Terminal+Shell+in+ECS+Container+(copy)&days=3650")
    expect(page.locator(".list tbody tr")).to_have_count(1)
    assert Finding.objects.get(rule=f"{SHELL} (copy)").event.event_id == "e-1"


def test_any_command_without_a_terminal_from_a_clone_to_a_finding(page: Page, live_server: LiveServer) -> None:
    log_in(page, live_server.url, username="ann")
    clone(page, live_server.url, SHELL)
    line(page, "interactive]=true")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text("jevt.value[/requestParameters/interactive]=false and")
    line(page, "in (system_shells)")
    page.keyboard.press("Shift+End")
    page.keyboard.press("Delete")
    expect(page.locator("#checked")).to_contain_text("The text can be used.")
    save_as(page, "On", "any command without a terminal")
    expect(page.get_by_text("It judges from the next event on")).to_be_visible()

    take_in(
        records.execute_command(command="env", interactive=False, eventID="e-1"),
        records.execute_command(command="env", eventID="e-2"),
    )
    finding = Finding.objects.get(rule=f"{SHELL} (copy)")
    assert finding.event.event_id == "e-1"
    assert finding.rule_version == Version.objects.get(layer=Layer.OWN)
    page.goto(live_server.url + finding.get_absolute_url())
    expect(page.get_by_role("heading", name="Why the rule matched")).to_be_visible()


def test_a_broken_text_is_told_at_its_line_while_one_types(page: Page, live_server: LiveServer) -> None:
    log_in(page, live_server.url, username="ann")
    clone(page, live_server.url, SHELL)
    line(page, "desc:")
    page.keyboard.type("  ")
    problem = page.locator("#checked li[data-own]").first
    expect(problem).to_contain_text("Error line 2")
    expect(page.locator(".rule-text .ace_gutter-cell.ace_error")).to_have_text("2")
    page.keyboard.press("Backspace")
    expect(page.locator("#checked")).to_contain_text("The text can be used.")
    expect(page.locator(".rule-text .ace_gutter-cell.ace_error")).to_have_count(0)

    line(page, "in (system_shells)")
    page.keyboard.type("ct.usr = me and ")
    expect(problem).to_contain_text("did you mean 'ct.user'?")
    expect(page.locator(".rule-text .ace_gutter-cell.ace_error")).to_have_text("6")
    page.keyboard.press("Escape")
    save_as(page, "On", "broken")
    expect(page.locator("#checked li[data-own]").first).to_contain_text("Error line 6")
    assert not Version.objects.filter(layer=Layer.OWN).exists()


def test_fields_macros_and_lists_are_completed(page: Page, live_server: LiveServer) -> None:
    log_in(page, live_server.url, username="ann")
    clone(page, live_server.url, SHELL)
    line(page, "in (system_shells)")
    page.keyboard.type("ct.useri")
    popup = page.locator(".ace_autocomplete")
    expect(popup).to_contain_text("ct.user.identitytype")
    page.keyboard.press("Escape")


def test_who_edits_at_the_same_time_is_told_and_sees_the_difference(
    page: Page, browser: Browser, live_server: LiveServer, ann: User, adam: User
) -> None:
    save(kind=Kind.RULE, name="Mine", layer=Layer.OWN, text=OWN, author=ann, message="made")
    log_in(page, live_server.url, username="ann")
    page.goto(f"{live_server.url}/rules/edit/?kind=rule&name=Mine")
    other = browser.new_context()
    colleague = other.new_page()
    log_in(colleague, live_server.url, username="adam")
    colleague.goto(f"{live_server.url}/rules/edit/?kind=rule&name=Mine")
    for tab, priority in ((colleague, "ERROR"), (page, "DEBUG")):
        line(tab, "priority:")
        tab.keyboard.press("Shift+End")
        tab.keyboard.insert_text(f"priority: {priority}")
        tab.get_by_label("Why").fill(f"now {priority}")
        tab.get_by_role("button", name="Save", exact=True).click()
    expect(colleague.get_by_text("It judges from the next event on")).to_be_visible()
    other.close()

    expect(page.get_by_role("alert").first).to_contain_text("Somebody saved this while you were editing")
    expect(page.get_by_text("adam saved version 2")).to_be_visible()
    changed = page.locator(".diff tr.changed")
    expect(changed.locator(".left")).to_contain_text("priority: ERROR")
    expect(changed.locator(".right")).to_contain_text("priority: DEBUG")
    assert "ERROR" in Version.objects.get(name="Mine", layer=Layer.OWN, is_current=True).text
    page.get_by_role("button", name="Save over it").click()
    expect(page.get_by_text("It judges from the next event on")).to_be_visible()
    assert "DEBUG" in Version.objects.get(name="Mine", layer=Layer.OWN, is_current=True).text


def test_a_text_is_tried_over_the_stored_history_before_it_is_saved(page: Page, live_server: LiveServer) -> None:
    now = f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    take_in(
        records.execute_command(command="/usr/bin/top", eventID="e-1", eventTime=now),
        records.execute_command(command="/bin/sh", eventID="e-2", eventTime=now),
    )
    log_in(page, live_server.url, username="ann")
    clone(page, live_server.url, SHELL)
    line(page, "in (system_shells)")
    page.keyboard.type("not ")
    page.get_by_role("button", name="Try it").click()
    tried = page.locator("#tried")
    expect(tried.get_by_role("progressbar")).to_be_visible()
    finish(Replay.objects.get())
    expect(tried.get_by_role("link", name="1 new")).to_be_visible()
    expect(tried.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".rule-text")).to_contain_text("not jevt.value")
    tried.locator("tbody tr a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("(copy)")


def test_the_editor_works_without_a_script(browser: Browser, live_server: LiveServer) -> None:
    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    log_in(page, live_server.url, username="ann")
    page.goto(f"{live_server.url}/rules/new/?from={SHELL}")
    page.get_by_label("Text, as in a rule file of Falco").fill(OWN.replace("ct.name", "ct.nmae"))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#checked")).to_contain_text("did you mean 'ct.name'?")
    page.get_by_label("Text, as in a rule file of Falco").fill(OWN)
    save_as(page, "Shadow", "by hand")
    expect(page.get_by_text("It judges from the next event on")).to_be_visible()
    assert rules.current().shadows == {"Mine"}
    plain.close()
