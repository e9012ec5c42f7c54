import html
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings.models import Finding
from ecsaudit.people.models import User
from ecsaudit.securityhub.models import HubFinding, HubRegion
from tests import factories, securityhub_api
from tests.securityhub_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with securityhub_api.serve() as running:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in securityhub_api.environment(running).items():
            monkeypatch.setenv(name, value)
        yield running


def page(client: Client, address: str = "/security-hub/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def post(client: Client, address: str, **fields: Any) -> str:
    """The page that the action leads to."""
    answer = client.post(address, fields, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def failed(number: int = 1, **fields: Any) -> HubFinding:
    return factories.hub_finding(
        finding=factories.finding(rule=f"Rule {number}"), state="failed", attempts=5, error_code="InvalidInput",
        error_message="no luck", failed_at=factories.NOW + timedelta(seconds=number), **fields,
    )  # fmt: skip


def drifted(number: int = 1, **fields: Any) -> HubFinding:
    return factories.hub_finding(
        finding=factories.finding(rule=f"Rule {number}"), hub_status="RESOLVED", status_read_at=factories.NOW,
        drifted_at=factories.NOW + timedelta(seconds=number), **fields,
    )  # fmt: skip


def test_without_an_account_the_page_says_how_to_get_one(as_vera: Client) -> None:
    assert "No account is read yet" in page(as_vera)


def test_before_anything_is_switched_on_the_page_says_what_to_do_and_shows_the_policy(as_vera: Client) -> None:
    factories.hub_region(enabled=False)
    text = page(as_vera)
    assert "Security Hub is told nothing yet" in text
    assert "An administrator can do this." in text
    assert '"securityhub:BatchUpdateFindings"' in text
    assert "AWS Security Hub CSPM" in text


def test_a_row_tells_how_security_hub_stands_and_its_counts_are_links(as_vera: Client) -> None:
    hub = factories.hub_region(
        account=factories.account(alias="production"), imported=1_604, throttles=23,
        last_import_at=timezone.now() - timedelta(minutes=3),
    )  # fmt: skip
    failed(1)
    failed(2)
    drifted(3)
    Finding.objects.update(hub_is_stale=False)
    factories.finding(rule="waits")
    text = page(as_vera)
    for expected in ("production", "✓</span> Working", "3 min ago", 'data-label="Enabled in AWS">yes', ">23<"):
        assert expected in text
    assert f'href="/security-hub/failed/?hub={hub.pk}">2</a>' in text
    assert f'href="/security-hub/differences/?hub={hub.pk}">1</a>' in text
    assert 'href="/findings/?account=111122223333&region=eu-west-1&days=90">1604</a>' in text
    assert 'data-label="Waiting">1<' in text


def test_what_is_wrong_is_told_with_its_code_and_the_next_try(as_vera: Client) -> None:
    factories.hub_region(state="not_enabled", error_code="InvalidAccessException", error_message="not subscribed")
    text = page(as_vera)
    assert "1 of 1 account × Region pairs can't be told now." in text
    assert "Not enabled in AWS" in text
    assert "InvalidAccessException</span>: not subscribed" in text
    assert "Next try 2026-11-02 12:00:00 UTC." in text
    assert 'data-label="Enabled in AWS">no' in text


def test_the_grid_costs_the_same_however_many_rows_it_has(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        factories.hub_region(region=f"eu-west-{number}")
    # session, user, the grid, whether the sample is loaded and rules are broken: 4
    with django_assert_num_queries(4):
        page(as_vera)


def test_adam_switches_on_with_a_choice_of_the_past_and_off(as_adam: Client, adam: User) -> None:
    hub = factories.hub_region(enabled=False)
    text = post(as_adam, f"/security-hub/{hub.pk}/switch/", switch="on", past="open")
    assert "go to Security Hub now: open findings of the last 30 days too." in text
    hub.refresh_from_db()
    assert hub.enabled and hub.switched_by == adam and hub.mark_from is not None
    assert "Switch off" in text
    assert "What it has stays there." in post(as_adam, f"/security-hub/{hub.pk}/switch/", switch="off")
    hub.refresh_from_db()
    assert not hub.enabled


@pytest.mark.parametrize("fields", [{}, {"switch": "sideways"}, {"switch": "on"}, {"switch": "on", "past": "x"}])
def test_a_switch_that_makes_no_sense_changes_nothing(as_adam: Client, fields: dict[str, str]) -> None:
    hub = factories.hub_region(enabled=False)
    post(as_adam, f"/security-hub/{hub.pk}/switch/", **fields)
    hub.refresh_from_db()
    assert not hub.enabled


def test_the_sample_can_t_be_switched_on(as_adam: Client) -> None:
    hub = factories.hub_region(enabled=False, account=factories.account(is_sample=True))
    assert "The sample is not sent." in page(as_adam)
    text = post(as_adam, f"/security-hub/{hub.pk}/switch/", switch="on", past="none")
    assert "findings of the sample are not sent to Security Hub" in text


def test_adam_ends_the_wait_after_a_failure(as_adam: Client) -> None:
    hub = factories.hub_region(error_code="x", next_attempt_at=timezone.now() + timedelta(minutes=9))
    post(as_adam, f"/security-hub/{hub.pk}/switch/", switch="again")
    hub.refresh_from_db()
    assert hub.next_attempt_at <= timezone.now()


def test_the_test_names_the_missing_permission_and_the_page_keeps_it(as_adam: Client, api: Api) -> None:
    hub = factories.hub_region(enabled=False)
    assert "every permission is there" in post(as_adam, f"/security-hub/{hub.pk}/test/")
    api.denied = {"GetFindings"}
    text = post(as_adam, f"/security-hub/{hub.pk}/test/")
    assert "not allowed, or not known: securityhub:GetFindings" in text
    assert "allow securityhub:GetFindings for these credentials" in page(as_adam)


@pytest.mark.parametrize("action", ["switch", "test"])
def test_only_administrators_switch_and_test(as_vera: Client, as_ann: Client, client: Client, action: str) -> None:
    hub = factories.hub_region(enabled=False)
    address = f"/security-hub/{hub.pk}/{action}/"
    fields = {"switch": "on", "past": "none"}
    assert [each.post(address, fields).status_code for each in (as_vera, as_ann)] == [403, 403]
    assert client.post(address, fields).headers["Location"].startswith("/login/")
    assert as_ann.get(address).status_code == 405
    hub.refresh_from_db()
    assert (hub.enabled, hub.tested_at) == (False, None)
    assert "An administrator can switch it on." in page(as_ann)


@pytest.mark.parametrize("address", ["failed/send-again", "differences/settle"])
def test_only_analysts_send_again_and_settle(as_vera: Client, client: Client, address: str) -> None:
    row = drifted()
    assert as_vera.post(f"/security-hub/{address}/", {"row": row.pk, "take": "theirs"}).status_code == 403
    assert client.post(f"/security-hub/{address}/").headers["Location"].startswith("/login/")
    row.refresh_from_db()
    assert row.asked == 0


def test_the_list_of_failed_ones_has_the_reason_and_what_happens(as_vera: Client) -> None:
    failed(1)
    waiting = failed(2)
    HubFinding.objects.filter(pk=waiting.pk).update(state="retrying", next_attempt_at=factories.NOW, attempts=2)
    text = page(as_vera, "/security-hub/failed/")
    assert text.index("Rule 2") < text.index("Rule 1")
    assert 'InvalidInput</span><small class="wrong">no luck' in text
    assert "next try 2026-11-02 12:00:00, after 2 so far" in text
    assert "after 5 tries; send it again when the reason is gone" in text
    assert "Sending again needs the analyst role" in text
    assert "Send the chosen again" not in text


def test_the_lists_are_narrowed_to_an_account_and_region_and_paged(
    as_ann: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        failed(number)
    other = factories.hub_region(region="us-east-1")
    hub = HubFinding.objects.all()[0].hub_region_id
    assert "Security Hub took everything" in page(as_ann, f"/security-hub/failed/?hub={other.pk}")
    # session, user, account and Region, page, whether the sample is loaded and rules are broken: 5
    with django_assert_num_queries(5):
        text = page(as_ann, f"/security-hub/failed/?hub={hub}")
    assert text.count('name="row"') == 50
    older = text.partition(f'href="?hub={hub}&after=')[2].partition('"')[0]
    assert page(as_ann, f"/security-hub/failed/?hub={hub}&after={older}").count('name="row"') == 10
    assert "is not a place in this list" in page(as_ann, "/security-hub/failed/?after=x")
    assert as_ann.get("/security-hub/failed/?hub=99999").status_code == 404
    assert as_ann.get("/security-hub/failed/?hub=x").status_code == 404


def test_ann_sends_the_chosen_again_or_all(as_ann: Client) -> None:
    rows = [failed(number) for number in range(3)]
    Finding.objects.update(hub_is_stale=False)
    assert "1 finding is sent again" in post(as_ann, "/security-hub/failed/send-again/", row=[rows[0].pk])
    assert list(HubFinding.objects.order_by("pk").values_list("asked", flat=True)) == [1, 0, 0]
    assert list(Finding.objects.filter(hub_is_stale=True)) == [rows[0].finding]
    assert "3 findings are sent again" in post(as_ann, "/security-hub/failed/send-again/", all="1")
    assert "Choose the findings" in post(as_ann, "/security-hub/failed/send-again/", row=["x", "9" * 30])


def test_ann_takes_their_status_over_or_sends_ours(as_ann: Client, ann: User) -> None:
    rows = [drifted(number) for number in range(3)]
    text = page(as_ann, "/security-hub/differences/")
    assert 'data-label="Here">New' in text
    assert "<strong>Resolved</strong>" in text
    text = post(as_ann, "/security-hub/differences/settle/", row=[rows[0].pk], take="theirs")
    assert "1 finding has the status from there." in text
    rows[0].finding.refresh_from_db()
    assert rows[0].finding.workflow_status == "resolved"
    assert rows[0].finding.activities.get().by == ann
    assert "2 findings are sent" in post(as_ann, "/security-hub/differences/settle/", all="1", take="ours")
    assert "No status differs" in page(as_ann, "/security-hub/differences/")
    assert "Choose findings" in post(as_ann, "/security-hub/differences/settle/", all="1", take="theirs")


def test_taking_over_a_status_that_is_none_changes_nothing(as_ann: Client) -> None:
    row = drifted()
    HubFinding.objects.update(hub_status="BROKEN")
    text = post(as_ann, "/security-hub/differences/settle/", row=[row.pk], take="theirs")
    assert "Nothing was changed: 'broken' is no workflow status" in text


def test_a_finding_s_page_tells_what_security_hub_knows_of_it(as_ann: Client, as_vera: Client) -> None:
    finding = factories.finding()
    assert "Security Hub was not told of this finding." in page(as_vera, finding.get_absolute_url())
    row = drifted()
    text = page(as_vera, row.finding.get_absolute_url())
    assert row.asff_id in text
    assert f'href="/security-hub/differences/?hub={row.hub_region_id}"' in text
    assert "a change waits to be sent" in text
    assert "Send again" not in text
    assert "no luck" in (text := page(as_ann, failed(2).finding.get_absolute_url()))
    assert "Send again" in text


def test_switched_off_regions_count_nothing_as_waiting(as_vera: Client) -> None:
    HubRegion.objects.create(account=factories.account(), region="eu-west-1", next_attempt_at=factories.NOW)
    factories.finding()
    assert 'data-label="Waiting">–<' in page(as_vera)
