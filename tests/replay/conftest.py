from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit.library.services import refresh
from tests.replay.history import SHIPPED


@pytest.fixture
def library(db: None, tmp_path: Path, settings: Settings) -> None:
    """The rules of `history`, in force."""
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
