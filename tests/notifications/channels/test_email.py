import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pytest_django import Settings

from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels.email import Email
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.other_sides import raw_side

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
    assert send(notice) == Answer(Outcome.ACCEPTED, "250", "2.0.0 Ok: queued as 4F2A")
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
