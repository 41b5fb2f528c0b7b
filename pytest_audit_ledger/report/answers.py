"""The answer that each section of a report begins with, and its note in the index.

Every one is made from the data of the report alone, so that no sentence says a number that no table has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_audit_ledger.investigate.incident import counted
from pytest_audit_ledger.report.words import Dates, Noun, capital, enumerated, percent, spelled

Data = Mapping[str, Any]

STEADY = 0.005
"""A change of a share that is called none: half a percentage point."""


@dataclass(frozen=True)
class Answer:
    """A section's answer, a sentence more, and its note in the index with a tone."""

    answer: str
    more: str = ""
    note: str = ""
    tone: str = ""


def answers(data: Data, noun: Noun, dates: Dates) -> dict[str, Answer]:
    """Return the answer of each section that the report has, by its id, in the order of the sections."""
    made: dict[str, Callable[[], Answer | None]] = {
        "what": lambda: _what(data["investigation"]),
        "filing": lambda: _filing(data["filing"], data["first"]["tone"]),
        "verdicts": lambda: _verdicts(data, noun, dates),
        "timeline": lambda: _timeline(data, noun, dates),
        "violations": lambda: _violations(data, noun, dates),
        "escalations": lambda: _escalations(data, noun, dates),
        "checks": lambda: _checks(data) if "audit_trail" in data["sections"] else None,
        "waivers": lambda: _waivers(data["waivers"]) if "audit_trail" in data["sections"] else None,
        "gaps": lambda: _gaps(data["not_covered"]),
        "reverify": lambda: Answer("Anybody with read access can repeat this."),
        "sign": lambda: _sign(data),
        "ids": lambda: Answer("For whoever checks this report."),
    }
    found = {name: make() for name, make in made.items()}
    return {name: one for name, one in found.items() if one is not None}


def _what(investigation: Data | None) -> Answer | None:
    if investigation is None:
        return None
    more = sum(one["incidents"] for one in investigation["more_incidents"])
    number = len(investigation["incidents"]) + more
    proven = sum(one["certainty"] == "proven" for one in investigation["incidents"])
    proven += sum(one["proven"] for one in investigation["more_incidents"])
    if not number:
        return Answer("No incident was found that explains the findings.", note="not explained", tone="act")
    things = f"{capital(spelled(number))} {'thing' if number == 1 else 'things'} happened."
    sure = (
        {1: "It is proven.", 2: "Both are proven."}.get(number, f"All {spelled(number)} are proven.")
        if proven == number
        else f"{capital(spelled(proven))} of {'it' if number == 1 else 'them'} {'is' if proven == 1 else 'are'} proven."
    )
    return Answer(f"{things} {sure}", note=f"{proven:,} proven", tone="stop")


def _filing(conditions: Sequence[Data], tone: str) -> Answer:
    blocks, disclose = (sum(one["weight"] == weight for one in conditions) for weight in ("blocks", "disclose"))
    say = f" Disclose {spelled(disclose)} {'thing' if disclose == 1 else 'things'}." if disclose else ""
    if tone == "stop":
        answer = "Do not file from this ledger."
    elif blocks:
        answer = f"{capital(spelled(blocks))} {'thing blocks' if blocks == 1 else 'things block'} filing."
    else:
        answer = f"Nothing blocks filing.{say}"
    if blocks:
        return Answer(answer, note=f"{blocks:,} {'blocks' if blocks == 1 else 'block'} filing", tone="stop")
    return Answer(answer, note=f"{disclose:,} to disclose" if disclose else "ready", tone="act" if disclose else "")


def _rate(rows: Sequence[Data], names: Sequence[str], key: str = "share") -> float:
    return float(sum(row[key] or 0 for row in rows if row["verdict"] in names))


def _verdicts(data: Data, noun: Noun, dates: Dates) -> Answer | None:
    verdicts, wrong = data["verdicts"], data["ledger"]["violations"]
    if verdicts is None:
        return None
    unproven = {"note": "unproven", "tone": "stop"} if data["first"]["tone"] == "stop" else {}
    if not verdicts["entries"]:
        return Answer("The period has no entries.", **unproven)
    rows = verdicts["rows"]
    if not wrong:
        most = max(rows, key=lambda row: row["count"])
        return Answer(f"{percent(most['share'])} of the entries have the verdict {most['verdict']}.", **unproven)
    rate = _rate(rows, wrong)
    note = unproven or {"note": f"{percent(rate)} {noun.many}"}
    if not verdicts["preceding"]:
        return Answer(
            f"{percent(rate)} of the entries are {noun.many}.",
            "There is no preceding period to compare with, because this period has no beginning or no end.",
            **note,
        )
    if not verdicts["preceding"]["entries"]:
        return Answer(
            f"{percent(rate)} of the entries are {noun.many}.", "The preceding period has no entries.", **note
        )
    earlier = _rate(rows, wrong, "share_before")
    span = dates.span(verdicts["preceding"]["since"], verdicts["preceding"]["before"])
    change = "is about the same as" if abs(rate - earlier) < STEADY else "rose from" if rate > earlier else "fell from"
    sentence = (
        f"The share of {noun.many} {change} before: {percent(rate)}, after {percent(earlier)}."
        if abs(rate - earlier) < STEADY
        else f"The share of {noun.many} {change} {percent(earlier)} to {percent(rate)}."
    )
    return Answer(sentence, f"Compared with the preceding period of the same length, {span}.", **note)


