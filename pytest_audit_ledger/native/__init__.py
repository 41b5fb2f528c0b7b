"""The native core, `core.c`: reads COPY text and hashes entries quickly, if this machine could build it.

Without it, or if the variable PYTEST_AUDIT_LEDGER_PURE is set, Python does the same, more slowly.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_audit_ledger.native.core import Rows

PURE = "PYTEST_AUDIT_LEDGER_PURE"


def _core() -> Any:
    """Return the native core; None if it is not in use."""
    if os.environ.get(PURE):
        return None
    try:
        return import_module("pytest_audit_ledger.native.core")
    except ImportError:
        return None


_CORE = _core()

ROWS: type[Rows] | None = _CORE and _CORE.Rows
"""What it makes of COPY text."""

Hashes = Callable[[Iterable[bytes]], list[bytes]]

LEAVES: Hashes | None = _CORE and _CORE.leaves
NODES: Hashes | None = _CORE and _CORE.nodes
"""The hashes of a Merkle tree: of the leaf for each text, and of the node over each two hashes."""


def in_use() -> str:
    """Return what reads and hashes entries, as `--version` and pytest's header say it."""
    if ROWS is not None:
        return "native core"
    return f"Python ({PURE} is set)" if os.environ.get(PURE) else "Python (the native core was not built)"
