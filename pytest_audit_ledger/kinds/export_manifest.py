"""The fold export_manifest: whether an export is still the file that was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_audit_ledger.entry import Batch
from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.kinds.base import ExportInfo, Fold
from pytest_audit_ledger.outcome import Finding


class ExportManifest(Fold):
    """The export is, byte for byte, the file that its manifest describes. No parameters."""

    name = "export_manifest"
    rule = "The export is, byte for byte, the file that the manifest beside it describes."
    remedy = (
        "The file or its manifest was changed or damaged after the export. Fetch both again from where they were "
        "filed, or export the ledger again."
    )
    integrity = True
    columns = ()

    last: int | None = None

    def feed(self, batch: Batch) -> None:
        """Remember how far the file goes."""
        self.last = batch.sequence_numbers[-1]

    def merge(self, later: ExportManifest) -> None:
        """Remember how far the later part goes."""
        super().merge(later)
        self.last = later.last

    def close(self) -> None:
        """Compare the file with its manifest."""
        export = self.ledger.export
        if export is None:
            raise NotApplicable("The entries come from a database; only an export has a manifest.")
        if export.manifest is None:
            raise NotApplicable("There is no manifest beside the export, so nothing says how it was when written.")
        self._compare(export, export.manifest)

    def _compare(self, export: ExportInfo, manifest: Mapping[str, Any]) -> None:
        if (manifest["entries"], manifest["sequence_last"]) != (self.element_count, self.last):
            expected = f"{manifest['entries']:,} entries up to sequence {manifest['sequence_last']}"
            actual = f"{self.element_count:,} entries up to sequence {self.last}"
            message = "the file does not hold the entries that its manifest counts"
            self.findings.add(Finding("EXPORT_CUT", message, None, expected, actual))
        if manifest["sha256"] != export.sha256:
            message = "the SHA-256 of the file is not the one in its manifest"
            self.findings.add(Finding("EXPORT_CHANGED", message, None, manifest["sha256"], export.sha256))
