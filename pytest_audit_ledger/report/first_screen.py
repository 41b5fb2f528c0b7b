"""The first screen of a report: is it fine, how sure are we, what must who do, and which ledger and period it is.

The headline comes from the worst of the assurance and the user's checks. The assurance is about integrity alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from pytest_audit_ledger.investigate.incident import Certainty, Incident, IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.model.outcome import Assurance, Finding, Outcome, Severity, Status
from pytest_audit_ledger.model.printable import clip
from pytest_audit_ledger.report.exceptions import exception, fact, tested, unexpected
from pytest_audit_ledger.report.filing import SIGNER, Action, Condition, Judged, Weight, of_weight
from pytest_audit_ledger.report.words import CHECK, ENTRY, THING, capital, numbers, spelled
from pytest_audit_ledger.verify.verification import Verification

MOST_FACTS = MOST_ACTIONS = 3
LONGEST_FACT = 160


class Headline(str, Enum):
    """What the first screen says first; each has a colour, an icon and a word.

    Unlike the tone of a terminal, it leaves failed checks that are not critical to the sections below.
    """

    GOOD = "good"
    FAIR = "fair"
    ACT = "act"
    STOP = "stop"
    NONE = "none"


def headline_of(verification: Verification) -> Headline:
    """Return what comes first: the worst of the assurance and the critical checks."""
    if verification.assurance is Assurance.TAMPERED:
        return Headline.STOP
    if verification.assurance is Assurance.UNVERIFIED:
        return Headline.NONE
    if _critical(verification):
        return Headline.ACT
    return Headline.GOOD if verification.assurance is Assurance.ANCHORED else Headline.FAIR


def _critical(verification: Verification) -> list[Outcome]:
    """Return the critical checks that failed or could not be evaluated, and that the assurance does not speak for."""
    ended = sorted(verification.with_status(Status.FAIL, Status.ERROR), key=lambda one: one.status is Status.ERROR)
    by_assurance = verification.assurance in (Assurance.TAMPERED, Assurance.UNVERIFIED)
    return [one for one in ended if one.severity is Severity.CRITICAL and not (one.integrity and by_assurance)]


def first_screen(judged: Judged, conditions: Sequence[Condition], found: Investigation | None) -> dict[str, Any]:
    """Return the sentences of the first screen, as data; ledger, period and entries are in sections of their own."""
    verification = judged.verification
    headline = headline_of(verification)
    blocks, disclose = of_weight(conditions, Weight.BLOCKS), of_weight(conditions, Weight.DISCLOSE)
    actions = [action for one in (*blocks, *disclose) for action in one.actions] or [_SIGN]
    return {
        "tone": headline.value,
        "state": _state(headline, len(blocks), len(verification.with_status(Status.WARN))),
        "answer": _answer(judged, headline),
        "lead": _lead(judged, headline),
        "facts": [clip(one, LONGEST_FACT) for one in facts(judged, found)] if headline is Headline.STOP else [],
        "actions": [asdict(action) for action in actions[:MOST_ACTIONS]],
        "more_actions": max(0, len(actions) - MOST_ACTIONS),
        "after": "" if headline is Headline.STOP else _after(len(blocks), [one for one in actions if one is not _SIGN]),
        "level": _level(verification, found),
        "sure": _sure(judged),
        "proof": _proof(judged, found),
    }


def _state(headline: Headline, blocks: int, warnings: int) -> str:
    if headline is Headline.STOP:
        return "TAMPERED"
    if headline is Headline.NONE:
        return "Not verified"
    if headline is Headline.ACT:
        return "Not ready to file"
    warned = f" · {warnings:,} {'warning' if warnings == 1 else 'warnings'}" if warnings else ""
    if blocks:
        return f"{capital(spelled(blocks))} {'thing blocks' if blocks == 1 else 'things block'} filing{warned}"
    return f"Nothing blocks filing{warned}"


def _answer(judged: Judged, headline: Headline) -> str:
    if headline is Headline.GOOD:
        return "The ledger is intact."
    if headline is Headline.FAIR:
        return "The ledger is consistent. Nothing outside confirms it."
    if headline is Headline.STOP:
        return "This ledger was tampered with. Do not rely on it."
    if headline is Headline.NONE:
        return "The ledger has no entries." if _is_empty(judged) else "This ledger could not be verified."
    critical = _critical(judged.verification)
    failed = [one for one in critical if one.status is Status.FAIL]
    number, verb = (len(failed), "failed") if failed else (len(critical), "could not be evaluated")
    what = "A critical check" if number == 1 else f"{capital(spelled(number))} critical checks"
    return f"{what} {verb}. The chain of entries holds."


def _is_empty(judged: Judged) -> bool:
    return judged.verification.survey is not None and not judged.verification.size


def _lead(judged: Judged, headline: Headline) -> str:
    verification, anchor = judged.verification, judged.verification.anchor
    critical = _critical(verification)
    also = f"{_of_check(critical[0])}{_more(critical)}" if critical else ""
    if headline is Headline.STOP:
        return f"Also: {also}" if also else ""
    if headline is Headline.NONE:
        return " ".join(filter(None, [also, verification.sentence]))
    if headline is Headline.ACT:
        return f"{also} No entry shows a sign of change."
    if anchor is None:
        return verification.sentence
    if anchor.unread:
        return verification.sentence
    matching = (
        f"All {ENTRY.counted(anchor.total)}"
        if anchor.entries >= anchor.total
        else (f"{anchor.entries:,} of {ENTRY.counted(anchor.total)}")
    )
    return f"Every integrity check passed. {matching} match a signed checkpoint that is kept outside the database."


def _of_check(outcome: Outcome) -> str:
    return f"“{tested(outcome)}” {_short_exception(outcome)}"


def _short_exception(outcome: Outcome) -> str:
    if outcome.status is Status.FAIL and outcome.unexpected_count and outcome.unit in ("entries", "rows"):
        number, verb = outcome.unexpected_count, "does not" if outcome.unexpected_count == 1 else "do not"
        return f"{number:,} of {outcome.element_count:,} {outcome.unit} {verb} comply."
    return exception(outcome)


def _more(outcomes: Sequence[Outcome]) -> str:
    more = len(outcomes) - 1
    return f" {CHECK.counted(more)} more did not pass." if more else ""


def facts(judged: Judged, found: Investigation | None) -> list[str]:
    """Return what happened, in a few facts without ids of checks: those of the investigation, or of the findings."""
    on_table = f" on {judged.verification.table}"
    said = [_incident(one) for one in found.incidents] if found else []
    said = [_WHY.sub(r"\1 \2", one.replace(on_table, "")) for one in said or _of_findings(judged.verification)]
    room = MOST_FACTS if len(said) <= MOST_FACTS else MOST_FACTS - 1
    rest = len(said) - room
    return [
        *said[:room],
        *([f"{THING.counted(rest)} more {'was' if rest == 1 else 'were'} found."] if rest > 0 else []),
    ]


def _of_findings(verification: Verification) -> list[str]:
    """Return one fact for each entry or protection concerned, the one that says most about it."""
    failed = [one for one in verification.outcomes if one.integrity and one.status in (Status.FAIL, Status.WAIVED)]
    findings = sorted((each for one in failed for each in unexpected(one)), key=_says_least)
    found = {_concerned(finding): fact(finding) for finding in findings}  # of one entry, the last one stays
    return [*found.values()] or [capital(verification.sentence)]


_SAYS_MOST = ("HASH_MISMATCH", "ENTRY_HASH_MISMATCH", "ENVELOPE_INCONSISTENT", "SEQUENCE_GAP")
"""The codes of findings that often come from one cause; the last one says most about it."""


def _says_least(finding: Finding) -> int:
    return _SAYS_MOST.index(finding.code) if finding.code in _SAYS_MOST else -1


def _concerned(finding: Finding) -> object:
    """Return what a finding is about; the link of the entry after a gap is about the gap."""
    if finding.sequence_number is None:
        return finding.message
    return finding.stream, finding.actual if finding.code == "SEQUENCE_GAP" else str(finding.sequence_number)


_CHANGED = (IncidentType.EDIT, IncidentType.EDIT_WITH_HASH)
_GONE = (IncidentType.DELETION, IncidentType.PREFIX_DELETION)


def _incident(one: Incident) -> str:
    """Return an incident as a short fact."""
    where = f" of stream {one.stream}" if one.stream else ""
    known = [each for each in one.reconstructions if isinstance(each, Reconstruction)]
    if one.what in _CHANGED and one.count == 1 and known and known[0].changes:
        changes = ", ".join(f"{_value(change.original)} became {_value(change.stored)}" for change in known[0].changes)
        return f"Entry {one.first:,}{where} was changed: {changes}."
    if one.what in _GONE and one.first is not None and one.last is not None and one.certainty is Certainty.PROVEN:
        if one.first == one.last:
            return f"Entry {one.first:,}{where} is gone."
        least = "" if one.sentence == one.in_full else "; at least one was deleted"
        return f"Entries {numbers(one.first, one.last)}{where} are missing{least}."
    return _first_sentence(one.sentence)


def _value(value: str | None) -> str:
    return "nothing" if value is None else clip(value, 40)


_WHY = re.compile(r"^(.*?) does not [^:]*: it (is .*)$", re.DOTALL)


def _first_sentence(text: str) -> str:
    """Return a protection's fact without the sentence that introduces it, and what is wrong before what follows."""
    before, colon, after = text.partition(": ")
    return capital(after) if colon and "protections" in before else text


