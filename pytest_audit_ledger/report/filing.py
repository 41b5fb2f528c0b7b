"""Weigh what speaks for and against filing a report: what blocks it, what must be disclosed, what is met.

One cause counts once; controls and checks that only follow from it are listed with it. What somebody must do about a
cause is part of it, so that the first page asks for nothing that no condition explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pytest_audit_ledger.commands import pieces
from pytest_audit_ledger.model.ledger_info import Extent
from pytest_audit_ledger.model.outcome import Assurance, Family, Outcome, Severity, Status
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.report.exceptions import (
    COMPLIANCE,
    DATABASE,
    KEY_HOLDER,
    controls_of,
    exception,
    owner_of,
    tested,
    unexpected,
)
from pytest_audit_ledger.report.figures import Figures
from pytest_audit_ledger.report.reverify import command_for
from pytest_audit_ledger.report.words import CHECK, ENTRY, Dates, capital, enumerated, percent, spelled, violation_of
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.verify.verification import Verification

SIGNER, MAKER = "Whoever signs the filing", "Whoever makes the report"
NOW, TODAY, BEFORE, WEEK = "now", "today", "before you file", "this week"

_STATUS_COLUMN = "escalation_status"


class Weight(str, Enum):
    """What a condition means for filing."""

    BLOCKS = "blocks"
    DISCLOSE = "disclose"
    MET = "met"


@dataclass(frozen=True)
class Action:
    """What somebody must do, who, and when; `section` is the part of the report that shows it."""

    what: str
    more: str
    who: str
    when: str
    section: str = ""


@dataclass(frozen=True)
class Condition:
    """One condition as a fact, its details, the controls and checks that follow from it, and what to do about it."""

    weight: Weight
    fact: str
    detail: str = ""
    controls: Sequence[str] = ()
    checks: Sequence[str] = ()
    actions: Sequence[Action] = ()


@dataclass(frozen=True)
class Judged:
    """What conditions are judged by; `figures` is None if the entries of the period were not counted."""

    verification: Verification
    period: Selection
    figures: Figures | None
    controls: Sequence[Mapping[str, Any]]
    dates: Dates
    profile: Profile = SKI
    investigated: bool = False

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """The outcomes of the checks."""
        return self.verification.outcomes

    @property
    def tampered(self) -> bool:
        """Whether an integrity check failed."""
        return self.verification.assurance is Assurance.TAMPERED


def conditions(judged: Judged) -> list[Condition]:
    """Return every condition, those that block first, then those to disclose, the met ones last."""
    found = [
        *_integrity(judged),
        *_checks(judged, Status.FAIL),
        *_checks(judged, Status.ERROR),
        *_period(judged),
        *_escalations(judged),
        *_checks(judged, Status.WARN),
        *_checkpoint(judged),
        *_extent(judged),
        *_decided(judged),
        *_waived(judged),
        *_controls(judged),
    ]
    return sorted(found, key=lambda condition: list(Weight).index(condition.weight))


def _integrity(judged: Judged) -> Iterator[Condition]:
    verification = judged.verification
    if judged.tampered:
        failed = [one for one in judged.outcomes if one.integrity and one.status in (Status.FAIL, Status.WAIVED)]
        yield Condition(
            Weight.BLOCKS,
            "The ledger was tampered with.",
            f"{capital(spelled(len(failed)))} integrity {'check' if len(failed) == 1 else 'checks'} failed.",
            controls_of(failed),
            [one.check_id for one in failed],
            _after_tampering(judged),
        )
    elif verification.assurance is Assurance.UNVERIFIED:
        again = Action("Verify again.", _briefly(verification.recommendation), DATABASE, BEFORE, "checks")
        failed = [one for one in judged.outcomes if one.integrity and one.status is Status.FAIL]
        yield Condition(
            Weight.BLOCKS, "The ledger was not verified.", verification.sentence, controls_of(failed), (), [again]
        )
    else:
        yield Condition(Weight.MET, "Every integrity check passed.")


def _after_tampering(judged: Judged) -> list[Action]:
    compare = Action("Compare with a backup or an export.", "", DATABASE, TODAY, "what")
    investigate = Action(
        "Find out what happened.",
        f"Run {command_for('audit-ledger investigate', judged.verification)}",
        DATABASE,
        TODAY,
        "checks",
    )
    return [
        Action("Stop using this ledger.", "Do not file from it or decide by it.", SIGNER, NOW),
        Action("Preserve the server, its logs and backups.", "Change nothing, and repair nothing yet.", DATABASE, NOW),
        compare if judged.investigated else investigate,
    ]


def _checks(judged: Judged, status: Status) -> Iterator[Condition]:
    """Yield a condition for each check of the user's, and each check of integrity that is not a sign of tampering."""
    covered = judged.tampered or judged.verification.assurance is Assurance.UNVERIFIED
    ended = [one for one in judged.outcomes if one.status is status and not (one.integrity and covered)]
    if judged.verification.obstacle:
        return
    for outcome in ended:
        if not (status is Status.WARN and _is_about_escalations(outcome) and judged.figures):
            yield _about(outcome)
    if not ended:
        words = {
            Status.FAIL: "No other check failed." if judged.tampered else "No check failed.",
            Status.ERROR: "Every check that applies was evaluated.",
            Status.WARN: "No check warned.",
        }
        yield Condition(Weight.MET, words[status])


