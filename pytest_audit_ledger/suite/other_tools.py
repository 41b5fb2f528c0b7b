"""Recognise files of Great Expectations, Soda and dbt, and say what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MANUAL = 'The table "Names you know" in checks/README.md has the others.'

_ADVICE = {
    "Great Expectations": (
        "write `version: 1` and `checks:`, and for each expectation an item with `id: NAME`, "
        "`expect: expect_column_values_to_not_be_null` (its expectation_type) and its kwargs as keys, such as "
        "`column: rule_id`."
    ),
    "Soda": (
        "write `version: 1` and `checks:`, and for each check an item: for `missing_count(rule_id) = 0` write "
        "`id: NAME`, `expect: not_null` and `column: rule_id`."
    ),
    "dbt": (
        "write `version: 1` and `checks:`, and for each test an item: for the test `not_null` of the column rule_id "
        "write `id: NAME`, `expect: not_null` and `column: rule_id`."
    ),
}
_KEYS = {
    "Great Expectations": ("expectation_suite_name", "expectations", "data_asset_type", "validations"),
    "Soda": ("dataset", "data_source", "filter", "variables"),
    "dbt": ("models", "sources", "seeds", "snapshots", "data_tests", "unit_tests"),
}
"""Keys at the top of their files, none of which a suite has."""


def recognised(data: Any) -> str | None:
    """Return whose file this is, and what to write instead; None if it is not known."""
    tool = _tool(data)
    return f"this is a file of {tool}, not a suite; {_ADVICE[tool]} {_MANUAL}" if tool else None


def _tool(data: Any) -> str | None:
    if isinstance(data, list) and data and all(isinstance(one, dict) and "expectation_type" in one for one in data):
        return "Great Expectations"
    if not isinstance(data, Mapping):
        return None
    if any(str(key).startswith(("checks for ", "filter ", "for each ", "profile columns")) for key in data):
        return "Soda"
    if isinstance(data.get("checks"), list) and isinstance(data.get("version"), int) and data["version"] == 1:
        return None  # a suite with a stray key, which is named
    return next((tool for tool, keys in _KEYS.items() if any(key in data for key in keys)), None)
