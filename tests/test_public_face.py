"""What `from pytest_audit_ledger import …` gives, and what it costs those who do not ask."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pytest_audit_ledger


@pytest.mark.parametrize("name", pytest_audit_ledger.__all__)
def test_every_public_name_can_be_imported_and_is_documented(name: str) -> None:
    found = getattr(pytest_audit_ledger, name)
    assert isinstance(found, str) or found.__doc__


def test_a_name_that_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing_of_the_kind'"):
        pytest_audit_ledger.nothing_of_the_kind  # noqa: B018


def test_loading_the_plugin_imports_no_library_that_only_a_ledger_needs() -> None:
    script = (
        "import sys, pytest_audit_ledger.plugin; "
        "print(sorted({'psycopg2', 'jsonschema', 'yaml', 'tabulate', 'tqdm', 'click', 'jinja2'} & set(sys.modules)))"
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
