"""The text of one item, as its page takes it.

TextRefused             it isn't what was asked for; says what, where and what to do
"""

from __future__ import annotations

from unicodedata import category

from ecsaudit import engine

# Of one item; a list of 50,000 addresses fits.
LONGEST_TEXT = 1_000_000
LONGEST_NAME = 256
BAD_NAME = f"a name must have 1 to {LONGEST_NAME} characters, and no line breaks or other control characters"


class TextRefused(ValueError):
    """A text that isn't a rule file, or not of the item that it should be. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(message, line, column, hint)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"line {self.line}, column {self.column}: {self.message}{hint}"


def items_of(text: str) -> list[engine.ItemText]:
    """The items of a rule file in order; TextRefused where it is none."""
    try:
        return engine.item_texts(text)
    except engine.ReadingError as error:
        raise TextRefused(error.message, error.line, error.column, error.hint) from error


def is_name(name: str) -> bool:
    """Whether an item may be kept under a name: every database and browser must give it back as it is."""
    return 0 < len(name) <= LONGEST_NAME and not any(category(each) in ("Cc", "Cs") for each in name)


def refuse_name(name: str, line: int) -> None:
    if not is_name(name):
        raise TextRefused(BAD_NAME, line, hint=f"this one has {len(name):,}" if len(name) > LONGEST_NAME else "")


def name_in(kind: str, text: str) -> str:
    """The name of the item that a text is of; TextRefused where the first is none of this kind."""
    items = items_of(text[: LONGEST_TEXT + 1])
    if not items or items[0].kind != kind or not items[0].name:
        raise TextRefused(f"there is no {kind} here", hint=f"begin with '- {kind}: name'")
    refuse_name(items[0].name, items[0].line)
    return items[0].name


def text_for(kind: str, name: str, text: str) -> str:
    """The text, if it is nothing but items of this kind and name; TextRefused says what else is in it."""
    if len(text) > LONGEST_TEXT:
        hint = "split it, or put it into a file of the rules folder"
        raise TextRefused(f"the text has {len(text):,} characters; one item may have {LONGEST_TEXT:,}", hint=hint)
    items = items_of(text)
    if not items:
        raise TextRefused("there is nothing here", hint=f"write '- {kind}: {name}' and what belongs to it")
    for item in items:
        if (item.kind, item.name) != (kind, name):
            other = f"the {item.kind} “{item.name}”" if item.kind else "something else"
            raise TextRefused(f"this is the page of the {kind} “{name}”, but here is {other}", item.line)
    refuse_name(name, items[0].line)
    return text.strip("\n") + "\n"
