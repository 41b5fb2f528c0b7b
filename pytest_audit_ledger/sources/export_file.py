"""An export as a source of entries, read without a database.

Next to an export `FILE` is `FILE.manifest.json` (see `examples/reference/formats.md`). It says which entries a complete
file holds. Without it nobody knows, so a missing entry is then reported neither as removed nor as filtered out.

With a profile, a file can be from anywhere: a table of MySQL or SQLite that its own client wrote, for example. It has
no manifest then, and must be in the order of its chains. Its columns have the table's own names, and a batch has their
values as PostgreSQL would print them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from itertools import islice
from operator import le
from pathlib import Path
from typing import Any, NoReturn

from pytest_audit_ledger.errors import NotApplicable, SourceError, UsageError
from pytest_audit_ledger.files.keys import read_key
from pytest_audit_ledger.files.reading import is_file
from pytest_audit_ledger.files.stores import AnyPath, is_store, path_of
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.batch import NULL, Batch, json_text, plain_text, shown
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ledger_info import ExportInfo, Extent, LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import (
    BEFORE,
    HASH,
    PAYLOAD,
    SAME_STREAM,
    SEQUENCE,
    STREAM,
    TIMESTAMP,
    VERDICT,
    Profile,
    own,
)
from pytest_audit_ledger.model.questions import Catalog, Queries
from pytest_audit_ledger.model.segment import FilePart, Place, Segment
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.export_parts import Measured, measured
from pytest_audit_ledger.sources.export_records import FETCH, Record, format_of, records
from pytest_audit_ledger.sources.export_values import Converter, converter, guessed_types, row_texts
from pytest_audit_ledger.sources.manifest import read_manifest, refuse_another_profile
from pytest_audit_ledger.sources.selection import Selection, read_moment
from pytest_audit_ledger.sources.source import Consume
from pytest_audit_ledger.sources.table_columns import Neighbours
from pytest_audit_ledger.sources.written_order import in_written_order

MANIFEST_SCHEMA = "export-manifest.schema.json"

BATCH_CHARACTERS = 160 * 1024
"""Characters of the file in a batch (some hundred entries), not counting its last entry."""

SAMPLE = 1_000
"""Entries whose values show the types of columns in a file that does not state them."""


def is_export(text: str) -> bool:
    """Return whether an option names an export and not a DSN: it ends like an export, and is no DSN of PostgreSQL."""
    return ("://" not in text or is_store(text)) and format_of(Path(text)) is not None


class ExportFile:
    """An export file: `.json`, `.jsonl`, `.csv` or `.tsv`, also with `.gz`."""

    timeout = defaults.TIMEOUT_S
    holds_secret = False

    def __init__(self, path: str | AnyPath, profile: Profile = SKI) -> None:
        """Take the path of the file, and what its entries look like.

        Raises UsageError if there is no such file, or it is not an export.
        """
        self.path = path_of(path)
        self._elsewhere = self.path.absolute() if isinstance(self.path, Path) else self.path
        """How a process finds it that works in another folder."""
        self.profile = profile
        if not is_file(self.path):
            raise UsageError(f"There is no file {self.path}.", "Name an export, or the DSN of a database.")
        if format_of(self.path) is None:
            raise UsageError(f"{self.path} is not an export.", "Name a .json, .jsonl, .csv or .tsv file, also .gz.")

    @property
    def label(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def given(self) -> str:
        """The file, as a command takes it."""
        return str(self.path)

    @property
    def table_label(self) -> str:
        """Empty: a file has no tables."""
        return ""

    @contextmanager
    def snapshot(self, shared: str | None = None) -> Iterator[ExportSnapshot]:  # noqa: ARG002  (a file is always shared)
        """Open the file."""
        yield ExportSnapshot(self.path, self.profile)

    @contextmanager
    def reader(self, shared: str) -> Iterator[ExportSnapshot]:
        """Open the file to read a part, as the manifest that was shared says."""
        yield ExportSnapshot(self._elsewhere, self.profile, json.loads(shared))


class ExportSnapshot:
    """The entries of an export, in the order of the file."""

    divisible = False

    def __init__(self, path: AnyPath, profile: Profile, shared: Mapping[str, Any] | None = None) -> None:
        self._path, self._profile = path, profile
        self._stopped = False
        manifest = read_manifest(path, MANIFEST_SCHEMA) if shared is None else shared["manifest"]
        refuse_another_profile(path, manifest, profile)
        self._excel_safe = bool(manifest and manifest["excel_safe"])
        self._is_foreign = not profile.schemas and manifest is None
        self._measured = measured(path, format_of(path), manifest) if shared is None else Measured("", 0)
        names = self._names(manifest)
        guessed = self._guessed(names, manifest)
        self.info = LedgerInfo(
            database=str(path),
            table="",
            relation_kind="",
            columns=self._columns(names, {**(manifest or {}).get("types", {}), **profile.types, **guessed}),
            server_version="",
            server_time=_clock(manifest),
            snapshot="",
            export=ExportInfo(str(path), self._measured.size, self._measured.sha256, manifest, guessed),
            extent=_extent(manifest),
            profile=profile,
            read_key=read_key,
        )

    def _records(self, part: FilePart | None = None) -> Iterator[Record]:
        """Yield the records, without the apostrophes that `--excel-safe` adds."""
        found = records(self._path, part, [] if part is None else list(self.info.columns))
        if not self._excel_safe:
            return found
        return ((line, size, {_original(name): _original(row[name]) for name in row}) for line, size, row in found)

    def _names(self, manifest: Mapping[str, Any] | None) -> list[str]:
        """Return the columns of the first entry, or those of the manifest if there is no entry."""
        first = next(self._records(), None)
        return list(first[2] if first else manifest["fields"] if manifest else [])

    def _columns(self, names: Sequence[str], types: Mapping[str, str]) -> dict[str, Column]:
        if self._profile.schemas:
            return {name: self._profile.schemas[-1].columns.get(name, Column("text", False)) for name in names}
        return {name: Column(types.get(name, "text"), False) for name in names}

    def _guessed(self, names: Sequence[str], manifest: Mapping[str, Any] | None) -> Mapping[str, str]:
        """Return the types of columns that nobody states."""
        if self._profile.schemas or "types" in (manifest or {}):
            return {}
        sample = [record for *_, record in islice(self._records(), SAMPLE)]
        unknown = [name for name in names if name not in self._profile.types]
        is_json = format_of(self._path) in ("json", "jsonl")
        return guessed_types({name: [record.get(name) for record in sample] for name in unknown}, is_json=is_json)

    @property
    def parts(self) -> Sequence[FilePart]:
        """The parts of a file whose entries need no others to be read, nor a look at their order."""
        return () if self._is_foreign or self.info.hasher.needs_neighbour else self._measured.parts

    def share(self) -> str:
        """Return the manifest: any process can open the file, and does not need that next to it."""
        return json.dumps({"manifest": self.info.export.manifest if self.info.export else None})

    def count(self) -> None:
        """Return None: a file has no index that could hide entries."""

    def bounds(self) -> tuple[int, int] | None:
        """Return the range that the manifest states."""
        manifest = self.info.export.manifest if self.info.export else None
        if not manifest or self.info.extent is not Extent.WHOLE or self._profile.streams:
            return None
        first, last = manifest["sequence_first"], manifest["sequence_last"]
        return None if None in (first, last) else (first, last)

    def unreadable(self, column: str) -> str | None:
        """Return why a column cannot be read, None if it can; an export without entries has nothing to read."""
        if column == BEFORE:
            return self.unreadable(HASH)  # see Neighbours
        missing = [name for name in self._read_for(column) if name not in self.info.columns]
        if not missing or not self.info.columns:
            return None
        if column == PAYLOAD:
            return "the export does not have the payloads, which only the server of the ledger can build"
        return f"the export has no column {missing[0]}"

    def _read_for(self, name: str) -> Sequence[str]:
        """Return the columns of the file that are read for a name of a batch."""
        if name == STREAM:
            return [SAME_STREAM] if SAME_STREAM in self.info.columns else self._profile.streams
        return [name.removeprefix(".") if name.startswith(".") else self._profile.column(name)]

    def catalog(self) -> AbstractContextManager[Catalog]:
        """Refuse: triggers, constraints and queries need the database."""
        raise NotApplicable(
            "An export holds only entries, not the triggers and constraints of the database.", "Check the database."
        )

    def queries(self) -> AbstractContextManager[Queries]:
        """Refuse: SQL needs a server."""
        raise NotApplicable("The check is written in SQL, and an export cannot run SQL.", "Check the database.")

    def another_table(self) -> None:
        """Return None: an export may have few columns."""

    def changed(self) -> str:
        """Return nothing: a file has no definition apart from what it holds."""
        return ""

    def stop(self) -> None:
        """Stop reading before the next batch."""
        self._stopped = True

    def end_readers(self) -> None:
        """Do nothing: a file has no sessions."""

    def scan(self, columns: Sequence[str], segment: Segment, consume: Consume) -> None:
        """Read all entries of the file, or of the segment's part, whatever else the segment is."""
        batches = self._batches(columns, segment.part)
        for batch in in_written_order(batches) if segment.in_order else batches:
            consume(batch)

    def late(self, order: int, count: int) -> str:  # noqa: ARG002  (nothing is written to a file)
        """Return nothing: a file gets no more entries."""
        return ""

    def places(self, count: int, entries: int) -> list[Place]:  # noqa: ARG002  (one process reads a file)
        """Return no places: a file is not divisible."""
        return []

    def select(self, columns: Sequence[str], selection: Selection, consume: Consume) -> None:
        """Read the selected entries."""
        conditions = [name for name in (SEQUENCE, TIMESTAMP, VERDICT, "rule_id") if self.unreadable(name) is None]
        asked = [*columns, *(conditions if self.info.columns else [])]
        left = selection.limit
        for batch in self._batches(list(dict.fromkeys(asked))):
            kept = _selected(batch, selection)[:left]
            if kept:
                consume(Batch({name: [batch.text(name)[index] for index in kept] for name in columns}))
            if left is not None:
                left -= len(kept)
                if not left:
                    return

    def _batches(self, columns: Sequence[str], part: FilePart | None = None) -> Iterator[Batch]:
        names = self.info.columns.keys()
        neighbours = Neighbours(self.info) if BEFORE in columns else None
        order = _Order(self._profile) if self._is_foreign and SEQUENCE in columns else None
        if neighbours:
            columns = list(dict.fromkeys([*(name for name in columns if name != BEFORE), HASH]))
        whole = FilePart(0, self._measured.size, self._measured.sha256, 1)
        for chunk in _chunks(self._records(part or whole)):
            if self._stopped:
                raise SourceError("The reading was stopped.")
            for line, _, record in chunk:
                if record.keys() != names:
                    _fail(self._path, line, _difference(set(names), set(record)))
            batch = Batch({name: self._column(name, chunk) for name in columns})
            if order and (late := order.first_late(batch)) is not None:
                raise SourceError(f"{self._path.name}:{chunk[late][0]}: {order.sentence(batch, late)}", order.remedy)
            yield neighbours.added(batch) if neighbours else batch

    def _column(self, name: str, chunk: Sequence[Record]) -> list[str]:
        columns = self._read_for(name)
        if name == STREAM:
            texts = [self._stream(column, chunk) for column in columns]
            return row_texts(texts) if len(texts) > 1 else texts[0]
        (column,) = columns
        convert = converter(self._profile, name, self.info.columns.get(column))
        values = [record[column] for _, _, record in chunk]
        try:
            return convert(values)
        except ValueError as error:
            for (line, *_), value in zip(chunk, values, strict=True):
                _check(self._path, line, column, value, convert)
            raise SourceError(f"{self._path}: {column} cannot be read: {error}.", FETCH) from error

    def _stream(self, column: str, chunk: Sequence[Record]) -> list[str]:
        """Return a column of the stream, alike for what a server takes for the same, as far as a file shows."""
        texts, type_ = self._column(own(column), chunk), self.info.columns[column].type
        if type_.rpartition(".")[2] == "citext":
            return [json_text((plain_text(text) or "").lower()) if text != NULL else NULL for text in texts]
        is_plain = type_ != "numeric" or "." not in "".join(texts)
        return texts if is_plain else [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]


