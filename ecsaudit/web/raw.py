"""A record's text for the screen: as it came, and laid out where it is JSON."""

import json
from dataclasses import dataclass

from ecsaudit.visible import visible

# A page shows this much of one record; the whole text is in the database.
LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Raw:
    """`text` is safe to look at and cut to LONGEST; `length` counts the characters of the original."""

    text: str
    length: int

    @property
    def is_cut(self) -> bool:
        return self.length > LONGEST

    @classmethod
    def of(cls, original: str) -> "Raw":
        try:
            laid_out = json.dumps(json.loads(original), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            laid_out = original
        return cls("\n".join(visible(line) for line in laid_out[:LONGEST].split("\n")), len(original))
