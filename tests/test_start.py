"""`manage.py start` with its real processes, each on a data folder, a database and a port of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.processes import ROOT, wait_until
from tests.services import free_port

pytestmark = pytest.mark.processes
PASSWORD = re.compile(r"one-time password\s+(\S+)")


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """As on a machine where nothing is set: SQLite, embedded broker, no AWS."""
    dropped = ("ECSAUDIT_", "AWS_", "DATABASE_URL", "REDIS_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"ECSAUDIT_DATA_DIR": str(folder), "AWS_EC2_METADATA_DISABLED": "true"} | variables


@contextmanager
def started(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    log = (folder.parent / f"{folder.name}.out").open("w+")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "start", "--port", str(port), *options],
        cwd=ROOT,
        env=environment(folder) | {"PYTHONUNBUFFERED": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def said(folder: Path) -> str:
    return (folder.parent / f"{folder.name}.out").read_text()


def wait_until_running(folder: Path) -> None:
    wait_until(lambda: "is running at" in said(folder), seconds=60, what=f"a running product; it said: {said(folder)}")


def refused(folder: Path, *options: str, **variables: str) -> str:
    """The one line with which a start is refused."""
    result = subprocess.run(
        [sys.executable, "manage.py", "start", *options],
        cwd=ROOT,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def children(process: subprocess.Popen[str]) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def test_a_first_start_serves_the_sample_stops_cleanly_and_a_second_finds_everything(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    with started(folder, port) as process:
        wait_until_running(folder)
        assert len(PASSWORD.findall(said(folder))) == 1
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/sessions/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (302, "/login/?next=/sessions/")
        assert "unsafe" not in str(answer.getheader("Content-Security-Policy"))
        assert "default-src 'none'" in str(answer.getheader("Content-Security-Policy"))
        wait_until(lambda: "first read" in said(folder), seconds=120, what="the progress of the first read")
        assert "already" in refused(folder, "--port", str(free_port()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert "Traceback" not in said(folder)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with started(folder, port) as process:
        wait_until_running(folder)
        assert "password" not in said(folder)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    for log in (folder / "logs").iterdir():
        assert "password" not in log.read_text()


def test_a_killed_web_server_comes_back_and_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    with started(folder, port, "--no-sample") as process:
        wait_until_running(folder)
        first = web_server(port)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: web_server(port) not in (0, first), seconds=30, what="another web server")
        family = children(process)
        assert family
        process.kill()
        wait_until(lambda: not any(runs(pid) for pid in family), seconds=15, what="the end of all processes")


def web_server(port: int) -> int:
    found = subprocess.run(["pgrep", "-o", "-f", f"bind 127.0.0.1:{port}"], capture_output=True, text=True, check=False)
    return int(found.stdout or 0)


def runs(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")


def test_a_taken_port_is_told_and_nothing_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"can't listen on 127.0.0.1 port {port}" in refused(tmp_path / "data", "--port", str(port))


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in its place")
    assert "set ECSAUDIT_DATA_DIR" in refused(tmp_path / "data")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ECSAUDIT_POLL_SECONDS": "soon"}, "ECSAUDIT_POLL_SECONDS is 'soon'; it must be a whole number from 1"),
        ({"ECSAUDIT_DEBUG": "perhaps"}, "ECSAUDIT_DEBUG is 'perhaps'"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must begin with postgres:// or sqlite://"),
        ({"DATABASE_URL": "postgres://u:p@127.0.0.1:9/x"}, "the database can't be used"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL must begin with redis://"),
    ],
)
def test_a_bad_setting_is_told_in_one_line(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    assert said in refused(tmp_path / "data", "--port", str(free_port()), **variables)


def test_letting_others_in_needs_the_names_they_will_use(tmp_path: Path) -> None:
    assert "ECSAUDIT_ALLOWED_HOSTS" in refused(tmp_path / "data", "--host", "0.0.0.0", "--port", str(free_port()))


def test_aws_without_credentials_is_told(tmp_path: Path) -> None:
    line = refused(
        tmp_path / "data",
        "--aws",
        "--port",
        str(free_port()),
        ECSAUDIT_AWS_REGIONS="eu-west-1",
        AWS_CONFIG_FILE="/nonexistent",
        AWS_SHARED_CREDENTIALS_FILE="/nonexistent",
    )
    assert "Unable to locate credentials" in line
