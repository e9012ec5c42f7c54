"""Ten thousand findings at once: what telling people adds to taking events in, and what the screens feel of it.

    python -m tests.benchmarks.flood --findings 10000

Pages of 50 events are taken in by the pipeline, first without a channel, then with the default policy leading to a webhook,
while another thread sends what is due and a third looks at the screens, all on one database (DATABASE_URL, or a SQLite of
its own). Nothing may be dropped: every finding ends with a delivery, and every delivery is sent or held back.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = 50
PEOPLE, CONTAINERS = 20, 5
SCREENS = ("/findings/", "/findings/?view=flat", "/deliveries/", "/sessions/")
# Taking in with telling : without; a screen during the flood : before it.
INTAKE_LIMIT, SCREEN_LIMIT = 2.0, 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecsaudit-benchmark-") as folder:
        os.environ |= {
            "ECSAUDIT_DATA_DIR": folder,
            "ECSAUDIT_RULES_DIR": str(ROOT / "tests" / "data" / "rules"),
            "ECSAUDIT_LOG_LEVEL": "ERROR",
            "ECSAUDIT_ALLOWED_HOSTS": "testserver",
            "ECSAUDIT_ALLOWED_WEBHOOK_HOSTS": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "ecsaudit.settings",
        }
        import django  # noqa: PLC0415

        django.setup()
        sys.exit(run(options.findings))


def run(count: int) -> int:
    """Returns the exit code."""
    from django.core.management import call_command  # noqa: PLC0415

    from ecsaudit.findings.models import Finding  # noqa: PLC0415
    from ecsaudit.notifications.models import Delivery, Message, State  # noqa: PLC0415
    from tests.notifications.other_sides import http_side  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    feed, client = prepared()
    look(client)
    quiet = take_in(feed, count // 5, "before")
    before = look(client)
    with http_side() as side:
        open_channel(side.url())
        during: list[float] = []
        with going(send_due), going(lambda: during.extend(look(client, rounds=1))):
            started_at = time.perf_counter()
            loud = take_in(feed, count, "flood")
            seconds = time.perf_counter() - started_at
        send_due()
        posted = len(side.got)
    told, sent = Delivery.objects.count(), Message.objects.filter(state=State.SENT).count()
    held = Delivery.objects.filter(message=None, not_sent="").count()
    intake, screens = statistics.median(loud) / statistics.median(quiet), worst(during) / worst(before)
    print(f"{count:,} findings in {seconds:.0f} s ({count / seconds * 60:,.0f} a minute)")
    print(f"deliveries {told:,}: in {sent:,} messages sent ({posted:,} arrived), {held:,} held back")
    print(f"a page of {PAGE} taken in, with telling : without  {intake:.2f}, at most {INTAKE_LIMIT} is wanted")
    print(f"a screen, p95 during the flood : before it  {screens:.2f}, at most {SCREEN_LIMIT} is wanted")
    assert told == count and Finding.objects.count() == count + count // 5, "a finding was dropped"
    assert posted == sent == Delivery.objects.exclude(message=None).values("message").distinct().count()
    return int(intake > INTAKE_LIMIT or screens > SCREEN_LIMIT)


def prepared() -> tuple[Any, Any]:
    """A feed to take pages in for, and somebody who looks."""
    from django.test import Client  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from ecsaudit.cloudtrail.models import Account, Feed  # noqa: PLC0415
    from ecsaudit.people.models import User  # noqa: PLC0415

    account = Account.objects.create(account_id="111122223333", regions=["eu-west-1"])
    client = Client()
    client.force_login(User.objects.create_superuser("adam"))
    return Feed.objects.create(account=account, region="eu-west-1", next_attempt_at=timezone.now()), client


def open_channel(url: str) -> None:
    from ecsaudit.notifications import managing  # noqa: PLC0415
    from ecsaudit.policies.models import Policy, PolicyBook  # noqa: PLC0415

    channel = managing.save(
        channel=None, kind="webhook", name="hook", settings={"url": url}, secrets={"secret": "0123456789abcdef"}
    )
    Policy.objects.get().channels.add(channel)
    PolicyBook.objects.update(revision=2)


def take_in(feed: Any, count: int, mark: str) -> list[float]:
    """Seconds that each page took."""
    from django.db import transaction  # noqa: PLC0415

    from ecsaudit import pipeline  # noqa: PLC0415

    took = []
    for items in pages(count, mark):
        started_at = time.perf_counter()
        with transaction.atomic():
            pipeline.take_in(feed, items)
        took.append(time.perf_counter() - started_at)
    return took


def pages(count: int, mark: str) -> Iterator[list[dict[str, Any]]]:
    """LookupEvents' items: shells of some people in some containers, now."""
    from django.utils import timezone  # noqa: PLC0415

    from tests.records import SSO_USER, execute_command, item  # noqa: PLC0415

    now = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    for first in range(0, count, PAGE):
        records = []
        for number in range(first, first + PAGE):
            arn = f"{SSO_USER['arn'].rpartition('/')[0]}/person{number % PEOPLE}@example.com"
            container = f"container-{number // PEOPLE % CONTAINERS}"
            record = execute_command(
                eventID=f"{mark}-{number}",
                eventTime=now,
                userIdentity=SSO_USER | {"arn": arn},
                responseElements=None,
                container=container,
            )
            records.append(item(json.dumps(record)))
        yield records


def send_due() -> None:
    """As a worker does when beat wakes it."""
    from django.utils import timezone  # noqa: PLC0415

    from ecsaudit.notifications import outbox, sending  # noqa: PLC0415

    for channel_id in outbox.due_channels(timezone.now()):
        sending.run(channel_id, threading.Event())


def look(client: Any, rounds: int = 20) -> list[float]:
    took = []
    for _ in range(rounds):
        for address in SCREENS:
            started_at = time.perf_counter()
            assert client.get(address).status_code == 200
            took.append(time.perf_counter() - started_at)
    return took


def worst(took: list[float]) -> float:
    """The time that 95 of 100 don't take."""
    return statistics.quantiles(took, n=20)[-1]


class going:
    """Do something again and again in another thread while the block runs; what it raises ends the run."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act, self.stop, self.error = act, threading.Event(), None

    def __enter__(self) -> None:
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        from django.db import connection  # noqa: PLC0415

        try:
            while not self.stop.wait(0.1):
                self.act()
        except Exception as error:  # noqa: BLE001
            self.error = error
        finally:
            connection.close()


if __name__ == "__main__":
    main()
