"""Measures what a verification since a checkpoint costs, when a thousand entries are new, against one of every entry.

Twice: as whole processes, which is what a user of the command waits for and in which starting Python and importing the
package cost the same whatever is read; and as calls of the Python API in a process that has started. Both open their
own connection, load the suite, prove the checkpoint and its record, and ask the guards.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger

NEW = 1_000
KEY = SigningKey("bench.example/ledger", bytes(range(32)))
MODES: Mapping[str, Mapping[str, Any]] = {
    "every entry": {},
    "since the checkpoint": {"since_checkpoint": True},
    "since the checkpoint, 1/30 re-read": {"since_checkpoint": True, "recheck": "1/30"},
}
_OPTIONS = {
    "every entry": (),
    "since the checkpoint": ("--since-checkpoint",),
    "since the checkpoint, 1/30 re-read": ("--since-checkpoint", "--recheck", "1/30"),
}


def incremental(dsn: str, entries: int, rounds: int, step_s: float) -> str:
    """Sign a checkpoint of a ledger, append to it, and return the medians of verifying it as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        if not Ledger(dsn).create_checkpoint(folder, KEY).path:
            sys.exit("the ledger could not be verified")
        with Forger(dsn) as forger:
            forger.append(islice(sample_entries(entries + NEW, step_s=step_s), entries, None))
            forger.run("VACUUM ANALYZE ledger_entries")
        processes = {"starting alone (--version)": statistics.median(_started("--version") for _ in range(rounds))}
        calls: dict[str, float] = {}
        for mode, options in _OPTIONS.items():
            verify = ("verify", "--ledger-db", dsn, "--checkpoint", folder, "--verifier-key", str(KEY.verifier()))
            processes[mode] = statistics.median(_started(*verify, *options) for _ in range(rounds))
            calls[mode] = statistics.median(_called(dsn, folder, MODES[mode]) for _ in range(rounds))
    return _table(processes, calls)


def _started(*arguments: str) -> float:
    command = [sys.executable, "-m", "pytest_audit_ledger", *arguments]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=Path(tempfile.gettempdir()))
    return time.perf_counter() - begun


def _called(dsn: str, folder: str, options: Mapping[str, Any]) -> float:
    begun = time.perf_counter()
    with Ledger(dsn) as ledger:
        verification = ledger.verify_integrity(
            checkpoints=[folder], verifier_keys=[str(KEY.verifier())], workers=1, **options
        )
    if not verification.is_valid:
        sys.exit(f"the ledger is {verification.assurance.value}: {verification.sentence}")
    return time.perf_counter() - begun


def _table(processes: Mapping[str, float], calls: Mapping[str, float]) -> str:
    rows = [
        (
            name,
            f"{seconds:.2f}",
            f"{calls[name]:.3f}" if name in calls else "",
            f"1/{processes['every entry'] / seconds:.0f}" if name in calls else "",
            f"1/{calls['every entry'] / calls[name]:.0f}" if name in calls else "",
        )
        for name, seconds in processes.items()
    ]
    head = ("verified", "seconds, command", "seconds, API", "of the whole, command", "of the whole, API")
    return tabulate(rows, head, tablefmt="github", disable_numparse=True, colalign=("left", *["right"] * 4))
