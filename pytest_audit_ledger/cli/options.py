"""What the commands share: options, and how they speak.

An option may also be written with the prefix that it has in pytest, `--ledger-table` for `--table`, because the
remedies in messages name it so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from pytest_audit_ledger.progress import progress_bar
from pytest_audit_ledger.rendering import ASCII, UNICODE, Marks
from pytest_audit_ledger.scan import Progress, no_progress
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S
from pytest_audit_ledger.sources.resolve import DEFAULT_TABLE

Command = TypeVar("Command", bound=Callable[..., Any])


def ledger_options(command: Command) -> Command:
    """Add the options that every command has."""
    options = (
        click.option(
            "--ledger-db",
            "--source",
            "dsn",
            envvar="LEDGER_DSN",
            show_envvar=True,
            required=True,
            metavar="DSN",
            help="The ledger: a database, an export, or demo.",
        ),
        click.option(
            "--table",
            "--ledger-table",
            default=DEFAULT_TABLE,
            show_default=True,
            metavar="NAME",
            help="The ledger's table, as schema.table.",
        ),
        click.option(
            "--timeout",
            "--ledger-timeout",
            type=click.IntRange(min=1),
            default=DEFAULT_TIMEOUT_S,
            show_default=True,
            metavar="SECONDS",
            help="How long one statement may take on the server; a scan is one statement.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors; the exit code says the rest."),
        click.option(
            "--no-color",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_no_color,
            help="Print without colours; so does the variable NO_COLOR.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _no_color(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value or os.environ.get("NO_COLOR"):
        context.color = False


def progress(*, quiet: bool) -> Progress:
    """Return the progress to show on standard error; a bar shows itself on terminals only."""
    return no_progress if quiet else progress_bar


def marks() -> Marks:
    """Return the marks that standard output can show."""
    try:
        (UNICODE.good + UNICODE.bad + UNICODE.branch).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
