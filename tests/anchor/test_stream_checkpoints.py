"""Checkpoints of a ledger with several streams: what they find of every way to tamper, and what is innocent."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from pytest_audit_ledger.checkpoints.keys import write_signing_key
from pytest_audit_ledger.errors import OutputError, UsageError
from pytest_audit_ledger.files.resources import json_schema, mistakes_by
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import SEVERAL
from tests.support.command import Invoke
from tests.support.standalone import verify_folder
from tests.verify.test_profiles import JOIN, TAB, places, table

ORIGIN = "bank.example/movements"
Place = tuple[str, str, int | None]


class Anchored:
    """A ledger of 365 entries in four streams, and a checkpoint of it."""

    def __init__(self, forger: Forger, folder: Path) -> None:
        self.forger, self.folder = forger, folder / "checkpoints"
        self.key = folder / "signing.key"
        self.trusted: Any = {
            "checkpoints": [self.folder],
            "verifier_keys": [str(write_signing_key(self.key, ORIGIN))],
        }
        self.ledger = Ledger(forger.dsn, profile=JOIN)

    def sign(self, **how: Any) -> str:
        return self.ledger.create_checkpoint(self.folder, self.key, **how).path

    def change(self, statements: str) -> None:
        """Run statements behind the back of the triggers."""
        self.forger.run(f"ALTER TABLE movements DISABLE TRIGGER USER; {statements}")
        self.forger.run("ALTER TABLE movements ENABLE TRIGGER USER")

    def verified(self, **how: Any) -> Verification:
        return self.ledger.verify_integrity(**self.trusted, **how)


@pytest.fixture
def anchored(forger: Forger, tmp_path: Path) -> Anchored:
    one = Anchored(table(forger), tmp_path)
    assert one.sign().endswith("365.checkpoint")
    return one


def of_checkpoints(found: Verification) -> dict[Place, str]:
    """Return what the check of checkpoints found: code, stream and number, with its message."""
    outcome = next(one for one in found.outcomes if one.kind == "checkpoint")
    return {(one.code, one.stream, one.sequence_number): one.message for one in outcome.findings}


REWRITE = """
    CREATE TEMP TABLE kept AS SELECT * FROM movements WHERE {what};
    DELETE FROM movements WHERE {what};
    ALTER TABLE movements ENABLE TRIGGER chain;
    INSERT INTO movements (entry_id, account, seq, kind, amount, memo, booked_at)
    SELECT entry_id, account, seq, kind, amount + 1, memo, booked_at FROM kept ORDER BY seq
