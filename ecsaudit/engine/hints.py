"""What an author probably meant where a condition stops making sense. Each function is given the text and the place."""

from __future__ import annotations

import difflib
import re

from .words import OPERATORS

_WORD = re.compile(r"[^\s()\"']+")
_BLANKS = re.compile(r"[ \t\b\r\n]*")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")

_OPERATORS = {
    "has": "did you mean 'contains'?",
    "includes": "did you mean 'contains'?",
    "is": "did you mean '='?",
    "eq": "did you mean '='?",
    "equals": "did you mean '='?",
    "like": "use 'glob' with * and ?, or 'contains'",
    "matches": "use 'regex', which must match the whole value, or 'glob'",
    "match": "use 'regex', which must match the whole value, or 'glob'",
    "~": "use 'regex', which must match the whole value",
    "=~": "use 'regex', which must match the whole value",
    "not": "'not' stands before the field: not field in (…)",
    "ne": "did you mean '!='?",
}
_JOINING = {
    "&&": "did you mean 'and'?",
    "||": "did you mean 'or'?",
    "&": "did you mean 'and'?",
    "|": "did you mean 'or'?",
}
_KEYWORDS = ("and", "or", "not")


def for_operator(text: str, at: int) -> str:
    """Where an operator should stand."""
    word = _word(text, at)
    known = _OPERATORS.get(word.lower())
    if known:
        return known
    if word.startswith("!"):
        return "'not' stands before the field: not field contains …"
    close = difflib.get_close_matches(word[:40].lower(), OPERATORS, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def for_check(text: str, at: int) -> str:
    """Where a check or a parenthesis should begin."""
    if text.startswith("!", at):
        return "write 'not' and a blank"
    if at >= len(text.rstrip()):
        return "the condition ends too early: a check must follow"
    return "a value stands on the right side of a check" if text[at : at + 1] in "\"'0123456789" else ""


def for_rest(text: str, at: int, last: str) -> str:
    """Where the condition should go on with `and` or `or`, or end."""
    at = _after_blanks(text, at)
    word = _word(text, at)
    if word in _JOINING:
        return _JOINING[word]
    if word.lower() in _KEYWORDS and word != word.lower():
        return f"keywords are lower case: '{word.lower()}'"
    following = text[at : at + 1]
    if following == ")":
        return "this parenthesis closes nothing"
    if following == ",":
        return "several values stand in parentheses: in (a, b)"
    if following in "=!<>" or word in OPERATORS:
        return f"'{last}' is read as a macro; a field's name has a dot, as in ct.name" if following else ""
    if last in ("and", "or"):
        return "a check must follow"
    return "put a value with blanks in quotes" if re.match(r"[\w*/.-]", following) else ""


def for_value(text: str, at: int) -> str:
    """Where a value should stand."""
    quote = text[at : at + 1]
    if quote and quote in "\"'":
        escaped = text[at + 1 :].rstrip().endswith("\\" + quote)
        return "a value can't end with a backslash" if escaped else "this quote is never closed"
    if quote == "(":
        return "several values need 'in', or a modifier: = anyof (a, b)"
    return "the condition ends too early: a value must follow" if at >= len(text.rstrip()) else ""


def for_number(text: str, at: int) -> str:
    """Where a number should stand."""
    if text.startswith(">", at) and text[:at].endswith("<"):
        return "did you mean '!='?"
    return "<, <=, > and >= take a bare number; for a text use another operator"


def for_list(text: str, at: int) -> str:
    """Where a list should stand."""
    if text.startswith("[", at):
        return "write the values in round parentheses: (a, b)"
    return "write the values in parentheses: (a, b)"


def for_closing(text: str, at: int) -> str:
    """Where a parenthesis should close."""
    at = _after_blanks(text, at)
    if at < len(text):
        rest = for_rest(text, at, "")
        return (
            rest
            if rest != "put a value with blanks in quotes"
            else "separate values with commas, or put blanks in quotes"
        )
    opened = _innermost_open(text)
    return "" if opened is None else f"the parenthesis at character {opened + 1} of the condition is never closed"


def _innermost_open(text: str) -> int | None:
    bare = _QUOTED.sub(lambda match: "x" * len(match.group()), text)
    opened: list[int] = []
    for at, character in enumerate(bare):
        if character == "(":
            opened.append(at)
        elif character == ")" and opened:
            opened.pop()
    return opened[-1] if opened else None


def _word(text: str, at: int) -> str:
    match = _WORD.match(text, at)
    return match.group() if match else ""


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at
