"""Exports as an iterator: only a little ahead of its reader, and without leftovers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.ledger import Ledger
from tests.forger import Forger
from tests.support.hostile import differences, queried
from tests.support.waiting import until

# Without a file


def _connections(forger: Forger) -> int:
    statement = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'pytest-audit-ledger' AND datname = current_database()"
    )
    return int(forger.run(statement)[0][0])


def _readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "audit-ledger"]


def test_an_iterator_yields_what_a_query_shows(ledger: Forger) -> None:
    with Ledger(ledger.dsn) as opened:
        entries = list(opened.export_entries())
    assert differences(entries, queried(ledger, "ORDER BY sequence_number")) == []
    assert isinstance(entries[0]["id"], int)
    assert entries[0]["timestamp"].endswith("+00:00")


@pytest.mark.parametrize("how", ["closed", "dropped", "never started"])
def test_an_abandoned_iterator_leaves_no_thread_and_no_connection(ledger: Forger, how: str) -> None:
    before = {*_readers()}, _connections(ledger)  # those of a test that left one to end by itself
    iterator = Ledger(ledger.dsn).export_entries()
    if how != "never started":
        assert next(iterator)["sequence_number"] == 1
        assert _connections(ledger) == before[1] + 1
    if how == "closed":
        iterator.close()  # type: ignore[attr-defined]
    started = time.monotonic()
    del iterator
    assert time.monotonic() - started < 10
    until(lambda: {*_readers()} <= before[0] and _connections(ledger) <= before[1])


def test_a_server_that_goes_away_reaches_whoever_iterates(ledger: Forger) -> None:
    iterator = Ledger(ledger.dsn).export_entries()
    next(iterator)
    ledger.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'pytest-audit-ledger' AND datname = current_database()"
    )
    with pytest.raises(SourceError, match=r"connection"):
        list(iterator)
    until(lambda: not _readers())


def test_an_iterator_reads_only_a_little_ahead(ledger: Forger) -> None:
    iterator = Ledger(ledger.dsn).export_entries(fields="sequence_number", limit=5)
    assert [entry for entry in iterator] == [{"sequence_number": number} for number in range(1, 6)]  # noqa: C416
    with pytest.raises(UsageError, match="need a file"):
        Ledger(ledger.dsn).export_entries(excel_safe=True)  # type: ignore[call-overload]


PEAK = """
import sys
from pathlib import Path
from pytest_audit_ledger import Ledger
source, path = sys.argv[1:]
assert Ledger(source, table="many").export_entries(output_file=path).entry_count == 100_000
assert sum(1 for _ in zip(range(5000), Ledger(source, table="many").export_entries())) == 5000
assert Ledger(path).verify_integrity().total_entries == 100_000
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
"""The peak is not ru_maxrss, which a process takes over from the one that started it."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_a_hundred_thousand_entries_are_exported_and_verified_in_constant_memory(
    ledger: Forger, tmp_path: Path
) -> None:
    """Three times as many need no more, and only more time."""
    ledger.run(
        "CREATE TABLE many AS SELECT e.*, 1000 * g + row_number() OVER () AS n "
        "FROM generate_series(0, 99) g, (SELECT * FROM ledger_entries WHERE sequence_number > 2000) e;"
        "UPDATE many SET sequence_number = n; ALTER TABLE many DROP n; ALTER TABLE many ADD UNIQUE (sequence_number)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, ledger.dsn, tmp_path / "x.json"], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 100 * 1024  # KiB
