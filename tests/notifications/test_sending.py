import json
import socket
import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.findings.models import Finding, WorkflowStatus
from ecsaudit.notifications import composing, sending, services
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels.webhook import signature
from ecsaudit.notifications.models import Attempt, Channel, Message, State, Throttle
from ecsaudit.notifications.sending import Call, Turn, TurnLost
from ecsaudit.notifications.texts import Text, until_words
from ecsaudit.people.models import User
from tests import factories
from tests.notifications.faulty_side import PUBLISHED
from tests.notifications.other_sides import http_side, raw_side, request_of
from tests.notifications.outbox import SECRET, due_message, states, take_turn, webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("this_machine_is_allowed")]
NOBODY = "http://127.0.0.1:9/hook"


def begun(channel: Channel, message: Message) -> Call:
    """A try in the middle of its call, as another worker has it."""
    turn = sending.take(channel.pk, timezone.now())
    assert turn is not None
    assert sending.claim(turn, timezone.now()) == message
    call = Call(turn, message, Text("title", "body"))
    call.begin()
    return call


def silent(channel: Channel) -> None:
    """The worker that held the channel was killed a while ago."""
    past = timezone.now() - timedelta(seconds=1)
    Channel.objects.filter(pk=channel.pk).update(lease_expires_at=past)
    Message.objects.filter(channel=channel, lease_expires_at__isnull=False).update(lease_expires_at=past)


def test_a_message_goes_out_and_its_findings_are_notified(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://audit.example.com"
    with http_side(body=b"thanks") as side:
        channel = webhook(side.url())
        message = due_message(channel, runbook_url="https://wiki.example.com/r")
        take_turn(channel)
    message.refresh_from_db()
    finding = Finding.objects.get()
    assert (message.state, message.attempts, message.answer_code, message.answer_text) == ("sent", 1, "200", "thanks")
    assert message.findings_noted
    assert finding.workflow_status == WorkflowStatus.NOTIFIED
    assert finding.activities.get().text == "Told to Security team."
    attempt = message.tries.get()
    assert (attempt.outcome, attempt.code, attempt.text) == ("accepted", "200", "thanks")
    (got,) = side.got
    assert got.headers["Idempotency-Key"] == message.key
    assert got.headers["ECSAudit-Signature"] == (f"v1={signature(SECRET, got.headers['ECSAudit-Timestamp'], got.body)}")
    assert got.json["url"] == got.json["findings"][0]["url"] == f"https://audit.example.com/findings/{finding.pk}/"
    assert got.json["text"] == {"title": message.sent_title, "body": message.sent_body}
    assert got.json["runbook_url"] == "https://wiki.example.com/r"
    channel.refresh_from_db()
    assert (channel.lease_owner, channel.last_answer_code) == ("", "200")
    assert channel.last_accepted_at is not None


def test_the_oldest_goes_first_and_what_is_not_due_waits() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        later = due_message(channel, next_attempt_at=timezone.now() + timedelta(hours=1))
        first, second = due_message(channel), due_message(channel)
        take_turn(channel)
    assert [got.headers["Idempotency-Key"] for got in side.got] == [first.key, second.key]
    later.refresh_from_db()
    assert later.state == State.PENDING


def test_a_message_costs_a_bounded_number_of_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with http_side() as side:
        channel = webhook(side.url())
        due_message(channel)
        due_message(channel)
        # For the turn: taken, channel, abandoned, unnoted, given back. For each message: 8 to claim and begin, 2 to compose,
        # 8 to note, 20 for its finding's history and group. It must not grow.
        with django_assert_max_num_queries(95):
            take_turn(channel)
    assert states(channel) == ["sent", "sent"]


@pytest.mark.parametrize("status", [429, 500, 503, 302, 404, 401])
def test_a_known_no_is_tried_again_with_the_same_key_and_leaves_the_channel_alone_meanwhile(status: int) -> None:
    with http_side(status=status) as side:
        channel = webhook(side.url())
        message = due_message(channel)
        due_message(channel)
        take_turn(channel)
        assert states(channel) == ["retrying", "pending"]
        assert len(side.got) == 1
        channel.refresh_from_db()
        assert channel.next_attempt_at is not None
        sending.run(channel.pk, threading.Event()) if channel.next_attempt_at > timezone.now() else None
        side.status = 200
        take_turn(channel)
    assert states(channel) == ["sent", "sent"]
    assert [got.headers["Idempotency-Key"] for got in side.got[:2]] == [message.key] * 2
    assert list(message.tries.values_list("outcome", "code")) == [("refused", str(status)), ("accepted", "200")]


def test_the_other_side_is_left_alone_as_long_as_it_asks() -> None:
    with http_side(status=429, headers={"Retry-After": "1800"}) as side:
        channel = webhook(side.url())
        message = due_message(channel)
        take_turn(channel)
        sending.run(channel.pk, threading.Event())
    message.refresh_from_db()
    channel.refresh_from_db()
    for moment in (message.next_attempt_at, channel.next_attempt_at):
        assert moment is not None
        assert timedelta(minutes=29) < moment - timezone.now() < timedelta(minutes=31)
    assert len(side.got) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_will_never_be_taken_has_failed_for_good(status: int) -> None:
    with http_side(status=status, body=b"no such field") as side:
        channel = webhook(side.url())
        message = due_message(channel)
        take_turn(channel)
        take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_text) == (State.FAILED, "no such field")
    assert len(side.got) == 1
    assert Finding.objects.get().workflow_status == WorkflowStatus.NEW
    # It took what it was sent, so it may have the next one.
    channel.refresh_from_db()
    assert (channel.failures_in_a_row, channel.next_attempt_at, channel.last_answer_code) == (0, None, str(status))


