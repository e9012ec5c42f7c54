"""Everything that changes the rule library. Each change makes versions and, if the whole can be used, a new rule set.

LibraryError
├── RulesRefused        the change has errors, or brings some to other items: `problems`, as kept in Library.problems
├── NameTaken           a new item, with the name of one that is there
├── EditConflict        somebody saved the item since it was opened: `current` is their version
├── LibraryChanged      somebody saved anything since several changes were looked at
└── NoSuchItem          there is nothing to customise, switch or restore
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from ecsaudit import engine
from ecsaudit.cloudtrail.record import storable
from ecsaudit.library.composing import Composed, compose, placed
from ecsaudit.library.drafts import drafted
from ecsaudit.library.exception_rows import adopt
from ecsaudit.library.models import (
    MADE_LAYERS,
    Files,
    Kind,
    Layer,
    Library,
    Mode,
    QuietCount,
    RuleSet,
    Version,
    problem_row,
)
from ecsaudit.library.texts import BAD_NAME, TextRefused, is_name, items_of, text_for
from ecsaudit.people.models import User

Problems = list[dict[str, Any]]
SHIPPED_MESSAGE = "Shipped with ecsaudit"
UNREADABLE = "LOAD_ERR_FILE_READ"
GONE_MESSAGE = "No longer shipped"


@dataclass(frozen=True, slots=True)
class Change:
    """A text to put in force in a layer of an item; a switch's text is a Mode."""

    kind: str
    name: str
    layer: Layer
    text: str


class LibraryError(ValueError):
    """A change that was not made."""


class RulesRefused(LibraryError):
    def __init__(self, problems: Problems) -> None:
        super().__init__("; ".join(map(told, problems)))
        self.problems = problems


class EditConflict(LibraryError):
    def __init__(self, current: Version | None) -> None:
        super().__init__("somebody saved this in the meantime; compare, and save again")
        self.current = current


class LibraryChanged(LibraryError):
    pass


class NameTaken(LibraryError):
    pass


class NoSuchItem(LibraryError):
    pass


def told(problem: dict[str, Any]) -> str:
    """A kept problem in one line."""
    hint = f" ({problem['hint']})" if problem["hint"] else ""
    return f"{problem['file']}:{problem['line']}:{problem['column']}: {problem['message']}{hint}"


def refresh(folder: Path | None = None) -> Library:
    """Take in the rule files of the folder if they changed. With errors the last good rule set stays."""
    files, problems = shipped_files(folder or settings.RULES_DIR)
    problems += [problem for name, text in files for problem in unusable_names(name, text)]
    known = Library.objects.first()
    if known is not None and not problems and has_taken_in(known, files):
        return known
    with transaction.atomic():
        library = Library.locked()
        if problems:
            library.problems = problems
            library.save(update_fields=["problems"])
            return library
        if has_taken_in(library, files):
            # Another process did while this one waited for the lock.
            return library
        note_shipped(files)
        library.shipped = [list(pair) for pair in files]
        return settle(library)


def unusable_names(file: str, text: str) -> Problems:
    """A problem for each item of a file that can't be kept under its name."""
    try:
        items = items_of(text)
    except TextRefused:
        # The engine tells this better, with its place.
        return []
    return [
        file_problem(file, BAD_NAME) | {"line": item.line} for item in items if item.kind and not is_name(item.name)
    ]


def has_taken_in(library: Library, files: Files) -> bool:
    """Whether these files are in the library already, and none of them was beyond reading in between."""
    unread = any(problem["code"] == UNREADABLE for problem in library.problems)
    return library.rule_set is not None and library.shipped_files == files and not unread


def shipped_files(folder: Path) -> tuple[Files, Problems]:
    """The rule files in loading order, and what kept others from being read."""
    files, problems = [], []
    for path in sorted(path for path in folder.glob("*.yaml") if path.is_file()):
        try:
            files.append((path.name, path.read_text(encoding="utf-8").replace("\x00", "\ufffd")))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(file_problem(path.name, f"it can't be read: {error}"))
    return files, problems


def file_problem(file: str, message: str) -> dict[str, Any]:
    return {
        "code": UNREADABLE, "message": storable(message), "hint": "", "file": storable(file), "line": 1, "column": 1, "rule": "",
    }  # fmt: skip


