import socket
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pytest_django import Settings

from ecsaudit.findings.models import Finding, WorkflowStatus
from ecsaudit.notifications import health, managing, outbox
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels.email import Email
from ecsaudit.notifications.models import Channel, Message, State
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from ecsaudit.people.models import User
from ecsaudit.web import delivery_list
from tests import factories
from tests.notifications.other_sides import raw_side
from tests.notifications.outbox import due_message, take_turn

TO = {"recipients": "soc@example.com, oncall@example.com"}


class Mailbox:
    """A mail server's mind: what it got, and what it says to each step."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.refused: dict[str, str] = {}
        self.said = "250 2.0.0 Ok: queued as 4F2A"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.said.startswith("250"):
            self.got.append(envelope)
        return self.said


def mail_in(mailbox: Mailbox) -> EmailMessage:
    (envelope,) = mailbox.got
    made = message_from_bytes(envelope.original_content.replace(b"\r\n", b"\n"), policy=policy.default)
    assert isinstance(made, EmailMessage)
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.DEFAULT_FROM_EMAIL = "ecsaudit <ecsaudit@example.com>"
    settings.EMAIL_TIMEOUT = 2
    yield box
    server.stop()


def send(notice: Notice, settings: dict[str, str] = TO, before_call: Any = list) -> Answer:
    return Email().send(settings, {}, notice, compose("email", "", "", notice), before_call)


def test_a_message_is_taken_by_the_mail_server(mailbox: Mailbox, notice: Notice) -> None:
    taken_by = ("soc@example.com", "oncall@example.com")
    assert send(notice) == Answer(Outcome.ACCEPTED, "250", "2.0.0 Ok: queued as 4F2A", taken_by=taken_by)
    assert mailbox.got[0].rcpt_tos == ["soc@example.com", "oncall@example.com"]
    assert mailbox.got[0].mail_from == "ecsaudit@example.com"
    mail = mail_in(mailbox)
    assert mail["Subject"] == "[HIGH] Terminal Shell in ECS Container"
    assert str(mail["From"]) == "ecsaudit <ecsaudit@example.com>"
    assert mail["Message-ID"] == f"<{notice.key}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Command: /bin/sh\n" in mail.get_content()


def test_names_can_not_inject_headers_or_recipients(mailbox: Mailbox, hostile_notice: Notice) -> None:
    assert send(hostile_notice).outcome == Outcome.ACCEPTED
    mail = mail_in(mailbox)
    assert mail["Bcc"] is None
    assert mailbox.got[0].rcpt_tos == ["soc@example.com", "oncall@example.com"]
    assert "↵Bcc: eve@evil.example" in mail["Subject"]
    assert mail.get_content_type() == "text/plain"


def test_a_line_with_a_single_dot_ends_nothing(mailbox: Mailbox, notice: Notice) -> None:
    Email().send(TO, {}, notice, Text("t", "before\n.\nMAIL FROM:<eve@evil.example>\nafter"), list)
    assert "before\n.\nMAIL FROM:<eve@evil.example>\nafter" in mail_in(mailbox).get_content()


def test_some_refused_recipients_are_named_and_the_others_get_it(mailbox: Mailbox, notice: Notice) -> None:
    mailbox.refused = {"soc@example.com": "550 5.1.1 no such user"}
    answer = send(notice)
    assert answer.outcome == Outcome.ACCEPTED
    assert "soc@example.com refused: 550 5.1.1 no such user" in answer.text
    assert mailbox.got[0].rcpt_tos == ["oncall@example.com"]


@pytest.mark.parametrize(
    ("first", "second", "outcome", "code"),
    [
        ("550 5.1.1 no such user", "553 5.1.3 bad address", Outcome.REFUSED, "550"),
        ("450 4.2.1 try later", "451 4.7.1 greylisted", Outcome.REFUSED, "450"),
        ("550 5.1.1 no such user", "451 4.7.1 greylisted", Outcome.REFUSED, "451"),
    ],
)
def test_when_no_recipient_is_taken_it_is_tried_again_until_the_settings_are_mended(
    mailbox: Mailbox, notice: Notice, first: str, second: str, outcome: Outcome, code: str
) -> None:
    mailbox.refused = {"soc@example.com": first, "oncall@example.com": second}
    called: list[int] = []
    answer = send(notice, before_call=lambda: called.append(1))
    assert (answer.outcome, answer.code, called, mailbox.got) == (outcome, code, [], [])
    assert "oncall@example.com refused: " in answer.text


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("552 5.3.4 too big", Outcome.REJECTED), ("452 4.3.1 disk full", Outcome.REFUSED)],
)
def test_the_server_s_last_word_says_what_came_of_it(
    mailbox: Mailbox, notice: Notice, said: str, outcome: Outcome
) -> None:
    mailbox.said = said
    answer = send(notice)
    assert (answer.outcome, answer.code, answer.text) == (outcome, said[:3], said[4:])


def test_what_before_call_raises_stops_the_message(mailbox: Mailbox, notice: Notice) -> None:
    def before_call() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        send(notice, before_call=before_call)
    assert mailbox.got == []


def scripted(*steps: tuple[bytes, bytes]) -> Any:
    """A server that waits for the beginning of each line and says something; then it closes."""

    def act(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        connection.sendall(b"220 mail.example.com\r\n")
        for expected, said in steps:
            while not lines.readline().upper().startswith(expected):
                pass
            connection.sendall(said)

    return act


GREETED = (
    (b"EHLO", b"250 mail.example.com\r\n"),
    (b"MAIL", b"250 ok\r\n"),
    (b"RCPT", b"250 ok\r\n"),
    (b"RCPT", b"250 ok\r\n"),
)


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        (GREETED[:1], Outcome.UNSENT),
        (GREETED[:3], Outcome.UNSENT),
        ((*GREETED, (b"DATA", b"354 go on\r\n"), (b".\r\n", b"")), Outcome.UNKNOWN),
        ((*GREETED, (b"DATA", b"354 go on\r\n"), (b".\r\n", b"250 kept\r\n")), Outcome.ACCEPTED),
    ],
)
def test_a_connection_that_breaks_off_is_told_by_how_far_it_came(
    settings: Settings, notice: Notice, steps: Any, outcome: Outcome
) -> None:
    with raw_side(scripted(*steps)) as address:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(address.split(":")[2].split("/")[0])
        assert send(notice).outcome == outcome


def test_where_nobody_listens_nothing_left(settings: Settings, notice: Notice) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    answer = send(notice)
    assert (answer.outcome, answer.code) == (Outcome.UNSENT, "no connection")


def test_without_a_mail_server_it_says_what_to_do(notice: Notice) -> None:
    answer = send(notice)
    assert (answer.outcome, answer.text) == (
        Outcome.UNSENT,
        "no mail server is set; an operator sets ECSAUDIT_SMTP_URL",
    )
    assert [problem.text for problem in Email().check(TO, {})] == [answer.text]


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_a_log_in_that_fails_is_a_known_no(settings: Settings, notice: Notice) -> None:
    def refuse(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    server = Controller(
        Mailbox(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=refuse,
        auth_require_tls=False,
        auth_required=True,
    )
    server.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ana", "hush-hush"
    answer = send(notice)
    server.stop()
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "535")
    assert "hush-hush" not in answer.text


def test_recipients_are_checked(mailbox: Mailbox) -> None:
    assert Email().check({"recipients": "a@example.com\nb@example.com; c@example.com"}, {}) == []
    (problem,) = Email().check({"recipients": "a@example.com, nobody"}, {})
    assert problem.text == "nobody is no e-mail address"
    many = ",".join(f"a{number}@example.com" for number in range(51))
    assert "at most 50" in Email().check({"recipients": many}, {})[0].text


GREYLISTED = {"oncall@example.com": "451 4.7.1 greylisted, try later"}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try waits for the next turn, whatever the jitter."""
    monkeypatch.setattr(health, "wait_after", lambda *_: timedelta(minutes=1))


