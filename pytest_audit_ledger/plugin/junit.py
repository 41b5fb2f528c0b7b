"""Make pytest's own JUnit file stand as evidence: facts about the ledger, and what each check judged and found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.junit_xml import PREFIX, complete, without_control_characters
from pytest_audit_ledger.output.verification_json import properties as verification_properties
from pytest_audit_ledger.output.who_ran import who_ran
from pytest_audit_ledger.plugin.option_declarations import value
from pytest_audit_ledger.plugin.run_state import Result, RunState


def write_properties(config: pytest.Config, run: RunState) -> None:
    """Add the properties of a run, if pytest writes a JUnit file."""
    add_properties(config, properties(run), PREFIX.rstrip("."))


def refuse_strict(config: pytest.Config) -> None:
    """Raise UsageError if the strict form is asked for, and cannot be written."""
    if value(config, "junit-strict") and config.getoption("xmlpath", default=None) is None:
        raise UsageError("--ledger-junit-strict only works with a JUnit file.", "Add --junitxml=FILE.")
    if value(config, "junit-strict") and config.getini("junit_family") != "xunit2":
        family = config.getini("junit_family")
        raise UsageError(
            f"--ledger-junit-strict does not work with junit_family={family}.", "Set junit_family=xunit2, or omit it."
        )


def complete_file(config: pytest.Config, run: RunState) -> None:
    """Complete the JUnit file that pytest wrote, if it did. What goes wrong fails the run, as with artifacts."""
    for writer in _writers(config):
        path = Path(getattr(writer, "logfile", ""))
        if path.is_file():
            _complete(path, config, run)


def _complete(path: Path, config: pytest.Config, run: RunState) -> None:
    result = run.result()
    try:
        complete(
            path,
            result.outcomes if result else {},
            result.verification.controls if result else {},
            prefix=config.getoption("junitprefix", default=None) or "",
            strict=value(config, "junit-strict"),
        )
    except (LedgerError, OSError, ValueError) as error:
        run.unwritten.append(f"The JUnit file {path} could not be completed: {error}")


def _writers(config: pytest.Config) -> list[Any]:
    return [plugin for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "add_global_property")]


def add_properties(config: pytest.Config, told: Mapping[str, Any], prefix: str) -> None:
    """Add properties to the test suite, if pytest writes a JUnit file.

    pytest offers `add_global_property` only to fixtures, and a run may have none, or run them in other processes; so
    the writer is found among the plugins by that method.
    """
    for writer in _writers(config):
        for name, fact in told.items():
            writer.add_global_property(f"{prefix}.{name}", without_control_characters(str(fact)))


def properties(run: RunState) -> dict[str, Any]:
    """Return the facts about the ledger, by name; unknown ones are left out."""
    result = run.result()
    if result is None:
        source = run.source or run.options.source
        return {"database": source.label if source else run.options.dsn, "assurance": Assurance.UNVERIFIED.value}
    told = {**verification_properties(result.verification), **who_ran(result.verification, os.environ)}
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
