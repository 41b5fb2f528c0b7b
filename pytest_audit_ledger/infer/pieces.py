"""What a payload contains for one item, made by the recipes that a profile would use. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, product
from math import prod

from pytest_audit_ledger.infer.chains import Entry
from pytest_audit_ledger.infer.forms import (
    ALL,
    NULL,
    RARE,
    Data,
    Form,
    Known,
    at_level,
    forms_of,
    nulls,
    previous_forms,
)
from pytest_audit_ledger.infer.shapes import CONSTANT, PREVIOUS, Context, Shape
from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes import Recipe, compile_recipe

_MARK = "\0"


@dataclass(frozen=True, eq=False)
class Slot:
    """A column or the previous hash, with the forms it may have, and the texts that may be written for NULL.

    `may_be_null`: whether any value of the sample is NULL. `is_always_null`: whether every one is.
    """

    name: str
    forms: tuple[Form, ...]
    nulls: tuple[str, ...]
    may_be_null: bool = False
    is_always_null: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether it is no column, but the same in every entry."""
        return self.name.startswith(CONSTANT)

    def of(self, entry: Entry) -> str | None:
        """Return its value in an entry; nothing for a constant."""
        if self.is_constant:
            return ""
        return entry.previous if self.name == PREVIOUS else entry.row[self.name]

    def data(self, form: Form, null: str) -> Data:
        """Return the item that is written in this form, and for NULL as this text."""
        if self.is_constant:
            return form.data
        named = {"previous": "as_stored"} if self.name == PREVIOUS else {"column": self.name}
        return {**named, **form.data, "null": null}


Alternative = tuple[bytes, Slot]
"""Bytes, and the slot narrowed to the forms that write these bytes."""

Alternatives = Sequence[Sequence[Alternative]]
"""The alternatives of each slot of a payload."""


@dataclass(frozen=True)
class One:
    """One entry, as a recipe reads it."""

    entry: Entry

    def __len__(self) -> int:
        return 1

    def values(self, column: str) -> list[str | None]:
        """Return the value of a column."""
        return [self.entry.row[column]]

    def previous(self) -> list[str | None]:
        """Return the previous hash."""
        return [self.entry.previous]

    def first(self) -> list[bool]:
        """Return whether the entry starts its stream."""
        return [self.entry.is_first]