def note_shipped(files: Files) -> None:
    """Make a version of every shipped item whose text is new, and end those that are gone."""
    texts: dict[tuple[str, str], str] = {}
    for _, text in files:
        try:
            items = items_of(text)
        except TextRefused:
            # The engine tells this better, with its place; no item of the file is noted.
            continue
        for item in items:
            if item.kind:
                key = (item.kind, item.name)
                texts[key] = texts.get(key, "") + item.text
    current = {(each.kind, each.name): each for each in Version.objects.filter(is_current=True, layer=Layer.SHIPPED)}
    for key, text in texts.items():
        if key not in current or current[key].text != text:
            add_version(*key, Layer.SHIPPED, text, SHIPPED_MESSAGE, None)
    for key, version in current.items():
        if key not in texts and version.text:
            add_version(*key, Layer.SHIPPED, "", GONE_MESSAGE, None)


def add_version(
    kind: str,
    name: str,
    layer: Layer,
    text: str,
    message: str,
    author: User | None,
    beneath: Version | None = None,
) -> Version:
    """The next version of an item, in force; the library must be locked.

    `beneath` is the shipped version that an overlay was written for, today's where nothing is said.
    """
    versions = Version.objects.filter(kind=kind, name=name)
    number = (versions.aggregate(last=Max("number"))["last"] or 0) + 1
    versions.filter(layer=layer, is_current=True).update(is_current=False)
    shipped = None
    if layer == Layer.OVERLAY:
        shipped = beneath or versions.filter(layer=Layer.SHIPPED, is_current=True).first()
    return Version.objects.create(
        kind=kind, name=name, layer=layer, number=number, text=text, message=message, author=author, based_on=shipped
    )


def settle(library: Library) -> Library:
    """Compile what is in force now. Without errors it judges from now on; else they are noted."""
    found = compose(library.shipped_files, Version.objects.current())
    library.problems = problems_of(found)
    if not library.problems:
        library.rule_set = RuleSet.objects.create(
            files=[list(pair) for pair in found.files], modes=found.modes, versions=found.versions
        )
    library.save()
    return library


def problems_of(found: Composed) -> Problems:
    """The errors of a composed rule set, each at its place in the text that somebody wrote."""
    return [placed(problem_row(problem), found) for problem in engine.load_rules(found.files).errors]


@transaction.atomic
def save(
    *,
    kind: str,
    name: str,
    layer: Layer,
    text: str,
    author: User,
    message: str,
    expected: int | None = None,
    mode: Mode | None = None,
    beneath: int | None = None,
) -> Version:
    """Put a text in force. `expected` is the id of the layer's version that the author saw, None for a new item.

    An empty text takes the layer away. `mode` switches the rule in the same step. `beneath` is the id of the shipped
    version that the author of an overlay saw, today's where nothing is said. Raises TextRefused, NameTaken,
    RulesRefused, NoSuchItem or EditConflict, and then nothing is changed.
    """
    library = Library.locked()
    current = Version.objects.filter(kind=kind, name=name, layer=layer, is_current=True).first()
    seen = current if current is not None and current.text else None
    taken = Version.objects.current().filter(kind=kind, name=name).exclude(layer__in=MADE_LAYERS)
    if expected is None and layer == Layer.OWN and taken.exists():
        raise NameTaken(f"there is a {kind} “{name}” already; choose another name, or change that one")
    if (seen and seen.pk) != expected:
        raise EditConflict(current)
    if text.strip():
        text = text_for(kind, name, text.replace("\r\n", "\n"))
    elif seen is None:
        raise NoSuchItem(f"there is no text of {kind} “{name}” to take away")
    shipped = Version.objects.filter(kind=kind, name=name, layer=Layer.SHIPPED)
    seen_beneath = shipped.filter(pk=beneath).first() if beneath else None
    kept = text.strip("\n") + "\n" if text.strip() else ""
    version = add_version(kind, name, layer, kept, message, author, seen_beneath)
    overlays = Version.objects.current().filter(kind=kind, name=name, layer=Layer.OVERLAY)
    if layer == Layer.OWN and not kept and overlays.exists():
        # Without the text that it stands on it would only be an error.
        add_version(kind, name, Layer.OVERLAY, "", message, author)
    if mode is not None:
        add_version(kind, name, Layer.SWITCH, mode, message, author)
    settle_without_new_problems(library)
    return version


