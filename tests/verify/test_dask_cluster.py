"""A Dask cluster as the executor: real schedulers and workers, over TCP and TLS, also those that are killed."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from itertools import islice
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.kinds.chain_linkage import ChainLinkage
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify import pools
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import by_id, check, outcomes, verify_checks
from tests.support.clusters import cluster, started, started_workers
from tests.support.command import Invoke, RunLedger, until_no_session
from tests.support.readers import ALL, Reads, opened, other_version, read
from tests.support.waiting import until
from tests.verify.test_pools import compared
from tests.verify.test_profiles import JOIN, TAMPERED, table

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'pytest-audit-ledger[dask]'")

pytestmark = [pytest.mark.server, pytest.mark.slow]  # all start a scheduler

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
OWN = """
version: 1
checks:
  - id: verdicts
    expect: not_null
    column: verdict
"""
HOUSE = """
from pytest_audit_ledger.kinds.chain_linkage import ChainLinkage
class House(ChainLinkage):
    name = "house"
"""
SECRET = "s3cr3t-sesame"
VARIABLE = "AUDIT_LEDGER_TEST_DSN"
LEDGER = f"env:{VARIABLE}"


@pytest.fixture(scope="module")
def lasting(workshop: Forger) -> Iterator[str]:
    """The name of a cluster with two worker processes of two threads each, which know the ledger by a variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, workshop.dsn)
        how = {"n_workers": 2, "threads_per_worker": 2, "processes": True, "protocol": "tcp://"}
        with distributed.LocalCluster(**how, dashboard_address=":0", silence_logs=logging.ERROR) as found:
            yield f"dask:{found.scheduler_address}"


@pytest.mark.parametrize("tampering", ["", "verdict-edited", "middle-deleted"])
def test_a_cluster_finds_what_one_process_finds(
    lasting: str, forger: Forger, monkeypatch: pytest.MonkeyPatch, tampering: str
) -> None:
    """One cluster for all: no result of one run is taken for that of another."""
    monkeypatch.setattr(pools, "WORTH_A_CONNECTION", 10)
    forger.build(200)
    if tampering:
        TAMPERINGS[tampering](forger)
    alone = Ledger(LEDGER).verify_integrity()
    found = Ledger(LEDGER).verify_integrity(executor=lasting, workers=None)
    assert compared(found) == compared(alone)
    assert found.reading == alone.reading
    until_no_session(forger)


def test_the_command_and_pytest_take_it(
    lasting: str, forger: Forger, invoke: Invoke, run: RunLedger, pytester: pytest.Pytester
) -> None:
    forger.build(20)
    result = invoke("verify", "--ledger-db", LEDGER, "--executor", lasting)
    assert result.exit_code == 0, result.output
    assert "SELF-CONSISTENT" in result.stdout
    pytester.makeini(f"[pytest]\nledger_executor = {lasting}\nledger_db = {LEDGER}\n")
    assert "SELF-CONSISTENT" in run().stdout.str()


def test_the_segment_of_a_worker_that_is_killed_is_read_again(lasting: str, tmp_path: Path) -> None:
    with opened(lasting) as executor:
        everything, elsewhere = read(executor, Reads(fatal=50, action="die", once=tmp_path / "once"))
    assert everything == ALL
    assert sorted(elsewhere) == ALL  # Dask gave it to the other worker
    assert executor.note == f"1 of 2 workers of {lasting} were lost; others read their part."


