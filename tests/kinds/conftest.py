"""What the tests of kinds share."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.store import checkpoint_path
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.anchored import KEY
from tests.support.databases import emptied


@pytest.fixture(scope="module")
def signed(workshop: Forger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of the sample ledger at 40 and at 80 entries; entry 100 is above them."""
    folder = tmp_path_factory.mktemp("checkpoints")
    forger = emptied(workshop).build(40)
    for count in (40, 80):
        forger.append(islice(sample_entries(100), len(list(forger.entries())), count))
        result = Ledger(forger.dsn).create_checkpoint(folder, KEY)
        assert result.path == str(checkpoint_path(folder, count)), result.verification.outcomes
    return folder
