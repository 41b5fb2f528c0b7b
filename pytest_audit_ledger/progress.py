"""A progress bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from pytest_audit_ledger.scan import Advance


@contextmanager
def progress_bar(total: int | None) -> Iterator[Advance]:
    """Show entries read, rate and time left on standard error; a bar that is done is wiped off."""
    with tqdm(
        total=total, unit=" entries", unit_scale=True, desc="audit ledger", leave=False, disable=None, file=sys.stderr
    ) as bar:

        def advance(entries: int) -> None:
            bar.update(entries)

        yield advance
