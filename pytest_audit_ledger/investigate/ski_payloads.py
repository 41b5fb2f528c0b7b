"""The payload of a SKI entry in any form, member by member, so that hypotheses can replace one. No I/O.

The forms are those of the profile's recipe (`model/forms.py`), and those without a column, which `verify` has not. A
member is what the recipe writes for one item alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pytest_audit_ledger.model.batch import plain_texts
from pytest_audit_ledger.model.forms import SKI_FORMS, Form
from pytest_audit_ledger.model.profile import PREVIOUS, TIMESTAMP
from pytest_audit_ledger.model.recipes import Recipe, compile_recipe
from pytest_audit_ledger.model.recipes.variants import Layout, own_layout, with_moments

Value = str | None
"""A value of a hashed column as text, also the sequence number; None for a missing one."""

_UNWRITTEN = b'"":'
"""Stands for a value that a form cannot write. No payload has it."""

CANONICAL = Form(None, own_layout(SKI_FORMS.own))
"""The ledger's own form."""


class Payloads:
    """Writes the payloads of a form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._time = form.time
        items, self._options, self.separator = _members(form.layout, form.quoted is not False)
        self._items = items
        self.order = tuple(items)
        """The columns in the order of their keys."""

    def members(self, column: str, values: Sequence[Value]) -> list[bytes]:
        """Return the members of the payload for these values of a column; empty if left out."""
        if column not in self._items:
            return [b""] * len(values)
        lost = set[int]()
        if column == TIMESTAMP and self._time is not None:
            written = [self._time.write(text) if text and "T" in text else text for text in values]
            lost = {at for at, text in enumerate(written) if text is None and values[at] is not None}
            values = written
        made = _recipe(f'{{"json":{{{self._options},"of":[{self._items[column]}]}}}}').payloads(_Column(values))
        return [_UNWRITTEN if at in lost or one is None else one[1:-1] for at, one in enumerate(made)]

    def payloads(self, columns: Mapping[str, list[str]]) -> list[bytes]:
        """Return the payload of each entry of these columns of JSON text."""
        rows = zip(*(self.members(name, plain_texts(columns[name])) for name in self.order), strict=True)
        return [b"{%b}" % self.separator.join(filter(None, row)) for row in rows]


@cache
def payloads_in(form: Form) -> Payloads:
    """Return what writes the payloads of a form."""
    return Payloads(form)


@cache
def _members(layout: Layout, quoted: bool) -> tuple[Mapping[str, str], str, bytes]:
    """Return the items of a layout by their columns, in order, its options, both in JSON, and its separator."""
    payload = with_moments(layout.payload, (TIMESTAMP,), quoted=quoted)["json"]
    items = {one.get("column", PREVIOUS): one for one in payload["of"]}
    names = sorted(items, key=lambda name: items[name].get("key", name)) if payload["sorted"] else items
    options = json.dumps({name: value for name, value in payload.items() if name != "of"})[1:-1]
    return {name: json.dumps(items[name]) for name in names}, options, payload["separators"][0].encode()


@cache
def _recipe(payload: str) -> Recipe:
    return compile_recipe(json.loads(payload), SKI_FORMS.hasher.types)


@dataclass(frozen=True)
class _Column:
    """The rows of a recipe that has one item."""

    column: Sequence[Value]

    def __len__(self) -> int:
        return len(self.column)

    def values(self, _: str) -> Sequence[Value]:
        return self.column

    def previous(self) -> Sequence[Value]:
        return self.column

    def first(self) -> list[bool]:
        return [False] * len(self.column)


def other_forms() -> Iterator[tuple[Form, Sequence[Form]]]:
    """Yield each layout with its own times, and the same with times in every other way; simple ones first."""
    for layout in SKI_FORMS.layouts:
        form, times = Form(None, layout), SKI_FORMS.times_of(layout)
        yield form, [replace(form, columns=(TIMESTAMP,), time=time) for time in times]
    for column in payloads_in(CANONICAL).order:
        yield Form(None, _without(column)), ()


def may_be_of_an_edit(form: Form) -> bool:
    """Whether an edited entry may have been hashed in a form although no other was: not in that of a time zone."""
    time = form.time
    return time is None or (not form.layout.departures and not time.minutes and time.distance == 1)


def _without(column: str) -> Layout:
    payload = CANONICAL.layout.payload["json"]
    left = [one for one in payload["of"] if one.get("column", PREVIOUS) != column]
    return Layout({"json": {**payload, "of": left}}, (f"without {column}",))
