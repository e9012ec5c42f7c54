"""A message whose answer was lost, in a real browser: the banner leads to it, and a person sends it again."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from ecsaudit.notifications import services
from ecsaudit.notifications.models import Channel
from tests import factories
from tests.browser.test_replays import log_in
from tests.notifications.conftest import this_machine_is_allowed  # noqa: F401
from tests.notifications.other_sides import http_side, raw_side, request_of
from tests.notifications.outbox import take_turn, webhook

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.usefixtures("this_machine_is_allowed", "ann")
def test_the_banner_leads_to_an_uncertain_message_that_is_sent_again(page: Page, live_server: LiveServer) -> None:
    with raw_side(lambda connection: request_of(connection) and None) as url:
        channel = webhook(url, "Security team")
        for _ in range(3):
            services.enqueue([factories.routing(factories.finding(), channel)], timezone.now())
            take_turn(channel)
    log_in(page, live_server.url)
    expect(page.get_by_role("alert")).to_contain_text("Messages don't arrive through the channel Security team.")
    page.get_by_role("link", name="See what was not sent").click()
    expect(page.locator("table.deliveries tbody tr")).to_have_count(3)
    expect(page.locator("table.deliveries")).to_contain_text("closed: it may have arrived")
    page.locator("table.deliveries tbody a").first.click()
    expect(page.get_by_text("It may have arrived.")).to_be_visible()
    with http_side(body=b"thank you") as side:
        Channel.objects.update(settings={"url": side.url()})
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("It goes out again in a moment.")).to_be_visible()
        expect(page.get_by_text("ann asked at")).to_be_visible()
        take_turn(channel)
        assert len(side.got) == 1
    page.reload()
    expect(page.locator("p.badges .standing")).to_have_text("Sent")
    expect(page.locator("table.tries")).to_contain_text("thank you")
    expect(page.get_by_role("alert")).to_have_count(0)
