"""The drill as pytest runs it, registered only with --ledger-drill: `drill::edit`, `drill::edit-and-rewrite`.

An attack that a check claims to notice and misses is a failure. One that nothing in the set-up claims to notice is an
xfail, not a skip: it was made and not noticed, as expected, and the reason says what would notice it. An attack that
does not apply is skipped. One that could not be made is an error of set-up.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.commands import Given
from pytest_audit_ledger.drill.attacks.attack import Attack
from pytest_audit_ledger.drill.attacks.catalogue import choose, registered_attacks
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix, Trial
from pytest_audit_ledger.drill.matrix_text import about, claims, described, job_summary, unnoticed
from pytest_audit_ledger.drill.setup import SetUp
from pytest_audit_ledger.drill.trials import drill
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.kinds.registry import registered_kinds
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.progress_bar import progress_bar
from pytest_audit_ledger.plugin.collection import ATTACKS_NAMED
from pytest_audit_ledger.plugin.github import add_to_summary
from pytest_audit_ledger.plugin.items import LedgerItem, fail_as_expected
from pytest_audit_ledger.plugin.junit import add_properties
from pytest_audit_ledger.plugin.made_once import MadeOnce
from pytest_audit_ledger.plugin.option_declarations import value
from pytest_audit_ledger.plugin.request import given_options
from pytest_audit_ledger.plugin.run_state import RUN, is_controller, visible
from pytest_audit_ledger.scratch.server import Scratch
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.suite.shipped import shipped_suites

NAME = "drill"
_EXCHANGE = "ledger_drill_exchange"


@dataclass
class DrillRun(MadeOnce[Matrix]):
    """What a pytest process knows about its drill: the selected attacks, and their results."""

    config: pytest.Config
    set_up: SetUp
    scratch: Scratch
    attacks: list[Attack] = field(default_factory=list)

    @property
    def given(self) -> Given:
        """Return what the user wrote; nothing if there is no ledger."""
        run = self.config.stash.get(RUN, None)
        return run.options.given if run is not None else {}

    def _make(self) -> Matrix:
        config = self.config
        run = config.stash.get(RUN, None)
        if run is not None and run.suites:
            self.set_up = replace(self.set_up, suites=tuple(run.suites.values()))
        with visible(config):
            (matrix,) = drill(
                run.start() if run is not None else None,
                [self.set_up],
                self.attacks,
                entries=value(config, "drill-entries"),
                scratch=self.scratch,
                progress=progress_bar,
            )
        return matrix.naming(self.given)

    def trial(self, attack: str) -> Trial:
        """Return the result of an attack. Raises LedgerError if no attack could be made."""
        return next(trial for trial in self.needed().trials if trial.attack == attack)


DRILL = pytest.StashKey[DrillRun]()


class AttackItem(LedgerItem):
    """One attack."""

    def __init__(self, attack: Attack, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attack = attack
        self.add_marker(pytest.mark.ledger_drill)

    def setup(self) -> None:
        """Get the trial. An attack that could not be made is an error here, not a failure later."""
        try:
            self._trial = self.config.stash[DRILL].trial(self.name)
        except LedgerError as error:
            pytest.fail(f"{self.name}: no attack was made\n  why    {error}", pytrace=False)
        self._tell(self._trial)
        if self._trial.verdict is AttackResult.ERROR:
            pytest.fail(described(self._trial), pytrace=False)
        if self._trial.verdict is AttackResult.NOT_APPLICABLE:
            pytest.skip(printable(self._trial.sentence, 1000))

    def runtest(self) -> None:
        """Pass if the attack was noticed, fail if it was missed, xfail if nothing in the set-up covers it."""
        if self._trial.verdict is AttackResult.MISSED:
            pytest.fail(described(self._trial), pytrace=False)
        if self._trial.verdict in (AttackResult.NOT_COVERED, AttackResult.LIMIT):
            reason = printable(f"{self._trial.sentence} {self._trial.remedy}", 1000)
            fail_as_expected(self, reason, described(self._trial))

    def _tell(self, trial: Trial) -> None:
        """Add the result to the JUnit file."""
        told = {
            "ledger.drill.verdict": trial.verdict.value,
            "ledger.drill.noticed_by": ", ".join(one.check_id for one in trial.by),
            "ledger.drill.claimed_by": ", ".join(trial.claimed_by),
            "ledger.drill.found_at": "" if trial.found_at is None else str(trial.found_at),
            "ledger.drill.touched": str(trial.touched or ""),
            "ledger.drill.remedy": printable(trial.remedy, 1000),
        }
        self.tell(told)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Name the attack. It is not in any file."""
        return self.config.rootpath / NAME, None, self.name


