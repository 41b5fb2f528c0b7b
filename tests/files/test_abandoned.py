"""What a killed process leaves behind, and who deletes it: never what a living process still writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_audit_ledger.files.temporary import YOUNG_S, held, temporary_folder
from pytest_audit_ledger.files.writing import whole_files, whole_folder

WRITING = """
import sys, time
from pathlib import Path
from pytest_audit_ledger.files.temporary import temporary_folder
from pytest_audit_ledger.files.writing import whole_files, whole_folder

with {opening} as opened:
    {doing}
    print("open", flush=True)
    time.sleep(60)
"""
OPENINGS = {
    "a file": ("whole_files(Path('out.json'))", "opened[0].write(b'half of it')"),
    "a folder": ("whole_folder(Path('out'))", "(opened / 'part').write_text('half of it')"),
    "a temporary folder": ("temporary_folder()", "(opened / 'part').write_text('half of it')"),
}


@contextmanager
def writer(folder: Path, what: str) -> Iterator[subprocess.Popen[str]]:
    """A process that writes and is not done."""
    opening, doing = OPENINGS[what]
    command = [sys.executable, "-c", WRITING.format(opening=opening, doing=doing)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def write(folder: Path, what: str) -> None:
    """Write the same, to the end."""
    if what == "a file":
        with whole_files(folder / "out.json") as (draft,):
            draft.write(b"all of it")
    elif what == "a folder":
        with whole_folder(folder / "out") as made:
            (made / "part").write_text("all of it")
    else:
        with temporary_folder():
            pass


def age(path: Path) -> None:
    """Let a file or folder look old enough to be abandoned."""
    then = time.time() - 2 * YOUNG_S
    os.utime(path, (then, then))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.mark.parametrize("what", OPENINGS)
def test_the_next_one_who_writes_there_deletes_what_a_killed_process_left(folder: Path, what: str) -> None:
    with writer(folder, what) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = folder.iterdir()
    write(folder, what)
    assert left.exists(), "it could be new, and its process about to lock it"
    age(left)
    if what == "a folder":
        (folder / "out" / "part").unlink()
    write(folder, what)
    assert not left.exists()
    assert not any("partial" in path.name for path in folder.iterdir())


@pytest.mark.parametrize("what", OPENINGS)
def test_what_a_living_process_writes_stays(folder: Path, what: str) -> None:
    with writer(folder, what):
        (written,) = folder.iterdir()
        age(written)
        write(folder, what)
        assert written.exists()


def test_only_what_is_ours_and_has_such_a_name_is_deleted(folder: Path) -> None:
    names = (".out.json.12345678.partial.txt", ".other.12345678.partial", "out.json.partial")
    others = [folder / name for name in names]
    for path in others:
        path.write_text("mine")
        age(path)
    (folder / "kept").write_text("mine")
    link = folder / ".out.json.12345678.partial"
    link.symlink_to(folder / "kept")
    os.utime(link, (0, 0), follow_symlinks=False)
    pipe = folder / ".out.json.87654321.partial"
    os.mkfifo(pipe)
    age(pipe)
    write(folder, "a file")
    assert all(path.read_text() == "mine" for path in (*others, folder / "kept"))
    assert link.is_symlink()
    assert pipe.is_fifo()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that is another user's")
def test_a_file_of_another_user_is_not_deleted(folder: Path) -> None:
    other = folder / ".out.json.12345678.partial"
    other.write_text("theirs")
    os.chown(other, 65534, 65534)
    age(other)
    write(folder, "a file")
    assert other.read_text() == "theirs"


def test_what_one_holds_nobody_else_can_hold(folder: Path) -> None:
    path = folder / "one"
    path.write_text("")
    with held(path) as first, held(path) as second:
        assert (first, second) == (True, False)
    with held(path) as again:
        assert again
    with held(folder / "missing") as nothing:
        assert not nothing
