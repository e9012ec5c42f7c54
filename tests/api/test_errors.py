"""What is wrong with a request is told; nothing that somebody sends is a failure of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecsaudit.api import parsing
from ecsaudit.findings.models import Finding
from ecsaudit.people import api_keys
from ecsaudit.people.models import User
from ecsaudit.web.filters import ANY
from ecsaudit.web.finding_list import SPEC
from tests import factories
from tests.api.conftest import Program

pytestmark = pytest.mark.django_db
CHANGES = "/api/v1/findings/changes/"


def told(answer: Any) -> dict[str, Any]:
    """An error in the one shape that each has."""
    error: dict[str, Any] = answer.json()
    assert list(error) == ["status", "error", "fields", "help"]
    assert error["status"] == answer.status_code
    assert error["error"] and error["help"]
    return error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "JSON parse error"),
        (b"\xff\xfe", "JSON parse error"),
        (b'{"change": NaN}', "JSON parse error"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"revision": ' + b"9" * 10_000 + b"}", "JSON parse error"),
    ],
)
def test_what_is_not_json_is_an_error_of_who_sent_it(ann: User, program_of: Program, body: bytes, error: str) -> None:
    answer = program_of(ann).post(CHANGES, body, content_type="application/json")
    assert answer.status_code == 400
    assert error in told(answer)["error"]


def test_a_body_that_is_too_long_is_not_read(ann: User, program_of: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "LONGEST_BODY", 100)
    answer = program_of(ann).post(CHANGES, b" " * 101, content_type="application/json")
    assert answer.status_code == 413
    assert "is longer than" in told(answer)["error"]


def test_methods_and_forms_that_are_not_taken_are_named(ann: User, program_of: Program) -> None:
    program = program_of(ann)
    assert told(program.post(CHANGES, {"change": "x"}))["status"] == 415
    assert told(program.put(CHANGES, "{}", content_type="application/json"))["status"] == 405
    assert told(program.options(CHANGES))["status"] == 405
    assert told(program.get("/api/v1/findings/", headers={"Accept": "text/html"}))["status"] == 406
    # `format` is no way to another form either.
    assert told(program.get("/api/v1/findings/?format=api"))["fields"].keys() == {"format"}


def test_more_parameters_than_anybody_means_are_refused(ann: User, program_of: Program) -> None:
    program, many = program_of(ann), urlencode([("rule", "x")] * 1_001)
    assert told(program.get(f"/api/v1/findings/?{many}"))["status"] == 400
    body = {"change": {"kind": "comment", "text": "x"}, "filter": many}
    assert told(program.post(CHANGES, body, content_type="application/json"))["status"] == 400


def test_a_strict_policy_goes_with_every_answer(as_vera: Client) -> None:
    answer = as_vera.get("/api/v1/findings/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json"


def test_text_that_can_t_be_sent_is_escaped(as_vera: Client) -> None:
    factories.finding(
        session=factories.exec_session(started_at=timezone.now()),
        output="\u202e\x1b<script>",
        output_fields={"é": "\u2028"},
    )
    answer = as_vera.get("/api/v1/findings/")
    assert answer.content.isascii()
    assert answer.json()["results"][0]["output"] == "\u202e\x1b<script>"


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0]),
    st.text(st.characters(codec=None), max_size=20), st.sampled_from(["\x00", "\ud800", "me", "nobody", ANY, "9" * 400]),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2099-01-01", "2099-02-30T00:00:00Z"]),
    st.sampled_from(["new", "resolved", "other", "test", "2026-11-02", "1.1", "ann"]),
)  # fmt: skip
VALUES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
NAMES = ["status", "close_reason", "text", "until_at", "more", "while_rule_stays", "assignee", "step", "done", "x"]
GOOD = st.sampled_from([
    {"kind": "status", "status": "resolved", "close_reason": "test"}, {"kind": "status", "status": "new"},
    {"kind": "suppress", "close_reason": "other", "text": "x", "more": 3}, {"kind": "assign", "assignee": "ann"},
    {"kind": "comment", "text": "x"}, {"kind": "tick", "step": 1, "done": True}, {"kind": "x"},
])  # fmt: skip
# A good one, with something else in it.
CHANGE = st.builds(lambda good, odd: good | odd, GOOD, st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=1))
PARAMETERS = ["days", "from", "to", "q", "view", "after", *(dimension.name for dimension in SPEC.dimensions)]
QUERY = st.lists(
    st.tuples(st.sampled_from([*PARAMETERS, *(f"-{name}" for name in PARAMETERS)]), ODD.map(str)), max_size=4
)
WHICH = st.one_of(
    st.fixed_dictionaries({"findings": st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=3) | VALUES}),
    st.fixed_dictionaries({"filter": QUERY.map(lambda pairs: urlencode(pairs, errors="replace")) | VALUES}),
    st.fixed_dictionaries({"revision": st.integers(1, 9) | VALUES}),
)
BODY = st.builds(lambda change, which: {"change": change} | which, CHANGE, WHICH)
HOSTILE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
def program(ann: User, program_of: Program, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(api_keys, "A_MINUTE", 1_000_000)
    factories.finding()
    return program_of(ann)


@HOSTILE
@given(body=BODY)
def test_no_body_is_a_failure_of_ours(program: Client, body: Any) -> None:
    for address in (CHANGES, f"/api/v1/findings/{Finding.objects.get().pk}/changes/"):
        answer = program.post(address, json.dumps(body), content_type="application/json")
        assert answer.status_code in (200, 201) or told(answer)["status"] in (400, 409)


@HOSTILE
@given(pairs=QUERY)
def test_no_address_is_a_failure_of_ours(program: Client, pairs: list[tuple[str, str]]) -> None:
    for address in ("/api/v1/findings/", "/api/v1/groups/", "/api/v1/bulk-actions/1/"):
        answer = program.get(f"{address}?{urlencode(pairs, errors='replace')}")
        assert answer.status_code == 200 or told(answer)["status"] in (400, 404)
