"""Frameworks and their controls, and which of them a tag names.

Tags are read as Falco's and Sysdig's public rules write them (`NIST_800-53_AC-17`, `PCI_DSS_10.2.1`, `SOC2_CC6.1`,
`CIS_AWS-5.0.0_4.1`, `MITRE_T1609_container_administration_command`), whatever their case, with blanks or doubled
underscores. Where a tag carries no version, the framework's is meant; ISO 27001 tells its editions by their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_CATALOGUE = Path(__file__).with_name("catalogue.yaml")
_SEPARATORS = re.compile(r"[\s_]+")
_NIST_WITHOUT_HYPHEN = re.compile(r"([A-Z]{2})(\d)")
_ISO_2013 = re.compile(r"A\.\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework in a version; `title` is empty for one that the catalogue doesn't have."""

    framework: str
    version: str
    identifier: str
    title: str = field(compare=False)

    @property
    def framework_name(self) -> str:
        """With the version, where it isn't the catalogue's."""
        framework = FRAMEWORKS[self.framework]
        return framework.name if self.version == framework.version else f"{framework.name} {self.version}"

    @property
    def key(self) -> str:
        """For addresses: framework and identifier, and the version where it isn't the catalogue's."""
        usual = FRAMEWORKS[self.framework].version
        version = "" if self.version == usual else f"@{self.version}"
        return f"{self.framework}{version}:{self.identifier}"


@dataclass(frozen=True, slots=True)
class Framework:
    """A standard. `controls` are identifiers with titles, in the standard's order; `tactics` ATT&CK's columns."""

    key: str
    name: str
    version: str
    pattern: re.Pattern[str]
    controls: Mapping[str, str]
    tactics: Mapping[str, tuple[str, ...]]

    def control(self, tag: str) -> Control | None:
        """The control that a tag names, None if it is of another framework."""
        match = self.pattern.fullmatch(tag)
        if match is None:
            return None
        groups = match.groupdict()
        identifier = self._spelled(groups["control"])
        version = groups.get("version") or self._edition(identifier)
        title = self.controls.get(identifier, "") if version == self.version else ""
        return Control(self.key, version, identifier, title)

    def _spelled(self, identifier: str) -> str:
        """As the catalogue writes it, whatever the case."""
        folded = identifier.casefold()
        if self.key == "nist-800-53":
            return _NIST_WITHOUT_HYPHEN.sub(r"\1-\2", identifier.upper())
        known = {name.casefold(): name for name in self.controls}
        return known.get(folded, identifier if self.key == "hipaa" else identifier.upper())

    def _edition(self, identifier: str) -> str:
        if self.key == "iso-27001" and _ISO_2013.fullmatch(identifier):
            return "2013"
        return self.version

    @property
    def tactic_names(self) -> dict[str, str]:
        """ATT&CK's tactics with their names, in the order of its matrix."""
        return {identifier: title for identifier, title in self.controls.items() if identifier.startswith("TA")}

    def tactics_of(self, identifier: str) -> tuple[str, ...]:
        """The tactics that a technique serves, as its parent's where it has none of its own; a tactic serves itself."""
        if identifier in self.tactics:
            return self.tactics[identifier]
        if identifier.startswith("TA"):
            return (identifier,)
        return self.tactics.get(identifier.partition(".")[0], ())

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


def _read() -> dict[str, Framework]:
    rows: list[dict[str, Any]] = yaml.safe_load(_CATALOGUE.read_text(encoding="utf-8"))
    return {
        row["key"]: Framework(
            row["key"],
            row["name"],
            row["version"],
            re.compile(row["tag"], re.IGNORECASE),
            {str(identifier): title for identifier, title in row["controls"].items()},
            {technique: tuple(tactics) for technique, tactics in row.get("tactics", {}).items()},
        )
        for row in rows
    }


FRAMEWORKS: Mapping[str, Framework] = _read()


@cache
def control_of(tag: str) -> Control | None:
    """The control that a tag names, None for any other tag (as `aws_ecs`, or a family alone: `NIST_800-53`)."""
    plain = _SEPARATORS.sub("_", tag.strip()).rstrip("._")
    for framework in FRAMEWORKS.values():
        found = framework.control(plain)
        if found is not None:
            return found
    return None


def controls_of(tags: Iterable[str]) -> list[Control]:
    """The controls that tags name, each once, by framework in the catalogue's order and then as they come."""
    found = dict.fromkeys(control for tag in tags if (control := control_of(tag)) is not None)
    order = list(FRAMEWORKS)
    return sorted(found, key=lambda control: order.index(control.framework))


def control_of_key(key: str) -> Control | None:
    """The control that a key names, in the catalogue or not; None for what no control's key can be."""
    name, _, identifier = key.partition(":")
    framework = FRAMEWORKS.get(name.partition("@")[0])
    if framework is None or not identifier:
        return None
    version = name.partition("@")[2] or framework.version
    title = framework.controls.get(identifier, "") if version == framework.version else ""
    control = Control(framework.key, version, identifier, title)
    return control if control.key == key else None


def keys_of(tags: Iterable[str]) -> frozenset[str]:
    """The keys of all controls that tags name, and of their frameworks: what a list is filtered by."""
    controls = controls_of(tags)
    return frozenset(control.key for control in controls) | {control.framework for control in controls}


def other_tags(tags: Iterable[str]) -> list[str]:
    """The tags that name no control."""
    return [tag for tag in tags if control_of(tag) is None]
