"""How much the outcomes of a run prove, and what follows from them. No I/O, no formatting.

Nothing here knows a kind by its name: what a kind's outcome is worth follows from its family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pytest_audit_ledger.checkpoints.positions import at_position
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Anchor, Assurance, Family, Outcome, Status
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.profile_coverage import all_versions, is_linked
from pytest_audit_ledger.model.ski import SKI

_FAILED = (Status.FAIL, Status.WAIVED)
"""A waiver accepts that a ledger was tampered with; it does not undo it."""

_OPTIONAL = (Family.PROVENANCE, Family.CHECKPOINTS)
"""What not every ledger has; a check that is skipped for lack of it is not mentioned."""


def anchor_of(outcomes: Sequence[Outcome]) -> Anchor | None:
    """Return the anchor that proves the most entries, None if there is none."""
    anchors = (outcome.anchor for outcome in outcomes if outcome.anchor is not None)
    return max(anchors, key=lambda anchor: anchor.entries, default=None)


def obstacle_of(outcomes: Sequence[Outcome]) -> str:
    """Return why no check could be evaluated, if that is one reason for all; otherwise nothing."""
    reasons = {outcome.reason for outcome in outcomes if outcome.status is Status.ERROR}
    others = any(outcome.status not in (Status.ERROR, Status.SKIP) for outcome in outcomes)
    return "" if others or len(reasons) != 1 else reasons.pop()


def waived(outcome: Outcome, now: datetime, *, integrity_too: bool) -> Outcome:
    """Return the outcome as its waiver, if it has one, leaves it. `now` is aware.

    A waiver accepts what was found, until it expires. One that has nothing to accept warns, so that it gets removed.
    """
    waiver = outcome.waiver
    if waiver is None or outcome.status in (Status.ERROR, Status.SKIP):
        return outcome
    if outcome.status is Status.PASS:
        expired = f" It expired on {waiver.expires:%Y-%m-%d}." if now >= waiver.expires else ""
        reason = f"The check passed, so the waiver {waiver.id} has nothing to waive. Remove it.{expired}"
        return replace(outcome, status=Status.WARN, reason=reason)
    if now >= waiver.expires:
        return replace(outcome, status=Status.FAIL, reason=f"Its waiver has expired: {waiver}.")
    if outcome.integrity and not integrity_too:
        reason = f"A finding about integrity is not waived unless the run allows it: {waiver}."
        remedy = f"{outcome.remedy} To allow the waiver, add --ledger-allow-integrity-waivers."
        return replace(outcome, reason=reason, remedy=remedy)
    return replace(outcome, status=Status.WAIVED, reason=f"{str(waiver)[0].upper()}{str(waiver)[1:]}")


def judge(
    outcomes: Sequence[Outcome],
    entries: int | None,
    required: Sequence[str],
    *,
    resumed: bool = False,
    profile: Profile = SKI,
) -> tuple[Assurance, str]:
    """Return how much the outcomes prove, and a sentence that says so and claims no more.

    `entries`: how many were read, None if none could be. `required`: the kinds that must all have passed before a
    ledger is called self-consistent. `resumed`: whether the run read only what is newer than a checkpoint. Then only
    that checkpoint proves anything; if no entry is newer, it is enough that the last entry is the signed one.
    `profile`: what the ledger looks like, which decides what cannot be detected.
    """
    integrity = [outcome for outcome in outcomes if outcome.integrity]
    failed = [o for o in integrity if not o.inconclusive and _is_sign_of_tampering(o)]
    if failed:
        names = ", ".join(f"{o.check_id}{' (waived)' if o.status is Status.WAIVED else ''}" for o in failed)
        return Assurance.TAMPERED, f"{_what_failed(integrity, failed, required)}: {names}."
    idle = resumed and entries == 0
    if entries == 0 and not idle:
        return Assurance.UNVERIFIED, "The ledger has no entries, so nothing was verified."
    if obstacle := obstacle_of(outcomes):
        return Assurance.UNVERIFIED, f"Nothing could be verified. {obstacle}"
    gap = _not_verified(integrity, required, idle=idle)
    if gap:
        return Assurance.UNVERIFIED, gap
    anchor = anchor_of([outcome for outcome in integrity if outcome.status in (Status.PASS, Status.WARN)])
    if anchor is not None:
        return Assurance.ANCHORED, f"{_passed(integrity, idle=idle)} {_anchored(anchor)}"
    if resumed:
        return Assurance.UNVERIFIED, "Older entries were not read, and no checkpoint was compared that covers them."
    return Assurance.SELF_CONSISTENT, (
        f"{_passed(integrity, idle=idle)} Without a checkpoint, {_undetectable(profile)} cannot be detected."
    )


def _undetectable(profile: Profile) -> str:
    """Return what nothing in a ledger of this profile shows."""
    linked = all(is_linked(profile, version) for version in all_versions(profile).values())
    found = [
        *([] if linked else ["an entry edited together with its hash"]),
        "a full rewrite",
        "a truncated tail",
        *(["a removed stream"] if profile.streams else []),
    ]
    return f"{', '.join(found[:-1])} or {found[-1]}"


def _is_sign_of_tampering(outcome: Outcome) -> bool:
    """Whether an integrity check failed, or found anything at all if the assurance rests on it."""
    bearing = outcome.family in (Family.CHAIN, Family.CHECKPOINTS) and outcome.unit == "entries"
    return outcome.status in _FAILED or (bearing and outcome.unexpected_count > 0)


def _what_failed(integrity: Sequence[Outcome], failed: Sequence[Outcome], required: Sequence[str]) -> str:
    """Return which failed: the entries, the table's protections, or the comparison with what was signed."""
    passed = [o for o in integrity if o.status in (Status.PASS, Status.WARN) and not o.unproven]
    consistent = {o.kind for o in passed if o.inconclusive or not o.unexpected_count}
    if set(required) <= consistent:
        if all(outcome.unit != "entries" for outcome in failed):
            return "The entries are consistent, but the table's protections are altered or missing"
        if all(outcome.family is Family.CHECKPOINTS and outcome.unit == "entries" for outcome in failed):
            return "The entries are consistent, but they are not the ones that were signed"
    return "Integrity checks failed"