class Pieces:
    """Makes the pieces of payloads. Recipes that were compiled, and what they wrote, are kept."""

    def __init__(self, types: Mapping[str, str], hashing: Hashing, entries: Sequence[Entry], known: Known) -> None:
        """Take the types of columns, how hashes are stored, the entries of the sample, and what a program names."""
        self.constants = dict(known.constants)
        """The values of constants by their names; a payload that somebody gives has further ones."""
        self._types, self._hashing, self._entries, self._known = types, hashing, entries, known
        self._recipe = lru_cache(maxsize=None)(self._compiled)
        self._written = lru_cache(maxsize=200_000)(self._write)
        self._frame = lru_cache(maxsize=None)(self._make_frame)
        self._edges = lru_cache(maxsize=None)(self._make_edges)
        self._kept = lru_cache(maxsize=100_000)(self._values)
        self.slot = lru_cache(maxsize=None)(self._slot)

    def _slot(self, name: str, in_json: bool, level: int | None = None) -> Slot:
        """Return a column, the previous hash or a constant, with all of its forms, or those of a level."""
        if name.startswith(CONSTANT):
            return Slot(name, (Form("", {"constant": self.constants[name]}),), ("",))
        values = [entry.previous if name == PREVIOUS else entry.row[name] for entry in self._entries]
        texts = [text for text in values if text is not None]
        if name == PREVIOUS:
            forms = previous_forms(in_json=in_json)
        else:
            forms = forms_of(self._types[name], in_json=in_json, values=texts, known=self._known)
        if level is not None:
            forms = at_level(forms, level)
        words = nulls(in_json=in_json, is_previous=name == PREVIOUS, rare=level in (None, RARE, ALL), known=self._known)
        may_be_null = len(texts) < len(values)
        return Slot(name, tuple(forms), tuple(words if may_be_null else words[:1]), may_be_null, not texts)

    def _compiled(self, recipe: str) -> Recipe:
        return compile_recipe(json.loads(recipe), self._types, self._hashing)

    def _write(self, recipe: str, entry: Entry) -> bytes | None:
        return self._recipe(recipe).payloads(One(entry))[0]

    def payloads(self, recipe: Data, entries: Sequence[Entry]) -> list[bytes | None]:
        """Return the payloads of entries by a recipe."""
        compiled = self._compiled(json.dumps(recipe))
        return [compiled.payloads(One(entry))[0] for entry in entries]

    def between(self, shape: Shape) -> bytes:
        """Return what a shape writes between items."""
        if shape.in_json:
            return self._edges(shape.context[1])[1]
        return str(shape.options.get("by", "")).encode()

    def ends(self, shape: Shape) -> tuple[bytes, bytes]:
        """Return what a shape writes before and after its items."""
        if not shape.in_json:
            return b"", shape.tail.encode()
        first, _, last = self._edges(shape.context[1])
        return (b"[" + first, last + b"]") if shape.recipe == "array" else (b"{" + first, last + b"}")

    def _make_edges(self, options: str) -> Sequence[bytes]:
        """Return what a writer of JSON puts before the first item, between items, and after the last."""
        return self._frame("array", options, "")[1:-1].split(b"1")

    def _before(self, shape: Shape, name: str) -> bytes:
        """Return what a shape writes before the value of an item: a separator, and its key."""
        if shape.recipe == "json":
            first, between, last = self._edges(shape.context[1])
            frame = self._frame("json", shape.context[1], shape.key(name))
            return between + frame[1 + len(first) : -len(b"1}") - len(last)]
        return self.between(shape) + f"{shape.key(name)}{shape.options.get('equals', '')}".encode()

    def _make_frame(self, recipe: str, options: str, key: str) -> bytes:
        """Return JSON with constants: what is around them is what a writer puts between values and keys."""
        items = [{"key": key, "constant": 1}] if recipe == "json" else [{"constant": 1}, {"constant": 1}]
        made = json.dumps({recipe: {**json.loads(options), "of": items}})
        return self._recipe(made).payloads(One(self._entries[0]))[0] or b""

    def _value(self, context: Context, item: Data, entry: Entry) -> bytes | None:
        """Return what is written for an item after a mark; nothing if it is left out, None if it cannot be written."""
        recipe, options = context
        if recipe == "join":
            return self._written(json.dumps({"join": {"by": _MARK, "of": [{"text": ""}, item]}}), entry)
        found = self._written(json.dumps({recipe: {**json.loads(options), "of": [item]}}), entry)
        if recipe == "array" and found is not None:
            first, _, last = self._edges(options)
            found = found[1 + len(first) : -1 - len(last)]
        return found and _MARK.encode() + found

    def _values(self, context: Context, slot: Slot, entry: Entry) -> list[Alternative]:
        """Return the different values that may be written, each after a mark; nothing if it is left out."""
        found: dict[bytes, list[int]] = {}
        is_null = slot.of(entry) is None
        items = [slot.data(form, slot.nulls[0]) for form in slot.forms]
        if is_null:
            items = [slot.data(slot.forms[0], null) for null in slot.nulls]
        for place, item in enumerate(items):
            value = self._value(context, item, entry)
            if value is not None:
                found.setdefault(value, []).append(place)
        if is_null:
            return [
                (text, replace(slot, nulls=tuple(slot.nulls[at] for at in places))) for text, places in found.items()
            ]
        return [(text, replace(slot, forms=tuple(slot.forms[at] for at in places))) for text, places in found.items()]

    def alternatives(self, shape: Shape, slot: Slot, entry: Entry) -> list[Alternative]:
        """Return the different pieces that may stand for an item, each with the separator before it."""
        before = self._before(shape, slot.name)
        values = self._kept(shape.context, slot, entry)
        return [(before + text[1:] if text else text, narrowed) for text, narrowed in values]

    def widened(self, shape: Shape, slot: Slot, entry: Entry) -> Slot:
        """Return a slot of common forms with all other forms that write the same."""
        ((written, _),) = self._values(shape.context, slot, entry)
        whole = self._kept(shape.context, self.slot(slot.name, shape.in_json), entry)
        return next(narrowed for text, narrowed in whole if text == written)


class Linked:
    """The alternatives of slots, once for each choice of styles: the columns of a family have the same style.

    Iterated, it yields the alternatives; `count` says how many times.
    """

    def __init__(self, slots: Sequence[Slot], every: Alternatives, entry: Entry) -> None:
        """Take the alternatives of each slot in an entry."""
        families: dict[str, list[int]] = {}
        for place, slot in enumerate(slots):
            family = NULL if slot.of(entry) is None else slot.forms[-1].family
            families.setdefault(family, []).append(place)
        together = {family: places for family, places in families.items() if family and len(places) > 1}
        self._every, self._places = every, list(together.values())
        self._styles = [_styles([every[place] for place in places], family) for family, places in together.items()]

    @property
    def count(self) -> int:
        """How many choices of styles there are."""
        return prod(map(len, self._styles))

    @property
    def sizes(self) -> list[int]:
        """How many alternatives each slot has in one of these choices."""
        sizes = [len(one) for one in self._every]
        for place in chain.from_iterable(self._places):
            sizes[place] = 1
        return sizes

    def __iter__(self) -> Iterator[Alternatives]:
        for chosen in product(*self._styles):
            found = [*self._every]
            for places, one in zip(self._places, chosen, strict=True):
                for place, alternative in zip(places, one, strict=True):
                    found[place] = [alternative]
            yield found


def _styles(slots: Sequence[Sequence[Alternative]], family: str) -> list[tuple[Alternative, ...]]:
    """Return one alternative of each slot for every style that all have; styles that write the same once."""
    by_style: list[dict[str, int]] = []
    for alternatives in slots:
        styles: dict[str, int] = {}
        for place, (_, slot) in enumerate(alternatives):
            names = slot.nulls if family == NULL else [form.style for form in slot.forms]
            styles.update(dict.fromkeys(names, place))
        by_style.append(styles)
    shared = [style for style in by_style[0] if all(style in styles for styles in by_style)]
    chosen = dict.fromkeys(tuple(styles[style] for styles in by_style) for style in shared)
    return [tuple(slots[at][place] for at, place in enumerate(places)) for places in chosen]
