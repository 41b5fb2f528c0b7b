"""Checkpoints in a pytest run: read, written, and told."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.checkpoints.store import read_store
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import CHECKPOINTS, PASSED, PROVENANCE, SKIPPED
from tests.support.command import RunLedger
from tests.support.signers import write_private

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
HOLD = ("--ledger-checkpoint=checkpoints", f"--ledger-verifier-key={KEY.verifier()}")
WRITE = ("--ledger-write-checkpoint=checkpoints", "--ledger-signing-key=signing.key")


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """The folder that checkpoints are written to, next to a signing key."""
    write_private(pytester.path / "signing.key", f"{KEY.text()}\n")
    return pytester.path / "checkpoints"


def written(folder: Path) -> list[int]:
    return [one.size for one in read_store([folder], [KEY.verifier()]).trusted]


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_nightly_run_holds_the_ledger_against_the_last_one_and_signs_anew(
    run: RunLedger, forger: Forger, folder: Path, workers: tuple[str, ...]
) -> None:
    entries = list(sample_entries(50))
    forger.build(0).append(entries[:40])
    first = run(f"--ledger-db={forger.dsn}", *HOLD, *WRITE, *workers)
    first.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    first.stdout.fnmatch_lines(["SELF-CONSISTENT: *", f"wrote {folder}/000000000040.checkpoint *"])
    forger.append(entries[40:])
    second = run(
        f"--ledger-db={forger.dsn}", *HOLD, *WRITE, *workers, "--ledger-require-checkpoint", "--junitxml=out.xml"
    )
    second.assert_outcomes(passed=PASSED + len(CHECKPOINTS), skipped=len(PROVENANCE))
    second.stdout.fnmatch_lines(
        ["ANCHORED: *40 of 50 entries are proven by the checkpoint dated *; 10 newer entries are self-consistent only."]
    )
    assert written(folder) == [40, 50]
    told = {node.get("name"): node.get("value") for node in ElementTree.parse("out.xml").iter("property")}
    assert told["ledger.assurance"] == "ANCHORED"
    assert told["ledger.anchored_entries"] == "40"
    assert (told["ledger.checkpoint"] or "").endswith("/checkpoints/000000000040.checkpoint")
    assert (told["ledger.checkpoint_moment"] or "").startswith("20")
    assert "000000000050.checkpoint sha256:" in (told["ledger.artifacts"] or "")


def test_nothing_is_signed_after_a_verification_that_was_not_clean(
    run: RunLedger, forger: Forger, folder: Path
) -> None:
    TAMPERINGS["edit"](forger.build(100))
    result = run(f"--ledger-db={forger.dsn}", *WRITE)
    result.assert_outcomes(passed=PASSED - 1, failed=1, skipped=SKIPPED)
    result.stdout.fnmatch_lines(["not written: No checkpoint was written: the ledger is TAMPERED*"])
    assert not folder.exists()


def test_a_run_of_some_checks_signs_nothing_and_fails(run: RunLedger, forger: Forger, folder: Path) -> None:
    result = run(f"--ledger-db={forger.build(10).dsn}", *WRITE, "-k", "chain_linkage")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not written: No checkpoint was written: the ledger is UNVERIFIED*"])
    assert not folder.exists()


def test_nothing_is_signed_that_the_folder_contradicts_although_the_run_did_not_look(
    run: RunLedger, forger: Forger, folder: Path
) -> None:
    forger.build(100)
    run(f"--ledger-db={forger.dsn}", *WRITE)
    TAMPERINGS["edit-and-rewrite"](forger)
    result = run(f"--ledger-db={forger.dsn}", *WRITE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not written: *does not match those in *: an entry between 1 and 100 *"])
    assert written(folder) == [100]


def test_a_rewritten_ledger_fails_with_its_window(run: RunLedger, forger: Forger, folder: Path) -> None:
    forger.build(100)
    run(f"--ledger-db={forger.dsn}", *WRITE)
    TAMPERINGS["edit-and-rewrite"](forger)
    result = run(f"--ledger-db={forger.dsn}", *HOLD)
    result.assert_outcomes(passed=PASSED + len(CHECKPOINTS) - 1, failed=1, skipped=len(PROVENANCE))
    result.stdout.fnmatch_lines(
        ["  - REWRITTEN an entry between 1 and 100 was changed, removed or inserted since *", "TAMPERED: *checkpoint."]
    )


def test_a_suite_names_folders_and_keys_and_an_option_outweighs_it(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, folder: Path
) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", *WRITE)
    suite = (
        "version: 1\nchecks:\n  - {id: held, expect: checkpoint, require: true, max_unanchored: '5', "
        f"folders: [checkpoints], verifier_keys: ['{KEY.verifier()}']}}\n"
    )
    pytester.makefile(".ledger.yaml", my=suite)
    run(f"--ledger-db={forger.dsn}", "my.ledger.yaml").assert_outcomes(passed=1)
    (pytester.path / "nowhere").mkdir()
    options = ("--ledger-checkpoint=nowhere", f"--ledger-verifier-key={KEY.verifier()}")
    result = run(f"--ledger-db={forger.dsn}", "my.ledger.yaml", *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CHECKPOINT_MISSING there is no checkpoint in *nowhere*"])


def test_what_a_suite_names_lies_beside_it(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, folder: Path
) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", *WRITE)
    suite = pytester.mkdir("suites") / "my.ledger.yaml"
    suite.write_text(
        "version: 1\nchecks:\n  - {id: held, expect: checkpoint, require: true, folders: [../checkpoints], "
        "verifier_keys: [our.key]}\n"
    )
    refused = run(f"--ledger-db={forger.dsn}", "suites/my.ledger.yaml")
    refused.stdout.fnmatch_lines(["*my.ledger.yaml:3:5: check 'held': our.key is not a verifier key*"])
    (suite.parent / "our.key").write_text(f"{KEY.verifier()}\n")
    run(f"--ledger-db={forger.dsn}", "suites/my.ledger.yaml").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ledger-checkpoint=x"], "*Checkpoints need the key*"),
        (["--ledger-checkpoint=x", "--ledger-verifier-key=y"], "*y is not a verifier key*"),
        (["--ledger-max-unanchored=soon"], "*'soon' is neither a number of entries nor a duration*"),
        (["--ledger-write-checkpoint=x"], "*needs a key to sign with. Add --ledger-signing-key=FILE.*"),
        (["--ledger-signing-key=x"], "*only works with --ledger-write-checkpoint or --ledger-evidence*"),
        (["--ledger-write-checkpoint=x", "--ledger-signing-key=y"], "*There is no file *y**"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(run: RunLedger, options: list[str], words: str) -> None:
    result = run("--ledger-db=postgresql://nobody@127.0.0.1:1/nothing", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])


def test_an_export_is_no_ground_to_sign_on(run: RunLedger, forger: Forger, folder: Path) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", "--ledger-export=ledger.jsonl")
    result = run("--ledger-db=ledger.jsonl", *WRITE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*A checkpoint needs a database, not an export.*"])


def test_a_run_since_the_last_checkpoint_says_everywhere_what_it_did_not_read(
    run: RunLedger, forger: Forger, folder: Path
) -> None:
    entries = list(sample_entries(50))
    forger.build(0).append(entries[:40])
    since = (*HOLD, *WRITE, "--ledger-since-checkpoint")
    first = run(f"--ledger-db={forger.dsn}", *since)
    first.stdout.fnmatch_lines(
        ["read       Every entry was read, because there is no trusted checkpoint with its record yet."]
    )
    forger.append(entries[40:])
    second = run(f"--ledger-db={forger.dsn}", *since, "--ledger-recheck=1/1", "--junitxml=out.xml", "-n", "1")
    second.assert_outcomes(passed=PASSED + len(CHECKPOINTS), skipped=len(PROVENANCE))
    second.stdout.fnmatch_lines(["entries    10, sequence 41 to 50", "read       10 entries after entry 40, where *"])
    assert written(folder) == [40, 50]
    quiet = run(f"--ledger-db={forger.dsn}", *since, "--junitxml=out.xml")
    assert quiet.ret == pytest.ExitCode.OK
    quiet.stdout.fnmatch_lines(
        ["entries    none after 50", "ANCHORED: *, no entry follows; 50 of 50 entries were not re-read: *"]
    )
    told = {node.get("name"): node.get("value") for node in ElementTree.parse("out.xml").iter("property")}
    assert (told["ledger.entries"], told["ledger.entries_not_reread"]) == ("0", "50")
    assert (told["ledger.reading"] or "").endswith("50 older entries were not re-read.")
    assert "cannot be detected" in (told["ledger.assurance_meaning"] or "")


@pytest.mark.parametrize("option", ["--ledger-recheck=1/30", "--ledger-recheck=30"])
def test_a_share_that_makes_no_sense_is_wrong_usage(run: RunLedger, forger: Forger, option: str) -> None:
    extra = () if option.endswith("/30") else ("--ledger-since-checkpoint",)
    assert run(f"--ledger-db={forger.build(3).dsn}", option, *extra).ret == pytest.ExitCode.USAGE_ERROR
