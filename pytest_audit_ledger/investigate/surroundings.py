"""What the checks found that is not in the chain: guards, envelopes and transcripts, checkpoints, verdicts, the clock.

Which side of an entry was edited is told by the hashes: where the entry's own hash fits, the entry is as it was
written, and what stands beside it was changed; where the envelope's fits and the entry's does not, it is the other way.
No I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    PRESERVE,
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    capital,
    counted,
)
from pytest_audit_ledger.investigate.protections import GUARDS, REPAIR, SHOWN, findings, guards
from pytest_audit_ledger.model.outcome import Finding, Outcome, Severity
from pytest_audit_ledger.verify.verification import Verification

_ENTRY_EDITED = (
    IncidentType.EDIT,
    IncidentType.HASH_ALTERED,
    IncidentType.SYSTEMATIC,
    IncidentType.REORDERING,
    IncidentType.RENUMBERING,
)


def surroundings(verification: Verification, chain: Sequence[Incident]) -> list[Incident]:
    """Return the incidents of the chain, with what was found beside it added, and those that are beside the chain."""
    outcomes = {outcome.kind: outcome for outcome in verification.outcomes}
    beside, told = _documents(outcomes, chain)
    return [
        *(replace(one, because=(*one.because, *told.get(one.first, ()))) for one in chain),
        *_verdicts(verification, outcomes.get("verdict_taxonomy"), chain),
        *_clock(outcomes.get("timestamp_order")),
        *beside,
        *_checkpoints(verification, outcomes.get("checkpoint"), chain),
        *guards(verification),
        *_file(outcomes.get("export_manifest")),
        *_others(verification.outcomes),
    ]


def _edited(chain: Sequence[Incident], number: int | None) -> bool:
    """Whether the entry's own hash does not fit."""
    return any(
        one.what in _ENTRY_EDITED and number is not None and (one.first or 0) <= number <= (one.last or 0)
        for one in chain
    )


def _verdicts(verification: Verification, outcome: Outcome | None, chain: Sequence[Incident]) -> Iterator[Incident]:
    foreign = [one for one in findings(outcome) if not _edited(chain, one.sequence_number)]
    if not foreign or outcome is None:
        return
    numbers = [one.sequence_number for one in foreign if one.sequence_number is not None]
    count = max(len(foreign), outcome.unexpected_count - (len(outcome.findings) - len(foreign)))
    names = ", ".join(dict.fromkeys(one.actual for one in foreign[:SHOWN]))
    first, last = (min(numbers), max(numbers)) if numbers else (None, None)
    yield Incident(
        IncidentType.FOREIGN_VERDICT,
        first,
        last if count == len(foreign) else None,
        count,
        f"{capital(counted(count))} {'has' if count == 1 else 'have'} a verdict that is none of the five: {names}"
        f"{f' (entry {first:,})' if count == 1 and first else ''}.",
        Certainty.OPEN,
        because=("The hash of the entry fits.",),
        otherwise=(
            "A writer stored it so, because the CHECK constraint of verdict was not there.",
            "The ledger was rewritten from there on; only a checkpoint or a backup shows that.",
        ),
        next_step=(
            Advice("Ask the owner of the writer, and restore the CHECK constraint; this shows how.", (REPAIR,))
            if verification.info is None or verification.info.export is None
            else Advice("Ask the owner of the writer, and restore the CHECK constraint in the database."),
        ),
    )


def _clock(outcome: Outcome | None) -> Iterator[Incident]:
    """Tell of times that are no moment of the past; those that run backwards are in the chain."""
    by_code: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings(outcome):
        by_code[finding.code].append(finding)
    words = {
        "TIMESTAMP_FUTURE": "further in the future than the server's clock and the tolerance allow",
        "TIMESTAMP_INFINITE": "at no moment: its time is infinite",
        "TIMESTAMP_MISSING": "at no moment: its time is missing",
    }
    for code, where in words.items():
        if found := by_code.get(code):
            count = outcome.codes[code] if outcome else len(found)
            first = found[0].sequence_number
            yield Incident(
                IncidentType.CLOCK,
                first,
                first if count == 1 else None,
                count,
                f"{capital(counted(count))} {'lies' if count == 1 else 'lie'} {where}"
                f"{'' if first is None else f'; the first is entry {first:,}: {found[0].actual}'}.",
                Certainty.PROVEN if code != "TIMESTAMP_FUTURE" else Certainty.OPEN,
                otherwise=("The clock of the writer was wrong.", "The clock of the server is wrong.")
                if code == "TIMESTAMP_FUTURE"
                else (),
                next_step=(Advice("Compare the clocks of the writers and of the server with their logs of that day."),),
            )


