"""What a drill found: which attack was noticed, by which checks, at which entry; and where not, what would. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pytest_audit_ledger.drill.attacks.attack import Attack
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.model.outcome import Finding, Outcome, Severity, Status
from pytest_audit_ledger.verify.verification import Verification


class AttackResult(str, Enum):
    """How an attack ended."""

    NOTICED = "noticed"
    PREVENTED = "prevented"
    MISSED = "missed"
    NOT_COVERED = "not covered"
    LIMIT = "limit"
    NOT_APPLICABLE = "not applicable"
    ERROR = "error"


MEANINGS: Mapping[AttackResult, str] = {
    AttackResult.NOTICED: "the verification is worse than before the attack",
    AttackResult.PREVENTED: "the ledger refused it",
    AttackResult.MISSED: "a check claims to notice it, and none did",
    AttackResult.NOT_COVERED: "nothing in this set-up claims to notice it; something else would",
    AttackResult.LIMIT: "nothing can notice it",
    AttackResult.NOT_APPLICABLE: "there is nothing here to attack in this way",
    AttackResult.ERROR: "it could not be performed, or its effect not be judged",
}

UNNOTICED = (AttackResult.MISSED, AttackResult.NOT_COVERED, AttackResult.LIMIT)
"""How an attack ends that would go unnoticed, the gravest first."""

_GRAVITY = (
    AttackResult.MISSED,
    AttackResult.ERROR,
    AttackResult.NOT_COVERED,
    AttackResult.LIMIT,
    AttackResult.NOTICED,
    AttackResult.PREVENTED,
)

_DISTRUST = "Do not rely on what claims to notice it. Does a waiver excuse it?"


@dataclass(frozen=True)
class Noticed:
    """What a check found that was not there before the attack.

    `code` and `message` are those of its first new finding; where it could not be evaluated any more, `code` is empty
    and `message` says why. `sequence_number` is the entry it is at, None where it is at none. `severity` is what the
    check's findings do to the run; a warning fails nothing.
    """

    check_id: str
    code: str
    message: str
    sequence_number: int | None
    severity: Severity


@dataclass(frozen=True)
class Touched:
    """What an attack did to the entries, as a comparison with the untouched copy shows: where first and last."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"entry {self.first:,}" if self.first == self.last else f"entries {self.first:,} to {self.last:,}"

    def told_at(self, number: int) -> bool:
        """Whether a finding there points at it; what a deletion leaves open shows at the entry that follows."""
        return self.first <= number <= self.last + 1


