"""Evidence verified again: by the suites and the profile that are filed, and by nothing else that these name."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.ledger import Ledger
from tests.evidence.test_consistency import fit, in_json, in_text
from tests.evidence.test_signatures import verified
from tests.forger import TAMPERINGS, Forger
from tests.support.command import RunLedger
from tests.support.profiled import profiled
from tests.support.signers import write_private

KEY = SigningKey("bank.example/ledger", sha256(b"signing").digest())
TRUSTED = str(KEY.verifier())


def filed(pytester: pytest.Pytester, run: RunLedger, dsn: str, *options: str) -> Path:
    run(f"--ledger-db={dsn}", "--ledger-export=ledger.jsonl", "--ledger-evidence=filed", *options)
    return pytester.path / "filed"


def test_an_export_is_verified_again_with_the_keys_that_are_given(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    write_private(pytester.path / "signing.key", KEY.text())
    Ledger(forger.build(30).dsn).create_checkpoint(pytester.path / "kept", pytester.path / "signing.key")
    folder = filed(pytester, run, forger.dsn, "--ledger-checkpoint=kept", f"--ledger-verifier-key={TRUSTED}")
    code, output = verified(folder, "--rerun")
    assert (code, "Rerun      artifacts/ledger.jsonl: SELF-CONSISTENT: " in output) == (0, True), output
    code, output = verified(folder, "--rerun", "--verifier-key", TRUSTED)
    assert (code, "Rerun      artifacts/ledger.jsonl: ANCHORED: " in output) == (0, True), output
    assert "Signer     bank.example/ledger signed checkpoints/000000000030.checkpoint, not the manifest\n" in output


def test_what_was_filed_as_passed_must_pass_again(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    folder = filed(pytester, run, forger.dsn)
    assert verified(folder, "--rerun")[0] == 0
    told = json.loads((folder / "verification.json").read_text())
    place = [one["check"] for one in told["outcomes"]].index("entry_hash")
    in_json("verification.json", "outcomes", place, "codes", to={"ENTRY_HASH_MISMATCH": 2})(folder)
    fit(folder)
    code, output = verified(folder, "--rerun")
    assert code == 1, output
    again = "is FAIL (1 ENTRY_HASH_MISMATCH) when it is run again, but was filed as FAIL (2 ENTRY_HASH_MISMATCH)."
    assert f"integrity.ledger.yaml::entry_hash {again}" in output


def test_a_part_of_the_entries_assures_nothing_about_the_others(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    folder = filed(pytester, run, forger.build(30).dsn, "--ledger-limit=10")
    code, output = verified(folder, "--rerun")
    words = "a part of the ledger, 10 entries, passed what a part can show. This assures nothing about the others."
    assert (code, f"Rerun      artifacts/ledger.jsonl: {words}\n" in output) == (0, True), output


def test_a_suite_does_not_name_what_to_trust(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    write_private(pytester.path / "signing.key", KEY.text())
    Ledger(forger.build(30).dsn).create_checkpoint(pytester.path / "kept", pytester.path / "signing.key")
    trusting = f"expect: checkpoint, severity: critical, folders: [kept], verifier_keys: [{TRUSTED}]"
    (pytester.path / "own.ledger.yaml").write_text(f"version: 1\nchecks: [{{id: anchored, {trusting}}}]\n")
    folder = filed(pytester, run, forger.dsn, "own.ledger.yaml", "integrity.ledger.yaml")
    assert "ANCHORED" in (folder / "verification.json").read_text()
    code, output = verified(folder, "--rerun")
    assert (code, "Rerun      artifacts/ledger.jsonl: SELF-CONSISTENT" in output) == (0, True), output


@pytest.mark.parametrize(
    ("new", "named"),
    [
        ("hash: {key: '@/etc/passwd', algorithm: hmac-sha256}\nwas:", "the file @/etc/passwd"),
        ("payload: {python: os:getcwd}\nwas:", "code (`python`)"),
    ],
)
def test_code_and_files_that_a_filed_profile_names_are_refused(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, new: str, named: str
) -> None:
    profile = profiled(forger, "join")
    folder = filed(pytester, run, forger.dsn, f"--ledger-profile={profile.file}")
    assert verified(folder, "--rerun")[0] == 0
    in_text(f"profiles/{Path(profile.file).name}", "payload:", new)(folder)
    fit(folder)
    code, output = verified(folder, "--rerun")
    assert (code, f"names {named}, which is not used." in output) == (3, True), output


def test_without_an_export_nothing_is_verified_again(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    run(f"--ledger-db={forger.build(5).dsn}", "--ledger-evidence=filed")
    code, output = verified(pytester.path / "filed", "--rerun")
    assert (code, "has no export, so nothing can be verified again" in output) == (3, True)
