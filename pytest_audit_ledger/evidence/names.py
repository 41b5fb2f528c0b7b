"""The names of files and folders in evidence; those of the manifest are in `files/evidence_folder.py`."""

from __future__ import annotations

README, REPORT, VERIFICATION, JUNIT = "README.txt", "report.html", "verification.json", "junit.xml"
OSCAL = "oscal.json"
SUMS = "SHA256SUMS"
SUITES, PROFILES, ARTIFACTS = "suites", "profiles", "artifacts"
CHECKPOINTS, TRUSTED = "checkpoints", "trusted"
