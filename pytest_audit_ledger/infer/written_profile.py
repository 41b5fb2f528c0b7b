"""The profile that was found, as the text of a file with comments. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import available_timezones

from pytest_audit_ledger.infer.chains import Chain, Entry, counts, genesis_of, groups_of
from pytest_audit_ledger.infer.pieces import Slot
from pytest_audit_ledger.infer.recipe_search import Found
from pytest_audit_ledger.infer.sampling import Sample
from pytest_audit_ledger.infer.shapes import PREVIOUS
from pytest_audit_ledger.infer.yaml_text import block, flow
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes.formats import INTEGERS
from pytest_audit_ledger.model.recipes.moments import iso
from pytest_audit_ledger.model.recipes.recipe import DEFAULT

_NO_PLACES = ("Etc/", "SystemV/", "US/")

_UNGUARDED = "When its profile was found, the table had no trigger that refuses changes."


def profile_text(
    name: str, table: str, sample: Sample, chain: Chain, entries: Sequence[Entry], found: Found | None, *, guarded: bool
) -> str:
    """Return the text of a profile: whole if a recipe was found, otherwise with its roles alone."""
    lines = [*_head(table, entries, found), "version: 1", f"name: {flow(name)}", f"table: {flow(table)}"]
    lines += block({"roles": _roles(sample, chain, found)})
    if chain.previous:
        linked, of = chain.links
        lines.append(f"# {printable(chain.previous)} is the hash before in {linked:,} of {of:,} sampled rows.")
    if not guarded:
        lines += block({"guards": {"append_only": False, "reason": _UNGUARDED}})
    lines += block(_numbers(sample, chain, entries))
    lines += _genesis(chain, entries, found.lines if found else {})
    if found is None:
        return "\n".join([*lines, "# payload: the recipe was not found.", ""])
    lines += block(_recipes(found))
    lines += [f"# {line}" for line in dict.fromkeys(open_questions(sample, found))]
    return "\n".join([*lines, ""])


def _head(table: str, entries: Sequence[Entry], found: Found | None) -> Iterator[str]:
    yield f"# Found by audit-ledger profile infer in the table {printable(table)}."
    if found is None:
        yield "# No recipe was found: complete this file by hand, then check it with audit-ledger profile lint."
    else:
        yield f"# It reproduces {len(found.reproduced):,} of the {len(entries):,} sampled hashes."
    if found is not None and not found.is_complete:
        yield "# The recipe is not the whole truth: entries that it does not reproduce may be hashed in another way."


def _roles(sample: Sample, chain: Chain, found: Found | None) -> dict[str, Any]:
    sequence: Any = chain.sequence
    if sample.types[chain.sequence] not in INTEGERS:
        sequence = {"column": chain.sequence, "as": "integer"}
    roles = {
        "sequence": sequence,
        "stream": [*chain.streams] if len(chain.streams) > 1 else "".join(chain.streams),
        "order": chain.order,
        "timestamp": _timestamp(sample, chain, found),
        "previous_hash": chain.previous,
        "entry_hash": chain.entry_hash.name,
    }
    return {role: column for role, column in roles.items() if column}


def _timestamp(sample: Sample, chain: Chain, found: Found | None) -> str:
    """Return the first column of moments that never goes back: one under the hash if there is one."""
    hashed = {slot.name for one in (found.solutions.values() if found else ()) for slot in one.slots}
    windows = sample.windows[chain.ordered_by]
    forward = [
        name
        for name, type_ in sample.types.items()
        if type_.startswith("timestamp") and all(_is_sorted([row[name] for row in window]) for window in windows)
    ]
    return next(iter(sorted(forward, key=lambda name: name not in hashed)), "")


def _is_sorted(column: Sequence[str | None]) -> bool:
    texts = [text for text in column if text is not None]
    return bool(texts) and len(texts) == len(column) and texts == sorted(texts)


def _numbers(sample: Sample, chain: Chain, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return what the profile says of the numbers of entries, and where hashes start."""
    found: dict[str, Any] = {}
    window = sample.windows[chain.sequence][0]
    starts = {int(rows[0][chain.sequence] or 0) for rows in groups_of(window, chain.streams).values()}
    start = (starts.pop() if len(starts) == 1 else "any") if starts else 1
    numbers = {**({} if start == 1 else {"start": start}), **({} if counts(sample, chain) else {"gaps": "allowed"})}
    if numbers:
        found["sequence"] = numbers
    hashless = [row for row in window if row[chain.entry_hash.name] is None]
    if hashless and entries and not chain.streams:
        found["starts"] = {"at": min(int(entry.row[chain.sequence] or 0) for entry in entries)}
    return found


