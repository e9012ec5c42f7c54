"""The text of a message: templates with placeholders such as {finding.person}, and a table of what they may name.

A template has no logic and reaches no object: a placeholder is a key of PLACEHOLDERS and nothing else. {{ and }} stand for
braces. A line whose placeholders are all empty is left out. Values are shown on one line with every invisible character as a
mark, so that a command can't pretend to be a line of the message. The text is plain: channels show it literally.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache

from django.conf import settings
from django.utils import timezone

from ecsaudit.notifications.notice import Notice, Told
from ecsaudit.visible import shortened, visible

LONGEST_TEMPLATE = 10_000
LONGEST_TITLE = 200
LONGEST_BODY = 12_000
LONGEST_VALUE = 1_000
TEST = "This is a test; nothing happened."
TOKEN = re.compile(r"\{\{|\}\}|\{[^{}\n]*\}|[{}]")


@dataclass(frozen=True, slots=True)
class Text:
    """A message's text. The title is one line."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong with a template, and where; line and column count from 1."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    meaning: str
    value: Callable[[Notice], str]


def of_finding(meaning: str, value: Callable[[Told], str]) -> Placeholder:
    return Placeholder(meaning, lambda notice: value(notice.told[0]) if notice.told else "")


def when(told: Told) -> str:
    return f"{told.event_time:%Y-%m-%d %H:%M:%S} UTC"


def until_words(until: datetime, now: datetime) -> str:
    """`14:05 UTC`, and with its date when that is another day."""
    return f"{until:%H:%M} UTC" if until.date() == now.date() else f"{until:%Y-%m-%d %H:%M} UTC"


def held(notice: Notice) -> str:
    """What the message says of those that are not told in it, such as “first of 12; 11 held back until 14:05 UTC”."""
    until = until_words(notice.held_until, timezone.now()) if notice.held_until else ""
    if notice.held_back:
        total = max(notice.count, notice.held_back + len(notice.told))
        return f"First of {total}; {notice.held_back} held back" + (f" until {until}." if until else ".")
    if notice.count > len(notice.told):
        return f"{notice.count} findings; the first {len(notice.told)} are told here."
    if notice.count > 1:
        return f"{notice.count} findings."
    return f"What else comes until {until} is held back and told together." if until else ""


def findings(notice: Notice) -> str:
    """A paragraph for each; a single one needs no address of its own beside the message's."""
    return "\n\n".join(paragraph(each, with_url=len(notice.told) > 1) for each in notice.told)


def paragraph(told: Told, *, with_url: bool) -> str:
    place = ", ".join(shown(part) for part in (told.account, told.region) if part)
    who = f"{shown(told.person) or 'somebody'} → {shown(told.target) or 'unknown target'}"
    source = f" from {shown(told.source_ip_address)}" if told.source_ip_address else ""
    lines = [
        f"{when(told)}  {who}" + (f" ({place})" if place else "") + source,
        f"{shown(told.rule)} ({shown(told.priority)}): {shown(told.output)}",
        f"Command: {shown(told.command)}" if told.command else "",
        shown(told.url) if with_url else "",
    ]
    return "\n".join(line for line in lines if line)


def shown(value: str) -> str:
    return shortened(value, LONGEST_VALUE)


