"""The kind columns_match_set: the ledger has the listed columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import columns_schema
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Catalog


class ColumnsMatchSet(CatalogKind):
    """The ledger has the listed columns; and no others, unless `exact` is false."""

    name = "columns_match_set"
    aliases = ("expect_table_columns_to_match_set",)
    rule = "The ledger has the listed columns."
    remedy = "Find out who added or removed the column, and correct the list or the table."
    unit = "columns"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "columns": columns_schema("The columns, in any order.", minItems=1, uniqueItems=True),
        "exact": {"type": "boolean", "default": True, "description": "Whether other columns are findings."},
    }
    required_parameters = ("columns",)

    def examine(self, catalog: Catalog) -> None:
        """Compare the list with the catalog."""
        listed, actual = set(self.parameters["columns"]), set(catalog.info.columns)
        self.element_count = len(listed | actual)
        for name in sorted(listed - actual):
            self.findings.add(Finding("COLUMN_MISSING", f"the column {name} is missing", None, name, "no such column"))
        for name in sorted(actual - listed) if self.parameters["exact"] else ():
            self.findings.add(Finding("COLUMN_UNEXPECTED", f"the column {name} is not listed", None, "", name))
