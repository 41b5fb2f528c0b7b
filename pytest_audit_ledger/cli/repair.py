"""`audit-ledger verify --repair`: plan, show, ask, and restore protections; an entry is never touched."""

from __future__ import annotations

import click

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.repair import Plan, apply, plan, script
from pytest_audit_ledger.sources.base import Source
from pytest_audit_ledger.sources.postgres import PostgresSource


def print_script(source: Source) -> None:
    """Print the SQL that would restore what is missing; change nothing."""
    found = plan(_database(source))
    _tell_impossible(found)
    if found.steps:
        click.echo(script(found), nl=False)
    else:
        click.echo("There is no protection to restore.", err=True)


def restore(source: Source, *, confirmed: bool) -> None:
    """Show what would be restored, have it confirmed, and restore it.

    Raises UsageError where it was not confirmed, SourceError where a step failed; those before it stay done.
    """
    database = _database(source)
    found = plan(database)
    _tell_impossible(found)
    if not found.steps:
        click.echo("There is no protection to restore.", err=True)
        return
    click.echo("To be restored:", err=True)
    for number, step in enumerate(found.steps, 1):
        click.echo(f"  {number}. {step.what}", err=True)
    if not confirmed:
        _confirm(database.table_label)
    apply(database, found)
    noun = "step was" if len(found.steps) == 1 else "steps were"
    click.echo(f"{len(found.steps)} {noun} taken. No entry was touched. Verifying anew:\n", err=True)


def tell_irreparable(verification: Verification) -> None:
    """Say so where something is wrong with the entries themselves."""
    wrong = [o.check_id for o in verification.outcomes if o.integrity and o.unit == "entries" and o.unexpected_count]
    if wrong:
        click.echo(
            f"\nWhat {', '.join(wrong)} found is in the entries, and nothing repairs those: an entry that was changed "
            "or removed can only be restored from a backup or export, by people, with the incident on record.",
            err=True,
        )


def _database(source: Source) -> PostgresSource:
    if not isinstance(source, PostgresSource):
        raise UsageError("Only a database has protections to restore.", "Give the DSN of the ledger's database.")
    return source


def _tell_impossible(found: Plan) -> None:
    for words in found.impossible:
        click.echo(f"Cannot be restored: {words}", err=True)


def _confirm(table: str) -> None:
    try:
        answer = click.prompt(f"Type {table} to go on", err=True, default="", show_default=False)
    except click.Abort:
        answer = ""
    if answer.strip() != table:
        raise UsageError("This was not confirmed, so nothing was changed.", f"Type {table} when asked, or give --yes.")
