"""The one folder in which an installation keeps what it must not lose: database, broker, secret key."""

import os
import secrets
from pathlib import Path

from ecsaudit.environment import BadSetting


def prepare(folder: Path) -> Path:
    """Make the folder (mode 0700 if new) and see that it can be written; BadSetting says what is wrong."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"the data folder {folder} can't be made: {error.strerror}; set ECSAUDIT_DATA_DIR") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadSetting(f"the data folder {folder} can't be written; set ECSAUDIT_DATA_DIR to one that can")
    return folder


def secret_key(folder: Path) -> str:
    """The installation's own secret key, made on first use in a file that only its owner can read.

    Several processes may start at once, so the file is written aside and linked into place: the first one wins and
    nobody ever reads half a key.
    """
    path = folder / "secret_key"
    if not path.exists():
        draft = folder / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64), encoding="ascii")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BadSetting(f"the secret key {path} can't be read: {error.strerror}") from error
