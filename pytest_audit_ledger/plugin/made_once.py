"""What a run makes once, when an item first needs it.

Under pytest-xdist the first process that gets there makes it for all: in a folder of the controller's, a lock lets one
process in, and a file holds the result for the others and for the controller's summary.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pytest_audit_ledger.commands import Given, completed
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.files.temporary import temporary_folder

Result = TypeVar("Result")


@dataclass(kw_only=True)
class MadeOnce(ABC, Generic[Result]):
    """A result that all processes of a run share. An error is kept for the items to report.

    `exchange` is the folder that the controller of xdist shares, None without xdist.
    """

    exchange: Path | None = None
    failure: LedgerError | None = None
    _result: Result | None = None
    _resources: ExitStack = field(default_factory=ExitStack)

    @property
    @abstractmethod
    def given(self) -> Given:
        """Return what the user gave, for the commands that an error suggests."""

    @abstractmethod
    def _make(self) -> Result:
        """Make the result. Raises LedgerError if that is not possible."""

    def make_once(self) -> None:
        """Make the result, unless that was done."""
        if self._result is not None or self.failure is not None:
            return
        try:
            self._result = self._made_for_all(self.exchange) if self.exchange else self._make()
        except LedgerError as error:
            self.failure = error.advising(completed(error.remedy, self.given))

    def _made_for_all(self, folder: Path) -> Result:
        from filelock import FileLock  # noqa: PLC0415  (slow to import, and only runs with pytest-xdist need it)

        with FileLock(folder / "lock"):
            found = self.result()
            if found is None:
                found = self._make()
                partial = folder / "partial"
                partial.write_bytes(pickle.dumps(found))
                partial.replace(folder / "result")
            return found

    def result(self) -> Result | None:
        """Return the result, None if there is none (yet)."""
        if self._result is None and self.exchange and (path := self.exchange / "result").exists():
            # written by a process of this run, into a folder that only its user can read
            self._result = pickle.loads(path.read_bytes())  # noqa: S301
        return self._result

    def needed(self) -> Result:
        """Return the result. Raises LedgerError if it could not be made."""
        if self.failure is not None:
            raise self.failure
        result = self.result()
        assert result is not None  # noqa: S101  (items ask after make_once)
        return result

    def share(self) -> Path:
        """Return the folder through which the processes of xdist share the result."""
        if self.exchange is None:
            self.exchange = self._resources.enter_context(temporary_folder())
        return self.exchange

    def close(self) -> None:
        """Stop and delete whatever this run started."""
        self._resources.close()
