"""A key is made in the browser, opens the API until it is revoked, and is shown only once."""

from __future__ import annotations

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests import personas
from tests.browser.test_journey import log_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_is_made_used_and_revoked(live_server: LiveServer, page: Page) -> None:
    personas.ann()
    log_in(page, live_server.url, username="ann")
    page.locator(".menu summary").click()
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("What it is for").fill("nightly report")
    page.get_by_role("button", name="Make a key").click()
    secret = page.get_by_label("The new key").input_value()
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/findings/").status_code == 200
    page.goto(f"{live_server.url}/api/keys/")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke nightly report").click()
    page.get_by_text("is revoked: it opens nothing").wait_for()
    assert program.get("/api/v1/findings/").status_code == 401
