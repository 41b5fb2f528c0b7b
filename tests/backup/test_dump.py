"""Backups of a ledger: what is written and restored by hand, whole or not at all, and by which programs."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from jsonschema import Draft202012Validator
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.backup.creation import MANIFEST_SCHEMA, BackupResult, backup_request
from pytest_audit_ledger.backup.encryption import Key
from pytest_audit_ledger.backup.proof import Method
from pytest_audit_ledger.backup.verification import verify_backup
from pytest_audit_ledger.errors import LedgerError, OutputError, SourceError, UsageError
from pytest_audit_ledger.files.resources import json_schema
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources import programs
from pytest_audit_ledger.sources.manifest import manifest_path
from tests.forger import Forger
from tests.support.backups import ENTRIES, NAMES, back_up, left, major, public
from tests.support.checks import UNUSED, run_suite, statuses
from tests.support.databases import (
    another_session,
    build_partitioned,
    drop_database,
    empty_database,
    login,
    needs_version,
    role,
)
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]

# What is written


@pytest.mark.parametrize("name", NAMES)
def test_a_backup_is_restored_verified_and_compared_before_it_is_called_so(
    ledger: Forger, server: str, identity: Path, tmp_path: Path, name: str
) -> None:
    key = public(identity) if name.endswith(".age") else None
    result = back_up(ledger.dsn, tmp_path / name, server, encryption_key=key)
    assert result.verified, result.verification_status
    assert left(tmp_path) == [name, f"{name}.manifest.json"]
    assert [stat.S_IMODE((tmp_path / one).stat().st_mode) for one in left(tmp_path)] == [0o600, 0o600]
    manifest = json.loads(manifest_path(tmp_path / name).read_text())
    assert list(Draft202012Validator(json_schema(MANIFEST_SCHEMA)).iter_errors(manifest)) == []
    assert manifest == result.manifest
    data = (tmp_path / name).read_bytes()
    assert (manifest["sha256"], manifest["size"]) == (sha256(data).hexdigest(), len(data))
    assert (manifest["entries"], manifest["sequence_first"], manifest["sequence_last"]) == (ENTRIES, 1, ENTRIES)
    ((head,),) = ledger.run("SELECT entry_hash FROM ledger_entries ORDER BY sequence_number DESC LIMIT 1")
    assert (manifest["head_hash"], manifest["assurance"], manifest["proof"]) == (head, "SELF-CONSISTENT", "restored")
    assert manifest["recipients"] == ([key] if key else [])
    found = verify_backup(tmp_path / name, identity=identity if key else None, scratch_db=server)
    assert found.proof.method is Method.RESTORED
    assert found.proof.contradictions == ()
    assert found.proof.verification
    assert found.proof.verification.assurance is Assurance.SELF_CONSISTENT


def test_an_embedded_server_is_started_where_none_is_named(ledger: Forger, tmp_path: Path) -> None:
    with Ledger(ledger.dsn) as ours:
        result = ours.backup_database(tmp_path / "x.sql.gz", verify=True)
    assert result.verified
    assert result.manifest["proof_server_version"].startswith("18")


def restore(path: Path, dsn: str) -> None:
    """Restore a backup by hand."""
    name, arguments = ("psql", ["-f"]) if path.suffix == ".sql" else ("pg_restore", ["--no-owner"])
    program = programs.find(name, major(dsn)).path
    subprocess.run([str(program), "-d", dsn, *arguments, str(path)], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["x.sql", "x.dump"])
def test_bytes_that_are_no_text_are_kept_and_where_to_restore_them_is_told(
    server: str, tmp_path: Path, name: str
) -> None:
    options = "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    with empty_database(server, options) as dsn:
        with Forger(dsn) as forger:
            forger.build(5)
            clean = back_up(dsn, tmp_path / f"clean-{name}", server)
            forger.unguarded(r"UPDATE ledger_entries SET reasoning = E'a\xffb' WHERE sequence_number = 3")
        kept = back_up(dsn, tmp_path / name, server)
    assert clean.verified, clean.verification_status
    # COPY does not validate what it reads as SQL_ASCII, from PostgreSQL 14 on
    assert kept.verified or "ENCODING 'SQL_ASCII'" in kept.verification_status
    with empty_database(server, options) as dsn, Forger(dsn) as forger:
        restore(tmp_path / name, dsn)
        assert forger.run("SELECT count(*) FROM ledger_entries WHERE reasoning = E'a\\xffb'") == [(1,)]


def test_without_verification_the_manifest_claims_none(ledger: Forger, tmp_path: Path) -> None:
    result = back_up(ledger.dsn, tmp_path / "x.dump")
    told = {name: result.manifest[name] for name in ("assurance", "proof", "digest", "checks", "entries")}
    assert told == {"assurance": "UNKNOWN", "proof": "none", "digest": "", "checks": {}, "entries": ENTRIES}
    assert not result.verified
    assert verify_of(result, tmp_path) is Method.RESTORED


def verify_of(result: BackupResult, folder: Path) -> Method:
    return verify_backup(result.backup_file).proof.method


def test_the_result_has_what_the_result_of_ski_audit_ledger_has(ledger: Forger, tmp_path: Path) -> None:
    result = back_up(ledger.dsn, tmp_path / "x.sql", compress=True)
    assert result.backup_file == str(tmp_path / "x.sql.gz")
    assert (result.compressed, result.encryption_used, result.verified) == (True, False, False)
    assert result.checksum == sha256((tmp_path / "x.sql.gz").read_bytes()).hexdigest()
    assert result.size_bytes == (tmp_path / "x.sql.gz").stat().st_size
    assert result.source_db.startswith("postgresql://")
    assert result.backup_date.utcoffset() is not None
    assert result.verification_status


@pytest.mark.parametrize(
    ("name", "options", "path", "kind"),
    [
        ("a.sql", {}, "a.sql", "plain"),
        ("a.dump", {}, "a.dump", "custom"),
        ("a", {}, "a", "plain"),
        ("A.DUMP.GZ", {}, "A.DUMP.GZ", "custom"),
        ("a.sql", {"compress": True}, "a.sql.gz", "plain"),
        ("a.sql.gz", {"compress": True}, "a.sql.gz", "plain"),
        ("a.sql", {"key": Key(("age1x",)), "compress": True}, "a.sql.gz.age", "plain"),
        ("a.dump.age", {"key": Key(("age1x",))}, "a.dump.age", "custom"),
        ("a.sql", {"format": "custom"}, "a.sql", "custom"),
    ],
)
def test_the_name_says_what_the_file_is(name: str, options: dict[str, Any], path: str, kind: str) -> None:
    request = backup_request(name, **options)
    assert (str(request.path), request.format, request.compressed) == (path, kind, ".gz" in path.lower())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("-", {}, "is written to a file"),
        ("", {}, "is written to a file"),
        ("a.sql.age", {}, "there is no encryption key"),
        ("a.sql", {"format": "tar"}, "Unknown backup format 'tar'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        backup_request(name, **options)


def test_the_same_ledger_makes_the_same_compressed_bytes(ledger: Forger, tmp_path: Path) -> None:
    def dumped(name: str) -> bytes:
        back_up(ledger.dsn, tmp_path / name)
        # pg_dump locks psql's commands with a key of its own each time
        return re.sub(rb"\\(un)?restrict \w+", b"", gzip.decompress((tmp_path / name).read_bytes()))

    assert dumped("a.sql.gz") == dumped("b.sql.gz")
    assert (tmp_path / "a.sql.gz").read_bytes()[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"


# Restoring by hand


def programs_of(server: str) -> dict[str, str]:
    """Return the environment in which a README's commands find the server and its programs."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    found = {names[name]: value for name, value in parse_dsn(server).items() if name in names}
    folder = programs.find("pg_restore", major(server)).path.parent
    return {**os.environ, **found, "PATH": f"{folder}:{os.environ['PATH']}"}


