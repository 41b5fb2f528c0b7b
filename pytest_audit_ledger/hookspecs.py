"""The hooks that this package adds to pytest, for plugins and for a conftest.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pytest_audit_ledger.drill.attacks.attack import Attack
    from pytest_audit_ledger.kinds.kind import Kind
    from pytest_audit_ledger.output.artifact import Artifact

hookspec = pluggy.HookspecMarker("pytest")
"""The marker of pytest's own plugin manager, so that the command can use these hooks without importing pytest."""


@hookspec
def pytest_ledger_register_kinds() -> Iterable[type[Kind]]:  # type: ignore[empty-body]
    """Return the kinds that a plugin, or a conftest.py, adds to those a suite may name.

    In pytest our own kinds come through this hook as well. A name that is taken is refused, naming both plugins. The
    command `audit-ledger` and the class `Ledger` know nothing of a conftest.py; they ask every installed plugin of
    pytest (entry point `pytest11`) whose package requires this one.

    A kind is a ScanKind, a CatalogKind or a QueryKind; `kinds/kind.py` says which is for what, and `kinds/data_kind.py`
    has RowKind and DataKind for kinds in SQL. Its `parameters_schema` is what a suite may say: suites are checked with
    it, and `audit-ledger suite schema` prints it for editors. The first paragraph of its docstring describes it in
    `audit-ledger suite kinds`.

        # my_plugin.py, or conftest.py
        from pytest_audit_ledger import Batch, Finding, ScanKind

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

    A suite then says `expect: no_llm_verdicts`. examples/third_party_kind is a package with a fold and a kind in SQL.
    """


@hookspec
def pytest_ledger_register_attacks() -> Iterable[Attack]:  # type: ignore[empty-body]
    """Return the attacks that a plugin, or a conftest.py, adds to the catalogue that the drill commits.

    They are found as kinds are (see above), and a name that is taken is refused in the same way.
    `drill/attacks/attack.py` says what an attack is, and `scratch/scratch_ledger.py` what can be done to the ledger of
    its target.

        from pytest_audit_ledger import Claim, Target, attack

        @attack("call a reading another one", noticed_by=(Claim("entry_hash"),), remedy="Check entry_hash.")
        def reading_renamed(target: Target) -> None:
            '''Give one entry the telemetry_id of another reading.'''
            target.ledger.store([target.middle], telemetry_id="TEL_0")

        def pytest_ledger_register_attacks():
            return [reading_renamed]
    """


@hookspec
def pytest_ledger_artifacts(config: Any) -> Iterable[Artifact]:  # type: ignore[empty-body]
    """Return what the run is to leave behind, by the options of this run; nothing where none asks for it.

    `config` is pytest's. Called once when the run starts, so that a mistake in an option, a UsageError, shows before
    anything connects. What is returned is written when the checks are done, by the controller under pytest-xdist.

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
