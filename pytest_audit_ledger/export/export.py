"""Export entries as JSON, JSON Lines or CSV, streamed in constant memory, with a manifest next to the file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.export.batch_iterator import BatchIterator
from pytest_audit_ledger.export.manifest import EntryTally, manifest, tally_columns
from pytest_audit_ledger.export.row_formats import (
    batch_names,
    csv_head,
    csv_rows,
    csv_rows_plan,
    json_rows,
    json_rows_plan,
    own_columns,
    written_types,
)
from pytest_audit_ledger.export.verifier import verifier_files
from pytest_audit_ledger.files.reading import read_bytes
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import (
    BackgroundWriter,
    Draft,
    Written,
    refuse_existing,
    standard_output,
    whole_files,
    written_json,
)
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import SAME_STREAM, SEQUENCE, TIMESTAMP, VERDICT, Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.recipes import SQL_PAYLOAD
from pytest_audit_ledger.native.plan import Plan
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.sources.export_records import format_of
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.verification import Verification

FORMATS = defaults.EXPORT_FORMATS
STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class Export:
    """A request to export; `path` is `-` for standard output, and empty `fields` are all columns.

    `with_verifier`: write the verifier and the profile next to it, too. `force`: replace existing files.
    """

    path: AnyPath
    format: str
    fields: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    excel_safe: bool = False
    with_verifier: bool = False
    force: bool = False

    @property
    def compressed(self) -> bool:
        """Whether the file is compressed with gzip, by its name."""
        return self.path.name.lower().endswith(".gz")


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """The result of an export. `files` are the export, its manifest and what else was written; none for `-`."""

    entry_count: int
    files: tuple[Written, ...]
    manifest: Mapping[str, Any]


def export_request(
    path: str | AnyPath,
    *,
    format: str | None = None,  # noqa: A002  (the word of the option)
    fields: tuple[str, ...] = (),
    selection: Selection | None = None,
    excel_safe: bool = False,
    with_verifier: bool = False,
    force: bool = False,
    object_lock: str | None = None,
) -> Export:
    """Return a request to export; without `format`, it is chosen by the suffix; a name without a suffix means JSON.

    Raises UsageError for an unknown format or suffix, an option that the format does not have, or an existing file.
    """
    file = path_of(path, lock=object_lock)
    suffix = "" if path == STANDARD_OUTPUT else file.suffix
    chosen = format or format_of(file) or ("" if suffix else "json")
    if not chosen:
        raise UsageError(
            f"{file.name} does not end in the suffix of an export format.",
            "Let it end in .json, .jsonl or .csv, with or without .gz, or choose with --format.",
        )
    if chosen not in FORMATS:
        raise UsageError(f"Unknown export format {chosen!r}.", f"Use one of {', '.join(FORMATS)}.")
    if excel_safe and chosen != "csv":
        raise UsageError(f"--excel-safe works only for CSV, not for {chosen}.", "Omit it, or export as CSV.")
    if not path:
        raise UsageError("The name of the export is empty.", "Name a file; perhaps a shell variable is not set.")
    if with_verifier and path == STANDARD_OUTPUT:
        raise UsageError("--with-verifier writes files next to the export.", "Name a file, not standard output.")
    if path != STANDARD_OUTPUT:
        refuse_existing(file, force=force)
        refuse_existing(manifest_path(file), force=force)
    return Export(file, chosen, fields, selection or Selection(), excel_safe, with_verifier, force)


def export(
    snapshot: Snapshot, request: Export, *, verification: Verification | None = None, progress: Progress = no_progress
) -> ExportResult:
    """Write the selected entries of a snapshot to a file, and next to it what goes with it: all or nothing.

    `verification` is one of the same snapshot. Raises UsageError for unknown fields, SourceError if the entries cannot
    be read, OutputError if the file cannot be written.
    """
    types = field_types(snapshot, request)
    _require_readable(snapshot, request.selection)
    path = request.path
    extra = _beside(snapshot, request)
    tally = EntryTally()
    with ExitStack() as files:
        if str(path) == STANDARD_OUTPUT:
            drafts = [files.enter_context(standard_output())]
        else:
            paths = path, manifest_path(path), *extra
            drafts = files.enter_context(whole_files(*paths, overwrite=request.force))
        with progress(_expected(snapshot, request)) as advance:
            parts = interruptible(lambda: _write(snapshot, request, types, drafts[0], tally, advance), snapshot.stop)
        written = drafts[0].written(str(path))
        described = manifest(
            written,
            tally.fields(),
            snapshot.info,
            verification,
            format=request.format,
            compression="gzip" if request.compressed else "",
            fields=list(types),
            types={name: _stated_type(snapshot.info, name) for name in types},
            filters={**_source_filter(snapshot.info), **request.selection.described()},
            excel_safe=request.excel_safe,
            exported_at=_now(),
            **({"parts": parts} if parts else {}),
        )
        beside = [written_json(draft, described, manifest_path(path)) for draft in drafts[1:2]]
        for draft, (name, content) in zip(drafts[2:], extra.items(), strict=True):
            draft.write(content)
            beside.append(draft.written(str(name)))
    return ExportResult(entry_count=tally.entries, files=(written, *beside) if beside else (), manifest=described)


def _beside(snapshot: Snapshot, request: Export) -> dict[AnyPath, bytes]:
    """Return the further files to write with an export; one that is there already, and the same, is left alone."""
    wanted = verifier_files(snapshot.info) if request.with_verifier else {}
    files = {request.path.with_name(name): content for name, content in wanted.items()}
    missing = {path: content for path, content in files.items() if not (path.exists() and _same(path, content))}
    for path in missing:
        refuse_existing(path, force=request.force)
    return missing


def _same(path: AnyPath, content: bytes) -> bool:
    try:
        return read_bytes(path, len(content)) == content
    except OSError:  # longer, or no file
        return False


@dataclass(frozen=True)
class ExportArtifact(Artifact):
    """An export of the snapshot that a run verified."""

    request: Export

    def write(self, verified: ArtifactContext) -> tuple[Written, ...]:
        """Write the export and its manifest."""
        result = export(verified.snapshot, self.request, verification=verified.verification, progress=verified.progress)
        return result.files


def field_types(snapshot: Snapshot, request: Export) -> dict[str, str]:
    """Return the columns to export, with their types. Raises UsageError for an unknown one."""
    info = snapshot.info
    columns = dict(info.columns)
    if info.hasher.sql:  # only the server can build it
        columns[SQL_PAYLOAD] = Column("bytea", False)
    fields = tuple(map(info.profile.named, request.fields))
    has_column = SAME_STREAM in info.columns
    if info.profile.streams and has_column and not info.export and SAME_STREAM in (fields or info.columns):
        raise UsageError(
            f"An export cannot have the table's own column {SAME_STREAM}: a column of this name has the streams.",
            "Name the other columns with --fields.",
        )
    if info.prints_streams_apart and (
        has_column or not info.export
    ):  # no reader of the file can tell what the server takes for the same
        columns[SAME_STREAM] = Column("text", False)
        fields = (*fields, SAME_STREAM) if {*fields} >= {*info.profile.streams} else fields
    unknown = [name for name in fields if name not in columns]
    if unknown:
        raise UsageError(
            f"The ledger has no column {unknown[0]!r}.", f"Its columns are {', '.join(map(printable, columns))}."
        )
    return written_types(info.profile, columns, fields or columns)


def rows(snapshot: Snapshot, request: Export, types: Mapping[str, str], consume: Callable[[Batch], None]) -> None:
    """Pass the selected entries to `consume`, with the columns that rows (see `own_columns`) and manifest need."""
    names = batch_names(snapshot.info.profile, types)
    snapshot.select(list(dict.fromkeys([*names, *tally_columns(snapshot)])), request.selection, consume)


def _require_readable(snapshot: Snapshot, wanted: Selection) -> None:
    needed = [SEQUENCE]
    needed += [TIMESTAMP] if wanted.since or wanted.before else []
    needed += [VERDICT] if wanted.verdicts else []
    needed += ["rule_id"] if wanted.rule_id is not None else []
    reason = next(filter(None, map(snapshot.unreadable, needed)), None)
    if reason:
        raise SourceError(f"The entries cannot be read: {reason}.", "See what table_guard finds, or omit that filter.")


def entries(source: Source, request: Export) -> Iterator[dict[str, Any]]:
    """Yield the selected entries as dicts, in constant memory; the snapshot stays open as long as the iterator.

    Numbers are numbers, documents are parsed, and timestamps are text exactly as hashed.
    """
    with source.snapshot() as snapshot:
        types = field_types(snapshot, request)
        _require_readable(snapshot, request.selection)
        with BatchIterator(lambda consume: rows(snapshot, request, types, consume), snapshot.stop) as batches:
            for batch in batches:
                for row in json_rows(own_columns(snapshot.info.profile, batch, types), types):
                    yield _parsed(row.encode("latin-1"))


def _parsed(row: bytes) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise SourceError("An entry has a document or number too large for Python.", "Export to a file.") from error
    return entry


def _expected(snapshot: Snapshot, request: Export) -> int | None:
    is_counted = snapshot.info.profile.streams or request.selection.described()
    bounds = None if is_counted else snapshot.bounds()
    return bounds[1] - bounds[0] + 1 if bounds else None


@dataclass(frozen=True)
class _Layout:
    """How a format writes rows, and joins them: the text before the first, between two, and after the last.

    `tail` takes their number, and is None if each row is a line. `plan` is how the native core writes what `rows` does.
    """

    rows: Callable[[Batch], Iterator[str]]
    plan: Plan
    head: str
    between: str
    tail: Callable[[int], str] | None = None

    def text(self, batch: Batch, before: int) -> bytes:
        """Return the rows of a batch and what joins them to those before, of which there are so many."""
        found = batch.quick.written(self.plan, self.between.encode()) if batch.quick else None
        rows = self.between.join(self.rows(batch)).encode("latin-1") if found is None else found
        if self.tail is None:
            return b"%s%s\n" % (b"" if before else self.head.encode("latin-1"), rows)
        return b"%s%s" % ((self.between if before else self.head).encode("latin-1"), rows)

    def end(self, count: int) -> bytes:
        """Return what follows so many rows."""
        head = "" if count else self.head
        return f"{head}{self.tail(count) if self.tail else ''}".encode("latin-1")


def _layout(profile: Profile, request: Export, types: Mapping[str, str]) -> _Layout:
    def own_rows(rows: Callable[[Batch], Iterator[str]]) -> Callable[[Batch], Iterator[str]]:
        return lambda batch: rows(own_columns(profile, batch, types))

    if request.format == "csv":
        safe = request.excel_safe
        rows = own_rows(partial(csv_rows, types=types, excel_safe=safe))
        head = csv_head(list(types), excel_safe=safe)
        return _Layout(rows, csv_rows_plan(profile, types, excel_safe=safe), f"{head}\n", "\n")
    rows, plan = own_rows(partial(json_rows, types=types)), json_rows_plan(profile, types)
    if request.format == "jsonl":
        return _Layout(rows, plan, "", "\n")
    head = f'{{\n"export_date": "{_now()}",\n"entries": [\n'
    return _Layout(rows, plan, head, ",\n", lambda count: f'\n],\n"entry_count": {count}\n}}\n')


def _write(
    snapshot: Snapshot,
    request: Export,
    types: Mapping[str, str],
    draft: Draft,
    tally: EntryTally,
    advance: Callable[[int], None],
) -> Sequence[Mapping[str, int]]:
    """Write the entries, and return where the parts of a compressed file begin (see `sources/export_parts.py`)."""
    layout, tallied = _layout(snapshot.info.profile, request, types), tally_columns(snapshot)
    members = _Members(draft)
    with ExitStack() as files:
        files.callback(members.close)
        file = files.enter_context(BackgroundWriter(members if request.compressed else draft))

        def consume(batch: Batch) -> None:
            file.write(layout.text(batch, tally.entries))
            tally.count(batch, tallied)
            advance(len(batch))

        rows(snapshot, request, types, consume)
        file.write(layout.end(tally.entries))
    return members.parts if layout.tail is None else ()


class _Members:
    """Compresses what is written in members of gzip, which can be read one by one, and begin between two records."""

    def __init__(self, draft: Draft) -> None:
        self.parts: list[Mapping[str, int]] = []
        self._draft, self._line = draft, 1
        self._member: gzip.GzipFile | None = None
        self._left = 0

    def write(self, data: bytes) -> None:
        """Compress the text of whole records."""
        if self._member is None or (data and self._left <= 0):
            self.close()
            self.parts.append({"start": self._draft.size, "line": self._line})
            # without name and time, the same entries make the same bytes
            self._member = gzip.GzipFile(filename="", fileobj=self._draft, mode="wb", compresslevel=6, mtime=0)
            self._left = defaults.EXPORT_PART_BYTES
        self._member.write(data)
        self._left -= len(data)
        self._line += data.count(b"\n")

    def close(self) -> None:
        """End the member."""
        if self._member is not None:
            self._member.close()


def _stated_type(info: LedgerInfo, name: str) -> str:
    own_types = {SQL_PAYLOAD: "bytea", SAME_STREAM: "text"}
    return info.columns[name].type if name in info.columns else own_types[name]


def _now() -> str:
    return canonical_timestamp(datetime.now(timezone.utc))


def _source_filter(info: LedgerInfo) -> dict[str, str]:
    """Return why the source, itself an export, may lack entries; empty if it has all of them."""
    stated = info.export.manifest if info.export else None
    if info.export and stated and stated["sha256"] != info.export.sha256:
        return {"source": "an export that was changed after its manifest was written"}
    return {} if info.extent is Extent.WHOLE else {"source": info.extent.value}
