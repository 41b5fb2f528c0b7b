"""What the evidence in the chain shows: which entries were edited, deleted, inserted, moved, or written by two writers.

Each step takes what it can explain away from the places and runs that do not fit, in this order: what explains most of
them comes first, and nothing is told twice. No step says more than its evidence; where two explanations fit, both are
told. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import Evidence, Fault, Place, Run
from pytest_audit_ledger.investigate.gaps import gaps
from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    PRESERVE,
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.numbers import NO_MOVES
from pytest_audit_ledger.investigate.order import moves
from pytest_audit_ledger.investigate.systematic import Explained, Systematic
from pytest_audit_ledger.investigate.writers import clocks, copies, forks


def classify(
    evidence: Evidence, causes: Systematic | None = None, moved: Mapping[int, int] = NO_MOVES
) -> list[Incident]:
    """Return what happened in the chain, in order of the ledger.

    `causes` are proven for many entries; `moved` says by how much entries were renumbered that were moved far.
    """
    chain = Chain(evidence, causes, moved)
    steps: Sequence[Callable[[Chain], Iterator[Incident]]] = (
        common_causes,
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


def common_causes(chain: Chain) -> Iterator[Incident]:
    """Tell of causes that many entries have in common, each once."""
    for one in chain.causes.explained if chain.causes else ():
        if one.count and one.first is not None and one.last is not None:
            yield _edit_of_many(one) if one.cause.is_edit else _common_cause(one, chain)


def _common_cause(one: Explained, chain: Chain) -> Incident:
    return Incident(
        IncidentType.SYSTEMATIC,
        one.first,
        one.last,
        one.count,
        f"One cause explains {counted(one.count)} of {one.first or 0:,} to {one.last or 0:,}: they were hashed with "
        f"{', '.join(one.cause.words)}.",
        Certainty.PROVEN,
        because=(
            f"So written, each of the {one.count:,} hashes to its entry_hash.",
            f"{counted(chain.causes.fitting if chain.causes else 0)} hash as they stand.",
        ),
        otherwise=(
            "A writer, or its library, formed the hash in another way than the specification has it.",
            "A migration changed the column in place, after the entries were written.",
            "Somebody changed them all alike, with one UPDATE, after they were written.",
        ),
        next_step=(Advice("Ask what changed in the writer, or in the table, and who could change entries."), COMPARE),
    )


def _edit_of_many(one: Explained) -> Incident:
    return Incident(
        IncidentType.EDIT,
        one.first,
        one.last,
        one.count,
        f"{capital(counted(one.count))} of {one.first or 0:,} to {one.last or 0:,} were changed alike after they were "
        f"written. They were hashed with {', '.join(one.cause.words)}.",
        Certainty.PROVEN,
        because=(f"So written, each of the {one.count:,} hashes to its entry_hash.",),
        next_step=(PRESERVE, COMPARE),
    )


def misfits(chain: Chain) -> Iterator[Incident]:
    """Find entries that do not hash to their entry_hash, and what the entry behind them, if that fits, says of them."""
    for run in chain.runs:
        here, after = chain.at(run.first, Fault.HASH), chain.behind(run.last)
        chain.drop(run.first, run.last, Fault.HASH | Fault.LINK | Fault.TIME | Fault.TWICE)
        chain.drop(run.last + 1, run.last + 1, Fault.LINK | Fault.TIME)
        yield _misfit(run, here, after, at_end=run.last == chain.last)
    chain.runs = []


def _misfit(run: Run, here: Place | None, after: Place | None, *, at_end: bool) -> Incident:
    """Tell of a run; `after` is the place behind it, if anything is amiss there."""
    time_before = here.before.timestamp if here and here.before else ""
    time_after = after.entry.timestamp if after else ""
    because = ["Its content does not hash to the entry_hash stored beside."]
    if run.first < run.last:
        because = ["Their contents do not hash to the entry_hash stored beside."]
    if here and Fault.TWICE in here.faults:
        because.append(f"The number {run.first:,} stands there twice; it is the later one that does not fit.")
    if here and Fault.LINK in here.faults:
        because.append(f"Entry {run.first:,} does not link to the entry before it, either.")
    if at_end or (after is not None and Fault.HASH in after.faults):
        told = _unwitnessed(run, because, at_end=at_end)
    elif after is not None and Fault.LINK in after.faults:
        told = _contradicted(run, because, after)
    else:
        because.append("The links around fit, so entry_hash was left as it was and is that of what was written.")
        told = _edited(run, because)
    return replace(told, time_before=time_before, time_after=time_after)


def _edited(run: Run, because: Sequence[str]) -> Incident:
    single, named = run.first == run.last, entries(run.first, run.last, run.count)
    return Incident(
        IncidentType.EDIT,
        run.first,
        run.last,
        run.count,
        f"{capital(named)} {'was' if single else 'were'} changed after {'it was' if single else 'they were'} written.",
        Certainty.PROVEN,
        because=tuple(because),
        next_step=(PRESERVE, COMPARE),
    )


def _unwitnessed(run: Run, because: Sequence[str], *, at_end: bool) -> Incident:
    """Tell of entries behind which none fits that would name their hash: nothing says that they were written at all."""
    single, named = run.first == run.last, entries(run.first, run.last, run.count)
    return replace(
        _edited(run, because),
        sentence=(
            f"{capital(named)} {'is' if single else 'are'} not what was written: changed afterwards, or put there with "
            f"{'a hash that is' if single else 'hashes that are'} made up."
        ),
        certainty=Certainty.FITS,
        because=(
            *because,
            (
                f"No entry follows that {'names its hash' if at_end else 'fits and names its hash'}, so it cannot be "
                "told whether entry_hash is as written."
            ),
        ),
    )


def _contradicted(run: Run, because: Sequence[str], after: Place) -> Incident:
    """Tell of entries of which the last is not the one that the next entry, whose own hash fits, was appended to."""
    single, named = run.first == run.last, entries(run.first, run.last, run.count)
    number, last = after.entry.number or 0, after.before
    if after.leads_to is not None and after.leads_to == run.first - 1:
        return replace(
            _edited(run, because),
            what=IncidentType.INSERTION,
            sentence=f"{capital(named)} {'was' if single else 'were'} put there afterwards.",
            because=(
                *because,
                f"Entry {number:,}, whose own hash fits, links to entry {after.leads_to:,}, and so was appended to it.",
            ),
        )
    if single and last and after.entry.previous_hash == last.recomputed:
        return Incident(
            IncidentType.HASH_ALTERED,
            run.first,
            run.last,
            1,
            f"Only the entry_hash of entry {run.first:,} was altered; the entry says what it said when it was written.",
            Certainty.PROVEN,
            because=(f"Entry {number:,} names the hash that the content of entry {run.first:,} has.",),
            next_step=(PRESERVE, Advice(f"The hash that belongs there is {last.recomputed}.")),
        )
    return _edited(run, [*because, f"Entry {number:,} names yet another hash, so entry_hash was changed, too."])


def broken_links(chain: Chain) -> Iterator[Incident]:
    """Find entries that hold together by themselves, and are not those that the next one names."""
    group: list[Place] = []
    for place in [*(p for p in chain.places if Fault.LINK in p.faults), None]:
        if group and (place is None or place.before is None or place.before.number != group[-1].entry.number):
            chain.take(*group)
            yield _in_doubt(group[-1]) if _is_among_moved(chain, group) else _broken_link(group)
            group = []
        if place is not None:
            group.append(place)


def _is_among_moved(chain: Chain, group: Sequence[Place]) -> bool:
    """Whether entries beside were renumbered, so that either side of a broken link may be what was changed."""
    ends = [
        number for place in group for number in (place.entry.number, place.before and place.before.number) if number
    ]
    ranges = [(run.first - by, run.last - by) for run in chain.moved for by in (0, run.moved)]
    return any(first - 1 <= number <= last + 1 for first, last in ranges for number in ends)


def _in_doubt(place: Place) -> Incident:
    number, before = place.entry.number or 0, (place.before.number or 0) if place.before else 0
    return Incident(
        IncidentType.NOT_SORTED_OUT,
        number,
        number,
        1,
        f"Entry {number:,} does not link to {f'entry {before:,}' if before else 'the start'}, and entries beside it "
        "were renumbered.",
        Certainty.OPEN,
        otherwise=(f"Entry {number:,} was replaced, together with its entry_hash.", "The entry before it was."),
        next_step=(PRESERVE, COMPARE),
        time_after=place.entry.timestamp,
    )


def _broken_link(group: Sequence[Place]) -> Incident:
    place = group[-1]
    number = place.entry.number or 0
    if place.before is None:
        return Incident(
            IncidentType.PREFIX_DELETION,
            None,
            None,
            0,
            f"Entry {number:,} is the first, and does not start from 64 zeros: it names an entry before it that is not "
            "there.",
            Certainty.PROVEN,
            because=("Its own hash covers that name.",),
            otherwise=("Its previous_hash and its entry_hash were both changed.",),
            next_step=(PRESERVE, COMPARE),
            time_after=place.entry.timestamp,
        )
    suspect = place.before.number or 0
    first = suspect if len(group) == 1 else group[0].entry.number or 0
    single = first == suspect
    replaced = len(group) > 1
    return Incident(
        IncidentType.EDIT_WITH_HASH,
        first,
        suspect,
        suspect - first + 1,
        f"{capital(entries(first, suspect))} {'is' if single else 'are'} not what was written there: "
        f"{'it was' if single else 'they were'} {'replaced' if replaced else 'changed'}, together with "
        f"{'its' if single else 'their'} entry_hash.",
        Certainty.FITS,
        because=(
            (
                f"Entry {number:,}, whose own hash fits, names an entry before it that is not there, "
                f"and no number is missing."
            ),
            *((f"{'It does' if single else 'They do'} not link to the entry before, either.",) if replaced else ()),
        ),
        otherwise=(
            f"Entry {number:,} was replaced, together with its entry_hash.",
            (
                f"Everything from entry {number:,} on may have been rewritten, and its link left as it was; only a "
                "checkpoint or a backup excludes that."
            ),
        ),
        next_step=(PRESERVE, COMPARE),
        time_before=(group[0].before.timestamp if replaced and group[0].before else ""),
        time_after=place.entry.timestamp,
    )


def leftovers(chain: Chain) -> Iterator[Incident]:
    """Count what was too much to be kept, and what no step explains."""
    evidence = chain.evidence
    beyond = sum(number for faults, number in evidence.faults.items() if faults is not Fault.HASH)
    beyond -= len(evidence.places)
    count = len(chain.places) + max(0, beyond) + chain.unkept
    if count:
        yield Incident(
            IncidentType.NOT_SORTED_OUT,
            None,
            None,
            count,
            f"At {counted(count)} more something does not fit, which was counted and not sorted out.",
            Certainty.OPEN,
            next_step=(
                Advice(
                    "Resolve what is known first, or export a part and investigate that.",
                    (Command("export", ("--date-range", "FROM,TO", "--output", "FILE")),),
                ),
            ),
        )