def test_a_segment_that_kills_its_workers_is_read_here() -> None:
    with cluster(2, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as (name, _), opened(name) as executor:
        everything, elsewhere = read(executor, Reads(fatal=50, action="die"))
    assert everything == ALL
    assert 50 not in elsewhere
    assert executor.note == f"The executor {name} lost workers, and this process read what was left."


def test_a_scheduler_that_is_killed_ends_the_run_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with cluster() as (name, scheduler), opened(name) as executor:
        Timer(0.5, scheduler.kill).start()
        started_at = time.monotonic()
        with pytest.raises(SourceError) as caught:
            read(executor, Reads(fatal=0, action="hang"))
    assert time.monotonic() - started_at < 3  # the part takes 4
    assert str(caught.value) == (
        f"The Dask scheduler at {name.removeprefix('dask:')} was lost during the run. "
        "Run again when it is up; nothing was concluded."
    )
    assert capfd.readouterr() == ("", "")


def test_an_address_without_a_scheduler_is_an_outage_after_the_timeout(forger: Forger) -> None:
    forger.build(10)
    found = Ledger(forger.dsn, timeout=1).verify_integrity(executor="dask:tcp://127.0.0.1:9")
    assert found.assurance is Assurance.UNVERIFIED
    assert "No Dask scheduler answers at tcp://127.0.0.1:9 (Timed out trying to connect" in found.sentence
    assert "after 1 s" in found.sentence
    assert "Check the address, and that the scheduler is up" in found.sentence


def test_a_worker_that_hangs_ends_the_run_after_the_timeout(lasting: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did not return a part within 1 s"), opened(lasting, timeout=1) as executor:
        read(executor, Reads(fatal=10, action="hang", once=tmp_path / "once"))


class Freezing(ChainLinkage):
    """A kind that freezes the process that reads, in the middle of the COPY of its segment, and not that of the run."""

    name = "freezing"

    def feed(self, batch: Batch) -> None:
        if os.getpid() != self.parameters["run"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        super().feed(batch)


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_worker_that_is_frozen_ends_the_run_and_leaves_no_session(
    forger: Forger, monkeypatch: pytest.MonkeyPatch, is_interrupted: bool
) -> None:
    """The server waits for it to take the rest of its entries, which are more than fit in between."""
    forger.build(20_000)
    monkeypatch.setenv(VARIABLE, forger.dsn)
    reading = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '% reader' AND wait_event = 'ClientWrite'"
    )
    with cluster() as (name, _):
        source = PostgresSource(LEDGER, timeout=60 if is_interrupted else 3)
        checks = [check(Freezing, {"run": os.getpid()})]
        if is_interrupted:
            Thread(target=_interrupt, args=(lambda: forger.run(reading) == [(1,)],), daemon=True).start()
            with pytest.raises(KeyboardInterrupt):
                verify_checks(source, checks, executor=name)
        else:
            found = outcomes(verify_checks(source, checks, executor=name))["freezing"]
            assert "did not return a part within 3 s" in found.reason
        assert forger.run(reading) == [(0,)]
        until_no_session(forger)


def _interrupt(when: Callable[[], bool]) -> None:
    until(when)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_cluster_reads_what_is_newer_than_a_checkpoint_and_answers_own_sql(
    lasting: str, forger: Forger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pools, "WORTH_A_CONNECTION", 10)
    forger.build(200)
    ledger = Ledger(LEDGER)
    ledger.create_checkpoint(tmp_path / "checkpoints", KEY)
    forger.append(islice(sample_entries(400), 200, None))
    forger.unguarded("UPDATE ledger_entries SET telemetry_id = 'another' WHERE sequence_number = 333")
    (tmp_path / "own.ledger.yaml").write_text(OWN)
    how: dict[str, Any] = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [str(KEY.verifier())]}
    how |= {"suites": [tmp_path / "own.ledger.yaml"], "samples": 100}
    sinces: list[dict[str, Any]] = [{}, {"since_checkpoint": True}, {"since_checkpoint": True, "recheck": "1/2"}]
    for since in sinces:
        alone = ledger.verify_integrity(**how, **since)
        found = ledger.verify_integrity(**how, **since, executor=lasting, workers=None)
        assert compared(found) == compared(alone)
        assert found.reading == alone.reading
    assert by_id(found)["verdicts"].status is Status.PASS
    assert by_id(found)["entry_hash"].status is Status.FAIL


def test_a_cluster_reads_streams(lasting: str, forger: Forger) -> None:
    table(forger, TAMPERED["an amount"][0])
    ledger = Ledger(LEDGER, profile=JOIN)
    alone, found = ledger.verify_integrity(), ledger.verify_integrity(executor=lasting, workers=None)
    assert compared(found) == compared(alone)
    assert "not used" not in found.reading


def test_a_cluster_serves_reports_investigations_and_workers_of_xdist(
    lasting: str, forger: Forger, invoke: Invoke, run: RunLedger, pytester: pytest.Pytester
) -> None:
    forger.build(200)
    forger.unguarded("UPDATE ledger_entries SET telemetry_id = 'another' WHERE sequence_number = 150")
    for command, output in (("report", ["--output", "r.html"]), ("investigate", []), ("evidence", ["--output", "e"])):
        result = invoke(command, "--ledger-db", LEDGER, "--executor", lasting, *output)
        assert result.exit_code == 1, result.output
    found = run(f"--ledger-db={LEDGER}", f"--ledger-executor={lasting}", "-n", "2", "--ledger-export=all.jsonl")
    assert "TAMPERED" in found.stdout.str()
    assert (pytester.path / "all.jsonl").exists()
    until_no_session(forger)


def test_a_kind_that_workers_do_not_have_is_told_in_one_sentence(
    lasting: str, forger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(20)
    (tmp_path / "house_rules.py").write_text(HOUSE)
    monkeypatch.syspath_prepend(tmp_path)
    house = import_module("house_rules").House
    verified = verify_checks(PostgresSource(LEDGER), [check(house)], executor=lasting)
    assert outcomes(verified)["house"].reason == (
        f"A worker of {lasting} could not read its part. ModuleNotFoundError: No module named 'house_rules'. Install "
        "this package and those of your kinds on every worker, in the versions that are here."
    )


def test_a_cluster_without_workers_says_so_unless_a_number_of_them_is_expected() -> None:
    with cluster(workers=0) as (name, _):
        with pytest.raises(SourceError, match="has no workers") as caught, opened(name, workers=None):
            pass
        assert "if they start on demand, say how many with --ledger-workers N." in caught.value.remedy
        with opened(name, workers=2) as executor, started_workers(name, 1):
            assert read(executor, Reads())[0] == ALL


def test_a_worker_with_another_version_is_refused(
    forger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(10)
    monkeypatch.setenv(VARIABLE, forger.dsn)
    with cluster(0) as (name, _), started_workers(name, 1, first=str(other_version(tmp_path))):
        found = Ledger(LEDGER).verify_integrity(executor=name)
    assert found.assurance is Assurance.UNVERIFIED
    assert " has pytest-audit-ledger 0.0.9" in found.sentence
    assert "Install the same versions on " in found.sentence


def test_what_a_variable_means_to_the_workers_must_be_this_ledger(
    forger: Forger, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(10)
    monkeypatch.setenv(VARIABLE, forger.dsn)
    for elsewhere, said in (
        (server, "The snapshot of this run is not, or no longer, on the server of "),
        ("", f"could not read its part. The environment variable {VARIABLE} is not set."),
    ):
        with cluster(1, **{VARIABLE: elsewhere}) as (name, _):
            found = Ledger(LEDGER).verify_integrity(executor=name)
        assert found.assurance is Assurance.UNVERIFIED
        assert said in found.sentence


def test_a_password_is_refused_over_tcp_before_anything_connects() -> None:
    with pytest.raises(UsageError) as caught, opened("dask:tcp://127.0.0.1:9", dsn=f"postgresql://a:{SECRET}@h/d"):
        pass
    assert "The DSN has a password, which the workers of dask:tcp://127.0.0.1:9 would get unencrypted." in str(
        caught.value
    )
    assert "or use a dask:tls:// scheduler." in caught.value.remedy
    assert SECRET not in str(caught.value)


def test_a_password_is_sent_over_tls(tmp_path: Path) -> None:
    from dask import config  # noqa: PLC0415  (only where Dask is installed)

    own = distributed.Security.temporary()
    files = {name: tmp_path / name for name in ("ca_file", "client_cert", "client_key")}
    for name, path in files.items():
        path.write_text(getattr(own, f"tls_{name}"))
    ca, cert, key = map(str, files.values())
    given = ("--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key)
    settings = {"ca-file": ca, "client.cert": cert, "client.key": key}
    with ExitStack() as stack:
        address, _ = stack.enter_context(started("scheduler", "--host", "tls://127.0.0.1", "--port", "0", *given))
        stack.enter_context(started_workers(address, 1, *given))
        stack.enter_context(config.set({f"distributed.comm.tls.{name}": value for name, value in settings.items()}))
        with opened(f"dask:{address}", dsn=f"postgresql://a:{SECRET}@h/d") as executor:
            assert read(executor, Reads())[0] == ALL


def test_logging_is_left_as_it_was(lasting: str) -> None:
    before = {name: logging.getLogger(name).level for name in ("distributed", "distributed.client")}
    with opened(lasting):
        pass
    assert {name: logging.getLogger(name).level for name in before} == before
