"""Exports, reports, evidence and backups go to an object store and come back, by the commands and by pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.anchored import KEY
from tests.support.command import Invoke, RunLedger
from tests.support.object_store import BUCKET, KEY_ID, LOCKED, SECRET, TOKEN, ObjectStore

AT = f"s3://{BUCKET}/may"


def done(invoke: Invoke, *arguments: str, code: int = 0) -> str:
    result = invoke(*arguments)
    assert result.exit_code == code, result.output
    assert not [secret for secret in (KEY_ID, SECRET, TOKEN) if secret in result.output]
    return result.output


@pytest.mark.parametrize("name", ["all.jsonl", "all.json.gz", "all.csv"])
def test_an_export_is_verified_where_it_was_written(invoke: Invoke, store: ObjectStore, dsn: str, name: str) -> None:
    output = done(invoke, "export", "--source", dsn, "--output", f"{AT}/{name}", "--with-verifier")
    assert f"{AT}/{name}.manifest.json" in output
    manifest = json.loads(store.get(BUCKET, f"may/{name}.manifest.json"))
    assert (manifest["file"], manifest["sequence_last"]) == (name, 100)
    output = done(invoke, "verify", "--source", f"{AT}/{name}")
    assert "SELF-CONSISTENT" in output
    assert f"{AT}/{name}" in output


def test_a_changed_export_is_noticed(invoke: Invoke, store: ObjectStore, dsn: str) -> None:
    done(invoke, "export", "--source", dsn, "--output", f"{AT}/all.jsonl")
    lines = store.get(BUCKET, "may/all.jsonl").splitlines(keepends=True)
    store.put(BUCKET, "may/all.jsonl", b"".join(lines[:50] + lines[51:]))
    assert "TAMPERED" in done(invoke, "verify", "--source", f"{AT}/all.jsonl", code=1)


def test_an_existing_export_is_refused_before_the_ledger_is_read(invoke: Invoke, store: ObjectStore, dsn: str) -> None:
    store.put(BUCKET, "may/all.jsonl", b"mine")
    nowhere = "postgresql://nobody@nowhere.invalid/ledger"
    output = done(invoke, "export", "--source", nowhere, "--output", f"{AT}/all.jsonl", code=2)
    assert output == f"Error: {AT}/all.jsonl exists already. Choose another name, or overwrite it with --force.\n"
    done(invoke, "export", "--source", dsn, "--output", f"{AT}/all.jsonl", "--force")
    assert store.get(BUCKET, "may/all.jsonl") != b"mine"


def test_an_export_and_its_manifest_are_locked(invoke: Invoke, store: ObjectStore, dsn: str) -> None:
    done(invoke, "export", "--source", dsn, "--output", f"s3://{LOCKED}/x.csv", "--object-lock", "governance:30d")
    assert [store.head(LOCKED, key)["ObjectLockMode"] for key in store.keys(LOCKED)] == ["GOVERNANCE"] * 2


def test_what_is_not_in_a_store_cannot_be_locked(invoke: Invoke, dsn: str) -> None:
    output = done(invoke, "export", "--source", dsn, "--output", "x.csv", "--object-lock", "governance:30d", code=2)
    assert output == (
        "Error: x.csv is not in a store that can lock objects. Write to s3://BUCKET/…, or omit --object-lock.\n"
    )


def test_the_evidence_is_whole_and_is_checked_where_it_was_filed(invoke: Invoke, store: ObjectStore, dsn: str) -> None:
    made = invoke("checkpoint", "keygen", "--origin", "bank.example/ledger", "--output", "signing.key").output
    Path("verifier.key").write_text(made)
    done(invoke, "checkpoint", "create", "--ledger-db", dsn, "--signing-key", "signing.key", "--output", f"{AT}/signed")
    trusted = ("--checkpoint", f"{AT}/signed", "--verifier-key", "verifier.key")
    done(invoke, "evidence", "--source", dsn, "--output", f"{AT}/filed", "--export", f"{AT}/all.jsonl", *trusted)
    names = [key.removeprefix("may/filed/") for key in store.keys(BUCKET) if key.startswith("may/filed/")]
    assert {"manifest.json", "junit.xml", "artifacts/all.jsonl", "checkpoints/000000000100.record.json"} <= {*names}
    output = done(invoke, "evidence", "verify", f"{AT}/filed", "--rerun", "--verifier-key", "verifier.key")
    assert "Every file matches manifest.json" in output
    assert "ANCHORED" in output
    store.put(BUCKET, "may/filed/README.txt", b"other")
    assert "README.txt" in done(invoke, "evidence", "verify", f"{AT}/filed", code=1)
    assert "is not empty" in done(invoke, "evidence", "--source", dsn, "--output", f"{AT}/filed", code=2)


def test_a_backup_is_proven_before_it_is_uploaded_and_again_later(
    invoke: Invoke, store: ObjectStore, dsn: str, server: str
) -> None:
    scratch = ("--scratch-db", server)
    output = done(invoke, "backup", "--source", dsn, "--output", f"{AT}/ledger.sql.gz", "--verify", *scratch)
    assert "RESTORED" in output
    assert "RESTORED" in done(invoke, "backup", "verify", f"{AT}/ledger.sql.gz", *scratch)
    same = done(invoke, "diff", dsn, f"{AT}/ledger.sql.gz", *scratch)
    assert "same" in same.lower() or "no difference" in same.lower(), same
    store.put(BUCKET, "may/ledger.sql.gz", b"other")
    assert "NOT WHAT ITS MANIFEST SAYS" in done(invoke, "backup", "verify", f"{AT}/ledger.sql.gz", *scratch, code=1)


def test_pytest_writes_everything_to_a_store(run: RunLedger, store: ObjectStore, dsn: str) -> None:
    names = {"export": "all.csv", "report": "report.html", "oscal": "oscal.json", "evidence": "filed"}
    result = run(f"--ledger-db={dsn}", *(f"--ledger-{option}={AT}/{name}" for option, name in names.items()))
    assert result.ret == 0
    keys = store.keys(BUCKET)
    assert {"may/all.csv", "may/report.html", "may/oscal.json", "may/filed/manifest.json"} <= {*keys}
    shown = result.stdout.str() + result.stderr.str()
    assert not [secret for secret in (KEY_ID, SECRET, TOKEN) if secret in shown]


def test_no_log_shows_a_secret(run: RunLedger, store: ObjectStore, dsn: str) -> None:
    """Also not the log of the libraries at its most talkative, with tracebacks that show local variables."""
    store.client.delete_bucket(Bucket=BUCKET)
    logging = ("--log-level=DEBUG", "-o", "log_cli=true", "--showlocals", "--full-trace")
    given = (f"--ledger-checkpoint={AT}", f"--ledger-verifier-key={KEY.verifier()}", "--ledger-require-checkpoint")
    result = run(f"--ledger-db={dsn}", *given, *logging)
    assert result.ret != 0
    shown = result.stdout.str() + result.stderr.str()
    assert "there is no bucket" in shown
    assert not [secret for secret in (SECRET, TOKEN) if secret in shown]
