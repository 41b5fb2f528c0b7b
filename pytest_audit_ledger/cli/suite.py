"""`audit-ledger suite`: the tools for those who write suites."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_audit_ledger.cli.options import exit_codes
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.suite import authoring

_EXIT_CODES = exit_codes("done", "", "wrong usage, or a mistake in a suite", "could not be done")

_EPILOG = f"""\b
Examples:
  audit-ledger suite init my.ledger.yaml
  audit-ledger suite lint checks/
  audit-ledger suite explain flag-cites-rule checks/core.ledger.yaml
  audit-ledger suite kinds accepted_values
  audit-ledger suite schema > suite.schema.json

{_EXIT_CODES}
"""

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER]...")


@click.group(epilog=_EPILOG, no_args_is_help=True)
def suite() -> None:
    """Write suites of checks; none of these reads a ledger.

    Suites are YAML files that end in .ledger.yaml. Where no file or folder is named, those below the current folder are
    meant.
    """


@suite.command(epilog=_EXIT_CODES)
@_paths
def lint(paths: tuple[Path, ...]) -> int:
    """Look for mistakes in suites, and tell all of them."""
    click.echo(authoring.lint(paths, Path.cwd(), installed_kinds()))
    return 0


@suite.command("list", epilog=_EXIT_CODES)
@_paths
def list_(paths: tuple[Path, ...]) -> int:
    """List checks: kind, severity, controls, tags, place.

    Without suites at hand, those of this package are listed.
    """
    click.echo(authoring.listing(paths, Path.cwd(), installed_kinds()))
    return 0


@suite.command(epilog=_EXIT_CODES)
@click.argument("check_id", metavar="ID")
@_paths
def explain(check_id: str, paths: tuple[Path, ...]) -> int:
    """Explain a check: its rule, its parameters, and the SQL that it asks with."""
    click.echo(authoring.explanation(check_id, paths, Path.cwd(), installed_kinds()))
    return 0


@suite.command(epilog=_EXIT_CODES)
def schema() -> int:
    """Print the JSON Schema of suites, for editors.

    It knows the kinds of installed plugins, too. Editors take it by a comment at the top of a suite:
    # yaml-language-server: $schema=suite.schema.json
    """
    click.echo(authoring.schema(installed_kinds()))
    return 0


@suite.command(epilog=_EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path), default=authoring.STARTER)
def init(file: Path) -> int:
    """Write a commented suite to begin with; an older file is never overwritten."""
    click.echo(authoring.write_starter(file))
    return 0


@suite.command(epilog=_EXIT_CODES)
@click.argument("name", required=False)
def kinds(name: str | None) -> int:
    """Describe every kind of check with its parameters, or the one of that NAME."""
    click.echo(authoring.kinds(installed_kinds(), name))
    return 0
