"""What the checks found outside the chain: protections, envelopes, transcripts, checkpoints, verdicts, times.

The hashes show which side was changed. If the entry's own hash matches, the entry is as it was written, and what is
stored next to it was changed; if the envelope's hash matches and the entry's does not, it is the other way. No I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.alike import with_unknown
from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    COMPARE_CLOCKS,
    PRESERVE,
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    be,
    capital,
    counted,
    moment,
)
from pytest_audit_ledger.kinds.append_only import AppendOnly
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards
from pytest_audit_ledger.kinds.table_guard import BEYOND_REPAIR, TableGuard
from pytest_audit_ledger.model.outcome import Finding, Outcome, Severity, Status
from pytest_audit_ledger.verify.verification import Verification

SHOWN = 10
"""Findings of one incident that are shown in words; all are counted."""

PROTECTIONS = ("append_only", "table_guard", "checkpoint_guards")

REPAIR = Command("verify", ("--repair", "--dry-run"))

_ENTRY_CHANGED = (
    IncidentType.EDIT,
    IncidentType.HASH_ALTERED,
    IncidentType.COMMON_CAUSE,
    IncidentType.HASHES_UNKNOWN,
    IncidentType.REORDERING,
    IncidentType.RENUMBERING,
)


def with_findings(verification: Verification, chain: Sequence[Incident]) -> list[Incident]:
    """Return the incidents of the chain with what other checks say of them, and the incidents outside the chain."""
    outcomes = {outcome.kind: outcome for outcome in verification.outcomes}
    chain = with_unknown(outcomes.get("entry_hash"), chain)
    documents, reasons = _documents(outcomes, chain)
    return [
        *(replace(one, because=(*one.because, *reasons.get(one.first, ()))) for one in chain),
        *_verdicts(verification, outcomes.get("verdict_taxonomy"), chain),
        *_times(outcomes.get("timestamp_order")),
        *documents,
        *_checkpoints(verification, outcomes.get("checkpoint"), chain),
        *_protections(verification),
        *_export_file(outcomes.get("export_manifest")),
        *_others(verification.outcomes),
    ]


def _findings(outcome: Outcome | None) -> list[Finding]:
    """Return the findings of a check, without those that are only information."""
    return [one for one in outcome.findings if one.severity is not Severity.INFO] if outcome else []


def _changed(chain: Sequence[Incident], number: int | None) -> bool:
    """Whether the entry does not match its own hash."""
    return any(
        one.what in _ENTRY_CHANGED and number is not None and (one.first or 0) <= number <= (one.last or 0)
        for one in chain
    )


def _verdicts(verification: Verification, outcome: Outcome | None, chain: Sequence[Incident]) -> Iterator[Incident]:
    unknown = [one for one in _findings(outcome) if not _changed(chain, one.sequence_number)]
    if not unknown or outcome is None:
        return
    numbers = [one.sequence_number for one in unknown if one.sequence_number is not None]
    count = max(len(unknown), outcome.unexpected_count - (len(outcome.findings) - len(unknown)))
    names = ", ".join(dict.fromkeys(one.actual for one in unknown[:SHOWN]))
    first, last = (min(numbers), max(numbers)) if numbers else (None, None)
    words = "Ask the owner of the writer, and restore the CHECK constraint on verdict"
    sentence = (
        f"{capital(counted(count))} {be(count, 'has a verdict that is', 'have verdicts that are')} none of the five: "
        f"{names}{f' (entry {first:,})' if count == 1 and first else ''}."
    )
    otherwise = (
        "A writer stored it, because the CHECK constraint on verdict was missing.",
        "The ledger was rewritten from there on; only a checkpoint or a backup shows that.",
    )
    step = (
        Advice(f"{words}. This shows how:", (REPAIR,))
        if verification.info is None or verification.info.export is None
        else Advice(f"{words} in the database.")
    )
    last = last if count == len(unknown) else None
    what, certainty = IncidentType.UNKNOWN_VERDICT, Certainty.OPEN
    because = ("The hash of the entry matches.",)
    yield Incident(what, first, last, count, sentence, certainty, because, otherwise, (step,))


_TIMES = {
    "TIMESTAMP_FUTURE": "a time further in the future than the server's clock and the tolerance allow",
    "TIMESTAMP_INFINITE": "an infinite time",
    "TIMESTAMP_UNREADABLE": "a text instead of a time",
    "TIMESTAMP_MISSING": "no time",
}


def _times(outcome: Outcome | None) -> Iterator[Incident]:
    """Find times in the future, infinite and missing ones; times that run backwards are in the chain."""
    for code, what in _TIMES.items():
        found = [one for one in _findings(outcome) if one.code == code]
        if found and outcome is not None:
            count, first, future = outcome.codes[code], found[0].sequence_number, code == "TIMESTAMP_FUTURE"
            where = "" if first is None else f"; the first is entry {first:,}: {moment(found[0].actual)}"
            sentence = f"{capital(counted(count))} {be(count, 'has', 'have')} {what}{where}."
            certainty, otherwise = (Certainty.OPEN, _WRONG_CLOCKS) if future else (Certainty.PROVEN, ())
            last, step = first if count == 1 else None, (COMPARE_CLOCKS,)
            yield Incident(IncidentType.CLOCK, first, last, count, sentence, certainty, (), otherwise, step)


_WRONG_CLOCKS = ("The clock of the writer was wrong.", "The clock of the server is wrong.")


# envelopes and transcripts


def _documents(
    outcomes: Mapping[str, Outcome], chain: Sequence[Incident]
) -> tuple[list[Incident], dict[int | None, list[str]]]:
    """Return incidents of envelopes and transcripts, and what envelopes say of entries that were changed themselves."""
    incidents: list[Incident] = []
    reasons: dict[int | None, list[str]] = defaultdict(list)
    many = {one.first for one in chain if one.count > 1}
    hashes, statements = _by_entry(outcomes.get("envelope_hash")), _by_entry(outcomes.get("envelope_consistency"))
    for number in sorted({*hashes, *statements}, key=lambda one: one or 0):
        changed, said = _changed(chain, number), statements.get(number, [])
        if changed and number not in hashes:
            whose = f"of entry {number:,}" if number in many else "of this entry"
            reasons[number] += [f"The envelope {whose}, whose hash matches, says {_ended(one.actual)}" for one in said]
        else:
            incidents.append(_envelope(number, hashes.get(number, []), said, changed=changed))
    transcript = outcomes.get("transcript_signature")
    unverified = transcript is not None and "SIGNATURES_UNVERIFIED" in transcript.codes
    incidents += [_transcript(n, found, unverified=unverified) for n, found in _by_entry(transcript).items()]
    edit = max((one for one in chain if one.what in _ENTRY_CHANGED), key=lambda one: one.count, default=None)
    explained = _explained_by_edits(outcomes, chain)
    if edit is not None:
        reasons[edit.first] += explained
    kinds: list[tuple[IncidentType, tuple[str, ...]]] = [(IncidentType.TRANSCRIPT, ("transcript_signature",))]
    if not explained:
        kinds.insert(0, (IncidentType.ENVELOPE, ("envelope_hash", "envelope_consistency")))
    for what, names in kinds:
        ran = [outcomes[name] for name in names if name in outcomes]
        more = sum(sum(one.codes.values()) - len(one.findings) for one in ran)
        if more > 0:
            sentence = f"{counted(more, 'more finding is', 'more findings are')} about {what.value}s."
            command = Command("verify", ("--verbose", "--samples", str(more + len(incidents))))
            step = Advice("List all of them.", (command,))
            incidents.append(Incident(what, None, None, more, sentence, Certainty.OPEN, next_step=(step,)))
    return incidents, reasons


def _explained_by_edits(outcomes: Mapping[str, Outcome], chain: Sequence[Incident]) -> list[str]:
    """Return what to say of envelopes that were counted and not kept, if edits explain as many."""
    hashes, said = outcomes.get("envelope_hash"), outcomes.get("envelope_consistency")
    by_entry = _by_entry(said)
    if said is None or (hashes is not None and hashes.codes) or not by_entry:
        return []
    total, kept = sum(said.codes.values()), len(said.findings)
    changed = sum(one.count for one in chain if one.what in _ENTRY_CHANGED)
    most = changed * max(map(len, by_entry.values()))
    if not kept < total <= most or not all(_changed(chain, number) for number in by_entry):
        return []
    return [
        (
            f"In {total:,} places, envelopes differ from entries; the hashes of all envelopes match. All {kept:,} that "
            "were examined belong to changed entries, which explains as many."
        )
    ]


def _by_entry(outcome: Outcome | None) -> dict[int | None, list[Finding]]:
    found: dict[int | None, list[Finding]] = defaultdict(list)
    for one in _findings(outcome):
        if one.code != "SIGNATURES_UNVERIFIED":
            found[one.sequence_number].append(one)
    return found


def _envelope(number: int | None, hashes: Sequence[Finding], said: Sequence[Finding], *, changed: bool) -> Incident:
    entry = "an entry without a number" if number is None else f"entry {number:,}"
    own = "does not match either" if changed else "matches, so the entry is as it was written"
    because = [f"The entry's own hash {own}."]
    because += [f"{capital(one.message)}." for one in hashes]
    because += [f"The envelope says {one.actual}; the entry says {_ended(one.expected)}" for one in said[:SHOWN]]
    otherwise: tuple[str, ...] = ()
    certainty = Certainty.PROVEN
    if hashes and any(one.severity is Severity.WARNING for one in hashes):
        sentence, certainty = f"It is unknown whether the envelope of {entry} was changed.", Certainty.OPEN
    elif hashes:
        sentence = f"The envelope of {entry}, or the hash stored with it, was changed after it was written."
    elif any(one.actual == "no envelope" for one in said):
        sentence = f"The envelope of {entry} was removed; the verifier status that it gave is still there."
        certainty = Certainty.FITS
        otherwise = ("There never was an envelope, and somebody set the verifier status, which no hash covers.",)
    elif all(one.expected.startswith("verifier_") for one in said):
        sentence, certainty = f"The verifier status of {entry} differs from its envelope.", Certainty.OPEN
        otherwise = (
            "The column verifier_status was changed, which no hash covers.",
            "The envelope was changed, together with its hash.",
        )
    else:
        because.append("The envelope matches its own hash.")
        sentence = f"The envelope of {entry} was changed together with its hash, or replaced by another."
        certainty = Certainty.OPEN if changed else Certainty.PROVEN
    step = Advice("Rely on the entry if its hash matches. Only a backup or an export has the original envelope.")
    return Incident(
        IncidentType.ENVELOPE, number, number, 1, sentence, certainty, tuple(because), otherwise, next_step=(step,)
    )


def _ended(value: str) -> str:
    """Return a value at the end of a sentence, with one full stop."""
    return value if value.endswith(".") else f"{value}."


def _transcript(number: int | None, found: Sequence[Finding], *, unverified: bool) -> Incident:
    entry = "some entries" if number is None else f"entry {number:,}"
    codes = {one.code for one in found}
    otherwise: tuple[str, ...] = ()
    certainty = Certainty.PROVEN
    if codes & {"TRANSCRIPT_STRIPPED", "TRANSCRIPT_INCOMPLETE"}:
        sentence = f"The transcript of {entry}, or a part of it, was removed."
    elif codes & {"TRANSCRIPT_UNSIGNED", "TRANSCRIPTS_ABSENT", "TRANSCRIPT_NOT_REDERIVABLE"}:
        sentence, certainty = f"It is unknown whether the transcript of {entry} is the original one.", Certainty.OPEN
    elif "UNKNOWN_KEY" in codes:
        sentence, certainty = f"The transcript of {entry} was signed with an unknown key.", Certainty.OPEN
        otherwise = ("The runtime changed its key, and the new one was not given.", "Somebody else signed it.")
    elif "SIGNATURE_INVALID" in codes:
        sentence = f"The hashes of the transcript of {entry}, its signature or the name of its key were changed."
    elif "TRANSCRIPT_HASH_MISMATCH" in codes and not unverified:
        sentence = f"The content of the transcript of {entry} was changed; its two hashes are those that were signed."
    elif "TRANSCRIPT_HASH_MISMATCH" in codes:
        sentence = f"The content of the transcript of {entry}, or the hashes in it, was changed."
        otherwise = ("Its signature shows which of the two: give the runtime's key with --transcript-key.",)
    else:
        sentence = f"The transcript of {entry} does not belong to it, or a part of it was changed."
    because = tuple(f"{capital(one.message)}." for one in found[:SHOWN])
    step = Advice("Compare with a backup or an export, and with what the runtime logged.")
    return Incident(
        IncidentType.TRANSCRIPT, number, number, 1, sentence, certainty, because, otherwise, next_step=(step,)
    )


# what was signed


def _checkpoints(verification: Verification, outcome: Outcome | None, chain: Sequence[Incident]) -> Iterator[Incident]:
    proven = verification.anchor.entries if verification.anchor else 0
    explained = any(one.what is not IncidentType.CLOCK and (one.last or 0) > proven for one in chain)
    for one in _findings(outcome):
        sentence = f"{capital(one.message)}."
        if one.code == "REWRITTEN" and explained:
            continue  # a checkpoint sees that something was changed, and the chain has shown what
        if one.code == "REWRITTEN":
            because = (
                "The chain is intact, so all entries from the changed one on were given new hashes.",
                f"The checkpoint of {proven:,} entries still matches, so these are unchanged."
                if proven
                else "No older checkpoint matches.",
            )
            number = None if _has_streams(verification) else proven + 1
            yield Incident(IncidentType.REWRITE, number, None, 0, sentence, Certainty.PROVEN, because)
        elif one.code == "TRUNCATED":
            yield _truncated(verification, one, proven, chain)
        elif one.code == "UNCOVERED_CHANGED":
            step = replace(COMPARE, words="Compare with a backup or an export, which shows the original column.")
            yield Incident(IncidentType.UNHASHED_COLUMN, None, None, 0, sentence, Certainty.PROVEN, next_step=(step,))
        elif one.code == "EQUIVOCATION":
            advice = Advice("Preserve the checkpoints as well, and find out who could sign with that key.")
            yield Incident(
                IncidentType.CHECKPOINTS, None, None, 0, sentence, Certainty.PROVEN, next_step=(PRESERVE, advice)
            )
        else:
            advice = Advice("Put the checkpoints and the keys in order, and investigate again.")
            yield Incident(IncidentType.CHECKPOINTS, None, None, 0, sentence, Certainty.OPEN, next_step=(advice,))


def _truncated(verification: Verification, finding: Finding, proven: int, chain: Sequence[Incident]) -> Incident:
    """Return that entries are missing: at the end if an older checkpoint shows that the others are unchanged."""
    last = verification.size
    if _has_streams(verification):
        because = ("How many entries there were, and the highest number of each stream, is signed.",)
        what, sentence, number = IncidentType.TRUNCATION, f"{capital(finding.message)}.", finding.sequence_number
        return Incident(what, number, None, 0, sentence, Certainty.PROVEN, because, stream=finding.stream)
    deleted = any(one.what in (IncidentType.DELETION, IncidentType.PREFIX_DELETION) for one in chain)
    earlier = (
        "The deletion that the chain shows, after which the rest was renumbered, explains it."
        if deleted
        else f"Earlier entries{f', after entry {proven:,},' if proven else ''} were deleted, and everything after them "
        "was renumbered and hashed again."
    )
    certainty = Certainty.PROVEN if proven == last else Certainty.OPEN if deleted else Certainty.FITS
    found = Incident(
        IncidentType.TRUNCATION,
        finding.sequence_number,
        None,
        0,
        f"{capital(finding.message)}.",
        certainty,
        because=(f"The number of entries is signed; the last entry now is {last:,}.",),
        otherwise=() if certainty is Certainty.PROVEN else (earlier,),
    )
    return replace(found, time_before=verification.survey.time_last if verification.survey else "")


def _has_streams(verification: Verification) -> bool:
    return verification.info is not None and bool(verification.info.profile.streams)


def _export_file(outcome: Outcome | None) -> Iterator[Incident]:
    otherwise = ("The file was damaged or cut off when it was copied.", "Somebody changed it.")
    step = replace(COMPARE, words="Fetch the export again from where it was filed, and compare the two.")
    for one in _findings(outcome):
        what, sentence = IncidentType.EXPORT_FILE, f"{capital(one.message)}."
        yield Incident(what, None, None, 0, sentence, Certainty.PROVEN, (), otherwise, (step,))


# the table's protections


def _protections(verification: Verification) -> Iterator[Incident]:
    """Find that the table's protections were altered or are missing."""
    outcomes = [outcome for outcome in verification.outcomes if outcome.kind in PROTECTIONS]
    found = [one for outcome in outcomes for one in _findings(outcome)]
    count = sum(outcome.unexpected_count for outcome in outcomes)
    if not found:
        return
    more = (f"{count - SHOWN:,} more are not shown here.",) if count > SHOWN else ()
    recorded = any(outcome.kind == "checkpoint_guards" and _findings(outcome) for outcome in outcomes)
    since = () if recorded else ("When this happened is unknown. Only the record next to a checkpoint shows it.",)
    others = f", and {counted(count - 1, 'more finding', 'more findings')}" if count > 1 else ""
    because = (
        *(f"{capital(one.message)}." for one in (found[:SHOWN] if count > 1 else ())),
        *more,
        *_unhashable(verification, found),
        *since,
    )
    sentence = f"The table's protections are not intact: {found[0].message}{others}."
    what, certainty = IncidentType.PROTECTIONS, Certainty.PROVEN
    steps = tuple(_protecting(verification, found))
    yield Incident(what, None, None, count, sentence, certainty, because, next_step=steps)


