"""Backups of a real server: restored, damaged, interrupted, and of ledgers that were tampered with."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
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
import pyrage
import pytest
from jsonschema import Draft202012Validator
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.artifacts import encryption
from pytest_audit_ledger.artifacts.backup import MANIFEST_SCHEMA, BackupResult, backup_request
from pytest_audit_ledger.artifacts.digest import digest
from pytest_audit_ledger.artifacts.encryption import Key, Opener, decrypt, opener_of, read_key
from pytest_audit_ledger.artifacts.proof import Method
from pytest_audit_ledger.comparison import verify_backup
from pytest_audit_ledger.errors import LedgerError, OutputError, SourceError, UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.outcome import Assurance, Status
from pytest_audit_ledger.resources import json_schema
from pytest_audit_ledger.sources import programs
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.sample import sample_entries
from tests.artifacts.support import hostile_entries, queried
from tests.forger import TAMPERINGS, Forger
from tests.postgres.support import (
    UNUSED,
    another_session,
    build_partitioned,
    chained,
    drop_database,
    empty_database,
    role,
    run_suite,
    statuses,
)

ROOT = Path(__file__).parents[2]
ENTRIES = 2500
NAMES = ["x.sql", "x.dump", "x.sql.gz", "x.dump.gz", "x.sql.gz.age", "x.dump.age"]


@pytest.fixture(scope="module")
def ledger(server: str) -> Iterator[Forger]:
    """A ledger of schema v3 with hostile texts and documents, on a server that is not in UTC; nobody changes it."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        ((name,),) = forger.run("SELECT current_database()")
        forger.run(f"ALTER DATABASE {name} SET timezone = 'America/New_York'")
        hostile = list(hostile_entries())
        forger.build(entries=chained([*hostile, *islice(sample_entries(ENTRIES), len(hostile), None)]), schema="3")
        forger.run("""ALTER TABLE ledger_entries ADD own jsonb NOT NULL DEFAULT '{"b": 1.50, "a": "é\\n\\u2028"}'""")
        yield forger


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a private key, and its public one beside it."""
    key = pyrage.x25519.Identity.generate()
    path: Path = tmp_path_factory.mktemp("age") / "key.txt"
    path.write_text(f"# created: today\n{key}\n")
    path.with_suffix(".pub").write_text(str(key.to_public()))
    return path


def public(identity: Path) -> str:
    return identity.with_suffix(".pub").read_text()


def back_up(dsn: str, path: Path, server: str | None = None, **options: Any) -> BackupResult:
    """Back up; with a server to restore on, prove it."""
    with Ledger(dsn) as ledger:
        return ledger.backup_database(path, verify=server is not None, scratch_db=server, **options)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
    assert (request.path, request.format, request.compressed) == (path, kind, ".gz" in path.lower())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("-", {}, "is a file"),
        ("", {}, "is a file"),
        ("a.sql.age", {}, "there is no key"),
        ("a.sql", {"format": "tar"}, "no format 'tar'"),
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


def major(dsn: str) -> int:
    """Return the major version of a server."""
    with Forger(dsn) as forger:
        return forger.connection.server_version // 10_000


def programs_of(server: str) -> dict[str, str]:
    """Return the environment in which a README's commands find the server and its programs."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    found = {names[name]: value for name, value in parse_dsn(server).items() if name in names}
    folder = programs.find("pg_restore", major(server)).path.parent
    return {**os.environ, **found, "PATH": f"{folder}:{os.environ['PATH']}"}


def commands_of_the_readme(*names: str) -> list[str]:
    """Return the commands of the README that restore."""
    text = (ROOT / "README.md").read_text()
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


@pytest.mark.skipif(shutil.which("age") is None, reason="the command age is not installed")
def test_the_command_age_opens_what_was_encrypted(ledger: Forger, identity: Path, tmp_path: Path) -> None:
    back_up(ledger.dsn, tmp_path / "x.sql.gz", encryption_key=public(identity))
    command = f"age --decrypt --identity {identity} x.sql.gz.age | zcat"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "PostgreSQL database dump complete" in done.stdout
    subprocess.run(["age", "-r", public(identity), "-o", "y.age", "x.sql.gz.age"], cwd=tmp_path, check=True)


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
                assert ours.backup_database(tmp_path / "x.dump", verify=True).verified
            assert "CREATE VIEW public.flags" in (tmp_path / "x.sql").read_text()
            assert "audit_ledger_test_granted" not in (tmp_path / "x.sql").read_text()
        finally:
            forger.run("DROP OWNED BY audit_ledger_test_granted CASCADE; DROP ROLE audit_ledger_test_granted")


