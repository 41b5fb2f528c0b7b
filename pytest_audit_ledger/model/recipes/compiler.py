"""From the data of a recipe to its parts. No I/O.

A recipe is a mapping of its name to its items, or to options with the items as `of`. An item has one of four forms,
`column`, `{column: format}`, `{key:, column:, format:, null:, trim:}` and `{previous: form}`; or it is a text, a
constant, a condition with items of its own, or a recipe. In `json` and `array` a value without a format is written as
its type asks, and `quoted` says otherwise. A column named like one of these forms needs the third form.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from operator import add
from typing import Any

from pytest_audit_ledger.model.profile import PREVIOUS, Hashing, own
from pytest_audit_ledger.model.recipes import formats, options
from pytest_audit_ledger.model.recipes.errors import Path, RecipeError
from pytest_audit_ledger.model.recipes.formats import Format, Given, Quick
from pytest_audit_ledger.model.recipes.parts import (
    FORMATTED,
    Column,
    FlatSteps,
    Kind,
    Part,
    Reading,
    Step,
    as_bytes,
    as_utf8,
    constant,
    joined,
)
from pytest_audit_ledger.model.recipes.writers import WRITING, Writer, writer_of
from pytest_audit_ledger.native.plan import Form, Piece, Plan, sequence

RECIPES = ("json", "array", "join", "pairs", "concat", "lengths", "template")
"""The recipes that are made of items."""

_LEAVE_OUT = ("omit", "skip")
_KEEP = "keep"
_TRIMS: Mapping[str, Callable[[str, str], str]] = {"both": str.strip, "left": str.lstrip, "right": str.rstrip}
_WHITE = " \t\n\r\v"
_JSON_OPTIONS = ("of", "null", "sorted", *WRITING)
_ITEMS: Mapping[str, Collection[str]] = {
    "unless_first": ("unless_first",),
    "when_not_null": ("when_not_null", "of"),
    "text": ("text", "key"),
    "constant": ("constant", "key"),
    "previous": ("previous", "key", "null"),
    "column": ("column", "key", "format", "null", "trim", "quoted"),
}
"""Items that are mappings, by the key that tells them apart, each with its options."""
_CONDITIONS = ("unless_first", "when_not_null")


@dataclass(frozen=True)
class _Null:
    """How a recipe writes NULL: as a text, as JSON's null, or (neither) not at all."""

    text: str | None = None
    keep: bool = False


@dataclass(frozen=True)
class _Within:
    """What items need to know of the recipe they are in: its name, how it writes NULL, and its writer if it is JSON."""

    recipe: str
    null: _Null
    json: Writer | None = None

    @property
    def keyed(self) -> bool:
        """Whether each item has a key."""
        return self.recipe in ("json", "pairs")

    def writer(self, *, is_alone: bool) -> Writer:
        """Return what writes JSON in this recipe, perhaps a document that becomes a text or a hash there."""
        writer = self.json or Writer()
        return writer.in_one_line if is_alone else writer


_Item = tuple[str, Part]
"""An item and its key, empty if it has none."""


