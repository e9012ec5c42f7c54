"""Text written by attackers, made harmless to look at: what a terminal or browser would act on becomes a visible mark."""

from itertools import chain

NAMED = {"\n": "↵", "\r": "␍", "\t": "⇥", "\x7f": "␡"}
# Unicode counts these as letters, marks or symbols, yet they show nothing (Default_Ignorable_Code_Point, and a blank).
BLANK_CODES = [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0]
BLANK_RANGES = [range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)]
BLANK = frozenset(map(chr, chain(BLANK_CODES, *BLANK_RANGES)))


def visible(text: str, *, keep_lines: bool = False) -> str:
    """The text with every control, bidi and zero-width character as a mark; with keep_lines, lines still break."""
    if text.isprintable() and (text.isascii() or BLANK.isdisjoint(text)):
        return text
    shown = "".join(map(mark, text))
    return shown.replace("↵", "↵\n") if keep_lines else shown


def shortened(text: str, length: int) -> str:
    """visible(), cut to `length` characters of the original with an ellipsis."""
    return visible(text) if len(text) <= length else f"{visible(text[: length - 1])}…"


def json_escaped(text: str) -> str:
    """JSON with every invisible character in its strings escaped, which is the same JSON; lines may break."""
    return "".join(each if each in "\n\t" or mark(each) == each else _escape(each) for each in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[start]:02x}{units[start + 1]:02x}" for start in range(0, len(units), 2))


def mark(character: str) -> str:
    """The character, or what stands for it: Python calls printable what has a glyph, and of spaces only the plain one."""
    if character in NAMED:
        return NAMED[character]
    if character < " ":
        return chr(0x2400 + ord(character))
    if character.isprintable() and character not in BLANK:
        return character
    return f"‹U+{ord(character):04X}›"