def commands_of_the_readme(*names: str) -> list[str]:
    """Return the commands of the guide that restore."""
    text = (ROOT / "examples" / "backup_and_restore" / "README.md").read_text()
    return [line[2:] for line in text.splitlines() if line.startswith(tuple(f"$ {name}" for name in names))]


def test_after_the_database_is_gone_the_commands_of_the_readme_bring_it_back(server: str, tmp_path: Path) -> None:
    with empty_database(server) as dsn, Forger(dsn) as forger:
        forger.build(100)
        for name in ("ledger.sql", "ledger.dump"):
            back_up(dsn, tmp_path / name)
    commands = commands_of_the_readme("createdb", "psql", "pg_restore")
    assert [command.split()[0] for command in commands] == ["createdb", "psql", "createdb", "pg_restore"]
    try:
        for command in commands:
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=programs_of(server), capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), command
        for name in ("from_sql", "from_dump"):
            restored = make_dsn(**{**parse_dsn(server), "dbname": name})
            verification = run_suite(restored)
            assert verification.assurance is Assurance.SELF_CONSISTENT
            skipped = {name for name, status in statuses(verification).items() if status is not Status.PASS}
            assert skipped == set(UNUSED)
            with Forger(restored) as again, pytest.raises(Exception, match="append-only: UPDATE is refused"):
                again.run("UPDATE ledger_entries SET verdict = 'CLEAR'")
    finally:
        with Forger(server) as administrator:
            for name in ("from_sql", "from_dump"):
                drop_database(administrator, name)


