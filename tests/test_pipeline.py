"""The whole flow over real HTTP and boto3: CloudTrail record → event → exec session → rules → finding."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from ecsaudit import pipeline
from ecsaudit.cloudtrail.models import Event, Feed, FeedState, Query, UnreadableRecord
from ecsaudit.demo import services as demo
from ecsaudit.demo.endpoint import (
    DroppedConnection,
    EmptyPage,
    ErrorReply,
    ExpiredToken,
    Fault,
    GarbageBody,
    StoredEvent,
)
from ecsaudit.execsessions.models import ExecSession, Kind, Mode, Outcome
from ecsaudit.findings.models import Finding, Priority
from tests import cloudtrail_api
from tests.cloudtrail_api import Api
from tests.records import around, execute_command

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "cloudtrail"


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    settings.LOOKUPS_PER_SECOND = 1000
    with cloudtrail_api.serve(timezone.now()) as running:
        running.account()
        yield running


def collect(times: int = 1) -> Feed:
    """Turns at the only feed, each as if the time for it had come."""
    pipeline.due_feeds()
    feed = Feed.objects.get()
    for _ in range(times):
        Feed.objects.update(next_attempt_at=timezone.now(), lease_expires_at=None)
        pipeline.collect(feed.pk, threading.Event())
    feed.refresh_from_db()
    return feed


def recent(**changes: Any) -> dict[str, Any]:
    return execute_command(eventTime=f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", **changes)


def article_event() -> dict[str, Any]:
    """The event that the article prints, with its placeholders filled."""
    record: dict[str, Any] = json.loads((DATA / "article_event.json").read_text())
    return record


def test_the_article_s_event_gives_one_session_and_one_finding_with_the_article_s_text(api: Api) -> None:
    record = article_event()
    api.add_record(
        record, event_time=timezone.now() - timedelta(days=1), delivered_at=timezone.now() - timedelta(days=1)
    )
    collect()
    session = ExecSession.objects.get()
    assert (session.person, session.cluster, session.container) == ("alice", "fargate-test", "web")
    assert session.started_at == datetime(2021, 2, 3, 17, 0, 14, tzinfo=UTC)
    finding = Finding.objects.get()
    assert finding.session == session
    assert (finding.rule, finding.priority) == ("Terminal Shell in ECS Container", Priority.WARNING)
    assert finding.tags == ["aws", "aws_ecs", "aws_ecs_exec", "aws_fargate", "cloud"]
    assert finding.output == (
        "An interactive terminal shell has been executed inside an ECS container "
        "(requesting user=arn:aws:iam::845151661675:user/alice, requesting IP=203.0.113.7, AWS region=ap-southeast-1, "
        "cluster=fargate-test, container=web, command=/bin/sh, "
        "task=arn:aws:ecs:ap-southeast-1:845151661675:task/fargate-test/637d524791b7457b9e6598414404162a)"
    )
    assert finding.output_fields["jevt.value[/sourceIPAddress]"] == "203.0.113.7"
    assert (session.finding_count, session.worst_priority) == (1, Priority.WARNING)


def test_each_of_the_article_s_rules_fires_on_its_record(api: Api) -> None:
    api.add_record(recent(eventID="shell"))
    api.add_record(recent(eventID="interactive", command="ps aux"))
    # ECS refuses this today; the rule must still hold for the day it doesn't.
    api.add_record(recent(eventID="command", command="ps aux", interactive=False))
    collect()
    assert dict(Finding.objects.values_list("event__event_id", "rule")) == {
        "shell": "Terminal Shell in ECS Container",
        "interactive": "Execute Interactive Command inside an ECS Container",
        "command": "Execute Command inside an ECS Container",
    }


def test_a_first_turn_reads_ninety_days_in_pages_of_fifty_and_covers_them(api: Api) -> None:
    api.add_exec_events(230)
    feed = collect()
    assert ExecSession.objects.count() == Finding.objects.count() == 230
    query = feed.queries.get(event_name="ExecuteCommand")
    assert query.covered_to is not None
    assert query.covered_from == query.backfill_from
    assert query.events_new == 230
    assert {asked["MaxResults"] for asked in api.asked} == {50}
    assert feed.state == FeedState.WAITING
    assert feed.last_event_at is not None


def test_every_event_that_sessions_need_is_asked_for(api: Api) -> None:
    collect()
    asked = {request["LookupAttributes"][0]["AttributeValue"] for request in api.asked}
    assert asked == {"ExecuteCommand", "StartSession", "ResumeSession", "TerminateSession"}


def test_a_feed_without_events_is_covered_as_well(api: Api) -> None:
    feed = collect()
    assert all(query.covered_from == query.backfill_from for query in feed.queries.all())
    assert feed.last_event_at is None


def test_late_and_doubled_events_are_found_by_the_overlap_and_stored_once(api: Api) -> None:
    now = timezone.now()
    event_time = now - timedelta(minutes=10)
    late = recent(eventID="late") | {"eventTime": f"{event_time:%Y-%m-%dT%H:%M:%SZ}"}
    on_time = recent(eventID="on-time")
    api.add_record(on_time)
    api.add_record(on_time)
    api.add_record(late, delivered_at=now + timedelta(minutes=2))
    collect()
    assert set(Event.objects.values_list("event_id", flat=True)) == {"on-time"}
    api.now += timedelta(minutes=3)
    Query.objects.update(covered_to=timezone.now() - timedelta(minutes=2))
    collect()
    assert sorted(Event.objects.values_list("event_id", flat=True)) == ["late", "on-time"]
    assert Finding.objects.count() == 2


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        (ErrorReply("ThrottlingException", "Rate exceeded"), FeedState.THROTTLED, "ThrottlingException"),
        (ErrorReply("AccessDeniedException", "not allowed"), FeedState.DENIED, "AccessDeniedException"),
        (ErrorReply("InternalFailure", "sorry", 500), FeedState.FAILING, "InternalFailure"),
        (GarbageBody(), FeedState.FAILING, "InvalidResponse"),
        (DroppedConnection(), FeedState.FAILING, "ConnectionClosedError"),
    ],
)
def test_trouble_is_shown_keeps_the_window_and_is_forgotten_after_success(
    api: Api, fault: Fault, state: FeedState, code: str
) -> None:
    api.add_exec_events(120)
    # Three tries are botocore's own, so a page has to fail thrice.
    api.faults = {2: fault, 3: fault, 4: fault}
    feed = collect()
    assert (feed.state, feed.error_code) == (state, code)
    assert feed.next_attempt_at > timezone.now()
    query = feed.queries.get(event_name="ExecuteCommand")
    assert query.covered_to is None
    assert query.window_kind
    assert Event.objects.count() == 50
    api.faults = {}
    feed = collect()
    assert (feed.state, feed.error_code, feed.failures_in_a_row) == (FeedState.WAITING, "", 0)
    assert Event.objects.count() == ExecSession.objects.count() == 120


def test_a_token_that_expired_means_reading_the_window_again(api: Api) -> None:
    api.add_exec_events(120)
    api.faults = {2: ExpiredToken()}
    assert collect().error_code == "InvalidNextTokenException"
    assert collect().error_code == ""
    assert Event.objects.count() == 120


def test_an_empty_page_with_a_token_is_not_the_end(api: Api) -> None:
    api.add_exec_events(60)
    api.faults = {1: EmptyPage()}
    collect()
    assert Event.objects.count() == 60


def test_failures_in_a_row_wait_longer_and_longer(api: Api) -> None:
    api.every_request = ErrorReply("AccessDeniedException", "not allowed")
    first = collect()
    wait = first.next_attempt_at - timezone.now()
    later = collect(times=4)
    assert later.failures_in_a_row == 5
    assert later.next_attempt_at - timezone.now() > wait * 4


def test_a_page_with_unreadable_records_sets_them_aside_and_goes_on(api: Api) -> None:
    moment = timezone.now() - timedelta(hours=2)
    api.add_exec_events(70)
    api.add(
        StoredEvent("bad", "ExecuteCommand", "ecs.amazonaws.com", moment, None, None, "false", (), "{broken", moment)
    )
    collect()
    assert Event.objects.count() == 70
    assert UnreadableRecord.objects.get().event_id == "bad"
    collect()
    assert UnreadableRecord.objects.count() == 1


def test_broken_rules_stop_the_reading_with_file_and_line_and_nothing_is_lost(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    api.add_exec_events(5)
    (tmp_path / "mine.yaml").write_text(
        "- rule: Mine\n  desc: d\n  condition: ct.name contians x\n  output: o\n  priority: INFO\n"
        "  source: aws_cloudtrail\n"
    )
    good, settings.RULES_DIR = settings.RULES_DIR, tmp_path
    feed = collect()
    assert feed.error_code == "RulesBroken"
    assert "mine.yaml" in feed.error_message
    assert "3" in feed.error_message
    assert not Event.objects.exists()
    settings.RULES_DIR = good
    collect()
    assert ExecSession.objects.count() == 5


@pytest.mark.parametrize("error", [OperationalError("database is locked"), KeyError("nobody thought of this")])
def test_whatever_stops_a_page_is_shown_and_the_page_is_read_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    api.add_exec_events(60)

    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(pipeline.findings, "link", refuse)
    with pytest.raises(type(error)):
        collect()
    feed = Feed.objects.get()
    assert (feed.state, feed.error_code, feed.error_message) == (FeedState.FAILING, type(error).__name__, str(error))
    assert feed.next_attempt_at > timezone.now()
    assert not Event.objects.exists()
    monkeypatch.undo()
    assert collect().error_code == ""
    assert ExecSession.objects.count() == Finding.objects.count() == 60


def test_a_session_opened_around_ecs_exec_comes_through(api: Api) -> None:
    api.add_record(around(eventTime=f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"))
    collect()
    assert ExecSession.objects.get().kind == Kind.AROUND


HOSTILE = "<script>alert(1)</script> \x1b[31m \u202e txt\n\x00 \ud800"


def test_hostile_text_in_every_field_is_stored_and_judged(api: Api) -> None:
    identity = {"type": "IAMUser", "userName": HOSTILE, "arn": HOSTILE}
    record = recent(
        command=HOSTILE, container=HOSTILE, userIdentity=identity, sourceIPAddress=HOSTILE, userAgent="x" * 200_000
    )
    record["responseElements"] = None
    api.add_record(record)
    collect()
    session = ExecSession.objects.get()
    assert "<script>" in session.command
    assert "\x00" not in session.person
    assert len(session.user_agent) == 200_000
    assert Finding.objects.get().session == session


@pytest.mark.parametrize("event_time", ["1970-01-01T00:00:00Z", "2035-01-01T00:00:00Z"])
def test_impossible_times_are_kept_as_they_are(api: Api, event_time: str) -> None:
    record = recent() | {"eventTime": event_time}
    api.add_record(
        record, event_time=timezone.now() - timedelta(hours=1), delivered_at=timezone.now() - timedelta(hours=1)
    )
    feed = collect()
    assert f"{ExecSession.objects.get().started_at:%Y-%m-%dT%H:%M:%SZ}" == event_time
    assert feed.last_event_at is not None
    assert feed.last_event_at <= timezone.now()


def implied_session(record: dict[str, Any]) -> bool:
    """What a person would say of a record: does it tell of a way, or a try, into a container?"""
    if record.get("eventName") == "ExecuteCommand":
        return True
    request = record.get("requestParameters")
    target = str(request.get("target", "")) if isinstance(request, dict) else ""
    by_ecs = "AWSServiceRoleForECS" in json.dumps(record.get("userIdentity"))
    return record.get("eventName") == "StartSession" and target.startswith("ecs:") and not by_ecs


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared sample events are not beside this checkout")
@pytest.mark.parametrize("name", ["exec_events", "exec_events_made", "other_events", "lookup_events_samples"])
def test_every_shared_record_goes_through_and_gives_the_session_it_implies(api: Api, name: str) -> None:
    moment = timezone.now() - timedelta(days=1)
    texts = set()
    for line in (SHARED / f"{name}.jsonl").read_text().splitlines():
        data = json.loads(line)
        texts.add(data.get("CloudTrailEvent") or json.dumps(data.get("event", data)))
    for number, text in enumerate(sorted(texts)):
        event_id = f"{name}-{number}"
        api.add(StoredEvent(event_id, "ExecuteCommand", "", moment, None, None, "false", (), text, moment))
    feed = collect()
    assert (feed.state, feed.error_message) == (FeedState.WAITING, "")
    event_ids = {json.loads(text).get("eventID") or text for text in texts}
    assert Event.objects.count() == len(event_ids)
    assert not UnreadableRecord.objects.exists()
    assert ExecSession.objects.count() == sum(implied_session(json.loads(text)) for text in texts)


def test_modes_and_outcomes_of_the_flow(api: Api) -> None:
    api.add_record(recent(eventID="a", command="bash"))
    api.add_record(recent(eventID="b", command="cat /etc/shadow"))
    api.add_record(recent(eventID="c", errorCode="AccessDenied", responseElements=None))
    collect()
    rows = set(ExecSession.objects.values_list("event__event_id", "mode", "outcome"))
    assert rows == {
        ("a", Mode.SHELL, Outcome.OPENED),
        ("b", Mode.ONE_SHOT, Outcome.OPENED),
        ("c", Mode.SHELL, Outcome.DENIED),
    }


def test_a_sample_that_is_removed_while_it_is_read_ends_the_turn_and_leaves_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_exec_events(120)
    pages: list[int] = []

    def take_in_and_remove(feed: Feed, items: Any) -> int:
        pages.append(len(items))
        return take_in(feed, items)

    take_in = pipeline.take_in
    monkeypatch.setattr(pipeline, "take_in", take_in_and_remove)
    monkeypatch.setattr(pipeline, "log_page", lambda *_: demo.remove())
    pipeline.due_feeds()
    pipeline.collect(Feed.objects.get().pk, threading.Event())
    assert pages == [50]
    assert not Feed.objects.exists()
    assert not Event.objects.exists()
