from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.findings import triage
from ecsaudit.findings.models import CloseReason, Finding, RecordState, WorkflowStatus
from ecsaudit.people.models import User
from ecsaudit.securityhub import services, turns
from ecsaudit.securityhub.check import LARGEST_BATCH, check
from ecsaudit.securityhub.lease import Clock
from ecsaudit.securityhub.models import HubFinding, HubRegion, SentState
from ecsaudit.securityhub.sending import MOST_TRIES
from tests import factories
from tests.securityhub.conftest import Hands
from tests.securityhub_api import Api, Fault, Refused

pytestmark = pytest.mark.django_db
OPERATIONS = ("BatchImportFindings", "BatchUpdateFindings")


def findings(count: int, **fields: Any) -> list[Finding]:
    """Findings of one session, one rule each."""
    session = fields.pop("session", None) or factories.exec_session()
    return [factories.finding(session=session, rule=f"Rule {number}", **fields) for number in range(count)]


def calls(api: Api) -> list[int]:
    return [api.count(operation) for operation in OPERATIONS]


def run_and(change: Callable[[], object], api: Api, hub: HubRegion, hands: Hands) -> None:
    """A turn, with a change right after its first request was answered."""

    def now() -> datetime:
        if api.asked and not changed:
            changed.append(True)
            change()
        return hands.now()

    changed: list[bool] = []
    turns.run(hub.pk, Event(), Clock(now, hands.sleep))


def resolve(finding: Finding, by: User | None, hands: Hands, text: str = "nightly job") -> None:
    change = triage.SetStatus(WorkflowStatus.RESOLVED, CloseReason.EXPECTED, text)
    triage.apply(finding_ids=[finding.pk], change=change, by=by, now=hands.now())


def test_new_findings_are_imported_once_and_noted(api: Api, hub: HubRegion, hands: Hands) -> None:
    made = findings(3)
    row = hands.turn(hub)
    assert sorted(api.writes.values()) == [1, 1, 1]
    assert all(check({k: v for k, v in each.items() if k != "Workflow"}) == [] for each in api.findings.values())
    assert (row.state, row.imported, row.error_code) == ("waiting", 3, "")
    assert not Finding.objects.filter(hub_is_stale=True).exists()
    noted = HubFinding.objects.get(finding=made[0])
    assert (noted.state, noted.told_status, noted.hub_status) == (SentState.SENT, "NEW", "NEW")
    assert api.of(noted.asff_id)["Title"] == "Rule 0: prod-payments/web"


def test_a_second_export_of_unchanged_findings_sends_nothing(api: Api, hub: HubRegion, hands: Hands) -> None:
    findings(3)
    hands.turn(hub)
    before = len(api.asked)
    Finding.objects.update(hub_is_stale=True)
    hands.turn(hub, later=60)
    assert len(api.asked) == before
    assert not Finding.objects.filter(hub_is_stale=True).exists()


def test_a_finding_links_to_its_page_where_an_address_is_set(
    api: Api, hub: HubRegion, hands: Hands, settings: Settings
) -> None:
    (finding,) = findings(1)
    hands.turn(hub)
    assert "SourceUrl" not in next(iter(api.findings.values()))
    settings.PUBLIC_URL = "https://ecsaudit.example"
    Finding.objects.update(hub_is_stale=True)
    hands.turn(hub, later=60)
    (told,) = api.findings.values()
    assert told["SourceUrl"] == f"https://ecsaudit.example/findings/{finding.pk}/"


def test_findings_of_others_are_not_sent(api: Api, hub: HubRegion, hands: Hands) -> None:
    session = factories.exec_session()
    factories.finding(session=session, rule="Elsewhere", region="us-east-1")
    factories.finding(
        session=session,
        rule="ecsaudit's own",
        account=None,
        event=None,
        region="",
        source="ecsaudit",
        hub_is_stale=False,
    )
    assert hands.turn(hub).imported == 0
    assert api.asked == []


def test_a_change_is_told_with_a_newer_time_and_the_status_by_the_customer_s_call(
    api: Api, hub: HubRegion, hands: Hands, ann: User
) -> None:
    (finding,) = findings(1)
    hands.turn(hub)
    asff_id = HubFinding.objects.get().asff_id
    first = api.of(asff_id)["UpdatedAt"]
    resolve(finding, ann, hands)
    hands.turn(hub, later=60)
    told = api.of(asff_id)
    assert told["UpdatedAt"] > first
    assert told["RecordState"] == "ARCHIVED"
    assert told["Workflow"] == {"Status": "RESOLVED"}
    assert told["Note"] == {"Text": "Expected: nightly job", "UpdatedBy": "ecsaudit ann"}
    assert calls(api) == [2, 1]
    assert (api.ignored, api.writes[asff_id]) == ([], 2)


