"""A run that resumes after a checkpoint: what it reads, what it finds, what it says it did not look at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger import Ledger, UsageError
from pytest_audit_ledger.anchor.creation import CheckpointArtifact
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.checkpoints.record import json_file, note_file
from pytest_audit_ledger.checkpoints.store import checkpoint_path, read_store
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import Share
from pytest_audit_ledger.model.outcome import Assurance, Finding, Outcome, Severity, Status
from pytest_audit_ledger.model.progress import no_progress
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify.resumption import Since
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import (
    ALONE,
    FOLDS,
    SEVERAL,
    Readers,
    both,
    check,
    default_suite,
    outcomes,
    statuses,
    verify_checks,
)
from tests.support.databases import cloned, empty_database

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
SIGNED, ENTRIES = 80, 100


@pytest.fixture(scope="module")
def model(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The sample ledger with 100 entries, and checkpoints with their records at 40 and 80."""
    folder = tmp_path_factory.mktemp("model")
    with empty_database(server) as dsn:
        with Forger(dsn) as forger:
            forger.build(40)
            Ledger(dsn).create_checkpoint(folder, KEY)
            forger.append(islice(sample_entries(SIGNED), 40, None))
            assert Ledger(dsn).create_checkpoint(folder, KEY).path == str(checkpoint_path(folder, SIGNED))
            forger.append(islice(sample_entries(ENTRIES), SIGNED, None))
        yield dsn, folder


@pytest.fixture
def ledger(server: str, model: tuple[str, Path], folder: Path) -> Iterator[Forger]:
    """A copy of it, which the test may change; the checkpoints are in `folder`."""
    shutil.copytree(model[1], folder)
    with cloned(server, model[0]) as forger:
        yield forger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def since(forger: Forger, folder: Path, share: Share | None = None, **options: Any) -> Verification:
    """Verify with the default suite what is newer than the newest checkpoint, and a share of what is older."""
    given = run_parameters(checkpoints=[folder], verifier_keys=[str(KEY.verifier())])
    options = {"samples": 200, "run_parameters": given, "since": Since(share), **options}
    return verify_checks(PostgresSource(forger.dsn), default_suite().checks, **options)


def checkpoint(verification: Verification) -> Outcome:
    return outcomes(verification)["checkpoint"]


def found(verification: Verification) -> dict[str, list[str]]:
    """Return the codes of the findings, by kind, where there are any."""
    return {o.kind: [f.code for f in o.findings] for o in verification.outcomes if o.findings}


@both
def test_only_newer_entries_are_read_and_every_check_says_how_many(
    ledger: Forger, folder: Path, readers: Readers
) -> None:
    verification = since(ledger, folder, **readers)
    assert verification.assurance is Assurance.ANCHORED, verification.sentence
    assert verification.is_valid
    assert {name: outcome.element_count for name, outcome in outcomes(verification).items() if name in FOLDS} == (
        dict.fromkeys(FOLDS, 20)
    )
    assert (verification.total_entries, verification.size, verification.sequence_range) == (20, 100, (81, 100))
    assert sum(verification.verdict_distribution.values()) == 20
    assert "20 newer entries follow and are self-consistent only; 80 of 100 entries were not re-read: they were " in (
        verification.sentence
    )
    assert verification.reading.endswith("000080.checkpoint ends; 80 older entries were not re-read.")
    assert verification.anchor is not None
    assert (verification.anchor.entries, verification.anchor.total, verification.anchor.unread) == (80, 100, 80)


