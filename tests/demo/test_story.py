"""What the sample promises: the same story every time, with everything in it that the product has to show."""

import ipaddress
import json
import re
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ecsaudit.demo.endpoint import CloudTrailEndpoint, StoredEvent
from ecsaudit.demo.stored_events import UnknownAccount
from ecsaudit.demo.story import ACCOUNTS, Story

ANCHOR = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
DOCUMENTATION = [
    ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
PRODUCTION = "111122223333"


def told(story: Story, now: datetime) -> list[StoredEvent]:
    return [
        event for account in ACCOUNTS for region in account.regions for event in story.events(account.id, region, now)
    ]


def records(events: Iterable[StoredEvent]) -> list[Any]:
    return [json.loads(event.cloudtrail_event) for event in events]


@pytest.fixture(scope="module")
def story() -> Story:
    return Story(ANCHOR)


@pytest.fixture(scope="module")
def last_90_days(story: Story) -> list[Any]:
    return records(event for event in told(story, ANCHOR) if event.event_time >= ANCHOR - timedelta(days=90))


@pytest.fixture(scope="module")
def execs(last_90_days: list[Any]) -> list[Any]:
    return [record for record in last_90_days if record["eventName"] == "ExecuteCommand"]


def test_the_same_anchor_tells_the_same_story(story: Story) -> None:
    assert told(Story(ANCHOR), ANCHOR) == told(story, ANCHOR)


def test_asking_step_by_step_or_in_parts_changes_nothing(story: Story) -> None:
    in_steps = Story(ANCHOR)
    for days in range(90, 0, -7):
        in_steps.events(PRODUCTION, "eu-west-1", ANCHOR - timedelta(days=days))
    assert told(in_steps, ANCHOR) == told(story, ANCHOR)


def test_a_later_now_only_adds_and_goes_on_after_the_anchor() -> None:
    going_on = Story(ANCHOR)
    known: set[StoredEvent] = set()
    for hours in (-30, -3, 0, 1, 9, 72, 400):
        now = ANCHOR + timedelta(hours=hours)
        current = set(told(going_on, now))
        assert known <= current
        assert all(event.delivered_at <= now for event in current)
        known = current
    new = [event for event in known if event.event_time > ANCHOR and event.event_name == "ExecuteCommand"]
    assert len(new) > 50


def test_events_are_newest_first_and_each_id_is_given_once(story: Story) -> None:
    for account in ACCOUNTS:
        for region in account.regions:
            times = [event.event_time for event in story.events(account.id, region, ANCHOR)]
            assert times == sorted(times, reverse=True)
    counts = Counter(event.event_id for event in told(story, ANCHOR))
    assert counts.most_common(1)[0][1] == 1


@pytest.mark.parametrize("days", range(0, 28, 8))
def test_ids_are_unique_whatever_the_weekday_of_the_anchor(days: int) -> None:
    events = told(Story(ANCHOR + timedelta(days=days)), ANCHOR + timedelta(days=days))
    assert len({event.event_id for event in events}) == len(events)


def test_delivery_takes_minutes_and_sometimes_a_quarter_of_an_hour(story: Story) -> None:
    delays = [event.delivered_at - event.event_time for event in told(story, ANCHOR)]
    assert min(delays) >= timedelta(minutes=1)
    assert max(delays) <= timedelta(minutes=15)
    late = sum(delay >= timedelta(minutes=10) for delay in delays)
    assert 0.03 < late / len(delays) < 0.10


def test_the_story_begins_at_least_95_days_before_the_anchor(story: Story) -> None:
    first = min(event.event_time for event in told(story, ANCHOR))
    assert first <= ANCHOR - timedelta(days=95)


def test_telling_it_takes_well_under_two_seconds_and_only_once() -> None:
    new = Story(ANCHOR)
    started = time.process_time()
    told(new, ANCHOR)
    first = time.process_time() - started
    started = time.process_time()
    told(new, ANCHOR)
    assert first < 2
    assert time.process_time() - started < first / 5


def test_another_account_is_unknown_and_another_region_empty(story: Story) -> None:
    assert list(story.events(PRODUCTION, "ap-south-1", ANCHOR)) == []
    with pytest.raises(UnknownAccount):
        story.events("999999999999", "eu-west-1", ANCHOR)


@pytest.mark.parametrize(
    "anchor", [datetime(2026, 11, 20), datetime(2026, 11, 20, tzinfo=timezone(timedelta(hours=1)))]
)
def test_an_anchor_that_is_not_in_utc_is_refused(anchor: datetime) -> None:
    with pytest.raises(ValueError, match="not in UTC"):
        Story(anchor)


def test_each_item_agrees_with_its_record(story: Story) -> None:
    for event in told(story, ANCHOR):
        record = json.loads(event.cloudtrail_event)
        assert record["eventID"] == event.event_id
        assert record["eventName"] == event.event_name
        assert record["eventSource"] == event.event_source
        assert datetime.fromisoformat(record["eventTime"]) == event.event_time
        assert record["userIdentity"].get("accessKeyId") == event.access_key_id
        assert str(record["readOnly"]).lower() == event.read_only
        assert record["eventVersion"] == "1.11"
        assert record["managementEvent"] is True


def test_there_are_about_a_thousand_execs_in_every_region(execs: list[Any]) -> None:
    assert 900 <= len(execs) <= 1400
    places = Counter((record["recipientAccountId"], record["awsRegion"]) for record in execs)
    assert set(places) == {(account.id, region) for account in ACCOUNTS for region in account.regions}
    assert min(places.values()) >= 40


def test_nobody_fakes_a_command_that_is_not_interactive(execs: list[Any]) -> None:
    for record in execs:
        for part in (record["requestParameters"], record["responseElements"]):
            assert part is None or part["interactive"] is True


def test_three_quarters_of_the_commands_are_shells(execs: list[Any]) -> None:
    commands = [record["requestParameters"]["command"] for record in execs if record["requestParameters"]]
    shells = sum(command in ("/bin/sh", "/bin/bash") for command in commands)
    assert 0.68 < shells / len(commands) < 0.82
    assert len(set(commands)) > 30


def test_some_execs_fail_each_in_a_known_way(execs: list[Any]) -> None:
    failed = [record for record in execs if "errorCode" in record]
    assert 0.05 < len(failed) / len(execs) < 0.09
    assert {record["errorCode"] for record in failed} == {
        "AccessDenied",
        "AccessDeniedException",
        "TargetNotConnectedException",
        "InvalidParameterException",
        "ClusterNotFoundException",
    }
    assert all(record["responseElements"] is None for record in failed)


def test_every_form_of_identity_appears(last_90_days: list[Any], execs: list[Any]) -> None:
    types = Counter(record["userIdentity"]["type"] for record in execs)
    assert set(types) == {"AssumedRole", "IAMUser", "Root", "FederatedUser"}
    assert "AWSService" in {record["userIdentity"]["type"] for record in last_90_days}
    arns = {record["userIdentity"]["arn"] for record in execs}
    for pattern in (
        r":assumed-role/AWSReservedSSO_\w+_[0-9a-f]{16}/maria\.keller@example\.com$",
        r":user/grace$",
        r":user/teams/data/hugo\.lind$",
        r":assumed-role/OpsToolbox/botocore-session-\d{10}$",
        r":assumed-role/gha-deploy/GitHubActions$",
        r":assumed-role/CopilotDeveloper/dana\.frey$",
        r":federated-user/dave\.moreau$",
    ):
        assert any(re.search(pattern, arn) for arn in arns), pattern
    assert any(record["userIdentity"].get("invokedBy") == "states.amazonaws.com" for record in execs)


def test_every_client_appears(execs: list[Any]) -> None:
    agents = {record["userAgent"] for record in execs}
    for part in ("aws-cli/2.32", "aws-cli/2.9.8", "exec-env/CloudShell", "aws-copilot/", "Boto3/", "states.amazonaws"):
        assert any(part in agent for agent in agents), part


def test_addresses_are_from_documentation_ranges(last_90_days: list[Any]) -> None:
    for address in {record["sourceIPAddress"] for record in last_90_days}:
        if address.endswith(".amazonaws.com"):
            continue
        assert any(ipaddress.ip_address(address) in network for network in DOCUMENTATION), address
    assert any(":" in record["sourceIPAddress"] for record in last_90_days)


def test_people_work_on_weekdays_and_two_weeks_are_quiet(execs: list[Any]) -> None:
    by_day = Counter(datetime.fromisoformat(record["eventTime"]).date() for record in execs)
    weekend = sum(count for day, count in by_day.items() if day.weekday() >= 5)
    assert weekend / len(execs) < 0.1
    monday = ANCHOR.date() - timedelta(days=ANCHOR.weekday())
    by_week = [sum(by_day[monday - timedelta(days=7 * weeks - day)] for day in range(5)) for weeks in range(1, 12)]
    assert sum(count < 15 for count in by_week) == 2
    assert sorted(by_week)[2] > 60


def test_most_opened_execs_have_their_session_behind_them(last_90_days: list[Any], execs: list[Any]) -> None:
    opened = {record["responseElements"]["session"]["sessionId"] for record in execs if record["responseElements"]}
    behind = {
        record["responseElements"]["sessionId"]
        for record in last_90_days
        if record["userIdentity"].get("invokedBy") == "ecs.amazonaws.com"
    }
    assert behind <= opened
    assert 0.85 < len(behind) / len(opened) < 1
    assert all(re.fullmatch(r"ecs-execute-command-[0-9a-z]{26}", session_id) for session_id in opened)


def test_other_events_share_the_names_that_the_collector_asks_for(last_90_days: list[Any]) -> None:
    names = Counter(record["eventName"] for record in last_90_days)
    for name in ("RunTask", "UpdateService", "CreateService", "UpdateCluster", "TerminateSession", "ResumeSession"):
        assert names[name] > 0, name
    assert names["DescribeTasks"] > 100
    targets = [
        record["requestParameters"]["target"] for record in last_90_days if record["eventName"] == "StartSession"
    ]
    assert any(target.startswith("i-0") for target in targets)


def test_the_break_glass_night(last_90_days: list[Any]) -> None:
    night = (ANCHOR - timedelta(days=21)).date().isoformat()
    during = [
        record
        for record in last_90_days
        if f"{night}T01:40" <= record["eventTime"] <= f"{night}T04:12" and record["recipientAccountId"] == PRODUCTION
    ]
    execs = [
        record for record in during if record["eventName"] == "ExecuteCommand" and record["awsRegion"] == "eu-west-1"
    ]
    people = {record["userIdentity"]["arn"].rpartition(":")[2].rpartition("/")[2] for record in execs}
    assert people == {"maria.keller@example.com", "jonas.berg@example.com", "root"}
    commands = [record["requestParameters"]["command"] for record in execs]
    assert "env" in commands
    assert any(command.startswith("apk add") for command in commands)
    enabled = [
        record["requestParameters"]["enableExecuteCommand"]
        for record in sorted(during, key=lambda record: record["eventTime"])
        if record["eventName"] == "UpdateService"
    ]
    assert enabled == [True, False]
    root = [record for record in execs if record["userIdentity"]["type"] == "Root"]
    assert all("exec-env/CloudShell" in record["userAgent"] for record in root)
    assert all(record["sessionCredentialFromConsole"] == "true" for record in root)


def test_root_is_used_in_that_night_only(execs: list[Any]) -> None:
    days = {record["eventTime"][:10] for record in execs if record["userIdentity"]["type"] == "Root"}
    assert days == {(ANCHOR - timedelta(days=21)).date().isoformat()}


def test_a_session_is_opened_around_exec_after_denials(last_90_days: list[Any]) -> None:
    around = [
        record
        for record in last_90_days
        if record["eventName"] == "StartSession"
        and record["requestParameters"]["target"].startswith("ecs:")
        and record["userIdentity"].get("invokedBy") is None
    ]
    forward, shell = sorted(around, key=lambda record: record["eventTime"])
    assert forward["requestParameters"]["documentName"] == "AWS-StartPortForwardingSessionToRemoteHost"
    assert "documentName" not in shell["requestParameters"]
    assert shell["responseElements"]["sessionId"].startswith("elena.petrova@example.com-")
    denied = [
        record
        for record in last_90_days
        if record["userIdentity"].get("arn") == shell["userIdentity"]["arn"]
        and record.get("errorCode", "").startswith("AccessDenied")
        and record["eventTime"][:10] == shell["eventTime"][:10]
        and record["eventTime"] < shell["eventTime"]
    ]
    assert len(denied) == 5


def test_the_contractor_probes_on_two_evenings(execs: list[Any]) -> None:
    probes = [
        record
        for record in execs
        if record["userIdentity"].get("userName") == "r.vega" and record["recipientAccountId"] == PRODUCTION
    ]
    assert all("errorCode" in record for record in probes)
    assert len(probes) > 20
    assert len({record["eventTime"][:10] for record in probes}) == 2


def test_hostile_strings_are_kept_as_they_were_written(execs: list[Any]) -> None:
    commands = "\x00".join(record["requestParameters"]["command"] for record in execs if record["requestParameters"])
    for part in ("<img src=x", "<script>", "\x1b[31m", "\u202e", "\n", "{{7*7}}"):
        assert part in commands, part
    assert any("<img" in record["userAgent"] for record in execs)


def test_transcripts_are_switched_off_and_on_again(last_90_days: list[Any]) -> None:
    changes = [
        record["requestParameters"]["configuration"]["executeCommandConfiguration"]["logging"]
        for record in sorted(last_90_days, key=lambda record: record["eventTime"])
        if record["eventName"] == "UpdateCluster"
    ]
    assert changes == ["NONE", "OVERRIDE"]


def test_boto3_reads_the_whole_story_through_the_endpoint(story: Story, client_for: Any) -> None:
    with CloudTrailEndpoint(story, requests_per_second=None, clock=lambda: ANCHOR) as endpoint:
        execs = [{"AttributeKey": "EventName", "AttributeValue": "ExecuteCommand"}]
        pages = (
            client_for(endpoint, PRODUCTION, "us-east-1")
            .get_paginator("lookup_events")
            .paginate(LookupAttributes=execs)
        )
        found = [item["EventId"] for page in pages for item in page["Events"]]
    assert found == [
        event.event_id
        for event in story.events(PRODUCTION, "us-east-1", ANCHOR)
        if event.event_name == "ExecuteCommand" and event.event_time >= ANCHOR - timedelta(days=90)
    ]