def test_a_status_that_changes_nothing_else_is_told_without_an_import(api: Api, hub: HubRegion, hands: Hands) -> None:
    (finding,) = findings(1)
    hands.turn(hub)
    triage.note_notified(finding_ids=[finding.pk], now=hands.now(), text="slack")
    hands.turn(hub, later=60)
    assert calls(api) == [1, 1]
    told = api.of(HubFinding.objects.get().asff_id)
    assert (told["Workflow"]["Status"], told["Note"]["Text"], told["Note"]["UpdatedBy"]) == (
        "NOTIFIED", "slack", "ecsaudit",
    )  # fmt: skip


def test_findings_that_end_alike_are_told_by_one_call(api: Api, hub: HubRegion, hands: Hands, ann: User) -> None:
    made = findings(120)
    change = triage.SetStatus(WorkflowStatus.SUPPRESSED, CloseReason.TEST, "drill")
    triage.apply(finding_ids=[each.pk for each in made], change=change, by=ann, now=hands.now())
    hands.turn(hub)
    assert calls(api) == [2, 2]
    assert Counter(each["Workflow"]["Status"] for each in api.findings.values()) == {"SUPPRESSED": 120}


def test_what_security_hub_resets_when_an_archived_finding_returns_is_told_again(
    api: Api, hub: HubRegion, hands: Hands, ann: User
) -> None:
    (finding,) = findings(1)
    triage.note_notified(finding_ids=[finding.pk], now=hands.now(), text="slack")
    resolve(finding, ann, hands)
    hands.turn(hub)
    again = triage.SetStatus(WorkflowStatus.NOTIFIED)
    triage.apply(finding_ids=[finding.pk], change=again, by=ann, now=hands.now())
    hands.turn(hub, later=60)
    told = api.of(HubFinding.objects.get().asff_id)
    assert (told["RecordState"], told["Workflow"]["Status"]) == ("ACTIVE", "NOTIFIED")


def test_an_archived_finding_is_archived_there(api: Api, hub: HubRegion, hands: Hands) -> None:
    findings(1, record_state=RecordState.ARCHIVED, archived_at=factories.NOW)
    hands.turn(hub)
    (told,) = api.findings.values()
    assert (told["RecordState"], told["Workflow"]["Status"]) == ("ARCHIVED", "NEW")


def test_partial_failures_keep_the_reason_are_tried_again_and_end_with_a_person(
    api: Api, hub: HubRegion, hands: Hands
) -> None:
    findings(3)
    api.refuses = lambda finding: ("InternalFailure", "no luck") if "Rule 1" in finding["Title"] else None
    assert hands.turn(hub).imported == 2
    bad = HubFinding.objects.failed().get()
    assert (bad.state, bad.error_code, bad.error_message) == (SentState.RETRYING, "InternalFailure", "no luck")
    assert bad.next_attempt_at == hands.now() + timedelta(minutes=1)
    assert not Finding.objects.filter(hub_is_stale=True).exists()
    asked = len(api.asked)
    hands.turn(hub, later=30)
    assert len(api.asked) == asked
    for _ in range(MOST_TRIES - 1):
        hands.turn(hub, later=3_600)
    bad.refresh_from_db()
    assert (bad.state, bad.attempts, bad.next_attempt_at) == (SentState.FAILED, MOST_TRIES, None)
    assert [each.findings for each in api.asked] == [3, 1, 1, 1, 1]
    hands.turn(hub, later=86_400)
    assert len(api.asked) == 5

    api.refuses = lambda finding: None
    assert services.send_again(hub_finding_ids=[bad.pk]) == 1
    hands.turn(hub)
    bad.refresh_from_db()
    assert (bad.state, bad.attempts, bad.error_code, bad.failed_at) == (SentState.SENT, 0, "", None)
    assert len(api.findings) == 3


