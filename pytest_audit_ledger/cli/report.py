"""`audit-ledger report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.cli.options import EXIT_CODES, ledger_options, outweighed_by, progress
from pytest_audit_ledger.cli.verification import (
    check_timestamps_option,
    exit_code,
    refuse_early,
    verification_options,
)
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.report import refuse_suffix, report_request

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.run import Verifying

_EPILOG = f"""\b
Examples:
  audit-ledger report --source service=ledger --output report.html
  audit-ledger report --source service=ledger --output may.html --start-date 2026-05-01 --end-date 2026-05-31
  audit-ledger report --source service=ledger --output verdicts.md --include-verdicts --include-violations

{EXIT_CODES}
"""


@click.command(epilog=_EPILOG)
@ledger_options
@click.option("--output", "-o", required=True, metavar="FILE", help="Where to: .html, .json or .md.")
@click.option("--start-date", metavar="DATE", help="The first day of the period (UTC), or a full timestamp.")
@click.option("--end-date", metavar="DATE", help="Its last day, or timestamp, included.")
@click.option("--include-verdicts", is_flag=True, help="Verdict distribution, against the preceding period.")
@click.option("--include-violations", is_flag=True, help="Violations, remediation and escalations.")
@click.option("--include-timeline", is_flag=True, help="Entries over time, by verdict.")
@click.option("--include-audit-trail", is_flag=True, help="Every check with its findings, controls and waivers.")
@click.option("--investigate", is_flag=True, help="Where the ledger does not verify, say what happened to it, too.")
@click.option("--title", metavar="T", help="The title on the cover.")
@click.option("--organization", metavar="O", help="The organization on the cover.")
@check_timestamps_option
@verification_options
def report(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    output: str,
    start_date: str | None,
    end_date: str | None,
    include_verdicts: bool,
    include_violations: bool,
    include_timeline: bool,
    include_audit_trail: bool,
    investigate: bool,
    title: str | None,
    organization: str | None,
    verifying: Verifying,
) -> int:
    """Verify a ledger, and report on a period of it.

    Without any --include-... option all sections are in. The whole ledger is verified, whatever the period. The report
    is written whatever was found, and the exit code is that of verify.
    """
    refuse_suffix(output)
    report_request(start_date=start_date, end_date=end_date, title=title, organization=organization)
    refuse_early(dsn, verifying["suites"], output)
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        made = ledger.generate_report(
            start_date=start_date,
            end_date=end_date,
            include_verdicts=include_verdicts,
            include_violations=include_violations,
            include_timeline=include_timeline,
            include_audit_trail=include_audit_trail,
            investigate=investigate,
            title=title,
            organization=organization,
            **verifying,
        )
        code = exit_code(made.verification, allow_empty=verifying["allow_empty"])
        with outweighed_by(code):
            written = ledger.save_report(made, output)
            if not quiet:
                verification = made.verification
                click.echo(f"{verification.assurance.value}: {printable(verification.sentence, 2000)}")
                click.echo(f"{printable(written.path, 1000)}  {written.size:,} bytes  SHA-256 {written.sha256}")
    return code
