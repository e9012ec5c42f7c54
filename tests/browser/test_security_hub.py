"""Security Hub in a real browser: test the permissions, switch on, send again, settle a difference, all by keyboard or not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from ecsaudit.people.models import User
from ecsaudit.securityhub.models import HubFinding, HubRegion
from tests import factories, personas, securityhub_api
from tests.securityhub_api import Api

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOSTILE = '<img src=x onerror=alert(1)> \u202e "quoted" ' + "long" * 60


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with securityhub_api.serve() as running:
        for name, value in securityhub_api.environment(running).items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def story() -> list[HubFinding]:
    """Three accounts and Regions: one that is off, one that works with two failures and a difference, one that may not."""
    now = timezone.now()
    account = factories.account(alias="production", regions=["eu-west-1", "us-east-1", "eu-central-1"])
    factories.hub_region(region="us-east-1", enabled=False)
    factories.hub_region(
        region="eu-central-1", state="denied", error_code="AccessDeniedException", next_attempt_at=now,
        error_message=f"User: arn:aws:iam::111122223333:user/ecsaudit is not authorized — allow {HOSTILE}",
    )  # fmt: skip
    factories.hub_region(account=account, imported=1_604, last_import_at=now, last_read_at=now, next_read_at=now)
    failed = [
        factories.hub_finding(
            finding=factories.finding(rule=rule), state="failed", attempts=5, failed_at=now - timedelta(hours=1),
            error_code="InvalidInput", error_message=f"Finding does not adhere to ASFF: {HOSTILE}",
        )
        for rule in ("Terminal Shell in ECS Container", HOSTILE)
    ]  # fmt: skip
    differs = factories.hub_finding(
        finding=factories.finding(rule="Root opened a shell"), hub_status="RESOLVED", drifted_at=now, status_read_at=now
    )
    return [*failed, differs]


def log_in(page: Page, address: str, username: str) -> None:
    page.goto(f"{address}/login/?next=/security-hub/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(personas.PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_adam_tests_switches_on_sends_again_and_settles(
    live_server: LiveServer, page: Page, adam: User, api: Api, story: list[HubFinding]
) -> None:
    log_in(page, live_server.url, "adam")
    expect(page.get_by_role("heading", name="AWS Security Hub")).to_be_visible()
    api.enabled.add(("111122223333", "us-east-1"))
    api.denied = {"BatchUpdateFindings"}
    page.get_by_role("button", name="Test: production us-east-1").click()
    expect(page.get_by_role("status")).to_contain_text("not known: securityhub:BatchUpdateFindings")
    expect(page.locator(".tried", has_text="Tested")).to_contain_text(
        "allow securityhub:BatchUpdateFindings for these credentials"
    )
    page.get_by_label("Which findings: production us-east-1").select_option("open")
    page.get_by_role("button", name="Switch on: production us-east-1").click()
    expect(page.get_by_role("status")).to_contain_text("open findings of the last 30 days too")
    assert HubRegion.objects.get(region="us-east-1").enabled

    page.get_by_role("row", name="eu-west-1").get_by_role("link", name="2", exact=True).click()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Send the chosen again").click()
    expect(page.get_by_role("status")).to_contain_text("1 finding is sent again")
    page.get_by_role("link", name="Security Hub").first.click()
    page.get_by_role("row", name="eu-west-1").get_by_role("link", name="1", exact=True).click()
    page.get_by_role("checkbox", name="Choose Root opened a shell").check()
    page.get_by_role("button", name="Take over theirs").click()
    expect(page.get_by_role("heading", name="No status differs")).to_be_visible()
    story[2].finding.refresh_from_db()
    assert story[2].finding.workflow_status == "resolved"


@pytest.mark.parametrize("width", [1440, 400])
def test_the_screens_fit_and_are_accessible(
    live_server: LiveServer, page: Page, adam: User, story: list[HubFinding], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    log_in(page, live_server.url, "adam")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for address in ("", "failed/", "differences/"):
            page.goto(f"{live_server.url}/security-hub/{address}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            found = Axe().run(page).response["violations"]
            assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
