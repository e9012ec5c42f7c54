"""A local HTTP server that speaks CloudTrail's LookupEvents, for the sample data and for tests.

A real boto3 client with this `endpoint_url` and `access_key_for(account)` as its access key id works against it.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from ecsaudit.demo.access_keys import UnknownAccessKey, access_key_for, account_and_region, account_for
from ecsaudit.demo.api_error import ApiError
from ecsaudit.demo.faults import (
    DroppedConnection,
    EmptyPage,
    ErrorReply,
    ExpiredToken,
    Fault,
    FaultHook,
    GarbageBody,
)
from ecsaudit.demo.http_server import Reply, Server
from ecsaudit.demo.lookup_events import LookupRequest, answer
from ecsaudit.demo.stored_events import EventStore, ListStore, Resource, StoredEvent, UnknownAccount, event_from_record
from ecsaudit.demo.throttle import Throttle

__all__ = [
    "CloudTrailEndpoint",
    "DroppedConnection",
    "EmptyPage",
    "ErrorReply",
    "EventStore",
    "ExpiredToken",
    "Fault",
    "FaultHook",
    "GarbageBody",
    "ListStore",
    "RecordedRequest",
    "Resource",
    "StoredEvent",
    "access_key_for",
    "account_for",
    "event_from_record",
]

# The API's documentation and the AWS SDKs write the prefix differently.
TARGETS = frozenset(
    {
        "CloudTrail_20131101.LookupEvents",
        "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
    }
)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A LookupEvents request as it came in. Account and Region are empty when its access key is unknown."""

    received_at: datetime
    account_id: str
    region: str
    params: Mapping[str, object]


def utc_now() -> datetime:
    return datetime.now(UTC)


class CloudTrailEndpoint:
    """Serves `store` on 127.0.0.1; port 0 takes a free one, a taken one raises OSError.

    requests_per_second  per account and Region, None for no limit; `burst` requests may come at once
    clock                the time by which events count as delivered
    monotonic            seconds by which the limit refills
    fault                asked before each request is answered; see faults.py
    requests_kept        how many of the latest requests `requests` remembers

    Use it as a context manager (serves from a thread), or call serve_forever() in a process of its own.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        port: int = 0,
        requests_per_second: float | None = 2.0,
        burst: int = 2,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        fault: FaultHook | None = None,
        requests_kept: int = 10_000,
    ) -> None:
        self._store = store
        self._throttle = Throttle(requests_per_second, burst, monotonic)
        self._clock = clock
        self._fault = fault
        self._lock = threading.Lock()
        self._received = 0
        self._requests: deque[RecordedRequest] = deque(maxlen=requests_kept)
        self._server = Server(("127.0.0.1", port), self.respond)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address for boto3's endpoint_url."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The latest LookupEvents requests, oldest first, refused ones included."""
        with self._lock:
            return tuple(self._requests)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="cloudtrail-endpoint", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.close()

    def serve_forever(self) -> None:
        """Serve from this thread until an exception, such as a signal handler's SystemExit, ends it."""
        try:
            self._server.serve_forever()
        finally:
            self._server.close()

    def respond(self, target: str, authorization: str, body: bytes) -> Reply | None:
        """The reply to one request; None closes the connection without one."""
        try:
            return self._respond(target, authorization, body)
        except ApiError as error:
            return Reply.error(error.error_type, error.message, error.status)
        except (UnknownAccessKey, UnknownAccount):
            return Reply.error("UnrecognizedClientException", "The security token included in the request is invalid.")

    def _respond(self, target: str, authorization: str, body: bytes) -> Reply | None:
        if target not in TARGETS:
            raise ApiError("UnknownOperationException", f"The operation {target or '(none)'} is not known.")
        params = _params(body)
        number = self._record(authorization, params)
        empty = False
        match self._fault(number, params) if self._fault else None:
            case ErrorReply(error_type, message, status):
                raise ApiError(error_type, message, status)
            case GarbageBody(garbage, status):
                return Reply(status, garbage)
            case DroppedConnection():
                return None
            case ExpiredToken():
                raise ApiError("InvalidNextTokenException", "The token has expired.")
            case EmptyPage():
                empty = True
        place = account_and_region(authorization)
        if not self._throttle.admits(place):
            raise ApiError("ThrottlingException", "Rate exceeded")
        return Reply.json(answer(LookupRequest.of(params), self._store, place, self._clock(), empty=empty))

    def _record(self, authorization: str, params: Mapping[str, object]) -> int:
        try:
            account_id, region = account_and_region(authorization)
        except UnknownAccessKey:
            account_id, region = "", ""
        with self._lock:
            self._received += 1
            self._requests.append(RecordedRequest(self._clock(), account_id, region, params))
            return self._received


def _params(body: bytes) -> Mapping[str, object]:
    try:
        params = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", "The body is not JSON.") from error
    if not isinstance(params, dict):
        raise ApiError("SerializationException", "The body is not a JSON object.")
    return params
