"""Runs the processes of `manage.py start`: starts them, restarts those that die, stops them all.

Each child leads a process group of its own, so that a stop reaches what it started. ecsaudit.guard is told of each group and
kills those that are left when the supervisor itself was killed.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent.parent
LONGEST_PAUSE = 30.0
# A child that lived this long is no longer counted as failing.
LONG_LIFE = 60.0
COLD_STOP_AFTER = 5.0
KILL_AFTER = 10.0
TICK = 0.2


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to keep running while `wanted()` says so. `log` gets its output; None: this terminal."""

    name: str
    command: Sequence[str]
    log: Path | None = None
    wanted: Callable[[], bool] = always


@dataclass(slots=True)
class Child:
    spec: ProcessSpec
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_start_at: float = 0.0
    failures: int = 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Keeps the processes of `specs` running from start() until stop()."""

    specs: Sequence[ProcessSpec]
    children: list[Child] = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    guard: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.children = [Child(spec) for spec in self.specs]
        self.guard = subprocess.Popen(
            [sys.executable, "-m", "ecsaudit.guard"], stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True
        )

    def tick(self) -> None:
        """Start what is wanted and not running, stop what is no longer wanted."""
        now = time.monotonic()
        for child in self.children:
            wanted = child.spec.wanted()
            if child.process is not None and not child.running:
                self.note_death(child, now)
            if wanted and child.process is None and now >= child.next_start_at:
                self.launch(child, now)
            elif not wanted and child.running:
                self.end([child])

    def launch(self, child: Child, now: float) -> None:
        with child.spec.log.open("ab") if child.spec.log else nullcontext() as output:
            child.process = subprocess.Popen(
                child.spec.command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.tell_guard("+", child.process)
        child.started_at = now
        logger.info("process started", extra={"program": child.spec.name, "pid": child.process.pid})

    def note_death(self, child: Child, now: float) -> None:
        assert child.process is not None
        child.failures = 0 if now - child.started_at >= LONG_LIFE else child.failures
        pause = min(2.0**child.failures, LONGEST_PAUSE)
        logger.warning(
            "process died",
            extra={"program": child.spec.name, "exit_code": child.process.returncode, "restart_in_seconds": pause},
        )
        self.forget(child)
        child.failures += 1
        child.next_start_at = now + pause

    def run(self) -> None:
        """Look after the processes until `stopping` is set, then stop them."""
        try:
            while not self.stopping.is_set():
                self.tick()
                self.stopping.wait(TICK)
        finally:
            self.end(self.children)
            self.guard.communicate()

    def end(self, children: Sequence[Child]) -> None:
        """Ask all to stop, press those that take their time, kill the rest."""
        alive = [child.process for child in children if child.process is not None and child.running]
        for number, patience in ((signal.SIGTERM, COLD_STOP_AFTER), (signal.SIGQUIT, KILL_AFTER - COLD_STOP_AFTER)):
            for process in alive:
                send(process.pid, number)
            alive = still_alive(alive, patience)
        for process in alive:
            send(process.pid, signal.SIGKILL)
            process.wait()
        for child in children:
            self.forget(child)

    def forget(self, child: Child) -> None:
        """Let go of a child that ended; what it started may have outlived it."""
        if child.process is not None:
            send(child.process.pid, signal.SIGKILL)
            self.tell_guard("-", child.process)
            child.process = None

    def tell_guard(self, sign: str, process: subprocess.Popen[bytes]) -> None:
        assert self.guard.stdin is not None
        self.guard.stdin.write(f"{sign}{process.pid}\n".encode())
        self.guard.stdin.flush()


def still_alive(processes: Sequence[subprocess.Popen[bytes]], patience: float) -> list[subprocess.Popen[bytes]]:
    deadline = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(timeout=max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            continue
    return [process for process in processes if process.poll() is None]


def send(group: int, number: signal.Signals) -> None:
    """Signal a whole process group; one that is gone already is fine."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        logger.debug("process group is gone", extra={"group": group})
