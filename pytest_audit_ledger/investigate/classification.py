"""Classify what the chain shows: entries that were edited, deleted, inserted or moved, or written by two writers.

Each step takes what it can explain out of the faults; the steps that explain most come first, and nothing is reported
twice. No step claims more than its evidence; if two explanations fit, both are named. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.chain import NO_MOVES, Chain
from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan, Fault, Place, Run
from pytest_audit_ledger.investigate.gaps import gaps
from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    PRESERVE,
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    be,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.reconstruction_text import shown
from pytest_audit_ledger.investigate.renumbering import moves
from pytest_audit_ledger.investigate.rewritings import Transformation
from pytest_audit_ledger.investigate.systematic import MOST_VALUES, Enveloped, Explained, Systematic
from pytest_audit_ledger.investigate.writers import clocks, copies, forks
from pytest_audit_ledger.model.batch import shown as value
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.recogniser import Recognised


def classify(
    evidence: EvidenceScan, causes: Systematic | None = None, moved: Mapping[int, int] = NO_MOVES
) -> list[Incident]:
    """Return what happened in the chain, in order of the ledger.

    `causes` are common causes that are proven for many entries; `moved` is by how much entries were renumbered that
    moved far.
    """
    chain = Chain(evidence, causes, moved)
    steps: Sequence[Callable[[Chain], Iterator[Incident]]] = (
        other_forms,
        common_causes,
        unlinked,
        moves,
        copies,
        forks,
        gaps,
        misfits,
        broken_links,
        clocks,
        leftovers,
    )
    found = [incident for step in steps for incident in step(chain)]
    return sorted(found, key=lambda incident: incident.first or 0)


def other_forms(chain: Chain) -> Iterator[Incident]:
    """Find entries that were hashed in another form of the payload, so that their hashes prove their content."""
    return forms_in(chain.evidence)


def forms_in(evidence: EvidenceScan) -> Iterator[Incident]:
    """Find entries that were hashed in another form of the payload, in all streams together."""
    for stored, recogniser in evidence.forms.items():
        for one in recogniser.forms:
            if one.first is not None and one.last is not None:
                yield _in_a_form(one, one.first, one.last, stored)
        for one in recogniser.in_doubt:
            yield _in_another_zone(one)


def _in_another_zone(one: Recognised) -> Incident:
    sentence = (
        f"{capital(counted(one.count))} {be(one.count, 'matches its', 'match their')} stored hash only if hashed "
        f"{one.form.words}, unlike most."
    )
    otherwise = ("Their times were moved by hours.", "A writer in that time zone hashed them.")
    because = ("Such a hash does not show which time zone was meant.",)
    what = IncidentType.UNEXPLAINED
    return Incident(what, one.first, one.last, one.count, sentence, Certainty.OPEN, because, otherwise)


def _in_a_form(one: Recognised, first: int, last: int, stored: str) -> Incident:
    count, of_stream = one.count, f" of stream {printable(one.stream)}" if one.stream else ""
    them = f", the first of them {first:,}{of_stream}," if of_stream else f" between {first:,} and {last:,}"
    named = f"Entry {first:,}{of_stream}" if count == 1 else f"{counted(count)}{them}"
    last = first if of_stream else last
    sentence = f"{named} {be(count)} hashed {one.form.words}; the stored content is proven."
    unproven = (f"Such a hash does not prove {one.form.unproven}.",) if one.form.unproven else ()
    because = (
        f"{be(count, 'Its content has its', 'Their contents have their')} stored {stored} in this form.",
        *unproven,
    )
    step = (
        Advice(
            "Make the writer hash the payload that the profile describes. The entries that it wrote need no change."
        ),
    )
    what, certainty = IncidentType.HASH_FORM, Certainty.PROVEN
    return Incident(what, first, last, count, sentence, certainty, because, (), step, stream=one.stream)


def common_causes(chain: Chain) -> Iterator[Incident]:
    """Find causes that many entries have in common, each as one incident."""
    for one in chain.causes.explained if chain.causes else ():
        if one.count and one.first is not None and one.last is not None:
            yield _common_cause(one, chain.causes.fitting if chain.causes else 0)


def _common_cause(one: Explained, fitting: int) -> Incident:
    first, last, count = one.first or 0, one.last or 0, one.count
    them = f"{capital(counted(count))} between {first:,} and {last:,}"
    proof = f"With that, {be(count, 'its content hashes', f'each of the {count:,} hashes')} to the stored entry_hash."
    if isinstance(one.cause, Transformation) and one.cause.is_edit:
        sentence = f"{them} {_edited(one.cause, one)}."
        return Incident(IncidentType.EDIT, first, last, count, sentence, Certainty.PROVEN, because=(proof,))
    if isinstance(one.cause, Enveloped):
        sentence = f"{them} {be(count)} written {' and '.join(one.cause.words)}, and edited later."
        return Incident(IncidentType.EDIT, first, last, count, sentence, Certainty.PROVEN, because=(proof,))
    sentence = (
        f"{them} {be(count, 'does', 'do')} not match the stored hash for one common reason: "
        f"{be(count, 'it was', 'they were')} hashed {' and '.join(one.cause.words)}."
    )
    because = (proof, f"{counted(fitting, 'other entry matches its', 'other entries match their')} stored hash.")
    step = (Advice("Find out what changed in the writer or in the table, and who could change entries."), COMPARE)
    return Incident(
        IncidentType.COMMON_CAUSE, first, last, count, sentence, Certainty.PROVEN, because, _COMMON_CAUSES, step
    )


_COMMON_CAUSES = (
    "A writer, or its library, hashed the entries in another form than the specification requires.",
    "A migration changed the column after the entries were written.",
    "Somebody changed all of them in the same way after they were written, for example with one UPDATE.",
)


def _edited(cause: Transformation, one: Explained) -> str:
    """Return which values many entries were written with, and which ones they have now."""
    originals = " and ".join(f"{rule.column} {shown(rule.original(None))}" for rule in cause.edited)
    others = replace(cause, rewritings=tuple(rule for rule in cause.rewritings if rule not in cause.edited)).words
    hashed = f", hashed {' and '.join(others)}" if others else ""
    now = " or ".join(" and ".join(map(shown, values)) for values in one.now[: MOST_VALUES - 1])
    more = " or other values" if len(one.now) == MOST_VALUES else ""
    says = be(one.count, "it now says", "they now say")
    return f"{be(one.count)} written with {originals}{hashed}; {says} {now}{more}"


def unlinked(chain: Chain) -> Iterator[Incident]:
    """Find entries that do not match in a ledger that stores no previous hash, which their hash covers nevertheless."""
    if not chain.evidence.ledger.hasher.needs_neighbour:
        return
    for run in chain.runs:
        place = chain.at(run.first, Fault.GAP)
        chain.drop(run.first, run.last, ~Fault.NONE)
        found = _edit(run, ["The hash of an entry covers the hash before it, which no column stores."])
        how = "An entry before it was deleted, inserted, or changed together with its hash."
        if place is not None and place.before is not None:
            how = f"Entries after {place.before.number or 0:,} were deleted: numbers are missing there."
        yield replace(found, certainty=Certainty.OPEN, otherwise=("Its content was changed.", how, *found.otherwise))
    chain.runs = []


def misfits(chain: Chain) -> Iterator[Incident]:
    """Find entries that do not match their hash, and what the entry after them shows if it matches its own."""
    for run in chain.runs:
        here, after = chain.at(run.first, Fault.HASH), chain.after(run.last)
        chain.drop(run.first, run.last, Fault.HASH | Fault.LINK | Fault.TIME | Fault.TWICE)
        chain.drop(run.last + 1, run.last + 1, Fault.LINK | Fault.TIME)
        yield _misfit(run, here, after, at_end=run.last == chain.last)
    chain.runs = []


def _misfit(run: Run, here: Place | None, after: Place | None, *, at_end: bool) -> Incident:
    """Return what a run is; `after` is the fault of the entry after it, if it has one."""
    differ = be(run.count, "Its content does not match its entry_hash", "Their contents do not match their entry_hash")
    because: list[str] = []
    if here and Fault.TWICE in here.faults:
        because.append(f"The number {run.first:,} exists twice; the later entry is the one that does not match.")
    if here and Fault.LINK in here.faults:
        because.append(f"Entry {run.first:,} does not link to the entry before it either.")
    if at_end or (after is not None and Fault.HASH in after.faults):
        found = _unconfirmed(run, [f"{differ}.", *because], at_end=at_end)
    elif after is not None and Fault.LINK in after.faults:
        found = _contradicted(run, [f"{differ}.", *because], after)
    else:
        original = be(run.count, "that is the original hash", "those are the original hashes")
        found = _edit(run, [f"{differ}, and the links before and after match: {original}.", *because])
    time_before, time_after = here.time_before if here else "", after.entry.timestamp if after else ""
    return replace(found, time_before=time_before, time_after=time_after)


def _edit(run: Run, because: Sequence[str]) -> Incident:
    does = be(run.count, "does not match its stored hash", "do not match their stored hashes")
    sentence = f"{capital(entries(run.first, run.last, run.count))} {does}."
    what, otherwise = IncidentType.EDIT, ("A writer hashed other content, or in a form that is not known.",)
    return Incident(what, run.first, run.last, run.count, sentence, Certainty.FITS, tuple(because), otherwise)


def _unconfirmed(run: Run, because: Sequence[str], *, at_end: bool) -> Incident:
    """Return entries whose hash no later entry confirms, so that nothing shows that they were written at all."""
    why = (
        "No entry follows that could confirm the stored entry_hash."
        if at_end
        else f"Entry {run.last + 1:,} does not match its own hash either, so its link cannot confirm the entry_hash."
    )
    found = _edit(run, [*because, why])
    how = f"changed later, or inserted with {be(run.count, 'a made-up hash', 'made-up hashes')}"
    return replace(found, sentence=f"{found.sentence[:-1]}: {how}.")


def _contradicted(run: Run, because: Sequence[str], after: Place) -> Incident:
    """Return entries whose stored hash is not the one that the next entry, which matches its own hash, links to."""
    number, last = after.entry.number or 0, after.before
    if after.leads_to is not None and after.leads_to == run.first - 1:
        why = (
            f"Entry {number:,}, which matches its own hash, was appended to entry {after.leads_to:,}: it links to that."
        )
        named = capital(entries(run.first, run.last, run.count))
        found = _edit(run, [*because, why])
        sentence = f"{named} {be(run.count)} inserted later."
        return replace(found, what=IncidentType.INSERTION, sentence=sentence, certainty=Certainty.PROVEN, otherwise=())
    if run.count == 1 and last and after.entry.previous_hash == last.recomputed:
        sentence = f"Only the entry_hash of entry {run.first:,} was altered; its content is as it was written."
        why = f"Entry {number:,} links to the hash of the content of entry {run.first:,}."
        step = (PRESERVE, Advice(f"The original entry_hash is {value(last.recomputed)}."))
        what, certainty = IncidentType.HASH_ALTERED, Certainty.PROVEN
        return Incident(what, run.first, run.last, 1, sentence, certainty, (why,), next_step=step)
    return _edit(run, [*because, f"Entry {number:,} links to yet another hash, so entry_hash was changed as well."])


def broken_links(chain: Chain) -> Iterator[Incident]:
    """Find entries that match their own hash, but are not those that the next entry links to."""
    group: list[Place] = []
    for place in [*(p for p in chain.places if Fault.LINK in p.faults), None]:
        if group and (place is None or place.before is None or place.before.number != group[-1].entry.number):
            chain.take(*group)
            yield _in_doubt(group[-1]) if _is_among_moved(chain, group) else _broken_link(group)
            group = []
        if place is not None:
            group.append(place)


def _is_among_moved(chain: Chain, group: Sequence[Place]) -> bool:
    """Whether neighbouring entries were renumbered, so that either side of the link may have been changed."""
    ends = [
        number for place in group for number in (place.entry.number, place.before and place.before.number) if number
    ]
    ranges = [(run.first - by, run.last - by) for run in chain.moved for by in (0, run.moved)]
    return any(first - 1 <= number <= last + 1 for first, last in ranges for number in ends)


def _in_doubt(place: Place) -> Incident:
    number, before = place.entry.number or 0, (place.before.number or 0) if place.before else 0
    target = f"entry {before:,}" if before else "the genesis value"
    sentence = f"Entry {number:,} does not link to {target}, and entries next to it were renumbered."
    otherwise = (f"Entry {number:,} was replaced, together with its entry_hash.", "The entry before it was.")
    found = Incident(IncidentType.UNEXPLAINED, number, number, 1, sentence, Certainty.OPEN, (), otherwise)
    return replace(found, time_after=place.entry.timestamp)


def _broken_link(group: Sequence[Place]) -> Incident:
    place = group[-1]
    number = place.entry.number or 0
    if place.before is None:
        sentence = f"Entry {number:,} comes first but does not link to the genesis value; it links to a missing entry."
        because: tuple[str, ...] = ("Its own hash covers that link.",)
        otherwise: tuple[str, ...] = ("Its previous_hash and its entry_hash were both changed.",)
        what, certainty = IncidentType.PREFIX_DELETION, Certainty.PROVEN
        found = Incident(what, None, None, 0, sentence, certainty, because, otherwise)
        return replace(found, time_after=place.entry.timestamp)
    last, replaced = place.before.number or 0, len(group) > 1
    first = group[0].entry.number or 0 if replaced else last
    count = last - first + 1
    sentence = (
        f"Entry {number:,} does not link to entry {last:,}: {entries(first, last)} {be(count)} "
        f"{'replaced' if replaced else 'changed'} together with {be(count, 'its', 'their')} entry_hash."
    )
    because = (
        f"Entry {number:,}, which matches its own hash, links to a missing entry, but no number is missing.",
        *((f"{be(count, 'It does', 'They do')} not link to the entry before either.",) if replaced else ()),
    )
    otherwise = (
        f"Entry {number:,} was replaced, together with its entry_hash.",
        f"All entries from {number:,} on were rewritten, except for its link; only a checkpoint or a copy shows that.",
    )
    found = Incident(IncidentType.EDIT_WITH_HASH, first, last, count, sentence, Certainty.FITS, because, otherwise)
    time_before = group[0].time_before if replaced else ""
    return replace(found, time_before=time_before, time_after=place.entry.timestamp)


def leftovers(chain: Chain) -> Iterator[Incident]:
    """Count the faults that were too many to keep, or that no step explains."""
    evidence = chain.evidence
    beyond = sum(number for faults, number in evidence.faults.items() if faults is not Fault.HASH)
    beyond -= len(evidence.places)
    count = len(chain.places) + max(0, beyond) + chain.unkept
    if count:
        export = Command("export", ("--date-range", "FROM,TO", "--output", "FILE"))
        step = Advice("Resolve the incidents above first, or export a part and investigate that.", (export,))
        sentence = f"{counted(count, 'more entry has', 'more entries have')} a fault that was counted but not examined."
        yield Incident(IncidentType.UNEXPLAINED, None, None, count, sentence, Certainty.OPEN, next_step=(step,))
