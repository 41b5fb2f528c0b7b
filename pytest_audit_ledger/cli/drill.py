"""`audit-ledger drill`."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from pytest_audit_ledger.cli.console import NOT_DONE, TAMPERED, epilog, exit_codes, outweighed_by, progress, say_written
from pytest_audit_ledger.cli.options import LedgerCommand, given_to, options
from pytest_audit_ledger.cli.verification import SET_UP, marks, refuse_early, width
from pytest_audit_ledger.drill.attacks.catalogue import choose, installed_attacks
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix
from pytest_audit_ledger.drill.matrix_files import SUFFIXES, as_text, save
from pytest_audit_ledger.drill.matrix_text import CLAIMS_HOLD, TITLE, listing, mark, text
from pytest_audit_ledger.drill.run_drill import run_drill
from pytest_audit_ledger.files.writing import refuse_suffix
from pytest_audit_ledger.output.verification_text import Marks
from pytest_audit_ledger.output.wording import for_command, verification_for_command

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.parameters import SettingUp

_EPILOG = epilog(
    "drill",
    "drill --source service=ledger --output drill.html",
    "drill --source service=ledger \\\n      --checkpoint checkpoints --verifier-key verifier.key",
    "drill --attack edit --attack edit-and-rewrite --entries 100",
    "drill --list",
    codes=exit_codes(
        "done; every attack that a check claims to notice was noticed",
        "a check missed an attack that it claims to notice",
        unknown="an attack could not be made or judged, or none could",
    ),
)


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@options("drill", SET_UP)
def drill(
    ledger_db: str | None,
    set_up: SettingUp,
    attacks: tuple[str, ...],
    list_: bool,
    output: str | None,
    format_: str,
    quiet: bool,
    **how: Any,
) -> int:
    """Attack a copy of a ledger, and see what you would notice.

    Copies the first entries and the table's protections into a scratch database, or makes a sample ledger if none is
    named. The ledger itself is only read. Each attack gets a copy of its own, which is then verified with your suites,
    checkpoints and keys. Checkpoints of a whole ledger cannot match a copy, so the copy gets its own.
    """
    if list_:
        click.echo(listing(choose(attacks, installed_attacks()), width()))
        return 0
    if output is not None:
        refuse_suffix(output, SUFFIXES)
    refuse_early(ledger_db, set_up["suites"], output)
    matrix = run_drill(ledger_db, attacks=attacks, progress=progress(quiet=quiet), **how, **set_up)
    matrix = matrix_for_command(matrix.naming(given_to(click.get_current_context())))
    code = exit_code(matrix)
    with outweighed_by(code), ExitStack() as last:
        if output is not None:  # also if printing fails
            last.callback(_write, matrix, output, quiet=quiet)
        if not quiet:
            _print(matrix, format_)
    return code


def exit_code(matrix: Matrix) -> int:
    """Return 1 if an attack was missed, 3 if one could not be made or judged, or none could, otherwise 0."""
    if matrix.with_verdict(AttackResult.MISSED):
        return TAMPERED
    return 0 if matrix.claims_hold else NOT_DONE


def matrix_for_command(matrix: Matrix) -> Matrix:
    """Return a matrix whose advice spells the options as the command does."""
    trials = tuple(replace(trial, remedy=for_command(trial.remedy)) for trial in matrix.trials)
    advice = tuple(map(for_command, matrix.advice))
    return replace(matrix, advice=advice, untouched=verification_for_command(matrix.untouched), trials=trials)


def _print(matrix: Matrix, format_: str) -> None:
    if format_ == "json":
        click.echo(as_text(matrix))
        return
    shown = marks()
    for line in text(matrix, shown, width()).split("\n"):
        heading = line in (TITLE, matrix.sentence) or bool(re.match(r"[A-Z ]+: ", line))
        click.secho(line, fg=_colour(line, matrix, shown), bold=heading or None)


def _colour(line: str, matrix: Matrix, shown: Marks) -> str | None:
    """Return the colour of the mark that a line carries, or of the result that it starts with."""
    if line and line in matrix.sentence:
        return matrix.gravest.colour or None
    if line.startswith(CLAIMS_HOLD):
        return AttackResult.NOTICED.colour
    starts = ((one.colour, (f"{mark(one, shown)} ", f"{one.value.upper()}: ")) for one in AttackResult if one.colour)
    return next((colour for colour, words in starts if line.startswith(words)), None)


def _write(matrix: Matrix, output: str, *, quiet: bool) -> None:
    written = save(matrix, output)
    if not quiet:
        say_written(written, err=True)
