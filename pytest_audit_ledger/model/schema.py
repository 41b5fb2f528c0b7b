"""The schema that a profile declares for its table: types, keys and constraints, as SQL would. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.outcome import Severity


@dataclass(frozen=True)
class Constraint:
    """A PRIMARY KEY or UNIQUE over columns, or a CHECK of one column, by its `kind`.

    A CHECK allows only `values`, or, if None, any text but the empty one. `severity` is that of its loss, None for that
    of the check.
    """

    kind: str
    columns: tuple[str, ...]
    values: tuple[str, ...] | None = None
    severity: Severity | None = None


@dataclass(frozen=True, kw_only=True)
class Schema:
    """One version of a table. `indexes`: the columns of those that no constraint has; they only make reading fast."""

    version: str
    columns: Mapping[str, Column]
    keys: Sequence[Constraint] = ()
    checks: Sequence[Constraint] = ()
    indexes: Sequence[tuple[str, ...]] = ()
