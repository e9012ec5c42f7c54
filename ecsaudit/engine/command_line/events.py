"""CloudTrail records out of files, as the text that stands there.

A file holds one record a line, a trail's `{"Records": […]}`, a JSON array, or what `aws cloudtrail lookup-events` prints
(`{"Events": [{"CloudTrailEvent": "…"}]}`); gzipped or not. Lines are read one by one; any other form is read whole.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

_SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".log")
_GZIP = b"\x1f\x8b"
_MEMBERS = ("Records", "Events")
_WRAPPED = "CloudTrailEvent"
_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")

Moved = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A record's text, or what is wrong in its place; `place` is file:line or file, record n."""

    place: str
    text: bytes = b""
    problem: str = ""


def files(names: Sequence[str]) -> list[str]:
    """The files themselves, and those of folders with a name like a trail's; `-` is standard input."""
    found: list[str] = []
    for name in names or ["-"]:
        path = Path(name)
        if path.is_dir():
            found += sorted(str(one) for one in path.rglob("*") if one.is_file() and one.name.endswith(_SUFFIXES))
        else:
            found.append(name)
    return found


def records(name: str, moved: Moved) -> Iterator[Found]:
    """The records of a file. `moved` is told how many bytes of it were read so far."""
    try:
        if name == "-":
            yield from _of_stream(name, sys.stdin.buffer, moved)
            return
        with Path(name).open("rb") as file:
            yield from _of_stream(name, file, lambda read: moved(file.tell()))
    except (OSError, EOFError) as error:
        yield Found(name, problem=f"can't be read: {error}")


def _of_stream(name: str, file: IO[bytes], moved: Moved) -> Iterator[Found]:
    start = file.peek(2)[:2] if hasattr(file, "peek") else b""
    stream: IO[bytes] = gzip.GzipFile(fileobj=file) if start == _GZIP else file  # type: ignore[assignment]
    first = b""
    read = lines = 0
    while not first.strip():
        first = stream.readline()
        lines += 1
        if not first:
            return
    if not _is_line_of_its_own(first):
        yield from _of_document(name, first + stream.read())
        return
    line = first
    while line:
        read += len(line)
        if line.strip():
            yield _unwrapped(f"{name}:{lines}", line.strip())
        moved(read)
        line = stream.readline()
        lines += 1


def _is_line_of_its_own(line: bytes) -> bool:
    """Whether a file's first line shows that there is one record a line."""
    if line.lstrip()[:1] == b"[":
        return False
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        # The beginning of a document on several lines, unless it can't be one.
        return line.strip() not in (b"{", b"") and not line.rstrip().endswith((b"{", b"[", b","))
    return not (isinstance(value, dict) and any(isinstance(value.get(key), list) for key in _MEMBERS))


def _of_document(name: str, data: bytes) -> Iterator[Found]:
    text = data.decode("utf-8", "replace")
    number = 0
    try:
        for element in _elements(text):
            number += 1
            yield _unwrapped(f"{name}, record {number}", element.encode())
    except (ValueError, RecursionError) as error:
        yield Found(name, problem=f"not JSON after {number} records: {error}")


def _elements(text: str) -> Iterator[str]:
    """The source texts of the array's elements, or of the one record that the document is."""
    at = _skip(text, 0)
    if text[at : at + 1] == "{":
        found = _member_array(text, at)
        if found is None:
            _, end = _DECODER.raw_decode(text, at)
            yield text[at:end]
            return
        at = found
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield text[at:end]
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError(f"expected ',' or ']' at character {at}")


def _member_array(text: str, at: int) -> int | None:
    """Where the array of records begins in an object; None if there is none."""
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError(f"expected ':' at character {at}")
        at = _skip(text, at + 1)
        if key in _MEMBERS and text[at : at + 1] == "[":
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return None


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def _unwrapped(place: str, text: bytes) -> Found:
    """The record itself, also out of LookupEvents' wrapping."""
    try:
        value: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # Falco's reader takes a few things that orjson doesn't: the engine has the last word.
        return Found(place, text) if text[:1] == b"{" else Found(place, problem=f"not a JSON object: {error}")
    if not isinstance(value, dict):
        return Found(place, problem="not a JSON object")
    wrapped = value.get(_WRAPPED)
    return Found(place, wrapped.encode() if isinstance(wrapped, str) and "eventName" not in value else text)