def _timeline(data: Data, noun: Noun, dates: Dates) -> Answer | None:
    timeline = data["timeline"]
    if timeline is None:
        return None
    steps, unit, wrong = timeline["steps"], timeline["unit"], data["ledger"]["violations"]
    if not steps:
        return Answer("The period has no entries with a valid time, so there is nothing to draw.")
    days = _length_in_days(data, dates)
    total = sum(step["total"] for step in steps)
    answer = f"About {total / days:,.0f} entries a day" if days >= 1 and total / days >= 1 else f"{total:,} entries"
    peak = _peak(steps, wrong)
    if peak:
        share = peak["violations"] / peak["step"]["total"]
        answer += f"; {noun.many} peaked at {percent(share)} {_in_step(peak['step']['begin'], unit, dates)}"
    gaps = timeline["gaps"]
    return Answer(f"{answer}.", _gap_words(gaps, unit, dates), note=_gap_note(gaps, unit, dates))


def _length_in_days(data: Data, dates: Dates) -> float:
    period = data["period"]
    first = dates.local(period["since"] or period["time_first"] or "")
    last = dates.local(period["before"] or period["time_last"] or "")
    return (last - first).total_seconds() / 86_400 if first and last else 0.0


def _peak(steps: Sequence[Data], wrong: Sequence[str]) -> dict[str, Any] | None:
    """Return the whole step with the highest share of violations, of several steps; None if no step has any."""
    whole = [
        {"step": step, "violations": sum(step["counts"].get(name, 0) for name in wrong)}
        for step in steps
        if step["total"] and not step["partial"]
    ]
    found = max(whole, key=lambda one: one["violations"] / one["step"]["total"], default=None)
    return found if found and found["violations"] and len(whole) > 2 else None


def step_name(begin: str, unit: str, dates: Dates) -> str:
    """Return a name for the step of time that begins then."""
    moment = dates.local(begin)
    if moment is None:
        return begin
    names = {
        "hour": dates.moment(begin),
        "month": f"{moment:%b} {moment.year}",
        "quarter": f"Q{(moment.month + 2) // 3} {moment.year}",
        "year": str(moment.year),
        "decade": f"{moment.year}s",
        "century": f"{moment.year}…",
    }
    return names.get(unit, dates.day(begin))


def _in_step(begin: str, unit: str, dates: Dates) -> str:
    name = step_name(begin, unit, dates)
    return {"week": f"in the week of {name}", "day": f"on {name}", "hour": f"in the hour from {name}"}.get(
        unit, f"in {name}"
    )


def _gap_words(gaps: Sequence[Data], unit: str, dates: Dates) -> str:
    if not gaps or unit == "hour":
        number = sum(_days(gap, dates) * 24 for gap in gaps)
        return f"{counted(round(number), 'hour has', 'hours have')} no entry." if gaps else ""
    longest = sorted(gaps, key=lambda gap: -_days(gap, dates))[:3]
    spans = [dates.span(gap["begin"], gap["end"]) for gap in sorted(longest, key=lambda gap: str(gap["begin"]))]
    rest = len(gaps) - len(longest)
    others = f", and {counted(rest, 'shorter span', 'shorter spans')}," if rest else ""
    one = len(gaps) == 1 and _days(gaps[0], dates) <= 1
    return f"{capital(enumerated(spans))}{others} {'has' if one else 'have'} no entry at all."


def _gap_note(gaps: Sequence[Data], unit: str, dates: Dates) -> str:
    number = round(sum(_days(gap, dates) for gap in gaps))
    return f"{counted(number, 'day', 'days')} without entries" if number and unit != "hour" else ""


def _days(gap: Data, dates: Dates) -> float:
    begin, end = dates.local(gap["begin"]), dates.local(gap["end"])
    return (end.replace(tzinfo=None) - begin.replace(tzinfo=None)).total_seconds() / 86_400 if begin and end else 0.0


def _violations(data: Data, noun: Noun, dates: Dates) -> Answer | None:
    violations = data["violations"]
    if violations is None:
        return None
    if not data["ledger"]["violations"]:
        return Answer("The profile of this ledger names no verdict that is a violation.")
    count, note = violations["count"], f"{noun.counted(violations['count'])}"
    if not count:
        return Answer(f"The period has no {noun.many}.", note=note)
    if not violations["by_rule"]:
        return Answer(f"The period has {noun.counted(count)}.", "The ledger names no rule for them.", note)
    top = violations["by_rule"][0]
    answer = f"{top['name']} leads with {top['count']:,} of {noun.counted(count)}."
    return Answer(answer, " ".join(filter(None, [_moved(violations), _small_lines(violations, dates)])), note)


