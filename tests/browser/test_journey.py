"""What a person does, in a real browser: log in for the first time, filter, share, open, follow to the finding and back."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from ecsaudit.execsessions.models import ExecSession
from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import rules
from ecsaudit.library.models import ImportDraft, RuleSet
from ecsaudit.notifications.models import Channel
from ecsaudit.people import services
from ecsaudit.people.models import User
from ecsaudit.replay.models import Replay, ReplayMatch
from tests import factories, personas

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOSTILE = '<img src=x onerror=alert(1)> \x1b[31m \u202e txt "quoted"'


@pytest.fixture
def story() -> list[ExecSession]:
    """Three sessions: today's with a finding, an older one elsewhere, one around ECS Exec with a hostile command."""
    now = timezone.now()
    account = factories.account(alias="production", is_sample=True)
    factories.query(
        feed=factories.feed(account=account, next_attempt_at=now, last_polled_at=now, last_event_at=now),
        backfill_from=now - timedelta(days=90),
        covered_from=now - timedelta(days=90),
        covered_to=now,
    )
    factories.unreadable_record(text=HOSTILE, reason="not JSON")
    first = factories.exec_session(started_at=now - timedelta(hours=2), finding_count=1, worst_priority=4)
    factories.finding(session=first)
    in_force = RuleSet.objects.get(pk=rules.current().pk)
    factories.replay_match(event=first.event, rule="Terminal Shell in ECS Container", rule_set=in_force)
    second = factories.exec_session(
        started_at=now - timedelta(days=20),
        cluster="staging-web",
        person="bob",
        outcome="denied",
        error_code="AccessDenied",
    )
    third = factories.exec_session(
        started_at=now - timedelta(hours=1), kind="around", command=HOSTILE, person=HOSTILE, user_agent=HOSTILE
    )
    return [first, second, third]


def log_in(page: Page, address: str, *, password: str = personas.PASSWORD, username: str = "adam") -> None:
    page.goto(f"{address}/login/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_first_log_in_asks_for_a_password_of_one_s_own(page: Page, live_server: LiveServer) -> None:
    _, password = services.create_admin(username="admin")
    log_in(page, live_server.url, username="admin", password=password)
    expect(page.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    page.goto(f"{live_server.url}/sessions/")
    expect(page.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    page.get_by_label("Old password").fill(password)
    page.get_by_label("New password", exact=True).fill("a long and private sentence")
    page.get_by_label("New password confirmation").fill("a long and private sentence")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert not User.objects.get().must_change_password


def test_filter_share_open_and_follow_to_the_finding_and_back(
    page: Page, browser: Browser, live_server: LiveServer, adam: User, story: list[ExecSession]
) -> None:
    log_in(page, live_server.url)
    page.get_by_role("navigation", name="Screens").get_by_role("link", name="Sessions").click()
    rows = page.locator(".list tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("link", name="7 d", exact=True).click()
    expect(rows).to_have_count(2)
    page.locator("section.facet", has_text="Cluster").get_by_role("link", name=re.compile("^prod-payments")).click()
    page.wait_for_url("**cluster=prod-payments**")
    page.locator("section.facet", has_text="Kind").get_by_role("link", name=re.compile("^ECS Exec")).click()
    expect(rows).to_have_count(1)

    shared = page.url
    other = browser.new_context()
    colleague = other.new_page()
    log_in(colleague, live_server.url)
    colleague.goto(shared)
    expect(colleague.locator(".list tbody tr")).to_have_count(1)
    expect(colleague.get_by_text("Cluster: prod-payments")).to_be_visible()
    other.close()

    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="opened a shell in prod-payments / web")).to_be_visible()
    page.get_by_role("link", name="Terminal Shell in ECS Container").first.click()
    expect(page.get_by_role("heading", name="Terminal Shell in ECS Container")).to_be_visible()
    page.get_by_role("link", name="ana@example.com (role").click()
    expect(page.get_by_role("heading", name="opened a shell in prod-payments / web")).to_be_visible()


def test_the_keyboard_moves_searches_and_opens(
    page: Page, live_server: LiveServer, adam: User, story: list[ExecSession]
) -> None:
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/sessions/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("bob")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=bob**")
    expect(page.locator(".list tbody tr")).to_have_count(1)
    page.locator("body").press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="bob")).to_be_visible()


