"""The forms of a profile's recipe: its variants (`recipes/variants.py`), with every way to write times. No I/O.

What a form may be, and why none hides an edit, is in `forms.py`, whose ways to write times and whose bounds these
share: one `Recogniser` serves all profiles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import product
from typing import Any

from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.forms import (
    DIGITS,
    MOST_CANDIDATES,
    SURROGATES,
    TIMES,
    Epoch,
    Lost,
    Recogniser,
    Time,
    offset_of,
)
from pytest_audit_ledger.model.hashing import BatchRows, RecipeHasher
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Version, own
from pytest_audit_ledger.model.recipes import Recipe, RecipeError, compile_hashing, compile_recipe
from pytest_audit_ledger.model.recipes.formats import FLOATS, plain_type
from pytest_audit_ledger.model.recipes.moments import iso, zone_of
from pytest_audit_ledger.model.recipes.parts import Reading
from pytest_audit_ledger.model.recipes.variants import (
    Item,
    Layout,
    documents_in,
    has_null_like_a_value,
    is_ambiguous,
    is_readable,
    items,
    layouts,
    moments_in,
    with_moments,
)

_SAMPLES = ("2026-05-21T15:30:00.120000+00:00", "2026-05-21T15:30:00+00:00")
"""Moments that show how a time is written; the second one for forms that have whole seconds only."""

LONG, MOST_DEPARTURES_OF_LONG = 16 * 1024, 2
"""Characters from which on only the simplest forms of an entry are tried: all of them would take minutes."""

_TEXTS = ("text", "character", "citext")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


def recognisers_of(info: LedgerInfo) -> dict[str, Recogniser]:
    """Return what recognises the forms of entry hashes, as HASH, and of line hashes, by their columns."""
    hasher = info.hasher
    if not isinstance(hasher, RecipeHasher):
        return {HASH: Recogniser()}
    return {name: Recogniser(RecipeForms(hasher, name)) for name in (HASH, *info.profile.lines)}


@dataclass(frozen=True)
class RecipeForm:
    """One way to write the payload of a version: a layout, and the times in `columns` in another way unless None."""

    version: str | None
    layout: Layout
    columns: tuple[str, ...] = ()
    time: Time | None = None
    lost: Lost = Lost.NOTHING

    @property
    def departures(self) -> tuple[str, ...]:
        """The differences from the profile's own form, in words that follow "hashed"."""
        times = (f"with {' and '.join(self.columns)} written like {_sample(self.time)}",) if self._is_timed else ()
        lost = (f"with {self.lost.words}",) if self.lost is not Lost.NOTHING else ()
        return (*self.layout.departures, *times, *lost)

    @property
    def words(self) -> str:
        """The departures as one phrase that follows "hashed"."""
        return " and ".join(self.departures)

    @property
    def unproven(self) -> str:
        """What of the stored content a hash in this form does not prove; empty if it proves all."""
        if self.lost in DIGITS:
            return f"the last microsecond of {' and '.join(self.columns)}"
        return f"the time zone, and so the hour, of {' and '.join(self.columns)}" if self.minutes is not None else ""

    @property
    def minutes(self) -> int | None:
        """The offset of a local time that is written without it; None if the hash shows which moment was meant."""
        return self.time.minutes if self.time and self.time.is_without_offset and self.lost is Lost.NOTHING else None

    @property
    def _is_timed(self) -> bool:
        return self.time is not None and self.lost is Lost.NOTHING


def _sample(time: Time | None) -> str:
    written = next(filter(None, map(time.write, _SAMPLES)), "") if time else ""
    if time is not None and time.minutes and time.is_without_offset:
        return f"{written}, in the time zone {offset_of(time.minutes)}"
    return written if time is None or time.quoted or not time.epoch.value else f"{written}, without quotes"


