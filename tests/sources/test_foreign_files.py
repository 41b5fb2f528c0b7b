"""Files that other programs wrote, read with a profile and without a manifest: COPY, psql, SQLite, MySQL's client."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.profile import SEQUENCE, Profile
from pytest_audit_ledger.suite.profile_file import load_profile
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.profiled import RECIPES, profiled

DECLARATIVE = [recipe for recipe in RECIPES if recipe != "sql"]


def verified(path: Path, profile: Profile | Path) -> Verification:
    return Ledger(str(path), profile=profile).verify_integrity()


def assert_verified(path: Path, profile: Profile | Path, entries: int) -> None:
    result = verified(path, profile)
    failed = [(one.kind, one.reason, one.findings) for one in result.outcomes if one.status in FAILED]
    assert not failed
    assert result.assurance is Assurance.SELF_CONSISTENT
    assert result.survey is not None
    assert result.survey.entries == entries


FAILED = (Status.FAIL, Status.ERROR)


def in_order(profile: Profile) -> str:
    return f"SELECT * FROM {profile.table} ORDER BY {', '.join([*profile.streams, profile.column(SEQUENCE)])}"


def copied(forger: Forger, query: str) -> str:
    """Return what COPY writes as CSV, in a session with another time zone than ours."""
    buffer = io.StringIO()
    with forger.connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'Europe/Madrid'")
        cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER)", buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("recipe", DECLARATIVE)
def test_what_copy_writes_is_read_whatever_the_session_was(forger: Forger, tmp_path: Path, recipe: str) -> None:
    profile = profiled(forger, recipe)
    path = tmp_path / "table.csv"
    path.write_text(copied(forger, in_order(profile)), "utf-8")
    (entries,) = forger.run(f"SELECT count(*) FROM {profile.table}")[0]
    assert_verified(path, profile, entries)


@pytest.mark.parametrize("recipe", DECLARATIVE)
def test_what_the_server_writes_as_json_lines_is_read(forger: Forger, tmp_path: Path, recipe: str) -> None:
    profile = profiled(forger, recipe)
    rows = forger.run(f"SELECT to_json(entry)::text FROM ({in_order(profile)}) AS entry")
    path = tmp_path / "table.jsonl"
    path.write_text("".join(f"{row}\n" for (row,) in rows), "utf-8")
    assert_verified(path, profile, len(rows))
    (hashes,) = (one for one in verified(path, profile).outcomes if one.kind == "entry_hash")
    # whoever reads JSON and writes it again does not write it as PostgreSQL does, which is another form
    assert set(hashes.codes) == ({"HASH_FORM"} if recipe == "json" else set())


@pytest.mark.skipif(shutil.which("psql") is None, reason="needs psql")
def test_what_psql_writes_as_csv_is_read(forger: Forger, tmp_path: Path) -> None:
    profile = profiled(forger, "join")
    path = tmp_path / "table.csv"
    query = ["psql", "--csv", "--no-psqlrc", "-c", in_order(profile), forger.dsn]
    path.write_bytes(subprocess.run(query, check=True, capture_output=True).stdout)
    assert_verified(path, profile, 5)


# A ledger in SQLite, with two chains, and texts that a file can lose

PROFILE = """\
version: 1
name: shop
table: audit
roles: {sequence: seq, stream: [shop, till], previous_hash: prev, entry_hash: hash, timestamp: {column: at, unit: ms}}
guards: {append_only: false}
types: {ref: text, paid: boolean}
payload:
  json:
    of: [seq, shop, till, ref, note, paid, {key: prev, previous: as_stored}]
    style: python
    separators: [",", ":"]
