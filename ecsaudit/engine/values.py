"""Single values of an item, read with Falco's checks and its messages."""

from __future__ import annotations

from .problems import Context, ItemError
from .reader import Mapping, Scalar, Sequence, is_null

INVALID = "LOAD_ERR_YAML_VALIDATE"
UNDECODABLE = "Can't decode YAML scalar value"

_TRUE = ("true", "yes", "on", "y")
_FALSE = ("false", "no", "off", "n")
BOOLEANS = {form: word in _TRUE for word in (*_TRUE, *_FALSE) for form in (word, word.capitalize(), word.upper())}


def required(item: Mapping, key: str, context: Context) -> Scalar:
    """The key's text, which must be there and not be empty."""
    node = item.get(key)
    if node is None:
        raise ItemError(INVALID, f"Item has no mapping for key '{key}'", context)
    if is_null(node):
        raise ItemError(INVALID, f"Mapping for key '{key}' is empty", context)
    inner = context.inside("value for", key, node)
    if not isinstance(node, Scalar):
        raise ItemError(INVALID, "Value is not a scalar value", inner)
    if node.text == "":
        raise ItemError(INVALID, "Value must be non-empty", inner)
    return node


def optional(item: Mapping, key: str, context: Context) -> Scalar | None:
    return None if item.get(key) is None else required(item, key, context)


def boolean(item: Mapping, key: str, context: Context) -> bool | None:
    """true/false, yes/no, on/off, y/n; None if the key is absent."""
    node = optional(item, key, context)
    if node is None:
        return None
    if node.text not in BOOLEANS:
        raise ItemError(INVALID, UNDECODABLE, context.inside("value for", key, node), "write true or false")
    return BOOLEANS[node.text]


def whole_number(item: Mapping, key: str, context: Context) -> int | None:
    node = optional(item, key, context)
    if node is None:
        return None
    if not (node.text.isascii() and node.text.isdigit()) or len(node.text) > 10:
        raise ItemError(INVALID, UNDECODABLE, context.inside("value for", key, node))
    return int(node.text)


def texts(item: Mapping, key: str, context: Context) -> list[Scalar]:
    """The key's sequence of scalars, which must be there."""
    node = item.get(key)
    if node is None:
        raise ItemError(INVALID, f"Item has no mapping for key '{key}'", context)
    inner = context.inside("value for", key, node)
    if not isinstance(node, Sequence):
        raise ItemError(INVALID, "Value is not a sequence", inner, f"write '{key}: [...]'")
    result: list[Scalar] = []
    for element in node.items:
        if not isinstance(element, Scalar) or element.is_null:
            raise ItemError(INVALID, "sequence value is not scalar", inner.inside("list item", "", element))
        result.append(element)
    return result


def optional_texts(item: Mapping, key: str, context: Context) -> list[Scalar] | None:
    return None if item.get(key) is None else texts(item, key, context)
