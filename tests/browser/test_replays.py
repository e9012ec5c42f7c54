"""A try in a real browser: it shows its progress by itself, can be cancelled, and leads from numbers to reasons."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from ecsaudit.library.services import refresh
from ecsaudit.people.models import User
from ecsaudit.replay import services, turns
from ecsaudit.replay.models import Purpose, Replay
from ecsaudit.replay.outcomes import Try
from tests import personas
from tests.replay.history import SHIPPED, WIDER, finish, take_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def replay(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ann: User) -> Replay:
    """Asked for, with two batches of two events before it."""
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    monkeypatch.setattr("ecsaudit.replay.reading.BATCH", dict.fromkeys(Purpose, 2))
    take_in("/bin/sh", "/bin/ash", "id", "/bin/ash")
    return services.start(kind="list", name="shells", layer="overlay", text=WIDER, days=None, author=ann)


def log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login/")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(personas.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/")


def test_progress_comes_by_itself_and_ends_in_the_difference(
    page: Page, live_server: LiveServer, replay: Replay
) -> None:
    log_in(page, live_server.url)
    page.goto(live_server.url + replay.get_absolute_url())
    expect(page.get_by_text("Waiting", exact=True)).to_be_visible()
    turn = turns.take(replay.pk, timezone.now())
    assert turn is not None
    turns.prepare(turn)
    turns.take_batch(turn, Try(turn.replay))
    expect(page.get_by_text("2 of 4 stored events judged")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "50")
    turn.release()
    finish(replay)
    expect(page.get_by_text("4 of 4 stored events judged")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    tabs = page.get_by_role("navigation", name="Difference to the rules in force")
    expect(tabs.get_by_role("link")).to_have_text(["2 new", "2 gone", "2 unchanged"])
    tabs.get_by_role("link", name="2 gone").click()
    page.wait_for_url("**change=gone")
    page.locator(".matches tbody tr").first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="In force: matches")).to_be_visible()
    expect(page.get_by_role("heading", name="With this text: does not match")).to_be_visible()


def test_cancelling_stays_on_the_page(page: Page, live_server: LiveServer, replay: Replay) -> None:
    log_in(page, live_server.url)
    page.goto(live_server.url + replay.get_absolute_url())
    turn = turns.take(replay.pk, timezone.now())
    assert turn is not None
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Ends after the batch at hand")).to_be_disabled()
    turn.release()
    finish(replay)
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_text("The numbers are of what was judged until then.")).to_be_visible()
    assert page.url == live_server.url + replay.get_absolute_url()


def test_without_javascript_the_page_is_refreshed_and_cancelled_by_hand(
    browser: Browser, live_server: LiveServer, replay: Replay
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + replay.get_absolute_url())
    page.get_by_role("link", name="Refresh").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    context.close()
