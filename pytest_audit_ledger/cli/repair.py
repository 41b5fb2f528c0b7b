"""`audit-ledger verify --repair`: plan, show, ask, and restore protections; an entry is never touched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.repair import Plan, apply, plan, script
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.verification import Verification

Answer = TypeVar("Answer")


def print_script(source: Source, *, quiet: bool) -> None:
    """Print the SQL that would restore what is missing; change nothing."""
    found = _planned(_database(source), quiet=quiet)
    if found.steps:
        click.echo(script(found).encode(), nl=False)  # in UTF-8 whatever the terminal takes: it is for psql to read


def restore(source: Source, *, confirmed: bool, quiet: bool) -> None:
    """Show what would be restored, have it confirmed, and restore it.

    Raises UsageError where it was not confirmed, SourceError where a step failed; those before it stay done.
    """
    database = _database(source)
    found = _planned(database, quiet=quiet)
    if not found.steps:
        return
    if not (quiet and confirmed):  # what is to be confirmed belongs to the question
        _say("To be restored:", *(f"  {number}. {step.what}" for number, step in enumerate(found.steps, 1)))
    if not confirmed:
        _confirm(database.table_label)
    try:
        _stoppable(lambda: apply(database, found))
    except KeyboardInterrupt:
        raise SourceError(
            "Interrupted during the repair. A step is taken whole or not at all, and no entry was touched.",
            "Repeat with --repair --dry-run to see which are left.",
        ) from None
    if not quiet:
        noun = "step was" if len(found.steps) == 1 else "steps were"
        _say(f"{len(found.steps)} {noun} taken. No entry was touched. Verifying anew:\n")


def tell_irreparable(verification: Verification) -> None:
    """Say so where something is wrong with the entries themselves."""
    wrong = [o.check_id for o in verification.outcomes if o.integrity and o.unit == "entries" and o.unexpected_count]
    if wrong:
        _say(
            f"\nWhat {', '.join(wrong)} found is in the entries, and nothing repairs those: an entry that was changed "
            "or removed can only be restored from a backup or export, by people, with the incident on record."
        )


def _database(source: Source) -> PostgresSource:
    if not isinstance(source, PostgresSource):
        raise UsageError("Only a database has protections to restore.", "Give the DSN of the ledger's database.")
    return source


def _planned(database: PostgresSource, *, quiet: bool) -> Plan:
    found = _stoppable(lambda: plan(database))
    if not quiet:
        _say(*(f"Cannot be restored: {words}" for words in found.impossible))
        if not found.steps:
            _say("There is no protection to restore." if not found.impossible else "Nothing else is to be restored.")
    return found


def _stoppable(action: Callable[[], Answer]) -> Answer:
    """Do something that Ctrl-C leaves at once; the server rolls back what a lost connection leaves open."""
    return interruptible(action)


def _confirm(table: str) -> None:
    what = f"Type {printable(table)}"
    click.echo(f"{what} to go on: ", nl=False, err=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer.endswith("\n"):
        _say("")  # the end of input leaves the cursor behind the question
    if answer.strip() != table:
        raise UsageError("This was not confirmed, so nothing was changed.", f"{what} when asked, or give --yes.")


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
