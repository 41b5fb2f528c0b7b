"""The native core on what a server prints: it hashes every value as Python does, or leaves it to Python."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import Any

import pytest

from pytest_audit_ledger.model.profile import own
from pytest_audit_ledger.model.recipes import compile_recipe
from pytest_audit_ledger.native import ROWS
from pytest_audit_ledger.sources import copy_text
from tests.forger import Forger
from tests.model.recipes.columns import Columns

VALUES: dict[str, list[Any]] = {
    "bytea": [rb"\x", rb"\x00ff5c", "abc"],
    "integer[]": ["{}", "{1,NULL,2}"],
    "text[]": ["{}", r'{"a,b","\"",NULL,"NULL",""}'],
    "json": ['{"a":1, "a":2}', " [1,2e400]  ", "null"],
    "jsonb": ['{"b":1,"a":[1.0,1e2]}', r'"é\n"', "null"],
    "money": ["1.5", "-1000000"],
    "interval": ["1 year -2 days 03:04:05.6", "0"],
    "timestamp": ["infinity", "-infinity", "0044-03-15 BC", "12026-05-21 15:30:00.1", "1999-12-31 23:59:59.999999"],
    "timestamptz": ["infinity", "0044-03-15 BC", "12026-05-21 15:30+02", "2026-05-21 15:30:00", "0001-01-01 00:00+00"],
    "date": ["infinity", "2026-05-21", "0044-03-15 BC"],
    "numeric": ["NaN", "1.50", "0.00000000000000000001", "1e40", "-0"],
    "real": ["NaN", "Infinity", "0.1", "1e-30", "-0"],
    "double precision": ["NaN", "-Infinity", "1e300", "123456789.123456789", "5e-324"],
    "uuid": ["00000000-0000-0000-0000-000000000001"],
    "inet": ["10.0.0.1/32", "::1"],
    "boolean": ["t", "f"],
    "time": ["24:00:00"],
    "timetz": ["12:00:00+02"],
    "char(5)": ["a", "a   "],
    "text": [
        r"\N",
        r"\.",
        "\t\n\r\b\f\v\\",
        "\u2028\U0001f600\x7f\x01",
        "é" * 50_000,
        "",
        "</style>\"'/&",
        "x" * 2**20,
    ],
}
ITEMS: list[Any] = [
    "value",
    {"key": "v", "column": "value", "format": "iso"},
    {"key": "v", "column": "value", "null": "-"},
]
RECIPES: list[dict[str, Any]] = [
    *(
        {"json": {"style": style, "of": [item]}}
        for style in ("python", "javascript", "go", "php", "jcs")
        for item in ITEMS
    ),
    *({"join": {"by": "|", "of": [item, "value"]}} for item in ("value", {"value": {"iso": {"digits": "java"}}})),
]


@pytest.mark.skipif(ROWS is None, reason="the native core was not built on this machine")
@pytest.mark.parametrize("type_", VALUES)
def test_a_type_is_hashed_as_by_python(forger: Forger, type_: str) -> None:
    texts = ["∅", *VALUES[type_]]
    rows = ", ".join(f"({number}, NULLIF(%s, '∅')::{type_})" for number in range(len(texts)))
    buffer = io.BytesIO()
    name = str(forger.run(f"SELECT format_type('{type_}'::regtype, NULL)")[0][0])
    with forger.connection.cursor() as cursor:
        query = cursor.mogrify(f"SELECT value FROM (VALUES {rows}) AS given (number, value)", texts)
        cursor.copy_expert(f"COPY ({query.decode()} ORDER BY number) TO STDOUT", buffer)
    layout = copy_text.plain_layout([own("value")], ())
    quick = copy_text.batch(layout, buffer.getvalue()).quick
    assert quick is not None
    columns = Columns({"value": copy_text.batch(layout, buffer.getvalue()).values(own("value"))})
    for data in RECIPES:
        recipe = compile_recipe(data, {"value": name})
        hashes = quick.hashes(recipe.plan) if recipe.plan else [None] * len(columns)
        for natively, payload in zip(hashes, recipe.payloads(columns), strict=True):
            assert natively in (None, payload and sha256(payload).hexdigest()), (data, payload)