@pytest.mark.parametrize(
    ("attack", "expected", "readers"),
    [
        ("UPDATE ledger_entries SET reasoning = 'x' WHERE sequence_number = 90", {"entry_hash"}, ALONE),
        (
            "UPDATE ledger_entries SET previous_hash = repeat('0', 64) WHERE sequence_number = 81",
            {"chain_linkage"},
            ALONE,
        ),
        ("DELETE FROM ledger_entries WHERE sequence_number = 81", {"chain_linkage", "sequence_continuity"}, ALONE),
        ("DELETE FROM ledger_entries WHERE sequence_number = 81", {"chain_linkage", "sequence_continuity"}, SEVERAL),
        ("DELETE FROM ledger_entries WHERE sequence_number BETWEEN 85 AND 95", {"chain_linkage"}, ALONE),
        ("UPDATE ledger_entries SET timestamp = '2020-01-01Z' WHERE sequence_number = 81", {"timestamp_order"}, ALONE),
    ],
)
def test_what_is_done_to_newer_entries_is_found_as_in_a_run_that_reads_all(
    ledger: Forger, folder: Path, attack: str, expected: set[str], readers: Readers
) -> None:
    ledger.unguarded(attack)
    whole = Ledger(ledger.dsn).verify_integrity(
        checkpoints=[folder], verifier_keys=[str(KEY.verifier())], samples=200, workers=1
    )
    verification = since(ledger, folder, **readers)
    assert expected <= found(verification).keys()
    assert [(o.kind, o.findings) for o in verification.outcomes if o.kind != "append_only"] == [
        (o.kind, o.findings) for o in whole.outcomes if o.kind != "append_only"
    ]
    assert verification.assurance is Assurance.TAMPERED


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (TAMPERINGS["edit-and-rewrite"], "entry 80 is not the one that was signed with"),
        (TAMPERINGS["inserted"], "entry 80 is not the one that was signed with"),
        (lambda forger: forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 79"), "is missing"),
        (lambda forger: forger.unguarded("DELETE FROM ledger_entries"), "is missing"),
        (
            lambda forger: forger.unguarded(
                "UPDATE ledger_entries SET entry_hash = repeat('0', 64) WHERE sequence_number = 80"
            ),
            "entry 80 is not the one that was signed with",
        ),
    ],
)
def test_where_the_last_signed_entry_is_another_everything_is_read(
    ledger: Forger, folder: Path, attack: Callable[[Forger], None], reason: str
) -> None:
    attack(ledger)
    verification = since(ledger, folder)
    assert verification.assurance is Assurance.TAMPERED
    assert verification.reading.startswith("Every entry was read, because ")
    assert reason in verification.reading
    assert verification.info is not None
    assert verification.info.resumed is None
    assert {code for codes in found(verification).values() for code in codes} & {
        "TRUNCATED", "REWRITTEN", "ENTRY_HASH_MISMATCH"
    }  # fmt: skip


def test_an_edit_of_an_older_entry_is_not_found_and_the_words_say_so(ledger: Forger, folder: Path) -> None:
    TAMPERINGS["edit"](ledger)
    verification = since(ledger, folder)
    assert verification.assurance is Assurance.ANCHORED
    assert verification.sentence.endswith("and an edit of one of them since then cannot be detected.")


@both
def test_a_quiet_night_without_newer_entries_is_anchored(ledger: Forger, folder: Path, readers: Readers) -> None:
    ledger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 80")
    verification = since(ledger, folder, **readers)
    assert verification.assurance is Assurance.ANCHORED, verification.sentence
    assert verification.is_valid
    assert {statuses(verification)[name] for name in FOLDS} == {Status.SKIP}
    assert "No entry is newer than entry 80" in outcomes(verification)["entry_hash"].reason
    assert checkpoint(verification).element_count == 1
    assert "no entry follows; 80 of 80 entries were not re-read" in verification.sentence


class Numbers(ScanKind):
    """What somebody wrote who knows nothing of checkpoints."""

    name = "numbers"
    rule = "Numbers are reported."
    remedy = "None."
    columns = ("sequence_number",)

    def feed(self, batch: Batch) -> None:
        for number in batch.sequence_numbers:
            self.findings.add(Finding("SEEN", "a number", number, severity=Severity.INFO))


