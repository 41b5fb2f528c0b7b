"""Write entries as rows of an export: from the columns of a batch, which are JSON text, to JSON or CSV.

Both are built column by column and joined row by row, in C; only values that need it are handled one by one. The native
core writes the same bytes, by the plan next to each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat

from pytest_audit_ledger.model.batch import NULL, Batch, json_objects, json_text
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.profile import Profile, own
from pytest_audit_ledger.native.plan import Form, Piece, Plan

_FORMULA = tuple(
    json_text(character) or ""
    for character in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # noqa: RUF001
)
"""What a spreadsheet reads as the start of a formula (OWASP, "CSV Injection"), and the apostrophe that prevents it."""

_HASHED_TEXTS = {*PAYLOAD_COLUMNS.values(), "entry_hash"} - {"sequence_number", "timestamp"}
"""Columns that are hashed as text, and so written as text, whatever their type."""

NUMBERS = re.compile(r"smallint|integer|bigint|real|double precision|numeric(\(.*\))?")
DOCUMENTS = frozenset({"json", "jsonb"})
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})


def written_types(profile: Profile, columns: Mapping[str, Column], names: Iterable[str]) -> dict[str, str]:
    """Return the types that columns are written as, in the order of `names`.

    What the profile declares as text is written as text. Of any other profile, a column of the type `json` is: its
    spaces, the order of its keys and repeated ones can be hashed, too.
    """
    if profile.schemas:
        return {name: "text" if name in _HASHED_TEXTS else columns[name].type for name in names}
    return {name: "text" if columns[name].type == "json" else columns[name].type for name in names}


def batch_names(profile: Profile, names: Iterable[str]) -> list[str]:
    """Return what a batch calls columns of the table."""
    return list(map(profile.in_batch, names))


def own_columns(profile: Profile, batch: Batch, names: Iterable[str]) -> Batch:
    """Return a batch with columns of the table under their own names."""
    return batch if profile.schemas else Batch({name: batch.text(own(name)) for name in names})


def json_rows(batch: Batch, types: Mapping[str, str]) -> Iterator[str]:
    """Yield each entry of a batch as a JSON object with the fields of `types`: UTF-8, decoded as Latin-1."""
    columns = {(json_text(name) or ""): _as_json(batch.text(name), kind) for name, kind in types.items()}
    return json_objects(columns)


def _as_json(column: list[str], kind: str) -> tuple[list[str], bool]:
    """Return a column as JSON, and whether its values are still to be quoted."""
    if NUMBERS.fullmatch(kind):
        finite = _NOT_FINITE.isdisjoint(column)
        return (column if finite else [f'"{text}"' if text in _NOT_FINITE else text for text in column], False)
    if kind == "boolean":
        return ([{"t": "true", "f": "false"}.get(text, text) for text in column], False)
    if kind in DOCUMENTS:
        return ([text if text == NULL else _plain(text).replace("\n", " ") for text in column], False)
    return (column, True)


def json_rows_plan(profile: Profile, types: Mapping[str, str]) -> Plan:
    """Return how the native core writes what `json_rows` does."""
    pieces: list[Piece] = []
    for name, kind in types.items():
        key = f'{"," if pieces else "{"}"{json_text(name)}":'.encode("latin-1")
        pieces.append(_json_piece(key, profile.in_batch(name), kind))
    return Plan(tuple(pieces), b"}")


def _json_piece(key: bytes, column: str, kind: str) -> Piece:
    if NUMBERS.fullmatch(kind):
        return Piece(key, column, Form.TEXT, null=b"null", refused=b"NI")  # what is not finite
    if kind == "boolean":
        return Piece(key, column, Form.SWITCH, null=b"null")
    if kind in DOCUMENTS:
        return Piece(key, column, Form.DOCUMENT, null=b"null")
    return Piece(key, column, Form.TEXT, b'"', b'"', b"null")


def csv_rows(batch: Batch, types: Mapping[str, str], *, excel_safe: bool) -> Iterator[str]:
    """Yield each entry of a batch as a CSV line without its line end: UTF-8, decoded as Latin-1.

    A missing value is an empty field; texts are always quoted, numbers never. `excel_safe` puts an apostrophe before a
    text that a spreadsheet would read as a formula, and before one that begins with an apostrophe.
    """
    pieces: list[Iterator[str] | list[str]] = []
    for name, kind in types.items():
        column = batch.text(name)
        pieces.append(_bare(column) if _is_bare(kind) else _quoted(column, excel_safe=excel_safe))
        pieces.append(repeat(","))
    # zip ends with the columns, which are of one length
    return map("".join, zip(*pieces[:-1]))  # noqa: B905


def csv_rows_plan(profile: Profile, types: Mapping[str, str], *, excel_safe: bool) -> Plan:
    """Return how the native core writes what `csv_rows` does."""
    text = Piece(b",", "", Form.DEFUSED if excel_safe else Form.QUOTED, b'"', b'"')
    bare = Piece(b",", "", Form.TEXT)
    pieces = [
        (bare if _is_bare(kind) else text)._replace(column=profile.in_batch(name), before=b"," if place else b"")
        for place, (name, kind) in enumerate(types.items())
    ]
    return Plan(tuple(pieces))


def csv_head(names: list[str], *, excel_safe: bool) -> str:
    """Return the first CSV line, with the column names."""
    return ",".join(_quoted([json_text(name) or "" for name in names], excel_safe=excel_safe))


def _is_bare(kind: str) -> bool:
    return kind == "boolean" or NUMBERS.fullmatch(kind) is not None


def _bare(column: list[str]) -> list[str]:
    return ["" if text == NULL else text for text in column] if NULL in column else column


def _quoted(column: list[str], *, excel_safe: bool) -> list[str]:
    if not excel_safe and "\\" not in "".join(column):
        return [f'"{text}"' for text in column]
    return ["" if text == NULL else _quote(text, excel_safe=excel_safe) for text in column]


def _quote(text: str, *, excel_safe: bool) -> str:
    defused = f"'{text}" if excel_safe and text.startswith(_FORMULA) else text
    escaped = _plain(defused).replace('"', '""')
    return f'"{escaped}"'


def _plain(text: str) -> str:
    """Undo the escapes of JSON text; the result is still UTF-8 decoded as Latin-1."""
    return str(json.loads(f'"{text}"')) if "\\" in text else text
