"""Checks and suites that are run on a ledger in one call, and what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry
from pytest_audit_ledger.model.outcome import AGAINST_THE_RULE, Family, Finding, Outcome, Severity, Status
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.check import Check, Suite
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.verify.pools import parse_executor
from pytest_audit_ledger.verify.run import VerificationRequest, verify
from pytest_audit_ledger.verify.verification import Verification

FOLDS = ("chain_linkage", "entry_hash", "sequence_continuity", "timestamp_order", "verdict_taxonomy")
GUARDS = ("append_only", "table_guard")
CHECKPOINTS = tuple(kind.name for kind in SHIPPED if kind.family is Family.CHECKPOINTS)
PROVENANCE = tuple(kind.name for kind in SHIPPED if kind.family is Family.PROVENANCE)
UNUSED = (*PROVENANCE, *CHECKPOINTS)
"""The kinds that are skipped in a ledger of entries alone, where no checkpoint is named."""

Readers = Mapping[str, Any]
ALONE: Readers = {"workers": 1}
SEVERAL: Readers = {"workers": 3, "executor": "concurrent.futures:ThreadPoolExecutor"}
"""Who reads the entries: one, or threads of which each reads segments over connections of its own, as processes do.

That readers are processes is tested in tests/verify/test_executors.py and tests/cli/test_processes.py; to start three
takes as long as ten verifications.
"""

both = pytest.mark.parametrize("readers", [ALONE, SEVERAL], ids=["alone", "several"])

REGISTRY = Registry()
REGISTRY.register(SHIPPED, "pytest-audit-ledger")


def check(
    kind: str | type[Kind], parameters: Mapping[str, Any] | None = None, severity: Severity = Severity.CRITICAL
) -> Check:
    """Return a check as a suite would declare it, with the kind's name as its id."""
    found = REGISTRY.get(kind) if isinstance(kind, str) else kind
    assert found is not None, f"no kind is called {kind}"
    return Check(
        id=found.name,
        suite="tests",
        kind=found,
        parameters=parameters or {},
        severity=severity,
        description="",
        controls=(),
        path=Path(__file__),
        line=1,
    )


def verify_checks(
    source: Source,
    checks: Sequence[Check],
    *,
    shared: str | None = None,
    progress: Progress = no_progress,
    executor: str = "local",
    **how: Any,
) -> Verification:
    """Verify a ledger with checks; `how` are fields of the request."""
    request = VerificationRequest(checks=checks, opening=parse_executor(executor), **how)
    return verify(source, request, shared=shared, progress=progress)


def run_check(
    dsn: str,
    kind: str | type[Kind],
    parameters: Mapping[str, Any] | None = None,
    *,
    table: str = "ledger_entries",
    severity: Severity = Severity.CRITICAL,
    **verify_options: Any,
) -> Outcome:
    """Verify a ledger with one check."""
    (outcome,) = verify_checks(
        PostgresSource(dsn, table), [check(kind, parameters, severity)], **verify_options
    ).outcomes
    return outcome


def run_suite(
    dsn: str, *, table: str = "ledger_entries", timeout: int = DEFAULT_TIMEOUT_S, **verify_options: Any
) -> Verification:
    """Verify a ledger with the default suite."""
    return verify_checks(PostgresSource(dsn, table, timeout), default_suite().checks, **verify_options)


@cache
def default_suite() -> Suite:
    return load(folder("checks") / "integrity.ledger.yaml", REGISTRY)


CHECKS = len(default_suite().checks)
SKIPPED = len(UNUSED)
PASSED = CHECKS - SKIPPED
"""How many checks the default suite has, and how they end on a clean ledger of entries alone."""


def outcomes(verification: Verification) -> dict[str, Outcome]:
    """Return the outcomes by kind."""
    return {outcome.kind: outcome for outcome in verification.outcomes}


def statuses(verification: Verification) -> dict[str, Status]:
    """Return the statuses by kind."""
    return {outcome.kind: outcome.status for outcome in verification.outcomes}


def core_statuses(verification: Verification) -> dict[str, Status]:
    """Return the statuses by kind, of those kinds that have something to examine in every ledger."""
    return {kind: status for kind, status in statuses(verification).items() if kind in (*FOLDS, *GUARDS)}


def told_of_entries(verification: Verification) -> dict[str, Status]:
    """Return the statuses by kind, without those kinds that need a checkpoint."""
    return {kind: status for kind, status in statuses(verification).items() if kind not in CHECKPOINTS}


def found(outcome: Outcome) -> list[tuple[str, int | None]]:
    """Return the code and sequence number of each finding."""
    return [(finding.code, finding.sequence_number) for finding in outcome.findings]


DISAGREEING = {
    "HASH_MISMATCH": ("hash before", "previous_hash"),
    "ENTRY_HASH_MISMATCH": ("recomputed", "stored"),
    "ENTRIES_HIDDEN": ("in the table", "by its index"),
    "TIMESTAMP_ORDER": ("in order", "timestamp"),
    "ENVELOPE_HASH_MISMATCH": ("recomputed", "stored"),
    "ENVELOPE_NOT_REDERIVABLE": ("recomputed", "stored"),
    "ENVELOPE_INCONSISTENT": ("entry", "envelope"),
    "TRANSCRIPT_HASH_MISMATCH": ("recomputed", "stored"),
    "TRANSCRIPT_NOT_REDERIVABLE": ("recomputed", "stored"),
    "TRANSCRIPT_INCONSISTENT": ("column", "transcript"),
    "SIGNATURE_INVALID": ("key named", "signature"),
    "REWRITTEN": ("signed", "recomputed"),
    "TRUNCATED": ("signed", "found"),
    "GUARDS_CHANGED": ("when signed", "now"),
    "EXPORT_CUT": ("manifest", "file"),
    "EXPORT_CHANGED": ("manifest", "file"),
    "EXPORT_MANIFEST": ("manifest", "file"),
}
"""What the two values of a finding are called, where they only disagree, and neither is known to be right."""


def accusing(verification: Verification) -> list[Finding]:
    """Return the findings that do not call their two values as they are to be called."""
    findings = (finding for outcome in verification.outcomes for finding in outcome.findings)
    return [one for one in findings if one.sides != DISAGREEING.get(one.code, AGAINST_THE_RULE)]


def told(outcome: Outcome) -> str:
    """Return the outcome with all it says, to tell a failing test's reader why."""
    return f"{outcome.status.value} {outcome.reason} {outcome.findings}"


def run_text(folder: Path, dsn: str, text: str, *, timeout: int = DEFAULT_TIMEOUT_S, **options: Any) -> Verification:
    """Verify a ledger with a suite of this text."""
    path = folder / "own.ledger.yaml"
    path.write_text(text, encoding="utf-8")
    return verify_checks(PostgresSource(dsn, timeout=timeout), load(path, REGISTRY).checks, **options)


def by_id(verification: Verification) -> dict[str, Outcome]:
    """Return the outcomes by the id of their checks."""
    return {outcome.check_id: outcome for outcome in verification.outcomes}
