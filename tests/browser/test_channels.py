"""Channels in a real browser: make one, test it, write its text."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from ecsaudit.notifications.models import Channel
from ecsaudit.people.models import User
from tests import factories
from tests.browser.test_journey import log_in
from tests.notifications.conftest import this_machine_is_allowed
from tests.notifications.other_sides import http_side

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("this_machine_is_allowed"),
]
__all__ = ["this_machine_is_allowed"]


def test_a_webhook_is_made_tested_and_given_its_own_text(page: Page, live_server: LiveServer, adam: User) -> None:
    factories.finding()
    log_in(page, live_server.url)
    page.get_by_role("navigation", name="Screens").get_by_role("link", name="Channels").click()
    page.get_by_role("link", name="Make the first channel").click()
    page.get_by_role("link", name="Signed webhook").click()
    page.get_by_label("Name").fill("Security team")
    page.get_by_label("Address").fill("https://169.254.169.254/latest/")
    page.get_by_label("Signing secret").fill("a signing secret for tests")
    page.get_by_role("button", name="Make the channel").click()
    expect(page.get_by_text("169.254.169.254 is not an address of the public internet")).to_be_visible()
    with http_side(status=202, body=b"kept as 4711") as side:
        page.get_by_label("Address").fill(side.url())
        # It was not sent back, so it is entered again.
        expect(page.get_by_label("Signing secret")).to_have_value("")
        page.get_by_label("Signing secret").fill("a signing secret for tests")
        page.get_by_role("button", name="Make the channel").click()
        expect(page.get_by_text("Never tested")).to_be_visible()
        page.get_by_role("button", name="Send test").click()
        expect(page.locator(".tested")).to_contain_text("Accepted 202")
        expect(page.locator(".tested")).to_contain_text("kept as 4711")
        expect(page.get_by_text("Never tested")).to_have_count(0)
        assert side.got[0].json["is_test"] is True

    page.get_by_role("link", name="Edit the texts").click()
    page.get_by_label("Title").fill("{finding.person} in {finding.target}")
    expect(page.locator(".preview-title")).to_have_text("ana@example.com in prod-payments/web")
    page.get_by_label("Text", exact=True).fill("Command:\n  {finding.comand}")
    expect(page.locator("#preview")).to_contain_text("Text, line 2, column 3: unknown placeholder {finding.comand}")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#preview")).to_contain_text("It isn't saved")
    page.get_by_label("Text", exact=True).fill("Command:\n  {finding.command}")
    expect(page.locator("#preview pre")).to_have_text(re.compile(r"Command:\s+/bin/sh"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This channel has texts of its own.")).to_be_visible()
    assert Channel.objects.get().body_template == "Command:\n  {finding.command}"

    page.get_by_role("button", name="Switch off").click()
    page.get_by_role("navigation", name="Screens").get_by_role("link", name="Channels").click()
    expect(page.get_by_text("Switched off")).to_be_visible()
