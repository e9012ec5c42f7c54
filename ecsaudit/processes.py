"""The processes of a running product, each with the command that starts it."""

import logging
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from ecsaudit.demo import services as demo
from ecsaudit.supervisor import ProcessSpec

# Each log begins anew when it has grown beyond this; the one before is kept.
LONGEST_LOG = 5_000_000
# Seconds between two looks for sample data.
ASK_EVERY = 3.0
logger = logging.getLogger(__name__)


class SampleWatch:
    """Whether there is sample data, asked every few seconds; while the database doesn't answer, what it said last."""

    def __init__(self) -> None:
        self.answer = False
        self.next_at = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now >= self.next_at:
            self.next_at = now + ASK_EVERY
            close_old_connections()
            try:
                self.answer = demo.is_loaded()
            except DatabaseError as error:
                logger.warning("the database does not answer", extra={"reason": str(error)})
        return self.answer


def specs(*, host: str, port: int, verbose: bool) -> list[ProcessSpec]:
    """Web server, Celery worker, Celery beat, and the sample's CloudTrail while there is sample data."""
    python, manage = sys.executable, str(settings.BASE_DIR / "manage.py")
    celery = [python, "-m", "celery", "--quiet", "--app", "ecsaudit.celery"]
    gunicorn = [
        python,
        "-m",
        "gunicorn",
        "ecsaudit.wsgi",
        "--bind",
        f"{bracketed(host)}:{port}",
        "--worker-class",
        "gthread",
    ]
    gunicorn += [
        "--workers",
        "2",
        "--threads",
        "4",
        "--no-control-socket",
        "--logger-class",
        "ecsaudit.web_log.WebLog",
        "--worker-tmp-dir",
        str(settings.DATA_DIR),
    ]
    # What waits in the broker only says "look", and everybody looks at the start anyway.
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "8", "--purge", "--loglevel", settings.LOG_LEVEL]
    beat = [
        *celery,
        "beat",
        "--schedule",
        str(settings.DATA_DIR / "beat-schedule"),
        "--pidfile",
        "",
        "--loglevel",
        "WARNING",
    ]
    return [
        ProcessSpec("sample", [python, manage, "sample_endpoint"], log("sample", verbose), wanted=SampleWatch()),
        ProcessSpec("web", gunicorn, log("web", verbose)),
        ProcessSpec("worker", worker, log("worker", verbose)),
        ProcessSpec("beat", beat, log("beat", verbose)),
    ]


def bracketed(host: str) -> str:
    """An IPv6 address needs brackets where a port follows."""
    return f"[{host}]" if ":" in host else host


def log(name: str, verbose: bool) -> Path | None:
    """The process's log file, or None for the terminal."""
    if verbose:
        return None
    folder = settings.DATA_DIR / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    path: Path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(folder / f"{name}.log.1")
    return path
