"""eval and explain, on every form in which CloudTrail's records come."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecsaudit.engine.command_line import events
from ecsaudit.engine.command_line.main import main

ROOT = Path(__file__).parents[3]
RULES = """
- rule: Shell
  desc: d
  condition: ct.name = ExecuteCommand
  output: shell (user=%ct.user n=%json.value[/requestParameters/n] number=%evt.num command=%ecs.command)
  priority: WARNING
  source: aws_cloudtrail
  tags: [b, a]
- rule: Task
  desc: d
  condition: ct.name = RunTask
  output: task
  priority: CRITICAL
  source: aws_cloudtrail
"""
# As CloudTrail writes it; the number's text would not survive being read and written again.
SHELL = '{"eventName":"ExecuteCommand","eventTime":"2026-11-23T10:20:30Z","requestParameters":{"n":1.50}}'
TASK = '{"eventName":"RunTask","eventTime":"2026-11-23T10:20:31Z"}'
LINES = [
    "10:20:30.000000000: Warning shell (user=<NA> n=1.50 number=1 command=<NA>)",
    "10:20:31.000000000: Critical task",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    assert main(["eval", "--rules", "rules.yaml", *arguments]) == code
    return capsys.readouterr().out.splitlines()


FORMS: dict[str, str] = {
    "lines": f"{SHELL}\n\n{TASK}\n",
    "Records": f'{{"Records":[{SHELL},{TASK}]}}',
    "Records, indented": f'{{\n  "other": [1, {{"a": "]"}}],\n  "Records": [\n    {SHELL},\n    {TASK}\n  ]\n}}\n',
    "array": f"[{SHELL}, {TASK}]",
    "LookupEvents": json.dumps({"Events": [{"CloudTrailEvent": SHELL}, {"CloudTrailEvent": TASK}], "NextToken": "x"}),
    "LookupEvents, lines": "\n".join(json.dumps({"EventId": "1", "CloudTrailEvent": one}) for one in (SHELL, TASK)),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("write", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzip"])
def test_records_are_read_in_every_form_with_their_own_text(
    text: str, write: Callable[[str], bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "events").write_bytes(write(text))
    assert evaluated(capsys, "events") == LINES


def test_one_indented_record_is_a_file_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "event.json").write_text(json.dumps(json.loads(TASK), indent=2))
    assert evaluated(capsys, "event.json") == LINES[1:]


def test_a_folder_is_searched_for_trail_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "trail" / "2026").mkdir(parents=True)
    (folder / "trail" / "2026" / "a.json.gz").write_bytes(gzip.compress(FORMS["Records"].encode()))
    (folder / "trail" / "b.jsonl").write_text(TASK)
    (folder / "trail" / "digest.txt").write_text("no record")
    assert len(evaluated(capsys, "trail")) == 3


def test_alerts_can_be_json_lines_with_falcos_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events").write_text(SHELL)
    (line,) = evaluated(capsys, "--json", "--iso-time", "events")
    alert: dict[str, Any] = json.loads(line)
    assert list(alert) == sorted(alert)
    assert alert.pop("hostname")
    assert alert == {
        "output": "2026-11-23T10:20:30.000000000+0000: Warning shell (user=<NA> n=1.50 number=1 command=<NA>)",
        "output_fields": {
            "ct.user": None,
            "json.value[/requestParameters/n]": "1.50",
            "evt.num": 1,
            "ecs.command": None,
            "evt.time.iso8601": 1795429230000000000,
        },
        "priority": "Warning",
        "rule": "Shell",
        "source": "aws_cloudtrail",
        "tags": ["a", "b"],
        "time": "2026-11-23T10:20:30.000000000Z",
    }


def test_lower_priorities_can_be_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events").write_text(FORMS["lines"])
    assert evaluated(capsys, "--min-priority", "critical", "events") == LINES[1:]


def test_what_is_not_a_record_is_told_and_the_rest_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events").write_text(f"{SHELL}\nno \x1b[31mJSON\n[1]\n{TASK}\n")
    (folder / "cut").write_bytes(gzip.compress(FORMS["Records"].encode())[:-20])
    (folder / "torn").write_text(f'[{TASK}, {{"eventName":')
    assert main(["eval", "--rules", "rules.yaml", "--summary", "events", "absent", "cut", "torn"]) == 3
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert "events:2: not a JSON object" in captured.err
    assert "events:3: not a JSON object" in captured.err
    assert "absent: can't be read: " in captured.err
    assert "cut: can't be read: " in captured.err
    assert "torn: not JSON after 1 records: " in captured.err
    assert "3 records judged, 5 not readable, 3 matches\n       2  Task\n       1  Shell\n" in captured.err
    assert "\x1b" not in captured.err


def test_rules_with_errors_judge_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text(RULES.replace("ct.name", "ct.nmae"))
    (folder / "events").write_text(SHELL)
    assert main(["eval", "--rules", "bad.yaml", "events"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean 'ct.name'?" in captured.err


def test_hostile_values_reach_the_terminal_as_escapes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"eventName": "ExecuteCommand", "requestParameters": {"command": "\x1b]0;owned\x07\n"}}
    (folder / "events").write_text(json.dumps(record))
    (line,) = evaluated(capsys, "events")
    assert "command=\\u001b]0;owned\\u0007\\n)" in line


def test_explain_shows_matches_and_why_others_are_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events").write_text(TASK)
    assert main(["explain", "--rules", "rules.yaml", "events"]) == 0
    out = capsys.readouterr().out
    assert out == (
        "events:1: Shell does not match\n"
        "  false ct.name = ExecuteCommand\n"
        '          ct.name: "RunTask"\n'
        "events:1: Task matches\n"
        "  true  ct.name = RunTask\n"
        '          ct.name: "RunTask"\n'
    )
    assert main(["explain", "--rules", "rules.yaml", "--rule", "Task", "--json", "events"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["record"], line["rule"], line["explanation"]["result"]) == ("events:1", "Task", True)


def test_explain_of_an_unknown_rule_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--rules", "rules.yaml", "--rule", "Tsk", "events"]) == 2
    assert "no rule is named 'Tsk'; there are: Shell, Task" in capsys.readouterr().err


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ecsaudit.engine", *arguments]


ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def test_the_module_runs_as_a_command_on_standard_input() -> None:
    run = subprocess.run(
        command("eval", "--rules", "rules.yaml"), input=FORMS["lines"], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert (run.returncode, run.stdout.splitlines(), run.stderr) == (0, LINES, "")


def test_a_reader_that_leaves_ends_it_quietly(folder: Path) -> None:
    (folder / "events").write_text(f"{SHELL}\n" * 20_000)
    run = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *command("eval", "--rules", "rules.yaml", "events")],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert (run.stdout.splitlines(), run.stderr) == (LINES[:1], "")


def test_a_terminal_sees_progress_and_no_trace_of_it_is_left(folder: Path) -> None:
    (folder / "events").write_text(f"{TASK}\n" * 20_000)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("eval", "--rules", "rules.yaml", "--min-priority", "alert", "events"), stderr=theirs, env=ENVIRONMENT
    ) as process:
        os.close(theirs)
        seen = b""
        while part := read(ours):
            seen += part
    os.close(ours)
    assert process.returncode == 0
    assert re.search(rb"\r\[#* *\] +\d+%  [\d,]+ records, [\d,]+/s", seen)
    assert seen.endswith(b"\r\x1b[K")


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


def test_lines_are_read_one_by_one(folder: Path) -> None:
    (folder / "events").write_text(f"{SHELL}\n" * 3)
    read_so_far: list[int] = []
    found = events.records("events", read_so_far.append)
    assert next(found).place == "events:1"
    assert [one.place for one in found] == ["events:2", "events:3"]
    assert read_so_far


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["eval", "events"], ["eval", "--rules", "r", "--min-priority", "HIGH"]]
)
def test_wrong_use_is_told_with_the_right_one(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m ecsaudit.engine" in capsys.readouterr().err
