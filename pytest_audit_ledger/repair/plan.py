"""The plan of a repair: the steps to take, and the missing protections that no step can restore.

A plan is made in a read-only snapshot, from the judgement of the checks append_only and table_guard. It only adds:
triggers and functions that refuse changes, constraints that the entries satisfy, indexes. It drops nothing, and changes
no entry, column, type, policy, rule or owner; if a protection needs that, the plan says so and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from pytest_audit_ledger.kinds.table_guard import BEYOND_REPAIR, TableGuard
from pytest_audit_ledger.model.outcome import Severity
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.repair.constraint_steps import constraint_steps, index_steps, sequence_steps
from pytest_audit_ledger.repair.step import LONGEST_WORDS, Impossible, RepairStep, RepairTarget, impossible, settings
from pytest_audit_ledger.repair.trigger_steps import trigger_steps
from pytest_audit_ledger.sources.postgres import PostgresSource

_SAMPLES = 10_000

ADVICE = {
    "NOT_A_TABLE": "find out who created it and where the entries are; nothing can be restored on it",
    "TABLE_UNLOGGED": "let its owner run ALTER TABLE … SET LOGGED, which rewrites the whole table",
    "ROW_SECURITY": "find out which rows it hides, then let its owner run ALTER TABLE … DISABLE ROW LEVEL SECURITY",
    "REWRITE_RULE": "find out what they do, then let the owner drop them",
    "CHILD_TABLE": "find out which rows they hold, then let the owner run ALTER TABLE … NO INHERIT",
    "COLUMN_MISSING": "restore the ledger from a backup, because the contents of the column are lost",
    "COLUMN_RETYPED": "compare its values with a backup or export before the owner changes the type back",
    "COLUMN_GENERATED": "restore the column from a backup, because what was written in it is lost",
    "CATALOG_CONTRADICTION": "only a superuser can have done this; restore the ledger from a backup on another server",
    "CONSTRAINT_UNTRUE": "compare these entries with a backup or export before the owner drops the constraint",
}
"""What to do about each finding that no step can resolve, by its code."""


@dataclass(frozen=True)
class RepairPlan:
    """The steps to take, in order, and the missing protections that cannot be restored."""

    steps: tuple[RepairStep, ...]
    impossible: tuple[str, ...]

    def script(self) -> str:
        """Return the steps as SQL for psql, each in a transaction of its own; empty without steps."""
        return "\n".join(_block(step) for step in self.steps)


def plan_repair(source: PostgresSource) -> RepairPlan:
    """Return what would restore the protections of a ledger, which is only read.

    Raises SourceError if the ledger cannot be read.
    """
    with source.snapshot() as snapshot:
        found: list[RepairStep | Impossible] = list(_beyond_repair(snapshot))
        if snapshot.info.relation_kind in ("r", "p"):
            ledger = RepairTarget(snapshot, source.schema, source.table)
            # what protects entries best comes first; an index may fail for lack of space and must not delay the rest
            found += chain(trigger_steps(ledger), constraint_steps(ledger), sequence_steps(ledger), index_steps(ledger))
    return RepairPlan(
        tuple(one for one in found if isinstance(one, RepairStep)),
        tuple(one.words for one in found if isinstance(one, Impossible)),
    )


def _beyond_repair(catalog: Catalog) -> Iterator[Impossible]:
    """Yield the findings of the check table_guard that no step can resolve."""
    guard = TableGuard({}, catalog.info, _SAMPLES)
    guard.examine(catalog)
    for finding in guard.findings.samples:
        if finding.code in BEYOND_REPAIR and finding.severity is not Severity.INFO:
            yield impossible(f"{finding.message}; {ADVICE[finding.code]}")


def _block(step: RepairStep) -> str:
    words, begin = f"-- {printable(step.what, LONGEST_WORDS)}", " ".join(["BEGIN;", *settings()])
    return "\n".join([words, begin, *step.statements, "COMMIT;", ""])
