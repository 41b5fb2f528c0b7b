"""The contents of a suite: checks, controls and waivers."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.model.outcome import Severity, Waiver


@dataclass(frozen=True)
class Control:
    """A requirement of a framework, in its words.

    `oscal` is the name of a catalog of OSCAL and the control's id there, or None if the suite names none.
    """

    title: str
    url: str = ""
    oscal: tuple[str, str] | None = None


@dataclass(frozen=True)
class SuiteSource:
    """A file that a suite was read from: its name in results, its path, and the SHA-256 of its bytes."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Check:
    """One use of a kind, as declared in a suite.

    `suite` is the name of the suite that is run; `file` and `line` are where the check is declared. `samples` is None
    if the run sets it. `values` are those of a `parametrize`.
    """

    id: str
    suite: str
    kind: type[Kind]
    parameters: Mapping[str, Any]
    severity: Severity
    description: str
    controls: tuple[str, ...]
    path: Path
    line: int
    file: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    samples: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    waiver: Waiver | None = None

    @property
    def location(self) -> str:
        """The place of the check, as `file:line`."""
        return f"{self.file or self.suite}:{self.line}"

    def parameters_in(self, run_parameters: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return its parameters in a run; those of the run come first."""
        return {**self.parameters, **run_parameters.get(self.kind.name, {})}


@dataclass(frozen=True)
class Suite:
    """A suite: its name (the file's), the SHA-256 of its bytes, its checks, and the controls it declares.

    `included` are the names and digests of the files that it includes, directly or through others.
    """

    name: str
    path: Path
    sha256: str
    checks: tuple[Check, ...]
    controls: Mapping[str, Control] = field(default_factory=dict)
    included: tuple[tuple[str, str], ...] = ()

    @property
    def files(self) -> tuple[SuiteSource, ...]:
        """The files that it was read from, its own first."""
        here = posixpath.dirname(self.name) or "."
        return (
            SuiteSource(self.name, self.path, self.sha256),
            *(
                SuiteSource(name, self.path.parent / posixpath.relpath(name, here), digest)
                for name, digest in self.included
            ),
        )
