r"""JSON as the standard encoders of Python, JavaScript, Go and PHP write it. No I/O.

What differs, each from the language's own documentation or source:

- Python `json.dumps`: `", "` and `": "` between the parts, ASCII only, numbers by `repr`, and NaN and Infinity.
- JavaScript `JSON.stringify` (ECMA-262, 25.5.2): every number is a double, written by Number::toString (6.1.6.1.20), so
  `-0` is `0`; what a double cannot hold is `null`; a lone surrogate is escaped; in an object, keys that are array
  indexes come first, in order of their numbers (10.1.11.1).
- Go `encoding/json`: `<`, `>`, `&`, U+2028 and U+2029 are escaped; numbers are doubles (`interface{}`), written as in
  JavaScript but with `-0`; a lone surrogate is U+FFFD. Before Go 1.22, backspace and form feed were `\u0008`, `\u000c`.
- PHP `json_encode`: `/` and all beyond ASCII are escaped; integers of 64 bits stay integers; doubles have an exponent
  from 1e17 on and below 1e-4, `1.0e+25`, with 17 digits if `serialize_precision` is 17.

RFC 8785 (JCS) is JavaScript with keys sorted by UTF-16 units, that refuses what JSON cannot hold.

Indented, all of them write `": "` after a key and nothing inside of `[]` and `{}`; PHP always indents by four spaces.
PostgreSQL's jsonb_pretty does, too, but writes a line end inside of `[]` and `{}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from typing import Any

from pytest_audit_ledger.model.recipes import options
from pytest_audit_ledger.model.recipes.errors import Path, RecipeError

STYLES = ("python", "javascript", "go", "go-1.21", "php", "jcs")
ORDERS = ("sorted", "javascript", "stored")
WRITING = ("style", "ascii", "separators", "indent", "escape_slashes", "escape_html", "precision")
"""The options that say how JSON is written."""
JSONB_PRETTY = "jsonb_pretty"
"""The indentation of PostgreSQL's function of this name."""

_LARGEST_INDEX = 2**32 - 2
_INDEX = re.compile("0|[1-9][0-9]{0,9}")
_INT64 = range(-(2**63), 2**63)
_ASCII = 0x7F
_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "/": "\\/"}
_SPECIAL = bytes(range(0x20)) + b'"\\/<>&\x7f'
"""What at least one style escapes of ASCII."""
_DOUBLE_DIGITS = 15
"""Digits of a whole number that a double keeps."""
_ES_SMALLEST, _ES_LARGEST = -6, 21
_PHP_SMALLEST, _PHP_LARGEST = -4, 17


