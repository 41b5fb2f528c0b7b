"""The Python API of the drill.

from pytest_audit_ledger import run_drill

matrix = run_drill("service=ledger", checkpoints=["checkpoints"], verifier_keys=["verifier.key"])
for trial in matrix.trials:
    print(trial.attack, trial.verdict.value, trial.sentence)
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from pytest_audit_ledger.drill.attacks.attack import Attack
from pytest_audit_ledger.drill.attacks.catalogue import installed_attacks
from pytest_audit_ledger.drill.matrix import Matrix
from pytest_audit_ledger.drill.setup import SetUp
from pytest_audit_ledger.drill.trials import DEFAULT_ENTRIES, drill, refuse_to_ask_for_few
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.scratch.demo import started
from pytest_audit_ledger.sources.named import DEFAULT_TABLE, named_source
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.discovery import own_suites
from pytest_audit_ledger.suite.shipped import shipped_suites


def run_drill(
    dsn: str | None = None,
    *,
    table: str = DEFAULT_TABLE,
    timeout: int = DEFAULT_TIMEOUT_S,
    entries: int = DEFAULT_ENTRIES,
    attacks: Sequence[str] = (),
    suites: Sequence[str | Path] = (),
    check_timestamps: bool = True,
    checkpoints: Sequence[str | Path] = (),
    verifier_keys: Sequence[str] = (),
    require_checkpoint: bool = False,
    max_unanchored: str | None = None,
    allow_integrity_waivers: bool = False,
    transcript_keys: Sequence[str | Path] = (),
    scratch_db: str | None = None,
    progress: Progress = no_progress,
) -> Matrix:
    """Make attacks on a copy of a ledger, one at a time, and return which of them a set-up notices, and how.

    `dsn`: the ledger whose first `entries` are copied, as for `Ledger`; one is made where it is None. It is only read,
    in one read-only snapshot. `attacks`: the names of some; all where there is none. `scratch_db`: the DSN of a server
    to attack copies on, instead of an embedded one. Everything else is the set-up, as for `Ledger.verify_integrity`.

    Raises UsageError for a mistake in any of these, and SourceError where the ledger cannot be read or copied. What
    goes wrong with one attack is in its trial.
    """
    chosen = choose(attacks, installed_attacks())
    refuse_to_ask_for_few(entries)
    given = run_parameters(
        checkpoints=checkpoints,
        verifier_keys=verifier_keys,
        require_checkpoint=require_checkpoint,
        max_unanchored=max_unanchored,
        transcript_keys=transcript_keys,
    )
    set_up = SetUp(
        tuple(_suites(suites)),
        given,
        check_timestamps=check_timestamps,
        allow_integrity_waivers=allow_integrity_waivers,
    )
    if scratch_db is not None:
        PostgresSource(scratch_db)  # mistakes show now
    if dsn is not None:
        named_source(dsn, table, timeout)
    with nullcontext() if dsn is None else started(dsn, table, timeout) as source:
        (matrix,) = drill(source, [set_up], chosen, entries=entries, scratch=scratch_db, progress=progress)
    return matrix


def choose(names: Sequence[str], catalogue: Mapping[str, Attack]) -> list[Attack]:
    """Return the attacks of these names, in the order of the catalogue; all where none is named.

    Raises UsageError where there is no such attack.
    """
    for name in names:
        if name not in catalogue:
            close = difflib.get_close_matches(name, catalogue, 1)
            hint = f"Did you mean {close[0]}?" if close else "See audit-ledger drill --list."
            raise UsageError(f"There is no attack {name!r}.", hint)
    return [attack for name, attack in catalogue.items() if not names or name in names]


def _suites(suites: Sequence[str | Path]) -> list[Suite]:
    """Return the default suite and these; what is about the file of an export is about no database."""
    registry = installed_kinds()
    return [*shipped_suites(registry), *own_suites(suites, registry)]
