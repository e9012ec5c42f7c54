"""What a kind of channel is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings as installation

from ecsaudit.notifications.addresses import problem_with
from ecsaudit.notifications.answer import Answer
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text

BeforeCall = Callable[[], None]
Values = Mapping[str, str]
NEVER_DROPPED = timedelta(0)


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a channel. A secret is sealed and never shown again. `choices` are (value, label)."""

    name: str
    label: str
    help: str
    secret: bool = False
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field; it never repeats a secret."""

    field: str
    text: str


class Kind(ABC):
    """One file, one template and one test for each; see CHANNELS."""

    key: ClassVar[str]
    label: ClassVar[str]
    about: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]

    def drops_repeats_for(self, settings: Values) -> timedelta:
        """For how long after the first message the other side surely drops a second one with the same key.

        That long, sending again does no harm; it is a little less than what the other side promises, for the way there.
        """
        return NEVER_DROPPED

    def for_the_rest(self, settings: Values, taken_by: Collection[str]) -> Values:
        """Settings by which a message goes only to those who don't have it yet."""
        return settings

    def check(self, settings: Values, secrets: Values) -> list[Problem]:
        """What is wrong with them; nothing is called."""
        values = {**settings, **secrets}
        return [problem for field in self.fields if (problem := problem_of(field, values.get(field.name, "")))] or [
            *self.problems(settings, secrets)
        ]

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        """What only this kind knows to be wrong; asked once every field has a value that it may have."""
        yield from ()

    def send(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        """Send and say what came of it, without the secrets that the other side may have quoted.

        `before_call` is called before the first byte of the message can leave; what it raises stops everything.
        """
        answer = self.deliver(settings, secrets, notice, text, before_call)
        return answer.hiding(part for secret in secrets.values() for part in parts_of(secret))

    @abstractmethod
    def deliver(
        self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall
    ) -> Answer: ...


def problem_of(field: Field, value: str) -> Problem | None:
    if not value:
        return Problem(field.name, f"{field.label} is missing") if field.required else None
    if field.choices and value not in dict(field.choices):
        return Problem(field.name, f"{field.label} must be one of {', '.join(label for _, label in field.choices)}")
    return None


def problem_with_url(field: str, address: str) -> Iterator[Problem]:
    text = problem_with(address, installation.ALLOWED_WEBHOOK_HOSTS)
    if text:
        yield Problem(field, text)


def parts_of(secret: str) -> Iterator[str]:
    """The secret; of a secret address also what a redirect or an error page would quote of it."""
    yield secret
    if "://" in secret:
        parts = urlsplit(secret)
        values = (value for _, value in parse_qsl(parts.query))
        yield parts.path
        yield from (part for part in (*parts.path.split("/"), parts.query, *values) if len(part) > 7)


def json_bytes(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def pieces(text: str, length: int, most: int) -> list[str]:
    """The text in pieces of at most `length` characters, cut at line ends where that is possible."""
    found: list[str] = []
    while text and len(found) < most:
        end = len(text) if len(text) <= length else text.rfind("\n", length // 2, length)
        end = length if end < 0 else end
        found.append(text[:end])
        text = text[end:].lstrip("\n")
    return found
