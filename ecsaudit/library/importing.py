"""Rule files from elsewhere: what each of their items would do to the library. Nothing here changes it.

The items of a file are compared with the texts in force: what is there already is left alone, a new item becomes an own
one, and an item that appends to, overrides or redefines one that is there becomes its overlay, because in Falco the
later stands on the earlier. An item that does nothing but enable or disable a rule is a switch.

An exception that an ecsaudit made stays one, with owner, reason and expiry. One that is known here already is left to what
became of it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import models

from ecsaudit import engine
from ecsaudit.library.composing import compose, placed
from ecsaudit.library.exception_texts import found_in, names_in
from ecsaudit.library.exporting import EXCEPTION_MARK, MARK, SHADOW_MARK
from ecsaudit.library.models import MADE_LAYERS, ExceptionState, Files, Kind, Layer, Mode, Version, problem_row
from ecsaudit.library.services import Change, Problems, file_problem, told
from ecsaudit.library.texts import BAD_NAME, TextRefused, is_name, items_of, text_for

MAX_ITEMS = 2_000
_DEEDS = {Layer.SWITCH: "switch", Layer.EXCEPTIONS: "make an exception of"}
_VERSIONS = {"required_engine_version", "required_plugin_versions"}
Item = tuple[str, str]
Modes = Mapping[str, str]
# Of each exception that was ever made here, its state by its name.
States = Mapping[str, str]


class Fate(models.TextChoices):
    """What an item of the files would do."""

    NEW = "new", "New"
    CUSTOMISED = "customised", "Customises"
    REDEFINED = "redefined", "Redefines"
    CHANGED = "changed", "Changes"
    SWITCHED = "switched", "Switches"
    EXCEPTED = "excepted", "Excepts"
    SAME = "same", "Same as now"


class Choice(models.TextChoices):
    """Whose text counts; BOTH puts theirs behind ours."""

    THEIRS = "theirs", "Take theirs"
    BOTH = "both", "Ours, then theirs"
    OURS = "ours", "Keep ours"


@dataclass(frozen=True, slots=True)
class Piece:
    """An item of a file, moved to the left margin. `line` is where `text` begins; `before` are comments that would be lost."""

    file: str
    line: int
    shift: int
    text: str
    before: str
    item: engine.ItemText

    @property
    def is_definition(self) -> bool:
        return self.item.keys.isdisjoint({"append", "override"}) and self.item.switches is None

    @property
    def mode(self) -> Mode | None:
        """To what a switch sets its rule."""
        if self.item.switches is None:
            return None
        if SHADOW_MARK in self.item.text and not self.item.switches:
            return Mode.SHADOW
        return Mode.ON if self.item.switches else Mode.OFF


@dataclass(frozen=True, slots=True)
class Text:
    """Pieces as one text, behind what stands there `first`."""

    pieces: tuple[Piece, ...]
    first: str = ""

    def __str__(self) -> str:
        text = self.first
        for piece, gap in self.with_gaps():
            text += "\n" * gap + piece.before + piece.text
        return text

    def with_gaps(self) -> Iterator[tuple[Piece, int]]:
        """The pieces, each with the number of empty lines before it."""
        last: Piece | None = None
        for piece in self.pieces:
            if last is None:
                yield piece, int(bool(self.first))
            else:
                between = piece.line - last.line - last.text.count("\n")
                adjacent = piece.file == last.file and between in (0, 1, 2) and not piece.before
                yield piece, between if adjacent else 1
            last = piece

    def origin(self, line: int) -> tuple[Piece, int] | None:
        """The piece that a line of the text comes from, and the line in its file."""
        start = self.first.count("\n") + 1
        for piece, gap in self.with_gaps():
            start += gap + piece.before.count("\n")
            after = start + piece.text.count("\n")
            if start <= line < after:
                return piece, piece.line + line - start
            start = after
        return None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would happen to a layer of an item. `ours` is the text in force that theirs would change.

    `switched` is the state that somebody gave the rule, which stays, whatever a text says.
    """

    number: int
    kind: str
    name: str
    layer: Layer
    fate: Fate
    theirs: Text
    ours: str = ""
    both: Text | None = None
    choice: Choice = Choice.THEIRS
    mode: Mode | None = None
    switched: str = ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        if self.layer == Layer.EXCEPTIONS:
            return [] if self.fate == Fate.SAME else [(Choice.THEIRS.value, "Add"), (Choice.OURS.value, "Leave out")]
        if self.fate == Fate.SAME:
            return []
        return [(value, word) for value, word in Choice.choices if value != Choice.BOTH or self.both]

    @property
    def text(self) -> Text:
        return self.both if self.choice == Choice.BOTH and self.both else self.theirs

    @property
    def change(self) -> Change | None:
        if self.fate == Fate.SAME or self.choice == Choice.OURS:
            return None
        text = str(self.mode) if self.mode is not None else str(self.text)
        if self.layer == Layer.EXCEPTIONS:
            text = "\n".join(each for each in (self.ours, marked(self.theirs.pieces)) if each)
        return Change(self.kind, self.name, self.layer, text)

    @property
    def places(self) -> list[str]:
        return [f"{piece.file}:{piece.line}" for piece in self.theirs.pieces]


