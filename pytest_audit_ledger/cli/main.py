"""The group of commands, and how each ends: 0 done and verified, 1 tampering, 2 wrong usage, 3 could not be done."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from pytest_audit_ledger.cli.options import EXIT_CODES, NOT_DONE, WRONG_USAGE, tell, tell_error, written
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.output.wording import for_command

_HELP = """Verify a hash-chained audit ledger, report on it, file evidence, back it up, and compare it with what it was.

\b
The ledger, which --ledger-db (or --source, or the variable LEDGER_DSN) names, is
  a database    postgresql://user@host/database, 'host=... dbname=...', service=NAME
  a variable    env:NAME, for a DSN that must not show in the list of processes
  an export     FILE.json, .jsonl or .csv, also with .gz
  a demo        demo, or demo:tampered to see what red looks like

It is only ever read, in one read-only snapshot. Only `verify --repair` changes anything, and never an entry.
"""

_EPILOG = f"""\b
Examples:
  audit-ledger verify --ledger-db demo
  audit-ledger verify --ledger-db postgresql://auditor@localhost/ledger --verbose
  audit-ledger verify --ledger-db env:MY_DSN --table audit.ledger_entries --quiet
  audit-ledger investigate --ledger-db postgresql://auditor@localhost/ledger
  audit-ledger export --source service=ledger --output ledger.jsonl.gz
  audit-ledger report --source service=ledger --output report.html
  audit-ledger backup --source service=ledger --output ledger.sql.gz --verify
  audit-ledger diff ledger.sql.gz service=ledger
  audit-ledger drill --source service=ledger

{EXIT_CODES}
"""


class _Imported(Mapping[str, click.Command]):
    """Commands by name, each in the module of its name, which is imported when it is asked for.

    Most of the time that a command takes to start is what it imports, and no two need the same.
    """

    def __init__(self, *names: str) -> None:
        self._names = names

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._names:
            raise KeyError(name)
        command: click.Command = getattr(import_module(f"pytest_audit_ledger.cli.{name}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Commands(click.Group):
    """Turns whatever a command raises into one sentence and the right exit code.

    A command returns its exit code. Only that can be 1: click ends with 1 what it does not know, and so does Python.
    """

    def main(self, *args: Any, **options: Any) -> NoReturn:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            code = self._run(*args, **{**options, "standalone_mode": False})
        finally:
            signal.signal(signal.SIGTERM, before)
        sys.exit(code)

    def _run(self, *args: Any, **options: Any) -> int:
        try:
            return super().main(*args, **options) or 0
        except click.UsageError as error:
            if isinstance(error, click.NoSuchOption) and error.possibilities:
                error.possibilities[:] = dict.fromkeys(map(for_command, error.possibilities))
            message = error.format_message().rstrip(".")
            stop = "" if message.endswith(("?", "?)")) else "."
            see = f"See {error.ctx.command_path} --help." if error.ctx else ""
            tell_error(f"{message}{stop} {see}")
            return WRONG_USAGE
        except UsageError as error:
            tell(error)
            return WRONG_USAGE
        except LedgerError as error:
            tell(error)
        except (KeyboardInterrupt, click.Abort):
            tell_error("Interrupted. Nothing was concluded, and nothing half-written is left.")
        except Exception:  # noqa: BLE001  (an exit code of 1 would say that the ledger was tampered with)
            with suppress(OSError):
                traceback.print_exc()
            tell_error("This is a mistake in audit-ledger, and nothing was concluded. Please report it.")
        return NOT_DONE

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with written():  # --help is printed here
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with written():
                return super().invoke(ctx)
        except SystemExit as error:  # of a kind from elsewhere, and with whatever code
            raise RuntimeError("A check tried to end the program.") from error


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@click.group(
    cls=_Commands,
    commands=_Imported(
        "backup", "checkpoint", "diff", "drill", "evidence", "export", "investigate", "report", "suite", "verify"
    ),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_HELP,
    epilog=_EPILOG,
)
@click.version_option(package_name="pytest-audit-ledger", prog_name="audit-ledger")
@click.pass_context
def main(context: click.Context) -> int:
    """Run a command, or show which there are."""
    if context.invoked_subcommand is not None:
        return 0
    click.echo(context.get_help(), err=True)
    return WRONG_USAGE
