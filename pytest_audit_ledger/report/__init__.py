"""The report: what management reads, an auditor files and a regulator can question, from one verification.

`data.py` makes it, as plain data; `views.py` shows it as HTML or Markdown, with what stands in `templates/`.
"""

from pytest_audit_ledger.report.report import Report, ReportArtifact, generate, save
from pytest_audit_ledger.report.request import SECTIONS, ReportRequest, refuse_suffix, report_request

__all__ = [
    "SECTIONS",
    "Report",
    "ReportArtifact",
    "ReportRequest",
    "generate",
    "refuse_suffix",
    "report_request",
    "save",
]
