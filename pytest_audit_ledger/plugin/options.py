"""The options of the plugin: command line over ini file, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.run_parameters import RunParameters, run_parameters
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.named import DEFAULT_TABLE, named_source
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.resumption import Since, since_options
from pytest_audit_ledger.verify.scan import parse_workers


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    `source` is None for a demo, which has to be started first; `run_parameters` are parameters of kinds that
    options set.
    """

    dsn: str
    source: Source | None
    table: str
    workers: int | None
    samples: int
    timeout: int
    allow_empty: bool
    allow_integrity_waivers: bool
    suites: tuple[Path, ...]
    run_parameters: RunParameters
    since: Since | None
    investigate: bool

    @property
    def is_export(self) -> bool:
        """Whether the entries come from a file."""
        return isinstance(self.source, ExportFile)


def read_options(config: pytest.Config, dsn: str) -> Options:
    """Return the options for the ledger that `dsn` names.

    Raises UsageError where an option cannot be used. Connects to nothing.
    """
    for name in ("--ledger-samples", "--ledger-timeout"):
        if config.getoption(name) < 1:
            raise UsageError(f"{name} must be at least 1.")
    named = config.getoption("--ledger-table")
    table = named if named is not None else config.getini("ledger_table") or DEFAULT_TABLE
    return Options(
        dsn=dsn,
        source=named_source(dsn, table, config.getoption("--ledger-timeout")),  # every mistake shows now
        table=table,
        workers=parse_workers(config.getoption("--ledger-workers")),
        samples=config.getoption("--ledger-samples"),
        timeout=config.getoption("--ledger-timeout"),
        allow_empty=config.getoption("--ledger-allow-empty"),
        allow_integrity_waivers=config.getoption("--ledger-allow-integrity-waivers"),
        suites=tuple(config.getini("ledger_suites")),
        run_parameters=given_options(config),
        since=since_options(
            since_checkpoint=config.getoption("--ledger-since-checkpoint"),
            recheck=config.getoption("--ledger-recheck"),
        ),
        investigate=config.getoption("--ledger-investigate"),
    )


def given_options(config: pytest.Config) -> RunParameters:
    """Return the parameters of kinds that options set: checkpoints and keys. Raises UsageError."""
    return run_parameters(
        checkpoints=[config.invocation_params.dir / folder for folder in config.getoption("--ledger-checkpoint")],
        verifier_keys=config.getoption("--ledger-verifier-key"),
        require_checkpoint=config.getoption("--ledger-require-checkpoint"),
        max_unanchored=config.getoption("--ledger-max-unanchored"),
        transcript_keys=config.getoption("--ledger-transcript-key"),
    )
