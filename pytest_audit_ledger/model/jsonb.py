r"""JSON documents that Python wrote and PostgreSQL keeps as JSONB, and the hashes of what Python wrote. No I/O.

The hash of a document is the SHA-256 of its canonical JSON, `json.dumps(obj, sort_keys=True, separators=(",", ":"),
ensure_ascii=False)` in UTF-8, as `sha256:` and 64 hexadecimal digits. JSONB keeps every value, but numbers as its type
numeric prints them (PostgreSQL documentation, "JSON Types"), so the canonical JSON has to be derived from it:

1.  A number with a fraction comes back as the float it was, because `repr` of a float is unique: `1e-07` is printed as
    `0.0000001`. A number in a form that no float is printed in, such as `1.50`, was not written by Python.
2.  A float of 1e16 and more, which Python writes with an exponent, is printed as an integer: `1e+22` and
    `10000000000000000000000` are the same in JSONB.
3.  numeric has no negative zero: `-0.0` is printed as `0.0`.

So the numbers of rules 2 and 3 can have been written in two ways. A document matches its hash if any combination of
these does. If there are more than `MOST_WRITINGS` combinations and none that was tried matches, it is undecided.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from itertools import chain, combinations, islice
from typing import Any, NoReturn

MOST_WRITINGS = 4096
"""Combinations of two ways to write a number that are tried for one document: all of twelve numbers."""

_SHORTEST_TWOFOLD = 17
"""Digits of 1e16, the smallest float that `repr` writes with an exponent."""


class Derived(Enum):
    """Whether the hash could be reproduced from what JSONB holds."""

    HOLDS = "holds"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


_DECODER = json.JSONDecoder()


class _Members(Mapping[str, Any]):
    """Members of an object: strings, and others that are read from their canonical JSON when they are asked for."""

    def __init__(self, strings: Mapping[str, str], others: Mapping[str, str]) -> None:
        self._strings, self._others = strings, others

    def __getitem__(self, key: str) -> Any:
        found = self._strings.get(key)
        return _DECODER.raw_decode(self._others[key])[0] if found is None else found

    def get(self, key: str, default: Any = None) -> Any:
        """Return a member. The method of Mapping takes twice as long."""
        found = self._strings.get(key)
        return (self[key] if key in self._others else default) if found is None else found

    def __contains__(self, key: object) -> bool:
        """Return whether there is such a member, without reading it."""
        return key in self._strings or key in self._others

    def __iter__(self) -> Iterator[str]:
        return chain(self._strings, self._others)

    def __len__(self) -> int:
        return len(self._strings) + len(self._others)

    def canonical(self, key: str) -> bytes:
        """Return the canonical JSON of a member, null if there is none."""
        return self._others[key].encode("utf-8") if key in self._others else canonical(self._strings.get(key))


@dataclass(frozen=True)
class JsonDocument:
    """A JSON object; if it could not be read, an empty one, and `problem` says why.

    `is_plain`: whether each of its numbers can have been written in one way only, and was.
    """

    value: Mapping[str, Any]
    problem: str = ""
    is_plain: bool = True
    whole: str = ""
    """Its hash, if that is known."""

    @classmethod
    def of_members(cls, whole: str, strings: Mapping[str, str], others: Mapping[str, str]) -> JsonDocument:
        """Return a plain document: the SHA-256 of its canonical JSON, its strings, the JSON of its other members."""
        return cls(_Members(strings, others), whole=f"sha256:{whole}")

    def derive(self, stored: str | None, key: str | None = None) -> tuple[Derived, str]:
        """Return whether the document, or its value at `key`, has the hash `stored`, and its most likely hash."""
        if isinstance(self.value, _Members):
            likely = self.whole if key is None else digest(self.value.canonical(key))
            return (Derived.HOLDS if likely == stored else Derived.DIFFERS), likely
        value = self.value if key is None else self.value.get(key)
        try:
            likely = digest(canonical(value))
            if self.is_plain:
                return (Derived.HOLDS if likely == stored else Derived.DIFFERS), likely
            return _derived(value, likely, stored), likely
        except RecursionError:  # at nearly the same depth as when reading, and then Python did not write it either
            return Derived.DIFFERS, "no hash, because it is nested too deeply"


class _Twofold(int):
    """An integer that Python may also have written as a float."""


class _Zero(float):
    """A zero that Python may also have written as `-0.0`."""


class _Foreign(float):
    """A number in a form that Python does not write."""


class Reader:
    """Reads documents as PostgreSQL, or an export, prints them."""

    def __init__(self) -> None:
        self._is_plain = True
        self._decoder = json.JSONDecoder(
            parse_float=self._fraction,
            parse_int=self._whole,
            object_pairs_hook=unique_keys,
            parse_constant=_refuse,
        )

    def read(self, text: str) -> JsonDocument:
        """Return the document that `text` holds."""
        self._is_plain = True
        try:
            value, end = self._decoder.raw_decode(text) if text[:1] == "{" else (None, -1)
            if end != len(text):  # an export may have spaces around it, or no document
                value = self._decoder.decode(text)
        except json.JSONDecodeError:
            return JsonDocument({}, "it is not JSON")
        except RecursionError:
            return JsonDocument({}, "it is nested too deeply")
        except ValueError as error:
            return JsonDocument({}, "it has a number with too many digits" if "digits" in str(error) else str(error))
        return (
            JsonDocument(value, "", self._is_plain)
            if isinstance(value, dict)
            else JsonDocument({}, "it is not a JSON object")
        )

    def _fraction(self, token: str) -> float:
        number = float(token)
        shown = repr(number)
        if number and (shown == token or _printed(shown) == token):
            return number
        self._is_plain = False
        return _Zero(number) if shown == token else _Foreign(number)

    def _whole(self, token: str) -> int:
        number = int(token)
        if len(token) < _SHORTEST_TWOFOLD or _printed(repr(float(token))) != token:
            return number
        self._is_plain = False
        return _Twofold(number)


def _printed(shown: str) -> str:
    """Return a number as numeric prints it."""
    return format(Decimal(shown), "f")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object. Raises ValueError if a key occurs twice: readers take different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"it has the number {name}")


# what was read from text has no cycles
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value, with each number as it was most likely written."""
    # lone surrogates, which JSONB refuses but a forged export may have, give a hash that differs
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def digest(content: bytes) -> str:
    """Return the hash of bytes as schema v3 writes it."""
    return f"sha256:{sha256(content).hexdigest()}"


