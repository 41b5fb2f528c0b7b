"""A matrix in words: for a terminal or a log, for the summary of a job, and one trial for pytest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.drill.attacks.attack import Attack
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix, Noticed, Trial
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.markdown import escaped
from pytest_audit_ledger.output.paragraphs import LOG, wrapped
from pytest_audit_ledger.output.verification_text import ASCII, UNICODE, Marks

TITLE = "Drill: would this set-up notice an attack?"

CLAIMS_HOLD = "Every attack that a check claims to notice was noticed"


def text(matrix: Matrix, marks: Marks = UNICODE, width: int = LOG) -> str:
    """Return a matrix in lines of at most `width` columns; longer names are not broken."""
    lines = [TITLE, "", *wrapped(matrix.sentence, width), "", *_about(matrix, width)]
    for verdict in reversed(AttackResult):  # what matters most comes last, next to the summary
        if trials := matrix.with_verdict(verdict):
            lines += ["", *wrapped(f"{verdict.value.upper()}: {verdict.meaning}", width)]
            lines += [line for trial in trials for line in _trial_lines(trial, marks, width)]
    lines += ["", *(line for one in conclusion(matrix) for line in wrapped(printable(one, 10_000), width, 2))]
    shown = "\n".join(lines)
    return shown.replace("…", "...") if marks is ASCII else shown


def conclusion(matrix: Matrix) -> list[str]:
    """Return the result in sentences: which attacks went unnoticed, why, and what would notice them."""
    alike: dict[tuple[AttackResult, str], list[str]] = {}
    for trial in [*matrix.unnoticed, *matrix.with_verdict(AttackResult.ERROR)]:
        alike.setdefault((trial.verdict, trial.remedy), []).append(trial.attack)
    reasons = [f"{_head(verdict)} {', '.join(names)}. {advice}" for (verdict, advice), names in alike.items()]
    return [matrix.sentence, *(reason.rstrip() for reason in reasons), *claims(matrix)]


def _head(verdict: AttackResult) -> str:
    return "UNKNOWN:" if verdict is AttackResult.ERROR else f"{verdict.value.upper()}:"


def unnoticed(trial: Trial) -> str:
    """Return in one line why an attack went unnoticed, and what would notice it."""
    return f"{_head(trial.verdict)} {trial.attack}. {trial.remedy}"


def claims(matrix: Matrix) -> Iterator[str]:
    """Yield that the claims of the checks hold, if at least one attack has shown it."""
    if matrix.claims_hold and any(trial.claimed_by for trial in matrix.with_verdict(AttackResult.NOTICED)):
        refused = " or refused" if matrix.with_verdict(AttackResult.PREVENTED) else ""
        yield f"{CLAIMS_HOLD}{refused}."


def job_summary(matrix: Matrix) -> str:
    """Return the conclusion as Markdown for the summary of a CI job, then what was attacked and verified."""
    lead, *reasons = conclusion(matrix)
    lines = ["## Audit ledger drill", "", f"**{escaped(lead)}**", "", *(f"- {escaped(reason)}" for reason in reasons)]
    return "\n".join([*lines, "", *(f"- {escaped(sentence)}" for sentence in about(matrix)), ""])


def about(matrix: Matrix) -> list[str]:
    """Return what was attacked, with what it was verified, and what that found before any attack."""
    return [*matrix.about, *matrix.advice, f"Before any attack: {matrix.untouched.assurance.value}."]


def described(trial: Trial) -> str:
    """Return one trial in full, for pytest."""
    return "\n".join([f"{trial.attack}: {trial.title}", *(f"  {name:<7}{words}" for name, words in _facts(trial))])


def _facts(trial: Trial) -> Iterator[tuple[str, str]]:
    yield "what", printable(trial.what, 1000)
    yield "who", printable(trial.who)
    yield "result", printable(trial.sentence, 2000)
    for one in trial.by:
        yield "found", _finding(one)
    if trial.remedy:
        yield "next", printable(trial.remedy, 1000)


def listing(attacks: Sequence[Attack], width: int = LOG) -> str:
    """Return the catalogue: each attack with what it does and who can do it."""
    lines: list[str] = []
    for attack in attacks:
        lines += wrapped(f"{attack.name}: {printable(attack.title)}", width, 2)
        lines += wrapped(f"    {printable(attack.what, 1000)} Possible for {printable(attack.who)}.", width, 4)
    return "\n".join(lines)


def _about(matrix: Matrix, width: int) -> Iterator[str]:
    before = matrix.untouched
    *sentences, last = about(matrix)
    for sentence in (*sentences, f"{last} {before.sentence}"):
        yield from wrapped(printable(sentence, 2000), width)
    for outcome in before.with_status(Status.FAIL, Status.WARN, Status.ERROR):
        why = f": {printable(outcome.reason, 300)}" if outcome.reason else ""
        noun = "finding" if outcome.unexpected_count == 1 else "findings"
        counted = f", {outcome.unexpected_count:,} {noun}" if outcome.unexpected_count else ""
        yield from wrapped(f"  {outcome.status.value} {outcome.check_id}{counted}{why}", width, 4)


def _trial_lines(trial: Trial, marks: Marks, width: int) -> Iterator[str]:
    yield from wrapped(f"{mark(trial.verdict, marks)} {trial.attack}: {printable(trial.title)}", width, 4)
    remedy = f" {printable(trial.remedy, 1000)}" if trial.remedy else ""
    yield from wrapped(f"    {printable(trial.sentence, 2000)}{remedy}", width, 4)
    if trial.by:
        yield from wrapped(f"    {_finding(trial.by[0])}", width, 4)


def mark(verdict: AttackResult, marks: Marks) -> str:
    """Return the mark of a verdict."""
    return {"green": marks.good, "red": marks.bad, "yellow": marks.warned}.get(verdict.colour, "-")


def _finding(one: Noticed) -> str:
    where = "" if one.sequence_number is None else f" at entry {one.sequence_number:,}"
    return f"{one.check_id}: {one.code}{where}{': ' if one.code else ''}{printable(one.message, 300)}"
