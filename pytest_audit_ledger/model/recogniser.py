"""Recognise the forms of entries while a ledger is read. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.forms import SKI_FORMS, Form, Forms
from pytest_audit_ledger.model.hasher import RecipeHasher
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH
from pytest_audit_ledger.model.times import Lost

MOST_IN_VAIN = 20
"""Entries that are tried in every form in vain before most are tried in the known forms only."""

LONG = 50_000
"""Bytes of an entry that count as one more tried in vain: the larger it is, the longer it takes."""

MOST_KNOWN = 16
"""Forms kept that reproduced an entry; each is tried on every later one."""


def recognisers_of(info: LedgerInfo) -> dict[str, Recogniser]:
    """Return what recognises the forms of entry hashes, as HASH, and of line hashes, by their columns."""
    hasher = info.hasher
    if not isinstance(hasher, RecipeHasher):
        return {HASH: Recogniser(SKI_FORMS)}
    return {name: Recogniser(Forms(hasher, name)) for name in (HASH, *info.profile.lines)}


@dataclass
class Recognised:
    """How many entries were hashed in a form, and the numbers of the first and the last."""

    form: Form
    count: int = 0
    first: int | None = None
    last: int | None = None
    stream: str = ""
    """The stream of the first one, in a ledger with several."""

    def add(self, number: int | None) -> None:
        """Count a further entry."""
        self.first = number if self.first is None else self.first
        self.last = number if number is not None else self.last
        self.count += 1


@dataclass
class Recogniser:
    """Recognises the forms of entries while a ledger is read in order, in bounded time, and counts them. Picklable.

    A form that reproduced one entry is tried on every later one, which costs one hash. All forms are tried only on
    entries that these do not reproduce: on the first MOST_IN_VAIN, and then on ever fewer (the 32nd, the 64th ...), so
    that a form that begins late is found as well. `untried` is how many entries were tried in the known forms only.
    What is found depends on the entries and their order, and not on the batches that they come in.
    """

    forms_of: Forms
    known: list[Form] = field(default_factory=list)
    searches: bool = True
    found: dict[str, Recognised] = field(default_factory=dict)
    untried: int = 0
    _in_vain: int = 0

    @property
    def entries(self) -> int:
        """How many entries a form proves."""
        return sum(one.count for one in self.forms)

    @property
    def in_doubt(self) -> list[Recognised]:
        """Times without an offset that match in another zone than most, as times do that were moved by hours.

        One hour apart is no doubt: so are summer and winter.
        """
        local = [(one, one.form.minutes) for one in self.found.values()]
        known = [(one, minutes) for one, minutes in local if minutes is not None]
        _, usual = max(known, key=lambda pair: pair[0].count, default=(None, 0))
        return [one for one, minutes in known if abs(minutes - usual) > 60]

    @property
    def forms(self) -> list[Recognised]:
        """The forms that prove content, in the order in which they were found."""
        doubts = self.in_doubt
        return [one for one in self.found.values() if one not in doubts]

    def recognise(self, batch: Batch, places: Iterable[int], stream: str = "") -> set[int]:
        """Return those places of a batch whose stored hash a form reproduces from the content; the others are edits.

        `stream` is that of the entries, if the ledger has several.
        """
        open_ = self.forms_of.with_hash(batch, places)
        forms: dict[int, Form] = {}
        for form in self.known:
            open_ = self._proven(form, batch, open_, forms)
        for place in list(open_):
            if place not in forms and (new := self._searched(batch, place)) is not None:
                if len(self.known) < MOST_KNOWN:
                    self.known.append(new)
                    self.known.sort(key=lambda one: one.lost is not Lost.NOTHING)  # quick ones first
                self._proven(new, batch, [one for one in open_ if one >= place and one not in forms], forms)
        for place in sorted(forms):
            form, number = forms[place], batch.sequence_numbers[place]
            self.found.setdefault(form.words, Recognised(form, stream=stream)).add(number)
        return set(forms)

    def _searched(self, batch: Batch, place: int) -> Form | None:
        """Try every form on an entry, unless too many were tried in vain."""
        seen = self._in_vain + self.untried + 1
        if not self.searches or (seen > MOST_IN_VAIN and seen & (seen - 1)):
            self.untried += 1
            return None
        form = self.forms_of.search(batch, place)
        if form is None:
            self._in_vain += 1 + sum(len(batch.text(name)[place]) for name in batch.names) // LONG
        return form

    def _proven(self, form: Form, batch: Batch, places: list[int], forms: dict[int, Form]) -> list[int]:
        """Note the places whose stored hash a form reproduces, and return the others."""
        fitting = self.forms_of.fitting(form, batch, places) if places else {}
        forms.update(fitting)
        return [place for place in places if place not in fitting]
