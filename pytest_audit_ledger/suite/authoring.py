"""The tools for authors of suites. None of them reads a ledger.

Both front ends call them: the command (`audit-ledger suite …`) and the plugin (`--ledger-lint` …).
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from pytest_audit_ledger.errors import SuiteError, UsageError
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.suite import description as words
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.discovery import SUFFIX, SUFFIXES, find_suites
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.suite.mistakes import did_you_mean
from pytest_audit_ledger.suite.profile_choice import chosen_profile
from pytest_audit_ledger.suite.schema import complete
from pytest_audit_ledger.suite.sql_lint import warnings

_LIST_CHECKS = "To list the checks, run `audit-ledger suite list`."
_LIST_KINDS = "To list the kinds, run `audit-ledger suite kinds`."

STARTER = f"my{SUFFIX}"


def lint(paths: Sequence[Path], here: Path, registry: Registry) -> str:
    """Return a line for each suite among these files and folders, and warnings, without reading a ledger.

    Raises SuiteError with every mistake of every file, and UsageError if there is no suite.
    """
    suites = _loaded(paths, here, registry)
    return "\n".join([*(line for suite in suites for line in warnings(suite)), words.summary(suites)])


def listing(paths: Sequence[Path], here: Path, registry: Registry) -> str:
    """Return a table of the checks in these suites; of the shipped ones if none is named and none is here."""
    return words.listing(_loaded_or_shipped(paths, here, registry))


def explanation(
    check_id: str, paths: Sequence[Path], here: Path, registry: Registry, profile: str | None = None
) -> str:
    """Return everything about the checks with that id, with their SQL for a ledger with this profile.

    Raises UsageError if there is no such check or profile.
    """
    suites = _loaded_or_shipped(paths, here, registry)
    found = [
        (check, suite) for suite in suites for check in suite.checks if check_id in (check.id, check.id.split("[")[0])
    ]
    if not found:
        ids = [check.id for suite in suites for check in suite.checks]
        raise UsageError(
            f"There is no check {check_id!r}{did_you_mean(check_id, ids)}.".replace("?.", "?"), _LIST_CHECKS
        )
    known = chosen_profile(profile)
    return "\n\n".join(words.explanation(check, suite, DEFAULT_SAMPLES, known) for check, suite in found)


def schema(registry: Registry) -> str:
    """Return the JSON Schema of the suite language with these kinds, for editors."""
    return json.dumps(complete(registry), indent=2, ensure_ascii=False)


def kinds(registry: Registry, name: str | None = None) -> str:
    """Return every kind with its parameters, or only the one of that name. Raises UsageError if there is none."""
    if name is None:
        return words.kinds(registry)
    kind = registry.get(name)
    if kind is None:
        close = did_you_mean(name, registry.names())
        raise UsageError(f"There is no kind {name!r}{close}.".replace("?.", "?"), _LIST_KINDS)
    return words.kinds([kind])


def write_starter(path: Path) -> str:
    """Write a commented suite to start with, and return what to do next. Raises OutputError; overwrites nothing."""
    if not path.name.endswith(SUFFIXES):
        raise UsageError(f"{path} is not a valid name of a suite.", f"Name a file that ends in {SUFFIX}.")
    with whole_files(path, overwrite=False) as (file,):
        file.write((folder("checks") / f"starter{SUFFIX}").read_bytes())
    return "\n".join(
        [
            f"Wrote {path}. Edit it, then look for mistakes and run it:",
            f"  audit-ledger suite lint {shlex.quote(str(path))}",
            f"  pytest --ledger-db=DSN {shlex.quote(str(path))}",
        ]
    )


def _loaded_or_shipped(paths: Sequence[Path], here: Path, registry: Registry) -> list[Suite]:
    if paths or find_suites(paths, here):
        return _loaded(paths, here, registry)
    return _loaded(sorted(folder("checks").glob(f"*{SUFFIX}")), here, registry)


def _loaded(paths: Sequence[Path], here: Path, registry: Registry) -> list[Suite]:
    found = find_suites(paths, here)
    if not found:
        where = ", ".join(map(str, paths)) or str(here)
        raise UsageError(f"There is no suite in {where}.", f"Name a file that ends in {SUFFIX}, or a folder with one.")
    suites = [_attempt(path, here, registry) for path in found]
    mistakes = [str(mistake) for mistake in suites if isinstance(mistake, SuiteError)]
    if mistakes:
        raise SuiteError("\n".join(mistakes))
    return [suite for suite in suites if isinstance(suite, Suite)]


def _attempt(path: Path, here: Path, registry: Registry) -> Suite | SuiteError:
    try:
        return load(path, registry, _name(path, here), root=_root(path, here))
    except SuiteError as error:
        return error


def _name(path: Path, here: Path) -> str:
    return os.path.relpath(path, here).replace(os.sep, "/") if path.is_relative_to(here) else path.name


def _root(path: Path, here: Path) -> Path:
    return here if path.is_relative_to(here) else path.parent
