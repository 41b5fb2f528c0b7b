"""`audit-ledger export`."""

from __future__ import annotations

import click

from pytest_audit_ledger.cli.options import (
    EXIT_CODES,
    assurance_code,
    ledger_options,
    outweighed_by,
    progress,
    refuse_to_overwrite,
)
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.export.export import FORMATS, ExportResult
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.sources.selection import date_range as parse_range

_EPILOG = f"""\b
Examples:
  audit-ledger export --source service=ledger --output ledger.jsonl.gz --verify
  audit-ledger export --source service=ledger --output may.csv --date-range 2026-05-01,2026-05-31
  audit-ledger export --source service=ledger --output - --format jsonl --limit 10

{EXIT_CODES}
"""


@click.command(epilog=_EPILOG)
@ledger_options
@click.option("--output", "-o", required=True, metavar="FILE|-", help="Where to; - is standard output.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="How to write; by the suffix of the file where not given, and json where that says nothing.",
)
@click.option("--fields", metavar="A,B", help="The columns to export, in this order.  [default: all]")
@click.option(
    "--date-range", metavar="FROM,TO", help="Entries of these days (UTC, the end day included), or of full timestamps."
)
@click.option("--start-date", metavar="DATE", help="The first day, or timestamp; instead of --date-range.")
@click.option("--end-date", metavar="DATE", help="The last day, or timestamp, included.")
@click.option("--verdict-filter", metavar="V", help="Entries with this verdict only; several are parted by commas.")
@click.option("--rule-id", metavar="R", help="Entries of this rule only.")
@click.option("--limit", type=int, metavar="N", help="The first N entries only.")
@click.option("--excel-safe", is_flag=True, help="In CSV, put an apostrophe before what a spreadsheet would execute.")
@click.option(
    "--verify",
    is_flag=True,
    help="Verify the ledger in the same snapshot, note it in the manifest, and exit as verify does.",
)
def export(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    output: str,
    format_: str | None,
    fields: str | None,
    date_range: str | None,
    start_date: str | None,
    end_date: str | None,
    verdict_filter: str | None,
    rule_id: str | None,
    limit: int | None,
    excel_safe: bool,
    verify: bool,
) -> int:
    """Export entries, streamed, with a manifest beside the file.

    Timestamps are ISO 8601 in UTC, exactly as hashed. The file is written whole or not at all; beside it lies
    FILE.manifest.json with its SHA-256, what was selected and the head hash. `audit-ledger verify --ledger-db FILE`
    verifies an export without the database.
    """
    if date_range is not None:
        if start_date is not None or end_date is not None:
            raise UsageError("--date-range stands for --start-date and --end-date.", "Give it, or them.")
        start_date, end_date = parse_range(date_range)
    refuse_to_overwrite(output, resolve(dsn))
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        result = ledger.export_entries(
            output_file=output,
            format=format_,
            fields=fields,
            start_date=start_date,
            end_date=end_date,
            verdict_filter=verdict_filter,
            rule_id=rule_id,
            limit=limit,
            excel_safe=excel_safe,
            verify=verify,
        )
    code = assurance_code(result.manifest["assurance"]) if verify else 0
    if not quiet:
        with outweighed_by(code):
            _tell(result, aside=output == "-", verified=verify)
    return code


def _tell(result: ExportResult, *, aside: bool, verified: bool) -> None:
    noun = "entry" if result.entry_count == 1 else "entries"
    click.echo(f"Exported {result.entry_count:,} {noun}.", err=aside)
    if verified:
        click.echo(
            f"{result.manifest['assurance']}: {printable(result.manifest['assurance_meaning'], 2000)}", err=aside
        )
    for file in result.files:
        click.echo(f"{printable(file.path, 1000)}  {file.size:,} bytes  SHA-256 {file.sha256}")