def test_triggers_in_other_schemas_views_and_partitions_come_back(server: str, tmp_path: Path) -> None:
    with empty_database(server) as dsn, Forger(dsn) as forger:
        build_partitioned(forger, 100, 40, 80)
        forger.run(
            """
            CREATE SCHEMA guard;
            ALTER FUNCTION ledger_refuse_change() SET SCHEMA guard;
            CREATE VIEW flags AS SELECT * FROM ledger_entries WHERE verdict = 'FLAG';
            CREATE EXTENSION pg_trgm;
            CREATE ROLE audit_ledger_test_granted;
            GRANT SELECT ON ledger_entries TO audit_ledger_test_granted;
            ALTER TABLE ledger_entries OWNER TO audit_ledger_test_granted
            """
        )
        try:
            for name in ("x.sql", "x.dump"):
                result = back_up(dsn, tmp_path / name, server)
                assert result.verified, result.verification_status
                assert result.manifest["checks"]["append_only"] == "PASS"
            with Ledger(dsn) as ours:  # also where the role that restores may do nothing but that
                assert ours.backup_database(tmp_path / "y.dump", verify=True).verified
            assert "CREATE VIEW public.flags" in (tmp_path / "x.sql").read_text()
            assert "audit_ledger_test_granted" not in (tmp_path / "x.sql").read_text()
        finally:
            forger.run("DROP OWNED BY audit_ledger_test_granted CASCADE; DROP ROLE audit_ledger_test_granted")


# Whole or not at all


NEXT_TO_IT = "CREATE TABLE IF NOT EXISTS next_to_it (x integer)"
LOCK = "LOCK TABLE next_to_it IN ACCESS EXCLUSIVE MODE"
"""A table that pg_dump waits for, and nobody else does: our own session locks the ledger before it reads anything."""


