"""An incident: one thing that happened to a ledger, how sure that is, and what to do. No I/O."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from pytest_audit_ledger.commands import Given, completed, completed_command
from pytest_audit_ledger.investigate.ranges import Range, in_words
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained
from pytest_audit_ledger.investigate.rewritings import moment_of


@dataclass(frozen=True)
class Command:
    """A command about the ledger: its name and its arguments; the reader fills in those in capitals."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shlex.join(["audit-ledger", self.name, *self.arguments])


@dataclass(frozen=True)
class Advice:
    """What to do, or what is undecided, in whole sentences, and the commands that do or decide it."""

    words: str
    commands: tuple[Command, ...] = ()


PRESERVE = Advice("Preserve the server, its logs and its backups as they are.")
AGAINST = Command("investigate", ("--against", "FILE"))
CHECKPOINT = Command("investigate", ("--checkpoint", "DIR", "--verifier-key", "KEY"))
COMPARE_CLOCKS = Advice("Compare the clocks of the writers and of the server with their logs of that day.")
COMPARE = Advice("Compare the ledger with a backup or an export.", (AGAINST,))


def words(advice: Sequence[Advice], given: Given) -> str:
    """Return the sentences of advice, without its commands; those in a sentence name again what was given."""
    return completed(" ".join(one.words for one in advice), given)


def commands(advice: Sequence[Advice], given: Given) -> list[str]:
    """Return the commands of advice, each once, which name again what was given."""
    return list(dict.fromkeys(completed_command(str(one), given) for step in advice for one in step.commands))


class IncidentType(str, Enum):
    """What happened. The value is its name in JSON, which is part of the file format."""

    EDIT = "edit"
    EDIT_WITH_HASH = "edit-with-own-hash"
    HASH_ALTERED = "hash-altered"
    DELETION = "deletion"
    PREFIX_DELETION = "prefix-deletion"
    TRUNCATION = "truncation"
    INSERTION = "insertion"
    REORDERING = "reordering"
    RENUMBERING = "renumbering"
    NUMBERS_SKIPPED = "numbers-skipped"
    DUPLICATE = "duplicate"
    FORK = "fork"
    REWRITE = "rewrite"
    COMMON_CAUSE = "systematic"
    HASH_FORM = "hash-form"
    HASHES_UNKNOWN = "hashes-unknown"
    CLOCK = "clock"
    UNKNOWN_VERDICT = "foreign-verdict"
    ENVELOPE = "envelope"
    TRANSCRIPT = "transcript"
    UNHASHED_COLUMN = "uncovered"
    PROTECTIONS = "guards"
    CHECKPOINTS = "checkpoints"
    EXPORT_FILE = "file"
    OTHER_COPY = "other-copy"
    UNEXPLAINED = "not-sorted-out"


class Certainty(str, Enum):
    """How sure it is."""

    PROVEN = "proven"
    """A hash, a signature or a checkpoint shows it."""
    FITS = "fits"
    """It is consistent with everything that was found, but nothing proves it; other explanations are named."""
    OPEN = "open"
    """The evidence does not decide between the explanations that are named."""


@dataclass(frozen=True)
class Incident:
    """One thing that happened.

    `first` and `last` are the sequence numbers of the entries that it is about, or of those that are missing; None if
    it is about no entry. `count` is how many entries it touches, or how many numbers are missing. `time_before` and
    `time_after` are the times of the untouched entries next to it as canonical text, empty if unknown. `because` is the
    evidence, `otherwise` are other explanations that fit as well, and `next_step` is what to do. `reconstructions` are
    what entries said when they were written, of those that were examined one by one. `in_full` replaces the sentence if
    all entries of a gap are proven to have existed. `renumbered` is whether entries after it have other numbers now
    than they were written with; `elsewhere` are the written numbers of entries that now have another one. `stream` is
    the chain that the entries belong to, if the ledger has several.

    Fields that are added later take their values by name only. The first ones take them by position, too: they are
    written in forty places in this order, and nobody else makes incidents.
    """

    what: IncidentType
    first: int | None
    last: int | None
    count: int
    sentence: str
    certainty: Certainty
    because: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    next_step: tuple[Advice, ...] = (PRESERVE, COMPARE)
    # not KW_ONLY, whose annotation typing.get_type_hints of Python 3.10 refuses
    time_before: str = field(default="", kw_only=True)
    time_after: str = field(default="", kw_only=True)
    reconstructions: tuple[Reconstruction | Unexplained, ...] = field(default=(), kw_only=True)
    in_full: str = field(default="", kw_only=True)
    renumbered: bool = field(default=False, kw_only=True)
    elsewhere: tuple[Range, ...] = field(default=(), kw_only=True)
    stream: str = field(default="", kw_only=True)

    def is_about(self, number: int, stream: str = "") -> bool:
        """Whether it is about the entry of this number and stream, or about all from an earlier one on."""
        if self.first is None or number < self.first or self.stream != stream:
            return False
        return self.what is IncidentType.REWRITE if self.last is None else number <= self.last

    @property
    def has_gaps(self) -> bool:
        """Whether it is about only some entries of its range."""
        return self.first is not None and self.last is not None and 0 < self.count < self.last - self.first + 1


