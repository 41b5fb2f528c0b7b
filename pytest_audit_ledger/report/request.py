"""Describe which report is wanted: the period, the sections, and the texts on its cover."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timezone, tzinfo

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files import writing
from pytest_audit_ledger.files.stores import AnyPath
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.selection import Selection, selection, zone_of

SECTIONS = ("verdicts", "violations", "timeline", "audit_trail")
"""The sections that can be left out; every report has all others."""

SUFFIXES = (".html", ".json", ".md")
DEFAULT_TITLE = "Audit ledger report"
LONGEST_TITLE = 200


@dataclass(frozen=True)
class ReportRequest:
    """Which report is wanted; `period` selects by time only. `zone` is whose days a report counts and shows."""

    period: Selection = field(default_factory=Selection)
    sections: tuple[str, ...] = SECTIONS
    title: str = DEFAULT_TITLE
    organization: str = ""
    zone: tzinfo = timezone.utc


def report_request(
    *,
    start_date: str | None = None,
    end_date: str | None = None,
    include: tuple[str, ...] = (),
    title: str | None = None,
    organization: str | None = None,
    time_zone: str | None = None,
    profile: Profile = SKI,
) -> ReportRequest:
    """Return a request; an empty `include` means all sections.

    Dates are whole days of the time zone, which is UTC if None, including the end day, or full timestamps. `profile` is
    that of the ledger. Raises UsageError for an invalid value, and for dates if the ledger has no timestamps.
    """
    for name, text in (("title", title), ("organization", organization)):
        if text is not None and not 0 < len(text.strip()) <= LONGEST_TITLE:
            raise UsageError(
                f"The {name} is empty or longer than {LONGEST_TITLE} characters.",
                f"Give 1 to {LONGEST_TITLE} characters; perhaps a shell variable is not set.",
            )
    return ReportRequest(
        period=selection(start_date=start_date, end_date=end_date, time_zone=time_zone, profile=profile),
        sections=tuple(name for name in SECTIONS if name in include) or SECTIONS,
        title=title or DEFAULT_TITLE,
        organization=organization or "",
        zone=zone_of(time_zone),
    )


def refuse_suffix(path: str | AnyPath) -> str:
    """Return how a report is written, by the suffix of its file. Raises UsageError for an unknown suffix."""
    return writing.refuse_suffix(path, SUFFIXES)
