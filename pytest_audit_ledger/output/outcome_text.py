"""Describe in text what a check found, the facts about a ledger, and all checks in a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.commands import apart, ends_apart
from pytest_audit_ledger.model.outcome import Finding, Outcome, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.verification_json import described
from pytest_audit_ledger.verify.verification import Verification

NEXT = 9
"""Where the text of a line such as `next` begins."""

VALUE = "      "
"""The beginning of a line that shows a value of a finding."""


def describe(outcome: Outcome) -> str:
    """Return why a check did not pass: the rule, the counts, the first findings and what to do next."""
    lines = [headline(outcome)]
    if outcome.description:
        lines.append(f"  about  {printable(outcome.description)}")
    lines.append(f"  rule   {outcome.rule}")
    if outcome.location:
        lines.append(f"  where  {printable(outcome.location)}")
    if outcome.owner:
        lines.append(f"  owner  {printable(outcome.owner)}")
    if outcome.reason:
        lines.append(f"  why    {why(outcome)}")
    if not outcome.codes:
        return "\n".join(lines)
    codes = ", ".join(f"{count:,} {code}" for code, count in sorted(outcome.codes.items()))
    lines.append(f"  found  {codes} in {outcome.element_count:,} {outcome.unit}")
    lines += [f"         {name}: {printable(value)}" for name, value in outcome.facts.items()]
    for finding in outcome.findings:
        lines.append(finding_line(finding))
        lines += _values(finding)
    left_out = sum(outcome.codes.values()) - len(outcome.findings)
    if left_out > 0:
        lines.append(f"  … and {left_out:,} more (raise `samples` to see more)")
    lines.append(f"  next   {apart(outcome.remedy, NEXT)}")
    return "\n".join(lines)


def why(outcome: Outcome) -> str:
    """Return the reason of an outcome, with the commands of its advice on lines of their own."""
    return ends_apart(outcome.reason, outcome.advice, NEXT)


def headline(outcome: Outcome) -> str:
    """Return the first line about a check: how many findings there are, and where the first one is."""
    if outcome.status is Status.ERROR:
        return f"{outcome.check_id}: could not be evaluated"
    where = [printable(f.where) for f in outcome.findings if f.sequence_number is not None]
    first = f", first at {where[0]}" if where else ""
    findings = "finding" if outcome.unexpected_count == 1 else "findings"
    return f"{outcome.check_id}: {outcome.unexpected_count:,} {findings}{first}"


def finding_line(finding: Finding) -> str:
    """Return a finding in one line, without its values."""
    where = f"{printable(finding.where)}: " if finding.where else ""
    own = f" ({finding.severity.value})" if finding.severity else ""
    return f"  - {finding.code}{own} {where}{printable(finding.message, 600)}"


def _values(finding: Finding) -> Iterator[str]:
    width = max(map(len, finding.sides))
    for side, value in zip(finding.sides, (finding.expected, finding.actual), strict=True):
        if value:
            yield f"{VALUE}{side:<{width}} {printable(value)}"


def facts(verification: Verification) -> dict[str, str]:
    """Return the facts about the ledger, by name, in the order to show them."""
    told = described(verification)
    if told["export"]:
        found = {"export": told["database"], "sha256": told["export"]["sha256"], "extent": told["extent"]}
    else:
        server = told["server_version"]
        found = {"database": told["database"], "table": told["table"]}
        if verification.info is not None:
            found["database"] += f" (PostgreSQL {server})"
            info = verification.info
            found["table"] += f" ({'schema ' if info.schema_version else ''}{info.schema})"
    entries = told["entries"]
    if entries is None:
        found["entries"] = uncounted(verification.outcomes)
    elif not entries["count"]:
        found["entries"] = "none" if verification.size == 0 else f"none after {verification.size:,}"
    else:
        count = entries["count"]
        several, span = entries["streams"], f"sequence {entries['sequence_first']} to {entries['sequence_last']}"
        found["entries"] = f"{count:,}, {f'in {several:,} streams' if several else span}"
        if entries["time_first"]:
            found["time"] = f"{entries['time_first']} to {entries['time_last']}"
        if entries["head_hash"]:
            found["head hash"] = entries["head_hash"]
        found["verdicts"] = ", ".join(f"{name} {n:,} ({n / count:.1%})" for name, n in entries["verdicts"].items())
    if verification.reading:
        found["read"] = verification.reading
    found["took"] = f"{verification.duration_s:.2f} s"
    return {name: printable(value, 1000) for name, value in found.items()}


def uncounted(outcomes: Sequence[Outcome]) -> str:
    """Return the number of entries in words if no scan counted them: queries judge entries on the server."""
    most = max((outcome.element_count for outcome in outcomes if outcome.unit == "entries"), default=0)
    return f"not counted; up to {most:,} judged by a check" if most else "not read"


def table(outcomes: Sequence[Outcome]) -> list[tuple[str, Status | None]]:
    """Return a table of checks as lines, each with the status of its outcome; None for the head."""
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
    statuses = [None, None, *(outcome.status for outcome in outcomes)]
    return list(zip(_aligned([head, *rows]), statuses, strict=True))


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a head, a rule and rows, of which the last column is right-aligned; tabulate is slow to import."""
    widths = [max([len(head) + 2, *map(len, cells)]) for head, *cells in zip(*rows, strict=True)]
    layout = "  ".join([*(f"{{:{width}}}" for width in widths[:-1]), f"{{:>{widths[-1]}}}"])
    head, *others = (layout.format(*row) for row in rows)
    yield from (head, "  ".join("-" * width for width in widths), *others)
