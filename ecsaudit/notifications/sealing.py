"""Secrets at rest: encrypted with keys that are not in the database.

The keys come from ECSAUDIT_ENCRYPTION_KEYS, the newest first, or from the file `encryption_keys` of the data folder, one a
line. The first seals; every one opens.

CannotOpen  what was sealed can't be opened with these keys
BadSetting  a key is none
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from ecsaudit import data_dir
from ecsaudit.environment import BadSetting


class CannotOpen(Exception):
    """Sealed with a key that is not among those of this installation; the text says what to do."""


class Secrets(dict[str, str]):
    """Secrets by name, which no traceback or log line shows."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"

    __str__ = __repr__


def seal(secrets: Mapping[str, str]) -> str:
    """Text for a column. Nothing is sealed as the empty text."""
    return fernet().encrypt(json.dumps(dict(secrets)).encode()).decode() if secrets else ""


def unseal(sealed: str) -> Secrets:
    if not sealed:
        return Secrets()
    try:
        return Secrets(json.loads(fernet().decrypt(sealed.encode())))
    except InvalidToken:
        raise CannotOpen(
            f"sealed with a key that is not in {source()}; put that key back, or enter the secrets again"
        ) from None


def sealed_anew(sealed: str) -> str:
    """The same secrets under the newest key."""
    if not sealed:
        return ""
    return seal(unseal(sealed))


def fernet() -> MultiFernet:
    return MultiFernet([key_of(text) for text in keys()])


def keys() -> tuple[str, ...]:
    """The newest first. The file is read each time, so that processes that run notice another key."""
    return settings.ENCRYPTION_KEYS or tuple(data_dir.made_once(key_file(), new_key).splitlines())


def write_keys(texts: Iterable[str]) -> None:
    """Put these keys into the key file."""
    data_dir.replaced(key_file(), "\n".join(texts))


def key_of(text: str) -> Fernet:
    try:
        return Fernet(text)
    except ValueError as error:
        # The text stays out of the error: it may be a key with a typing mistake.
        raise BadSetting(
            f"a key in {source()} is none; a key is 32 bytes in URL-safe base64 (44 characters)"
        ) from error


def new_key() -> str:
    return Fernet.generate_key().decode()


def key_file() -> Path:
    folder: Path = settings.DATA_DIR
    return folder / "encryption_keys"


def source() -> str:
    return "ECSAUDIT_ENCRYPTION_KEYS" if settings.ENCRYPTION_KEYS else str(key_file())
