import json

import pytest

from ecsaudit.securityhub.models import HubRegion
from ecsaudit.securityhub.permissions import policy_text, try_out
from tests.factories import NOW
from tests.securityhub_api import OPERATIONS, Api, Fault

pytestmark = pytest.mark.django_db


def test_each_permission_is_asked_for_and_nothing_is_stored(api: Api, hub: HubRegion) -> None:
    found = try_out(hub_region=hub, now=NOW)
    assert [(each.name, each.verdict) for each in found] == [
        ("securityhub:DescribeHub", "allowed"),
        ("securityhub:BatchImportFindings", "allowed"),
        ("securityhub:BatchUpdateFindings", "allowed"),
        ("securityhub:GetFindings", "allowed"),
    ]
    assert (api.findings, api.writes.total()) == ({}, 0)
    hub.refresh_from_db()
    assert hub.tested_at == NOW
    assert hub.test_result[0] == {"name": "securityhub:DescribeHub", "verdict": "allowed", "text": ""}


@pytest.mark.parametrize("missing", sorted(set(OPERATIONS.values())))
def test_the_missing_permission_is_named(api: Api, hub: HubRegion, missing: str) -> None:
    api.denied = {missing}
    (found,) = (each for each in try_out(hub_region=hub, now=NOW) if each.verdict != "allowed")
    assert (found.name, found.verdict) == (f"securityhub:{missing}", "missing")
    assert f"allow securityhub:{missing} for these credentials" in found.text


def test_a_hub_that_is_not_enabled_and_one_that_does_not_answer_are_told(api: Api, hub: HubRegion) -> None:
    api.enabled = set()
    found = try_out(hub_region=hub, now=NOW)
    assert {each.verdict for each in found} == {"unknown"}
    assert "is not subscribed to AWS Security Hub — enable Security Hub CSPM" in found[0].text
    api.fault = lambda number, operation: Fault(drop=True)
    assert "could not be reached" in try_out(hub_region=hub, now=NOW)[0].text


def test_the_policy_allows_what_is_called_and_no_more() -> None:
    actions = [statement["Action"] for statement in json.loads(policy_text())["Statement"]]
    named = [each for action in actions for each in ([action] if isinstance(action, str) else action)]
    assert sorted(named) == sorted(f"securityhub:{operation}" for operation in OPERATIONS.values())