def test_a_finding_that_fails_our_own_check_is_marked_and_the_rest_goes_on(
    api: Api, hub: HubRegion, hands: Hands
) -> None:
    hub.account.account_id = "12345"
    hub.account.save()
    findings(2, session=factories.exec_session(account=hub.account))
    hands.turn(hub)
    assert api.asked == []
    found = HubFinding.objects.all()
    assert {(each.state, each.error_code) for each in found} == {(SentState.FAILED, "FailedCheck")}
    assert "AwsAccountId: '12345' is not of the form" in found[0].error_message
    assert not Finding.objects.filter(hub_is_stale=True).exists()


def test_a_batch_that_is_refused_as_a_whole_is_halved_until_the_bad_one_stands_alone(
    api: Api, hub: HubRegion, hands: Hands
) -> None:
    findings(50)
    api.poison = lambda finding: finding["Title"].startswith("Rule 17:")
    row = hands.turn(hub)
    assert (row.state, row.imported, len(api.findings)) == ("waiting", 49, 49)
    bad = HubFinding.objects.failed().get()
    assert (bad.finding.rule, bad.error_code) == ("Rule 17", "InvalidInputException")


def test_a_lost_answer_costs_nothing_and_the_next_time_is_newer(
    api: Api, hub: HubRegion, hands: Hands, ann: User
) -> None:
    (finding,) = findings(1)
    api.fault = lambda number, operation: Fault(lose_answer=number == 1)
    row = hands.turn(hub)
    assert (row.state, row.error_code, len(api.findings)) == ("failing", "ConnectionClosedError", 1)
    assert Finding.objects.get(pk=finding.pk).hub_is_stale
    resolve(finding, ann, hands)
    Finding.objects.update(updated_at=datetime(2020, 1, 1, tzinfo=factories.NOW.tzinfo))
    hands.turn(hub, later=60)
    told = api.of(HubFinding.objects.get().asff_id)
    assert (told["RecordState"], told["Workflow"]["Status"]) == ("ARCHIVED", "RESOLVED")
    assert api.ignored == []


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        (Fault(drop=True), "failing", "ConnectionClosedError"),
        (Fault(body=b"<html>busy</html>"), "failing", "InvalidResponse"),
        (Fault(body=b"{}"), "failing", "InvalidResponse"),
        (Fault(body=b'{"SuccessCount": 1, "FailedFindings": [{"Id": "foreign"}]}'), "failing", "InvalidResponse"),
        (Fault(error=Refused(500, "InternalException", "oops")), "failing", "InternalException"),
        (Fault(error=Refused(429, "LimitExceededException")), "throttled", "LimitExceededException"),
        (Fault(error=Refused(403, "ExpiredTokenException", "expired")), "denied", "ExpiredTokenException"),
    ],
)
def test_a_request_that_fails_is_told_and_made_again_later(
    api: Api, hub: HubRegion, hands: Hands, fault: Fault, state: str, code: str
) -> None:
    findings(2)
    api.fault = lambda number, operation: fault if number == 1 else None
    row = hands.turn(hub)
    assert (row.state, row.error_code, row.imported, row.failures_in_a_row) == (state, code, 0, 1)
    assert row.next_attempt_at > hands.now() + timedelta(seconds=1)
    assert (row.throttles, row.errors) == ((1, 0) if state == "throttled" else (0, 1))
    row = hands.turn(hub, later=10)
    assert (row.state, row.error_code, row.imported, row.failures_in_a_row) == ("waiting", "", 2, 0)
    assert set(api.writes.values()) == {1}


def test_a_missing_permission_and_a_hub_that_is_not_enabled_are_told_with_what_to_do(
    api: Api, hub: HubRegion, hands: Hands
) -> None:
    findings(1)
    api.denied = {"BatchImportFindings"}
    row = hands.turn(hub)
    assert row.state == "denied"
    assert row.error_message.endswith("— allow securityhub:BatchImportFindings for these credentials")
    api.denied, api.enabled = set(), set()
    row = hands.turn(hub, later=60)
    assert row.state == "not_enabled"
    assert row.error_message.startswith("Account 111122223333 is not subscribed to AWS Security Hub — enable")


def test_a_finding_that_security_hub_forgot_is_imported_anew(api: Api, hub: HubRegion, hands: Hands, ann: User) -> None:
    (finding,) = findings(1)
    hands.turn(hub)
    api.findings.clear()
    change = triage.SetStatus(WorkflowStatus.SUPPRESSED, CloseReason.TEST)
    triage.apply(finding_ids=[finding.pk], change=change, by=ann, now=hands.now())
    hands.turn(hub, later=60)
    assert HubFinding.objects.get().error_code == "FindingNotFound"
    hands.turn(hub, later=120)
    (told,) = api.findings.values()
    assert told["Workflow"]["Status"] == "SUPPRESSED"
    assert HubFinding.objects.get().state == SentState.SENT


