"""Write the facts about the ledger as properties of the test suite into pytest's own JUnit file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.verification_json import properties as verification_properties
from pytest_audit_ledger.plugin.run_state import Result, RunState

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_properties(config: pytest.Config, run: RunState) -> None:
    """Add the properties of a run, if pytest writes a JUnit file."""
    add_properties(config, properties(run), "ledger")


def add_properties(config: pytest.Config, told: Mapping[str, Any], prefix: str) -> None:
    """Add properties to the test suite, if pytest writes a JUnit file.

    pytest offers `add_global_property` only to fixtures, and a run may have none, or run them in other processes; so
    the writer is found among the plugins by that method.
    """
    writers = [plugin for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "add_global_property")]
    for writer in writers:
        for name, value in told.items():
            writer.add_global_property(f"{prefix}.{name}", _NOT_XML.sub("?", str(value)))


def properties(run: RunState) -> dict[str, Any]:
    """Return the facts about the ledger, by name; unknown ones are left out."""
    result = run.result()
    if result is None:
        source = run.source or run.options.source
        return {"database": source.label if source else run.options.dsn, "assurance": Assurance.UNVERIFIED.value}
    told = verification_properties(result.verification)
    if run.written:
        told["artifacts"] = ", ".join(f"{file.path} sha256:{file.sha256}" for file in run.written)
    return {**told, **_investigation(result)}


def _investigation(result: Result) -> dict[str, Any]:
    """Return the number of incidents and the first of them, if an investigation was requested."""
    if result.investigation is None:
        return {"not_investigated": result.not_investigated} if result.not_investigated else {}
    from pytest_audit_ledger.output.investigation_text import SHORT, in_one_line  # noqa: PLC0415  (only where asked for)

    incidents = result.investigation.incidents
    first = {f"incident_{place}": line for place, line in enumerate(map(in_one_line, incidents[:SHORT]), 1)}
    undecided = " ".join(printable(one.words) for one in result.investigation.undecided)
    return {"incidents": len(incidents), **first, **({"undecided": undecided} if undecided else {})}
