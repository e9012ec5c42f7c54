"""The rules that Falco's CloudTrail plugin ships, on real records: each against its meaning written out in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecsaudit import engine

DATA = Path(__file__).parents[3] / "shared" / "data"
Record = dict[str, Any]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the rules and records stand beside the project, not in it")


def part(record: Record, *path: str) -> Any:
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def calls(*names: str, source: str = "") -> Callable[[Record], bool]:
    """A call of one of these names that did not fail."""
    return lambda record: (
        record.get("eventName") in names and "errorCode" not in record and source in record["eventSource"]
    )


def login(record: Record) -> bool:
    return calls("ConsoleLogin")(record) and part(record, "responseElements", "ConsoleLogin") == "Success"


def without_mfa(record: Record) -> bool:
    kind = part(record, "userIdentity", "type")
    return (
        login(record) and part(record, "additionalEventData", "MFAUsed") == "No" and kind not in (None, "AssumedRole")
    )


MEANINGS: dict[str, Callable[[Record], bool]] = {
    "Console Login Through Assume Role": lambda r: login(r) and part(r, "userIdentity", "type") == "AssumedRole",
    "Console Login Without MFA": without_mfa,
    "Console Root Login Without MFA": lambda r: without_mfa(r) and part(r, "userIdentity", "type") == "Root",
    "Deactivate MFA for Root User": lambda r: (
        calls("DeactivateMFADevice")(r)
        and part(r, "userIdentity", "type") == "Root"
        and part(r, "requestParameters", "userName") == "AWS ROOT USER"
    ),
    "Create AWS user": calls("CreateUser"),
    "Create Group": calls("CreateGroup"),
    "Delete Group": calls("DeleteGroup"),
    "ECS Service Created": calls("CreateService", source="ecs.amazonaws.com"),
    "ECS Task Run or Started": calls("RunTask", "StartTask", source="ecs.amazonaws.com"),
    "Create Lambda Function": calls("CreateFunction20150331"),
    "Update Lambda Function Code": calls("UpdateFunctionCode20150331v2"),
    "Update Lambda Function Configuration": calls("UpdateFunctionConfiguration20150331v2"),
    "Run Instances": calls("RunInstances"),
    "Run Instances in Non-approved Region": lambda r: calls("RunInstances")(r) and r["awsRegion"] != "us-east-0",
    "Delete Bucket Encryption": calls("DeleteBucketEncryption"),
    "Delete Bucket Public Access Block": lambda r: (
        calls("PutBucketPublicAccessBlock")(r)
        and part(r, "requestParameters", "publicAccessBlock") == ""
        and any(
            part(r, "requestParameters", "PublicAccessBlockConfiguration", flag) is False
            for flag in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        )
    ),
    "Put Bucket ACL": calls("PutBucketAcl"),
    "Put Bucket Policy": calls("PutBucketPolicy"),
    "CloudTrail Trail Created": calls("CreateTrail"),
    "CloudTrail Logging Disabled": calls("StopLogging"),
}


def stock_rules() -> dict[str, dict[str, Any]]:
    with (DATA / "falco" / "rules.jsonl").open(encoding="utf-8") as lines:
        vectors = [json.loads(line) for line in lines]
    (stock,) = [vector for vector in vectors if vector["kind"] == "stock_rules"]
    rules: dict[str, dict[str, Any]] = stock["expect_rules"]
    for rule in rules.values():
        # Falco prints an empty value as nothing.
        rule["condition"] = rule["condition"].replace(" =  and ", ' = "" and ')
    return rules


@pytest.fixture(scope="module")
def loaded() -> engine.LoadResult:
    items = [
        {key: rule[key] for key in ("condition", "output", "priority", "tags", "enabled")}
        | {"rule": name, "desc": name, "source": "aws_cloudtrail"}
        for name, rule in stock_rules().items()
    ]
    return engine.load_rules([("stock.yaml", json.dumps(items))])


def test_the_stock_rules_load_without_a_word_and_are_bounded(loaded: engine.LoadResult) -> None:
    assert (loaded.errors, loaded.warnings) == ((), ())
    enabled = [rule for rule in loaded.rules if rule.enabled]
    assert {rule.name for rule in enabled} == MEANINGS.keys()
    assert all(rule.event_names for rule in enabled)


def test_the_stock_rules_match_the_real_records_that_they_mean(loaded: engine.LoadResult) -> None:
    found: set[str] = set()
    for name in ("other_events", "exec_events"):
        for line in (DATA / "cloudtrail" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)["event"]
            expected = [rule for rule in (rule.name for rule in loaded.rules) if MEANINGS.get(rule, never)(record)]
            text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
            assert [match.rule for match in loaded.rule_set.evaluate(text)] == expected, text
            found.update(expected)
    assert len(found) >= 12


def never(record: Record) -> bool:
    return False
