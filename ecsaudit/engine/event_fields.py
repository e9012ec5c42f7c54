"""The evt.* fields, which any source has. Times are UTC (Falco prints evt.time in the zone of its machine)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime

from .cloudtrail_fields import info, region, short_source, text_at, user
from .record import Record

_SECOND = 1_000_000_000
_LAST_SECOND = 253_402_300_799  # the end of the year 9999, where datetime ends

_read_name = text_at("eventName")
_read_user_type = text_at("userIdentity", "type")
_TYPES_WITH_A_NAME = ("Root", "IAMUser", "AWSService", "AssumedRole", "AWSAccount", "FederatedUser")


def number(record: Record) -> int:
    return record.number


def is_async(record: Record) -> bool:
    return False


def raw_time_text(record: Record) -> str | None:
    time = record.time_ns()
    return None if time is None else str(time)


def raw_time(record: Record) -> int | None:
    return record.time_ns()


def raw_time_seconds(record: Record) -> int | None:
    time = record.time_ns()
    return None if time is None else time // _SECOND


def raw_time_nanoseconds(record: Record) -> int | None:
    """The part below a second."""
    time = record.time_ns()
    return None if time is None else time % _SECOND


def plugin_info(record: Record) -> str | None:
    place, source, name = region(record), short_source(record), _read_name(record)
    if place is None or source is None or name is None:
        return None
    who = user(record)
    if who is not None:
        place += f" {who}"
    else:
        place += "<NA>" if _read_user_type(record) in _TYPES_WITH_A_NAME else "<unknown user type>"
    return f"{place} {source} {name} {info(record)}"


def _formatted(pattern: str, *, fraction: bool, zone: str = "") -> Callable[[Record], str | None]:
    def read(record: Record) -> str | None:
        time = record.time_ns()
        if time is None or not 0 <= time // _SECOND <= _LAST_SECOND:
            return None
        text = datetime.fromtimestamp(time // _SECOND, UTC).strftime(pattern)
        return f"{text}.{time % _SECOND:09d}{zone}" if fraction else text + zone

    return read


def _hostname(record: Record) -> str:
    return socket.gethostname()


def _missing(record: Record) -> None:
    return None


TEXT_FIELDS = (
    ("evt.time", "The time of the event, with nanoseconds", _formatted("%H:%M:%S", fraction=True)),
    ("evt.time.s", "The time of the event, without fractions", _formatted("%H:%M:%S", fraction=False)),
    (
        "evt.time.iso8601",
        "The time of the event in ISO 8601 form",
        _formatted("%Y-%m-%dT%H:%M:%S", fraction=True, zone="+0000"),
    ),
    ("evt.datetime", "Date and time of the event", _formatted("%Y-%m-%d %H:%M:%S", fraction=True)),
    ("evt.datetime.s", "Date and time, without fractions", _formatted("%Y-%m-%d %H:%M:%S", fraction=False)),
    ("evt.pluginname", "The name of the event's plugin: cloudtrail", lambda record: "cloudtrail"),
    ("evt.plugininfo", "The event in one line", plugin_info),
    ("evt.source", "The source of the event, such as aws_cloudtrail", lambda record: record.source),
    ("evt.hostname", "The machine that judges", _hostname),
    ("evt.asynctype", "Always missing for CloudTrail", _missing),
)

TIME_FIELDS = (
    ("evt.rawtime", "The time of the event in nanoseconds since 1970", raw_time),
    ("evt.rawtime.s", "The seconds of evt.rawtime", raw_time_seconds),
    ("evt.rawtime.ns", "The part of evt.rawtime below a second", raw_time_nanoseconds),
)
