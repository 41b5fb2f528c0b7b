"""A table of somebody's own, verified with its profile: clean, tampered with, and alike but innocent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_audit_ledger import Assurance, Ledger, Verification
from pytest_audit_ledger.model.outcome import Severity, Status
from tests.forger import Forger
from tests.support.checks import ALONE, Readers, both
from tests.support.command import RunLedger

EXAMPLES = Path(__file__).parents[2] / "examples" / "profiles"
JOIN = EXAMPLES / "join.profile.yaml"
MORE = """
    INSERT INTO movements (account, seq, kind, amount, memo, booked_at)
    SELECT account, turn + CASE account WHEN 'DE01' THEN 3 ELSE 0 END, 'deposit', turn * 1.25,
           nullif('entry ' || turn % 3, 'entry 0'),
           timestamptz '2026-06-01 00:00:00.123456+00' + turn * interval '61.000001 seconds'
    FROM generate_series(1, 120) AS turn, unnest(ARRAY['DE01', 'IT03', 'tab\t"é"']) AS account
    ORDER BY turn, account
"""


TAB = 'tab\t"é"'


def table(forger: Forger, statements: str = "") -> Forger:
    """Make the ledger of examples/profiles/join.sql with two more accounts, and change it behind its triggers' back."""
    forger.run((EXAMPLES / "join.sql").read_text() + ";" + MORE)
    forger.run(f"ALTER TABLE movements DISABLE TRIGGER USER; {statements}; ALTER TABLE movements ENABLE TRIGGER USER")
    return forger


def verified(forger: Forger, profile: Path = JOIN, readers: Readers = ALONE) -> Verification:
    return Ledger(forger.dsn, profile=profile).verify_integrity(**readers)


def places(found: Verification) -> set[tuple[str, str, int | None]]:
    """Return code, stream and number of every finding that fails a check of the entries."""
    entries = [one for one in found.outcomes if one.unit == "entries" and one.status is Status.FAIL]
    findings = [one for outcome in entries for one in outcome.findings if one.severity is not Severity.INFO]
    return {(one.code, one.stream, one.sequence_number) for one in findings}


def statuses(found: Verification) -> dict[str, Status]:
    return {outcome.check_id: outcome.status for outcome in found.outcomes}


def test_a_table_with_a_chain_for_each_account_is_consistent(forger: Forger) -> None:
    found = verified(table(forger))
    assert (found.assurance, found.total_entries) == (Assurance.SELF_CONSISTENT, 365)
    assert places(found) == set()
    read = statuses(found)
    assert [read[kind] for kind in ("chain_linkage", "entry_hash", "sequence_continuity")] == [Status.PASS] * 3
    assert read["verdict_taxonomy"] is Status.PASS


