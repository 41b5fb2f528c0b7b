"""Show progress: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from pytest_audit_ledger.model.progress import ENTRIES, Advance, no_progress


def progress_bar(total: int | None, unit: str = ENTRIES, /) -> AbstractContextManager[Advance]:
    """Return a bar on standard error with the number read, the rate and the time left: a Progress."""
    return _bar(total, unit) if sys.stderr.isatty() else no_progress(total, unit)


@contextmanager
def _bar(total: int | None, unit: str) -> Iterator[Advance]:
    from tqdm import tqdm  # noqa: PLC0415  (slow to import, and most runs have no terminal)

    with tqdm(total=total, unit=unit, unit_scale=True, desc="audit ledger", leave=False, file=sys.stderr) as bar:

        def advance(more: int) -> None:
            bar.update(more)

        yield advance
