"""Find suites: by file, by folder, or by the name of a suite of this package."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.evidence_folder import is_filed
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.loader import load

SUFFIX = ".ledger.yaml"
SUFFIXES = (SUFFIX, ".ledger.yml")

_PASSED_OVER = {"build", "dist", "node_modules", "venv"}


def find_suites(paths: Sequence[Path], here: Path) -> list[Path]:
    """Return the suites among these files and below these folders; below `here` if no path is given.

    A suite in a folder of evidence has to be named itself. A name that is not a file can be that of a suite of this
    package. Raises UsageError for any other; a name that looks like a DSN is not repeated, because of its password.
    """
    found: list[Path] = []
    for named in paths or [here]:
        path, shipped = here / named, folder("checks") / named.name
        if path.is_dir():
            found += sorted(_below(path))
        elif path.is_file():
            found.append(path)
        elif named.name.endswith(SUFFIX) and shipped.is_file():
            found.append(shipped)
        else:
            which = "A DSN is not a suite." if re.search("[@=]|:/", str(named)) else f"There is no suite {named}."
            raise UsageError(which, f"Name a *{SUFFIX} file, or a folder with such files.")
    return list(dict.fromkeys(found))


def own_suites(named: Sequence[str | Path], registry: Registry, profile: Profile | None = None) -> list[Suite]:
    """Return the suites that are named, relative to the current folder, for a ledger with this profile.

    Raises UsageError, and SuiteError also for a suite that is for another profile.
    """
    paths = find_suites([Path(name) for name in named], Path.cwd()) if named else []
    return [load(path, registry, profile=profile) for path in paths]


def _below(top: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _PASSED_OVER]
        suites = [Path(place, name) for name in files if name.endswith(SUFFIXES)]
        yield from (path for path in suites if not is_filed(path))