def _documents(
    outcomes: Mapping[str, Outcome], chain: Sequence[Incident]
) -> tuple[list[Incident], dict[int | None, list[str]]]:
    """Return incidents of envelopes and transcripts, and what envelopes say of entries that were edited themselves."""
    incidents: list[Incident] = []
    told: dict[int | None, list[str]] = defaultdict(list)
    many = {one.first for one in chain if one.count > 1}
    hashes, statements = _by_entry(outcomes.get("envelope_hash")), _by_entry(outcomes.get("envelope_consistency"))
    for number in sorted({*hashes, *statements}, key=lambda one: one or 0):
        edited, said = _edited(chain, number), statements.get(number, [])
        if edited and number not in hashes:
            beside = f"entry {number:,}" if number in many else "it"
            told[number] += [
                f"The envelope beside {beside}, whose hash fits, says: {_ended(one.actual)}" for one in said
            ]
        else:
            incidents.append(_envelope(number, hashes.get(number, []), said, edited=edited))
    transcript = outcomes.get("transcript_signature")
    unverified = transcript is not None and "SIGNATURES_UNVERIFIED" in transcript.codes
    incidents += [_transcript(n, found, unverified=unverified) for n, found in _by_entry(transcript).items()]
    edit = max((one for one in chain if one.what in _ENTRY_EDITED), key=lambda one: one.count, default=None)
    of_edits = _of_edited_entries(outcomes, chain)
    if edit is not None and of_edits:
        told[edit.first] += of_edits
    shown = {
        IncidentType.ENVELOPE: ("envelope_hash", "envelope_consistency"),
        IncidentType.TRANSCRIPT: ("transcript_signature",),
    }
    for what, kinds in shown.items():
        ran = [
            outcomes[kind] for kind in kinds if kind in outcomes and not (of_edits and what is IncidentType.ENVELOPE)
        ]
        more = sum(sum(one.codes.values()) - len(one.findings) for one in ran)
        if more > 0:
            name = "envelopes" if what is IncidentType.ENVELOPE else "transcripts"
            sentence = f"There {'is' if more == 1 else 'are'} {counted(more, 'finding', 'findings')} more about {name}."
            step = Advice("See them all.", (Command("verify", ("--verbose", "--samples", str(more + len(incidents)))),))
            incidents.append(Incident(what, None, None, more, sentence, Certainty.OPEN, next_step=(step,)))
    return incidents, told


def _of_edited_entries(outcomes: Mapping[str, Outcome], chain: Sequence[Incident]) -> list[str]:
    """Return what to say of envelopes that were counted and not kept, where there are no more than edits explain."""
    hashes, said = outcomes.get("envelope_hash"), outcomes.get("envelope_consistency")
    by_entry = _by_entry(said)
    if said is None or (hashes is not None and hashes.codes) or not by_entry:
        return []
    total, looked_at = sum(said.codes.values()), len(said.findings)
    edited = sum(one.count for one in chain if one.what in _ENTRY_EDITED)
    most = edited * max(map(len, by_entry.values()))
    if not looked_at < total <= most or not all(_edited(chain, number) for number in by_entry):
        return []
    words = (
        f"In {total:,} places envelopes, all of whose hashes fit, say something else than entries do. All "
        f"{looked_at:,} that were looked at are beside entries that were changed, which explains as many."
    )
    return [words]


def _by_entry(outcome: Outcome | None) -> dict[int | None, list[Finding]]:
    found: dict[int | None, list[Finding]] = defaultdict(list)
    for one in findings(outcome):
        if one.code != "SIGNATURES_UNVERIFIED":
            found[one.sequence_number].append(one)
    return found


