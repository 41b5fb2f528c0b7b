"""The shell commands that compute the numbers of a report again, from an export and from `verification.json`.

They are for jq and a POSIX shell. A time is compared to the second.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from datetime import timezone, tzinfo
from pathlib import PurePath

from pytest_audit_ledger.evidence.names import VERIFICATION
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, TIMESTAMP, VERDICT, Profile
from pytest_audit_ledger.report.figures import preceding
from pytest_audit_ledger.report.request import ReportRequest
from pytest_audit_ledger.sources.selection import Selection

Command = tuple[str, str]
"""What is computed, and the command."""

_COUNT = "sort | uniq -c"
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FROM_CSV = "import csv, json, sys; [print(json.dumps(row)) for row in csv.DictReader(sys.stdin)]"

_LOCAL_DAY = (
    "import sys, zoneinfo; from datetime import datetime; zone = zoneinfo.ZoneInfo(sys.argv[1]); "
    '[print(datetime.fromisoformat(line[:19] + "+00:00").astimezone(zone).date(), line[20:], end="") '
    "for line in sys.stdin]"
)
"""jq 1.6 is an hour off in summer."""


def of_checks() -> Iterator[Command]:
    """Yield the commands for what the checks found."""
    findings = '.outcomes[] | select(.codes != {}) | "\\(.suite)::\\(.check) \\(.codes)"'
    controls = '.outcomes[] | "\\(.controls[]) \\(.status)"'
    yield "Checks by status", f"jq -r '.outcomes[].status' {VERIFICATION} | {_COUNT}"
    yield "Findings of each check", f"jq -r {shlex.quote(findings)} {VERIFICATION}"
    yield "Controls, by the status of their checks", f"jq -r {shlex.quote(controls)} {VERIFICATION} | {_COUNT}"


def of_entries(export: str, profile: Profile, request: ReportRequest) -> Iterator[Command]:
    """Yield the commands for what the entries of an export are, in all and in the period of the report.

    The first of them define shell functions, which print entries as JSON, one a line; the others use these.
    """
    times, earlier, period = _time(profile), preceding(request), request.period
    yield "The entries, for the commands that follow", f"entries() {{ {_reading(export)}; }}"
    if times and period.described():
        yield "Those of the period", f"in_period() {{ entries | {_within(times, period)}; }}"
    if times and earlier is not None:
        yield "Those of the preceding period", f"before_period() {{ entries | {_within(times, earlier)}; }}"
    ends = ", ".join(_value(profile.column(role)) for role in (SEQUENCE, TIMESTAMP, HASH) if profile.has(role))
    yield "First and last entry", f"entries | {_jq(f'[{ends}] | @tsv')} | sed -n '1p;$p'"
    yield from _counts("entries", "", profile, times, request.zone)
    if times and period.described():
        yield from _counts("in_period", " in the period", profile, times, request.zone)
    if times and earlier is not None:
        yield from _counts("before_period", " in the preceding period", profile, times, request.zone)


def _reading(export: str) -> str:
    """Return the command that prints the entries of an export."""
    suffixes = PurePath(export).suffixes
    read = f"{'gzip -dc' if suffixes[-1] == '.gz' else 'cat'} {shlex.quote(export)}"
    if ".csv" in suffixes[-2:]:
        return f"{read} | python3 -c {shlex.quote(_FROM_CSV)}"
    return f"{read} | jq -c '.entries[]'" if ".json" in suffixes[-2:] else read


def _by_time(times: str, verdict: str, zone: tzinfo) -> Iterator[Command]:
    """Yield the commands for the time of each entry, in the steps that charts count by, and its verdict."""
    yield "hour in UTC", _jq(f"[{times}[0:13], {verdict}] | @tsv")
    yield "day in UTC", _jq(f"[{times}[0:10], {verdict}] | @tsv")
    if zone is not timezone.utc:
        local = f"python3 -c {shlex.quote(_LOCAL_DAY)} {shlex.quote(str(zone))}"
        yield f"day in {zone}", f"{_jq(f'[{times}, {verdict}] | @tsv')} | {local}"


def _counts(of: str, words: str, profile: Profile, times: str, zone: tzinfo) -> Iterator[Command]:
    yield f"Entries{words}", f"{of} | wc -l"
    if profile.has(VERDICT):
        verdict = _value(profile.column(VERDICT))
        yield f"Verdicts{words}", f"{of} | {_jq(verdict)} | {_COUNT}"
        for step, command in _by_time(times, verdict, zone) if times else ():
            yield f"Verdicts{words}, by {step}", f"{of} | {command} | {_COUNT}"
        if profile.violations and profile.has("rule_id"):
            rules = f"select({_any_of(verdict, profile.violations)}) | {_value(profile.column('rule_id'))}"
            yield f"Violations{words}, by rule", f"{of} | {_jq(rules)} | {_COUNT}"
    if profile.has("escalation_status"):
        status = f'{_value(profile.column("escalation_status"))} // "" | select(. != "")'
        yield f"Escalations{words}, by status", f"{of} | {_jq(status)} | {_COUNT}"


def _any_of(value: str, texts: Sequence[str]) -> str:
    return " or ".join(f"{value} == {json.dumps(text)}" for text in texts)


def _jq(program: str) -> str:
    return f"jq -r {shlex.quote(program)}"


def _value(column: str) -> str:
    return f".{column}" if column.isidentifier() and column.isascii() else f".[{json.dumps(column)}]"


def _time(profile: Profile) -> str:
    """Return the expression for the time of an entry to the second, as 2026-05-21T15:30:00; empty if it has none."""
    if not profile.has(TIMESTAMP):
        return ""
    value = _value(profile.column(TIMESTAMP))
    if profile.timestamp_unit:
        return f"({value} | tonumber / {_UNITS[profile.timestamp_unit]} | floor | todate)"
    return f'({value}[0:19] | sub(" "; "T"))'


def _within(times: str, period: Selection) -> str:
    bounds = {">=": period.since, "<": period.before}
    conditions = [f'$time {sign} "{moment:%Y-%m-%dT%H:%M:%S}"' for sign, moment in bounds.items() if moment]
    program = f"{times} as $time | select({' and '.join(conditions)})"
    return f"jq -c {shlex.quote(program)}"
