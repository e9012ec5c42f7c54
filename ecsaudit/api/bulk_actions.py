"""Bulk actions: how far one is, and the lines that it wrote into histories of findings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ecsaudit.findings.models import Action, Activity, BulkAction, BulkState
from ecsaudit.web import history
from ecsaudit.web.paging import PAGE_SIZE


class ActivitySerializer(serializers.Serializer[Any]):
    """A line of a history; `by` is null where ecsaudit did it. `before` and `after` hold the columns that changed."""

    id = serializers.IntegerField()
    finding = serializers.IntegerField(source="finding_id")
    at = serializers.DateTimeField()
    by = serializers.CharField(source="by.username", allow_null=True, default=None)
    action = serializers.ChoiceField(Action.choices)
    before = serializers.DictField()
    after = serializers.DictField()
    text = serializers.CharField()
    bulk_action = serializers.IntegerField(source="bulk_id", allow_null=True)


class BulkActionSerializer(serializers.Serializer[Any]):
    """A change of many findings, or the taking back of one (`undo_of`). `total` is null where nobody had to count."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(BulkState.choices)
    what = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    filter = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    failure = serializers.CharField()
    can_be_undone = serializers.BooleanField()
    undo_of = serializers.IntegerField(allow_null=True)
    undone_by = serializers.IntegerField(allow_null=True)


class BulkActionPageSerializer(BulkActionSerializer):
    """… with a page of what it changed, in the order of the changes."""

    next = serializers.URLField(allow_null=True)
    changes = ActivitySerializer(many=True)


def told(action: BulkAction) -> dict[str, Any]:
    """A bulk action as BulkActionSerializer has it; a query for the name of an assignee, where somebody was assigned."""
    undone_by = getattr(action, "undone_by", None)
    columns = ("state", "created_at", "finished_at", "total", "changed", "unchanged", "failure", "can_be_undone")
    return {name: getattr(action, name) for name in columns} | {
        "id": action.pk,
        "what": history.done([action])[0].what,
        "by": action.by.username if action.by else None,
        "text": action.change.get("text", ""),
        "filter": action.address,
        "undo_of": action.undo_of_id,
        "undone_by": undone_by.pk if undone_by else None,
    }


def changes_of(action: BulkAction, after: int) -> tuple[list[Activity], int | None]:
    """Its lines after this one, and after which the next page begins."""
    found = Activity.objects.filter(bulk=action, pk__gt=after).select_related("by").order_by("pk")
    lines = list(found[: PAGE_SIZE + 1])
    page = lines[:PAGE_SIZE]
    return page, page[-1].pk if len(lines) > PAGE_SIZE else None