def who_got_it(mailbox: Mailbox) -> list[list[str]]:
    return [envelope.rcpt_tos for envelope in mailbox.got]


@pytest.mark.django_db
@pytest.mark.usefixtures("patient")
def test_a_recipient_who_is_put_off_is_tried_again_alone_and_the_others_get_no_second_one(mailbox: Mailbox) -> None:
    mailbox.refused = dict(GREYLISTED)
    channel = factories.channel(kind="email", settings=TO)
    message, other = due_message(channel), due_message(channel)
    take_turn(channel)
    message.refresh_from_db()
    other.refresh_from_db()
    assert (message.state, message.taken_by, message.not_taken_by) == (
        State.RETRYING,
        ["soc@example.com"],
        ["oncall@example.com"],
    )
    # One who is put off says nothing against the channel, and keeps nothing else from going out.
    assert other.taken_by == ["soc@example.com"]
    assert Channel.objects.get().failures_in_a_row == 0
    assert set(Finding.objects.values_list("workflow_status", flat=True)) == {WorkflowStatus.NOTIFIED}
    rows = delivery_list.of_finding(message.deliveries.get().finding_id)
    assert rows[0]["standing_word"] == "Failed for now"
    assert rows[0]["detail"].endswith("; nothing went to oncall@example.com")
    take_turn(channel)
    assert who_got_it(mailbox) == [["soc@example.com"]] * 2
    assert Channel.objects.get().failures_in_a_row == 0
    mailbox.refused = {}
    take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.taken_by, message.not_taken_by) == (
        State.SENT,
        ["soc@example.com", "oncall@example.com"],
        [],
    )
    assert who_got_it(mailbox) == [["soc@example.com"]] * 2 + [["oncall@example.com"]] * 2
    assert list(message.tries.values_list("outcome", flat=True)) == ["partly", "partly", "accepted"]


