from pathlib import Path

import pytest
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
