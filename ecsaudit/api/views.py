"""Every address of the API, thin: look up, ask a service, answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import Http404, QueryDict
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecsaudit import tasks
from ecsaudit.api import bulk_actions, detail
from ecsaudit.api.bulk_actions import BulkActionPageSerializer, BulkActionSerializer
from ecsaudit.api.changes import FindingChangeSerializer, FindingChangesSerializer, OutcomeSerializer
from ecsaudit.api.detail import FindingDetailSerializer
from ecsaudit.api.filters import AFTER, asked_filter, listed, parameters
from ecsaudit.api.rows import FINDING, GROUP, FindingPageSerializer, GroupPageSerializer
from ecsaudit.findings import bulk, triage
from ecsaudit.findings.models import BulkAction, Finding
from ecsaudit.people.models import User
from ecsaudit.web import finding_list, group_list
from ecsaudit.web.asked import asked_number


def person(request: Request) -> User:
    """Whose session or key it is; every address has somebody."""
    assert isinstance(request.user, User)
    return request.user


class Findings(APIView):
    @extend_schema(operation_id="findings_list", parameters=parameters(), responses=FindingPageSerializer)
    def get(self, request: Request) -> Response:
        """Findings, newest first: what the screen shows one by one, by the same filter and with the same defaults."""
        page = listed(request, finding_list.listing_for(person(request).pk), FINDING)
        return Response(FindingPageSerializer(page).data)


class Groups(APIView):
    @extend_schema(operation_id="groups_list", parameters=parameters(), responses=GroupPageSerializer)
    def get(self, request: Request) -> Response:
        """Groups with a finding that fits the filter, last seen first."""
        page = listed(request, group_list.listing_for(person(request).pk), GROUP)
        return Response(GroupPageSerializer(page).data)


class OneFinding(APIView):
    @extend_schema(operation_id="findings_read", responses=FindingDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """One finding, with all that its page tells."""
        try:
            found = detail.told(pk)
        except Finding.DoesNotExist as error:
            raise Http404(f"there is no finding {pk}") from error
        return Response(FindingDetailSerializer(found).data)


class ChangeOne(APIView):
    @extend_schema(operation_id="findings_change", request=FindingChangeSerializer, responses=OutcomeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Change one finding. Refused (409) when it is no longer what you saw, or when it can't be done."""
        asked = checked(FindingChangeSerializer(data=request.data))
        if not Finding.objects.filter(pk=pk).exists():
            raise Http404(f"there is no finding {pk}")
        outcome = triage.apply(
            finding_ids=[pk],
            change=asked["change"],
            by=person(request),
            now=timezone.now(),
            revision=asked["revision"],
        )
        return Response(OutcomeSerializer(detail.row_of(pk) | {"changed": bool(outcome.changed)}).data)


class ChangeMany(APIView):
    @extend_schema(
        operation_id="findings_change_many", request=FindingChangesSerializer, responses={201: BulkActionSerializer}
    )
    def post(self, request: Request) -> Response:
        """Change many findings: a bulk action, whose first batch is made at once and the rest by workers."""
        asked = checked(FindingChangesSerializer(data=request.data))
        meant = findings_meant(person(request), asked)
        action = bulk.ask(
            change=asked["change"],
            condition=meant.condition,
            address=meant.address,
            by=person(request),
            expected=meant.expected,
        )
        return begun(action)


@dataclass(frozen=True, slots=True)
class Meant:
    """Which findings: a condition, the filter in words of an address, and how many were named by id."""

    condition: Q
    address: str
    expected: int


def findings_meant(user: User, asked: dict[str, Any]) -> Meant:
    ids = set(asked.get("findings", ()))
    if ids:
        return Meant(Q(pk__in=sorted(ids)), "", len(ids))
    try:
        filter = asked_filter(user, QueryDict(asked["filter"].removeprefix("?")))
    except ValidationError as error:
        raise ValidationError({"filter": error.detail}) from error
    return Meant(filter.condition(timezone.now()), filter.query, 0)


class OneBulkAction(APIView):
    @extend_schema(
        operation_id="bulk_actions_read",
        parameters=[
            OpenApiParameter(AFTER, OpenApiTypes.INT, description="The id of the last change of the page before")
        ],
        responses=BulkActionPageSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """How far a bulk action is, and what it changed."""
        token = request.query_params.get(AFTER, "0")
        after = asked_number(token)
        if after is None:
            raise ValidationError({AFTER: ["is not the id of a change; follow the “next” of the page before"]})
        action = action_of(pk)
        changes, last = bulk_actions.changes_of(action, after)
        here = request.build_absolute_uri(request.path)
        page = {"changes": changes, "next": f"{here}?{AFTER}={last}" if last else None}
        return Response(BulkActionPageSerializer(bulk_actions.told(action) | page).data)


class UndoBulkAction(APIView):
    @extend_schema(operation_id="bulk_actions_undo", request=None, responses={201: BulkActionSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Take a bulk action back: a bulk action of its own. What was written stays written."""
        return begun(bulk.undo(action=action_of(pk), by=person(request)))


def action_of(pk: int) -> BulkAction:
    action = BulkAction.objects.for_list().filter(pk=pk).first()
    if action is None:
        raise Http404(f"there is no bulk action {pk}")
    return action


def begun(action: BulkAction) -> Response:
    tasks.begin_bulk_action(action)
    answer = Response(BulkActionSerializer(bulk_actions.told(action_of(action.pk))).data, status=201)
    answer.headers["Location"] = reverse("api-bulk-action", args=[action.pk])
    return answer


def checked(serializer: FindingChangeSerializer | FindingChangesSerializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    asked: dict[str, Any] = serializer.validated_data
    return asked


class Nothing(APIView):
    """Every other address, so that it is answered in JSON as well."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("there is nothing at this address of the API; each ends with a slash")
