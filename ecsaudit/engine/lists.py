"""Lists: their names are replaced in the text of a condition, wherever they stand between delimiters, as Falco does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from .exceptions import quoted
from .items import ListItem
from .problems import Context, ItemError, ProblemLog
from .reader import Scalar
from .source_text import SourceText

MAX_EXPANDED = 5_000_000
MAX_TOGETHER = 50_000_000
MAX_ITEMS = 300_000

_DELIMITERS = frozenset(" \t\n\r(),=")
_TOKEN = re.compile(r"[^ \t\n\r(),=]+")
_BLANKS = " \t\n\r"
_CONDITION = "LOAD_ERR_COMPILE_CONDITION"


class Lists:
    """The lists of a load, with their items' own lists replaced."""

    def __init__(self, lists: Mapping[str, ListItem], log: ProblemLog) -> None:
        self.log = log
        self.lists = lists
        self.items: dict[str, list[Scalar]] = {}
        for name, item in lists.items():
            self.items[name] = self._items(item, (name,))
        self.inner: dict[str, set[str]] = {}
        self.texts = self._texts()
        # A name with a delimiter in it is no token, but Falco replaces it all the same.
        self.odd_names = [name for name in lists if not _DELIMITERS.isdisjoint(name)]

    def _items(self, item: ListItem, path: tuple[str, ...]) -> list[Scalar]:
        """The items, with a list's name replaced by that list's items at any depth (Falco stops at one level)."""
        result: list[Scalar] = []
        for scalar in item.items:
            inner = self.lists.get(scalar.text)
            if inner is None or inner.index >= item.visibility or inner.name in path or len(path) > 20:
                result.append(scalar)
                continue
            inner.used = True
            known = self.items.get(inner.name)
            result.extend(self._items(inner, (*path, inner.name)) if known is None else known)
            if len(result) > MAX_ITEMS:
                raise ItemError("LOAD_ERR_VALIDATE", "the list is too long after its lists were replaced", item.context)
        return result

    def named_in(self, name: str) -> tuple[str, ...]:
        """The lists that the author named among a list's items, each once."""
        texts = [scalar.text for scalar in self.lists[name].items]
        names = [text for text in texts if text in self.lists]
        names += [other for text in texts for _, other in self._names(text)]
        return tuple(dict.fromkeys(other for other in names if other != name))

    def _texts(self) -> dict[str, str | None]:
        """What stands in a condition in place of each list's name; None if it is too long.

        In an item, the name of a list that is defined later is replaced, too: so the last list comes first.
        """
        texts: dict[str, str | None] = {}
        length = 0
        for name in reversed(list(self.lists)):
            text = ", ".join(quoted(scalar).text for scalar in self.items[name])
            # An empty first item leaves its comma behind, which Falco drops.
            text = text.removeprefix(", ")
            later = [(at, other) for at, other in self._names(text) if other in texts]
            self.inner[name] = {other for _, other in later}
            texts[name] = None if length > MAX_TOGETHER else _with_later_lists(text, later, texts)
            length += len(texts[name] or "")
        return texts

    def _use(self, name: str, context: Context) -> str:
        """The text in place of a name in a condition. ItemError if it is too long."""
        waiting = [name]
        while waiting:
            item = self.lists[waiting.pop()]
            if not item.used:
                waiting += self.inner[item.name]
            item.used = True
        text = self.texts[name]
        if text is None:
            raise ItemError(_CONDITION, f"the list '{name}' is too long after its lists were replaced", context)
        return text

    def _names(self, text: str) -> Iterator[tuple[int, str]]:
        """The lists' names in a text that stand between delimiters, with their places."""
        for match in _TOKEN.finditer(text):
            if match.group() in self.lists:
                yield match.start(), match.group()

    def replace_names(self, condition: SourceText, context: Context) -> SourceText:
        """The condition with each list's name replaced, wherever it stands between delimiters."""
        for name in self.odd_names:
            if name in condition.text:
                condition = self._replace(condition, [(at, name) for at in _occurrences(condition.text, name)], context)
        return self._replace(condition, self._names(condition.text), context)

    def _replace(self, condition: SourceText, names: Iterable[tuple[int, str]], context: Context) -> SourceText:
        text = condition.text
        pieces: list[SourceText] = []
        done, length = 0, len(text)
        places = _Places(text)
        for at, name in names:
            self._warn(condition, at, name, context, places)
            start, stop, between = _widened(text, at, at + len(name), self._use(name, context))
            start = max(start, done)
            pieces += [condition.slice(done, start), condition.standing_at(at, between, name)]
            done = stop
            length += len(between)
            if length > MAX_EXPANDED:
                raise ItemError(_CONDITION, "the condition is too long after its lists were replaced", context)
        return SourceText.join((*pieces, condition.slice(done, len(text)))) if pieces else condition

    def _warn(self, condition: SourceText, at: int, name: str, context: Context, places: _Places) -> None:
        kind = places.kind(at)
        if kind is None or kind in places.told:
            return
        places.told.add(kind)
        place = context.at(*condition.locate(at))
        if kind == "ECSAUDIT_LIST_IN_QUOTES":
            self.log.warn(kind, f"list '{name}' is replaced inside quotes", place, "rename the list")
            return
        message = f"the value '{name}' is the name of a list and is replaced by its items"
        self.log.warn(kind, message, place, f'quote the value, "{name}", or write in ({name})')


class _Places:
    """Whether names in a text stand where a list is meant; asked from left to right. `told` are the warnings given."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.quote = ""
        self.told: set[str] = set()

    def kind(self, at: int) -> str | None:
        """The code of the warning that a name at this place deserves."""
        for index in range(self.at, at):
            character = self.text[index]
            if self.quote:
                if character == self.quote and self.text[index - 1] != "\\":
                    self.quote = ""
            elif character in "\"'":
                self.quote = character
        self.at = at
        if self.quote:
            return "ECSAUDIT_LIST_IN_QUOTES"
        before = _start_of_blanks(self.text, at)
        return None if self.text[max(before - 1, 0) : before] in ("(", ",") else "ECSAUDIT_LIST_AS_VALUE"


def _with_later_lists(text: str, names: Iterable[tuple[int, str]], texts: Mapping[str, str | None]) -> str | None:
    pieces: list[str] = []
    done, length = 0, len(text)
    for at, name in names:
        replacement = texts[name]
        length += len(replacement or "")
        if replacement is None or length > MAX_EXPANDED:
            return None
        start, stop, between = _widened(text, at, at + len(name), replacement)
        pieces += [text[done : max(start, done)], between]
        done = stop
    return "".join((*pieces, text[done:]))


def _occurrences(text: str, name: str) -> Iterator[int]:
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if (at == 0 or text[at - 1] in _DELIMITERS) and (end == len(text) or text[end] in _DELIMITERS):
            yield at
            at = text.find(name, end)
        else:
            at = text.find(name, at + 1)


def _start_of_blanks(text: str, at: int) -> int:
    while at and text[at - 1] in _BLANKS:
        at -= 1
    return at


def _widened(text: str, at: int, end: int, replacement: str) -> tuple[int, int, str]:
    """Take in the white space around the name (one blank goes back), and for an empty list one comma."""
    start, stop = _start_of_blanks(text, at), end
    while stop < len(text) and text[stop] in _BLANKS:
        stop += 1
    if not replacement:
        if text[stop : stop + 1] == ",":
            stop += 1
        elif text[max(start - 1, 0) : start] == ",":
            start -= 1
    before = " " if start < at and text[start] != "," else ""
    after = " " if stop > end and text[stop - 1] != "," else ""
    return start, stop, before + replacement + after