_BESIDE_REPAIR = {
    code: remedy
    for kind in (AppendOnly, TableGuard, CheckpointGuards)
    for code, remedy in kind.remedies.items()
    if code not in BEYOND_REPAIR and "--repair" not in remedy
}
"""What to do about findings that a repair neither resolves nor reports, by code."""

_UNREPAIRED = ("owner", "grant on ")
"""How the names of protections begin that a repair never changes (sql/guards.sql)."""

_UNDO = (
    "Find out who changed this. If it was not intended, let the owner of the table undo it. To accept an intended "
    "change, run this when the ledger has a new entry: `audit-ledger checkpoint create --accept-guards`."
)


def _protecting(verification: Verification, found: Sequence[Finding]) -> Iterator[Advice]:
    """Yield what to do: with a repair where that does or says anything, and otherwise what the check says."""
    by_the_owner = {id(one): words for one in found if (words := _owner_must(one))}
    of_a_repair = [one for one in found if id(one) not in by_the_owner]
    if of_a_repair:
        is_known = verification.info is None or verification.info.declared is not None
        who = (
            "Find out who changed this." if is_known else "Find out whether the table ever had it, and who changed it."
        )
        yield Advice(f"{who} {_restorable(verification, of_a_repair)}", (REPAIR,))
    yield from map(Advice, dict.fromkeys(by_the_owner.values()))


