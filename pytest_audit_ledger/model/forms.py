r"""Forms: other ways to write the payload of an entry than the profile's own. No I/O.

A writer in another language, or one that uses the default options of `json.dumps`, hashes the same content in another
form. Its hashes prove that content as well as ours do: `verify` and `investigate` recognise them with the same code,
for ledgers of every profile. A form is a layout, which is a variant of the recipe (`recipes/variants.py`), and a way to
write times (`times.py`).

A form is no way to hide an edit: whoever wants an edited entry to match must find a second payload with the same hash.
What a form must never do is write two contents alike, so these are **not** among them:

- an empty text for a missing value, because an edit of one into the other would match;
- a time with fewer digits than the column holds, because the other digits could be edited;
- a time that was moved by hours but keeps its offset, because that is what an edit looks like;
- a payload without a column, because that column could be edited. `investigate` tries it, and says so.

Some forms prove a little less than the content, and say so (`unproven`): a time without its offset, and what a column
cannot hold and lost when the entry was stored (`Lost`). A time without an offset can be moved by whole hours and match
in another zone; so only one zone, with its summer time, is taken for that of a ledger (`Recogniser.in_doubt`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import V2_COLUMNS
from pytest_audit_ledger.model.hasher import BatchRows, RecipeHasher, no_key
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Version
from pytest_audit_ledger.model.recipes import Recipe, RecipeError, compile_hashing, compile_recipe
from pytest_audit_ledger.model.recipes.formats import FLOATS, digest_of, plain_type
from pytest_audit_ledger.model.recipes.moments import iso
from pytest_audit_ledger.model.recipes.parts import Reading
from pytest_audit_ledger.model.recipes.variants import (
    Choice,
    Item,
    Layout,
    bare_in,
    documents_in,
    has_null_like_a_value,
    is_ambiguous,
    is_marked_off,
    is_readable,
    is_whole,
    items,
    layouts,
    moments_in,
    with_moments,
)
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.model.times import (
    DIGITS,
    FRACTIONS,
    SEPARATORS,
    TIMES,
    Epoch,
    Lost,
    Time,
    ZonedTime,
    damaged,
    offset_of,
)

_SAMPLES = ("2026-05-21T15:30:00.120000+00:00", "2026-05-21T15:30:00+00:00")
"""Moments that show how a time is written; the second one for forms that have whole seconds only."""

LONG, MOST_DEPARTURES_OF_LONG = 16 * 1024, 2
"""Characters from which on only the simplest forms of an entry are tried: all of them would take minutes."""

_TEXTS = ("text", "character", "citext")
_LIKE_OTHERS = ("NaN", "Infinity", "-Infinity", "-0")
"""Numbers that a language may write like others."""


@dataclass(frozen=True)
class Form:
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
        documents = " and ".join(self.layout.rewritten)
        found = (
            f"the time zone, and so the hour, of {' and '.join(self.columns)}" if self.minutes is not None else "",
            f"how {documents} spells its JSON: the order of keys, spaces, 1.0 or 1" if documents else "",
        )
        return ", and ".join(filter(None, found))

    @property
    def minutes(self) -> int | None:
        """The offset of a local time that is written without it; None if the hash shows which moment was meant."""
        return self.time.minutes if self.time and self.time.is_without_offset and self.lost is Lost.NOTHING else None

    @property
    def quoted(self) -> bool | None:
        """Whether JSON has the times in quotes; None if they are written as the layout does."""
        return None if self.time is None else self.time.quoted

    @property
    def _is_timed(self) -> bool:
        return self.time is not None and self.lost is Lost.NOTHING


def _sample(time: Time | None) -> str:
    written = next(filter(None, map(time.write, _SAMPLES)), "") if time else ""
    if time is not None and time.minutes and time.is_without_offset:
        return f"{written}, in the time zone {offset_of(time.minutes)}"
    return written if time is None or time.quoted or not time.epoch.value else f"{written}, without quotes"


_Texts = tuple["str | None", ...]
"""Values of some columns of an entry."""

_Written = Mapping["tuple[_Texts, bool]", Time]
"""The times of an entry in every way, and whether in quotes; each once, with the simplest way."""


class Forms:
    """The forms of a ledger's recipes, or of one of its line hashes. Can be pickled."""

    def __init__(self, hasher: RecipeHasher, stored: str = HASH) -> None:
        """Take what recomputes the hashes, and which hash this is about: HASH, or the column of a line hash."""
        self.hasher = hasher
        self.line = "" if stored == HASH else stored
        self.stored = hasher.profile.in_batch(self.line) if self.line else HASH

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is compiled."""
        return {"hasher": self.hasher, "line": self.line, "stored": self.stored}

    @property
    def own(self) -> Mapping[str, Any]:
        """The recipe of a profile with one version."""
        return self._variants[None].how.payload

    @property
    def layouts(self) -> Sequence[Layout]:
        """The recipe and its variants, of a profile with one version, those with the fewest departures first."""
        variants = self._variants[None]
        return [layout for at, layout in enumerate(variants.layouts) if variants.is_recipe(at)]

    def times_of(self, layout: Layout) -> Sequence[Time]:
        """Return the ways to write times that are tried in a layout, of a profile with one version."""
        return self._variants[None].times_of(layout)

    def with_hash(self, batch: Batch, places: Iterable[int]) -> list[int]:
        """Return the places of entries that have a hash, and a recipe with forms."""
        stored = batch.values(self.stored)
        return [place for place in self._of(batch, places) if stored[place]]

    def search(self, batch: Batch, place: int) -> Form | None:
        """Return a form in which an entry has its hash, in some milliseconds; None if no form reproduces it."""
        return next((one.search(batch.rows([place])) for one in self._of(batch, [place]).values()), None)

    def fitting(self, form: Form, batch: Batch, places: Iterable[int]) -> dict[int, Form]:
        """Return the entries that have their hash in a form, each with the simplest form that writes it as this does.

        So what is found for one entry does not depend on others.
        """
        of = {place: one for place, one in self._of(batch, places).items() if one.version == form.version}
        found = next(iter(of.values())).fitting(form, batch.rows([*of])) if of else {}
        mine = list(of)
        return {mine[at]: simplest for at, simplest in found.items()}

    def _of(self, batch: Batch, places: Iterable[int]) -> dict[int, _Variants]:
        """Return what knows the forms of each of these entries, unless nothing does."""
        column = "" if self.line else self.hasher.profile.version_column
        values = batch.values(self.hasher.profile.in_batch(column)) if column else [None] * len(batch)
        default = self._variants.get("default")
        found = {place: self._variants.get(values[place], default) for place in places}
        return {place: one for place, one in found.items() if one is not None}

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
        self.version, self.how, self.stored = version, how, stored
        self.profile, self.types = hasher.profile, hasher.types
        found = items(how.payload)
        moments = list(moments_in(found, self.types))
        self.moments = tuple(dict.fromkeys(one["column"] for one in moments))
        columns = self.columns = tuple(dict.fromkeys(one["column"] for one in found))
        self.documents = [one["column"] for one in documents_in(found, self.types)]
        self.unordered = [one for one in self.documents if self.types.get(one) == "jsonb"]
        self.bare = [one["column"] for one in bare_in(found, self.types)]
        self.floats = [one for one in columns if plain_type(self.types.get(one, "")) in FLOATS]
        self.texts = [one for one in columns if one not in self.moments and self._is_text(one)]
        self.own = [_own_time(one, self.types) for one in moments]
        self._recipes: dict[tuple[int, bool | None], Recipe] = {}
        self._hashing = compile_hashing(how.hashing, hasher.read_key)

    @cached_property
    def layouts(self) -> list[Layout]:
        """The recipe and its variants, and a few that are no recipes, because two keys would be the same."""
        return layouts(self.how.payload, self.types, self.profile.column(PREVIOUS))

    def is_recipe(self, at: int) -> bool:
        """Return whether a layout is a recipe. To find out takes long, and most searches reach few layouts."""
        try:
            self._recipe(at, None)
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
        zones = {one.place for one in own_times if isinstance(one, ZonedTime)}
        spelled = product(zones, FRACTIONS, SEPARATORS)
        zoned = [ZonedTime(fraction, separator, place=zone) for zone, fraction, separator in spelled]
        if any(one.epoch.value for one in own_times):
            return [[one for one in some if not (one.is_without_offset or one.epoch.value)] for some in TIMES]
        if any(one.is_without_offset for one in own_times):
            return [[one for one in some if not (one.is_without_offset and (zones or one.minutes))] for some in TIMES]
        return [[one for one in (*zoned, *some) if one not in self.own] for some in TIMES]

    def times_of(self, layout: Layout) -> Sequence[Time]:
        """Return the ways to write times that are tried in a layout."""
        return self.times[_level(layout)]

    def search(self, row: Batch) -> Form | None:
        """Return a form in which the one entry of a batch has its hash."""
        (moments,), (stored,) = self._moments(row), row.values(self.stored)
        written = [self._written(some, moments) for some in self.times]
        fits = self._fits(row)
        different: list[int] = []
        seen: set[bytes | None] = set()
        idle: set[tuple[int, int]] = set()  # departures that leave this entry as it is
        is_long = sum(len(text or "") for one in self.columns for text in self._values(row, one)) > LONG
        for at, layout in enumerate(self.layouts):
            if is_long and len(layout.departures) > MOST_DEPARTURES_OF_LONG:
                return None
            if not idle.isdisjoint(layout.choice) or not self.is_recipe(at):
                continue
            (payload,) = self._recipe(at, None).payloads(self._rows(row))
            if payload in seen or not fits(layout):  # in a simpler layout the entry is written alike
                idle.update(layout.choice if len(layout.choice) == 1 and self._are_independent else ())
                continue
            seen.add(payload)
            if layout.of_language:
                different.append(at)
            if at and self._hashing([payload])[0] == stored and self._first(_Way(at), row, [()]) is not None:
                return Form(self.version, layout)
            times = written[-1 if is_long else _level(layout)]
            for quoted in (True, False):
                some = [texts for texts, is_quoted in times if is_quoted is quoted]
                found = self._first(_Way(at, quoted, self.moments), row, some) if some else None
                if found is not None:
                    return Form(self.version, layout, self.moments, times[found, quoted])
        return None if is_long else next(self._lossy(row, different), None)

    def _lossy(self, row: Batch, different: Sequence[int]) -> Iterator[Form]:
        """Yield the forms in which columns lost a part of what was hashed; texts that simpler ones have, only once."""
        seen: set[tuple[str, ...]] = set()
        digits: list[tuple[Time, Lost, list[tuple[str, ...]]]] = []
        for time, lost in product(self._own_spelled, DIGITS):
            some: list[tuple[str, ...]]
            some = [(text,) for text in self._digits(time, lost, row) if (text,) not in seen]
            seen.update(some)
            digits.append((time, lost, some))
        for at in different:
            layout = self.layouts[at]
            for time, lost, some in digits:
                if some and self._first(_Way(at, True, self.moments), row, some) is not None:
                    yield Form(self.version, layout, self.moments, time, lost)
            yield from self._damaged(Lost.NUL, layout, self.texts, row)
            yield from self._damaged(Lost.ORDER, layout, self.unordered, row)
        halved = [one for one in self.texts if "\ufffd" in (self._values(row, one)[0] or "")]
        fits = self._fits(row)
        for at, layout in enumerate(self.layouts) if halved else ():
            # JavaScript alone escapes half a pair, and nothing else beyond ASCII
            if layout.of_language and fits(layout) and self.is_recipe(at):
                yield from self._damaged(Lost.SURROGATE, layout, halved, row)

    def _damaged(self, lost: Lost, layout: Layout, columns: Iterable[str], row: Batch) -> Iterator[Form]:
        forms = (Form(self.version, layout, (column,), None, lost) for column in columns)
        return (form for form in forms if self._has_lost(form, row))

    @cached_property
    def _are_independent(self) -> bool:
        """Whether a departure that leaves an entry as it is does so together with others, too.

        Documents may be written again by another one, and names beyond ASCII may become keys.
        """
        return not self.documents and "".join(self.columns).isascii()

    @cached_property
    def _own_spelled(self) -> list[Time]:
        """The recipe's own way to write a time, which may have had more digits, and nearly the same ways."""
        time = self.own[0] if len(self.own) == 1 else None
        if time is None or time.epoch.value or isinstance(time, ZonedTime):
            return []
        zones = [time.zone, *({"+00:00", "Z"} - {time.zone} if not time.is_without_offset else ())]
        return [Time(fraction, time.separator, zone) for zone in zones for fraction in (None, 0)]

    def fitting(self, form: Form, rows: Batch) -> dict[int, Form]:
        """Return the places of entries of this version that have their hash in a form, with the simplest such form."""
        at, places = self._place(form.layout), list(range(len(rows)))
        if form.layout.reads or (form.layout.departures and self.bare):
            places = [place for place in places if self._fits(rows.rows([place]))(form.layout)]
        if form.lost is not Lost.NOTHING:
            return self._simplest(form, rows, [one for one in places if self._has_lost(form, rows.rows([one]))])
        hashes = self._hashing(self._payloads_in(form, rows))
        stored = rows.values(self.stored)
        places = [place for place in places if hashes[place] is not None and hashes[place] == stored[place]]
        part = self._recipe(at, form.quoted).part
        if not is_marked_off(part):
            places = [place for place in places if self._is_readable(form, rows.rows([place]))]
        return self._simplest(form, rows, places)

    def _simplest(self, form: Form, rows: Batch, places: Sequence[int]) -> dict[int, Form]:
        """Return the simplest form that writes each of these entries as a form does, one difference less at a time."""
        found: dict[int, Form] = {}
        left = list(places)
        for simpler in self._simpler(form):
            if not left:
                break
            some = rows.rows(left)
            pairs = zip(left, self._payloads_in(form, some), self._payloads_in(simpler, some), strict=True)
            same = [place for place, mine, other in pairs if mine == other]
            found.update(self._simplest(simpler, rows, same))
            left = [place for place in left if place not in found]
        return {**found, **dict.fromkeys(left, form)}

    def _simpler(self, form: Form) -> Iterator[Form]:
        """Yield the forms with one difference less than a form, or an earlier alternative for one."""
        time = form.time
        if time and form.lost is Lost.NOTHING:
            if form.layout.departures:
                yield Form(self.version, form.layout)
            for fraction in FRACTIONS[: FRACTIONS.index(time.fraction)]:
                yield replace(form, time=replace(time, fraction=fraction))
        for choice in form.layout.simpler():
            at = self._places.get(choice)
            if at is not None and self.is_recipe(at):
                yield replace(form, layout=self.layouts[at])

    def _place(self, layout: Layout) -> int:
        return self._places[layout.choice]

    @cached_property
    def _places(self) -> Mapping[Choice, int]:
        """The places of the layouts by their choices."""
        return {layout.choice: at for at, layout in enumerate(self.layouts)}

    def _payloads_in(self, form: Form, rows: Batch) -> list[bytes | None]:
        """Return the payloads of entries in a form; in one that lost something, as if nothing was lost."""
        at = self._place(form.layout)
        if form.time is None or form.lost is not Lost.NOTHING:
            return self._recipe(at, None).payloads(self._rows(rows))
        texts = [self._texts(form.time, moments) for moments in self._moments(rows)]
        nothing = ("",) * len(form.columns)  # for times that cannot be written so
        written = self._with(rows, form.columns, [one or nothing for one in texts])
        payloads = self._recipe(at, form.quoted).payloads(self._rows(written))
        return [None if one is None else payload for one, payload in zip(texts, payloads, strict=True)]

    def _is_readable(self, form: Form, row: Batch) -> bool:
        """Return whether the payload of the one entry of a batch could not be that of other content."""
        if form.time is not None:
            (moments,) = self._moments(row)
            row = self._with(row, form.columns, [self._texts(form.time, moments) or ()])
        recipe = self._recipe(self._place(form.layout), form.quoted)
        return is_readable(recipe.part, Reading(self._rows(row)), form.columns, json=bool(form.layout.departures))

    def _fits(self, row: Batch) -> Callable[[Layout], bool]:
        """Return what says whether the one entry of a batch may be written in a layout."""
        is_unlike_others = not self._is_ambiguous(row)
        are_whole = all(is_whole(text) for column in self.bare for text in self._values(row, column))
        return lambda layout: not layout.departures or (are_whole and (is_unlike_others or not layout.reads))

    def _is_ambiguous(self, row: Batch) -> bool:
        if any(value in _LIKE_OTHERS for column in self.floats for value in self._values(row, column)):
            return True
        return is_ambiguous(text for column in self.documents for text in self._values(row, column))

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
        return BatchRows(batch, self.profile)

    def _values(self, batch: Batch, column: str) -> list[str | None]:
        return batch.values(self.profile.in_batch(column))

    def _first(self, way: _Way, row: Batch, values: Sequence[_Texts]) -> _Texts | None:
        """Return the first of these values of the columns with which the entry has its hash; None if none.

        None, too, if the payload could be that of other content.
        """
        recipe = self._recipe(way.layout, way.quoted)
        found = self._matching(recipe, row, way.columns, values)
        if found is None:
            return None
        reading = Reading(self._rows(self._with(row, way.columns, [found])))
        varies = bool(self.layouts[way.layout].departures)
        return found if is_readable(recipe.part, reading, way.columns, json=varies) else None

    def _matching(self, recipe: Recipe, row: Batch, columns: Sequence[str], values: Sequence[_Texts]) -> _Texts | None:
        """Return the first of these values of the columns with which a recipe makes the hash of the entry.

        If the first two are simply parts of the payload, so are the others, and are hashed without the recipe.
        """
        (stored,) = row.values(self.stored)
        few, others = values[:2], values[2:]
        made = recipe.payloads(self._rows(self._with(row, columns, few)))
        hashed = self._hashing(made)
        if stored in hashed or not others:
            return few[hashed.index(stored)] if stored in hashed else None
        if (around := _around(few, made)) is not None:
            return self._spliced(stored, *around, others)
        hashed = self._hashing(recipe.payloads(self._rows(self._with(row, columns, others))))
        return others[hashed.index(stored)] if stored in hashed else None

    def _spliced(self, stored: str | None, head: bytes, tail: bytes, values: Sequence[_Texts]) -> _Texts | None:
        """Return the first of these texts that has this hash between two constants."""
        how = self.how.hashing
        if (how.encoding, how.prefix, how.key) != ("hex", "", ""):
            hashed = self._hashing([head + (text or "").encode() + tail for (text,) in values])
            return values[hashed.index(stored)] if stored in hashed else None
        begun = digest_of(how.algorithm)(head)
        for texts in values:
            hasher = begun.copy()
            hasher.update((texts[0] or "").encode() + tail)
            if hasher.hexdigest() == stored:
                return texts
        return None

    # times

    def _written(self, times: Iterable[Time], moments: _Texts) -> _Written:
        found: dict[tuple[_Texts, bool], Time] = {}
        for time in times:
            if (texts := self._texts(time, moments)) is not None:
                found.setdefault((texts, time.quoted), time)
        return found

    @staticmethod
    def _texts(time: Time, moments: _Texts) -> _Texts | None:
        """Return the moments of an entry as they are written in a way; None if one cannot be, or there is none."""
        texts = tuple(None if one is None else time.write(one) if one else "" for one in moments)
        return None if "" in texts or not any(texts) or (None in texts and None not in moments) else texts

    def _moments(self, rows: Batch) -> list[_Texts]:
        """Return the canonical moments of each entry; None for NULL, empty for a value that has none."""
        columns = [[_canonical(value) for value in self._values(rows, column)] for column in self.moments]
        return [*zip(*columns, strict=True)] if columns else [()] * len(rows)

    def _with(self, rows: Batch, columns: Iterable[str], values: Sequence[Sequence[str | None]]) -> Batch:
        """Return entries with other values in these columns; an entry alone is repeated for each of them."""
        if len(rows) != len(values):
            rows = rows.rows([0] * len(values))
        for at, column in enumerate(columns):
            rows = rows.having(self.profile.in_batch(column), [_escaped(one[at]) for one in values])
        return rows

    # what columns have lost

    def _has_lost(self, form: Form, row: Batch) -> bool:
        way = _Way(self._place(form.layout), True if form.lost in DIGITS else None, form.columns)
        if form.lost in DIGITS:
            texts: Iterable[str] = self._digits(form.time, form.lost, row) if form.time else ()
        else:
            texts = damaged(form.lost, self._values(row, form.columns[0])[0])
        return self._first(way, row, [(text,) for text in texts]) is not None

    def _digits(self, time: Time, lost: Lost, row: Batch) -> list[str]:
        ((moment,),) = self._moments(row)
        return time.lossy(moment, lost) if moment else []

    def _is_text(self, column: str) -> bool:
        type_ = plain_type(self.types.get(column, "text"))
        return type_.startswith(_TEXTS)


