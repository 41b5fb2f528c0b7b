"""Results that one process of a pytest-xdist run makes for all: a lock lets one in, a file holds the result."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Exchange:
    """A folder that only the user of a run can read, in which its processes share results by name."""

    folder: Path

    def once(self, name: str, make: Callable[[], Result]) -> Result:
        """Return what `make` returns. It is called in one process only; the others wait."""
        from filelock import FileLock  # noqa: PLC0415  (slow to import, and only runs with pytest-xdist need it)

        with FileLock(self.folder / f"{name}.lock"):
            found: Result | None = self.result(name)
            if found is None:
                found = make()
                partial = self.folder / f"{name}.partial"
                partial.write_bytes(pickle.dumps(found))
                partial.replace(self.folder / name)
            return found

    def result(self, name: str) -> Any:
        """Return the result of this name, None if there is none yet."""
        path = self.folder / name
        # written by a process of this run, into a folder that only its user can read
        return pickle.loads(path.read_bytes()) if path.exists() else None  # noqa: S301
