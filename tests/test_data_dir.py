import stat
from pathlib import Path

import pytest

from ecsaudit import data_dir
from ecsaudit.environment import BadSetting


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    folder = data_dir.prepare(tmp_path / "deep" / "data")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_in_the_folder_s_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(BadSetting, match=r"can't be made.*set ECSAUDIT_DATA_DIR"):
        data_dir.prepare(tmp_path / "data")


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key = data_dir.secret_key(tmp_path)
    assert len(key) >= 50
    assert data_dir.secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
