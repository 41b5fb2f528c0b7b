"""What is asked of a report: which period, which sections, and what stands on its cover."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files import writing
from pytest_audit_ledger.sources.selection import Selection, selection

SECTIONS = ("verdicts", "violations", "timeline", "audit_trail")
"""What can be left out; everything else is in every report."""

SUFFIXES = (".html", ".json", ".md")
DEFAULT_TITLE = "Audit ledger report"
LONGEST_TITLE = 200


@dataclass(frozen=True)
class ReportRequest:
    """Which report is wanted. `period` has no conditions but those of time."""

    period: Selection = field(default_factory=Selection)
    sections: tuple[str, ...] = SECTIONS
    title: str = DEFAULT_TITLE
    organization: str = ""


def report_request(
    *,
    start_date: str | None = None,
    end_date: str | None = None,
    include: tuple[str, ...] = (),
    title: str | None = None,
    organization: str | None = None,
) -> ReportRequest:
    """Return the request that these words mean; without any section to include, all are in.

    Dates are whole days in UTC, the end day included, or full timestamps. Raises UsageError for what makes no sense.
    """
    for name, text in (("title", title), ("organization", organization)):
        if text is not None and not 0 < len(text.strip()) <= LONGEST_TITLE:
            raise UsageError(
                f"The {name} is empty, or longer than {LONGEST_TITLE} characters.", "Was a variable not set?"
            )
    return ReportRequest(
        period=selection(start_date=start_date, end_date=end_date),
        sections=tuple(name for name in SECTIONS if name in include) or SECTIONS,
        title=title or DEFAULT_TITLE,
        organization=organization or "",
    )


def refuse_suffix(path: str | Path) -> str:
    """Return how a report is written, by the suffix of its file. Raises UsageError for an unknown suffix."""
    return writing.refuse_suffix(path, SUFFIXES)