def _about(outcome: Outcome) -> Condition:
    critical = outcome.severity is Severity.CRITICAL
    weight = Weight.BLOCKS if critical and outcome.status is not Status.WARN else Weight.DISCLOSE
    if outcome.status is Status.ERROR:
        fact = "A critical check could not be evaluated." if critical else "A check could not be evaluated."
        action = Action("Have the check evaluated.", f"“{tested(outcome)}”", owner_of(outcome), BEFORE, "checks")
        return Condition(weight, fact, f"“{tested(outcome)}” {outcome.reason}", outcome.controls, (), [action])
    verb = "failed" if outcome.status is Status.FAIL else "warned"
    kind = "A critical check" if critical and outcome.status is Status.FAIL else "A check"
    action = Action(
        f"{_answer(outcome)}{' Blocks filing.' if weight is Weight.BLOCKS else ''}",
        f"“{tested(outcome)}” {_NEVER_EDIT}"
        if outcome.unit == "entries" and not outcome.integrity
        else _briefly(outcome.remedy),
        owner_of(outcome),
        BEFORE,
        "checks",
    )
    return Condition(
        weight, f"{kind} {verb}: {tested(outcome)}", exception(outcome), outcome.controls, [outcome.check_id], [action]
    )


_NEVER_EDIT = "Correct what wrote them; never edit an entry."


def _briefly(advice: str) -> str:
    """Return the first sentence of advice; the exception has all of it, with its commands."""
    return f"{pieces(advice)[0][0].partition('. ')[0].rstrip(' .:')}."


LONGEST_ANSWER = 75
"""Characters of a description that still fit on the first screen of a telephone."""


def _answer(outcome: Outcome) -> str:
    """Return what to do about a check in one short sentence."""
    if outcome.unit == "entries" and outcome.unexpected_count:
        return f"Explain {ENTRY.counted(outcome.unexpected_count)}."
    what = "a failed check" if outcome.status is Status.FAIL else "a warning"
    named = tested(outcome) if len(tested(outcome)) <= LONGEST_ANSWER else f"{outcome.check_id}."
    return f"Answer {what}: {named}"


def _is_about_escalations(outcome: Outcome) -> bool:
    """Whether a check finds what the period's own condition about escalations says as well."""
    return any(_STATUS_COLUMN in finding.message for finding in unexpected(outcome))


def _checkpoint(judged: Judged) -> Iterator[Condition]:
    verification, anchor = judged.verification, judged.verification.anchor
    if anchor is not None:
        newer = anchor.total - anchor.entries
        if anchor.unread:
            yield Condition(
                Weight.DISCLOSE, f"{ENTRY.counted(anchor.unread)} were not read again.", verification.reading
            )
        if newer:
            sign = Action(
                f"Sign a checkpoint for the newest {ENTRY.counted(newer)}.",
                "Keep it outside the database, like the others.",
                KEY_HOLDER,
                WEEK,
            )
            yield Condition(
                Weight.DISCLOSE,
                f"{ENTRY.counted(newer)} {'is' if newer == 1 else 'are'} in no checkpoint.",
                "They are the newest. Nothing outside the database confirms them yet.",
                actions=[sign],
            )
        if not anchor.unread:
            yield Condition(Weight.MET, "The ledger matches a checkpoint that is kept elsewhere.")
        return
    skipped = [o for o in judged.outcomes if o.family is Family.CHECKPOINTS and o.status is Status.SKIP]
    if verification.survey is not None and verification.size and not _compared(judged):
        sign = Action("Sign a first checkpoint.", _ONLY_THEN, KEY_HOLDER, WEEK)
        yield Condition(
            Weight.DISCLOSE,
            "There is no checkpoint.",
            "A full rewrite or a truncated end cannot be detected.",
            (),
            [outcome.check_id for outcome in skipped],
            [] if judged.tampered else [sign],
        )


_ONLY_THEN = "Keep it outside the database. Only then can a full rewrite be detected."


def _compared(judged: Judged) -> bool:
    """Whether checkpoints were given, and something was wrong with them, which is a condition of its own."""
    ended = [outcome.status for outcome in judged.outcomes if outcome.family is Family.CHECKPOINTS]
    return any(status is not Status.SKIP for status in ended)


def _extent(judged: Judged) -> Iterator[Condition]:
    extent = judged.verification.info.extent if judged.verification.info else None
    if extent is Extent.WHOLE:
        yield Condition(Weight.MET, "The whole ledger was available to read.")
    elif extent:
        again = Action("Report on the whole ledger.", "Use the database, or an export of it all.", MAKER, BEFORE)
        yield Condition(
            Weight.BLOCKS if extent is Extent.PART else Weight.DISCLOSE,
            "The source may not be the whole ledger."
            if extent is Extent.UNKNOWN
            else "A part of the ledger is missing.",
            f"It has {extent.value}.",
            actions=[again],
        )


