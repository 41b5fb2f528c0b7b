"""Which artifacts the options of a run ask for, and writing them when the checks are done.

An artifact is imported only if its option is given, so that no run waits for what it does not write.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_audit_ledger.commands import completed
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.files.stores import AnyPath, is_store, path_of
from pytest_audit_ledger.files.temporary import temporary_folder
from pytest_audit_ledger.files.writing import refuse_full
from pytest_audit_ledger.options import OF_PYTEST
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.output.progress_bar import progress_bar
from pytest_audit_ledger.plugin.items import REGISTRY
from pytest_audit_ledger.plugin.option_declarations import value
from pytest_audit_ledger.plugin.run_state import RUN, RunState, is_worker, visible
from pytest_audit_ledger.sources.selection import date_range, fields, selection
from pytest_audit_ledger.suite.shipped import checks_of, shipped_suites

if TYPE_CHECKING:
    from pytest_audit_ledger.checkpoints.note import SigningKey
    from pytest_audit_ledger.evidence.ssh_signature import SshKey
    from pytest_audit_ledger.output.oscal import OscalRequest
    from pytest_audit_ledger.report import ReportRequest

_BACKUP, _SCRATCH = ("encryption-key",), ("scratch-db", "allow-superuser-scratch")
_FILTERS = ("fields", "verdict", "rule", "limit", "with-verifier")
_COVER = ("title", "organization")
_PERIOD = ("date-range", "time-zone")
_OSCAL = ("oscal-version", "oscal-satisfied")
_OVERWRITTEN = ("export", "backup", "report", "oscal")
_WRITTEN = ("write-checkpoint", "evidence", *_OVERWRITTEN)


def wanted(config: pytest.Config) -> list[Artifact]:
    """Return every artifact that the run is to write, ours and those of other plugins.

    Raises UsageError if an option makes no sense.
    """
    if is_worker(config):
        return []
    return [artifact for offered in config.hook.pytest_ledger_artifacts(config=config) for artifact in offered]


def ours(config: pytest.Config) -> list[Artifact]:
    """Return the artifacts of this package that the options ask for, in the order in which they are written."""
    if not any(value(config, name) for name in _OVERWRITTEN):
        _refuse_alone(config, ("force",), *_OVERWRITTEN)
    if not any(is_store(value(config, name) or "") for name in _WRITTEN):
        _refuse_alone(config, ("object-lock",), *_WRITTEN)
    return [*_exports(config), *_backups(config), *_checkpoints(config), *_oscal(config), *_reports(config)]


def _checkpoints(config: pytest.Config) -> list[Artifact]:
    folder = value(config, "write-checkpoint")
    if folder is None:
        if value(config, "evidence") is None:
            _refuse_alone(config, ("signing-key",), "write-checkpoint", "evidence")
        return []
    key = _signing_key(config)
    if key is None:
        raise UsageError("--ledger-write-checkpoint needs a key to sign with.", "Add --ledger-signing-key=FILE.")
    if config.stash[RUN].options.is_export:
        raise UsageError("A checkpoint needs a database, not an export.", "Leave --ledger-write-checkpoint out.")
    from pytest_audit_ledger.anchor.creation import CheckpointArtifact
    from pytest_audit_ledger.checkpoints.keys import verifier_keys
    from pytest_audit_ledger.checkpoints.positions import refuse_without_positions

    refuse_without_positions(config.stash[RUN].options.profile)
    trusted = verifier_keys(value(config, "verifier-key"))
    return [CheckpointArtifact(_place(config, folder), key, trusted)]


def _exports(config: pytest.Config) -> list[Artifact]:
    path = value(config, "export")
    if path is None:
        _refuse_alone(config, _FILTERS, "export")
        return []
    from pytest_audit_ledger.export.export import ExportArtifact, export_request

    names = value(config, "fields")
    since, until = _period(config)
    request = export_request(
        _place(config, path) if path else "",
        fields=fields(names) if names is not None else (),
        selection=selection(
            start_date=since,
            end_date=until,
            verdict=value(config, "verdict"),
            rule_id=value(config, "rule"),
            limit=value(config, "limit"),
            time_zone=value(config, "time-zone"),
            profile=config.stash[RUN].options.profile,
        ),
        with_verifier=value(config, "with-verifier"),
        force=value(config, "force"),
    )
    return [ExportArtifact(request)]


def _period(config: pytest.Config) -> tuple[str | None, str | None]:
    days = value(config, "date-range")
    return date_range(days) if days is not None else (None, None)


def _reports(config: pytest.Config) -> list[Artifact]:
    """Return the report and the evidence; the latter comes last, and holds whatever was written before it."""
    report, evidence = value(config, "report"), value(config, "evidence")
    if evidence is None:
        _refuse_alone(config, ("ssh-key",), "evidence")
    if report is None and evidence is None:
        _refuse_alone(config, _COVER, "report", "evidence")
        if value(config, "export") is None:
            _refuse_alone(config, _PERIOD, "export", "report")
        return []
    from pytest_audit_ledger.evidence.folder import EvidenceArtifact
    from pytest_audit_ledger.report import ReportArtifact, refuse_suffix

    request = _report_request(config)
    artifacts: list[Artifact] = []
    if report is not None:
        refuse_suffix(report)
        artifacts.append(ReportArtifact(_place(config, report), request, value(config, "force")))
    if evidence is not None:
        junit = Path(config.getoption("xmlpath"))
        keys = _ssh_key(config), _signing_key(config)
        artifacts.append(EvidenceArtifact(_place(config, evidence), junit, request, _oscal_request(config), *keys))
    return artifacts


def _ssh_key(config: pytest.Config) -> SshKey | None:
    named = value(config, "ssh-key")
    if named is None:
        return None
    from pytest_audit_ledger.evidence.ssh_signature import ssh_key

    return ssh_key(config.invocation_params.dir / named)


def _signing_key(config: pytest.Config) -> SigningKey | None:
    named = value(config, "signing-key")
    if named is None:
        return None
    from pytest_audit_ledger.checkpoints.keys import signing_key

    return signing_key(config.invocation_params.dir / named)


def _oscal(config: pytest.Config) -> list[Artifact]:
    path = value(config, "oscal")
    if path is None:
        if value(config, "evidence") is None:
            _refuse_alone(config, _OSCAL, "oscal", "evidence")
        return []
    from pytest_audit_ledger.output.oscal import OscalArtifact

    return [OscalArtifact(_place(config, path), _oscal_request(config), value(config, "force"))]


def _oscal_request(config: pytest.Config) -> OscalRequest:
    from pytest_audit_ledger.output.oscal import oscal_request

    return oscal_request(value(config, "oscal-version"), satisfied=value(config, "oscal-satisfied"))


def _report_request(config: pytest.Config) -> ReportRequest:
    from pytest_audit_ledger.report import report_request

    since, until = _period(config)
    return report_request(
        start_date=since,
        end_date=until,
        title=value(config, "title"),
        organization=value(config, "organization"),
        time_zone=value(config, "time-zone"),
        profile=config.stash[RUN].options.profile,
    )


def prepare(config: pytest.Config) -> None:
    """If evidence is wanted, have pytest write its JUnit file somewhere, unless it does anyway.

    Called before pytest reads that option. Raises UsageError if the folder cannot be used.
    """
    folder = value(config, "evidence")
    if folder is None or is_worker(config):
        return
    refuse_full(path_of(folder, config.invocation_params.dir) if folder else Path())
    if not config.pluginmanager.hasplugin("junitxml"):
        raise UsageError("Evidence needs the JUnit file, and its plugin is off.", "Leave -p no:junitxml out.")
    from pytest_audit_ledger.evidence.names import JUNIT

    if config.getoption("xmlpath") is None:
        resources = ExitStack()
        config.add_cleanup(resources.close)
        config.option.xmlpath = str(resources.enter_context(temporary_folder()) / JUNIT)


def _backups(config: pytest.Config) -> list[Artifact]:
    path = value(config, "backup")
    if path is None:
        concerned = _BACKUP if value(config, "drill") else _BACKUP + _SCRATCH
        _refuse_alone(config, concerned, "backup")
        return []
    from pytest_audit_ledger.backup.creation import BackupArtifact, backup_request
    from pytest_audit_ledger.backup.encryption import read_key
    from pytest_audit_ledger.backup.prover import Prover
    from pytest_audit_ledger.scratch.server import Scratch

    named, scratch = value(config, "encryption-key"), value(config, "scratch-db")
    if config.stash[RUN].options.is_export:
        raise UsageError("Only a database can be backed up, not an export.", "Copy the export, with its manifest.")
    allowed, timeout = value(config, "allow-superuser-scratch"), config.stash[RUN].options.timeout
    place = Scratch(scratch, allow_superuser=allowed, timeout=timeout)  # a mistake in it shows now
    key = read_key(named) if named is not None else None
    request = backup_request(_place(config, path) if path else "", key=key, force=value(config, "force"))
    return [BackupArtifact(request, Prover(checks_of(shipped_suites(config.stash[REGISTRY])), place))]


def _refuse_alone(config: pytest.Config, names: Sequence[str], *needed: str) -> None:
    """Raise UsageError if one of these options is given, which only works with one of those that are needed."""
    alone = next((OF_PYTEST[name].pytest for name in names if value(config, name) not in (None, False)), None)
    if alone is not None:
        others = [OF_PYTEST[name] for name in needed]
        named = " or ".join(option.pytest for option in others)
        remedy = f"Add {' or '.join(f'{option.pytest}={option.type.value}' for option in others)}, or omit {alone}."
        raise UsageError(f"{alone} only works with {named}.", remedy)


def _place(config: pytest.Config, path: str) -> AnyPath:
    """Return where to write what is named relative to the folder that pytest was started in, or in a store."""
    return path_of(path, config.invocation_params.dir, value(config, "object-lock") if is_store(path) else None)


def write_all(session: pytest.Session, *, needs_junit: bool = False) -> None:
    """Write the artifacts that do or do not need the JUnit file.

    One that cannot be written fails the run; the others are still written.
    """
    run = session.config.stash[RUN]
    if not run.artifacts or session.exitstatus == pytest.ExitCode.INTERRUPTED:
        return
    for artifact in run.artifacts:
        if artifact.needs_junit is needs_junit:
            _write(run, artifact)
    if run.unwritten and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _write(run: RunState, artifact: Artifact) -> None:
    result = run.result()
    name = type(artifact).__name__
    if result is None or run.held is None:
        run.unwritten.append(f"{name}: the ledger was not read.")
        return
    try:
        found = result.investigation
        with visible(run.config):
            verified = ArtifactContext(
                result.verification, run.start(), run.held, progress_bar, tuple(run.written), found
            )
            run.written.extend(artifact.write(verified))
    except LedgerError as error:
        advice = completed(error.remedy, result.verification.given)
        run.unwritten.append(str(error.advising(advice)))
    except Exception as error:  # noqa: BLE001  (anybody's code; the other artifacts must still be written)
        run.unwritten.append(f"The code of the artifact {name} failed with {type(error).__name__}: {error}.")
