"""What the commands that verify share: their options as one argument, what they refuse early, and how they end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pytest_audit_ledger.checkpoints.store import refuse_missing
from pytest_audit_ledger.cli.console import NOT_DONE, TAMPERED, outweighed_by
from pytest_audit_ledger.cli.options import Group, refuse_to_overwrite
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.output.paragraphs import LOG, WIDEST
from pytest_audit_ledger.output.verification_text import ASCII, UNICODE, Marks
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.suite.discovery import own_suites
from pytest_audit_ledger.verify.pools import parse_executor
from pytest_audit_ledger.verify.run import parse_standby_tolerance
from pytest_audit_ledger.verify.scan import parse_workers
from pytest_audit_ledger.verify.verification import Verification

_TRUST = ("checkpoints", "verifier_keys", "require_checkpoint", "max_unanchored", "transcript_keys")


def _checked(**options: Any) -> dict[str, Any]:
    """Return options about verifying, ready for `Ledger`. Raises UsageError for a mistake in one."""
    if "workers" in options:
        options["workers"] = parse_workers(options["workers"])
    if "executor" in options:
        parse_executor(options["executor"])
    if "standby_tolerance" in options:
        parse_standby_tolerance(options["standby_tolerance"])
    run_parameters(**{name: options[name] for name in _TRUST})
    if not options["suites"]:  # which can name checkpoints
        refuse_useless_key(options["checkpoints"], options["verifier_keys"])
    if not options["require_checkpoint"]:  # which finds the lack of one
        refuse_missing(options["checkpoints"])
    return options


def refuse_useless_key(checkpoints: Sequence[str], verifier_keys: Sequence[str]) -> None:
    """Raise UsageError for a key without a checkpoint that it could have signed."""
    if verifier_keys and not checkpoints:
        raise UsageError("--verifier-key only works with checkpoints, and none are named.", "Add --checkpoint=DIR.")


_SET_UP = ("suites", "check_timestamps", "allow_integrity_waivers", *_TRUST)

SET_UP = Group("set_up", _SET_UP, _checked)
"""What a ledger is verified with: the `SettingUp` of `verify/parameters.py`."""

VERIFYING = Group(
    "verifying", ("workers", "executor", "samples", "allow_empty", "standby_tolerance", *_SET_UP), _checked
)
"""What is verified, and how: the `Verifying` of `verify/parameters.py`."""


class _EnoughError(Exception):
    """Ends an attempt that is not to be completed."""


def refuse_early(dsn: str | None, suites: Sequence[str | Path], output: str | None) -> None:
    """Raise for mistakes in suites, and a file that cannot be written, before anything is started or repaired."""
    if output == "-":
        raise UsageError(
            "--output - is not needed: the result is printed in any case.", "Name a file, or omit --output."
        )
    if suites:
        own_suites(suites, installed_kinds())
    if output is not None:
        refuse_to_overwrite(output, [*([Dsn(dsn).resolved().reveal()] if dsn else []), *map(str, suites)])
        with suppress(_EnoughError), whole_files(path_of(output)):
            raise _EnoughError  # which leaves nothing


@contextmanager
def also_written(output: str | None, format_: str, code: int, text: Callable[[bool], str]) -> Iterator[None]:
    """Print a result in the body, and write it to the file that was asked for, also if printing fails.

    `text` returns it, as JSON if its argument is true. `code` is the exit code.
    """
    with outweighed_by(code), ExitStack() as last:
        if output is not None:
            last.callback(_write, path_of(output), format_, text)
        yield


def _write(path: AnyPath, format_: str, text: Callable[[bool], str]) -> None:
    words = text(format_ == "json" or path.suffix.lower() == ".json")
    with whole_files(path) as (draft,):
        draft.write(f"{words}\n".encode("utf-8", "backslashreplace"))


def width() -> int:
    """Return how wide to print: as wide as the terminal is, or as COLUMNS says."""
    return min(shutil.get_terminal_size((LOG, 24)).columns, WIDEST)


def in_marks(text: str, shown: Marks) -> str:
    """Return a text with nothing but ASCII of ours if the marks are ASCII."""
    return text.replace("…", "...") if shown is ASCII else text


def marks() -> Marks:
    """Return the marks that standard output can show."""
    try:
        (UNICODE.good + UNICODE.bad + UNICODE.branch).encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def exit_code(verification: Verification, *, allow_empty: bool = False) -> int:
    """Return 1 for tampering or a failed check, 3 if something could not be verified, otherwise 0."""
    if verification.assurance is Assurance.TAMPERED or verification.with_status(Status.FAIL):
        return TAMPERED
    empty = verification.survey is not None and not verification.size
    if empty and allow_empty and not verification.with_status(Status.ERROR):
        return 0
    return 0 if verification.is_valid else NOT_DONE
