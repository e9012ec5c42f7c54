import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from ecsaudit.environment import Hosts
from ecsaudit.notifications import outgoing
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.outgoing import Limits, post
from tests.notifications.other_sides import http_side, raw_side, request_of

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")
SOON = Limits(connect=1, total=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def send(address: str, *, limits: Limits = SOON, body: bytes = b"{}", before_call: Callable[[], None] = list) -> Answer:
    return post(address, body=body, headers={"X-Test": "1"}, before_call=before_call, limits=limits)


# --- known answers ----------------------------------------------------------------------------------------------------


def test_a_message_that_was_taken_is_accepted_with_what_the_other_side_said() -> None:
    with http_side(body=b"thank you") as side:
        answer = send(side.url("/hook?team=a"))
    assert answer == Answer(Outcome.ACCEPTED, "200", "thank you")
    assert side.got[0].path == "/hook?team=a"
    assert side.got[0].headers["Host"] == f"127.0.0.1:{side.port}"
    assert side.got[0].headers["X-Test"] == "1"
    assert side.got[0].body == b"{}"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (201, Outcome.ACCEPTED),
        (202, Outcome.ACCEPTED),
        (204, Outcome.ACCEPTED),
        (400, Outcome.REJECTED),
        (401, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (410, Outcome.REFUSED),
        (413, Outcome.REJECTED),
        (422, Outcome.REJECTED),
        (500, Outcome.REFUSED),
        (503, Outcome.REFUSED),
    ],
)
def test_a_status_says_what_came_of_it(status: int, outcome: Outcome) -> None:
    with http_side(status=status, body=b"" if status == 204 else b"said") as side:
        answer = send(side.url())
    assert (answer.outcome, answer.code) == (outcome, str(status))


def test_too_many_requests_are_refused_until_the_time_that_the_other_side_names() -> None:
    with http_side(status=429, headers={"Retry-After": "37"}) as side:
        assert send(side.url()).retry_after == 37
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    with http_side(status=429, headers={"Retry-After": at}) as side:
        assert send(side.url()).retry_after == pytest.approx(120, abs=5)
    with http_side(status=429, headers={"Retry-After": "soon"}) as side:
        answer = send(side.url())
    assert (answer.outcome, answer.retry_after) == (Outcome.REFUSED, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_never_followed(status: int) -> None:
    with http_side() as elsewhere, http_side(status=status, headers={"Location": elsewhere.url("/there")}) as side:
        answer = send(side.url())
        assert elsewhere.got == []
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, str(status))
    assert f"a redirect to {elsewhere.url('/there')}; ecsaudit follows none" in answer.text


def test_of_ten_megabytes_only_the_beginning_is_read() -> None:
    with http_side(body=b"x" * 10_000_000) as side:
        started = time.monotonic()
        answer = send(side.url(), limits=Limits(total=10))
    assert (answer.outcome, len(answer.text)) == (Outcome.ACCEPTED, 65_536)
    assert time.monotonic() - started < 5


def test_a_body_that_breaks_off_does_not_change_what_the_status_said() -> None:
    def act(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")

    with raw_side(act) as address:
        assert send(address) == Answer(Outcome.ACCEPTED, "200", "half of")


def test_headers_that_break_off_after_the_status_line_do_not_change_what_it_said() -> None:
    def act(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 503 Busy\r\nRetry-Af")

    with raw_side(act) as address:
        answer = send(address)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "503")


def test_a_server_that_answers_before_it_has_read_everything_is_heard() -> None:
    def act(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with raw_side(act) as address:
        answer = send(address, body=b"x" * 5_000_000)
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "413")


@pytest.mark.parametrize("pause", [0.05, 0.3])
@pytest.mark.parametrize("after", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_slow_drip_after_the_status_line_ends_in_time_with_a_known_answer(after: bytes, pause: float) -> None:
    with raw_side(dripping(after, pause)) as address:
        started = time.monotonic()
        answer = send(address)
    assert time.monotonic() - started < 3
    assert (answer.outcome, answer.code) == (Outcome.ACCEPTED, "200")


# --- unknown ----------------------------------------------------------------------------------------------------------


def dripping(first: bytes, pause: float) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(first)
        with suppress(OSError):
            while True:
                connection.sendall(b"x")
                time.sleep(pause)

    return act


def silent(connection: socket.socket) -> None:
    request_of(connection)
    with suppress(OSError):
        connection.recv(1)


def test_no_answer_in_time_leaves_it_open_whether_it_arrived() -> None:
    with raw_side(silent) as address:
        answer = send(address)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "timeout")


def test_a_slow_drip_of_the_status_line_ends_at_the_total_limit() -> None:
    with raw_side(dripping(b"HTTP/1.1 2", 0.05)) as address:
        started = time.monotonic()
        answer = send(address)
    assert time.monotonic() - started < 3
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "timeout")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2"])
def test_a_close_before_the_status_line_is_whole_leaves_it_open(said: bytes) -> None:
    def act(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(said)

    with raw_side(act) as address:
        answer = send(address)
    assert answer.outcome == Outcome.UNKNOWN
    assert "it may have arrived" in answer.text


def test_a_reset_leaves_it_open() -> None:
    def act(connection: socket.socket) -> None:
        request_of(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_side(act) as address:
        answer = send(address)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "closed")


def test_an_answer_that_is_no_http_leaves_it_open() -> None:
    def act(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"220 mail.example.com ESMTP\r\n")

    with raw_side(act) as address:
        answer = send(address)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "garbled")


