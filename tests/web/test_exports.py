import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings.models import Finding, FindingGroup
from ecsaudit.library.effective import rules
from ecsaudit.web import exports
from tests import factories

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
}


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return b"".join(answer).decode("utf-8-sig")


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(client, address))))


def lines_of(client: Client, address: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(client, address).splitlines()]


@pytest.fixture
def something_in_every_list() -> None:
    rules.current()
    session = factories.exec_session(started_at=timezone.now())
    factories.finding(session=session)
    factories.replay()
    factories.rule_exception()
    factories.unreadable_record()
    factories.delivery(finding=Finding.objects.get(), created_at=timezone.now())


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
    factories.exec_session(command=f"{FORMULA}\u202e", person="-1+1", started_at=timezone.now())
    row, line = rows_of(as_vera, "/sessions/?as=csv")[0], lines_of(as_vera, "/sessions/?as=jsonl")[0]
    assert row["command"] == f"'{FORMULA}‹U+202E›"
    assert row["person"] == "'-1+1"
    assert (line["command"], line["person"]) == (f"{FORMULA}\u202e", "-1+1")


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


def test_rules_are_filtered_as_on_the_page(as_vera: Client) -> None:
    rules.current()
    names = [line["name"] for line in lines_of(as_vera, "/rules/?q=Execute+Interactive&as=jsonl")]
    assert names == ["Execute Interactive Command inside an ECS Container"]


@pytest.mark.parametrize(
    ("value", "expected"), [(None, ""), (True, "yes"), (False, "no"), (3, 3), ([1, "=x"], '[1, "=x"]'), (1.5, "1.5")]
)
def test_every_kind_of_value_has_a_cell(value: object, expected: object) -> None:
    assert exports.in_cell(value) == expected
