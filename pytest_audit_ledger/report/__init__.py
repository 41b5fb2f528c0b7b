"""Report on one verification, for management, auditors and regulators.

`data.py` makes the report as plain data; `views.py` shows it as HTML or Markdown with the files in `templates/`.
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
