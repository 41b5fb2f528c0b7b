"""What `from pytest_audit_ledger import …` gives, and what it costs those who do not ask."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

import pytest_audit_ledger
from pytest_audit_ledger import types

PUBLIC = {
    module: import_module(module)
    for module in (
        "pytest_audit_ledger",
        *(f"pytest_audit_ledger.{audience}" for audience in ("kinds", "artifacts", "attacks", "types")),
    )
}
"""The public modules: that of applications, and one for each other audience."""

NAMES = [(module, name) for module, found in PUBLIC.items() for name in found.__all__]

RESULTS = [
    found
    for module, name in NAMES
    if is_dataclass(found := getattr(PUBLIC[module], name)) and re.search("Result$|^Verification|^Report$", name)
] + [types.Survey, types.Trial, types.BackupProof, types.Anchor, types.Waiver]


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    found = {(module, name): getattr(PUBLIC[module], name) for module, name in NAMES}
    assert len(found) > 100
    assert [name for name, value in found.items() if not isinstance(value, str) and not value.__doc__] == []


def test_dir_shows_the_names_of_an_application() -> None:
    assert dir(pytest_audit_ledger) == sorted(pytest_audit_ledger.__all__)
    assert {"Ledger", "Verification", "diff", "SourceError"} <= set(dir(pytest_audit_ledger))


def test_no_public_name_is_that_of_a_module() -> None:
    """Importing the module would put it in the place of the name."""
    modules = {path.stem for path in Path(pytest_audit_ledger.__file__).parent.iterdir()}
    assert set(pytest_audit_ledger.__all__) & modules == set()


def functions(owner: object) -> Iterator[object]:
    """Yield a public function, or the public methods, properties and `__init__` of a class, as Python runs them."""
    if inspect.isfunction(owner):
        yield owner
    elif inspect.isclass(owner) and not issubclass(owner, Enum):
        yield owner  # its fields
        for name in dir(owner):
            if name == "__init__" or not name.startswith("_"):
                member = inspect.getattr_static(owner, name)
                for wrapped in ("__func__", "fget", "func"):  # of a class method, a property, a cached property
                    member = getattr(member, wrapped, None) or member
                if inspect.isfunction(member):
                    yield member


def ours(hint: object) -> Iterator[type]:
    """Yield the classes of this package that an annotation names."""
    for part in get_args(hint):
        yield from chain.from_iterable(map(ours, part)) if isinstance(part, list) else ours(part)
    if inspect.isclass(hint) and get_origin(hint) is None and hint.__module__.startswith(pytest_audit_ledger.__name__):
        yield hint


def test_every_type_in_a_public_signature_can_be_had_at_run_time_and_is_public() -> None:
    public = [getattr(PUBLIC[module], name) for module, name in NAMES]
    named = {
        f"{hint.__module__}.{hint.__qualname__} (in {function})"
        for owner in public
        for function in functions(owner)
        if function.__module__.startswith(pytest_audit_ledger.__name__)
        for annotation in get_type_hints(function).values()
        for hint in ours(annotation)
        if hint not in public
    }
    assert named == set()


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.__name__)
def test_a_result_takes_its_fields_by_name_only(result: Any) -> None:
    assert all(field.kw_only for field in fields(result))


def test_a_name_that_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing_of_the_kind'"):
        getattr(pytest_audit_ledger, "nothing_of_the_kind")  # noqa: B009  (a type checker knows that it is not there)


def test_loading_the_plugin_imports_no_library_that_only_a_ledger_needs() -> None:
    script = (
        "import sys, pytest_audit_ledger, pytest_audit_ledger.plugin; "
        "print(sorted({'psycopg2', 'jsonschema', 'yaml', 'tabulate', 'tqdm', 'click', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verifying_by_the_shipped_suites_imports_no_library_that_it_does_not_need() -> None:
    script = (
        "import sys; from pytest_audit_ledger import Ledger; Ledger('dbname=none').verify_integrity(); "
        "others = {'jsonschema', 'cryptography', 'tabulate', 'tqdm', 'jinja2', 'filelock', 'sqlglot'}; "
        "print(sorted(others & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_backup_imports_no_library_that_only_its_proof_needs() -> None:
    script = (
        "import sys, pytest_audit_ledger.backup.creation, pytest_audit_ledger.cli.backup; "
        "others = {'yaml', 'jsonschema', 'cryptography', 'tabulate', 'tqdm', 'jinja2', 'multiprocessing'}; "
        "print(sorted(others & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
