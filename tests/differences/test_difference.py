"""What differs between two ledgers: any two of database, backup and export, and any lists of entries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.differences.comparison import diff
from pytest_audit_ledger.differences.difference import as_json, difference
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.difference import Difference, SequenceRanges
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.sources.manifest import manifest_path
from tests.forger import Forger
from tests.support.databases import empty_database
from tests.support.exports import sample_records, write_both, write_export
from tests.support.hostile import hostile_entries

Row = dict[str, str | None]


class Listed:
    """A snapshot of rows that are listed, in batches of a given size."""

    divisible = False

    def __init__(self, rows: Sequence[Row], size: int = 3) -> None:
        self._rows = rows
        self._size = size
        columns = {"sequence_number": Column("bigint", False), "a": Column("text", False), "b": Column("text", False)}
        self.info = LedgerInfo("listed", "", "", columns, "", "", "")

    def bounds(self) -> None:
        return None

    def unreadable(self, column: str) -> str | None:
        return None

    def stop(self) -> None:
        pass

    def scan(self, columns: Sequence[str], segment: object, consume: Callable[[Batch], None]) -> None:
        for start in range(0, len(self._rows), self._size):
            part = self._rows[start : start + self._size]
            consume(Batch({name: [json_text(row[name]) for row in part] for name in columns}))


def compared(a: Sequence[Row], b: Sequence[Row], *, sizes: tuple[int, int] = (3, 3), samples: int = 1000) -> Difference:
    one, other = (Listed(rows, size) for rows, size in zip((a, b), sizes, strict=True))
    return difference(("listed", one), ("listed", other), samples=samples)  # type: ignore[arg-type]


def numbers(ranges: Sequence[tuple[int | None, int | None]]) -> list[int]:
    return [number for first, last in ranges if first is not None and last for number in range(first, last + 1)]


rows = st.dictionaries(
    st.integers(1, 30), st.tuples(st.sampled_from(["x", "y", None, ""]), st.sampled_from(["x", "é\n"])), max_size=20
)


@given(rows, rows, st.tuples(st.integers(1, 7), st.integers(1, 7)))
def test_any_two_ledgers_are_told_apart_as_two_dictionaries_are(
    a: Mapping[int, tuple[str | None, str]], b: Mapping[int, tuple[str | None, str]], sizes: tuple[int, int]
) -> None:
    def listed(entries: Mapping[int, tuple[str | None, str]]) -> list[Row]:
        return [{"sequence_number": str(n), "a": entries[n][0], "b": entries[n][1]} for n in sorted(entries)]

    found = compared(listed(a), listed(b), sizes=sizes)
    changed = {n for n in a.keys() & b.keys() if a[n] != b[n]}
    assert found.same == len(a.keys() & b.keys()) - len(changed)
    assert [change.sequence_number for change in found.changes] == sorted(changed)
    for change in found.changes:
        n = change.sequence_number or 0
        expected = {name: (a[n][i], b[n][i]) for i, name in enumerate(("a", "b")) if a[n][i] != b[n][i]}
        assert change.columns == expected
    assert numbers(found.missing.shown()) == sorted(a.keys() - b.keys())
    assert numbers(found.added.shown()) == sorted(b.keys() - a.keys())
    assert (found.missing.count, found.added.count) == (len(a.keys() - b.keys()), len(b.keys() - a.keys()))
    assert found.is_same == (dict(a) == dict(b))


def row(number: int | None, a: str | None = "x", b: str | None = "x") -> Row:
    return {"sequence_number": None if number is None else str(number), "a": a, "b": b}


def test_an_entry_that_stands_twice_is_one_more_than_one_that_stands_once() -> None:
    found = compared([row(1), row(2), row(3)], [row(1), row(2), row(2), row(3)])
    assert (found.same, found.added.shown(), found.missing.count) == (3, [(2, 2)], 0)


def test_entries_without_a_number_stand_last() -> None:
    found = compared([row(1), row(None, "x")], [row(1), row(None, "y"), row(None)])
    assert found.changes[0].sequence_number is None
    assert found.added.shown() == [(None, None)]


def test_what_is_not_in_order_is_refused() -> None:
    with pytest.raises(SourceError, match=r"listed is not in order of sequence number: 2 comes after 5\."):
        compared([row(1), row(5), row(2)], [row(1)], sizes=(2, 2))


def test_samples_are_capped_counts_are_not_and_a_rare_column_is_heard() -> None:
    a = [row(n) for n in range(1, 100)]
    b = [row(n, "y") if n % 2 else row(n) for n in range(1, 99)]
    b[89] = row(90, "x", "y")
    found = compared(a, b, samples=3)
    assert (found.changed, dict(found.changed_columns)) == (50, {"a": 49, "b": 1})
    assert [change.sequence_number for change in found.changes] == [1, 3, 5, 90]
    assert as_json(found)["missing"] == [[99, 99]]
    gaps = compared(a, a[::2], samples=3)
    assert (gaps.missing.count, gaps.missing.shown()) == (49, [(2, 2), (4, 4), (6, 6)])


def test_of_long_values_the_part_that_differs_is_shown() -> None:
    change = compared([row(1, "x" * 5000 + "this")], [row(1, "x" * 5000 + "that")]).changes[0]
    one, other = change.columns["a"]
    assert one == f"…{'x' * 98}this"
    assert other == f"…{'x' * 98}that"


# Databases, backups, exports


def made(dsn: str) -> Forger:
    """Make a ledger of schema v3 with hostile texts, documents and numbers, always the same one."""
    forger = Forger(dsn).build(entries=hostile_entries(), schema="3")
    forger.run("ALTER TABLE ledger_entries ADD score numeric, ADD checked boolean, ADD at timestamptz")
    forger.unguarded(
        """
        UPDATE ledger_entries SET envelope_json = '{"bb": 1.50, "a": [1e2, "é\\n\u2028", true, null], "": {}}',
            score = sequence_number * 1.10, checked = sequence_number % 2 = 0, at = '2026-05-21 15:30:00.5+02',
            created_at = "timestamp"
        """
    )
    return forger


@pytest.fixture(scope="module")
def ledger(server: str) -> Iterator[Forger]:
    """A ledger that nobody changes."""
    with empty_database(server) as dsn, made(dsn) as forger:
        yield forger


@pytest.fixture(scope="module")
def forged(server: str) -> Iterator[Forger]:
    """The same ledger in another database, in which entry 49 is changed, and changed back."""
    with empty_database(server) as dsn, made(dsn) as forger:
        forger.run("CREATE TABLE kept AS TABLE ledger_entries")
        yield forger


@pytest.fixture(scope="module")
def copies(ledger: Forger, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The ledger as backups and exports."""
    folder: Path = tmp_path_factory.mktemp("copies")
    with Ledger(ledger.dsn) as ours:
        for name in ("x.sql", "x.dump"):
            ours.backup_database(folder / name)
        for name in ("x.json", "x.jsonl.gz", "x.csv"):
            ours.export_entries(output_file=folder / name)
        ours.export_entries(output_file=folder / "safe.csv", excel_safe=True)
    return {path.name: path for path in folder.iterdir() if not path.name.endswith(".manifest.json")}


