"""Facts about the ledger as properties of the test suite in pytest's own JUnit file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.plugin.run_state import Result, RunState

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_properties(config: pytest.Config, run: RunState) -> None:
    """Add the properties of a run, where pytest writes a JUnit file."""
    add_properties(config, properties(run), "ledger")


def add_properties(config: pytest.Config, told: Mapping[str, Any], prefix: str) -> None:
    """Add properties to the test suite, where pytest writes a JUnit file.

    pytest offers `add_global_property` to fixtures only, and there may be none in a run, or they are in other
    processes; so the writer is found among the plugins by that method.
    """
    writers = [plugin for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "add_global_property")]
    for writer in writers:
        for name, value in told.items():
            writer.add_global_property(f"{prefix}.{name}", _NOT_XML.sub("?", str(value)))


def properties(run: RunState) -> dict[str, Any]:
    """Return what is known about the ledger, by name; what was not read is absent."""
    result = run.result()
    if result is None:
        source = run.source or run.options.source
        return {"database": source.label if source else run.options.dsn, "assurance": Assurance.UNVERIFIED.value}
    verification, survey = result.verification, result.verification.survey
    told: dict[str, Any] = {
        "database": verification.database,
        "table": verification.table,
        "assurance": verification.assurance.value,
        "assurance_meaning": verification.sentence,
        "started_at": verification.started_at,
        "duration_s": f"{verification.duration_s:.3f}",
        "tool_version": verification.tool_version,
        "suites": ", ".join(suite.name for suite in verification.suites),
        "suite_sha256": ", ".join(suite.sha256 for suite in verification.suites),
    }
    if verification.info is not None:
        told["server_version"] = verification.info.server_version
        told["schema_version"] = verification.info.schema_version
        told["snapshot"] = verification.info.snapshot
    if survey is not None:
        told["entries"] = survey.entries
        if survey.entries:
            told["sequence_first"] = survey.sequence_first
            told["sequence_last"] = survey.sequence_last
            told["time_first"] = survey.time_first
            told["time_last"] = survey.time_last
            told["head_hash"] = survey.head_hash
    if verification.reading:
        told["reading"] = verification.reading
    anchor = verification.anchor
    if anchor is not None:
        told["anchored_entries"] = anchor.entries
        told["checkpoint"] = anchor.checkpoint
        told["checkpoint_moment"] = anchor.moment
        if anchor.unread:
            told["entries_not_reread"] = anchor.unread
    if run.written:
        told["artifacts"] = ", ".join(f"{file.path} sha256:{file.sha256}" for file in run.written)
    return {**told, **_investigation(result)}


def _investigation(result: Result) -> dict[str, Any]:
    """Return what happened, where that was asked for: how many incidents, and the first of them."""
    if result.investigation is None:
        return {"not_investigated": result.not_investigated} if result.not_investigated else {}
    from pytest_audit_ledger.output.investigation_text import SHORT, in_one_line  # noqa: PLC0415  (only where asked for)

    incidents = result.investigation.incidents
    first = {f"incident_{place}": line for place, line in enumerate(map(in_one_line, incidents[:SHORT]), 1)}
    undecided = " ".join(printable(one.words) for one in result.investigation.undecided)
    return {"incidents": len(incidents), **first, **({"undecided": undecided} if undecided else {})}
