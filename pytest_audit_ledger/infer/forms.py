"""The forms in which writers put values of a type into a payload. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from zoneinfo import available_timezones

from pytest_audit_ledger.model.recipes.formats import DOCUMENTS, FLOATS, INTEGERS, plain_type

Data = Mapping[str, Any]

COMMON, RARE, LOCAL, ALL = range(4)
"""When forms are tried: the common ones first, then all but those with local times, then the common ones with these.

All of them together are tried only if somebody gave a payload, so that little else is open.
"""


@dataclass(frozen=True, eq=False)
class Form:
    """What an item says besides its column.

    Writers mostly treat all columns of a `family` alike: all moments, all booleans. `level`: when it is tried.
    """

    family: str
    data: Data
    level: int = COMMON

    @cached_property
    def style(self) -> str:
        """The form as a text, to compare."""
        return json.dumps(self.data)


_SCALE = re.compile(r"^numeric\(\d+,(\d+)\)")

PLAIN = Form("", {})
_RARE = (
    *('"digits": 9', '"java"', '"strftime"', '"ns"', "sha256", "go", "php", '"HEX"'),
    *('"decimals": 0', '"decimals": 1', '"decimals": 3', '"decimals": 4', '"decimals": 6', '"decimals": 8', '"quoted"'),
    *('"TRUE"', '"yes"', '"Y"', '"1", ""'),
)
"""What makes a form rare."""

_ODD = ('"Z"', '"digits": 3', "trimmed")
"""What makes a moment rare that has a space in it."""

_LONG = 100
"""Characters of a text of which writers hash only a digest."""

NULL = "null"
"""The family of what is written for NULL."""

_MOMENTS = (
    *(
        {"iso": {"digits": digits, "offset": offset, **separator}}
        for separator in ({}, {"separator": " "})
        for offset in ("Z", "+00:00", "")
        for digits in ("python", 6, 3, 0, "trimmed", "java", 9)
    ),
    *({"unix": unit} for unit in ("s", "ms", "us", "ns")),
    *({"strftime": pattern} for pattern in ("%Y%m%d%H%M%S", "%Y%m%dT%H%M%SZ", "%Y-%m-%d", "%d-%m-%Y %H:%M:%S")),
)
_ZONES = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow", "Asia/Dubai", "Asia/Kolkata"),
    *("Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "America/Sao_Paulo", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles"),
)
"""One for each of the offsets where most people live."""
_LOCAL_ISO: Sequence[Data] = (
    *({"digits": digits, "offset": offset} for offset in ("+00:00", "") for digits in ("python", 6, 3, 0, "trimmed")),
    *({"digits": digits, "offset": "", "separator": " "} for digits in ("python", 6, 3, 0)),
    {"digits": "trimmed", "offset": "+00", "separator": " "},
    *({"digits": digits, "offset": "+0000"} for digits in (3, 0)),
)
_LOCAL_PATTERNS = ("%Y%m%d%H%M%S", "%Y-%m-%d", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")
_DATES = (
    *({"strftime": pattern} for pattern in ("%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d")),
    {"iso": {"digits": 0, "offset": "Z"}},
    {"iso": {"digits": 0, "offset": ""}},
    {"iso": {"digits": 3, "offset": "Z"}},
    {"unix": "s"},
)
_NUMBERS = (
    {"json": {}},
    {"json": {"style": "javascript"}},
    *({"decimals": digits} for digits in (2, 0, 1, 3, 4, 6, 8)),
)
_BOOLEANS = (["true", "false"], ["True", "False"], ["1", "0"], ["1", ""], ["TRUE", "FALSE"], ["yes", "no"], ["Y", "N"])
_COMPACT: Data = {"separators": [",", ":"]}
WRITERS: Sequence[Data] = (
    {},
    _COMPACT,
    {"ascii": False, **_COMPACT},
    {"ascii": False},
    {"style": "javascript"},
    {"style": "php"},
    {"style": "php", "escape_slashes": False, "ascii": False},
    {"style": "go"},
    {"ascii": False, "separators": [", ", " : "]},  # json_build_object
    {"indent": 2},
    {"indent": 2, "ascii": False},
    {"indent": 4},
    {"indent": 4, "ascii": False},
    {"style": "php", "indent": 4},
)
"""How programs write JSON, by the options of recipes."""


@dataclass(frozen=True)
class Known:
    """The patterns of moments, time zones, and texts for NULL, true and false that the source of the writer names.

    `constants`: the values of members of JSON that are no columns, by their names.
    """

    patterns: Sequence[str] = ()
    zones: Sequence[str] = ()
    nulls: Sequence[str] = ()
    booleans: Sequence[tuple[str, str]] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)

    def moments(self, level: int) -> Iterator[Form]:
        """Yield the forms of a level that the types of columns do not give by themselves."""
        if level == COMMON:
            yield from (Form("moment", {"format": {"strftime": pattern}}) for pattern in self.patterns)
        zones = self.zones if level == COMMON else [zone for zone in _known_zones() if zone not in self.zones]
        patterns = dict.fromkeys([*_LOCAL_PATTERNS, *self.patterns])
        for zone in zones:
            yield from (Form("moment", {"format": {"iso": {**one, "zone": zone}}}, level) for one in _LOCAL_ISO)
            local = ({"strftime": {"pattern": pattern, "zone": zone}} for pattern in patterns)
            yield from (Form("moment", {"format": one}, level) for one in local)


@cache
def _known_zones() -> list[str]:
    known = available_timezones()  # not every machine has a database of them
    return [zone for zone in _ZONES if zone in known]


def forms_of(type_: str, *, in_json: bool, values: Sequence[str], known: Known) -> list[Form]:
    """Return the forms of a column of a type, the most common first; `values` are those of a sample."""
    every = _data(plain_type(type_), in_json, values)
    scale = _SCALE.search(type_)  # with it, a number always has so many digits
    useless = {"format": {"decimals": int(scale[1])}} if scale else None
    found = [
        PLAIN if not data else Form(_family(type_, data), data, RARE if _is_rare(type_, data) else COMMON)
        for data in every
        if data != useless
    ]
    if type_ == "boolean":
        found += [Form(type_, {"format": {"booleans": [*pair]}}) for pair in known.booleans if [*pair] not in _BOOLEANS]
    if type_ == "date":
        found += [Form(type_, {"format": {"strftime": pattern}}) for pattern in known.patterns]
    if type_.startswith("timestamp"):
        found += [form for level in (COMMON, LOCAL) for form in known.moments(level)]
    return list({form.style: form for form in found}.values())  # what a program names is not rare


def at_level(forms: Sequence[Form], level: int) -> list[Form]:
    """Return the forms that are tried at a level."""
    if level == ALL:
        return [*forms]
    local = [form for form in forms if form.level == level == LOCAL]
    return local or [form for form in forms if form.level <= level < LOCAL or form.level == COMMON]


def _is_rare(type_: str, data: Data) -> bool:
    """Return whether a form is seldom seen. Numbers with a fraction are often in quotes, others are not."""
    if data == {"quoted": True}:
        return not type_.startswith("numeric")
    shown = json.dumps(data)
    return any(word in shown for word in _RARE) or ('"separator": " "' in shown and any(word in shown for word in _ODD))


def _family(type_: str, data: Data) -> str:
    if "trim" in data or data == {"quoted": False}:
        return next(iter(data))
    if type_.startswith("timestamp"):
        return "moment"
    if type_ in DOCUMENTS:
        return "document"
    return type_


def _data(type_: str, in_json: bool, values: Sequence[str]) -> Iterator[Data]:
    yield {}
    if type_.startswith("timestamp"):
        yield from ({"format": data} for data in _MOMENTS)
    elif type_ == "date":
        yield from ({"format": data} for data in _DATES)
    elif type_ == "numeric" or type_ in FLOATS:
        yield from _numbers(in_json)
    elif type_ in INTEGERS:
        yield from [{"quoted": True}] if in_json else []
    elif type_ == "boolean":
        yield from _booleans(in_json)
    elif type_ in DOCUMENTS:
        yield from _documents(in_json)
    elif type_ == "bytea":
        yield from ({"format": name} for name in ("hex", "base64", "HEX", "sha256_hex", *([] if in_json else ["raw"])))
    elif type_.endswith("[]"):
        yield from [] if in_json else [{"format": "json_array"}]
    elif type_ != "uuid":
        yield from _texts(in_json, values)


def _numbers(in_json: bool) -> Iterator[Data]:
    if in_json:
        yield {"quoted": True}
    yield from ({"format": data} for data in _NUMBERS)
    if in_json:
        yield from ({"format": data, "quoted": quoted} for data in _NUMBERS for quoted in (True, False))


def _booleans(in_json: bool) -> Iterator[Data]:
    yield from ({"format": {"booleans": pair}} for pair in _BOOLEANS)
    if in_json:
        yield {"format": {"booleans": [1, 0]}}


def _documents(in_json: bool) -> Iterator[Data]:
    writers = [{}] if in_json else WRITERS
    documents: list[Any] = [
        "json_pg",
        *({"json": {"keys": keys, **one}} for keys in ("sorted", "stored") for one in writers),
        "jcs",
    ]
    yield from ({"format": data} for data in documents)
    yield from ({"format": data, "quoted": True} for data in documents if in_json)
    yield from ({"format": [data, "sha256_hex"]} for data in documents)


def _texts(in_json: bool, values: Sequence[str]) -> Iterator[Data]:
    if any(text != text.strip() for text in values):
        yield {"trim": "both"}
    if any(len(text) >= _LONG for text in values):
        yield {"format": "sha256_hex"}
    if in_json and values and all(text[:1] in ("{", "[") for text in values):
        yield {"quoted": False}


PREVIOUS_FORMS = ("as_stored", "raw", "hex", "HEX", "base64")


def previous_forms(*, in_json: bool) -> list[Form]:
    """Return the forms in which the previous hash is written."""
    return [Form("previous", {"previous": name}) for name in PREVIOUS_FORMS if not (in_json and name == "raw")]


def nulls(*, in_json: bool, is_previous: bool, rare: bool, known: Known) -> list[str]:
    """Return what a recipe may write for NULL, its default first; the common texts, or the `rare` ones, too."""
    usual = ["keep", "omit", ""] if in_json else ["", "skip", "NULL", "null", "None"]
    seldom = ["NULL", "null", "None", "nil", "-", "\\N", "N/A"]
    if is_previous:
        usual, seldom = [*usual, "GENESIS"], [*seldom, "genesis", "0", "0" * 64]
    return list(dict.fromkeys([*usual, *known.nulls, *(seldom if rare else [])]))