@transaction.atomic
def save_all(*, changes: Collection[Change], author: User, message: str, seen: int) -> None:
    """Put several texts in force together, or none of them.

    `seen` is Version.objects.newest() as the author saw it. Raises LibraryChanged, TextRefused or RulesRefused.
    """
    library = Library.locked()
    if Version.objects.newest() != seen:
        raise LibraryChanged("the library was changed in the meantime; look again at what would happen")
    for change in changes:
        if change.layer != Layer.SWITCH:
            text_for(change.kind, change.name, change.text)
        if change.layer == Layer.EXCEPTIONS:
            adopt(change.name, change.text, author, timezone.now())
    if changes:
        add_versions(changes, message, author)
        settle_without_new_problems(library)


def add_versions(changes: Collection[Change], message: str, author: User) -> None:
    """As add_version, for at most one change of each layer of an item, in four queries."""
    versions = Version.objects.filter(name__in={change.name for change in changes})
    numbers = Counter(
        {(kind, name): last for kind, name, last in versions.values_list("kind", "name").annotate(Max("number"))}
    )
    current = {
        (each.kind, each.name, each.layer): each for each in versions.filter(is_current=True).select_related("based_on")
    }
    made, replaced = [], []
    for change in changes:
        item = (change.kind, change.name)
        numbers[item] += 1
        before = current.get((*item, change.layer))
        replaced += [before.pk] if before else []
        shipped = None
        if change.layer == Layer.OVERLAY:
            # An update of the shipped text that was not compared yet goes on waiting.
            shipped = before.based_on if before and before.text else current.get((*item, Layer.SHIPPED))
        made.append(
            Version(
                kind=change.kind,
                name=change.name,
                layer=change.layer,
                number=numbers[item],
                text=change.text,
                message=message,
                author=author,
                based_on=shipped,
            )
        )
    versions.filter(pk__in=replaced).update(is_current=False)
    Version.objects.bulk_create(made)


def settle_without_new_problems(library: Library) -> None:
    """RulesRefused where the library has problems that it had not before."""
    known = {told(problem) for problem in library.problems}
    settle(library)
    fresh = [problem for problem in library.problems if told(problem) not in known]
    if fresh:
        raise RulesRefused(fresh)


def restore(*, version: Version, author: User, message: str, expected: int | None) -> None:
    """Put the text of an earlier version in force again. `expected` is as for `save`, and so are the errors."""
    if version.layer == Layer.SHIPPED:
        raise NoSuchItem("shipped texts change with the rules folder; clone the rule to keep an earlier one")
    if version.layer == Layer.EXCEPTIONS:
        raise NoSuchItem("exceptions come and go one by one, on their own pages")
    if version.layer == Layer.SWITCH:
        switch(names=[version.name], mode=Mode(version.text), author=author, message=message)
        return
    layer = Layer(version.layer)
    save(
        kind=version.kind,
        name=version.name,
        layer=layer,
        text=version.text,
        author=author,
        message=message,
        expected=expected,
    )


@transaction.atomic
def switch(*, names: Collection[str], mode: Mode, author: User, message: str) -> int:
    """Switch rules on, off or into the shadow; returns how many were changed. Raises NoSuchItem."""
    library = Library.locked()
    rules = Version.objects.current().filter(kind=Kind.RULE)
    known = set(rules.exclude(layer__in=MADE_LAYERS).values_list("name", flat=True))
    missing = sorted(set(names) - known)
    if missing:
        raise NoSuchItem(f"there is no rule “{missing[0]}”")
    already = set(rules.filter(layer=Layer.SWITCH, text=mode).values_list("name", flat=True))
    changed = sorted(set(names) - already)
    for name in changed:
        add_version(Kind.RULE, name, Layer.SWITCH, mode, message, author)
    if changed:
        settle(library)
    return len(changed)


def check(*, kind: str, name: str, layer: Layer, text: str) -> tuple[Problems, Problems]:
    """The errors and warnings that the rule set would have with this text in force; nothing is changed."""
    try:
        draft = drafted(kind=kind, name=name, layer=layer, text=text)
    except TextRefused as error:
        return [refusal(kind, name, error)], []
    return draft.errors, draft.warnings


def refusal(kind: str, name: str, error: TextRefused) -> dict[str, Any]:
    """A refused text as a problem of the item."""
    place = {"line": error.line, "column": error.column, "hint": error.hint, "kind": kind, "name": name}
    return file_problem(f"{kind} {name}", error.message) | place


def count_quiet(counts: Counter[tuple[str, date]]) -> None:
    """Add to the numbers of events that rules without findings matched, in the transaction that read the events."""
    for (rule, day), count in sorted(counts.items()):
        QuietCount.objects.get_or_create(rule=rule, day=day)
        QuietCount.objects.filter(rule=rule, day=day).update(count=F("count") + count)
