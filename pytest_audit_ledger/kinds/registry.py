"""The kinds that suites may name. A name belongs to one plugin; a second claim is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pluggy

from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.extensions import PACKAGE, installed_plugins, register_all
from pytest_audit_ledger.kinds.accepted_range import AcceptedRange
from pytest_audit_ledger.kinds.accepted_values import AcceptedValues
from pytest_audit_ledger.kinds.append_only import AppendOnly
from pytest_audit_ledger.kinds.chain_linkage import ChainLinkage
from pytest_audit_ledger.kinds.checkpoint import CheckpointMatch
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards
from pytest_audit_ledger.kinds.columns_match_set import ColumnsMatchSet
from pytest_audit_ledger.kinds.entry_hash import EntryHash
from pytest_audit_ledger.kinds.envelope_consistency import EnvelopeConsistency
from pytest_audit_ledger.kinds.envelope_hash import EnvelopeHash
from pytest_audit_ledger.kinds.export_manifest import ExportManifest
from pytest_audit_ledger.kinds.expression_is_true import ExpressionIsTrue
from pytest_audit_ledger.kinds.failed_rows import FailedRows
from pytest_audit_ledger.kinds.hash_coverage import HashCoverage
from pytest_audit_ledger.kinds.kind import CatalogKind, Kind, QueryKind, ScanKind
from pytest_audit_ledger.kinds.metric import Metric
from pytest_audit_ledger.kinds.not_null import NotNull
from pytest_audit_ledger.kinds.pair_a_greater_than_b import PairAGreaterThanB
from pytest_audit_ledger.kinds.recency import Recency
from pytest_audit_ledger.kinds.relationships import Relationships
from pytest_audit_ledger.kinds.row_count_between import RowCountBetween
from pytest_audit_ledger.kinds.sequence_continuity import SequenceContinuity
from pytest_audit_ledger.kinds.sequential_values import SequentialValues
from pytest_audit_ledger.kinds.table_guard import TableGuard
from pytest_audit_ledger.kinds.timestamp_order import TimestampOrder
from pytest_audit_ledger.kinds.transcript_signature import TranscriptSignature
from pytest_audit_ledger.kinds.unique import Unique
from pytest_audit_ledger.kinds.unique_combination_of_columns import UniqueCombinationOfColumns
from pytest_audit_ledger.kinds.values_increasing import ValuesIncreasing
from pytest_audit_ledger.kinds.values_match_regex import ValuesMatchRegex
from pytest_audit_ledger.kinds.verdict_taxonomy import VerdictTaxonomy

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
    CheckpointMatch,
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
            if not (isinstance(kind, type) and issubclass(kind, (ScanKind, CatalogKind, QueryKind))):
                raise RegistrationError(
                    f"The plugin {plugin} registered {kind!r}, which is not a kind.",
                    "Return subclasses of ScanKind, CatalogKind or QueryKind from pytest_ledger_register_kinds.",
                )
            lacking = ["columns"] if issubclass(kind, ScanKind) and not hasattr(kind, "columns") else []
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


HOOK = "pytest_ledger_register_kinds"


def registered_kinds(manager: pluggy.PluginManager) -> Registry:
    """Return the kinds that the plugins of pytest's manager register, ours among them. Raises RegistrationError."""
    registry = Registry()
    register_all(manager, HOOK, registry)
    return registry


def installed_kinds() -> Registry:
    """Return our own kinds and those of installed plugins (see `extensions.py`). Raises RegistrationError."""
    registry = Registry()
    registry.register(SHIPPED, PACKAGE)
    register_all(installed_plugins(HOOK), HOOK, registry)
    return registry
