"""What one payload, as its writer made it, says of the recipe: the order of columns, their keys, separators. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_audit_ledger.infer.chains import Entry
from pytest_audit_ledger.infer.forms import WRITERS
from pytest_audit_ledger.infer.pieces import Pieces
from pytest_audit_ledger.infer.shapes import CONSTANT, PAIRS, PREVIOUS, SEPARATORS, Shape, keyed_by, template

_LONGEST_SEPARATOR = 8
_KEY = re.compile(r'\{"(?:[^"\\]|\\.)*"(\s*:\s*)')


@dataclass(frozen=True)
class Learned:
    """The entry that has the payload, columns in their order with `PREVIOUS` among them, and the shapes to try."""

    entry: Entry
    order: tuple[str, ...]
    shapes: Sequence[Shape]


def learn(payload: bytes, entry: Entry, pieces: Pieces, columns: Sequence[str]) -> Learned:
    """Return what the payload of an entry says; `columns` are those of the table and `PREVIOUS`."""
    found: list[tuple[Shape, dict[str, str], dict[str, Any]]] = []
    for shape, keys in _keyed(payload.decode(errors="replace")):
        known: dict[str, str] = {}
        constants: dict[str, Any] = {}
        for key, value in keys.items():
            at_key = _columns_at(payload, entry, pieces, columns, _always(shape, key))
            name = next((name for name in at_key if name not in known), None)
            if name is None and shape.recipe == "json" and isinstance(value, (str, int, float)):
                name = f"{CONSTANT}{key}"
                constants[name] = value
            if name is not None and name not in known:
                known[name] = key
        if len(known) == len(keys) and len(constants) <= len(keys) // 2:
            found.append((shape, known, constants))
    if not found:
        return _unkeyed(payload, entry, pieces, columns)
    shape, known, constants = min(found, key=lambda one: len(one[2]))  # what looks like one may be written otherwise
    pieces.constants.update(constants)
    named = replace(shape, keys=keyed_by(known), previous_key=known.get(PREVIOUS, ""))
    return Learned(entry, tuple(known), [named])


def _always(shape: Shape, key: str) -> Shape:
    """Return a shape in which every column has the same key."""
    return replace(shape, keys=lambda _: key, previous_key=key)


def _keyed(text: str) -> Iterator[tuple[Shape, Mapping[str, Any]]]:
    """Yield the shapes with keys that a payload may have, with its keys in order and what they have."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        own = {"separators": _separators(text)}
        yield from ((Shape("json", options), found) for options in (*WRITERS, own, {**own, "ascii": False}))
        return
    for by, equals in PAIRS:
        parts = text.split(by)
        if all(equals in part for part in parts):
            yield (
                Shape("pairs", {"by": by, "equals": equals}),
                {part.partition(equals)[0]: part.partition(equals)[2] for part in parts},
            )


def _separators(text: str) -> list[str]:
    """Return what is between the members of an object, and after their keys."""
    key = _KEY.match(text)
    if key is None:
        return [", ", ": "]
    _, end = json.JSONDecoder().raw_decode(text, key.end())
    return [text[end:].partition('"')[0] or ",", key[1]]


def _columns_at(payload: bytes, entry: Entry, pieces: Pieces, columns: Sequence[str], shape: Shape) -> Iterator[str]:
    """Yield the columns of which some form stands after the key that a shape gives to all of them."""
    between = pieces.between(shape)
    skip, ends = len(between), (between, pieces.ends(shape)[1])
    for name in columns:
        for piece, _ in pieces.alternatives(shape, pieces.slot(name, shape.in_json), entry):
            at = payload.find(piece[skip:]) if len(piece) > skip else -1
            after = payload[at + len(piece) - skip :]
            if at >= 0 and (not after or after.startswith(ends)):
                yield name
                break


def _unkeyed(payload: bytes, entry: Entry, pieces: Pieces, columns: Sequence[str]) -> Learned:
    """Return the order of values in a payload without keys, the longest ones found first, and what is between them."""
    concat = Shape("concat")
    values = [
        (len(piece), piece, name)
        for name in columns
        for piece, _ in pieces.alternatives(concat, pieces.slot(name, False), entry)
        if piece
    ]
    taken: dict[str, tuple[int, int]] = {}
    for size, piece, name in sorted(values, key=lambda one: -one[0]):
        at = payload.find(piece)
        while at >= 0 and any(at < end and start < at + size for start, end in taken.values()):
            at = payload.find(piece, at + 1)
        if at >= 0 and name not in taken:
            taken[name] = (at, at + size)
    order = sorted(taken, key=taken.__getitem__)
    ends = [0, *(taken[name][1] for name in order)]
    gaps = [payload[end : taken[name][0]].decode(errors="replace") for end, name in zip(ends, order, strict=False)]
    separators = dict.fromkeys([*(gap for gap in gaps[1:] if len(gap) <= _LONGEST_SEPARATOR), *SEPARATORS])
    joins = [Shape("join", {"by": by}) if by else concat for by in separators]
    lengths = [Shape("lengths", {"prefix": prefix}) for prefix in ("{bytes}:", 4, 8, "{bytes}|")]
    arrays = [Shape("array", options) for options in WRITERS]
    sentence = template(dict(zip(order, gaps, strict=True)), payload[ends[-1] :].decode(errors="replace"))
    return Learned(entry, tuple(order), [*joins, *lengths, *arrays, sentence])
