"""An export as a source of entries, read without a database.

Next to an export `FILE` is `FILE.manifest.json` (see `examples/reference/formats.md`). It says which entries a complete
file holds. Without it nobody knows, so a missing entry is then reported neither as removed nor as filtered out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, NoReturn

from pytest_audit_ledger.errors import NotApplicable, SourceError, UsageError
from pytest_audit_ledger.files.keys import read_key
from pytest_audit_ledger.files.reading import is_file, open_regular, sha256_of
from pytest_audit_ledger.model.batch import NULL, Batch
from pytest_audit_ledger.model.columns import MOMENT, V2_COLUMNS, V3_COLUMNS, Column
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ledger_info import ExportInfo, Extent, LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.questions import Catalog, Queries
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources import copy_text
from pytest_audit_ledger.sources.export_records import FETCH, Number, Record, format_of, records
from pytest_audit_ledger.sources.manifest import read_manifest
from pytest_audit_ledger.sources.selection import Selection, read_moment
from pytest_audit_ledger.sources.source import Consume, Segment

MANIFEST_SCHEMA = "export-manifest.schema.json"

BATCH_CHARACTERS = 160 * 1024
"""Characters of the file in a batch (some hundred entries), not counting its last entry."""


def is_export(text: str) -> bool:
    """Return whether an option names an export and not a DSN: it ends like an export, and has no scheme."""
    return "://" not in text and format_of(Path(text)) is not None


class ExportFile:
    """An export file: `.json`, `.jsonl` or `.csv`, also with `.gz`."""

    def __init__(self, path: str | Path, profile: Profile = SKI) -> None:
        """Take the path of the file, and what its entries look like.

        Raises UsageError if there is no such file, or it is not an export.
        """
        self.path = Path(path)
        self.profile = profile
        if not is_file(self.path):
            raise UsageError(f"There is no file {self.path}.", "Name an export, or the DSN of a database.")
        if format_of(self.path) is None:
            raise UsageError(f"{self.path} is not an export.", "Name a .json, .jsonl or .csv file, also with .gz.")

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


class ExportSnapshot:
    """The entries of an export, in the order of the file."""

    divisible = False

    def __init__(self, path: Path, profile: Profile) -> None:
        self._path = path
        self._stopped = False
        manifest = read_manifest(path, MANIFEST_SCHEMA)
        self._excel_safe = bool(manifest and manifest["excel_safe"])
        digest = _digest(path)
        self.info = LedgerInfo(
            database=str(path),
            table="",
            relation_kind="",
            columns={name: _KNOWN.get(name, Column("text", False)) for name in self._names(manifest)},
            server_version="",
            server_time=_clock(manifest),
            snapshot="",
            export=ExportInfo(str(path), path.stat().st_size, digest, manifest),
            extent=_extent(manifest),
            profile=profile,
            read_key=read_key,
        )

    def _records(self) -> Iterator[Record]:
        """Yield the records, without the apostrophes that `--excel-safe` adds."""
        found = records(self._path)
        if not self._excel_safe:
            return found
        return ((line, size, {_original(name): _original(row[name]) for name in row}) for line, size, row in found)

    def _names(self, manifest: Mapping[str, Any] | None) -> list[str]:
        """Return the columns of the first entry, or those of the manifest if there is no entry."""
        first = next(self._records(), None)
        return list(first[2] if first else manifest["fields"] if manifest else [])

    def share(self) -> str:
        """Return an empty name: any process can open the file."""
        return ""

    def count(self) -> None:
        """Return None: a file has no index that could hide entries."""

    def bounds(self) -> tuple[int, int] | None:
        """Return the range that the manifest states."""
        manifest = self.info.export.manifest if self.info.export else None
        if not manifest or self.info.extent is not Extent.WHOLE:
            return None
        first, last = manifest["sequence_first"], manifest["sequence_last"]
        return None if None in (first, last) else (first, last)

    def unreadable(self, column: str) -> str | None:
        """Return why a column cannot be read, None if it can; an export without entries has nothing to read."""
        if column in self.info.columns or not self.info.columns:
            return None
        return f"the export has no column {column}"

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

    def scan(self, columns: Sequence[str], segment: Segment, consume: Consume) -> None:  # noqa: ARG002  (all of it)
        """Read all entries of the file."""
        for batch in self._batches(columns):
            consume(batch)

    def select(self, columns: Sequence[str], selection: Selection, consume: Consume) -> None:
        """Read the selected entries."""
        asked = [*columns, *(name for name in ("timestamp", "verdict", "rule_id") if name in self.info.columns)]
        left = selection.limit
        for batch in self._batches(list(dict.fromkeys(asked))):
            kept = _selected(batch, selection)[:left]
            if kept:
                consume(Batch({name: [batch.text(name)[index] for index in kept] for name in columns}))
            if left is not None:
                left -= len(kept)
                if not left:
                    return

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        names = self.info.columns.keys()
        for chunk in _chunks(self._records()):
            if self._stopped:
                raise SourceError("The reading was stopped.")
            for line, _, record in chunk:
                if record.keys() != names:
                    _fail(self._path, line, _difference(set(names), set(record)))
            yield Batch({name: self._column(name, chunk) for name in columns})

    def _column(self, name: str, chunk: Sequence[Record]) -> list[str]:
        values = [record[name] for _, _, record in chunk]
        try:
            return _converter(_KNOWN.get(name))(values)
        except ValueError as error:
            for (line, *_), value in zip(chunk, values, strict=True):
                _check(self._path, line, name, value)
            raise SourceError(f"{self._path}: {name} cannot be read: {error}.", FETCH) from error


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


def _check(path: Path, line: int, name: str, value: Any) -> None:
    try:
        _converter(_KNOWN.get(name))([value])
    except ValueError as error:
        _fail(path, line, f"{name} is {printable(repr(value), 80)}, {error}")


def _fail(path: Path, line: int, message: str) -> NoReturn:
    raise SourceError(f"{path.name}:{line}: {message}.", FETCH)


def _selected(batch: Batch, wanted: Selection) -> list[int]:
    kept = list(range(len(batch)))
    if wanted.since or wanted.before:
        low = canonical_timestamp(wanted.since) if wanted.since else ""
        high = canonical_timestamp(wanted.before) if wanted.before else "~~"
        times = list(map(_sortable, batch.text("timestamp")))
        kept = [index for index in kept if times[index] != NULL and low <= times[index] < high]
    if wanted.verdicts:
        verdicts = batch.text("verdict")
        kept = [index for index in kept if verdicts[index] in wanted.verdicts]
    if wanted.rule_id is not None:
        rules = batch.values("rule_id")
        kept = [index for index in kept if rules[index] == wanted.rule_id]
    return kept


def _sortable(moment: str) -> str:
    """Return a text to sort by: a canonical timestamp itself, others before the first or after the last of them."""
    if "T" in moment or moment == NULL:
        return moment
    return "" if moment.startswith("-") or moment.endswith("BC") else "~"


_KNOWN: Mapping[str, Column] = {**V2_COLUMNS, **V3_COLUMNS}
_CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!0{6})\d{6})?\+00:00", re.ASCII)
_BEYOND = re.compile(r"-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00( BC)?", re.ASCII)
"""Moments of PostgreSQL that Python cannot hold."""


def _converter(column: Column | None) -> Callable[[list[Any]], list[str]]:
    if column is None:
        return _anything
    return {"bigint": _whole_numbers, MOMENT: _moments, "jsonb": _anything}.get(column.type, _texts)


def _whole_numbers(values: list[Any]) -> list[str]:
    texts = [NULL if value is None else str(value) for value in values]
    numbers = all(text == NULL or re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text) for text in texts)
    if numbers and {type(value) for value in values} <= {int, str, type(None)}:
        return texts
    raise ValueError("which is not a whole number")


def _texts(values: list[Any]) -> list[str]:
    try:
        return [NULL if value is None else _json_text(value) for value in values]
    except (TypeError, UnicodeEncodeError) as error:
        raise ValueError("which is not text in UTF-8") from error


def _json_text(value: str) -> str:
    text = encode_basestring(value)[1:-1]
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


def _anything(values: list[Any]) -> list[str]:
    """Return text as it is, and any other value as JSON."""
    try:
        return _texts([v if v is None or isinstance(v, str) else _dumped(v) for v in values])
    except RecursionError as error:
        raise ValueError("which is nested too deeply") from error


class _KeptAsWrittenError(Exception):
    """Raised at a number that `json.dumps` cannot write as it is in the file."""


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_refuse_number)
    except _KeptAsWrittenError:
        return _written_out(value)


def _refuse_number(_: Number) -> NoReturn:
    raise _KeptAsWrittenError


def _written_out(value: Any) -> str:
    """Return a value as JSON with each number as it is in the file."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_dumped(key)}: {_written_out(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written_out, value))}]"
    return _dumped(value)


def _moments(values: list[Any]) -> list[str]:
    return [value if value and _CANONICAL.fullmatch(value) else _moment(value) for value in _texts(values)]


def _moment(text: str) -> str:
    """Return a moment in its canonical form, however the file has it."""
    if text == NULL or _BEYOND.fullmatch(text):
        return copy_text.canonical(text)
    moment = read_moment(text)
    if moment is None:
        raise ValueError("which is not a time")
    return canonical_timestamp(moment)


def _digest(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return sha256_of(file)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error


def _extent(manifest: Mapping[str, Any] | None) -> Extent:
    if manifest is None:
        return Extent.UNKNOWN
    return Extent.PART if manifest["filters"] else Extent.WHOLE


def _clock(manifest: Mapping[str, Any] | None) -> str:
    """Return the time of the export, but not later than now; entries after it are in the future."""
    now = datetime.now(timezone.utc)
    stated = read_moment(manifest["server_time"]) if manifest else None
    return canonical_timestamp(min(stated or now, now))
