"""Patterns: RE2 in its POSIX dialect, C fnmatch globs, and path prefixes. All run in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import re2

from .errors import ConditionError

# Limits on the length of a pattern: they bound the work of compiling it, and for globs of matching long values.
MAX_REGEX = 10_000
MAX_GLOB = 1_000

_CLASS_NAMES = (
    "alpha",
    "digit",
    "alnum",
    "upper",
    "lower",
    "space",
    "blank",
    "punct",
    "print",
    "graph",
    "cntrl",
    "xdigit",
)
_CLASS = re.compile(r"\[:([a-z]*):\]")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ASCII_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}

TextTest = Callable[[str], bool]


def ascii_lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def ascii_upper(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_ASCII_UPPER)


def _options(*, latin: bool) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    if latin:
        options.encoding = re2.Options.Encoding.LATIN1
        options.dot_nl = True
    else:
        options.posix_syntax = True
        options.longest_match = True
    return options


def regex_test(pattern: str) -> TextTest:
    """Whether a text matches the whole pattern; ConditionError if RE2 refuses the pattern."""
    _check_length(pattern, MAX_REGEX)
    try:
        compiled = re2.compile(_encodable(pattern), _options(latin=False))
    except re2.error as error:
        raise ConditionError(f"invalid regex pattern: {_reason(error)}", hint=_regex_hint(pattern)) from error
    return lambda text: compiled.fullmatch(text) is not None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _regex_hint(pattern: str) -> str:
    if re.search(r"\\[dwsb]", pattern):
        return "RE2 in POSIX mode has [[:digit:]], [[:alnum:]], [[:space:]] in place of \\d, \\w, \\s"
    return "case can't be ignored in a pattern; compare tolower(field)" if "(?i)" in pattern else ""


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _check_length(pattern: str, limit: int) -> None:
    if len(pattern) > limit:
        raise ConditionError(f"pattern of {len(pattern)} characters; at most {limit} are allowed")


def glob_test(pattern: str, *, ignore_case: bool = False) -> TextTest:
    """Whether a text matches the whole glob, byte by byte as fnmatch does in the C locale."""
    _check_length(pattern, MAX_GLOB)
    if ignore_case:
        inner = glob_test(ascii_lower(pattern))
        return lambda text: inner(ascii_lower(text))
    source = "".join(_glob_pieces(pattern.encode("utf-8", "replace").decode("latin-1")))
    try:
        compiled = re2.compile(source.encode("latin-1"), _options(latin=True))
    except re2.error as error:
        raise ConditionError(f"the glob is too large: {_reason(error)}") from error
    return lambda text: compiled.fullmatch(text.encode("utf-8", "replace")) is not None


def _glob_pieces(pattern: str) -> Iterable[str]:
    i = 0
    while i < len(pattern):
        character = pattern[i]
        i += 1
        if character == "*":
            # A run of stars is one star: fewer states for the same meaning.
            while pattern[i : i + 1] == "*":
                i += 1
            yield ".*"
        elif character == "?":
            yield "."
        elif character == "[":
            end, bracket = _bracket(pattern, i)
            yield bracket if bracket else "\\["
            i = end if bracket else i
        elif character == "\\":
            if i == len(pattern):
                yield _NEVER  # fnmatch fails on a backslash at the end
                return
            yield re.escape(pattern[i])
            i += 1
        else:
            yield re.escape(character)


_NEVER = "[^\\x00-\\xff]"


def _bracket(pattern: str, start: int) -> tuple[int, str]:
    """The bracket expression that begins before `start`: where it ends, and RE2's form; "" if it never closes."""
    i = start
    negated = pattern[i : i + 1] in ("!", "^")
    i += negated
    members: list[str] = []
    first = True
    while i < len(pattern):
        if pattern[i] == "]" and not first:
            inside = "".join(members)
            if _NEVER in members:
                # fnmatch gives up at an unknown class; what stands before it could match.
                inside = "" if negated else "".join(members[: members.index(_NEVER)])
                return i + 1, f"[{inside}]" if inside else _NEVER
            if not inside:
                return i + 1, "." if negated else _NEVER
            return i + 1, f"[{'^' if negated else ''}{inside}]"
        first = False
        i, member = _member(pattern, i)
        if member is None:
            return i, ""
        members.append(member)
    return i, ""


def _member(pattern: str, i: int) -> tuple[int, str | None]:
    """One member of a bracket expression: a class, a character or a range."""
    named = _CLASS.match(pattern, i)
    if named is not None:
        return named.end(), f"[:{named[1]}:]" if named[1] in _CLASS_NAMES else _NEVER
    low, i = _bracket_character(pattern, i)
    if low is None:
        return i, None
    if pattern[i : i + 1] == "-" and pattern[i + 1 : i + 2] not in ("", "]"):
        high, end = _bracket_character(pattern, i + 1)
        if high is None:
            return end, None
        if low > high:
            return end, ""
        return end, f"{_hex(low)}-{_hex(high)}"
    return i, _hex(low)


def _bracket_character(pattern: str, i: int) -> tuple[str | None, int]:
    if pattern[i] == "\\":
        i += 1
        if i == len(pattern):
            return None, i
    return pattern[i], i + 1


def _hex(character: str) -> str:
    return f"\\x{ord(character):02x}"


def path_prefix_test(patterns: Iterable[str]) -> TextTest:
    """pmatch: whether some pattern's parts all match the first parts of the path."""
    compiled = [[_path_part(part) for part in _parts(pattern)] for pattern in patterns]

    def test(text: str) -> bool:
        parts = _parts(text)
        return any(len(pattern) <= len(parts) and all(map(_call, pattern, parts)) for pattern in compiled)

    return test


def _call(test: TextTest, part: str) -> bool:
    return test(part)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _path_part(part: str) -> TextTest:
    return glob_test(part) if any(mark in part for mark in "?*[") else part.__eq__
