"""`audit-ledger verify --transcript-key`, and the same from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.hash_coverage import NOTHING
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Status
from tests.forger import Forger
from tests.support.checks import told_of_entries
from tests.support.command import Invoke
from tests.support.provenance import TAMPERINGS, build_signed
from tests.support.signers import PEM


def test_the_tree_says_what_was_verified_of_envelopes_and_transcripts(
    invoke: Invoke, forger: Forger, tmp_path: Path
) -> None:
    (tmp_path / "runtime.pem").write_text(PEM)
    arguments = ("verify", "--ledger-db", build_signed(forger).dsn, "--transcript-key", "runtime.pem")
    result = invoke(*arguments)
    assert result.exit_code == 0
    assert "├── Provenance: ✓ HASHES AND SIGNATURES VALID\n" in result.stdout
    assert invoke("verify", *arguments[1:3], "--ledger-transcript-key", "runtime.pem").stdout.count("✓") == 6
    TAMPERINGS["signature-flipped"](forger)
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert "├── Provenance: ✗ 1 FINDING, first at sequence 50\n" in result.stdout


def test_without_a_key_the_tree_claims_no_signatures(invoke: Invoke, forger: Forger) -> None:
    result = invoke("verify", "--ledger-db", build_signed(forger).dsn)
    assert result.exit_code == 0
    assert "├── Provenance: ! 1 FINDING\n" in result.stdout
    assert (
        "SIGNATURES_UNVERIFIED (warning) 100 transcripts match their hashes; their signatures were not" in result.stdout
    )


def test_a_ledger_without_provenance_says_nothing_of_it(invoke: Invoke, dsn: str) -> None:
    assert "Provenance" not in invoke("verify", "--ledger-db", dsn).stdout


def test_the_report_and_the_json_tell_what_covers_which_column(invoke: Invoke, forger: Forger) -> None:
    build_signed(forger)
    report = invoke("verify", "--ledger-db", forger.dsn, "--verbose").stdout
    assert "Covered By:\n  entry hash: sequence_number, previous_hash, entry_hash, timestamp, verdict, " in report
    assert "  envelope hash: envelope_json, envelope_hash, verifier_status, in 100 of 100 entries (an edit " in report
    assert (
        "  Not covered by any hash or signature in the ledger: id, escalation_status, escalation_notes, created_at, of "
        in report
    )
    told = json.loads(invoke("verify", "--ledger-db", forger.dsn, "--format", "json").stdout)
    (coverage,) = [check for check in told["outcomes"] if check["kind"] == "hash_coverage"]
    assert coverage["facts"].keys() == {"entry hash", "envelope hash", "transcript signature", NOTHING}


def test_a_key_that_is_none_is_wrong_usage(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no key")
    result = invoke("verify", "--ledger-db", "demo", "--transcript-key", "no.pem")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "Error: The key no.pem is not an Ed25519 public key. Give the PEM file of the public"
    )


def test_keys_are_given_from_python_as_files_or_texts(forger: Forger, tmp_path: Path) -> None:
    (tmp_path / "runtime.pem").write_text(PEM)
    with Ledger(build_signed(forger).dsn) as ledger:
        for key in (PEM, tmp_path / "runtime.pem", str(tmp_path / "runtime.pem")):
            assert set(told_of_entries(ledger.verify_integrity(transcript_keys=[key])).values()) == {Status.PASS}
        with pytest.raises(UsageError, match="cannot be read"):
            ledger.verify_integrity(transcript_keys=["nowhere.pem"])
