"""The HTTP half of the endpoint: keep-alive connections, AWS JSON bodies and a request id on every reply."""

import json
import logging
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes

    @classmethod
    def json(cls, value: Mapping[str, object], status: int = 200) -> "Reply":
        # ASCII, because a record may hold lone surrogates, which UTF-8 can't carry.
        return cls(status, json.dumps(value).encode("ascii"))

    @classmethod
    def error(cls, error_type: str, message: str, status: int = 400) -> "Reply":
        return cls.json({"__type": error_type, "message": message}, status)


class Server(ThreadingHTTPServer):
    """Knows its open connections, so that closing it ends the kept-alive ones too."""

    daemon_threads = True

    # respond gets X-Amz-Target, Authorization and the body; its None closes the connection without a reply.
    def __init__(self, address: tuple[str, int], respond: Callable[[str, str, bytes], Reply | None]) -> None:
        self.respond = respond
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        with self._connections_lock:
            self._connections.add(connection)
        return connection, address

    def close_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that goes away in the middle, as a killed worker does, is no error of the endpoint."""
        if isinstance(sys.exception(), ConnectionError):
            logger.debug("a caller went away")
            return
        super().handle_error(request, client_address)  # type: ignore[arg-type]  # the same arguments as given

    def close(self) -> None:
        """Stop listening and end every open connection."""
        self.server_close()
        with self._connections_lock:
            open_connections = list(self._connections)
        for connection in open_connections:
            hang_up(connection)


class Handler(BaseHTTPRequestHandler):
    """Passes each POST to the server's respond()."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "ecsaudit-sample"
    sys_version = ""
    timeout = 120  # seconds a kept-alive connection may idle
    wbufsize = -1  # head and body leave as one write; two of them stall on the client's delayed acknowledgement

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
            self.send_error(413 if length.isdigit() else 411)
            return
        body = self.rfile.read(int(length))
        target = self.headers.get("X-Amz-Target", "")
        reply = self.server.respond(target, self.headers.get("Authorization", ""), body)
        if reply is None:
            self.close_connection = True
            hang_up(self.connection)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)


def hang_up(connection: socket.socket) -> None:
    """End a connection that its own thread may just have closed."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("connection was already closed")
