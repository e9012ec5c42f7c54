"""An exception made from a finding in a real browser: looked at before, put in force, withdrawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from ecsaudit.findings import triage
from ecsaudit.findings.models import Finding, RecordState
from ecsaudit.library.models import RuleException
from ecsaudit.library.services import refresh
from ecsaudit.people.models import User
from ecsaudit.replay.models import Purpose, Replay, Scope
from tests import personas
from tests.replay.history import SHIPPED, finish, take_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def finding(settings: Settings, tmp_path: Path, ann: User) -> Finding:
    """The newest of three findings in a container, another of which is confirmed."""
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    take_in("/bin/sh", "/bin/sh", "/bin/sh")
    take_in("/bin/sh", first=3, container="db")
    found = list(Finding.objects.order_by("event__pk"))
    confirmed = triage.SetStatus("resolved", "true_positive")
    triage.apply(finding_ids=[found[0].pk], change=confirmed, by=ann, now=timezone.now())
    return found[2]


def log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login/")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(personas.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/")


def test_from_a_finding_to_an_exception_and_back(page: Page, live_server: LiveServer, finding: Finding) -> None:
    log_in(page, live_server.url)
    page.goto(live_server.url + finding.get_absolute_url())
    page.get_by_role("link", name="Make an exception").first.click()
    expect(page.get_by_label("Request: command", exact=True)).to_be_checked()
    page.get_by_label("Reason").fill("the nightly job, OPS-12")
    page.get_by_role("button", name="who + cluster + container", exact=True).click()
    expect(page.get_by_label("Request: command", exact=True)).not_to_be_checked()
    expect(page.get_by_label("Reason")).to_have_value("the nightly job, OPS-12")
    page.get_by_label("Over the stored events of").select_option("all")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    finish(Replay.objects.get(purpose=Purpose.TRY))
    # It comes by itself.
    expect(page.get_by_text("It would have hidden 3 findings, 1 of them confirmed.")).to_be_visible()
    table = page.get_by_role("table", name="Findings that it would have hidden")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table.locator("tbody tr").first).to_contain_text("confirmed")
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("is in force. It judges from the next event on.")).to_be_visible()
    expect(page.get_by_text("It would have hidden 3 findings, 1 of them confirmed.")).to_be_visible()
    made = RuleException.objects.get()
    finish(Replay.objects.get(exception=made))
    take_in("/bin/sh", first=4)
    assert Finding.objects.active().count() == 2
    page.goto(live_server.url + finding.get_absolute_url())
    page.get_by_role("link", name=f"exception {made.pk}").click()
    page.get_by_label("Reason for withdrawing").fill("the job is gone")
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_text("what it hid comes back.", exact=False).first).to_be_visible()
    finish(Replay.objects.get(scope=Scope.BACK))
    assert Finding.objects.active().count() == 5
    finding.refresh_from_db()
    assert finding.record_state == RecordState.ACTIVE


def test_without_javascript_the_same_form_does_it_all(
    browser: Browser, live_server: LiveServer, finding: Finding
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/rules/exceptions/new/?finding={finding.pk}")
    page.get_by_label("Reason").fill("expected")
    page.get_by_role("button", name="who + cluster + container", exact=True).click()
    expect(page.get_by_label("Reason")).to_have_value("expected")
    page.get_by_role("button", name="Preview").click()
    finish(Replay.objects.get(purpose=Purpose.TRY))
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("It would have hidden 3 findings")).to_be_visible()
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_role("heading", name=re.compile(r"Exception \d+ of Shell"))).to_be_visible()
    context.close()