def _owner_must(finding: Finding) -> str:
    """Return what the owner of the table must do about a finding, empty if a repair resolves or reports it.

    A repair drops nothing, and changes neither grants nor the owner.
    """
    if finding.code == "GUARDS_CHANGED" and (finding.expected == "nothing" or finding.message.startswith(_UNREPAIRED)):
        return _UNDO
    return _BESIDE_REPAIR.get(finding.code, "")


def _unhashable(verification: Verification, found: Sequence[Finding]) -> Iterator[str]:
    """Yield that no hash could be checked, if a hashed column is not what it was."""
    failed = any(one.kind == "entry_hash" for one in verification.with_status(Status.ERROR))
    if failed and any(one.code in ("COLUMN_RETYPED", "COLUMN_MISSING") for one in found):
        yield "Therefore no entry hash could be checked, and it is unknown whether entries were changed."


def _restorable(verification: Verification, found: Sequence[Finding]) -> str:
    """Return what the command below shows, which claims no more than a repair can restore."""
    lasting = [one for one in found if one.code in BEYOND_REPAIR]
    duplicates = any("SEQUENCE_DUPLICATE" in outcome.codes for outcome in verification.outcomes)
    if len(lasting) == len(found):
        return "No command can restore it. This shows what to do instead:"
    if lasting:
        return "This shows what can be restored, and what cannot:"
    if duplicates and any(one.expected.startswith("UNIQUE") for one in found):
        return "No UNIQUE constraint can be restored while entries exist twice. This shows what can be restored:"
    return "Then restore the protections. This shows how:"