def _level(verification: Verification, found: Investigation | None) -> str:
    if verification.assurance is Assurance.ANCHORED:
        return "the higher of two levels"
    if verification.assurance is Assurance.SELF_CONSISTENT:
        return "the lower of two levels"
    if verification.assurance is Assurance.UNVERIFIED:
        return "neither level was reached"
    proven = sum(one.certainty is Certainty.PROVEN for one in found.incidents) if found else 0
    if not found or not found.incidents:
        return "an integrity check failed"
    every = len(found.incidents)
    if proven == every:
        return {1: "the finding is proven", 2: "both findings are proven"}.get(
            every, f"all {every:,} findings are proven"
        )
    return f"{proven:,} of {every:,} findings are proven"


def _sure(judged: Judged) -> str:
    """Return in words what the strip below the badge shows."""
    verification, anchor = judged.verification, judged.verification.anchor
    if judged.tampered:
        outside = "" if anchor else " There is no checkpoint."
        return f"Unknown: who did it, when, and whether more was cut off at the end.{outside}"
    if not verification.size:
        return verification.obstacle or "There was nothing to verify."
    if verification.assurance is Assurance.UNVERIFIED:
        return f"{ENTRY.counted(verification.size)} were read. Nothing is claimed about them."
    if anchor is None:
        return f"All {ENTRY.counted(verification.size)} fit together. Nothing outside the database confirms them."
    day, newer = judged.dates.day(anchor.moment), anchor.total - anchor.entries
    proven = f"{anchor.entries:,} proven by the checkpoint of {day}."
    return f"{proven} {newer:,} newest: the chain holds, no checkpoint yet." if newer else proven


