"""The forms of a result: JSON by its schema, files, colours, plain ASCII; and nothing hostile in any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke, Terminal, start
from tests.support.rows import chained

HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eGALF\u2066\r\n\x00\x7f✓".replace("\x00", "")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@cache
def schema() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads((folder("checks") / "verification.schema.json").read_text(encoding="utf-8"))
    return loaded


def validated(text: str) -> dict[str, Any]:
    """Return a JSON text that follows the schema."""
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(schema()).validate(document)
    return document


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, node
    for name, child in node.items() if isinstance(node, dict) else ():
        yield from nodes(child, f"{path}/{name}")


def test_the_schema_is_one_closes_every_object_and_describes_every_property() -> None:
    Draft202012Validator.check_schema(schema())
    for path, node in nodes(schema()):
        if isinstance(node, dict) and "properties" in node and not path.endswith("/properties"):
            assert node["additionalProperties"] is False, path
            assert set(node["required"]) == set(node["properties"]), path
            assert all("description" in described for described in node["properties"].values()), path
    assert schema()["properties"]["schema_version"]["const"] == 1


@pytest.mark.parametrize("name", [None, "swapped", "duplicated", "foreign-verdict", "trigger-emptied", "view-in-place"])
def test_json_on_standard_output_is_json_and_nothing_else(invoke: Invoke, forger: Forger, name: str | None) -> None:
    forger.build(100)
    if name:
        TAMPERINGS[name](forger)
    result = invoke("verify", "--ledger-db", forger.dsn, "--format", "json")
    document = validated(result.stdout)
    assert result.stderr == ""
    assert document["assurance"] == ("TAMPERED" if result.exit_code else "SELF-CONSISTENT")
    assert document["is_valid"] is (result.exit_code == 0)


def test_json_of_what_could_not_be_read_of_nothing_and_of_schema_v3_follows_the_schema(
    invoke: Invoke, forger: Forger
) -> None:
    def told() -> dict[str, Any]:
        return validated(invoke("verify", "--ledger-db", forger.dsn, "--format", "json").stdout)

    unread = told()
    assert (unread["assurance"], unread["entries"], unread["ledger_schema"]) == ("UNVERIFIED", None, "")
    forger.build(0, schema="3")
    empty = told()
    assert (empty["assurance"], empty["entries"]["count"], empty["ledger_schema"]) == ("UNVERIFIED", 0, "3")
    forger.append(sample_entries(10))
    assert told()["entries"]["sequence_last"] == 10


def test_json_of_an_export_names_the_file_by_its_hash(invoke: Invoke, dsn: str) -> None:
    invoke("export", "--source", dsn, "--output", "all.jsonl")
    invoke("export", "--source", dsn, "--output", "some.csv", "--limit", "5")
    document = validated(invoke("verify", "--ledger-db", "all.jsonl", "--format", "json").stdout)
    manifest = json.loads(Path("all.jsonl.manifest.json").read_text())
    assert document["export"] == {"size": manifest["size"], "sha256": manifest["sha256"]}
    assert document["extent"] == "all entries"
    part = validated(invoke("verify", "--ledger-db", "some.csv", "--format", "json").stdout)
    assert part["extent"] == "the entries that a filter left"


def test_a_file_holds_what_is_printed_and_json_where_its_name_says_so(invoke: Invoke, forger: Forger) -> None:
    TAMPERINGS["edit"](forger.build(100))
    text = invoke("verify", "--ledger-db", forger.dsn, "--output", "result.txt", "--verbose")
    assert text.exit_code == 1
    moment = re.compile(r"Verification Date: .*")
    assert moment.sub("", Path("result.txt").read_text()) == moment.sub("", text.stdout)
    in_json = invoke("verify", "--ledger-db", forger.dsn, "--output", "result.JSON", "--quiet")
    assert (in_json.exit_code, in_json.output) == (1, "")
    assert validated(Path("result.JSON").read_text())["assurance"] == "TAMPERED"
    invoke("verify", "--ledger-db", forger.dsn, "--output", "result.log", "--format", "json")
    validated(Path("result.log").read_text())


def test_oscal_is_printed_and_written_alike_in_the_version_that_was_asked_for(invoke: Invoke, forger: Forger) -> None:
    TAMPERINGS["edit"](forger.build(100))
    result = invoke(
        "verify", "--ledger-db", forger.dsn, "--format", "oscal", "-o", "oscal.json", "--oscal-version", "1.1.2"
    )
    assert (result.exit_code, result.stdout) == (1, Path("oscal.json").read_text())
    found = json.loads(result.stdout)["assessment-results"]
    assert found["metadata"]["oscal-version"] == "1.1.2"
    assert found["results"][0]["title"] == "TAMPERED"


def test_oscal_calls_controls_satisfied_if_that_is_asked_for(invoke: Invoke, forger: Forger) -> None:
    clean = invoke("verify", "--ledger-db", forger.build(20).dsn, "--format", "oscal", "--oscal-satisfied")
    findings = json.loads(clean.stdout)["assessment-results"]["results"][0]["findings"]
    assert {"au-9_obj", "au-8_obj"} <= {finding["target"]["target-id"] for finding in findings}
    assert {finding["target"]["status"]["state"] for finding in findings} == {"satisfied"}


@pytest.mark.parametrize("name", [None, "edit"])
def test_quiet_prints_nothing_and_the_code_says_it(invoke: Invoke, forger: Forger, name: str | None) -> None:
    forger.build(100)
    if name:
        TAMPERINGS[name](forger)
    result = invoke("verify", "--ledger-db", forger.dsn, "--quiet")
    assert (result.exit_code, result.output) == (1 if name else 0, "")
    exported = invoke("export", "--source", forger.dsn, "--quiet", "--output", "a.json")
    assert (exported.exit_code, exported.output) == (0, "")


def controls(text: str) -> list[str]:
    return [character for character in text if not character.isprintable() and character != "\n"]


def hostile_entries() -> Iterable[Any]:
    entries = [*sample_entries(20)]
    entries[5] = replace(entries[5], verdict=HOSTILE, reasoning=HOSTILE)
    entries[6] = replace(entries[6], verdict="M" * 1_000_000)
    entries[7] = replace(entries[7], verdict="M" * 1_000_001)
    return chained(entries)


@pytest.fixture
def hostile(forger: Forger) -> tuple[str, str]:
    """The DSN and the name of a ledger in which everything that can be named is hostile."""
    forger.build(0)
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check")
    forger.run("DROP INDEX ledger_entries_verdict_timestamp")  # it takes no megabyte
    forger.append(hostile_entries())
    quoted = '"{}"'.format(HOSTILE.replace('"', '""'))
    forger.run(f"ALTER TRIGGER ledger_refuse_update ON ledger_entries RENAME TO {quoted}")
    forger.run(f"ALTER TABLE ledger_entries DISABLE TRIGGER {quoted}")
    forger.run(f"ALTER TABLE ledger_entries ADD COLUMN {quoted} text, ADD CONSTRAINT {quoted} CHECK (true) NOT VALID")
    forger.run(f"CREATE RULE {quoted} AS ON INSERT TO ledger_entries DO ALSO NOTHING")
    forger.run(f"ALTER TABLE ledger_entries RENAME TO {quoted}")
    return forger.dsn, quoted


@pytest.mark.parametrize("arguments", [[], ["--verbose"], ["--format", "json"], ["--repair", "--dry-run"]])
def test_nothing_hostile_reaches_the_terminal_or_a_file(
    invoke: Invoke, hostile: tuple[str, str], arguments: list[str]
) -> None:
    dsn, table = hostile
    result = invoke("verify", "--ledger-db", dsn, "--table", table, *arguments)
    assert result.exit_code == (0 if "--dry-run" in arguments else 1)
    assert controls(result.output) == []
    assert len(result.output) < 40_000
    if "--format" in arguments:
        verdicts = validated(result.stdout)["entries"]["verdicts"]
        assert verdicts[HOSTILE] == 1
        assert max(map(len, verdicts)) < 3_000
    elif "--dry-run" not in arguments:
        assert "VERDICT_UNKNOWN sequence 6: " in result.stdout
        for line in result.stdout.splitlines():
            assert not line.startswith(("GALF", "✓"))
        invoke("verify", "--ledger-db", dsn, "--table", table, *arguments, "--output", "result.txt")
        assert controls(Path("result.txt").read_text()) == []


def test_a_table_that_is_not_there_cannot_steer_the_terminal(invoke: Invoke, forger: Forger) -> None:
    quoted = f'"{HOSTILE}"'
    forger.build(5).run(f"CREATE SCHEMA {quoted}; ALTER TABLE ledger_entries SET SCHEMA {quoted}")
    result = invoke("verify", "--ledger-db", forger.dsn)
    assert result.exit_code == 3
    assert controls(result.output) == []


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["ascii", "C"],
)
def test_a_terminal_that_cannot_show_the_marks_gets_ascii(forger: Forger, env: dict[str, str]) -> None:
    TAMPERINGS["inserted"](forger.build(100))
    result = start("verify", "--ledger-db", forger.dsn, env=env)
    assert result.returncode == 1
    assert result.stdout.isascii()
    lines = result.stdout.splitlines()
    assert lines[2] == "|-- Chain integrity: FAILED: 1 FINDING, first at sequence 51"
    assert lines[4] == "|-- Timestamp order: OK: VALID"
    assert lines[9].startswith("`-- Last verified: ")
    assert "  ... and 48 more (--verbose shows more)" in lines
    assert "\\u" not in result.stdout


def test_a_terminal_gets_colours_and_whole_words(forger: Forger) -> None:
    TAMPERINGS["swapped"](forger.build(100))
    TAMPERINGS["trigger-disabled"](forger)
    values = r"^ {8}(hash before|previous_hash|recomputed|stored|in order|expected|actual)"
    for arguments in ([], ["--verbose"]):
        terminal = Terminal("verify", "--ledger-db", forger.dsn, *arguments, columns=80)
        assert terminal.finish() == 1
        assert re.search(r"\x1b\[31m[^\n]*✗[^\n]*\x1b\[0m", terminal.output)
        assert re.search(r"\x1b\[32m[^\n]*✓[^\n]*\x1b\[0m", terminal.output)
        assert set(ESCAPE.findall(terminal.output)) <= {f"\x1b[{code}m" for code in (0, 1, 31, 32, 33)}
        long = [line for line in ESCAPE.sub("", terminal.output).splitlines() if len(line) > 80 and "\r" not in line]
        assert [line for line in long if not re.search(f"Ledger: |Database: |^ +`?audit-ledger |{values}", line)] == []


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})],
    ids=["option", "NO_COLOR", "dumb"],
)
def test_a_terminal_that_wants_no_colours_gets_none(dsn: str, arguments: list[str], env: dict[str, str]) -> None:
    terminal = Terminal("verify", "--ledger-db", dsn, *arguments, env=env)
    assert terminal.finish() == 0
    assert ESCAPE.findall(terminal.output) == []
    assert "✓ VERIFIED" in terminal.output


def test_a_pipe_gets_no_escape_and_no_progress(forger: Forger) -> None:
    forger.build(1_000)
    terminal, piped = Terminal("verify", "--ledger-db", forger.dsn), start("verify", "--ledger-db", forger.dsn)
    assert terminal.finish() == piped.returncode == 0
    assert "entries/s" in terminal.output
    assert piped.stderr == ""
    assert controls(piped.stdout) == []


@pytest.mark.parametrize("command", [[], ["verify"], ["export"]])
def test_the_help_shows_examples_and_every_exit_code_in_a_narrow_terminal(invoke: Invoke, command: list[str]) -> None:
    result = invoke(*command, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "  Examples:\n    audit-ledger " in result.stdout
    for line in ("0  verified, or done", "1  tampering was found", "2  wrong usage", "3  could not be verified"):
        assert f"\n    {line}" in result.stdout
    if command:
        for option in ("--ledger-db, --source DSN", "--table NAME", "--quiet", "--no-color"):
            assert option in result.stdout
        assert "--ledger-table" not in result.stdout
