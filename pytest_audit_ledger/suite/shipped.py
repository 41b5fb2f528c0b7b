"""The suites of this package, which stand in checks/."""

from __future__ import annotations

DEFAULT_SUITE = "integrity.ledger.yaml"
EXPORT_SUITE = "export.ledger.yaml"


def default_suites(*, of_export: bool) -> tuple[str, ...]:
    """Return the names of the shipped suites that a ledger is verified with; an export has one more."""
    return (DEFAULT_SUITE, EXPORT_SUITE) if of_export else (DEFAULT_SUITE,)
