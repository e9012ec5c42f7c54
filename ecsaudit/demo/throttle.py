"""The rate limit of LookupEvents: so many requests a second for each account and Region."""

import threading
from collections.abc import Callable


class Throttle:
    """A token bucket per key. `requests_per_second=None` lets everything through. Safe for threads.

    `monotonic` gives seconds that never go back.
    """

    def __init__(self, requests_per_second: float | None, burst: int, monotonic: Callable[[], float]) -> None:
        if requests_per_second is not None and requests_per_second <= 0:
            raise ValueError(f"requests_per_second is {requests_per_second}; it must be above 0, or None for no limit")
        self._rate = requests_per_second
        self._burst = burst
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def admits(self, key: tuple[str, str]) -> bool:
        """Take one token of the key's bucket; False when it is empty."""
        if self._rate is None:
            return True
        with self._lock:
            now = self._monotonic()
            tokens, filled_at = self._buckets.get(key, (float(self._burst), now))
            tokens = min(float(self._burst), tokens + (now - filled_at) * self._rate)
            admitted = tokens >= 1
            self._buckets[key] = (tokens - 1 if admitted else tokens, now)
        return admitted
