"""`audit-ledger profile infer`: tables that nobody described are described, and verify."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg2.sql import SQL, Identifier

from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.infer import tables, triggers
from tests.infer.tables import HARD, KEY, TABLES, write
from tests.support.command import Invoke, Terminal

EXAMPLES = Path(__file__).parents[2] / "examples" / "profiles"


def infer(invoke: Invoke, forger: Forger, table: str, *options: str) -> tuple[int, str]:
    """Run the command; return its exit code, and what it prints."""
    result = invoke("profile", "infer", "--ledger-db", forger.dsn, "--table", table, *options)
    return result.exit_code, result.output


def assert_verifies(invoke: Invoke, forger: Forger, file: str) -> None:
    """Assert that a profile has no mistakes, and that the chain and every hash are verified with it."""
    assert invoke("profile", "lint", file).exit_code == 0
    with Ledger(forger.dsn, profile=load_profile(file)) as ledger:
        verification = ledger.verify_integrity()
    assert verification.assurance is Assurance.SELF_CONSISTENT


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_solved_and_verifies(
    forger: Forger, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write(forger, name, TABLES[name])
    monkeypatch.setenv("CHAIN_KEY", KEY)
    code, output = infer(invoke, forger, name, *(["--key", "env:CHAIN_KEY"] if name == "hmac" else []))
    assert code == 0, output
    assert "It reproduces 30 of the 30 sampled hashes." in output
    assert KEY not in output
    assert_verifies(invoke, forger, f"{name.replace('_', '-')}.profile.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("name", triggers.TABLES)
def test_a_table_that_a_trigger_writes_is_solved_and_verifies(forger: Forger, invoke: Invoke, name: str) -> None:
    forger.run("SET TIME ZONE 'America/New_York'; " + triggers.TABLES[name])
    ((database,),) = forger.run("SELECT current_database()")
    forger.run(SQL("ALTER DATABASE {} SET TimeZone = 'America/New_York'").format(Identifier(database)))
    code, output = infer(invoke, forger, name)
    assert code == 0, output
    assert_verifies(invoke, forger, f"{name.replace('_', '-')}.profile.yaml")


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("json", "tool_calls"),
        ("join", "movements"),
        pytest.param("concat", "document_versions", marks=pytest.mark.slow),
        pytest.param("lengths", "record_accesses", marks=pytest.mark.slow),
        pytest.param("pairs", "receipts", marks=pytest.mark.slow),
        pytest.param("template", "badge_events", marks=pytest.mark.slow),
    ],
)
def test_the_tables_of_the_examples_are_solved(forger: Forger, invoke: Invoke, file: str, table: str) -> None:
    forger.run("SET TIME ZONE 'UTC'; " + (EXAMPLES / f"{file}.sql").read_text(encoding="utf-8"))
    code, output = infer(invoke, forger, table)
    assert code == 0, output
    assert_verifies(invoke, forger, f"{table.replace('_', '-')}.profile.yaml")


@pytest.mark.slow
def test_streams_versions_and_lines_are_found(forger: Forger, invoke: Invoke) -> None:
    write(forger, "by_tenant", TABLES["by_tenant"], count=400)  # more than a window
    infer(invoke, forger, "by_tenant", "-o", "streams.profile.yaml")
    profile = load_profile("streams.profile.yaml")
    assert (profile.streams, profile.columns["sequence_number"], profile.columns["order"]) == (("tenant",), "seq", "id")
    forger.run((EXAMPLES / "lengths.sql").read_text(encoding="utf-8"))
    infer(invoke, forger, "record_accesses", "-o", "versions.profile.yaml")
    assert set(load_profile("versions.profile.yaml").versions) == {"1", "2"}
    forger.run((EXAMPLES / "concat.sql").read_text(encoding="utf-8"))
    infer(invoke, forger, "document_versions", "-o", "lines.profile.yaml")
    assert set(load_profile("lines.profile.yaml").lines) == {"body_hash"}


def test_what_cannot_be_found_is_not_claimed(forger: Forger, invoke: Invoke) -> None:
    write(forger, "hard", HARD)
    started = time.monotonic()
    code, output = infer(invoke, forger, "hard", "--limit-seconds", "2")
    assert time.monotonic() - started < 30
    assert code == 3
    assert "No recipe was found among" in output
    assert "ruled out: join: " in output
    text = Path("hard.profile.yaml").read_text(encoding="utf-8")
    assert "roles: {sequence: seq, timestamp: at, previous_hash: prev_hash, entry_hash: hash}" in text
    assert "payload: the recipe was not found" in text


@pytest.mark.slow
def test_one_altered_row_is_counted_and_not_hidden(forger: Forger, invoke: Invoke) -> None:
    write(forger, "altered", TABLES["twelve_columns"])
    forger.run("UPDATE altered SET actor = 'nobody' WHERE seq = 17")
    code, output = infer(invoke, forger, "altered")
    assert code == 3
    assert "It reproduces 29 of the 30 sampled hashes." in output
    assert "not the whole truth" in Path("altered.profile.yaml").read_text(encoding="utf-8")


def test_a_hint_of_the_separator_solves_a_table(forger: Forger, invoke: Invoke) -> None:
    write(forger, "hard", replace(HARD, digest=tables.odd_separator))
    assert infer(invoke, forger, "hard", "--limit-seconds", "2", "-o", "a.profile.yaml")[0] == 3
    assert infer(invoke, forger, "hard", "--separator", "<*>")[0] == 0
    assert_verifies(invoke, forger, "hard.profile.yaml")


@pytest.mark.slow
def test_a_hint_of_the_columns_solves_a_table(forger: Forger, invoke: Invoke) -> None:
    write(forger, "hard", replace(HARD, digest=tables.odd_order))
    assert infer(invoke, forger, "hard", "--limit-seconds", "2", "-o", "a.profile.yaml")[0] == 3
    assert infer(invoke, forger, "hard", "--columns", "action,seq,ip,prev_hash,at,actor,quantity")[0] == 0
    assert_verifies(invoke, forger, "hard.profile.yaml")


def test_the_source_of_the_writer_gives_the_order(forger: Forger, invoke: Invoke) -> None:
    write(forger, "hard", replace(HARD, digest=tables.odd_order))
    Path("writer.js").write_text(
        "const text = [e.action, e.seq, e.ip, prevHash, e.at, e.actor, e.quantity].join('|')\n", encoding="utf-8"
    )
    assert infer(invoke, forger, "hard", "--source", "writer.js")[0] == 0
    assert_verifies(invoke, forger, "hard.profile.yaml")


@pytest.mark.slow
def test_one_payload_solves_a_table_with_other_keys(forger: Forger, invoke: Invoke) -> None:
    write(forger, "hard", replace(HARD, digest=tables.odd_keys))
    assert infer(invoke, forger, "hard", "--limit-seconds", "2", "-o", "a.profile.yaml")[0] == 3
    ((previous,),) = forger.run("SELECT prev_hash FROM hard WHERE seq = 4")
    content = {"n": 4, "who": "ana", "what": "updated", "when": tables.millis(tables.at(4)), "p": previous}
    Path("payload.json").write_text(json.dumps(content), encoding="utf-8")
    code, output = infer(invoke, forger, "hard", "--sample", "payload.json")
    assert code == 0, output
    assert_verifies(invoke, forger, "hard.profile.yaml")
    Path("payload.json").write_text(json.dumps(content | {"n": 5}), encoding="utf-8")
    code, output = infer(invoke, forger, "hard", "--sample", "payload.json", "-o", "b.profile.yaml")
    assert (code, Path("b.profile.yaml").exists()) == (2, False)
    assert "The sample is not the payload of any entry that was read." in output


WRITER = """
const entry = {type: 'audit', v: 2, seq: e.seq, actor: e.actor, at: e.at.toISOString(), final: true, prev_hash: last};
"""


@pytest.mark.parametrize("hint", ["--source", "--sample"])
def test_constants_in_json_are_found_in_the_source_or_in_a_payload(forger: Forger, invoke: Invoke, hint: str) -> None:
    write(forger, "hard", replace(HARD, digest=tables.with_constants))
    ((previous,),) = forger.run("SELECT prev_hash FROM hard WHERE seq = 5")
    content = {"type": "audit", "v": 2, "seq": 5, "actor": "Zoë", "at": tables.millis(tables.at(5)), "final": True}
    text = WRITER if hint == "--source" else json.dumps({**content, "prev_hash": previous}, ensure_ascii=False)
    Path("hint.txt").write_text(text, encoding="utf-8")
    code, output = infer(invoke, forger, "hard", hint, "hint.txt", "--limit-seconds", "15")
    assert code == 0, output
    assert_verifies(invoke, forger, "hard.profile.yaml")
    written = Path("hard.profile.yaml").read_text("utf-8")
    assert "constant: audit" in written
    assert "constant: 2" in written


def test_what_the_sample_leaves_open_is_said(forger: Forger, invoke: Invoke) -> None:
    whole_seconds = {"at": lambda number: tables.at(10 * number), "note": lambda _: None}
    write(forger, "open", replace(TABLES["sorted_json"], extra=whole_seconds))
    assert infer(invoke, forger, "open")[0] == 0
    text = Path("open.profile.yaml").read_text(encoding="utf-8")
    assert "# The sampled values of at look the same in other formats: " in text
    assert "# note is NULL in every sampled entry, so the form of its values is a guess." in text


def test_mistakes_are_refused_before_the_search(forger: Forger, invoke: Invoke) -> None:
    write(forger, "hard", HARD, count=3)
    for options, words in (
        (["--columns", "seq,actr"], "has no column 'actr'"),
        (["-o", "hard.yaml"], "is not a valid name of a profile"),
        (["--key", "secret"], "This is not the name of a key."),
        (["--source", "missing.js"], "missing.js"),
    ):
        code, output = infer(invoke, forger, "hard", *options)
        assert code == 2
        assert words in output
    Path("hard.profile.yaml").write_text("mine", encoding="utf-8")
    code, output = infer(invoke, forger, "hard")
    assert (code, Path("hard.profile.yaml").read_text(encoding="utf-8")) == (3, "mine")
    assert "already exists and was not changed" in output


def test_a_table_without_hashes_or_rows_is_refused(forger: Forger, invoke: Invoke) -> None:
    forger.run("CREATE TABLE plain (id integer, name text); CREATE TABLE filled AS SELECT 1 AS id, 'x' AS name")
    assert "is empty, so there is nothing to learn from" in infer(invoke, forger, "plain")[1]
    assert "shows no chain" in infer(invoke, forger, "filled")[1]


def test_progress_is_shown_and_ctrl_c_ends_the_search(forger: Forger, tmp_path: Path) -> None:
    write(forger, "hard", HARD)
    file = tmp_path / "hard.profile.yaml"
    terminal = Terminal("profile", "infer", "--ledger-db", forger.dsn, "--table", "hard", "-o", str(file))
    terminal.read_until("candidates")
    terminal.interrupt()
    assert terminal.finish() == 3
    assert not file.exists()


def test_quoted_names_are_read(forger: Forger, invoke: Invoke) -> None:
    table = TABLES["any_order"]
    write(forger, 'Odd "name"', table)
    code, output = infer(invoke, forger, 'public."Odd ""name"""', "-o", "odd.profile.yaml")
    assert code == 0, output
    assert_verifies(invoke, forger, "odd.profile.yaml")


