"""Files are read within limits: regular ones only, and no more than the caller allows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_audit_ledger.files.reading import is_file, open_regular, read_bytes, read_text


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("größer")
    assert read_text(path, 8) == "größer"
    with pytest.raises(OSError, match="Larger than 7 bytes") as refusal:
        read_bytes(path, 7)
    assert refusal.value.filename == str(path)


@pytest.mark.parametrize("name", ["pipe", "folder", "link to a pipe", "/dev/zero", "/dev/tty", "nul\0byte"])
def test_what_is_not_a_regular_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to a pipe").symlink_to("pipe")
    assert not is_file(tmp_path / name)
    with pytest.raises(OSError, match=r"Not a regular file|Not a valid file name|No such device"):
        open_regular(tmp_path / name)


def test_text_that_is_not_utf_8_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"secret\xff")
    with pytest.raises(OSError, match="Not UTF-8 text") as refusal:
        read_text(tmp_path / "x")
    assert "secret" not in repr(refusal.value)
    assert refusal.value.__suppress_context__
