"""Compare trusted checkpoints with a ledger, and with each other. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from pytest_audit_ledger.checkpoints.merkle import CompactRange
from pytest_audit_ledger.checkpoints.note import encode
from pytest_audit_ledger.checkpoints.positions import within
from pytest_audit_ledger.checkpoints.prefixes import Prefixes
from pytest_audit_ledger.checkpoints.record import CheckpointRecord
from pytest_audit_ledger.checkpoints.store import Trusted
from pytest_audit_ledger.model.batch import shown
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.profile import HASH, Profile
from pytest_audit_ledger.model.profile_coverage import all_hashed_columns


@dataclass
class Comparison:
    """The findings, the checkpoints that the ledger matches, and those that could not be compared."""

    findings: list[Finding] = field(default_factory=list)
    matching: list[Trusted] = field(default_factory=list)
    unknown: list[Trusted] = field(default_factory=list)

    @property
    def newest(self) -> Trusted | None:
        """The largest checkpoint that the ledger matches."""
        return self.matching[-1] if self.matching else None


def compare(
    signed: Sequence[Trusted],
    prefixes: Prefixes,
    last: int,
    *,
    whole: bool = True,
    after: int = 0,
    has_streams: bool = False,
) -> Comparison:
    """Compare every checkpoint, in order of size, with the tree over the same number of entries.

    `last`: the highest position. `whole`: whether every entry of the ledger could be read; if not, an unknown
    tree proves nothing. `after`: the tree was already known up to this entry, so smaller checkpoints are compared only
    with each other. `has_streams`: whether positions are those in the order of writing.
    """
    trusted = [one for one in signed if one.size >= after]
    matching = [one for one in trusted if prefixes.root(one.size) == one.checkpoint.root]
    found = Comparison(list(_equivocations(signed)), matching)
    proven = found.newest.size if found.newest else 0
    above = [one for one in trusted if one.size > proven]
    if not whole:
        found.unknown = [one for one in above if prefixes.root(one.size) is None]
    longer = [one for one in above if one.size > last and one not in found.unknown]
    other = [one for one in above if one not in longer and one not in found.unknown]
    found.findings += [_contradiction(one, found.newest) for one in _contradicting(trusted, matching) if found.newest]
    if longer:
        found.findings.append(_truncated(longer[-1], last, proven, has_streams=has_streams))
    if other:
        found.findings.append(_rewritten(other[0], proven, prefixes.root(other[0].size), has_streams=has_streams))
    return found


def _equivocations(trusted: Sequence[Trusted]) -> Iterator[Finding]:
    for size, same in groupby(trusted, lambda one: one.size):
        by_root = {one.checkpoint.root: one for one in same}
        for one, other in pairwise(by_root.values()):
            yield Finding(
                "EQUIVOCATION",
                f"two signed checkpoints of {size:,} entries have different roots, so two ledgers were "
                f"signed; keep both files as proof: {one.path} and {other.path}",
                None,
                encode(one.checkpoint.root),
                encode(other.checkpoint.root),
            )


def _contradicting(trusted: Sequence[Trusted], matching: Sequence[Trusted]) -> list[Trusted]:
    """Return the checkpoints that do not match, although the ledger matches a larger one."""
    sizes = {one.size for one in matching}
    proven = max(sizes, default=0)
    return [one for one in trusted if one.size < proven and one.size not in sizes]


def _contradiction(one: Trusted, newest: Trusted) -> Finding:
    message = (
        f"the ledger matches {newest.path}, but not the smaller checkpoint of {one.size:,} entries, so two different "
        f"ledgers were signed; keep both files as proof: {one.path} and {newest.path}"
    )
    return Finding("EQUIVOCATION", message, None, encode(newest.checkpoint.root), encode(one.checkpoint.root))


@dataclass(frozen=True)
class RecordedRows:
    """From a record: the number of entries, the name and type of every column, and the root over all of them."""

    size: int
    columns: Mapping[str, str]
    root: bytes
    created_at: str


def recorded_rows(recorded: Sequence[tuple[str, CheckpointRecord]]) -> dict[str, RecordedRows]:
    """Return the recorded rows of checkpoints, by the checkpoint's path.

    Records with the same columns share them: there may be thousands of records.
    """
    shared: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
    found = {}
    for path, record in recorded:
        columns = shared.setdefault(tuple(record.columns.items()), record.columns)
        found[path] = RecordedRows(record.checkpoint.size, columns, record.rows.root(), record.created_at)
    return found


def compare_rows(
    recorded: Mapping[str, RecordedRows], roots: Mapping[str, bytes | None], profile: Profile
) -> tuple[int, list[Finding]]:
    """Compare every record, by its path, with the root over all columns of the same number of entries.

    The entries themselves must match the checkpoints. Return up to which entry all columns are unchanged, and the
    findings.
    """
    proven = max((rows.size for path, rows in recorded.items() if roots[path] == rows.root), default=0)
    other = sorted((rows.size, path) for path, rows in recorded.items() if roots[path] != rows.root)
    return proven, [_row_changed(path, recorded[path], proven, profile) for _, path in other[:1]]


def compare_pieces(reread: Iterable[Reread], path: str, columns: Iterable[str], profile: Profile) -> list[Finding]:
    """Return the findings in the re-read pieces of the checkpoint at `path`."""
    findings = []
    for piece in reread:
        first, last = piece.signed.begin + 1, piece.signed.end
        entry = within(first, last, "at least one entry", has_streams=bool(profile.streams))
        if piece.entries.range(last) != piece.signed or piece.count != last - piece.signed.begin:
            message = f"{entry} was changed, removed or inserted since {path} was signed: its Merkle root differs"
            findings.append(Finding("REWRITTEN", message))
        elif piece.rows is not None and piece.rows.range(last) != piece.signed_rows:
            findings.append(Finding("UNCOVERED_CHANGED", _uncovered_changed(entry, path, columns, profile)))
    return findings


@dataclass
class Reread:
    """A piece of a checkpoint, and the trees over the entries as they are now.

    `signed` and `signed_rows` are from the record; `rows` is None if some of its columns are missing now.
    """

    signed: CompactRange
    signed_rows: CompactRange
    entries: Prefixes
    rows: Prefixes | None
    count: int = 0
    """The entries that are there now."""


def _row_changed(path: str, rows: RecordedRows, proven: int, profile: Profile) -> Finding:
    """Return a finding with the range of the change: any entry up to the record's size if a larger record matches."""
    before = proven if proven < rows.size else 0
    entry = within(before + 1, rows.size, "at least one entry", has_streams=bool(profile.streams))
    return Finding("UNCOVERED_CHANGED", _uncovered_changed(entry, path, rows.columns, profile))


