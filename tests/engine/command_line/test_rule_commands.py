"""check, needs and fields."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ecsaudit import engine
from ecsaudit.engine.command_line.codes import DESCRIPTIONS
from ecsaudit.engine.command_line.main import main

GOOD = """
- list: shells
  items: [sh, bash]
- rule: Shell
  desc: d
  condition: ct.name = ExecuteCommand and ecs.command in (shells)
  output: "%ct.user"
  priority: INFO
  source: aws_cloudtrail
"""
BAD = """
- rule: Bad \x1b[31mrule
  desc: d
  condition: >
    ct.name = ExecuteCommand
    and ct.nmae = x
  output: o
  priority: HIGH
  source: aws_cloudtrail
- rule: Late
  desc: d
  condition: ct.name contians x
  output: o
  priority: INFO
  source: aws_cloudtrail
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(
        BAD.replace("\x1b", "\\e").replace("rule: Bad \\e[31mrule", 'rule: "Bad \\e[31mrule"')
    )
    return tmp_path


def test_check_of_good_rules_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "good.yaml"]) == 0
    assert capsys.readouterr().out == "0 errors, 0 warnings in 1 file, 1 rule\n"


def test_check_tells_every_problem_with_place_caret_and_hint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "bad.yaml"]) == 1
    out = capsys.readouterr().out
    assert "bad.yaml:8:13: error LOAD_ERR_YAML_VALIDATE: Invalid priority [Bad \\u001b[31mrule]\n" in out
    assert "bad.yaml:12:22: error LOAD_ERR_COMPILE_CONDITION: expected a valid check operator" in out
    assert (
        "      condition: ct.name contians x\n                         ^\n    hint: did you mean 'contains'?\n" in out
    )
    assert out.endswith("2 errors, 0 warnings in 1 file, 0 rules\n")
    assert "\x1b" not in out


def test_check_loads_files_and_folders_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules").mkdir()
    (folder / "rules" / "b.yml").write_text(
        "- {rule: Shell, condition: and ct.region = x, override: {condition: append}}"
    )
    (folder / "rules" / "a.yaml").write_text(GOOD)
    (folder / "rules" / "notes.txt").write_text("no rules")
    assert main(["check", "rules"]) == 0
    assert "in 2 files, 1 rule" in capsys.readouterr().out


def test_check_reads_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", (folder / "good.yaml").open())
    assert main(["check", "-"]) == 0
    assert "1 rule" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_a_problem_and_the_others_are_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "binary.yaml").write_bytes(b"- rule: \xff")
    assert main(["check", "absent.yaml", "binary.yaml", "good.yaml"]) == 1
    out = capsys.readouterr().out
    assert "absent.yaml:1:1: error LOAD_ERR_FILE_READ: No such file or directory\n" in out
    assert "binary.yaml:1:1: error LOAD_ERR_FILE_READ: byte 8 is not UTF-8\n" in out
    assert "in 3 files, 1 rule\n" in out


def test_warnings_count_as_errors_only_when_strict(folder: Path) -> None:
    (folder / "unused.yaml").write_text("- macro: m\n  condition: ct.name = x\n")
    assert main(["check", "unused.yaml"]) == 0
    assert main(["check", "--strict", "unused.yaml"]) == 1


def test_check_writes_falcos_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", "good.yaml", "bad.yaml"]) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert good == {"name": "good.yaml", "successful": True, "errors": [], "warnings": []}
    assert (bad["name"], bad["successful"]) == ("bad.yaml", False)
    problem = bad["errors"][-1]
    assert problem["code"] == "LOAD_ERR_COMPILE_CONDITION"
    assert problem["codedesc"] == "Error compiling condition"
    position = problem["context"]["locations"][-1]["position"]
    text = (folder / "bad.yaml").read_text()
    assert text[position["offset"] :].startswith("contians x")
    assert (position["line"], position["column"]) == (12, 22)
    assert {"item_type": "rule", "item_name": "Late"} in problem["context"]["locations"]


def sarif(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["check", "--sarif", "bad.yaml"]) == 1
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_check_writes_sarif_for_code_scanning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = sarif(capsys)
    assert report["version"] == "2.1.0"
    (run,) = report["runs"]
    codes = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"])
    for result in run["results"]:
        assert codes[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "bad.yaml"}
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


def test_a_result_keeps_its_fingerprint_when_lines_come_above_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [result["partialFingerprints"] for result in sarif(capsys)["runs"][0]["results"]]
    (folder / "bad.yaml").write_text("# one line more\n" + (folder / "bad.yaml").read_text())
    after = sarif(capsys)["runs"][0]["results"]
    assert [result["partialFingerprints"] for result in after] == before
    assert len({str(fingerprint) for fingerprint in before}) == len(before) == 2


def test_every_code_that_the_engine_gives_is_described() -> None:
    used: set[str] = set()
    for path in Path(engine.__file__).parent.glob("*.py"):
        used |= set(re.findall(r'"((?:LOAD|ECSAUDIT)_[A-Z_]+[A-Z])"', path.read_text()))
    assert used - {"LOAD_UNUSED"} <= DESCRIPTIONS.keys()


def test_needs_tells_what_rules_can_match(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wide.yaml").write_text(
        GOOD.replace("ct.name = ExecuteCommand and ", "").replace("rule: Shell", "rule: Any")
    )
    assert main(["needs", "good.yaml", "wide.yaml"]) == 0
    assert capsys.readouterr().out == ("Shell: ExecuteCommand; from unbounded\nAny: unbounded; from unbounded\n")
    assert main(["needs", "--json", "good.yaml"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {"rule": "Shell", "enabled": True, "event_names": ["ExecuteCommand"], "event_sources": None}
    assert main(["needs", "bad.yaml"]) == 1


def test_fields_lists_what_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fields", "ecs.comm"]) == 0
    assert capsys.readouterr().out == "ecs.command  CHARBUF        The command to execute (ecsaudit's own)\n"
    assert main(["fields", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["json.value"]["argument"] == "JSON pointer"
    assert rows["s3.bytes"]["type"] == "UINT64"
    assert rows["ec2.imageids"]["list"]
    assert rows["ct.user"]["falco"]
    assert main(["fields", "--source", "syscall", "ct.user"]) == 0
    assert capsys.readouterr().out == ""
