"""What somebody uploads as rule files, one by one or zipped, to names and texts. Nothing is written to a disk.

UploadRefused           something in it can't be taken; `problems` are sentences that say what, and what to do
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ecsaudit.library.models import Files

MAX_BYTES = 2_000_000  # of all files together, unpacked
MAX_FILES = 200
MAX_NAME = 200
PASTED = "pasted.yaml"
_SUFFIXES = (".yaml", ".yml")
_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
TOO_MUCH = f"together the files hold more than {MAX_BYTES // 1_000_000} MB; import them in parts"


class UploadRefused(ValueError):
    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(slots=True)
class Uploads:
    """Rule files in the order of their names, as Falco reads a folder, what was pasted behind them; and the names of
    what is no rule file.
    """

    files: Files = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def read(uploads: Iterable[tuple[str, bytes]], pasted: str = "") -> Uploads:
    """The files of an upload; UploadRefused tells everything that is wrong with them."""
    reading = _Reading()
    for name, content in uploads:
        if content.startswith(_ZIP):
            reading.unpack(name, content)
        else:
            reading.add(name, content)
    reading.found.files.sort()
    if pasted.strip():
        reading.add(PASTED, pasted.encode("utf-8", "replace"))
    if not reading.found.files and not reading.problems:
        over = reading.found.passed_over
        what = f"there is no .yaml file in it, only {', '.join(over[:5])}" if over else "there is nothing to import"
        reading.problems.append(f"{what}; choose rule files or a zip of them, or paste a text")
    if reading.problems:
        raise UploadRefused(reading.problems)
    return reading.found


class _Reading:
    def __init__(self) -> None:
        self.found = Uploads()
        self.problems: list[str] = []
        self.size = 0

    def unpack(self, name: str, content: bytes) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member, inside in self.members(archive):
                    self.add(member, inside)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            self.problems.append(f"{name}: the zip can't be unpacked ({error}); pack it again, or choose the files")

    def members(self, archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
        """The rule files of a zip, whatever their folder. What a member says of its size is not believed."""
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > 10 * MAX_FILES:
            raise zipfile.BadZipFile(f"it holds {len(infos)} files")
        for info in infos:
            path = PurePosixPath(info.filename.replace("\\", "/"))
            if not path.parts:
                self.problems.append("a file in the zip has no name; pack it again")
            elif path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
                self.problems.append(f"{info.filename}: the name leads out of the zip; rename the file")
            elif path.suffix.lower() not in _SUFFIXES or path.parts[0] == "__MACOSX" or path.name.startswith("."):
                self.found.passed_over.append(info.filename)
            elif info.flag_bits & 1:
                self.problems.append(f"{info.filename}: it is encrypted; pack it without a password")
            elif info.compress_type not in _METHODS:
                self.problems.append(f"{info.filename}: it is packed in an unusual way; use an ordinary zip")
            elif self.size <= MAX_BYTES:
                with archive.open(info) as member:
                    yield str(path), member.read(MAX_BYTES - self.size + 1)

    def add(self, name: str, content: bytes) -> None:
        if self.size > MAX_BYTES:
            return  # told already
        self.size += len(content)
        text = self.text(name, content)
        if self.size > MAX_BYTES:
            self.problems.append(TOO_MUCH)
        elif len(self.found.files) == MAX_FILES:
            self.problems.append(f"there are more than {MAX_FILES} files; import them in parts")
            self.size = MAX_BYTES + 1
        elif len(name) > MAX_NAME or not name.isprintable():
            self.problems.append(f"{name[:50]}…: give the file a name of at most {MAX_NAME} ordinary characters")
        elif any(name == known for known, _ in self.found.files):
            self.problems.append(f"{name}: two files have this name; rename one")
        elif text is not None:
            self.found.files.append((name, text))

    def text(self, name: str, content: bytes) -> str | None:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            if self.size <= MAX_BYTES:
                self.problems.append(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8")
            return None
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            self.problems.append(f"{name}: line {line} holds a NUL character; a rule file is text")
            return None
        return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
