"""The parts of a repair: the ledger it is planned for, the steps, and names in their SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model import sql_names
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.sources import postgres

LONGEST_WORDS = 1_000
"""Characters in the description of a step, or of a protection that cannot be restored."""

LONGEST_NAME_BYTES = 63
"""The longest name in PostgreSQL (NAMEDATALEN - 1), which cuts off the rest."""


@dataclass(frozen=True)
class RepairStep:
    """One step: what it does, in words, and its complete statements, with every name quoted."""

    what: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Impossible:
    """A missing protection that cannot be restored: which, why, and what to do."""

    words: str


def settings() -> tuple[str, ...]:
    """Return the statements that begin every step, and pin what could change its meaning."""
    return (
        "SET LOCAL TimeZone = 'UTC';",
        "SET LOCAL search_path = '';",
        f"SET LOCAL lock_timeout = {int(postgres.LOCK_TIMEOUT_S * 1000)};",
        f"SET LOCAL application_name = '{postgres.APPLICATION_NAME} repair';",
    )


def step(what: str, *statements: str) -> RepairStep:
    """Return a step; unprintable characters in `what` are escaped."""
    return RepairStep(printable(what, LONGEST_WORDS), statements)


def impossible(words: str) -> Impossible:
    """Return what cannot be restored; unprintable characters in `words` are escaped."""
    return Impossible(printable(words, LONGEST_WORDS))


def quoted(*parts: str) -> str:
    """Return a qualified name, quoted for SQL.

    Characters that a terminal does not show are escaped, so that a reader of the script sees what it does.
    """
    return ".".join(map(_quoted, parts))


def _quoted(name: str) -> str:
    text = name.replace('"', '""')
    if not _hides(name):
        return f'"{text}"'
    return 'U&"{}"'.format("".join(f"\\+{ord(c):06x}" if c == "\\" or _hides(c) else c for c in text))


def literal(text: str) -> str:
    """Return a text quoted for SQL, with standard_conforming_strings on or off; escapes are those of `quoted`."""
    escaped = text.replace("'", "''")
    if "\\" not in text and not _hides(text):
        return f"'{escaped}'"
    return "E'{}'".format("".join(f"\\U{ord(c):08x}" if c == "\\" or _hides(c) else c for c in escaped))


def regclass(*parts: str) -> str:
    """Return the name of a relation as a value; escapes are not allowed inside it."""
    return f"{literal(sql_names.quoted(*parts))}::pg_catalog.regclass"


def _hides(text: str) -> bool:
    return printable(text, len(text)) != text


def free_name(stem: str, label: str, taken: Collection[str]) -> str:
    """Return `stem_label`, shortened and numbered as PostgreSQL does if it is too long or taken."""
    for number in count():
        tail = f"_{label}{number or ''}"
        room = LONGEST_NAME_BYTES - len(tail.encode())
        name = stem.encode()[:room].decode(errors="ignore") + tail
        if name not in taken:
            return name
    raise AssertionError("unreachable: there are more numbers than names")


@dataclass(frozen=True)
class RepairTarget:
    """The ledger to plan a repair for, as its snapshot shows it."""

    catalog: Catalog
    schema: str
    table: str

    @property
    def name(self) -> str:
        """The table's name, qualified and quoted."""
        return quoted(self.schema, self.table)

    def ask(self, script: str, **parts: str) -> list[dict[str, Any]]:
        """Return the rows of a query about the entries, with `{ledger}` and the parts inserted as SQL."""
        texts = {name: part.replace("%", "%%") for name, part in {**parts, "ledger": self.name}.items()}
        return self.catalog.rows(sql(script).format(**texts))

    @cached_property
    def _names(self) -> list[dict[str, Any]]:
        return self.catalog.rows(sql("names.sql"))

    def free_name(self, label: str) -> str:
        """Return an unused name for a constraint or an index, as PostgreSQL would choose it."""
        return free_name(self.table, label, {row["name"] for row in self._names if row["what"] != "trigger"})

    def free_trigger_name(self, operation: str, relation: int | None) -> str:
        """Return an unused name for a trigger on a relation, or, for None, on all relations of the ledger."""
        taken = {row["name"] for row in self._names if row["what"] == "trigger" and relation in (None, row["relation"])}
        return free_name("ledger", f"refuse_{operation.lower()}", taken)
