"""`audit-ledger profile`: the tools for those who describe a table of their own."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_audit_ledger.cli.console import epilog, exit_codes
from pytest_audit_ledger.cli.options import LedgerGroup, options
from pytest_audit_ledger.suite import profile_authoring

_EXIT_CODES = exit_codes("done", "", "wrong usage, or a mistake in a profile", "could not be done")

_EPILOG = epilog("profile list", "profile lint house.profile.yaml", codes=_EXIT_CODES)


@click.group(cls=LedgerGroup, epilog=_EPILOG, no_args_is_help=True)
def profile() -> None:
    """Describe hash-chained tables that are not of the SKI Framework.

    A profile says what a table looks like and how its hashes are made. It is a YAML file whose name ends in
    .profile.yaml, or one that is shipped.
    """


def _print(text: str, *, quiet: bool) -> int:
    if not quiet:
        click.echo(text)
    return 0


@profile.command("list", epilog=_EXIT_CODES)
@options("profile list")
def list_(quiet: bool) -> int:
    """List the profiles that are shipped, and those in the current folder."""
    return _print(profile_authoring.listing(Path.cwd()), quiet=quiet)


@profile.command(epilog=_EXIT_CODES)
@click.argument("profiles", nargs=-1, required=True, metavar="FILE|NAME...")
@options("profile lint")
def lint(profiles: tuple[str, ...], quiet: bool) -> int:
    """Report every mistake in profiles, and what their hashes cannot show.

    No ledger is read. Warnings are about recipes that hash different entries alike, and about columns under no hash.
    """
    return _print(profile_authoring.lint(profiles), quiet=quiet)