# The digest


def test_the_digest_is_that_of_an_export_of_all_columns_in_order_of_their_names(
    ledger: Forger, server: str, tmp_path: Path
) -> None:
    ((names,),) = ledger.run(
        "SELECT string_agg(attname::text, ',' ORDER BY attname::text COLLATE \"C\") FROM pg_attribute "
        "WHERE attrelid = 'ledger_entries'::regclass AND attnum > 0"
    )
    with Ledger(ledger.dsn) as ours:
        ours.export_entries(output_file=tmp_path / "x.jsonl", fields=names)
        with ours.source.snapshot() as snapshot:
            assert digest(snapshot) == sha256((tmp_path / "x.jsonl").read_bytes()).hexdigest()


OTHERS = {
    "id": "-1",
    "sequence_number": "999",
    "verdict": "'DISCRETIONARY'",
    "verifier_status": "'AGREED'",
    "track": "'llm'",
    "timestamp": "'2020-01-01Z'",
    "created_at": "'2020-01-01Z'",
    "envelope_json": """'{"x": 1}'""",
    "transcript_json": """'{"x": 1}'""",
}
"""Another value for a column, where a text will not do."""


def test_a_change_of_any_column_changes_the_digest(forger: Forger) -> None:
    forger.build(20, schema="3")
    source = PostgresSource(forger.dsn)

    def now() -> str:
        with source.snapshot() as snapshot:
            return digest(snapshot)

    before = now()
    for name in queried(forger, "LIMIT 1")[0]:
        change = f'UPDATE ledger_entries SET "{name}" = {OTHERS.get(name, "repeat(chr(102), 64)")}'
        forger.unguarded("CREATE TABLE kept AS TABLE ledger_entries", f"{change} WHERE sequence_number = 7")
        assert now() != before, name
        forger.unguarded("DELETE FROM ledger_entries; INSERT INTO ledger_entries TABLE kept; DROP TABLE kept")
        assert now() == before, name


# Tampering


TELLING = (
    *("edit", "duplicated", "unique-dropped", "trigger-disabled", "trigger-emptied"),
    *("view-in-place", "rows-hidden"),
)
"""An edit, and whatever is more than one: what pg_dump has to write otherwise than for a clean ledger."""


@pytest.mark.parametrize("name", TELLING)
def test_a_ledger_that_was_tampered_with_is_backed_up_and_its_manifest_says_so(
    forger: Forger, server: str, tmp_path: Path, name: str
) -> None:
    TAMPERINGS[name](forger.build(100))
    result = back_up(forger.dsn, tmp_path / "x.sql", server)
    assert result.manifest["assurance"] == run_suite(forger.dsn).assurance.value
    assert result.manifest["assurance"] in ("TAMPERED", "UNVERIFIED")
    assert result.verified, result.verification_status
    found = verify_backup(tmp_path / "x.sql", scratch_db=server).proof
    assert (found.method, found.contradictions) == (Method.RESTORED, ())
    assert found.verification
    assert found.verification.assurance.value == result.manifest["assurance"]


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_byte_is_caught_also_where_the_manifest_was_changed_to_fit(
    ledger: Forger, server: str, identity: Path, tmp_path: Path, name: str
) -> None:
    key = public(identity) if name.endswith(".age") else None
    path = tmp_path / name
    back_up(ledger.dsn, path, server, encryption_key=key)
    original = path.read_bytes()
    plain = name == "x.sql"
    at = original.index(b"within the limit") if plain else len(original) * 2 // 3
    flip(path, at)
    found = verify_backup(path, identity=identity if key else None, scratch_db=server).proof
    assert found.method is Method.NONE
    assert found.contradictions[0].startswith("SHA-256: expected ")
    refit(path)
    found = verify_backup(path, identity=identity if key else None, scratch_db=server).proof
    assert found.contradictions or found.method is not Method.RESTORED, found.meaning
    if plain:
        assert any(words.startswith("digest over all columns: expected ") for words in found.contradictions)
        assert found.verification
        assert found.verification.assurance is Assurance.TAMPERED