@dataclass(frozen=True, slots=True)
class Left:
    """Something of a file that is not taken over, and why."""

    file: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it: nothing of it may be done while there are problems."""

    proposals: tuple[Proposal, ...]
    left: tuple[Left, ...]
    problems: Problems
    warnings: Problems

    @property
    def changes(self) -> list[Change]:
        return [change for proposal in self.proposals if (change := proposal.change) is not None]


def marked(pieces: Sequence[Piece]) -> str:
    """Exceptions, each below the line that tells what Falco doesn't know of it."""
    marks = [next(line for line in each.item.text.split("\n") if line.startswith(EXCEPTION_MARK)) for each in pieces]
    return "\n".join(f"{mark}\n{piece.text}" for mark, piece in zip(marks, pieces, strict=True))


@dataclass(slots=True)
class _Read:
    pieces: dict[Item, list[Piece]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    problems: Problems = field(default_factory=list)
    warnings: Problems = field(default_factory=list)


def plan(
    files: Files,
    *,
    shipped: Files,
    current: Iterable[Version],
    modes: Modes,
    known_problems: Problems,
    choices: Mapping[int, str],
    exceptions: States,
    now: datetime,
) -> Plan:
    """What the files would do to a library.

    `modes` are the states of its rules, `known_problems` the problems that it has already, `choices` the Choices by the
    proposals' numbers.
    """
    versions = list(current)
    read = _Read()
    for name, text in files:
        _read(name, text, read)
    count = sum(map(len, read.pieces.values()))
    if count > MAX_ITEMS:
        message = f"there are {count} items, and at most {MAX_ITEMS} can be imported together; import them in parts"
        return Plan((), (), [file_problem(files[0][0], message)], [])
    layers: dict[Item, dict[str, Version]] = {}
    for version in versions:
        layers.setdefault((version.kind, version.name), {})[version.layer] = version
    proposals: list[Proposal] = []
    for item, every in read.pieces.items():
        here = layers.get(item, {})
        proposals += _exceptions(item, every, here, exceptions, now, read)
        pieces = [piece for piece in every if not is_exception(piece, exceptions)]
        if not pieces:
            continue
        if pieces[0].mode is not None and here.keys().isdisjoint({Layer.SHIPPED, Layer.OWN}):
            message = f"there is no rule “{item[1]}” to switch: it must be defined before"
            read.problems.append(file_problem(pieces[0].file, message) | {"line": pieces[0].line})
        proposals += _proposals(item, _in_effect(pieces, read), here, modes)
    chosen = tuple(
        _with_choice(replace(proposal, number=number), choices.get(number))
        for number, proposal in enumerate(proposals, 1)
    )
    found = Plan(chosen, tuple(read.left), read.problems, read.warnings)
    # Where a file could not be read, what it should bring would be missed elsewhere: its own problem comes first.
    return found if found.problems else _checked(found, shipped, versions, known_problems)


def _with_choice(proposal: Proposal, choice: str | None) -> Proposal:
    allowed = {value for value, _ in proposal.choices}
    return replace(proposal, choice=Choice(choice)) if choice in allowed else proposal


def _read(name: str, text: str, read: _Read) -> None:
    """The pieces of a file, and what of it is checked but not kept."""
    try:
        items = items_of(text)
    except TextRefused as error:
        place = {"line": error.line, "column": error.column, "hint": error.hint, "code": "LOAD_ERR_YAML_PARSE"}
        read.problems.append(file_problem(name, error.message) | place)
        return
    lines = text.split("\n")
    comments = _comments(lines[: items[0].line - 1]) if items else ""
    others: list[engine.ItemText] = []
    last: Piece | None = None
    for item in items:
        if not item.kind:
            others.append(item)
            read.left.append(Left(name, item.line, _why_left(item)))
            comments += _comments(line for line in item.text.split("\n") if line.startswith("#"))
            continue
        last, behind = _piece(name, item, comments)
        comments = _comments(behind)
        _note(last, read)
        read.pieces.setdefault((item.kind, item.name), []).append(last)
    if comments and last is not None:
        kept = replace(last, text=f"{last.text}\n{comments.rstrip()}\n")
        read.pieces[last.item.kind, last.item.name][-1] = kept
    _check_others(name, len(lines), others, read)


def _note(piece: Piece, read: _Read) -> None:
    """What has to be said of a piece alone."""
    if not is_name(piece.item.name):
        read.problems.append(file_problem(piece.file, BAD_NAME) | {"line": piece.line})
    if piece.mode is not None and (piece.before or "\n#" in f"\n{piece.text}"):
        read.left.append(Left(piece.file, piece.line, "the comments on this switch: only the switch is kept"))


def _comments(lines: Iterable[str]) -> str:
    """The comments among lines that hold no item, with an empty line behind them."""
    kept = [line.strip() for line in lines if not line.startswith(MARK)]
    text = "\n".join(line for line in kept if line.startswith("#") or not line).strip("\n")
    return f"{text}\n\n" if text else ""


def _piece(file: str, item: engine.ItemText, before: str) -> tuple[Piece, list[str]]:
    """The item without the comments that stand apart below it: those belong to what follows."""
    lines, start = item.text.rstrip("\n").split("\n"), item.line
    while lines[0].startswith(MARK) or not lines[0].strip():
        del lines[0]
        start += 1
    content = max(number for number, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    apart = next((number for number in range(content, len(lines)) if not lines[number].strip()), len(lines))
    first = next(line for line in lines if not line.startswith("#"))
    shift = len(first) - len(first.lstrip(" "))
    own = [line for line in lines[:apart] if not line.startswith(MARK)]
    text = "\n".join(line[shift:] if shift and line[:shift].isspace() else line for line in own)
    return Piece(file, start, shift, text + "\n", before, item), lines[apart:]


def _why_left(item: engine.ItemText) -> str:
    versions = sorted(item.keys & _VERSIONS)
    if versions:
        return f"{versions[0]}: checked, not kept"
    return "no list, macro or rule: passed over, as Falco does"


def _check_others(name: str, count: int, items: Sequence[engine.ItemText], read: _Read) -> None:
    """What the engine says of items that aren't kept: version requirements, unknown items."""
    lines = [""] * count
    for item in items:
        text = item.text.rstrip("\n").split("\n")
        lines[item.line - 1 : item.line - 1 + len(text)] = text
    loaded = engine.load_rules([(name, "\n".join(lines))])
    read.problems += map(problem_row, loaded.errors)
    read.warnings += map(problem_row, loaded.warnings)


def _in_effect(pieces: list[Piece], read: _Read) -> list[Piece]:
    """The pieces without switches that a later definition of the rule undoes."""
    last = max((number for number, piece in enumerate(pieces) if piece.is_definition), default=0)
    for piece in pieces[:last]:
        if piece.mode is not None:
            read.left.append(
                Left(piece.file, piece.line, f"a switch of “{piece.item.name}”, which is defined again below")
            )
    return [piece for number, piece in enumerate(pieces) if number >= last or piece.mode is None]


def _proposals(item: Item, pieces: list[Piece], layers: Mapping[str, Version], modes: Modes) -> Iterable[Proposal]:
    """What the pieces of one item would do, those left out that are in force already."""
    defined = pieces
    for layer in (Layer.SHIPPED, Layer.OWN):
        defined = _behind(defined, _essences(layers.get(layer)))
    rest = _behind(defined, _essences(layers.get(Layer.OVERLAY)))
    switches = [piece for piece in rest if piece.mode is not None]
    texts = [piece for piece in rest if piece.mode is None]
    if texts:
        switched = layers.get(Layer.SWITCH)
        found = _text_proposal(item, texts, layers, extends=len(rest) < len(defined))
        yield replace(found, switched=str(Mode(switched.text).label) if switched and not switches else "")
    if switches:
        # Another text may enable or disable the rule, too.
        yield _switch_proposal(item, switches, layers, {} if texts else modes)
    if not rest:
        yield Proposal(0, *item, Layer.OVERLAY, Fate.SAME, Text(tuple(pieces)))


def is_exception(piece: Piece, known: States) -> bool:
    """Whether it is an exception that some ecsaudit made, rather than somebody's text."""
    names = names_in(piece.item)
    return bool(names) and (all(name in known for name in names) or found_in(piece.item) is not None)


def _exceptions(
    item: Item, pieces: Iterable[Piece], layers: Mapping[str, Version], known: States, now: datetime, read: _Read
) -> Iterable[Proposal]:
    """What becomes of the exceptions among the pieces of a rule."""
    same, new = [], []
    for piece in pieces:
        if not is_exception(piece, known):
            continue
        ended = [
            name for name in names_in(piece.item) if known.get(name, ExceptionState.ACTIVE) != ExceptionState.ACTIVE
        ]
        found = found_in(piece.item)
        if ended:
            read.left.append(Left(piece.file, piece.line, f"the exception {ended[0]}, which is {known[ended[0]]} here"))
        elif names_in(piece.item)[0] in known:
            same.append(piece)
        elif found is not None and found.expires_at is not None and found.expires_at <= now:
            gone = f"{found.expires_at:%Y-%m-%d %H:%M} UTC"
            read.left.append(Left(piece.file, piece.line, f"the exception {found.name}, which expired at {gone}"))
        else:
            new.append(piece)
    if same:
        yield Proposal(0, *item, Layer.EXCEPTIONS, Fate.SAME, Text(tuple(same)))
    if new:
        here = layers.get(Layer.EXCEPTIONS)
        ours = here.text if here else ""
        yield Proposal(0, *item, Layer.EXCEPTIONS, Fate.EXCEPTED, Text(tuple(new)), ours)


def _switch_proposal(item: Item, pieces: list[Piece], layers: Mapping[str, Version], modes: Modes) -> Proposal:
    mode = pieces[-1].mode
    switched = layers.get(Layer.SWITCH)
    now = switched.text if switched is not None else modes.get(item[1])
    fate = Fate.SAME if now == mode else Fate.SWITCHED
    ours = str(Mode(now).label) if now else ""
    return Proposal(0, *item, Layer.SWITCH, fate, Text(tuple(pieces)), ours, mode=mode)


def _text_proposal(item: Item, pieces: list[Piece], layers: Mapping[str, Version], *, extends: bool) -> Proposal:
    """`extends` says that the overlay in force stood before these pieces."""
    own, overlay = layers.get(Layer.OWN), layers.get(Layer.OVERLAY)
    defines = pieces[0].is_definition
    if own is not None and defines:
        theirs = _before(pieces, _essences(overlay))
        return Proposal(0, *item, Layer.OWN, Fate.CHANGED, Text(tuple(theirs)), own.text)
    if own is None and Layer.SHIPPED not in layers:
        return Proposal(0, *item, Layer.OWN, Fate.NEW, Text(tuple(_before(pieces, _essences(overlay)))))
    if defines:
        ours = overlay or layers[Layer.SHIPPED]
        return Proposal(0, *item, Layer.OVERLAY, Fate.REDEFINED, Text(tuple(pieces)), ours.text)
    if overlay is None:
        return Proposal(0, *item, Layer.OVERLAY, Fate.CUSTOMISED, Text(tuple(pieces)))
    behind = Text(tuple(pieces), overlay.text)
    if extends:
        return Proposal(0, *item, Layer.OVERLAY, Fate.CUSTOMISED, behind, overlay.text)
    return Proposal(0, *item, Layer.OVERLAY, Fate.CUSTOMISED, Text(tuple(pieces)), overlay.text, behind)


def _essence(text: str) -> str:
    """A text without comments at its left margin, which is where no content can stand."""
    return "\n".join(line.rstrip() for line in text.split("\n") if not line.startswith("#")).strip("\n")


def _essences(version: Version | None) -> list[str]:
    return [] if version is None else [_essence(item.text) for item in items_of(version.text)]


def _behind(pieces: list[Piece], known: list[str]) -> list[Piece]:
    """The pieces without those at their beginning that are known, if all of these are there."""
    same = bool(known) and [_essence(piece.text) for piece in pieces[: len(known)]] == known
    return pieces[len(known) :] if same else pieces


def _before(pieces: list[Piece], known: list[str]) -> list[Piece]:
    """The pieces without those at their end that are known, if all of these are there and others before them."""
    number = len(known)
    same = 0 < number < len(pieces) and [_essence(piece.text) for piece in pieces[-number:]] == known
    return pieces[:-number] if same else pieces


def _checked(found: Plan, shipped: Files, versions: list[Version], known_problems: Problems) -> Plan:
    """The plan with what the engine says of the library as it would be."""
    changes = {(change.kind, change.name, change.layer): change for change in found.changes}
    owners = {(each.kind, each.name, each.layer): each for each in found.proposals if each.change is not None}
    kept = [version for version in versions if (version.kind, version.name, version.layer) not in changes]
    made = [Version(kind=each.kind, name=each.name, layer=each.layer, text=each.text) for each in changes.values()]
    composed = compose(shipped, [*kept, *made])
    loaded = engine.load_rules(composed.files)

    def row(problem: engine.Problem) -> dict[str, Any]:
        found_row = problem_row(problem)
        at = composed.item_at(found_row["file"], found_row["line"])
        owner = at and owners.get((at[0].kind, at[0].name, Layer(at[0].layer)))
        origin = owner.text.origin(at[1]) if at and owner else None
        if origin is None:
            return placed(found_row, composed)
        piece, line = origin
        return found_row | {
            "file": piece.file,
            "line": line,
            "column": found_row["column"] + piece.shift,
            "taken": True,
        }

    already = {told(problem) for problem in known_problems}
    problems = [each for each in map(row, loaded.errors) if told(each) not in already]
    problems += _misfits(owners.values())
    problems += _missing_rules(owners.values(), kept, made)
    warnings = [each for each in map(row, loaded.warnings) if each.get("taken")]
    return replace(found, problems=[*found.problems, *problems], warnings=[*found.warnings, *warnings])


def _misfits(proposals: Iterable[Proposal]) -> Problems:
    """Texts that can't stand alone, such as one with an alias of another item's anchor."""
    problems = []
    for proposal in proposals:
        try:
            if proposal.mode is None:
                text_for(proposal.kind, proposal.name, str(proposal.text))
        except TextRefused as error:
            piece, line = proposal.text.origin(error.line) or (
                proposal.theirs.pieces[0],
                proposal.theirs.pieces[0].line,
            )
            place = {"line": line, "column": error.column + piece.shift, "hint": error.hint}
            problems.append(file_problem(piece.file, error.message) | place)
    return problems


def _missing_rules(proposals: Iterable[Proposal], kept: list[Version], made: list[Version]) -> Problems:
    rules = {each.name for each in (*kept, *made) if each.kind == Kind.RULE and each.layer not in MADE_LAYERS}
    return [
        file_problem(piece.file, f"there is no rule “{proposal.name}” to {_DEEDS[proposal.layer]}")
        | {"line": piece.line}
        for proposal in proposals
        if proposal.layer in MADE_LAYERS and proposal.name not in rules
        for piece in proposal.theirs.pieces[-1:]
    ]