@dataclass(frozen=True)
class _Way:
    """A layout, and how the columns are written whose values are given: None as the layout does."""

    layout: int
    quoted: bool | None = None
    columns: tuple[str, ...] = ()


def _around(few: Sequence[_Texts], made: Sequence[bytes | None]) -> tuple[bytes, bytes] | None:
    """Return what is before and after the one value in two payloads; None unless both have it as it is, once."""
    if len(few) < 2 or len(few[0]) != 1 or None in made or None in (few[0][0], few[1][0]):
        return None
    first, second = (str(texts[0]).encode("utf-8", "surrogatepass") for texts in few)
    head, *tails = (made[0] or b"").split(first)
    return (head, tails[0]) if len(tails) == 1 and made[1] == head + second + tails[0] else None


def _level(layout: Layout) -> int:
    """Return which of TIMES are tried in a layout."""
    return min(len(layout.departures), len(TIMES) - 1)


def _escaped(value: str | None) -> str:
    """Return JSON text, which may have half a surrogate pair."""
    return json_text(None) if value is None else json.dumps(value)[1:-1]


_NINE = iso("9", "+00:00")
_FULL = len("2026-05-21T15:30:00.120000000+00:00")


def _canonical(value: str | None) -> str | None:
    """Return a moment in UTC with six digits; None for NULL, empty if it has none, or more digits than that."""
    if value is None:
        return None
    nine = _NINE([value])[0] or ""
    return f"{nine[:26]}+00:00" if len(nine) == _FULL and nine[26:29] == "000" else ""


def _own_time(item: Item, types: Mapping[str, str]) -> Time | None:
    """Return the way in which a recipe writes a moment; None if no other may be tried."""
    format_ = item.get("format")
    name, given = (next(iter(format_.items()))) if isinstance(format_, Mapping) else (format_ or "as_stored", {})
    is_aware = types.get(item["column"], "").endswith("with time zone")
    if name == "iso":
        zone, offset = given.get("zone", "UTC"), given.get("offset", "+00:00")
        made = Time(separator=given.get("separator", "T"), zone=offset)
        return made if zone == "UTC" else ZonedTime(separator=made.separator, zone=offset, place=zone)
    if name == "unix":
        return Time(epoch=Epoch.SECONDS)
    return Time(separator=" ", zone="+00:00" if is_aware else "") if name in ("as_stored", "python_str") else None


SKI_FORMS = Forms(RecipeHasher(SKI, {name: column.type for name, column in V2_COLUMNS.items()}, no_key))
"""The forms of SKI ledgers."""
