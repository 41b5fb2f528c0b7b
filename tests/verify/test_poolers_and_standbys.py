"""Several readers of one snapshot, where a pooler or a standby is in between."""

from __future__ import annotations

import pytest

from pytest_audit_ledger import Assurance, Ledger
from pytest_audit_ledger.verify import pools
from tests.forger import Forger
from tests.support.command import until_no_session
from tests.support.databases import empty_database
from tests.support.replication import pooler, standby_of
from tests.verify.test_pools import PROCESSES

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WORTH_A_CONNECTION", 10)


@pytest.mark.parametrize("mode", ["session", "transaction"])
@pytest.mark.parametrize("executor", ["local", PROCESSES])
def test_readers_join_the_snapshot_through_a_pooler(forger: Forger, mode: str, executor: str) -> None:
    forger.build(300)
    forger.unguarded("UPDATE ledger_entries SET telemetry_id = 'another' WHERE sequence_number IN (7, 170)")
    alone = Ledger(forger.dsn).verify_integrity()
    with pooler(forger.dsn, mode) as through:
        found = Ledger(through).verify_integrity(executor=executor, workers=3)
        until_no_session(forger, busy=True)
    assert [(one.status, one.findings) for one in found.outcomes] == [(o.status, o.findings) for o in alone.outcomes]
    assert (found.survey, found.reading) == (alone.survey, "")


def test_a_pooler_that_allows_no_transaction_is_an_outage_in_one_sentence(forger: Forger) -> None:
    forger.build(10)
    with pooler(forger.dsn, "statement") as through:
        found = Ledger(through).verify_integrity()
    assert found.assurance is Assurance.UNVERIFIED
    assert found.sentence.startswith("Nothing could be verified. The connection was lost: ")


@pytest.mark.parametrize("executor", ["local", PROCESSES])
def test_readers_join_the_snapshot_of_a_standby(server: str, request: pytest.FixtureRequest, executor: str) -> None:
    if request.config.getoption("--test-dsn"):
        pytest.skip("only of the embedded server are there programs to run a standby with")
    with empty_database(server) as dsn, Forger(dsn) as ledger:
        ledger.build(300)
        with standby_of(server, ledger) as standby:
            found = Ledger(standby.dsn).verify_integrity(executor=executor, workers=3)
    assert found.assurance is Assurance.SELF_CONSISTENT
    assert found.total_entries == 300
    assert found.reading.endswith("Read from a standby 0 s behind its primary.")
    assert "not used" not in found.reading