def _proof(judged: Judged, found: Investigation | None) -> dict[str, Any]:
    """Return what the strip shows: how many entries a checkpoint proves, and where entries are changed or missing."""
    verification, anchor = judged.verification, judged.verification.anchor
    first, last = verification.sequence_range
    marks = []
    if judged.tampered and first is not None and last is not None and last > first and not _streams(verification):
        marks = [
            {"first": one, "last": end, "at": round((one - first) / (last - first), 4)}
            for one, end in _marked(verification, found)
            if first <= one <= last
        ]
    return {
        "entries": verification.size,
        "anchored": anchor.entries if anchor and not judged.tampered else 0,
        "holds": verification.assurance in (Assurance.ANCHORED, Assurance.SELF_CONSISTENT),
        "first": first,
        "last": last,
        "marks": marks[:MOST_MARKS],
        "more_marks": max(0, len(marks) - MOST_MARKS),
    }


MOST_MARKS = 20


def _streams(verification: Verification) -> int:
    return verification.survey.streams if verification.survey else 0


def _marked(verification: Verification, found: Investigation | None) -> list[tuple[int, int]]:
    if found:
        return [(one.first, one.last or one.first) for one in found.incidents if one.first is not None]
    failed = [one for one in verification.outcomes if one.integrity and one.status in (Status.FAIL, Status.WAIVED)]
    at = {_concerned(one): one.sequence_number for outcome in failed for one in unexpected(outcome)}
    return sorted((number, number) for number in at.values() if number is not None)


_SIGN = Action("Sign the report.", "Nothing else must be done.", SIGNER, "when you file", "sign")


def _after(blocks: int, actions: Sequence[Action]) -> str:
    if not actions:
        return "Nothing else must be done before filing."
    if blocks:
        return "Then verify again."
    return {1: "It does not block filing.", 2: "Neither blocks filing."}.get(
        len(actions), "None of these blocks filing."
    )
