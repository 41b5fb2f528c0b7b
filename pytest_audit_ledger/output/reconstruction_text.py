"""What an entry said when it was written, and why we say so, in one sentence. It claims no more than is proven."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Restored, Stopped, Unexplained, Witness
from pytest_audit_ledger.investigate.rewritings import Value
from pytest_audit_ledger.investigate.systematic import Explained, LostDigits
from pytest_audit_ledger.model.printable import printable

_WORD = re.compile(r"[!-~]+", re.ASCII)

_STOPPED = {
    Stopped.EXHAUSTED: "{count} hypotheses were tried, all that there are rules for, and none has the hash",
    Stopped.TIME: "{count} hypotheses were tried, and none has the hash, until the time was up",
    Stopped.COUNT: "{count} hypotheses were tried, and none has the hash, until no more were allowed",
    Stopped.NO_HASH: "no hash is stored, with it or in the next entry, that could prove anything",
}

_PROOF = {
    Witness.BOTH: "its stored hash, which the next entry links to, proves it",
    Witness.LINK: "the link of the next entry proves it; its own entry_hash is another one",
    Witness.OWN: "its stored hash proves it, as far as that was not replaced: no entry follows that commits to it",
    Witness.CONTRADICTED: (
        "its stored hash proves that this was hashed, but the next entry links to another hash, so one of the two is "
        "not as it was"
    ),
}


def sentence(found: Reconstruction | Unexplained) -> str:
    """Return what an entry said when it was written, as far as that is proven."""
    entry = _entry(found.sequence_number)
    if isinstance(found, Unexplained):
        return f"What {entry} said when it was written is not known: {_stopped(found)}."
    changes = [change for change in found.changes if change.column != "entry_hash"]
    if not changes and found.form is None:
        return f"{entry[0].upper()}{entry[1:]} says what it said when it was written{_unchanged(found)}."
    what = f"{entry[0].upper()}{entry[1:]} was written with {_changes(changes)}" if changes else _in_form(found, entry)
    form = f", and its payload {_form(found)}" if changes and found.form is not None else ""
    excluded = f" ({_excluded(changes[0], found.witness)})" if len(changes) == 1 and changes[0].excluded else ""
    return f"{what}{form}{excluded}: {_PROOF[found.witness]}."


def sentences(found: Sequence[Reconstruction | Unexplained]) -> list[str]:
    """Return what entries said when they were written; of those of which it is not known, where several, in one."""
    unknown = [one for one in found if isinstance(one, Unexplained)]
    if len(unknown) < 2:
        return [sentence(one) for one in found]
    first, last = (_number(one.sequence_number) for one in (unknown[0], unknown[-1]))
    tried = sum(one.hypotheses for one in unknown)
    ends = dict.fromkeys(_STOPPED[one.stopped].format(count=f"{tried:,}") for one in unknown)
    how = next(iter(ends)) if len(ends) == 1 else f"{tried:,} hypotheses were tried, and none has the hash of its entry"
    return [
        *(sentence(one) for one in found if not isinstance(one, Unexplained)),
        f"What {len(unknown)} entries from {first} to {last} said when they were written is not known: {how}.",
    ]


def cause_sentence(explained: Explained) -> str:
    """Return what one cause explains, of which entries that is proven."""
    first, last = _number(explained.first), _number(explained.last)
    whose = (
        f"The hash of entry {first} was"
        if explained.count == 1
        else f"The hashes of {explained.count:,} entries, from {first} to {last}, were each"
    )
    what = "; ".join(printable(words) for words in explained.cause.words)
    searched = ", the digits being searched for each" if isinstance(explained.cause, LostDigits) else ""
    return f"{whose} made over other contents than are stored, which their hashes prove: {what}{searched}."


def _entry(number: int | None) -> str:
    return f"entry {_number(number)}" if number is not None else "an entry without a number"


def _number(number: int | None) -> str:
    return "(no number)" if number is None else f"{number:,}"


def _stopped(found: Unexplained) -> str:
    count = _STOPPED[found.stopped].format(count=f"{found.hypotheses:,}")
    if not found.has_its_own_hash:
        return count
    return f"its contents have the hash stored with them, and the next entry links to another one; {count}"


def _unchanged(found: Reconstruction) -> str:
    if found.changes:
        return f", but not its entry_hash: the next entry links to the hash of its contents, {found.proven_by}"
    if found.witness is Witness.OWN:
        return ", as far as its own hash was not replaced: no entry follows that commits to it"
    return ": its contents have the hash stored with them, which the next entry links to"


def _changes(changes: list[Restored]) -> str:
    if len(changes) == 1:
        (change,) = changes
        original, stored = _pair(change)
        return f"{change.column} {original}{_why(change)}; it now says {stored}"
    told = []
    for change in changes:
        original, stored = _pair(change)
        told.append(f"{change.column} {original}{_why(change)}, which now says {stored}")
    return f"{', '.join(told[:-1])}, and with {told[-1]}"


_OWN_TO_AN_ENTRY = ("telemetry_id", "telemetry_hash", "reasoning", "previous_hash")
"""The columns of which it says something that a neighbour has the same value."""


def _why(change: Restored) -> str:
    """Tell how the value that was hashed is related to another, where that says more than the value does."""
    cause = change.cause
    is_rule = cause.rewriting is not None and change.column != "sequence_number"
    is_elsewhere = change.column in _OWN_TO_AN_ENTRY or cause.words.startswith(("its last", "as its", "as the"))
    return f" ({printable(cause.words)})" if is_rule or is_elsewhere else ""


def _excluded(change: Restored, witness: Witness) -> str:
    which = "the hash that the next entry links to" if witness is Witness.LINK else "the stored hash"
    if change.column == "verdict":
        return f"of all verdicts only {_shown(change.original)} gives {which}"
    return f"none of {change.excluded:,} other values that were tried for {change.column} gives {which}"


def _in_form(found: Reconstruction, entry: str) -> str:
    return f"{entry[0].upper()}{entry[1:]} says what it said, but its payload {_form(found)}"


def _form(found: Reconstruction) -> str:
    departures = found.form.departures if found.form is not None else ()
    how = " and ".join(departures) or "in the ledger's own form, unlike that of others"
    return f"was hashed {how}"


def _pair(change: Restored) -> tuple[str, str]:
    """Return the two values as people read them; where they look the same, with what is beyond ASCII as escapes."""
    original, stored = _shown(change.original), _shown(change.stored)
    if _look(original) == _look(stored):
        return ascii(change.original), ascii(change.stored)
    return original, stored


def _look(shown: str) -> str:
    return unicodedata.normalize("NFKC", shown)


def _shown(value: Value) -> str:
    if value is None:
        return "NULL"
    return printable(value) if _WORD.fullmatch(value) and value != "NULL" else f'"{printable(value)}"'
