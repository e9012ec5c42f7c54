from collections.abc import Sequence

import pytest

from ecsaudit.findings import triage
from ecsaudit.findings.models import Activity, CloseReason, Finding, WorkflowStatus
from ecsaudit.people.models import User
from ecsaudit.securityhub import services
from ecsaudit.securityhub.models import HubFinding, HubRegion
from tests import factories
from tests.securityhub.conftest import Hands
from tests.securityhub_api import Api, Fault, Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(api: Api, hub: HubRegion, hands: Hands) -> Sequence[HubFinding]:
    """Three findings that Security Hub has; statuses are read with the next turn."""
    session = factories.exec_session()
    for number in range(3):
        factories.finding(session=session, rule=f"Rule {number}")
    hands.turn(hub)
    HubRegion.objects.update(next_read_at=hands.now())
    return HubFinding.objects.order_by("pk")


def suppress(finding: Finding, by: User, hands: Hands) -> None:
    change = triage.SetStatus(WorkflowStatus.SUPPRESSED, CloseReason.TEST, "drill")
    triage.apply(finding_ids=[finding.pk], change=change, by=by, now=hands.now())


def test_where_nothing_differs_nothing_is_listed(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands
) -> None:
    row = hands.turn(hub, later=600)
    assert not HubFinding.objects.drifted().exists()
    assert sent[0].status_read_at == row.last_read_at
    asked = api.count("GetFindings")
    hands.turn(hub, later=600)
    assert api.count("GetFindings") == asked == 1
    hands.turn(hub, later=600)
    assert api.count("GetFindings") == 2


def test_a_status_changed_in_security_hub_is_listed_and_stays_theirs_whatever_else_is_sent(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands, ann: User
) -> None:
    api.set_status(sent[1].asff_id, "RESOLVED")
    hands.turn(hub, later=600)
    (drift,) = HubFinding.objects.drifted()
    assert (drift.pk, drift.hub_status, drift.told_status) == (sent[1].pk, "RESOLVED", "NEW")
    triage.apply(finding_ids=[drift.finding_id], change=triage.Comment("hm"), by=ann, now=hands.now())
    hands.turn(hub, later=60)
    assert api.of(drift.asff_id)["Workflow"]["Status"] == "RESOLVED"
    assert api.count("BatchUpdateFindings") == 0
    assert HubFinding.objects.drifted().exists()


def test_taking_theirs_over_is_a_change_like_any_other_and_settles_it(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands, ann: User
) -> None:
    api.set_status(sent[0].asff_id, "RESOLVED")
    api.set_status(sent[1].asff_id, "NOTIFIED")
    hands.turn(hub, later=600)
    ids = [row.pk for row in sent]
    assert services.take_theirs(hub_finding_ids=ids, by=ann, now=hands.now()) == 2
    assert not HubFinding.objects.drifted().exists()
    assert list(Finding.objects.order_by("pk").values_list("workflow_status", "close_reason")) == [
        ("resolved", "other"), ("notified", ""), ("new", ""),
    ]  # fmt: skip
    assert {(line.by, line.text) for line in Activity.objects.filter(action="status")} == {
        (ann, "Taken over from AWS Security Hub, where it was set to RESOLVED."),
        (ann, "Taken over from AWS Security Hub, where it was set to NOTIFIED."),
    }
    hands.turn(hub, later=60)
    # The resolved one is archived there; its status needs no telling.
    assert api.of(sent[0].asff_id)["RecordState"] == "ARCHIVED"
    assert api.count("BatchUpdateFindings") == 0
    assert services.take_theirs(hub_finding_ids=ids, by=ann, now=hands.now()) == 0


def test_sending_ours_settles_it_the_other_way(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands
) -> None:
    api.set_status(sent[1].asff_id, "SUPPRESSED")
    hands.turn(hub, later=600)
    services.send_again(hub_finding_ids=[sent[1].pk])
    assert not HubFinding.objects.drifted().exists()
    hands.turn(hub, later=60)
    assert api.of(sent[1].asff_id)["Workflow"]["Status"] == "NEW"
    hands.turn(hub, later=3_600)
    assert not HubFinding.objects.drifted().exists()


def test_a_newer_change_here_goes_over_an_older_one_there(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands, ann: User
) -> None:
    api.set_status(sent[1].asff_id, "RESOLVED")
    hands.turn(hub, later=600)
    suppress(sent[1].finding, ann, hands)
    hands.turn(hub, later=60)
    assert api.of(sent[1].asff_id)["Workflow"]["Status"] == "SUPPRESSED"
    assert not HubFinding.objects.drifted().exists()


def test_a_status_that_was_just_told_is_not_taken_for_a_change_of_theirs(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands, ann: User
) -> None:
    suppress(sent[0].finding, ann, hands)
    hands.turn(hub)
    api.set_status(sent[0].asff_id, "NEW")
    HubRegion.objects.update(next_read_at=hands.now())
    hands.turn(hub, later=10)
    assert not HubFinding.objects.drifted().exists()
    hands.turn(hub, later=3_600)
    assert HubFinding.objects.drifted().get().hub_status == "NEW"


def test_a_difference_that_went_away_there_is_no_longer_listed(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands
) -> None:
    api.set_status(sent[0].asff_id, "NOTIFIED")
    hands.turn(hub, later=600)
    assert HubFinding.objects.drifted().exists()
    api.set_status(sent[0].asff_id, "NEW")
    hands.turn(hub, later=3_600)
    assert not HubFinding.objects.drifted().exists()


def test_pages_go_on_where_the_last_turn_ended(api: Api, hub: HubRegion, hands: Hands) -> None:
    session = factories.exec_session()
    for number in range(210):
        factories.finding(session=session, rule=f"Rule {number}")
    hands.turn(hub)
    HubRegion.objects.update(next_read_at=hands.now())
    first = len(api.asked)
    api.fault = lambda number, operation: (
        Fault(error=Refused(500, "InternalException")) if number == first + 2 else None
    )
    assert hands.turn(hub, later=600).read_token == "100"
    row = hands.turn(hub, later=60)
    assert (row.read_token, row.error_code) == ("", "")
    assert HubFinding.objects.filter(status_read_at__isnull=False).count() == 210
    assert api.count("GetFindings") == 4


def test_a_page_token_that_is_refused_means_from_the_first_page_again(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands
) -> None:
    HubRegion.objects.update(read_token="stale")
    row = hands.turn(hub, later=600)
    assert (row.state, row.error_code, row.read_token) == ("failing", "InvalidInputException", "")
    assert hands.turn(hub, later=60).last_read_at is not None


def test_statuses_that_are_none_and_findings_of_others_are_passed_over(
    api: Api, sent: Sequence[HubFinding], hub: HubRegion, hands: Hands
) -> None:
    api.set_status(sent[0].asff_id, "<script>")
    finding = api.of(sent[1].asff_id)
    api.findings[finding["ProductArn"], "foreign"] = finding | {"Id": "foreign", "Workflow": {"Status": "RESOLVED"}}
    hands.turn(hub, later=600)
    assert not HubFinding.objects.drifted().exists()
    assert sent[0].status_read_at is None