def _genesis(chain: Chain, entries: Sequence[Entry], lines: Collection[str]) -> Iterator[str]:
    if not chain.previous:
        yield "genesis: null"
        return
    named = genesis_of(entries, lines)
    if named is None:
        yield "# genesis: the first entries name different values; write what is right, or null"
    elif named[1]:
        yield f"genesis: {flow({'line': named[1]})}"
    elif named[0] != "":
        yield f"genesis: {flow(named[0])}"


def _recipes(found: Found) -> dict[str, Any]:
    """Return the hash and the recipe, by version if there are several."""
    made: dict[str, Any] = {}
    if hash_ := _hash(found.hashing):
        made["hash"] = hash_
    if found.lines:
        made["lines"] = {
            column: {"payload": solution.payload, **({"hash": own} if (own := _hash(hashing, found.hashing)) else {})}
            for column, (hashing, solution) in found.lines.items()
        }
    payloads: Mapping[str | None, Any] = {value: {"payload": one.payload} for value, one in found.solutions.items()}
    if not found.version_column:
        return {**made, **next(iter(payloads.values()))}
    of = {"null" if value is None else value: one for value, one in payloads.items()}
    return {**made, "versions": {"column": found.version_column, "of": of}}


def _hash(hashing: Hashing, default: Hashing = DEFAULT) -> dict[str, str]:
    """Return what a hash has other than the one that applies unless it says so."""
    return {name: value for name, value in vars(hashing).items() if value != getattr(default, name)}


def open_questions(sample: Sample, found: Found) -> Iterator[str]:
    """Yield what the sampled entries leave open, and what the recipes do not cover, as sentences."""
    lines = [solution for _, solution in found.lines.values()]
    under_lines = {slot.name for solution in lines for slot in solution.slots}
    own = {found.chain.entry_hash.name, *found.lines, *under_lines}
    for solution in lines:
        yield from (words for slot in solution.slots for words in _open(slot, solution.reproduced))
    for value, solution in found.solutions.items():
        version = f" in version {printable('NULL' if value is None else value)}" if found.version_column else ""
        if len(solution.reproduced) == 1:
            yield f"The recipe{version} rests on one entry."
        yield from (words for slot in solution.slots for words in _open(slot, solution.reproduced))
        named = {found.chain.previous if slot.name == PREVIOUS else slot.name for slot in solution.slots}
        left = [name for name in sample.types if name not in named | own]
        unknown = [name for name in left if all(entry.row[name] is None for entry in solution.reproduced)]
        if known := [name for name in left if name not in unknown]:
            yield f"Under no hash{version}: {', '.join(map(printable, known))}."
        if unknown:
            listed = ", ".join(map(printable, unknown))
            yield f"NULL in every sampled entry{version}, so perhaps hashed if not NULL: {listed}."


def _open(slot: Slot, entries: Collection[Entry]) -> Iterator[str]:
    name = printable(slot.name or "the previous hash")
    if slot.is_always_null:
        yield f"{name} is NULL in every sampled entry, so the form of its values is a guess."
    elif len(slot.forms) > 1 and slot.name != PREVIOUS:
        others = [flow(form.data.get("format", form.data)) if form.data else "as_stored" for form in slot.forms[1:]]
        shown = f"{', '.join(others[:3])}{' and others' if len(others) > 3 else ''}"
        yield f"The sampled values of {name} look the same in other formats: {shown}."
    if zone := _zone(slot.forms[0].data):
        others = _zones_like(zone, [text for entry in entries if (text := slot.of(entry)) is not None])
        if others:
            shown = f"{', '.join(others[:3])}{f' and {len(others) - 3} others' if len(others) > 3 else ''}"
            yield f"{zone} has the same offsets at the sampled values of {name} as {shown}: name the writer's zone."


def _zone(form: Any) -> str:
    """Return the time zone in a form of a column; empty if there is none."""
    if not isinstance(form, Mapping):
        return ""
    return str(form.get("zone") or next(filter(None, map(_zone, form.values())), ""))


def _zones_like(zone: str, values: list[str]) -> list[str]:
    """Return the other time zones in which these moments have the same local times."""
    local = iso("0", zone=zone)(values)
    places = [other for other in available_timezones() - {zone} if "/" in other and not other.startswith(_NO_PLACES)]
    return sorted(other for other in places if iso("0", zone=other)(values) == local)
