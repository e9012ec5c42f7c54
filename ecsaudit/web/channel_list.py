"""The list of channels: how each stands, as ready text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from ecsaudit.days import start_of
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.models import COUNTED, Channel, Numbers
from ecsaudit.visible import shortened
from ecsaudit.web.exports import attribute
from ecsaudit.web.times import moment, span

DAYS = 7


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel stands. `state` is off, failing, untested, refused or ok; `last` is the last answer and its age."""

    state: str
    words: str
    last: str


@dataclass(frozen=True, slots=True)
class Row:
    """`policies` are how many use the channel, `policies_address` their list."""

    channel: Channel
    kind: str
    standing: Standing
    findings: str
    held: int
    policies: int
    policies_address: str


# Neither settings nor secrets, which are for administrators, nor what the other side said, which may repeat them.
EXPORT = (
    attribute("id", "channel.pk"),
    attribute("name", "channel.name"),
    attribute("kind", "channel.kind"),
    attribute("enabled", "channel.enabled"),
    attribute("state", "standing.state"),
    *(attribute(name, f"channel.{name}") for name in ("failing_since", "last_tried_at", "last_accepted_at")),
    attribute("last_answer_code", "channel.last_answer_code"),
    attribute("policies"),
    attribute("findings_7_days", "findings"),
    attribute("held_back", "held"),
)


def rows(
    channels: Iterable[Channel],
    numbers: Mapping[int, Numbers],
    now: datetime,
    policies: Mapping[int, int],
) -> list[Row]:
    """`policies` are channel id → how many policies use it."""
    return [
        Row(
            channel=channel,
            kind=label_of(channel),
            standing=standing_of(channel, now),
            findings=count_word(numbers[channel.pk].findings),
            held=numbers[channel.pk].held,
            policies=policies.get(channel.pk, 0),
            policies_address=f"{reverse('policies')}?{urlencode({'channel': channel.name})}",
        )
        for channel in channels
    ]


def label_of(channel: Channel) -> str:
    return CHANNELS[channel.kind].label if channel.kind in CHANNELS else channel.kind


def standing_of(channel: Channel, now: datetime) -> Standing:
    state, words = state_of(channel, now)
    return Standing(state, words, last_of(channel, now))


def state_of(channel: Channel, now: datetime) -> tuple[str, str]:
    """A word for the colour, and a sentence."""
    if not channel.enabled:
        return "off", "Switched off"
    if channel.is_failing(now):
        since = channel.failing_since
        return "failing", f"Failing since {moment(since)}" if since else "Failing"
    if channel.last_tried_at is None:
        return "untested", "Never tested"
    if channel.last_accepted_at is None or channel.last_accepted_at < channel.last_tried_at:
        return "refused", "The last try failed"
    return "ok", "OK"


def last_of(channel: Channel, now: datetime) -> str:
    """The last answer, such as `200, 3 min ago`."""
    if channel.last_tried_at is None:
        return ""
    return f"{shortened(channel.last_answer_code, 40)}, {span(now - channel.last_tried_at)} ago"


def count_word(number: int) -> str:
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"


def week_before(now: datetime) -> datetime:
    """Since when findings are counted, as the list that the count leads to begins."""
    return start_of(DAYS, now)
