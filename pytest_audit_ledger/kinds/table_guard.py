"""The kind table_guard: the ledger is an ordinary table with its constraints, and nothing hides rows of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.check_expressions import allows
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Severity
from pytest_audit_ledger.model.profile import SEQUENCE
from pytest_audit_ledger.model.profile_coverage import named_columns
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.model.schema import Constraint, Schema
from pytest_audit_ledger.model.sql_names import ascii_lower, quoted

_RELATION_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "c": "a composite type",
    "i": "an index",
    "I": "an index",
}
_MOST_COUNTED = 1_000_000
"""Entries counted of another table."""

_MAY_NOT_READ = "42501"
"""SQLSTATE insufficient_privilege (PostgreSQL documentation, appendix A), also where row-level security hides rows."""


@dataclass(frozen=True)
class Lost:
    """A constraint that a ledger needs and that the table does not enforce for every entry.

    `constraint` is NOT NULL, PRIMARY KEY, UNIQUE or CHECK. A CHECK allows only `values`, or, if None, any text that is
    not empty. `unproven` are equivalent constraints that were never validated, each with its expression, which is empty
    for a NOT NULL.
    """

    constraint: str
    column: str
    expected: str = ""
    actual: str = "no such constraint"
    severity: Severity | None = None
    values: tuple[str, ...] | None = None
    unproven: tuple[tuple[str, str], ...] = ()


class TableGuard(CatalogKind):
    """The ledger is a table with its columns and constraints, and nothing hides rows of it. No parameters."""

    name = "table_guard"
    family = Family.PROTECTIONS
    rule = "The ledger is an ordinary table with all its columns and constraints, and nothing can hide its rows."
    remedy = (
        "Restore the definition of the table; sql/schema.sql has the original. Find out who changed it, and when. "
        "Compare the entries with the latest backup or export."
    )
    remedies: ClassVar[Mapping[str, str]] = {
        "CONSTRAINT_MISSING": (
            "Without the constraints, wrong entries could be written: compare them with the latest backup or export. "
            "If the table had them before, find out who removed them, and when. To add or restore them, run this as "
            "the table's owner: `audit-ledger verify --repair`."
        ),
        "TABLE_UNLOGGED": "Run ALTER TABLE … SET LOGGED on the tables shown.",
        "OTHER_LEDGER": "Find out what the relations shown are for. If one was put aside, compare it with the ledger.",
        "CATALOG_CONTRADICTION": (
            "Do not rely on this server: only a superuser can have done this. Restore a backup on another server, and "
            "verify it there."
        ),
        "CONSTRAINT_UNTRUE": "Compare the entries that contradict the constraint with a backup or export.",
        "COLUMN_GENERATED": "Restore the column from a backup. Find out who replaced it, and when.",
        "NAME_SHADOWED": (
            "Find out who made the relation and the setting shown, and which of the two relations applications read. "
            "Change the applications to name the table with its schema."
        ),
    }
    unit = "columns and constraints"
    integrity = True
    inconclusive = frozenset({"NAME_SHADOWED", "OTHER_LEDGER"})

    def examine(self, catalog: Catalog) -> None:
        """Compare the catalog's description with the schema that the profile declares."""
        self.facts["schema"] = catalog.info.schema
        self.element_count += 1
        kind = catalog.info.relation_kind
        if kind not in ("r", "p"):
            actual = _RELATION_KINDS.get(kind, f"relation kind {kind}")
            message = f"{catalog.info.table} is {actual}, which can show any rows"
            self.findings.add(Finding("NOT_A_TABLE", message, None, "a table", actual))
            return
        self._examine_hiding(catalog)
        self._examine_switches(catalog)
        self._examine_other_ledgers(catalog)
        self._examine_shadows(catalog)
        self._examine_columns(catalog)
        self._examine_keys(catalog)
        self._examine_checks(catalog)
        self._examine_truth(catalog)

    def _examine_hiding(self, catalog: Catalog) -> None:
        (row,) = catalog.rows(sql("hiding.sql"))
        self.element_count += 6
        for relation in row["unlogged"] or ():
            message = f"{relation} is UNLOGGED, so a crash of the server empties it"
            self.findings.add(Finding("TABLE_UNLOGGED", message, None, "LOGGED", "UNLOGGED", Severity.WARNING))
        if row["row_security"]:
            policies = ", ".join(row["policies"] or ["no policy"])
            message = f"row-level security is enabled ({policies}) and can hide rows from other readers"
            self.findings.add(Finding("ROW_SECURITY", message, None, "disabled", f"enabled, {policies}"))
        if row["rules"]:
            rules = ", ".join(row["rules"])
            message = f"rewrite rules ({rules}) can replace a statement on the ledger with another one"
            self.findings.add(Finding("REWRITE_RULE", message, None, "no rules", rules))
        if row["children"]:
            children = ", ".join(row["children"])
            message = f"child tables ({children}) add rows that the ledger's constraints do not cover"
            self.findings.add(Finding("CHILD_TABLE", message, None, "no child tables", children))
        for part in row["foreign_parts"] or ():
            message = f"{part}, a part of the ledger, is not a table and can show different rows to each reader"
            self.findings.add(Finding("NOT_A_TABLE", message, None, "a table", "another kind of relation"))
        for column in row["generated"] or ():
            message = f"the column {column} is generated: its values are computed, and were never written"
            self.findings.add(Finding("COLUMN_GENERATED", message, None, "a stored value", "a generated column"))

    def _examine_switches(self, catalog: Catalog) -> None:
        """Compare what the server trusts with what it stands for (see sql/switches.sql)."""
        self.element_count += 1
        for row in catalog.rows(sql("switches.sql")):
            message = f"the catalog's {row['switch']} of {row['object']} is wrong, and the server trusts it"
            self.findings.add(Finding("CATALOG_CONTRADICTION", message, None, row["actual"], row["stored"]))

    def _examine_other_ledgers(self, catalog: Catalog) -> None:
        """Report other relations with a ledger's columns: one of them may be the genuine table."""
        self.element_count += 1
        for row in catalog.rows(sql("other_ledgers.sql"), {"columns": catalog.info.profile.marks}):
            held = ""
            if row["readable"]:
                count = f"SELECT count(*) AS number FROM (SELECT FROM {row['name']} LIMIT {_MOST_COUNTED}) AS entry"  # noqa: S608  (quoted)
                number = int(catalog.rows(count)[0]["number"])
                held = f", and {'at least ' if number == _MOST_COUNTED else ''}{number:,} entries"
            message = f"the {row['kind']} {row['name']} also has the columns of a ledger{held}"
            self.findings.add(Finding("OTHER_LEDGER", message, None, "one ledger", row["name"], Severity.WARNING))

    def _examine_shadows(self, catalog: Catalog) -> None:
        """Report relations that a search_path finds before the ledger: whoever omits the schema reads another table."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in catalog.rows(sql("shadows.sql")):
            path = list(_schemas(row["path"], row["user"]))
            schema, own = row["schema"], row["own_schema"]
            if {schema, own} <= set(path) and path.index(schema) < path.index(own):
                found.setdefault(row["name"], []).append(row)
        for name, settings in found.items():
            given = [row for row in settings if row["given"]]
            where = ", ".join(dict.fromkeys(_setting(row) for row in given or settings))
            message = f"a statement that names no schema finds {name} instead of the ledger ({where})"
            severity = None if given else Severity.WARNING
            self.findings.add(Finding("NAME_SHADOWED", message, None, self.ledger.table, name, severity))

    def _examine_columns(self, catalog: Catalog) -> None:
        actual = catalog.info.columns
        lost = {one.column: one for one in lost_not_nulls(catalog)}
        for name, column in expected_schema(catalog.info).columns.items():
            self.element_count += 1
            if name not in actual:
                message = f"the column {name} is missing"
                self.findings.add(Finding("COLUMN_MISSING", message, None, column.type, "no such column"))
                continue
            self._examine_type(name, actual[name], column)
            if name in lost:
                self._lost(lost[name])

    def _examine_type(self, name: str, actual: Column, expected: Column) -> None:
        """Report a column of another type; one that loses nothing is information only."""
        declared = actual.declared or actual.type
        if declared == (expected.declared or expected.type):
            return
        severity = None
        message = f"the column {name} has a different type than in the ledger's schema"
        if actual.loses_nothing_of(expected):
            severity, message = Severity.INFO, f"{message}, which loses nothing"
        elif actual.type == expected.type:
            severity = Severity.WARNING  # whether digits of a hashed timestamp were lost, entry_hash shows
            message = f"the column {name} keeps only {actual.digits} of the {expected.digits} decimals of a second"
        self.findings.add(Finding("COLUMN_RETYPED", message, None, expected.type, declared, severity))

    def _examine_keys(self, catalog: Catalog) -> None:
        if not catalog.info.profile.unique:
            self.facts["unique numbers"] = f"not promised: {catalog.info.profile.no_guards}"
        self.element_count += len(expected_schema(catalog.info).keys)
        for lost in lost_keys(catalog):
            self._lost(lost)

    def _examine_checks(self, catalog: Catalog) -> None:
        self.element_count += len(expected_schema(catalog.info).checks)
        for lost in lost_checks(catalog):
            self._lost(lost)

    def _examine_truth(self, catalog: Catalog) -> None:
        """Count the entries that contradict a constraint, in a form that the planner cannot answer by the constraint.

        A CHECK that runs code of somebody's own is not evaluated, because this role would run that code. A role that
        may not read the entries learns the rest; the checks of the entries report that it may not.
        """
        checks = [row for row in catalog.rows(sql("constraints.sql")) if row["type"] == "c" and row["holds"]]
        rules = {row["name"]: f"({row['expression']}) IS FALSE" for row in checks if not row["runs_own_code"]}
        columns = [name for name, column in catalog.info.columns.items() if column.not_null]
        rules.update({f"NOT NULL on {name}": f"pg_catalog.num_nulls({quoted(name)}) > 0" for name in columns})
        if not rules:
            return
        counts = ", ".join(f"count(*) FILTER (WHERE {rule}) AS rule_{at}" for at, rule in enumerate(rules.values()))
        no_index = "SET LOCAL enable_indexonlyscan = off"
        query = f"{no_index}; SELECT {counts} FROM {catalog.info.table}"  # noqa: S608  (quoted, or the catalog's own)
        try:
            (row,) = catalog.rows(query.replace("%", "%%"))
        except SourceError as error:
            if error.sqlstate != _MAY_NOT_READ:
                raise
            self.facts["constraints"] = "not compared with the entries, which the role may not read"
            return
        self.element_count += len(rules)
        for name, count in zip(rules, row.values(), strict=True):
            if count:
                message = f"{count:,} entries contradict the constraint {name}, which the server takes as valid"
                self.findings.add(Finding("CONSTRAINT_UNTRUE", message, None, "no entry", f"{count:,} entries"))

    def _lost(self, lost: Lost) -> None:
        message = f"the constraint {lost.constraint} on {lost.column} is missing"
        expected = lost.expected or f"{lost.constraint} ({lost.column})"
        self.findings.add(Finding("CONSTRAINT_MISSING", message, None, expected, lost.actual, lost.severity))


def _schemas(path: str, user: str) -> Iterator[str]:
    """Yield the schemas of a search_path, in which `user` stands for "$user"."""
    for item in re.findall(r'"(?:[^"]|"")*"|[^,\s"]+', path):
        name = item[1:-1].replace('""', '"') if item.startswith('"') else ascii_lower(item)
        yield user if name == "$user" else name


def _setting(row: Mapping[str, Any]) -> str:
    """Return in words what sets a search_path."""
    if not row["given"]:
        return f"the default search_path of the role {row['role']}"
    whose = f"ROLE {row['role']}" if row["role"] else "DATABASE" if row["in_database"] else "ROLE ALL"
    return f"search_path set by ALTER {whose}"


def expected_schema(info: LedgerInfo) -> Schema:
    """Return the schema that the profile declares; if it declares none, its columns of any type, and its key."""
    profile = info.profile
    if info.declared is not None:
        return info.declared
    columns = {name: replace(info.columns.get(name, _ANY), not_null=False) for name in sorted(named_columns(profile))}
    numbers = Constraint("UNIQUE", (*profile.streams, profile.column(SEQUENCE)), severity=Severity.WARNING)
    return Schema(version="", columns=columns, keys=[numbers] if profile.unique else [])


def lost_not_nulls(catalog: Catalog) -> Iterator[Lost]:
    """Yield the columns that allow NULL, or whose NOT NULL was never validated."""
    unproven: dict[str, list[tuple[str, str]]] = {}
    for row in catalog.rows(sql("constraints.sql")):
        if row["type"] == "n" and not row["holds"]:
            for column in row["columns"]:
                unproven.setdefault(column, []).append((row["name"], ""))
    actual = catalog.info.columns
    for name, column in expected_schema(catalog.info).columns.items():
        if name in actual and column.not_null and (not actual[name].not_null or name in unproven):
            yield Lost("NOT NULL", name, unproven=tuple(unproven.get(name, ())))


BEYOND_REPAIR = frozenset(
    {
        *("NOT_A_TABLE", "TABLE_UNLOGGED", "ROW_SECURITY", "REWRITE_RULE", "CHILD_TABLE", "COLUMN_MISSING"),
        *("COLUMN_RETYPED", "COLUMN_GENERATED", "CATALOG_CONTRADICTION", "CONSTRAINT_UNTRUE"),
    }
)
"""What no constraint and no trigger restores: only the owner can undo it, if anybody can."""

_ANY = Column("a column", False)


def lost_keys(catalog: Catalog) -> Iterator[Lost]:
    """Yield the keys that the table promises and no valid index enforces."""
    keys = [row for row in catalog.rows(sql("unique_indexes.sql")) if row["is_enforced"]]
    for declared in expected_schema(catalog.info).keys:
        wanted = sorted(declared.columns)
        if declared.kind == "PRIMARY KEY":
            is_kept = any(key["is_primary"] and sorted(key["essential"]) == wanted for key in keys)
        else:
            is_kept = any(wanted in (sorted(key["columns"]), sorted(key["essential"])) for key in keys)
        if not is_kept:
            yield Lost(declared.kind, ", ".join(declared.columns), severity=declared.severity)


def lost_checks(catalog: Catalog) -> Iterator[Lost]:
    """Yield the columns whose values no CHECK limits for every entry."""
    checks = [row for row in catalog.rows(sql("constraints.sql")) if row["type"] == "c"]
    for declared in expected_schema(catalog.info).checks:
        (column,), values = declared.columns, declared.values
        meant = [check for check in checks if allows(check["expression"], column, values)]
        if any(check["holds"] for check in meant):
            continue
        rule = f"one of {', '.join(values)}" if values is not None else "not empty"
        about = [check["expression"] for check in checks if column in (check["columns"] or [])]
        state = f"{about[0]}{' (not validated or not enforced)' if meant else ''}" if about else "no such constraint"
        unproven = tuple((check["name"], check["expression"]) for check in meant if check["enforced"])
        yield Lost("CHECK", column, rule, state, declared.severity, values, unproven)
