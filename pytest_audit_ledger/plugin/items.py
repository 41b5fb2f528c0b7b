"""Suites as collectors and checks as items: `collect` parses, `setup` gets the outcome, `runtest` judges."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pytest_audit_ledger.errors import LedgerError, SuiteError
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.output.outcome_text import describe
from pytest_audit_ledger.plugin.run_state import RUN
from pytest_audit_ledger.suite.check import Check
from pytest_audit_ledger.suite.loader import load

REGISTRY = pytest.StashKey[Registry]()


class LedgerWarning(pytest.PytestWarning):
    """A check of severity warning found something."""


def fail_as_expected(item: pytest.Item, reason: str, details: str) -> NoReturn:
    """End an item as an expected failure with this reason; under --runxfail as a failure with these details.

    pytest.xfail does nothing under --runxfail, so that the item would pass.
    """
    if item.config.getoption("runxfail", default=False):
        pytest.fail(details, pytrace=False)
    pytest.xfail(reason)


class LedgerItem(pytest.Item):
    """An item that is not a function: a check or an attack."""

    def tell(self, told: Mapping[str, object]) -> None:
        """Add facts to the JUnit file. Those of an earlier run of this item are replaced (pytest-rerunfailures)."""
        others = [(name, value) for name, value in self.user_properties if name not in told]
        self.user_properties[:] = [*others, *((name, str(value)) for name, value in told.items())]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what to show, with its first line for the summary at the end, where pytest shows all lines in CI."""
        shown = super().repr_failure(excinfo, style)
        crash = getattr(shown, "reprcrash", None)
        if crash is not None:
            crash.message = crash.message.partition("\n")[0]
        return shown


class CheckItem(LedgerItem):
    """One check."""

    def __init__(self, check: Check, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.add_marker(pytest.mark.ledger)
        for control in check.controls:
            self.add_marker(pytest.mark.ledger_control(id=control))
        self.extra_keyword_matches.update(check.tags)

    def setup(self) -> None:
        """Get the outcome. A check that could not be evaluated is an error here, not a failure later."""
        try:
            outcome = self._outcome = self.config.stash[RUN].outcome(self.nodeid)
        except LedgerError as error:
            self._tell(Status.ERROR)
            pytest.fail(f"{self.check.id}: could not be evaluated\n  why    {error}", pytrace=False)
        self._tell(outcome.status, outcome)
        if outcome.status is Status.ERROR:
            pytest.fail(describe(outcome), pytrace=False)
        if outcome.status is Status.SKIP:
            pytest.skip(outcome.reason)

    def runtest(self) -> None:
        """Fail, warn or be waived, as the outcome says."""
        if self._outcome.status is Status.WAIVED:
            fail_as_expected(self, self._outcome.reason, describe(self._outcome))
        if self._outcome.status is Status.FAIL:
            pytest.fail(describe(self._outcome), pytrace=False)
        if self._outcome.status is Status.WARN:
            described = describe(self._outcome)
            with suppress(LedgerWarning):
                self.warn(LedgerWarning(described))
                return
            pytest.fail(described, pytrace=False)  # pytest -W error

    def _tell(self, status: Status, outcome: Outcome | None = None) -> None:
        """Add the facts about the check to the JUnit file."""
        told = {
            "ledger.suite": self.check.suite,
            "ledger.kind": self.check.kind.name,
            "ledger.status": status.value,
            "ledger.severity": self.check.severity.value,
            "ledger.element_count": outcome.element_count if outcome else 0,
            "ledger.unexpected_count": outcome.unexpected_count if outcome else 0,
            "ledger.controls": ", ".join(self.check.controls),
            "ledger.location": self.check.location,
            "ledger.owner": self.check.owner,
            "ledger.waiver": str(self.check.waiver or ""),
        }
        self.tell(told)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Locate the check in its suite."""
        return self.config.rootpath / self.check.file, self.check.line - 1, self.check.id


class _SuiteCollector(pytest.Collector):
    """Collects the checks of the suite at `suite_path`, or only those in `only`."""

    suite_path: Path
    only: tuple[str, ...] = ()

    def collect(self) -> Iterator[CheckItem]:
        """Parse the suite. A mistake in it is a collection error, so that nothing runs."""
        try:
            suite = load(
                self.suite_path,
                self.config.stash[REGISTRY],
                self.nodeid,
                root=self.config.rootpath,
                profile=self.config.stash[RUN].options.profile,
            )
        except SuiteError as error:
            raise self.CollectError(
                f"The suite {self.nodeid} was not understood, so nothing was checked.\n{error}"
            ) from error
        self.config.stash[RUN].suites[suite.name] = suite
        unknown = set(self.only) - {check.id for check in suite.checks}
        if unknown:
            raise self.CollectError(f"There is no check {', '.join(sorted(unknown))} in {self.nodeid}.")
        for check in suite.checks:
            if not self.only or check.id in self.only:
                yield CheckItem.from_parent(self, name=check.id, check=check)


class SuiteFile(_SuiteCollector, pytest.File):
    """A suite in a folder of the user's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite_path = self.path


class ShippedSuite(_SuiteCollector):
    """A suite of this package. Its node id is its name, wherever the package is installed.

    It is not a pytest.File, because `--lf` drops files that it does not find under the root folder.
    """

    def __init__(self, suite_path: Path, only: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite_path = suite_path
        self.only = only
