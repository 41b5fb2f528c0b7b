"""Every command that is suggested runs when it is pasted: it names ledger, table, checkpoints and keys as given."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.forger import Forger
from tests.support.command import Invoke
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
