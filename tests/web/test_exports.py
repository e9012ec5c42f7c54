import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from threading import Event as StopEvent
from typing import Any

import pytest
from django.db.models import Q
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.findings import bulk, triage
from ecsaudit.findings.models import Finding, FindingGroup
from ecsaudit.library.effective import rules
from ecsaudit.notifications import sealing
from ecsaudit.people import api_keys
from ecsaudit.people.models import ApiKey, User
from ecsaudit.policies import services as policies
from ecsaudit.urls import urlpatterns
from ecsaudit.web import exports
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
FORMULA = '=HYPERLINK("http://evil.example","x")'
LISTS = {
    "sessions": "/sessions/",
    "findings": "/findings/",
    "rules": "/rules/",
    "macros-and-lists": "/rules/shared/",
    "exceptions": "/rules/exceptions/",
    "replays": "/rules/replays/",
    "deliveries": "/deliveries/",
    "unreadable-records": "/collection/unreadable/",
    "collection": "/collection/",
    "policies": "/policies/",
    "policy-history": "/policies/history/",
    "channels": "/channels/",
    "bulk-actions": "/findings/actions/",
    "security-hub": "/security-hub/",
    "security-hub-failed": "/security-hub/failed/",
    "security-hub-differences": "/security-hub/differences/",
    "api-keys": "/api/keys/",
}


SECRET = "a signing secret"


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return b"".join(answer).decode("utf-8-sig")


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(client, address))))


def lines_of(client: Client, address: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(client, address).splitlines()]


@pytest.fixture
def something_in_every_list(ann: User, vera: User) -> None:
    rules.current()
    session = factories.exec_session(started_at=timezone.now())
    factories.finding(session=session)
    factories.replay()
    factories.rule_exception()
    factories.unreadable_record()
    factories.delivery(finding=Finding.objects.get(), created_at=timezone.now())
    factories.policy(runbook_url="https://wiki.example.com/shells")
    factories.hub_finding(
        finding=Finding.objects.get(), state="failed", failed_at=NOW, hub_status="RESOLVED", drifted_at=NOW
    )
    bulk.ask(change=triage.SetStatus("resolved", reason="test"), condition=Q(), address="priority=4", by=ann)
    api_keys.create(owner=vera, name=FORMULA, read_only=True, lifetime=timedelta(days=1), now=timezone.now())


@pytest.mark.usefixtures("something_in_every_list")
@pytest.mark.parametrize("name", LISTS)
def test_every_list_can_be_had_as_both_kinds_of_file(as_vera: Client, name: str) -> None:
    page = as_vera.get(LISTS[name]).content.decode()
    assert 'href="?as=csv" download' in page
    assert 'href="?as=jsonl" download' in page
    lines = lines_of(as_vera, f"{LISTS[name]}?as=jsonl")
    assert lines
    assert [row.keys() for row in rows_of(as_vera, f"{LISTS[name]}?as=csv")] == [line.keys() for line in lines]
    answer = as_vera.get(f"{LISTS[name]}?as=csv")
    day = f"{timezone.now():%Y-%m-%d}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}-{day}.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_no_list_is_left_out() -> None:
    """Every view that is called `listing`; the other lists are named above."""
    views = [each for each in urlpatterns if getattr(each.callback, "__name__", "") == "listing"]
    assert len(views) > 8
    assert {f"/{each.pattern}" for each in views} <= set(LISTS.values())


@pytest.mark.parametrize("name", LISTS)
def test_a_stranger_gets_no_file(client: Client, name: str) -> None:
    assert client.get(f"{LISTS[name]}?as=csv").status_code == 302