"""

NOTES = ("", None, 'a "quoted", one', "two\nlines\tand \\ a tab", "NULL ", "'=1+1", "Ünïcode 𝛑")


def shop() -> list[dict[str, object]]:
    """Return the rows of a ledger of two tills in one shop, whose references look like numbers."""
    rows: list[dict[str, object]] = []
    for till in ("a b", "a,(c"):
        previous = ""
        for seq, note in enumerate(NOTES, 1):
            row = {"seq": seq, "shop": "S", "till": till, "ref": f"{seq}00", "note": note, "paid": seq % 2 == 0}
            payload = json.dumps({**row, "prev": previous}, separators=(",", ":"))
            entry = sha256(payload.encode()).hexdigest()
            rows.append({**row, "at": 1_780_000_000_000 + seq, "prev": previous, "hash": entry})
            previous = entry
    return rows


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "shop.profile.yaml"
    path.write_text(PROFILE, "utf-8")
    return path


def database(path: Path, rows: list[dict[str, object]]) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE audit (seq INTEGER, shop TEXT, till TEXT, ref TEXT, note TEXT, paid INTEGER, at INTEGER, "
        "prev TEXT, hash TEXT)"
    )
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO audit VALUES ({marks})", [tuple(row.values()) for row in rows])
    connection.commit()
    return connection


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs sqlite3")
def test_a_ledger_in_sqlite_is_verified_from_what_its_shell_writes(tmp_path: Path, profile: Path) -> None:
    database(tmp_path / "shop.db", shop()).close()
    query = "SELECT * FROM audit ORDER BY shop, till, seq"
    command = ["sqlite3", "-csv", "-header", str(tmp_path / "shop.db"), query]
    path = tmp_path / "audit.csv"
    path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    assert_verified(path, profile, 2 * len(NOTES))


def test_a_ledger_in_sqlite_is_verified_from_json_lines(tmp_path: Path, profile: Path) -> None:
    connection = database(tmp_path / "shop.db", shop())
    connection.row_factory = sqlite3.Row
    path = tmp_path / "audit.jsonl"
    rows = connection.execute("SELECT * FROM audit ORDER BY shop, till, seq")
    path.write_text("".join(f"{json.dumps(dict(row))}\n" for row in rows), "utf-8")
    connection.close()
    assert_verified(path, profile, 2 * len(NOTES))


def test_numbers_of_json_are_hashed_as_they_are_written(tmp_path: Path) -> None:
    """A double has a sign, also of zero, which PostgreSQL prints."""
    profile, path = tmp_path / "log.profile.yaml", tmp_path / "log.jsonl"
    profile.write_text(
        "version: 1\nname: log\ntable: log\nroles: {sequence: n, entry_hash: h}\nguards: {append_only: false}\n"
        'payload: {join: {by: "|", of: [n, x]}}\n',
        "utf-8",
    )
    numbers = ["-0", "0", "-0.0", "1.50", "1e30", "1E+2", "-7", "9" * 40]
    hashes = [sha256(f"{n}|{number}".encode()).hexdigest() for n, number in enumerate(numbers, 1)]
    rows = zip(numbers, hashes, strict=True)
    path.write_text("".join(f'{{"n": {n}, "x": {x}, "h": "{h}"}}\n' for n, (x, h) in enumerate(rows, 1)), "utf-8")
    assert_verified(path, profile, len(numbers))


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\0": "\\0"})


def as_mysql(rows: list[dict[str, object]], null: str = "NULL") -> str:
    """Return rows as `mysql --batch` prints them (MySQL 8.4 manual, "mysql Client Options", --batch and --raw)."""
    lines = [list(rows[0])]
    for row in rows:
        shown = {name: int(value) if isinstance(value, bool) else value for name, value in row.items()}
        lines.append([null if value is None else str(value).translate(_ESCAPES) for value in shown.values()])
    return "".join("\t".join(line) + "\n" for line in lines)


@pytest.mark.parametrize("null", ["NULL", "\\N"])
def test_a_ledger_in_mysql_is_verified_from_what_its_client_writes(tmp_path: Path, profile: Path, null: str) -> None:
    path = tmp_path / "audit.tsv"
    path.write_text(as_mysql(shop(), null), "utf-8", newline="")
    assert_verified(path, profile, 2 * len(NOTES))


def test_what_copy_writes_as_text_is_read(forger: Forger, tmp_path: Path) -> None:
    forger.run("CREATE TABLE log (n int, note text, h text)")
    notes = ["\b\f\r\n\t\v\\", "", None, "\\N", r"\x41", "null"]
    for n, note in enumerate(notes, 1):
        digest = sha256(f"{n}|{'-' if note is None else note}".encode()).hexdigest()
        forger.run("INSERT INTO log VALUES (%s, %s, %s)", (n, note, digest))
    profile = tmp_path / "log.profile.yaml"
    profile.write_text(
        "version: 1\nname: log\ntable: log\nroles: {sequence: n, entry_hash: h}\nguards: {append_only: false}\n"
        "types: {note: text}\npayload: {join: {by: '|', null: '-', of: [n, note]}}\n"
    )
    buffer = io.StringIO("n\tnote\th\n")  # COPY has the option HEADER for text since PostgreSQL 15
    buffer.seek(0, io.SEEK_END)
    with forger.connection.cursor() as cursor:
        cursor.copy_expert("COPY (SELECT * FROM log ORDER BY n) TO STDOUT", buffer)
    path = tmp_path / "log.tsv"
    path.write_text(buffer.getvalue(), "utf-8", newline="")
    assert_verified(path, profile, len(notes))


def test_an_edit_is_found_at_its_stream_and_number(tmp_path: Path, profile: Path) -> None:
    rows = shop()
    rows[len(NOTES) + 2]["ref"] = "301"
    path = tmp_path / "audit.tsv"
    path.write_text(as_mysql(rows), "utf-8", newline="")
    result = verified(path, profile)
    assert result.assurance is Assurance.TAMPERED
    (outcome,) = [one for one in result.outcomes if one.status is Status.FAIL]
    assert [(one.code, one.stream, one.sequence_number) for one in outcome.findings] == [
        ("ENTRY_HASH_MISMATCH", '(S,"a,(c")', 3)
    ]


@pytest.mark.parametrize(
    ("order", "line"),
    [("seq, till", 4), ("till, seq DESC", 3)],
    ids=["streams in turns", "numbers backwards"],
)
def test_a_file_in_another_order_says_how_to_write_it(tmp_path: Path, profile: Path, order: str, line: int) -> None:
    connection = database(tmp_path / "shop.db", [row for row in shop() if row["note"] not in NOTES[3:4]])
    path = tmp_path / "audit.csv"
    rows = connection.execute(f"SELECT * FROM audit ORDER BY {order}")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name for name, *_ in rows.description])
        writer.writerows(rows)
    connection.close()
    result = verified(path, profile)
    assert result.assurance is Assurance.UNVERIFIED
    reason = next(one.reason for one in result.outcomes if one.kind == "entry_hash")
    assert f"audit.csv:{line}: entry " in reason
    assert "comes too late, so the file is not in order" in reason
    assert "ORDER BY shop, till, seq" in reason


def test_a_stream_of_several_columns_is_named_as_the_server_names_it(
    forger: Forger, tmp_path: Path, profile: Path
) -> None:
    forger.run(
        "CREATE TABLE audit (seq int, shop text, till text, ref text, note text, paid boolean, at bigint, "
        "prev text, hash text)"
    )
    rows = shop()
    rows[3]["note"] = rows[-1]["note"] = "edited"
    for row in rows:
        forger.run(f"INSERT INTO audit VALUES ({', '.join(['%s'] * len(row))})", tuple(row.values()))
    path = tmp_path / "audit.csv"
    path.write_text(copied(forger, "SELECT * FROM audit ORDER BY shop, till, seq"), "utf-8")
    of_file, of_server = verified(path, profile), Ledger(forger.dsn, profile=profile).verify_integrity()
    found = [[one.findings for one in result.outcomes if one.kind == "entry_hash"] for result in (of_file, of_server)]
    assert found[0] == found[1]
    assert len(found[0][0]) == 2


def test_a_time_may_have_more_digits_than_postgresql_keeps(tmp_path: Path) -> None:
    profile = tmp_path / "log.profile.yaml"
    profile.write_text(
        "version: 1\nname: log\ntable: log\nroles: {sequence: n, timestamp: at, entry_hash: h}\n"
        "guards: {append_only: false}\ntypes: {at: text}\npayload: {concat: [n, at]}\n"
    )
    times = ["2026-05-01T08:00:00.123456789Z", "2026-05-01T10:00:00.1234567+01:00"]
    rows = [(n, at, sha256(f"{n}{at}".encode()).hexdigest()) for n, at in enumerate(times, 1)]
    path = tmp_path / "log.csv"
    path.write_text("n,at,h\n" + "".join(f"{n},{at},{digest}\n" for n, at, digest in rows), "utf-8")
    assert_verified(path, profile, 2)


def test_a_text_in_json_is_no_number_whatever_it_looks_like(tmp_path: Path) -> None:
    silent = tmp_path / "silent.profile.yaml"
    silent.write_text(PROFILE.replace("types: {ref: text, paid: boolean}\n", ""), "utf-8")
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in shop()), "utf-8")
    assert_verified(path, silent, 2 * len(NOTES))


def test_types_can_be_told_by_the_profile_where_values_look_like_others(tmp_path: Path, profile: Path) -> None:
    path = tmp_path / "audit.tsv"
    path.write_text(as_mysql(shop()), "utf-8", newline="")
    silent = tmp_path / "silent.profile.yaml"
    silent.write_text(PROFILE.replace("types: {ref: text, paid: boolean}\n", ""), "utf-8")
    assert load_profile(profile).types == {"ref": "text", "paid": "boolean"}
    result = verified(path, silent)
    assert result.assurance is Assurance.UNVERIFIED
    (outcome,) = [one for one in result.outcomes if one.kind == "entry_hash"]
    assert "ref is bigint, note is text, paid is bigint" in outcome.reason
    assert "Correct them under `types` in the profile" in outcome.reason
