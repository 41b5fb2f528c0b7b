"""A recipe that fits one entry, proven on all others, which decide what that one leaves open. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from pytest_audit_ledger.infer.chains import Entry
from pytest_audit_ledger.infer.digest_search import Clock, State, search
from pytest_audit_ledger.infer.pieces import Alternatives, Linked, Pieces, Slot
from pytest_audit_ledger.infer.shapes import PREVIOUS, Shape
from pytest_audit_ledger.infer.stages import Hit, ends_of
from pytest_audit_ledger.model.recipes.compiler import RECIPES

_MOST_CHOICES = 200_000
_WORDS = {*RECIPES, "sql", "python", "unless_first", "when_not_null", "text", "constant", "previous", "column", "key"}
"""Words that mean something else in an item than the column of that name."""


@dataclass(frozen=True)
class Solution:
    """A recipe, and the entries of the sample that it reproduces."""

    payload: dict[str, Any]
    hit: Hit
    reproduced: frozenset[Entry]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The items of the recipe, with the forms that no entry rules out."""
        return (*self.hit.slots, *([self.hit.outer] if self.hit.outer else []))


def prove(pieces: Pieces, hit: Hit, entries: Sequence[Entry], state: State, clock: Clock) -> Solution:
    """Return what a hit becomes if every entry that it can reproduce has its say."""
    for entry in entries:
        hit = next(_narrowed(pieces, hit, entry, state, clock), hit)
    if not hit.shape.order:
        hit = replace(hit, slots=tuple(slot for slot in hit.slots if not _writes_nothing(slot)))
    payload = _payload(hit)
    made = pieces.payloads(payload, entries)
    reproduced = {entry for entry, one in zip(entries, made, strict=True) if one is not None and _is(state, one, entry)}
    return Solution(payload, hit, frozenset(reproduced))


def _writes_nothing(slot: Slot) -> bool:
    """Return whether a column is NULL everywhere and left out for that: no entry says that it is hashed at all."""
    return slot.is_always_null and slot.nulls[0] in ("omit", "skip")


def _is(state: State, payload: bytes, entry: Entry) -> bool:
    own = state.copy()
    own.update(payload)
    return own.digest() == entry.digest


def _narrowed(pieces: Pieces, hit: Hit, entry: Entry, state: State, clock: Clock) -> Iterator[Hit]:
    """Yield the hit with those of its forms that fit another entry, too."""
    outers = pieces.alternatives(Shape("concat"), hit.outer, entry) if hit.outer else [(b"", None)]
    for alternatives in _choices(pieces, hit, entry):
        for outside, outer in outers:
            ends = ends_of(pieces, hit.shape, outside)
            for chosen in search(alternatives, 0, ends, state, entry.digest, clock):
                yield replace(hit, slots=tuple(slot for slot in chosen if slot is not None), outer=outer)


def _choices(pieces: Pieces, hit: Hit, entry: Entry) -> Iterator[Alternatives]:
    """Yield the alternatives of an entry: if they are many, columns of a family alike."""
    alone = [pieces.alternatives(hit.shape, slot, entry) for slot in hit.slots]
    if prod(map(len, alone)) <= _MOST_CHOICES:
        yield alone
    else:
        yield from Linked(hit.slots, alone, entry)


def _payload(hit: Hit) -> dict[str, Any]:
    """Return the recipe as a profile has it."""
    default = "keep" if hit.shape.in_json else ""
    shared = _shared_null(hit.slots, default)
    items = [_item(hit.shape, slot, _null(slot, shared)) for slot in hit.slots]
    shape = hit.shape if shared == default else replace(hit.shape, options={**hit.shape.options, "null": shared})
    outer = _item(Shape("concat"), hit.outer, _null(hit.outer, "")) if hit.outer else None
    return shape.payload(items, outer)


def _shared_null(slots: Sequence[Slot], default: str) -> str:
    """Return the text for NULL that all slots may have, or the default; the previous hash may have one of its own."""
    own = [slot.nulls for slot in slots if slot.name != PREVIOUS and slot.may_be_null]
    words = [word for word in own[0] if all(word in nulls for nulls in own)] if own else []
    return default if default in words or not words else words[0]


def _null(slot: Slot, shared: str) -> str | None:
    """Return the text for NULL that an item needs to name; None if the recipe says it, or no value is NULL."""
    return None if not slot.may_be_null or shared in slot.nulls else slot.nulls[0]


def _item(shape: Shape, slot: Slot, null: str | None) -> Any:
    """Return an item in its shortest form."""
    name, data = slot.name, dict(slot.forms[0].data)
    key = "" if shape.recipe == "template" else shape.key(name)
    if slot.is_constant:
        return {**({"key": key} if key else {}), **data}
    if name == PREVIOUS:
        data = {"previous": data.get("previous", "as_stored")}
    own = name or "previous"
    data = {**({"key": key} if key and key != own else {}), **({} if name == PREVIOUS else {"column": name}), **data}
    if null is not None:
        data["null"] = null
    if data == {"previous": "as_stored"}:
        return "previous"
    if data == {"column": name} and name != "previous":
        return name
    if data.keys() == {"column", "format"} and name not in _WORDS:
        return {name: data["format"]}
    return data
