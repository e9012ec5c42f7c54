"""Text written by attackers, made harmless to look at: what a terminal or browser would act on becomes a visible mark."""

import unicodedata

# Format characters (bidi marks, zero width), separators, surrogates, private use: no glyph, or one that lies.
HIDDEN = frozenset({"Cf", "Zl", "Zp", "Cs", "Co", "Cn", "Cc"})
NAMED = {"\n": "↵", "\r": "␍", "\t": "⇥", "\x7f": "␡"}


def visible(text: str, *, keep_lines: bool = False) -> str:
    """The text with every control, bidi and zero-width character as a mark; with keep_lines, lines still break."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(map(mark, text))
    return shown.replace("↵", "↵\n") if keep_lines else shown


def shortened(text: str, length: int) -> str:
    """visible(), cut to `length` characters of the original with an ellipsis."""
    return visible(text) if len(text) <= length else f"{visible(text[: length - 1])}…"


def mark(character: str) -> str:
    if character in NAMED:
        return NAMED[character]
    if character < " ":
        return chr(0x2400 + ord(character))
    category = unicodedata.category(character)
    if category in HIDDEN or (category == "Zs" and character != " "):
        return f"‹U+{ord(character):04X}›"
    return character
