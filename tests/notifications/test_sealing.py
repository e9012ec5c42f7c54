import logging
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from ecsaudit.environment import BadSetting
from ecsaudit.notifications import sealing
from ecsaudit.notifications.sealing import CannotOpen, seal, unseal

SECRET = "xoxb-very-secret"


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.ENCRYPTION_KEYS = tmp_path, ()


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    sealed = seal({"url": SECRET})
    assert SECRET not in sealed
    assert unseal(sealed) == {"url": SECRET}


def test_nothing_is_sealed_as_nothing() -> None:
    assert seal({}) == ""
    assert unseal("") == {}


def test_the_key_file_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    seal({"a": "b"})
    key = (tmp_path / "encryption_keys").read_text()
    seal({"a": "b"})
    assert (tmp_path / "encryption_keys").read_text() == key
    assert stat.S_IMODE((tmp_path / "encryption_keys").stat().st_mode) == 0o600


def test_an_older_key_still_opens_and_the_newest_seals(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = (old,)
    sealed = seal({"url": SECRET})
    settings.ENCRYPTION_KEYS = (new, old)
    anew = sealing.sealed_anew(sealed)
    settings.ENCRYPTION_KEYS = (new,)
    assert unseal(anew) == {"url": SECRET}


def test_a_missing_key_is_a_clear_error(settings: Settings) -> None:
    sealed = seal({"url": SECRET})
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    with pytest.raises(
        CannotOpen, match=r"not in ECSAUDIT_ENCRYPTION_KEYS; put that key back, or enter the secrets again"
    ):
        unseal(sealed)


@pytest.mark.parametrize("sealed", ["nonsense", "gAAAAA", "ü"])
def test_what_was_never_sealed_is_the_same_clear_error(sealed: str) -> None:
    with pytest.raises(CannotOpen):
        unseal(sealed)


def test_a_key_that_is_none_is_told_without_showing_it(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ("not-a-key",)
    with pytest.raises(BadSetting, match="a key in ECSAUDIT_ENCRYPTION_KEYS is none") as caught:
        seal({"url": SECRET})
    assert "not-a-key" not in str(caught.value)


def test_secrets_are_shown_by_no_repr_and_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    secrets = unseal(seal({"url": SECRET}))
    logging.getLogger("test").warning("%s %r", secrets, [secrets])
    assert caplog.messages == ["<1 secrets> [<1 secrets>]"]
    assert SECRET not in f"{secrets} {secrets!r}"
