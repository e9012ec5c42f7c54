"""Facts of findings for tests."""

from datetime import UTC, datetime
from typing import Any

from ecsaudit.findings.models import Priority
from ecsaudit.securityhub.facts import Facts, Principal, Target

ACCOUNT_ID = "111122223333"
REGION = "eu-west-1"
EVENT_TIME = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
UPDATED_AT = datetime(2026, 11, 2, 9, 31, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    """The article's finding: a shell that an IAM user opened."""
    return Facts(
        **{
            "account_id": ACCOUNT_ID,
            "region": REGION,
            "event_id": "a8592389-8e99-4e01-8866-48089aec4f9c",
            "event_name": "ExecuteCommand",
            "event_source": "ecs.amazonaws.com",
            "event_time": EVENT_TIME,
            "created_at": datetime(2026, 11, 2, 9, 30, 59, 123456, tzinfo=UTC),
            "rule": "Terminal Shell in ECS Container",
            "priority": Priority.WARNING,
            "output": "An interactive terminal shell has been executed inside an ECS container",
            "tags": ("aws_ecs_exec", "NIST_800-53_AC-2(12)", "PCI_DSS_10.2.1", "T1059.004"),
            "person": "ana",
            "principal": Principal(
                kind="IAMUser",
                arn=f"arn:aws:iam::{ACCOUNT_ID}:user/ops/ana",
                user_name="ana",
                principal_id="AIDAEXAMPLE",
                access_key_id="AKIAEXAMPLEEXAMPLE00",
            ),
            "target": Target("prod", "payments", "637d524791b7457b9e6598414404162a", "web"),
            "command": "/bin/sh -c id",
            "source_ip_address": "203.0.113.7",
            "url": "https://ecsaudit.example/findings/7/",
            "output_fields": {"jevt.value[/awsRegion]": REGION, "ct.user": None},
        }
        | changes
    )