def _envelope(number: int | None, hashes: Sequence[Finding], said: Sequence[Finding], *, edited: bool) -> Incident:
    entry = "an entry without a number" if number is None else f"entry {number:,}"
    own = "does not fit, either" if edited else "fits: the entry is as it was written"
    because = [f"The entry's own hash {own}."]
    because += [f"{capital(one.message)}." for one in hashes]
    because += [f"The envelope says {one.actual}, the entry {_ended(one.expected)}" for one in said[:SHOWN]]
    otherwise: tuple[str, ...] = ()
    certainty = Certainty.PROVEN
    if hashes and any(one.severity is Severity.WARNING for one in hashes):
        sentence = f"Whether the envelope of {entry} was changed cannot be told."
        certainty = Certainty.OPEN
    elif hashes:
        sentence = f"The envelope of {entry}, or the hash beside it, was changed after it was written."
    elif any(one.actual == "no envelope" for one in said):
        sentence = f"The envelope of {entry} was taken away; the verifier status that it gave is still there."
        certainty = Certainty.FITS
        otherwise = ("There never was one, and somebody set the verifier status, which no hash covers.",)
    elif all(one.expected.startswith("verifier_") for one in said):
        sentence = f"The verifier status of {entry} is not that of its envelope."
        otherwise = (
            "The column verifier_status was changed, which no hash covers.",
            "The envelope was changed, together with its hash.",
        )
        certainty = Certainty.OPEN
    else:
        because.append("The envelope's hash fits the envelope.")
        sentence = f"The envelope of {entry} was changed together with its hash, or exchanged."
        certainty = Certainty.OPEN if edited else Certainty.PROVEN
    return Incident(
        IncidentType.ENVELOPE,
        number,
        number,
        1,
        sentence,
        certainty,
        because=tuple(because),
        otherwise=otherwise,
        next_step=(
            Advice("Rely on the entry where its hash fits. The envelope as it was is only in a backup or an export."),
        ),
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
        sentence = f"The transcript of {entry}, or a part of it, was taken away."
    elif codes & {"TRANSCRIPT_UNSIGNED", "TRANSCRIPTS_ABSENT", "TRANSCRIPT_NOT_REDERIVABLE"}:
        sentence, certainty = f"Whether the transcript of {entry} is as it was cannot be told.", Certainty.OPEN
    elif "UNKNOWN_KEY" in codes:
        sentence, certainty = f"The transcript of {entry} was signed with a key that is not known.", Certainty.OPEN
        otherwise = ("The runtime changed its key, and the new one was not given.", "Somebody else signed it.")
    elif "SIGNATURE_INVALID" in codes:
        sentence = f"The hashes of the transcript of {entry}, its signature or the name of its key were changed."
    elif "TRANSCRIPT_HASH_MISMATCH" in codes and not unverified:
        sentence = f"What the transcript of {entry} says was changed; its two hashes are those that were signed."
    elif "TRANSCRIPT_HASH_MISMATCH" in codes:
        sentence = f"What the transcript of {entry} says, or the hashes in it, was changed."
        otherwise = ("Which of both, its signature tells: give the runtime's key with --transcript-key.",)
    else:
        sentence = f"The transcript of {entry} is not the one that belongs to it, or a part of it was changed."
    return Incident(
        IncidentType.TRANSCRIPT,
        number,
        number,
        1,
        sentence,
        certainty,
        because=tuple(f"{capital(one.message)}." for one in found[:SHOWN]),
        otherwise=otherwise,
        next_step=(Advice("Compare with a backup or an export, and with what the runtime logged."),),
    )


def _checkpoints(verification: Verification, outcome: Outcome | None, chain: Sequence[Incident]) -> Iterator[Incident]:
    anchor = verification.anchor
    proven = anchor.entries if anchor else 0
    explained = [one for one in chain if one.what is not IncidentType.CLOCK and (one.last or 0) > proven]
    for one in findings(outcome):
        sentence = f"{capital(one.message)}."
        if one.code == "REWRITTEN" and explained:
            continue  # a checkpoint sees that something was changed, and the chain has told what
        if one.code == "REWRITTEN":
            because = (
                "The chain fits together, so everything from the entry that was changed on was given new hashes.",
                f"The checkpoint of {proven:,} entries still fits, so these are as they were."
                if proven
                else "No older checkpoint fits.",
            )
            step = (PRESERVE, COMPARE)
            first = proven + 1
            yield Incident(
                IncidentType.REWRITE, first, None, 0, sentence, Certainty.PROVEN, because=because, next_step=step
            )
        elif one.code == "TRUNCATED":
            yield _truncated(verification, one, proven, chain)
        elif one.code == "UNCOVERED_CHANGED":
            yield Incident(
                IncidentType.UNCOVERED,
                None,
                None,
                0,
                sentence,
                Certainty.PROVEN,
                next_step=(replace(COMPARE, words="Compare with a backup or an export, which shows the column."),),
            )
        else:
            certainty = Certainty.PROVEN if one.code == "EQUIVOCATION" else Certainty.OPEN
            advice: tuple[Advice, ...] = (
                (PRESERVE, Advice("Preserve the checkpoints, too, and find out who could sign with that key."))
                if certainty is Certainty.PROVEN
                else (Advice("Put the checkpoints and the keys in order, and investigate again."),)
            )
            yield Incident(IncidentType.CHECKPOINTS, None, None, 0, sentence, certainty, next_step=advice)


def _truncated(verification: Verification, finding: Finding, proven: int, chain: Sequence[Incident]) -> Incident:
    """Tell that entries are missing: at the end, where the checkpoint before shows that the others are as they were."""
    last = verification.size
    deleted = any(one.what in (IncidentType.DELETION, IncidentType.PREFIX_DELETION) for one in chain)
    further_up = (
        "The deletion that the chain shows, behind which the rest was renumbered, explains it."
        if deleted
        else f"They stood further up{f', behind entry {proven:,}' if proven else ''}, and everything behind them was "
        "numbered and hashed anew."
    )
    whole = proven == last
    return Incident(
        IncidentType.TRUNCATION,
        finding.sequence_number,
        None,
        0,
        f"{capital(finding.message)}.",
        Certainty.PROVEN if whole else Certainty.OPEN if deleted else Certainty.FITS,
        because=(f"It is signed that there were so many; the last entry now is {last:,}.",),
        otherwise=() if whole else (further_up,),
        next_step=(PRESERVE, COMPARE),
        time_before=verification.survey.time_last if verification.survey else "",
    )


def _file(outcome: Outcome | None) -> Iterator[Incident]:
    for one in findings(outcome):
        yield Incident(
            IncidentType.FILE,
            None,
            None,
            0,
            f"{capital(one.message)}.",
            Certainty.PROVEN,
            otherwise=("The file was damaged or cut off where it was copied.", "Somebody changed it."),
            next_step=(replace(COMPARE, words="Fetch the export again from where it was filed, and compare both."),),
        )


_TOLD = frozenset(
    {
        *("HASH_MISMATCH", "ENTRY_HASH_MISMATCH", "SEQUENCE_GAP", "SEQUENCE_START", "SEQUENCE_DUPLICATE"),
        *("TIMESTAMP_ORDER", "TIMESTAMP_FUTURE", "TIMESTAMP_INFINITE", "TIMESTAMP_MISSING", "VERDICT_UNKNOWN"),
    }
)
"""What the chain, the clock and the verdicts are told by."""

_TOLD_AS_A_WHOLE = {*GUARDS, "envelope_hash", "envelope_consistency", "transcript_signature", "checkpoint"}
_TOLD_AS_A_WHOLE |= {"export_manifest"}


def _others(outcomes: Iterable[Outcome]) -> Iterator[Incident]:
    """Tell of everything else that is about integrity, in the words of the check: nothing found goes untold."""
    for outcome in outcomes:
        if not outcome.integrity or outcome.kind in _TOLD_AS_A_WHOLE:
            continue
        for one in findings(outcome):
            if one.code not in _TOLD:
                yield Incident(
                    IncidentType.NOT_SORTED_OUT,
                    one.sequence_number,
                    one.sequence_number,
                    1,
                    f"{capital(one.message)}.",
                    Certainty.OPEN,
                    because=(f"The check {outcome.check_id} found it.",),
                    next_step=(Advice(outcome.remedy),) if outcome.remedy else (),
                )