class Compiler:
    """Makes parts of the data of a recipe, for columns of these types and hashes stored in this way."""

    def __init__(self, types: Mapping[str, str], hashing: Hashing) -> None:
        self._types = {column: formats.plain_type(name) for column, name in types.items()}
        self._hashing = hashing
        makers = (self._json, self._json, self._join, self._pairs, self._concat, self._lengths, self._template)
        self._recipes: Mapping[str, Callable[[Any, Path, Writer], Part]] = dict(zip(RECIPES, makers, strict=True))

    def recipe(self, name: str, data: Any) -> Part:
        """Return the part that a recipe describes. Raises RecipeError if it is not valid."""
        return self._recipes[name](data, (name,), Writer())

    # recipes

    def _json(self, data: Any, path: Path, base: Writer) -> Part:
        name = str(path[-1])
        found, place = self._options(data, _JSON_OPTIONS, path)
        settings = {key: value for key, value in found.items() if key not in ("of", "null", "sorted")}
        writer = writer_of(settings, base, path)
        if "sorted" in found:
            is_sorted = options.switch(found["sorted"], (*path, "sorted"))
            writer = replace(writer, order="sorted" if is_sorted else "stored")
        null = self._null(found.get("null", _KEEP), (*path, "null"), name)
        items = self._items(found.get("of"), place, _Within(name, null, writer))
        between, after = writer.separators
        is_indented = "indent" in found  # what is inside of it needs no lines of its own
        if name == "array":
            made = self._sequence(items, path, between, ends=("[", "]"), kind=Kind.JSON)
            return _indented(made, writer) if is_indented else made
        by_key = dict(items)
        if len(by_key) < len(items):
            keys = [key for key, _ in items]
            raise RecipeError(path, f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice")
        items = [(f"{writer.quoted([key])[0]}{after}", by_key[key]) for key in writer.keys(by_key)]
        made = self._sequence(items, path, between, ends=("{", "}"), kind=Kind.JSON)
        return _indented(made, writer) if is_indented else made

    def _join(self, data: Any, path: Path, _base: Writer) -> Part:
        found, place = self._options(data, ("of", "by", "null"), path)
        if "by" not in found:
            raise RecipeError(path, "join needs a text between the values, as `by`; concat writes none")
        separator = options.text(found["by"], (*path, "by"))
        null = self._null(found.get("null", ""), (*path, "null"), "join")
        return self._sequence(self._items(found.get("of"), place, _Within("join", null)), path, separator)

    def _pairs(self, data: Any, path: Path, _base: Writer) -> Part:
        found, place = self._options(data, ("of", "by", "equals", "null"), path)
        separator = options.text(found.get("by", "&"), (*path, "by"))
        equals = options.text(found.get("equals", "="), (*path, "equals"))
        null = self._null(found.get("null", ""), (*path, "null"), "pairs")
        items = [(f"{key}{equals}", part) for key, part in self._items(found.get("of"), place, _Within("pairs", null))]
        return self._sequence(items, path, separator)

    def _concat(self, data: Any, path: Path, _base: Writer) -> Part:
        found, place = self._options(data, ("of", "null"), path)
        null = self._null(found.get("null", ""), (*path, "null"), "concat")
        return self._sequence(self._items(found.get("of"), place, _Within("concat", null)), path, "")

    def _lengths(self, data: Any, path: Path, _base: Writer) -> Part:
        found, place = self._options(data, ("of", "prefix", "null"), path)
        step = _length_prefix(found.get("prefix", "{bytes}:"), (*path, "prefix"))
        null = self._null(found.get("null", ""), (*path, "null"), "lengths")
        items = [
            (key, replace(part, build=_stepped(as_bytes(part), step), kind=Kind.BYTES, plan=None))
            for key, part in self._items(found.get("of"), place, _Within("lengths", null))
        ]
        made = self._sequence(items, path, "")
        return replace(made, flat={**made.flat, "prefix": found.get("prefix", "{bytes}:")})

    def _template(self, data: Any, path: Path, _base: Writer) -> Part:
        is_short = isinstance(data, str)
        found = options.mapping({"text": data} if is_short else data, ("text", "of", "null"), path)
        place = path if is_short else (*path, "text")
        null = self._null(found.get("null", ""), (*path, "null"), "template")
        given = options.mapping(found.get("of", {}), None, (*path, "of"))
        fields = _fields(options.text(found.get("text"), place), place)
        items: list[_Item] = []
        for literal, name in fields:
            if literal:
                items.append(("", constant(literal, place)))
            if name is not None:
                here = (*path, "of", name) if name in given else place
                items += self._item(given.get(name, name), here, _Within("template", null))
        for name in given.keys() - {name for _, name in fields}:
            raise RecipeError((*path, "of", name), f"the text has no field {name!r}")
        return self._sequence(items, path, "")

    def _sequence(
        self,
        items: Sequence[_Item],
        path: Path,
        separator: str,
        ends: tuple[str, str] = ("", ""),
        kind: Kind = Kind.TEXT,
    ) -> Part:
        members = tuple(part for _, part in items)
        builds = [part.build for part in members]
        prefixes = [prefix for prefix, _ in items]
        between = separator
        if any(part.kind is Kind.BYTES for part in members):
            kind, builds = Kind.BYTES, [as_bytes(part) for part in members]
            (between, *prefixes) = [text.encode().decode("latin-1") for text in (separator, *prefixes)]

        def build(reading: Reading) -> Column:
            if not builds:
                return ["".join(ends)] * len(reading.rows)
            return joined([one(reading) for one in builds], prefixes, between, ends)

        return Part(
            build=build,
            path=path,
            kind=kind,
            columns=tuple(dict.fromkeys(column for part in members for column in part.columns)),
            previous=any(part.previous for part in members),
            recipe=str(path[-1]),
            separator=separator,
            members=members,
            plan=_plan_of(items, separator, ends),
            flat={
                "lead": "",
                "when": [],
                "open": ends[0],
                "prefix": None,
                "between": separator,
                "close": ends[1],
                "items": [{**part.flat, "lead": prefix} for prefix, part in items],
                "steps": [],
            },
        )

    def _options(self, data: Any, known: Collection[str], path: Path) -> tuple[dict[str, Any], Path]:
        """Return the options of a recipe, with its items as `of`, and where these are in the data."""
        if isinstance(data, list):
            return {"of": data}, path
        return options.mapping(data, known, path), (*path, "of")

    def _null(self, data: Any, path: Path, recipe: str) -> _Null:
        if isinstance(data, Mapping):
            return _Null(options.text(options.mapping(data, ("text",), path).get("text"), (*path, "text")))
        if data == _KEEP:
            if recipe not in ("json", "array"):
                raise RecipeError(
                    path, f"keep writes the null of JSON, and {recipe} writes texts; give a text, or skip"
                )
            return _Null(keep=True)
        return _Null() if data in _LEAVE_OUT else _Null(options.text(data, path))

    # items

    def _items(self, data: Any, path: Path, within: _Within) -> list[_Item]:
        if not isinstance(data, list):
            raise RecipeError(path, f"expected a list of items, got {options.kind_of(data)}")
        return [item for place, one in enumerate(data) for item in self._item(one, (*path, place), within)]

    def _item(self, data: Any, path: Path, within: _Within) -> list[_Item]:
        if data == "previous":
            data = {"previous": "as_stored"}
        elif isinstance(data, str):
            return [(data * within.keyed, self._field({"column": data}, path, within))]
        if not isinstance(data, Mapping):
            raise RecipeError(
                path, f"expected a column or a mapping that describes an item, got {options.kind_of(data)}"
            )
        names = [options.named(key) for key in data]
        form = next((form for form in (*_ITEMS, *RECIPES) if form in names), None)
        if form is None and len(names) == 1:
            ((column, format_),) = data.items()
            field = {"column": str(column), "format": format_}
            return [(str(column) * within.keyed, self._field(field, path, within, short=True))]
        if form is None:
            raise RecipeError(path, f"an item needs one of {options.listed((*_ITEMS, *RECIPES))}")
        found = options.mapping(data, _ITEMS.get(form, (form, "key", "format", "quoted")), path)
        if form in _CONDITIONS:
            return self._condition(form, found, path, within)
        return [(self._key(form, found, path, within), self._described(form, found, path, within))]

    def _key(self, form: str, found: Mapping[str, Any], path: Path, within: _Within) -> str:
        if not within.keyed:
            if "key" in found:
                raise RecipeError((*path, "key"), f"items of {within.recipe} have no keys")
            return ""
        if "key" in found:
            return options.text(found["key"], (*path, "key"))
        if form not in ("column", "previous"):
            raise RecipeError(path, f"an item of {within.recipe} needs a key")
        return str(found["column"] if form == "column" else form)

    def _described(self, form: str, found: Mapping[str, Any], path: Path, within: _Within) -> Part:
        if form == "column":
            return self._field(found, path, within)
        if form == "previous":
            return self._previous(found, path, within)
        if form in RECIPES:
            return self._nested(form, found, path, within)
        return self._constant(form, found[form], (*path, form), within)

    def _condition(self, form: str, found: Mapping[str, Any], path: Path, within: _Within) -> list[_Item]:
        if form == "unless_first":
            items = self._items(found[form], (*path, form), within)
            return [(key, _conditional(part, _unless_first, {"first": False})) for key, part in items]
        column = options.text(found[form], (*path, form))
        items = self._items(found.get("of"), (*path, "of"), within)
        condition = {"not_null": column}
        return [(key, _conditional(part, partial(_not_null, column), condition, (column,))) for key, part in items]

    def _constant(self, form: str, value: Any, path: Path, within: _Within) -> Part:
        if form == "text" or isinstance(value, str):
            text = options.text(value, path)
            shown = within.json.quoted([text])[0] if within.json else text
        elif _is_json(value):
            shown = (within.json or Writer()).document(json.dumps(value)) or ""
        else:
            raise RecipeError(path, f"expected a text, a number, true, false or null, got {options.kind_of(value)}")
        return constant(shown, path, Kind.JSON if within.json else Kind.TEXT)

    def _nested(self, name: str, found: Mapping[str, Any], path: Path, within: _Within) -> Part:
        is_alone = "format" in found or bool(found.get("quoted"))
        part = self._recipes[name](found[name], (*path, name), within.writer(is_alone=is_alone))
        if "format" in found:
            given = Given("text", part.kind, part.shape, within.json or Writer())
            made = formats.format_of(found["format"], given, (*path, "format"))
            build = _stepped(part.build, made.step) if made.step else part.build
            members = (part,)
            part = replace(
                part, build=build, kind=made.kind, shape=made.shape, recipe=FORMATTED, members=members, plan=None
            )
            part = _flat_after(part, made.flat)
        return self._quoted(part, found.get("quoted"), path, within)

    def _previous(self, found: Mapping[str, Any], path: Path, within: _Within) -> Part:
        form = options.one_of(found["previous"], ("as_stored", *formats.ENCODED), (*path, "previous"))
        made = Format(shape=formats.HASH)
        if form != "as_stored":
            step = formats.each(partial(_recoded, self._hashing, form))
            flat = (("decoded", *_decoding(self._hashing)), ("encoded", form))
            made = Format(step, Kind.BYTES if form == "raw" else Kind.TEXT, formats.HASH, flat=flat)
        flat_part = {"lead": "", "when": [], "previous": True, "steps": [], "null": None}
        part = Part(build=lambda reading: reading.previous, path=path, previous=True, flat=flat_part)
        return self._valued(part, made, found, within, PREVIOUS)

    def _field(self, found: Mapping[str, Any], path: Path, within: _Within, short: bool = False) -> Part:
        column = options.text(found["column"], (*path, "column"))
        is_alone = isinstance(found.get("format"), list) or bool(found.get("quoted"))
        type_, writer = self._types.get(column, ""), within.writer(is_alone=is_alone)
        made = formats.in_json(type_, writer) if within.json and "quoted" not in found else formats.stored(type_)
        if "format" in found:
            where = (*path, column if short else "format")
            made = formats.format_of(
                found["format"], Given(type_, Kind.TEXT, formats.stored(type_).shape, writer), where
            )
        flat: Mapping[str, Any] = {"lead": "", "when": [], "column": column, "steps": [], "null": None}
        part = Part(build=lambda reading: reading.values(column), path=path, columns=(column,), flat=flat)
        if found.get("trim"):
            trim = "both" if found["trim"] is True else options.one_of(found["trim"], _TRIMS, (*path, "trim"))
            part = replace(part, build=_stepped(part.build, formats.each(lambda text: _TRIMS[trim](text, _WHITE))))
            made = replace(made, quick=None, step=made.step or list, flat=(("trim", trim), *made.flat))
        return self._valued(part, made, found, within, own(column))

    def _valued(self, part: Part, made: Format, found: Mapping[str, Any], within: _Within, column: str) -> Part:
        """Return a part as a format writes its values, and as the item or else the recipe writes NULL."""
        if made.step:
            part = replace(part, build=_stepped(part.build, made.step))
        bare = _flat_after(replace(part, kind=made.kind, shape=made.shape, plan=_plan(column, made)), made.flat)
        part = self._quoted(bare, found.get("quoted"), part.path, within)
        null = self._null(found["null"], (*part.path, "null"), within.recipe) if "null" in found else within.null
        if null.keep:
            flat = {**part.flat, "null": "null"}
            return replace(part, build=_filled(part.build, "null"), plan=_with_null(part.plan, "null"), flat=flat)
        if null.text is None:
            return replace(part, optional=True, plan=None)
        written = within.json.quoted([null.text])[0] if within.json else null.text
        part = replace(part, flat={**part.flat, "null": written})
        if part.kind is Kind.BYTES:
            written = written.encode().decode("latin-1")
        return replace(part, build=_filled(part.build, written), null=null.text, plan=_with_null(part.plan, written))

    def _quoted(self, part: Part, quoted: Any, path: Path, within: _Within) -> Part:
        """Return a part of JSON as a string if it is to be one."""
        if within.json is None:
            if quoted is not None:
                raise RecipeError((*path, "quoted"), f"{within.recipe} writes texts; only json and array have quotes")
            return part
        wanted = part.kind is Kind.TEXT if quoted is None else options.switch(quoted, (*path, "quoted"))
        if part.kind is Kind.BYTES:
            raise RecipeError(path, "bytes have no place in JSON; use hex or base64")
        if wanted:
            plan = _in_quotes(part.plan, within.json) if not part.members else None
            part = replace(part, build=_stepped(part.build, within.json.quoted), plan=plan)
            part = _flat_after(part, (within.json.flat_quote,))
        return replace(part, kind=Kind.JSON)


def _indented(part: Part, writer: Writer) -> Part:
    """Return a part that is JSON with lines."""
    indented = _stepped(part.build, formats.each(writer.indented))
    return _flat_after(replace(part, build=indented, plan=None), (writer.flat_indent,))


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (str, bool, int, float))


