"""What a run leaves behind: which artifacts its options ask for, and writing them when the checks are done.

An artifact is imported where its option is given: most runs write none, and none need wait for what they do not write.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.files.writing import refuse_full
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.output.progress_bar import progress_bar
from pytest_audit_ledger.plugin.items import REGISTRY
from pytest_audit_ledger.plugin.run_state import RUN, RunState, is_worker, visible
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.selection import date_range, fields, selection
from pytest_audit_ledger.suite.shipped import checks_of, shipped_suites

if TYPE_CHECKING:
    from pytest_audit_ledger.report import ReportRequest

_BACKUP, _SCRATCH = ("--ledger-encryption-key",), ("--ledger-scratch-db",)
_FILTERS = ("--ledger-fields", "--ledger-verdict", "--ledger-rule", "--ledger-limit")
_COVER = ("--ledger-title", "--ledger-organization")
_PERIOD = ("--ledger-date-range",)


def wanted(config: pytest.Config) -> list[Artifact]:
    """Return every artifact that the run is to write, ours and those of other plugins.

    Raises UsageError where an option makes no sense.
    """
    if is_worker(config):
        return []
    return [artifact for offered in config.hook.pytest_ledger_artifacts(config=config) for artifact in offered]


def ours(config: pytest.Config) -> list[Artifact]:
    """Return the artifacts of this package that the options ask for, in the order in which they are written."""
    return [*_exports(config), *_backups(config), *_checkpoints(config), *_reports(config)]


def _checkpoints(config: pytest.Config) -> list[Artifact]:
    folder, key = config.getoption("--ledger-write-checkpoint"), config.getoption("--ledger-signing-key")
    if (folder is None) != (key is None):
        raise UsageError(
            "A checkpoint is written to a folder and signed by a key.",
            "Give --ledger-write-checkpoint=DIR and --ledger-signing-key=FILE, or neither.",
        )
    if folder is None:
        return []
    if config.stash[RUN].options.is_export:
        raise UsageError("A checkpoint is made of a database.", "Leave --ledger-write-checkpoint out for an export.")
    from pytest_audit_ledger.anchor.creation import CheckpointArtifact
    from pytest_audit_ledger.checkpoints.keys import signing_key, verifier_keys

    trusted = verifier_keys(config.getoption("--ledger-verifier-key"))
    here = config.invocation_params.dir
    return [CheckpointArtifact(here / folder, signing_key(here / key), trusted)]


def _exports(config: pytest.Config) -> list[Artifact]:
    path = config.getoption("--ledger-export")
    if path is None:
        _refuse_alone(config, _FILTERS, "says what to export, and nothing is exported.", "Add --ledger-export=FILE.")
        return []
    from pytest_audit_ledger.export.export import ExportArtifact, export_request

    names = config.getoption("--ledger-fields")
    since, until = _period(config)
    request = export_request(
        _place(config, path),
        fields=fields(names) if names is not None else (),
        selection=selection(
            start_date=since,
            end_date=until,
            verdict=config.getoption("--ledger-verdict"),
            rule_id=config.getoption("--ledger-rule"),
            limit=config.getoption("--ledger-limit"),
        ),
    )
    return [ExportArtifact(request)]


def _period(config: pytest.Config) -> tuple[str | None, str | None]:
    days = config.getoption("--ledger-date-range")
    return date_range(days) if days is not None else (None, None)


def _reports(config: pytest.Config) -> list[Artifact]:
    """Return the report and the evidence; the latter comes last, and holds whatever was written before it."""
    report, evidence = config.getoption("--ledger-report"), config.getoption("--ledger-evidence")
    if report is None and evidence is None:
        remedy = "Add --ledger-report=FILE, or --ledger-evidence=DIR."
        _refuse_alone(config, _COVER, "says what stands on a report, and there is none.", remedy)
        if config.getoption("--ledger-export") is None:
            remedy = "Add --ledger-export=FILE or --ledger-report=FILE."
            _refuse_alone(config, _PERIOD, "says what to export or report, and there is neither.", remedy)
        return []
    from pytest_audit_ledger.evidence.folder import EvidenceArtifact
    from pytest_audit_ledger.report import ReportArtifact, refuse_suffix

    here, request = config.invocation_params.dir, _report_request(config)
    artifacts: list[Artifact] = []
    if report is not None:
        refuse_suffix(report)
        artifacts.append(ReportArtifact(here / report, request))
    if evidence is not None:
        artifacts.append(EvidenceArtifact(here / evidence, Path(config.getoption("xmlpath")), request))
    return artifacts


def _report_request(config: pytest.Config) -> ReportRequest:
    from pytest_audit_ledger.report import report_request

    since, until = _period(config)
    return report_request(
        start_date=since,
        end_date=until,
        title=config.getoption("--ledger-title"),
        organization=config.getoption("--ledger-organization"),
    )


def prepare(config: pytest.Config) -> None:
    """Where evidence is wanted, have pytest write its JUnit file somewhere, unless it does.

    Called before pytest reads that option. Raises UsageError where the folder cannot be had.
    """
    folder = config.getoption("--ledger-evidence")
    if folder is None or is_worker(config):
        return
    refuse_full(config.invocation_params.dir / folder if folder else Path())
    if not config.pluginmanager.hasplugin("junitxml"):
        raise UsageError("Evidence holds the JUnit file, and its plugin is off.", "Leave -p no:junitxml out.")
    from pytest_audit_ledger.evidence.folder import JUNIT

    if config.getoption("xmlpath") is None:
        temporary = tempfile.TemporaryDirectory(prefix="audit-ledger-")
        config.add_cleanup(temporary.cleanup)
        config.option.xmlpath = str(Path(temporary.name) / JUNIT)


def _backups(config: pytest.Config) -> list[Artifact]:
    path = config.getoption("--ledger-backup")
    if path is None:
        concerned = _BACKUP if config.getoption("--ledger-drill") else _BACKUP + _SCRATCH
        _refuse_alone(config, concerned, "says how to back up, and nothing is backed up.", "Add --ledger-backup=FILE.")
        return []
    from pytest_audit_ledger.backup.creation import BackupArtifact, backup_request
    from pytest_audit_ledger.backup.encryption import read_key
    from pytest_audit_ledger.backup.prover import Prover

    named, scratch = config.getoption("--ledger-encryption-key"), config.getoption("--ledger-scratch-db")
    if config.stash[RUN].options.is_export:
        raise UsageError("Only a database can be backed up.", "Copy an export, with its manifest.")
    if scratch is not None:
        PostgresSource(scratch)  # a mistake shows now
    request = backup_request(_place(config, path), key=read_key(named) if named is not None else None)
    return [BackupArtifact(request, Prover(checks_of(shipped_suites(config.stash[REGISTRY])), scratch))]


def _refuse_alone(config: pytest.Config, names: Sequence[str], message: str, remedy: str) -> None:
    """Raise UsageError where an option is given that concerns another one, which is not."""
    alone = [name for name in names if config.getoption(name) is not None]
    if alone:
        raise UsageError(f"{alone[0]} {message}", remedy)


def _place(config: pytest.Config, path: str) -> str:
    """Return where a file is to be written that is named where pytest was started."""
    return str(config.invocation_params.dir / Path(path)) if path else ""


def write_all(session: pytest.Session, *, needs_junit: bool = False) -> None:
    """Write the artifacts that do or do not need the JUnit file.

    One that cannot be written fails the run, and the others are written nevertheless.
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
        run.unwritten.append(str(error))
    except Exception as error:  # noqa: BLE001  (anybody's code; the others are still to be written)
        run.unwritten.append(f"The code of the artifact {name} failed with {type(error).__name__}: {error}.")
