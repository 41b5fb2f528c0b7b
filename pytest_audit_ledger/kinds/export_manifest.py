"""The kind export_manifest: an export agrees with its own manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, plain_text
from pytest_audit_ledger.model.ledger_info import ExportInfo, LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Severity, Sides
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, TIMESTAMP


class ExportManifest(ScanKind):
    """The export is, byte for byte, the file that its manifest describes. No parameters."""

    name = "export_manifest"
    family = Family.EXPORT
    rule = "The export is, byte for byte, the file that its manifest describes."
    remedy = (
        "Do not rely on this file. Fetch the export and its manifest again from where they were filed, or export the "
        "ledger again."
    )
    integrity = True
    columns: Sequence[str] = ()
    sides: ClassVar[Mapping[str, Sides]] = dict.fromkeys(
        ("EXPORT_CUT", "EXPORT_CHANGED", "EXPORT_MANIFEST", "EXPORT_PROFILE"), ("manifest", "file")
    )

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        # the columns that a complete manifest describes, if they are in the file
        self.columns = [name for name in (TIMESTAMP, HASH) if ledger.profile.column(name) in ledger.columns]
        self.first: Mapping[str, Any] = {}
        self.last: Mapping[str, Any] = {}

    def feed(self, batch: Batch) -> None:
        """Remember the first and the last entry."""
        self.first = self.first or self._entry(batch, 0)
        self.last = self._entry(batch, -1)

    def _entry(self, batch: Batch, index: int) -> dict[str, Any]:
        texts = {name: plain_text(batch.text(name)[index]) for name in self.columns}
        return {SEQUENCE: batch.sequence_numbers[index], **texts}

    def merge(self, later: ExportManifest) -> None:
        """Remember the last entry of the later part."""
        super().merge(later)
        self.last = later.last

    def close(self) -> None:
        """Compare the file with its manifest."""
        export = self.ledger.export
        if export is None:
            raise NotApplicable("The entries are read from a database; only an export has a manifest.")
        if export.manifest is None:
            raise NotApplicable("The export has no manifest next to it to compare it with.")
        self._compare(export, export.manifest)

    def _compare(self, export: ExportInfo, manifest: Mapping[str, Any]) -> None:
        self._compare_profile(manifest.get("profile"))
        last = self.last.get(SEQUENCE)
        if (manifest["entries"], manifest["sequence_last"]) != (self.element_count, last):
            counted = f"{manifest['entries']:,} entries up to sequence {manifest['sequence_last']}"
            held = f"{self.element_count:,} entries up to sequence {last}"
            message = "the number or the last of the file's entries does not match its manifest"
            self.findings.add(Finding("EXPORT_CUT", message, None, counted, held))
        if manifest["sha256"] != export.sha256:
            message = "the SHA-256 of the file does not match its manifest"
            self.findings.add(Finding("EXPORT_CHANGED", message, None, manifest["sha256"], export.sha256))
        else:
            self._compare_manifest(export, manifest)

    def _compare_profile(self, stated: Mapping[str, str] | None) -> None:
        """Warn of a profile whose file is not the one of the export: it may say otherwise how hashes are made."""
        profile = self.ledger.profile
        if stated and stated["sha256"] != profile.digest:
            message = f"the file of the profile {profile.name} is not the one that the export was written with"
            both = (stated["sha256"], profile.digest)
            self.findings.add(Finding("EXPORT_PROFILE", message, None, *both, severity=Severity.WARNING))

    def _compare_manifest(self, export: ExportInfo, manifest: Mapping[str, Any]) -> None:
        """Find wrong statements in the manifest of a file whose SHA-256 matches."""
        facts = {
            "size": export.size,
            "fields": list(self.ledger.columns),
            "sequence_first": self.first.get(SEQUENCE),
            "time_first": self.first.get(TIMESTAMP),
            "time_last": self.last.get(TIMESTAMP),
            "head_hash": self.last.get(HASH),
        }
        for name, found in facts.items():
            if found is not None and manifest[name] not in (found, ""):
                message = f"the manifest's {name} does not match the file"
                self.findings.add(Finding("EXPORT_MANIFEST", message, None, str(manifest[name]), str(found)))