@dataclass(frozen=True)
class _ZonedTime(Time):
    """A way to write a time in a zone of the IANA database, with its offset."""

    place: str = "UTC"

    def write(self, text: str) -> str | None:
        """Return a canonical time in this way; None if it cannot be written so without a loss."""
        offset = datetime.fromisoformat(text).astimezone(zone_of(self.place)).utcoffset()
        minutes, rest = divmod(offset.total_seconds() if offset else 0, 60)
        return None if rest else Time(self.fraction, self.separator, "+00:00", int(minutes)).write(text)


_Written = Mapping["tuple[tuple[str | None, ...], bool]", Time]
"""The times of an entry in every way, and whether in quotes; each once, with the simplest way."""


class RecipeForms:
    """The forms of a ledger's recipes, or of one of its line hashes. Can be pickled."""

    def __init__(self, hasher: RecipeHasher, stored: str = HASH) -> None:
        """Take what recomputes the hashes, and which hash this is about: HASH, or the column of a line hash."""
        self.hasher = hasher
        self.line = "" if stored == HASH else stored
        self.stored = own(self.line) if self.line else HASH

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is compiled."""
        return {"hasher": self.hasher, "line": self.line, "stored": self.stored}

    def has_hash(self, batch: Batch, place: int) -> bool:
        """Whether an entry has a hash, and its recipe has forms."""
        return bool(batch.values(self.stored)[place]) and self._of(batch, place) is not None

    def search(self, batch: Batch, place: int) -> RecipeForm | None:
        """Return the simplest form in which an entry has its hash; None if no form reproduces it."""
        found = self._of(batch, place)
        return found.search(batch.rows([place])) if found else None

    def fits(self, form: RecipeForm, batch: Batch, places: Sequence[int]) -> list[bool]:
        """Return which entries have their hash in a form."""
        versions = [self._of(batch, place) for place in places]
        mine = [place for place, one in zip(places, versions, strict=True) if one and one.version == form.version]
        if not mine:
            return [False] * len(places)
        fitting = set(next(filter(None, versions)).fitting(form, batch, mine))
        return [place in fitting for place in places]

    def simplest(self, form: RecipeForm, batch: Batch, place: int) -> RecipeForm:  # noqa: ARG002  (as for SKI ledgers)
        """Return the form: the search begins with the simplest."""
        return form

    def _of(self, batch: Batch, place: int) -> _Variants | None:
        profile = self.hasher.profile
        if self.line:
            return self._variants.get(None)
        column = profile.version_column
        value = batch.values(own(column))[place] if column else None
        return self._variants.get(value, self._variants.get("default"))

    @cached_property
    def _variants(self) -> Mapping[str | None, _Variants]:
        profile = self.hasher.profile
        whole = profile.lines.get(self.line, profile.version)
        found = {None: whole} if self.line or whole else profile.versions
        return {
            value: _Variants(self.hasher, value, version, self.stored)
            for value, version in found.items()
            if version and not version.payload.keys() & {"sql", "python"}
        }


class _Variants:
    """The forms of one version of entries."""

    def __init__(self, hasher: RecipeHasher, version: str | None, how: Version, stored: str) -> None:
        self.hasher, self.version, self.how, self.stored = hasher, version, how, stored
        self.types = hasher.types
        found = items(how.payload)
        moments = list(moments_in(found, self.types))
        self.moments = tuple(dict.fromkeys(one["column"] for one in moments))
        columns = self.columns = tuple(dict.fromkeys(one["column"] for one in found))
        self.documents = [one["column"] for one in documents_in(found, self.types)]
        self.floats = [one for one in columns if plain_type(self.types.get(one, "")) in FLOATS]
        self.texts = [one for one in columns if one not in self.moments and self._is_text(one)]
        self.own = [_own_time(one, self.types) for one in moments]
        self._recipes: dict[tuple[int, bool | None], Recipe] = {}
        self._hashing = compile_hashing(how.hashing, hasher.read_key)

    @cached_property
    def layouts(self) -> list[Layout]:
        """The recipe and its variants, without those that are no recipes, because two keys would be the same."""
        found = layouts(self.how.payload, self.types, self.hasher.profile.column(PREVIOUS))
        return [one for one in found if self._is_recipe(one)]

    def _is_recipe(self, layout: Layout) -> bool:
        try:
            compile_recipe(layout.payload, self.types, self.how.hashing)
        except RecipeError:
            return False
        return True

    @cached_property
    def times(self) -> Sequence[Sequence[Time]]:
        """The ways to write a time that are tried in a layout with no, one, two and more departures.

        A time in another zone needs its offset if the recipe writes times without one: it may have been moved.
        """
        if None in self.own or has_null_like_a_value(self.how.payload):
            return [[] for _ in TIMES]
        own_times = list(filter(None, self.own))
        zones = {one.place for one in own_times if isinstance(one, _ZonedTime)}
        zoned = [_ZonedTime(fraction, separator, place=zone) for zone in zones for fraction, separator in _SPELLED]
        if any(one.epoch.value for one in own_times):
            return [[one for one in some if not (one.is_without_offset or one.epoch.value)] for some in TIMES]
        if any(one.is_without_offset for one in own_times):
            return [[one for one in some if not (one.is_without_offset and (zones or one.minutes))] for some in TIMES]
        return [[*zoned, *some] for some in TIMES]

    def search(self, row: Batch) -> RecipeForm | None:
        """Return the simplest form in which the one entry of a batch has its hash."""
        written = [self._written(some, row) for some in self.times]
        ambiguous = self._is_ambiguous(row)
        different: list[tuple[int, Layout]] = []
        seen: set[bytes | None] = set()
        is_long = sum(len(text or "") for one in self.columns for text in row.values(own(one))) > LONG
        for at, layout in enumerate(self.layouts):
            if is_long and len(layout.departures) > MOST_DEPARTURES_OF_LONG:
                return None
            payload = self._recipe(at, None).payloads(self._rows(row))[0]
            if payload in seen or (layout.reads and ambiguous):
                continue  # in a simpler layout the entry is written alike
            seen.add(payload)
            if len(layout.departures) <= 1:
                different.append((at, layout))
            if at and self._reproduces(_Way(at), row):
                return RecipeForm(self.version, layout)
            times = written[-1 if is_long else min(len(layout.departures), len(written) - 1)]
            for quoted in (True, False):
                some = [texts for texts, is_quoted in times if is_quoted is quoted]
                found = self._first(_Way(at, quoted, self.moments), row, some)
                if found is not None:
                    return RecipeForm(self.version, layout, self.moments, times[some[found], quoted])
        return None if is_long else next(self._lossy(row, different), None)

    def _lossy(self, row: Batch, different: Sequence[tuple[int, Layout]]) -> Iterator[RecipeForm]:
        """Yield the forms in which columns lost a part of what was hashed; texts that simpler ones have, only once."""
        known = [(time, lost) for time, lost in product(self._own_spelled, DIGITS)]
        seen: set[tuple[str, ...]] = set()
        digits: list[tuple[Time, Lost, list[tuple[str, ...]]]] = []
        for time, lost in known:
            some: list[tuple[str, ...]]
            some = [(text,) for text in self._digits(time, lost, row) if (text,) not in seen]
            seen.update(some)
            digits.append((time, lost, some))
        for at, layout in different:
            for time, lost, some in digits:
                if self._first(_Way(at, True, self.moments), row, some) is not None:
                    yield RecipeForm(self.version, layout, self.moments, time, lost)
            for lost, column in product((Lost.NUL, Lost.SURROGATE), self.texts):
                form = RecipeForm(self.version, layout, (column,), None, lost)
                if self._has_lost(form, row):
                    yield form

    @cached_property
    def _own_spelled(self) -> list[Time]:
        """The recipe's own way to write a time, which may have had more digits, and nearly the same ways."""
        time = self.own[0] if len(self.own) == 1 else None
        if time is None or time.epoch.value or isinstance(time, _ZonedTime):
            return []
        zones = [time.zone, *({"+00:00", "Z"} - {time.zone} if not time.is_without_offset else ())]
        return [Time(fraction, time.separator, zone) for zone in zones for fraction in (None, 0)]

    def fitting(self, form: RecipeForm, batch: Batch, places: Sequence[int]) -> Iterator[int]:
        """Yield the places of entries of this version that have their hash in a form."""
        if form.layout.reads:
            places = [place for place in places if not self._is_ambiguous(batch.rows([place]))]
        if form.lost is not Lost.NOTHING:
            yield from (place for place in places if self._has_lost(form, batch.rows([place])))
            return
        at = self.layouts.index(form.layout)
        for place in places:
            row = batch.rows([place])
            texts = self._texts(form.time, row) if form.time else ()
            way = _Way(at, form.time.quoted, form.columns) if form.time else _Way(at)
            if texts is not None and self._first(way, row, [texts]) is not None:
                yield place

    def _is_ambiguous(self, row: Batch) -> bool:
        if any(value in _NOT_FINITE for column in self.floats for value in row.values(own(column))):
            return True
        return is_ambiguous(text for column in self.documents for text in row.values(own(column)))

    # hashing

    def _recipe(self, at: int, quoted: bool | None) -> Recipe:
        """Return a layout, compiled: with its own times, or with moments as they are, in quotes or not."""
        if (at, quoted) not in self._recipes:
            payload = self.layouts[at].payload
            if quoted is not None:
                payload = with_moments(payload, self.moments, quoted=quoted)
            self._recipes[at, quoted] = compile_recipe(payload, self.types, self.how.hashing)
        return self._recipes[at, quoted]

    def _rows(self, batch: Batch) -> BatchRows:
        return BatchRows(batch, self.hasher.profile)

    def _reproduces(self, way: _Way, row: Batch) -> bool:
        return self._first(way, row, [()]) is not None

    def _first(self, way: _Way, row: Batch, values: Sequence[Sequence[str | None]]) -> int | None:
        """Return the first of these values of the columns with which the entry has its hash; None if none.

        None, too, if the payload could be that of other content.
        """
        recipe = self._recipe(way.layout, way.quoted)
        (stored,) = row.values(self.stored)
        hashes = self._hashing(self._payloads(recipe, row, way.columns, values))
        if stored not in hashes:
            return None
        place = hashes.index(stored)
        reading = Reading(self._rows(_with(row, way.columns, [values[place]])))
        varies = bool(self.layouts[way.layout].departures)
        return place if is_readable(recipe.part, reading, way.columns, json=varies) else None

    def _payloads(
        self, recipe: Recipe, row: Batch, columns: Sequence[str], values: Sequence[Sequence[str | None]]
    ) -> list[bytes | None]:
        """Return the payload of an entry with each of these values of its columns."""
        few = recipe.payloads(self._rows(_with(row, columns, values[:2])))
        made = [payload for payload in few if payload is not None]
        if len(values) < _FEW or len(columns) > 1 or len(made) < len(few):
            return [*few, *recipe.payloads(self._rows(_with(row, columns, values[2:])))] if values[2:] else few
        first, second = (str(texts[0]).encode("utf-8", "surrogatepass") for texts in values[:2])
        head, *tails = made[0].split(first)
        if len(tails) != 1 or made[1] != head + second + tails[0]:  # the text is not simply a part of the payload
            return recipe.payloads(self._rows(_with(row, columns, values)))
        return [head + texts[0].encode() + tails[0] if texts[0] is not None else None for texts in values]

    # times

    def _written(self, times: Iterable[Time], row: Batch) -> _Written:
        found: dict[tuple[tuple[str | None, ...], bool], Time] = {}
        for time in times:
            if (texts := self._texts(time, row)) is not None:
                found.setdefault((texts, time.quoted), time)
        return found

    def _texts(self, time: Time, row: Batch) -> tuple[str | None, ...] | None:
        """Return the moments of an entry as they are written in a way; None if one cannot be, or there is none."""
        moments = [self._moment(row, column) for column in self.moments]
        texts = tuple(None if one is None else time.write(one) if one else "" for one in moments)
        return None if "" in texts or not any(texts) or (None in texts and None not in moments) else texts

    @staticmethod
    def _moment(row: Batch, column: str) -> str | None:
        """Return a moment as a canonical time; None for NULL, empty if it has none, or more digits than that."""
        (value,) = row.values(own(column))
        if value is None:
            return None
        nine = _NINE([value])[0] or ""
        return f"{nine[:26]}+00:00" if len(nine) == _FULL and nine[26:29] == "000" else ""

    # what columns have lost

    def _has_lost(self, form: RecipeForm, row: Batch) -> bool:
        way = _Way(self.layouts.index(form.layout), True if form.lost in DIGITS else None, form.columns)
        if form.lost in DIGITS:
            texts: Iterable[str] = self._digits(form.time, form.lost, row) if form.time else ()
        else:
            texts = _damaged(form.lost, row.values(own(form.columns[0]))[0])
        return self._first(way, row, [(text,) for text in texts]) is not None

    def _digits(self, time: Time, lost: Lost, row: Batch) -> Iterator[str]:
        moment = self._moment(row, self.moments[0])
        return time.lossy(moment, lost) if moment else iter(())

    def _is_text(self, column: str) -> bool:
        type_ = plain_type(self.types.get(column, "text"))
        return type_.startswith(_TEXTS)


