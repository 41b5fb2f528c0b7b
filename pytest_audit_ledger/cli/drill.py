"""`audit-ledger drill`."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import click

from pytest_audit_ledger.attacks.catalogue import CATALOGUE
from pytest_audit_ledger.cli.backup import scratch_db_option
from pytest_audit_ledger.cli.options import (
    EXIT_CODES,
    NOT_DONE,
    TAMPERED,
    Aliased,
    ledger_options,
    marks,
    outweighed_by,
    progress,
)
from pytest_audit_ledger.cli.verification import check_timestamps_option, refuse_early, set_up_options
from pytest_audit_ledger.drill.api import run_drill
from pytest_audit_ledger.drill.matrix import Matrix, Verdict
from pytest_audit_ledger.drill.output import as_suffix, refuse_suffix, save
from pytest_audit_ledger.drill.run import DEFAULT_ENTRIES
from pytest_audit_ledger.drill.text import COLOURS, WIDTH, conclusion, listing, mark, text
from pytest_audit_ledger.printable import printable
from pytest_audit_ledger.rendering import Marks

WIDEST = 110
"""Columns of a terminal that sentences fill; beyond, the eye loses the line."""
