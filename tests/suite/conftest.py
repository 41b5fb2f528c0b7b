"""Suites in a folder of their own, read with the shipped kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.loader import load
from tests.support.suites import NAME, Read, Refuse


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.register(SHIPPED, "ours")
    return registry


@pytest.fixture
def read(tmp_path: Path, registry: Registry) -> Read:
    def read(content: str | bytes) -> Suite:
        path = tmp_path / NAME
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return load(path, registry)

    return read


@pytest.fixture
def refuse(read: Read) -> Refuse:
    """Return what is said about a suite that is refused."""

    def refuse(content: str | bytes) -> str:
        with pytest.raises(SuiteError) as refusal:
            read(content)
        return str(refusal.value)

    return refuse
