"""Changes of findings as JSON, each told by its `kind`, to the dataclasses of findings.triage.

{"kind": "status", "status": "resolved", "close_reason": "expected", "text": "a drill"}
{"kind": "suppress", "close_reason": "expected", "until_at": "2026-12-31T18:00:00Z"}
{"kind": "assign", "assignee": "ann"}
{"kind": "comment", "text": "…"}
{"kind": "tick", "step": 2, "done": true}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from ecsaudit.findings import triage
from ecsaudit.findings.models import CloseReason, WorkflowStatus
from ecsaudit.people.models import User

MOST_FINDINGS = 500
LONGEST_FILTER = 20_000
LARGEST_ID = 2**63 - 1


class Strict(serializers.Serializer[Any]):
    """Refuses what it doesn't know: a misspelt field would otherwise mean something else than was written."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [str(name)[:80] for name in data if name not in self.fields]):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {name: [f"There is no such field; there are {known}."] for name in unknown}
            )
        return super().to_internal_value(data)


class ChangeSerializer(Strict):
    """What all changes have in common; `asked` makes the dataclass."""

    kind = serializers.CharField()
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=triage.LONGEST_TEXT)

    def asked(self, said: Mapping[str, Any]) -> triage.Change:
        raise NotImplementedError


class StatusChange(ChangeSerializer):
    """Open again (new, notified), or finish (suppressed, resolved), which needs a reason; “other” needs a text."""

    status = serializers.ChoiceField(WorkflowStatus.choices)
    close_reason = serializers.ChoiceField(CloseReason.choices, required=False, allow_blank=True, default="")

    def asked(self, said: Mapping[str, Any]) -> triage.Change:
        return triage.SetStatus(said["status"], said["close_reason"], said["text"])


class SuppressChange(ChangeSerializer):
    """Suppress the finding's group, until a time, until so `more` findings have come, or while the rule stays as it is."""

    close_reason = serializers.ChoiceField(CloseReason.choices)
    until_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    more = serializers.IntegerField(required=False, default=0, min_value=0, max_value=1_000_000)
    while_rule_stays = serializers.BooleanField(required=False, default=False)

    def validate_until_at(self, until: datetime | None) -> datetime | None:
        if until is not None and until <= timezone.now():
            raise serializers.ValidationError("lies in the past; send a time that is still to come")
        return until

    def asked(self, said: Mapping[str, Any]) -> triage.Change:
        until = said["until_at"].isoformat() if said["until_at"] else ""
        return triage.Suppress(said["close_reason"], said["text"], until, said["more"], said["while_rule_stays"])


class AssignChange(ChangeSerializer):
    """To somebody by user name, or to nobody (null)."""

    assignee = serializers.CharField(allow_null=True, max_length=150)

    def validate_assignee(self, name: str | None) -> User | None:
        found = User.objects.filter(username=name, is_active=True).first() if name is not None else None
        if name is not None and found is None:
            raise serializers.ValidationError("there is no user of this name; null means nobody")
        return found

    def asked(self, said: Mapping[str, Any]) -> triage.Change:
        return triage.Assign(said["assignee"].pk if said["assignee"] else None, said["text"])


class CommentChange(ChangeSerializer):
    """Write something into the history."""

    text = serializers.CharField(max_length=triage.LONGEST_TEXT)

    def asked(self, said: Mapping[str, Any]) -> triage.Change:
        return triage.Comment(said["text"])


class TickChange(ChangeSerializer):
    """Tick a step of the runbook, counted from 1, or take the tick away."""

    step = serializers.IntegerField(min_value=1, max_value=1_000)
    done = serializers.BooleanField()

    def asked(self, said: Mapping[str, Any]) -> triage.Change:
        return triage.Tick(said["step"], said["done"], said["text"])


KINDS: dict[str, type[ChangeSerializer]] = {
    "status": StatusChange, "suppress": SuppressChange, "assign": AssignChange, "comment": CommentChange, "tick": TickChange,
}  # fmt: skip


@extend_schema_field(PolymorphicProxySerializer("Change", serializers=dict(KINDS), resource_type_field_name="kind"))
class ChangeField(serializers.Field[triage.Change, Any, Any, Any]):
    """A change of any kind."""

    def to_internal_value(self, data: Any) -> triage.Change:
        kind = data.get("kind") if isinstance(data, Mapping) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise serializers.ValidationError({"kind": [f"Send an object whose “kind” is one of {', '.join(KINDS)}."]})
        serializer = KINDS[kind](data=data)
        serializer.is_valid(raise_exception=True)
        change = serializer.asked(serializer.validated_data)
        try:
            change.check()
        except triage.TriageError as error:
            raise serializers.ValidationError(str(error)) from error
        return change

    def to_representation(self, value: Any) -> Any:
        return value


class FindingChangeSerializer(Strict):
    """A change of one finding. With `revision`, nothing is changed when the finding is no longer that."""

    change = ChangeField()
    revision = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=LARGEST_ID
    )


class FindingChangesSerializer(Strict):
    """A change of the findings with these ids, or of all that match a filter: the parameters of the list of findings."""

    change = ChangeField()
    findings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID),
        required=False,
        allow_empty=False,
        max_length=MOST_FINDINGS,
    )
    filter = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_FILTER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("findings" in attrs) == ("filter" in attrs):
            both = ["Send either “findings” or “filter”; an empty filter means what the list shows at first."]
            raise serializers.ValidationError({"findings": both, "filter": both})
        return attrs


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of a change of one finding; `changed` is false where it was so already."""

    changed = serializers.BooleanField()
    revision = serializers.IntegerField()
    workflow_status = serializers.ChoiceField(WorkflowStatus.choices)
    close_reason = serializers.ChoiceField(CloseReason.choices, allow_blank=True)
    assignee = serializers.CharField(allow_null=True)
