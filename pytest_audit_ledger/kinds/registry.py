"""The kinds that suites may name. A name belongs to one plugin; a second claim is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.kinds.append_only import AppendOnly
from pytest_audit_ledger.kinds.base import Fold, Guard, Kind, Query
from pytest_audit_ledger.kinds.chain import (
    ChainLinkage,
    EntryHash,
    SequenceContinuity,
    TimestampOrder,
    VerdictTaxonomy,
)
from pytest_audit_ledger.kinds.checkpoint import Checkpoint
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards
from pytest_audit_ledger.kinds.coverage import HashCoverage
from pytest_audit_ledger.kinds.envelope import EnvelopeConsistency, EnvelopeHash
from pytest_audit_ledger.kinds.export_manifest import ExportManifest
from pytest_audit_ledger.kinds.own_sql import ExpressionIsTrue, FailedRows, Metric
from pytest_audit_ledger.kinds.table_guard import TableGuard
from pytest_audit_ledger.kinds.totals import ColumnsMatchSet, Recency, RowCountBetween
from pytest_audit_ledger.kinds.transcript import TranscriptSignature
from pytest_audit_ledger.kinds.values import (
    AcceptedRange,
    AcceptedValues,
    NotNull,
    PairAGreaterThanB,
    Relationships,
    SequentialValues,
    Unique,
    UniqueCombinationOfColumns,
    ValuesIncreasing,
    ValuesMatchRegex,
)

SHIPPED: tuple[type[Kind], ...] = (
    ChainLinkage,
    EntryHash,
    SequenceContinuity,
    TimestampOrder,
    VerdictTaxonomy,
    AppendOnly,
    TableGuard,
    EnvelopeHash,
    EnvelopeConsistency,
    TranscriptSignature,
    HashCoverage,
    Checkpoint,
    CheckpointGuards,
    ExportManifest,
    NotNull,
    Unique,
    UniqueCombinationOfColumns,
    AcceptedValues,
    AcceptedRange,
    Relationships,
    ValuesMatchRegex,
    ValuesIncreasing,
    SequentialValues,
    PairAGreaterThanB,
    RowCountBetween,
    Recency,
    ColumnsMatchSet,
    ExpressionIsTrue,
    Metric,
    FailedRows,
)
"""The kinds of this package, registered through the same hook as everybody's."""


class Registry:
    """Kinds by name, and by their aliases."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[type[Kind], str]] = {}

    def __iter__(self) -> Iterator[type[Kind]]:
        """Yield every kind once, in the order in which they were registered."""
        return iter(dict.fromkeys(kind for kind, _ in self._kinds.values()))

    def register(self, kinds: Iterable[type[Kind]], plugin: str) -> None:
        """Add the kinds of a plugin.

        Raises RegistrationError where one is no usable kind, or where its name is taken; it names both plugins.
        """
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, (Fold, Guard, Query))):
                raise RegistrationError(
                    f"The plugin {plugin} registered {kind!r}, which is no subclass of Fold, Guard or Query.",
                    "Return classes from pytest_ledger_register_kinds.",
                )
            lacking = ["columns"] if issubclass(kind, Fold) and not hasattr(kind, "columns") else []
            lacking += [
                name for name in ("name", "rule", "remedy", "unit") if not isinstance(getattr(kind, name, None), str)
            ]
            if lacking:
                raise RegistrationError(
                    f"The kind {kind.__qualname__} of the plugin {plugin} has no {', '.join(lacking)}.",
                    "Give it these class attributes.",
                )
            unwritten = sorted(kind.__abstractmethods__)
            if unwritten:
                raise RegistrationError(
                    f"The kind {kind.__qualname__} of the plugin {plugin} has no {', '.join(unwritten)}.",
                    "Write the methods that its base class leaves to it.",
                )
            for name in (kind.name, *kind.aliases):
                if name in self._kinds:
                    raise RegistrationError(
                        f"The kind {name!r} of the plugin {plugin} is already registered "
                        f"by the plugin {self._kinds[name][1]}.",
                        "Rename one of them, or switch one plugin off with -p no:NAME.",
                    )
                self._kinds[name] = (kind, plugin)

    def get(self, name: str) -> type[Kind] | None:
        """Return the kind that has this name or alias, or None."""
        return self._kinds[name][0] if name in self._kinds else None

    def names(self) -> list[str]:
        """Return every name and alias, sorted."""
        return sorted(self._kinds)
