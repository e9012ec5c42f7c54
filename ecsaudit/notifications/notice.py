"""What a message tells, as plain data. Every text in it may be written by an attacker."""

from dataclasses import dataclass
from datetime import datetime

MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Told:
    """One finding. Empty texts are facts that the event does not carry."""

    title: str
    rule: str
    priority: str
    output: str
    person: str
    target: str
    account: str
    region: str
    command: str
    source_ip_address: str
    event_time: datetime
    url: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One message, the same at every try.

    `key` is new for each message, so that the other side can drop a second one; `about` is the same for all messages about
    the same thing. `told` are at most MOST_TOLD of the `count` findings it stands for. `held_back` wait until `held_until`.
    `severity` is an ASFF label, INFORMATIONAL to CRITICAL.
    """

    key: str
    about: str
    title: str
    severity: str
    told: tuple[Told, ...]
    count: int
    url: str
    held_back: int = 0
    held_until: datetime | None = None
    policy: str = ""
    runbook_url: str = ""
    is_test: bool = False
