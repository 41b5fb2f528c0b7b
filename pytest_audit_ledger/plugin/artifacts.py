"""What a run leaves behind: which artifacts its options ask for, and writing them when the checks are done."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pytest_audit_ledger.artifacts.base import Artifact, Verified
from pytest_audit_ledger.artifacts.evidence import JUNIT, EvidenceArtifact
from pytest_audit_ledger.artifacts.export import Export, ExportArtifact, export_request
from pytest_audit_ledger.artifacts.files import refuse_full
from pytest_audit_ledger.artifacts.report import ReportArtifact, ReportRequest, refuse_suffix, report_request
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.plugin.run import RUN, Run, is_worker, visible
from pytest_audit_ledger.progress import progress_bar
from pytest_audit_ledger.sources.selection import date_range, fields, selection

_OF_EXPORTS = ("--ledger-fields", "--ledger-verdict", "--ledger-rule", "--ledger-limit")
_OF_REPORTS = ("--ledger-title", "--ledger-organization")
_OF_BOTH = ("--ledger-date-range",)


def wanted(config: pytest.Config) -> list[Artifact]:
    """Return every artifact that the run is to write, ours and those of other plugins.

    Raises UsageError where an option makes no sense.
    """
    if is_worker(config):
        return []
    return [artifact for offered in config.hook.pytest_ledger_artifacts(config=config) for artifact in offered]


def ours(config: pytest.Config) -> list[Artifact]:
    """Return the artifacts of this package that the options ask for, in the order in which they are written."""
    export, report = config.getoption("--ledger-export"), config.getoption("--ledger-report")
    evidence = config.getoption("--ledger-evidence")
    _refuse_alone(config, export is not None, report is not None or evidence is not None)
    artifacts: list[Artifact] = []
    if export is not None:
        artifacts.append(ExportArtifact(_export(config, export)))
    if report is not None:
        refuse_suffix(report)
        artifacts.append(ReportArtifact(config.invocation_params.dir / report, _report(config)))
    if evidence is not None:
        folder = config.invocation_params.dir / evidence
        artifacts.append(EvidenceArtifact(folder, Path(config.getoption("xmlpath")), _report(config)))
    return artifacts


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
    if config.getoption("xmlpath") is None:
        temporary = tempfile.TemporaryDirectory(prefix="audit-ledger-")
        config.add_cleanup(temporary.cleanup)
        config.option.xmlpath = str(Path(temporary.name) / JUNIT)


def _refuse_alone(config: pytest.Config, exports: bool, reports: bool) -> None:
    """Raise UsageError where an option says how something is written that is not asked for."""
    for names, asked, what, how in (
        (_OF_EXPORTS, exports, "what to export, and nothing is exported", "Add --ledger-export=FILE."),
        (
            _OF_REPORTS,
            reports,
            "what stands on a report, and there is none",
            "Add --ledger-report=FILE, or --ledger-evidence=DIR.",
        ),
        (
            _OF_BOTH,
            exports or reports,
            "what to export or report, and there is neither",
            "Add --ledger-export=FILE or --ledger-report=FILE.",
        ),
    ):
        alone = [name for name in names if config.getoption(name) is not None]
        if alone and not asked:
            raise UsageError(f"{alone[0]} says {what}.", how)


def _period(config: pytest.Config) -> tuple[str | None, str | None]:
    days = config.getoption("--ledger-date-range")
    return date_range(days) if days is not None else (None, None)


def _export(config: pytest.Config, path: str) -> Export:
    names = config.getoption("--ledger-fields")
    since, until = _period(config)
    return export_request(
        str(config.invocation_params.dir / Path(path)) if path else "",
        fields=fields(names) if names is not None else (),
        selection=selection(
            start_date=since,
            end_date=until,
            verdict=config.getoption("--ledger-verdict"),
            rule_id=config.getoption("--ledger-rule"),
            limit=config.getoption("--ledger-limit"),
        ),
    )


def _report(config: pytest.Config) -> ReportRequest:
    since, until = _period(config)
    return report_request(
        start_date=since,
        end_date=until,
        title=config.getoption("--ledger-title"),
        organization=config.getoption("--ledger-organization"),
    )


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


def _write(run: Run, artifact: Artifact) -> None:
    result = run.result()
    name = type(artifact).__name__
    if result is None or run.held is None:
        run.unwritten.append(f"{name}: the ledger was not read.")
        return
    try:
        with visible(run.config):
            verified = Verified(result.verification, run.start(), run.held, progress_bar, tuple(run.written))
            run.written.extend(artifact.write(verified))
    except LedgerError as error:
        run.unwritten.append(str(error))
    except Exception as error:  # noqa: BLE001  (anybody's code; the others are still to be written)
        run.unwritten.append(f"The code of the artifact {name} failed with {type(error).__name__}: {error}.")