@pytest.mark.django_db
@pytest.mark.usefixtures("patient")
def test_who_is_put_off_to_the_end_is_named(mailbox: Mailbox) -> None:
    mailbox.refused = dict(GREYLISTED)
    channel = factories.channel(kind="email", settings=TO)
    message = due_message(channel)
    take_turn(channel)
    outbox.give_up(message.give_up_at)
    message.refresh_from_db()
    assert (message.state, message.not_taken_by) == (State.FAILED, ["oncall@example.com"])
    assert message.can_be_sent_again
    rows = delivery_list.of_finding(message.deliveries.get().finding_id)
    assert (rows[0]["standing_word"], rows[0]["detail"]) == (
        "Failed for good",
        "250; nothing went to oncall@example.com",
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("patient")
def test_who_turns_out_not_to_exist_ends_the_message_without_a_word_against_the_channel(mailbox: Mailbox) -> None:
    mailbox.refused = dict(GREYLISTED)
    channel = factories.channel(kind="email", settings=TO)
    message = due_message(channel)
    take_turn(channel)
    mailbox.refused = {"oncall@example.com": "550 5.1.1 no such user"}
    take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.answer_code, message.not_taken_by) == (State.FAILED, "550", ["oncall@example.com"])
    assert Channel.objects.get().failures_in_a_row == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("patient")
def test_who_is_taken_off_the_recipients_meanwhile_ends_it_and_a_server_that_is_down_forgets_nobody(
    mailbox: Mailbox, settings: Settings
) -> None:
    mailbox.refused = dict(GREYLISTED)
    channel = factories.channel(kind="email", settings=TO)
    message = due_message(channel)
    take_turn(channel)
    running, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.not_taken_by) == (State.RETRYING, ["oncall@example.com"])
    settings.EMAIL_PORT = running
    Channel.objects.update(settings={"recipients": "soc@example.com"})
    take_turn(channel)
    message.refresh_from_db()
    assert (message.state, message.not_taken_by) == (State.SENT, [])
    assert who_got_it(mailbox) == [["soc@example.com"]]


@pytest.mark.django_db
def test_a_test_names_those_whom_it_did_not_reach(mailbox: Mailbox, adam: User) -> None:
    mailbox.refused = dict(GREYLISTED)
    channel = factories.channel(kind="email", settings=TO)
    managing.send_test(channel=channel, by=adam, now=factories.NOW)
    message = Message.objects.get()
    assert (message.state, message.not_taken_by) == (State.SENT, ["oncall@example.com"])
    assert "oncall@example.com refused: 451" in message.answer_text
