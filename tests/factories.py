"""Rows for tests: each function makes one, with defaults that a test overrides by naming what it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import transaction

from ecsaudit.cloudtrail.models import Account, Event, EventBody, Feed, Query, UnreadableRecord
from ecsaudit.execsessions.models import ExecSession, SessionEvent
from ecsaudit.findings import groups
from ecsaudit.findings.fingerprint import Subject
from ecsaudit.findings.models import Finding, FindingGroup, TagSet
from ecsaudit.library.models import RuleSet
from ecsaudit.notifications.models import Channel, Delivery, Message
from ecsaudit.notifications.routing import Routing
from ecsaudit.replay.models import Replay, ReplayMatch

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
numbers = count(1)


def account(account_id: str = "111122223333", **fields: Any) -> Account:
    found, _ = Account.objects.get_or_create(account_id=account_id, defaults={"regions": ["eu-west-1"]} | fields)
    return found


def feed(*, region: str = "eu-west-1", **fields: Any) -> Feed:
    owner = fields.pop("account", None) or account()
    found, _ = Feed.objects.get_or_create(account=owner, region=region, defaults={"next_attempt_at": NOW} | fields)
    return found


def query(*, event_name: str = "ExecuteCommand", **fields: Any) -> Query:
    fields = {"feed": fields.pop("feed", None) or feed(), "backfill_from": NOW - timedelta(days=90)} | fields
    return Query.objects.create(event_name=event_name, **fields)


def unreadable_record(*, text: str = "{not json", reason: str = "not JSON", **fields: Any) -> UnreadableRecord:
    fields = {"feed": fields.pop("feed", None) or feed(), "digest": f"{next(numbers):064x}"} | fields
    return UnreadableRecord.objects.create(body=text.encode(), reason=reason, **fields)


def event(*, raw_text: str = '{"eventName": "ExecuteCommand"}', **fields: Any) -> Event:
    fields = {
        "account": fields.pop("account", None) or account(),
        "event_id": f"event-{next(numbers)}",
        "event_name": "ExecuteCommand",
        "event_source": "ecs.amazonaws.com",
        "event_time": NOW,
        "region": "eu-west-1",
    } | fields
    made = Event.objects.create(**fields)
    EventBody.objects.create(event=made, compressed=EventBody.compress(raw_text))
    return made


def exec_session(**fields: Any) -> ExecSession:
    opened_by = fields.pop("event", None) or event(
        account=fields.get("account"),
        event_time=fields.get("started_at", NOW),
        region=fields.get("region", "eu-west-1"),
    )
    fields = {
        "account": opened_by.account,
        "region": opened_by.region,
        "kind": "exec",
        "mode": "shell",
        "outcome": "opened",
        "started_at": opened_by.event_time,
        "person": "ana@example.com",
        "identity_kind": "sso",
        "role_name": "AWSReservedSSO_Developer_0123456789abcdef",
        "cluster": "prod-payments",
        "task_id": "0123456789abcdef0123456789abcdef",
        "container": "web",
        "command": "/bin/sh",
        "source_ip_address": "203.0.113.7",
        "client": "cli",
        "user_agent": "aws-cli/2.32.10",
    } | fields
    made = ExecSession.objects.create(event=opened_by, **fields)
    SessionEvent.objects.create(session=made, event=opened_by)
    return made


def tag_set(*tags: str) -> TagSet:
    found, _ = TagSet.objects.get_or_create(digest=TagSet.digest_of(tags), defaults={"tags": list(tags)})
    return found


def finding_group(about: ExecSession, fields: dict[str, Any]) -> FindingGroup:
    """The group that findings of this session's person and target are gathered in."""
    draft = groups.Draft(
        rule=fields["rule"],
        account_pk=about.account_id,
        account_id=about.account.account_id,
        region=fields["region"],
        subject=Subject(about.person, about.cluster, about.container),
        priority=fields["priority"],
        tag_set_id=fields["tag_set"].pk,
        seen_at=fields["event_time"],
    )
    return groups.groups_of([draft])[draft.fingerprint]


def finding(**fields: Any) -> Finding:
    """A finding, counted in its group."""
    tags = fields.pop("tags", ["cloud", "aws", "aws_ecs_exec"])
    about = fields.pop("session", None) or exec_session()
    fields = {
        "account": about.account,
        "event": about.event,
        "session": about,
        "rule": "Terminal Shell in ECS Container",
        "priority": 4,
        "tag_set": fields.pop("tag_set", None) or tag_set(*tags),
        "source": "aws_cloudtrail",
        "output": "An interactive terminal shell has been executed inside an ECS container",
        "output_fields": {"jevt.value[/awsRegion]": about.region},
        "region": about.region,
        "event_time": about.started_at,
    } | fields
    made = Finding.objects.create(**{"group": finding_group(about, fields)} | fields)
    made.refresh_from_db()
    step = groups.Step(count=int(not made.is_archived), open_count=int(made.is_open))
    step.came(made)
    with transaction.atomic():
        groups.count({made.group_id: step}, NOW)
    return made


def replay(**fields: Any) -> Replay:
    """A finished try of one rule that is new."""
    fields = {
        "purpose": "try",
        "state": "done",
        "rule_set": RuleSet.objects.create(files=[]),
        "draft": RuleSet.objects.create(files=[]),
        "kind": "rule",
        "name": "Terminal Shell in ECS Container",
        "layer": "overlay",
        "rules": ["Terminal Shell in ECS Container"],
        "event_names": ["ExecuteCommand"],
        "total": 1,
        "done": 1,
        "started_at": NOW,
        "finished_at": NOW,
    } | fields
    return Replay.objects.create(**fields)


def replay_match(*, event: Event, rule: str, change: str = "new", **fields: Any) -> ReplayMatch:
    """An event that a finished try found to match; `fields` are the replay's."""
    made = replay(rules=[rule], event_names=[event.event_name], new=1, **fields)
    return ReplayMatch.objects.create(replay=made, event=event, event_time=event.event_time, rule=rule, change=change)


def channel(name: str = "Security team", **fields: Any) -> Channel:
    """A webhook that nobody serves."""
    found, _ = Channel.objects.get_or_create(
        name=name, defaults={"kind": "webhook", "settings": {"url": "https://hooks.example.com/ecsaudit"}} | fields
    )
    return found


def routing(finding: Finding, to: Channel | None = None, **fields: Any) -> Routing:
    """What a policy without a throttle decides."""
    to = to or channel()
    return Routing(finding=finding, channel_id=to.pk, **{"policy_name": "Everything", "severity": "HIGH"} | fields)


def message(*, findings: Sequence[Finding] = (), **fields: Any) -> Message:
    """A message that waits, about these findings."""
    to = fields.pop("channel", None) or channel()
    fields = {
        "key": f"{next(numbers):032x}",
        "about": "somebody in a container",
        "policy": "Everything",
        "severity": "HIGH",
        "count": max(len(findings), 1),
        "created_at": NOW,
        "next_attempt_at": NOW,
        "give_up_at": NOW + timedelta(hours=24),
    } | fields
    made = Message.objects.create(channel=to, **fields)
    for each in findings:
        delivery(finding=each, channel=to, message=made)
    return made


def delivery(**fields: Any) -> Delivery:
    """A finding that a channel shall hear of; without `message` or `throttle`, one that is not told."""
    about = fields.pop("finding", None) or finding()
    to = fields.pop("channel", None) or channel()
    fields = {"policy": "Everything", "severity": "HIGH", "created_at": NOW} | fields
    return Delivery.objects.create(finding=about, channel=to, **fields)
