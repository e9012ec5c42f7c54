"""The items of a rules file as values: what was written, checked for shape, before it meets other items."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from .problems import Context
from .reader import Scalar
from .source_text import SourceText


class Priority(IntEnum):
    """Falco's priorities; the smaller, the more urgent."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    @property
    def word(self) -> str:
        """As alerts print it: "Warning"."""
        return self.name.capitalize()

    @classmethod
    def from_text(cls, text: str) -> Priority | None:
        """By the full word in any case, or `info`."""
        word = text.upper()
        return cls.INFORMATIONAL if word == "INFO" else cls.__members__.get(word)


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of an exception: a scalar or a list of entries. Neither: it is absent."""

    scalar: Scalar | None = None
    entries: tuple[Entry, ...] | None = None

    @property
    def is_list(self) -> bool:
        return self.entries is not None

    @property
    def is_present(self) -> bool:
        return self.scalar is not None or self.entries is not None


@dataclass(slots=True)
class ExceptionItem:
    """An exception of a rule; `comparisons` are the trimmed texts of `comps` once validated."""

    name: str
    fields: Entry
    comps: Entry
    values: list[Entry]
    has_values: bool
    context: Context
    comparisons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ListItem:
    name: str
    items: list[Scalar]
    context: Context
    index: int = 0
    visibility: int = 0
    used: bool = False


@dataclass(slots=True)
class MacroItem:
    name: str
    condition: SourceText
    context: Context
    index: int = 0
    visibility: int = 0
    used: bool = False


@dataclass(slots=True)
class RuleItem:
    """A rule with all that appends and overrides did to it."""

    name: str
    context: Context
    source: str
    condition: SourceText
    output: SourceText
    description: str
    priority: Priority
    tags: list[str] = field(default_factory=list)
    exceptions: list[ExceptionItem] = field(default_factory=list)
    enabled: bool = True
    capture: bool = False
    capture_duration: int = 0
    warn_evttypes: bool = True
    skip_if_unknown_filter: bool = False
    unknown_source: bool = False
    has_exceptions: bool = False
    index: int = 0
    visibility: int = 0


@dataclass(slots=True)
class RuleChange:
    """The part of a rule item that appends to or replaces parts of an earlier rule; None where nothing is said."""

    name: str
    context: Context
    source: str | None = None
    condition: SourceText | None = None
    output: SourceText | None = None
    description: str | None = None
    priority: Priority | None = None
    tags: list[str] | None = None
    exceptions: list[ExceptionItem] | None = None
    enabled: bool | None = None
    capture: bool | None = None
    capture_duration: int | None = None
    warn_evttypes: bool | None = None
    skip_if_unknown_filter: bool | None = None
