"""What an incident is: one thing that happened to a ledger, as far as the evidence shows it. No I/O, no formatting."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained


@dataclass(frozen=True)
class Command:
    """A command about the ledger: its name, and its arguments; those in capitals are for the reader to fill in.

    `ledger` are the options that name the ledger, once they are known (see `followable`).
    """

    name: str
    arguments: tuple[str, ...]
    ledger: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the command as a shell takes it."""
        return shlex.join(["audit-ledger", self.name, *self.ledger, *self.arguments])


@dataclass(frozen=True)
class Advice:
    """What to do, or what is open, in whole sentences, and the commands that do it, or decide it."""

    words: str
    commands: tuple[Command, ...] = ()


PRESERVE = Advice("Preserve the server, its logs and its backups as they are.")
AGAINST = Command("investigate", ("--against", "FILE"))
CHECKPOINT = Command("investigate", ("--checkpoint", "DIR", "--verifier-key", "KEY"))
COMPARE = Advice("Compare with a backup or an export.", (AGAINST,))


def followable(advice: Sequence[Advice], options: tuple[str, ...]) -> tuple[Advice, ...]:
    """Return advice whose commands name the ledger: `options` are those that do."""
    return tuple(
        replace(one, commands=tuple(replace(command, ledger=options) for command in one.commands)) for one in advice
    )


def words(advice: Sequence[Advice]) -> str:
    """Return what advice says, without its commands."""
    return " ".join(one.words for one in advice)


def commands(advice: Sequence[Advice]) -> list[str]:
    """Return the commands of advice, each once."""
    return list(dict.fromkeys(str(command) for one in advice for command in one.commands))


class IncidentType(str, Enum):
    """What happened. The value is how JSON calls it."""

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
    SYSTEMATIC = "systematic"
    CLOCK = "clock"
    FOREIGN_VERDICT = "foreign-verdict"
    ENVELOPE = "envelope"
    TRANSCRIPT = "transcript"
    UNCOVERED = "uncovered"
    GUARDS = "guards"
    CHECKPOINTS = "checkpoints"
    FILE = "file"
    OTHER_COPY = "other-copy"
    NOT_SORTED_OUT = "not-sorted-out"


class Certainty(str, Enum):
    """How sure it is."""

    PROVEN = "proven"
    """A hash, a signature or a checkpoint shows it."""
    FITS = "fits"
    """It fits everything that was found, and nothing proves it; what would fit as well is told."""
    OPEN = "open"
    """The evidence does not decide between the explanations that are told."""


@dataclass(frozen=True)
class Incident:
    """One thing that happened.

    `first` and `last` are the sequence numbers that it is about, as they stand in the ledger or, where entries are
    missing, as they stood there; None where it is about no entry. `count` is how many entries it touches, or how many
    numbers are missing. `time_before` and `time_after` are the times of the entries next to it that nothing happened
    to, as canonical text, empty where there is none. `because` is the evidence, `otherwise` are other explanations that
    fit as well, and `reconstructions` say what the entries said when they were written, of those that were looked at
    one by one. `in_full` is what the sentence becomes where all entries of a gap are known to have stood there, and
    `renumbered` is whether entries behind it have other numbers now than they were written with;
    `elsewhere` are the numbers of entries that stand elsewhere now.
    """

    what: IncidentType
    first: int | None
    last: int | None
    count: int
    sentence: str
    certainty: Certainty
    because: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    next_step: tuple[Advice, ...] = ()
    time_before: str = ""
    time_after: str = ""
    reconstructions: tuple[Reconstruction | Unexplained, ...] = ()
    in_full: str = ""
    renumbered: bool = False
    elsewhere: tuple[tuple[int, int], ...] = ()

    def is_about(self, number: int) -> bool:
        """Whether it is about the entry of this number, or about all from an earlier one on."""
        if self.first is None or number < self.first:
            return False
        return self.what is IncidentType.REWRITE if self.last is None else number <= self.last

    @property
    def has_gaps(self) -> bool:
        """Whether it is about some entries of its range only."""
        return self.first is not None and self.last is not None and 0 < self.count < self.last - self.first + 1


MANY = 10
"""So many entries of a range are counted in words; fewer the reader counts."""


def entries(first: int, last: int, count: int = 0) -> str:
    """Return a range of entries in words; with how many there are, where that is given and not seen at once."""
    if first == last:
        return f"entry {first:,}"
    return f"entries {first:,} to {last:,}{f' ({count:,} of them)' if count >= MANY else ''}"


def deleted(first: int, last: int) -> str:
    """Return what a broken link proves where these numbers are missing: that an entry is gone, not that all were."""
    if first == last:
        return f"Entry {first:,} was deleted"
    return f"At least one of the entries {first:,} to {last:,}, whose numbers are missing, was deleted"


def counted(number: int, one: str = "entry", many: str = "entries") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def capital(sentence: str) -> str:
    """Return a sentence with its first letter as a capital, unless it starts with a name, such as that of a table."""
    word = sentence.partition(" ")[0]
    return sentence if set("._/") & set(word.rstrip(".")) else sentence[:1].upper() + sentence[1:]
