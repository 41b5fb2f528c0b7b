"""The orders of keys that a document may have had before jsonb sorted them. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations, product
from math import factorial
from typing import Any

from pytest_audit_ledger.model.recipes.writers import Number, Writer

MOST_ORDERS = 120
"""Orders that are tried: those of five keys, which take about as long as lost nanoseconds. No more are tried."""
_TOO_MANY_KEYS = 6

_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)
_WRITER = Writer(ascii=False, separators=(",", ":"))


def key_orders(document: str) -> Iterator[str]:
    """Yield a JSON document with its keys in every order; nothing if these are too many, or it is no JSON."""
    try:
        value = _DECODER.decode(document)
        if 1 < _count(value) <= MOST_ORDERS:
            yield from map(_WRITER.written, _orders(value))
    except (ValueError, RecursionError):
        return


def _count(value: Any) -> int:
    """Return how many orders there are, or that they are too many."""
    found = factorial(min(len(value), _TOO_MANY_KEYS)) if isinstance(value, dict) else 1
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found = min(found * _count(inner), MOST_ORDERS + 1)
    return found


def _orders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for keys in permutations(value):
            inner = [[*_orders(value[key])] for key in keys]
            yield from (dict(zip(keys, members, strict=True)) for members in product(*inner))
    elif isinstance(value, list):
        yield from map(list, product(*([*_orders(one)] for one in value)))
    else:
        yield value
