"""The last one out: kills the processes of a supervisor that was itself killed.

Reads process groups from standard input, `+123` when one starts and `-123` when it is gone. The input ends only when the
supervisor does, however it went; whatever still runs then is killed.
"""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def remaining(lines: Iterable[str]) -> set[int]:
    """The groups that were started and not taken back."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def main() -> None:
    # Ctrl-C goes to the supervisor, which stops everybody in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for group in remaining(sys.stdin):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
