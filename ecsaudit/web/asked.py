"""What an address names, where that needs more than a converter of urls.py."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import Http404

from ecsaudit.library.models import Kind
from ecsaudit.library.texts import is_name


def asked_item(values: Mapping[str, str], name: str = "name") -> tuple[str, str]:
    """The kind and name of an item in an address; Http404 for what no item can have."""
    kind, asked = values.get("kind", Kind.RULE.value if name != "name" else ""), values.get(name, "")
    if kind not in Kind.values or not is_name(asked):
        raise Http404(f"there is no {kind if kind in Kind.values else 'item'} of this name")
    return kind, asked


def asked_number(text: str) -> int | None:
    """The number of a row in an address; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