@both
def test_a_fold_that_knows_nothing_of_checkpoints_sees_newer_entries_only(
    ledger: Forger, folder: Path, readers: Readers
) -> None:
    given = run_parameters(checkpoints=[folder], verifier_keys=[str(KEY.verifier())])
    checks = [check(Numbers), *default_suite().checks]
    verification = verify_checks(
        PostgresSource(ledger.dsn), checks, samples=200, run_parameters=given, since=Since(Share(0, 1)), **readers
    )
    outcome = outcomes(verification)["numbers"]
    assert (outcome.status, outcome.element_count) == (Status.PASS, 20)
    assert [finding.sequence_number for finding in outcome.findings] == list(range(81, 101))


# Which checkpoint a run resumes from, and where it cannot.


def test_without_a_checkpoint_everything_is_read_and_said(forger: Forger, folder: Path) -> None:
    verification = since(forger.build(100), folder)
    assert verification.assurance is Assurance.SELF_CONSISTENT
    assert verification.total_entries == 100
    assert verification.reading == ("Every entry was read, because there is no trusted checkpoint with its record yet.")


def test_without_the_kind_that_compares_everything_is_read(ledger: Forger, folder: Path) -> None:
    checks = [one for one in default_suite().checks if one.kind.name != "checkpoint"]
    verification = verify_checks(
        PostgresSource(ledger.dsn),
        checks,
        since=Since(),
        run_parameters=run_parameters(checkpoints=[folder], verifier_keys=[str(KEY.verifier())]),
    )
    assert verification.total_entries == 100
    assert "no selected check compares the ledger with checkpoints" in verification.reading


def test_a_record_that_does_not_lead_to_the_signed_root_is_rejected_and_the_one_before_resumed_from(
    ledger: Forger, folder: Path
) -> None:
    path = json_file(checkpoint_path(folder, SIGNED))
    path.write_text(path.read_text().replace('"height": 0', '"height": 1'))
    verification = since(ledger, folder)
    assert verification.info is not None
    assert verification.info.resumed is not None
    assert verification.info.resumed.after == 40
    assert found(verification) == {"checkpoint": ["CHECKPOINT_REJECTED"]}
    assert verification.assurance is Assurance.UNVERIFIED


def test_a_newer_checkpoint_without_a_record_is_compared_with_the_continued_trees(ledger: Forger, folder: Path) -> None:
    for file in (json_file, note_file):
        file(checkpoint_path(folder, SIGNED)).unlink()
    verification = since(ledger, folder)
    assert verification.anchor is not None
    assert (verification.anchor.entries, verification.anchor.unread) == (80, 40)
    ledger.rewrite(60, lambda entry: replace(entry, reasoning="nothing to see"))
    (finding,) = checkpoint(since(ledger, folder)).findings
    assert (finding.code, "between 41 and 80" in finding.message) == ("REWRITTEN", True)


def test_an_older_checkpoint_is_still_held_against_others_of_its_size(ledger: Forger, folder: Path) -> None:
    note = checkpoint_path(folder, 40).read_bytes()
    lines = note.decode().split("\n")
    forged = KEY.sign("\n".join([*lines[:2], "A" * 43 + "=", ""]))
    (folder / "other.checkpoint").write_bytes(forged)
    assert found(since(ledger, folder)) == {"checkpoint": ["EQUIVOCATION"]}


# A share of older entries is read again.


def rechecked(ledger: Forger, folder: Path, turns: int, **options: Any) -> list[Verification]:
    return [since(ledger, folder, Share(turn, turns), **options) for turn in range(turns)]


def test_the_nights_of_a_round_read_every_older_entry_once(ledger: Forger, folder: Path) -> None:
    runs = rechecked(ledger, folder, 7)
    assert {run.assurance for run in runs} == {Assurance.ANCHORED}
    counts = [run.anchor.reread for run in runs if run.anchor]
    assert sum(counts) == SIGNED
    assert set(counts) == {11, 12}
    assert ", 12 older ones were re-read and are unchanged; 68 of 100 entries were not" in runs[0].sentence
    assert "; of the older ones share 1 of 7, 12 entries; 68 older entries were not re-read." in runs[0].reading