class DrillCollector(pytest.Collector):
    """Collects the attacks of the catalogue, or only those in `only`."""

    only: tuple[str, ...] = ()

    def __init__(self, only: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.only = only

    def collect(self) -> Iterator[AttackItem]:
        """Ask every plugin for its attacks."""
        try:
            chosen = choose(self.only, registered_attacks(self.config.pluginmanager))
        except UsageError as error:
            raise self.CollectError(str(error)) from error
        for attack in chosen:
            yield AttackItem.from_parent(self, name=attack.name, attack=attack)


def start(config: pytest.Config) -> None:
    """Read the options and prepare the drill. Raises pytest.UsageError if an option cannot be used."""
    config.addinivalue_line("markers", "ledger_drill: an attack of the drill (selected by -m ledger_drill)")
    try:
        value(config, "drill-entries")  # a mistake shows now
        scratch = Scratch(value(config, "scratch-db"), allow_superuser=value(config, "allow-superuser-scratch"))
        set_up = SetUp((), given_options(config), allow_integrity_waivers=value(config, "allow-integrity-waivers"))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    told = getattr(config, "workerinput", {}).get(_EXCHANGE)
    run = config.stash[DRILL] = DrillRun(config, set_up, scratch, exchange=Path(told) if told else None)
    config.add_cleanup(run.close)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Read the suites, now that every plugin and the first conftest.py are loaded."""
    config = session.config
    try:
        registry = registered_kinds(config.pluginmanager)
        named = [load(path, registry) for path in value(config, "suites")]
        run = config.stash[DRILL]
        run.set_up = replace(run.set_up, suites=tuple(named or shipped_suites(registry)))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is attacked."""
    entries = value(config, "drill-entries")
    what = "a copy of its first" if RUN in config.stash else "a sample ledger of"
    return f"audit ledger drill: {what} {entries:,} entries"


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Take `drill` and `drill::edit` out of the arguments, before pytest looks for such files."""
    config = session.config
    if is_controller(config):
        return
    for argument in list(config.args):
        name, *attacks = argument.split("::")
        if name == NAME and not (config.invocation_params.dir / name).exists():
            config.args.remove(argument)
            config.stash.setdefault(ATTACKS_NAMED, []).append(tuple(attacks))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the attacks, all or those that arguments name, to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session):
        report.result = [*report.result, *_collectors(collector)]
    return report


def _collectors(session: pytest.Session) -> Sequence[pytest.Collector]:
    named = session.config.stash.get(ATTACKS_NAMED, [()])
    only = () if () in named else tuple(name for attacks in named for name in attacks)
    return [DrillCollector.from_parent(session, name=NAME, nodeid=NAME, only=only)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember which attacks are selected; only these are made."""
    session.config.stash[DRILL].attacks = [item.attack for item in session.items if isinstance(item, AttackItem)]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Make the attacks before the first item runs and outside of it, so that the time is not counted as that item's.

    The outermost wrapper, because pytest-timeout starts its clock in one.
    """
    if isinstance(item, AttackItem):
        item.config.stash[DRILL].make_once()
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the folder through which all share one drill."""
    node.workerinput[_EXCHANGE] = str(node.config.stash[DRILL].share())


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Add to the JUnit file what would go unnoticed, before pytest writes it."""
    matrix = session.config.stash[DRILL].result()
    if matrix is not None:
        told = {f"unnoticed.{trial.attack}": trial.remedy for trial in matrix.unnoticed}
        add_properties(session.config, {"meaning": matrix.sentence, **told}, "ledger.drill")
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the section about the drill: first what would go unnoticed, and what would notice it."""
    matrix = config.stash[DRILL].result()
    if matrix is None:
        return
    terminalreporter.write_sep("=", "audit ledger drill")
    terminalreporter.write_line(matrix.sentence, bold=True, **_colour(matrix.gravest))
    for trial in matrix.unnoticed:
        terminalreporter.write_line(printable(unnoticed(trial), 2000), **_colour(trial.verdict))
    for sentence in claims(matrix):
        terminalreporter.write_line(sentence, **_colour(AttackResult.NOTICED))
    terminalreporter.write_line("")
    for sentence in about(matrix):
        terminalreporter.write_line(printable(sentence, 2000))
    add_to_summary(terminalreporter, job_summary(matrix))


def _colour(verdict: AttackResult) -> dict[str, bool]:
    return {verdict.colour: True} if verdict.colour else {}
