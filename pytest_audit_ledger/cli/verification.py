"""What the commands that verify share: their options, what is refused before they start, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from pytest_audit_ledger.artifacts.files import whole_files
from pytest_audit_ledger.cli.options import (
    NOT_DONE,
    TAMPERED,
    Aliased,
    Command,
    checkpoint_options,
    refuse_to_overwrite,
)
from pytest_audit_ledger.extensions import installed_kinds
from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.outcome import DEFAULT_SAMPLES, Assurance, Status
from pytest_audit_ledger.rendering import ASCII, UNICODE, Marks
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.suite import load
from pytest_audit_ledger.suite.discovery import find_suites

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


def verification_options(command: Command) -> Command:
    """Add the options that say what is verified, and how."""
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
    command = set_up_options(command)
    for option in reversed(options):
        command = option(command)
    return command


def set_up_options(command: Command) -> Command:
    """Add the options that say with what a ledger is verified."""
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
    command = checkpoint_options(_transcript_key_option(command))
    for option in reversed(options):
        command = option(command)
    return command


class _EnoughError(Exception):
    """Ends an attempt that is not to be completed."""


def refuse_early(dsn: str, suites: Sequence[str], output: str | None) -> None:
    """Raise, before anything is started or repaired, for mistakes in suites and a file that cannot be written."""
    for suite in find_suites([Path(suite) for suite in suites], Path.cwd()) if suites else ():
        load(suite, installed_kinds())
    if output is not None:
        refuse_to_overwrite(output, resolve(dsn), *suites)
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
