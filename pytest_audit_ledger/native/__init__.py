"""The native core, `core.c`: reads COPY text and hashes entries quickly, if this machine could build it.

Without it, or if the variable PYTEST_AUDIT_LEDGER_PURE is set, Python does the same, more slowly.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_audit_ledger.native.core import Rows

PURE = "PYTEST_AUDIT_LEDGER_PURE"


def rows_type() -> type[Rows] | None:
    """Return what the native core makes of COPY text; None if it is not in use."""
    if os.environ.get(PURE):
        return None
    try:
        found: type[Rows] = import_module("pytest_audit_ledger.native.core").Rows
    except ImportError:
        return None
    return found


ROWS = rows_type()


def in_use() -> str:
    """Return what reads and hashes entries, as `--version` and pytest's header say it."""
    if ROWS is not None:
        return "native core"
    return f"Python ({PURE} is set)" if os.environ.get(PURE) else "Python (the native core was not built)"
