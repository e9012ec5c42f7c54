"""required_engine_version and required_plugin_versions."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from . import values
from .problems import Context, ItemError
from .reader import Mapping, Scalar, Sequence, YamlNode

ENGINE_VERSION = (0, 63, 0)
# The plugins whose fields this engine has, with the versions that it follows.
PLUGIN_VERSIONS = {"cloudtrail": "0.17.1", "json": "0.7.4"}

_FULL_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_CODE = "LOAD_ERR_VALIDATE"


@dataclass(frozen=True, slots=True)
class Requirement:
    plugin: str
    version: str


def check_engine_version(item: Mapping, context: Context) -> None:
    """ItemError if the file needs a newer engine."""
    node = item.get("required_engine_version")
    inner = context.inside("required_engine_version", "", item)
    text = node.text if isinstance(node, Scalar) else ""
    if text.isascii() and text.isdigit() and len(text) < 10:
        wanted = (0, int(text), 0)
    else:
        match = _FULL_VERSION.fullmatch(text)
        if match is None:
            message = f"Unable to parse engine version '{text}' as a semver string. Expected \"x.y.z\" semver format."
            raise ItemError(values.INVALID, message, inner)
        wanted = (int(match[1]), int(match[2]), int(match[3]))
    if wanted[0] != ENGINE_VERSION[0] or wanted > ENGINE_VERSION:
        asked, have = (".".join(map(str, version)) for version in (wanted, ENGINE_VERSION))
        raise ItemError(_CODE, f"Rules require engine version {asked}, but engine version is {have}", inner)


def read_plugin_versions(item: Mapping, context: Context) -> list[tuple[Requirement, ...]]:
    """The entries, each with its alternatives behind it."""
    node = item.get("required_plugin_versions")
    outer = context.inside("required plugin versions", "", node)
    if not isinstance(node, Sequence):
        raise ItemError(values.INVALID, "Value of required_plugin_versions must be a sequence", outer)
    return [_entry(element, outer) for element in node.items]


def _entry(element: YamlNode, outer: Context) -> tuple[Requirement, ...]:
    kind = "required plugin versions entry"
    if not isinstance(element, Mapping):
        raise ItemError(values.INVALID, "Plugin version must be a mapping", outer.inside(kind, "", element))
    requirements = [_requirement(element, outer, kind)]
    inner = outer.inside(kind, requirements[0].plugin, element)
    alternatives = element.get("alternatives")
    if alternatives is not None:
        if not isinstance(alternatives, Sequence):
            raise ItemError(values.INVALID, "Value of plugin version alternatives must be a sequence", inner)
        for alternative in alternatives.items:
            if not isinstance(alternative, Mapping):
                raise ItemError(values.INVALID, "Plugin version alternative must be a mapping", inner)
            requirements.append(_requirement(alternative, inner, "required plugin versions alternative"))
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.plugin in seen:
            message = f"Defined multiple alternative version requirements for plugin '{requirement.plugin}'"
            raise ItemError(_CODE, message, inner)
        seen.add(requirement.plugin)
    return tuple(requirements)


def _requirement(node: Mapping, outer: Context, kind: str) -> Requirement:
    context = outer.inside(kind, "", node)
    name = values.required(node, "name", context).text
    version = values.required(node, "version", context).text
    if _FULL_VERSION.match(version) is None:
        message = f"Invalid required version '{version}' for plugin '{name}'"
        raise ItemError(_CODE, message, outer.inside(kind, name, node))
    return Requirement(name, version)


def unmet_requirement(entry: tuple[Requirement, ...], loaded: MappingOf[str, str]) -> str | None:
    """What is wrong with the loaded plugins (name to version) for this entry; None if all is well."""
    for requirement in entry:
        version = loaded.get(requirement.plugin)
        if version is None:
            continue
        if _compatible(version, requirement.version):
            return None
        return (
            f"Plugin '{requirement.plugin}' version '{version}' is not compatible with required plugin version "
            f"'{requirement.version}'"
        )
    wanted = ", ".join(f"{requirement.plugin} (>= {requirement.version})" for requirement in entry)
    return f"Plugin requirement not satisfied, must load one of: {wanted}"


def _compatible(version: str, required: str) -> bool:
    have, want = _numbers(version), _numbers(required)
    return have is not None and want is not None and have[0] == want[0] and have >= want


def _numbers(text: str) -> tuple[int, ...] | None:
    match = _FULL_VERSION.match(text)
    return None if match is None else tuple(int(part) for part in match.groups())
