"""An investigation in words: what happened, in order of the ledger.

Every incident has the same lines: what happened, how sure that is, between which times it was written, what it said
before, why, what else it could be, and what to do. Everything from the ledger goes through `printable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_audit_ledger.commands import Given, apart
from pytest_audit_ledger.investigate.incident import (
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    commands,
    counted,
    listed,
    moment,
    words,
)
from pytest_audit_ledger.investigate.inspection import EntryInspection
from pytest_audit_ledger.investigate.other_copy import OtherCopy, changed_ranges
from pytest_audit_ledger.investigate.ranges import OpenRange
from pytest_audit_ledger.investigate.ranges import listed as listed_ranges
from pytest_audit_ledger.investigate.reconstruction_text import sentence, sentences
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.investigate.stored_entries import StoredEntry
from pytest_audit_ledger.model.difference import ChangedEntry
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.paragraphs import LOG, wrapped
from pytest_audit_ledger.output.verification_text import UNICODE, Marks

SENTENCE = 2_000
"""Characters of a sentence that are shown."""

SHORT = 5
"""Incidents of the short form."""

LABEL = 8
"""Width of the names of lines."""

_INVESTIGATE = Advice("", (Command("investigate"),))

_MARKS = {
    Certainty.PROVEN: "proven",
    Certainty.FITS: "consistent with the evidence",
    Certainty.OPEN: "undecided",
}


def timeline(investigation: Investigation, marks: Marks = UNICODE, width: int = LOG) -> str:
    """Return an investigation in full, in lines of at most `width` columns, except for values and commands.

    If an entry was asked for, only the incidents about it are listed, and the others are counted.
    """
    inspection, incidents = investigation.inspection, investigation.incidents
    number = inspection.number if inspection is not None else None
    stream = inspection.stream if inspection is not None else ""
    shown, more = listed(incidents, investigation.samples, number, stream)
    if number is not None:
        shown, more = [(place, one) for place, one in shown if one.is_about(number, stream)], []
    parts = [[*_head(investigation)]]
    if inspection is not None:
        parts.append([*_inspection(inspection)])
    given = investigation.verification.given
    for place, incident in _shortened(shown):
        parts.append([*_incident(incident, f"{place}/{len(incidents)}", marks, given)])
    if more:
        parts.append([_Line("", f"… {one.sentence}") for one in more])
        parts[-1].append(_Line("", "Use --samples N to list more."))
    if inspection is not None and (others := len(incidents) - len(shown)):
        parts.append([_Line("", f"{counted(others, 'other incident', 'other incidents')}. {_without_entry(others)}")])
    if left_out := investigation.left_out:
        words = "not examined one by one. Use --samples N to examine more, --limit-seconds N to take longer."
        parts.append([_Line("", f"{counted(left_out, 'changed entry was', 'changed entries were')} {words}")])
    if investigation.against is not None:
        differences = investigation.differences
        asked = (inspection.number, inspection.stream) if inspection is not None else None
        of_entry = [one for one in differences if asked in (None, (one.sequence_number, one.stream))]
        parts.append([*_against(investigation.against, of_entry, more=len(differences) - len(of_entry))])
    if investigation.undecided:
        parts.append([_Line("", "Undecided:"), *_undecided(investigation)])
    parts.append([_Line("", conclusion(investigation))])
    return "\n\n".join("\n".join(part for line in lines for part in line.fitted(width)) for lines in parts)


def brief(investigation: Investigation, width: int = LOG) -> list[str]:
    """Return an investigation in a few lines, for the end of a run."""
    incidents = investigation.incidents
    lines = []
    for incident in incidents[:SHORT]:
        lines.append(f"  {headline(incident)}")
        lines += [f"    {_said(line)}" for line in before(incident)]
    lines += [f"  … {one.sentence}" for one in listed(incidents[SHORT:], 0)[1]]
    if not lines:
        lines = ["  No incident was found that explains the findings of the checks."]
    lines += [f"  Undecided: {_said(one.words)}" for one in investigation.undecided]
    lines.append("  For the reasons, other explanations and what to do, run")
    fitted = [part for line in lines for part in wrapped(line, width, 4)]
    return [*fitted, *(f"    {line}" for line in commands([_INVESTIGATE], investigation.verification.given))]


def _without_entry(count: int) -> str:
    return f"Leave out --entry to see {'it' if count == 1 else 'them'}."


def _shortened(shown: Iterable[tuple[int, Incident]]) -> Iterator[tuple[int, Incident]]:
    """Yield incidents, with the same advice for consecutive ones given only once."""
    said: tuple[Advice, ...] = ()
    place = 0
    for at, incident in shown:
        if incident.next_step and incident.next_step == said:
            yield at, replace(incident, next_step=(Advice(f"Same as for {place}."),))
        else:
            said, place = incident.next_step, at
            yield at, incident


@dataclass(frozen=True)
class _Line:
    """A line: its head, and its text, which is wrapped and indented below itself unless it stays `whole`.

    Values of entries and commands stay whole.
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
    """Return an incident in one line, with what entries said before."""
    return " ".join([headline(incident), *map(_said, before(incident))])


