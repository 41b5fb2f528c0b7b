r"""From the values in a file to the texts of a batch: what the server would print.

A file says little about types. An export of ours names them in its manifest, and a profile can (`types`). For what is
left, the values of the first entries decide (`guessed_types`): this only matters to recipes that write a value by its
type, as JSON does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any, NoReturn

from pytest_audit_ledger.model.batch import NULL, plain_texts
from pytest_audit_ledger.model.columns import MOMENT, NAIVE_MOMENT, UNITS_PER_SECOND, Column
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.profile import ORDER, SEQUENCE, TIMESTAMP, Profile
from pytest_audit_ledger.sources import copy_text
from pytest_audit_ledger.sources.export_records import Number
from pytest_audit_ledger.sources.selection import read_moment

Converter = Callable[[list[Any]], list[str]]
"""From values of a file to JSON text (see `model/batch.py`). Raises ValueError for one that it cannot read."""

_CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!0{6})\d{6})?\+00:00", re.ASCII)
_BEYOND = re.compile(r"-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00( BC)?", re.ASCII)
"""Moments of PostgreSQL that Python cannot hold."""

_PRINTED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d(:\d\d)?|Z)", re.ASCII)
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?", re.ASCII)
_NANOSECONDS = re.compile(r"(\.\d{6})\d+", re.ASCII)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_FRACTION = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_BYTES = re.compile(r"(?:\\x|0x)((?:[0-9a-fA-F]{2})*)", re.ASCII)
_TRUTH = {"t": "t", "true": "t", "TRUE": "t", "1": "t", "f": "f", "false": "f", "FALSE": "f", "0": "f"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def converter(profile: Profile, name: str, column: Column | None) -> Converter:
    """Return what reads a column that a batch calls `name`."""
    if profile.schemas:
        declared = profile.schemas[-1].columns.get(name)
        types = {"bigint": _whole_numbers, MOMENT: _moments, "jsonb": _anything}
        return types.get(declared.type, _texts) if declared else _anything
    if name in (SEQUENCE, ORDER):
        return _whole_numbers
    if name == TIMESTAMP:
        unit = profile.timestamp_unit
        return (lambda values: [_counted(text, unit) for text in _anything(values)]) if unit else _microseconds
    return _printer(column.type if column else "text")


def _printer(type_: str) -> Converter:
    """Return what writes the values of a column as COPY prints those of a type; others stay as they are."""
    one = {"boolean": _boolean, "bytea": _bytea, MOMENT: _zoned, NAIVE_MOMENT: _naive}.get(type_)
    return _anything if one is None else lambda values: list(map(one, _anything(values)))


_IN_HEX = "in hexadecimal, such as 0x00ff"


def _boolean(text: str) -> str:
    return _TRUTH.get(text, text)


def _bytea(text: str) -> str:
    r"""Return bytes as COPY prints them; mysql's client prints them as 0x…. In a batch, the backslash is doubled."""
    found = _BYTES.fullmatch(text.replace("\\\\", "\\") or "0x")
    if found is None and text != NULL:
        raise ValueError(f"which is not bytes {_IN_HEX}")
    return text if found is None else f"\\\\x{found[1].lower()}"


def _zoned(text: str) -> str:
    """Return a moment as COPY prints it in UTC."""
    moment = read_moment(text)
    if moment is None:
        return text
    day, _, clock = canonical_timestamp(moment).removesuffix("+00:00").partition("T")
    return f"{day} {clock.rstrip('0') if '.' in clock else clock}+00"


