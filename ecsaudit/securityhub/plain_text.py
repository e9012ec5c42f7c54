"""Text for Security Hub: one line of printable characters, cut where a character ends. Pure.

Security Hub counts UTF-16 units, wants at least one character that is no blank, and its own pattern (`.*\\S.*`) stops at
the end of a line.
"""

import unicodedata

ELLIPSIS = "…"
UNKNOWN = "\ufffd"


def plain(text: str) -> str:
    """One line; blanks of every kind as spaces, what can't be seen (controls, bidi marks, lone surrogates) as U+FFFD."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(map(_seen, text)).strip()


def _seen(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace() or unicodedata.category(character).startswith("Z"):
        return " "
    return UNKNOWN


def units(text: str) -> int:
    """How long Security Hub takes a text to be."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitted(text: str, longest: int) -> str:
    """plain(), cut to `longest` units with an ellipsis; neither a pair of units nor a letter and its accents are parted."""
    text = plain(text)
    if units(text) <= longest:
        return text
    end, left = 0, longest - 1
    for character in text:
        left -= units(character)
        if left < 0:
            break
        end += 1
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS
