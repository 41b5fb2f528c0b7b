"""Every mistake gets one clear sentence with what to do, the right exit code, no traceback and no password."""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.files.writing import Draft
from tests.forger import TAMPERINGS, Forger
from tests.plugin.test_bad_input import SECRET, unusable_dsns
from tests.support.command import Invoke, start
from tests.support.databases import PASSWORD_ROLE, role

KEY = str(SigningKey("bank.example/ledger", bytes(range(32))).verifier())
LEAKY = f"postgresql://u:{SECRET}@127.0.0.1:1/d"


def complaint(result: Result) -> str:
    """Return the one sentence that a mistake got."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert SECRET not in result.output
    assert "Traceback" not in result.output
    return line.removeprefix("Error: ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["verify"],
            "Missing option '--ledger-db' / '--source' (env var: 'LEDGER_DSN'). See audit-ledger verify --help.",
        ),
        (["verify", "--ledger-db", ""], "The DSN of the ledger is empty. Give a DSN or an export file; perhaps"),
        (["verify", "--ledger-db", "env:NO_SUCH"], "The environment variable NO_SUCH is not set. Set NO_SUCH to"),
        (["verify", "--ledger-db", "mysql://h/d"], "PostgreSQL's client library cannot read this DSN"),
        (["verify", "--ledger-db", "demo:tempered"], "There is no demo ledger 'demo:tempered'. Write demo or"),
        (["verify", "--ledger-db", "no-such.json"], "There is no file no-such.json. Name an export"),
        (["verify", "--ledger-db", "demo", "--table", "a.b.c"], "'a.b.c' is not a valid table name. Write"),
        (
            ["verify", "--ledger-db", "demo", "--workers", "many"],
            "'many' is not a valid number of workers. Write auto, or",
        ),
        (
            ["verify", "--ledger-db", "demo", "--executor", "dask:10.0.0.5"],
            "'10.0.0.5' is not the address of a Dask scheduler. Write dask:tcp://HOST:8786, or dask:tls://HOST:8786",
        ),
        (
            ["verify", "--ledger-db", "demo", "--standby-tolerance", "5"],
            "'5' is not a valid length of time. Write a number with a unit: --standby-tolerance 5m.",
        ),
        (
            ["verify", "--ledger-db", "demo", "--samples", "0"],
            "Invalid value for '--samples': '0' is not a whole number of at least 1.",
        ),
        (
            ["verify", "--ledger-db", "demo", "--timeout", "99999999999"],
            "Invalid value for '--timeout': '99999999999' is not a whole number of at least 1 and at most 2,147,483.",
        ),
        (["verify", "--ledger-db", "demo", "--format", "xml"], "Invalid value for '--format': 'xml' is not one of"),
        (
            ["verify", "--ledger-db", "demo", "--oscal-version", "1.1.2"],
            "--oscal-version only works with --format oscal. Add --format oscal, or leave --oscal-version out.",
        ),
        (
            ["verify", "--ledger-db", "demo", "--format", "json", "--oscal-satisfied"],
            "--oscal-satisfied only works with --format oscal. Add --format oscal, or leave",
        ),
        (["verify", "--ledger-db", "demo", "--oscal-version", "1.0.0"], "Invalid value for '--oscal-version': '1.0.0'"),
        (
            ["verify", "--ledger-db", "demo", "--suite", "no.yaml"],
            "There is no suite no.yaml. Name a *.ledger.yaml file",
        ),
        (
            ["verify", "--ledger-db", "demo", "--yes"],
            "--yes only works with --repair. Add --repair, or leave --yes out.",
        ),
        (["verify", "--ledger-db", "demo", "--dry-run"], "--dry-run only works with --repair. Add --repair, or leave"),
        (
            ["verify", "--ledger-db", "demo", "--repair", "--dry-run", "--output", "a"],
            "With --dry-run there is no result to write. Leave --output out",
        ),
        (["verify", "--ledger-db", "demo", "--output", "."], ". is a folder. Name a file"),
        (
            ["verify", "--ledger-db", "demo", "--output", "-"],
            "--output - is not needed: the result is printed in any case. Name a file, or",
        ),
        (
            ["verify", "--ledger-db", "demo", "--table", "a", "--ledger-table", "b"],
            "'--table' is given 2 times. Give it once. See audit-ledger verify --help.",
        ),
        (["verify", "--ledger-db", "a", "--source", "b"], "'--ledger-db' / '--source' is given 2 times. Give it once."),
        (
            ["verify", "--ledger-db", "demo", "--checkpoint", "nope", "--verifier-key", KEY],
            "There is no folder nope. Name the folder that holds the checkpoints.",
        ),
        (
            ["verify", "--ledger-db", "demo", "--verifier-key", KEY],
            "--verifier-key only works with checkpoints, and none are named. Add --checkpoint=DIR.",
        ),
        (["verify", "--ledger-db", "demo", "--no-such"], "No such option"),
        (["verify", "--ledger-db", "demo", "--time-out", "9"], "No such option"),
        (["verfy"], "No such command 'verfy'."),
        (["suite", "lnt"], "No such command 'lnt'."),
        (["export", "--source", "demo"], "Missing option '--output' / '-o'. See audit-ledger export --help."),
        (["export", "--source", "demo", "--output", "a", "--limit", "many"], "Invalid value for '--limit': 'many' is"),
    ],
)
def test_wrong_usage_is_code_2_with_one_sentence(invoke: Invoke, arguments: list[str], expected: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert complaint(result).startswith(expected)
    assert not re.search(r"[?!.]\)?\.( |$)", complaint(result))


def test_no_command_is_wrong_usage_and_shows_which_there_are(invoke: Invoke) -> None:
    result = invoke()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", LEAKY],
        [LEAKY],
        ["verify", "--ledger-db", "demo", LEAKY],
        ["verify", "--ledger-db", "demo", "--workers", LEAKY],
        ["verify", "--ledger-db", "demo", "--timeout", LEAKY],
        ["verify", "--ledger-db", "demo", "--suite", LEAKY],
        ["verify", "--ledger-db", "demo", "--table", LEAKY],
        ["verify", "--ledger-db", "demo", "--format", f"host=h password='{SECRET}'"],
        ["verify", "--ledger-db", "demo", f"host=h password={SECRET} dbname=d"],
        ["verify", "--ledger-db", f"postgresql://u:{SECRET}/@h:port/d"],
        ["verify", f"--ledger-dns={LEAKY}"],
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(invoke: Invoke, arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    complaint(result)


def test_an_escape_in_an_argument_does_not_reach_the_terminal(invoke: Invoke) -> None:
    assert "\x1b" not in complaint(invoke("verify", "--ledger-db", "demo", "--format", "\x1b[2J"))


@pytest.mark.parametrize("name", ["server down", "unknown host", "unknown database", "unknown role", "no table"])
def test_a_ledger_that_cannot_be_reached_is_code_3_and_never_tampered(invoke: Invoke, server: str, name: str) -> None:
    dsn, expected = unusable_dsns(server)[name]
    result = invoke("verify", "--ledger-db", dsn)
    assert result.exit_code == 3
    assert expected.split(":")[0].split("*")[0] in result.stdout
    for word in (SECRET, "Traceback", "TAMPERED", "psycopg2"):
        assert word not in result.output
    exported = invoke("export", "--source", dsn, "--output", "a.json")
    assert exported.exit_code == 3
    complaint(exported)
    assert not list(Path().iterdir())


def test_a_wrong_password_is_said_to_be_wrong_and_not_shown(
    invoke: Invoke, request: pytest.FixtureRequest, forger: Forger
) -> None:
    if request.config.getoption("--test-dsn"):
        pytest.skip("only the embedded server is known to ask this role for a password")
    forger.build(10).run(f"CREATE ROLE {PASSWORD_ROLE} LOGIN PASSWORD 'the right one' IN ROLE pg_read_all_data")
    parameters = {**parse_dsn(forger.dsn), "user": PASSWORD_ROLE}
    right = invoke("verify", env={"LEDGER_DSN": make_dsn(**{**parameters, "password": "the right one"})})
    wrong = invoke("verify", "--ledger-db", make_dsn(**{**parameters, "password": SECRET}))
    forger.run(f"DROP ROLE {PASSWORD_ROLE}")
    assert (right.exit_code, wrong.exit_code) == (0, 3)
    assert wrong.stdout.count("The password is wrong: ") == 1
    assert "Check the password in the DSN, PGPASSWORD or ~/.pgpass." in wrong.stdout
    assert SECRET not in wrong.output
    assert "the right one" not in right.output


def test_a_role_that_may_not_read_is_told_what_to_ask_for(invoke: Invoke, dsn: str, forger: Forger) -> None:
    with role(forger, "cli_blind") as name:
        result = invoke("verify", "--ledger-db", make_dsn(**{**parse_dsn(dsn), "user": name}))
    assert result.exit_code == 3
    assert f"Ask its owner to run: GRANT SELECT ON public.ledger_entries TO {name};" in result.stdout


@pytest.mark.parametrize("variable", ["LEDGER_DSN", "MY_DSN"])
def test_the_dsn_comes_from_a_variable(invoke: Invoke, dsn: str, variable: str) -> None:
    arguments = [] if variable == "LEDGER_DSN" else ["--ledger-db", f"env:{variable}"]
    assert invoke("verify", *arguments, env={variable: dsn}).exit_code == 0


def test_the_option_outweighs_the_variable(invoke: Invoke, dsn: str) -> None:
    assert invoke("verify", "--source", dsn, env={"LEDGER_DSN": "env:NO_SUCH"}).exit_code == 0


@pytest.mark.parametrize("name", ["missing/result.json", "/proc/result.json"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(invoke: Invoke, dsn: str, name: str) -> None:
    result = invoke("verify", "--ledger-db", dsn, "--output", name)
    assert (result.exit_code, result.stdout) == (3, "")
    assert complaint(result).startswith(f"{name} could not be written: No such file or directory. Create the folder")


def test_a_file_that_is_read_is_not_written(invoke: Invoke, dsn: str, tmp_path: Path) -> None:
    invoke("export", "--source", dsn, "--output", "ledger.jsonl")
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text("version: 1\nchecks: [{id: a, expect: entry_hash}]\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for arguments in (
        ["verify", "--output", str(tmp_path / "ledger.jsonl")],
        ["verify", "--suite", str(suite), "--output", "own.ledger.yaml"],
        ["export", "--output", "ledger.jsonl"],
    ):
        result = invoke(*arguments, "--ledger-db", "ledger.jsonl")
        assert result.exit_code == 2
        assert complaint(result).endswith("is an input, and would be overwritten. Name another output file.")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(("tampering", "code"), [(None, 3), ("edit", 1)])
def test_a_disk_that_fills_up_hides_no_result_and_no_tampering(
    invoke: Invoke, forger: Forger, monkeypatch: pytest.MonkeyPatch, tampering: str | None, code: int
) -> None:
    forger.build(100)
    if tampering:
        TAMPERINGS[tampering](forger)

    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Draft, "write", write)
    Path("old.json").write_text("old")
    result = invoke("verify", "--ledger-db", forger.dsn, "--output", "old.json")
    assert result.exit_code == code
    assert "Total entries: 100" in result.stdout
    assert complaint(result).startswith("old.json could not be written: No space left on device. Free some space there")
    assert [path.read_text() for path in Path().iterdir()] == ["old"]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    (folder / "filler").write_bytes(b"x" * 4096)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_is_told_and_nothing_is_left(invoke: Invoke, dsn: str, full: Path) -> None:
    result = invoke("verify", "--ledger-db", dsn, "--output", str(full / "a.json"))
    assert result.exit_code == 3
    assert "could not be written: No space left on device." in complaint(result)
    assert [path.name for path in full.iterdir()] == ["filler"]


@pytest.mark.parametrize(("tampering", "code"), [(None, 3), ("edit", 1)])
def test_a_standard_output_that_is_full_is_no_tampering(forger: Forger, tampering: str | None, code: int) -> None:
    forger.build(100)
    if tampering:
        TAMPERINGS[tampering](forger)
    with Path("/dev/full").open("w") as device:
        result = start("verify", "--ledger-db", forger.dsn, stdout=device)
        assert result.returncode == code
        assert result.stderr.startswith("Error: Standard output could not be written: No space left on device. Make")
        assert len(result.stderr.splitlines()) == 1


def test_help_into_something_full_is_code_3() -> None:
    with Path("/dev/full").open("w") as device:
        result = start("verify", "--help", stdout=device)
        assert result.returncode == 3
        assert len(result.stderr.splitlines()) == 1


def test_an_error_that_cannot_be_told_keeps_its_code() -> None:
    with Path("/dev/full").open("w") as device:
        assert start("verify", "--ledger-db", "no-such.json", stderr=device).returncode == 2


def test_a_mistake_of_ours_or_of_a_plugin_is_code_3_and_shows_where(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mistake in (ZeroDivisionError("no"), SystemExit(1)):

        def fail(*_: object, mistake: BaseException = mistake, **__: object) -> None:
            raise mistake

        monkeypatch.setattr("pytest_audit_ledger.cli.options.Ledger", fail)
        result = invoke("verify", "--ledger-db", "demo")
        assert result.exit_code == 3
        assert "Traceback" in result.stderr
        assert result.stderr.endswith("nothing was concluded. Please report it.\n")


def test_the_shell_can_ask_how_to_complete(invoke: Invoke) -> None:
    result = invoke(env={"_AUDIT_LEDGER_COMPLETE": "zsh_source"})
    assert (result.exit_code, result.stderr) == (0, "")