def test_where_there_is_no_connection_nothing_was_sent_and_it_is_tried_again() -> None:
    channel = webhook(NOBODY)
    message = due_message(channel)
    take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_code) == (State.RETRYING, "no connection")
    assert message.tries.get().outcome == Outcome.UNSENT


def test_after_its_time_a_message_is_given_up_with_the_last_answer() -> None:
    with http_side(status=503, body=b"later") as side:
        channel = webhook(side.url())
        message = due_message(channel, give_up_at=timezone.now(), attempts=1)
        take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_code, message.answer_text) == (State.FAILED, "503", "later")


def test_what_waited_for_a_worker_for_too_long_is_tried_more_than_once() -> None:
    with http_side(status=503, body=b"later") as side:
        channel = webhook(side.url())
        message = due_message(channel, give_up_at=timezone.now() - timedelta(hours=1))
        take_turn(channel)
    message.refresh_from_db()
    assert message.state == State.RETRYING
    assert message.give_up_at > timezone.now() + timedelta(minutes=50)


def test_a_lost_answer_is_uncertain_and_goes_out_again_only_when_a_person_wants_it(ann: User) -> None:
    got: list[bytes] = []

    def take_and_close(connection: socket.socket) -> None:
        got.append(request_of(connection))

    with raw_side(take_and_close) as url:
        channel = webhook(url)
        message = due_message(channel)
        take_turn(channel)
        take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_code, len(got)) == (State.UNCERTAIN, "closed", 1)
    with http_side() as side:
        Channel.objects.filter(pk=channel.pk).update(settings={"url": side.url()})
        services.send_again(message=message, by=ann, now=timezone.now())
        take_turn(channel)
    message.refresh_from_db()
    assert message.state == State.SENT
    assert list(message.tries.values_list("outcome", "asked_by__username")) == [("unknown", None), ("accepted", "ann")]
    assert message.key.encode() in got[0]
    assert side.got[0].headers["Idempotency-Key"] == message.key


def test_a_lost_answer_of_a_side_that_drops_repeats_is_asked_for_again() -> None:
    """PagerDuty's is not reachable from here; what counts is what the columns become."""
    channel = factories.channel(kind="pagerduty", settings={"region": "us"})
    message = due_message(channel)
    now = timezone.now()
    attempt = Attempt.objects.create(message=message, at=now, owner="x", outcome=Outcome.UNKNOWN)
    lost, limit = Answer(Outcome.UNKNOWN, "timeout"), sending.drops_repeats_for(channel)
    assert limit > timedelta(0)
    assert sending.after(message, attempt, lost, limit, now)["state"] == State.RETRYING
    assert sending.after(message, attempt, lost, timedelta(0), now) == {"state": State.UNCERTAIN}
    # Given up, it may still have arrived.
    message.give_up_at = now
    assert sending.after(message, attempt, lost, limit, now) == {"state": State.UNCERTAIN}


@pytest.mark.parametrize("answer", [Answer(Outcome.UNKNOWN, "timeout"), Answer(Outcome.REFUSED, "503")])
def test_no_longer_than_the_other_side_drops_repeats(answer: Answer) -> None:
    """A known no to the second try says nothing about the first."""
    channel = factories.channel(kind="pagerduty", settings={"region": "us"})
    message, now = due_message(channel), timezone.now()
    limit = sending.drops_repeats_for(channel)
    first = Attempt.objects.create(message=message, at=now - limit, owner="x", outcome=Outcome.UNKNOWN)
    second = Attempt.objects.create(message=message, at=now, owner="x", outcome=answer.outcome)
    assert sending.after(message, second, answer, limit, now) == {"state": State.UNCERTAIN}
    # Who asked for it knows of the first.
    message.asked_at = first.at + timedelta(seconds=1)
    assert sending.after(message, second, answer, limit, now)["state"] == State.RETRYING


