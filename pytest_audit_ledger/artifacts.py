"""What an author of artifacts needs: files that a run of pytest writes when its checks are done.

`output/artifact.py` explains artifacts, `hookspecs.py` how to offer one.
"""

from pytest_audit_ledger.errors import OutputError, UsageError
from pytest_audit_ledger.files.stores import ObjectLock, StorePath, path_of
from pytest_audit_ledger.files.writing import Draft, Written, whole_files
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext

__all__ = [
    "Artifact",
    "ArtifactContext",
    "Draft",
    "ObjectLock",
    "OutputError",
    "StorePath",
    "UsageError",
    "Written",
    "path_of",
    "whole_files",
]
