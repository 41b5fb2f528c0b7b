"""Variants of a recipe: other layouts in which a program may write the same content. No I/O.

A variant is no way to hide an edit: whatever two contents it writes alike, the recipe itself writes alike, too. So a
document that a reader may take for another one is not written again (`is_ambiguous`), a value that is not marked off
from its neighbours is not written in another way (`is_readable`), no column takes the key of another one, and what a
missing value is written as is not what a variant makes of any other (`has_null_like_a_value`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from string import Formatter
from typing import Any

from pytest_audit_ledger.model.recipes import options as given_options
from pytest_audit_ledger.model.recipes.compiler import RECIPES
from pytest_audit_ledger.model.recipes.formats import DOCUMENTS, FLOATS, INTEGERS, plain_type
from pytest_audit_ledger.model.recipes.parts import Kind, Part, Reading
from pytest_audit_ledger.model.recipes.writers import Writer, writer_of

MOST_LAYOUTS = 256
"""Layouts of a recipe that are tried, those with the fewest departures."""

_JSON = ("json", "array")
_TEXTS = ("join", "pairs", "concat", "template")
_PLACED = (*_TEXTS, "array", "lengths")
"""Recipes whose members are known by their places, which move if one is left out."""
_COMPACT, _SPACED = (",", ":"), (", ", ": ")
_AS_PRINTED = ("json_pg", "jsonb_pretty")
_IN_DOCUMENTS = (*_AS_PRINTED, "json", "jcs")
_MOMENTS = frozenset("0123456789-+:.TZUC ")
"""The characters of a moment, however it is written."""
_LOSSY_NUMBER = re.compile(r"[\d.]{16}|\d[eE][+-]?\d{3}")

_ANY_JSON = json.JSONDecoder(object_pairs_hook=lambda _: None, parse_int=str, parse_float=str)
"""Reads numbers of any size."""

Choice = tuple[tuple[int, int], ...]
"""Departures, each as the thing that differs and which of its alternatives was taken."""

Item = dict[str, Any]
"""An item with the key `column`."""


@dataclass(frozen=True)
class _Departure:
    """One difference from a recipe, in words that follow "hashed"; what it does to JSON, recipes and columns.

    `reads`: whether documents are read, and written again. `of_language`: whether it is one of a programming language.
    """

    words: str
    writer: Callable[[Writer], Writer] = lambda writer: writer
    options: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, options: options
    item: Callable[[Item, str], Item] = lambda item, _: item
    reads: bool = False
    of_language: bool = False


@dataclass(frozen=True)
class Layout:
    """A recipe, and its differences from another one, in words that follow "hashed".

    `reads`: whether documents are read, and written again. `of_language`: whether all departures are those of
    programming languages. `choice`: what the departures are. `rewritten`: the columns of documents that are read, and
    written again.
    """

    payload: Mapping[str, Any] = field(hash=False)
    departures: tuple[str, ...] = ()
    reads: bool = False
    of_language: bool = True
    choice: Choice = ()
    rewritten: tuple[str, ...] = ()

    def simpler(self) -> Iterator[Choice]:
        """Yield the choices of layouts with one departure less, or an earlier alternative for one."""
        for at, (thing, alternative) in enumerate(self.choice):
            before, after = self.choice[:at], self.choice[at + 1 :]
            yield (*before, *after)
            yield from ((*before, (thing, other), *after) for other in range(alternative))


def layouts(payload: Mapping[str, Any], types: Mapping[str, str], previous: str) -> list[Layout]:
    """Return a recipe and its variants, those with the fewest departures first.

    `types` are those of the columns, in their order; `previous` is the column of the previous hash. A recipe whose
    bytes the server or a function makes has none but itself.
    """
    if not payload.keys() & set(RECIPES):
        return [Layout(payload)]

    def made(departures: Sequence[_Departure]) -> dict[str, Any]:
        return _rewritten(payload, Writer(), departures)

    own, found = repr(made([])), dict[str, Layout]()
    dimensions = [[one for one in some if repr(made([one])) != own] for some in _dimensions(payload, types, previous)]
    things = [[None, *((thing, at) for at in range(len(some)))] for thing, some in enumerate(dimensions)]
    choices = (tuple(filter(None, one)) for one in product(*things))
    for choice in sorted(choices, key=len):
        departures = [dimensions[thing][alternative] for thing, alternative in choice]
        words, recipe = tuple(one.words for one in departures), made(departures)
        reads, of_language = any(one.reads for one in departures), all(one.of_language for one in departures)
        rewritten = _rewritten_documents(recipe, types) if reads else ()
        found.setdefault(repr(recipe), Layout(recipe, words, reads, of_language, choice, rewritten))
        if len(found) == MOST_LAYOUTS:
            break
    return [*found.values()]


def own_layout(payload: Mapping[str, Any]) -> Layout:
    """Return the layout that a recipe is, without departures, which is the first of all."""
    return Layout(_rewritten(payload, Writer(), ()))


def with_moments(payload: Mapping[str, Any], columns: Collection[str], *, quoted: bool) -> Mapping[str, Any]:
    """Return a recipe that writes these columns as they are, in JSON in quotes or without them."""

    def item(one: Item, recipe: str) -> Item:
        if one["column"] not in columns:
            return one
        return {**one, "format": "as_stored", **({"quoted": quoted} if recipe in _JSON else {})}

    return _rewritten(payload, Writer(), [_Departure("", item=item)])


def items(payload: Mapping[str, Any]) -> list[Item]:
    """Return every item of a recipe that is a column, in its longest form."""
    found: list[Item] = []

    def item(one: Item, _: str) -> Item:
        found.append(one)
        return one

    _rewritten(payload, Writer(), [_Departure("", item=item)])
    return found


def _rewritten_documents(recipe: Mapping[str, Any], types: Mapping[str, str]) -> tuple[str, ...]:
    found = documents_in(items(recipe), types)
    return tuple(dict.fromkeys(one["column"] for one in found if _name(one.get("format")) not in _AS_PRINTED))


def bare_in(found: Iterable[Item], types: Mapping[str, str]) -> Iterator[Item]:
    """Yield the items whose texts become parts of a payload as JSON, though the server does not see to it."""
    for item in found:
        type_, is_stored = types.get(item["column"], "text"), _name(item.get("format")) in ("", "as_stored")
        is_text = is_stored and type_.startswith(("text", "character", "citext"))
        if (is_text and item.get("quoted") is False) or (_is_document(item, types) and type_ != "jsonb"):
            yield item


def is_whole(text: str | None) -> bool:
    """Return whether a text is a JSON document with nothing around it, as spaces that may be those of a recipe."""
    try:
        return text is None or (text == text.strip() and len(_ANY_JSON.decode(f"[{text}]")) == 1)
    except (ValueError, RecursionError):
        return False


def is_ambiguous(documents: Iterable[str | None]) -> bool:
    """Return whether a document may read as another one.

    It has numbers that no double holds or JSON does not know, half of a surrogate pair, or a key twice.
    """
    return any(_LOSSY_NUMBER.search(text) or not _is_plain(text) for text in documents if text)


def _is_plain(document: str) -> bool:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key occurs twice")
        return dict(pairs)

    try:
        value = json.loads(document, object_pairs_hook=members)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def has_null_like_a_value(payload: Any) -> bool:
    """Return whether a recipe writes a missing value as a text that a number or a moment may be written as."""
    if isinstance(payload, Mapping):
        null = payload.get("null")
        text = null.get("text") if isinstance(null, Mapping) else null
        return bool(re.search(r"\d", str(text))) or any(map(has_null_like_a_value, payload.values()))
    return isinstance(payload, list) and any(map(has_null_like_a_value, payload))


# departures


def _styled(words: str, style: str, **flags: bool) -> _Departure:
    def writer(own: Writer) -> Writer:
        switches: dict[str, Any] = {"ascii": False, "escape_slashes": False, "escape_html": False, **flags}
        return own if own.style == "jcs" else replace(own, style=style or own.style, **switches)

    return _Departure(words, writer, reads=bool(style), of_language=True)


def _separated(words: str, separators: tuple[str, str]) -> _Departure:
    return _Departure(words, lambda own: own if own.indent else replace(own, separators=separators))


_LANGUAGES = (
    _styled("with <, > and & escaped, as Go does", "go", escape_html=True),
    _styled("with slashes and everything beyond ASCII escaped, as PHP does", "php", ascii=True, escape_slashes=True),
    _styled("as JavaScript writes JSON", "javascript"),
)
_ESCAPES = (
    _styled("with everything beyond ASCII escaped (ensure_ascii)", "", ascii=True),
    _styled("with nothing escaped beyond ASCII", ""),
    *_LANGUAGES,
)
_SEPARATORS = (
    _separated("with spaces after commas and colons", _SPACED),
    _separated("without spaces after commas and colons", _COMPACT),
)


def _omitting(recipe: str, options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "null": "omit"} if recipe == "json" else options


def _dimensions(payload: Mapping[str, Any], types: Mapping[str, str], previous: str) -> Sequence[Sequence[_Departure]]:
    """Return the departures of a recipe, alternatives together."""
    plain = {name: plain_type(type_) for name, type_ in types.items()}
    places = {name: at for at, name in enumerate(types)}
    places = {**places, "previous": places.get(previous, len(places))}

    def ordered(is_sorted: bool) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
        def options(recipe: str, own: dict[str, Any]) -> dict[str, Any]:
            if recipe != "json" or own.get("sorted", False) == is_sorted:
                return own
            by_place = sorted(own["of"], key=lambda one: places.get(_column_of(one), len(places)))
            return {**own, "sorted": is_sorted, "of": own["of"] if is_sorted else by_place}

        return options

    def unkeyed(item: Item, recipe: str) -> Item:
        return {key: value for key, value in item.items() if key != "key"} if recipe == "json" else item

    def numbered(quoted: bool) -> Callable[[Item, str], Item]:
        def item(one: Item, recipe: str) -> Item:
            is_whole = recipe in _JSON and plain.get(one["column"]) in INTEGERS and "format" not in one
            return {**one, "quoted": quoted} if is_whole and one.get("quoted", False) != quoted else one

        return item

    def keeping(one: Item, recipe: str) -> Item:
        """Write null, unless a value may be written so, too: a document, or what is not a number."""
        is_bare = one.get("quoted") is False and plain.get(one["column"]) not in INTEGERS
        has_null = "null" in one or is_bare or _is_document(one, types) or plain.get(one["column"]) in FLOATS
        return {**one, "null": "keep"} if recipe == "json" and not has_null else one

    def rewriting(words: str, form: Any, *, reads: bool = True) -> _Departure:
        def item(one: Item, _: str) -> Item:
            return _formatted(one, form) if _is_document(one, types) else one

        return _Departure(words, item=item, reads=reads, of_language=True)

    documents = (
        rewriting("with documents as PostgreSQL prints them", "json_pg", reads=False),
        rewriting("with the keys of documents sorted", {"json": {"keys": "sorted"}}),
        rewriting("with the keys of documents as stored", {"json": {"keys": "stored"}}),
        rewriting("with documents in the form of RFC 8785", "jcs"),
    )
    orders = (
        _Departure("with the keys sorted", options=ordered(True)),
        _Departure("with the keys in the order of the columns, not sorted", options=ordered(False)),
    )
    keys = (_Departure("with the columns' names as keys", item=unkeyed),)
    numbers = (
        _Departure("with whole numbers in quotes", item=numbered(True)),
        _Departure("with whole numbers without quotes", item=numbered(False)),
    )
    nulls = (
        _Departure("with no key for a missing value", options=_omitting, of_language=True),
        *([_Departure("with null for a missing value", item=keeping, of_language=True)] if _omits(payload) else ()),
    )
    return (
        _ESCAPES,
        _SEPARATORS,
        orders,
        () if _has_key_of_another(items(payload)) else keys,
        () if has_null_like_a_value(payload) else numbers,
        nulls,
        documents,
    )


def _omits(payload: Any) -> bool:
    """Return whether JSON in a recipe has anything but its null for a missing value."""
    if isinstance(payload, Mapping):
        return payload.get("null", "keep") != "keep" or any(map(_omits, payload.values()))
    return isinstance(payload, list) and any(map(_omits, payload))


def _has_key_of_another(found: Sequence[Item]) -> bool:
    """Return whether an item has the name of another column as its key."""
    names = {one["column"] for one in found}
    return any(one.get("key") in names - {one["column"]} for one in found)


def documents_in(found: Iterable[Item], types: Mapping[str, str]) -> Iterator[Item]:
    """Yield the items whose values are JSON."""
    return (item for item in found if _is_document(item, types))


def _is_document(item: Item, types: Mapping[str, str]) -> bool:
    name, type_ = _name(item.get("format")), plain_type(types.get(item["column"], ""))
    return name in _IN_DOCUMENTS or (type_ in DOCUMENTS and not name)


def _first(format_: Any) -> Any:
    return format_[0] if isinstance(format_, list) else format_


def _name(format_: Any) -> str:
    """Return the name of a format, or of the first of several; empty if there is none."""
    first = _first(format_)
    return str(next(iter(first)) if isinstance(first, Mapping) else first or "")


def _formatted(item: Item, format_: Any) -> Item:
    """Return an item with another format in place of its own, or of the first of several."""
    own = item.get("format")
    return {**item, "format": [format_, *own[1:]] if isinstance(own, list) else format_}


def _column_of(item: Any) -> str:
    full = _in_full(item)
    is_previous = item == "previous" or (isinstance(item, Mapping) and "previous" in item)
    return "previous" if is_previous else str(full["column"]) if full else ""


def _in_full(item: Any) -> Item | None:
    """Return an item that is a column in its longest form; None for any other."""
    if isinstance(item, str):
        return None if item == "previous" else {"column": item}
    if "column" in item:
        return dict(item)
    if len(item) > 1 or item.keys() & {"text", "constant", "previous", "unless_first", *RECIPES}:
        return None
    ((column, format_),) = item.items()
    return {"column": column, "format": format_}


# rewriting


def _rewritten(data: Mapping[str, Any], base: Writer, departures: Sequence[_Departure]) -> dict[str, Any]:
    """Return a recipe, or an item that is one, with all departures; `base` writes its JSON unless it says otherwise."""
    return {
        name: _recipe(given_options.named(name), inner, base, departures) if name in RECIPES else inner
        for name, inner in data.items()
    }


def _recipe(name: str, inner: Any, base: Writer, departures: Sequence[_Departure]) -> Any:
    own: dict[str, Any] = {"text" if isinstance(inner, str) else "of": inner}
    if isinstance(inner, Mapping):
        own = {given_options.named(key): one for key, one in inner.items()}
    if name == "template":
        named = {field: field for _, field, _, _ in Formatter().parse(own["text"]) if field}
        fields: dict[str, Any] = {**named, **own.get("of", {})}
        return {**own, "of": {key: _item(one, name, base, departures) for key, one in fields.items()}}
    if name in _JSON:
        others = {key: one for key, one in own.items() if key in ("of", "null", "sorted")}
        base = writer_of({key: one for key, one in own.items() if key not in others}, base, ())
        own = {**others, **_written(base, departures)}
    for one in departures:
        own = one.options(name, own)
    return {**own, "of": [_item(one, name, base, departures) for one in own["of"]]}


def _written(base: Writer, departures: Sequence[_Departure]) -> dict[str, Any]:
    """Return the options of JSON with which it is written as by `base`, with all departures."""
    for one in departures:
        base = one.writer(base)
    options: dict[str, Any] = {"style": base.style, "separators": list(base.separators), "precision": base.precision}
    options |= {"indent": base.indent} if base.indent else {}
    return {**options, **{name: getattr(base, name) for name in ("ascii", "escape_slashes", "escape_html")}}


def _item(item: Any, recipe: str, base: Writer, departures: Sequence[_Departure]) -> Any:
    for condition in ("unless_first", "of"):
        if isinstance(item, Mapping) and condition in item:
            return {**item, condition: [_item(one, recipe, base, departures) for one in item[condition]]}
    full, inherited = _in_full(item), base if recipe in _JSON else Writer()
    if _is_alone(item, full):
        inherited = inherited.in_one_line
    if full is None:
        return _rewritten(item, inherited, departures) if isinstance(item, Mapping) else item
    for one in departures:
        full = one.item(full, recipe)
    if _name(full.get("format")) == "json":
        first = _first(full["format"])
        own = dict(first["json"]) if isinstance(first, Mapping) else {}
        keys = {"keys": own.pop("keys")} if "keys" in own else {}
        full = _formatted(full, {"json": {**keys, **_written(writer_of(own, inherited, ()), departures)}})
    return full


def _is_alone(item: Any, full: Item | None) -> bool:
    """Return whether the JSON of an item becomes a text or a hash in the JSON around it, as the compiler does."""
    if full is None:
        return isinstance(item, Mapping) and ("format" in item or bool(item.get("quoted")))
    return isinstance(full.get("format"), list) or bool(full.get("quoted"))


# reading back


def is_readable(part: Part, reading: Reading, columns: Collection[str], *, json: bool) -> bool:
    """Return whether these columns, and with `json` all JSON, are marked off from all else in the payload of one row.

    JSON and lengths mark off what they have. So does a separator that no value has, and in a text that is put together
    without one, the literal texts around a moment, if the one before it occurs only once. Nothing does beside a value
    that is left out if it is missing: another one could be in its place.
    """
    varies = any(_varies(one, columns, json) for one in part.members)
    if varies and part.recipe in _PLACED and any(one.optional for one in part.members):
        return False
    if varies and part.recipe in _TEXTS:
        texts = [text for text in (one.build(reading)[0] for one in part.members) if text is not None]
        if part.separator:
            if any(part.separator in text for text in texts):
                return False
        elif not _is_placed(part, reading, columns, json):
            return False
    return all(is_readable(one, reading, columns, json=json) for one in part.members)


def is_marked_off(part: Part) -> bool:
    """Return whether everything in a payload is always marked off: in JSON alone it is."""
    return part.recipe not in _PLACED and all(map(is_marked_off, part.members))


def _varies(part: Part, columns: Collection[str], json: bool) -> bool:
    return (
        (json and (part.recipe in _JSON or part.kind is Kind.JSON))
        or (not part.members and not set(columns).isdisjoint(part.columns))
        or any(_varies(one, columns, json) for one in part.members)
    )


def _is_placed(part: Part, reading: Reading, columns: Collection[str], json: bool) -> bool:
    """Return whether everything that varies in a text without separators has a place of its own there."""
    texts = [one.build(reading)[0] or "" for one in part.members]
    whole, is_known = "".join(texts), True
    for at, one in enumerate(part.members):
        if _varies(one, columns, json):
            literal = texts[at - 1] if at and _is_literal(part.members[at - 1]) else ""
            has_start = is_known or (literal and whole.count(literal) == 1)
            if not has_start or not _has_end(part.members, texts, at):
                return False
        is_known = is_known and one.shape.fixed and not (one.members or one.optional)
    return True


def _has_end(members: Sequence[Part], texts: Sequence[str], at: int) -> bool:
    """Return whether a member shows where it ends: JSON does, and a moment before a text that no moment has."""
    one = members[at]
    if at + 1 == len(members) or one.shape.fixed or one.recipe in (*_JSON, "lengths"):
        return True
    is_moment = not one.members and one.kind is not Kind.JSON
    return is_moment and _is_literal(members[at + 1]) and not _MOMENTS.issuperset(texts[at + 1][:1])


def _is_literal(part: Part) -> bool:
    return not (part.columns or part.previous or part.members)


def moments_in(found: Iterable[Item], types: Mapping[str, str]) -> Iterator[Item]:
    """Yield the items whose values are moments that are written in full: as ISO 8601, or as a number."""
    for item in found:
        name, type_ = _name(item.get("format")), types.get(item["column"], "")
        if name in ("iso", "unix") or (type_.startswith("timestamp") and name in ("", "as_stored", "python_str")):
            yield item