@pytest.mark.parametrize(("minutes", "state", "arrived"), [(1, "sent", 1), (5, "uncertain", 0)])
def test_what_waits_longer_than_the_other_side_drops_repeats_is_uncertain_and_does_not_go_out(
    monkeypatch: pytest.MonkeyPatch, minutes: int, state: str, arrived: int
) -> None:
    """A FIFO topic: the answer was lost, and the next try waited behind a pause of the channel."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "example")
    with http_side(body=PUBLISHED, headers={"Content-Type": "text/xml"}) as side:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", side.url())
        arn = "arn:aws:sns:eu-west-1:123456789012:security.fifo"
        channel = factories.channel(kind="sns", settings={"topic_arn": arn})
        message = due_message(channel, state=State.RETRYING, attempts=1, answer_code="timeout")
        before = timezone.now() - timedelta(minutes=minutes)
        Attempt.objects.create(message=message, at=before, owner="x", outcome=Outcome.UNKNOWN)
        due_message(channel)
        take_turn(channel)
    assert states(channel) == [state, "sent"]
    assert len(side.got) == arrived + 1
    message.refresh_from_db()
    assert (message.lease_owner, message.lease_expires_at, message.tries.count()) == ("", None, arrived + 1)


def test_a_worker_killed_before_the_call_leaves_the_message_to_be_sent_simply_again() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        message = due_message(channel)
        turn = sending.take(channel.pk, timezone.now())
        assert turn is not None
        assert sending.claim(turn, timezone.now()) == message
        take_turn(channel)
        assert states(channel) == ["claimed"]
        silent(channel)
        take_turn(channel)
        Message.objects.update(next_attempt_at=timezone.now())
        take_turn(channel)
        # The one that was only slow comes too late.
        with pytest.raises(TurnLost):
            Call(turn, message, Text("t", "b")).begin()
    assert states(channel) == ["sent"]
    assert len(side.got) == 1


def test_a_worker_killed_in_the_call_leaves_an_uncertain_message_and_the_try_says_that_no_answer_was_noted() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        message = due_message(channel)
        begun(channel, message)
        silent(channel)
        take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_text) == (State.UNCERTAIN, sending.STOPPED)
    assert message.tries.get().outcome == ""
    assert side.got == []


def test_a_worker_killed_in_the_call_to_a_side_that_drops_repeats_leaves_it_to_be_sent_again() -> None:
    channel = factories.channel(kind="pagerduty", settings={"region": "us"})
    message = due_message(channel)
    begun(channel, message)
    silent(channel)
    sending.recover(channel, timezone.now())
    assert states(channel) == ["retrying"]


def test_a_worker_killed_in_such_a_call_and_found_too_late_leaves_an_uncertain_message() -> None:
    channel = factories.channel(kind="pagerduty", settings={"region": "us"})
    begun(channel, due_message(channel))
    silent(channel)
    sending.recover(channel, timezone.now() + sending.drops_repeats_for(channel))
    assert states(channel) == ["uncertain"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(Outcome.ACCEPTED, "200"), State.SENT),
        (Answer(Outcome.REFUSED, "503"), State.RETRYING),
        (Answer(Outcome.UNKNOWN, "timeout"), State.UNCERTAIN),
    ],
)
def test_the_answer_of_a_worker_that_was_only_slow_is_still_noted(answer: Answer, state: State) -> None:
    with http_side() as side:
        channel = webhook(side.url())
        message = due_message(channel)
        call = begun(channel, message)
        silent(channel)
        take_turn(channel)
        assert states(channel) == ["uncertain"]
        sending.note(call, answer)
    message.refresh_from_db()
    assert message.state == state
    assert message.tries.get().outcome == answer.outcome
    assert side.got == []


def test_a_late_yes_keeps_a_message_from_going_out_again(ann: User) -> None:
    with http_side() as side:
        channel = webhook(side.url())
        message = due_message(channel)
        call = begun(channel, message)
        silent(channel)
        take_turn(channel)
        services.send_again(message=message, by=ann, now=timezone.now())
        sending.note(call, Answer(Outcome.ACCEPTED, "200"))
        take_turn(channel)
    assert states(channel) == ["sent"]
    assert side.got == []


def test_of_two_workers_at_once_one_sends() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        due_message(channel)
        held = sending.take(channel.pk, timezone.now())
        assert held is not None
        take_turn(channel)
        assert side.got == []
        held.release()
        take_turn(channel)
    assert len(side.got) == 1


def test_what_a_killed_worker_had_not_told_the_findings_the_next_turn_tells() -> None:
    channel = webhook(NOBODY)
    due_message(channel, state=State.SENT)
    take_turn(channel)
    assert Finding.objects.get().workflow_status == WorkflowStatus.NOTIFIED
    assert Message.objects.get().findings_noted


def test_a_message_about_many_marks_them_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "STEP", 2)
    with http_side() as side:
        channel = webhook(side.url())
        findings = [factories.finding() for _ in range(5)]
        factories.message(
            findings=findings, channel=channel, purpose="digest", give_up_at=timezone.now() + timedelta(hours=1)
        )
        take_turn(channel)
    assert set(Finding.objects.values_list("workflow_status", flat=True)) == {"notified"}
    assert side.got[0].json["count"] == len(side.got[0].json["findings"]) == 5
    assert side.got[0].json["title"] == "5 findings: Terminal Shell in ECS Container"


def test_a_message_whose_findings_are_gone_is_withdrawn_and_the_next_one_goes_out() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        due_message(channel)
        due_message(channel)
        Finding.objects.order_by("pk")[0].delete()
        take_turn(channel)
    assert states(channel) == ["withdrawn", "sent"]


def test_the_first_of_a_window_says_how_many_are_held_back_when_it_is_sent() -> None:
    with http_side() as side:
        channel, now = webhook(side.url()), timezone.now()
        findings = [factories.finding() for _ in range(12)]
        routings = [
            factories.routing(each, channel, throttle=timedelta(hours=1), throttle_key="k") for each in findings
        ]
        services.enqueue(routings, now)
        take_turn(channel)
    until = Throttle.objects.get().until_at
    assert until is not None
    told = side.got[0].json
    assert (told["count"], told["held_back"], told["held_until"]) == (12, 11, until.isoformat())
    assert f"First of 12; 11 held back until {until_words(until, timezone.now())}." in told["text"]["body"]


def test_a_channel_whose_secrets_can_not_be_opened_says_so() -> None:
    channel = webhook(NOBODY)
    Channel.objects.update(sealed_secrets="gAAAAABnothing")
    message = due_message(channel)
    take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_code) == (State.RETRYING, "secrets")
    assert "enter the secrets again" in message.answer_text


def test_an_error_of_our_own_is_told_and_the_message_tried_again() -> None:
    channel = factories.channel(kind="pagerduty", settings={})
    message = due_message(channel)
    with pytest.raises(KeyError):
        take_turn(channel)
    message.refresh_from_db()
    channel.refresh_from_db()
    assert (message.state, message.answer_code) == (State.RETRYING, "KeyError")
    assert channel.next_attempt_at is not None
    assert channel.lease_owner == ""


def test_a_channel_that_is_switched_off_keeps_its_messages() -> None:
    with http_side() as side:
        channel = webhook(side.url(), enabled=False)
        due_message(channel)
        take_turn(channel)
        assert (states(channel), side.got) == (["pending"], [])
        Channel.objects.update(enabled=True)
        take_turn(channel)
    assert states(channel) == ["sent"]


def test_what_a_channel_was_sending_when_it_was_switched_off_and_the_worker_killed_is_seen_to() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        begun(channel, due_message(channel))
        due_message(channel, state=State.SENT)
        due_message(channel)
        Channel.objects.update(enabled=False)
        silent(channel)
        take_turn(channel)
    assert (states(channel), side.got) == (["uncertain", "sent", "pending"], [])
    assert Message.objects.get(state=State.SENT).findings_noted


def test_a_turn_ends_when_the_worker_is_asked_to_stop() -> None:
    with http_side() as side:
        channel = webhook(side.url())
        due_message(channel)
        stop = threading.Event()
        stop.set()
        sending.run(channel.pk, stop)
    assert (states(channel), side.got) == (["pending"], [])


def test_hostile_text_reaches_the_other_side_as_text() -> None:
    message = due_message(webhook(NOBODY))
    Finding.objects.update(rule="\u202e<!channel>\r\nBcc: x", output="\x1b[2J")
    notice = composing.notice_of(message)
    assert notice is not None
    assert json.dumps(notice.told[0].rule).startswith('"\\u202e')


def test_a_turn_that_was_lost_says_so() -> None:
    with pytest.raises(TurnLost, match="held by somebody else"):
        Turn(factories.channel(), "nobody").renew(timezone.now())
