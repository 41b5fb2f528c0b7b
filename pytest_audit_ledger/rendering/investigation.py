"""An investigation in words: a timeline that can be read at three in the morning.

Every incident is told in the same order: what happened, when, what it said before, why we say so, what else would fit,
and what to do. What comes from the ledger went through `printable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.forensics.against import Against, Changed
from pytest_audit_ledger.forensics.incident import Certainty, Incident, counted
from pytest_audit_ledger.forensics.investigation import Investigation, Looked
from pytest_audit_ledger.printable import printable
from pytest_audit_ledger.rendering.reconstruction import sentence
from pytest_audit_ledger.rendering.summary import UNICODE, Marks

SENTENCE = 2_000
"""Characters of a sentence that are shown."""

SHORT = 5
"""Incidents of a short form."""

LABEL = 8
"""Columns of the names of lines."""

_MARKS = {
    Certainty.PROVEN: "proven",
    Certainty.FITS: "fits what is known",
    Certainty.OPEN: "not decided",
}


def timeline(investigation: Investigation, marks: Marks = UNICODE) -> str:
    """Return an investigation in full."""
    parts = [_head(investigation)]
    if investigation.looked is not None:
        parts.append("\n".join(_looked(investigation.looked)))
    count = len(investigation.incidents)
    for place, incident in enumerate(investigation.incidents, 1):
        parts.append("\n".join(_incident(incident, f"{place}/{count}", marks)))
    if investigation.left_out:
        parts.append(
            f"{counted(investigation.left_out, 'entry was', 'entries were')} not looked at one by one "
            "(--samples N looks at more, --limit-seconds N for longer)."
        )
    if investigation.against is not None:
        parts.append("\n".join(_against(investigation.against, investigation.differences)))
    if investigation.undecided:
        parts.append("\n".join(["Not decided:", *(f"  - {_said(one)}" for one in investigation.undecided)]))
    parts.append(conclusion(investigation))
    return "\n\n".join(parts)


def brief(investigation: Investigation) -> list[str]:
    """Return an investigation in a few lines, for the end of a run."""
    shown = investigation.incidents[:SHORT]
    lines = []
    for incident in shown:
        lines.append(f"  {headline(incident)}")
        lines += [f"    {_said(line)}" for line in _before(incident)]
    more = len(investigation.incidents) - len(shown)
    if more:
        lines.append(f"  … and {counted(more, 'incident', 'incidents')} more")
    if not lines:
        return ["  No incident was found that explains what the checks found."]
    return [*lines, "  audit-ledger investigate tells why, what else would fit, and what to do."]


def headline(incident: Incident) -> str:
    """Return an incident in one line, with how sure it is."""
    return f"{_said(incident.sentence)} ({_MARKS[incident.certainty]})"


def in_one_line(incident: Incident) -> str:
    """Return an incident with what entries said before."""
    return " ".join([headline(incident), *map(_said, _before(incident))])


def conclusion(investigation: Investigation) -> str:
    """Return in one sentence what came of it."""
    verification = investigation.verification
    if investigation.is_clean:
        return f"Nothing to investigate. {verification.assurance.value}: {_said(verification.sentence)}"
    count = len(investigation.incidents)
    proven = sum(one.certainty is Certainty.PROVEN for one in investigation.incidents)
    if not count:
        return f"No incident was found. {verification.assurance.value}: {_said(verification.sentence)}"
    return (
        f"{counted(count, 'incident', 'incidents')}, {proven:,} of them proven. {verification.assurance.value}: "
        f"{_said(verification.sentence)}"
    )


def _said(text: str) -> str:
    return printable(text, SENTENCE)


def _head(investigation: Investigation) -> str:
    verification = investigation.verification
    survey = verification.survey
    table = f", table {_said(verification.table)}" if verification.table else ""
    lines = ["Ledger Investigation", _line("ledger", f"{_said(verification.database)}{table}")]
    if survey is not None and survey.entries:
        span = f"entries {survey.sequence_first} to {survey.sequence_last}, {survey.time_first} to {survey.time_last}"
        lines.append(_line("read", f"{counted(survey.entries)}: {_said(span)}"))
    tried = f"; {investigation.hypotheses:,} hypotheses were hashed" if investigation.hypotheses else ""
    lines.append(_line("took", f"{investigation.duration_s:.1f} s{tried}"))
    return "\n".join(lines)


def _line(name: str, text: str) -> str:
    return f"  {name:<{LABEL}} {text}"


def _incident(incident: Incident, place: str, marks: Marks) -> Iterator[str]:
    mark = {Certainty.PROVEN: marks.bad, Certainty.FITS: marks.warned}.get(incident.certainty, marks.unknown)
    yield f"{mark} {place}  {_said(incident.sentence)}"
    around = [_span(incident.time_before, incident.time_after)] if incident.time_before or incident.time_after else []
    told = {
        "how sure": [_MARKS[incident.certainty]],
        "written": around,
        "before": list(_before(incident)),
        "why": incident.because,
        "or": incident.otherwise,
        "next": [incident.next_step] if incident.next_step else [],
    }
    for name, lines in told.items():
        for at, line in enumerate(lines):
            yield _line("" if at and name != "or" else name, _said(line))


def _span(before: str, after: str) -> str:
    """Return between which times, by the entries around, it was written what is there now, or is missing."""
    ends = (f"after {before}" if before else "", f"before {after}" if after else "")
    return f"{' and '.join(end for end in ends if end)}, by the entries around"


def _before(incident: Incident) -> Iterator[str]:
    """Yield what entries said when they were written."""
    for one in incident.reconstructions:
        yield sentence(one)


def _looked(looked: Looked) -> Iterator[str]:
    yield f"Entry {looked.number:,}"
    for line in looked.sentences:
        yield f"  {_said(line)}"
    for record in looked.records:
        for name, value in record.columns.items():
            yield f"    {printable(name):<24} {'(missing)' if value is None else printable(value)}"


def _against(against: Against, differences: Sequence[Changed]) -> Iterator[str]:
    counts = {
        "the same": against.same,
        "changed": against.changed,
        "only there": against.missing,
        "only here": against.added,
    }
    told = ", ".join(f"{number:,} {words}" for words, number in counts.items() if number)
    yield f"Against {_said(against.label)}: {told or 'no entry is in both'}."
    yield from (f"  {_said(note)}" for note in against.notes)
    for change in differences:
        yield f"  entry {change.sequence_number}"
        for name, (there, here) in change.columns.items():
            yield f"    {printable(name):<24} there {_value(there)}"
            yield f"    {'':<24} here  {_value(here)}"


def _value(value: str | None) -> str:
    return "(missing)" if value is None else printable(value)
