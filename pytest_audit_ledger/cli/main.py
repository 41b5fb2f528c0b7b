"""The group of commands, and how each ends: 0 done and verified, 1 tampering, 2 wrong usage, 3 could not be done."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import click

from pytest_audit_ledger.cli.export import export
from pytest_audit_ledger.cli.verify import verify
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.printable import printable

NOT_DONE = 3


class _Commands(click.Group):
    """Turns whatever a command raises into one sentence and the right exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            _end(str(error), 2)
        except LedgerError as error:
            _end(str(error), NOT_DONE)
        except KeyboardInterrupt:
            _end("Interrupted. Nothing was concluded, and nothing half-written is left.", NOT_DONE)
        except BrokenPipeError:
            # whoever read has gone, and the interpreter would complain when it flushes once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(NOT_DONE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception:  # noqa: BLE001  (an exit code of 1 would say that the ledger was tampered with)
            traceback.print_exc()
            _end("This is a mistake in audit-ledger, and nothing was concluded. Please report it.", NOT_DONE)


def _end(message: str, code: int) -> NoReturn:
    click.echo(f"Error: {printable(message, 4000)}", err=True)
    sys.exit(code)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 verified, or done; 1 tampering, or a failed critical check; 2 wrong usage; 3 could not be "
    "verified, or done.",
)
@click.version_option(package_name="pytest-audit-ledger", prog_name="audit-ledger")
def main() -> None:
    """Verify a hash-chained audit ledger, and export it as evidence.

    The ledger is a database (postgresql://user@host/database, 'host=... dbname=...', service=NAME, env:NAME for the
    value of a variable), an export (.json, .jsonl or .csv, also with .gz), or demo or demo:tampered to try things out.
    It is only ever read, in one read-only snapshot; only `verify --repair` changes anything, and never an entry.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


main.add_command(verify)
main.add_command(export)
