"""What a drill found: which attacks were noticed, by which checks, at which entry; if not, what would. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pytest_audit_ledger.commands import Given, completed
from pytest_audit_ledger.drill.attacks.attack import Attack, listed
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.model.outcome import Finding, Outcome, Severity, Status
from pytest_audit_ledger.verify.verification import Verification


class AttackResult(str, Enum):
    """How an attack ended, the gravest first; with what that means, and the colour in which it is shown."""

    meaning: str
    colour: str

    def __new__(cls, word: str, meaning: str = "", colour: str = "") -> AttackResult:
        """Make a result, which is equal to its word."""
        made = str.__new__(cls, word)
        made._value_, made.meaning, made.colour = word, meaning, colour
        return made

    MISSED = "missed", "a check claims to notice the attack, but none did", "red"
    ERROR = "error", "the attack failed, or its effect could not be judged", "red"
    NOT_COVERED = "not covered", "no check in this set-up claims to notice the attack, but another one would", "yellow"
    LIMIT = "limit", "no check can notice the attack", "yellow"
    NOTICED = "noticed", "the verification is worse than before the attack", "green"
    PREVENTED = "prevented", "the ledger refused the attack", "green"
    NOT_APPLICABLE = "not applicable", "this ledger has nothing to attack in this way", ""


UNNOTICED = (AttackResult.MISSED, AttackResult.NOT_COVERED, AttackResult.LIMIT)
"""The results of attacks that went unnoticed, the gravest first."""

_DISTRUST = "Do not rely on the checks that claim to notice it. Look for a waiver that excuses what they find."


@dataclass(frozen=True)
class Noticed:
    """What a check found after the attack and not before.

    `code` and `message` are those of its first new finding. If the check could no longer be evaluated, `code` is empty
    and `message` says why. `sequence_number` is the finding's entry, if it has one. `severity` says whether the finding
    fails the run or only warns.
    """

    check_id: str
    code: str
    message: str
    sequence_number: int | None
    severity: Severity


@dataclass(frozen=True)
class Touched:
    """The first and the last entry that the attack changed, found by comparison with the untouched copy."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"entry {self.first:,}" if self.first == self.last else f"entries {self.first:,} to {self.last:,}"

    def told_at(self, number: int) -> bool:
        """Return whether a finding at this entry points at the change; a deletion is found at the next entry."""
        return self.first <= number <= self.last + 1


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One attack, and its result.

    `by` are the checks that noticed it: first those with a finding, then those that could no longer be evaluated.
    `claimed_by` are the checks that claim to notice it. `touched` is None if no entry changed, or if that is unknown.
    `sentence` says what happened, and `remedy` what would notice the attack, or why nothing can.
    """

    attack: str
    title: str
    who: str
    what: str
    verdict: AttackResult
    sentence: str
    by: tuple[Noticed, ...] = ()
    claimed_by: tuple[str, ...] = ()
    touched: Touched | None = None
    remedy: str = ""
    duration_s: float = 0.0

    @property
    def found_at(self) -> int | None:
        """The first entry at which it was noticed, None if no finding is at an entry."""
        return _first_place(self.by)

    @property
    def at_the_right_entry(self) -> bool | None:
        """Whether it was noticed where entries changed; None if either is unknown."""
        found = self.found_at
        return None if found is None or self.touched is None else self.touched.told_at(found)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """All trials of a drill with one set-up.

    `about` says in sentences what was attacked and with what it was verified; `advice` says how to get a better copy.
    `entries` is the number of entries of the copy, `untouched` its verification before any attack, and `name` the
    name of the set-up.
    """

    name: str
    about: tuple[str, ...]
    advice: tuple[str, ...]
    entries: int
    untouched: Verification
    trials: tuple[Trial, ...]
    duration_s: float

    def with_verdict(self, *verdicts: AttackResult) -> list[Trial]:
        """Return the trials with one of these results."""
        return [trial for trial in self.trials if trial.verdict in verdicts]

    def naming(self, given: Given) -> Matrix:
        """Return the results with advised commands that name again what was given, such as the ledger."""
        trials = tuple(replace(trial, remedy=completed(trial.remedy, given)) for trial in self.trials)
        return replace(self, trials=trials, advice=tuple(completed(one, given) for one in self.advice))

    @property
    def unnoticed(self) -> list[Trial]:
        """Return the attacks that went unnoticed, the gravest first."""
        return [trial for verdict in UNNOTICED for trial in self.with_verdict(verdict)]

    @property
    def gravest(self) -> AttackResult:
        """The gravest result of an attack."""
        return next((verdict for verdict in AttackResult if self.with_verdict(verdict)), AttackResult.NOT_APPLICABLE)

    @property
    def made(self) -> int:
        """The number of attacks that were tried."""
        return len(self.trials) - len(self.with_verdict(AttackResult.NOT_APPLICABLE))

    @property
    def claims_hold(self) -> bool:
        """Whether every attack that a check claims to notice was noticed, and all attacks could be made and judged."""
        return self.gravest not in (AttackResult.MISSED, AttackResult.ERROR, AttackResult.NOT_APPLICABLE)

    @property
    def sentence(self) -> str:
        """The result in one sentence that claims no more than the drill showed."""
        if not self.made:
            return "No attack was made, so this drill proves nothing."
        refused, unknown = len(self.with_verdict(AttackResult.PREVENTED)), len(self.with_verdict(AttackResult.ERROR))
        unnoticed, attacks = len(self.unnoticed), f"{self.made:,} {'attack' if self.made == 1 else 'attacks'}"
        parts = [
            f"{len(self.with_verdict(AttackResult.NOTICED)):,} of {attacks} noticed",
            f"{refused:,} refused by the ledger" if refused else "",
            f"{unnoticed:,} unnoticed" if unnoticed or not unknown else "",
            f"{unknown:,} unknown" if unknown else "",
        ]
        return f"{', '.join(filter(None, parts))}."


def noticed(before: Verification, after: Verification) -> tuple[Noticed, ...]:
    """Return the checks that found something in the attacked ledger that is not in the untouched one."""
    found, silent = [], []
    for was, now in zip(before.outcomes, after.outcomes, strict=True):
        if now.status is Status.ERROR and was.status is not Status.ERROR:
            silent.append(Noticed(now.check_id, "", now.reason, None, now.severity))
        elif now.status in (Status.FAIL, Status.WARN) and (new := _new(was, now)) is not None:
            severity = Severity.CRITICAL if now.status is Status.FAIL else Severity.WARNING
            found.append(Noticed(now.check_id, new.code, new.message, new.sequence_number, severity))
    return (*found, *silent)


def _new(was: Outcome, now: Outcome) -> Finding | None:
    """Return the first finding that was not there before, None if there is none."""
    before, after = _places(was), _places(now)
    unknown = [
        one for one in _judged(now) if after[one.code, one.sequence_number] > before[one.code, one.sequence_number]
    ]
    if _is_complete(was) and _is_complete(now):
        return next(iter(unknown), None)
    # if there are more findings than were kept, only their numbers can be compared
    more = {code for code, count in now.codes.items() if count > was.codes.get(code, 0)}
    return next((one for one in [*unknown, *_judged(now)] if one.code in more), None)


def _places(outcome: Outcome) -> Counter[tuple[str, int | None]]:
    return Counter((finding.code, finding.sequence_number) for finding in _judged(outcome))


def _judged(outcome: Outcome) -> Iterator[Finding]:
    return (finding for finding in outcome.findings if finding.severity is not Severity.INFO)


def _is_complete(outcome: Outcome) -> bool:
    return sum(outcome.codes.values()) == len(outcome.findings)


def judged(
    attack: Attack,
    *,
    by: Sequence[Noticed],
    claimed_by: Sequence[str],
    allowed: Sequence[str],
    touched: Touched | None,
    duration_s: float,
) -> Trial:
    """Return the trial of an attack that was made.

    `allowed`: why checks that would otherwise notice the attack allow it.
    """
    if by:
        verdict, sentence, remedy = AttackResult.NOTICED, _noticed_sentence(by, touched), ""
    elif claimed_by:
        claims = "claims" if len(claimed_by) == 1 else "claim"
        sentence = f"Not noticed, although {listed(claimed_by)} {claims} to notice it."
        verdict, remedy = AttackResult.MISSED, _DISTRUST
    elif attack.noticed_by:
        verdict, sentence = AttackResult.NOT_COVERED, "Not noticed."
        remedy = " ".join([*allowed, attack.remedy])
    else:
        verdict, sentence = AttackResult.LIMIT, "Not noticed; no check can notice it."
        remedy = f"{attack.limit} {attack.remedy}".rstrip()
    return _trial(
        attack,
        verdict,
        sentence,
        by=tuple(by),
        claimed_by=tuple(claimed_by),
        touched=touched,
        remedy=remedy,
        duration_s=duration_s,
    )


def not_applicable(attack: Attack, reason: str) -> Trial:
    """Return the trial of an attack that could not be tried on this ledger."""
    return _trial(attack, AttackResult.NOT_APPLICABLE, f"Not applicable: {reason.rstrip('.')}.")


def prevented(attack: Attack, error: LedgerError, duration_s: float) -> Trial:
    """Return the trial of an attack that the ledger refused."""
    return _trial(
        attack, AttackResult.PREVENTED, f"Refused: {error.message}", remedy=error.remedy, duration_s=duration_s
    )


def failed(attack: Attack, error: LedgerError, duration_s: float) -> Trial:
    """Return the trial of an attack that failed, or whose effect could not be judged."""
    sentence = f"The attack failed or could not be judged: {error.message}"
    return _trial(attack, AttackResult.ERROR, sentence, remedy=error.remedy, duration_s=duration_s)


def _trial(attack: Attack, verdict: AttackResult, sentence: str, **found: Any) -> Trial:
    return Trial(
        attack=attack.name,
        title=attack.title,
        who=attack.who,
        what=attack.what,
        verdict=verdict,
        sentence=sentence,
        **found,
    )


def _noticed_sentence(by: Sequence[Noticed], touched: Touched | None) -> str:
    found = [f"{one.check_id}{_place(one)}{_weight(one)}" for one in by if one.code]
    if not found:
        return f"Noticed: {listed([one.check_id for one in by])} could no longer be evaluated."
    number = _first_place(by)
    elsewhere = touched is not None and number is not None and not touched.told_at(number)
    where = f" But the attack changed {touched}." if elsewhere else ""
    return f"Noticed by {listed(found)}.{where}"


def _weight(one: Noticed) -> str:
    return "" if one.severity is Severity.CRITICAL else " (a warning)"


def _first_place(by: Sequence[Noticed]) -> int | None:
    return min((one.sequence_number for one in by if one.sequence_number is not None), default=None)


def _place(one: Noticed) -> str:
    return "" if one.sequence_number is None else f" at entry {one.sequence_number:,}"
