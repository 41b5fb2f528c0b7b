"""Ledgers with streams of any type and text: read by one process or by several, they are found to be the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger import Assurance, Ledger
from pytest_audit_ledger.checkpoints.keys import write_signing_key
from pytest_audit_ledger.differences.comparison import diff
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.support.checks import ALONE, SEVERAL
from tests.verify.test_profiles import JOIN, TAB, TAMPERED, places, table

EXAMPLE = JOIN.with_suffix("").with_suffix(".sql").read_text("utf-8")
NUMBERS = 30


def streams(forger: Forger, type_: str, *names: str) -> None:
    """Make the example's ledger with streams of a type, whose entries name it in turns by the given SQL values."""
    text = EXAMPLE[: EXAMPLE.index("INSERT INTO movements")]
    text = text.replace("account   text NOT NULL", f"account   {type_}")
    text = text.replace("account = NEW.account", "account IS NOT DISTINCT FROM NEW.account")
    text = text.replace("NEW.account, NEW.seq", "coalesce(NEW.account::text, ''), NEW.seq")
    forger.run(text)
    forger.run(
        f"""INSERT INTO movements (account, seq, kind, amount, booked_at)
            SELECT (ARRAY[{", ".join(names)}])[1 + turn % {len(names)}]::{re.sub(" .*", "", type_)}, turn, 'fee', turn,
                   timestamptz '2026-06-01 00:00:00+00' + turn * interval '1 second'
            FROM generate_series(1, {NUMBERS}) AS turn ORDER BY turn"""
    )


def test_several_workers_find_what_one_finds_at_every_stream_and_number(forger: Forger) -> None:
    changes = ("an amount", "a link", "an entry that is gone", "the first entry that is gone", "a verdict of nobody's")
    changed = [TAMPERED[name][0].replace("60", str(50 + 5 * place)) for place, name in enumerate(changes)]
    table(forger, "; ".join(changed))
    ledger = Ledger(forger.dsn, profile=JOIN)
    alone = ledger.verify_integrity(workers=1)
    assert len(places(alone)) > 6
    for executor, workers in (("local", 3), *(("concurrent.futures:ThreadPoolExecutor", many) for many in (2, 3, 7))):
        found = ledger.verify_integrity(workers=workers, executor=executor)
        for one, of_several in zip(alone.outcomes, found.outcomes, strict=True):
            assert of_several == one
        assert found.survey == alone.survey


