"""Restoring what protects the entries, and never an entry: plan, show, and carry out.

A plan is made in a read-only snapshot, from the same judgement that the checks append_only and table_guard make. It
only adds: triggers and functions that refuse, constraints that the entries satisfy, indexes. It drops nothing, and
changes no entry, column, type, policy, rule or owner; what would take that is told as impossible, with what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from pytest_audit_ledger.kinds.table_guard import BEYOND_REPAIR, TableGuard
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.repair import execution as repairs
from pytest_audit_ledger.repair.constraint_steps import constraint_steps, index_steps, sequence_steps
from pytest_audit_ledger.repair.step import LONGEST_WORDS, Impossible, RepairStep, RepairTarget, impossible
from pytest_audit_ledger.repair.trigger_steps import trigger_steps
from pytest_audit_ledger.sources.postgres import PostgresSource

__all__ = ["Plan", "Step", "apply", "plan", "script"]

_SAMPLES = 10_000

_ADVICE = {
    "NOT_A_TABLE": "find out who put it there and where the entries are; nothing can be restored on it",
    "TABLE_UNLOGGED": "have its owner run ALTER TABLE … SET LOGGED, which writes the whole table anew",
    "ROW_SECURITY": "find out who it hides rows from, and have its owner run ALTER TABLE … DISABLE ROW LEVEL SECURITY",
    "REWRITE_RULE": "find out what they did, and have the owner drop them",
    "CHILD_TABLE": "find out what rows they hold, and have the owner run ALTER TABLE … NO INHERIT",
    "COLUMN_MISSING": "restore the ledger from a backup, for what the column held is lost",
    "COLUMN_RETYPED": "compare its values with a backup or export before its owner gives it the type back",
}


@dataclass(frozen=True)
class Plan:
    """The steps to take, in order, and the protections that are missing and cannot be restored."""

    steps: tuple[RepairStep, ...]
    impossible: tuple[str, ...]


def plan(source: PostgresSource) -> Plan:
    """Return what would restore the protections of a ledger. Reads only.

    Raises SourceError where the ledger cannot be read.
    """
    with source.snapshot() as snapshot:
        lasting = list(_beyond_repair(snapshot))
        if snapshot.info.relation_kind not in ("r", "p"):
            return Plan((), tuple(one.words for one in lasting))
        ledger = RepairTarget(snapshot, source.schema, source.table)
        # first what protects the entries most; an index can fail for want of space and must hold nothing up
        parts = chain(trigger_steps(ledger), constraint_steps(ledger), sequence_steps(ledger), index_steps(ledger))
        found = list(parts)
    lasting += [one for one in found if isinstance(one, Impossible)]
    return Plan(tuple(one for one in found if isinstance(one, RepairStep)), tuple(one.words for one in lasting))


def _beyond_repair(catalog: Catalog) -> Iterator[Impossible]:
    """Yield what the check table_guard finds besides constraints."""
    guard = TableGuard({}, catalog.info, _SAMPLES)
    guard.examine(catalog)
    for finding in guard.findings.samples:
        if finding.code in BEYOND_REPAIR:
            yield impossible(f"{finding.message}; {_ADVICE[finding.code]}")


def apply(source: PostgresSource, plan: Plan) -> None:
    """Take the steps of a plan, each in a transaction of its own, over a connection that may write.

    Raises SourceError at the first step that fails: those before it stay done, those after it are not tried.
    """
    repairs.execute(source, [(step.what, step.statements) for step in plan.steps])


def script(plan: Plan) -> str:
    """Return the steps as SQL for psql, each in a transaction of its own; a plan without steps is an empty text."""
    return "\n".join(_block(step) for step in plan.steps)


def _block(step: RepairStep) -> str:
    words, begin = f"-- {printable(step.what, LONGEST_WORDS)}", " ".join(["BEGIN;", *repairs.settings()])
    return "\n".join([words, begin, *step.statements, "COMMIT;", ""])
