"""One finding with all that its page tells: why, what to do, evidence, similar ones, history, deliveries, Security Hub."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ecsaudit.api.bulk_actions import ActivitySerializer
from ecsaudit.api.rows import FINDING, FindingSerializer
from ecsaudit.compliance.frameworks import controls_of
from ecsaudit.findings.models import Finding, Suppression
from ecsaudit.findings.severity import Severity
from ecsaudit.notifications.models import Delivery
from ecsaudit.securityhub.models import HubFinding, SentState
from ecsaudit.web import finding_page, history
from ecsaudit.web.delivery_list import COLUMNS, STANDINGS, standing_of
from ecsaudit.web.sentences import session_sentence


class ControlSerializer(serializers.Serializer[Any]):
    framework = serializers.CharField()
    version = serializers.CharField()
    identifier = serializers.CharField()
    title = serializers.CharField()


class StepSerializer(serializers.Serializer[Any]):
    """A step of the runbook; `part` is Check or Do."""

    step = serializers.IntegerField()
    part = serializers.CharField()
    text = serializers.CharField()
    done = serializers.BooleanField()


class EventSerializer(serializers.Serializer[Any]):
    """The CloudTrail event; `record` is its text as it came."""

    event_id = serializers.CharField()
    event_name = serializers.CharField()
    event_source = serializers.CharField()
    event_time = serializers.DateTimeField()
    record = serializers.CharField(source="raw_text")


class GroupNumbersSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    open_count = serializers.IntegerField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class SuppressionSerializer(serializers.Serializer[Any]):
    """What keeps the finding's group suppressed; it ends with the first of its ends that comes."""

    id = serializers.IntegerField()
    by = serializers.CharField(source="by.username", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    until_at = serializers.DateTimeField(allow_null=True)
    until_count = serializers.IntegerField(allow_null=True)
    while_version = serializers.IntegerField(source="while_version_id", allow_null=True)
    close_reason = serializers.CharField(source="reason")
    text = serializers.CharField()


class HistoryLineSerializer(ActivitySerializer):
    """A line of the history, and what it says in words."""

    what = serializers.CharField()


class SimilarSerializer(serializers.Serializer[Any]):
    """The newest findings that have something in common; `filter` finds them all in the list."""

    what = serializers.CharField()
    findings = serializers.ListField(child=serializers.IntegerField())
    filter = serializers.CharField()


class DeliverySerializer(serializers.Serializer[Any]):
    """What became of the finding in one channel."""

    channel = serializers.CharField()
    policy = serializers.CharField()
    severity = serializers.ChoiceField(Severity.choices)
    state = serializers.ChoiceField(list(STANDINGS.items()))
    answer_code = serializers.CharField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    held_until = serializers.DateTimeField(allow_null=True)
    not_sent = serializers.CharField()
    created_at = serializers.DateTimeField()


class HubSerializer(serializers.Serializer[Any]):
    """What AWS Security Hub was told, and what it answered."""

    state = serializers.ChoiceField(SentState.choices)
    asff_id = serializers.CharField()
    sent_at = serializers.DateTimeField(allow_null=True)
    hub_status = serializers.CharField()
    status_read_at = serializers.DateTimeField(allow_null=True)
    drifted_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField()
    error_message = serializers.CharField()


class RuleExceptionSerializer(serializers.Serializer[Any]):
    """An exception because of which the finding is archived."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class FindingDetailSerializer(FindingSerializer):
    """A finding with all that its page tells. `explanation` says why the rule matched; `explanation_now`, of an archived
    finding, why it no longer does."""

    session_sentence = serializers.CharField()
    rule_description = serializers.CharField()
    explanation = serializers.DictField(allow_null=True)
    explanation_now = serializers.DictField(allow_null=True)
    controls = ControlSerializer(many=True)
    steps = StepSerializer(many=True)
    event = EventSerializer(allow_null=True)
    group_numbers = GroupNumbersSerializer()
    suppression = SuppressionSerializer(allow_null=True)
    hidden_by = RuleExceptionSerializer(many=True)
    similar = SimilarSerializer(many=True)
    history = HistoryLineSerializer(many=True)
    deliveries = DeliverySerializer(many=True)
    security_hub = HubSerializer(allow_null=True)


def row_of(pk: int) -> dict[str, Any]:
    """A finding's own columns, as the list has them; Finding.DoesNotExist where there is none."""
    found = Finding.objects.values("pk", *{column.path for column in FINDING}).get(pk=pk)
    return {column.name: column.value(found) for column in FINDING}


def told(pk: int) -> dict[str, Any]:
    """A finding as FindingDetailSerializer has it; Finding.DoesNotExist where there is none."""
    finding = Finding.objects.for_detail().select_related("hub").get(pk=pk)
    rule = finding_page.rule_of(finding, finding.rule_set)
    hub: HubFinding | None = getattr(finding, "hub", None)
    return row_of(pk) | {
        "session_sentence": session_sentence(finding.session) if finding.session else "",
        "rule_description": rule.description if rule else "",
        "explanation": finding_page.explained(finding, finding.rule_set),
        "explanation_now": finding_page.explained(finding, finding.archived_by),
        "controls": controls_of(finding.tags),
        "steps": steps_of(finding),
        "event": finding.event,
        "group_numbers": finding.group,
        "suppression": Suppression.objects.select_related("by")
        .filter(group=finding.group, ended_at__isnull=True)
        .first(),
        "hidden_by": [hidden.exception for hidden in finding_page.hidden_by(finding)],
        "similar": [
            {"what": each.words, "findings": [row.pk for row in each.rows], "filter": each.query}
            for each in finding_page.similar(finding)
        ],
        "history": history_of(finding),
        "deliveries": deliveries_of(finding),
        "security_hub": hub,
    }


def steps_of(finding: Finding) -> list[dict[str, Any]]:
    runbook = finding_page.steps_for(finding)
    if runbook is None:
        return []
    return [
        {"step": number, "part": part, "text": text, "done": done}
        for part, steps in finding_page.steps(runbook, finding.steps_done)
        for number, text, done in steps
    ]


def history_of(finding: Finding) -> list[dict[str, Any]]:
    """Three queries at most."""
    activities = list(finding.activities.select_related("by").order_by("pk"))
    lines = history.lines(activities)
    columns = ("id", "finding_id", "at", "by", "action", "before", "after", "text", "bulk_id")
    return [
        {name: getattr(activity, name) for name in columns} | {"what": line.what}
        for activity, line in zip(activities, lines, strict=True)
    ]


def deliveries_of(finding: Finding) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(finding=finding).order_by("channel__name").values(*COLUMNS)
    message = ("answer_code", "accepted_at", "next_attempt_at")
    return [
        {name: row[f"message__{name}"] for name in message}
        | {name: row[name] for name in ("policy", "severity", "held_until", "not_sent", "created_at")}
        | {"channel": row["channel__name"], "state": standing_of(row)}
        for row in rows
    ]
