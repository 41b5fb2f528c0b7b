"""The Python API of the drill.

from pytest_audit_ledger import run_drill

matrix = run_drill("service=ledger", checkpoints=["checkpoints"], verifier_keys=["verifier.key"])
for trial in matrix.trials:
    print(trial.attack, trial.verdict.value, trial.sentence)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from pytest_audit_ledger.drill.attacks.catalogue import choose, installed_attacks
from pytest_audit_ledger.drill.matrix import Matrix
from pytest_audit_ledger.drill.setup import SetUp
from pytest_audit_ledger.drill.trials import DEFAULT_ENTRIES, drill, refuse_few
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.demo import started
from pytest_audit_ledger.scratch.server import Scratch
from pytest_audit_ledger.sources.dsn import Dsn, optional_dsn
from pytest_audit_ledger.sources.named import named_source
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S
from pytest_audit_ledger.suite.profile_choice import chosen_profile
from pytest_audit_ledger.suite.shipped import suites_of_run


def run_drill(
    dsn: str | Dsn | None = None,
    *,
    table: str | None = None,
    profile: str | Path | Profile = SKI,
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
    scratch_db: str | Dsn | None = None,
    allow_superuser_scratch: bool = False,
    progress: Progress = no_progress,
) -> Matrix:
    """Attack a copy of a ledger, one attack at a time, and return which attacks a set-up notices, and how.

    `dsn`: the ledger whose first `entries` are copied, as for `Ledger`; None makes up a SKI ledger. It is only read, in
    one read-only snapshot. `table` and `profile` are those of `Ledger`; if the ledger has several streams, attacks are
    made in the longest one. `attacks`: names of attacks; all of them if it is empty. `scratch_db`: the DSN of a server
    for the copies; None starts an embedded one. `allow_superuser_scratch`: attack as a superuser, if the role is one.
    Everything else is the set-up, as for `Ledger.verify_integrity`.

    Raises UsageError for a mistake in any of these, and SourceError if the ledger cannot be read or copied. If one
    attack fails, its trial says why.
    """
    dsn = optional_dsn(dsn)
    scratch_db = optional_dsn(scratch_db)
    known = profile if isinstance(profile, Profile) else chosen_profile(profile)
    if dsn is None and not known.schemas:
        raise UsageError(
            f"A drill can make up a ledger of the profile ski only, not of {known.name}.",
            "Name a ledger, for example with --ledger-db=demo.",
        )
    scratch = Scratch(scratch_db, allow_superuser=allow_superuser_scratch, timeout=timeout)
    chosen = choose(attacks, installed_attacks())
    refuse_few(entries)
    given = run_parameters(
        checkpoints=checkpoints,
        verifier_keys=verifier_keys,
        require_checkpoint=require_checkpoint,
        max_unanchored=max_unanchored,
        transcript_keys=transcript_keys,
    )
    registry = installed_kinds()
    set_up = SetUp(
        tuple(suites_of_run(suites, registry)),
        given,
        check_timestamps=check_timestamps,
        allow_integrity_waivers=allow_integrity_waivers,
    )
    if dsn is not None:
        named_source(dsn, table, timeout, known)
    with nullcontext() if dsn is None else started(dsn, table, timeout, known) as source:
        (matrix,) = drill(source, [set_up], chosen, entries=entries, scratch=scratch, progress=progress)
    return matrix
