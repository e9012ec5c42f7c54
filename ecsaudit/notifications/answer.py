"""What came of a try to send a message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db.models import TextChoices

from ecsaudit.cloudtrail.record import storable

MOST_TEXT = 2_000
# Shorter ones would tear words apart that merely contain them.
SHORTEST_SECRET = 6


class Outcome(TextChoices):
    """Whether the other side has the message.

    ACCEPTED: it said yes. PARTLY: some recipients have it, and others may take it later. REFUSED: it said no, and may say yes
    later. REJECTED: it will never take this message. UNSENT: no byte of the message left this machine. UNKNOWN: it may have
    arrived.
    """

    ACCEPTED = "accepted", "Accepted"
    PARTLY = "partly", "Accepted for some"
    REFUSED = "refused", "Refused for now"
    REJECTED = "rejected", "Rejected"
    UNSENT = "unsent", "Not sent"
    UNKNOWN = "unknown", "Unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """`code` is the other side's ("200") or a word for why there is none ("timeout"); `text` is what it said (hostile).

    `retry_after` is how many seconds it asked to be left alone. Of a message to several recipients, `taken_by` are those who
    were taken in this try, and `not_taken_by` those who were not.
    """

    outcome: Outcome
    code: str
    text: str = ""
    retry_after: float | None = None
    taken_by: tuple[str, ...] = ()
    not_taken_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", storable(self.code, 64))
        object.__setattr__(self, "text", storable(self.text))

    def hiding(self, secrets: Iterable[str]) -> Answer:
        """The same without secrets: other sides quote what they were sent."""
        text = self.text
        for secret in sorted(set(secrets), key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "•••")
        # Cut only now: a secret across the cut would stay half readable.
        return replace(self, text=text[:MOST_TEXT])