AT_60 = "WHERE account = 'DE01' AND seq = 60"
REHASHED = f"""
    UPDATE movements SET amount = 999, row_hash = encode(sha256(convert_to(concat_ws('|',
        prev_hash, account, seq, kind, 999.00, coalesce(memo, ''),
        to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8')), 'hex') {AT_60}
"""
TAMPERED = {
    "an amount": (f"UPDATE movements SET amount = 999 {AT_60}", {("ENTRY_HASH_MISMATCH", "DE01", 60)}),
    "a memo that becomes missing": (
        "UPDATE movements SET memo = NULL WHERE account = 'IT03' AND seq = 7",
        {("ENTRY_HASH_MISMATCH", "IT03", 7)},
    ),
    "a microsecond": (
        f"UPDATE movements SET booked_at = booked_at + interval '1 microsecond' {AT_60}",
        {("ENTRY_HASH_MISMATCH", "DE01", 60)},
    ),
    "an entry and its hash": (REHASHED, {("HASH_MISMATCH", "DE01", 61)}),
    "a link": (
        f"UPDATE movements SET prev_hash = repeat('0', 64) {AT_60}",
        {("HASH_MISMATCH", "DE01", 60), ("ENTRY_HASH_MISMATCH", "DE01", 60)},
    ),
    "a hash that is blanked": (
        f"UPDATE movements SET row_hash = '' {AT_60}",
        {("HASH_MISMATCH", "DE01", 61), ("ENTRY_HASH_MISMATCH", "DE01", 60)},
    ),
    "an entry that is gone": (
        f"DELETE FROM movements {AT_60}",
        {("SEQUENCE_GAP", "DE01", 60), ("HASH_MISMATCH", "DE01", 61)},
    ),
    "the first entry that is gone": (
        "DELETE FROM movements WHERE account = 'IT03' AND seq = 1",
        {("SEQUENCE_GAP", "IT03", 1), ("HASH_MISMATCH", "IT03", 2)},
    ),
    "an entry in another account": (
        f"UPDATE movements SET account = 'IT03', seq = 121 {AT_60}",
        {
            ("SEQUENCE_GAP", "DE01", 60),
            ("HASH_MISMATCH", "DE01", 61),
            ("HASH_MISMATCH", "IT03", 121),
            ("ENTRY_HASH_MISMATCH", "IT03", 121),
            ("TIMESTAMP_ORDER", "IT03", 121),
        },
    ),
    "two numbers that change places": (
        """UPDATE movements SET seq = 1000 WHERE account = 'DE01' AND seq = 60;
           UPDATE movements SET seq = 60 WHERE account = 'DE01' AND seq = 61;
           UPDATE movements SET seq = 61 WHERE account = 'DE01' AND seq = 1000""",
        {
            *((("HASH_MISMATCH", "DE01", number)) for number in (60, 61, 62)),
            *((("ENTRY_HASH_MISMATCH", "DE01", number)) for number in (60, 61)),
            ("TIMESTAMP_ORDER", "DE01", 61),
        },
    ),
    "an entry that is copied to the end": (
        f"""INSERT INTO movements (account, seq, kind, amount, memo, booked_at, prev_hash, row_hash)
            SELECT account, 124, kind, amount, memo, booked_at, prev_hash, row_hash FROM movements {AT_60}""",
        {("HASH_MISMATCH", "DE01", 124), ("ENTRY_HASH_MISMATCH", "DE01", 124), ("TIMESTAMP_ORDER", "DE01", 124)},
    ),
    "a verdict of nobody's": (
        "UPDATE movements SET kind = 'gift' WHERE account = 'FR02' AND seq = 2",
        {("VERDICT_UNKNOWN", "FR02", 2), ("ENTRY_HASH_MISMATCH", "FR02", 2)},
    ),
}


@pytest.mark.parametrize("tampering", TAMPERED)
def test_tampering_is_found_at_its_entry_and_stream(forger: Forger, tampering: str) -> None:
    change, expected = TAMPERED[tampering]
    found = verified(table(forger, change))
    assert places(found) == expected
    assert found.assurance is Assurance.TAMPERED


@pytest.mark.parametrize("lost", ["account = 'DE01' AND seq > 100", "account = 'IT03'"])
def test_an_end_or_a_stream_that_is_gone_is_not_claimed_to_be_noticed(forger: Forger, lost: str) -> None:
    found = verified(table(forger, f"DELETE FROM movements WHERE {lost}"))
    assert (places(found), found.assurance) == (set(), Assurance.SELF_CONSISTENT)
    assert "a truncated tail or a removed stream cannot be detected" in found.sentence


def test_entries_whose_stream_is_written_out_of_order_are_innocent(forger: Forger) -> None:
    """Another connection took the higher number of the order first; each chain is whole."""
    found = verified(table(forger, "UPDATE movements SET entry_id = 100000 - entry_id"))
    assert (places(found), found.assurance) == (set(), Assurance.SELF_CONSISTENT)


@both
def test_several_workers_find_what_one_finds(forger: Forger, readers: Readers) -> None:
    forger.run((EXAMPLES / "json.sql").read_text())
    found = verified(forger, EXAMPLES / "json.profile.yaml", readers)
    assert (found.assurance, places(found)) == (Assurance.SELF_CONSISTENT, set())