def _period(judged: Judged) -> Iterator[Condition]:
    before, figures = judged.period.before, judged.figures
    if figures is None:
        again = Action("Make the entries readable.", "Then make this report again.", DATABASE, BEFORE, "gaps")
        yield Condition(Weight.BLOCKS, "The entries of the period could not be counted.", actions=[again])
    elif not figures.entries:
        yield Condition(Weight.BLOCKS, "The period has no entries.", actions=_wider_period(judged))
    else:
        yield Condition(Weight.MET, f"The period has {ENTRY.counted(figures.entries)}.")
    if judged.profile.has("timestamp"):
        yield from _end(judged, before)


def _wider_period(judged: Judged) -> list[Action]:
    if not judged.verification.size:
        return []  # there is nothing that a period could have
    return [Action("Choose a period that has entries.", "Check the dates of the report.", MAKER, BEFORE)]


def _end(judged: Judged, before: datetime | None) -> Iterator[Condition]:
    if before is None:
        end = Action("Give the report an end date.", "Entries can still be added to the period.", MAKER, BEFORE)
        yield Condition(Weight.BLOCKS, "The period has no end.", "Entries can still be added to it.", actions=[end])
    elif before > datetime.fromisoformat(judged.verification.started_at):
        wait = Action("Report again after the period has ended.", "Entries can still be added.", MAKER, BEFORE)
        yield Condition(
            Weight.BLOCKS,
            "The period is not over.",
            f"It ends with {judged.dates.day(_last_moment(before))}. Entries can still be added to it.",
            actions=[wait],
        )
    else:
        yield Condition(Weight.MET, "The period is over, so no entry can be added to it.")


def _last_moment(before: datetime) -> str:
    return (before - datetime.resolution).isoformat()


def _escalations(judged: Judged) -> Iterator[Condition]:
    figures = judged.figures
    if figures is None or not figures.violating or not judged.profile.has(_STATUS_COLUMN):
        return
    noun, open_ = violation_of(judged.profile), figures.open_violations
    warned = [o for o in judged.outcomes if o.status is Status.WARN and _is_about_escalations(o)]
    if not open_ and not warned:
        yield Condition(Weight.MET, f"Every {noun.one} has an escalation status.")
        return
    verb = "warns" if len(warned) == 1 else "warn"
    named = enumerated([outcome.check_id for outcome in warned])
    follow = Action(
        f"Follow up {noun.counted(open_)} that nobody escalated.",
        "The oldest come first in the list.",
        owner_of(warned[0]) if warned else COMPLIANCE,
        BEFORE,
        "escalations",
    )
    yield Condition(
        Weight.DISCLOSE,
        f"{open_:,} of {noun.counted(figures.violation_count)} {'has' if open_ == 1 else 'have'} no escalation status.",
        f"The {'check' if len(warned) == 1 else 'checks'} {named} {verb} about it."
        if warned
        else "Nothing shows that anybody followed up.",
        controls_of(warned),
        (),
        [follow] if open_ else (),
    )


def _decided(judged: Judged) -> Iterator[Condition]:
    figures = judged.figures
    if figures is None or not judged.profile.undecided or not figures.entries:
        return
    counts = dict(figures.verdicts.named())
    undecided = {reason: counts[name] for name, reason in judged.profile.undecided.items() if counts.get(name)}
    number = sum(undecided.values())
    if not number:
        yield Condition(Weight.MET, "Every entry of the period has a verdict that decides.")
        return
    reasons = " ".join(f"For {count:,}, {reason}." for reason, count in undecided.items())
    yield Condition(
        Weight.DISCLOSE,
        f"{ENTRY.counted(number)} {'is' if number == 1 else 'are'} undecided.",
        f"That is {percent(number / figures.entries)} of the period. {reasons}",
    )


def _waived(judged: Judged) -> Iterator[Condition]:
    accepted = [outcome for outcome in judged.outcomes if outcome.status is Status.WAIVED]
    if not accepted:
        yield Condition(Weight.MET, "No finding is accepted by a waiver.")
        return
    names = enumerated([outcome.waiver.id for outcome in accepted if outcome.waiver])
    one = len(accepted) == 1
    yield Condition(
        Weight.DISCLOSE,
        f"The findings of {CHECK.counted(len(accepted))} are accepted by {'a waiver' if one else 'waivers'}.",
        f"See {names} in “Waivers”.",
        controls_of(accepted),
        [outcome.check_id for outcome in accepted],
    )


def _controls(judged: Judged) -> Iterator[Condition]:
    bare = [control["id"] for control in judged.controls if not control["checks"]]
    if bare:
        yield Condition(
            Weight.DISCLOSE,
            f"No check of this run serves {'a control' if len(bare) == 1 else f'{spelled(len(bare))} controls'}.",
            f"The suites declare {enumerated(bare)} all the same.",
        )


def of_weight(found: Iterable[Condition], weight: Weight) -> list[Condition]:
    """Return the conditions of one weight."""
    return [condition for condition in found if condition.weight is weight]
