"""A rule set as Falco rule files. Pure: the same rule set gives the same bytes.

    README.txt                 what this is
    rules.d/001_base.yaml …    the shipped files, as they are
    rules.d/010_own.yaml       own items, overlays, exceptions and switches, where there are any

The names sort in loading order, for Falco's `rules_files` and for `python -m ecsaudit.engine check rules.d/`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml

from ecsaudit import engine
from ecsaudit.library.composing import EXCEPTIONS_FILE, OVERLAY_FILE, OWN_FILE
from ecsaudit.library.models import Files, Mode, RuleSet

FOLDER = "rules.d"
SWITCH_FILE = "switches.yaml"
# Lines that an export adds; an import leaves them out again.
MARK = "## ecsaudit: "
SHADOW_MARK = f"{MARK}in the shadow"
# Before an exception that ecsaudit ends by itself: what Falco's files can't say of it, as JSON.
EXCEPTION_MARK = f"{MARK}exception "
_TITLES = {
    OWN_FILE: "own lists, macros and rules",
    OVERLAY_FILE: "customised items",
    EXCEPTIONS_FILE: "exceptions made from findings, which end by themselves only in ecsaudit,",
    SWITCH_FILE: "switched rules",
}
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold
_README = """Falco rules, exported by ecsaudit: rule set {pk}, made {made}.

{folder}/ holds {count} files that load in the order of their names:

    python -m ecsaudit.engine check {folder}/
    falco.yaml:  rules_files: [{folder}]

{files}
A rule in the shadow (counted, without findings) is off here, because Falco has no such state; a comment says so.
Import this file on another installation under Rules, Import.
"""


def zipped(rule_set: RuleSet) -> bytes:
    """The whole rule set as a zip of Falco rule files."""
    files = rule_files(rule_set)
    members = [("README.txt", readme(rule_set, files)), *((f"{FOLDER}/{name}", text) for name, text in files)]
    into = io.BytesIO()
    # Not compressed, because compressors differ in their bytes.
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for name, text in members:
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.create_system = 3  # Unix, wherever this runs
            info.external_attr = 0o644 << 16
            archive.writestr(info, text.encode())
    return into.getvalue()


def rule_files(rule_set: RuleSet) -> Files:
    """The files in loading order, with names that sort in it."""
    made = [(name, _titled(rule_set, name, text)) for name, text in rule_set.pairs]
    switches = switch_text(rule_set)
    if switches:
        made.append((SWITCH_FILE, _titled(rule_set, SWITCH_FILE, switches)))
    return [(f"{number:03d}_{PurePosixPath(name).name}", text) for number, (name, text) in enumerate(made, 1)]


def own_text(rule_set: RuleSet) -> str:
    """Own items, overlays, exceptions and switches in one file, for those who have the shipped files."""
    parts = [f"{MARK}own rules and changes of rule set {rule_set.pk}; load this behind the shipped files\n"]
    parts += [_titled(rule_set, name, text) for name, text in rule_set.pairs if name in _TITLES]
    switches = switch_text(rule_set)
    if switches:
        parts.append(_titled(rule_set, SWITCH_FILE, switches))
    return "\n".join(parts)


def switch_text(rule_set: RuleSet) -> str:
    """What people switched, in Falco's words; a rule that is gone can't be switched."""
    rules = {rule.name for rule in engine.load_rules(rule_set.pairs).rules}
    return "\n".join(_switch(name, mode) for name, mode in sorted(rule_set.modes.items()) if name in rules)


def _switch(name: str, mode: str) -> str:
    item = {"rule": name, "enabled": mode == Mode.ON, "override": {"enabled": "replace"}}
    text: str = yaml.safe_dump([item], allow_unicode=True, sort_keys=False, width=float("inf"))
    if mode != Mode.SHADOW:
        return text
    return f"{SHADOW_MARK}, which is counted and makes no findings; Falco can only have it off\n{text}"


def _titled(rule_set: RuleSet, name: str, text: str) -> str:
    title = _TITLES.get(name)
    return text if title is None else f"{MARK}{title} of rule set {rule_set.pk}\n\n{text}"


def readme(rule_set: RuleSet, files: Files) -> str:
    return _README.format(
        pk=rule_set.pk,
        made=f"{rule_set.created_at:%Y-%m-%d %H:%M} UTC",
        folder=FOLDER,
        count=len(files),
        files="".join(_lines(files)),
    )


def _lines(files: Files) -> Iterator[str]:
    for name, _ in files:
        yield f"{name}: {_TITLES.get(name.partition('_')[2], 'shipped')}\n"
