"""The registry of kinds: everybody's kinds, each name once."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints import comparison, written_order
from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.kinds.kind import CatalogKind, Kind, ScanKind
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.questions import Catalog


class Weekend(ScanKind):
    name = "no_weekends"
    rule = "No verdict is given at a weekend."
    remedy = "Ask why."
    columns = ("timestamp",)

    def feed(self, batch: Batch) -> None:
        """Find nothing."""


class Tidy(CatalogKind):
    name = "tidy"
    rule = "The table is tidy."
    remedy = "Tidy up."
    unit = "things"

    def examine(self, catalogue: Catalog) -> None:
        """Find nothing."""


class Impostor(Weekend):
    name = "entry_hash"


class NoRule(ScanKind):
    name = "no_rule"
    columns = ("verdict",)

    def feed(self, batch: Batch) -> None:
        """Find nothing."""


class NoUnit(CatalogKind):
    name = "no_unit"
    rule = "A rule."
    remedy = "A remedy."

    def examine(self, catalogue: Catalog) -> None:
        """Find nothing."""


class NumberedName(Weekend):
    name = 7  # type: ignore[assignment]


class NoColumns(ScanKind):
    name = "no_columns"
    rule = "A rule."
    remedy = "A remedy."

    def feed(self, batch: Batch) -> None:
        """Find nothing."""


class Unfinished(ScanKind):
    name = "unfinished"
    rule = "A rule."
    remedy = "A remedy."
    columns = ("verdict",)


class NeitherFoldNorGuard(Kind):
    name = "neither"
    rule = "A rule."
    remedy = "A remedy."
    unit = "things"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.register(SHIPPED, "ours")
    return registry


def test_the_shipped_kinds_are_found_by_name(registry: Registry) -> None:
    assert [registry.get(kind.name) for kind in SHIPPED] == list(SHIPPED)
    assert list(registry) == list(SHIPPED)
    assert registry.names() == sorted(name for kind in SHIPPED for name in (kind.name, *kind.aliases))
    assert all(registry.get(alias) is kind for kind in SHIPPED for alias in kind.aliases)


def test_a_name_that_nobody_registered_is_none(registry: Registry) -> None:
    assert registry.get("nothing") is None
    assert Registry().names() == []


def test_kinds_of_other_plugins_stand_beside_ours(registry: Registry) -> None:
    registry.register([Weekend, Tidy], "theirs")
    assert registry.get("no_weekends") is Weekend
    assert registry.get("tidy") is Tidy


def test_a_name_that_is_taken_is_refused_and_both_plugins_are_named(registry: Registry) -> None:
    with pytest.raises(RegistrationError) as refusal:
        registry.register([Impostor], "theirs")
    assert "'entry_hash'" in refusal.value.message
    assert "theirs" in refusal.value.message
    assert "ours" in refusal.value.message
    assert refusal.value.remedy
    assert registry.get("entry_hash") is not Impostor


def test_the_same_kind_twice_is_refused() -> None:
    with pytest.raises(RegistrationError, match="already registered"):
        Registry().register([Weekend, Weekend], "theirs")


@pytest.mark.parametrize("thing", [Weekend.name, object, dict, None, Weekend.feed, NeitherFoldNorGuard, 3])
def test_what_is_no_fold_or_guard_is_refused(registry: Registry, thing: Any) -> None:
    with pytest.raises(RegistrationError, match="theirs"):
        registry.register([thing], "theirs")


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [(NoRule, "rule, remedy"), (NoUnit, "unit"), (NumberedName, "name"), (NoColumns, "columns"), (Unfinished, "feed")],
    ids=["rule", "unit", "name", "columns", "feed"],
)
def test_a_kind_that_lacks_something_is_refused_with_what_it_lacks(
    registry: Registry, kind: type[Kind], lacking: str
) -> None:
    with pytest.raises(RegistrationError, match=lacking) as refusal:
        registry.register([kind], "theirs")
    assert kind.__name__ in refusal.value.message
    assert "theirs" in refusal.value.message


@pytest.mark.parametrize("kind", SHIPPED, ids=[kind.name for kind in SHIPPED])
def test_every_shipped_kind_speaks_in_sentences_and_describes_its_parameters(kind: type[Kind]) -> None:
    assert kind.rule.endswith(".")
    assert kind.remedy.endswith(".")
    for name, schema in kind.parameters_schema.items():
        assert schema["description"].endswith("."), name


@pytest.mark.parametrize("kind", [kind for kind in SHIPPED if kind.remedies], ids=lambda kind: kind.name)
def test_a_remedy_of_its_own_is_for_a_code_that_the_kind_finds(kind: type[Kind]) -> None:
    sources = "".join(inspect.getsource(module) for module in (sys.modules[kind.__module__], comparison, written_order))
    for code, remedy in kind.remedies.items():
        assert len(re.findall(rf'"{code}"', sources)) >= 2, "the remedy, and the finding"
        assert remedy.endswith(".")


def test_what_is_about_the_chain_and_its_protection_is_about_integrity() -> None:
    rest = {kind.name for kind in SHIPPED if not kind.integrity}
    assert rest == {
        "hash_coverage",
        *("not_null", "unique", "unique_combination_of_columns", "accepted_values", "accepted_range", "relationships"),
        *("values_match_regex", "values_increasing", "sequential_values", "pair_a_greater_than_b"),
        *("row_count_between", "recency", "columns_match_set", "expression_is_true", "metric", "failed_rows"),
    }
