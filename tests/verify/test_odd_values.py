"""Values that a profiled table can hold, and that must neither hide an edit, stop a run, nor accuse anybody."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from pytest_audit_ledger import Assurance, Ledger, Verification
from pytest_audit_ledger.model.outcome import Status
from tests.forger import Forger

PROFILE = """\
version: 1
name: notes
table: public.notes
roles: {{sequence: seq, {roles}previous_hash: prev, entry_hash: hash}}
guards: {{append_only: false, reason: a test}}
payload: {{join: {{by: "|", of: [previous, seq, note]}}}}
"""


def notes(
    forger: Forger, seq: str = "bigint", at: str = "text", times: Sequence[str] = ("2026-01-01T00:00:00Z",)
) -> None:
    """Make a table of twelve entries, numbered in a type, each with one of these times, which nothing hashes."""
    forger.run(f"CREATE TABLE public.notes (seq {seq} PRIMARY KEY, note text, at {at}, prev text, hash text)")
    previous = ""
    for number in range(1, 13):
        digest = sha256(f"{previous}|{number}|note {number}".encode()).hexdigest()
        values = (number, f"note {number}", times[min(number, len(times)) - 1], previous, digest)
        quoted = ", ".join(f"'{value}'" for value in values)
        forger.run(f"INSERT INTO public.notes VALUES ({quoted})")
        previous = digest


def verified(forger: Forger, folder: Path, roles: str = "") -> Verification:
    own = folder / "notes.profile.yaml"
    own.write_text(PROFILE.format(roles=roles))
    return Ledger(forger.dsn, profile=own).verify_integrity(workers=1)


def codes(found: Verification) -> set[str]:
    failed = [outcome for outcome in found.outcomes if outcome.status is Status.FAIL]
    return {finding.code for outcome in failed for finding in outcome.findings}


@pytest.mark.parametrize("type_", ["text", "varchar(30)", "numeric", "numeric(20, 0)"])
def test_numbers_in_any_type_are_in_the_order_of_numbers(forger: Forger, tmp_path: Path, type_: str) -> None:
    notes(forger, type_)
    assert verified(forger, tmp_path).assurance is Assurance.SELF_CONSISTENT


@pytest.mark.parametrize(
    ("type_", "value"),
    [("text", "7.0"), ("text", "seven"), ("text", "9" * 20), ("text", ""), ("numeric", "7.4"), ("numeric", "NaN")],
)
def test_a_number_that_is_none_is_found_and_stops_nothing(
    forger: Forger, tmp_path: Path, type_: str, value: str
) -> None:
    notes(forger, type_)
    forger.run(f"UPDATE public.notes SET seq = '{value}' WHERE seq = '7'")
    found = verified(forger, tmp_path)
    assert (found.assurance, found.total_entries) == (Assurance.TAMPERED, 12)
    assert {"SEQUENCE_GAP", "SEQUENCE_MISSING", "ENTRY_HASH_MISMATCH"} <= codes(found)


@pytest.mark.parametrize("value", ["9e40", "-9e40", "NaN", "253402300800"])
def test_a_count_of_seconds_beyond_the_calendar_is_found_and_stops_nothing(
    forger: Forger, tmp_path: Path, value: str
) -> None:
    notes(forger, at="numeric", times=["1767225600", value, "1767225600"])
    found = verified(forger, tmp_path, "timestamp: {column: at, unit: s}, ")
    assert (found.assurance, codes(found)) == (Assurance.TAMPERED, {"TIMESTAMP_INFINITE"})


@pytest.mark.parametrize(
    "times",
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"),
        ("2026-01-01T00:00:00.12Z", "2026-01-01T00:00:00.123Z"),
        ("2025-10-26T02:59:00+02:00", "2025-10-26T02:01:00+01:00"),
        ("2026-01-01 00:00:00.123456789", "2026-01-01 00:00:00.123456790"),
        ("2026-01-01", "2026-01-01T00:00:01Z"),
    ],
)
def test_times_that_a_program_wrote_are_compared_as_times(forger: Forger, tmp_path: Path, times: Sequence[str]) -> None:
    notes(forger, times=times)
    found = verified(forger, tmp_path, "timestamp: at, ")
    assert (found.assurance, codes(found)) == (Assurance.SELF_CONSISTENT, set())
    forger.run("DROP TABLE public.notes")
    notes(forger, times=times[::-1])
    assert codes(verified(forger, tmp_path, "timestamp: at, ")) == {"TIMESTAMP_ORDER"}


def test_a_text_among_times_is_found(forger: Forger, tmp_path: Path) -> None:
    notes(forger, times=("2026-01-01T00:00:00Z", "soon", "2026-01-01T00:00:01Z"))
    assert codes(verified(forger, tmp_path, "timestamp: at, ")) == {"TIMESTAMP_UNREADABLE"}


def test_times_that_are_all_written_in_another_way_accuse_nobody(forger: Forger, tmp_path: Path) -> None:
    notes(forger, times=("31.12.2025 10:00", "01.01.2026 10:00"))
    found = verified(forger, tmp_path, "timestamp: at, ")
    (order,) = (outcome for outcome in found.outcomes if outcome.check_id == "timestamp_order")
    assert (found.assurance, order.status) == (Assurance.UNVERIFIED, Status.ERROR)
    assert "No text in at is a time in ISO 8601." in order.reason


def test_that_entries_without_a_link_can_be_hashed_again_is_said(forger: Forger, tmp_path: Path) -> None:
    notes(forger)
    forger.run("UPDATE public.notes SET hash = encode(sha256(convert_to(concat_ws('|', seq, note), 'UTF8')), 'hex')")
    own = tmp_path / "notes.profile.yaml"
    own.write_text(PROFILE.format(roles="").replace("previous_hash: prev, ", "").replace("previous, ", ""))
    found = Ledger(forger.dsn, profile=own).verify_integrity(workers=1)
    assert found.assurance is Assurance.SELF_CONSISTENT
    assert "an entry edited together with its hash, a full rewrite or a truncated tail cannot be" in found.sentence
    (coverage,) = (outcome for outcome in found.outcomes if outcome.check_id == "hash_coverage")
    assert coverage.facts["entry hash"].endswith("(not linked: an edit that also recomputes the hash is not detected)")