def test_rules_are_exported_and_imported_again(page: Page, live_server: LiveServer, adam: User, tmp_path: Path) -> None:
    log_in(page, live_server.url)
    page.get_by_role("navigation", name="Screens").get_by_role("link", name="Rules").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="export all").click()
    exported = tmp_path / download.value.suggested_filename
    download.value.save_as(exported)
    rule = tmp_path / "the-newest.yaml"
    rule.write_text(
        "- rule: From Elsewhere\n  desc: d\n  condition: ct.name = x\n  output: o\n  priority: INFO\n"
        "  source: aws_cloudtrail\n- rule: Terminal Shell in ECS Container\n  enabled: false\n"
    )
    page.get_by_role("link", name="import", exact=True).click()
    page.get_by_label("Files").set_input_files([exported, rule])
    page.get_by_role("button", name="Look at what would happen").click()
    expect(page.get_by_role("heading", name="What the import would do")).to_be_visible()
    expect(page.get_by_text("3 items the same as now")).to_be_visible()
    expect(page.get_by_text("The rule is on now, and would be off")).to_be_visible()
    page.get_by_label("Why").fill("moved here")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported: 1 new, 1 switched.")).to_be_visible()
    page.get_by_role("link", name="From Elsewhere").click()
    expect(page.get_by_text("the event's name is “x”")).to_be_visible()
    assert [rule.enabled for rule in rules.current().rules if rule.name.startswith("Terminal")] == [False]


def test_one_click_removes_the_sample(
    page: Page, live_server: LiveServer, adam: User, story: list[ExecSession]
) -> None:
    log_in(page, live_server.url)
    page.get_by_role("button", name="Remove sample").click()
    expect(page.get_by_text("sample data is removed")).to_be_visible()
    assert not ExecSession.objects.exists()


def test_dark_is_remembered(page: Page, live_server: LiveServer, adam: User) -> None:
    log_in(page, live_server.url)
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")


def upload(author: User) -> ImportDraft:
    """A new rule, a changed list, a shipped rule with another text, an error and a version."""
    rule = "- rule: {}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    text = "- required_engine_version: 0.31.0\n" + rule.format("Ours", "ct.nmae = x")
    text += "- list: system_shells\n  items: [/usr/bin/fish]\n  override: {items: append}\n"
    text += rule.format("Terminal Shell in ECS Container", f"ct.user = '{'x' * 200}'")
    return ImportDraft.objects.create(author=author, files=[["a.yaml", text]])


def channels(now: datetime) -> list[Channel]:
    """A channel that fails, with a test that was refused, and one that nobody tested."""
    failing = factories.channel(
        name="On call", failures_in_a_row=9, failing_since=now, last_tried_at=now, last_answer_code="503",
        last_answer_text=HOSTILE,
    )  # fmt: skip
    factories.message(
        channel=failing,
        purpose="test",
        state="failed",
        answer_code="503",
        answer_text=HOSTILE,
        asked_by=User.objects.get(),
    )
    return [failing, factories.channel(name="Security team", kind="slack", settings={})]


def screens(story: list[ExecSession]) -> list[str]:
    failing, untested = channels(timezone.now())
    return [
        "/",
        "/sessions/",
        "/sessions/?cluster=nowhere",
        f"/sessions/{story[0].pk}/",
        f"/sessions/{story[2].pk}/",
        "/findings/",
        "/rules/",
        "/rules/item/?kind=rule&name=Terminal+Shell+in+ECS+Container",
        "/rules/new/?from=Terminal+Shell+in+ECS+Container",
        "/rules/edit/?kind=list&name=system_shells",
        f"/rules/tests/new/?event={story[0].event_id}",
        f"/rules/why/{story[0].event_id}/?rule=Terminal+Shell+in+ECS+Container",
        "/rules/item/?kind=list&name=system_shells",
        "/rules/shared/",
        "/rules/import/",
        f"/rules/import/{upload(User.objects.get(username='adam')).pk}/",
        "/rules/replays/",
        f"/rules/replays/{Replay.objects.get().pk}/",
        f"/rules/replays/{Replay.objects.get().pk}/matches/{ReplayMatch.objects.get().pk}/",
        f"/findings/{Finding.objects.get().pk}/",
        "/findings/?framework=pci-dss&facets=1",
        "/compliance/",
        "/compliance/nist-800-53/",
        "/compliance/matrix/",
        "/compliance/pci-dss/?state=findings",
        "/collection/",
        "/collection/unreadable/",
        "/channels/",
        "/channels/new/",
        "/channels/new/?kind=pagerduty",
        f"/channels/{failing.pk}/",
        f"/channels/{untested.pk}/",
        f"/channels/{failing.pk}/texts/",
        f"/channels/{failing.pk}/delete/",
        "/password/",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_every_screen_is_accessible_fits_its_window_and_logs_nothing(
    browser: Browser,
    context: BrowserContext,
    live_server: LiveServer,
    adam: User,
    story: list[ExecSession],
    scheme: str,
    width: int,
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    log_in(page, live_server.url)
    page.wait_for_url(f"{live_server.url}/")
    axe = Axe()
    for address in screens(story):
        page.goto(live_server.url + address, wait_until="networkidle")
        # A theme must be the same for its whole screen before colours are measured.
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        violations = [
            f"{address}: {each['id']} {[node['html'][:120] for node in each['nodes']][:3]}"
            for each in axe.run(page).response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert violations == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
