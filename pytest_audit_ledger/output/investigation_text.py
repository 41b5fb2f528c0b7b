"""An investigation in words: a timeline that can be read at three in the morning.

Every incident is told in the same order: what happened, when, what it said before, why we say so, what else would fit,
and what to do. What comes from the ledger went through `printable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_audit_ledger.investigate.against import Against, Changed, Ranges, joined, ranges
from pytest_audit_ledger.investigate.incident import (
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    commands,
    counted,
    words,
)
from pytest_audit_ledger.investigate.inspection import EntryInspection
from pytest_audit_ledger.investigate.investigation import Investigation
from pytest_audit_ledger.investigate.stored_entries import StoredEntry
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.paragraphs import LOG, wrapped
from pytest_audit_ledger.output.reconstruction_text import sentences
from pytest_audit_ledger.output.verification_text import UNICODE, Marks

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


def timeline(investigation: Investigation, marks: Marks = UNICODE, width: int = LOG) -> str:
    """Return an investigation in full, in lines of at most `width` columns, but for values of entries and commands.

    Where an entry was asked for, what concerns it stands there, and how many incidents there are beside.
    """
    looked, incidents = investigation.looked, investigation.incidents
    told = [(place, one) for place, one in enumerate(incidents, 1) if looked is None or one.is_about(looked.number)]
    parts = [[*_head(investigation)]]
    if looked is not None:
        parts.append([*_looked(looked)])
    parts += [[*_incident(incident, f"{place}/{len(incidents)}", marks)] for place, incident in _shortened(told)]
    if more := len(incidents) - len(told):
        others = counted(more, "other incident", "other incidents")
        parts.append([_Line("", f"{others}: leave --entry out to see {_them(more)}.")])
    if left_out := investigation.left_out:
        words = "not looked at one by one (--samples N looks at more, --limit-seconds N for longer)"
        parts.append([_Line("", f"{counted(left_out, 'entry was', 'entries were')} {words}.")])
    if investigation.against is not None:
        differences = investigation.differences
        shown = [one for one in differences if looked is None or one.sequence_number == looked.number]
        parts.append([*_against(investigation.against, shown, more=len(differences) - len(shown))])
    if investigation.undecided:
        parts.append([_Line("", "Not decided:"), *(line for one in investigation.undecided for line in _open(one))])
    parts.append([_Line("", conclusion(investigation))])
    return "\n\n".join("\n".join(part for line in lines for part in line.fitted(width)) for lines in parts)


def brief(investigation: Investigation, width: int = LOG) -> list[str]:
    """Return an investigation in a few lines, for the end of a run."""
    lines = []
    for incident in investigation.incidents[:SHORT]:
        lines.append(f"  {headline(incident)}")
        lines += [f"    {_said(line)}" for line in _before(incident)]
    if (more := len(investigation.incidents) - SHORT) > 0:
        lines.append(f"  … and {counted(more, 'incident', 'incidents')} more")
    if not lines:
        lines = ["  No incident was found that explains what the checks found."]
    lines += [f"  Not decided: {_said(one.words)}" for one in investigation.undecided]
    lines.append("  Why, what else would fit, and what to do is told by")
    fitted = [part for line in lines for part in wrapped(line, width, 4)]
    return [*fitted, f"    {_said(str(Command('investigate', (), investigation.options)))}"]


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _shortened(told: Iterable[tuple[int, Incident]]) -> Iterator[tuple[int, Incident]]:
    """Say once what is to be done about several incidents, one after the other."""
    said: tuple[Advice, ...] = ()
    place = 0
    for at, incident in told:
        if incident.next_step and incident.next_step == said:
            yield at, replace(incident, next_step=(Advice(f"as for {place}"),))
        else:
            said, place = incident.next_step, at
            yield at, incident


@dataclass(frozen=True)
class _Line:
    """A line: what it starts with, and what hangs below its own beginning.

    A value of an entry, and a command, stay `whole`.
    """

    head: str
    text: str
    whole: bool = False

    def fitted(self, width: int) -> list[str]:
        line = f"{self.head}{self.text}"
        return [line] if self.whole else wrapped(line, width, len(self.head))


def headline(incident: Incident) -> str:
    """Return an incident in one line, with how sure it is."""
    return f"{_said(incident.sentence)} ({_MARKS[incident.certainty]})"


def in_one_line(incident: Incident) -> str:
    """Return an incident with what entries said before."""
    return " ".join([headline(incident), *map(_said, _before(incident))])


def conclusion(investigation: Investigation) -> str:
    """Return in one sentence what came of it, and in another what the ledger proves by itself."""
    verification, against = investigation.verification, investigation.against
    by_itself = f"{verification.assurance.value}: {_said(verification.sentence)}"
    if against is not None and verification.assurance is Assurance.SELF_CONSISTENT:  # it may show what is said not to
        by_itself = f"By itself the ledger is {by_itself}"
    return f"{_outcome(investigation)} {by_itself}"


def _outcome(investigation: Investigation) -> str:
    incidents, against = investigation.incidents, investigation.against
    there = [one for one in incidents if one.what is IncidentType.OTHER_COPY]
    here = [one for one in incidents if one.what is not IncidentType.OTHER_COPY]
    if not incidents and investigation.is_clean:
        size = investigation.verification.size
        if against is None:
            return "Nothing to investigate."
        if against.compared < size:
            return f"Nothing to investigate in the {against.compared:,} of {counted(size)} that {_copy(against)} has."
        return f"Nothing to investigate: {_copy(against)} says the same of {counted(size)}."
    told = [f"{counted(len(here), 'incident', 'incidents')}, {_proven(here)} proven"] if here else []
    if there:
        what = "" if here else f" {'incident' if len(there) == 1 else 'incidents'}"
        told.append(f"{len(there):,}{what} in the other copy, {_proven(there)} proven")
    if not here:
        told.append("none in the ledger" if there else "No incident was found")
    return f"{'; '.join(told)}."


def _proven(incidents: Sequence[Incident]) -> str:
    return f"{sum(one.certainty is Certainty.PROVEN for one in incidents):,} of them"


def _copy(against: Against) -> str:
    return _said(against.label)


def _said(text: str) -> str:
    return printable(text, SENTENCE)


def _head(investigation: Investigation) -> Iterator[_Line]:
    verification = investigation.verification
    survey = verification.survey
    table = f", table {_said(verification.table)}" if verification.table else ""
    yield _Line("", "Ledger Investigation")
    yield _line("ledger", f"{_said(verification.database)}{table}")
    if survey is not None and survey.entries:
        span = f"entries {survey.sequence_first} to {survey.sequence_last}, {survey.time_first} to {survey.time_last}"
        yield _line("read", f"{counted(survey.entries)}: {_said(span)}")
    tried = f"; {investigation.hypotheses:,} hypotheses were hashed" if investigation.hypotheses else ""
    yield _line("took", f"{investigation.duration_s:.1f} s{tried}")


def _line(name: str, text: str) -> _Line:
    return _Line(f"  {name:<{LABEL}} ", text)


def _incident(incident: Incident, place: str, marks: Marks) -> Iterator[_Line]:
    mark = {Certainty.PROVEN: marks.bad, Certainty.FITS: marks.warned}.get(incident.certainty, marks.unknown)
    yield _Line(f"{mark} {place}  ", _said(incident.sentence))
    around = [_span(incident.time_before, incident.time_after)] if incident.time_before or incident.time_after else []
    told = {
        "how sure": [_MARKS[incident.certainty]],
        "around": around,
        "before": list(_before(incident)),
        "why": incident.because,
        "or": incident.otherwise,
        "next": [words(incident.next_step)] if incident.next_step else [],
    }
    for name, lines in told.items():
        for at, line in enumerate(lines):
            yield _line("" if at and name != "or" else name, _said(line))
    yield from (_command(line, LABEL + 3) for line in commands(incident.next_step))


def _open(advice: Advice) -> Iterator[_Line]:
    """Yield what is not decided, and what decides it."""
    yield _Line("  - ", _said(advice.words))
    yield from (_command(line, 4) for line in commands([advice]))


def _command(line: str, indent: int) -> _Line:
    """Return a command on a line of its own, which can be copied as it stands."""
    return _Line(" " * indent, _said(line), whole=True)


def _span(before: str, after: str) -> str:
    """Return the times of the entries next to it that nothing happened to."""
    ends = (f"the entry before is of {before}" if before else "", f"the one behind is of {after}" if after else "")
    return ", ".join(end for end in ends if end)


def _before(incident: Incident) -> Iterator[str]:
    """Yield what entries said when they were written."""
    yield from sentences(incident.reconstructions)


def _looked(looked: EntryInspection) -> Iterator[_Line]:
    yield _Line("", f"Entry {looked.number:,}")
    for line in looked.sentences:
        yield _Line("  ", _said(line))
    for record in looked.records:
        yield from _record("as it stands here", record, looked)
    for record in looked.there if not looked.records else ():
        yield from _record("as the other copy has it", record, looked)


def _record(words: str, record: StoredEntry, looked: EntryInspection) -> Iterator[_Line]:
    yield _Line("  ", f"{words} (* no entry hash covers it)" if looked.uncovered else words)
    for name, value in record.columns.items():
        mark = "*" if name in looked.uncovered else " "
        yield _Line("    ", f"{printable(name):<24} {mark} {_value(value)}", whole=True)


def _against(against: Against, differences: Sequence[Changed], *, more: int) -> Iterator[_Line]:
    counts: Mapping[str, tuple[int, Ranges]] = {
        "the same": (against.same, ()),
        "changed": (against.changed, joined(against.changes)),
        "only there": (against.missing, against.missing_ranges),
        "only here": (against.added, against.added_ranges),
        "in one only, which cannot be judged": (against.unjudged, ()),
    }
    told = [
        f"{count:,} {words}{f' ({ranges(which, count)})' if which else ''}"
        for words, (count, which) in counts.items()
        if count
    ]
    yield _Line("", f"Against {_copy(against)}: {', '.join(told) or 'no entry is in both'}.")
    for note in against.notes:
        yield _Line("  ", _said(note))
    speaking = [change for change in differences if change.columns.keys() - _HASHES]
    for change in speaking:
        yield _Line("  ", f"entry {change.sequence_number}")
        for name, (there, here) in change.columns.items():
            yield _Line("    ", f"{printable(name):<24} there {_value(there)}", whole=True)
            yield _Line("    ", f"{'':<24} here  {_value(here)}", whole=True)
    if hashes := len(differences) - len(speaking):
        yield _Line("  ", f"… and {counted(hashes)} {'differs' if hashes == 1 else 'differ'} in the hashes only")
    if more:
        others = counted(more, "other entry", "other entries")
        yield _Line("  ", f"… and {others}: leave --entry out to see {_them(more)}.")


_HASHES = {"previous_hash", "entry_hash"}
"""What differs in every entry behind one that was changed, and says nothing by itself."""


def _value(value: str | None) -> str:
    return "(missing)" if value is None else printable(value)
