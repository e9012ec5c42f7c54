"""The requests that AWS allows: 10 a second with a burst for imports and updates, 3 a second for GetFindings. Pure.

All three draw on one bucket, so that ecsaudit stays below each limit and leaves some to others.
"""

from dataclasses import dataclass
from datetime import datetime

PER_SECOND = 10.0
BURST = 20.0
IMPORT = UPDATE = 1.0
# 2.5 a second, 5 at once; AWS allows 3 and 6.
GET = 4.0


@dataclass(slots=True)
class Bucket:
    """`tokens` at the time `at`; they refill up to BURST."""

    tokens: float
    at: datetime

    def refill(self, now: datetime) -> None:
        seconds = max((now - self.at).total_seconds(), 0.0)
        self.tokens, self.at = min(self.tokens + seconds * PER_SECOND, BURST), max(now, self.at)

    def wait(self, cost: float) -> float:
        """Seconds until `cost` tokens are there."""
        return max(cost - self.tokens, 0.0) / PER_SECOND
