"""The article's chain, whole: an ExecuteCommand event in CloudTrail → finding → policy → Slack, and AWS Security Hub.

With real Celery workers and their broker, on the database that the suite runs on, and HTTP servers for the other sides.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.test import override_settings
from django.utils import timezone

from ecsaudit.celery import app
from ecsaudit.cloudtrail.models import Account
from ecsaudit.findings.models import Action, Finding, WorkflowStatus
from ecsaudit.notifications.models import Channel, Message, State
from ecsaudit.notifications.sealing import seal
from ecsaudit.people.models import User
from ecsaudit.securityhub import services as securityhub
from ecsaudit.securityhub.models import HubFinding, HubRegion, SentState
from ecsaudit.securityhub.services import Past
from tests import cloudtrail_api, factories, securityhub_api
from tests.cloudtrail_api import ACCOUNT_ID, REGION
from tests.notifications.other_sides import Side, http_side
from tests.processes import wait_until, worker
from tests.records import execute_command

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
RULE = "Terminal Shell in ECS Container"
KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    """Messages of an earlier test must not wake this one's worker."""
    if app.conf.broker_url.startswith("redis"):
        with app.connection_for_write() as connection:
            connection.default_channel.client.flushdb()


@pytest.fixture(autouse=True)
def one_key() -> Iterator[None]:
    """The worker and the test read the same sealed secrets."""
    with override_settings(ENCRYPTION_KEYS=(KEY,)):
        yield


@pytest.fixture
def cloudtrail() -> Iterator[cloudtrail_api.Api]:
    with cloudtrail_api.serve(timezone.now()) as running:
        yield running


@pytest.fixture
def hub(cloudtrail: cloudtrail_api.Api) -> Iterator[securityhub_api.Api]:
    with securityhub_api.serve() as running:
        running.keys[cloudtrail.access_key] = ACCOUNT_ID
        yield running


@pytest.fixture
def slack() -> Iterator[Side]:
    with http_side() as running:
        yield running


def watch(adam: User, slack: Side) -> None:
    """What an administrator sets up once: the account, a channel, a policy that leads there, Security Hub."""
    Account.objects.create(account_id=ACCOUNT_ID, regions=[REGION])
    channel = Channel.objects.create(
        kind="slack", name="#sec", sealed_secrets=seal({"url": slack.url("/services/T/B/x")})
    )
    factories.policy("Default", channels=[channel])
    securityhub.sync_regions(timezone.now())
    securityhub.switch_on(hub_region=HubRegion.objects.get(), past=Past.NONE, by=adam, now=timezone.now())


def everything_is_told() -> bool:
    sent = Message.objects.filter(state=State.SENT, findings_noted=True)
    hub = HubFinding.objects.filter(state=SentState.SENT, told_status="NOTIFIED")
    return sent.exists() and hub.count() == Finding.objects.count() > 0


def test_from_an_event_in_cloudtrail_to_slack_and_security_hub(
    cloudtrail: cloudtrail_api.Api, hub: securityhub_api.Api, slack: Side, adam: User, tmp_path: Path
) -> None:
    watch(adam, slack)
    at = timezone.now() - timedelta(minutes=1)
    cloudtrail.add_record(execute_command(eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}"))
    environment = securityhub_api.environment(hub) | {
        "AWS_ACCESS_KEY_ID": cloudtrail.access_key,
        "AWS_ENDPOINT_URL_CLOUDTRAIL": cloudtrail.url,
        "ECSAUDIT_ALLOWED_WEBHOOK_HOSTS": "127.0.0.1",
        "ECSAUDIT_ENCRYPTION_KEYS": KEY,
        "ECSAUDIT_LOOKUPS_PER_SECOND": "1000",
        "ECSAUDIT_URL": "https://audit.example.com",
    }
    with worker(tmp_path, **environment):
        wait_until(everything_is_told, seconds=120, what="Slack and Security Hub to be told")

    finding = Finding.objects.get(rule=RULE)
    assert finding.session is not None
    assert finding.session.person == "ana@example.com"
    assert finding.workflow_status == WorkflowStatus.NOTIFIED
    assert finding.activities.filter(action=Action.STATUS, by=None).count() == 1

    told = [json.dumps(got.json) for got in slack.got]
    assert len(told) == Message.objects.count()
    (message,) = [text for text in told if RULE in text]
    assert "ana@example.com" in message
    assert f"https://audit.example.com{finding.get_absolute_url()}" in message

    asff = hub.of(HubFinding.objects.get(finding=finding).asff_id)
    assert (asff["AwsAccountId"], asff["RecordState"]) == (ACCOUNT_ID, "ACTIVE")
    assert asff["Title"].startswith(RULE)
    assert asff["Workflow"]["Status"] == "NOTIFIED"
    assert {resource["Type"] for resource in asff["Resources"]} >= {"AwsEcsCluster", "AwsEcsTask"}
