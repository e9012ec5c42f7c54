"""What the wire shows beneath boto3: kept connections, refused bodies, callers that go away."""

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from ecsaudit.demo.http_server import Reply, Server


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), lambda target, authorization, body: Reply.json({"length": len(body)}))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.close()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=5)


def test_one_connection_carries_several_requests(server: Server) -> None:
    with connected(server) as connection, connection.makefile("rb") as answers:
        for _ in range(3):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            while answers.readline() != b"\r\n":
                pass
            assert answers.read(13) == b'{"length": 2}'


@pytest.mark.parametrize(
    ("length", "status"),
    [(b"Content-Length: 1000001\r\n", b"413"), (b"Content-Length: -1\r\n", b"411"), (b"", b"411")],
)
def test_a_body_of_no_or_absurd_length_is_refused_and_the_connection_closed(
    server: Server, length: bytes, status: bytes
) -> None:
    with connected(server) as connection, connection.makefile("rb") as answers:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n")
        assert answers.readline().split()[1] == status
        assert b"Connection: close" in answers.read()


def test_a_caller_that_goes_away_leaves_no_trace_on_the_terminal(
    server: Server, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ecsaudit.demo.http_server")
    try:
        raise BrokenPipeError
    except BrokenPipeError:
        server.handle_error(None, ("127.0.0.1", 1))
    assert "went away" in caplog.text
    assert capsys.readouterr().err == ""


def test_a_reply_is_ascii_even_with_lone_surrogates() -> None:
    assert Reply.json({"text": "\ud83d ä"}).body == b'{"text": "\\ud83d \\u00e4"}'
