"""`audit-ledger drill`."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.cli.backup import scratch_db_option
from pytest_audit_ledger.cli.options import (
    NOT_DONE,
    TAMPERED,
    ledger_options,
    outweighed_by,
    progress,
)
from pytest_audit_ledger.cli.verification import check_timestamps_option, marks, refuse_early, set_up_options
from pytest_audit_ledger.drill.attacks.catalogue import choose, installed_attacks
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix
from pytest_audit_ledger.drill.matrix_files import SUFFIXES, as_text, save
from pytest_audit_ledger.drill.matrix_text import CLAIMS_HOLD, COLOURS, TITLE, listing, mark, text
from pytest_audit_ledger.drill.run_drill import run_drill
from pytest_audit_ledger.drill.trials import DEFAULT_ENTRIES, FEWEST_ENTRIES
from pytest_audit_ledger.files.writing import refuse_suffix
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.paragraphs import LOG, WIDEST
from pytest_audit_ledger.output.verification_text import Marks
from pytest_audit_ledger.output.wording import for_command, verification_for_command

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.run import SettingUp

_EPILOG = """\b
Examples:
  audit-ledger drill
  audit-ledger drill --source service=ledger --output drill.html
  audit-ledger drill --source service=ledger --checkpoint checkpoints --verifier-key verifier.key
  audit-ledger drill --attack edit --attack edit-and-rewrite --entries 100
  audit-ledger drill --list

\b
Exit codes:
  0  done; every attack that a check claims to notice was noticed
  1  an attack was missed that a check claims to notice
  2  wrong usage; nothing was done
  3  an attack could not be made or judged, or none could
"""


@click.command(epilog=_EPILOG)
@partial(ledger_options, required=False)
@click.option(
    "--entries",
    type=click.IntRange(min=FEWEST_ENTRIES),
    default=DEFAULT_ENTRIES,
    show_default=True,
    metavar="N",
    help="The first entries to copy, or how many to make.",
)
@click.option(
    "--attack", "attacks", multiple=True, metavar="NAME", help="An attack to make; repeatable. Otherwise all."
)
@click.option("--list", "listed", is_flag=True, help="List the attacks, and make none.")
@check_timestamps_option
@set_up_options
@scratch_db_option
@click.option("--output", "-o", metavar="FILE", help="Write the result to a file as well: .html, .json or .txt.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
def drill(
    dsn: str | None,
    table: str,
    timeout: int,
    quiet: bool,
    entries: int,
    attacks: tuple[str, ...],
    listed: bool,
    set_up: SettingUp,
    scratch_db: str | None,
    output: str | None,
    format_: str,
) -> int:
    """Attack a copy of a ledger in every way we know, and say what your set-up would notice.

    The ledger is only read: its first entries and what guards them are copied into a scratch database, or a ledger is
    made where none is named. Each attack is made on a copy of its own, and that copy verified with the suites,
    checkpoints and keys that are given. Checkpoints of a whole ledger say nothing of a copy, so the copy gets its own.
    """
    if listed:
        click.echo(listing(choose(attacks, installed_attacks()), _width()))
        return 0
    if output is not None:
        refuse_suffix(output, SUFFIXES)
    refuse_early(dsn or "", set_up["suites"], output)
    matrix = run_drill(
        dsn,
        table=table,
        timeout=timeout,
        entries=entries,
        attacks=attacks,
        scratch_db=scratch_db,
        progress=progress(quiet=quiet),
        **set_up,
    )
    matrix = matrix_for_command(matrix)
    code = exit_code(matrix)
    with outweighed_by(code), ExitStack() as last:
        if output is not None:  # also where printing fails
            last.callback(_write, matrix, output, quiet=quiet)
        if not quiet:
            _print(matrix, format_)
    return code


def exit_code(matrix: Matrix) -> int:
    """Return 1 where an attack was missed, 3 where one, or none, could be made or judged, and 0 otherwise."""
    if matrix.with_verdict(AttackResult.MISSED):
        return TAMPERED
    return 0 if matrix.claims_hold else NOT_DONE


def matrix_for_command(matrix: Matrix) -> Matrix:
    """Return a matrix whose advice names the options as the command has them."""
    trials = tuple(replace(trial, remedy=for_command(trial.remedy)) for trial in matrix.trials)
    advice = tuple(map(for_command, matrix.advice))
    return replace(matrix, advice=advice, untouched=verification_for_command(matrix.untouched), trials=trials)


def _width() -> int:
    """Return how wide the terminal is, or COLUMNS says."""
    return min(shutil.get_terminal_size((LOG, 24)).columns, WIDEST)


def _print(matrix: Matrix, format_: str) -> None:
    if format_ == "json":
        click.echo(as_text(matrix))
        return
    shown = marks()
    for line in text(matrix, shown, _width()).split("\n"):
        heading = line in (TITLE, matrix.sentence) or bool(re.match(r"[A-Z ]+: ", line))
        click.secho(line, fg=_colour(line, matrix, shown), bold=heading or None)


def _colour(line: str, matrix: Matrix, shown: Marks) -> str | None:
    """Return the colour of the mark that a line carries, or of the verdict that stands at its head."""
    if line and line in matrix.sentence:
        return COLOURS.get(matrix.gravest)
    if line.startswith(CLAIMS_HOLD):
        return COLOURS[AttackResult.NOTICED]
    for verdict, colour in COLOURS.items():
        if line.startswith((f"{mark(verdict, shown)} ", f"{verdict.value.upper()}: ")):
            return colour
    return None


def _write(matrix: Matrix, output: str, *, quiet: bool) -> None:
    written = save(matrix, output)
    if not quiet:
        click.echo(f"{printable(written.path, 1000)}  {written.size:,} bytes  SHA-256 {written.sha256}", err=True)
