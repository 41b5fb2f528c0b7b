"""Verify the exports in a folder of evidence again, with the suites and the profile that are filed.

Whoever wrote the folder may have written those, too. So code that a profile names is not run, files that it names as
keys are not read, and a check whose suite names checkpoints or keys itself is not repeated: trust comes from arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import LedgerError, SourceError
from pytest_audit_ledger.evidence.names import CHECKPOINTS, PROFILES, SUITES, VERIFICATION
from pytest_audit_ledger.files.reading import read_text
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.manifest import MANIFEST_SUFFIX
from pytest_audit_ledger.standalone.verify import load, sha256_of
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.loader import load as load_suite
from pytest_audit_ledger.suite.profile_file import SUFFIX, load_profile
from pytest_audit_ledger.suite.yaml_document import parse
from pytest_audit_ledger.verify.run import VerificationRequest, verify
from pytest_audit_ledger.verify.verification import Verification

_TRUSTING = {"folders", "verifier_keys", "keys"}
"""The parameters by which a suite would name what to trust."""


@dataclass(frozen=True)
class Rerun:
    """An export verified again: its name in the folder, the verification, and how that contradicts the filed one.

    `is_whole`: whether it has all entries of the ledger.
    """

    export: str
    is_whole: bool
    verification: Verification
    contradictions: Sequence[str]


def rerun(folder: Path, verifier_keys: Sequence[str]) -> Iterator[Rerun]:
    """Verify again every export in a folder.

    `verifier_keys`: the keys to trust for the checkpoints in the folder, which are not used without. Raises SourceError
    if nothing can be verified again, or something that is filed must not be used.
    """
    told = load(folder / VERIFICATION)
    manifests = {path: load(path) for path in sorted(folder.rglob(f"*{MANIFEST_SUFFIX}"))}
    exports = {path: manifest for path, manifest in manifests.items() if _is_of_export(manifest)}
    if not exports:
        raise SourceError(
            f"{folder} has no export, so nothing can be verified again.",
            "File one: audit-ledger evidence --export ledger.jsonl.gz",
        )
    for path, manifest in exports.items():
        export = path.with_name(path.name.removesuffix(MANIFEST_SUFFIX))
        found = _verified(folder, export, manifest, told, verifier_keys)
        is_whole = not manifest["filters"]
        contradictions = list(_contradictions(found, told, is_whole=is_whole))
        yield Rerun(export.relative_to(folder).as_posix(), is_whole, found, contradictions)


def _is_of_export(manifest: Any) -> bool:
    """Return whether a file is the manifest of an export; others are of backups, or of nobody."""
    has_all = isinstance(manifest, Mapping) and {"fields", "filters"} <= manifest.keys()
    return has_all and isinstance(manifest.get("profile", {}), Mapping)


def _verified(
    folder: Path, export: Path, manifest: Mapping[str, Any], told: Mapping[str, Any], keys: Sequence[str]
) -> Verification:
    try:
        profile = filed_profile(folder, manifest.get("profile", {}).get("name", SKI.name))
        suites = list(_suites(folder, told, profile))
        checkpoints = [path.parent for path in sorted(folder.glob(f"{CHECKPOINTS}/**/*.checkpoint"))]
        trusted = run_parameters(checkpoints=[*dict.fromkeys(checkpoints)], verifier_keys=keys) if keys else {}
        checks = [check for suite in suites for check in suite.checks if not _TRUSTING & {*check.parameters}]
        request = VerificationRequest(checks=checks, suites=suites, run_parameters=trusted)
        return verify(ExportFile(export, profile), request)
    except SourceError:
        raise
    except LedgerError as error:
        raise SourceError(f"{export.name} cannot be verified again: {error.message}", error.remedy) from error


def filed_profile(folder: Path, name: str) -> Profile:
    """Return the profile of that name in a folder. Raises SourceError if there is none, or it names code or files."""
    if name == SKI.name:
        return SKI
    for path in sorted((folder / PROFILES).glob(f"*{SUFFIX}")):
        data = parse(read_text(path), "profile").data
        for named in _outside(data):
            raise SourceError(
                f"The profile {path.name} in the folder names {named}, which is not used.",
                "If you trust it, verify the export with it: audit-ledger verify --source EXPORT --profile FILE",
            )
        if not isinstance(data, Mapping) or data.get("name") == name:
            return load_profile(path)  # which says what is wrong in a file that is none
    raise SourceError(f"The profile {name} is not in the folder.", "Verify the export with --profile FILE.")


def _outside(data: Any, key: str = "") -> Iterator[str]:
    """Yield the code and the files that a profile names."""
    if isinstance(data, Mapping):
        if "python" in data:
            yield "code (`python`)"
        for name, value in data.items():
            yield from _outside(value, str(name))
    elif isinstance(data, list):
        for value in data:
            yield from _outside(value)
    elif key == "key" and str(data).startswith("@"):
        yield f"the file {data}"


def _suites(folder: Path, told: Mapping[str, Any], profile: Profile) -> Iterator[Suite]:
    """Yield the suites that were run, from the files in the folder that have their SHA-256."""
    registry, below = installed_kinds(), folder / SUITES
    filed = {sha256_of(path): path for path in sorted(below.rglob("*")) if path.is_file()}
    ran = {outcome["suite"] for outcome in told["outcomes"]}
    for suite in told["suites"]:
        if suite["name"] in ran:
            if suite["sha256"] not in filed:
                raise SourceError(f"The suite {suite['name']} is not in the folder.", "Use the folder as it was filed.")
            yield load_suite(filed[suite["sha256"]], registry, suite["name"], root=below, profile=profile)


def _contradictions(found: Verification, told: Mapping[str, Any], *, is_whole: bool) -> Iterator[str]:
    """Yield what integrity checks found that is not what was filed. What an export cannot show is left out.

    A part of the entries may have fewer findings, so of that only findings contradict, where none was filed.
    """
    filed = {(one["suite"], one["check"]): one for one in told["outcomes"]}
    for outcome in found.outcomes:
        one = filed.get((outcome.suite, outcome.check_id))
        if one is None or not outcome.integrity or outcome.status in (Status.SKIP, Status.ERROR):
            continue
        again, before = _ended(outcome), (one["status"], one["codes"])
        if again != before if is_whole else outcome.codes and not one["codes"]:
            yield (
                f"{outcome.suite}::{outcome.check_id} is {_words(*again)} when it is run again, but was filed as "
                f"{_words(*before)}."
            )


def _ended(outcome: Outcome) -> tuple[str, dict[str, int]]:
    return outcome.status.value, dict(outcome.codes)


def _words(status: str, codes: Mapping[str, int]) -> str:
    found = ", ".join(f"{count:,} {code}" for code, count in codes.items())
    return f"{status} ({found})" if found else status