def test_a_change_in_the_middle_of_a_turn_is_not_lost(api: Api, hub: HubRegion, hands: Hands, ann: User) -> None:
    (finding,) = findings(1)

    def change() -> None:
        Finding.objects.filter(pk=finding.pk).update(revision=finding.revision + 1, hub_is_stale=True, output="new")

    run_and(change, api, hub, hands)
    (told,) = api.findings.values()
    assert told["Description"] == "new"
    assert api.count("BatchImportFindings") == 2
    assert not Finding.objects.get().hub_is_stale


def test_findings_from_before_it_was_switched_on_are_left_out_unless_open_ones_were_chosen(
    api: Api, hub: HubRegion, hands: Hands, ann: User
) -> None:
    session = factories.exec_session()
    old = factories.exec_session(started_at=hands.now() - timedelta(days=31))
    factories.finding(session=session, rule="open")
    factories.finding(session=session, rule="done", workflow_status=WorkflowStatus.RESOLVED, close_reason="test")
    factories.finding(session=old, rule="old")
    services.switch_off(hub_region=hub, by=ann, now=hands.now())
    services.switch_on(hub_region=hub, past=services.Past.NONE, by=ann, now=hands.now())
    HubRegion.objects.update(next_read_at=None)
    factories.finding(session=session, rule="new")
    hands.turn(hub)
    assert {each["GeneratorId"] for each in api.findings.values()} == {"ecsaudit/new"}
    assert not Finding.objects.filter(hub_is_stale=True).exists()

    services.switch_off(hub_region=hub, by=ann, now=hands.now())
    services.switch_on(hub_region=hub, past=services.Past.OPEN, by=ann, now=hands.now())
    hands.turn(hub, later=1)
    assert {each["GeneratorId"] for each in api.findings.values()} == {"ecsaudit/new", "ecsaudit/open"}
    assert set(api.writes.values()) == {1}


def test_the_past_is_marked_page_by_page_and_the_place_is_kept(
    api: Api, hub: HubRegion, hands: Hands, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecsaudit.securityhub.sending.MARK_PAGE", 4)
    findings(10)
    services.switch_off(hub_region=hub, by=ann, now=hands.now())
    services.switch_on(hub_region=hub, past=services.Past.OPEN, by=ann, now=hands.now())
    Finding.objects.update(hub_is_stale=False)
    api.fault = lambda number, operation: Fault(drop=number <= 2)
    marked = [(hands.turn(hub, later=30), HubFinding.objects.count())[1] for _ in range(3)]
    assert marked == [4, 8, 10]
    assert (HubRegion.objects.get().mark_from, len(api.findings)) == (None, 10)


def test_what_was_switched_off_in_the_middle_of_a_turn_ends_it(
    api: Api, hub: HubRegion, hands: Hands, ann: User
) -> None:
    findings(150)
    run_and(lambda: services.switch_off(hub_region=hub, by=ann, now=hands.now()), api, hub, hands)
    row = HubRegion.objects.get()
    assert (row.enabled, row.state, row.error_code) == (False, "waiting", "")
    assert len(api.asked) == 1
    assert Finding.objects.filter(hub_is_stale=True).count() == 150


def test_batches_stay_below_100_findings_and_6_megabytes(api: Api, hub: HubRegion, hands: Hands) -> None:
    findings(130, output_fields={f"field {number}": "ü" * 700 for number in range(34)})
    hands.turn(hub)
    imports = [each for each in api.asked if each.operation == "BatchImportFindings"]
    assert len(imports) > 2
    assert max(each.findings for each in imports) < 100
    assert LARGEST_BATCH * 0.9 < max(each.bytes for each in imports) <= LARGEST_BATCH
    assert len(api.findings) == 130


def test_queries_of_a_batch_do_not_grow_with_it(
    api: Api, hub: HubRegion, hands: Hands, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    findings(80)
    # take 2, renewals and their savepoints 3 × about 6, look 2, read 2, write 6, release 1
    with django_assert_max_num_queries(45):
        hands.turn(hub)
    assert len(api.findings) == 80
