"""What the tests of repairs share."""

from __future__ import annotations

import pytest

from tests.forger import Forger


@pytest.fixture
def ledger(forger: Forger) -> Forger:
    """A ledger of schema v2.1 with five entries."""
    return forger.build(5)
