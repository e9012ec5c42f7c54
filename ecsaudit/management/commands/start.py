"""Run everything: the one command of a self-hosted installation."""

import fcntl
import logging
import os
import signal
import socket
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from ecsaudit import processes
from ecsaudit.cloudtrail import aws
from ecsaudit.cloudtrail.models import Account, Feed
from ecsaudit.demo import services as demo
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.findings.models import Finding
from ecsaudit.people import services as people
from ecsaudit.people.models import User
from ecsaudit.supervisor import Supervisor
from ecsaudit.web.health import health

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REPORT_EVERY = 2.0


class Command(BaseCommand):
    help = (
        "Run the whole product: database migrations, web server, Celery worker and Celery beat, until Ctrl-C or SIGTERM. "
        "The first start prints a one-time password and, unless --aws or --no-sample is given, loads sample data."
    )
    # The checks would open the database before it is known to be reachable.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
        parser.add_argument("--aws", action="store_true", help="read the account of the AWS credentials at hand")
        parser.add_argument("--no-sample", action="store_true", help="load no sample data at the first start")
        parser.add_argument("--verbose", action="store_true", help="show the processes' logs here instead of in files")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        with only_one():
            check_address(host, port)
            if not options["verbose"]:
                log_to_file()
            self.prepare_database(aws_wanted=options["aws"], sample_wanted=not options["no_sample"])
            # The processes begin links with it, unless somebody said where people reach this installation.
            os.environ.setdefault("ECSAUDIT_URL", address(host, port))
            supervisor = Supervisor(
                processes.specs(host=host, port=port, verbose=options["verbose"]), stopping=stopping
            )
            reporter = threading.Thread(target=self.report, args=(host, port, stopping), daemon=True)
            reporter.start()
            supervisor.run()
            reporter.join(timeout=5)
        self.stdout.write("ecsaudit has stopped")

    def prepare_database(self, *, aws_wanted: bool, sample_wanted: bool) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except DatabaseError as error:
            raise CommandError(f"the database can't be used: {' '.join(str(error).split())}") from error
        first_start = not User.objects.exists()
        if aws_wanted:
            self.connect_aws()
        elif first_start and sample_wanted and not Account.objects.exists():
            demo.load()
        demo.note_endpoint("")
        if first_start:
            user, password = people.create_admin(username="admin")
            self.stdout.write(f"\n  First start. Log in as {user.username} with the one-time password  {password}\n")
        connection.close()

    def connect_aws(self) -> None:
        try:
            account = aws.connect(profile_name=settings.AWS_PROFILE, regions=settings.AWS_REGIONS)
        except aws.AwsSetupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"reading AWS account {account.account_id} in {', '.join(account.regions)}")

    def report(self, host: str, port: int, stopping: threading.Event) -> None:
        """Say when the product answers, then how far the first read is, until it is complete."""
        url = f"{address(host, port)}/"
        while not stopping.is_set() and not answers(host, port):
            stopping.wait(0.2)
        if stopping.is_set():
            return
        self.stdout.write(f"ecsaudit is running at {url}  (Ctrl-C stops it; logs are in {settings.DATA_DIR / 'logs'})")
        was_incomplete = False
        while not stopping.is_set():
            state = health(list(Feed.objects.for_collection_screen()), timezone.now())
            if state.feeds and not state.is_reading_the_past:
                break
            was_incomplete = True
            reached = state.progress.reached_at
            self.show(
                f"first read {bar(state.percent)} {state.percent:3} %, {state.progress.pages:,} pages, "
                f"{state.progress.events_new:,} events{f', back to {reached:%Y-%m-%d %H:%M} UTC' if reached else ''}"
            )
            stopping.wait(REPORT_EVERY)
        if was_incomplete and not stopping.is_set():
            done = f"{ExecSession.objects.count():,} sessions, {Finding.objects.count():,} findings"
            self.show(f"first read complete: {done}" if state.progress.complete else state.sentence, last=True)
        connection.close()

    def show(self, line: str, *, last: bool = False) -> None:
        """One line that is written over on a terminal, and a line each elsewhere."""
        if sys.stdout.isatty():
            self.stdout.write(f"\r{line:<100}", ending="\n" if last else "")
        else:
            self.stdout.write(line)
        self.stdout.flush()


def address(host: str, port: int) -> str:
    return f"http://{processes.bracketed(host if host in LOOPBACK else socket.gethostname())}:{port}"


def bar(percent: int, width: int = 25) -> str:
    return "█" * (percent * width // 100) + "░" * (width - percent * width // 100)


@contextmanager
def only_one() -> Iterator[None]:
    """Refuse a second start on the same data folder; the lock goes with the process, however it ends."""
    with (settings.DATA_DIR / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"ecsaudit is running already on {settings.DATA_DIR}; stop it, or set ECSAUDIT_DATA_DIR to another folder"
            ) from error
        yield


def log_to_file() -> None:
    """Keep this process's own log beside the others', and the terminal for what people read."""
    path = processes.log("supervisor", verbose=False)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and path is not None:
            handler.setStream(path.open("a", encoding="utf-8"))


def check_address(host: str, port: int) -> None:
    if not 1 <= port <= 65_535:
        raise CommandError(f"--port {port} is not from 1 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(
            f"can't listen on {host} port {port}: {error.strerror}; choose another with --host or --port"
        ) from error
    if host not in LOOPBACK and set(settings.ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"}:
        raise CommandError(
            f"--host {host} lets others in; first set ECSAUDIT_ALLOWED_HOSTS to the names they use, such as audit.example.com"
        )


def answers(host: str, port: int) -> bool:
    """Whether the web server answers at all; what it answers doesn't matter."""
    web = HTTPConnection(host, port, timeout=2)
    try:
        web.request("GET", "/login/", headers={"Host": "localhost"})
        web.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        web.close()
    return True
