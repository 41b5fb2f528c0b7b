"""What an entry said when it was written, and what proves it, in sentences. They claim no more than is proven."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.incident import Certainty, Incident, capital
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Restored, Stopped, Unexplained, Witness
from pytest_audit_ledger.investigate.ski_payloads import Value
from pytest_audit_ledger.model.printable import printable

_WORD = re.compile(r"[!-~]+", re.ASCII)

_STOPPED = {
    Stopped.EXHAUSTED: "none of the {count} hypotheses that the rules give has the hash",
    Stopped.TIME: "the time ran out after {count} hypotheses, none of which has the hash",
    Stopped.COUNT: "the limit of {count} hypotheses was reached, none of which has the hash",
    Stopped.NO_HASH: "neither the entry nor the next one stores a hash that could prove anything",
}

_PROOF = {
    Witness.BOTH: "its stored hash, which the next entry links to, proves this",
    Witness.LINK: "the link of the next entry proves this; its own entry_hash is a different one",
    Witness.OWN: "its stored hash proves this unless that was replaced as well; no entry follows that names its hash",
    Witness.SIGNED: "a signed record of the last entry has the hash of this content, which proves it",
    Witness.CONTRADICTED: (
        "its stored hash proves that this was hashed, but the next entry or a signed record names another hash, so one "
        "of the two was altered"
    ),
}


def sentence(found: Reconstruction | Unexplained) -> str:
    """Return what an entry said when it was written, as far as that is proven."""
    if isinstance(found, Unexplained):
        return f"The original content of {_entry(found.sequence_number)} is unknown: {_stopped(found)}."
    if found.form is None and not found.content_changes:
        return f"{headline(found)}{_unchanged(found)}."
    return f"{headline(found)}: {proof(found)}."


def headline(found: Reconstruction) -> str:
    """Return what an entry said when it was written, without its proof and without a full stop."""
    entry, changes = _entry(found.sequence_number), found.content_changes
    subject = f"{entry[0].upper()}{entry[1:]}"
    if not changes and found.form is None:
        return f"{subject} says what it said when it was written"
    if not changes:
        return f"{subject} has its original content, but its payload {_form(found)}"
    return f"{subject} was written with {_changes(changes)}{f'; its payload {_form(found)}' if found.form else ''}"


def proof(found: Reconstruction) -> str:
    """Return what proves a reconstruction with changes, without a full stop."""
    changes = found.content_changes
    excluded = f" ({_excluded(changes[0], found.witness)})" if len(changes) == 1 and changes[0].excluded else ""
    return f"{_PROOF[found.witness]}{excluded}"


def with_original(incident: Incident, found: Reconstruction) -> Incident:
    """Return an incident of one entry, in the words of its reconstruction, which proves what was changed."""
    place = f"Stream {printable(incident.stream)}: " if incident.stream else ""
    because = (f"{capital(proof(found))}.", *incident.because)
    incident = replace(incident, certainty=Certainty.PROVEN, otherwise=(), because=because)
    return replace(incident, sentence=f"{place}{headline(found)}.")


def sentences(found: Sequence[Reconstruction | Unexplained]) -> list[str]:
    """Return what entries said when they were written; several that are unknown share one sentence."""
    unknown = [one for one in found if isinstance(one, Unexplained)]
    if len(unknown) < 2:
        return [sentence(one) for one in found]
    first, last = (_number(one.sequence_number) for one in (unknown[0], unknown[-1]))
    tried = sum(one.hypotheses for one in unknown)
    ends = {_STOPPED[one.stopped] for one in unknown}
    how = ends.pop() if len(ends) == 1 else "none of {count} hypotheses has the hash of its entry"
    return [
        *(sentence(one) for one in found if not isinstance(one, Unexplained)),
        (
            f"The original content of {len(unknown):,} entries from {first} to {last} is unknown: "
            f"{how.format(count=f'{tried:,}')}."
        ),
    ]


def shown(value: Value) -> str:
    """Return a value as sentences show it: in quotes unless it is one plain word; NULL if it is missing."""
    if value is None:
        return "NULL"
    return printable(value) if _WORD.fullmatch(value) and value != "NULL" else f'"{printable(value)}"'


def _entry(number: int | None) -> str:
    return f"entry {_number(number)}" if number is not None else "an entry without a number"


def _number(number: int | None) -> str:
    return "(no number)" if number is None else f"{number:,}"


def _stopped(found: Unexplained) -> str:
    count = _STOPPED[found.stopped].format(count=f"{found.hypotheses:,}")
    if not found.has_its_own_hash:
        return count
    return f"its content matches its stored hash, but the next entry links to another one, and {count}"


def _unchanged(found: Reconstruction) -> str:
    if found.changes:
        who = "a signed record has" if found.witness is Witness.SIGNED else "the next entry links to"
        return f", but its entry_hash does not: {who} the hash of its content, {found.proven_by}"
    if found.witness is Witness.OWN:
        return ", unless its own hash was replaced as well; no entry follows that names its hash"
    if found.witness is Witness.SIGNED:
        return ": its content has its stored hash, which a signed record has as well"
    return ": its content has its stored hash, which the next entry links to"


def _changes(changes: Sequence[Restored]) -> str:
    if len(changes) == 1:
        original, stored = _pair(changes[0])
        why = _why(changes[0])
        return f"{changes[0].column} {original}{f' ({why})' if why else ''}; it now says {stored}"
    parts = []
    for change in changes:
        original, stored = _pair(change)
        parts.append(f"{change.column} {original} ({'; '.join(filter(None, (_why(change), f'now {stored}')))})")
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


_OF_ONE_ENTRY = ("telemetry_id", "telemetry_hash", "reasoning", "previous_hash")
"""The columns for which it is noteworthy that a neighbour has the same value."""


def _why(change: Restored) -> str:
    """Return how the original value is related to another one, if that says more than the value does."""
    cause = change.cause
    is_rule = cause.rewriting is not None and change.column != "sequence_number"
    is_elsewhere = change.column in _OF_ONE_ENTRY or cause.words.startswith(("its last", "as its", "as the"))
    return printable(cause.words) if is_rule or is_elsewhere else ""


def _excluded(change: Restored, witness: Witness) -> str:
    named = {Witness.LINK: "the hash that the next entry links to", Witness.SIGNED: "the signed hash"}
    which = named.get(witness, "the stored hash")
    if change.column == "verdict":
        return f"of all verdicts, only {shown(change.original)} gives {which}"
    return f"none of {change.excluded:,} other values tried for {change.column} gives {which}"


def _form(found: Reconstruction) -> str:
    departures = found.form.departures if found.form is not None else ()
    return f"was hashed {' and '.join(departures) or 'in the standard form, unlike that of other entries'}"


def _pair(change: Restored) -> tuple[str, str]:
    """Return the original and the stored value; if they look the same, with all beyond ASCII as escapes."""
    original, stored = shown(change.original), shown(change.stored)
    if unicodedata.normalize("NFKC", original) == unicodedata.normalize("NFKC", stored):
        return ascii(change.original), ascii(change.stored)
    return original, stored