def _uncovered_changed(entry: str, path: str, columns: Iterable[str], profile: Profile) -> str:
    # a leaf is recomputed, so it covers no stored hash
    hashed = all_hashed_columns(profile) - {profile.column(HASH)}
    uncovered = [name for name in sorted(columns) if name not in hashed]
    return (
        f"{entry} was changed since {path} was signed, in at least one of these columns, which no entry hash covers: "
        f"{', '.join(uncovered)}"
    )


def _truncated(one: Trusted, last: int, proven: int, *, has_streams: bool) -> Finding:
    count = one.size - last
    expected, actual = f"{one.size:,} entries or more", f"the last entry is {last:,}"
    if has_streams:  # the entries after a missing one have other positions
        what = "1 entry is" if count == 1 else f"{count:,} entries are"
        where = f" after position {proven:,} in the order of writing" if proven else ""
        message = f"{what} missing{where}: {one.size:,} were in the ledger when {one.path} was signed"
        return Finding("TRUNCATED", message, None, expected, f"{last:,} entries")
    missing = (
        f"the last entry, {one.size:,}, is missing; it was"
        if count == 1
        else f"{count:,} entries are missing at the end: {last + 1:,} to {one.size:,}; they were"
    )
    message = f"{missing} in the ledger when {one.path} was signed"
    return Finding("TRUNCATED", message, last + 1, expected, actual)


def _rewritten(one: Trusted, proven: int, root: bytes | None, *, has_streams: bool) -> Finding:
    entry = within(proven + 1, one.size, "an entry", has_streams=has_streams)
    message = (
        f"{entry} was changed, removed or inserted since {one.path} was signed: the Merkle root over the first "
        f"{one.size:,} entries differs"
    )
    recomputed = encode(root) if root is not None else "none, because entries are missing or numbered twice"
    return Finding("REWRITTEN", message, None, encode(one.checkpoint.root), recomputed)


def compare_streams(signed: Mapping[str, int], heads: Mapping[str, int], path: str) -> Iterator[Finding]:
    """Yield the streams of the record next to the checkpoint at `path` that end early, or are gone.

    Both give the highest number of each stream, by its JSON text.
    """
    for stream, number in signed.items():
        last = heads.get(stream)
        if last is not None and last >= number:
            continue
        name = shown(stream)
        what = f"the stream {name} is missing" if last is None else f"the stream {name} ends with number {last:,}"
        message = f"{what}; it had number {number:,} when {path} was signed"
        first = None if last is None else last + 1
        yield Finding("TRUNCATED", message, first, f"number {number:,} or more", str(last or "none"), stream=name)
