"""Make a report, and write it as HTML, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import Written, refuse_existing, whole_files
from pytest_audit_ledger.model.printable import ascii_json
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.report.request import ReportRequest, refuse_suffix
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report and its verification; `checks/report.schema.json` describes `data`."""

    data: Mapping[str, Any]
    verification: Verification

    @property
    def html(self) -> str:
        """The report as a single HTML file, which loads and runs nothing."""
        from pytest_audit_ledger.report.views import html  # noqa: PLC0415  (brings in jinja2, which is slow)

        return html(self.data)

    @property
    def markdown(self) -> str:
        """The report as Markdown."""
        from pytest_audit_ledger.report.views import markdown  # noqa: PLC0415  (as above)

        return markdown(self.data)

    @property
    def json(self) -> str:
        """The report as JSON."""
        return f"{ascii_json(self.data)}\n"


def generate(verified: ArtifactContext, request: ReportRequest, *, made_at: datetime | None = None) -> Report:
    """Return the report of a verification; `made_at` is aware, or None for now.

    If the ledger was tampered with, it says what happened: what an investigation found, if there was one, or what a few
    seconds show. Raises SourceError if the entries cannot be read completely.
    """
    from pytest_audit_ledger.investigate.run import investigate_briefly  # noqa: PLC0415  (only if it is tampered with)
    from pytest_audit_ledger.report.data import report_data  # noqa: PLC0415  (brings in tabulate, which is slow)

    if verified.investigation is None:
        found = investigate_briefly(verified.source, verified.snapshot, verified.verification, verified.progress)
        verified = replace(verified, investigation=found)
    return Report(
        data=report_data(verified, request, made_at or datetime.now(timezone.utc)), verification=verified.verification
    )


def save(report: Report, path: str | AnyPath, *, force: bool = False) -> Written:
    """Write a report, completely or not at all; the suffix `.html`, `.json` or `.md` chooses the format.

    Raises UsageError for another suffix or, without `force`, an existing file; OutputError if it cannot be written.
    """
    suffix = refuse_suffix(path)
    file = path_of(path)
    refuse_existing(file, force=force)
    text = {".html": lambda: report.html, ".md": lambda: report.markdown}.get(suffix, lambda: report.json)()
    with whole_files(file, overwrite=force) as (draft,):
        draft.write(text.encode("utf-8", "backslashreplace"))
    return draft.written(str(path))


@dataclass(frozen=True)
class ReportArtifact(Artifact):
    """A report of the outcomes of a run."""

    path: AnyPath
    request: ReportRequest
    force: bool = False

    def __post_init__(self) -> None:
        refuse_existing(self.path, force=self.force)  # before the run, not after it

    def write(self, verified: ArtifactContext) -> tuple[Written, ...]:
        """Write the report."""
        return (save(generate(verified, self.request), self.path, force=self.force),)
