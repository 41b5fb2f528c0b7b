"""The command `audit-ledger`: its commands, and the exit code and the one sentence that errors get."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from pytest_audit_ledger.cli.console import EXIT_CODES, NOT_DONE, WRONG_USAGE, epilog, say_error, say_failure, writing
from pytest_audit_ledger.cli.options import LedgerGroup
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.native import in_use
from pytest_audit_ledger.output.wording import for_command
from pytest_audit_ledger.sources.interruption import ended_like_ctrl_c

_HELP = """Verify a hash-chained audit ledger, report on it, and keep evidence.

\b
--ledger-db, --source or the variable LEDGER_DSN names the ledger:
  a database    postgresql://user@host/database, 'host=... dbname=...',
                or service=NAME
  a variable    env:NAME, to keep the DSN out of the list of processes
  an export     FILE.json, .jsonl or .csv, also with .gz
  a demo        demo, or demo:tampered to see what red looks like

The ledger is only read, in one read-only snapshot. Only `verify --repair` changes anything, and never an entry.
"""

_EPILOG = epilog(
    "verify --ledger-db demo",
    "verify --ledger-db postgresql://auditor@db/ledger --verbose",
    "verify --ledger-db env:MY_DSN --table audit.entries --quiet",
    "investigate --ledger-db postgresql://auditor@db/ledger",
    "export --source service=ledger --output ledger.jsonl.gz",
    "report --source service=ledger --output report.html",
    "backup --source service=ledger --output ledger.sql.gz --verify",
    "diff ledger.sql.gz service=ledger",
    "drill --source service=ledger",
    codes=EXIT_CODES,
)


class _Imported(Mapping[str, click.Command]):
    """Commands by name. The module of the same name is imported when its command is used: imports take time."""

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


class _Commands(LedgerGroup):
    """Turns what a command raises into one sentence and the right exit code.

    Only a command itself can return 1, which means tampering: click and Python also use 1 for errors of their own.
    """

    def main(self, *args: Any, **options: Any) -> NoReturn:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        with ended_like_ctrl_c():
            code = self._run(*args, **{**options, "standalone_mode": False})
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
            say_error(f"{message}{stop} {see}")
            return WRONG_USAGE
        except UsageError as error:
            say_failure(error)
            return WRONG_USAGE
        except LedgerError as error:
            say_failure(error)
        except (KeyboardInterrupt, click.Abort):
            say_error("Interrupted. Nothing was concluded, and no incomplete file is left.")
        except Exception:  # noqa: BLE001  (Python's exit code 1 would mean tampering)
            with suppress(OSError):
                traceback.print_exc()
            say_error("This is a bug in audit-ledger, and nothing was concluded. Please report it.")
        return NOT_DONE

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with writing():  # --help is printed here
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with writing():
                return super().invoke(ctx)
        except SystemExit as error:  # from somebody else's kind of check, with any code
            raise RuntimeError("A check tried to end the program.") from error


@click.group(
    cls=_Commands,
    commands=_Imported(
        *("backup", "checkpoint", "diff", "drill", "evidence", "export", "investigate", "profile", "report", "suite"),
        *("vectors", "verify"),
    ),
    invoke_without_command=True,
    subcommand_metavar="[COMMAND] [ARGS]...",  # as newer versions of click have it
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_HELP,
    epilog=_EPILOG,
)
@click.version_option(
    package_name="pytest-audit-ledger", prog_name="audit-ledger", message=f"%(prog)s, version %(version)s ({in_use()})"
)
@click.pass_context
def main(context: click.Context) -> int:
    """Run a command, or list the commands."""
    if context.invoked_subcommand is not None:
        return 0
    click.echo(context.get_help(), err=True)
    return WRONG_USAGE
