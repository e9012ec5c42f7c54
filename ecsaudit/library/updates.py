"""Shipped texts that changed since somebody customised them."""

from __future__ import annotations

from dataclasses import dataclass

from ecsaudit.library.models import Layer, Version
from ecsaudit.library.texts import TextRefused, items_of


@dataclass(frozen=True, slots=True)
class Update:
    """An overlay whose shipped text is another by now.

    `base` is the text that was customised (None: it is no longer kept), `shipped` today's. `changed` are the keys that
    differ between them, `replaced` those of them that the overlay replaces, so that the update has no effect there.
    """

    base: Version | None
    shipped: Version
    overlay: Version
    changed: tuple[str, ...]
    replaced: tuple[str, ...]


def waiting(kind: str, name: str) -> Update | None:
    """The update of an item's shipped text that its overlay wasn't compared with yet."""
    found = Version.objects.current().filter(kind=kind, name=name).select_related("based_on", "author")
    texts = {version.layer: version for version in found}
    overlay, shipped = texts.get(Layer.OVERLAY), texts.get(Layer.SHIPPED)
    if overlay is None or shipped is None or overlay.based_on_id == shipped.pk:
        return None
    before, after = parts(overlay.based_on.text if overlay.based_on else ""), parts(shipped.text)
    changed = tuple(key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key))
    replaced = replaced_keys(overlay.text)
    return Update(overlay.based_on, shipped, overlay, changed, tuple(key for key in changed if key in replaced))


def parts(text: str) -> dict[str, str]:
    """The keys of an item's text with their texts; of several items of one name all together."""
    found: dict[str, str] = {}
    try:
        for item in items_of(text):
            for key, part in item.parts.items():
                found[key] = found.get(key, "") + part
    except TextRefused:
        # Rule files that can't be read are told where they are loaded; here every key of them is another.
        return {}
    return found


def replaced_keys(text: str) -> set[str]:
    """The keys that an overlay replaces: under `override`, or all of an item without one."""
    found: set[str] = set()
    for item in items_of(text):
        if item.overrides:
            found |= {key for key, word in item.overrides.items() if word == "replace"}
        elif "append" not in item.keys:
            found |= item.keys
    return found
