"""A progress bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from pytest_audit_ledger.scan import ENTRIES, Advance


@contextmanager
def progress_bar(total: int | None, unit: str = ENTRIES, /) -> Iterator[Advance]:
    """Show what was read, its rate and the time left on standard error; a bar that is done is wiped off."""
    with tqdm(
        total=total, unit=unit, unit_scale=True, desc="audit ledger", leave=False, disable=None, file=sys.stderr
    ) as bar:

        def advance(more: int) -> None:
            bar.update(more)

        yield advance
