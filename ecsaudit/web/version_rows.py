"""The versions of an item as its page lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecsaudit.library.models import Layer, Version


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version, the one before it in its layer, and the one in force there (None: no text is)."""

    version: Version
    before: Version | None
    in_force: Version | None

    @property
    def can_be_restored(self) -> bool:
        """Texts of people; the shipped ones change with the rules folder, and the switches have buttons."""
        own = self.version.layer in (Layer.OWN, Layer.OVERLAY)
        return own and bool(self.version.text) and self.version != self.in_force


def version_rows(versions: Sequence[Version]) -> list[VersionRow]:
    """Rows of versions that are given newest first."""
    in_force = {version.layer: version for version in versions if version.is_current and version.text}
    before: dict[int, Version] = {}
    last: dict[str, Version] = {}
    for version in reversed(versions):
        if version.layer in last:
            before[version.pk] = last[version.layer]
        if version.layer != Layer.SWITCH:
            last[version.layer] = version
    return [VersionRow(version, before.get(version.pk), in_force.get(version.layer)) for version in versions]
