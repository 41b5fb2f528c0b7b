"""A progress bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from pytest_audit_ledger.model.progress import ENTRIES, Advance, no_progress


def progress_bar(total: int | None, unit: str = ENTRIES, /) -> AbstractContextManager[Advance]:
    """Show what was read, its rate and the time left on standard error: a Progress."""
    return _bar(total, unit) if sys.stderr.isatty() else no_progress(total, unit)


@contextmanager
def _bar(total: int | None, unit: str) -> Iterator[Advance]:
    """Show it; a bar that is done is wiped off."""
    from tqdm import tqdm  # noqa: PLC0415  (slow to import, and most runs have no terminal)

    with tqdm(total=total, unit=unit, unit_scale=True, desc="audit ledger", leave=False, file=sys.stderr) as bar:

        def advance(more: int) -> None:
            bar.update(more)

        yield advance
