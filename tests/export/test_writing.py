"""Exports are written whole or not at all, and only where they may be."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import OutputError, SourceError, UsageError
from pytest_audit_ledger.export.export import export, export_request
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.progress import Advance
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import Forger
from tests.support.exports import exported, telling, verified
from tests.support.hostile import read


class _TroubleError(Exception):
    pass


def _raise(_: int) -> None:
    raise _TroubleError


def _interrupt(_: int) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)


def _once(happening: Advance) -> Advance:
    """Let something happen at the first batch only: what the client has read already goes on for a while."""
    done: list[int] = []

    def advance(entries: int) -> None:
        if not done:
            done.append(entries)
            happening(entries)

    return advance


@pytest.mark.parametrize("name", ["x.json", "x.csv.gz"])
@pytest.mark.parametrize("trouble", ["exception", "interrupt", "server"])
def test_an_export_that_fails_on_its_way_leaves_the_older_files_as_they_were(
    ledger: Forger, tmp_path: Path, name: str, trouble: str
) -> None:
    def terminate(_: int) -> None:
        ledger.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'pytest-audit-ledger' AND datname = current_database()"
        )

    path = tmp_path / name
    path.write_text("older")
    manifest_path(path).write_text("older, too")
    happenings: dict[str, tuple[Advance, type[BaseException]]] = {
        "exception": (_raise, _TroubleError),
        "interrupt": (_interrupt, KeyboardInterrupt),
        "server": (terminate, SourceError),
    }
    advance, expected = happenings[trouble]
    with pytest.raises(expected), Ledger(ledger.dsn, progress=telling(_once(advance))) as opened:
        opened.export_entries(output_file=path, force=True)
    assert (path.read_text(), manifest_path(path).read_text()) == ("older", "older, too")
    assert sorted(tmp_path.iterdir()) == sorted([path, manifest_path(path)])


def test_a_full_disk_is_one_clear_error_and_leaves_what_was_there(ledger: Forger, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        for name in ("x.json", "x.csv", "x.jsonl.gz"):
            (disk / name).write_text("older")
            with pytest.raises(OutputError, match=f"{name} could not be written: No space left.*Free some space"):
                exported(ledger.dsn, disk / name)
            assert [file.name for file in disk.iterdir()] == [name]
            assert (disk / name).read_text() == "older"
            (disk / name).unlink()
    finally:
        subprocess.run(["umount", disk], check=True)


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Give up the rights of root, which may write everywhere."""
    if os.geteuid():
        yield
    else:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)


def test_a_folder_that_is_missing_or_not_ours_is_one_clear_error(ledger: Forger, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"No such file.*Create the folder first"):
        exported(ledger.dsn, tmp_path / "nowhere" / "x.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a part of this path is a file"):
        exported(ledger.dsn, tmp_path / "file" / "x.json")
    tmp_path.chmod(0o500)
    with (
        _unprivileged(),
        pytest.raises(OutputError, match="Choose a folder that you may write to"),
        whole_files(tmp_path / "x.json"),
    ):
        pass
    for name in ("x" * 300 + ".json", "x" * 250 + ".json"):
        with pytest.raises(OutputError, match="File name too long"):
            exported(ledger.dsn, tmp_path / name)


def test_what_is_not_a_regular_file_is_not_replaced(ledger: Forger, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "null.json").symlink_to("/dev/null")
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "y.json.manifest.json").mkdir()
    before = {path: path.lstat().st_ino for path in tmp_path.iterdir()}
    for name in ("folder.json", "pipe.json", "null.json", "loop.json", "y.json", "a\0b.json"):
        with pytest.raises(UsageError):
            exported(ledger.dsn, tmp_path / name)
    for name in ("/dev/null", "/dev/full", "..", ".", "/"):
        with pytest.raises(UsageError, match=r"not a regular file|is a folder|is empty|itself"):
            exported(ledger.dsn, Path(name))
    assert {path: path.lstat().st_ino for path in tmp_path.iterdir()} == before
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_symbolic_link_stays_one_and_what_it_points_to_is_replaced(ledger: Forger, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "x.json", tmp_path / "x.json"
    target.write_text("older")
    link.symlink_to(target)
    exported(ledger.dsn, link, limit=2)
    assert link.is_symlink()
    assert len(read(target)) == 2
    assert verified(link).total_entries == 2


@pytest.mark.parametrize("there", ["x.jsonl", "x.jsonl.manifest.json"])
def test_an_existing_file_is_replaced_only_by_force(ledger: Forger, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("older")
    with pytest.raises(UsageError, match=rf"{there} exists already\..*--(ledger-)?force"):
        Ledger(ledger.dsn).export_entries(output_file=tmp_path / "x.jsonl")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {there: "older"}
    exported(ledger.dsn, tmp_path / "x.jsonl", limit=2, force=True)
    assert verified(tmp_path / "x.jsonl").total_entries == 2


def test_a_file_that_appears_while_the_export_is_written_is_not_replaced(ledger: Forger, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    request = export_request(str(path))
    path.write_text("newer")
    with PostgresSource(ledger.dsn).snapshot() as snapshot, pytest.raises(OutputError, match="File exists"):
        export(snapshot, request)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"x.jsonl": "newer"}


@pytest.mark.parametrize("name", ["x.xlsx", "x.parquet", "x.2026-05"])
def test_a_suffix_of_no_export_format_is_refused(ledger: Forger, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} does not end in the suffix of an export format\..*--format"):
        exported(ledger.dsn, tmp_path / name)
    assert exported(ledger.dsn, tmp_path / name, format="csv", limit=1).manifest["format"] == "csv"


def test_a_name_without_a_suffix_is_json(ledger: Forger, tmp_path: Path) -> None:
    assert exported(ledger.dsn, tmp_path / "x", limit=1).manifest["format"] == "json"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link to another user")
def test_a_symbolic_link_of_another_user_is_not_followed(ledger: Forger, tmp_path: Path) -> None:
    link = tmp_path / "x.json"
    link.symlink_to(tmp_path / "theirs.json")
    os.lchown(link, 65534, 65534)
    for force in (False, True):
        with pytest.raises(UsageError, match="is a symbolic link that another user made"):
            exported(ledger.dsn, link, force=force)
    assert list(tmp_path.iterdir()) == [link]


def test_the_umask_is_honoured_and_an_older_files_permissions_are_not_widened(ledger: Forger, tmp_path: Path) -> None:
    closed = tmp_path / "closed.json"
    closed.touch(mode=0o600)
    before = os.umask(0o027)
    try:
        exported(ledger.dsn, tmp_path / "x.json", limit=1)
        exported(ledger.dsn, closed, limit=1)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["x.json"] == modes["x.json.manifest.json"] == 0o640
    assert modes["closed.json"] == 0o600