FORK = """
    ALTER TABLE movements DROP CONSTRAINT movements_account_seq_key;
    INSERT INTO movements (account, seq, kind, amount, booked_at, prev_hash, row_hash)
    SELECT account, seq, 'fee', -1.00, booked_at, prev_hash, encode(sha256(convert_to(concat_ws('|', prev_hash, account,
        seq, 'fee', -1.00, '', to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8')), 'hex')
    FROM movements WHERE account = 'DE01' AND seq = 60
"""
"""A second writer wrote entry 60 at the same time; entry 61 follows the first one."""
GAP = "DELETE FROM movements WHERE account = 'DE01' AND seq BETWEEN 60 AND 69"


def accepting(folder: Path, *quirks: str) -> Path:
    own = folder / "own.profile.yaml"
    own.write_text(JOIN.read_text().replace("genesis:", f"accepted: [{', '.join(quirks)}]\ngenesis:"))
    return own


def test_a_fork_by_two_writers_is_said_to_be_one(forger: Forger) -> None:
    found = verified(table(forger, FORK))
    assert found.assurance is Assurance.TAMPERED
    assert ("HASH_MISMATCH", "DE01", 60) in places(found)
    (linkage,) = (one for one in found.outcomes if one.check_id == "chain_linkage")
    assert linkage.findings[0].message.startswith("the chain forks: this entry and the one before it (sequence 60)")


@pytest.mark.parametrize(("change", "quirk"), [(FORK, "fork: 60"), (GAP, "gap: 60-69")])
def test_what_the_profile_accepts_is_shown_and_fails_nothing(
    forger: Forger, tmp_path: Path, change: str, quirk: str
) -> None:
    table(forger, change)
    own = accepting(tmp_path, f"{{{quirk}, stream: DE01, reason: 'two writers, INC-88', until: 2099-01-01}}")
    found = verified(forger, own)
    assert (found.assurance, places(found)) == (Assurance.SELF_CONSISTENT, set())
    told = [one for outcome in found.outcomes for one in outcome.findings if one.sequence_number in range(60, 71)]
    assert {one.code for one in told} == {"HASH_MISMATCH", "SEQUENCE_DUPLICATE" if change is FORK else "SEQUENCE_GAP"}
    assert all(one.message.endswith("(accepted until 2099-01-01: two writers, INC-88)") for one in told)


@pytest.mark.parametrize("quirk", ["gap: 60", "gap: 60-68", "gap: 60-70", "gap: 61-69"])
def test_an_accepted_gap_hides_no_other_deletion_beside_it(forger: Forger, tmp_path: Path, quirk: str) -> None:
    found = verified(table(forger, GAP), accepting(tmp_path, f"{{{quirk}, stream: DE01, reason: a rollback}}"))
    assert places(found) == {("SEQUENCE_GAP", "DE01", 60), ("HASH_MISMATCH", "DE01", 70)}


def test_entries_that_never_verified_are_counted_and_fail_nothing(forger: Forger, tmp_path: Path) -> None:
    table(forger, "UPDATE movements SET amount = amount + 1 WHERE account = 'DE01' AND seq < 60")
    own = accepting(tmp_path, "{unverified_before: 60, stream: DE01, reason: nanoseconds until the migration}")
    found = verified(forger, own)
    assert (found.assurance, places(found)) == (Assurance.SELF_CONSISTENT, set())
    (outcome,) = (one for one in found.outcomes if one.check_id == "entry_hash")
    assert [one.message for one in outcome.findings] == [
        "59 entries do not match their stored hash before 60 of stream DE01 (accepted: nanoseconds until the migration)"
    ]
    forger.run("ALTER TABLE movements DISABLE TRIGGER USER; UPDATE movements SET amount = 5 WHERE seq = 61")
    assert places(verified(forger, own)) == {("ENTRY_HASH_MISMATCH", account, 61) for account in ("DE01", "IT03", TAB)}


@pytest.mark.parametrize(
    "quirk",
    [
        "{fork: 60, stream: DE01, reason: over, until: 2020-01-01}",
        "{fork: 60, stream: IT03, reason: of another stream}",
        "{fork: 61, stream: DE01, reason: of another entry}",
        "{gap: 60, stream: DE01, reason: of another kind}",
    ],
)
def test_a_fork_that_nobody_accepts_still_fails(forger: Forger, tmp_path: Path, quirk: str) -> None:
    found = verified(table(forger, FORK), accepting(tmp_path, quirk))
    assert ("SEQUENCE_DUPLICATE", "DE01", 60) in places(found)


