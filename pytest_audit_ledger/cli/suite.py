"""`audit-ledger suite`: the tools for those who write suites."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_audit_ledger.cli.console import epilog, exit_codes
from pytest_audit_ledger.cli.options import LedgerGroup, options
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.suite import authoring

_EXIT_CODES = exit_codes("done", "", "wrong usage, or a mistake in a suite", "could not be done")

_EPILOG = epilog(
    "suite init my.ledger.yaml",
    "suite lint checks/",
    "suite explain flag-cites-rule checks/core.ledger.yaml",
    "suite kinds accepted_values",
    "suite schema > suite.schema.json",
    codes=_EXIT_CODES,
)

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER]...")


@click.group(cls=LedgerGroup, epilog=_EPILOG, no_args_is_help=True)
def suite() -> None:
    """Write suites of checks. No ledger is read.

    Suites are YAML files whose names end in .ledger.yaml or .ledger.yml. Unless you name files or folders, the suites
    in the current folder and below are used.
    """


def _print(text: str, *, quiet: bool) -> int:
    if not quiet:
        click.echo(text)
    return 0


@suite.command(epilog=_EXIT_CODES)
@_paths
@options("suite lint")
def lint(paths: tuple[Path, ...], quiet: bool) -> int:
    """Report every mistake in suites."""
    return _print(authoring.lint(paths, Path.cwd(), installed_kinds()), quiet=quiet)


@suite.command("list", epilog=_EXIT_CODES)
@_paths
@options("suite list")
def list_(paths: tuple[Path, ...], quiet: bool) -> int:
    """List checks: kind, severity, controls, tags, place.

    If there are no suites here, the shipped ones are listed.
    """
    return _print(authoring.listing(paths, Path.cwd(), installed_kinds()), quiet=quiet)


@suite.command(epilog=_EXIT_CODES)
@click.argument("check_id", metavar="ID")
@_paths
@options("suite explain")
def explain(check_id: str, paths: tuple[Path, ...], profile: str | None, quiet: bool) -> int:
    """Explain a check: its rule, parameters and SQL."""
    return _print(authoring.explanation(check_id, paths, Path.cwd(), installed_kinds(), profile), quiet=quiet)


@suite.command(epilog=_EXIT_CODES)
@options("suite schema")
def schema(quiet: bool) -> int:
    """Print the JSON Schema of suites, for editors.

    It includes the kinds of installed plugins. Editors use it for a suite that starts with the comment
    `# yaml-language-server: $schema=suite.schema.json`.
    """
    return _print(authoring.schema(installed_kinds()), quiet=quiet)


@suite.command(epilog=_EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path), default=authoring.STARTER)
@options("suite init")
def init(file: Path, quiet: bool) -> int:
    """Write a suite with comments to start from.

    The file is my.ledger.yaml unless you name another. An existing file is never overwritten.
    """
    return _print(authoring.write_starter(file), quiet=quiet)


@suite.command(epilog=_EXIT_CODES)
@click.argument("name", required=False)
@options("suite kinds")
def kinds(name: str | None, quiet: bool) -> int:
    """Describe the kinds of check, or the one you name."""
    return _print(authoring.kinds(installed_kinds(), name), quiet=quiet)
