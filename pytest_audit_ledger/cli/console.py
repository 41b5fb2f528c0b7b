"""What the commands print, and the exit codes they end with."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from pytest_audit_ledger.commands import apart
from pytest_audit_ledger.errors import LedgerError, OutputError
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.output.progress_bar import progress_bar
from pytest_audit_ledger.output.wording import for_command

TAMPERED, WRONG_USAGE, NOT_DONE = 1, 2, 3

_CODES = {
    Assurance.ANCHORED.value: 0,
    Assurance.SELF_CONSISTENT.value: 0,
    Assurance.TAMPERED.value: TAMPERED,
    Assurance.UNVERIFIED.value: NOT_DONE,
}


def assurance_code(assurance: str) -> int:
    """Return the exit code for an assurance."""
    return _CODES[assurance]


def epilog(*examples: str, codes: str) -> str:
    """Return the end of a command's help: examples, and what its exit codes mean."""
    shown = "\n".join(f"  audit-ledger {example}" for example in examples)
    return f"\b\nExamples:\n{shown}\n\n{codes}" if examples else codes


def exit_codes(
    done: str,
    wrong: str,
    usage: str = "wrong usage; nothing was done",
    unknown: str = "could not be done; this does not mean tampering",
) -> str:
    """Return what `--help` says about the exit codes 0, 1 (empty if a command never ends so), 2 and 3."""
    meanings = {0: done, TAMPERED: wrong, WRONG_USAGE: usage, NOT_DONE: unknown}
    return "\n".join(["\b", "Exit codes:", *(f"  {code}  {words}" for code, words in meanings.items() if words)])


EXIT_CODES = exit_codes(
    "verified, or done",
    "tampering was found, or a critical check failed",
    unknown="could not be verified, or done; this does not mean tampering",
)


def progress(*, quiet: bool) -> Progress:
    """Return the progress to show on standard error; a bar shows itself on terminals only."""
    return no_progress if quiet or sys.stderr is None else progress_bar


def say_written(file: Written, *, err: bool = False) -> None:
    """Print the name, size and SHA-256 of a file that was written."""
    click.echo(f"{printable(file.path, 1000)}  {file.size:,} bytes  SHA-256 {file.sha256}", err=err)


def say_facts(facts: dict[str, Any]) -> None:
    """Print names and values, one pair a line."""
    for name, value in facts.items():
        click.echo(f"{name:<8} {printable(value, 1000)}")


def say_error(message: str) -> None:
    """Print an error on standard error, without a password that was given in the wrong place."""
    message = re.sub(r"(://[^\s:/@]*):\S*@", r"\1:***@", message)
    message = re.sub(r"(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", r"\1***", message)
    lines = [printable(line, 4000) for line in message.rstrip().split("\n")]
    with suppress(OSError):  # standard error is gone; the exit code still says it
        click.echo("\n".join([f"Error: {lines[0]}", *lines[1:]]), err=True)


def say_failure(error: LedgerError) -> None:
    """Print on standard error what failed and what to do, with the options as the command spells them."""
    say_error(f"{error.message} {apart(for_command(error.remedy))}")


@contextmanager
def writing() -> Iterator[None]:
    """Raise OutputError if standard output or standard error cannot be written."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        # otherwise the interpreter complains when it flushes standard output at its end
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise OutputError("The program that reads standard output ended, so the output is incomplete.") from error
        raise OutputError(
            f"Standard output could not be written: {error.strerror}.", "Make room there, or redirect it elsewhere."
        ) from error


@contextmanager
def outweighed_by(code: int) -> Iterator[None]:
    """If the exit code says tampering, only print that a result could not be written: an outage does not hide it."""
    try:
        with writing():
            yield
    except LedgerError as error:
        if code != TAMPERED:
            raise
        say_failure(error)
