"""Uploaded rule files: what is taken, and what is refused with a reason before anything else happens."""

from __future__ import annotations

import io
import zipfile

import pytest

from ecsaudit.library.uploads import MAX_BYTES, MAX_FILES, PASTED, UploadRefused, read


def zipped(members: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return into.getvalue()


def test_files_are_read_in_the_order_of_their_names_whether_they_are_zipped_or_not() -> None:
    packed = zipped({"README.txt": "x", "rules.d/2.yaml": "- b\n", "rules.d/1.yml": "- a\n", "__MACOSX/._1.yml": "x"})
    found = read([("z.yaml", b"\xef\xbb\xbf- c\r\n"), ("all.zip", packed)])
    assert found.files == [("rules.d/1.yml", "- a\n"), ("rules.d/2.yaml", "- b\n"), ("z.yaml", "- c\n")]
    assert found.passed_over == ["README.txt", "__MACOSX/._1.yml"]


def test_a_text_can_be_pasted() -> None:
    assert read([], "- rule: é\r\n").files == [(PASTED, "- rule: é\n")]
    assert [name for name, _ in read([("z.yaml", b""), ("a.yaml", b"")], "x").files] == ["a.yaml", "z.yaml", PASTED]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.yaml", b"a\xff", "a.yaml: byte 1 is not UTF-8"),
        ("a.yaml", b"a\nb\0", "a.yaml: line 2 holds a NUL character"),
        ("a.yaml", b"#" * (MAX_BYTES + 1), "more than 2 MB"),
        ("a\x1b.yaml", b"", "ordinary characters"),
        ("a" * 300 + ".yaml", b"", "at most 200"),
        ("a.zip", zipped({"../a.yaml": "x"}), "leads out of the zip"),
        ("a.zip", zipped({"/etc/a.yaml": "x"}), "leads out of the zip"),
        ("a.zip", zipped({"x\\..\\a.yaml": "x"}), "leads out of the zip"),
        ("a.zip", zipped({"C:\\a.yaml": "x"}), "leads out of the zip"),
        ("a.zip", zipped({"abc": "x"}).replace(b"abc", b"./."), "no name"),
        ("a.zip", zipped({"a.txt": "x"}), "no .yaml file in it, only a.txt"),
        ("a.zip", zipped({}), "there is nothing to import"),
        ("a.zip", zipped({"a.yaml": "x"})[:-10], "can't be unpacked"),
        ("a.zip", zipped({"a.yaml": "hello " * 99}).replace(b"\xcbH", b"\xcbI", 1), "can't be unpacked"),
        ("a.zip", zipped({"a.yaml": "x"}, zipfile.ZIP_LZMA), "unusual way"),
        ("a.zip", zipped({f"{n}.yaml": "x" for n in range(MAX_FILES + 1)}), "more than 200 files"),
        ("a.zip", zipped({f"{n}.txt": "x" for n in range(MAX_FILES * 10 + 1)}), "it holds 2001 files"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_a_reason(name: str, content: bytes, problem: str) -> None:
    with pytest.raises(UploadRefused) as refused:
        read([(name, content)])
    assert len(refused.value.problems) == 1
    assert problem in refused.value.problems[0]


def test_a_zip_bomb_is_not_unpacked_further_than_the_limit() -> None:
    bomb = zipped({f"{n}.yaml": b"#" * 4_000_000 for n in range(50)})
    assert len(bomb) < 300_000
    with pytest.raises(UploadRefused, match="more than 2 MB"):
        read([("bomb.zip", bomb)])


def test_a_member_that_understates_its_size_is_refused() -> None:
    packed = zipped({"a.yaml": b"#" * 1_000})
    lying = packed.replace((1_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != packed
    with pytest.raises(UploadRefused, match="can't be unpacked"):
        read([("a.zip", lying)])


def test_an_encrypted_member_is_told() -> None:
    packed = bytearray(zipped({"a.yaml": "x"}))
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UploadRefused, match="encrypted"):
        read([("a.zip", bytes(packed))])


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(UploadRefused) as refused:
        read([("a.yaml", b"\xff"), ("b.yaml", b"\0"), ("c.yaml", b"x"), ("c.yaml", b"y")])
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["a.yaml", "b.yaml", "c.yaml"]


def test_nothing_is_told_too() -> None:
    with pytest.raises(UploadRefused, match="there is nothing to import; choose rule files"):
        read([], "  \n")