def conclusion(investigation: Investigation) -> str:
    """Return the result in one sentence, and in another what the ledger proves by itself."""
    verification, against = investigation.verification, investigation.against
    by_itself = f"{verification.assurance.value}: {_said(verification.sentence)}"
    if (
        against is not None and verification.assurance is Assurance.SELF_CONSISTENT
    ):  # it may show what that sentence calls undetectable
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
        if against.difference.compared < size:
            part = f"{against.difference.compared:,} of {counted(size)}"
            return f"Nothing to investigate in the {part} that {_copy(against)} has."
        return f"Nothing to investigate: {_copy(against)} has the same {counted(size)}."
    if not incidents:
        return "No incident was found."
    parts = [f"{counted(len(here), 'incident', 'incidents')}, {_proven(here)}"] if here else []
    if there:
        what = "" if here else f" {'incident' if len(there) == 1 else 'incidents'}"
        parts.append(f"{len(there):,}{what} in the other copy, {_proven(there)}")
    return f"{'; '.join(parts if here else [*parts, 'none in the ledger'])}."


def _proven(incidents: Sequence[Incident]) -> str:
    proven, count = sum(one.certainty is Certainty.PROVEN for one in incidents), len(incidents)
    if proven in (0, count):
        return f"{'' if count == 1 else 'all '}proven" if proven else f"{'not' if count == 1 else 'none'} proven"
    return f"{proven:,} of them proven"


def _copy(against: OtherCopy) -> str:
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
        first, last = survey.sequence_first, survey.sequence_last
        span = [] if first is None or last is None else [f"{first:,} to {last:,}"]  # numbers restart with each stream
        times = [f"{moment(survey.time_first)} to {moment(survey.time_last)}"] if survey.time_first else []
        yield _line("read", f"{counted(survey.entries)}: {_said(', '.join([*span, *times]))}")
    tried = f"; {investigation.hypotheses:,} hypotheses hashed" if investigation.hypotheses else ""
    yield _line("took", f"{investigation.duration_s:.1f} s{tried}")


def _line(name: str, text: str) -> _Line:
    return _Line(f"  {name:<{LABEL}} ", text)


def _incident(incident: Incident, place: str, marks: Marks, given: Given) -> Iterator[_Line]:
    mark = {Certainty.PROVEN: marks.bad, Certainty.FITS: marks.warned}.get(incident.certainty, marks.unknown)
    mark = marks.warned if incident.what is IncidentType.HASH_FORM else mark
    yield _Line(f"{mark} {place}  ", _said(incident.sentence))
    parts = {
        "how sure": [_MARKS[incident.certainty]],
        "written": [_span(incident)] if incident.time_before or incident.time_after else [],
        "before": list(before(incident)),
        "why": incident.because,
        "or": incident.otherwise,
        "next": apart(words(incident.next_step, given)).split("\n") if incident.next_step else [],
    }
    for name, lines in parts.items():
        for at, line in enumerate(lines):
            head = f"  {'' if at and name != 'or' else name:<{LABEL}} "
            yield _Line(head, _said(line), whole=line.startswith("  audit-ledger "))
    yield from (_command(line, LABEL + 3) for line in commands(incident.next_step, given))