"""
AT_60 = "account = 'DE01' AND seq = 60"
REWRITTEN: Place = ("REWRITTEN", "", None)
MISSING: Place = ("TRUNCATED", "", None)
TAMPERED: dict[str, tuple[str, set[Place], set[Place]]] = {
    "an amount": (
        f"UPDATE movements SET amount = 999 WHERE {AT_60}",
        {("ENTRY_HASH_MISMATCH", "DE01", 60)},
        {REWRITTEN},
    ),
    "the order of two entries, which no hash covers": (
        f"""UPDATE movements SET entry_id = -1 WHERE {AT_60};
            UPDATE movements SET entry_id = (SELECT entry_id - 1 FROM movements WHERE account = 'IT03' AND seq = 57)
             WHERE account = 'IT03' AND seq = 57;
            UPDATE movements SET entry_id = (SELECT entry_id + 1 FROM movements WHERE account = 'IT03' AND seq = 57)
             WHERE {AT_60}""",
        set(),
        {REWRITTEN},
    ),
    "an entry that is gone": (
        f"DELETE FROM movements WHERE {AT_60}",
        {("SEQUENCE_GAP", "DE01", 60), ("HASH_MISMATCH", "DE01", 61)},
        {MISSING},
    ),
    "an entry that is written as if it were old": (
        """ALTER TABLE movements ENABLE TRIGGER chain;
           INSERT INTO movements (entry_id, account, seq, kind, amount, booked_at)
           VALUES (-5, 'FR02', 3, 'fee', 1, '2026-06-05')""",
        set(),
        {REWRITTEN},
    ),
    "entries of two streams that change places": (
        """UPDATE movements SET account = 'nowhere' WHERE account = 'DE01' AND seq = 60;
           UPDATE movements SET account = 'DE01' WHERE account = 'IT03' AND seq = 60;
           UPDATE movements SET account = 'IT03' WHERE account = 'nowhere'""",
        {
            *(("HASH_MISMATCH", stream, number) for stream in ("DE01", "IT03") for number in (60, 61)),
            *(("ENTRY_HASH_MISMATCH", stream, 60) for stream in ("DE01", "IT03")),
            ("TIMESTAMP_ORDER", "DE01", 61),
            ("TIMESTAMP_ORDER", "IT03", 60),
        },
        {REWRITTEN},
    ),
    "an entry in another stream": (
        f"UPDATE movements SET account = 'FR02', seq = 3 WHERE {AT_60}",
        {
            ("SEQUENCE_GAP", "DE01", 60),
            ("HASH_MISMATCH", "DE01", 61),
            ("HASH_MISMATCH", "FR02", 3),
            ("ENTRY_HASH_MISMATCH", "FR02", 3),
        },
        {REWRITTEN},
    ),
    "the end of one stream": (
        "DELETE FROM movements WHERE account = 'DE01' AND seq > 100",
        set(),
        {MISSING, ("TRUNCATED", "DE01", 101)},
    ),
    "a stream that is rewritten as a whole": (REWRITE.format(what="account = 'IT03'"), set(), {REWRITTEN}),
    "the end of a stream that is rewritten": (
        REWRITE.format(what="account = 'IT03' AND seq > 100"),
        set(),
        {REWRITTEN},
    ),
    "a stream that is gone": (
        "DELETE FROM movements WHERE account = 'IT03'",
        set(),
        {MISSING, ("TRUNCATED", "IT03", None)},
    ),
}


@pytest.mark.parametrize("tampering", TAMPERED)
def test_what_a_checkpoint_adds_to_what_the_chains_show(anchored: Anchored, tampering: str) -> None:
    change, by_chains, by_checkpoint = TAMPERED[tampering]
    anchored.change(change)
    alone = anchored.ledger.verify_integrity()
    assert places(alone) == by_chains
    assert alone.assurance is (Assurance.TAMPERED if by_chains else Assurance.SELF_CONSISTENT)
    found = anchored.verified(**SEVERAL)
    assert places(found) == by_chains | by_checkpoint
    assert found.assurance is Assurance.TAMPERED
    again = anchored.verified(since_checkpoint=True, recheck="1/1")
    assert again.assurance is Assurance.TAMPERED
    assert {code for code, *_ in of_checkpoints(again)} <= {"REWRITTEN", "TRUNCATED"}


def test_messages_name_positions_streams_and_what_was_signed(anchored: Anchored) -> None:
    anchored.change("DELETE FROM movements WHERE account = 'IT03' OR (account = 'DE01' AND seq > 122)")
    path = f"{anchored.folder}/000000000365.checkpoint"
    assert of_checkpoints(anchored.verified()) == {
        MISSING: f"121 entries are missing: 365 were in the ledger when {path} was signed",
        ("TRUNCATED", "DE01", 123): f"the stream DE01 ends with number 122; it had number 123 when {path} was signed",
        ("TRUNCATED", "IT03", None): f"the stream IT03 is missing; it had number 120 when {path} was signed",
    }


def test_a_piece_that_is_read_again_shows_where_an_entry_was_changed(anchored: Anchored) -> None:
    anchored.change(f"UPDATE movements SET amount = 999 WHERE {AT_60}")
    found = anchored.verified(since_checkpoint=True, recheck="1/1")
    (message,) = of_checkpoints(found).values()
    assert message.startswith(
        "at least one entry between the positions 173 and 174 in the order of writing was changed"
    )
    assert places(found) == {REWRITTEN}


def test_new_entries_and_new_streams_are_innocent(anchored: Anchored) -> None:
    anchored.forger.run(
        """INSERT INTO movements (account, seq, kind, amount, booked_at)
           VALUES ('DE01', 124, 'fee', 1, '2026-06-05'), ('new', 1, 'fee', 1, '2026-06-05')"""
    )
    for how in ({}, SEVERAL, {"since_checkpoint": True}, {"since_checkpoint": True, "recheck": "1/7"}):
        found = anchored.verified(**how)
        assert (found.assurance, places(found)) == (Assurance.ANCHORED, set())
        assert found.anchor is not None
        assert (found.anchor.entries, found.anchor.total) == (365, 367)
    assert anchored.sign(since_checkpoint=True).endswith("367.checkpoint")
    first, second = (json.loads(path.read_text()) for path in sorted(anchored.folder.glob("*.record.json")))
    assert list(mistakes_by(json_schema("checkpoint-record.schema.json"), second)) == []
    assert (len(first["streams"]), len(second["streams"])) == (4, 5)
    assert ["DE01", 124] in second["streams"]
    assert second["order"]["last"] == 367
    assert anchored.verified().assurance is Assurance.ANCHORED
    assert (second["root"], second["columns_root"], second["pieces"]) == _of_all(anchored)


def _of_all(anchored: Anchored) -> tuple[Any, ...]:
    """Return roots and pieces of a checkpoint that was made from all entries at once."""
    folder = anchored.folder.parent / "again"
    Ledger(anchored.forger.dsn, profile=JOIN).create_checkpoint(folder, anchored.key)
    record = json.loads(next(folder.glob("*.record.json")).read_text())
    return record["root"], record["columns_root"], record["pieces"]


def test_a_resumed_run_judges_newer_entries_by_the_older_ones_of_their_stream(anchored: Anchored) -> None:
    anchored.forger.run("INSERT INTO movements (account, seq, kind, amount, booked_at) VALUES "
                        "('DE01', 124, 'fee', 1, '2026-06-05'), ('IT03', 121, 'fee', 1, '2026-06-05')")  # fmt: skip
    anchored.change("UPDATE movements SET prev_hash = 'GENESIS' WHERE account = 'DE01' AND seq = 124")
    assert places(anchored.verified(since_checkpoint=True)) == {
        ("HASH_MISMATCH", "DE01", 124),
        ("ENTRY_HASH_MISMATCH", "DE01", 124),
    }
    anchored.change("UPDATE movements SET seq = 130 WHERE account = 'DE01' AND seq = 124")
    assert ("SEQUENCE_GAP", "DE01", 124) in places(anchored.verified(since_checkpoint=True))


def test_an_entry_that_two_writers_gave_order_and_number_crosswise_is_innocent(forger: Forger, tmp_path: Path) -> None:
    one = Anchored(table(forger, "UPDATE movements SET entry_id = 100000 - entry_id"), tmp_path)
    one.sign()
    found = one.verified()
    assert (found.assurance, places(found)) == (Assurance.ANCHORED, set())
    assert ("ORDER_CROSSED", "DE01", 122) in of_checkpoints(found)


@pytest.mark.parametrize(("order", "code"), [("NULL", "ORDER_MISSING"), ("364", "ORDER_DUPLICATE")])
def test_an_order_that_leaves_positions_open_gets_no_checkpoint_and_is_a_finding(
    forger: Forger, tmp_path: Path, order: str, code: str
) -> None:
    nullable = "ALTER TABLE movements DROP CONSTRAINT movements_pkey, ALTER COLUMN entry_id DROP NOT NULL"
    one = Anchored(table(forger, nullable), tmp_path)
    change = "UPDATE movements SET entry_id = {} WHERE account LIKE 'tab%' AND seq = {}"
    one.change(change.format(order, 120))
    with pytest.raises(OutputError, match="at sequence 120 of stream tab"):
        one.sign()
    assert one.ledger.verify_integrity().assurance is Assurance.SELF_CONSISTENT
    one.change(change.format(365, 120))
    one.sign()
    one.change(change.format(order, 119))
    assert (code, TAB, 119) in of_checkpoints(one.verified())


def test_an_entry_that_commits_after_later_ones_is_waited_for(anchored: Anchored) -> None:
    """Its order is lower than that of the last entry, so a checkpoint without it would accuse it tomorrow."""
    slow = psycopg2.connect(anchored.forger.dsn)
    insert = "INSERT INTO movements (account, seq, kind, amount, booked_at) VALUES ('{}', {}, 'fee', 1, '2026-06-05')"
    try:
        with slow.cursor() as cursor:
            cursor.execute(insert.format("DE01", 124))
        anchored.forger.run(insert.format("IT03", 121))
        threading.Timer(0.7, slow.commit).start()
        with pytest.raises(OutputError, match="1 entry came late, with a lower order"):
            anchored.sign()
    finally:
        slow.close()
    assert anchored.sign().endswith("367.checkpoint")
    assert anchored.verified().assurance is Assurance.ANCHORED


def test_an_entry_is_proven_by_its_stream_and_number(anchored: Anchored, tmp_path: Path, invoke: Invoke) -> None:
    source = ("--ledger-db", anchored.forger.dsn, "--profile", str(JOIN))
    trusted = ("--checkpoint", str(anchored.folder), "--verifier-key", anchored.trusted["verifier_keys"][0])
    prove = ("checkpoint", "prove", *source, "--entry", "2", *trusted, "--output", "2.tlog-proof")
    assert "4 streams have an entry 2" in invoke(*prove).output
    done = invoke(*prove, "--stream", "FR02")
    assert done.exit_code == 0, done.output
    assert "Entry 2 of stream FR02 is among the 365" in done.stdout
    assert invoke("export", *source, "--output", "all.jsonl").exit_code == 0
    lines = {
        (one["account"], one["seq"]): line
        for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines(keepends=True)
        for one in [json.loads(line)]
    }
    check = (
        "checkpoint",
        "check-proof",
        "2.tlog-proof",
        "--entry-file",
        "2.jsonl",
        *trusted[2:],
        "--profile",
        str(JOIN),
    )
    for (stream, number), line in [*lines.items()][:6]:
        (tmp_path / "2.jsonl").write_text(line, "utf-8")
        assert invoke(*check).exit_code == int((stream, number) != ("FR02", 2))
    (tmp_path / "2.jsonl").write_text(lines["FR02", 2], "utf-8")
    words = "entry 2 of stream FR02, at position 5 in the order of writing, is among the 365 that were signed"
    assert words in invoke(*check).stdout
    with pytest.raises(UsageError, match="no entry 999 of stream 'DE01' is among them"):
        anchored.ledger.prove_entry(999, tmp_path / "proof", stream="DE01", **anchored.trusted)


def test_an_export_is_compared_with_the_checkpoints(anchored: Anchored, tmp_path: Path) -> None:
    anchored.ledger.export_entries(output_file=tmp_path / "all.csv")
    exported = Ledger(str(tmp_path / "all.csv"), profile=JOIN)
    found = exported.verify_integrity(**anchored.trusted)
    assert (found.assurance, places(found)) == (Assurance.ANCHORED, set())
    anchored.change("DELETE FROM movements WHERE account = 'IT03' AND seq > 110")
    anchored.ledger.export_entries(output_file=tmp_path / "less.csv")
    found = Ledger(str(tmp_path / "less.csv"), profile=JOIN).verify_integrity(**anchored.trusted)
    assert places(found) == {MISSING, ("TRUNCATED", "IT03", 111)}


def test_a_profile_with_another_order_is_not_compared(anchored: Anchored, tmp_path: Path) -> None:
    anchored.forger.run("ALTER TABLE movements ADD written bigint; ALTER TABLE movements DISABLE TRIGGER USER;"
                        "UPDATE movements SET written = -entry_id")  # fmt: skip
    other = tmp_path / "other.profile.yaml"
    other.write_text(JOIN.read_text("utf-8").replace("order: entry_id", "order: written"), "utf-8")
    found = Ledger(anchored.forger.dsn, profile=other).verify_integrity(**anchored.trusted)
    (reason,) = (one.reason for one in found.outcomes if one.kind == "checkpoint")
    assert (
        "has the entries in the order of entry_id, and the profile movements now has them in the order of written"
        in reason
    )


@pytest.mark.parametrize("change", [lambda text: text.replace("  order: entry_id\n", "")])
def test_a_profile_without_an_order_gets_no_checkpoint(
    forger: Forger, tmp_path: Path, change: Callable[[str], str]
) -> None:
    path = tmp_path / "own.profile.yaml"
    path.write_text(change(JOIN.read_text("utf-8")), "utf-8")
    one = Anchored(table(forger), tmp_path)
    with pytest.raises(
        UsageError, match="has a chain for each account, and no role order that says in which order all"
    ):
        Ledger(forger.dsn, profile=path).create_checkpoint(one.folder, one.key)


def test_a_backup_and_an_investigation_take_the_checkpoints(anchored: Anchored) -> None:
    anchored.change("DELETE FROM movements WHERE account = 'IT03' AND seq > 110")
    found = anchored.ledger.investigate(**anchored.trusted)
    told = " ".join(incident.sentence for incident in found.incidents)
    assert "it had number 120 when" in told, told


def test_the_verifier_without_dependencies_compares_positions(anchored: Anchored, tmp_path: Path) -> None:
    key = ("--key", anchored.trusted["verifier_keys"][0])
    for name, change, code in (("same", "", 0), ("other", REWRITE.format(what="account = 'IT03'"), 1)):
        if change:
            anchored.change(change)
        folder = tmp_path / name
        shutil.copytree(anchored.folder, folder)
        anchored.ledger.export_entries(output_file=folder / "all.jsonl", with_verifier=True)
        told = verify_folder(folder, *key)
        assert told.code == code, told.output
        assert any("every column is as the signed record" in line for line in told.lines("PROVEN")) == (not code)
