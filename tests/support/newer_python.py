"""Tools of others that need Python 3.12 or newer, in whatever interpreter has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NEWER = ("python3.12", "python3.13", "python3.14")


def run_newer(environment: str, module: str, code: str, given: str) -> str:
    """Return what code that needs a module prints, given a text on standard input; skip the test without the module.

    `environment` is the folder in `.venv` that the Makefile makes for it; `AUDIT_LEDGER_…_PYTHON` names another Python.
    """
    beside = shutil.which(Path(sys.prefix) / environment / "bin" / "python")
    named = os.environ.get(f"AUDIT_LEDGER_{environment.upper()}_PYTHON")
    for python in (named, beside, sys.executable, *map(shutil.which, NEWER)):
        if python and _has(python, module):
            done = subprocess.run([python, "-c", code], input=given, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout
    pytest.skip(f"no interpreter at hand has {module}, which needs Python 3.12 or newer")


def _has(python: str, module: str) -> bool:
    return not subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode
