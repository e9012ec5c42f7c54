"""What a finding's page tells beside its columns, in the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ecsaudit.findings.models import Finding
from ecsaudit.library.models import RuleSet
from ecsaudit.replay.models import Hidden
from tests import factories
from tests.api.test_schema import check

pytestmark = pytest.mark.django_db
RULE = "- rule: R\n  desc: d\n  condition: ct.name = {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


def told(client: Client, finding: Finding) -> dict[str, Any]:
    """The finding, as the schema says."""
    answer: dict[str, Any] = check("FindingDetail", client.get(f"/api/v1/findings/{finding.pk}/").json())
    return answer


def test_a_finding_says_why_its_rule_matched_and_why_it_no_longer_does(as_vera: Client) -> None:
    then, now = (
        RuleSet.objects.create(files=[["a.yaml", RULE.format(name)]]) for name in ("ExecuteCommand", "StopTask")
    )
    finding = factories.finding(
        rule="R", rule_set=then, record_state="archived", archived_at=timezone.now(), archived_by=now
    )
    answer = told(as_vera, finding)
    assert answer["rule_description"] == "d"
    assert answer["explanation"]["result"]
    assert not answer["explanation_now"]["result"]
    assert answer["hidden_by"] == []


def test_a_finding_that_an_exception_hides_names_it(as_vera: Client) -> None:
    made = factories.rule_exception(name="known host")
    finding = factories.finding(record_state="archived", archived_at=timezone.now())
    Hidden.objects.create(finding=finding, exception=made)
    assert told(as_vera, finding)["hidden_by"] == [{"id": made.pk, "name": "known host"}]


def test_the_runbook_s_steps_are_numbered_as_they_are_ticked(as_vera: Client, settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[2] / "rules"
    steps = told(as_vera, factories.finding(rule="CloudTrail Stopped", steps_done=[2]))["steps"]
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    assert {step["step"] for step in steps if step["done"]} == {2}
    assert {step["part"] for step in steps} == {"Check", "Do"}


def test_controls_are_told_apart_from_other_tags(as_vera: Client) -> None:
    controls = told(as_vera, factories.finding(tags=["aws", "PCI_DSS_10.2.1"]))["controls"]
    assert [(each["framework"], each["identifier"]) for each in controls] == [("pci-dss", "10.2.1")]