def _not_verified(integrity: Sequence[Outcome], required: Sequence[str], *, idle: bool) -> str:
    """Return why the ledger as a whole was not verified; nothing if it was."""
    passed = {outcome.kind for outcome in integrity if outcome.status in (Status.PASS, Status.WARN)}
    unevaluated = [outcome for outcome in integrity if outcome.status is Status.ERROR]
    if unevaluated:
        what = "The ledger as a whole was not verified" if passed else "Nothing could be verified"
        reasons = {outcome.reason for outcome in unevaluated}
        why = f" {reasons.pop()}" if len(unevaluated) > 1 and len(reasons) == 1 else ""
        return f"{what}: {_ids(unevaluated)} could not be evaluated.{why}"
    examined = passed | ({outcome.kind for outcome in integrity if outcome.status is Status.SKIP} if idle else set())
    lacking = [name for name in required if name not in examined]
    if lacking:
        unselected = not {outcome.kind for outcome in integrity} & {*lacking}
        advice = " To verify it, run all of integrity.ledger.yaml, too." if unselected else ""
        return f"The ledger as a whole was not verified: {', '.join(lacking)} did not run.{advice}"
    unproven = [outcome for outcome in integrity if outcome.status in _FAILED or outcome.unproven]
    if unproven:
        return f"The ledger as a whole was not verified: {_ids(unproven)} failed, though not with a sign of tampering."
    return ""


def _passed(integrity: Sequence[Outcome], *, idle: bool) -> str:
    """Return which integrity checks passed, and which did not without being a sign of tampering."""
    others = [
        f"{o.check_id} ({o.status.value})"
        for o in integrity
        if o.status is not Status.PASS and not (o.status is Status.SKIP and (o.family in _OPTIONAL or idle))
    ]
    return f"Integrity checks passed, except {', '.join(others)}." if others else "All integrity checks passed."


def _anchored(anchor: Anchor) -> str:
    day, newer = anchor.moment[:10], anchor.total - anchor.entries
    if anchor.unread:
        return _resumed_anchor(anchor, day, newer)
    hashed = " in their hashed columns" if anchor.rows < anchor.entries else ""
    if newer <= 0:
        return f"All {anchor.total:,} entries are proven{hashed} by the checkpoint dated {day}."
    rest = "1 newer entry is" if newer == 1 else f"{newer:,} newer entries are"
    return (
        f"{anchor.entries:,} of {anchor.total:,} entries are proven{hashed} by the checkpoint dated {day}; "
        f"{rest} self-consistent only."
    )


