"""Ways in which the endpoint can misbehave on request, for tests of the collector."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error in CloudTrail's own form, such as ErrorReply("InternalFailure", "…", 500)."""

    error_type: str
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class GarbageBody:
    """A body that is not what CloudTrail answers, as a broken proxy sends it."""

    body: bytes = b"<html>Bad gateway</html>"
    status: int = 200


@dataclass(frozen=True, slots=True)
class DroppedConnection:
    """The connection closes without an answer."""


@dataclass(frozen=True, slots=True)
class EmptyPage:
    """No events, and a NextToken that leads to the events of this very page."""


@dataclass(frozen=True, slots=True)
class ExpiredToken:
    """The NextToken of the request counts as expired."""


Fault = ErrorReply | GarbageBody | DroppedConnection | EmptyPage | ExpiredToken

# Gets the number of the request (the first is 1, over all accounts and Regions) and its parameters.
FaultHook = Callable[[int, Mapping[str, object]], Fault | None]