@contextmanager
def dump_at_work(dsn: str, path: Path, **options: Any) -> Iterator[tuple[psutil.Process, list[Any]]]:
    """Back up in a thread, and stop while pg_dump waits for a lock; yield it, and what comes of the backup."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(back_up(dsn, path, **options))
        except LedgerError as error:
            outcome.append(error)

    with Forger(dsn) as forger:
        forger.run(NEXT_TO_IT)
    with another_session(dsn, LOCK):
        thread = threading.Thread(target=work)
        thread.start()
        yield the_dump(), outcome
    thread.join(30)
    assert not thread.is_alive()


def the_dump() -> psutil.Process:
    until(dumps, "a pg_dump that is at work")
    return dumps()[0]


def dumps() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if child.name() == "pg_dump":
                found.append(child)
    return found


def waits_for_the_lock(forger: Forger) -> None:
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'LOCK'"
    until(lambda: forger.run(waiting), "a pg_dump that waits")


def kill(process: psutil.Process, forger: Forger) -> None:
    process.kill()


def terminate(process: psutil.Process, forger: Forger) -> None:
    forger.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


@pytest.mark.parametrize(
    ("accident", "message"),
    [
        (kill, "pg_dump was ended by SIGKILL before it was done"),
        (terminate, "pg_dump failed on .*terminating connection"),
    ],
)
@pytest.mark.parametrize("name", ["x.sql", "x.dump.gz", "x.sql.gz.age"])
def test_after_an_accident_nothing_is_left_and_an_older_file_is_as_it_was(
    forger: Forger,
    identity: Path,
    tmp_path: Path,
    name: str,
    accident: Callable[[psutil.Process, Forger], None],
    message: str,
) -> None:
    forger.build(100)
    for path in (tmp_path / name, manifest_path(tmp_path / name)):
        path.write_text("older")
    key = public(identity) if name.endswith(".age") else None
    with dump_at_work(forger.dsn, tmp_path / name, encryption_key=key, force=True) as (process, outcome):
        waits_for_the_lock(forger)
        assert len(left(tmp_path)) == 4, "it is being written, under another name"
        accident(process, forger)
    assert isinstance(outcome[0], SourceError)
    assert re.search(message, str(outcome[0]))
    assert left(tmp_path) == [name, f"{name}.manifest.json"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"older"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_neither_a_file_nor_pg_dump(forger: Forger, tmp_path: Path, number: int) -> None:
    forger.build(100)
    command = [sys.executable, "-m", "pytest_audit_ledger", "backup", "--source", forger.dsn, "--output", "x.sql"]
    forger.run(NEXT_TO_IT)
    with another_session(forger.dsn, LOCK):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
        waits_for_the_lock(forger)
        (dump,) = psutil.Process(process.pid).children()
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told.strip()[:19]) == (3, "Error: Interrupted.")
    assert left(tmp_path) == []
    assert not dump.is_running()


@pytest.mark.parametrize("name", ["x.sql", "x.dump", "x.sql.gz", "x.sql.age"])
def test_a_full_disk_leaves_nothing(ledger: Forger, identity: Path, tmp_path: Path, name: str) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a file system of a known size cannot be mounted here")
    try:
        (tmp_path / name).write_text("older")
        key = public(identity) if name.endswith(".age") else None
        with pytest.raises(OutputError, match=r"No space left on device\. Free some space.* No partial file"):
            back_up(ledger.dsn, tmp_path / name, encryption_key=key, force=True)
        assert left(tmp_path) == [name]
        assert (tmp_path / name).read_text() == "older"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_file_that_does_not_hold_what_the_database_does_does_not_get_its_name(
    forger: Forger, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pg_dump that leaves out a row: there is none such, so one is made."""
    forger.build(100)
    real = programs.find("pg_dump", major(server))
    wrapper = tmp_path / "bin" / "pg_dump"
    wrapper.parent.mkdir()
    script = f'case "$*" in *--version*) {real.path} --version;; *) {real.path} "$@" | grep -v "^60\t";; esac'
    wrapper.write_text(f"#!/bin/sh\n{script}\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="does not match the database: entries: expected 100, got 99"):
        back_up(forger.dsn, tmp_path / "out" / "x.sql", server)
    assert left(tmp_path / "out") == []


# Secrets


def test_no_list_of_processes_shows_the_password_during_a_dump(forger: Forger, tmp_path: Path) -> None:
    forger.build(100)
    with role(forger, "dumper", "SUPERUSER") as name:
        password = "s3cret-pass phrase'"
        forger.run(f"ALTER ROLE {name} PASSWORD 's3cret-pass phrase'''")
        dsn = make_dsn(**{**parse_dsn(forger.dsn), "user": name, "password": password})
        with dump_at_work(dsn, tmp_path / "x.sql") as (process, outcome):
            waits_for_the_lock(forger)
            listed = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True).stdout
            assert f"user={name}" in " ".join(process.cmdline())
            assert "s3cret" not in listed
            assert "s3cret" not in " ".join(process.cmdline())
            assert process.environ()["PGPASSWORD"] == password
        assert isinstance(outcome[0], BackupResult)
        assert "s3cret" not in manifest_path(tmp_path / "x.sql").read_text() + (tmp_path / "x.sql").read_text()
        assert "s3cret" not in repr(outcome[0])


