"""The ledger that is backed up, and a key to encrypt for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyrage
import pytest

from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.backups import ENTRIES
from tests.support.databases import empty_database
from tests.support.hostile import hostile_entries
from tests.support.rows import chained


@pytest.fixture(scope="package")
def ledger(server: str) -> Iterator[Forger]:
    """A ledger of schema v3 with hostile texts and documents, on a server that is not in UTC; nobody changes it."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        ((name,),) = forger.run("SELECT current_database()")
        forger.run(f"ALTER DATABASE {name} SET timezone = 'America/New_York'")
        hostile = list(hostile_entries())
        forger.build(entries=chained([*hostile, *islice(sample_entries(ENTRIES), len(hostile), None)]), schema="3")
        forger.run("""ALTER TABLE ledger_entries ADD own jsonb NOT NULL DEFAULT '{"b": 1.50, "a": "é\\n\\u2028"}'""")
        yield forger


@pytest.fixture(scope="package")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a private key, and its public one next to it."""
    key = pyrage.x25519.Identity.generate()
    path: Path = tmp_path_factory.mktemp("age") / "key.txt"
    path.write_text(f"# created: today\n{key}\n")
    path.with_suffix(".pub").write_text(str(key.to_public()))
    return path
