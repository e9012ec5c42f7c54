from pathlib import Path

from pytest_django import Settings

from ecsaudit.celery import app, broker_options


def test_without_redis_messages_are_files_in_the_data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.REDIS_URL, settings.BROKER_DIR = "", tmp_path / "broker"
    options = broker_options()
    assert options["broker_url"].startswith("filesystem://")
    folders = {
        options["broker_transport_options"][name] for name in ("data_folder_in", "data_folder_out", "control_folder")
    }
    assert folders == {str(tmp_path / "broker" / "messages"), str(tmp_path / "broker" / "control")}
    assert all(Path(folder).is_dir() for folder in folders)


def test_with_redis_a_lost_connection_is_noticed(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    options = broker_options()
    assert options["broker_url"] == "redis://127.0.0.1:6379/0"
    assert options["broker_transport_options"]["socket_timeout"]


def test_tasks_are_never_run_in_the_caller_and_acknowledged_late() -> None:
    assert not app.conf.task_always_eager
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


def test_everything_that_beat_asks_for_is_a_task() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= app.tasks.keys()