def test_a_form_that_is_none_is_the_page(as_vera: Client) -> None:
    assert as_vera.get("/sessions/?as=exe").headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_file_holds_what_the_filter_lets_through_newest_first(as_vera: Client) -> None:
    now = timezone.now()
    for hours, cluster in ((3, "prod"), (1, "prod"), (2, "test"), (24 * 40, "prod")):
        factories.exec_session(cluster=cluster, started_at=now - timedelta(hours=hours))
    lines = lines_of(as_vera, "/sessions/?cluster=prod&as=jsonl")
    assert [line["cluster"] for line in lines] == ["prod", "prod"]
    assert lines[0]["started_at"] == (now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")


def test_all_rows_come_over_any_number_of_chunks_also_within_one_moment(
    as_vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 3)
    monkeypatch.setattr(exports, "PIECE", 2)
    now = timezone.now()
    made = [factories.exec_session(started_at=now).pk for _ in range(7)]
    assert [line["id"] for line in lines_of(as_vera, "/sessions/?as=jsonl")] == made[::-1]


def test_a_group_that_moves_between_two_chunks_is_neither_lost_nor_doubled(
    as_vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    monkeypatch.setattr(exports, "PIECE", 1)
    now = timezone.now()
    about = factories.exec_session(started_at=now)
    groups = [
        factories.finding(session=about, rule=f"rule {hours}", event_time=now - timedelta(hours=hours)).group
        for hours in range(6)
    ]
    answer = as_vera.get("/findings/?as=jsonl")
    pieces = iter(answer)
    began = [json.loads(next(pieces))["id"] for _ in range(2)]
    # One that was told and the one that would have come last by the time are seen again, the first one is made older.
    factories.finding(session=about, event=factories.event(), rule="rule 5", event_time=now + timedelta(minutes=1))
    factories.finding(session=about, event=factories.event(), rule="rule 4", event_time=now + timedelta(minutes=2))
    FindingGroup.objects.filter(pk=groups[0].pk).update(last_seen_at=now - timedelta(days=1))
    told = [*began, *(json.loads(piece)["id"] for piece in pieces)]
    assert sorted(told) == [group.pk for group in groups]


def test_a_chunk_costs_one_query(as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    session = factories.exec_session(started_at=timezone.now())
    for rule in ("A", "B", "C"):
        factories.finding(session=session, rule=rule)
    # log-in session, user, one chunk
    with django_assert_num_queries(3):
        assert len(lines_of(as_vera, "/findings/?as=jsonl")) == 3


def test_cells_are_harmless_and_json_is_as_it_was(as_vera: Client) -> None:
    factories.exec_session(
        command=f"{FORMULA}\u202e", person="-1+1", cluster="a;=1", service="a\t@1", started_at=timezone.now()
    )
    row, line = rows_of(as_vera, "/sessions/?as=csv")[0], lines_of(as_vera, "/sessions/?as=jsonl")[0]
    assert row["command"] == f"'{FORMULA}‹U+202E›"
    assert row["person"] == "'-1+1"
    assert (row["cluster"], row["service"]) == ("a;'=1", "a⇥'@1")
    assert (line["command"], line["person"]) == (f"{FORMULA}\u202e", "-1+1")
    assert (line["cluster"], line["service"]) == ("a;=1", "a\t@1")


def test_a_finding_s_file_has_its_fields_and_tags(as_vera: Client) -> None:
    session = factories.exec_session(started_at=timezone.now())
    factories.finding(session=session, tags=["cloud", "T1609"], output_fields={"ct.user": "ana"})
    line, row = (
        lines_of(as_vera, "/findings/?view=flat&as=jsonl")[0],
        rows_of(as_vera, "/findings/?view=flat&as=csv")[0],
    )
    assert (line["tags"], line["output_fields"]) == (["cloud", "T1609"], {"ct.user": "ana"})
    assert (line["priority"], line["workflow_status"], line["person"]) == ("Warning", "new", "ana@example.com")
    assert row["tags"] == '["cloud", "T1609"]'


def test_the_matches_of_a_replay_are_a_file_by_change_and_keep_their_session(as_vera: Client) -> None:
    session = factories.exec_session(person="=ana", started_at=timezone.now())
    match = factories.replay_match(event=session.event, rule="Shell", change="gone", gone=1)
    address = match.replay.get_absolute_url()
    page = as_vera.get(f"{address}?change=gone").content.decode()
    assert f'href="{address}?change=gone&amp;as=csv" download' in page
    (line,) = lines_of(as_vera, f"{address}?change=gone&as=jsonl")
    assert (line["rule"], line["change"], line["session"], line["person"]) == ("Shell", "gone", session.pk, "=ana")
    assert rows_of(as_vera, f"{address}?change=gone&as=csv")[0]["person"] == "'=ana"
    assert lines_of(as_vera, f"{address}?change=unchanged&as=jsonl") == []
    assert as_vera.get("/rules/replays/999/?as=csv").status_code == 404


def test_exceptions_are_filtered_as_on_the_page_and_keep_their_terms(as_vera: Client) -> None:
    kept = factories.rule_exception(reason=FORMULA)
    factories.rule_exception(state="expired", ended_at=timezone.now())
    (line,) = lines_of(as_vera, "/rules/exceptions/?as=jsonl")
    assert (line["id"], line["terms"], line["reason"]) == (kept.pk, kept.terms, FORMULA)
    assert rows_of(as_vera, "/rules/exceptions/?as=csv")[0]["reason"] == f"'{FORMULA}"
    assert len(lines_of(as_vera, "/rules/exceptions/?state=expired&as=jsonl")) == 1


def test_policies_are_filtered_as_on_the_page(as_vera: Client) -> None:
    rules.current()
    factories.policy(
        "=Shells",
        channels=[factories.channel("#sec")],
        rules=["Terminal*"],
        scope={"cluster": ["prod-*"]},
        priority=4,
    )
    (line,) = lines_of(as_vera, "/policies/?channel=%23sec&as=jsonl")
    assert (line["name"], line["rules"], line["scope"], line["channels"], line["priority"]) == (
        "=Shells", ["Terminal*"], {"cluster": ["prod-*"]}, ["#sec"], "Warning",
    )  # fmt: skip
    assert line["rules_in_force"] == ["Terminal Shell in ECS Container"]
    assert rows_of(as_vera, "/policies/?channel=%23sec&as=csv")[0]["name"] == "'=Shells"
    page = as_vera.get("/policies/?channel=%23sec").content.decode()
    assert 'href="?channel=%23sec&amp;as=csv" download' in page


def test_the_history_of_policies_is_a_file_newest_first_also_of_those_that_are_gone(
    as_vera: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    made = factories.policy("Shells")
    policies.switch(policy_id=made.pk, enabled=False, by=ann, reason="=noise", now=NOW)
    policies.delete(policy_id=made.pk, by=ann, reason="", now=NOW)
    lines = [line for line in lines_of(as_vera, "/policies/history/?as=jsonl") if line["name"] == "Shells"]
    assert [(line["action"], line["by"], line["policy"]) for line in lines] == [
        ("deleted", "ann", None), ("switched", "ann", None), ("created", None, None),
    ]  # fmt: skip
    assert (lines[1]["before"], lines[1]["after"]) == ({"enabled": True}, {"enabled": False})
    reasons = [row["reason"] for row in rows_of(as_vera, "/policies/history/?as=csv")]
    assert "'=noise" in reasons


def test_channels_are_a_file_with_neither_settings_nor_secrets(
    as_adam: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR, settings.ENCRYPTION_KEYS = tmp_path, ()
    address = "https://hooks.example.com/token-in-a-path"
    channel = factories.channel(
        "Hook", settings={"url": address}, sealed_secrets=sealing.seal({"secret": SECRET}), last_answer_code="401",
        last_answer_text=f"no such hook: {address}", last_tried_at=NOW, failures_in_a_row=3,
    )  # fmt: skip
    for form in exports.FORMS:
        text = text_of(as_adam, f"/channels/?as={form}")
        assert "Hook" in text
        for hidden in (SECRET, channel.sealed_secrets, "token-in-a-path"):
            assert hidden not in text
    (line,) = lines_of(as_adam, "/channels/?as=jsonl")
    assert (line["state"], line["last_answer_code"], line["policies"]) == ("failing", "401", 0)


def test_bulk_actions_are_a_file_in_words_with_what_took_them_back(as_vera: Client, ann: User) -> None:
    action = bulk.ask(change=triage.Assign(ann.pk, text="=yours"), condition=Q(), address="priority=4", by=ann)
    bulk.run(action.pk, StopEvent())
    action.refresh_from_db()
    undoing = bulk.undo(action=action, by=ann)
    newest, oldest = lines_of(as_vera, "/findings/actions/?as=jsonl")
    assert (newest["id"], newest["what"], newest["undo_of"]) == (undoing.pk, "Undo: Assignee → ann", action.pk)
    assert (oldest["id"], oldest["what"], oldest["undone_by"]) == (action.pk, "Assignee → ann", undoing.pk)
    assert (oldest["by"], oldest["filter"], oldest["text"], oldest["state"]) == ("ann", "priority=4", "=yours", "done")
    assert rows_of(as_vera, "/findings/actions/?as=csv")[1]["text"] == "'=yours"


def test_what_security_hub_did_not_take_and_what_differs_are_narrowed_as_on_the_page(as_vera: Client) -> None:
    here = factories.hub_finding(
        state="failed", failed_at=NOW, error_code="InvalidInput", error_message="=no luck", drifted_at=NOW,
        hub_status="RESOLVED",
    )  # fmt: skip
    other = factories.hub_region(region="us-east-1")
    for name in ("failed", "differences"):
        address = f"/security-hub/{name}/?hub={here.hub_region_id}"
        page = as_vera.get(address).content.decode()
        assert f'href="?hub={here.hub_region_id}&amp;as=csv" download' in page
        (line,) = lines_of(as_vera, f"{address}&as=jsonl")
        assert (line["id"], line["finding"], line["region"]) == (here.pk, here.finding_id, "eu-west-1")
        assert lines_of(as_vera, f"/security-hub/{name}/?hub={other.pk}&as=jsonl") == []
        assert as_vera.get(f"/security-hub/{name}/?hub=999&as=csv").status_code == 404
    (failed,) = rows_of(as_vera, "/security-hub/failed/?as=csv")
    assert (failed["error_code"], failed["error_message"]) == ("InvalidInput", "'=no luck")
    (differs,) = lines_of(as_vera, "/security-hub/differences/?as=jsonl")
    assert (differs["status_here"], differs["status_in_security_hub"]) == ("new", "RESOLVED")


def test_accounts_and_regions_are_files_without_how_an_account_is_reached(as_vera: Client) -> None:
    account = factories.account(alias="prod", role_arn="arn:aws:iam::111122223333:role/audit", external_id=SECRET)
    factories.feed(account=account, error_code="AccessDenied", state="denied")
    factories.hub_region(account=account, state="denied")
    for address in ("/collection/", "/security-hub/"):
        (line,) = lines_of(as_vera, f"{address}?as=jsonl")
        assert (line["account"], line["account_alias"], line["state"]) == ("111122223333", "prod", "denied")
        text = text_of(as_vera, f"{address}?as=csv")
        assert SECRET not in text
        assert "role/audit" not in text


def test_rules_are_filtered_as_on_the_page(as_vera: Client) -> None:
    rules.current()
    names = [line["name"] for line in lines_of(as_vera, "/rules/?q=Execute+Interactive&as=jsonl")]
    assert names == ["Execute Interactive Command inside an ECS Container"]


@pytest.mark.parametrize(
    ("value", "expected"), [(None, ""), (True, "yes"), (False, "no"), (3, 3), ([1, "=x"], '[1,\' "=x"]'), (1.5, "1.5")]
)
def test_every_kind_of_value_has_a_cell(value: object, expected: object) -> None:
    assert exports.in_cell(value) == expected


def test_keys_in_a_file_are_one_s_own_and_tell_no_secret(as_vera: Client, vera: User, ann: User) -> None:
    for owner in (vera, ann):
        _, secret = api_keys.create(
            owner=owner, name=owner.username, read_only=True, lifetime=timedelta(days=1), now=timezone.now()
        )
    text = text_of(as_vera, "/api/keys/?as=jsonl")
    assert [line["name"] for line in map(json.loads, text.splitlines())] == ["vera"]
    assert secret not in text
    assert ApiKey.objects.get(owner=vera).digest not in text
