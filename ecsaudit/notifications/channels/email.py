"""E-mail, by the mail server of ECSAUDIT_SMTP_URL.

Django opens the connection (encryption, log-in) and makes the message; the conversation is our own, so that the answer for
each recipient and the server's last word are known. Nothing can arrive before DATA is sent. A recipient whom the server puts
off (4xx, such as greylisting) while it takes others is tried again alone.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parseaddr

from django.conf import settings as installation
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email

from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels.kind import BeforeCall, Field, Kind, Problem, Values
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text

MOST_RECIPIENTS = 50
NO_SERVER = "no mail server is set; an operator sets ECSAUDIT_SMTP_URL"
# Reply codes of SMTP: 4xx may be well later, 5xx stays.
FOR_GOOD = 500
TOO_LARGE = 552
# Of settings: those who have the message already. No field of the form has this name.
TAKEN_BY = "taken_by"


class Email(Kind):
    key = "email"
    label = "E-mail"
    about = "Mail to people or to a list, sent by the mail server that the operator set (ECSAUDIT_SMTP_URL)."
    fields = (Field("recipients", "Recipients", "Addresses, one a line or with commas between them.", lines=3),)

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        found = recipients_of(settings["recipients"])
        for each in found:
            try:
                validate_email(each)
            except ValidationError:
                yield Problem("recipients", f"{each} is no e-mail address")
        if len(found) > MOST_RECIPIENTS:
            yield Problem("recipients", f"{len(found)} recipients; at most {MOST_RECIPIENTS}: use a mailing list")
        if not installation.EMAIL_HOST:
            yield Problem("recipients", NO_SERVER)

    def for_the_rest(self, settings: Values, taken_by: Collection[str]) -> Values:
        rest = [each for each in recipients_of(settings["recipients"]) if each not in taken_by]
        return {**settings, "recipients": "\n".join(rest), TAKEN_BY: "\n".join(taken_by)}

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        if not installation.EMAIL_HOST:
            return Answer(Outcome.UNSENT, "no server", NO_SERVER)
        others_have_it = bool(settings.get(TAKEN_BY))
        if others_have_it and not settings["recipients"]:
            return Answer(Outcome.ACCEPTED, "no one left", "everybody who is among the recipients has it")
        backend = EmailBackend()
        try:
            backend.open()
        except smtplib.SMTPResponseException as error:
            return Answer(Outcome.REFUSED, str(error.smtp_code), words(error.smtp_error))
        except (smtplib.SMTPException, OSError) as error:
            return Answer(Outcome.UNSENT, "no connection", f"no connection to the mail server: {error}")
        assert backend.connection is not None
        try:
            mail = message(settings, notice, text)
            return converse(backend.connection, mail, before_call, others_have_it=others_have_it)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                backend.close()


def recipients_of(text: str) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(each for each in re.split(r"[\s,;]+", text) if each))


def message(settings: Values, notice: Notice, text: Text) -> EmailMessage:
    """The subject has no line break and no control character: texts.compose makes marks of them."""
    domain = parseaddr(installation.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "ecsaudit.invalid"
    headers = {
        "Message-ID": f"<{notice.key}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-ECSAudit-Severity": notice.severity,
    }
    return EmailMessage(subject=text.title, body=text.body, to=recipients_of(settings["recipients"]), headers=headers)


def converse(
    server: smtplib.SMTP, mail: EmailMessage, before_call: BeforeCall, *, others_have_it: bool = False
) -> Answer:
    """MAIL, RCPT for each recipient, DATA."""
    sender = envelope(mail.from_email)
    content = mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's messages take it
    try:
        server.ehlo_or_helo_if_needed()
        code, said = server.mail(sender)
        if code != 250:
            return refusal_of_people(code, f"sender {sender}: {words(said)}")
        answers = [(each, *server.rcpt(envelope(each))) for each in mail.to]
    except smtplib.SMTPResponseException as error:
        return Answer(Outcome.REFUSED, str(error.smtp_code), words(error.smtp_error))
    except (smtplib.SMTPException, OSError) as error:
        return Answer(Outcome.UNSENT, "closed", f"the mail server closed the connection before the message: {error}")
    refused = [Refused(each, code, words(said)) for each, code, said in answers if code not in (250, 251)]
    if len(refused) == len(answers):
        return nobody_taken(refused, others_have_it=others_have_it)
    before_call()
    answer = last_word(server, content)
    not_taken_by = tuple(each.recipient for each in refused)
    if answer.outcome in (Outcome.REFUSED, Outcome.REJECTED):
        return answer
    text = "; ".join(part for part in (answer.text, told(refused)) if part)
    if answer.outcome == Outcome.UNKNOWN:
        return replace(answer, text=text, not_taken_by=not_taken_by)
    taken_by = tuple(each for each in mail.to if each not in not_taken_by)
    outcome = Outcome.PARTLY if any(each.code < FOR_GOOD for each in refused) else Outcome.ACCEPTED
    return Answer(outcome, answer.code, text, taken_by=taken_by, not_taken_by=not_taken_by)


@dataclass(frozen=True, slots=True)
class Refused:
    """A recipient whom the mail server did not take."""

    recipient: str
    code: int
    said: str


def told(refused: Sequence[Refused]) -> str:
    return "; ".join(f"{each.recipient} refused: {each.code} {each.said}" for each in refused)


def nobody_taken(refused: Sequence[Refused], *, others_have_it: bool) -> Answer:
    """The answer when no recipient of this try is taken. Where others have the message already, it says nothing against
    the channel."""
    code, text = min(each.code for each in refused), told(refused)
    if not others_have_it:
        return refusal_of_people(code, text)
    outcome = Outcome.PARTLY if code < FOR_GOOD else Outcome.REJECTED
    return Answer(outcome, str(code), text, not_taken_by=tuple(each.recipient for each in refused))


def last_word(server: smtplib.SMTP, content: bytes) -> Answer:
    """DATA, and what came of it."""
    try:
        code, said = server.data(content)
    except smtplib.SMTPDataError as error:
        return refusal(error.smtp_code, words(error.smtp_error))
    except TimeoutError:
        return Answer(Outcome.UNKNOWN, "timeout", "no answer in time; it may have arrived")
    except (smtplib.SMTPException, OSError):
        return Answer(Outcome.UNKNOWN, "closed", "the connection was closed before an answer; it may have arrived")
    return Answer(Outcome.ACCEPTED, str(code), words(said)) if code == 250 else refusal(code, words(said))


def envelope(address: str) -> str:
    """The bare address, with a domain that every mail server knows."""
    return sanitize_address(parseaddr(address)[1], "utf-8")


def refusal_of_people(code: int, text: str) -> Answer:
    """No sender or recipient is taken: whatever the server says, it is about the settings, which may be mended in time."""
    return refusal(code, text) if code == TOO_LARGE else Answer(Outcome.REFUSED, str(code), text)


def refusal(code: int, text: str) -> Answer:
    return Answer(Outcome.REJECTED if code >= FOR_GOOD else Outcome.REFUSED, str(code), text)


def words(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
