"""`audit-ledger diff`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pytest_audit_ledger.cli.backup import OPENING
from pytest_audit_ledger.cli.console import NOT_DONE, epilog, exit_codes, outweighed_by, progress
from pytest_audit_ledger.cli.options import LedgerCommand, options
from pytest_audit_ledger.differences.comparison import diff as compare
from pytest_audit_ledger.differences.difference import as_json
from pytest_audit_ledger.model.difference import ChangedEntry, Difference, SequenceRanges
from pytest_audit_ledger.model.printable import ascii_json, printable
from pytest_audit_ledger.suite.profile_choice import chosen_profile

if TYPE_CHECKING:
    from pytest_audit_ledger.cli.backup import Opening

DIFFERENT = 1

_EPILOG = epilog(
    "diff ledger-2026-05.sql.gz service=ledger",
    "diff may.jsonl june.jsonl --format json",
    "diff ledger.dump.age env:LEDGER_DSN --identity key.txt",
    codes=exit_codes(
        "nothing differs",
        "something differs",
        unknown="could not be compared, or there was nothing to compare",
    ),
)


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@options("diff", OPENING)
def diff(a: str, b: str, opening: Opening, profile: str | None, format_: str, quiet: bool, **reading: Any) -> int:
    """Compare two ledgers, A before and B after.

    Each is a database (a DSN, or env:NAME), a backup, which is restored for this, or an export. Both are read next to
    each other in the order of sequence numbers, and compared entry by entry, in the columns that both have.
    """
    known = chosen_profile(profile)
    found = compare(a, b, profile=known, progress=progress(quiet=quiet), **opening, **reading)
    code = _code(found)
    if not quiet:
        with outweighed_by(code):
            click.echo(ascii_json(as_json(found)) if format_ == "json" else "\n".join(_text(found)))
    return code


def _code(found: Difference) -> int:
    if not found.is_same:
        return DIFFERENT
    return 0 if found.compared else NOT_DONE


def _text(found: Difference) -> Iterator[str]:
    for name, side in (("A", found.a), ("B", found.b)):
        table = f", table {printable(side.info.table)}" if side.info.table else ""
        yield f"{name}  {printable(side.label, 1000)}{table}"
    for change in found.changes:
        yield from _change(change)
    if found.changed > len(found.changes):
        yield f"\n… and {found.changed - len(found.changes):,} more changed entries (--samples shows more)"
    yield from _absent("missing in B", found.missing)
    yield from _absent("added in B", found.added)
    yield ""
    yield from _summary(found)


def _change(change: ChangedEntry) -> Iterator[str]:
    stream = f" of {printable(change.stream)}" if change.stream else ""
    yield f"\nentry {change.sequence_number}{stream}: {', '.join(map(printable, change.columns))}"
    for name, values in change.columns.items():
        for side, value in zip(("A", "B"), values, strict=True):
            yield f"  {printable(name)}  {side}  {'(missing)' if value is None else printable(value, 2000)}"


def _absent(words: str, runs: SequenceRanges) -> Iterator[str]:
    if runs.count:
        shown = runs.in_streams()
        ranges = ", ".join(map(_range, *zip(*shown, strict=True)))
        more = ", …" if len(runs.ranges) > len(shown) else ""
        yield f"\n{words}: {ranges}{more}"


def _range(stream: str, first: int | None, last: int | None) -> str:
    numbers = f"{first}" if first == last else f"{first} to {last}"
    return f"{numbers} of {printable(stream)}" if stream else numbers


def _summary(found: Difference) -> Iterator[str]:
    counts = {
        "the same": found.same,
        "changed": found.changed,
        "missing in B": found.missing.count,
        "added in B": found.added.count,
        "in one only, which cannot be judged": found.unjudged,
    }
    told = {words: count for words, count in counts.items() if count or words in ("the same", "changed")}
    yield f"Entries: {', '.join(f'{count:,} {words}' for words, count in told.items())}."
    if found.changed_columns:
        columns = (f"{printable(name)} {count:,}" for name, count in found.changed_columns.most_common())
        yield f"Changed columns: {', '.join(columns)}."
    for name, columns_of_one in (("A", found.only_in_a), ("B", found.only_in_b)):
        if columns_of_one:
            yield f"Not compared, because only {name} has them: {', '.join(map(printable, columns_of_one))}."
    yield from map(printable, found.notes)
    if not found.compared and found.is_same:
        yield "No entry is in both, so nothing was compared."
