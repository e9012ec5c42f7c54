"""Real processes for tests: the product's own worker, on the database that the test sees."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def database_url() -> str:
    """The address of the test database that the running test uses."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    parts = {key: quote(str(database[key]), safe="") for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")}
    place = "{HOST}:{PORT}".format(**parts) if parts["PORT"] else parts["HOST"]
    socket = database["OPTIONS"].get("host")
    return f"postgres://{parts['USER']}:{parts['PASSWORD']}@{place}/{parts['NAME']}" + (
        f"?host={socket}" if socket else ""
    )


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The product's environment: its own data folder, the test's database and broker."""
    return (
        {name: value for name, value in os.environ.items() if not name.startswith(("ECSAUDIT_", "AWS_"))}
        | {"ECSAUDIT_DATA_DIR": str(folder), "DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL}
        | {"DJANGO_SETTINGS_MODULE": "ecsaudit.settings", "AWS_EC2_METADATA_DISABLED": "true"}
        | {"ECSAUDIT_RULES_DIR": str(settings.RULES_DIR)}
        | variables
    )


@contextmanager
def worker(folder: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker with beat, in a process group of its own, killed at the end if it still runs."""
    command = [sys.executable, "-m", "celery", "-A", "ecsaudit.celery", "worker", "--beat", "--pool", "threads"]
    command += ["--concurrency", "2", "--loglevel", "WARNING", "--schedule", str(folder / "beat-schedule")]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(folder, **variables), stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 for the process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def wait_until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Look again and again until the condition holds; an AssertionError says what did not happen in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        pause.wait(0.02)
