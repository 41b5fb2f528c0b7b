"""The JSON Schema of the language: the file is what the command prints, and tools that know JSON Schema can use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.suite.authoring import schema
from pytest_audit_ledger.suite.schema import complete
from pytest_audit_ledger.suite.yaml_document import parse
from tests.support.suites import CHECK, HEAD, ORDER

ROOT = Path(__file__).parents[2]
SHIPPED_KINDS_ONLY = [
    *ROOT.glob("checks/*.ledger.yaml"),
    *(path for path in ROOT.glob("examples/*/*.ledger.yaml") if not path.parent.name.endswith("kind")),
]


@pytest.fixture
def validator(registry: Registry) -> Any:
    whole = complete(registry)
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


def test_the_file_is_what_the_command_prints(registry: Registry) -> None:
    assert (folder("checks") / "suite.schema.json").read_text(encoding="utf-8") == schema(registry) + "\n"


@pytest.mark.parametrize("path", SHIPPED_KINDS_ONLY, ids=lambda path: path.name)
def test_every_suite_here_is_valid(validator: Any, path: Path) -> None:
    assert [error.message for error in validator.iter_errors(parse(path.read_text(encoding="utf-8")).data)] == []


@pytest.mark.parametrize(
    "text",
    [
        HEAD + CHECK + "    severty: info\n",
        HEAD + CHECK + "    future_tolerance: 5m\n",
        HEAD + ORDER + "    future_tolerence: 5m\n",
        HEAD + ORDER + "    future_tolerance: soon\n",
        HEAD + CHECK + "    mostly: 0.5\n",
        HEAD + "  - {id: a, expect: not_nul, column: b}\n",
        HEAD + "  - {id: a, expect: not_null}\n",
        HEAD + "  - {id: a, expect: not_null, column: b, error_if: 5}\n",
        "version: 1\n",
        "chekcs: []\n" + HEAD + CHECK,
    ],
)
def test_a_mistyped_suite_is_not_valid(validator: Any, text: str) -> None:
    assert not validator.is_valid(parse(text).data)