_WIDEST = 10  # what JSON.stringify makes of any wider indentation
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]\s*[\]}]|(?<!\s)\s*([\]}])|([\[{])\s*|(,)\s*')


class Number(str):
    """The text of a number, ready to be written."""

    __slots__ = ()


@dataclass(frozen=True)
class Writer:
    """How one program writes JSON.

    `order` is that of the keys of a document: `sorted`, as `stored`, or `javascript`: sorted by UTF-16 units, with
    array indexes first. `precision`: PHP's `serialize_precision`. `indent` is what a line has for each level, empty
    without lines, or JSONB_PRETTY; only `indented` heeds it, because only a whole document has levels.
    """

    style: str = "python"
    ascii: bool = True
    separators: tuple[str, str] = (", ", ": ")
    order: str = "stored"
    escape_slashes: bool = False
    escape_html: bool = False
    precision: int = -1
    indent: str = ""

    @property
    def in_one_line(self) -> Writer:
        """The same without lines."""
        return replace(self, indent="", separators=_DEFAULTS[self.style].separators) if self.indent else self

    @property
    def refused(self) -> bytes:
        """The bytes of texts that this program may write otherwise than PostgreSQL's COPY and the native core do."""
        escapes_separators = self.style in ("go", "go-1.21", "php")  # U+2028 and U+2029, which start with E2
        refused = bytes(range(0x7F, 0x100)) if self.ascii else b"\xe2" * escapes_separators
        refused += b"/" * self.escape_slashes + b"<>&" * self.escape_html
        return refused + b"\\" * (self.style == "go-1.21")

    def quoted(self, texts: Sequence[str]) -> list[str]:
        """Return texts as JSON strings."""
        whole = "".join(texts)
        if whole.isascii() and len(whole.encode().translate(None, _SPECIAL)) == len(whole):
            return [f'"{text}"' for text in texts]
        return list(map(self._quote, texts))

    def document(self, text: str) -> str | None:
        """Return a JSON document as this program writes it again, or None if it could not have."""
        try:
            value = self._decoder.decode(text)
            return self._dumps(value) if self._dumps else self.written(value)
        except (ValueError, OverflowError, RecursionError):
            return None

    def indented(self, text: str) -> str:
        """Return a JSON document that is written without lines as it is with lines."""
        is_jsonb = self.indent == JSONB_PRETTY
        level, indent = 0, " " * 4 if is_jsonb else self.indent

        def broken(found: re.Match[str]) -> str:
            nonlocal level
            close, start, comma = found.groups()
            if not (close or start or comma):
                is_empty = not found[0].startswith('"')
                return f"{found[0][0]}\n{indent * level}{found[0][-1]}" if is_empty and is_jsonb else found[0]
            level += bool(start) - bool(close)
            line = f"\n{indent * level}"
            return f"{line}{close}" if close else f"{start or self.separators[0]}{line}"

        return _STRUCTURE.sub(broken, text)

    def written(self, value: Any) -> str:
        """Return a value of texts, booleans, None, `Number`, lists and dicts."""
        kind = type(value)  # quicker than isinstance, and nobody makes others
        if kind is Number:
            return str(value)
        if kind is str:
            return self._quote(value)
        if kind is dict:
            between, after = self.separators
            pairs = [f"{self._quote(key)}{after}{self.written(value[key])}" for key in self.keys(value)]
            return f"{{{between.join(pairs)}}}"
        if kind is list:
            return f"[{self.separators[0].join(map(self.written, value))}]"
        return {None: "null", True: "true", False: "false"}[value]

    def keys(self, keys: Iterable[str]) -> list[str]:
        """Return the keys of an object in the order that they are written in."""
        found = list(keys)
        if self.order != "stored" or self.style == "jcs":
            utf16 = not "".join(found).isascii() and (self.style in ("javascript", "jcs") or self.order == "javascript")
            found.sort(key=_utf16 if utf16 else None)
        indexes_first = self.order == "javascript" or (self.style, self.order) == ("javascript", "stored")
        if indexes_first and any(key[:1].isdigit() for key in found):
            found.sort(key=_place)
        return found

    def number(self, token: str) -> Number:
        """Return a number of JSON as this program writes it. Raises ValueError if it cannot."""
        if len(token) <= _DOUBLE_DIGITS and token.isdigit():
            return Number(token)
        if self.style in ("python", "php") and not set(token) & set(".eEN"):
            whole = int(token)
            if self.style == "python" or whole in _INT64:
                return Number(whole)
        return self.double(float(token))

    def double(self, value: float) -> Number:
        """Return a double as this program writes it. Raises ValueError if it cannot."""
        if self.style == "python":
            return Number(json.dumps(value))
        if self.style == "javascript" and not isfinite(value):
            return Number("null")
        if not isfinite(value):
            raise ValueError(f"{value} is not JSON")
        if self.style == "php":
            return Number(_php_number(value, self.precision))
        if not value and self.style.startswith("go"):
            return Number(f"{value:.0f}")
        return Number(_es_number(value))

    @property
    def flat_quote(self) -> tuple[Any, ...]:
        """Return `quoted` as a step of a flat profile, which knows the strings of Python: whether all is ASCII."""
        is_plain = self.style in ("javascript", "jcs") and not self.ascii
        is_same = self.style == "python" or (is_plain and not self.escape_slashes and not self.escape_html)
        return ("quoted", self.ascii) if is_same else ("quoted_by", self.style)

    @property
    def flat(self) -> tuple[Any, ...]:
        """Return how documents are written as a flat profile says it: whether sorted, whether ASCII, what separates."""
        return self.order == "sorted", self.ascii, [*self.separators]

    @property
    def flat_indent(self) -> tuple[Any, ...]:
        """Return `indented` as a step of a flat profile: the indentation, and what is before a line after an item."""
        return ("indented", self.indent, self.separators[0])

    @cached_property
    def _dumps(self) -> Callable[[Any], str] | None:
        if self.style != "python" or self.order == "javascript":
            return None
        is_sorted = self.order == "sorted"
        return json.JSONEncoder(ensure_ascii=self.ascii, separators=self.separators, sort_keys=is_sorted).encode

    @cached_property
    def _decoder(self) -> json.JSONDecoder:
        if self._dumps:
            return json.JSONDecoder()
        return json.JSONDecoder(parse_int=self.number, parse_float=self.number, parse_constant=self.number)

    @cached_property
    def _quote(self) -> Callable[[str], str]:
        if self.style == "python":
            return encode_basestring_ascii if self.ascii else encode_basestring
        optional = ("/" if self.escape_slashes else "") + ("<>&" if self.escape_html else "")
        separators = "\u2028\u2029" if self.style in ("go", "go-1.21", "php") else ""
        beyond = "\x80-\U0010ffff" if self.ascii else f"{separators}\ud800-\udfff"
        substitute = re.compile(f'[\\x00-\\x1f"\\\\{optional}{beyond}]').sub
        differing = re.compile(f"[{optional}{beyond}\b\f]").search

        def quote(text: str) -> str:
            if differing(text):
                return f'"{substitute(lambda found: self._escape(found[0]), text)}"'
            return encode_basestring(text)  # Python escapes all others in the same way

        return quote

    def _escape(self, character: str) -> str:
        if "\ud800" <= character <= "\udfff" and self.style != "javascript":
            # what PHP and RFC 8785 refuse stays, and has no UTF-8
            return "\ufffd" if self.style.startswith("go") else character
        short = _ESCAPES.get(character)
        if short and not (self.style == "go-1.21" and character in "\b\f"):
            return short
        return encode_basestring_ascii(character)[1:-1] if ord(character) > _ASCII else f"\\u{ord(character):04x}"


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _place(key: str) -> int:
    """Return the place of a key among array indexes; all other keys come after them."""
    return int(key) if _INDEX.fullmatch(key) and int(key) <= _LARGEST_INDEX else _LARGEST_INDEX + 1


def _digits(shown: str) -> tuple[str, str, int]:
    """Return sign, significant digits, and where the decimal point is: 0.DIGITS times ten to this power."""
    sign, digits, exponent = Decimal(shown).as_tuple()
    text = "".join(map(str, digits))
    return "-" * sign, text.rstrip("0") or "0", len(text) + int(exponent)


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    return digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"


def _es_number(number: float) -> str:
    """Return a finite number as ECMAScript's Number::toString."""
    if not number:
        return "0"
    shown = repr(number)
    if "e" not in shown:
        return shown.removesuffix(".0")
    sign, digits, point = _digits(shown)
    if _ES_SMALLEST < point <= _ES_LARGEST:
        return sign + _plain(digits, point)
    return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1:+d}"


def _php_number(number: float, precision: int) -> str:
    """Return a finite number as PHP's json_encode (`smart_str_append_double`)."""
    if not number:
        return f"{number:.0f}"
    sign, digits, point = _digits(repr(number) if precision < 0 else f"{number:.{precision - 1}e}")
    if _PHP_SMALLEST < point <= (_PHP_LARGEST if precision < 0 else precision):
        return sign + _plain(digits, point)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}e{point - 1:+d}"