PLACEHOLDERS: dict[str, Placeholder] = {
    "title": Placeholder("what the message is about", lambda notice: shown(notice.title)),
    "severity": Placeholder("INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL", lambda notice: shown(notice.severity)),
    "count": Placeholder("how many findings the message stands for", lambda notice: str(notice.count)),
    "findings": Placeholder("the findings, a few lines each", findings),
    "held": Placeholder("how many are held back, and until when", held),
    "held_back": Placeholder(
        "how many are held back", lambda notice: str(notice.held_back) if notice.held_back else ""
    ),
    "policy": Placeholder("the policy that sends it", lambda notice: shown(notice.policy)),
    "runbook_url": Placeholder("the policy's runbook", lambda notice: shown(notice.runbook_url)),
    "url": Placeholder("where ecsaudit shows it", lambda notice: shown(notice.url)),
    "test": Placeholder(
        "says so when it is a test", lambda notice: "This is a test; nothing happened." if notice.is_test else ""
    ),
    "finding.title": of_finding("the first finding in a sentence", lambda told: shown(told.title)),
    "finding.rule": of_finding("the rule that matched", lambda told: shown(told.rule)),
    "finding.priority": of_finding("the rule's priority", lambda told: shown(told.priority)),
    "finding.output": of_finding("the rule's output", lambda told: shown(told.output)),
    "finding.person": of_finding("who", lambda told: shown(told.person)),
    "finding.target": of_finding("into what", lambda told: shown(told.target)),
    "finding.account": of_finding("AWS account", lambda told: shown(told.account)),
    "finding.region": of_finding("Region", lambda told: shown(told.region)),
    "finding.command": of_finding("the command that opened the session", lambda told: shown(told.command)),
    "finding.source_ip_address": of_finding("from where", lambda told: shown(told.source_ip_address)),
    "finding.event_time": of_finding("when", when),
    "finding.tags": of_finding("the rule's tags", lambda told: shown(", ".join(told.tags))),
    "finding.url": of_finding("where ecsaudit shows the finding", lambda told: shown(told.url)),
}


def compose(kind: str, title_template: str, body_template: str, notice: Notice) -> Text:
    """The message's text. A template that is empty or has a problem gives way to the kind's own."""
    own = default_template(kind)
    title = render(title_template if usable(title_template) else own.title, notice)
    body = render(body_template if usable(body_template) else own.body, notice)
    one_line = visible(" ".join(title.split()))
    return Text(one_line[:LONGEST_TITLE] or notice.key, cut(body, LONGEST_BODY))


def usable(template: str) -> bool:
    return bool(template.strip()) and not problems_of(template)


@cache
def default_template(kind: str) -> Text:
    """The templates of templates/notifications/<kind>.txt: the first line is the title's, the rest the body's."""
    title, _, body = (settings.BASE_DIR / "templates" / "notifications" / f"{kind}.txt").read_text().partition("\n")
    return Text(title, body.strip())


def problems_of(template: str) -> list[TemplateProblem]:
    """What is wrong with a template, in its order."""
    if len(template) > LONGEST_TEMPLATE:
        return [TemplateProblem(1, 1, f"{len(template):,} characters; at most {LONGEST_TEMPLATE:,} are allowed")]
    return [
        TemplateProblem(number, match.start() + 1, text)
        for number, line in enumerate(template.split("\n"), 1)
        for match in TOKEN.finditer(line)
        if (text := problem_with(match[0]))
    ]


def problem_with(token: str) -> str:
    if token in ("{{", "}}"):
        return ""
    if len(token) == 1:
        return f"a single {token}; write {token * 2} for the character itself"
    name = token[1:-1]
    if name in PLACEHOLDERS:
        return ""
    close = get_close_matches(name, PLACEHOLDERS, 1)
    hint = f"; did you mean {{{close[0]}}}?" if close else "; the table below lists those there are"
    return f"unknown placeholder {token}{hint}"


def render(template: str, notice: Notice) -> str:
    """The text of a template without problems."""
    lines = (line_of(line, notice) for line in template.replace("\r", "").split("\n"))
    text = "\n".join(line for line in lines if line is not None)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def line_of(line: str, notice: Notice) -> str | None:
    """One line, or None when it has placeholders and all of them are empty."""
    names = [match[0][1:-1] for match in TOKEN.finditer(line) if match[0] not in ("{{", "}}")]
    values = {name: PLACEHOLDERS[name].value(notice) for name in names}
    if names and not any(values.values()):
        return None
    return TOKEN.sub(lambda match: match[0][0] if match[0] in ("{{", "}}") else values[match[0][1:-1]], line)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def table(notice: Notice) -> Iterator[tuple[str, str, str]]:
    """Every placeholder with its meaning and its value in a message, for the page that explains them."""
    for name, placeholder in PLACEHOLDERS.items():
        yield f"{{{name}}}", placeholder.meaning, placeholder.value(notice)