def _naive(text: str) -> str:
    """Return a time without a zone as COPY prints it."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return text
    fraction = (found[3] or "").rstrip("0")
    return f"{found[1]} {found[2]}{fraction and '.'}{fraction}"


def guessed_types(values: Mapping[str, Sequence[Any]], *, is_json: bool) -> dict[str, str]:
    """Return the types that the values of columns look like, by PostgreSQL's names; `text` if they look like none.

    `is_json`: whether the file has types of its own, so that a text is not a number, whatever it looks like.
    """
    looks = {name: fits for name, fits in _LOOKS.items() if not is_json or name in _TEXTS_IN_JSON}
    return {name: _guessed([one for one in column if one is not None], looks) for name, column in values.items()}


def _guessed(values: Sequence[Any], looks: Mapping[str, Callable[[str], Any]]) -> str:
    if not values:
        return "text"
    if not all(isinstance(value, str) for value in values):
        kinds = {type(value) for value in values}
        if kinds == {bool}:
            return "boolean"
        if kinds == {int}:
            return "bigint"
        return "numeric" if kinds <= {int, float, Number} else "json"
    for type_, fits in looks.items():
        if all(map(fits, values)):
            return type_
    return "text"


def _is_document(text: str) -> bool:
    try:
        return text[:1] in "{[" and isinstance(json.loads(text), (dict, list))
    except (ValueError, RecursionError):
        return False


_LOOKS: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: text in ("t", "f", "true", "false"),
    "bytea": lambda text: text.startswith("\\x") and _BYTES.fullmatch(text),
    "bigint": _WHOLE.fullmatch,
    "numeric": _FRACTION.fullmatch,
    MOMENT: _PRINTED.fullmatch,
    "json": _is_document,
}


_TEXTS_IN_JSON = ("bytea", MOMENT)
"""What JSON can only write as a text."""


def _counted(text: str, unit: str) -> str:
    """Return the canonical time of a number that counts units since 1970."""
    if text == NULL:
        return NULL
    try:
        microseconds = int(Decimal(text) * 1_000_000 / UNITS_PER_SECOND[unit])
        return canonical_timestamp(_EPOCH + timedelta(microseconds=microseconds))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ValueError("which is not a time") from error


def _whole_numbers(values: list[Any]) -> list[str]:
    texts = [NULL if value is None else str(value) for value in values]
    numbers = all(text == NULL or _WHOLE.fullmatch(text) for text in texts)
    if numbers and {type(value) for value in values} <= {int, str, type(None)}:
        return texts
    raise ValueError("which is not a whole number")


def _texts(values: list[Any]) -> list[str]:
    try:
        return [NULL if value is None else _json_text(value) for value in values]
    except (TypeError, UnicodeEncodeError) as error:
        raise ValueError(f"which is not text in UTF-8; write bytes {_IN_HEX}") from error


def _json_text(value: str) -> str:
    text = encode_basestring(value)[1:-1]
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


def _anything(values: list[Any]) -> list[str]:
    """Return text as it is, and any other value as JSON."""
    try:
        return _texts([v if v is None or isinstance(v, str) else _dumped(v) for v in values])
    except RecursionError as error:
        raise ValueError("which is nested too deeply") from error


class _KeptAsWrittenError(Exception):
    """Raised at a number that `json.dumps` cannot write as it is in the file."""


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_refuse_number)
    except _KeptAsWrittenError:
        return _written_out(value)


def _refuse_number(_: Number) -> NoReturn:
    raise _KeptAsWrittenError


def _written_out(value: Any) -> str:
    """Return a value as JSON with each number as it is in the file."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_dumped(key)}: {_written_out(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written_out, value))}]"
    return _dumped(value)


def _moments(values: list[Any]) -> list[str]:
    return [value if value and _CANONICAL.fullmatch(value) else _moment(value) for value in _texts(values)]


def _microseconds(values: list[Any]) -> list[str]:
    """Return moments of a program that kept more digits than PostgreSQL, which are only compared with one another."""
    return [_moment(_NANOSECONDS.sub(r"\1", text)) for text in _texts(values)]


def _moment(text: str) -> str:
    """Return a moment in its canonical form, however the file has it."""
    if text == NULL or _BEYOND.fullmatch(text):
        return copy_text.canonical(text)
    moment = read_moment(text)
    if moment is None:
        raise ValueError("which is not a time")
    return canonical_timestamp(moment)


_QUOTED_IN_ROW = re.compile(r'[\s"\\(),]')


def row_texts(columns: Iterable[list[str]]) -> list[str]:
    """Return several columns of a batch as one, each entry as PostgreSQL prints a row of their values."""
    plain = [plain_texts(column) for column in columns]
    return _texts([f"({','.join(map(_in_row, row))})" for row in zip(*plain, strict=True)])


def _in_row(value: str | None) -> str:
    if value is None:
        return ""
    if value and not _QUOTED_IN_ROW.search(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '""')
    return f'"{escaped}"'
