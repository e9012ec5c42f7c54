"""NextToken: a place in one look-up, opaque to the caller and refused for any other look-up.

The token carries the place itself, so a restarted endpoint still knows it.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from ecsaudit.demo.api_error import ApiError
from ecsaudit.demo.compact_json import compact_json


@dataclass(frozen=True, slots=True)
class Position:
    """Events already given (`offset`) of those delivered by `as_of`.

    `empty_pages` counts the empty pages on the way: no token leads to itself, which callers take for a loop.
    """

    as_of: datetime
    offset: int
    empty_pages: int = 0


def write(position: Position, scope: str) -> str:
    """The token of a position within `scope`, a text that stands for caller and parameters."""
    place = compact_json([position.as_of.isoformat(), position.offset, position.empty_pages])
    return base64.urlsafe_b64encode(f"{_seal(place, scope)}{place}".encode()).decode("ascii")


def read(token: str, scope: str) -> Position:
    """Raises ApiError (InvalidNextTokenException) for a token that `write` did not give for this scope."""
    refused = ApiError("InvalidNextTokenException", "The token is not valid, has expired, or the parameters changed.")
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise refused from error
    seal, place = text[:32], text[32:]
    if seal != _seal(place, scope):
        raise refused
    as_of, offset, empty_pages = json.loads(place)
    return Position(datetime.fromisoformat(as_of), offset, empty_pages)


def _seal(place: str, scope: str) -> str:
    # surrogatepass: a lookup attribute may hold any text that JSON can carry.
    return blake2b(f"{place}\n{scope}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
