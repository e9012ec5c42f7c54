import time
from pathlib import Path
from queue import Empty

import pytest
from celery import Celery
from pytest_django import Settings

from ecsaudit.celery import broker_options
from ecsaudit.file_broker import Channel


@pytest.fixture
def channel(settings: Settings, tmp_path: Path) -> Channel:
    settings.REDIS_URL, settings.BROKER_DIR = "", tmp_path
    app = Celery("test", set_as_current=False)
    app.conf.update(**broker_options())
    found = app.connection_for_write().default_channel
    assert isinstance(found, Channel)
    return found


def test_a_message_is_got_once(channel: Channel) -> None:
    channel._put("celery", {"wake": 1})
    assert channel._get("celery") == {"wake": 1}
    with pytest.raises(Empty):
        channel._get("celery")


@pytest.mark.parametrize("written", [b"", b'{"wake"'])
def test_a_message_that_is_half_written_is_passed_over(channel: Channel, tmp_path: Path, written: bytes) -> None:
    (tmp_path / "messages" / f"{round(time.monotonic() * 1000)}_x.celery.msg").write_bytes(written)
    with pytest.raises(Empty):
        channel._get("celery")
    channel._put("celery", {"wake": 2})
    assert channel._get("celery") == {"wake": 2}