def _stepped(build: Callable[[Reading], Column], step: Step) -> Callable[[Reading], Column]:
    return lambda reading: reading.written(build(reading), step)


def _filled(build: Callable[[Reading], Column], text: str) -> Callable[[Reading], Column]:
    def filled(reading: Reading) -> Column:
        column = build(reading)
        return [text if value is None else value for value in column] if None in column else column

    return filled


def _unless_first(reading: Reading) -> list[bool]:
    return [not first for first in reading.rows.first()]


def _not_null(column: str, reading: Reading) -> list[bool]:
    return [value is not None for value in reading.values(column)]


def _flat_after(part: Part, steps: FlatSteps) -> Part:
    """Return a part whose flat form has further steps."""
    return replace(part, flat={**part.flat, "steps": [*part.flat["steps"], *steps]})


def _conditional(
    part: Part, holds: Callable[[Reading], list[bool]], condition: Mapping[str, Any], columns: tuple[str, ...] = ()
) -> Part:
    """Return a part that is written only in the rows where a condition holds; elsewhere it cannot fail."""

    def build(reading: Reading) -> Column:
        failed, reading.failed = reading.failed, set()
        column, mask = part.build(reading), holds(reading)
        reading.failed = failed | {place for place in reading.failed if mask[place]}
        return [value if held else None for value, held in zip(column, mask, strict=True)]

    flat = {**part.flat, "when": [condition, *part.flat["when"]]}
    return replace(part, build=build, columns=(*part.columns, *columns), optional=bool(columns), plan=None, flat=flat)


