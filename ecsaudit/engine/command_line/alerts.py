"""Matches as Falco's alerts."""

from __future__ import annotations

import json
from typing import Any

from ..extraction import extract
from ..rules import Match


def as_text(match: Match, record: bytes, *, iso: bool) -> str:
    """`TIME: Priority MESSAGE`."""
    time = extract("evt.time.iso8601" if iso else "evt.time", record)
    return f"{time or '<NA>'}: {match.priority} {match.output}"


def as_json(match: Match, record: bytes, *, iso: bool) -> str:
    """One line with Falco's keys in alphabetical order; times in `output_fields` are nanoseconds since 1970."""
    time_field = "evt.time.iso8601" if iso else "evt.time"
    nanoseconds = extract("evt.rawtime", record)
    fields: dict[str, Any] = dict(match.output_fields) | {time_field: nanoseconds}
    written = extract("evt.time.iso8601", record)
    alert = {
        "hostname": extract("evt.hostname", record),
        "output": as_text(match, record, iso=iso),
        "output_fields": fields,
        "priority": match.priority,
        "rule": match.rule,
        "source": match.source,
        "tags": sorted(match.tags),
        "time": None if written is None else written.removesuffix("+0000") + "Z",
    }
    return json.dumps(alert, ensure_ascii=True, sort_keys=True)