class _Order:
    """Finds an entry that is not where its chain goes on: of a stream that ended before, or after a higher number."""

    def __init__(self, profile: Profile) -> None:
        """Take the profile, which says what the order is."""
        wanted = ", ".join([*profile.streams, profile.column(SEQUENCE)])
        self.remedy = f"Write it in that order: ORDER BY {wanted}."
        self._ended: set[str] = set()
        self._stream = ""
        self._last: int | None = None

    def first_late(self, batch: Batch) -> int | None:
        """Return the place of the first entry that comes too late, None if there is none."""
        place = 0
        for stream, entries in batch.streams():
            if stream != self._stream:
                self._ended.add(self._stream)
                self._stream, self._last = stream, None
                if stream in self._ended:
                    return place
            numbers = [number for number in (self._last, *entries.sequence_numbers) if number is not None]
            if not all(map(le, numbers, numbers[1:])):
                return place + self._late(entries.sequence_numbers)
            self._last = numbers[-1] if numbers else None
            place += len(entries)
        return None

    def _late(self, numbers: Sequence[int | None]) -> int:
        last = self._last
        for place, number in enumerate(numbers):
            if number is not None and last is not None and number < last:
                return place
            last = last if number is None else number
        return len(numbers) - 1

    def sentence(self, batch: Batch, place: int) -> str:
        """Return that the entry at this place of a batch is late."""
        stream = f" of {shown(batch.text(STREAM)[place])}" if self._stream else ""
        return f"entry {batch.sequence_numbers[place]}{stream} comes too late, so the file is not in order."


