"""Backups that are restored, verified and compared: what is proven, and what is found that was changed."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyrage
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.backup.digest import digest
from pytest_audit_ledger.backup.proof import Method
from pytest_audit_ledger.backup.verification import verify_backup
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import TAMPERINGS, Forger
from tests.support.backups import NAMES, back_up, public, refit
from tests.support.checks import run_suite
from tests.support.hostile import queried

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


def test_a_backup_of_a_ledger_that_was_rewritten_before_matches_its_manifest_and_not_the_checkpoint(
    forger: Forger, server: str, tmp_path: Path
) -> None:
    forger.build(100)
    key = SigningKey("bank.example/ledger", bytes(range(32)))
    with Ledger(forger.dsn) as ours:
        assert ours.create_checkpoint(tmp_path / "checkpoints", key).path
    trusted: Any = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [str(key.verifier())]}
    back_up(forger.dsn, tmp_path / "x.sql")
    found = verify_backup(tmp_path / "x.sql", scratch_db=server, **trusted).proof
    assert found.verification
    assert (found.verification.assurance, found.contradictions) == (Assurance.ANCHORED, ())
    TAMPERINGS["edit-and-rewrite"](forger)
    back_up(forger.dsn, tmp_path / "y.sql")
    found = verify_backup(tmp_path / "y.sql", scratch_db=server, **trusted).proof
    assert found.verification
    assert (found.verification.assurance, found.contradictions) == (Assurance.TAMPERED, ())
    alone = verify_backup(tmp_path / "y.sql", scratch_db=server).proof.verification
    assert alone
    assert alone.assurance is Assurance.SELF_CONSISTENT


# Lesser proofs


def nowhere(dsn: str) -> str:
    return str(make_dsn(**{**parse_dsn(dsn), "host": "/nowhere"}))


def test_where_there_is_no_server_to_restore_on_the_lesser_proof_is_called_that(ledger: Forger, tmp_path: Path) -> None:
    for name in ("x.sql.gz", "x.dump"):
        result = back_up(ledger.dsn, tmp_path / name, nowhere(ledger.dsn))
        assert not result.verified
        assert (result.proof.method, result.manifest["proof"]) == (Method.LISTED, "listed")
        assert "proves nothing about the entries. No server answers" in result.verification_status
        assert result.manifest["assurance"] == "SELF-CONSISTENT"  # that of the database, which was verified
    assert "pg_restore could list its contents" in result.verification_status


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
    with pytest.raises(SourceError, match=r"There is no .*x\.sql\.manifest\.json, so it is unknown"):
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
    assert found.contradictions == (
        "The backup is damaged or truncated: the last line of a PostgreSQL dump is missing",
    )
    assert scratch() == []


def test_an_export_is_no_database(tmp_path: Path, ledger: Forger) -> None:
    with Ledger(ledger.dsn) as ours:
        ours.export_entries(output_file=tmp_path / "x.jsonl", limit=5)
    with pytest.raises(UsageError, match="Only a database can be backed up"):
        back_up(str(tmp_path / "x.jsonl"), tmp_path / "x.sql")
