"""What a kind may ask a database: its catalog, and SELECTs over the entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_audit_ledger.model.ledger_info import LedgerInfo


class Catalog(Protocol):
    """What a catalog kind may ask the snapshot."""

    @property
    def info(self) -> LedgerInfo:
        """What is known about the ledger."""

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a read-only query; `%(table)s` is bound to the oid of the ledger's table."""

    def attempt(self, statement: str) -> Attempt:
        """Try a statement that should be refused, in a transaction that is always rolled back."""


@dataclass(frozen=True)
class Attempt:
    """The server's answer: `refusal` is its message, or None if it accepted, and changed `row_count` rows."""

    refusal: str | None
    row_count: int


@dataclass(frozen=True)
class Statement:
    """One SELECT: `{ledger}` is replaced by the qualified table; `%(name)s` is a value of `values`, which is bound.

    An error repeats the server's message, unless the statement is `discreet`: the message may have redacted values.
    """

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    discreet: bool = False


@dataclass(frozen=True)
class Rows:
    """The result of a statement: the names of its columns, its `first` rows as text, and the number of all rows.

    A missing value is None; no text is longer than `outcome.LONGEST_TEXT` characters.
    """

    columns: tuple[str, ...]
    first: tuple[tuple[str | None, ...], ...]
    count: int


class Queries(Protocol):
    """What a query kind may ask the snapshot."""

    @property
    def info(self) -> LedgerInfo:
        """What is known about the ledger."""

    def ask(self, statement: Statement, first: int) -> Rows:
        """Return the `first` rows of a SELECT; the server counts the others.

        Raises CannotEvaluate if the server refuses it, SourceError if the connection is lost.
        """
