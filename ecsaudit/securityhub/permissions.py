"""What ecsaudit may do in Security Hub: the policy that it needs, and a test of each permission without storing anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from botocore.config import Config
from django.db.models import TextChoices

from ecsaudit.findings.models import Priority
from ecsaudit.securityhub.asff import asff
from ecsaudit.securityhub.client import BatchRefused, HubTrouble, SecurityHub
from ecsaudit.securityhub.facts import Facts
from ecsaudit.securityhub.models import HubRegion, HubState

# A person waits for the answer.
CONFIG = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}, user_agent_extra="ecsaudit"
)  # fmt: skip
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "SendFindings",
            "Effect": "Allow",
            "Action": "securityhub:BatchImportFindings",
            "Resource": "arn:aws:securityhub:*:*:product/*/default",
        },
        {
            "Sid": "TellAndReadStatuses",
            "Effect": "Allow",
            "Action": [
                "securityhub:BatchUpdateFindings",
                "securityhub:DescribeHub",
                "securityhub:GetFindings",
            ],
            "Resource": "arn:aws:securityhub:*:*:hub/default",
        },
    ],
}
TEST_ID = "ecsaudit/test-of-permissions"


class Verdict(TextChoices):
    ALLOWED = "allowed", "Allowed"
    MISSING = "missing", "Missing"
    UNKNOWN = "unknown", "Not known"


@dataclass(frozen=True, slots=True)
class Permission:
    """`text` is what AWS said where the permission wasn't simply granted."""

    name: str
    verdict: Verdict
    text: str = ""


def policy_text() -> str:
    return json.dumps(POLICY, indent=2)


def try_out(*, hub_region: HubRegion, now: datetime) -> list[Permission]:
    """Ask AWS for each permission, keep the result on the row, and return it."""
    found = ask(hub_region, now)
    HubRegion.objects.filter(pk=hub_region.pk).update(tested_at=now, test_result=[asdict(each) for each in found])
    return found


def ask(hub_region: HubRegion, now: datetime) -> list[Permission]:
    try:
        hub = SecurityHub(hub_region.account, hub_region.region, CONFIG)
    except HubTrouble as trouble:
        return [Permission("sts:AssumeRole", Verdict.MISSING, str(trouble))]
    calls: dict[str, Callable[[], Any]] = {
        "DescribeHub": hub.describe,
        "BatchImportFindings": lambda: hub.import_findings([impossible(hub_region, now)]),
        "BatchUpdateFindings": lambda: hub.set_status([TEST_ID], "NEW", {"Text": "A test.", "UpdatedBy": "ecsaudit"}),
        "GetFindings": lambda: hub.statuses(""),
    }
    return [permission(f"securityhub:{name}", call) for name, call in calls.items()]


def permission(name: str, call: Callable[[], Any]) -> Permission:
    """AWS asks whether somebody may call before it looks at what is called for: a refusal for the content is a yes."""
    try:
        call()
    except BatchRefused:
        return Permission(name, Verdict.ALLOWED)
    except HubTrouble as trouble:
        missing = trouble.state == HubState.DENIED
        return Permission(name, Verdict.MISSING if missing else Verdict.UNKNOWN, str(trouble))
    return Permission(name, Verdict.ALLOWED)


def impossible(hub_region: HubRegion, now: datetime) -> dict[str, Any]:
    """A finding that Security Hub can't take, because its times are none."""
    facts = Facts(
        account_id=hub_region.account.account_id,
        region=hub_region.region,
        event_id=TEST_ID,
        event_name="Test",
        event_source="ecsaudit",
        event_time=now,
        created_at=now,
        rule="Test of permissions",
        priority=Priority.DEBUG,
        output="A test of permissions by ecsaudit, which Security Hub refuses.",
        is_archived=True,
    )
    return asff(facts, now) | {"Id": TEST_ID, "CreatedAt": "no time", "UpdatedAt": "no time"}
