"""Policies in a real browser: from a framework and a channel to the message that arrived, and what would come of it meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from threading import Event as StopEvent

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from ecsaudit import pipeline
from ecsaudit.findings.models import Finding
from ecsaudit.library.services import refresh
from ecsaudit.notifications import sending
from ecsaudit.notifications.models import Channel
from ecsaudit.people.models import User
from ecsaudit.policies.models import Policy
from tests import factories
from tests.browser.test_journey import log_in
from tests.cloudtrail_api import numbered
from tests.notifications.conftest import this_machine_is_allowed
from tests.notifications.other_sides import http_side
from tests.records import item

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("this_machine_is_allowed", "library"),
]
__all__ = ["this_machine_is_allowed"]
RULES = """- rule: Shell
  desc: a shell
  condition: ct.name = ExecuteCommand
  output: shell of %ct.user
  priority: WARNING
  tags: [PCI_DSS_10.2.1]
  source: aws_cloudtrail

- rule: Other
  desc: the same without a control
  condition: ct.name = ExecuteCommand
  output: other
  priority: NOTICE
  source: aws_cloudtrail
"""


@pytest.fixture
def library(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(RULES)
    refresh()


def take_in(number: int) -> None:
    at = timezone.now().replace(microsecond=0) - timedelta(minutes=9 - number)
    with transaction.atomic():
        pipeline.take_in(factories.feed(), [item(json.dumps(numbered(number, at)))])


def test_from_a_framework_and_a_webhook_to_the_delivery(page: Page, live_server: LiveServer, adam: User) -> None:
    take_in(0)
    log_in(page, live_server.url)
    screens = page.get_by_role("navigation", name="Screens")
    with http_side(status=202, body=b"kept as 4711") as side:
        screens.get_by_role("link", name="Channels").click()
        page.get_by_role("link", name="Make the first channel").click()
        page.get_by_role("link", name="Signed webhook").click()
        page.get_by_label("Name").fill("Security team")
        page.get_by_label("Address").fill(side.url())
        page.get_by_label("Signing secret").fill("a signing secret for tests")
        page.get_by_role("button", name="Make the channel").click()
        page.get_by_role("button", name="Send test").click()
        expect(page.locator(".tested")).to_contain_text("Accepted 202")

        screens.get_by_role("link", name="Policies").click()
        page.get_by_role("link", name="New policy").click()
        page.get_by_label("Name", exact=True).fill("Payments under PCI")
        rail = page.locator("#forecast")
        expect(rail).to_contain_text("2 findings, 1 person.")
        page.get_by_label("PCI DSS", exact=True).check()
        expect(rail).to_contain_text("1 finding, 1 person.")
        expect(rail).to_contain_text("1 of 2 rules: Shell.")
        expect(rail).to_contain_text("it would tell nobody")
        page.get_by_label("Security team").check()
        expect(rail).to_contain_text("1 finding, 1 person, 1 message to Security team.")
        page.get_by_label("Region", exact=True).fill("us-*")
        expect(rail).to_contain_text("0 findings, 0 people, 0 messages to Security team.")
        page.get_by_label("Region", exact=True).fill("eu-*")
        expect(rail).to_contain_text("1 finding, 1 person, 1 message")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Policy “Payments under PCI” is saved.")).to_be_visible()
        expect(page.get_by_text("Rules of PCI DSS: 1 rule")).to_be_visible()

        take_in(1)
        sending.run(Channel.objects.get().pk, StopEvent())
        assert side.got[-1].json["is_test"] is False
        assert side.got[-1].json["policy"] == "Payments under PCI"

    finding = Finding.objects.filter(rule="Shell").latest("event_time")
    page.goto(live_server.url + finding.get_absolute_url())
    expect(page.locator(".verdicts").first).to_contain_text("Payments under PCI catches it and tells Security team.")
    screens.get_by_role("link", name="Deliveries").click()
    row = page.locator("table tbody tr").filter(has_text="Payments under PCI")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Sent")
    expect(row).to_contain_text("Security team")


def test_hours_are_shown_only_where_they_apply_and_narrow_screens_show_where_one_is(
    page: Page, live_server: LiveServer, adam: User
) -> None:
    log_in(page, live_server.url)
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{live_server.url}/policies/new/")
    expect(page.get_by_label("Time zone")).to_be_hidden()
    page.get_by_label("Outside these hours").check()
    expect(page.get_by_label("Time zone")).to_be_visible()
    screens = page.get_by_role("navigation", name="Screens")
    for address, name in (("", "Overview"), ("policies/", "Policies"), ("collection/", "Collection")):
        page.goto(f"{live_server.url}/{address}")
        expect(screens.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)


def test_without_javascript_a_policy_is_counted_and_saved(browser: Browser, live_server: LiveServer, ann: User) -> None:
    take_in(0)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, live_server.url, username="ann")
    page.goto(f"{live_server.url}/policies/new/")
    page.get_by_label("By name").fill("Shell")
    page.get_by_role("button", name="Count").click()
    expect(page.locator("#forecast")).to_contain_text("1 finding, 1 person.")
    page.get_by_label("Name", exact=True).fill("Shells")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Shells")).to_be_visible()
    page.get_by_text("Switch or delete").click()
    page.get_by_placeholder("why (stands in the history)").fill("too early")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Policy “Shells” is off.")).to_be_visible()
    assert Policy.objects.get(name="Shells").enabled is False
    context.close()