def test_a_backup_of_fewer_entries_does_not_pass_for_that_of_more(forger: Forger, server: str, tmp_path: Path) -> None:
    forger.build(100)
    back_up(forger.dsn, tmp_path / "x.sql", server)
    TAMPERINGS["end-deleted"](forger)  # a well-formed chain, which only the manifest knows
    back_up(forger.dsn, tmp_path / "y.sql", server)
    refit(tmp_path / "y.sql", like=tmp_path / "x.sql")
    found = verify_backup(tmp_path / "y.sql", scratch_db=server).proof
    assert "entries: expected 100, got 90" in found.contradictions


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("\\! touch {mark}", "backslash commands are restricted"),
        ("SELECT 1 \\! touch {mark}", "backslash commands are restricted"),
        ("\\unrestrict {key}\n\\! touch {mark}", "unrestrict: wrong key"),
        ("COPY (SELECT 1) TO PROGRAM 'touch {mark}';", "permission denied to COPY"),
    ],
)
def test_a_forged_backup_runs_nothing_on_the_machine_of_its_verifier(
    ledger: Forger, server: str, tmp_path: Path, attack: str, words: str
) -> None:
    path, mark = tmp_path / "x.sql", tmp_path / "mark"
    tmp_path.chmod(0o777)
    back_up(ledger.dsn, path)
    script = path.read_text()
    key = re.findall(r"\\restrict (\w+)", script)
    path.write_text(script.replace("\nSET ", f"\n{attack.format(mark=mark, key=key[0])}\nSET ", 1))
    refit(path)
    # only the server that we start lets the backup do less than the role which restores it
    found = verify_backup(path, scratch_db=None if "PROGRAM" in attack else server).proof
    assert not mark.exists()
    assert found.method is Method.LISTED
    assert words in found.meaning


