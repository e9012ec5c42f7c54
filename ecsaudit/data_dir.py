"""The one folder in which an installation keeps what it must not lose: database, broker, secret key."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """The installation's own secret key, made on first use."""
    return made_once(folder / "secret_key", lambda: secrets.token_urlsafe(64))


def made_once(path: Path, make: Callable[[], str]) -> str:
    """The text of a file that only its owner can read; made on first use.

    Several processes may start at once, so the file is written aside and linked into place: the first one wins and
    nobody ever reads half a key.
    """
    if not path.exists():
        draft = written_aside(path, make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BadSetting(f"the key {path} can't be read: {error.strerror}") from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else changes such a file meanwhile: whoever else asks for it waits. A process that dies lets go of it."""
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replaced(path: Path, text: str) -> None:
    """Give such a file another text, at one stroke."""
    written_aside(path, text).replace(path)


def written_aside(path: Path, text: str) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="ascii")
    return draft