def _moved(violations: Data) -> str:
    changes = [
        (row["count"] - row["count_before"], row["name"]) for row in violations["by_rule"] if row["count_before"]
    ]
    if not changes:
        return ""
    most, least = max(changes), min(changes)
    parts = [f"{most[1]} rose most (+{most[0]:,})"] if most[0] > 0 else []
    parts += [f"{least[1]} fell most (−{-least[0]:,})"] if least[0] < 0 else []  # noqa: RUF001  (a minus sign)
    return f"Against the preceding period, {' and '.join(parts)}." if parts else ""


def _small_lines(violations: Data, dates: Dates) -> str:
    steps = violations["steps"]
    if not steps:
        return ""
    span = dates.span(steps[0]["begin"], steps[-1]["end"])
    return f"Each small line shows {violations['unit']}s, {span}, from zero."


def _escalations(data: Data, noun: Noun, dates: Dates) -> Answer | None:
    escalations, violations = data["escalations"], data["violations"]
    if escalations is None or not data["ledger"]["violations"]:
        return None
    count, open_ = violations["count"], escalations["open_violations"]
    if not count:
        return Answer(f"The period has no {noun.many} to follow up.")
    if open_ == count:
        nobody = "Nothing shows that anybody followed them up."
        return Answer(
            f"None of the {noun.counted(count)} has an escalation status.", nobody, f"{open_:,} without status", "act"
        )
    known = [row for row in violations["by_status"] if row["name"] != "(missing)"]
    top = max(known, key=lambda row: row["count"])
    answer = f"{percent(top['share'])} of the {noun.many} have the status {top['name']}."
    if not open_:
        return Answer(f"{answer} All have one.", note="all have a status")
    missing = next(row for row in violations["by_status"] if row["name"] == "(missing)")
    since = f"The oldest {noun.one} without a status was written on {dates.day(missing['oldest'])}."
    return Answer(
        f"{answer} {open_:,} {'has' if open_ == 1 else 'have'} none.",
        since if missing["oldest"] else "",
        f"{open_:,} without status",
        "act",
    )


_OUTCOMES = (
    ("FAIL", "failed"),
    ("ERROR", "could not be evaluated"),
    ("WARN", "warned"),
    ("WAIVED", "had only waived findings"),
    ("SKIP", "did not apply"),
)


def _checks(data: Data) -> Answer:
    outcomes = data["verification"]["outcomes"]
    number = {status: sum(one["status"] == status for one in outcomes) for status in ("PASS", *dict(_OUTCOMES))}
    if not outcomes:
        return Answer("No check ran.")
    others = [f"{spelled(number[status])} {words}" for status, words in _OUTCOMES if number[status]]
    answer = f"{number['PASS']:,} of {counted(len(outcomes), 'check', 'checks')} passed."
    answer += f" {capital(enumerated(others))}." if others else ""
    stopped, warned = number["FAIL"] + number["ERROR"], number["WARN"]
    note = counted(stopped, "exception", "exceptions") if stopped else counted(warned, "warning", "warnings")
    has_note = stopped or warned
    return Answer(
        answer, _served(data["controls"]), note if has_note else "", "stop" if stopped else "act" if warned else ""
    )


def _served(controls: Sequence[Data]) -> str:
    if not controls:
        return "The suites of this run declare no controls."
    clean = sum(bool(one["checks"]) and not _has_exception(one) for one in controls)
    found = f"They serve {counted(len(controls), 'control', 'controls')}."
    return f"{found} {capital(spelled(clean))} of them {'has' if clean == 1 else 'have'} no exception."


def _has_exception(control: Data) -> bool:
    return any(check["status"] in ("FAIL", "ERROR", "WARN", "WAIVED") for check in control["checks"])


def _waivers(waivers: Sequence[Data]) -> Answer | None:
    if not waivers:
        return None
    used = sum(one["status"] == "WAIVED" for one in waivers)
    answer = f"{capital(counted(len(waivers), 'waiver', 'waivers'))}; {spelled(used)} accepted findings."
    return Answer(answer, note=f"{used:,} used", tone="act" if used else "")


def _gaps(gaps: Sequence[Data]) -> Answer:
    number = len(gaps)
    answer = f"This run does not cover {spelled(number)} {'thing' if number == 1 else 'things'}."
    return Answer(answer, note=counted(number, "gap", "gaps"))


def _sign(data: Data) -> Answer:
    tone, weights = data["first"]["tone"], {one["weight"] for one in data["filing"]}
    if tone == "stop":
        return Answer("A signature here confirms the findings, not the figures.")
    if "blocks" in weights:
        return Answer("Sign after what blocks filing is settled.")
    warned = any(one["status"] == "WARN" for one in data["verification"]["outcomes"])
    return Answer("Sign after you have answered the warnings." if warned else "Sign, and say what you disclose.")
