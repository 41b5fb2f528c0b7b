"""What the commands share: options, exit codes, and how they speak.

An option may also be written with the prefix that it has in pytest, `--ledger-table` for `--table`; what the command
prints names it without (see `wording.py`).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from pytest_audit_ledger.errors import LedgerError, OutputError, UsageError
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.output.progress_bar import progress_bar
from pytest_audit_ledger.output.wording import for_command
from pytest_audit_ledger.sources.named import DEFAULT_TABLE
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S

TAMPERED, WRONG_USAGE, NOT_DONE = 1, 2, 3


def exit_codes(
    done: str,
    wrong: str,
    usage: str = "wrong usage; nothing was done",
    unknown: str = "could not be verified, or done; this says nothing about tampering",
) -> str:
    """Return what `--help` says of exit codes: 0, 1 (empty where a command never ends so), 2 and 3."""
    told = {0: done, TAMPERED: wrong, WRONG_USAGE: usage, NOT_DONE: unknown}
    return "\n".join(["\b", "Exit codes:", *(f"  {code}  {words}" for code, words in told.items() if words)])


EXIT_CODES = exit_codes("verified, or done", "tampered with, or a critical check failed")

_CODES = {
    Assurance.ANCHORED.value: 0,
    Assurance.SELF_CONSISTENT.value: 0,
    Assurance.TAMPERED.value: TAMPERED,
    Assurance.UNVERIFIED.value: NOT_DONE,
}


def assurance_code(assurance: str) -> int:
    """Return how something ends that was to be verified."""
    return _CODES[assurance]


LONGEST_TIMEOUT_S = 2_147_483
"""What PostgreSQL takes, which counts milliseconds in 31 bits."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Aliased(click.Option):
    """An option whose name in pytest is taken as well, and left out of the help and of messages."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the names and the text that --help shows."""
        record = super().get_help_record(ctx)
        return record and (re.sub(r", --ledger-(?!db)[a-z-]+", "", record[0]), record[1])

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return what a message about the value calls it."""
        return re.sub(r" / '--ledger-(?!db)[a-z-]+'", "", super().get_error_hint(ctx))


def ledger_options(command: Command, *, required: bool = True) -> Command:
    """Add the options that every command has which reads a ledger; `required` tells whether one has to be named."""
    options = (
        click.option(
            "--ledger-db",
            "--source",
            "dsn",
            envvar="LEDGER_DSN",
            show_envvar=True,
            required=required,
            metavar="DSN",
            help="The ledger: a database, an export, or demo.",
        ),
    )
    return added(options, place_options(common_options(command)))


def place_options(command: Command) -> Command:
    """Add the options that say which table is read, and how long that may take."""
    options = (
        click.option(
            "--table",
            "--ledger-table",
            cls=Aliased,
            default=DEFAULT_TABLE,
            show_default=True,
            metavar="NAME",
            help="The ledger's table, as schema.table.",
        ),
        click.option(
            "--timeout",
            "--ledger-timeout",
            cls=Aliased,
            type=click.IntRange(1, LONGEST_TIMEOUT_S),
            default=DEFAULT_TIMEOUT_S,
            metavar="SECONDS",
            help=f"How long one statement may take on the server; a scan is one.  [default: {DEFAULT_TIMEOUT_S}]",
        ),
    )
    return added(options, command)


def common_options(command: Command) -> Command:
    """Add the options that every command has, also one that reads no ledger."""
    options = (
        click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors; the exit code says the rest."),
        click.option(
            "--no-color",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_no_color,
            help="Print without colours, as with the variable NO_COLOR, or where the output is no terminal.",
        ),
    )
    return added(options, command)


def added(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    """Add options to a command, so that the help shows them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def checkpoint_options(command: Command) -> Command:
    """Add the options that name the checkpoints to hold a ledger against."""
    options = (
        click.option(
            "--checkpoint",
            "--ledger-checkpoint",
            "checkpoints",
            cls=Aliased,
            multiple=True,
            metavar="DIR",
            help="Hold the ledger against every checkpoint in this folder; repeatable.",
        ),
        click.option(
            "--verifier-key",
            "--ledger-verifier-key",
            "verifier_keys",
            cls=Aliased,
            multiple=True,
            metavar="KEY|FILE",
            help="A key that checkpoints must be signed by, or a file that holds it; repeatable.",
        ),
        click.option(
            "--require-checkpoint",
            "--ledger-require-checkpoint",
            cls=Aliased,
            is_flag=True,
            help="Fail where a folder has no checkpoint.",
        ),
        click.option(
            "--max-unanchored",
            "--ledger-max-unanchored",
            cls=Aliased,
            metavar="ROWS|AGE",
            help="Fail where more entries (1000), or one for longer (24h), are in no checkpoint.",
        ),
    )
    return added(options, command)


def resumption_options(command: Command) -> Command:
    """Add the options that resume after a checkpoint, instead of reading every entry."""
    options = (
        click.option(
            "--since-checkpoint",
            "--ledger-since-checkpoint",
            cls=Aliased,
            is_flag=True,
            help="Read only the entries that are newer than the newest trusted checkpoint.",
        ),
        click.option(
            "--recheck",
            "--ledger-recheck",
            cls=Aliased,
            metavar="1/N",
            help="With it, re-read one of N shares of the older entries, another one each day: 1/30 for a month.",
        ),
    )
    return added(options, command)


def _no_color(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False


def progress(*, quiet: bool) -> Progress:
    """Return the progress to show on standard error; a bar shows itself on terminals only."""
    return no_progress if quiet or sys.stderr is None else progress_bar


def tell_error(message: str) -> None:
    """Say on standard error what went wrong; a password that was given in the wrong place does not show."""
    message = re.sub(r"(://[^\s:/@]*):\S*@", r"\1:***@", message)
    message = re.sub(r"(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", r"\1***", message)
    lines = [printable(line, 4000) for line in message.rstrip().split("\n")]
    with suppress(OSError):  # there is nowhere left to say it, and the exit code does
        click.echo("\n".join([f"Error: {lines[0]}", *lines[1:]]), err=True)


def tell(error: LedgerError) -> None:
    """Say on standard error what failed, and what to do, with the options of the command."""
    tell_error(f"{error.message} {for_command(error.remedy)}")


@contextmanager
def written() -> Iterator[None]:
    """Raise OutputError where standard output, or standard error, cannot be written."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        # the interpreter would complain when it flushes once more at its end
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise OutputError("The reader of standard output has gone, so not everything was written.") from None
        raise OutputError(
            f"Standard output could not be written: {error.strerror}.", "Make room there, or send it to another place."
        ) from None


@contextmanager
def outweighed_by(code: int) -> Iterator[None]:
    """Tell only, where tampering was found, that a result could not be written; an outage does not hide it."""
    try:
        with written():
            yield
    except LedgerError as error:
        if code != TAMPERED:
            raise
        tell(error)


def refuse_to_overwrite(output: str, *inputs: str) -> None:
    """Raise UsageError where a file that is read would be replaced by what is written."""
    for name in inputs:
        with suppress(OSError, ValueError):  # a DSN is no name of a file
            if Path(output).samefile(name):
                raise UsageError(f"{Path(output)} is read, and would be overwritten.", "Name another file to write to.")
