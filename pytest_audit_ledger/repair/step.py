"""What a repair is made of: the ledger it is planned for, the steps, and the names in their SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.questions import Catalog

LONGEST_WORDS = 1_000
"""Characters of what a step or an impossibility says."""

LONGEST_NAME_BYTES = 63
"""Of a name in PostgreSQL (NAMEDATALEN - 1); it cuts off the rest."""


@dataclass(frozen=True)
class RepairStep:
    """One restored protection: what it does, in words, and its complete statements, with every name quoted."""

    what: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Impossible:
    """A protection that is missing and cannot be restored: which, why, and what to do."""

    words: str


def step(what: str, *statements: str) -> RepairStep:
    """Return a step; names within `what` are made harmless."""
    return RepairStep(printable(what, LONGEST_WORDS), statements)


def impossible(words: str) -> Impossible:
    """Return what cannot be restored; names within the words are made harmless."""
    return Impossible(printable(words, LONGEST_WORDS))


def quoted(*parts: str) -> str:
    """Return a name, qualified by those before it, as SQL reads it whatever it holds.

    What a terminal would not show is written as an escape, so that a script reads as it runs.
    """
    return ".".join(map(_quoted, parts))


def _quoted(name: str) -> str:
    text = name.replace('"', '""')
    if not _hides(name):
        return f'"{text}"'
    return 'U&"{}"'.format("".join(f"\\+{ord(c):06x}" if c == "\\" or _hides(c) else c for c in text))


def literal(text: str) -> str:
    """Return a string as SQL reads it, with standard_conforming_strings on or off; see `quoted`."""
    escaped = text.replace("'", "''")
    if "\\" not in text and not _hides(text):
        return f"'{escaped}'"
    return "E'{}'".format("".join(f"\\U{ord(c):08x}" if c == "\\" or _hides(c) else c for c in escaped))


def regclass(*parts: str) -> str:
    """Return the name of a relation as a value; unlike SQL, the server knows no escapes within it."""
    name = ".".join('"{}"'.format(part.replace('"', '""')) for part in parts)
    return f"{literal(name)}::pg_catalog.regclass"


def _hides(text: str) -> bool:
    return printable(text, len(text)) != text


def free_name(stem: str, label: str, taken: Collection[str]) -> str:
    """Return `stem_label`, cut and numbered as PostgreSQL does it where that is too long or taken."""
    for number in count():
        tail = f"_{label}{number or ''}"
        room = LONGEST_NAME_BYTES - len(tail.encode())
        name = stem.encode()[:room].decode(errors="ignore") + tail
        if name not in taken:
            return name
    raise AssertionError("unreachable: there are more numbers than names")


@dataclass(frozen=True)
class RepairTarget:
    """The ledger that a repair is planned for, as its snapshot shows it."""

    catalog: Catalog
    schema: str
    table: str

    @property
    def name(self) -> str:
        """The table's name, qualified and quoted."""
        return quoted(self.schema, self.table)

    def ask(self, script: str, **parts: str) -> list[dict[str, Any]]:
        """Return the rows of a query about the entries, in which `{ledger}` and the parts are put in as SQL."""
        texts = {name: part.replace("%", "%%") for name, part in {**parts, "ledger": self.name}.items()}
        return self.catalog.rows(sql(script).format(**texts))

    @cached_property
    def _names(self) -> list[dict[str, Any]]:
        return self.catalog.rows(sql("names.sql"))

    def free_name(self, label: str) -> str:
        """Return a name for a constraint or an index, as PostgreSQL would choose it, that nothing has yet."""
        return free_name(self.table, label, {row["name"] for row in self._names if row["what"] != "trigger"})

    def free_trigger_name(self, operation: str, relation: int | None) -> str:
        """Return a name for a trigger that none has on the relation, or, where None, on any relation of the ledger."""
        taken = {row["name"] for row in self._names if row["what"] == "trigger" and relation in (None, row["relation"])}
        return free_name("ledger", f"refuse_{operation.lower()}", taken)