NAMES = ["database", "x.sql", "x.dump", "x.json", "x.jsonl.gz", "x.csv", "safe.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_of_whatever_kind_does_not_differ_from_the_database(
    ledger: Forger, copies: dict[str, Path], server: str, name: str
) -> None:
    other = ledger.dsn if name == "database" else str(copies[name])
    for pair in ((ledger.dsn, other), (other, ledger.dsn)):
        found = diff(*pair, scratch_db=server)
        assert (found.is_same, found.changed, found.same, found.notes) == (True, 0, 100, []), found.changes
        assert (found.only_in_a, found.only_in_b) == ((), ())


def test_two_exports_of_different_formats_do_not_differ(copies: dict[str, Path]) -> None:
    found = diff(str(copies["x.json"]), str(copies["x.csv"]))
    changed = found.changed_columns.keys()
    assert changed <= {"score", "checked"}, "columns that only a database knows the type of"


DOCUMENT = '{{"": {{}}, "a": [{}, "é\\n\u2028", true, null], "bb": 1.50}}'
EDITS = {
    "reasoning": ("reasoning = 'nothing to see'", "nothing to see"),
    "escalation_notes": ("escalation_notes = ''", ""),
    "score": ("score = 53.91", "53.91"),
    "checked": ("checked = NOT checked", "t"),
    "at": ("at = at + interval '1 microsecond'", "2026-05-21T13:30:00.500001+00:00"),
    "envelope_json": ("envelope_json = jsonb_set(envelope_json, '{a,0}', '101')", DOCUMENT.format(101)),
}
BEFORE = {
    "escalation_notes": None,
    "score": "53.90",
    "checked": "f",
    "at": "2026-05-21T13:30:00.500000+00:00",
    "envelope_json": DOCUMENT.format(100),
}


@pytest.mark.parametrize("name", ["database", "x.dump", "x.json", "x.csv"])
@pytest.mark.parametrize("column", EDITS)
def test_a_forged_edit_is_named_with_its_entry_its_column_and_both_values(
    ledger: Forger, copies: dict[str, Path], server: str, forged: Forger, name: str, column: str
) -> None:
    change, after = EDITS[column]
    try:
        forged.unguarded(f"UPDATE ledger_entries SET {change} WHERE sequence_number = 49")
        found = diff(ledger.dsn if name == "database" else str(copies[name]), forged.dsn, scratch_db=server)
    finally:
        forged.unguarded("DELETE FROM ledger_entries; INSERT INTO ledger_entries TABLE kept")
    assert [(one.sequence_number, list(one.columns)) for one in found.changes] == [(49, [column])]
    assert (found.same, found.missing.count, found.added.count) == (99, 0, 0)
    shown, now = found.changes[0].columns[column]
    assert now == after
    if column in BEFORE and name != "x.json":  # whose reader puts numbers and documents in words of its own
        assert shown == BEFORE[column]


