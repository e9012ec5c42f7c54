"""The one client by which messages leave over HTTP: one POST, no redirect, no proxy of the environment, no retry.

It speaks through the standard library rather than a larger client because three things must be known exactly: which address
is connected to (the one that was checked), whether a byte of the message left (then a missing answer means that it may have
arrived), and when to stop (a total limit, however slowly the other side drips; only the look-up of a name takes as long as
the machine's resolver is set to).
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import cast

from botocore.httpsession import where
from django.conf import settings

from ecsaudit.environment import Hosts
from ecsaudit.notifications.addresses import Destination, Unsent, checked
from ecsaudit.notifications.answer import Answer, Outcome

USER_AGENT = "ecsaudit"
# The same message would be refused for ever.
NEVER = frozenset[int]({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
# Of sides that answer 400 also for what a person can mend.
NEVER_BUT_400 = NEVER - {HTTPStatus.BAD_REQUEST}
ADDRESSES_TRIED = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, seconds for everything, bytes of the answer that are read."""

    connect: float = 5
    total: float = 20
    size: int = 65_536


class NoConnection(Unsent):
    code = "no connection"


class NoTrust(Unsent):
    code = "certificate"


def post(
    address: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    before_call: Callable[[], None],
    limits: Limits | None = None,
    never: frozenset[int] = NEVER,
) -> Answer:
    """Send `body` and say what came of it. `before_call` runs once the connection stands, before any byte of the request.

    A status in `never` says that this message will never be taken.
    """
    limits = limits or Limits()
    deadline = Deadline(limits.total)
    try:
        destination = Destination.of(address)
        found = connect(destination, settings.ALLOWED_WEBHOOK_HOSTS, deadline, limits)
    except Unsent as error:
        return Answer(Outcome.UNSENT, error.code, str(error))
    with closing(found):
        before_call()
        answer = exchange(destination, Wire(found, deadline), body, headers, limits)
    if answer.outcome == Outcome.REFUSED and answer.code in {str(int(status)) for status in never}:
        return replace(answer, outcome=Outcome.REJECTED)
    return answer


def connect(destination: Destination, allowed: Hosts, deadline: Deadline, limits: Limits) -> socket.socket:
    """A connection to one of the checked addresses, encrypted for https."""
    failure = "no address"
    for family, address in checked(destination, allowed)[:ADDRESSES_TRIED]:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(deadline.left(limits.connect))
            made.connect(address)
            return encrypted(made, destination, deadline, limits) if destination.is_https else made
        except ssl.SSLCertVerificationError as error:
            made.close()
            raise NoTrust(f"{destination.host} can't prove who it is: {error.verify_message}") from error
        except OSError as error:
            made.close()
            failure = "no answer in time" if isinstance(error, TimeoutError) else str(error.strerror or error)
    raise NoConnection(f"no connection to {destination.host}: {failure}")


def encrypted(made: socket.socket, destination: Destination, deadline: Deadline, limits: Limits) -> ssl.SSLSocket:
    made.settimeout(deadline.left(limits.connect))
    return trusted().wrap_socket(made, server_hostname=destination.host)


@cache
def trusted() -> ssl.SSLContext:
    """The authorities of the machine (SSL_CERT_FILE adds a company's own), and those that boto3 trusts."""
    context = ssl.create_default_context()
    context.load_verify_locations(where())
    return context


def exchange(destination: Destination, wire: Wire, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
    """Request and answer. From here on a missing answer leaves it open whether the message arrived."""
    connection = HTTPConnection(destination.host, destination.port)
    connection.sock = cast(socket.socket, wire)
    response = HTTPResponse(connection.sock, method="POST")
    failure: Exception | None = None
    own = {
        "Host": destination.host_header,
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    try:
        connection.request("POST", destination.target, body, {**own, **headers})
    except OSError as error:
        # It may have answered, and closed, before it had read everything.
        failure = error
    text = ""
    try:
        response.begin()
        text = read(response, limits.size)
    except (HTTPException, OSError) as error:
        failure = failure or error
    # http.client keeps the status as soon as its line is there; headers that are cut off change nothing about it.
    if not isinstance(response.status, int) or response.status < HTTPStatus.OK:
        return unknown(failure)
    return known(response, text)


def unknown(failure: Exception | None) -> Answer:
    if isinstance(failure, TimeoutError):
        return Answer(Outcome.UNKNOWN, "timeout", "no answer in time; it may have arrived")
    if isinstance(failure, OSError):
        return Answer(Outcome.UNKNOWN, "closed", "the connection was closed before an answer; it may have arrived")
    return Answer(Outcome.UNKNOWN, "garbled", "the answer was no HTTP; it may have arrived")


def known(response: HTTPResponse, text: str) -> Answer:
    """The answer by its status. A body that breaks off, drips or is too long doesn't change what the status said."""
    status, headers = response.status, response.headers or Message()
    if 200 <= status < 300:
        return Answer(Outcome.ACCEPTED, str(status), text)
    if 300 <= status < 400:
        where_to = headers.get("Location", "nowhere")
        said = f"a redirect to {where_to}; ecsaudit follows none: enter the address that takes messages"
        return Answer(Outcome.REFUSED, str(status), said)
    return Answer(Outcome.REFUSED, str(status), text or response.reason, seconds_of(headers.get("Retry-After", "")))


def read(response: HTTPResponse, size: int) -> str:
    """What the other side said, as far as it came."""
    body = bytearray()
    with suppress(HTTPException, OSError):
        while len(body) < size and (part := response.read1(size - len(body))):
            body += part
    return bytes(body).decode("utf-8", "replace")


def seconds_of(retry_after: str) -> float | None:
    """Retry-After, which is a number of seconds or a time."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


class Deadline:
    """The moment at which everything must be over."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds until then; raises TimeoutError when there are none."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time for the whole request is over")
        return seconds if at_most is None else min(seconds, at_most)


class Wire:
    """A socket as http.client uses one, whose every wait ends at one deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self.connection, self.deadline = connection, deadline

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.connection.settimeout(self.deadline.left())
            rest = rest[self.connection.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(Incoming(self))

    def close(self) -> None:
        self.connection.close()


class Incoming(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's buffer type has no name at run time
        self.wire.connection.settimeout(self.wire.deadline.left())
        return self.wire.connection.recv_into(buffer)
