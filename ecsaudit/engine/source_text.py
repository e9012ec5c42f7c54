"""Text that knows where in the author's files each of its characters was written.

A condition is put together from YAML scalars (folded, quoted, appended, with list names replaced by their items), and
an error in it must point into the file. `SourceText` keeps segments; the alignment of a scalar's value with what
stands in the file is worked out only when somebody asks for a place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from .reader import Scalar, Source

_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` on the text is `scalar`'s value from `at` on; if `fixed`, all of it stands for that one place.

    `list_name` is the list whose items these are, if the author wrote its name.
    """

    start: int
    scalar: Scalar
    at: int
    fixed: bool = False
    list_name: str = ""


@dataclass(frozen=True, slots=True)
class SourceText:
    text: str
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, scalar: Scalar) -> SourceText:
        return cls(scalar.text, (Segment(0, scalar, 0),))

    @classmethod
    def made(cls, text: str, scalar: Scalar) -> SourceText:
        """Text that stands in no file, on behalf of a scalar."""
        return cls(text, (Segment(0, scalar, 0, fixed=True),))

    @classmethod
    def join(cls, pieces: Iterable[SourceText]) -> SourceText:
        texts: list[str] = []
        segments: list[Segment] = []
        length = 0
        for piece in pieces:
            for part in piece.segments:
                segments.append(Segment(part.start + length, part.scalar, part.at, part.fixed, part.list_name))
            texts.append(piece.text)
            length += len(piece.text)
        return cls("".join(texts), tuple(segments))

    def __add__(self, other: SourceText) -> SourceText:
        return SourceText.join((self, other))

    def slice(self, start: int, end: int) -> SourceText:
        first = max(self._segment_index(start), 0)
        kept: list[Segment] = []
        for segment in self.segments[first:]:
            if segment.start >= end and kept:
                break
            inside = max(start - segment.start, 0)
            moved = segment.at if segment.fixed else segment.at + inside
            kept.append(Segment(max(segment.start - start, 0), segment.scalar, moved, segment.fixed, segment.list_name))
        return SourceText(self.text[start:end], tuple(kept))

    def stripped(self) -> SourceText:
        text = self.text
        start = len(text) - len(text.lstrip(" \t\n\r\v\f"))
        return self.slice(start, max(len(text.rstrip(" \t\n\r\v\f")), start))

    def standing_at(self, index: int, text: str, list_name: str = "") -> SourceText:
        """Another text on behalf of the place of a character; `list_name` if it is the items of a list."""
        segment = self.segments[self._segment_index(index)]
        at = segment.at if segment.fixed else segment.at + index - segment.start
        return SourceText(text, (Segment(0, segment.scalar, at, fixed=True, list_name=list_name),))

    def lists_between(self, start: int, end: int) -> tuple[str, ...]:
        """The lists whose items stand in a part of the text, in order."""
        first = max(self._segment_index(start), 0)
        names: dict[str, None] = {}
        for segment in self.segments[first:]:
            if segment.start >= end:
                break
            if segment.list_name:
                names[segment.list_name] = None
        return tuple(names)

    def replaced(self, start: int, end: int, text: str) -> SourceText:
        """With another text in place of a part; the new text stands where the part stood."""
        return SourceText.join((self.slice(0, start), self.standing_at(start, text), self.slice(end, len(self.text))))

    def locate(self, index: int) -> tuple[Source, int]:
        """The file and the offset in it of a character."""
        segment = self.segments[self._segment_index(index)]
        at = segment.at if segment.fixed else segment.at + index - segment.start
        return segment.scalar.source, file_offset(segment.scalar, at)

    def _segment_index(self, index: int) -> int:
        return max(bisect_right(self.segments, index, key=lambda segment: segment.start) - 1, 0)


def file_offset(scalar: Scalar, index: int) -> int:
    """Where in the file the character `index` of a scalar's value was written."""
    raw = scalar.source.text[scalar.start : scalar.end]
    value = scalar.text
    at = _body_start(raw, scalar.style)
    place = at
    for character in value[: index + 1]:
        at = _skip_to(raw, at, character, scalar.style)
        place = at
        at += _width(raw, at, character, scalar.style)
    if index >= len(value):
        place = at
    return scalar.start + min(place, len(raw))


def _body_start(raw: str, style: str) -> int:
    if style in ("'", '"'):
        return 1
    if style in ("|", ">"):
        end = raw.find("\n")
        return end + 1 if end >= 0 else len(raw)
    return 0


def _skip_to(raw: str, at: int, character: str, style: str) -> int:
    """The place of the next character of the value: past the white space that YAML dropped or changed."""
    if character in " \t\n":
        return at
    while at < len(raw) and raw[at] in " \t\r\n":
        at += 1
    while style == '"' and raw.startswith("\\\n", at):
        at += 2
        while at < len(raw) and raw[at] in " \t":
            at += 1
    return at


def _width(raw: str, at: int, character: str, style: str) -> int:
    """How many characters of the file make one character of the value."""
    if style == '"' and raw[at : at + 1] == "\\":
        return _ESCAPE_LENGTHS.get(raw[at + 1 : at + 2], 2)
    if style == "'" and character == "'":
        return 2
    if character in " \n" and raw[at : at + 1] not in (" ", "\t", "\r", "\n"):
        return 0
    if character in " \n" and raw[at : at + 1] in ("\r", "\n"):
        # A folded line break and the indentation after it are one blank of the value.
        end = at
        while end < len(raw) and raw[end] in " \t\r\n":
            end += 1
        return end - at
    return 1