def _plan(column: str, made: Format) -> Plan | None:
    """Return how the native core writes a column of a batch in a format, if it can."""
    quick = made.quick or (Quick(Form.RAW) if made.step is None and made.kind is not Kind.BYTES else None)
    return quick and Plan((Piece(b"", column, quick.form, close=quick.after, refused=quick.refused),))


def _in_quotes(plan: Plan | None, writer: Writer) -> Plan | None:
    """Return how the native core writes a value as a string of JSON."""
    if plan is None:
        return None
    (piece,) = plan.pieces
    form = Form.TEXT if piece.form is Form.RAW else piece.form
    refused = piece.refused + writer.refused
    return Plan((piece._replace(form=form, open=b'"', close=piece.close + b'"', refused=refused),))


def _with_null(plan: Plan | None, text: str) -> Plan | None:
    return plan and Plan((plan.pieces[0]._replace(null=as_utf8(text)),))


def _plan_of(items: Sequence[_Item], separator: str, ends: tuple[str, str]) -> Plan | None:
    """Return how the native core writes items, if it can write them all."""
    leads = [as_utf8(f"{separator * (place > 0)}{prefix}") for place, (prefix, _) in enumerate(items)]
    return sequence([part.plan for _, part in items], leads, (as_utf8(ends[0]), as_utf8(ends[1])))


