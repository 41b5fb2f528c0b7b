"""What is reported of a ledger that was tampered with at random: nothing is called proven that was not done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.investigate.classification import classify
from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan
from pytest_audit_ledger.investigate.incident import Certainty, Incident, IncidentType
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, entry_hash
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.support.laws import examples
from tests.support.rows import chained, row, run

SIZE = 30


@dataclass(frozen=True)
class Kept:
    """An entry as stored; `written` is the number that it was hashed with, 0 for an inserted one."""

    entry: Entry
    digest: str
    written: int
    edited: bool = False

    @property
    def number(self) -> int:
        return self.entry.sequence_number

    @property
    def is_as_written(self) -> bool:
        """Whether nothing happened to it, but that its number may be another one."""
        return bool(self.written) and not self.edited

    def at(self, number: int) -> Kept:
        return replace(self, entry=replace(self.entry, sequence_number=number))


Ledger = list[Kept]
Act = Callable[[Ledger, int, int, bool], Ledger]

ORIGINAL = [Kept(entry, entry_hash(entry), entry.sequence_number) for entry in chained(sample_entries(SIZE))]


def numbered(ledger: Sequence[Kept], like: Sequence[Kept]) -> Ledger:
    """Return entries in this order with the numbers that others have."""
    return [one.at(other.number) for one, other in zip(ledger, like, strict=True)]


def exchanged(ledger: Ledger, at: int, to: int, _: bool) -> Ledger:
    order = list(ledger)
    order[at], order[to] = order[to], order[at]
    return numbered(order, ledger)


def moved(ledger: Ledger, at: int, to: int, _: bool) -> Ledger:
    order = [one for index, one in enumerate(ledger) if index != at]
    return numbered([*order[:to], ledger[at], *order[to:]], ledger)


def turned(ledger: Ledger, at: int, to: int, _: bool) -> Ledger:
    low, high = sorted((at, to))
    return numbered([*ledger[:low], *ledger[low : high + 1][::-1], *ledger[high + 1 :]], ledger)


def deleted(ledger: Ledger, at: int, to: int, renumber: bool) -> Ledger:
    count = 1 + to % 4
    behind = ledger[at + count :]
    return ledger[:at] + ([one.at(one.number - count) for one in behind] if renumber else behind)


def inserted(ledger: Ledger, at: int, to: int, own: bool) -> Ledger:
    """Insert up to three entries, with hashes of their own or made up, and renumber the entries after them."""
    count, found = 1 + to % 3, ledger[:at]
    for index in range(count):
        number = ledger[at].number + index
        link = found[-1].digest if found else GENESIS_HASH
        entry = replace(ledger[to].entry, sequence_number=number, previous_hash=link, telemetry_id=f"PUT-{index}")
        found.append(Kept(entry, entry_hash(entry) if own else f"{number:064x}", 0))
    return [*found, *(one.at(one.number + count) for one in ledger[at:])]


def appended(ledger: Ledger, _: int, to: int, own: bool) -> Ledger:
    last = ledger[-1]
    link = last.digest if own else "b" * 64
    entry = replace(ledger[to].entry, sequence_number=last.number + 1 + to % 3, previous_hash=link)
    return [*ledger, Kept(entry, "d" * 64, 0)]


def edited(ledger: Ledger, at: int, to: int, own: bool) -> Ledger:
    one = ledger[at]
    entry = replace(one.entry, reasoning=f"edited {to}")
    changed = replace(one, entry=entry, edited=True)
    if own and one.written:
        changed = replace(changed, digest=entry_hash(entry), written=one.number)
    return [*ledger[:at], changed, *ledger[at + 1 :]]


def hash_altered(ledger: Ledger, at: int, _: int, __: bool) -> Ledger:
    one = replace(ledger[at], digest="e" * 64, edited=True)
    return [*ledger[:at], one, *ledger[at + 1 :]]


def put_elsewhere(ledger: Ledger, at: int, to: int, _: bool) -> Ledger:
    """Give one entry the number of another, which is deleted."""
    if at == to:
        return ledger
    left = [one for index, one in enumerate(ledger) if index not in (at, to)]
    return sorted([*left, ledger[at].at(ledger[to].number)], key=lambda one: one.number)


ACTS: Sequence[Act] = (
    exchanged,
    moved,
    turned,
    deleted,
    inserted,
    appended,
    edited,
    hash_altered,
    put_elsewhere,
)

steps = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 99), st.integers(0, 99), st.booleans()), min_size=1, max_size=3
)


def tampered(acts: Sequence[tuple[Act, int, int, bool]]) -> Ledger:
    ledger = list(ORIGINAL)
    for act, at, to, flag in acts:
        ledger = act(ledger, at % len(ledger), to % len(ledger), flag)
    return ledger


def incidents(ledger: Ledger) -> list[Incident]:
    fold = run(EvidenceScan, [{**row(one.entry), "entry_hash": one.digest} for one in ledger])
    assert isinstance(fold, EvidenceScan)
    return classify(fold)


def is_true(incident: Incident, ledger: Ledger) -> bool:
    """Whether an incident says what was done; if it is not called proven, it accuses no entry that is as written."""
    proven = incident.certainty is Certainty.PROVEN
    if incident.first is None or incident.last is None:
        return not proven or incident.what is IncidentType.PREFIX_DELETION
    about = range(incident.first, incident.last + 1)
    there = [one for one in ledger if one.number in about]
    if incident.what in (IncidentType.DELETION, IncidentType.PREFIX_DELETION):
        there_now = {one.written for one in ledger if one.is_as_written or one.number == one.written}
        gone = {one.number for one in ORIGINAL} - there_now  # what was changed and moved is gone from where it was
        return incident.certainty is Certainty.OPEN or not gone.isdisjoint(about)
    if incident.what is IncidentType.NUMBERS_SKIPPED:
        return not proven or incident.first > SIZE
    if incident.what is IncidentType.INSERTION and proven:
        return not any(one.is_as_written for one in there)
    if incident.what is IncidentType.INSERTION and incident.certainty is Certainty.FITS:
        return sum(not one.is_as_written or one.number != one.written for one in there) >= incident.count
    if incident.what is IncidentType.EDIT_WITH_HASH and not proven:  # or the next entry, which is reported
        there += [one for one in ledger if one.number == incident.last + 1]
        return not all(one.is_as_written and one.number == one.written for one in there)
    if incident.what in (IncidentType.EDIT, IncidentType.EDIT_WITH_HASH, IncidentType.HASH_ALTERED):
        return not incident.has_gaps and not any(one.is_as_written and one.number == one.written for one in there)
    if incident.what in (IncidentType.REORDERING, IncidentType.RENUMBERING) and proven:
        return sum(one.number != one.written for one in there) >= incident.count
    return True


def untrue(ledger: Ledger) -> Iterator[str]:
    yield from (
        f"{one.what.value} {one.certainty.value} {one.sentence}"
        for one in incidents(ledger)
        if not is_true(one, ledger)
    )


@examples(40)
@given(steps)
def test_what_is_called_proven_was_done_and_no_untouched_entry_is_accused(
    acts: list[tuple[Act, int, int, bool]],
) -> None:
    assert list(untrue(tampered(acts))) == []
