"""`audit-ledger suite`, suites that are verified besides the default one, and the exit codes of waivers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_audit_ledger.files.evidence_folder import STATEMENT
from pytest_audit_ledger.files.resources import folder
from tests.forger import Forger
from tests.support.command import Invoke, start

FLAGS = """\
version: 1
checks:
  - {id: flags, expect: failed_rows, query: "SELECT sequence_number, rule_id FROM {ledger} WHERE verdict = 'FLAG'"}
"""


def write(text: str, name: str = "own.ledger.yaml") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def waiver(expires: str, check: str = "flags") -> str:
    told = f"{{id: W-1, check: {check}, reason: Migrated, approved_by: CISO, expires: '{expires}T00:00:00Z'}}"
    return f"waivers:\n  - {told}\n"


def test_a_suite_without_mistakes_is_told_with_its_checks(invoke: Invoke) -> None:
    write(FLAGS)
    result = invoke("suite", "lint")
    assert (result.exit_code, result.output) == (0, "own.ledger.yaml: 1 check, no mistakes\n")


def test_both_spellings_of_yaml_are_found_and_what_is_filed_as_evidence_is_not(invoke: Invoke) -> None:
    write(FLAGS)
    write(FLAGS, "short.ledger.yml")
    filed = Path("evidence/2026-05")
    (filed / "suites").mkdir(parents=True)
    (filed / "manifest.json").write_text(json.dumps({"_type": STATEMENT}))
    write(FLAGS.replace("query", "qery"), str(filed / "suites/old.ledger.yaml"))
    Path("site").mkdir()
    Path("site/manifest.json").write_text('{"name": "an app"}')
    write(FLAGS, "site/own.ledger.yaml")
    result = invoke("suite", "lint")
    names = ("own.ledger.yaml", "short.ledger.yml", "site/own.ledger.yaml")
    assert (result.exit_code, sorted(result.output.splitlines())) == (0, [f"{n}: 1 check, no mistakes" for n in names])
    assert invoke("suite", "lint", str(filed / "suites/old.ledger.yaml")).exit_code == 2


def test_every_mistake_of_every_suite_is_told_at_once(invoke: Invoke) -> None:
    write(FLAGS.replace("query", "qery"))
    write(FLAGS.replace("failed_rows", "failed_row"), "other.ledger.yaml")
    result = invoke("suite", "lint")
    assert result.exit_code == 2
    assert re.findall(r"^(?:Error: )?(\w+\.ledger\.yaml:\d+:\d+): ", result.stderr, re.MULTILINE) == [
        "other.ledger.yaml:3:25",
        "own.ledger.yaml:3:38",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lint"], "There is no suite in "),
        (["lint", "none.ledger.yaml"], "There is no suite none.ledger.yaml."),
        (["explain", "chain_linkag"], "There is no check 'chain_linkag'; did you mean 'chain_linkage'?"),
        (["kinds", "not_nul"], "There is no kind 'not_nul'; did you mean 'not_null'?"),
        (["init", "mine.yaml"], "mine.yaml is not a valid name of a suite. Name a file that ends in .ledger.yaml."),
    ],
)
def test_what_is_not_there_is_wrong_usage(invoke: Invoke, arguments: list[str], words: str) -> None:
    result = invoke("suite", *arguments)
    assert result.exit_code == 2
    assert f"Error: {words}" in result.stderr


def test_the_starter_is_written_once_and_has_no_mistake(invoke: Invoke) -> None:
    assert invoke("suite", "init").exit_code == 0
    Path("my.ledger.yaml").write_text(Path("my.ledger.yaml").read_text() + "# mine\n")
    again = invoke("suite", "init")
    assert again.exit_code == 3
    assert "my.ledger.yaml could not be written: File exists. It is never overwritten" in again.stderr
    assert Path("my.ledger.yaml").read_text().endswith("# mine\n")
    assert "no mistake" in invoke("suite", "lint").output


def test_checks_are_listed_with_their_places_and_shipped_ones_where_none_are_at_hand(invoke: Invoke) -> None:
    assert re.search(
        r"^chain_linkage +chain_linkage +critical .* integrity\.", invoke("suite", "list").output, re.MULTILINE
    )
    write(FLAGS)
    assert invoke("suite", "list").output.splitlines()[2].split() == [
        "flags",
        "failed_rows",
        "critical",
        "own.ledger.yaml:3",
    ]


def test_an_explanation_shows_the_sql_that_is_asked(invoke: Invoke) -> None:
    write(FLAGS)
    told = invoke("suite", "explain", "flags").output
    assert "  SQL to show:\n    SELECT sequence_number, rule_id FROM {ledger} WHERE verdict = 'FLAG'\n" in told


def test_the_schema_is_printed_as_it_is_shipped() -> None:
    done = start("suite", "schema")
    assert (done.returncode, done.stdout) == (0, (folder("checks") / "suite.schema.json").read_text(encoding="utf-8"))


def test_a_kind_is_described_by_its_alias_too(invoke: Invoke) -> None:
    told = invoke("suite", "kinds", "expect_column_values_to_be_in_set").output
    assert told.startswith("accepted_values\n  also called expect_column_values_to_be_in_set\n")


def test_a_shipped_suite_is_verified_by_its_name(invoke: Invoke, dsn: str) -> None:
    result = invoke("verify", "--ledger-db", dsn, "--suite", "compliance.ledger.yaml", "--format", "json")
    suites = {outcome["suite"] for outcome in json.loads(result.stdout)["outcomes"]}
    assert suites == {"integrity.ledger.yaml", "compliance.ledger.yaml"}


@pytest.mark.parametrize(
    ("waivers", "code"),
    [("", 1), (waiver("2999-01-01"), 0), (waiver("2020-01-01"), 1)],
    ids=["none", "in force", "expired"],
)
def test_a_waiver_in_force_excuses_a_failure(invoke: Invoke, dsn: str, waivers: str, code: int) -> None:
    assert invoke("verify", "--ledger-db", dsn, "--suite", write(FLAGS + waivers), "-q").exit_code == code


@pytest.mark.parametrize("flags", [[], ["--allow-integrity-waivers"]])
def test_a_waiver_never_makes_a_tampered_ledger_verified(invoke: Invoke, forger: Forger, flags: list[str]) -> None:
    forger.build(20).unguarded("UPDATE ledger_entries SET reasoning = 'x' WHERE sequence_number = 5")
    suite = write("version: 1\nchecks:\n  - {id: hashes, expect: entry_hash}\n" + waiver("2999-01-01", "hashes"))
    result = invoke("verify", "--ledger-db", forger.dsn, "--suite", suite, *flags)
    assert result.exit_code == 1
    assert "TAMPERED: " in result.output
