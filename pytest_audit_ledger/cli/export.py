"""`audit-ledger export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_audit_ledger.cli.console import EXIT_CODES, assurance_code, epilog, outweighed_by, say_written
from pytest_audit_ledger.cli.options import READING, LedgerCommand, Reading, options, refuse_to_overwrite
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.selection import date_range as parse_range

if TYPE_CHECKING:
    from pytest_audit_ledger.export.export import ExportResult

_EPILOG = epilog(
    "export --source service=ledger --output may.jsonl.gz --verify",
    "export --source service=ledger --output may.csv \\\n      --date-range 2026-05-01,2026-05-31",
    "export --source service=ledger --output - --limit 10",
    codes=EXIT_CODES,
)


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@options("export", READING)
def export(reading: Reading, output: str, format_: str | None, date_range: str | None, **what: Any) -> int:
    """Export entries, with a manifest next to the file.

    Streams the entries in constant memory. Timestamps are ISO 8601 in UTC, exactly as hashed. The file is written whole
    or not at all. FILE.manifest.json holds its SHA-256, what was selected, and the head hash. `audit-ledger verify
    --ledger-db FILE` verifies an export without the database.
    """
    if date_range is not None:
        if what["start_date"] is not None or what["end_date"] is not None:
            raise UsageError("--date-range replaces --start-date and --end-date.", "Give one or the other.")
        what["start_date"], what["end_date"] = parse_range(date_range)
    refuse_to_overwrite(output, [Dsn(reading.ledger_db).resolved().reveal()])
    with reading.open() as ledger:
        result = ledger.export_entries(output_file=output, format=format_, **what)
    verified = what["verify"]
    code = assurance_code(result.manifest["assurance"]) if verified else 0
    if not reading.quiet:
        with outweighed_by(code):
            _print(result, err=output == "-", verified=verified)
    return code


def _print(result: ExportResult, *, err: bool, verified: bool) -> None:
    """Print what was exported; on standard error if standard output carries the entries."""
    noun = "entry" if result.entry_count == 1 else "entries"
    click.echo(f"Exported {result.entry_count:,} {noun}.", err=err)
    if verified:
        meaning = printable(result.manifest["assurance_meaning"], 2000)
        click.echo(f"{result.manifest['assurance']}: {meaning}", err=err)
    for file in result.files:
        say_written(file)