def test_a_side_that_reads_nothing_can_not_hold_us() -> None:
    def act(connection: socket.socket) -> None:
        time.sleep(3)

    with raw_side(act) as address:
        started = time.monotonic()
        answer = send(address, body=b"x" * 20_000_000)
    assert answer.outcome == Outcome.UNKNOWN
    assert time.monotonic() - started < 8


# --- nothing left -----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://10.0.0.1/", "address refused"),
        ("https://169.254.169.254/latest/", "address refused"),
        ("http://8.8.8.8/", "address refused"),
        ("https://nowhere.invalid/", "unknown name"),
        ("gopher://127.0.0.1/", "bad address"),
        ("http://127.0.0.1:{free_port}/", "no connection"),
    ],
)
def test_where_nothing_left_it_says_so_and_nothing_was_called(address: str, code: str) -> None:
    called: list[int] = []
    answer = send(address.format(free_port=free_port()), before_call=lambda: called.append(1))
    assert (answer.outcome, answer.code, called) == (Outcome.UNSENT, code, [])


def test_before_call_comes_after_the_connection_and_before_the_first_byte() -> None:
    order: list[str] = []

    def act(connection: socket.socket) -> None:
        order.append("connected")
        request_of(connection)
        order.append("request")
        connection.sendall(OK)

    def before_call() -> None:
        time.sleep(0.2)
        order.append("before_call")

    with raw_side(act) as address:
        send(address, before_call=before_call)
    assert order == ["connected", "before_call", "request"]


def test_what_before_call_raises_stops_everything() -> None:
    got: list[bytes] = []

    def act(connection: socket.socket) -> None:
        got.append(connection.recv(1))

    def before_call() -> None:
        raise LookupError("another worker has it")

    with raw_side(act) as address:
        with pytest.raises(LookupError):
            send(address, before_call=before_call)
        time.sleep(0.1)
    assert got == [b""]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_side() as proxy, http_side() as side:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert send(side.url()).outcome == Outcome.ACCEPTED
        assert (len(proxy.got), len(side.got)) == (0, 1)


# --- names that change their mind -------------------------------------------------------------------------------------


class Names:
    """A name server that gives another answer each time, in front of the real one."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = iter(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(self.answers)]


@pytest.fixture
def both_sides() -> Iterator[tuple[int, list[str]]]:
    """Servers at 127.0.0.1 and 127.0.0.2 on one port, and which of them was called."""
    called: list[str] = []

    def answering(host: str) -> Callable[[socket.socket], None]:
        def act(connection: socket.socket) -> None:
            called.append(host)
            request_of(connection)
            connection.sendall(OK)

        return act

    with raw_side(answering("127.0.0.1")) as address:
        port = int(address.split(":")[2].split("/")[0])
        second = socket.create_server(("127.0.0.2", port))
        second.close()
        yield port, called


def test_the_address_that_was_checked_is_the_one_that_is_called(
    both_sides: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, called = both_sides
    names = Names(["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    assert send(f"http://rebinding.example:{port}/").outcome == Outcome.ACCEPTED
    assert (names.asked, called) == (1, ["127.0.0.1"])
    answer = send(f"http://rebinding.example:{port}/")
    assert (answer.outcome, answer.code) == (Outcome.UNSENT, "address refused")
    assert called == ["127.0.0.1"]


def test_a_name_with_one_address_that_must_not_be_called_is_refused_whole(
    both_sides: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, called = both_sides
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1", "10.0.0.1"]))
    assert send(f"http://mixed.example:{port}/").code == "address refused"
    assert called == []


def test_the_next_address_is_tried_when_one_does_not_answer(
    both_sides: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    port, called = both_sides
    settings.ALLOWED_WEBHOOK_HOSTS = Hosts(networks=(ip_network("127.0.0.0/8"),))
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.2", "127.0.0.1"]))
    assert send(f"http://two.example:{port}/").outcome == Outcome.ACCEPTED
    assert called == ["127.0.0.1"]


# --- encryption -------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for hooks.example that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def encrypted_port(certificate: Path) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def act(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            request_of(encrypted)
            encrypted.sendall(OK)

    with raw_side(act) as address:
        yield int(address.split(":")[2].split("/")[0])


@pytest.fixture
def fresh_trust() -> Iterator[None]:
    outgoing.trusted.cache_clear()
    yield
    outgoing.trusted.cache_clear()


@pytest.mark.usefixtures("fresh_trust")
def test_a_company_s_own_authority_is_trusted_when_the_machine_knows_it(
    encrypted_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"], ["127.0.0.1"]))
    assert send(f"https://hooks.example:{encrypted_port}/").outcome == Outcome.ACCEPTED
    answer = send(f"https://other.example:{encrypted_port}/")
    assert (answer.outcome, answer.code) == (Outcome.UNSENT, "certificate")
    assert "other.example can't prove who it is" in answer.text


@pytest.mark.usefixtures("fresh_trust")
def test_a_certificate_that_nobody_vouches_for_stops_the_message(
    encrypted_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"]))
    answer = send(f"https://hooks.example:{encrypted_port}/")
    assert (answer.outcome, answer.code) == (Outcome.UNSENT, "certificate")


def test_a_side_that_speaks_no_tls_gets_nothing() -> None:
    with http_side() as side:
        answer = send(side.url().replace("http://", "https://"))
    assert (answer.outcome, answer.code, side.got) == (Outcome.UNSENT, "no connection", [])


def test_a_handshake_that_never_ends_is_given_up() -> None:
    with raw_side(lambda connection: time.sleep(3)) as address:
        started = time.monotonic()
        answer = send(address.replace("http://", "https://"))
    assert (answer.outcome, answer.code) == (Outcome.UNSENT, "no connection")
    assert time.monotonic() - started < 5
