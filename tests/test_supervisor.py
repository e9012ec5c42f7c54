import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ecsaudit.guard import remaining
from ecsaudit.supervisor import ProcessSpec, Supervisor
from tests.processes import wait_until

pytestmark = pytest.mark.processes
# Writes its process id, then waits; with a word it takes no SIGTERM.
CHILD = """
import os, signal, sys, time
if len(sys.argv) > 2: signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGQUIT, signal.SIG_IGN)
with open(sys.argv[1], "a") as file: file.write(f"{os.getpid()}\\n")
signal.pause()
"""


def child(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-c", CHILD, str(folder / "pids"), *words]


def pids(folder: Path) -> list[int]:
    path = folder / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z" if Path("/proc").exists() else True


@contextmanager
def running(*specs: ProcessSpec) -> Iterator[Supervisor]:
    supervisor = Supervisor(specs)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.stopping.set()
        thread.join()


def test_processes_run_until_the_stop_and_not_after_it(tmp_path: Path) -> None:
    with running(ProcessSpec("child", child(tmp_path))):
        wait_until(lambda: pids(tmp_path), seconds=10, what="a child")
        assert alive(pids(tmp_path)[0])
    assert not alive(pids(tmp_path)[0])


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with running(ProcessSpec("child", child(tmp_path))):
        wait_until(lambda: pids(tmp_path), seconds=10, what="a child")
        os.kill(pids(tmp_path)[0], signal.SIGKILL)
        wait_until(lambda: len(pids(tmp_path)) == 2, seconds=10, what="a second child")


def test_a_process_runs_only_while_it_is_wanted(tmp_path: Path) -> None:
    wanted = threading.Event()
    with running(ProcessSpec("child", child(tmp_path), wanted=wanted.is_set)):
        assert not pids(tmp_path)
        wanted.set()
        wait_until(lambda: pids(tmp_path), seconds=10, what="a child")
        wanted.clear()
        wait_until(lambda: not alive(pids(tmp_path)[0]), seconds=10, what="its end")


def test_output_goes_to_the_process_s_log(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    with running(ProcessSpec("child", [sys.executable, "-c", "print('hello')"], log)):
        wait_until(lambda: log.exists() and "hello" in log.read_text(), seconds=10, what="the output")


def test_a_process_that_ignores_every_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecsaudit.supervisor.COLD_STOP_AFTER", 0.2)
    monkeypatch.setattr("ecsaudit.supervisor.KILL_AFTER", 0.4)
    with running(ProcessSpec("stubborn", child(tmp_path, "stubborn"))):
        wait_until(lambda: pids(tmp_path), seconds=10, what="a child")
    assert not alive(pids(tmp_path)[0])


def test_processes_of_a_killed_supervisor_are_killed_too(tmp_path: Path) -> None:
    code = (
        "import sys; from ecsaudit.supervisor import ProcessSpec, Supervisor\n"
        "Supervisor([ProcessSpec('child', sys.argv[1:])]).run()"
    )
    process = subprocess.Popen([sys.executable, "-c", code, *child(tmp_path)], cwd=Path(__file__).parent.parent)
    wait_until(lambda: pids(tmp_path), seconds=10, what="a child")
    process.kill()
    process.wait()
    wait_until(lambda: not alive(pids(tmp_path)[0]), seconds=10, what="the child's end")


def test_the_guard_remembers_what_was_started_and_not_taken_back() -> None:
    assert remaining(["+1\n", "+2\n", "-1\n", "+3\n"]) == {2, 3}
