"""`audit-ledger backup`, `backup verify` and `diff` as users meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pytest_audit_ledger.cli import backup as backup_command
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.scratch import server as scratch
from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke, Terminal


def test_a_backup_that_is_proven_says_how_and_ends_well(invoke: Invoke, dsn: str, server: str, tmp_path: Path) -> None:
    done = invoke("backup", "--source", dsn, "--out", "x.sql", "--compress", "--verify", "--scratch-db", server)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "Backed up a ledger of 100 entries."
    assert lines[1].startswith("RESTORED: It was restored into PostgreSQL ")
    assert lines[1].endswith("100 entries with the same head hash, range and digest over all columns.")
    assert lines[2].startswith("SELF-CONSISTENT: ")
    assert lines[3].startswith("x.sql.gz  ")
    assert lines[4].startswith("x.sql.gz.manifest.json  ")
    done = invoke("backup", "verify", "x.sql.gz", "--scratch-db", server)
    assert done.exit_code == 0
    assert done.stdout.startswith("x.sql.gz: a backup of postgresql://")
    assert "\nRESTORED: " in done.stdout
    assert "\nSELF-CONSISTENT: " in done.stdout
    assert invoke("backup", "verify", "x.sql.gz", "--scratch-db", server, "--quiet").stdout == ""


def test_a_backup_that_was_not_to_be_proven_claims_nothing(invoke: Invoke, dsn: str) -> None:
    done = invoke("backup", "--source", dsn, "--output", "x.dump", "--no-verify")
    assert done.exit_code == 0
    assert "SELF-CONSISTENT" not in done.stdout
    assert "RESTORED" not in done.stdout


def test_tampering_is_told_and_the_backup_stays(invoke: Invoke, forger: Forger, server: str, tmp_path: Path) -> None:
    TAMPERINGS["edit"](forger.build(100))
    done = invoke("backup", "--source", forger.dsn, "--output", "x.dump", "--verify", "--scratch-db", server)
    assert done.exit_code == 1
    assert "\nTAMPERED: Integrity checks failed: entry_hash" in done.stdout
    assert json.loads((tmp_path / "x.dump.manifest.json").read_text())["assurance"] == "TAMPERED"
    assert invoke("backup", "verify", "x.dump", "--scratch-db", server).exit_code == 1


def test_a_backup_is_compared_with_checkpoints(invoke: Invoke, forger: Forger, server: str) -> None:
    dsn = forger.build(100).dsn
    keygen = invoke("checkpoint", "keygen", "--origin", "bank.example/ledger", "--output", "signing.key")
    invoke("checkpoint", "create", "--source", dsn, "--signing-key", "signing.key", "--output", "checkpoints")
    trusted = ("--checkpoint", "checkpoints", "--verifier-key", keygen.stdout.strip())
    asked = ("backup", "verify", "--scratch-db", server)
    assert invoke("backup", "--source", dsn, "--output", "genuine.dump").exit_code == 0
    genuine = invoke(*asked, "genuine.dump", *trusted)
    assert (genuine.exit_code, genuine.stderr) == (0, "")
    assert "\nANCHORED: " in genuine.stdout
    TAMPERINGS["edit-and-rewrite"](forger)
    assert invoke("backup", "--source", dsn, "--output", "rewritten.dump").exit_code == 0
    assert invoke(*asked, "rewritten.dump").exit_code == 0
    rewritten = invoke(*asked, "rewritten.dump", *trusted)
    assert rewritten.exit_code == 1
    assert "\nTAMPERED: The entries are consistent, but they are not the ones that were signed" in rewritten.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--verifier-key", "x"), "--verifier-key only works with checkpoints"),
        (("--checkpoint", "nope", "--verifier-key", "x"), "There is no folder nope."),
    ],
)
def test_trust_that_cannot_take_effect_is_refused(invoke: Invoke, arguments: tuple[str, ...], words: str) -> None:
    result = invoke("backup", "verify", "x.sql", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {words}")


def test_a_file_that_was_changed_ends_with_one(invoke: Invoke, dsn: str, tmp_path: Path) -> None:
    invoke("backup", "--source", dsn, "--output", "x.sql")
    with (tmp_path / "x.sql").open("ab") as file:
        file.write(b"\n")
    done = invoke("backup", "verify", "x.sql")
    assert done.exit_code == 1
    assert "NOT WHAT ITS MANIFEST SAYS: The file does not match its manifest" in done.stdout
    assert "\n  size: expected " in done.stdout


def test_what_could_not_be_proven_ends_with_three(
    invoke: Invoke, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "postgresql:///x?host=/nowhere"
    done = invoke("backup", "--source", dsn, "--output", "x.dump", "--verify", "--scratch-db", nowhere)
    assert done.exit_code == 3
    assert "\nLISTED: It could not be restored; pg_restore could list its contents" in done.stdout
    assert (tmp_path / "x.dump").exists()
    monkeypatch.setattr(scratch, "embedded_server", _not_installed)
    done = invoke("backup", "verify", "x.dump")
    assert done.exit_code == 3
    assert "Run: pip install 'pytest-audit-ledger[demo]'" in done.stdout
    monkeypatch.setattr(scratch, "embedded_server", _too_slow)
    done = invoke("backup", "verify", "x.dump")
    assert "It was too slow. Allow more time with --timeout SECONDS." in done.stdout


def _too_slow() -> None:
    raise SourceError("It was too slow.", "Allow more time with --ledger-timeout SECONDS.")


def _not_installed() -> None:
    raise UsageError("An embedded server needs a package.", "Run: pip install 'pytest-audit-ledger[demo]'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["backup", "--source", "service=x"], "Missing option '--output'"),
        (["backup", "--source", "service=x", "--output", "-"], "A backup is written to a file"),
        (["backup", "--source", "service=x", "--output", "x.sql.age"], "there is no encryption key"),
        (
            ["backup", "--source", "service=x", "--output", "x", "--encryption-key", "hunter2"],
            "This is not an encryption key",
        ),
        (["backup", "--source", "demo.csv", "--output", "x.sql"], "There is no file demo.csv"),
        (
            ["backup", "--source", "demo", "--output", "x.sql", "--verify", "--scratch-db", "a b"],
            "cannot read this DSN",
        ),
        (["backup", "verify"], "Missing argument 'FILE'"),
        (["backup", "verify", "x.sql"], "There is no file x.sql"),
        (["backup", "verify", "x.sql", "--encryption-key", "age1x"], "The recipient age1x is not valid"),
        (["diff", "a.sql"], "Missing argument 'B'"),
        (["diff", "a.sql", "b.csv"], "There is no file b.csv"),
        (["diff", "a.sql", "service=x", "--scratch-db", "a b"], "cannot read this DSN"),
        (["diff", "demo:else", "service=x"], "There is no demo ledger"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_done(
    invoke: Invoke, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert "hunter2" not in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_is_asked_for_twice_and_not_shown(tmp_path: Path, dsn: str) -> None:
    terminal = Terminal("backup", "--source", dsn, "--output", str(tmp_path / "x.dump"), "--encryption-key", "prompt")
    terminal.read_until("Passphrase: ")
    terminal.type("correct horse\n")
    terminal.read_until("Repeat the passphrase: ")
    terminal.type("correct house\n")
    assert terminal.finish() == 2
    assert "The two passphrases differ; nothing was done." in terminal.output
    assert "correct" not in terminal.output
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_shows_how_much_was_dumped(tmp_path: Path, dsn: str) -> None:
    terminal = Terminal("backup", "--source", dsn, "--output", str(tmp_path / "x.dump"))
    assert terminal.finish() == 0
    assert re.search(r"audit ledger: [0-9.]+k?B \[", terminal.output)
    assert "Backed up a ledger of 100 entries." in terminal.output


def test_help_shows_the_command_that_verifies(invoke: Invoke) -> None:
    assert "`backup verify FILE` verifies a backup later" in " ".join(invoke("backup", "--help").stdout.split())
    done = invoke("backup", "verify", "--help")
    assert done.stdout.startswith("Usage: audit-ledger backup verify [OPTIONS] FILE")
    assert backup_command.verify.name == "verify"


# What changed


def test_a_difference_names_entry_and_column_and_ends_with_one(
    invoke: Invoke, forger: Forger, server: str, tmp_path: Path
) -> None:
    forger.build(100)
    invoke("backup", "--source", forger.dsn, "--output", "before.dump")
    TAMPERINGS["edit"](forger)
    TAMPERINGS["start-deleted"](forger)
    done = invoke("diff", "before.dump", forger.dsn, "--scratch-db", server)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "A  before.dump, table public.ledger_entries"
    assert lines[3] == "entry 50: reasoning"
    assert lines[5] == "  reasoning  B  nothing to see"
    assert lines[7:] == [
        "missing in B: 1 to 4",
        "",
        "Entries: 95 the same, 1 changed, 4 missing in B.",
        "Changed columns: reasoning 1.",
    ]
    done = invoke("diff", forger.dsn, "before.dump", "--scratch-db", server, "--format", "json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    schema = json.loads((folder("checks") / "difference.schema.json").read_text())
    assert list(Draft202012Validator(schema).iter_errors(found)) == []
    assert (found["same"], found["added"], found["missing"]) == (False, [[1, 4]], [])
    assert found["changes"][0]["columns"]["reasoning"]["a"] == "nothing to see"


def test_what_is_the_same_ends_with_zero_and_nothing_compared_with_three(
    invoke: Invoke, forger: Forger, tmp_path: Path
) -> None:
    forger.build(100)
    invoke("export", "--source", forger.dsn, "--output", "before.csv.gz")
    done = invoke("diff", "before.csv.gz", forger.dsn)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Entries: 100 the same, 0 changed.")
    assert invoke("diff", "before.csv.gz", forger.dsn, "-q").stdout == ""
    invoke("export", "--source", forger.dsn, "--output", "none.csv", "--rule-id", "none of them")
    done = invoke("diff", "none.csv", forger.dsn)
    assert done.exit_code == 3
    assert done.stdout.endswith("No entry is in both, so nothing was compared.\n")


def test_hostile_text_in_an_entry_does_not_reach_the_terminal(invoke: Invoke, forger: Forger) -> None:
    forger.build(10)
    invoke("export", "--source", forger.dsn, "--output", "before.jsonl")
    forger.unguarded("UPDATE ledger_entries SET reasoning = E'\\x1b[2J\\nentry 99: ok' WHERE sequence_number = 5")
    done = invoke("diff", "before.jsonl", forger.dsn)
    assert done.exit_code == 1
    assert "  reasoning  B  \\x1b[2J\\nentry 99: ok" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x1b" not in invoke("diff", "before.jsonl", forger.dsn, "--format", "json").stdout


def test_a_backup_that_was_changed_is_not_compared(invoke: Invoke, dsn: str, tmp_path: Path) -> None:
    invoke("backup", "--source", dsn, "--output", "x.sql")
    with (tmp_path / "x.sql").open("ab") as file:
        file.write(b"\n")
    done = invoke("diff", "x.sql", dsn)
    assert done.exit_code == 3
    assert "x.sql does not match its manifest (size: expected " in done.stderr