def forms(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return a DSN in every form that there is."""
    parameters = parse_dsn(dsn)
    lines = "".join(f"{name}={value}\n" for name, value in parameters.items())
    (folder / "services").write_text(f"[ledger]\n{lines}")
    monkeypatch.setenv("PGSERVICEFILE", str(folder / "services"))
    monkeypatch.setenv("OF_THE_LEDGER", dsn)
    port = f"&port={parameters['port']}" if "port" in parameters else ""
    tail = f"{parameters['user']}@/{parameters['dbname']}?host={parameters['host']}{port}"
    return {
        "key=value": dsn,
        "uri": f"postgresql://{tail}",
        "sqlalchemy": f"postgresql+psycopg://{tail}",
        "service": "service=ledger",
        "env": "env:OF_THE_LEDGER",
        "several": make_dsn(**{**parameters, "host": f"/nowhere,{parameters['host']}"}),
    }


def test_every_form_of_a_dsn_will_do(ledger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, dsn in forms(ledger.dsn, tmp_path, monkeypatch).items():
        assert back_up(dsn, tmp_path / "x.dump", force=True).manifest["entries"] == ENTRIES, name


# One snapshot


def test_entries_that_are_appended_meanwhile_do_not_disturb_a_backup(
    forger: Forger, server: str, tmp_path: Path
) -> None:
    forger.build(2000)
    done = threading.Event()
    appended: list[int] = []

    def append() -> None:
        entries = islice(sample_entries(200_000), 2000, None)
        with Forger(forger.dsn) as other:
            while not done.is_set():
                other.append(list(islice(entries, 50)))
                appended.append(50)
                time.sleep(0.01)

    def until_appended() -> None:
        before = len(appended)
        until(lambda: len(appended) > before, "a new entry")

    thread = threading.Thread(target=append)
    thread.start()
    results = []
    try:
        for name in ("x.sql.gz", "x.dump"):
            until_appended()
            results.append(back_up(forger.dsn, tmp_path / name, server))
        until_appended()
    finally:
        done.set()
        thread.join()
    for result in results:
        assert result.verified, result.verification_status
        assert result.manifest["assurance"] == "SELF-CONSISTENT"
        assert 2000 < result.manifest["entries"] == result.manifest["sequence_last"]
    ((total,),) = forger.run("SELECT count(*) FROM ledger_entries")
    assert results[0].manifest["entries"] < results[1].manifest["entries"] < total


# Which programs


def fake(folder: Path, text: str) -> Path:
    folder.mkdir()
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o755)
    return folder


def test_the_program_nearest_to_the_server_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [
        fake(tmp_path / name, text)
        for name, text in {
            "old": "pg_dump (PostgreSQL) 11.22",
            "new": "pg_dump (PostgreSQL) 42.1",
            "newest": "pg_dump (PostgreSQL) 43beta1 (Debian 43~beta1-1)",
            "none": "I am no pg_dump",
        }.items()
    ]
    monkeypatch.setattr(programs, "PLACES", ())
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    assert programs.find("pg_dump", 19).version == "42.1"
    assert programs.find("pg_dump", 43).version == "43beta1"
    assert programs.find("pg_dump", 11).version == "11.22"
    with pytest.raises(SourceError, match=r"44 or newer is needed, but only 11\.22 \(.*42\.1 .*-44 "):
        programs.find("pg_dump", 44)
    with pytest.raises(SourceError, match="none is on PATH"):
        programs.find("pg_nothing", 44)


def test_what_is_usually_installed_is_found_without_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert programs.find("pg_dump", 18).major == 18
    if list(Path("/usr/lib/postgresql").glob("15/bin/pg_dump")):
        assert programs.find("pg_dump", 15).path.parent == Path("/usr/lib/postgresql/15/bin")


def test_a_role_that_may_not_read_everything_is_told_what_to_ask_for(forger: Forger, tmp_path: Path) -> None:
    forger.build(10).run("CREATE TABLE payroll (salary int)")
    with role(forger, "poor") as name:
        forger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        dsn = make_dsn(**{**parse_dsn(forger.dsn), "user": name})
        with pytest.raises(SourceError, match=r"permission denied for table payroll\).*pg_read_all_data"):
            back_up(dsn, tmp_path / "x.sql")
    assert left(tmp_path) == []


def test_a_dump_that_lacks_a_grant_is_told_the_one_that_helps(server: str, tmp_path: Path) -> None:
    """pg_read_all_data covers sequences, and no large object (PostgreSQL documentation, GRANT and predefined roles)."""
    with empty_database(server) as dsn, Forger(dsn) as forger, role(forger) as name:
        forger.build(10)
        ((document,),) = forger.run("SELECT lo_from_bytea(0, 'a document')")
        forger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        with pytest.raises(SourceError, match=r"\(.*sequence.*\).*grant the role pg_read_all_data"):
            back_up(login(dsn, name), tmp_path / "x.sql")
        needs_version(forger, 14, "pg_read_all_data")
        forger.run(f"GRANT pg_read_all_data TO {name}")
        with pytest.raises(SourceError, match=r"permission denied for large object.*GRANT SELECT ON LARGE OBJECT"):
            back_up(login(dsn, name), tmp_path / "x.sql")
        forger.run(f"GRANT SELECT ON LARGE OBJECT {document} TO {name}")
        back_up(login(dsn, name), tmp_path / "x.sql")