@pytest.mark.parametrize("count", [1, 2, 5, 100, 1_000])
def test_segments_between_places_have_every_entry_once_and_begin_within_streams(forger: Forger, count: int) -> None:
    source = PostgresSource(table(forger).dsn, profile=load_profile(JOIN))
    found: list[tuple[str | None, int | None]] = []
    with source.snapshot() as snapshot:
        assert snapshot.divisible
        places_ = snapshot.places(count, 365)
        assert len(places_) == -(-365 // -(-365 // count)) - 1
        for left, right in zip([None, *places_], [*places_, None], strict=True):
            snapshot.scan(
                ["stream", "sequence_number"],
                Segment(left=left, right=right),
                lambda batch: found.extend(zip(batch.values("stream"), batch.sequence_numbers, strict=True)),
            )
    assert len(found) == len(set(found)) == 365
    assert count == 1 or any(number != "1" for _, number in places_)
    names = [stream for stream, _ in found]
    assert names == sorted(names, key=str)


def _without_determinism(forger: Forger) -> None:
    """Make the collation `alike`, which only a server with ICU can have."""
    try:
        forger.run(ALIKE)
    except SourceError as error:
        pytest.skip(error.message)


ALIKE = "CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
KINDS: dict[str, tuple[str, tuple[str, ...], str, bool]] = {
    "numeric, with and without zeros at the end": ("numeric NOT NULL", ("1", "1.0", "1.00"), "1", True),
    "numeric, of hundreds": ("numeric NOT NULL", ("100", "100.0"), "100", True),
    "a collation that takes texts for the same": ("text COLLATE alike NOT NULL", ("'De'", "'DE'", "'de'"), "DE", False),
    "jsonb, which compares numbers": ("jsonb NOT NULL", ("'[1]'", "'[1.0]'"), "[1.0]", False),
    "interval, which compares lengths": ("interval NOT NULL", ("'1 day'", "'24:00'"), "24:00:00", False),
    "uuid": (
        "uuid NOT NULL",
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",),
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        True,
    ),
    "no stream": ("text", ("NULL",), "NULL", False),
    "a line end, a tab and NULL as COPY writes it": ("text NOT NULL", (r"E'\n\t\\N\x01'",), "\n\t\\N\x01", True),
    "quotes and more than Latin": ("text NOT NULL", ("""'"''{🐘}é%s;--'""",), "\"'{🐘}é%s;--", True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_streams_of_any_kind_are_one_chain_each(forger: Forger, tmp_path: Path, kind: str) -> None:
    type_, names, shown, divisible = KINDS[kind]
    if "COLLATE" in type_:
        _without_determinism(forger)
    streams(forger, type_, *names)
    verifier = str(write_signing_key(tmp_path / "key", "bank.example/x"))
    ledger = Ledger(forger.dsn, profile=JOIN)
    ledger.create_checkpoint(tmp_path / "kept", tmp_path / "key")
    with ledger.source.snapshot() as snapshot:
        assert snapshot.divisible is divisible
    trusted: Any = {"checkpoints": [tmp_path / "kept"], "verifier_keys": [verifier]}
    for readers in (ALONE, SEVERAL):
        found = ledger.verify_integrity(**readers, **trusted)
        assert (found.assurance, places(found)) == (Assurance.ANCHORED, set())
        assert found.survey is not None
        assert (found.survey.entries, found.survey.streams) == (NUMBERS, 1)
    forger.run(
        f"""INSERT INTO movements (account, seq, kind, amount, booked_at)
            VALUES ({names[0]}, {NUMBERS + 1}, 'fee', 1, '2026-06-05')"""
    )
    assert places(ledger.verify_integrity(since_checkpoint=True, **trusted)) == set()
    forger.run(
        "ALTER TABLE movements DISABLE TRIGGER USER; UPDATE movements SET amount = 999 WHERE seq = 7;"
        "DELETE FROM movements WHERE seq > 29; ALTER TABLE movements ENABLE TRIGGER USER"
    )
    found = ledger.verify_integrity(**SEVERAL, **trusted)
    assert ("ENTRY_HASH_MISMATCH", shown, 7) in places(found)
    assert ("TRUNCATED", shown, 30) in places(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format_", ["jsonl", "csv"])
def test_an_export_has_the_streams_of_the_table_and_of_the_checkpoint(
    forger: Forger, tmp_path: Path, kind: str, format_: str
) -> None:
    type_, names, _, _ = KINDS[kind]
    if "COLLATE" in type_:
        _without_determinism(forger)
    streams(forger, type_, *names)
    verifier = str(write_signing_key(tmp_path / "key", "bank.example/x"))
    ledger, path = Ledger(forger.dsn, profile=JOIN), tmp_path / "filed" / f"ledger.{format_}"
    path.parent.mkdir()
    ledger.create_checkpoint(tmp_path / "kept", tmp_path / "key")
    ledger.export_entries(output_file=path, with_verifier=True)
    trusted: Any = {"checkpoints": [tmp_path / "kept"], "verifier_keys": [verifier]}
    found = Ledger(str(path), profile=JOIN).verify_integrity(**trusted)
    assert (found.assurance, places(found)) == (Assurance.ANCHORED, set())
    assert found.survey is not None
    assert found.survey.streams == 1
    assert diff(str(path), forger.dsn, profile=load_profile(JOIN)).is_same
    alone = subprocess.run(
        [sys.executable, path.with_name("verify.py"), path.parent],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "FAILED" not in alone.stdout
    assert alone.returncode in (0, 3), alone.stdout


def test_streams_of_a_file_of_another_program_are_grouped_by_their_types(forger: Forger, tmp_path: Path) -> None:
    streams(forger, "numeric NOT NULL", "1", "1.0", "1.00")
    path = tmp_path / "foreign.jsonl"
    rows = forger.run("SELECT row_to_json(movements)::text FROM movements ORDER BY account, seq")
    path.write_text("".join(f"{row}\n" for (row,) in rows))
    again = tmp_path / "again.csv"
    Ledger(str(path), profile=JOIN).export_entries(output_file=again)
    for one in (path, again):
        found = Ledger(str(one), profile=JOIN).verify_integrity()
        assert places(found) == set()
        assert found.survey is not None
        assert (found.survey.entries, found.survey.streams) == (NUMBERS, 1)


def test_a_stream_without_a_name_is_one_of_its_own(forger: Forger) -> None:
    table(forger, "UPDATE movements SET account = '' WHERE account = 'FR02' AND seq = 1")
    found = Ledger(forger.dsn, profile=JOIN).verify_integrity(**SEVERAL)
    assert found.survey is not None
    assert found.survey.streams == 5
    assert places(found) == {
        ("ENTRY_HASH_MISMATCH", "", 1),
        ("SEQUENCE_GAP", "FR02", 1),
        ("HASH_MISMATCH", "FR02", 2),
    }
    assert TAB not in {stream for _, stream, _ in places(found)}
