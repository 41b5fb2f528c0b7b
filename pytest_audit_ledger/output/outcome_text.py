"""What a check found, the facts about a ledger, and a table of all checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from pytest_audit_ledger.model.outcome import Finding, Outcome, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.verify.verification import Verification

VALUE = "      "
"""How a line begins that shows a value of a finding."""


def describe(outcome: Outcome) -> str:
    """Return why a check did not pass: the rule, the counts, the first findings and what to do next."""
    lines = [_headline(outcome)]
    if outcome.description:
        lines.append(f"  about  {printable(outcome.description)}")
    lines.append(f"  rule   {outcome.rule}")
    if outcome.location:
        lines.append(f"  where  {printable(outcome.location)}")
    if outcome.owner:
        lines.append(f"  owner  {printable(outcome.owner)}")
    if outcome.reason:
        lines.append(f"  why    {printable(outcome.reason, 1000)}")
    if not outcome.codes:
        return "\n".join(lines)
    codes = ", ".join(f"{count:,} {code}" for code, count in sorted(outcome.codes.items()))
    lines.append(f"  found  {codes} in {outcome.element_count:,} {outcome.unit}")
    lines += [f"         {name}: {printable(value)}" for name, value in outcome.facts.items()]
    for finding in outcome.findings:
        lines += _finding_lines(finding)
    left_out = sum(outcome.codes.values()) - len(outcome.findings)
    if left_out > 0:
        lines.append(f"  … and {left_out:,} more (raise `samples` to see more)")
    lines.append(f"  next   {outcome.remedy}")
    return "\n".join(lines)


def _headline(outcome: Outcome) -> str:
    if outcome.status is Status.ERROR:
        return f"{outcome.check_id}: could not be evaluated"
    where = [f.sequence_number for f in outcome.findings if f.sequence_number is not None]
    first = f", first at sequence {where[0]}" if where else ""
    findings = "finding" if outcome.unexpected_count == 1 else "findings"
    return f"{outcome.check_id}: {outcome.unexpected_count:,} {findings}{first}"


def _finding_lines(finding: Finding) -> Iterator[str]:
    where = "" if finding.sequence_number is None else f"sequence {finding.sequence_number}: "
    own = f" ({finding.severity.value})" if finding.severity else ""
    yield f"  - {finding.code}{own} {where}{printable(finding.message, 600)}"
    width = max(map(len, finding.sides))
    for side, value in zip(finding.sides, (finding.expected, finding.actual), strict=True):
        if value:
            yield f"{VALUE}{side:<{width}} {printable(value)}"


def facts(verification: Verification) -> dict[str, str]:
    """Return what is known about the ledger, name by name, in the order in which it is told."""
    info = verification.info
    if info is not None and info.export is not None:
        told = {"export": verification.database, "sha256": info.export.sha256, "extent": info.extent.value}
    else:
        told = {"database": verification.database, "table": verification.table}
        if info is not None:
            told["database"] += f" (PostgreSQL {info.server_version})"
            told["table"] += f" (schema v{info.schema_version})"
    survey = verification.survey
    if survey is None:
        told["entries"] = uncounted(verification.outcomes)
    elif not survey.entries:
        told["entries"] = "none" if verification.size == 0 else f"none after {verification.size:,}"
    else:
        told["entries"] = f"{survey.entries:,}, sequence {survey.sequence_first} to {survey.sequence_last}"
        told["time"] = f"{survey.time_first} to {survey.time_last}"
        told["head hash"] = survey.head_hash
        shares = (f"{name} {count:,} ({count / survey.entries:.1%})" for name, count in survey.verdicts.items())
        told["verdicts"] = ", ".join(shares)
    if verification.reading:
        told["read"] = verification.reading
    told["took"] = f"{verification.duration_s:.2f} s"
    return {name: printable(value, 1000) for name, value in told.items()}


def uncounted(outcomes: Sequence[Outcome]) -> str:
    """Tell of entries that no scan counted: queries judge them on the server."""
    most = max((outcome.element_count for outcome in outcomes if outcome.unit == "entries"), default=0)
    return f"not counted; up to {most:,} judged by a check" if most else "not read"


def table(outcomes: Sequence[Outcome]) -> list[tuple[str, Status | None]]:
    """Return a table of checks as lines; each with the status of its outcome, None for the head."""
    several = len({outcome.suite for outcome in outcomes}) > 1
    rows = [
        (
            f"{outcome.suite}::{outcome.check_id}" if several else outcome.check_id,
            outcome.status.value,
            outcome.severity.value,
            f"{outcome.element_count:,} {outcome.unit}" if outcome.element_count else "nothing",
            f"{outcome.unexpected_count:,}",
        )
        for outcome in outcomes
    ]
    head = ("check", "status", "severity", "examined", "findings")
    aligned = tabulate(
        rows, head, tablefmt="simple", colalign=("left", "left", "left", "left", "right"), disable_numparse=True
    )
    statuses = [None, None, *(outcome.status for outcome in outcomes)]
    return list(zip(aligned.splitlines(), statuses, strict=True))
