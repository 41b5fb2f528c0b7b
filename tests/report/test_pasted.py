"""Every command that is suggested runs when it is pasted: it names ledger, table, checkpoints and keys as given."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from tests.forger import Forger
from tests.support.command import Invoke, RunLedger
from tests.support.databases import login, role
from tests.support.profiled import profile_file, profiled
from tests.support.signers import PEM

TABLE = '"Audit".entries'
PORT = "54329"


def by_variable(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MY_LEDGER", dsn)
    return "env:MY_LEDGER"


def by_port(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name the server by a socket of another port, as if it listened there."""
    parameters = parse_dsn(dsn)
    (folder / f".s.PGSQL.{PORT}").symlink_to(f"{parameters['host']}/.s.PGSQL.{parameters.get('port', '5432')}")
    return str(make_dsn(**{**parameters, "host": str(folder), "port": PORT}))


def by_uri_with_password(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    parameters = parse_dsn(dsn)
    return f"postgresql://{parameters['user']}:s3cr3t@/{parameters['dbname']}?host={parameters['host']}&sslmode=prefer"


@pytest.fixture
def trusted(invoke: Invoke, forger: Forger) -> tuple[str, ...]:
    """The options of a ledger in a table of another name, of its checkpoint, and of the files of its keys."""
    dsn = forger.build(60).dsn
    if not parse_dsn(dsn).get("host", "").startswith("/"):
        pytest.skip("the server of the tests has no socket")
    forger.run('CREATE SCHEMA "Audit"; ALTER TABLE ledger_entries SET SCHEMA "Audit"')
    forger.run('ALTER TABLE "Audit".ledger_entries RENAME TO entries')
    keygen = invoke("checkpoint", "keygen", "--origin", "bank.example/ledger", "--output", "signing.key")
    made = ("--source", dsn, "--table", TABLE, "--signing-key", "signing.key", "--output", "check points")
    assert invoke("checkpoint", "create", *made).exit_code == 0
    Path("verifier.key").write_text(f"# of the bank\n{keygen.stdout.strip()}\n")
    Path("runtime's.pem").write_text(f"of the runtime\n{PEM}")
    keys = ("--verifier-key", "verifier.key", "--transcript-key", "runtime's.pem")
    return ("--table", TABLE, "--checkpoint", "check points", *keys)


@pytest.mark.parametrize("name", [by_variable, by_port, by_uri_with_password])
def test_the_commands_of_a_report_run_when_pasted(
    invoke: Invoke,
    forger: Forger,
    trusted: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: Callable[[str, Path, pytest.MonkeyPatch], str],
) -> None:
    given = name(forger.dsn, tmp_path, monkeypatch)
    assert invoke("report", "--source", given, *trusted, "--output", "r.json").exit_code == 0
    document = Path("r.json").read_text()
    assert "s3cr3t" not in document
    commands = [shlex.split(step["command"]) for step in json.loads(document)["reverify"]]
    ours = [words for words in commands if words[0] == "audit-ledger"]
    assert [words[1] for words in ours] == ["verify", "report", "export", "verify"]
    if "s3cr3t" not in given:
        assert [words[3] for words in ours] == [given, given, given, "ledger.jsonl.gz"]
    for name_of_key in ("verifier.key", "runtime's.pem"):  # which whoever gets the report does not have
        Path(name_of_key).unlink()
    for words in ours:
        done = invoke(*words[1:])
        assert done.exit_code == 0, done.output
        assert ("ANCHORED" in done.stdout) is (words[1] != "export"), done.output


def test_the_commands_of_an_investigation_run_when_pasted(
    invoke: Invoke, forger: Forger, trusted: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = by_port(forger.dsn, tmp_path, monkeypatch)
    assert invoke("export", "--source", given, "--table", TABLE, "--output", "FILE.json").exit_code == 0
    forger.run('ALTER TABLE "Audit".entries DISABLE TRIGGER USER; DELETE FROM "Audit".entries WHERE id % 7 = 0')
    found = invoke("investigate", "--ledger-db", given, *trusted, "--format", "json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    every = [*told["commands"], *(command for one in told["incidents"] for command in one["commands"])]
    assert every
    for command in dict.fromkeys(every):
        words = shlex.split(command)
        assert words[:4] == ["audit-ledger", words[1], "--ledger-db", given]
        assert words[1] == "export" or words[4 : 4 + len(trusted)] == list(trusted)
        filled = {"FILE": "FILE.json", "FROM,TO": "2025-09-01,2025-09-02"}
        force = ["--force"] if words[1] == "export" else []
        done = invoke(*(filled.get(word, word) for word in words[1:]), "--quiet", *force)
        assert done.exit_code in (0, 1), (command, done.output)


FILLED = {"FILE": "signing.key"}
"""What the reader fills in."""


def advised(output: str) -> list[str]:
    """Return the commands that are printed, each on a line of its own, without repetitions."""
    return list(
        dict.fromkeys(line.strip() for line in output.splitlines() if line.lstrip().startswith("audit-ledger "))
    )


def paste(invoke: Invoke, command: str, answer: str = "") -> Result:
    """Run a command with the words in capitals filled in, and type an answer to what it asks.

    That a shell reads these commands as shlex does is tested in tests/output/test_commands.py.
    """
    _, *words = (FILLED.get(word, word) for word in shlex.split(command))
    return invoke(*words, input=answer, env={"COLUMNS": "200"})


@pytest.mark.slow
@pytest.mark.server
def test_the_commands_for_a_tampered_demo_do_what_they_are_for(invoke: Invoke) -> None:
    investigate, repair = advised(invoke("verify", "--ledger-db", "demo:tampered").stdout)
    assert "was written with verdict FLAG" in paste(invoke, investigate).stdout
    repaired = paste(invoke, repair, "public.ledger_entries\n")
    assert "Protections: ✓ IN PLACE" in repaired.stdout, repaired.stderr


def test_the_commands_for_a_missing_trigger_show_and_restore_it(
    invoke: Invoke, forger: Forger, trusted: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.run('DROP TRIGGER ledger_refuse_update ON "Audit".entries')
    given = by_variable(forger.dsn, tmp_path, monkeypatch)
    repair, _, look = advised(invoke("verify", "--ledger-db", given, *trusted).stdout)
    assert 'CREATE TRIGGER "ledger_refuse_update"' in paste(invoke, look).stdout
    repaired = paste(invoke, repair, f"{TABLE}\n")
    assert "the table's protections" not in repaired.stdout.partition("append_only")[2], repaired.stderr


def test_the_command_for_a_missing_checkpoint_creates_it(
    invoke: Invoke, forger: Forger, trusted: tuple[str, ...]
) -> None:
    shutil.rmtree("check points")
    verify = ("verify", "--source", forger.dsn, *trusted, "--require-checkpoint")
    (create,) = advised(invoke(*verify).stdout)
    created = paste(invoke, create)
    assert created.exit_code == 0, created.stderr
    assert "ANCHORED" in invoke(*verify).stdout


def test_the_commands_for_a_changed_grant_show_and_accept_it(
    invoke: Invoke, forger: Forger, trusted: tuple[str, ...]
) -> None:
    forger.run('GRANT SELECT ON "Audit".entries TO PUBLIC')
    verify = ("verify", "--source", forger.dsn, *trusted)
    accept, look = advised(invoke(*verify).stdout)
    assert "No protection is missing." in paste(invoke, look).stderr
    assert "Run this again when the ledger has another entry." in paste(invoke, accept).stderr
    with ScratchLedger(forger.dsn, TABLE) as ledger:
        ledger.append([*sample_entries(61)][60:])
    assert paste(invoke, accept).exit_code == 0
    assert invoke(*verify).exit_code == 0


def test_a_missing_grant_is_named_so_that_the_owner_can_paste_it(invoke: Invoke, forger: Forger) -> None:
    forger.build(60)
    with role(forger) as name:
        verify = ("verify", "--source", login(forger.dsn, name))
        forger.run(invoke(*verify).stdout.partition("run: ")[2].partition(";")[0])
        assert invoke(*verify).exit_code == 0


def test_the_commands_of_pytest_name_the_profile_and_the_table(invoke: Invoke, run: RunLedger, forger: Forger) -> None:
    profiled(forger, "join")
    forger.run('CREATE SCHEMA "Audit"; ALTER TABLE movements SET SCHEMA "Audit"')
    forger.run('ALTER TABLE "Audit".movements DISABLE TRIGGER USER; DELETE FROM "Audit".movements WHERE seq = 1')
    shutil.copy(profile_file("join"), "my.profile.yaml")
    done = run(f"--ledger-db={forger.dsn}", '--ledger-table="Audit".movements', "--ledger-profile=my.profile.yaml")
    investigate, repair = advised("\n".join(done.outlines))
    assert "Number 1 is missing" in paste(invoke, investigate).stdout
    assert "Protections: ✓ IN PLACE" in paste(invoke, repair, '"Audit".movements\n').stdout
