"""`audit-ledger verify --repair`: it shows, asks, restores protections, and never touches an entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke, Terminal, start, until_locked
from tests.support.databases import another_session, role

ASKED = "Type public.ledger_entries to continue: "
NOT_CONFIRMED = (
    "Error: The repair was not confirmed, so nothing was changed. Type public.ledger_entries when asked, or add --yes."
)


def state(forger: Forger) -> list[tuple[object, ...]]:
    """Everything that a repair could change."""
    return [
        *forger.run("SELECT l.*, xmin::text, ctid::text FROM ledger_entries l ORDER BY ctid"),
        *forger.run("SELECT tgname, tgenabled, xmin::text FROM pg_trigger ORDER BY tgname"),
        *forger.run("SELECT conname, xmin::text FROM pg_constraint ORDER BY conname"),
        *forger.run("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"),
    ]


@pytest.fixture
def unguarded(forger: Forger) -> Forger:
    """A ledger with two protections missing."""
    forger.build(100)
    TAMPERINGS["trigger-disabled"](forger)
    TAMPERINGS["unique-dropped"](forger)
    return forger


def test_a_dry_run_prints_the_sql_and_changes_nothing(invoke: Invoke, unguarded: Forger) -> None:
    before = state(unguarded)
    result = invoke("verify", "--ledger-db", unguarded.dsn, "--repair", "--dry-run")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("-- ")
    assert state(unguarded) == before
    unguarded.run(result.stdout)
    assert invoke("verify", "--ledger-db", unguarded.dsn).exit_code == 0


def test_the_sql_is_utf_8_whatever_the_terminal_shows(forger: Forger) -> None:
    forger.build(5).run('ALTER TABLE ledger_entries RENAME TO "büch"; ALTER TABLE "büch" DISABLE TRIGGER USER')
    arguments = ("verify", "--ledger-db", forger.dsn, "--table", '"büch"', "--repair", "--dry-run")
    assert '"büch"' in start(*arguments, env={"PYTHONIOENCODING": "ascii"}).stdout


@pytest.mark.parametrize("more", [[], ["--yes"], ["--dry-run"]])
def test_an_intact_ledger_is_left_alone_without_a_question(invoke: Invoke, forger: Forger, more: list[str]) -> None:
    before = state(forger.build(100))
    result = invoke("verify", "--ledger-db", forger.dsn, "--repair", *more)
    assert result.exit_code == 0
    assert result.stderr == "No protection is missing.\n"
    assert state(forger) == before


@pytest.mark.parametrize("answer", ["", "\n", "yes\n", "ledger_entries\n", "PUBLIC.LEDGER_ENTRIES\n", "\udcff\n"])
def test_without_the_right_word_nothing_is_changed(invoke: Invoke, unguarded: Forger, answer: str) -> None:
    before = state(unguarded)
    typed = answer.encode(errors="surrogateescape")
    result = invoke("verify", "--ledger-db", unguarded.dsn, "--repair", input=typed)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == "Steps to restore the protections:"
    assert result.stderr.splitlines()[-1].endswith(NOT_CONFIRMED)
    assert state(unguarded) == before


@pytest.mark.parametrize(("more", "answer"), [([], "public.ledger_entries\n"), (["--yes"], "")])
def test_what_was_confirmed_is_restored_and_verified_anew(
    invoke: Invoke, unguarded: Forger, more: list[str], answer: str
) -> None:
    entries = unguarded.run("SELECT l.*, xmin::text, ctid::text FROM ledger_entries l ORDER BY ctid")
    result = invoke("verify", "--ledger-db", unguarded.dsn, "--repair", *more, input=answer)
    assert result.exit_code == 0, result.output
    assert (ASKED in result.stderr) is (not more)
    assert "2 steps done. No entry was changed. Verifying again:" in result.stderr
    assert result.stdout.startswith("Ledger Integrity Verification\n")
    assert "├── Protections: ✓ IN PLACE" in result.stdout
    assert unguarded.run("SELECT l.*, xmin::text, ctid::text FROM ledger_entries l ORDER BY ctid") == entries


def test_quiet_silences_all_but_the_question_and_what_it_is_about(invoke: Invoke, unguarded: Forger) -> None:
    arguments = ("verify", "--ledger-db", unguarded.dsn, "--repair", "--quiet")
    asked = invoke(*arguments, input="no\n")
    assert asked.exit_code == 2
    assert [line[:4] for line in asked.stderr.splitlines()] == ["Step", "  1.", "  2.", "Type"]
    done, again = invoke(*arguments, "--yes"), invoke(*arguments)
    assert (done.exit_code, done.output) == (0, "")
    assert (again.exit_code, again.output) == (0, "")


def test_standard_output_stays_json(invoke: Invoke, unguarded: Forger) -> None:
    result = invoke("verify", "--ledger-db", unguarded.dsn, "--repair", "--yes", "--format", "json")
    assert json.loads(result.stdout)["assurance"] == "SELF-CONSISTENT"


def test_tampered_entries_stay_as_they_are_and_are_told_of(invoke: Invoke, unguarded: Forger) -> None:
    unguarded.unguarded("UPDATE ledger_entries SET reasoning = 'nothing to see' WHERE sequence_number = 50")
    TAMPERINGS["trigger-disabled"](unguarded)
    arguments = ("verify", "--ledger-db", unguarded.dsn, "--repair", "--yes")
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert "├── Protections: ✓ IN PLACE" in result.stdout
    assert "├── Hash verification: ✗ 99/100 valid" in result.stdout
    assert "The findings of entry_hash concern the entries, and a repair never changes those" in result.stderr
    assert unguarded.run("SELECT reasoning FROM ledger_entries WHERE sequence_number = 50") == [("nothing to see",)]
    assert invoke(*arguments, "--quiet").output == ""


def test_what_cannot_be_restored_is_told_with_what_to_do(invoke: Invoke, forger: Forger) -> None:
    TAMPERINGS["rows-hidden"](forger.build(100))
    result = invoke("verify", "--ledger-db", forger.dsn, "--repair")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Cannot be restored: ")
    assert "DISABLE ROW LEVEL SECURITY" in lines[0]
    assert lines[1] == "Nothing else can be restored."


def test_an_export_has_nothing_to_restore(invoke: Invoke, dsn: str) -> None:
    invoke("export", "--source", dsn, "--output", "a.jsonl")
    result = invoke("verify", "--ledger-db", "a.jsonl", "--repair")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: An export has no protections to restore.")


@pytest.mark.parametrize(
    "mistake",
    [["--suite", "bad.ledger.yaml"], ["--output", "missing/a.json"], ["--workers", "0"], ["--output", "-"]],
    ids=["suite", "folder", "workers", "stdout"],
)
def test_nothing_is_repaired_where_the_command_line_has_a_mistake(
    invoke: Invoke, unguarded: Forger, mistake: list[str]
) -> None:
    Path("bad.ledger.yaml").write_text("version: 2\n")
    before = state(unguarded)
    result = invoke("verify", "--ledger-db", unguarded.dsn, "--repair", "--yes", *mistake)
    assert result.exit_code in (2, 3)
    assert state(unguarded) == before


def test_a_role_without_the_rights_changes_nothing_and_is_told_so(invoke: Invoke, unguarded: Forger) -> None:
    before = state(unguarded)
    with role(unguarded, "cli_reader") as name:
        unguarded.run(f"GRANT SELECT ON ledger_entries TO {name}")
        dsn = make_dsn(**{**parse_dsn(unguarded.dsn), "user": name})
        result = invoke("verify", "--ledger-db", dsn, "--repair", "--yes")
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"Error: The role {name} may not repair public.ledger_entries, which belongs to " in result.stderr
    assert state(unguarded) == before


def test_a_ledger_that_is_not_there_is_one_sentence(invoke: Invoke, forger: Forger) -> None:
    result = invoke("verify", "--ledger-db", forger.dsn, "--repair")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Error: There is no table public.ledger_entries in ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("keys", ["end of input", "no\n", "Ctrl-C"])
def test_in_a_terminal_a_refusal_changes_nothing(unguarded: Forger, keys: str) -> None:
    before = state(unguarded)
    terminal = Terminal("verify", "--ledger-db", unguarded.dsn, "--repair")
    terminal.read_until(ASKED)
    if keys == "Ctrl-C":
        terminal.interrupt_until_taken()
    elif keys == "end of input":
        terminal.end_input()
    else:
        terminal.type(keys)
    assert terminal.finish() == (3 if keys == "Ctrl-C" else 2)
    assert "Traceback" not in terminal.output
    assert "Ledger Integrity Verification" not in terminal.output
    assert state(unguarded) == before


def test_ctrl_c_while_the_repair_waits_for_a_lock_leaves_at_once_and_half_done_nothing(unguarded: Forger) -> None:
    before = state(unguarded)
    with another_session(unguarded.dsn, "LOCK TABLE ledger_entries IN ROW EXCLUSIVE MODE"):
        terminal = Terminal("verify", "--ledger-db", unguarded.dsn, "--repair", "--yes")
        until_locked(unguarded)
        terminal.interrupt()
        assert terminal.finish(within_s=3) == 3
    assert "Error: Interrupted during the repair. Each step was taken completely or not at all" in terminal.output
    assert state(unguarded) == before
