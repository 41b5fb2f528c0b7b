"""`audit-ledger diff`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pytest_audit_ledger.backup.encryption import read_key
from pytest_audit_ledger.cli.backup import scratch_db_option
from pytest_audit_ledger.cli.options import (
    NOT_DONE,
    Aliased,
    common_options,
    outweighed_by,
    place_options,
    progress,
)
from pytest_audit_ledger.diff.comparison import diff as compare
from pytest_audit_ledger.diff.difference import ChangedEntry, Difference, SequenceRanges, as_json
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.model.printable import json_text, printable

DIFFERENT = 1

_EPILOG = """\b
Examples:
  audit-ledger diff ledger-2026-05.sql.gz service=ledger
  audit-ledger diff may.jsonl june.jsonl --format json
  audit-ledger diff ledger.dump.age env:LEDGER_DSN --identity key.txt

\b
Exit codes:
  0  nothing differs
  1  something does
  2  wrong usage; nothing was done
  3  could not be compared, or there was nothing to compare
"""


@click.command(epilog=_EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@place_options
@click.option(
    "--samples",
    "--ledger-samples",
    cls=Aliased,
    type=click.IntRange(min=1),
    default=DEFAULT_SAMPLES,
    show_default=True,
    metavar="N",
    help="Changed entries, and ranges of missing and added ones, that are shown; all are counted.",
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@click.option("--identity", "-i", metavar="FILE", help="The private key that opens a backup: of age-keygen, or of SSH.")
@click.option("--encryption-key", metavar="KEY", help="The passphrase that opens a backup: @FILE, env:NAME or prompt.")
@scratch_db_option
@common_options
def diff(
    a: str,
    b: str,
    table: str,
    timeout: int,
    samples: int,
    format_: str,
    identity: str | None,
    encryption_key: str | None,
    scratch_db: str | None,
    quiet: bool,
) -> int:
    """Compare two ledgers, A before and B after, entry by entry and column by column.

    Each is a database (a DSN, or env:NAME), a backup, which is restored for it, or an export. Both are read side by
    side in order of sequence number, with the columns that both have.
    """
    found = compare(
        a,
        b,
        table=table,
        timeout=timeout,
        samples=samples,
        identity=identity,
        encryption_key=read_key(encryption_key, confirmed=False) if encryption_key is not None else None,
        scratch_db=scratch_db,
        progress=progress(quiet=quiet),
    )
    code = _code(found)
    if not quiet:
        with outweighed_by(code):
            click.echo(json_text(as_json(found)) if format_ == "json" else "\n".join(_text(found)))
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
        yield f"\n… and {found.changed - len(found.changes):,} more that were changed (--samples)"
    yield from _absent("missing in B", found.missing)
    yield from _absent("added in B", found.added)
    yield ""
    yield from _summary(found)


def _change(change: ChangedEntry) -> Iterator[str]:
    yield f"\nentry {change.sequence_number}: {', '.join(map(printable, change.columns))}"
    for name, values in change.columns.items():
        for side, value in zip(("A", "B"), values, strict=True):
            yield f"  {printable(name)}  {side}  {'(missing)' if value is None else printable(value, 2000)}"


def _absent(words: str, runs: SequenceRanges) -> Iterator[str]:
    if runs.count:
        shown = runs.shown()
        ranges = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in shown)
        more = ", …" if len(runs.ranges) > len(shown) else ""
        yield f"\n{words}: {ranges}{more}"


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
