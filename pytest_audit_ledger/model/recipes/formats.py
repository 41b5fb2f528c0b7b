r"""Formats: how the values of a column are written. No I/O.

A value is as COPY prints it. What a format can make nothing of (infinity as ISO, a text as a number) gives no payload.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from uuid import UUID

from pytest_audit_ledger.model.recipes import moments, options
from pytest_audit_ledger.model.recipes.arrays import elements
from pytest_audit_ledger.model.recipes.errors import Path, RecipeError
from pytest_audit_ledger.model.recipes.parts import ANYTHING, FlatSteps, Kind, Shape, Step, utf8
from pytest_audit_ledger.model.recipes.writers import JSONB_PRETTY, ORDERS, WRITING, Number, Writer, writer_of
from pytest_audit_ledger.native.plan import Form

INTEGERS = frozenset(("smallint", "integer", "bigint", "oid"))
FLOATS = frozenset(("real", "double precision"))
DOCUMENTS = frozenset(("json", "jsonb"))

_MARKS = frozenset("+-.:TZ ")
_NUMBER = Shape(frozenset("0123456789+-.eENaInfity"), marks=_MARKS)
_WHOLE = Shape(frozenset("0123456789-"), marks=_MARKS)
HASH = Shape(fixed=True, alphabet=frozenset())
_MOMENT = Shape(frozenset("0123456789-:.+TZ BCinfty"), marks=_MARKS)
ENCODED = {
    "hex": frozenset("0123456789abcdef"),
    "HEX": frozenset("0123456789ABCDEF"),
    "base64": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="),
    "raw": None,
}
_UUID = Shape(ENCODED["hex"], fixed=True)
_DIGEST = re.compile(r"(md5|sha1|sha256|sha384|sha512|sha3-256|blake2b)_(hex|HEX|base64|raw)")
_BYTEA = re.compile(r"\\x(?:[0-9a-f]{2})*")
_BOOLEANS = {"t": True, "f": False, "true": True, "false": False, "1": True, "0": False}
_PRECISION = re.compile(r"\([^)]*\)")


class Quick(NamedTuple):
    """How the native core writes a format: a form, a text after it, and bytes that leave a value to Python."""

    form: Form
    after: bytes = b""
    refused: bytes = b""


@dataclass(frozen=True)
class Format:
    """How values are written. `step` is None if they are written as they are.

    `quick`: how the native core does it. `flat`: the same as the steps of a flat profile.
    """

    step: Step | None = None
    kind: Kind = Kind.TEXT
    shape: Shape = ANYTHING
    quick: Quick | None = None
    flat: FlatSteps = ()


@dataclass(frozen=True)
class Given:
    """What a format gets: values of a type (PostgreSQL's name, empty if unknown), or what a format before it made."""

    type: str
    kind: Kind
    shape: Shape
    writer: Writer


def plain_type(name: str) -> str:
    """Return a type of PostgreSQL without its length or precision."""
    return _PRECISION.sub("", name)


def stored(type_: str) -> Format:
    """Return the format that writes values as COPY prints them."""
    if type_ in INTEGERS:
        return Format(shape=_WHOLE)
    if type_ in FLOATS or type_ == "numeric":
        return Format(shape=_NUMBER)
    if type_ == "date" or type_.startswith("timestamp"):
        return Format(shape=_MOMENT)
    if type_ == "boolean":
        return Format(shape=Shape(frozenset("tf"), fixed=True))
    if type_ == "bytea":
        return Format(shape=Shape(frozenset("\\x0123456789abcdef")))
    return Format(shape=_UUID if type_ == "uuid" else ANYTHING)


def in_json(type_: str, writer: Writer) -> Format:
    """Return the format of a column that is a member of JSON and has no format of its own: by its type."""
    if type_ in INTEGERS:
        return Format(None, Kind.JSON)
    if type_ == "numeric":
        number = Quick(Form.RAW, refused=b"NIny")  # NaN and infinities
        finite = each(lambda text: text if text[-1:].isdigit() else None)
        return Format(finite, Kind.JSON, quick=number, flat=(("finite",),))
    if type_ == "boolean":
        named = {"t": "true", "f": "false"}
        return Format(each(named.get), Kind.JSON, quick=Quick(Form.SWITCH), flat=(("switch", named),))
    if type_ in FLOATS or type_ in DOCUMENTS:
        return _document(type_, writer)
    if type_.endswith("[]"):
        return _json_array(type_, writer)
    return Format()


def format_of(data: Any, given: Given, path: Path) -> Format:
    """Return a format from its data: a name, a mapping of its name to its options, or a list, each for the one before.

    Raises RecipeError if there is no such format, or it has no such options.
    """
    if isinstance(data, list):
        found = Format(None, given.kind, given.shape)
        for place, part in enumerate(data):
            made = format_of(part, replace(given, kind=found.kind, shape=found.shape), (*path, place))
            found = Format(_after(found.step, made.step), made.kind, made.shape, flat=found.flat + made.flat)
            given = replace(given, type="text")
        return found
    if isinstance(data, Mapping) and len(data) == 1:
        ((name, value),) = data.items()
        if name in WITH_OPTIONS:
            return WITH_OPTIONS[name](value, given, (*path, name))
        raise RecipeError(
            (*path, str(name)), f"unknown format {name!r}; formats with options are {_names(WITH_OPTIONS)}"
        )
    if isinstance(data, str):
        if digest := _DIGEST.fullmatch(data):
            return _digest(digest[1], digest[2], given)
        if data in PLAIN:
            return PLAIN[data](given)
    known = f"{_names(PLAIN)}, {_names(WITH_OPTIONS)} with options, and digests like sha256_hex"
    raise RecipeError(path, f"{data!r} is not a format; formats are {known}")


def _names(formats: Mapping[str, Any]) -> str:
    return ", ".join(formats)


def each(one: Callable[[str], str | None]) -> Step:
    """Return the step that writes each value by itself."""
    return lambda values: list(map(one, values))


def _after(first: Step | None, second: Step | None) -> Step | None:
    if first is None or second is None:
        return first or second

    def both(values: list[str]) -> list[str | None]:
        made = first(values)
        if None not in made:
            return list(second([text for text in made if text is not None]))
        written = iter(second([text for text in made if text is not None]))
        return [None if text is None else next(written) for text in made]

    return both


def _bytes(given: Given) -> Step | None:
    """Return the step to the bytes of values, as Latin-1: those of a bytea, otherwise UTF-8.

    If the type is unknown, what looks like a bytea is one.
    """
    if given.kind is Kind.BYTES:
        return None
    if given.type == "bytea":
        return each(of_bytea)
    if given.type:
        return utf8
    return lambda values: [
        of_bytea(value) if value.startswith("\\x") and _BYTEA.fullmatch(value) else utf8([value])[0] for value in values
    ]


def _flat_bytes(given: Given) -> FlatSteps:
    """Return `_bytes` as steps of a flat profile, which is only made if the types of columns are known."""
    return (("decoded", "hex", "\\x"),) if given.kind is not Kind.BYTES and given.type == "bytea" else ()


def of_bytea(text: str) -> str | None:
    r"""Return the bytes that COPY prints as `\x` and hex; None if it is something else."""
    return bytes.fromhex(text[2:]).decode("latin-1") if _BYTEA.fullmatch(text) else None


def encoded(content: bytes, form: str) -> str:
    """Return bytes as `hex`, `HEX`, `base64`, or `raw`, which is Latin-1."""
    if form == "base64":
        return base64.b64encode(content).decode()
    if form == "raw":
        return content.decode("latin-1")
    return content.hex().upper() if form == "HEX" else content.hex()


def _encoding(form: str) -> Callable[[Given], Format]:
    def made(given: Given) -> Format:
        step = _after(_bytes(given), each(lambda text: encoded(text.encode("latin-1"), form)))
        flat = (*_flat_bytes(given), ("encoded", form))
        return Format(step, Kind.TEXT, Shape(ENCODED[form], empty=True), flat=flat)

    return made


def digest_of(algorithm: str) -> Callable[[bytes], Any]:
    """Return the function of hashlib for an algorithm as a profile names it."""
    found: Callable[[bytes], Any] = getattr(hashlib, algorithm.replace("-", "_"))
    return found


def _digest(algorithm: str, form: str, given: Given) -> Format:
    digest = digest_of(algorithm)
    step = each(lambda text: encoded(digest(text.encode("latin-1")).digest(), form))
    kind = Kind.BYTES if form == "raw" else Kind.TEXT
    flat = (*_flat_bytes(given), ("digest", algorithm), ("encoded", form))
    return Format(_after(_bytes(given), step), kind, Shape(ENCODED[form], fixed=True), flat=flat)


def _json(data: Any, given: Given, path: Path) -> Format:
    found = options.mapping(data, ("keys", *WRITING), path)
    writer = writer_of({key: value for key, value in found.items() if key != "keys"}, given.writer, path)
    if "keys" in found:
        writer = replace(writer, order=options.one_of(found["keys"], ORDERS, (*path, "keys")))
    made = _document(given.type, writer)
    return _indented(made, writer) if "indent" in found else made


def _indented(made: Format, writer: Writer) -> Format:
    """Return a format of JSON that also writes lines."""
    return replace(made, step=_after(made.step, each(writer.indented)), flat=(*made.flat, writer.flat_indent))


def _jcs(given: Given) -> Format:
    return _document(given.type, writer_of({"style": "jcs"}, given.writer, ()))


def _document(type_: str, writer: Writer) -> Format:
    """Return the format that writes JSON again. PostgreSQL prints the double 5.0 as 5, which is no integer for that."""
    is_plain = writer.style == "python" and writer.order != "javascript" and type_ not in FLOATS
    flat = (("json" if is_plain else f"{type_}_by", *writer.flat),)
    if type_ in FLOATS:
        return Format(each(_or_nothing(lambda text: writer.double(float(text)))), Kind.JSON, flat=flat)
    return Format(each(writer.document), Kind.JSON, flat=flat)


def _json_array(type_: str, writer: Writer) -> Format:
    inner = in_json(type_.removesuffix("[]"), writer)

    def value(element: Any) -> Any:
        if isinstance(element, list):
            return list(map(value, element))
        if element is None or inner.kind is Kind.TEXT:
            return element
        written = inner.step([element])[0] if inner.step else element
        if written is None:
            raise ValueError("an element cannot be written")
        return Number(written)

    step = each(_or_nothing(lambda text: writer.written(value(elements(text)))))
    return Format(step, Kind.JSON, flat=(("json_array", type_),))


def _or_nothing(one: Callable[[str], str]) -> Callable[[str], str | None]:
    def found(text: str) -> str | None:
        try:
            return one(text)
        except (ValueError, InvalidOperation, RecursionError):
            return None

    return found


def _iso(data: Any, _given: Given, path: Path) -> Format:
    found = options.mapping(data, ("digits", "offset", "zone", "separator"), path)
    digits = options.one_of(found.get("digits", "python"), moments.DIGITS, (*path, "digits"))
    offset = options.one_of(found.get("offset", "+00:00"), moments.OFFSETS, (*path, "offset"))
    separator = options.text(found.get("separator", "T"), (*path, "separator"))
    zone = options.text(found.get("zone", "UTC"), (*path, "zone"))
    try:
        step = moments.iso(digits, offset, zone, separator)
    except ValueError as error:
        raise RecipeError((*path, "zone"), str(error)) from error
    fixed = digits.isdigit() and (zone == "UTC" or offset not in ("Z", "+00"))
    shape = Shape(frozenset(f"0123456789-:.+Z{separator}"), fixed=fixed, marks=_MARKS)
    quick = Quick(Form[f"ISO_{digits.upper()}"], offset.encode()) if (zone, separator) == ("UTC", "T") else None
    return Format(step, Kind.TEXT, shape, quick, moments.flat_iso(digits, offset, zone, separator))


def _strftime(data: Any, _given: Given, path: Path) -> Format:
    found = options.mapping(data if isinstance(data, Mapping) else {"pattern": data}, ("pattern", "zone"), path)
    pattern = options.text(found.get("pattern"), (*path, "pattern"))
    zone = options.text(found.get("zone", "UTC"), (*path, "zone"))
    try:
        return Format(moments.strftime(pattern, zone), flat=(("time", pattern, zone),))
    except ValueError as error:
        raise RecipeError(path, str(error)) from error


def _unix(data: Any, _given: Given, path: Path) -> Format:
    unit = options.one_of(data, moments.UNITS, path)
    return Format(moments.unix(unit), Kind.JSON, _WHOLE, flat=(("time", f"%{{{unit}}}", "UTC"),))


def _decimals(data: Any, given: Given, path: Path) -> Format:
    if not isinstance(data, int) or isinstance(data, bool) or data < 0:
        raise RecipeError(path, f"expected a number of digits, got {data!r}")
    read: Callable[[str], Any] = float if given.type in FLOATS else Decimal

    def one(text: str) -> str:
        shown = format(read(text), f".{data}f")
        if not shown[-1:].isdigit():
            raise ValueError(f"{text} has no digits")
        return shown

    return Format(each(_or_nothing(one)), Kind.TEXT, _NUMBER, flat=(("decimals", data, given.type in FLOATS),))


def _booleans(data: Any, _given: Given, path: Path) -> Format:
    if not isinstance(data, list) or len(data) != len({True, False}):
        raise RecipeError(path, 'expected what true and false are written as, for example ["1", "0"]')
    bare = all(isinstance(value, (int, bool)) for value in data)
    true, false = (json.dumps(value) if bare else options.text(value, path) for value in data)
    written = {text: true if value else false for text, value in _BOOLEANS.items()}
    shape = Shape(frozenset(true + false), fixed=len(true) == len(false))
    return Format(each(written.get), Kind.JSON if bare else Kind.TEXT, shape, flat=(("switch", written),))


def _uuid(_given: Given) -> Format:
    def one(text: str) -> str:
        return str(UUID(bytes=bytes.fromhex(text[2:])) if _BYTEA.fullmatch(text) else UUID(text))

    return Format(each(_or_nothing(one)), Kind.TEXT, _UUID, flat=(("uuid",),))


def _raw(given: Given) -> Format:
    shape = given.shape if given.type and given.type != "bytea" else ANYTHING
    return Format(_bytes(given), Kind.BYTES, shape, flat=_flat_bytes(given))


def _python_str(given: Given) -> Format:
    """Return the format that writes what Python's str() returns for the value that psycopg reads."""
    type_ = given.type
    if type_.startswith("timestamp"):
        offset = "" if type_ == "timestamp without time zone" else "+00:00"
        flat = moments.flat_iso("python", offset, "UTC", " ")
        return Format(moments.iso("python", offset, separator=" "), Kind.TEXT, _MOMENT, flat=flat)
    readers: dict[str, Callable[[str], Any]] = {
        "boolean": {"t": True, "f": False}.__getitem__,
        "numeric": Decimal,
        **dict.fromkeys(FLOATS, float),
        **dict.fromkeys(DOCUMENTS, json.loads),
        "text[]": elements,
    }
    if type_ in readers:
        read = readers[type_]
        return Format(each(_or_nothing(lambda text: str(read(text)))), flat=(("python_str", type_),))
    return stored(type_)


PLAIN: Mapping[str, Callable[[Given], Format]] = {
    "as_stored": lambda given: Format(None, given.kind, given.shape),
    "raw": _raw,
    "hex": _encoding("hex"),
    "HEX": _encoding("HEX"),
    "base64": _encoding("base64"),
    "iso": lambda given: _iso({}, given, ()),
    "python_str": _python_str,
    "uuid": _uuid,
    "json_pg": lambda _: Format(None, Kind.JSON),
    JSONB_PRETTY: lambda _: _indented(Format(None, Kind.JSON), Writer(separators=(",", ": "), indent=JSONB_PRETTY)),
    "json": lambda given: _json({}, given, ()),
    "jcs": _jcs,
    "json_array": lambda given: _json_array(given.type or "text[]", given.writer),
}
"""Formats without options, by name."""

WITH_OPTIONS: Mapping[str, Callable[[Any, Given, Path], Format]] = {
    "iso": _iso,
    "strftime": _strftime,
    "unix": _unix,
    "decimals": _decimals,
    "booleans": _booleans,
    "json": _json,
}
"""Formats with options, by name."""
