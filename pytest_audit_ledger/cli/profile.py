"""`audit-ledger profile`: the tools for those who describe a table of their own."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_audit_ledger.cli.console import NOT_DONE, epilog, exit_codes, progress
from pytest_audit_ledger.cli.options import READING, LedgerGroup, Reading, options
from pytest_audit_ledger.infer.hints import hints_of
from pytest_audit_ledger.infer.inference import infer as find
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.output import profile_text
from pytest_audit_ledger.output.inference_text import found_in_words
from pytest_audit_ledger.suite import profile_authoring
from pytest_audit_ledger.suite.profile_file import load_profile
from pytest_audit_ledger.verify.explanation import explain_entry
from pytest_audit_ledger.verify.profile_trial import try_profile

_EXIT_CODES = exit_codes("done", "", "wrong usage, or a mistake in a profile", "could not be done")

_EPILOG = epilog(
    "profile list",
    "profile infer --ledger-db service=house --table public.house",
    "profile lint house.profile.yaml",
    "profile test --ledger-db service=house \\\n      --profile house.profile.yaml",
    "profile explain --ledger-db service=house \\\n      --profile house.profile.yaml --entry 42",
    codes=_EXIT_CODES,
)

_UNREADABLE = "the ledger could not be read; this does not mean tampering"


@click.group(cls=LedgerGroup, epilog=_EPILOG, no_args_is_help=True)
def profile() -> None:
    """Describe hash-chained tables other than SKI ledgers.

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
    """List the shipped profiles, and those in this folder."""
    return _print(profile_authoring.listing(Path.cwd()), quiet=quiet)


@profile.command(epilog=_EXIT_CODES)
@click.argument("profiles", nargs=-1, required=True, metavar="FILE|NAME...")
@options("profile lint")
def lint(profiles: tuple[str, ...], quiet: bool) -> int:
    """Report mistakes, and what hashes cannot show.

    No ledger is read. Warnings are about different entries that the recipe hashes alike, and about columns that no hash
    covers.
    """
    return _print(profile_authoring.lint(profiles), quiet=quiet)


@profile.command(epilog=exit_codes("explained", "", unknown=_UNREADABLE))
@options("profile explain", READING)
def explain(reading: Reading, entry: int, stream: str | None) -> int:
    """Explain how the hash of an entry is made.

    Prints the values that are hashed, the payload byte by byte, its hash, the stored one, and a command that computes
    it without this program. If a column has a line hash, that is explained, too.
    """
    with _opened(reading) as ledger:
        lines = profile_text.explained(explain_entry(ledger.source, entry, stream))
    return _print("\n".join(lines), quiet=reading.quiet)


@profile.command(
    epilog=exit_codes("every hash matches", "a hash does not match, or there is none", unknown=_UNREADABLE)
)
@options("profile test", READING)
def test(reading: Reading) -> int:
    """Try a profile on the first 1,000 entries.

    Prints how many entries match. If some do not, other formats are tried, one column at a time, to find the one that
    the recipe gets wrong. A match proves nothing about the other entries: verify the ledger for that.
    """
    with _opened(reading) as ledger:
        trial = try_profile(ledger.source)
    _print("\n".join(profile_text.tried(trial)), quiet=reading.quiet)
    return 0 if trial.fits else 1


def _opened(reading: Reading) -> Ledger:
    """Return the ledger as its recipe describes it, also a SKI ledger, which is otherwise read without one."""
    known = load_profile(reading.profile or "ski")
    return Ledger(reading.ledger_db, table=reading.table, profile=known, timeout=reading.timeout)


@profile.command(
    epilog=exit_codes("every hash that was looked at is reproduced", "", unknown="no recipe, or none for every hash")
)
@options("profile infer")
def infer(
    ledger_db: str,
    table: str,
    timeout: int,
    limit_seconds: float,
    output: str | None,
    quiet: bool,
    **hints: str | None,
) -> int:
    """Find out how the hashes of a table are made.

    Reads some rows, finds out which column is what, and tries ways to make the hashes until one of them reproduces
    every row that was read. The profile is written to NAME.profile.yaml, with what is not certain in comments.
    """
    known = hints_of(**hints)
    with Ledger(ledger_db, table=table, timeout=timeout) as ledger:
        result = find(ledger.source, known, limit_seconds, Path(output) if output else None, progress(quiet=quiet))
    _print("\n".join(found_in_words(result)), quiet=quiet)
    return 0 if result.is_solved else NOT_DONE