def _decoding(hashing: Hashing) -> tuple[str, str]:
    """Return the form of a stored hash for a flat profile, and what is before it."""
    prefix = hashing.prefix + ("\\x" if hashing.encoding == "bytea" else "")
    return "base64" if hashing.encoding == "base64" else "hex", prefix


def _recoded(hashing: Hashing, form: str, text: str) -> str | None:
    """Return a stored hash in another encoding; None if it is none. An empty one is that of no bytes."""
    if not text.startswith(hashing.prefix):
        return None
    bare = text[len(hashing.prefix) :]
    try:
        if hashing.encoding == "base64":
            content = base64.b64decode(bare, validate=True)
        else:
            content = bytes.fromhex(bare.removeprefix("\\x") if hashing.encoding == "bytea" else bare)
    except ValueError:
        return None
    return formats.encoded(content, form)


def _length_prefix(data: Any, path: Path) -> Step:
    """Return the step that writes the number of its bytes before each value, which is bytes as Latin-1."""
    if isinstance(data, int):
        size = int(options.one_of(data, ("4", "8"), path))
        prefix = cache(lambda length: length.to_bytes(size, "big").decode("latin-1"))
    else:
        before, mark, after = options.text(data, path).encode().decode("latin-1").partition("{bytes}")
        if not mark:
            raise RecipeError(path, 'expected 4, 8, or a text with {bytes}, for example "{bytes}:"')
        prefix = cache(lambda length: f"{before}{length}{after}")
    return lambda texts: list(map(add, map(prefix, map(len, texts)), texts))


def _fields(text: str, path: Path) -> list[tuple[str, str | None]]:
    """Return the pieces of a template: a literal text, and the name of the field after it, if there is one."""
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise RecipeError(path, f"{error}; write a brace that is not a field twice") from error
    for _, name, spec, conversion in pieces:
        if spec or conversion:
            raise RecipeError(path, f"the field {name!r} can only be a name; give its format under `of`")
    return [(literal, name) for literal, name, _, _ in pieces]