# everything else

_COVERED_CODES = {
    *("HASH_MISMATCH", "ENTRY_HASH_MISMATCH", "LINE_HASH_MISMATCH", "HASH_FORM", "HASHES_UNKNOWN"),
    *("SEQUENCE_GAP", "SEQUENCE_START", "SEQUENCE_DUPLICATE", "TIMESTAMP_ORDER", *_TIMES, "VERDICT_UNKNOWN"),
}
"""The findings that the chain, the times and the verdicts report."""

_COVERED_KINDS = {
    *(*PROTECTIONS, "checkpoint", "export_manifest"),
    *("envelope_hash", "envelope_consistency", "transcript_signature"),
}


def _others(outcomes: Iterable[Outcome]) -> Iterator[Incident]:
    """Report all other findings about integrity in the words of their checks, so that none is lost."""
    for outcome in outcomes:
        if not outcome.integrity or outcome.kind in _COVERED_KINDS:
            continue
        for one in _findings(outcome):
            if one.code not in _COVERED_CODES:
                number, sentence = one.sequence_number, f"{capital(one.message)}."
                because = (f"The check {outcome.check_id} found it.",)
                step = (Advice(outcome.remedy),) if outcome.remedy else ()
                what, certainty = IncidentType.UNEXPLAINED, Certainty.OPEN
                yield Incident(what, number, number, 1, sentence, certainty, because, next_step=step)
