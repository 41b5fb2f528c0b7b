"""What the options of a run say, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_audit_ledger.checkpoints.store import refuse_missing
from pytest_audit_ledger.commands import Given
from pytest_audit_ledger.files.stores import path_of
from pytest_audit_ledger.kinds.run_parameters import RunParameters, run_parameters
from pytest_audit_ledger.model.named_text import NamedText
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.plugin.option_declarations import value
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.named import named_source
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.profile_choice import chosen_profile
from pytest_audit_ledger.verify.parameters import given
from pytest_audit_ledger.verify.pools import parse_executor
from pytest_audit_ledger.verify.resumption import since_options
from pytest_audit_ledger.verify.run import VerificationRequest, parse_standby_tolerance
from pytest_audit_ledger.verify.scan import parse_workers


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    `source` is None for a demo, which has to be started first. `request` says how to verify; a run adds its checks.
    """

    dsn: Dsn
    source: Source | None
    table: str | None
    profile: Profile
    timeout: int
    suites: tuple[Path, ...]
    investigate: bool
    request: VerificationRequest

    @property
    def given(self) -> Given:
        """What suggested commands repeat if the ledger could not be opened; otherwise the verification knows it."""
        ledger, table = self.dsn.repeatable(), self.table or ""
        return given(ledger, table, profile=self.profile, run_parameters=self.request.run_parameters)

    @property
    def is_export(self) -> bool:
        """Whether the entries come from a file."""
        return isinstance(self.source, ExportFile)


def read_options(config: pytest.Config, dsn: str) -> Options:
    """Return the options for the ledger that `dsn` names.

    Raises UsageError if an option cannot be used. Connects to nothing.
    """
    table, timeout = value(config, "table"), value(config, "timeout")
    profile = chosen_profile(value(config, "profile"), config.pluginmanager)
    return Options(
        dsn=Dsn(dsn),
        source=named_source(dsn, table, timeout, profile),  # every mistake shows now
        table=table,
        profile=profile,
        timeout=timeout,
        suites=tuple(value(config, "suites")),
        investigate=value(config, "investigate"),
        request=VerificationRequest(
            checks=(),
            workers=parse_workers(value(config, "workers")),
            opening=parse_executor(value(config, "executor")),
            samples=value(config, "samples"),
            allow_empty=value(config, "allow-empty"),
            run_parameters=given_options(config),
            allow_integrity_waivers=value(config, "allow-integrity-waivers"),
            since=since_options(since_checkpoint=value(config, "since-checkpoint"), recheck=value(config, "recheck")),
            standby_tolerance_s=parse_standby_tolerance(value(config, "standby-tolerance")),
        ),
    )


def given_options(config: pytest.Config) -> RunParameters:
    """Return the parameters of kinds that options set: checkpoints and keys. Raises UsageError."""
    here = config.invocation_params.dir
    folders = [NamedText(str(path_of(folder, here)), folder) for folder in value(config, "checkpoint")]
    made = value(config, "write-checkpoint")
    parameters = run_parameters(
        checkpoints=folders,
        verifier_keys=value(config, "verifier-key"),
        require_checkpoint=value(config, "require-checkpoint"),
        max_unanchored=value(config, "max-unanchored"),
        transcript_keys=value(config, "transcript-key"),
    )
    if not value(config, "require-checkpoint"):  # which finds the lack of one
        refuse_missing([folder for folder in folders if made is None or path_of(folder) != path_of(made, here)])
    return parameters
