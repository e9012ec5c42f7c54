"""Security Hub with real Celery workers, killed and started again, and a stand-in that answers badly."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from ecsaudit.celery import app
from ecsaudit.cloudtrail.models import Event, EventBody
from ecsaudit.findings import triage
from ecsaudit.findings.models import CloseReason, Finding, FindingGroup, WorkflowStatus
from ecsaudit.people.models import User
from ecsaudit.securityhub import services
from ecsaudit.securityhub.models import HubFinding, HubRegion, SentState
from ecsaudit.securityhub.services import Past
from tests import factories, securityhub_api
from tests.processes import kill, wait_until, worker
from tests.securityhub_api import Api, Fault, Refused

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
MANY = 1_000
KILLS = 3


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    """Messages of an earlier test must not wake this one's worker."""
    if app.conf.broker_url.startswith("redis"):
        with app.connection_for_write() as connection:
            connection.default_channel.client.flushdb()


@pytest.fixture
def api() -> Iterator[Api]:
    with securityhub_api.serve() as running:
        yield running


@pytest.fixture
def hub(adam: User) -> HubRegion:
    """Switched on before there was a finding; the account has no feed, so that nothing else is done."""
    factories.account(regions=["eu-west-1"])
    services.sync_regions(timezone.now())
    row = HubRegion.objects.get()
    services.switch_on(hub_region=row, past=Past.NONE, by=adam, now=timezone.now())
    return row


def one() -> Finding:
    """A finding, counted in its group, which needs a transaction."""
    with transaction.atomic():
        return factories.finding()


def store(count: int) -> None:
    first = one()
    columns = {name: getattr(first.event, name) for name in ("account", "event_name", "event_source", "region")}
    events = Event.objects.bulk_create(
        Event(event_id=f"many-{number}", event_time=factories.NOW, **columns) for number in range(count - 1)
    )
    body = first.event.body.compressed
    EventBody.objects.bulk_create(EventBody(event=event, compressed=body) for event in events)
    copied = ("account", "session", "rule", "priority", "tag_set", "source", "output", "output_fields", "region",
              "event_time", "group")  # fmt: skip
    columns = {name: getattr(first, name) for name in copied}
    Finding.objects.bulk_create(Finding(event=event, **columns) for event in events)
    FindingGroup.objects.update(count=count, open_count=count)


def bad_day(number: int, operation: str) -> Fault | None:
    """Of eight requests one is answered badly; the answer to another is lost."""
    return {
        0: Fault(lose_answer=True),
        3: random.choice(
            [Fault(drop=True), Fault(body=b"<html>"), Fault(error=Refused(500, "InternalException")),
             Fault(error=Refused(429, "LimitExceededException"))]
        ),
    }.get(number % 8)  # fmt: skip


def is_done() -> bool:
    return not Finding.objects.filter(hub_is_stale=True).exists()


def test_workers_that_are_killed_among_bad_answers_lose_and_double_nothing(
    api: Api, hub: HubRegion, adam: User, tmp_path: Path
) -> None:
    api.fault = bad_day
    variables = {"ECSAUDIT_LEASE_SECONDS": "1", **securityhub_api.environment(api)}
    store(MANY)
    for threshold in sorted(random.sample(range(100, MANY - 100), KILLS)):
        with worker(tmp_path, **variables) as running:
            wait_until(lambda: len(api.findings) >= threshold, seconds=120, what=f"{threshold} findings")  # noqa: B023
            kill(running)
    with worker(tmp_path, **variables):
        wait_until(is_done, seconds=240, what="every finding to be told")
        some = Finding.objects.order_by("pk")[:150]
        change = triage.SetStatus(WorkflowStatus.RESOLVED, CloseReason.TEST, "drill")
        triage.apply(finding_ids=[each.pk for each in some], change=change, by=adam, now=timezone.now())
        wait_until(is_done, seconds=240, what="every change to be told")
    assert len(api.findings) == MANY
    told = [(each["RecordState"], each["Workflow"]["Status"]) for each in api.findings.values()]
    assert (told.count(("ACTIVE", "NEW")), told.count(("ARCHIVED", "RESOLVED"))) == (MANY - 150, 150)
    assert HubFinding.objects.filter(state=SentState.SENT).count() == MANY
    assert api.ignored == []
    # Only what a lost answer or a kill left in doubt was sent again.
    assert api.writes.total() < MANY + 150 + 100 * (KILLS + len(api.asked) // 8 + 1)


def test_a_person_s_resend_and_what_is_read_back_go_through_the_workers(
    api: Api, hub: HubRegion, adam: User, tmp_path: Path
) -> None:
    one()
    api.refuses = lambda finding: ("InvalidInput", "not today")
    with worker(tmp_path, **securityhub_api.environment(api)):
        wait_until(lambda: HubFinding.objects.failed().exists(), seconds=60, what="the refusal")
        api.refuses = lambda finding: None
        services.send_again(hub_finding_ids=[HubFinding.objects.get().pk])
        wait_until(lambda: HubFinding.objects.get().state == SentState.SENT, seconds=60, what="the resend")
        api.set_status(HubFinding.objects.get().asff_id, "NOTIFIED")
        HubRegion.objects.update(next_read_at=timezone.now())
        wait_until(lambda: HubFinding.objects.drifted().exists(), seconds=60, what="the difference")
