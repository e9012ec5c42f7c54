from pathlib import Path

import pytest
from django.db import OperationalError
from pytest_django import Settings

from ecsaudit import processes


def test_a_product_is_a_web_server_a_worker_a_beat_and_the_sample(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    specs = {spec.name: spec for spec in processes.specs(host="::1", port=8001, verbose=False)}
    assert set(specs) == {"sample", "web", "worker", "beat"}
    assert "[::1]:8001" in specs["web"].command
    assert specs["worker"].log == tmp_path / "logs" / "worker.log"


def test_verbose_sends_everything_to_the_terminal() -> None:
    assert {spec.log for spec in processes.specs(host="127.0.0.1", port=8001, verbose=True)} == {None}


def test_a_log_that_has_grown_begins_anew_and_the_one_before_is_kept(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(processes, "LONGEST_LOG", 10)
    path = processes.log("web", verbose=False)
    assert path is not None
    path.write_text("a long line of log")
    assert processes.log("web", verbose=False) == path
    assert not path.exists()
    assert (tmp_path / "logs" / "web.log.1").read_text() == "a long line of log"


def test_the_sample_runs_while_there_is_sample_data_and_a_silent_database_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "ASK_EVERY", 0.0)
    monkeypatch.setattr(processes, "close_old_connections", lambda: None)
    answers = [True, OperationalError("gone"), False]

    def is_loaded() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, OperationalError):
            raise answer
        return answer

    monkeypatch.setattr(processes.demo, "is_loaded", is_loaded)
    watch = processes.SampleWatch()
    assert [watch(), watch(), watch()] == [True, True, False]


def test_the_database_is_not_asked_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(processes, "close_old_connections", lambda: None)
    monkeypatch.setattr(processes.demo, "is_loaded", lambda: asked.append(1) or True)
    watch = processes.SampleWatch()
    assert watch()
    assert watch()
    assert len(asked) == 1