@dataclass(frozen=True)
class Trial:
    """One attack, and what became of it.

    `by` are the checks that noticed it, those that found something before those that could not be evaluated any more.
    `claimed_by` are those that claim to. `touched` is None where no entry was touched, or where that cannot be told.
    `sentence` says what happened in plain words, and `remedy` what would notice it, or why nothing can.
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
        """The first entry at which it was noticed, None where at none."""
        return _first_place(self.by)

    @property
    def at_the_right_entry(self) -> bool | None:
        """Whether it was noticed where entries were touched; None where one of the two is at no entry."""
        found = self.found_at
        return None if found is None or self.touched is None else self.touched.told_at(found)


@dataclass(frozen=True)
class Matrix:
    """All trials of a drill with one set-up.

    `about` says in sentences what was attacked, and with what it was verified, and `advice` what to do where that is
    less than it could be; `entries` is how many the ledger had. `untouched` is the verification before any attack.
    `name` tells several set-ups apart.
    """

    name: str
    about: tuple[str, ...]
    advice: tuple[str, ...]
    entries: int
    untouched: Verification
    trials: tuple[Trial, ...]
    duration_s: float

    def with_verdict(self, *verdicts: AttackResult) -> list[Trial]:
        """Return the trials that ended in one of these ways."""
        return [trial for trial in self.trials if trial.verdict in verdicts]

    @property
    def unnoticed(self) -> list[Trial]:
        """Return the attacks that would go unnoticed, the gravest first."""
        return [trial for verdict in UNNOTICED for trial in self.with_verdict(verdict)]

    @property
    def gravest(self) -> AttackResult:
        """The gravest way in which an attack ended."""
        return next((verdict for verdict in _GRAVITY if self.with_verdict(verdict)), AttackResult.NOT_APPLICABLE)

    @property
    def made(self) -> int:
        """How many attacks were tried; there was something for them."""
        return len(self.trials) - len(self.with_verdict(AttackResult.NOT_APPLICABLE))

    @property
    def claims_hold(self) -> bool:
        """Whether every attack that a check claims to notice was noticed; not where one could not be made or judged."""
        return self.gravest not in (AttackResult.MISSED, AttackResult.ERROR, AttackResult.NOT_APPLICABLE)

    @property
    def sentence(self) -> str:
        """What the drill shows, in one sentence that claims no more."""
        if not self.made:
            return "No attack was made, so nothing is known."
        refused, unknown = len(self.with_verdict(AttackResult.PREVENTED)), len(self.with_verdict(AttackResult.ERROR))
        attacks = f"{self.made:,} {'attack' if self.made == 1 else 'attacks'}"
        said = [
            f"{len(self.with_verdict(AttackResult.NOTICED)):,} of {attacks} noticed",
            f", {refused:,} refused by the ledger" if refused else "",
            f"; {f'{len(self.unnoticed):,}' if self.unnoticed else 'none'} would go unnoticed"
            if self.unnoticed or not unknown
            else "",
            f"; of {unknown:,} nothing is known" if unknown else "",
        ]
        return f"{''.join(said)}."


def noticed(before: Verification, after: Verification) -> tuple[Noticed, ...]:
    """Return the checks that tell the attacked ledger from the untouched one, and how."""
    found, silent = [], []
    for was, now in zip(before.outcomes, after.outcomes, strict=True):
        if now.status is Status.ERROR and was.status is not Status.ERROR:
            silent.append(Noticed(now.check_id, "", now.reason, None, now.severity))
        elif now.status in (Status.FAIL, Status.WARN) and (new := _new(was, now)) is not None:
            severity = Severity.CRITICAL if now.status is Status.FAIL else Severity.WARNING
            found.append(Noticed(now.check_id, new.code, new.message, new.sequence_number, severity))
    return (*found, *silent)


def _new(was: Outcome, now: Outcome) -> Finding | None:
    """Return the first finding that was not there before; None where nothing is new."""
    before, after = _places(was), _places(now)
    unknown = [
        one for one in _judged(now) if after[one.code, one.sequence_number] > before[one.code, one.sequence_number]
    ]
    if _is_complete(was) and _is_complete(now):
        return next(iter(unknown), None)
    # of more findings than are kept, only how many there are can be compared
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
    """Return the trial of an attack that was made; `allowed` is why checks allow it that would notice it otherwise."""
    verdict = _verdict(attack, by, claimed_by)
    return _trial(
        attack,
        verdict,
        _sentence(verdict, by, claimed_by, touched),
        by=tuple(by),
        claimed_by=tuple(claimed_by),
        touched=touched,
        remedy=_remedy(verdict, attack, allowed),
        duration_s=duration_s,
    )


def _remedy(verdict: AttackResult, attack: Attack, allowed: Sequence[str]) -> str:
    """Return what would notice an attack that nobody noticed, or why nothing can."""
    if verdict is AttackResult.MISSED:
        return _DISTRUST
    if verdict is AttackResult.LIMIT:
        return f"{attack.limit} {attack.remedy}".rstrip()
    claimed = dict.fromkeys(claim.kind for claim in attack.noticed_by)
    return (
        ""
        if verdict is AttackResult.NOTICED
        else " ".join([*allowed, attack.remedy or f"Check {_listed([*claimed])}."])
    )


def _sentence(verdict: AttackResult, by: Sequence[Noticed], claimed_by: Sequence[str], touched: Touched | None) -> str:
    if verdict is AttackResult.NOTICED:
        return _noticed_sentence(by, touched)
    if verdict is AttackResult.MISSED:
        claims = "claims" if len(claimed_by) == 1 else "claim"
        return f"Not noticed, although {_listed(claimed_by)} {claims} to notice it."
    return "Not noticed, and nothing can." if verdict is AttackResult.LIMIT else "Not noticed."


def _verdict(attack: Attack, by: Sequence[Noticed], claimed_by: Sequence[str]) -> AttackResult:
    if by:
        return AttackResult.NOTICED
    if claimed_by:
        return AttackResult.MISSED
    return AttackResult.NOT_COVERED if attack.noticed_by else AttackResult.LIMIT


def not_applicable(attack: Attack, reason: str) -> Trial:
    """Return the trial of an attack that there is nothing for."""
    return _trial(attack, AttackResult.NOT_APPLICABLE, f"Not made: {reason.rstrip('.')}.")


def prevented(attack: Attack, error: LedgerError, duration_s: float) -> Trial:
    """Return the trial of an attack that the ledger refused."""
    return _trial(
        attack, AttackResult.PREVENTED, f"Refused: {error.message}", remedy=error.remedy, duration_s=duration_s
    )


def failed(attack: Attack, error: LedgerError, duration_s: float) -> Trial:
    """Return the trial of an attack that could not be made or judged."""
    sentence = f"Not made or not judged, so nothing is known: {error.message}"
    return _trial(attack, AttackResult.ERROR, sentence, remedy=error.remedy, duration_s=duration_s)


def _trial(attack: Attack, verdict: AttackResult, sentence: str, **found: object) -> Trial:
    return Trial(attack.name, attack.title, attack.who, attack.what, verdict, sentence, **found)  # type: ignore[arg-type]


def _noticed_sentence(by: Sequence[Noticed], touched: Touched | None) -> str:
    found = [f"{one.check_id}{_place(one)}{_weight(one)}" for one in by if one.code]
    if not found:
        return f"Noticed: {_listed([one.check_id for one in by])} cannot be evaluated any more."
    number = _first_place(by)
    elsewhere = touched is not None and number is not None and not touched.told_at(number)
    where = f" That is not where it was: it touched {touched}." if elsewhere else ""
    return f"Noticed by {_listed(found)}.{where}"


def _weight(one: Noticed) -> str:
    return "" if one.severity is Severity.CRITICAL else " (a warning)"


def _first_place(by: Sequence[Noticed]) -> int | None:
    return min((one.sequence_number for one in by if one.sequence_number is not None), default=None)


def _place(one: Noticed) -> str:
    return "" if one.sequence_number is None else f" at entry {one.sequence_number:,}"


def _listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
