"""The overview's first lines: sentences whose numbers are links to what they count. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

# What a finding's priority comes to in one word each: the words and Falco's numbers.
PRIORITY_GROUPS = (("Error or worse", (0, 1, 2, 3)), ("Warning", (4,)), ("Notice or lower", (5, 6, 7)))


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence; a link where it has an address."""

    text: str
    address: str = ""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 session`, `1,234 sessions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sessions_sentence(
    *, total: int, denied: int, around: int, people: int, clusters: int, days: int, address: str
) -> list[Part]:
    """`address` is the list of all these sessions, with a query string."""
    if not total:
        return [Part(f"No exec session in the last {days} days.")]
    return [
        Part(counted(total, "exec session"), address),
        Part(" by "),
        Part(counted(people, "person", "people"), "#people"),
        Part(" in "),
        Part(counted(clusters, "cluster"), "#clusters"),
        Part(f" in the last {days} days: "),
        Part(f"{denied:,} denied", f"{address}&kind=exec&outcome=denied"),
        Part(", "),
        Part(f"{around:,} opened around ECS Exec", f"{address}&kind=around"),
        Part("."),
    ]


def findings_sentence(*, total: int, groups: Sequence[int], limit: int, address: str) -> list[Part]:
    """`groups` counts the findings of each of PRIORITY_GROUPS, as far as `limit` + 1."""
    if not total:
        return [Part("No finding.")]
    parts = [Part(counted(total, "finding"), address)]
    for index, ((words, numbers), count) in enumerate(zip(PRIORITY_GROUPS, groups, strict=True)):
        parts.append(Part(", " if index else ": "))
        shown = f"{limit:,}+" if count > limit else f"{count:,}" if count else "none"
        chosen = "".join(f"&priority={number}" for number in numbers)
        parts.append(Part(f"{shown} {words}", f"{address}{chosen}" if count else ""))
    return [*parts, Part(".")]