def _resumed_anchor(anchor: Anchor, day: str, newer: int) -> str:
    """Say what was proven now, what was proven before, and what cannot be detected."""
    follow = {0: "no entry follows", 1: "1 newer entry follows and is self-consistent only"}.get(
        newer, f"{newer:,} newer entries follow and are self-consistent only"
    )
    again = f", {anchor.reread:,} older ones were re-read and are unchanged" if anchor.reread else ""
    return (
        f"Entry {anchor.entries:,}, the last one of the checkpoint dated {day}, is the signed one, {follow}{again}; "
        f"{anchor.unread:,} of {anchor.total:,} entries were not re-read: they were proven when the checkpoint was "
        "made, and an edit of one of them since then cannot be detected."
    )


def reading(info: LedgerInfo | None, outcomes: Sequence[Outcome], entries: int | None, not_resumed: str) -> str:
    """Return what a run read that was to resume after a checkpoint; nothing if it was not to."""
    if info is None or info.resumed is None:
        return f"Every entry was read, because {not_resumed}." if not_resumed else ""
    after, share, anchor = info.resumed.after, info.resumed.recheck, anchor_of(outcomes)
    newer = entries or 0
    last = f"{at_position(info.profile, after)}, where {info.resumed.checkpoint} ends"
    read = f"{newer:,} {'entry' if newer == 1 else 'entries'} after {last}"
    reread = anchor.reread if anchor else 0
    again = f"; of the older ones share {share}, {reread:,} entries" if share else ""
    return f"{read}{again}; {after - reread:,} older entries were not re-read."


def recommend(assurance: Assurance, outcomes: Sequence[Outcome], *, can_sign: bool) -> str:
    """Return what to do now, in plain words, and nothing that does not follow from the outcomes.

    `can_sign`: whether a checkpoint can be made of the ledger.
    """
    failed, warned, unevaluated = (
        [outcome for outcome in outcomes if outcome.status is status]
        for status in (Status.FAIL, Status.WARN, Status.ERROR)
    )
    if assurance is Assurance.TAMPERED:
        if all(outcome.unit != "entries" for outcome in failed if outcome.integrity and not outcome.inconclusive):
            # the checks know whether a repair restores what they found
            repair = " To restore them then, run this as the table's owner: `audit-ledger verify --repair`."
            by_repair = repair if any("--repair`" in outcome.remedy for outcome in failed) else ""
            return (
                "Before you rely on the entries, compare them with the latest backup or export. If the table had its "
                f"protections before, find out who changed them, and when.{by_repair}"
            )
        return (
            "Do not rely on this ledger. Preserve the server as it is. Compare the entries named above with the latest "
            "backup or export. To see what can be proven, run `audit-ledger investigate`."
        )
    if assurance is Assurance.UNVERIFIED:
        if unproven := [outcome for outcome in outcomes if _is_open(outcome)]:
            return f"Do not rely on the ledger yet. Resolve the findings of {_ids(unproven)}, then verify again."
        return (
            "Do not rely on the ledger yet. Follow the advice of the checks that could not be evaluated, then verify "
            "again."
        )
    if failed:
        return f"The chain holds. Resolve the findings of {_ids(failed)} before you rely on the ledger."
    steps = []
    if unevaluated:
        steps.append(f"Follow the advice of {_ids(unevaluated)}, which could not be evaluated, then verify again.")
    if warned:
        steps.append(f"Review the {_ids(warned)} {'warning' if len(warned) == 1 else 'warnings'}.")
    if assurance is Assurance.ANCHORED:
        steps.append("Keep the checkpoints outside the database, and add one as the ledger grows.")
    elif can_sign:
        steps.append(
            "To detect a full rewrite from now on, sign checkpoints, and keep them outside the database. To make a "
            "key, run `audit-ledger checkpoint keygen`. Then run `audit-ledger checkpoint create`."
        )
    else:
        steps.append("Keep the head hash outside the database, and compare it with the next run.")
    return " ".join(steps)


def _is_open(outcome: Outcome) -> bool:
    """Whether a check found what leaves the ledger unverified, though it is no sign of tampering."""
    return outcome.inconclusive and (outcome.status is Status.FAIL or outcome.unproven)


def _ids(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(outcome.check_id for outcome in outcomes)
