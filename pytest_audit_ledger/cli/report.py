"""`audit-ledger report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_audit_ledger.cli.console import EXIT_CODES, epilog, outweighed_by, say_written
from pytest_audit_ledger.cli.options import READING, LedgerCommand, Reading, options
from pytest_audit_ledger.cli.verification import VERIFYING, exit_code, refuse_early
from pytest_audit_ledger.files.stores import path_of
from pytest_audit_ledger.files.writing import refuse_existing
from pytest_audit_ledger.output.tone import headlines, tone_of
from pytest_audit_ledger.report import refuse_suffix, report_request
from pytest_audit_ledger.suite.profile_choice import chosen_profile

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.parameters import Verifying

_EPILOG = epilog(
    "report --source service=ledger --output report.html",
    "report --source service=ledger --output may.html \\\n      --start-date 2026-05-01 --end-date 2026-05-31",
    "report --source service=ledger --output verdicts.md \\\n      --include-verdicts --include-violations",
    codes=EXIT_CODES,
)


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@options("report", READING, VERIFYING)
def report(reading: Reading, verifying: Verifying, output: str, force: bool, **what: Any) -> int:
    """Verify a ledger, and report on a period of it.

    Verifies the whole ledger, whatever the period. Includes all sections unless you choose some with --include-...
    options. Writes the report whatever was found; the exit code is that of verify.
    """
    refuse_suffix(output)
    refuse_existing(path_of(output), force=force)
    cover = {name: what[name] for name in ("start_date", "end_date", "title", "organization", "time_zone")}
    report_request(**cover, profile=chosen_profile(reading.profile))
    refuse_early(reading.ledger_db, verifying["suites"], output)
    with reading.open() as ledger:
        made = ledger.generate_report(**what, **verifying)
        code = exit_code(made.verification, allow_empty=verifying["allow_empty"])
        with outweighed_by(code):
            written = ledger.save_report(made, output, force=force)
            if not reading.quiet:
                verification = made.verification
                colour = tone_of(verification).value
                for line in headlines(verification):
                    click.secho(line, fg=colour)
                say_written(written)
    return code