def _chunks(found: Iterator[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    size = 0
    for record in found:
        chunk.append(record)
        size += record[1]
        if size >= BATCH_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _original(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and value.startswith("'") else value


def _difference(wanted: set[str], found: set[str]) -> str:
    lacking = [f"missing {printable(name)}" for name in sorted(wanted - found)]
    extra = [f"extra {printable(name)}" for name in sorted(found - wanted)]
    return f"the columns of this entry differ from those of the first: {', '.join([*lacking, *extra][:5])}"


def _check(path: AnyPath, line: int, column: str, value: Any, convert: Converter) -> None:
    try:
        convert([value])
    except ValueError as error:
        _fail(path, line, f"{column} is {printable(repr(value), 80)}, {error}")


def _fail(path: AnyPath, line: int, message: str) -> NoReturn:
    raise SourceError(f"{path.name}:{line}: {message}.", FETCH)


def _selected(batch: Batch, wanted: Selection) -> list[int]:
    kept = list(range(len(batch)))
    if wanted.since or wanted.before:
        low = canonical_timestamp(wanted.since) if wanted.since else ""
        high = canonical_timestamp(wanted.before) if wanted.before else "~~"
        times = list(map(_sortable, batch.text(TIMESTAMP)))
        kept = [index for index in kept if times[index] != NULL and low <= times[index] < high]
    if wanted.verdicts:
        verdicts = batch.values(VERDICT)
        kept = [index for index in kept if verdicts[index] in wanted.verdicts]
    if wanted.rule_id is not None:
        rules = batch.values("rule_id")
        kept = [index for index in kept if rules[index] == wanted.rule_id]
    if wanted.number is not None:
        numbers = batch.sequence_numbers
        kept = [index for index in kept if (number := numbers[index]) is not None and number >= wanted.number]
    return kept


def _sortable(moment: str) -> str:
    """Return a text to sort by: a canonical timestamp itself, others before the first or after the last of them."""
    if "T" in moment or moment == NULL:
        return moment
    return "" if moment.startswith("-") or moment.endswith("BC") else "~"


def _extent(manifest: Mapping[str, Any] | None) -> Extent:
    if manifest is None:
        return Extent.UNKNOWN
    return Extent.PART if manifest["filters"] else Extent.WHOLE


def _clock(manifest: Mapping[str, Any] | None) -> str:
    """Return the time of the export, but not later than now; entries after it are in the future."""
    now = datetime.now(timezone.utc)
    stated = read_moment(manifest["server_time"]) if manifest else None
    return canonical_timestamp(min(stated or now, now))
