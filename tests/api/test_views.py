"""What the API reads and changes, and who may."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings import bulk, triage
from ecsaudit.findings.models import Activity, BulkAction, Finding
from ecsaudit.people.models import User
from tests import factories
from tests.api.conftest import Program

pytestmark = pytest.mark.django_db
READ = ["/findings/", "/findings/{finding}/", "/groups/", "/bulk-actions/{action}/", "/schema/"]
CHANGE = ["/findings/{finding}/changes/", "/findings/changes/", "/bulk-actions/{action}/undo/"]
RESOLVE = {"kind": "status", "status": "resolved", "close_reason": "expected", "text": "a drill"}


def finding(**fields: Any) -> Finding:
    about = fields.pop("session", None) or factories.exec_session(started_at=timezone.now())
    return factories.finding(**{"session": about} | fields)


def get(client: Client, address: str, status: int = 200) -> Any:
    answer = client.get(f"/api/v1{address}")
    assert answer.status_code == status, answer.content
    return answer.json()


def post(client: Client, address: str, body: Any = None, status: int = 200) -> Any:
    answer = client.post(f"/api/v1{address}", body, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def addresses(paths: list[str]) -> list[str]:
    action = BulkAction.objects.create(change=triage.as_data(triage.Assign(None)), state="done")
    return [path.format(finding=finding().pk, action=action.pk) for path in paths]


def columns(line: Activity) -> dict[str, Any]:
    names = ("by_id", "action", "before", "after", "text", "bulk_id")
    return {name: getattr(line, name) for name in names}


def test_a_stranger_gets_nothing_and_is_told_of_keys(client: Client) -> None:
    for address in addresses(READ):
        answer = client.get(f"/api/v1{address}")
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "made on the screen “API keys”" in answer.json()["help"]
    for address in addresses(CHANGE):
        post(client, address, {"change": RESOLVE}, 401)
    assert not Activity.objects.exists()


def test_vera_may_look_and_change_nothing(vera: User, as_vera: Client, program_of: Program) -> None:
    for client in (as_vera, program_of(vera)):
        for address in addresses(READ):
            get(client, address)
        for address in addresses(CHANGE):
            assert "the analyst role" in post(client, address, {"change": RESOLVE}, 403)["error"]
    assert not Activity.objects.exists()


@pytest.mark.parametrize("name", ["ann", "adam"])
def test_analysts_and_administrators_may_change(name: str, program_of: Program, request: pytest.FixtureRequest) -> None:
    program = program_of(request.getfixturevalue(name))
    found = finding()
    assert post(program, f"/findings/{found.pk}/changes/", {"change": RESOLVE})["changed"]
    assert Finding.objects.get().workflow_status == "resolved"
    assert Activity.objects.get().by.username == name


def test_a_read_only_key_changes_nothing_whoever_owns_it(adam: User, program_of: Program) -> None:
    program = program_of(adam, read_only=True)
    for address in addresses(READ):
        get(program, address)
    for address in addresses(CHANGE):
        assert post(program, address, {"change": RESOLVE}, 403)["error"] == "this API key may only read"
    assert not Activity.objects.exists()


def test_a_browser_s_session_changes_only_with_its_csrf_token(ann: User) -> None:
    found = finding()
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    get(client, "/findings/")
    assert "CSRF" in post(client, f"/findings/{found.pk}/changes/", {"change": RESOLVE}, 403)["error"]
    client.get("/findings/")
    token = client.cookies["csrftoken"].value
    answer = client.post(
        f"/api/v1/findings/{found.pk}/changes/",
        {"change": RESOLVE},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200


def test_who_must_choose_a_password_gets_nothing(vera: User, as_vera: Client, program_of: Program) -> None:
    program = program_of(vera)
    User.objects.update(must_change_password=True)
    for client in (as_vera, program):
        assert "choose a password of your own" in get(client, "/findings/", 403)["error"]


def test_the_list_has_the_screen_s_filter_and_defaults(ann: User, program_of: Program) -> None:
    program = program_of(ann)
    finding(rule="mine", assignee=ann)
    finding(rule="free", priority=2)
    finding(rule="closed", workflow_status="resolved", close_reason="test")
    factories.finding(rule="old", event_time=timezone.now() - timedelta(days=40))
    for address, rules in (
        ("", {"mine", "free"}),
        ("?assignee=me", {"mine"}),
        ("?-assignee=me&view=flat", {"free"}),
        ("?priority=2", {"free"}),
        ("?workflow_status=any", {"mine", "free", "closed"}),
        ("?days=90", {"mine", "free", "old"}),
        ("?q=fre", {"free"}),
    ):
        assert {row["rule"] for row in get(program, f"/findings/{address}")["results"]} == rules, address
        assert {row["rule"] for row in get(program, f"/groups/{address}")["results"]} == rules, address


def test_a_filter_that_can_t_be_used_is_refused_with_its_names(ann: User, program_of: Program) -> None:
    program = program_of(ann)
    answer = get(program, "/findings/?priority=high&prioritty=2&days=x&after=1", 400)
    assert answer["fields"].keys() == {"priority", "prioritty", "days"}
    assert "must be one of 0, 1" in answer["fields"]["priority"][0]
    assert "is none of the filters" in answer["fields"]["prioritty"][0]
    assert get(program, "/groups/?after=last", 400)["fields"].keys() == {"after"}


def test_pages_follow_each_other_and_cost_the_same(
    ann: User, program_of: Program, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    program, session = program_of(ann), factories.exec_session(started_at=timezone.now())
    made = [finding(session=session, event=factories.event(), rule="x").pk for _ in range(53)]
    # key with its owner, count of its requests, page of findings: 3
    with django_assert_num_queries(3):
        first = get(program, "/findings/?rule=x")
    assert first["next"].startswith("http://testserver/api/v1/findings/?rule=x&after=")
    with django_assert_num_queries(3):
        second = get(program, first["next"].partition("/api/v1")[2])
    assert second["next"] is None
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == sorted(made, reverse=True)
    # … and page of groups: 3
    with django_assert_num_queries(3):
        group = get(program, "/groups/")["results"][0]
    assert (group["count"], group["rule"], group["is_open"]) == (53, "x", True)


def test_a_finding_tells_all_that_its_page_does(
    ann: User, program_of: Program, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    found, other = finding(), finding()
    channel = factories.channel("Security team")
    message = factories.message(channel=channel, state="sent", answer_code="200", accepted_at=timezone.now())
    factories.delivery(finding=found, channel=channel, message=message, created_at=timezone.now())
    factories.hub_finding(finding=found, state="sent", asff_id="ecsaudit/1")
    now = timezone.now()
    for change in (triage.Comment("look"), triage.Assign(ann.pk), triage.Suppress("test", more=5)):
        triage.apply(finding_ids=[found.pk], change=change, by=ann, now=now)
    program = program_of(ann)
    # key, count, finding, its row, similar (4), suppression, history, assignees, suppressions, deliveries: 13; then the rule
    # sets and runbooks, which are kept in memory
    get(program, f"/findings/{found.pk}/")
    with django_assert_num_queries(13):
        told = get(program, f"/findings/{found.pk}/")
    assert (told["id"], told["workflow_status"], told["assignee"], told["revision"]) == (
        found.pk,
        "suppressed",
        "ann",
        3,
    )
    assert told["event"]["record"] == '{"eventName": "ExecuteCommand"}'
    assert told["session_sentence"].startswith("ana@example.com (role Developer) opened a shell in")
    assert told["suppression"]["until_count"] == 7
    assert told["history"][0]["what"] == "Comment"
    assert told["history"][1]["what"] == "Assignee: nobody → ann"
    assert told["history"][2]["after"]["workflow_status"] == "suppressed"
    assert [line["by"] for line in told["history"]] == ["ann"] * 3
    assert told["similar"][0]["findings"] == [other.pk]
    assert told["deliveries"][0] | {"accepted_at": ""} == told["deliveries"][0] | {
        "channel": "Security team", "state": "sent", "answer_code": "200", "accepted_at": "",
    }  # fmt: skip
    assert told["security_hub"]["asff_id"] == "ecsaudit/1"
    assert told["group_numbers"]["count"] == 2
    assert get(program, "/findings/999999/", 404)["error"] == "there is no finding 999999"


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ({"change": "resolved", "reason": "expected", "text": "a drill"}, RESOLVE),
        ({"change": "new"}, {"kind": "status", "status": "new"}),
        (
            {"change": "suppressed", "reason": "test"},
            {"kind": "status", "status": "suppressed", "close_reason": "test"},
        ),
        ({"change": "assign", "assignee": "adam"}, {"kind": "assign", "assignee": "adam"}),
        ({"change": "assign", "assignee": ""}, {"kind": "assign", "assignee": None}),
        ({"change": "comment", "text": "seen"}, {"kind": "comment", "text": "seen"}),
        ({"change": "tick", "step": 2, "done": "1"}, {"kind": "tick", "step": 2, "done": True}),
    ],
)
def test_a_change_writes_the_same_line_as_through_the_screen(
    ann: User, adam: User, as_ann: Client, program_of: Program, form: dict[str, Any], body: dict[str, Any]
) -> None:
    # Resolved already and somebody's, so that opening and taking away change something.
    start = {"workflow_status": "notified", "assignee": ann}
    by_screen, by_program = finding(**start), finding(**start)
    as_ann.post(f"/findings/{by_screen.pk}/change/", {"revision": 1, "seen": 0} | form)
    post(program_of(ann), f"/findings/{by_program.pk}/changes/", {"change": body, "revision": 1})
    one, two = Activity.objects.get(finding=by_screen), Activity.objects.get(finding=by_program)
    assert columns(one) == columns(two)
    rows = list(Finding.objects.order_by("pk").values("workflow_status", "close_reason", "assignee", "steps_done"))
    assert rows[0] == rows[1]


def test_a_suppression_until_a_time_is_the_same_as_through_the_screen(
    ann: User, as_ann: Client, program_of: Program
) -> None:
    one, two = finding(rule="one"), finding(rule="two")
    form = {"change": "until", "reason": "test", "until": "2099-01-01 00:00", "more": 5, "text": "quiet"}
    body = {"kind": "suppress", "close_reason": "test", "until_at": "2099-01-01T00:00:00Z", "more": 5, "text": "quiet"}
    as_ann.post(f"/findings/{one.pk}/change/", {"revision": 1, "seen": 0} | form)
    post(program_of(ann), f"/findings/{two.pk}/changes/", {"change": body})
    names = ("until_at", "until_count", "reason", "text", "while_version", "by")
    made = [found.group.suppressions.values(*names).get() for found in (one, two)]
    assert made[0] == made[1]
    assert made[0]["until_at"] == datetime.fromisoformat("2099-01-01T00:00:00+00:00")


def test_a_change_answers_with_how_the_finding_stands(
    ann: User, program_of: Program, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    program, found = program_of(ann), finding()
    # key, count; whether it is there; savepoint, lock, update, line, group's lock and update, savepoint; its row: 11
    with django_assert_num_queries(11):
        answer = post(program, f"/findings/{found.pk}/changes/", {"change": RESOLVE})
    expected = {
        "changed": True,
        "revision": 2,
        "workflow_status": "resolved",
        "close_reason": "expected",
        "assignee": None,
    }
    assert answer == expected
    assert post(program, f"/findings/{found.pk}/changes/", {"change": RESOLVE}) == expected | {"changed": False}
    assert post(program, "/findings/999999/changes/", {"change": RESOLVE}, 404)["status"] == 404


def test_who_saw_another_state_and_what_triage_refuses_changes_nothing(ann: User, program_of: Program) -> None:
    program, found = program_of(ann), finding()
    post(program, f"/findings/{found.pk}/changes/", {"change": {"kind": "comment", "text": "seen"}})
    post(program, f"/findings/{found.pk}/changes/", {"change": {"kind": "assign", "assignee": "ann"}, "revision": 1})
    answer = post(program, f"/findings/{found.pk}/changes/", {"change": RESOLVE, "revision": 1}, 409)
    assert answer["error"].startswith("somebody changed this finding")
    stays = {"kind": "suppress", "close_reason": "test", "while_rule_stays": True}
    Finding.objects.update(rule="gone")
    assert "is not among the rules" in post(program, f"/findings/{found.pk}/changes/", {"change": stays}, 409)["error"]
    assert Finding.objects.get().workflow_status == "new"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"change"}),
        ([], {"body"}),
        ("x", {"body"}),
        (None, {"body"}),
        ({"change": {"kind": "burn"}}, {"change.kind"}),
        ({"change": "resolved"}, {"change.kind"}),
        ({"change": RESOLVE, "revison": 1}, {"revison"}),
        ({"change": RESOLVE, "revision": 2**63}, {"revision"}),
        ({"change": RESOLVE | {"reason": "x"}}, {"change.reason"}),
        ({"change": {"kind": "status", "status": "resolved"}}, {"change"}),
        (
            {"change": {"kind": "status", "status": "done", "close_reason": "x"}},
            {"change.status", "change.close_reason"},
        ),
        ({"change": RESOLVE | {"text": "a\x00b"}}, {"change.text"}),
        ({"change": RESOLVE | {"text": "\ud800"}}, {"change.text"}),
        ({"change": RESOLVE | {"text": "x" * 10_001}}, {"change.text"}),
        ({"change": {"kind": "assign", "assignee": "nobody else"}}, {"change.assignee"}),
        ({"change": {"kind": "comment", "text": " "}}, {"change.text"}),
        ({"change": {"kind": "suppress", "close_reason": "test"}}, {"change"}),
        (
            {"change": {"kind": "suppress", "close_reason": "test", "until_at": "2020-01-01T00:00Z"}},
            {"change.until_at"},
        ),
        ({"change": {"kind": "suppress", "close_reason": "test", "more": 10**400}}, {"change.more"}),
    ],
)
def test_what_can_t_be_used_is_refused_with_its_fields(
    ann: User, program_of: Program, body: Any, fields: set[str]
) -> None:
    found = finding()
    answer = post(program_of(ann), f"/findings/{found.pk}/changes/", json.dumps(body), 400)
    assert answer["fields"].keys() == fields
    assert not Activity.objects.exists()


def test_named_findings_are_changed_in_bulk(ann: User, program_of: Program) -> None:
    program = program_of(ann)
    made = [finding(rule=f"rule-{number}").pk for number in range(3)]
    other = finding()
    answer = post(program, "/findings/changes/", {"change": RESOLVE, "findings": [*made, made[0], 999_999]}, 201)
    assert (answer["state"], answer["changed"], answer["unchanged"], answer["by"]) == ("done", 3, 1, "ann")
    assert set(Finding.objects.filter(workflow_status="resolved").values_list("pk", flat=True)) == set(made)
    other.refresh_from_db()
    assert other.workflow_status == "new"
    assert {line.bulk_id for line in Activity.objects.all()} == {answer["id"]}


def test_all_that_match_a_filter_are_changed_in_bulk_and_that_is_taken_back(
    ann: User, as_ann: Client, program_of: Program
) -> None:
    program = program_of(ann)
    for number in range(3):
        finding(rule="noise" if number else "signal")
    answer = post(program, "/findings/changes/", {"change": RESOLVE, "filter": "?rule=noise"}, 201)
    assert (answer["changed"], answer["filter"], answer["what"]) == (2, "rule=noise", "Status → Resolved (Expected)")
    told = get(program, f"/bulk-actions/{answer['id']}/")
    assert (told["state"], told["total"], told["can_be_undone"], told["next"]) == (
        "done",
        None,
        True,
        None,
    )
    assert {line["finding"] for line in told["changes"]} == set(
        Finding.objects.filter(rule="noise").values_list("pk", flat=True)
    )
    # It is the screen's bulk action as well.
    assert "Status → Resolved (Expected)" in as_ann.get("/findings/actions/").content.decode()
    undo = post(program, f"/bulk-actions/{answer['id']}/undo/", None, 201)
    assert (undo["undo_of"], undo["changed"], undo["state"]) == (answer["id"], 2, "done")
    assert not Finding.objects.filter(workflow_status="resolved").exists()
    assert get(program, f"/bulk-actions/{answer['id']}/")["undone_by"] == undo["id"]
    # Once: asked again, it names the same undo.
    assert post(program, f"/bulk-actions/{answer['id']}/undo/", None, 201)["id"] == undo["id"]
    assert "only changes can be taken back" in post(program, f"/bulk-actions/{undo['id']}/undo/", None, 409)["error"]
    assert get(program, "/bulk-actions/999999/", 404)["status"] == 404


def test_a_large_bulk_action_is_told_page_by_page_and_goes_on_with_a_worker(
    ann: User, program_of: Program, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 60)
    program, session = program_of(ann), factories.exec_session(started_at=timezone.now())
    for _ in range(61):
        finding(session=session, event=factories.event(), rule="x")
    action = post(program, "/findings/changes/", {"change": {"kind": "comment", "text": "seen"}, "filter": ""}, 201)
    assert (action["state"], action["changed"]) == ("running", 60)
    # key, count; bulk action, its changes: 4
    with django_assert_num_queries(4):
        first = get(program, f"/bulk-actions/{action['id']}/")
    second = get(program, first["next"].partition("/api/v1")[2])
    assert (len(first["changes"]), len(second["changes"]), second["next"]) == (50, 10, None)
    assert get(program, f"/bulk-actions/{action['id']}/?after=x", 400)["fields"].keys() == {"after"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"change": RESOLVE}, {"findings", "filter"}),
        ({"change": RESOLVE, "findings": [1], "filter": ""}, {"findings", "filter"}),
        ({"change": RESOLVE, "findings": []}, {"findings"}),
        ({"change": RESOLVE, "findings": list(range(1, 502))}, {"findings"}),
        ({"change": RESOLVE, "findings": [1, "x", 2**63]}, {"findings.1", "findings.2"}),
        ({"change": RESOLVE, "filter": "rulle=x"}, {"filter.rulle"}),
        ({"change": RESOLVE, "filter": "priority=9&days=0"}, {"filter.priority", "filter.days"}),
        ({"change": RESOLVE, "filter": 7.5}, {"filter.7.5"}),
    ],
)
def test_a_bulk_change_that_can_t_be_used_makes_no_bulk_action(
    ann: User, program_of: Program, body: Any, fields: set[str]
) -> None:
    answer = post(program_of(ann), "/findings/changes/", json.dumps(body), 400)
    assert answer["fields"].keys() == fields
    assert not BulkAction.objects.exists()


def test_an_address_that_is_not_there_answers_in_json(as_vera: Client, client: Client) -> None:
    assert get(as_vera, "/nowhere/", 404)["error"].startswith("there is nothing at this address")
    get(as_vera, f"/findings/{10**30}/", 404)
    get(as_vera, f"/findings/{'9' * 5_000}/", 404)
    assert "ends with a slash" in get(as_vera, "/findings", 404)["error"]
    get(client, "/nowhere/", 401)
