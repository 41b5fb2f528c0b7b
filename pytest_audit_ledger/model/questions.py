"""What a kind may ask of a database: its catalog, and SELECTs over the entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_audit_ledger.model.ledger_info import LedgerInfo


class Catalog(Protocol):
    """What a guard may ask of the snapshot."""

    @property
    def info(self) -> LedgerInfo:
        """What is known of the ledger."""

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a read-only query; `%(table)s` is bound to the oid of the ledger's table."""

    def attempt(self, statement: str) -> Attempt:
        """Try a statement that should be refused, in a transaction of its own that is always rolled back."""


@dataclass(frozen=True)
class Attempt:
    """How the server answered: `refusal` is its message, or None where it did as told to `row_count` rows."""

    refusal: str | None
    row_count: int


@dataclass(frozen=True)
class Statement:
    """One SELECT: `{ledger}` stands for the qualified table, and `%(name)s` for a value of `values`, which is bound.

    What goes wrong is told in the server's words, unless it is `discreet` because they may repeat what is redacted.
    """

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    discreet: bool = False


@dataclass(frozen=True)
class Rows:
    """What a statement returned: the names of its columns, its `first` rows as text, and how many there were in all.

    A missing value is None; no text is longer than `outcome.LONGEST_TEXT` characters.
    """

    columns: tuple[str, ...]
    first: tuple[tuple[str | None, ...], ...]
    count: int


class Queries(Protocol):
    """What a query may ask of the snapshot."""

    @property
    def info(self) -> LedgerInfo:
        """What is known of the ledger."""

    def ask(self, statement: Statement, first: int) -> Rows:
        """Return the `first` rows of a SELECT; the others are counted by the server, and not fetched.

        Raises CannotEvaluate where the server refuses it, SourceError where the server is lost.
        """