def refit(path: Path, like: Path | None = None, **changes: Any) -> None:
    """Make a manifest fit a file that was changed, or that never had one."""
    manifest = json.loads(manifest_path(like or path).read_text())
    fitting = {"sha256": sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
    manifest_path(path).write_text(json.dumps({**manifest, **fitting, **changes}))


# Whole or not at all


@contextmanager
def dump_at_work(dsn: str, path: Path, **options: Any) -> Iterator[tuple[psutil.Process, list[Any]]]:
    """Back up in a thread, and stop while pg_dump waits for a lock; yield it, and what comes of the backup."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(back_up(dsn, path, **options))
        except LedgerError as error:
            outcome.append(error)

    with another_session(dsn, "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"):
        thread = threading.Thread(target=work)
        thread.start()
        yield the_dump(), outcome
    thread.join(30)
    assert not thread.is_alive()


def the_dump() -> psutil.Process:
    for _ in range(400):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if child.name() == "pg_dump":
                    return child
        time.sleep(0.02)
    pytest.fail("no pg_dump is at work")


def waits_for_the_lock(forger: Forger) -> None:
    for _ in range(400):
        if forger.run("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'LOCK'")[0][0]:
            return
        time.sleep(0.02)
    pytest.fail("pg_dump does not wait")


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
    with dump_at_work(forger.dsn, tmp_path / name, encryption_key=key) as (process, outcome):
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
    with another_session(forger.dsn, "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
        waits_for_the_lock(forger)
        (dump,) = psutil.Process(process.pid).children()
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
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
        with pytest.raises(OutputError, match=r"No space left on device\. Make room there.* Nothing of it is left"):
            back_up(ledger.dsn, tmp_path / name, encryption_key=key)
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
    with pytest.raises(OutputError, match="does not hold what the database does: entries: expected 100, got 99"):
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
        assert back_up(dsn, tmp_path / "x.dump").manifest["entries"] == ENTRIES, name


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

    thread = threading.Thread(target=append)
    started = time.monotonic()
    thread.start()
    while not appended and thread.is_alive():
        time.sleep(0.01)
    try:
        results = [back_up(forger.dsn, tmp_path / name, server) for name in ("x.sql.gz", "x.dump")]
    finally:
        done.set()
        thread.join()
    assert sum(appended) / (time.monotonic() - started) > 1000, "the machine is too busy to show anything"
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
    with pytest.raises(SourceError, match=r"version 44 or newer is needed, and there is only 11\.22 \(.*42\.1 .*-44 "):
        programs.find("pg_dump", 44)
    with pytest.raises(SourceError, match="there is none on PATH"):
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


# Lesser proofs


def nowhere(dsn: str) -> str:
    return str(make_dsn(**{**parse_dsn(dsn), "host": "/nowhere"}))


def test_where_there_is_no_server_to_restore_on_the_lesser_proof_is_called_that(ledger: Forger, tmp_path: Path) -> None:
    for name in ("x.sql.gz", "x.dump"):
        result = back_up(ledger.dsn, tmp_path / name, nowhere(ledger.dsn))
        assert not result.verified
        assert (result.proof.method, result.manifest["proof"]) == (Method.LISTED, "listed")
        assert "says nothing about the entries. No server answers there" in result.verification_status
        assert result.manifest["assurance"] == "SELF-CONSISTENT"  # that of the database, which was verified
    assert "pg_restore --list" in result.verification_status


def test_what_is_cut_off_does_not_even_pass_a_lesser_proof(ledger: Forger, tmp_path: Path) -> None:
    for name in ("x.sql", "x.sql.gz", "x.dump"):
        back_up(ledger.dsn, tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[:100] if name == "x.dump" else data[:-200])
        manifest = json.loads(manifest_path(tmp_path / name).read_text())
        fitting = {
            "sha256": sha256((tmp_path / name).read_bytes()).hexdigest(),
            "size": (tmp_path / name).stat().st_size,
        }
        manifest_path(tmp_path / name).write_text(json.dumps({**manifest, **fitting}))
        found = verify_backup(tmp_path / name, scratch_db=nowhere(ledger.dsn)).proof
        assert found.contradictions, name


def test_an_encrypted_backup_that_cannot_be_opened_is_only_compared(
    ledger: Forger, server: str, identity: Path, tmp_path: Path
) -> None:
    result = back_up(ledger.dsn, tmp_path / "x.dump", server, encryption_key=public(identity))
    assert result.verified, "the run has a key of its own, which it forgets"
    found = verify_backup(tmp_path / "x.dump.age", scratch_db=server).proof
    assert found.method is Method.CHECKSUM
    assert "only its SHA-256 was compared" in found.meaning
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    found = verify_backup(tmp_path / "x.dump.age", identity=other, scratch_db=server).proof
    assert found.method is not Method.RESTORED
    assert "No matching keys found" in found.meaning


def test_a_backup_without_its_manifest_is_not_judged(ledger: Forger, tmp_path: Path) -> None:
    back_up(ledger.dsn, tmp_path / "x.sql")
    manifest = manifest_path(tmp_path / "x.sql")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "digest": "nonsense"}))
    with pytest.raises(SourceError, match=r"The manifest .* cannot be read"):
        verify_backup(tmp_path / "x.sql")
    manifest.unlink()
    with pytest.raises(SourceError, match=r"There is no .*x\.sql\.manifest\.json, so nobody knows"):
        verify_backup(tmp_path / "x.sql")
    with pytest.raises(UsageError, match=r"There is no file .*y\.sql"):
        verify_backup(tmp_path / "y.sql")


def test_the_scratch_database_is_dropped_in_any_case(
    ledger: Forger, server: str, identity: Path, tmp_path: Path
) -> None:
    def scratch() -> list[Any]:
        return ledger.run("SELECT datname FROM pg_database WHERE datname LIKE 'audit_ledger_scratch%'")

    back_up(ledger.dsn, tmp_path / "x.sql", server)
    (tmp_path / "y.sql").write_text("SELECT nonsense;")
    refit(tmp_path / "y.sql", like=tmp_path / "x.sql")
    found = verify_backup(tmp_path / "y.sql", scratch_db=server).proof
    assert "psql failed on" in found.meaning
    assert found.contradictions == ("The backup is damaged or cut off: a dump of PostgreSQL's ends otherwise",)
    assert scratch() == []


def test_an_export_is_no_database(tmp_path: Path, ledger: Forger) -> None:
    with Ledger(ledger.dsn) as ours:
        ours.export_entries(output_file=tmp_path / "x.jsonl", limit=5)
    with pytest.raises(UsageError, match="Only a database can be backed up"):
        back_up(str(tmp_path / "x.jsonl"), tmp_path / "x.sql")


# Keys


def test_a_passphrase_from_a_file_or_a_variable_opens_what_it_encrypted(
    ledger: Forger, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("correct horse\nsecond line\n")
    monkeypatch.setenv("SECRET_OF_THE_TEST", "correct horse")
    result = back_up(ledger.dsn, tmp_path / "x.dump", encryption_key=f"@{tmp_path / 'secret'}")
    assert result.manifest["recipients"] == ["passphrase"]
    assert "correct" not in repr(result) + json.dumps(result.manifest)
    path = tmp_path / "x.dump.age"
    found = verify_backup(path, encryption_key="env:SECRET_OF_THE_TEST", scratch_db=server).proof
    assert (found.method, found.contradictions) == (Method.RESTORED, ())
    with path.open("rb") as file, pytest.raises(SourceError, match=r"cannot be decrypted.*or the passphrase"):
        decrypt(Opener(passphrase="another"), file, io.BytesIO())


def test_with_a_passphrase_a_backup_has_a_largest_size(
    ledger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "LARGEST_WITH_PASSPHRASE", 1 << 20)
    with pytest.raises(UsageError, match=r"more than 1 MiB\. Encrypt it for a recipient"):
        back_up(ledger.dsn, tmp_path / "x.sql", encryption_key=Key(passphrase="secret"))
    assert left(tmp_path) == []


def ssh_key(folder: Path) -> tuple[str, Path]:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "id"], check=True)
    return (folder / "id.pub").read_text().strip(), folder / "id"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="the command ssh-keygen is not installed")
def test_ssh_keys_and_files_of_recipients_will_do(ledger: Forger, server: str, identity: Path, tmp_path: Path) -> None:
    line, private = ssh_key(tmp_path)
    (tmp_path / "recipients").write_text(f"# the two of us\n{public(identity)}\n\n{line}\n")
    result = back_up(ledger.dsn, tmp_path / "x.dump", server, encryption_key=f"@{tmp_path / 'recipients'}")
    assert result.manifest["recipients"] == [public(identity), line]
    for opener in (identity, private):
        found = verify_backup(tmp_path / "x.dump.age", identity=opener, scratch_db=server).proof
        assert found.method is Method.RESTORED
    with pytest.raises(UsageError, match="A private key opens a backup"):
        read_key(f"@{private}")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("hunter2", "This is no encryption key. Write age1"),
        ("@", "This is no encryption key"),
        ("@/nowhere/key", "The key /nowhere/key cannot be read"),
        ("env:NOT_SET_AT_ALL", "NOT_SET_AT_ALL is not set"),
        ("age1nonsense", "The recipient age1nonsense cannot be used"),
        ("ssh-ed25519 nonsense", "The recipient ssh-ed25519 nonsense cannot be used"),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(named: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_key(named)
    assert "hunter2" not in str(caught.value)


def test_a_private_key_on_the_command_line_is_neither_taken_nor_repeated(identity: Path) -> None:
    secret = identity.read_text().splitlines()[1]
    with pytest.raises(UsageError) as caught:
        read_key(secret)
    assert secret not in str(caught.value)


def test_a_prompt_asks_twice_for_what_encrypts_and_once_for_what_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "correct horse"

    monkeypatch.setattr(encryption, "getpass", answer)
    assert read_key("prompt") == Key(passphrase="correct horse")
    assert read_key("prompt", confirmed=False) == Key(passphrase="correct horse")
    assert asked == ["Passphrase: ", "The same again: ", "Passphrase: "]
    monkeypatch.setattr(encryption, "getpass", lambda question: "")
    with pytest.raises(UsageError, match=r"The passphrase is empty\."):
        read_key("prompt")


def test_a_passphrase_and_a_private_key_are_not_both_taken(identity: Path) -> None:
    with pytest.raises(UsageError, match="A passphrase and a private key were given"):
        opener_of(Key(passphrase="secret"), identity)
    with pytest.raises(UsageError, match="A public key does not open a backup"):
        opener_of(read_key(public(identity)), None)
    with pytest.raises(UsageError, match="holds no private key"):
        opener_of(None, identity.with_suffix(".pub"))


def test_a_secret_that_pg_dump_takes_only_among_its_arguments_is_refused(ledger: Forger, tmp_path: Path) -> None:
    dsn = make_dsn(**{**parse_dsn(ledger.dsn), "sslpassword": "s3cret"})
    with pytest.raises(UsageError, match="sslpassword only among its arguments") as caught:
        back_up(dsn, tmp_path / "x.sql")
    assert "s3cret" not in str(caught.value)
    assert left(tmp_path) == []