@pytest.mark.parametrize(
    ("attack", "code", "readers"),
    [
        ("UPDATE ledger_entries SET reasoning = 'x' WHERE sequence_number = 50", "REWRITTEN", ALONE),
        ("UPDATE ledger_entries SET reasoning = 'x' WHERE sequence_number = 50", "REWRITTEN", SEVERAL),
        ("DELETE FROM ledger_entries WHERE sequence_number = 50", "REWRITTEN", ALONE),
        ("UPDATE ledger_entries SET escalation_notes = 'x' WHERE sequence_number = 50", "UNCOVERED_CHANGED", ALONE),
        (
            "UPDATE ledger_entries SET entry_hash = repeat('0', 64) WHERE sequence_number = 50",
            "UNCOVERED_CHANGED",
            ALONE,
        ),
    ],
)
def test_a_change_of_an_older_entry_is_found_when_its_turn_comes_and_only_then(
    ledger: Forger, folder: Path, attack: str, code: str, readers: Readers
) -> None:
    ledger.unguarded(attack)
    runs = rechecked(ledger, folder, 2, **readers)
    assert [found(run) for run in runs] == [{}, {"checkpoint": [code]}]  # piece 49
    assert "entry 50 " in checkpoint(runs[-1]).findings[0].message
    assert runs[-1].assurance is Assurance.TAMPERED


def test_with_one_share_everything_is_read_and_nothing_is_left_out(ledger: Forger, folder: Path) -> None:
    verification = since(ledger, folder, Share(0, 1))
    assert verification.anchor is not None
    assert (verification.anchor.unread, verification.anchor.reread) == (0, 80)
    day = verification.anchor.moment[:10]
    end = f"proven by the checkpoint dated {day}; 20 newer entries are self-consistent only."
    assert verification.sentence.endswith(end)


# The next checkpoint is made from the last one and what is newer.


def artifact_of(ledger: Forger, folder: Path, since_: Since | None) -> Path:
    """Write a checkpoint as a run of pytest does, and return its record's file."""
    source = PostgresSource(ledger.dsn)
    with source.snapshot() as snapshot:
        verification = since(ledger, folder, shared=snapshot.share(), since=since_)
        CheckpointArtifact(folder, KEY).write(ArtifactContext(verification, source, snapshot, no_progress))
    return checkpoint_path(folder, verification.size)


def test_a_checkpoint_made_without_rereading_is_the_one_that_a_full_run_makes(
    ledger: Forger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = artifact_of(ledger, folder, None)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith(full.stem)}
    for name in before:
        (folder / name).unlink()
    assert artifact_of(ledger, folder, Since()) == full
    ours, theirs = (
        [line for line in text.splitlines() if b"created_at" not in line]
        for text in (json_file(full).read_bytes(), before[json_file(full).name])
    )
    assert ours == theirs
    assert full.read_bytes() == before[full.name]
    assert len(read_store([folder], [KEY.verifier()]).trusted) == 3
    assert since(ledger, folder).size == 100


def test_nothing_is_written_twice_on_a_quiet_night(ledger: Forger, folder: Path) -> None:
    ledger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 80")
    before = sorted(folder.iterdir())
    artifact_of(ledger, folder, Since())
    assert sorted(folder.iterdir()) == before


# Mistakes.


@pytest.mark.parametrize("text", ["30", "1/0", "2/30", "1/30 ", "-1/30", "1/100000", ""])
def test_what_is_no_share_is_wrong_usage(ledger: Forger, text: str) -> None:
    with pytest.raises(UsageError, match="is not a valid share"):
        Ledger(ledger.dsn).verify_integrity(since_checkpoint=True, recheck=text)


def test_a_share_without_a_checkpoint_to_resume_from_is_wrong_usage(ledger: Forger) -> None:
    with pytest.raises(UsageError, match="only re-read in part by a run"):
        Ledger(ledger.dsn).verify_integrity(recheck="1/30")
