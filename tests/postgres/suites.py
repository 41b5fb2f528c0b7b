"""Suites of checks run on a ledger in one go, for the tests of kinds about data and of SQL that is not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.suite import load
from pytest_audit_ledger.verify.judgement import Verification
from pytest_audit_ledger.verify.run import verify
from tests.postgres.support import REGISTRY


def run_text(folder: Path, dsn: str, text: str, *, timeout: int = DEFAULT_TIMEOUT_S, **options: Any) -> Verification:
    """Verify a ledger with a suite of this text."""
    path = folder / "own.ledger.yaml"
    path.write_text(text, encoding="utf-8")
    return verify(PostgresSource(dsn, timeout=timeout), load(path, REGISTRY).checks, **options)


def by_id(verification: Verification) -> dict[str, Outcome]:
    """Return the outcomes by the id of their checks."""
    return {outcome.check_id: outcome for outcome in verification.outcomes}
