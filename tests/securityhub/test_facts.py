"""From stored findings to facts, and to findings that Security Hub takes: of every sample event and every shared record."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from ecsaudit.cloudtrail.models import Account, Event, EventBody
from ecsaudit.cloudtrail.record import read
from ecsaudit.demo.story import ACCOUNTS, Story
from ecsaudit.findings.models import Finding, TagSet
from ecsaudit.findings.services import Tags, finding_of, storable_tags
from ecsaudit.library.effective import rules
from ecsaudit.library.services import refresh
from ecsaudit.securityhub.asff import asff
from ecsaudit.securityhub.check import REGION, check
from ecsaudit.securityhub.facts import facts_of
from tests import factories
from tests.records import execute_command

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "cloudtrail"
NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped_rules(settings: Settings) -> None:
    settings.RULES_DIR = ROOT / "rules"
    refresh()


def stored(text: str, **session: Any) -> Finding:
    """A finding of an event with this text."""
    record = read(text)
    event = factories.event(raw_text=text, event_id=record.event_id, event_name=record.event_name)
    finding = factories.finding(session=factories.exec_session(event=event, **session))
    return Finding.objects.for_detail().get(pk=finding.pk)


def test_the_record_tells_who_and_what_and_the_session_the_rest() -> None:
    facts = facts_of(stored(json.dumps(execute_command()), service="payments"), "https://ecsaudit.example")
    assert facts.person == "ana@example.com"
    assert facts.principal.kind == "AssumedRole"
    assert facts.principal.role_arn.endswith("sso.amazonaws.com/AWSReservedSSO_Developer_0123456789abcdef")
    assert (facts.target.cluster, facts.target.service, facts.target.container) == ("prod_payments", "payments", "web")
    assert (facts.command, facts.source_ip_address) == ("/bin/sh", "203.0.113.7")
    assert facts.url.startswith("https://ecsaudit.example/findings/")
    assert facts_of(stored(json.dumps(execute_command(eventID="x"))), "").url == ""


def test_the_article_s_container_keeps_its_own_arn() -> None:
    text = (ROOT / "tests" / "data" / "article_event.json").read_text()
    finding = asff(facts_of(stored(text), ""), NOW)
    assert check(finding) == []
    containers = [each for each in finding["Resources"] if each["Type"] == "AwsEcsContainer"]
    assert "container/" in containers[0]["Id"]


def test_a_record_that_can_no_longer_be_read_leaves_the_columns_and_the_session() -> None:
    finding = factories.finding(session=factories.exec_session(event=factories.event(raw_text="{not json")))
    facts = facts_of(Finding.objects.for_detail().get(pk=finding.pk), "")
    assert (facts.person, facts.target.cluster, facts.event_name) == ("", "prod-payments", "ExecuteCommand")
    assert check(asff(facts, NOW)) == []


def findings_of(account_id: str, texts: Iterable[str]) -> Iterator[Finding]:
    """What the rules in force make of records, in memory, and one finding of each record that no rule matches."""
    effective = rules.current()
    account = Account(account_id=account_id)
    for text in texts:
        record = read(text, {"EventId": "outer", "EventTime": NOW})
        region = record.region if REGION.fullmatch(record.region) else "eu-west-1"
        event = Event(
            account=account, event_id=record.event_id, event_name=record.event_name, event_source=record.event_source,
            event_time=record.event_time, region=region,
        )  # fmt: skip
        event.body = EventBody(event=event, compressed=EventBody.compress(text))
        matches = effective.rule_set.evaluate(text)
        for match in matches:
            finding = finding_of(event, match, None, effective, 0)
            yield whole(finding, account, storable_tags(match))
        if not matches:
            finding = Finding(
                rule="Any", priority=4, output=text, region=region, event_time=event.event_time, event=event
            )
            yield whole(finding, account, ())


def whole(finding: Finding, account: Account, tags: Tags) -> Finding:
    finding.pk, finding.created_at, finding.account, finding.tag_set = 7, NOW, account, TagSet(tags=list(tags))
    return finding


def problems(findings: Iterable[Finding]) -> tuple[int, dict[str, list[str]]]:
    """How many were built, and what is wrong with those that something is wrong with."""
    number, found = 0, {}
    for finding in findings:
        built = asff(facts_of(finding, "https://ecsaudit.example"), NOW)
        number += 1
        if wrong := check(built):
            found[built["Id"]] = wrong
    return number, found


def test_every_finding_of_the_sample_passes_the_check(shipped_rules: None) -> None:
    story = Story(NOW)
    for account in ACCOUNTS:
        events = [event for region in account.regions for event in story.events(account.id, region, NOW)]
        number, wrong = problems(findings_of(account.id, (event.cloudtrail_event for event in events)))
        assert number > 50
        assert wrong == {}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared sample events are not beside this checkout")
@pytest.mark.parametrize("name", ["exec_events", "exec_events_made", "other_events", "lookup_events_samples"])
def test_every_finding_of_the_shared_records_passes_the_check(shipped_rules: None, name: str) -> None:
    lines = map(json.loads, (SHARED / f"{name}.jsonl").read_text().splitlines())
    texts = [line.get("CloudTrailEvent") or json.dumps(line.get("event", line)) for line in lines]
    number, wrong = problems(findings_of("111122223333", texts))
    assert number > 0
    assert wrong == {}