def writer_of(data: Mapping[str, Any], base: Writer, path: Path) -> Writer:
    """Return the writer that options ask for. Others are as in `base`, or if a style is named, as that has them.

    Raises RecipeError for an option that is not valid.
    """
    if "style" in data:
        style = options.one_of(data["style"], STYLES, (*path, "style"))
        base = replace(_DEFAULTS[style], order=base.order, indent=base.indent)
    if "indent" in data:
        base = replace(base, indent=_indent(data["indent"], (*path, "indent")))
    if base.indent and not data.keys().isdisjoint(("indent", "style")):
        base = replace(base, separators=(",", ": "))
    names = ("ascii", "escape_slashes", "escape_html")
    switches: dict[str, Any] = {name: options.switch(data[name], (*path, name)) for name in names if name in data}
    base = replace(base, **switches)
    if "separators" in data:
        between, after = options.texts(data["separators"], 2, (*path, "separators"))
        base = replace(base, separators=(between, after))
    if "precision" in data:
        precision = options.one_of(data["precision"], ("-1", "17"), (*path, "precision"))
        base = replace(base, precision=int(precision))
    return base


def _indent(data: Any, path: Path) -> str:
    """Return the indentation that a number of spaces, or a text of white space, stands for."""
    if isinstance(data, int) and not isinstance(data, bool) and 0 < data <= _WIDEST:
        return " " * data
    if isinstance(data, str) and data and (data == JSONB_PRETTY or not data.strip(" \t")):
        return data
    raise RecipeError(path, f'expected 1 to {_WIDEST} spaces, a text of white space such as "\\t", or {JSONB_PRETTY}')


_COMPACT = (",", ":")
_DEFAULTS: Mapping[str, Writer] = {
    "python": Writer(),
    "javascript": Writer("javascript", ascii=False, separators=_COMPACT),
    "go": Writer("go", ascii=False, separators=_COMPACT, escape_html=True),
    "go-1.21": Writer("go-1.21", ascii=False, separators=_COMPACT, escape_html=True),
    "php": Writer("php", separators=_COMPACT, escape_slashes=True),
    "jcs": Writer("jcs", ascii=False, separators=_COMPACT),
}