def test_a_column_in_one_only_is_told_and_is_a_difference_between_databases(
    ledger: Forger, copies: dict[str, Path], forger: Forger, tmp_path: Path
) -> None:
    forger.build(entries=hostile_entries(), schema="3").unguarded('UPDATE ledger_entries SET created_at = "timestamp"')
    found = diff(ledger.dsn, forger.dsn)
    assert found.only_in_a == ("score", "checked", "at")
    assert set(found.changed_columns) == {"envelope_json"}
    forger.unguarded(f"UPDATE ledger_entries SET envelope_json = '{DOCUMENT.format(100)}'".replace("1.50", "1.5"))
    assert set(diff(ledger.dsn, forger.dsn).changed_columns) == {"envelope_json"}, "in databases every digit counts"
    found = diff(str(copies["x.json"]), forger.dsn)
    assert (found.changed, found.is_same, found.only_in_a) == (0, True, ("score", "checked", "at"))
    found = diff(str(copies["x.dump"]), forger.dsn, scratch_db=forger.dsn)
    assert not found.is_same
    with Ledger(ledger.dsn) as ours:
        ours.export_entries(output_file=tmp_path / "few.csv", fields="sequence_number,verdict")
        ours.export_entries(output_file=tmp_path / "none.csv", fields="verdict")
    found = diff(str(tmp_path / "few.csv"), ledger.dsn)
    assert (found.is_same, found.columns) == (True, ("sequence_number", "verdict"))
    assert "reasoning" in found.only_in_b
    with pytest.raises(SourceError, match=r"none\.csv cannot be compared: the export has no column sequence_number"):
        diff(str(tmp_path / "none.csv"), ledger.dsn)


def test_what_a_filter_left_out_is_neither_missing_nor_added(ledger: Forger, tmp_path: Path) -> None:
    with Ledger(ledger.dsn) as ours:
        count = ours.export_entries(output_file=tmp_path / "flags.jsonl", verdict_filter="FLAG").entry_count
    assert 0 < count < 100
    for pair in ((ledger.dsn, str(tmp_path / "flags.jsonl")), (str(tmp_path / "flags.jsonl"), ledger.dsn)):
        found = diff(*pair)
        assert (found.is_same, found.same, found.unjudged) == (True, count, 100 - count)
        assert "is a filtered export" in found.notes[0]
    manifest_path(tmp_path / "flags.jsonl").unlink()
    found = diff(ledger.dsn, str(tmp_path / "flags.jsonl"))
    assert (found.is_same, found.missing.count) == (False, 100 - count)
    assert found.notes == ["B has no manifest, so it is unknown whether missing entries were filtered out."]


def test_an_export_that_was_changed_is_compared_and_that_is_said(tmp_path: Path) -> None:
    records = sample_records(20)
    write_both(tmp_path / "a.jsonl", records)
    write_both(tmp_path / "b.csv", records)
    records[4]["reasoning"] = "nothing to see"
    write_export(tmp_path / "b.csv", records)
    found = diff(str(tmp_path / "a.jsonl"), str(tmp_path / "b.csv"))
    assert [(one.sequence_number, list(one.columns)) for one in found.changes] == [(5, ["reasoning"])]
    assert found.notes == ["B does not match its manifest, so the file or the manifest was changed."]
    write_export(tmp_path / "b.csv", [*records[10:], *records[:10]])
    with pytest.raises(SourceError, match=r"b\.csv is not in order of sequence number: 1 comes after 20"):
        diff(str(tmp_path / "a.jsonl"), str(tmp_path / "b.csv"))


PEAK = """
import sys
from pathlib import Path
from pytest_audit_ledger import diff
found = diff(sys.argv[1], sys.argv[2], table="many")
assert [(one.sequence_number, list(one.columns)) for one in found.changes] == [(123_456, ["reasoning"])]
assert found.same == 199_999
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_a_forged_edit_among_two_hundred_thousand_entries_is_named_in_constant_memory(
    forger: Forger, tmp_path: Path
) -> None:
    forger.build(2000).run(
        "CREATE TABLE many AS SELECT e.*, 2000 * g + sequence_number AS n "
        "FROM generate_series(0, 99) g, ledger_entries e;"
        "UPDATE many SET sequence_number = n; ALTER TABLE many DROP n; ALTER TABLE many ADD UNIQUE (sequence_number)"
    )
    with Ledger(forger.dsn, table="many") as ours:
        ours.export_entries(output_file=tmp_path / "before.csv")
    forger.run("UPDATE many SET reasoning = 'nothing to see' WHERE sequence_number = 123456")
    command = [sys.executable, "-c", PEAK, str(tmp_path / "before.csv"), forger.dsn]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 100 * 1024  # KiB


@given(st.lists(st.integers(1, 12), max_size=12).map(sorted), st.integers(1, 4), st.integers(0, 12))
def test_numbers_taken_together_are_those_taken_one_by_one(numbers: list[float], limit: int, at: int) -> None:
    whole, single = SequenceRanges(limit), SequenceRanges(limit)
    for part in filter(None, (numbers[:at], numbers[at:])):
        whole.extend(part)
    for number in numbers:
        single.extend([number])
    assert whole == single