def _undecided(investigation: Investigation) -> Iterator[_Line]:
    """Yield what is undecided, and what decides it."""
    for one in investigation.undecided:
        yield _Line("  - ", _said(one.words))
        yield from (_command(line, 4) for line in commands([one], investigation.verification.given))


def _command(line: str, indent: int) -> _Line:
    """Return a command on a line of its own, so that it can be copied."""
    return _Line(" " * indent, _said(line), whole=True)


def _span(incident: Incident) -> str:
    """Return the times of the untouched entries next to an incident."""
    before, after = incident.time_before, incident.time_after
    ends = (f"previous entry {moment(before)}" if before else "", f"next entry {moment(after)}" if after else "")
    return ", ".join(filter(None, ends))


def before(incident: Incident) -> Iterator[str]:
    """Yield what entries said when they were written, unless the incident's own sentence says it."""
    found = incident.reconstructions
    own = incident.sentence.removeprefix(f"Stream {printable(incident.stream)}: ")
    if len(found) != 1 or not sentence(found[0]).startswith(own[:-1]):
        yield from sentences(found)


def _inspection(inspection: EntryInspection) -> Iterator[_Line]:
    of_stream = f" of stream {_said(inspection.stream)}" if inspection.stream else ""
    yield _Line("", f"Entry {inspection.number:,}{of_stream}")
    for line in inspection.sentences:
        yield _Line("  ", _said(line))
    for record in inspection.records:
        yield from _record("As stored here", record, inspection)
    for record in inspection.there if not inspection.records else ():
        yield from _record("As the other copy has it", record, inspection)


def _record(words: str, record: StoredEntry, inspection: EntryInspection) -> Iterator[_Line]:
    yield _Line("  ", f"{words} (* not covered by any entry hash):" if inspection.uncovered else f"{words}:")
    for name, value in record.columns.items():
        mark = "*" if name in inspection.uncovered else " "
        yield _Line("    ", f"{printable(name):<24} {mark} {_value(value)}", whole=True)


def _against(against: OtherCopy, differences: Sequence[ChangedEntry], *, more: int) -> Iterator[_Line]:
    in_streams = against.difference.b.info.profile.streams  # then a number alone names no place
    counts: tuple[tuple[str, int, Sequence[OpenRange]], ...] = (
        ("the same", against.difference.same, ()),
        ("changed", against.difference.changed, () if in_streams else changed_ranges(against.difference.changes)),
        ("only there", against.difference.missing.count, against.numbers(against.difference.missing)),
        ("only here", against.difference.added.count, against.numbers(against.difference.added)),
        ("in one only, not judged", against.difference.unjudged, ()),
    )
    parts = [
        f"{count:,} {words}{f' ({listed_ranges(which, count)})' if which else ''}"
        for words, count, which in counts
        if count
    ]
    yield _Line("", f"Compared with {_copy(against)}: {', '.join(parts) or 'no entry is in both'}.")
    for note in against.notes:
        yield _Line("  ", _said(note))
    telling = [change for change in differences if change.columns.keys() - _HASHES]
    for change in telling:
        yield _Line("  ", f"entry {change.number:,}{f' of stream {_said(change.stream)}' if change.stream else ''}")
        for name, (there, here) in change.columns.items():
            yield _Line("    ", f"{printable(name):<24} there {_value(there)}", whole=True)
            yield _Line("    ", f"{'':<24} here  {_value(here)}", whole=True)
    if hashes := len(differences) - len(telling):
        yield _Line("  ", f"… and {counted(hashes)} {'differs' if hashes == 1 else 'differ'} only in the hashes")
    if more:
        yield _Line("  ", f"… and {counted(more, 'other entry', 'other entries')}. {_without_entry(more)}")


_HASHES = {"previous_hash", "entry_hash"}
"""What differs in every entry after a changed one, and shows nothing by itself."""


def _value(value: str | None) -> str:
    return "(missing)" if value is None else printable(value)
