"""Show a verification as `audit-ledger verify` prints it: a tree of a few lines, or a full report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.checkpoints.positions import at_position
from pytest_audit_ledger.commands import apart
from pytest_audit_ledger.kinds.hash_coverage import NOTHING
from pytest_audit_ledger.model.outcome import Family, Finding, Outcome, Severity, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import VERDICT, Profile
from pytest_audit_ledger.model.profile_coverage import all_hashed_columns
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.output.outcome_text import NEXT, describe, finding_line, headline, uncounted, why
from pytest_audit_ledger.output.tone import headlines, others_of
from pytest_audit_ledger.verify.verification import Verification

TITLE = "Ledger Integrity Verification"

_REWRITING = {"TRUNCATED", "REWRITTEN", "EQUIVOCATION"}

BRIEF_FINDINGS = 3
"""Findings of each check below the tree."""


@dataclass(frozen=True)
class Marks:
    """The marks of a tree."""

    good: str
    bad: str
    unknown: str
    warned: str
    branch: str
    last: str


UNICODE = Marks("✓", "✗", "?", "!", "├──", "└──")
ASCII = Marks("OK:", "FAILED:", "UNKNOWN:", "WARNING:", "|--", "`--")
"""Marks for a terminal that cannot show the others."""


def tree(verification: Verification, marks: Marks = UNICODE) -> str:
    """Return the result in a few lines, then briefly what did not pass and what to do about it.

    If nothing could be read, return only why.
    """
    said = "\n".join(headlines(verification))
    if verification.obstacle:
        return said
    lines = [f"{title}: {words}" for title, words in _lines(verification, marks)]
    branches = [marks.branch] * (len(lines) - 1) + [marks.last]
    drawn = [f"{branch} {line}" for branch, line in zip(branches, lines, strict=True)]
    parts = ["\n".join([TITLE, *drawn]), said, *findings(verification)]
    if len(parts) > 2 or not verification.is_valid or verification.needs_checkpoint:
        parts.append(f"Recommendation: {apart(verification.recommendation)}")
    return "\n\n".join(parts)


def findings(verification: Verification, *, in_full: bool = False) -> list[str]:
    """Return a paragraph for every check that did not pass, and one for all that could not run for the same reason.

    In full, each paragraph has the rule and all findings that were kept, and passing checks with findings get one, too.
    """
    paragraphs = []
    reasons = set()
    advised: dict[str, str] = {}  # what to do, with the check that says so first
    for outcome in verification.outcomes:
        if outcome.status is Status.ERROR:
            if outcome.reason not in reasons:
                others = (other for other in verification.with_status(Status.ERROR) if other.reason == outcome.reason)
                names = ", ".join(other.check_id for other in others)
                paragraphs.append(f"{names}: could not be evaluated\n  why    {why(outcome)}")
            reasons.add(outcome.reason)
        elif outcome.status not in (Status.PASS, Status.SKIP) or (in_full and outcome.findings):
            first = advised.setdefault(outcome.remedy, outcome.check_id)
            remedy = apart(outcome.remedy, NEXT) if first == outcome.check_id else f"Same as for {first}."
            paragraphs.append(describe(outcome) if in_full else _brief(outcome, remedy))
    return paragraphs


def _brief(outcome: Outcome, remedy: str) -> str:
    counted = [finding for finding in outcome.findings if finding.severity is not Severity.INFO]
    shown = counted[:BRIEF_FINDINGS]
    left_out = outcome.unexpected_count - len(shown)
    option = "--verbose" if len(counted) > len(shown) else "--samples N"
    more = [f"  … and {left_out:,} more ({option} shows more)"] if left_out else []
    about = [f"  about  {printable(outcome.description)}"] if outcome.description and not outcome.integrity else []
    reason = [f"  why    {why(outcome)}"] if outcome.reason else []
    lines = [_brief_line(finding, with_value=not outcome.integrity) for finding in shown]
    return "\n".join([headline(outcome), *about, *reason, *lines, *more, f"  next   {remedy}"])


def _brief_line(finding: Finding, *, with_value: bool) -> str:
    """Return a finding in one line; one about data is useless without the value."""
    value = f": {printable(finding.actual)}" if with_value and finding.actual else ""
    return f"{finding_line(finding)}{value}"


def _lines(verification: Verification, marks: Marks) -> Iterator[tuple[str, str]]:
    yield "Total entries", f"{verification.size:,}" if verification.survey else uncounted(verification.outcomes)
    if verification.reading:
        yield "Read", printable(verification.reading, 1000)
    newer = _newer(verification).upper()
    yield "Chain integrity", _state(verification, ("chain_linkage", "sequence_continuity"), f"VERIFIED{newer}", marks)
    yield "Hash verification", _hashes(verification, marks)
    yield "Timestamp order", _state(verification, Family.TIME, f"VALID{newer}", marks)
    yield "Verdicts", _state(verification, Family.VERDICTS, f"ALL KNOWN{newer}", marks)
    yield "Protections", _state(verification, Family.PROTECTIONS, "IN PLACE", marks)
    if {outcome.status for outcome in _of(verification, Family.PROVENANCE)} - {Status.SKIP}:
        yield "Provenance", _provenance(verification, marks)
    if _compared(verification):
        yield "Checkpoints", _checkpoints(verification, marks)
    if _of(verification, Family.EXPORT):
        yield "Export file", _state(verification, Family.EXPORT, "MATCHES ITS MANIFEST", marks)
    others = verification.of_family(Family.DATA)
    if others:
        yield "Other checks", _others(others, marks)
    yield "Assurance", verification.assurance.value
    table = f", {printable(verification.table)}" if verification.table else ""
    yield "Ledger", f"{printable(verification.database, 1000)}{table}"
    yield "Last verified", _moment(verification)


def _others(outcomes: Sequence[Outcome], marks: Marks) -> str:
    """Return how many checks about data passed, and how many were skipped."""
    passed, skipped = (sum(one.status is status for one in outcomes) for status in (Status.PASS, Status.SKIP))
    more = f", {skipped:,} skipped" if skipped else ""
    return f"{_mark(outcomes, marks)} {passed:,}/{len(outcomes):,} passed{more}"


def _newer(verification: Verification) -> str:
    """Return which entries were judged, unless all were."""
    resumed = verification.info.resumed if verification.info else None
    return f" after {at_position(_profile(verification), resumed.after)}" if resumed else ""


def _moment(verification: Verification) -> str:
    return f"{verification.started_at[:19]}Z"


def _of(verification: Verification, which: Family | Sequence[str]) -> list[Outcome]:
    """Return the outcomes of a family, or of kinds by their names."""
    if isinstance(which, Family):
        return verification.of_family(which)
    return [outcome for outcome in verification.outcomes if outcome.kind in which]


def _compared(verification: Verification) -> list[Outcome]:
    """Return the checks that compared the ledger with checkpoints, or should have; not those without any checkpoint."""
    return [outcome for outcome in _of(verification, Family.CHECKPOINTS) if outcome.status is not Status.SKIP]


def _checkpoints(verification: Verification, marks: Marks) -> str:
    anchor = verification.anchor
    proven = f"{anchor.entries:,}/{anchor.total:,} ANCHORED" if anchor else "NONE MATCHES"
    kinds = tuple({outcome.kind for outcome in _compared(verification)})
    if anchor and anchor.unread:
        proven += f", {anchor.unread:,} NOT RE-READ"
    return _state(verification, kinds, proven, marks)


def _mark(outcomes: Sequence[Outcome], marks: Marks) -> str:
    statuses = {outcome.status for outcome in outcomes}
    if Status.FAIL in statuses:
        return marks.bad
    if statuses & {Status.ERROR, Status.SKIP} or not statuses:
        return marks.unknown
    return marks.warned if statuses - {Status.PASS} else marks.good


def _state(verification: Verification, which: Family | Sequence[str], good: str, marks: Marks) -> str:
    """Return the result of the checks of these kinds: the worst of them."""
    outcomes = _of(verification, which)
    mark = _mark(outcomes, marks)
    statuses = {outcome.status for outcome in outcomes}
    count = sum(outcome.unexpected_count for outcome in outcomes)
    counted = f"{count:,} {'FINDING' if count == 1 else 'FINDINGS'}{_first(outcomes)}"
    if Status.FAIL in statuses:
        return f"{mark} {counted}"
    if Status.ERROR in statuses:
        return f"{mark} COULD NOT BE EVALUATED"
    if not statuses or Status.SKIP in statuses:
        return f"{mark} NOT CHECKED"
    # a check of severity info passes with its findings
    return f"{marks.warned} {counted}" if count or mark != marks.good else f"{mark} {good}"


def _provenance(verification: Verification, marks: Marks) -> str:
    """Return the result of the provenance checks that had something to examine."""
    ran = [outcome for outcome in _of(verification, Family.PROVENANCE) if outcome.status is not Status.SKIP]
    kinds = [outcome.kind for outcome in ran]
    good = "HASHES AND SIGNATURES VALID" if "transcript_signature" in kinds else "HASHES VALID"
    return _state(verification, kinds, good, marks)


def _first(outcomes: Sequence[Outcome]) -> str:
    findings = [one for outcome in outcomes for one in outcome.findings if one.severity is not Severity.INFO]
    found = [one for one in findings if one.sequence_number is not None]
    first = min(found, key=lambda one: (one.stream, one.sequence_number or 0), default=None)
    return f", first at {printable(first.where)}" if first else ""


def _hashes(verification: Verification, marks: Marks) -> str:
    outcomes = _of(verification, ("entry_hash",))
    if len(outcomes) != 1 or not outcomes[0].element_count:
        return _state(verification, ("entry_hash",), "VERIFIED", marks)
    (outcome,) = outcomes
    if "matching entries" in outcome.facts:
        return f"{_mark(outcomes, marks)} {outcome.facts['matching entries']}{_first(outcomes)}"
    valid = outcome.element_count - outcome.unexpected_count
    return f"{_mark(outcomes, marks)} {valid:,}/{outcome.element_count:,} valid{_first(outcomes)}"


def full_report(verification: Verification, marks: Marks = UNICODE) -> str:
    """Return the full report, section by section. It claims nothing that was not checked.

    If nothing could be read, return only why.
    """
    if verification.obstacle:
        return tree(verification, marks)
    title = f"{TITLE} Report"
    found = "\n\n".join(findings(verification, in_full=True)).splitlines()
    covered = list(_covered(verification))
    verdicts = [f"Verdict Distribution{_newer(verification)}:", *_indented(_verdicts(verification))]
    sections = [
        [title, "=" * len(title)],
        list(_head(verification)),
        ["Chain Analysis:", *_indented(_chain(verification))],
        ["Integrity Checks:", *_indented(_checks(verification.outcomes, marks))],
        *([verdicts] if _profile(verification).has(VERDICT) else []),
        *([["Findings:", *_indented(found)]] if found else []),
        *([[f"Covered By{_newer(verification)}:", *_indented(covered)]] if covered else []),
        ["Risk Assessment:", *_indented(_risks(verification, marks))],
        [
            f"Status: {verification.assurance.value}",
            *_indented(printable(text, 2000) for text in (others_of(verification), verification.sentence) if text),
        ],
        [f"Recommendation: {apart(verification.recommendation)}"],
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}".rstrip() for line in lines] or ["  (nothing was read)"]


def _head(verification: Verification) -> Iterator[str]:
    yield f"Database: {printable(verification.database, 1000)}"
    if verification.table:
        yield f"Table: {printable(verification.table)}"
    if verification.info is not None and verification.info.export is not None:
        yield f"SHA-256 of the export: {verification.info.export.sha256}"
        yield f"Extent: {verification.info.extent.value}"
    yield f"Verification Date: {_moment(verification)}"
    yield f"Verified By: pytest-audit-ledger {verification.tool_version}"


def _chain(verification: Verification) -> Iterator[str]:
    survey = verification.survey
    if survey is None:
        yield f"Total Entries: {uncounted(verification.outcomes)}"
        return
    yield f"Total Entries: {verification.size:,}"
    if verification.reading:
        yield f"Read: {printable(verification.reading, 1000)}"
    if survey.entries:
        if survey.streams:
            resumed = verification.info is not None and verification.info.resumed is not None
            yield f"Streams: {survey.streams:,}{' with newer entries' if resumed else ''}"
        else:
            yield f"Sequence Range: {_number(survey.sequence_first)} - {_number(survey.sequence_last)}"
        if survey.time_first:
            yield f"Time Range: {printable(survey.time_first)} to {printable(survey.time_last)}"
        if survey.head_hash:
            yield f"Head Hash: {printable(survey.head_hash)}"


def _number(number: int | None) -> str:
    return "(missing)" if number is None else f"{number:,}"


def _checks(outcomes: Sequence[Outcome], marks: Marks) -> Iterator[str]:
    uses = Counter(outcome.check_id for outcome in outcomes)
    for outcome in outcomes:
        several = uses[outcome.check_id] > 1
        name = f"{printable(outcome.suite)}::{outcome.check_id}" if several else outcome.check_id
        if outcome.status is Status.ERROR:
            ended = "could not be evaluated"
        elif outcome.status is Status.SKIP:
            ended = f"not checked: {printable(outcome.reason, 1000)}"
        else:
            findings = "finding" if outcome.unexpected_count == 1 else "findings"
            ended = f"{outcome.element_count:,} {outcome.unit} examined, {outcome.unexpected_count:,} {findings}"
        yield f"{_mark([outcome], marks)} {name}: {ended}"
        if outcome.description:
            yield f"    {printable(outcome.description)}"


def _rewriting(verification: Verification, marks: Marks) -> str:
    compared, anchor = _compared(verification), verification.anchor
    if not compared:
        return f"{marks.unknown} cannot be detected without a checkpoint"
    if any(_REWRITING & outcome.codes.keys() for outcome in compared):
        return f"{marks.bad} yes, or the checkpoints belong to another ledger"
    if anchor is None:
        return f"{marks.unknown} unknown, because no checkpoint could be compared"
    single = f", nor can an edit or deletion among the {anchor.unread:,} entries not re-read" if anchor.unread else ""
    return f"{marks.good} no sign of it up to entry {anchor.entries:,}; cannot be detected after that{single}"


def _profile(verification: Verification) -> Profile:
    return verification.info.profile if verification.info else SKI


def _verdicts(verification: Verification) -> Iterator[str]:
    counted = verification.verdict_distribution
    if not verification.total_entries:
        return
    known = _profile(verification).values.get(VERDICT, ())
    for name in [*known, *(name for name in counted if name not in known)]:
        count = counted.get(name, 0)
        yield f"{printable(name)}: {count:,} ({count / verification.total_entries:.1%})"


def _risks(verification: Verification, marks: Marks) -> Iterator[str]:
    newer = _newer(verification)
    yield f"Changed entries: {_state(verification, ('entry_hash', 'chain_linkage'), f'no sign of any{newer}', marks)}"
    missing = f"none{newer} and before the last" if newer else "none before the last"
    yield f"Missing entries: {_state(verification, ('sequence_continuity',), missing, marks)}"
    yield f"Timestamp order: {_state(verification, Family.TIME, f'correct{newer}', marks)}"
    refused = "refused by the database, unless an owner or superuser disables its protections"
    yield f"Future changes: {_state(verification, Family.PROTECTIONS, refused, marks)}"
    removed = _profile(verification).streams
    unseen = "Full rewrite, truncated tail or removed stream" if removed else "Full rewrite or truncated tail"
    yield f"{unseen}: {_rewriting(verification, marks)}"
    anchor = verification.anchor
    known = f"; unchanged up to entry {anchor.rows:,} since the checkpoint" if anchor and anchor.rows else ""
    if anchor and anchor.unread:
        known = f"; unchanged up to entry {anchor.rows:,} when the checkpoint was made" if anchor.rows else ""
        known += f"; {anchor.unread:,} entries were not re-read since"
    yield f"Not covered by any hash or signature in the ledger: {_uncovered(verification)}{known}"


def _covered(verification: Verification) -> Iterator[str]:
    for outcome in _of(verification, Family.COVERAGE):
        for name, value in outcome.facts.items():
            yield f"{name}: {printable(value, 1000)}"


def _uncovered(verification: Verification) -> str:
    """Return the columns where an edit cannot be detected: as hash_coverage found, or by the schemas."""
    found = [outcome.facts[NOTHING] for outcome in _of(verification, Family.COVERAGE) if NOTHING in outcome.facts]
    return printable(found[0] if found else _uncovered_by_schema(_profile(verification)), 1000)


def _uncovered_by_schema(profile: Profile) -> str:
    """Return the columns that no entry hash covers, as far as the schemas say."""
    if not profile.schemas:
        return "not examined"
    oldest, *newer = profile.schemas
    columns = ", ".join(name for name in oldest.columns if name not in all_hashed_columns(profile))
    return "; ".join([columns, *(f"the columns of schema v{one.version} were not examined" for one in newer)])
