"""The hooks that this package adds to pytest, for plugins and conftest.py files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pytest_audit_ledger.drill.attacks.attack import Attack
    from pytest_audit_ledger.kinds.kind import Kind
    from pytest_audit_ledger.output.artifact import Artifact

hookspec = pluggy.HookspecMarker("pytest")
"""The marker of pytest's plugin manager, so that the command can use these hooks without importing pytest."""


@hookspec
def pytest_ledger_register_kinds() -> Iterable[type[Kind]]:  # type: ignore[empty-body]
    """Return kinds for suites to use, from a plugin or a conftest.py.

    The shipped kinds come through this hook, too. If a name is taken, the run stops with an error that names both
    plugins. The command `audit-ledger` and the class `Ledger` do not read a conftest.py; they ask every installed
    pytest plugin (entry point `pytest11`) whose package requires this one.

    A kind is a ScanKind, a CatalogKind or a QueryKind; `kinds/kind.py` says which to choose, and `kinds/data_kind.py`
    has RowKind and DataKind for kinds in SQL. All are in `pytest_audit_ledger.kinds`. `parameters_schema` says what a
    suite may write: suites are checked with it, and `audit-ledger suite schema` prints it for editors. The first
    paragraph of the docstring is the description in `audit-ledger suite kinds`.

        # my_plugin.py, or conftest.py
        from pytest_audit_ledger.kinds import Batch, Finding, ScanKind

        class NoLlmVerdicts(ScanKind):
            name = "no_llm_verdicts"
            rule = "No verdict comes from the language model alone."
            remedy = "Ask the model's owner why it decided, and have a person review the entries."
            columns = ("track",)

            def feed(self, batch: Batch) -> None:
                for number, track in zip(batch.sequence_numbers, batch.values("track")):
                    if track == "llm":
                        self.findings.add(Finding("LLM_VERDICT", "decided by the model", number, actual=track))

        def pytest_ledger_register_kinds():
            return [NoLlmVerdicts]

    A suite then says `expect: no_llm_verdicts`. examples/third_party_kind is a package with a scan kind and a row kind.
    """


@hookspec
def pytest_ledger_register_payloads() -> Mapping[str, Callable[..., bytes | None]]:  # type: ignore[empty-body]
    """Return functions that build payloads, by the name that a profile gives to the recipe `python`.

    They are found as kinds are (see above), and a name that is taken is an error, too. A function gets the columns that
    the profile names, as COPY prints them, and the previous hash. It returns the payload, or None if there is none. It
    must be in a module that every process can import.

        def house_payload(columns, previous):
            return f"{previous}/{columns['actor']}".encode()

        def pytest_ledger_register_payloads():
            return {"house": house_payload}

    A profile then says `payload: {python: {function: house, columns: [actor]}}`.
    """


@hookspec
def pytest_ledger_register_attacks() -> Iterable[Attack]:  # type: ignore[empty-body]
    """Return attacks for the catalogue of the drill, from a plugin or a conftest.py.

    They are found as kinds are (see above), and a name that is taken is an error, too. `drill/attacks/attack.py` says
    what an attack is, and `scratch/scratch_ledger.py` what it can do to the ledger of its target.

        from pytest_audit_ledger.attacks import Claim, Target, attack

        @attack("call a reading another one", noticed_by=(Claim("entry_hash"),), remedy="Check entry_hash.")
        def reading_renamed(target: Target) -> None:
            '''Give one entry the telemetry_id of another reading.'''
            target.ledger.store([target.middle], telemetry_id="TEL_0")

        def pytest_ledger_register_attacks():
            return [reading_renamed]
    """


@hookspec
def pytest_ledger_artifacts(config: Any) -> Iterable[Artifact]:  # type: ignore[empty-body]
    """Return the artifacts that the options of this run ask for: files to write when the checks are done.

    `config` is pytest's. pytest calls this once when the run starts, so that a mistake in an option, a UsageError, is
    reported before anything connects. Under pytest-xdist the controller writes the artifacts.

        from pytest_audit_ledger.artifacts import Artifact, whole_files

        class HeadHash(Artifact):
            def __init__(self, path):
                self.path = path

            def write(self, verified):
                with whole_files(self.path) as (draft,):
                    draft.write(verified.verification.survey.head_hash.encode())
                return [draft.written(str(self.path))]

        def pytest_ledger_artifacts(config):
            return [HeadHash(config.rootpath / "head.txt")]
    """
