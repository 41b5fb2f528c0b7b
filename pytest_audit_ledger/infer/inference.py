"""One run of `profile infer`: reads a table, searches, writes the profile, and reads the first entries with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_audit_ledger.errors import OutputError, SourceError, UsageError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.infer.chains import Chain, entries_of
from pytest_audit_ledger.infer.digest_search import Clock
from pytest_audit_ledger.infer.hints import Hints
from pytest_audit_ledger.infer.recipe_search import Found, Search
from pytest_audit_ledger.infer.sampling import Sample, read_sample
from pytest_audit_ledger.infer.written_profile import profile_text
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.profile_file import SUFFIX, load_profile
from pytest_audit_ledger.verify.profile_trial import ProfileTrial, try_profile

CANDIDATES = " candidates"
"""The unit of progress."""

_CHANGES = 2**3 | 2**4
"""The bits of pg_trigger.tgtype for DELETE and UPDATE."""


@dataclass(frozen=True)
class Inference:
    """What a run found and wrote.

    `file` is the profile. `found` is None if no recipe reproduces any hash, otherwise `trial` says how the
    profile fits the first entries.
    """

    file: Path
    table: str
    chain: Chain
    sampled: int
    found: Found | None
    tried: int
    seconds: float
    ruled_out: tuple[str, ...]
    trial: ProfileTrial | None = None

    @property
    def is_solved(self) -> bool:
        """Whether every hash that was looked at is reproduced."""
        return self.found is not None and self.found.is_complete and self.trial is not None and self.trial.fits


def infer(source: Source, hints: Hints, limit_s: float, output: Path | None, progress: Progress) -> Inference:
    """Find the profile of a table, write it, and try it.

    `limit_s`: the seconds of processor time to search. Raises SourceError if the table cannot be read or shows no
    chain, UsageError for a hint that does not fit it, and OutputError if the file exists or cannot be written.
    """
    if not isinstance(source, PostgresSource):
        raise UsageError("A profile is inferred from a table, not from an export.", "Name a database with --ledger-db.")
    name = re.sub(r"[^a-z0-9]+", "-", source.table.lower()).strip("-") or "ledger"
    file = output or Path(f"{name}{SUFFIX}")
    _refuse_file(file)
    with source.snapshot() as snapshot:
        sample = read_sample(snapshot)
        guarded = any((row["type"] or 0) & _CHANGES for row in snapshot.rows(sql("triggers.sql")))
        table = snapshot.info.table
        sources = [str(row["source"]) for row in snapshot.rows(sql("writers.sql"))]
    _refuse_unknown(hints, sample, table)
    with progress(None, CANDIDATES) as advance:
        clock = Clock(limit_s, advance)
        search = Search(sample, replace(hints, source=";\n".join([hints.source, *sources])), clock)
        if not search.chains:
            raise _no_chain(table, sample)
        found = search.run()
        seconds = clock.seconds
    chain = found.chain if found else search.chains[0]
    entries = found.entries if found else entries_of(sample, chain)
    text = profile_text(name, table, sample, chain, entries, found, guarded=guarded)
    with whole_files(file, overwrite=False) as (draft,):
        draft.write(text.encode())
    result = Inference(file, table, chain, len(entries), found, clock.tried, seconds, tuple(search.said_of_stages()))
    if found is None:
        return result
    described = PostgresSource(source.dsn, table, source.timeout, source.named, load_profile(file))
    return replace(result, trial=try_profile(described))


def _refuse_file(file: Path) -> None:
    if not file.name.endswith(SUFFIX):
        raise UsageError(f"{file} is not a valid name of a profile.", f"Name a file that ends in {SUFFIX}.")
    if file.exists():
        raise OutputError(f"{file} already exists and was not changed.", "Name another file with --output.")


def _refuse_unknown(hints: Hints, sample: Sample, table: str) -> None:
    for name in hints.columns:
        if name not in sample.types:
            known = ", ".join(sample.types)
            raise UsageError(f"{table} has no column {name!r}.", f"Name some of its columns in --columns: {known}.")


def _no_chain(table: str, sample: Sample) -> SourceError:
    if not sample.rows:
        return SourceError(f"{table} is empty, so there is nothing to learn from.", "Infer from a table with entries.")
    return SourceError(
        f"{table} shows no chain: no column holds hashes of 32, 48 or 64 bytes in hex, base64 or bytea, or no column "
        "of whole numbers orders its rows.",
        "Describe it by hand: see checks/profiles/README.md.",
    )
