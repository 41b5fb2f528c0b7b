"""What the tests of exports share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.databases import empty_database
from tests.support.hostile import hostile_entries
from tests.support.rows import chained

ENTRIES = 3000


@pytest.fixture(scope="session")
def ledger(server: str) -> Iterator[Forger]:
    """A ledger that nobody changes, on a server that is not in UTC; its first hundred entries are hostile."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        ((name,),) = forger.run("SELECT current_database()")
        forger.run(f"ALTER DATABASE {name} SET timezone = 'America/New_York'")
        hostile = list(hostile_entries())
        forger.build(entries=chained([*hostile, *islice(sample_entries(ENTRIES), len(hostile), None)]))
        yield forger
