"""The schema is valid, says something of every address, and every answer is as it says."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from ecsaudit.api.rows import FINDING, GROUP, FindingSerializer, GroupSerializer
from ecsaudit.findings import triage
from ecsaudit.findings.own import raise_own
from ecsaudit.people.models import User
from tests import factories
from tests.api.conftest import Program


@cache
def schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def check(name: str, answer: Any) -> Any:
    """The answer, which is exactly as the component says: nothing less, and nothing more."""
    components = schema()["components"]["schemas"]
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": components}})
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)] == []
    assert answer.keys() == components[name]["properties"].keys()
    return answer


def test_the_schema_is_valid_and_made_without_warnings() -> None:
    reset_generator_stats()
    schema.cache_clear()
    validate_schema(schema())
    assert not GENERATOR_STATS
    assert schema()["openapi"] == "3.1.0"
    assert schema()["paths"].keys() == {
        f"/api/v1/{path}"
        for path in ("findings/", "findings/changes/", "findings/{id}/", "findings/{id}/changes/", "groups/",
                     "bulk-actions/{id}/", "bulk-actions/{id}/undo/", "schema/")
    }  # fmt: skip
    parameters = {each["name"] for each in schema()["paths"]["/api/v1/findings/"]["get"]["parameters"]}
    assert {"days", "workflow_status", "-workflow_status", "after"} <= parameters
    assert {"bearer"} == {each.get("scheme") for each in schema()["components"]["securitySchemes"].values()} - {None}


@pytest.mark.django_db
def test_the_schema_is_served_as_json(as_vera: Client) -> None:
    answer = as_vera.get("/api/v1/schema/")
    assert answer.headers["Content-Type"].startswith("application/vnd.oai.openapi+json")
    assert answer.json()["paths"].keys() == schema()["paths"].keys()


def test_a_row_has_the_fields_of_its_serializer() -> None:
    assert [column.name for column in FINDING] == list(FindingSerializer().fields)
    assert [column.name for column in GROUP] == list(GroupSerializer().fields)


@pytest.mark.django_db
def test_every_answer_is_as_the_schema_says(ann: User, program_of: Program) -> None:
    program, now = program_of(ann), timezone.now()
    about = factories.exec_session(started_at=now)
    found = factories.finding(
        session=about, tags=["PCI_DSS_10.2.1"], output_fields={"a": None, "b": "\ud83d\ude00\u202e"}
    )
    own = raise_own(key="channel:1", rule="Channel failing", priority=3, output="x", output_fields={}, now=now)
    for change in (triage.Assign(ann.pk), triage.Suppress("test", until_at=(now + timedelta(days=1)).isoformat())):
        triage.apply(finding_ids=[found.pk], change=change, by=ann, now=now)
    triage.apply(finding_ids=[own.pk], change=triage.Comment("own"), by=None, now=now)
    for not_sent in ("", "too old"):
        factories.delivery(finding=found, channel=factories.channel(f"to{not_sent}"), not_sent=not_sent, created_at=now)
    factories.hub_finding(finding=found, state="failed", error_code="x", failed_at=now)
    base = "/api/v1"
    rows = check("FindingPage", program.get(f"{base}/findings/?workflow_status=any").json())["results"]
    assert len(rows) == 2
    for row in rows:
        check("Finding", row)
        check("FindingDetail", program.get(f"{base}/findings/{row['id']}/").json())
    check("Group", check("GroupPage", program.get(f"{base}/groups/").json())["results"][0])
    comment = {"change": {"kind": "comment", "text": "x"}}
    one = program.post(f"{base}/findings/{own.pk}/changes/", comment, content_type="application/json")
    check("Outcome", one.json())
    body = {"change": {"kind": "assign", "assignee": "ann"}, "filter": "workflow_status=any"}
    action = check(
        "BulkAction", program.post(f"{base}/findings/changes/", body, content_type="application/json").json()
    )
    check("BulkActionPage", program.get(f"{base}/bulk-actions/{action['id']}/").json())
    check("BulkAction", program.post(f"{base}/bulk-actions/{action['id']}/undo/").json())
    check("Error", program.get(f"{base}/findings/?x=1").json())