@dataclass(frozen=True)
class _Way:
    """A layout, and how the columns are written whose values are given: None as the layout does."""

    layout: int
    quoted: bool | None = None
    columns: tuple[str, ...] = ()


_FEW = 8
"""Values that are written by the recipe; of more, only two are, to see how."""


def _damaged(lost: Lost, stored: str | None) -> Iterator[str]:
    """Yield the texts that a column stores as this one."""
    text = stored or ""
    if lost is Lost.SURROGATE:
        parts = text.split("\ufffd")
        return (chr(half).join(parts) for half in SURROGATES[:MOST_CANDIDATES] if len(parts) > 1)
    ends = range(min(len(text) + 1, MOST_CANDIDATES) if stored is not None else 0)
    return (f"{text[:end]}\0{text[end:]}" for end in ends)


def _with(row: Batch, columns: Iterable[str], values: Sequence[Sequence[str | None]]) -> Batch:
    """Return copies of an entry, each with other values in these columns."""
    row = row.rows([0] * len(values))
    for at, column in enumerate(columns):
        row = row.having(own(column), [_escaped(one[at]) for one in values])
    return row


def _escaped(value: str | None) -> str:
    """Return JSON text, which may have half a surrogate pair."""
    return json_text(None) if value is None else json.dumps(value)[1:-1]


_NINE = iso("9", "+00:00")
_FULL = len("2026-05-21T15:30:00.120000000+00:00")
_SPELLED = tuple(product((None, 6, 3, 0), "T "))


def _own_time(item: Item, types: Mapping[str, str]) -> Time | None:
    """Return the way in which a recipe writes a moment; None if no other may be tried."""
    format_ = item.get("format")
    name, given = (next(iter(format_.items()))) if isinstance(format_, Mapping) else (format_ or "as_stored", {})
    is_aware = types.get(item["column"], "").endswith("with time zone")
    if name == "iso":
        zone, offset = given.get("zone", "UTC"), given.get("offset", "+00:00")
        made = Time(separator=given.get("separator", "T"), zone=offset)
        return made if zone == "UTC" else _ZonedTime(separator=made.separator, zone=offset, place=zone)
    if name == "unix":
        return Time(epoch=Epoch.SECONDS)
    return Time(separator=" ", zone="+00:00" if is_aware else "") if name in ("as_stored", "python_str") else None