@dataclass(frozen=True)
class Unlisted:
    """Incidents of one type that are counted and not listed: how many, and which numbers they are between."""

    what: IncidentType
    incidents: int
    proven: int
    first: int | None
    last: int | None

    @property
    def sentence(self) -> str:
        """How many they are, how sure that is, and where."""
        where = "" if self.first is None or self.last is None else f", from {self.first:,} to {self.last:,}"
        more = counted(self.incidents, "more incident", "more incidents")
        return f"{more} of type {self.what.value}{where}, {self.proven:,} proven; not listed."


def listed(
    incidents: Sequence[Incident], most: int, number: int | None = None, stream: str = ""
) -> tuple[list[tuple[int, Incident]], list[Unlisted]]:
    """Return the first `most` incidents of every type with their places, counted from 1, and a count of the others.

    All incidents about the entry `number` of `stream` are among those returned.
    """
    shown: list[tuple[int, Incident]] = []
    others: dict[IncidentType, list[Incident]] = {}
    seen: Counter[IncidentType] = Counter()
    for place, one in enumerate(incidents, 1):
        seen[one.what] += 1
        if seen[one.what] <= most or (number is not None and one.is_about(number, stream)):
            shown.append((place, one))
        else:
            others.setdefault(one.what, []).append(one)
    return shown, [_unlisted(what, rest) for what, rest in others.items()]


def _unlisted(what: IncidentType, incidents: Sequence[Incident]) -> Unlisted:
    firsts = [one.first for one in incidents if one.first is not None]
    lasts = [one.last for one in incidents if one.last is not None]
    proven = sum(one.certainty is Certainty.PROVEN for one in incidents)
    return Unlisted(what, len(incidents), proven, min(firsts, default=None), max(lasts, default=None))


DELETED = (IncidentType.DELETION, IncidentType.PREFIX_DELETION, IncidentType.TRUNCATION)
"""The types about entries that are missing."""

MANY = 10
"""From this many on, the entries of a range are counted in words."""


def entries(first: int, last: int, count: int = 0) -> str:
    """Return a range of entries in words; with `count`, also how many there are if that is not seen at once."""
    if first == last:
        return f"entry {first:,}"
    return f"entries {in_words(first, last)}{f' ({count:,} in all)' if count >= MANY else ''}"


def missing(first: int, last: int) -> str:
    """Return which numbers are missing, in words."""
    return f"Number{'' if first == last else 's'} {in_words(first, last)} {be(last - first + 1, 'is', 'are')} missing"


def counted(number: int, one: str = "entry", many: str = "entries") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def be(count: int, one: str = "was", many: str = "were") -> str:
    """Return the form of a verb that goes with so many."""
    return one if count == 1 else many


def moment(text: str) -> str:
    """Return a canonical time as sentences show it, such as 2026-05-21 15:30:00 UTC; any other text as it is."""
    found = moment_of(text)
    return f"{found.isoformat(' ')[:19]} UTC" if found and found.utcoffset() == timedelta(0) else text


def capital(sentence: str) -> str:
    """Return a sentence with its first letter as a capital, unless it starts with a name, such as that of a table."""
    word = sentence.partition(" ")[0]
    return sentence if set("._/") & set(word.rstrip(".")) else sentence[:1].upper() + sentence[1:]
