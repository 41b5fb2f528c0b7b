"""`audit-ledger profile explain` and `profile test`, on the tables in examples/profiles."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.forger import Forger
from tests.support.command import Invoke

EXAMPLES = Path(__file__).parents[2] / "examples" / "profiles"


@pytest.fixture
def build(forger: Forger) -> Forger:
    forger.run("SET TIME ZONE 'UTC'")
    return forger


def made(forger: Forger, name: str) -> list[str]:
    """Make the table of an example, and return the options that name it."""
    forger.run((EXAMPLES / f"{name}.sql").read_text(encoding="utf-8"))
    return ["--ledger-db", forger.dsn, "--profile", str(EXAMPLES / f"{name}.profile.yaml")]


def changed(name: str, old: str, new: str) -> str:
    """Write the profile of an example with a change, and return its name."""
    text = (EXAMPLES / f"{name}.profile.yaml").read_text(encoding="utf-8")
    assert old in text
    Path("changed.profile.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return "changed.profile.yaml"


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("json", ["3"]),
        ("join", ["2", "--stream", "FR02"]),
        ("pairs", ["1"]),
        ("concat", ["4"]),
        ("lengths", ["1"]),
        ("template", ["5"]),
        ("sql", ["2"]),
    ],
)
def test_the_command_in_an_explanation_computes_the_stored_hash(
    invoke: Invoke, build: Forger, name: str, entry: list[str]
) -> None:
    result = invoke("profile", "explain", *made(build, name), "--entry", *entry)
    assert result.exit_code == 0, result.stderr
    assert ", not the same" not in result.output
    commands = re.findall(r"^Check it with\n  (.*)$", result.output, re.MULTILINE)
    stored = re.findall(r"^  stored +(.*), the same$", result.output, re.MULTILINE)
    assert len(commands) == len(stored) == (2 if name == "concat" else 1)
    for command, text in zip(commands, stored, strict=True):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        digest = done.stdout.split()[0]
        as_base64 = subprocess.run(["base64"], input=bytes.fromhex(digest), capture_output=True, check=True).stdout
        shown = text.removeprefix("\\x").removeprefix("sha256:")
        assert shown.lower() == digest or shown == as_base64.decode().strip()


def test_an_explanation_shows_what_is_hashed_byte_by_byte(invoke: Invoke, build: Forger) -> None:
    lines = invoke("profile", "explain", *made(build, "template"), "--entry", "4").output.splitlines()
    assert lines[:8] == [
        "Entry 4 in public.badge_events, profile badge-events",
        "",
        "seal is made of",
        f"  previous  {lines[3].split()[-1]}",
        "  event_no  4",
        "  badge     B-7",
        "  granted   t",
        "  door      4",
    ]
    assert "  00000000  34 2e 20 42 2d 37 20 6f 70 65 6e 65 64 20 64 6f  |4. B-7 opened do|" in lines


def test_an_explanation_names_the_columns_under_no_hash_in_the_version_of_the_entry(
    invoke: Invoke, build: Forger
) -> None:
    options = made(build, "lengths")
    told = [invoke("profile", "explain", *options, "--entry", entry).output.splitlines() for entry in ("1", "2")]
    assert [lines[0].rpartition(", ")[2] for lines in told] == ["hash_version 1", "hash_version 2"]
    assert [lines[-1] for lines in told] == ["Under no hash: reason, hash_version", "Under no hash: hash_version"]


def test_an_entry_before_the_chain_starts_has_no_hash(invoke: Invoke, build: Forger) -> None:
    result = invoke("profile", "explain", *made(build, "template"), "--entry", "2")
    assert result.exit_code == 2
    assert "Error: Entry 2 has no hash: the profile says that the chain starts at entry 3." in result.stderr


def test_an_entry_that_does_not_match_is_explained_without_an_accusation(invoke: Invoke, build: Forger) -> None:
    options = made(build, "json")
    build.run("UPDATE tool_calls SET tool = 'delete' WHERE id = 2")
    result = invoke("profile", "explain", *options, "--entry", "2")
    assert result.exit_code == 0
    assert re.search(r"^  stored      [0-9a-f]{64}, not the same$", result.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (["1"], "Error: Entry 1 is in 2 streams: DE01, FR02. Name one with --stream."),
        (["9"], "Error: There is no entry 9 in public.movements. Name an entry that exists."),
        (["3", "--stream", "FR02"], "Error: Entry 3 is not in the stream 'FR02'. It is in DE01."),
    ],
)
def test_an_entry_that_is_not_one_is_wrong_usage(invoke: Invoke, build: Forger, entry: list[str], words: str) -> None:
    result = invoke("profile", "explain", *made(build, "join"), "--entry", *entry)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.sql")), ids=lambda path: path.stem)
def test_a_profile_that_fits_is_reported_so(invoke: Invoke, build: Forger, path: Path) -> None:
    result = invoke("profile", "test", *made(build, path.stem))
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"(\d) of \1 entries of public\.\w+ match the profile [\w-]+\.\n", result.output)


@pytest.mark.parametrize(
    ("name", "old", "new", "advice"),
    [
        (
            "join",
            "{iso: {digits: 6, offset: Z}}",
            "{iso: {digits: 3, offset: Z}}",
            "  {booked_at: {iso: {digits: 6, offset: Z}}}  matches 5 of 5 tried",
        ),
        (
            "json",
            "digits: 3",
            "digits: 6",
            "  {key: calledAt, column: called_at, format: {iso: {digits: 3, offset: Z}}}  matches 4 of 4",
        ),
        ("json", "{arguments: json_pg}", "{arguments: jcs}", "  {arguments: json_pg}  matches 1 of 1 tried"),
        ("concat", "{previous: raw}", "{previous: hex}", "  {previous: raw}  matches 2 of 2 tried"),
        (
            "template",
            "[opened, tried]",
            '["true", "false"]',
            "No other format of a single column makes any of them match.",
        ),
    ],
)
def test_the_column_that_a_recipe_gets_wrong_is_found(
    invoke: Invoke, build: Forger, name: str, old: str, new: str, advice: str
) -> None:
    options = made(build, name)
    result = invoke("profile", "test", *options[:2], "--profile", changed(name, old, new))
    assert result.exit_code == 1
    assert "do not match: " in result.output
    assert advice in result.output


def test_the_first_entry_with_a_hash_is_found(invoke: Invoke, build: Forger) -> None:
    options = made(build, "template")
    result = invoke("profile", "test", *options[:2], "--profile", changed("template", "starts: {at: 3}\n", ""))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "3 of 5 entries of public.badge_events match the profile badge-events.",
        "2 do not match: 1, 2",
        "Entries before 3 have no hash. Write: starts: {at: 3}",
    ]


_LATE = """\
version: 1
name: late
table: late
roles: {sequence: n, previous_hash: p, entry_hash: h}
genesis: null
payload: {concat: [n, previous]}
"""


@pytest.mark.parametrize("starts", ["", "starts: {at: 1510}\n"])
def test_the_first_entry_with_a_hash_is_found_wherever_it_is(invoke: Invoke, forger: Forger, starts: str) -> None:
    forger.run(
        "CREATE TABLE late AS WITH RECURSIVE made(n, p, h) AS (SELECT 1501, NULL, encode(sha256('1501'), 'hex') "
        "UNION ALL SELECT n + 1, h, encode(sha256(convert_to(n + 1 || h, 'UTF8')), 'hex') FROM made WHERE n < 1700) "
        "SELECT n, NULL::text AS p, NULL::text AS h FROM generate_series(1, 1500) n UNION ALL TABLE made"
    )
    Path("late.profile.yaml").write_text(_LATE + starts, encoding="utf-8")
    result = invoke("profile", "test", "--ledger-db", forger.dsn, "--profile", "late.profile.yaml")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Entries before 1,501 have no hash. Write: starts: {at: 1501}"
    Path("late.profile.yaml").write_text(_LATE + "starts: {at: 1501}\n", encoding="utf-8")
    result = invoke("profile", "test", "--ledger-db", forger.dsn, "--profile", "late.profile.yaml")
    assert (result.exit_code, result.output) == (0, "200 of 200 entries of public.late match the profile late.\n")


def test_a_line_that_does_not_match_is_reported(invoke: Invoke, build: Forger) -> None:
    options = made(build, "concat")
    build.run("UPDATE document_versions SET body = 'other' WHERE id = 2")
    result = invoke("profile", "test", *options)
    assert result.exit_code == 1
    assert "The line body_hash does not match in 1 entries." in result.output


def test_a_table_that_the_profile_does_not_fit_is_not_called_tampered(invoke: Invoke, build: Forger) -> None:
    options = made(build, "join")
    build.run("ALTER TABLE movements DROP COLUMN memo")
    result = invoke("profile", "test", *options)
    assert result.exit_code == 3
    assert "does not fit public.movements: the column memo is missing. Correct the profile." in result.stderr


@pytest.mark.server
def test_a_ski_ledger_is_explained_by_its_recipe(invoke: Invoke) -> None:
    result = invoke("profile", "explain", "--ledger-db", "demo", "--profile", "ski", "--entry", "2")
    assert result.exit_code == 0, result.stderr
    assert re.search(r"^  stored      [0-9a-f]{64}, the same$", result.output, re.MULTILINE)


@pytest.mark.server
def test_a_demo_is_of_the_profile_that_is_named(invoke: Invoke) -> None:
    result = invoke("verify", "--ledger-db", "demo:tampered", "--profile", "verifactu")
    assert result.exit_code == 1
    assert "ENTRY_HASH_MISMATCH sequence 61 of stream 89890001K" in result.output
    assert "SEQUENCE_GAP sequence 99 of stream B12345674" in result.output


def test_there_is_no_demo_of_a_profile_of_ones_own(invoke: Invoke) -> None:
    result = invoke("verify", "--ledger-db", "demo", "--profile", changed("json", "name: tool-calls", "name: mine"))
    assert result.exit_code == 2
    assert "Error: There is no demo of the profile mine. Name a database, or one of formance, frappe" in result.stderr
