"""Another side that misbehaves as planned, once for each message, and keeps a ledger of what it answered to whom."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

OK, LARGE, HALF, AFTER = "ok", "10 MB", "closes half-way through a yes", "worker killed after the call"
TOO_MANY, BROKEN, REDIRECT = "429", "500", "redirect"
TIMEOUT, LOST, DURING = "timeout", "answer lost", "worker killed during the call"
# What the worker is told with certainty, unless it is killed before it has noted it; after the rest nobody knows.
ACCEPTED = {OK, LARGE, HALF, AFTER}
REFUSED = {TOO_MANY: 429, BROKEN: 500, REDIRECT: 302}
PUBLISHED = (
    b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId>'
    b"</PublishResult></PublishResponse>"
)


class FaultySide:
    """`plan` is key → what happens at the first request with it; later ones are accepted. `ledger` is key → what happened."""

    def __init__(self) -> None:
        self.plan: dict[str, str] = {}
        self.ledger: defaultdict[str, list[str]] = defaultdict(list)
        self.kill = threading.Event()
        self.followed = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def served(self) -> int:
        return sum(map(len, list(self.ledger.values())))

    def saw(self, fault: str) -> bool:
        return any(fault in happened for happened in self.ledger.values())

    def next_fault(self, key: str) -> str:
        fault = OK if self.ledger[key] else self.plan.get(key, OK)
        self.ledger[key].append(fault)
        return fault


@contextmanager
def faulty_side() -> Iterator[FaultySide]:
    side = FaultySide()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/elsewhere":
                side.followed += 1
            key = self.headers.get("Idempotency-Key") or parse_qs(body.decode())["MessageDeduplicationId"][0]
            with suppress(ConnectionError):
                self.misbehave(side.next_fault(key), is_sns="Idempotency-Key" not in self.headers)

        def misbehave(self, fault: str, *, is_sns: bool) -> None:
            self.close_connection = True
            if fault in (TIMEOUT, DURING):
                if fault == DURING:
                    side.kill.set()
                # Until the other end is gone.
                self.connection.settimeout(60)
                with suppress(TimeoutError):
                    self.connection.recv(1)
            elif fault in REFUSED:
                self.say(REFUSED[fault], b"no", {"Retry-After": "1", "Location": "/elsewhere"})
            elif fault == HALF:
                self.say(200, b"half", {"Content-Length": "1000"})
            elif fault == LARGE:
                self.say(200, b"x" * 10_000_000, {})
            elif fault != LOST:
                self.say(200, PUBLISHED if is_sns else b"ok", {"Content-Type": "text/xml"})
            if fault == AFTER:
                side.kill.set()

        def say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    side.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