@pytest.mark.slow
def test_the_ledger_of_the_ski_framework_is_solved(forger: Forger, invoke: Invoke) -> None:
    forger.build(300)
    code, output = infer(invoke, forger, "ledger_entries", "--limit-seconds", "300")
    assert code == 0, output
    version = load_profile("ledger-entries.profile.yaml").version
    assert version is not None
    assert json.dumps(version.payload).count("kg_version") == 1


def with_choices(row: tables.Row, previous: str) -> str:
    """Return a hash that needs a hint: a boolean or NULL is one of two odd texts."""
    values = [previous, str(row["seq"]), "yep" if row["ok"] else "nope", row["at"].isoformat(), row["actor"]]
    return tables.sha256("|".join(values))


@pytest.mark.parametrize(
    "choice",
    ["'yep' if row['ok'] else 'nope'", "row.ok ? 'yep' : 'nope'", "CASE WHEN NEW.ok THEN 'yep' ELSE 'nope' END"],
)
def test_what_a_boolean_is_written_as_is_found_in_the_source(forger: Forger, invoke: Invoke, choice: str) -> None:
    columns = "seq integer, ok boolean, actor text, at timestamptz, prev_hash text, hash text"
    write(forger, "chosen", replace(HARD, columns=columns, digest=with_choices))
    Path("writer.txt").write_text(f"prev_hash, seq, {choice}, at, actor; '|'", encoding="utf-8")
    code, output = infer(invoke, forger, "chosen", "--source", "writer.txt")
    assert code == 0, output
    assert_verifies(invoke, forger, "chosen.profile.yaml")
    assert "booleans: [yep, nope]" in Path("chosen.profile.yaml").read_text(encoding="utf-8")


def test_other_zones_that_fit_equally_are_named(forger: Forger, invoke: Invoke) -> None:
    forger.run(triggers.TABLES["sentence"])
    code, output = infer(invoke, forger, "sentence")
    assert code == 0, output
    text = Path("sentence.profile.yaml").read_text(encoding="utf-8")
    assert re.search("# Europe/Madrid has the same offsets at the sampled values of at as .* and [0-9]+ others: ", text)