def test_an_accepted_fork_hides_no_edit_after_it(forger: Forger, tmp_path: Path) -> None:
    first_60 = "SELECT row_hash FROM movements WHERE account = 'DE01' AND seq = 60 AND kind = 'deposit'"
    relinked = f"UPDATE movements SET prev_hash = ({first_60}) WHERE account = 'DE01' AND seq = 70"
    quirk = "{fork: 60, stream: DE01, reason: two writers}"
    found = verified(table(forger, f"{FORK}; {relinked}"), accepting(tmp_path, quirk))
    assert {("HASH_MISMATCH", "DE01", 70), ("ENTRY_HASH_MISMATCH", "DE01", 70)} == places(found)


def test_a_condition_in_sql_can_only_be_a_condition(forger: Forger, tmp_path: Path) -> None:
    table(forger)
    for condition in ("true) TO PROGRAM 'touch /tmp/x' --", "true; DELETE FROM movements", "true) UNION (SELECT 1"):
        text = JOIN.read_text().replace("genesis:", f"where: {condition!r}\ngenesis:")
        own = tmp_path / "own.profile.yaml"
        own.write_text(text)
        found = verified(forger, own)
        assert found.assurance is Assurance.UNVERIFIED
        assert "The SQL of the profile movements cannot be run" in found.sentence
    assert forger.run("SELECT count(*) FROM movements") == [(365,)]


def test_a_stream_in_several_spellings_is_one_where_the_server_ignores_case(forger: Forger) -> None:
    table(forger)
    forger.run(
        "CREATE EXTENSION citext; ALTER TABLE movements ALTER account TYPE citext, DISABLE TRIGGER USER; "
        "UPDATE movements SET account = 'de01' WHERE seq % 2 = 0 AND account = 'DE01'"
    )
    read = statuses(verified(forger))
    assert [read[kind] for kind in ("chain_linkage", "sequence_continuity", "timestamp_order")] == [Status.PASS] * 3
    assert read["entry_hash"] is not Status.PASS  # the hashes cover the account as it was spelled


def test_rows_that_are_no_entries_are_left_out(forger: Forger, tmp_path: Path) -> None:
    table(
        forger,
        "INSERT INTO movements (account, seq, kind, amount, booked_at, prev_hash, row_hash) "
        "VALUES ('draft', 9, 'fee', 1, now(), '', '')",
    )
    assert places(verified(forger)) >= {("ENTRY_HASH_MISMATCH", "draft", 9)}
    own = tmp_path / "own.profile.yaml"
    own.write_text(JOIN.read_text().replace("genesis:", "where: row_hash <> ''\ngenesis:"))
    found = verified(forger, own)
    assert (found.assurance, found.total_entries) == (Assurance.SELF_CONSISTENT, 365)


def test_another_table_than_the_profiles_is_no_tampering(forger: Forger) -> None:
    forger.run("CREATE TABLE movements (id int, name text)")
    found = verified(forger)
    assert found.assurance is Assurance.UNVERIFIED
    assert "is not a ledger of the profile movements: it lacks" in found.sentence


def test_pytest_takes_the_profile_from_an_option_or_its_settings(
    run: RunLedger, forger: Forger, pytester: pytest.Pytester
) -> None:
    table(forger, f"UPDATE movements SET amount = 999 {AT_60}")
    shutil.copy(JOIN, pytester.path / "own.profile.yaml")
    typed = run(f"--ledger-db={forger.dsn}", "--ledger-profile=own.profile.yaml")
    typed.stdout.fnmatch_lines(["*sequence 60 of stream DE01*", "TAMPERED: *entry_hash*"])
    assert typed.ret == 1
    pytester.makeini("[pytest]\nledger_profile = own.profile.yaml")
    assert run(f"--ledger-db={forger.dsn}").ret == 1
    wrong = run(f"--ledger-db={forger.dsn}", "--ledger-profile=formanze")
    assert wrong.ret == 4
    wrong.stderr.fnmatch_lines(["*There is no profile 'formanze'; did you mean 'formance'?*"])