_Place = tuple[MutableMapping[str, Any] | MutableSequence[Any], Any, Any]
"""A number that is not plain: its container, its key there, and how else it may have been written."""


def _derived(value: Any, likely: str, stored: str | None) -> Derived:
    root = [value]
    places = list(_places(root))
    if any(isinstance(container[key], _Foreign) for container, key, _ in places):
        return Derived.DIFFERS
    if likely == stored or any(digest(writing) == stored for writing in _writings(root, places)):
        return Derived.HOLDS
    return Derived.DIFFERS if 2 ** len(places) <= MOST_WRITINGS else Derived.UNDECIDED


def _places(root: list[Any]) -> Iterator[_Place]:
    waiting: list[Any] = [root]
    while waiting:
        container = waiting.pop()
        for key, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if isinstance(value, (dict, list)):
                waiting.append(value)
            elif isinstance(value, (_Twofold, _Zero, _Foreign)):
                yield container, key, float(value) if isinstance(value, _Twofold) else -0.0


def _writings(root: list[Any], places: list[_Place]) -> Iterator[bytes]:
    """Yield other ways to write the value: all large numbers as floats first, then by the fewest changes."""
    floats = tuple(place for place in places if place[2])
    fewest = chain.from_iterable(combinations(places, count) for count in range(1, len(places) + 1))
    for chosen in chain([floats], islice(fewest, MOST_WRITINGS - 1)):
        kept = [container[key] for container, key, _ in chosen]
        for container, key, other in chosen:
            container[key] = other
        yield canonical(root[0])
        for (container, key, _), number in zip(chosen, kept, strict=True):
            container[key] = number
