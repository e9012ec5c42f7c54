"""What a finding and a group of findings are in the API: the columns of the lists' files, and how the schema tells of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ecsaudit.findings.models import CloseReason, Priority, RecordState, WorkflowStatus
from ecsaudit.web import finding_list, group_list
from ecsaudit.web.exports import Column, column

PRIORITIES = [(str(word), str(word)) for _, word in Priority.choices]
FINDING: tuple[Column, ...] = (*finding_list.EXPORT, column("revision"))
GROUP: tuple[Column, ...] = (*group_list.EXPORT, column("is_open"))


class FindingSerializer(serializers.Serializer[Any]):
    """A finding. `revision` grows with every change."""

    id = serializers.IntegerField()
    event_time = serializers.DateTimeField()
    rule = serializers.CharField()
    priority = serializers.ChoiceField(PRIORITIES)
    output = serializers.CharField()
    output_fields = serializers.DictField()
    source = serializers.CharField()  # type: ignore[assignment]
    tags = serializers.ListField(child=serializers.CharField())
    account = serializers.CharField(allow_null=True)
    account_alias = serializers.CharField(allow_null=True)
    region = serializers.CharField()
    event_id = serializers.CharField(allow_null=True)
    event_name = serializers.CharField(allow_null=True)
    session = serializers.IntegerField(allow_null=True)
    person = serializers.CharField()
    cluster = serializers.CharField()
    target = serializers.CharField()
    role_name = serializers.CharField(allow_null=True)
    container = serializers.CharField(allow_null=True)
    task_id = serializers.CharField(allow_null=True)
    command = serializers.CharField(allow_null=True)
    record_state = serializers.ChoiceField(RecordState.choices)
    archived_at = serializers.DateTimeField(allow_null=True)
    workflow_status = serializers.ChoiceField(WorkflowStatus.choices)
    close_reason = serializers.ChoiceField(CloseReason.choices, allow_blank=True)
    assignee = serializers.CharField(allow_null=True)
    group = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    revision = serializers.IntegerField()


class GroupSerializer(serializers.Serializer[Any]):
    """Findings of one rule about one person and one target. `priority` is the worst, numbers are of active findings."""

    id = serializers.IntegerField()
    rule = serializers.CharField()
    priority = serializers.ChoiceField(PRIORITIES)
    person = serializers.CharField()
    cluster = serializers.CharField()
    target = serializers.CharField()
    region = serializers.CharField()
    account = serializers.CharField(allow_null=True)
    account_alias = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()
    open_count = serializers.IntegerField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    reopened_at = serializers.DateTimeField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    fingerprint = serializers.CharField()
    is_open = serializers.BooleanField()


class FindingPageSerializer(serializers.Serializer[Any]):
    """A page of findings, newest first."""

    next = serializers.URLField(allow_null=True)
    results = FindingSerializer(many=True)


class GroupPageSerializer(serializers.Serializer[Any]):
    """A page of groups, last seen first."""

    next = serializers.URLField(allow_null=True)
    results = GroupSerializer(many=True)
