"""What the commands that verify share: their options, what is refused before they start, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import click

from pytest_audit_ledger.cli.options import (
    NOT_DONE,
    TAMPERED,
    Aliased,
    added,
    checkpoint_options,
    refuse_to_overwrite,
)
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES, Assurance, Status
from pytest_audit_ledger.output.verification_text import ASCII, UNICODE, Marks
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.suite.discovery import own_suites
from pytest_audit_ledger.verify.scan import parse_workers
from pytest_audit_ledger.verify.verification import Verification

check_timestamps_option = click.option(
    "--check-timestamps/--no-check-timestamps", default=True, help="Whether to judge the order of time.  [default: yes]"
)


_transcript_key_option = click.option(
    "--transcript-key",
    "--ledger-transcript-key",
    "transcript_keys",
    cls=Aliased,
    multiple=True,
    metavar="PEM",
    help="A file with an Ed25519 public key that transcripts may be signed with; repeatable. Without any, their "
    "signatures are not verified, which is a warning.",
)


def verification_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say what is verified, and how; the command gets them as `verifying`."""
    options = (
        click.option(
            "--workers",
            "--ledger-workers",
            cls=Aliased,
            default="auto",
            show_default=True,
            metavar="N|auto",
            help="Processes that share the scan.",
        ),
        click.option(
            "--samples",
            "--ledger-samples",
            cls=Aliased,
            type=click.IntRange(min=1),
            default=DEFAULT_SAMPLES,
            show_default=True,
            metavar="N",
            help="Findings shown for each check; all are counted.",
        ),
        click.option(
            "--allow-empty",
            "--ledger-allow-empty",
            cls=Aliased,
            is_flag=True,
            help="Accept a ledger without entries: what it leaves unproven is skipped, and the exit code is 0.",
        ),
    )
    return added(options, _set_up_options(_collecting(command, "verifying")))


def set_up_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say with what a ledger is verified; the command gets them as `set_up`."""
    return _set_up_options(_collecting(command, "set_up"))


def _set_up_options(command: Callable[..., int]) -> Callable[..., int]:
    options = (
        click.option(
            "--suite",
            "suites",
            multiple=True,
            metavar="FILE",
            help="A suite of checks of your own, or a shipped one such as compliance.ledger.yaml, besides the default "
            "one; repeatable.",
        ),
        click.option(
            "--allow-integrity-waivers",
            "--ledger-allow-integrity-waivers",
            cls=Aliased,
            is_flag=True,
            help="Let the waivers of a suite excuse findings about integrity, too; the assurance stays TAMPERED.",
        ),
    )
    return added(options, checkpoint_options(_transcript_key_option(command)))


_TRUST = ("checkpoints", "verifier_keys", "require_checkpoint", "max_unanchored", "transcript_keys")
_VERIFYING = ("suites", "check_timestamps", "allow_integrity_waivers", "workers", "samples", "allow_empty", *_TRUST)


def _collecting(command: Callable[..., int], name: str) -> Callable[..., int]:
    """Return a command that hands its options about verifying on as one argument of this name, ready for `Ledger`.

    It raises UsageError for a mistake in workers and keys before it does anything else.
    """

    @wraps(command)
    def run(**given: Any) -> int:
        verifying = {option: given.pop(option) for option in _VERIFYING if option in given}
        if "workers" in verifying:
            verifying["workers"] = parse_workers(verifying["workers"])
        run_parameters(**{option: verifying[option] for option in _TRUST})
        return command(**given, **{name: verifying})

    return run


class _EnoughError(Exception):
    """Ends an attempt that is not to be completed."""


def refuse_early(dsn: str, suites: Sequence[str | Path], output: str | None) -> None:
    """Raise, before anything is started or repaired, for mistakes in suites and a file that cannot be written."""
    if suites:
        own_suites(suites, installed_kinds())
    if output is not None:
        refuse_to_overwrite(output, resolve(dsn), *map(str, suites))
        with suppress(_EnoughError), whole_files(Path(output)):
            raise _EnoughError  # which leaves nothing


def marks() -> Marks:
    """Return the marks that standard output can show."""
    try:
        (UNICODE.good + UNICODE.bad + UNICODE.branch).encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def exit_code(verification: Verification, *, allow_empty: bool = False) -> int:
    """Return 1 for tampering or a failed check, 3 where something could not be verified, and 0 otherwise."""
    if verification.assurance is Assurance.TAMPERED or verification.with_status(Status.FAIL):
        return TAMPERED
    empty = verification.survey is not None and not verification.size
    if empty and allow_empty and not verification.with_status(Status.ERROR):
        return 0
    return 0 if verification.is_valid else NOT_DONE
