"""`audit-ledger checkpoint`, and `verify` with checkpoints, as a user types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import Result

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke

ORIGIN = "bank.example/ledger"
FILE = "checkpoints/000000000100.checkpoint"
HOLD = ("--checkpoint", "checkpoints", "--verifier-key", "verifier.key")


@pytest.fixture
def keys(invoke: Invoke) -> None:
    """A signing key and a verifier key in the current folder."""
    result = invoke("checkpoint", "keygen", "--origin", ORIGIN, "--output", "signing.key")
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.fullmatch(rf"{ORIGIN}\+[0-9a-f]{{8}}\+[A-Za-z0-9+/=]{{44}}\n", result.stdout)
    Path("verifier.key").write_text(result.stdout)


@pytest.fixture
def signed(invoke: Invoke, keys: None, dsn: str) -> str:
    """The DSN of a ledger of a hundred entries with a checkpoint of them."""
    result = create(invoke, dsn)
    assert result.exit_code == 0, result.output
    assert f"\n{FILE}  " in result.stdout
    assert result.stdout.splitlines()[-2:-1] == ["To verify the ledger by this checkpoint, run:"]
    return dsn


def create(invoke: Invoke, dsn: str, *more: str) -> Result:
    """Make a checkpoint in the folder `checkpoints`."""
    arguments = ("--ledger-db", dsn, "--signing-key", "signing.key", "--output", "checkpoints")
    return invoke("checkpoint", "create", *arguments, *more)


def test_the_secret_is_in_its_file_and_nowhere_else(invoke: Invoke, signed: str) -> None:
    secret = Path("signing.key").read_text().strip().split("+", 4)[4]  # base64, which may hold a plus
    shown = [
        create(invoke, signed).output,
        invoke("verify", "--ledger-db", signed, "--verbose", *HOLD).output,
        invoke("verify", "--ledger-db", signed, "--checkpoint", "checkpoints", "--verifier-key", "signing.key").output,
        *(path.read_text() for path in Path("checkpoints").iterdir()),
    ]
    assert not [text for text in shown if secret in text]


def test_a_key_is_never_overwritten(invoke: Invoke, keys: None) -> None:
    before = Path("signing.key").read_text()
    result = invoke("checkpoint", "keygen", "--origin", ORIGIN, "--output", "signing.key")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "never overwritten" in result.stderr
    assert Path("signing.key").read_text() == before


def test_a_second_checkpoint_of_a_size_is_not_made(invoke: Invoke, signed: str) -> None:
    result = create(invoke, signed)
    assert result.exit_code == 0
    assert f"There already is a checkpoint of 100 entries: {FILE}" in result.stdout


def test_a_checkpoint_is_verified_and_listed_without_a_ledger(invoke: Invoke, signed: str) -> None:
    one = invoke("checkpoint", "verify", FILE, "--verifier-key", "verifier.key")
    assert one.exit_code == 0
    assert re.search(rf"^origin   {ORIGIN}\nentries  100\nroot     \S{{44}}\nsigned   {ORIGIN}\+", one.stdout)
    assert re.search(r"^record   made 20\d\d-\S+: 16 columns, \d+ guards$", one.stdout, re.MULTILINE)
    several = invoke("checkpoint", "list", "checkpoints", "--verifier-key", "verifier.key")
    assert several.exit_code == 0
    assert re.fullmatch(rf" +100  \S{{44}}  {ORIGIN}  {FILE}\n", several.stdout)


def test_a_checkpoint_that_is_not_trusted_is_code_1(invoke: Invoke, signed: str) -> None:
    Path(FILE).write_text(Path(FILE).read_text().replace("100", "101", 1))
    for arguments in (("verify", FILE), ("list", "checkpoints")):
        result = invoke("checkpoint", *arguments, "--verifier-key", "verifier.key")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {FILE} is not trusted: the signature of the key {ORIGIN}+")


def test_a_ledger_is_anchored_in_the_tree_the_report_and_the_json(invoke: Invoke, signed: str) -> None:
    tree = invoke("verify", "--ledger-db", signed, *HOLD, "--require-checkpoint", "--output", "result.json")
    assert tree.exit_code == 0, tree.output
    assert "├── Checkpoints: ✓ 100/100 ANCHORED" in tree.stdout
    assert "├── Assurance: ANCHORED" in tree.stdout
    assert "All 100 entries are proven by the checkpoint dated 20" in tree.stdout
    report = invoke("verify", "--ledger-db", signed, "--verbose", *HOLD).stdout
    assert "truncated tail: ✓ no sign of it up to entry 100; cannot be detected after that" in report
    assert "; unchanged up to entry 100 since the checkpoint" in report
    assert "Status: ANCHORED" in report
    told = json.loads(Path("result.json").read_text())
    schema = json.loads((folder("checks") / "verification.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(told)
    assert told["assurance"] == "ANCHORED"
    assert {**told["anchor"], "moment": ""} == {
        "entries": 100,
        "total": 100,
        "checkpoint": FILE,
        "moment": "",
        "rows": 100,
        "unread": 0,
        "reread": 0,
    }


def test_without_checkpoints_the_tree_says_nothing_of_them(invoke: Invoke, dsn: str) -> None:
    result = invoke("verify", "--ledger-db", dsn, "--format", "json")
    assert json.loads(result.stdout)["anchor"] is None
    assert "Checkpoints:" not in invoke("verify", "--ledger-db", dsn).stdout


def test_a_rewritten_ledger_is_code_1_with_the_window(invoke: Invoke, signed: str, forger: Forger) -> None:
    TAMPERINGS["edit-and-rewrite"](forger)
    result = invoke("verify", "--ledger-db", signed, *HOLD)
    assert result.exit_code == 1
    assert "├── Checkpoints: ✗ 1 FINDING" in result.stdout
    assert "REWRITTEN an entry between 1 and 100 was changed, removed or inserted since " in result.stdout
    refused = create(invoke, signed)
    assert refused.exit_code == 1
    assert refused.stdout.endswith("\nNo checkpoint was made.\n")
    assert create(invoke, signed, "--quiet").stderr == "Error: No checkpoint was made: TAMPERED.\n"
    report = invoke("verify", "--ledger-db", signed, "--verbose", *HOLD).stdout
    assert "truncated tail: ✗ yes, or the checkpoints belong to another ledger" in report


def test_lost_checkpoints_fail_where_they_are_required(invoke: Invoke, dsn: str, keys: None) -> None:
    strict = invoke("verify", "--ledger-db", dsn, *HOLD, "--require-checkpoint")
    Path("checkpoints").mkdir()
    lenient = invoke("verify", "--ledger-db", dsn, *HOLD)
    assert (lenient.exit_code, strict.exit_code) == (0, 1)
    assert "├── Assurance: UNVERIFIED" in strict.stdout
    assert "CHECKPOINT_MISSING there is no checkpoint in checkpoints" in strict.stdout


def test_a_policy_on_the_tail_fails_by_how_much(invoke: Invoke, signed: str, forger: Forger) -> None:
    forger.append(list(sample_entries(103))[100:])
    result = invoke("verify", "--ledger-db", signed, *HOLD, "--max-unanchored", "1")
    assert result.exit_code == 1
    assert "CHECKPOINT_STALE 3 entries are in no checkpoint yet, 2 more than the limit of 1" in result.stdout
    assert "├── Assurance: UNVERIFIED" in result.stdout


def test_an_entry_that_was_taken_out_and_put_back_shows(invoke: Invoke, signed: str, forger: Forger) -> None:
    entry = forger.entry(100)
    forger.delete(100, 100)
    forger.append([entry])  # it has another id and another created_at
    result = invoke("verify", "--ledger-db", signed, *HOLD)
    assert result.exit_code == 1
    assert "UNCOVERED_CHANGED" in result.stdout


def test_no_checkpoint_is_made_of_an_empty_ledger(invoke: Invoke, forger: Forger, keys: None) -> None:
    result = create(invoke, forger.build(0).dsn)
    assert result.exit_code == 3
    assert not Path("checkpoints").exists()


def test_guards_that_were_meant_to_change_are_accepted(invoke: Invoke, signed: str, forger: Forger) -> None:
    forger.run("CREATE INDEX more ON ledger_entries (track)")
    result = invoke("verify", "--ledger-db", signed, *HOLD)
    assert result.exit_code == 1
    assert "GUARDS_CHANGED index more: added since checkpoints/" in result.stdout
    assert create(invoke, signed).exit_code == 1
    unchanged = create(invoke, signed, "--accept-guards")
    assert (unchanged.exit_code, "when the ledger has another entry" in unchanged.stderr) == (3, True)
    forger.append([*sample_entries(101)][100:])
    assert create(invoke, signed, "--accept-guards").exit_code == 0
    assert invoke("verify", "--ledger-db", signed, *HOLD).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", "--ledger-db", "demo", "--checkpoint", "x"), "need the key that signed them"),
        (("verify", "--ledger-db", "demo", "--verifier-key", "x"), "x is not a verifier key"),
        (
            ("verify", "--ledger-db", "demo", "--max-unanchored", "soon"),
            "'soon' is neither a number of entries nor a duration. Use 1000",
        ),
        (("checkpoint", "keygen", "--origin", "a b", "--output", "k"), "'a b' cannot be the name of a ledger"),
        (("checkpoint", "keygen", "--output", "k"), "Missing option '--origin'"),
        (("checkpoint", "create", "--ledger-db", "demo", "--signing-key", "x", "--output", "y"), "There is no file x"),
        (("checkpoint", "verify", "nowhere", "--verifier-key", "x"), "File 'nowhere' does not exist"),
        (("checkpoint", "list", ".", "--verifier-key", "verifier.key"), "There is no checkpoint in ."),
        (("checkpoint", "nonsense"), "No such command"),
    ],
)
def test_mistakes_are_code_2_with_one_sentence(
    invoke: Invoke, keys: None, arguments: tuple[str, ...], words: str
) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    said, *advised = result.stderr.splitlines()
    assert said.startswith("Error: ")
    assert all(line.startswith("  audit-ledger ") for line in advised)


@pytest.mark.parametrize("command", ["keygen", "create", "verify", "list"])
def test_every_command_explains_itself(invoke: Invoke, command: str) -> None:
    result = invoke("checkpoint", command, "--help")
    assert result.exit_code == 0
    assert "Usage: audit-ledger checkpoint" in result.stdout


def test_what_was_not_read_is_told_in_the_tree_the_report_and_the_json(
    invoke: Invoke, signed: str, forger: Forger
) -> None:
    forger.append(list(sample_entries(103))[100:])
    tree = invoke("verify", "--ledger-db", signed, *HOLD, "--since-checkpoint", "--output", "result.json")
    assert tree.exit_code == 0, tree.output
    for line in (
        "├── Total entries: 103",
        f"├── Read: 3 entries after entry 100, where {FILE} ends; 100 older entries were not re-read.",
        "├── Chain integrity: ✓ VERIFIED AFTER ENTRY 100",
        "├── Hash verification: ✓ 3/3 valid",
        "├── Checkpoints: ✓ 100/103 ANCHORED, 100 NOT RE-READ",
    ):
        assert f"{line}\n" in tree.stdout
    report = invoke("verify", "--ledger-db", signed, "--verbose", *HOLD, "--since-checkpoint").stdout
    assert "Verdict Distribution after entry 100:" in report
    assert "cannot be detected after that, nor can an edit or deletion among the 100 entries not re-read" in report
    assert "Changed entries: ✓ no sign of any after entry 100" in report
    assert "when the checkpoint was made; 100 entries were not re-read since" in report
    told = json.loads(Path("result.json").read_text())
    jsonschema.Draft202012Validator(json.loads((folder("checks") / "verification.schema.json").read_text())).validate(
        told
    )
    assert (told["resumed_after"], told["entries"]["count"], told["anchor"]["unread"]) == (100, 3, 100)
    assert told["reading"].endswith("100 older entries were not re-read.")


def test_a_share_without_a_checkpoint_to_resume_from_is_wrong_usage(invoke: Invoke, signed: str) -> None:
    result = invoke("verify", "--ledger-db", signed, *HOLD, "--recheck", "1/30")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "Add --since-checkpoint, or remove --recheck." in result.stderr


def test_a_checkpoint_made_since_another_is_the_one_that_reading_everything_makes(
    invoke: Invoke, signed: str, forger: Forger
) -> None:
    forger.append(list(sample_entries(103))[100:])
    made = create(invoke, signed, "--since-checkpoint", "--recheck", "1/4")
    assert made.exit_code == 0, made.output
    assert f"\n3 entries after entry 100, where {FILE} ends; of the older ones share " in made.stdout
    resumed = {path.name: path.read_bytes() for path in Path("checkpoints").glob("000000000103.*")}
    assert len(resumed) == 3
    for name in resumed:
        Path("checkpoints", name).unlink()
    assert create(invoke, signed).exit_code == 0
    assert Path("checkpoints", "000000000103.checkpoint").read_bytes() == resumed["000000000103.checkpoint"]
    assert invoke("verify", "--ledger-db", signed, *HOLD).exit_code == 0


def test_no_checkpoint_is_made_since_one_whose_last_entry_was_edited(
    invoke: Invoke, signed: str, forger: Forger
) -> None:
    forger.append(list(sample_entries(103))[100:])
    forger.unguarded("UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number = 100")
    result = create(invoke, signed, "--since-checkpoint")
    assert result.exit_code == 1
    assert "No checkpoint was made." in result.stdout
    assert not list(Path("checkpoints").glob("000000000103.*"))


def test_the_first_checkpoint_of_a_folder_reads_every_entry_and_says_so(invoke: Invoke, dsn: str, keys: None) -> None:
    result = create(invoke, dsn, "--since-checkpoint")
    assert result.exit_code == 0, result.output
    assert "\nEvery entry was read, because there is no trusted checkpoint with its record yet.\n" in result.stdout
