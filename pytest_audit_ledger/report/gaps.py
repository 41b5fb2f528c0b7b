"""List what a report does not cover, why, and what would cover it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_audit_ledger.kinds.hash_coverage import NOTHING
from pytest_audit_ledger.model.outcome import Family, Outcome, Status
from pytest_audit_ledger.model.profile import TIMESTAMP, VERDICT
from pytest_audit_ledger.report.exceptions import tested
from pytest_audit_ledger.report.filing import Judged
from pytest_audit_ledger.report.words import ENTRY

NOT_HASHED = (
    "id, created_at, escalation_status, escalation_notes, and the columns of schema v3 (envelope_json, envelope_hash, "
    "transcript_json, transcript_signature, signing_key_id, verifier_status)"
)
"""The columns of a SKI ledger that entry_hash does not cover: the chain cannot detect a change in them."""

_SECTIONS = {VERDICT: "Verdicts and violations", TIMESTAMP: "Entries over time, and a period"}

Gap = dict[str, str]


def gaps(judged: Judged, unreadable: str) -> list[Gap]:
    """Return what was not covered; `unreadable`: why the entries could not be counted, empty if they were."""
    found = [
        *(
            [_gap("The entries of the period", f"They could not be counted: {unreadable}.", _READABLE)]
            if unreadable
            else []
        ),
        *_outside(judged),
        *_columns(judged),
        *(_unevaluated(outcome) for outcome in judged.outcomes if _is_open(outcome)),
        *_without_roles(judged),
    ]
    if judged.tampered:
        found.append(
            _gap("Who made the changes, and when", "A ledger does not record that.", "The logs of the server.")
        )
    unwritten = "No check can detect an entry that was never written."
    return [
        *found,
        _gap("Whether everything was written to the ledger", unwritten, "The counts of the system that writes."),
    ]


_READABLE = "A role that may read them, or an export."


def _gap(what: str, why: str, remedy: str) -> Gap:
    return {"what": what, "why": why, "remedy": remedy}


def _is_open(outcome: Outcome) -> bool:
    """Whether a check was not evaluated for a reason of its own; the lack of a checkpoint is one gap."""
    skipped = outcome.status is Status.SKIP and outcome.family is not Family.CHECKPOINTS
    return skipped or outcome.status is Status.ERROR


def _unevaluated(outcome: Outcome) -> Gap:
    remedy = outcome.advice or (
        "Nothing, if this ledger has none." if outcome.status is Status.SKIP else outcome.remedy
    )
    return _gap(
        f"“{tested(outcome)}” ({outcome.check_id})", outcome.reason.removesuffix(outcome.advice).strip(), remedy
    )


def _outside(judged: Judged) -> Iterator[Gap]:
    anchor, verification = judged.verification.anchor, judged.verification
    if anchor is None:
        if verification.size and all(o.status is Status.SKIP for o in verification.of_family(Family.CHECKPOINTS)):
            yield _gap(
                "The ledger as a whole, by anything outside it",
                "No checkpoint was given, so a full rewrite or a truncated end cannot be detected.",
                "Checkpoints, kept elsewhere. For the past, a backup or an export.",
            )
        return
    if newer := anchor.total - anchor.entries:
        day = judged.dates.day(anchor.moment)
        yield _gap(
            f"The newest {ENTRY.counted(newer)}, by a checkpoint",
            f"The checkpoint is dated {day}.",
            "The next checkpoint.",
        )
    if anchor.unread:
        yield _gap(
            f"{ENTRY.counted(anchor.unread)} since the checkpoint", verification.reading, "A run that reads all."
        )


def _columns(judged: Judged) -> Iterator[Gap]:
    names = _not_hashed(judged)
    if names == "no column":
        return
    anchor = judged.verification.anchor
    covered = f" The checkpoint covers them in {ENTRY.counted(anchor.rows)}." if anchor and anchor.rows else ""
    yield _gap(
        f"Changes in {names}", f"No hash covers these columns.{covered}", "A checkpoint with its record, or a backup."
    )


def _not_hashed(judged: Judged) -> str:
    found = [outcome.facts[NOTHING] for outcome in judged.outcomes if NOTHING in outcome.facts]
    unknown = NOT_HASHED if judged.profile.schemas else "columns that hash_coverage would list, which did not run"
    return found[0] if found else unknown


def _without_roles(judged: Judged) -> Iterator[Gap]:
    for role, section in _SECTIONS.items():
        if not judged.profile.has(role):
            why = f"The profile {judged.profile.name} names no column for {role}."
            yield _gap(section, why, "Name the column in the profile, if the ledger has one.")
