"""A line on a terminal that tells how far the work is."""

from __future__ import annotations

import time
from typing import TextIO

_WIDTH = 30
_PAUSE = 0.1  # seconds between two drawings


class Progress:
    """Draws itself over and over on one line; on anything but a terminal it stays silent."""

    def __init__(self, total: int, out: TextIO) -> None:
        self.total = total
        self.out = out
        self.shown = out.isatty()
        self.start = time.monotonic()
        self.next = self.start
        self.finished = 0
        self.read = 0

    def moved(self, read: int) -> None:
        """So many bytes of the present file were read."""
        self.read = read

    def file_done(self, size: int) -> None:
        self.finished += size
        self.read = 0

    def draw(self, records: int) -> None:
        now = time.monotonic()
        if not self.shown or now < self.next:
            return
        self.next = now + _PAUSE
        rate = records / max(now - self.start, 0.001)
        bar = ""
        if self.total:
            part = min((self.finished + self.read) / self.total, 1.0)
            bar = f"[{'#' * round(part * _WIDTH):<{_WIDTH}}] {part:>4.0%}  "
        self.out.write(f"\r{bar}{records:,} records, {rate:,.0f}/s\x1b[K")
        self.out.flush()

    def clear(self) -> None:
        if self.shown:
            self.out.write("\r\x1b[K")
            self.out.flush()
