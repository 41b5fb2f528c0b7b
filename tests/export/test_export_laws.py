"""What is written as an export is what is read from it, and what dates mean."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.export.row_formats import csv_head, csv_rows, json_rows
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.selection import date_range, fields, selection
from tests.model.test_payload_laws import FRAGMENTS, any_text
from tests.support.exports import manifest_of

FORMULAS = [
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "'",
    "=1+1",
    "'=1",
    "''",
    "\uff1d1",
    '"',
    '""',
    ",",
    "\r\n",
    "\\.",
    "",
]
texts = st.one_of(
    st.lists(st.sampled_from([*FRAGMENTS, *FORMULAS, "a"]), max_size=6).map("".join),
    any_text,
    st.sampled_from(FORMULAS),
)
nullable = st.none() | texts
NAMES = ["rule_id", "reasoning", "we\"ird\n=,'"]
TYPES = {"sequence_number": "bigint", **dict.fromkeys(NAMES, "text")}
rows = st.lists(st.lists(nullable, min_size=3, max_size=3), min_size=1, max_size=6)

Row = list[str | None]


def _batch(given_rows: list[Row]) -> Batch:
    columns = {name: [json_text(row[index]) for row in given_rows] for index, name in enumerate(NAMES)}
    return Batch({"sequence_number": [str(number) for number in range(1, len(given_rows) + 1)], **columns})


def _json(batch: Batch) -> str:
    return '{"entries": [' + ",\n".join(json_rows(batch, TYPES)) + "]}"


def _jsonl(batch: Batch) -> str:
    return "".join(f"{row}\n" for row in json_rows(batch, TYPES))


def _csv(batch: Batch, *, excel_safe: bool = False) -> str:
    lines = [csv_head(list(TYPES), excel_safe=excel_safe), *csv_rows(batch, TYPES, excel_safe=excel_safe)]
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _read(path: Path, text: str, *, excel_safe: bool = False) -> list[Row]:
    """Return the rows that the package reads from a file with this text, which is UTF-8 decoded as Latin-1."""
    path.write_bytes(text.encode("latin-1"))
    manifest_path(path).unlink(missing_ok=True)
    if excel_safe:
        manifest_path(path).write_text(json.dumps({**manifest_of(path, []), "excel_safe": True}))
    batches: list[Batch] = []
    with ExportFile(path).snapshot() as snapshot:
        assert list(snapshot.info.columns) == list(TYPES)
        snapshot.scan(list(TYPES), Segment(), batches.append)
    (batch,) = batches
    assert batch.sequence_numbers == list(range(1, len(batch) + 1))
    return [list(row) for row in zip(*(batch.values(name) for name in NAMES), strict=True)]


@given(rows)
def test_json_rows_are_what_json_reads_and_what_we_read(folder: Path, given_rows: list[Row]) -> None:
    batch = _batch(given_rows)
    for name, text in (("x.json", _json(batch)), ("x.jsonl", _jsonl(batch))):
        assert _read(folder / name, text) == given_rows
    others = [json.loads(line) for line in _jsonl(batch).encode("latin-1").decode().split("\n")[:-1]]
    assert [[other[name] for name in NAMES] for other in others] == given_rows
    assert json.loads(_json(batch).encode("latin-1"))["entries"] == others


@given(rows, st.booleans())
def test_csv_rows_are_what_csv_reads_and_what_we_read(folder: Path, given_rows: list[Row], excel_safe: bool) -> None:
    text = _csv(_batch(given_rows), excel_safe=excel_safe)
    assert _read(folder / "x.csv", text, excel_safe=excel_safe) == given_rows
    others = list(csv.reader(io.StringIO(text.encode("latin-1").decode(), newline=""), strict=True))
    if not excel_safe:
        assert others == [list(TYPES), *([str(n), *(v or "" for v in row)] for n, row in enumerate(given_rows, 1))]


@given(rows)
def test_no_cell_of_an_excel_safe_csv_begins_like_a_formula(given_rows: list[Row]) -> None:
    text = _csv(_batch(given_rows), excel_safe=True).encode("latin-1").decode()
    head, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    formulas = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    assert not any(cell.startswith(formulas) for cells in (head, *lines) for cell in cells)
    for cells, row in zip(lines, given_rows, strict=True):
        for cell, value in zip(cells[1:], row, strict=True):
            assert cell in (value or "", f"'{value}")


days = st.dates(date(1, 1, 1), date(9999, 12, 30))
zones = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones)


@given(days)
def test_a_day_is_all_of_it_in_utc(day: date) -> None:
    wanted = selection(start_date=day.isoformat(), end_date=f" {day.isoformat()} ")
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    assert (wanted.since, wanted.before) == (midnight, midnight + timedelta(days=1))


@given(moments, st.sampled_from(["T", " "]))
def test_a_timestamp_is_taken_to_the_microsecond_and_the_end_is_included(moment: datetime, separator: str) -> None:
    text = moment.isoformat(separator)
    wanted = selection(start_date=text, end_date=text)
    assert wanted.since == moment
    assert wanted.before == moment + timedelta(microseconds=1)
    assert wanted.since is not None
    assert wanted.since.utcoffset() == timedelta(0)


@given(moments, moments)
def test_a_range_is_reversed_or_is_what_was_written(first: datetime, second: datetime) -> None:
    if first <= second:
        assert selection(start_date=first.isoformat(), end_date=second.isoformat()).since == first
    else:
        with pytest.raises(UsageError, match="is reversed"):
            selection(start_date=first.isoformat(), end_date=second.isoformat())


@given(st.text(max_size=30) | st.text("0123456789-:T Z+.", max_size=32))
def test_any_text_is_a_date_or_a_usage_error(text: str) -> None:
    try:
        wanted = selection(start_date=text)
    except UsageError as error:
        assert error.remedy  # noqa: PT017
    else:
        assert wanted.since is not None


READERS = [date_range, fields, lambda text: selection(verdict=text), lambda text: selection(rule_id=text)]


@pytest.mark.parametrize("read", READERS)
@given(st.text(max_size=20) | st.text(", ab", max_size=10))
def test_any_text_is_what_it_should_be_or_a_usage_error(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except UsageError as error:
        assert error.remedy  # noqa: PT017


NO_DATES = ["", "2026-02-30", "2026-13-01", "2026-1-1", "20260101", "2026-W01-1", "yesterday", "2026-01-01Z"]
NO_DATES += ["2026-01-01T12", "2026-01-01T12:00:00+99:00", "2026-01-01T12:00:00.1234567", "\uff12026-01-01"]
NO_DATES += ["2026-01-01T25:00:00Z"]


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_a_usage_error_that_shows_one(text: str) -> None:
    with pytest.raises(UsageError, match="2026-05-31T12:30:00Z"):
        selection(end_date=text)


def test_the_ends_of_the_calendar_are_dates() -> None:
    assert selection(start_date="0001-01-01").since == datetime(1, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(UsageError, match="beyond the calendar"):
        selection(end_date="9999-12-31")
    with pytest.raises(UsageError, match="beyond the calendar"):
        selection(end_date="9999-12-31T23:59:59.999999Z")
    with pytest.raises(UsageError, match="Invalid date"):
        selection(start_date="0001-01-01T00:00:00+01:00")


def test_mistakes_list_what_there_is() -> None:
    with pytest.raises(UsageError, match="CLEAR, FLAG, NULL_UNMAPPED, NULL_STALE, DISCRETIONARY"):
        selection(verdict="clear")
    with pytest.raises(UsageError, match="'A'"):
        selection(verdict=["FLAG", "A"])
    for limit in (0, -1, 2**63):
        with pytest.raises(UsageError, match=f"Invalid limit {limit}"):
            selection(limit=limit)
    for rule_id in ("", "a\0b", "\udcff"):
        with pytest.raises(UsageError):
            selection(rule_id=rule_id)


def test_verdicts_may_be_several_and_stand_twice() -> None:
    assert selection(verdict="FLAG, CLEAR,FLAG").verdicts == ("FLAG", "CLEAR")
    assert selection(verdict="FLAG, CLEAR").described() == {"verdict": "FLAG, CLEAR"}
