"""`audit-ledger investigate`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.sources.dsn import Dsn
from tests.forger import Forger
from tests.support.command import Invoke

GOLDEN = Path(__file__).parents[1] / "data" / "investigation.json"
"""Written again by this test if the variable WRITE_GOLDEN is set."""

VOLATILE = ("database", "snapshot", "started_at", "duration_s", "server_version", "tool", "hypotheses")
"""What differs from run to run, or with the server."""


def tampered(forger: Forger) -> str:
    """Build a ledger with an edit, an edit together with its hash, a deletion and a switched-off trigger."""
    forger.build(100)
    digest = entry_hash(replace(forger.entry(40), track="llm"))
    forger.unguarded(
        "UPDATE ledger_entries SET verdict = 'DISCRETIONARY' WHERE sequence_number = 20",
        f"UPDATE ledger_entries SET track = 'llm', entry_hash = '{digest}' WHERE sequence_number = 40",
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 60 AND 62",
    )
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_delete")
    return forger.dsn


def conforms(document: Any) -> None:
    """Validate an investigation against its published schema."""
    names = ("investigation.schema.json", "verification.schema.json")
    schemas = {name: json.loads((folder("checks") / name).read_text(encoding="utf-8")) for name in names}
    registry: Any = Registry().with_resources((name, Resource.from_contents(s)) for name, s in schemas.items())
    Draft202012Validator(schemas[names[0]], registry=registry).validate(document)


def lasting(document: Any) -> Any:
    """Return a document without what differs from run to run; of the entry that was asked for also created_at."""
    if isinstance(document, dict):
        return {name: lasting(value) for name, value in document.items() if name not in (*VOLATILE, "created_at")}
    return [lasting(one) for one in document] if isinstance(document, list) else document


def test_the_json_is_as_it_was(invoke: Invoke, forger: Forger, tmp_path: Path) -> None:
    dsn = tampered(forger)
    Ledger(dsn).export_entries(output_file=tmp_path / "copy.jsonl", fields="sequence_number,verdict,escalation_status")
    document = (tmp_path / "copy.jsonl").read_text().replace('"DISCRETIONARY"', '"CLEAR"', 1)
    (tmp_path / "copy.jsonl").write_text(document)
    (tmp_path / "copy.jsonl.manifest.json").unlink()
    done = invoke("investigate", "--ledger-db", dsn, "--entry", "40", "--against", "copy.jsonl", "--format", "json")
    assert done.exit_code == 1, done.stderr
    found = json.loads(done.stdout)
    conforms(found)
    found.pop("verification")
    found["against"]["ledger"] = Path(found["against"]["ledger"]).name
    text = (
        json.dumps(lasting(found), indent=1, ensure_ascii=False).replace(shlex.quote(Dsn(dsn).repeatable()), "DSN")
        + "\n"
    )
    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_timeline_tells_what_happened_what_it_said_and_what_to_do(invoke: Invoke, forger: Forger) -> None:
    before = forger.build(100).entry(20)
    forger.unguarded("UPDATE ledger_entries SET verdict = 'DISCRETIONARY' WHERE sequence_number = 20")
    done = invoke("investigate", "--ledger-db", forger.dsn)
    assert done.exit_code == 1
    assert f"1/1  Entry 20 was written with verdict {before.verdict}; it now says DISCRETIONARY." in done.stdout
    assert "\n  next " in done.stdout
    assert "1 incident, proven. TAMPERED: " in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_every_command_that_is_printed_runs_once_what_is_in_capitals_is_filled_in(invoke: Invoke, dsn: str) -> None:
    Path("verifier.key").write_text(invoke("checkpoint", "keygen", "-o", "signing.key", "--origin", "a/b").stdout)
    made = ("checkpoint", "create", "--signing-key", "signing.key", "--output", "checkpoints")
    assert invoke(*made, "--ledger-db", dsn).exit_code == 0
    assert invoke("export", "--ledger-db", dsn, "--output", "other.jsonl").exit_code == 0
    printed = invoke("investigate", "--ledger-db", "demo:tampered").stdout
    commands = [line.strip() for line in printed.splitlines() if "audit-ledger" in line]
    filled_in = {"FILE": "other.jsonl", "DIR": "checkpoints", "KEY": "verifier.key"}
    given = [[filled_in.get(word, word) for word in shlex.split(command)] for command in dict.fromkeys(commands)]
    assert [name for name, *_ in given] == ["audit-ledger"] * 3
    assert [(arguments[0], invoke(*arguments).exit_code) for _, *arguments in given] == [
        ("investigate", 1),
        ("verify", 0),
        ("investigate", 1),
    ]


def test_a_clean_ledger_ends_with_0(invoke: Invoke, dsn: str) -> None:
    done = invoke("investigate", "--ledger-db", dsn, "--entry", "7")
    assert done.exit_code == 0
    assert "Entry 7 is as it was written" in done.stdout
    assert "Nothing to investigate." in done.stdout


def test_another_copy_that_differs_ends_with_1(invoke: Invoke, forger: Forger) -> None:
    Ledger(forger.build(100).dsn).export_entries(output_file="before.jsonl")
    assert invoke("investigate", "--ledger-db", forger.dsn, "--against", "before.jsonl").exit_code == 0
    forger.rewrite(50, lambda entry: replace(entry, reasoning="nothing to see"))
    done = invoke("investigate", "--ledger-db", forger.dsn, "--against", "before.jsonl")
    assert done.exit_code == 1
    assert "From entry 50 on, the ledger differs from" in done.stdout
    assert "here  nothing to see" in done.stdout


def test_a_change_of_the_other_copy_ends_with_1_and_accuses_that(invoke: Invoke, forger: Forger) -> None:
    Ledger(forger.build(100).dsn).export_entries(output_file="good.jsonl")
    forger.unguarded("UPDATE ledger_entries SET verdict = 'DISCRETIONARY' WHERE sequence_number = 20")
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number BETWEEN 60 AND 62")
    done = invoke("investigate", "--ledger-db", "good.jsonl", "--against", forger.dsn, "--format", "json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    conforms(found)
    assert [(one["what"], one["first"], one["last"]) for one in found["incidents"]] == [
        ("other-copy", 20, 20),
        ("other-copy", 60, 62),
    ]
    assert found["conclusion"].startswith("2 incidents in the other copy, all proven; none in the ledger. ")


def test_lines_fit_the_terminal_or_a_log(invoke: Invoke, forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = tampered(forger)
    widths = {}
    for columns in ("80", ""):
        monkeypatch.setenv("COLUMNS", columns)
        lines = invoke("investigate", "--ledger-db", dsn).stdout.splitlines()
        whole = ("--ledger-db", "postgresql:")  # a command, and a name
        widths[columns] = max(len(line) for line in lines if not any(part in line for part in whole))
    assert 70 < widths["80"] <= 80
    assert 90 < widths[""] <= 100


@pytest.mark.parametrize("named", ["nowhere.jsonl", "postgresql://somebody:secret@127.0.0.1:1/ledger"])
def test_another_copy_that_is_not_there_is_told_apart_from_the_ledger(invoke: Invoke, dsn: str, named: str) -> None:
    done = invoke("investigate", "--ledger-db", dsn, "--against", named)
    assert done.exit_code in (2, 3)
    assert done.stderr.startswith("Error: The other copy (--against) could not be opened. ")
    assert "secret" not in done.output


def test_a_server_that_is_gone_ends_with_3(invoke: Invoke) -> None:
    done = invoke("investigate", "--ledger-db", "postgresql://somebody:secret@127.0.0.1:1/ledger")
    assert done.exit_code == 3
    assert "secret" not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--entry", "0"],
        ["--limit-seconds", "-1"],
        ["--output", "-"],
        ["--identity", "key.txt"],
        ["--against", "demo:other"],
        ["--checkpoint", "checkpoints"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_wrong_usage_ends_with_2_and_connects_to_nothing(invoke: Invoke, arguments: list[str]) -> None:
    done = invoke("investigate", "--ledger-db", "postgresql://127.0.0.1:1/ledger", *arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""


def test_the_result_is_written_to_a_file_too(invoke: Invoke, forger: Forger) -> None:
    dsn = tampered(forger)
    assert invoke("investigate", "--ledger-db", dsn, "--quiet", "--output", "found.json").stdout == ""
    assert [one["what"] for one in json.loads(Path("found.json").read_text())["incidents"]] == [
        "edit",
        "edit-with-own-hash",
        "deletion",
        "guards",
    ]


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.json"])
@pytest.mark.parametrize("longer", [(), ("--investigate",)])
def test_a_report_tells_what_happened(invoke: Invoke, forger: Forger, name: str, longer: tuple[str, ...]) -> None:
    forger.build(100)
    forger.unguarded("UPDATE ledger_entries SET rule_id = '<script>alert(1)</script>' WHERE sequence_number = 20")
    assert invoke("report", "--ledger-db", forger.dsn, *longer, "--output", name).exit_code == 1
    text = Path(name).read_text()
    assert "Entry 20 was written with rule" in text
    assert "<script>alert" not in text or name != "report.html"
