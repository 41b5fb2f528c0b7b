"""Exports from a real server, held against queries of our own and against other readers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_audit_ledger.drill.attacks import deletions, entries
from pytest_audit_ledger.drill.attacks.catalogue import attacks_in
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.files.resources import json_schema
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.export_file import MANIFEST_SCHEMA
from pytest_audit_ledger.sources.manifest import manifest_path
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import found, statuses
from tests.support.databases import ROLE_PASSWORD, build_partitioned, emptied, empty_database, login, role
from tests.support.exports import FOLDS, NAMES, exported, scanned, telling, verified
from tests.support.hostile import as_csv_shows, differences, hostile_entries, queried, read
from tests.support.rows import chained

# What is written


@pytest.mark.parametrize("name", NAMES)
def test_every_format_holds_what_a_query_shows(ledger: Forger, tmp_path: Path, name: str) -> None:
    exported(ledger.dsn, tmp_path / name)
    expected = queried(ledger, "ORDER BY sequence_number")
    entries = read(tmp_path / name)
    if ".csv" in name:
        expected = list(map(as_csv_shows, expected))
    assert differences(entries, expected) == []
    assert list(entries[0]) == list(expected[0])


def _copy_back(forger: Forger) -> str:
    """Return what reads a CSV file, and from PostgreSQL 15 on holds its header against the table's columns."""
    header = "match" if forger.connection.server_version >= 150_000 else "true"
    return f"COPY copied FROM STDIN WITH (FORMAT csv, HEADER {header})"


def test_postgresql_reads_the_csv_back_into_a_table_that_verifies(ledger: Forger, tmp_path: Path) -> None:
    exported(ledger.dsn, tmp_path / "x.csv")
    ledger.run("CREATE TABLE copied (LIKE ledger_entries INCLUDING ALL)")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file, ledger.connection.cursor() as cursor:
        cursor.copy_expert(_copy_back(ledger), file)
    for first, second in (("copied", "ledger_entries"), ("ledger_entries", "copied")):
        assert ledger.run(f"TABLE {first} EXCEPT TABLE {second}") == []
    assert scanned(ledger.dsn, "copied").assurance is Assurance.SELF_CONSISTENT
    ((empty, missing),) = ledger.run(
        "SELECT count(*) FILTER (WHERE reasoning = ''), count(*) FILTER (WHERE reasoning IS NULL) FROM copied"
    )
    assert empty
    assert missing


@pytest.mark.parametrize("name", NAMES)
def test_an_export_verifies_offline_as_the_ledger_does_online(ledger: Forger, tmp_path: Path, name: str) -> None:
    exported(ledger.dsn, tmp_path / name)
    verification = verified(tmp_path / name)
    assert verification.assurance is Assurance.SELF_CONSISTENT
    online = scanned(ledger.dsn)
    assert verification.survey == online.survey
    assert [outcome.status for outcome in verification.outcomes if outcome.kind in FOLDS] == [Status.PASS] * 5


def test_an_excel_safe_csv_verifies_and_says_so_in_its_manifest(ledger: Forger, tmp_path: Path) -> None:
    result = exported(ledger.dsn, tmp_path / "x.csv", excel_safe=True)
    assert result.manifest["excel_safe"] is True
    assert verified(tmp_path / "x.csv").assurance is Assurance.SELF_CONSISTENT
    cells = [cell for row in read(tmp_path / "x.csv") for cell in row.values()]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))]
    with pytest.raises(UsageError, match="excel-safe works only for CSV"):
        exported(ledger.dsn, tmp_path / "x.json", excel_safe=True)


def test_the_fields_come_in_the_order_they_are_asked_for(ledger: Forger, tmp_path: Path) -> None:
    for name in NAMES:
        exported(ledger.dsn, tmp_path / name, fields="verdict, id,timestamp", limit=3)
        assert [list(entry) for entry in read(tmp_path / name)] == [["verdict", "id", "timestamp"]] * 3
    with pytest.raises(UsageError, match=r"no column 'verdic'.*Its columns are id, sequence_number, previous_hash"):
        exported(ledger.dsn, tmp_path / "y.json", fields="id,verdic")
    assert not (tmp_path / "y.json").exists()


DAY = "2025-09-02"

FILTERS: dict[str, tuple[dict[str, Any], str]] = {
    "day": ({"start_date": DAY, "end_date": DAY}, f"timestamp >= '{DAY} 00:00Z' AND timestamp < '2025-09-03 00:00Z'"),
    "since": ({"start_date": DAY}, f"timestamp >= '{DAY} 00:00Z'"),
    "until": ({"end_date": DAY}, "timestamp < '2025-09-03 00:00Z'"),
    "hours": (
        {"start_date": f"{DAY}T08:00:00+02:00", "end_date": f"{DAY} 07:30"},
        f"timestamp BETWEEN '{DAY} 06:00Z' AND '{DAY} 07:30Z'",
    ),
    "verdict": ({"verdict_filter": "FLAG"}, "verdict = 'FLAG'"),
    "verdicts": ({"verdict_filter": ["FLAG", "CLEAR"]}, "verdict IN ('FLAG', 'CLEAR')"),
    "rule": ({"rule_id": "energy.so2.cap"}, "rule_id = 'energy.so2.cap'"),
    "hostile rule": ({"rule_id": "'; DROP TABLE x; --%s"}, "rule_id = '''; DROP TABLE x; --%s'"),
    "injected rule": ({"rule_id": "1+1='"}, "rule_id = '1+1='''"),
    "all": (
        {"start_date": DAY, "end_date": DAY, "verdict_filter": "CLEAR", "rule_id": "energy.nox.cap"},
        f"date(timestamp AT TIME ZONE 'UTC') = '{DAY}' AND verdict = 'CLEAR' AND rule_id = 'energy.nox.cap'",
    ),
    "none": ({"start_date": "2030-01-01"}, "false"),
}


def test_a_verdict_and_a_rule_of_an_enumerated_type_are_selected_by_their_names(forger: Forger, tmp_path: Path) -> None:
    forger.build(30)
    expected = [
        number for (number,) in forger.run("SELECT sequence_number FROM ledger_entries WHERE verdict = 'CLEAR'")
    ]
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check")
    for column in ("verdict", "rule_id"):
        ((names,),) = forger.run(f"SELECT string_agg(DISTINCT quote_literal({column}), ', ') FROM ledger_entries")
        forger.run(f"CREATE TYPE {column}_name AS ENUM ({names})")
        forger.unguarded(f"ALTER TABLE ledger_entries ALTER {column} TYPE {column}_name USING {column}::{column}_name")
    result = exported(forger.dsn, tmp_path / "x.json", verdict_filter="CLEAR")
    assert [entry["sequence_number"] for entry in read(tmp_path / "x.json")] == expected
    assert 0 < result.entry_count < 30
    assert exported(forger.dsn, tmp_path / "y.json", rule_id="no such rule").entry_count == 0


@pytest.mark.parametrize("limit", [None, 7])
@pytest.mark.parametrize(("options", "where"), FILTERS.values(), ids=FILTERS)
def test_a_filter_selects_what_a_query_does(
    ledger: Forger, tmp_path: Path, options: dict[str, Any], where: str, limit: int | None
) -> None:
    expected = queried(ledger, f"WHERE {where} ORDER BY sequence_number LIMIT {limit or 'ALL'}")
    for name in ("x.json", "x.csv"):
        result = exported(ledger.dsn, tmp_path / name, limit=limit, **options)
        shown = expected if name == "x.json" else list(map(as_csv_shows, expected))
        assert differences(read(tmp_path / name), shown) == []
        assert result.entry_count == len(expected)
        assert result.manifest["filters"]
        verification = verified(tmp_path / name)
        assert verification.assurance is Assurance.UNVERIFIED
        assert not verification.is_valid
    if limit is None:  # an export can be filtered like a ledger
        whole = tmp_path / "whole.jsonl"
        exported(ledger.dsn, whole)
        assert differences(list(Ledger(str(whole)).export_entries(**options)), expected) == []


def test_an_empty_selection_is_a_valid_file_of_every_format(ledger: Forger, tmp_path: Path) -> None:
    for name in NAMES:
        result = exported(ledger.dsn, tmp_path / name, rule_id="none of them")
        assert read(tmp_path / name) == []
        assert (result.entry_count, result.manifest["sequence_first"], result.manifest["head_hash"]) == (0, None, "")
        assert verified(tmp_path / name).assurance is Assurance.UNVERIFIED
    assert (tmp_path / "x.jsonl").read_bytes() == b""
    assert (tmp_path / "x.csv").read_text().count("\n") == 1


def test_days_are_whole_days_in_utc_to_the_microsecond(forger: Forger, tmp_path: Path) -> None:
    midnight = datetime(2026, 5, 2, tzinfo=timezone.utc)
    step = timedelta(microseconds=1)
    moments = [midnight - timedelta(days=1), midnight - step, midnight, midnight + step]
    moments += [midnight + timedelta(days=1) - step, midnight + timedelta(days=1)]
    samples = zip(sample_entries(len(moments)), moments, strict=True)
    forger.build(entries=chained(_at(entry, moment) for entry, moment in samples))
    cases: dict[tuple[str | None, str | None], list[int]] = {
        ("2026-05-02", "2026-05-02"): [3, 4, 5],
        ("2026-05-01", "2026-05-01"): [1, 2],
        ("2026-05-01", "2026-05-02"): [1, 2, 3, 4, 5],
        (None, "2026-05-01"): [1, 2],
        ("2026-05-03", None): [6],
        ("2026-05-01T23:59:59.999999Z", "2026-05-02T00:00:00Z"): [2, 3],
        ("2026-05-02T00:00:00.000001", "2026-05-02T23:59:59.999999"): [4, 5],
        ("2026-05-01T20:00:00-04:00", "2026-05-02T02:00:00.000001+02:00"): [3, 4],
    }
    ledger = Ledger(forger.dsn)
    for (start, end), expected in cases.items():
        found_entries = ledger.export_entries(start_date=start, end_date=end, fields="sequence_number")
        assert [entry["sequence_number"] for entry in found_entries] == expected, (start, end)


def _at(entry: Any, moment: datetime) -> Any:
    return type(entry)(**{**entry.__dict__, "timestamp": canonical_timestamp(moment)})


# Ledgers of every shape


def _roundtrip(forger: Forger, folder: Path, *, text: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Export in every format; verify each offline with the findings that the database has; return the entries."""
    online = scanned(forger.dsn)
    entries = {}
    for name in ("x.json", "x.jsonl", "x.csv"):
        exported(forger.dsn, folder / name)
        entries[name] = read(folder / name)
        offline = verified(folder / name, samples=200)
        for outcome in online.outcomes:
            (same,) = [other for other in offline.outcomes if other.kind == outcome.kind]
            assert (name, same.kind, same.status, found(same)) == (name, outcome.kind, outcome.status, found(outcome))
            assert (same.element_count, same.codes) == (outcome.element_count, outcome.codes)
        (manifest,) = [other for other in offline.outcomes if other.kind == "export_manifest"]
        assert manifest.status is Status.PASS, manifest
    return entries


def test_a_ledger_of_schema_v3_shows_its_documents_nested(forger: Forger, tmp_path: Path) -> None:
    forger.build(5, schema="3")
    documents = ['{"a": [1, 2.50, "é\\n\\"", null, {"b": true}]}', '"text"', "[]", "12345678901234567890.123", "{}"]
    for number, document in enumerate(documents, 1):
        forger.unguarded(
            f"UPDATE ledger_entries SET envelope_json = '{document}', transcript_json = NULL "
            f"WHERE sequence_number = {number}"
        )
    entries = _roundtrip(forger, tmp_path)
    for name in ("x.json", "x.jsonl"):
        assert [entry["envelope_json"] for entry in entries[name]] == list(map(json.loads, documents))
        assert [entry["transcript_json"] for entry in entries[name]] == [None] * 5
    assert [json.loads(entry["envelope_json"]) for entry in entries["x.csv"]] == list(map(json.loads, documents))


EXTRA = """
ALTER TABLE ledger_entries ADD "amount" numeric, ADD "flag" boolean, ADD "raw" bytea, ADD "list" integer[],
    ADD "texts" text[], ADD "ratio" double precision, ADD "we""ird" text, ADD "new
line" text, ADD "small" smallint, ADD "naive" timestamp, ADD "day" date, ADD "span" interval, ADD "free" json,
    ADD "=formula" text, ADD "'quoted" text
"""

SET = """
UPDATE ledger_entries SET "amount" = 'NaN', "flag" = true, "raw" = '\\x00ff22', "list" = '{1,NULL,3}',
    "texts" = ARRAY['a"b', NULL, 'c,d', E'e\nf'], "ratio" = 'Infinity', "we""ird" = E'a\n"b"', "new
line" = '', "small" = -5, "naive" = '2026-05-21 15:30:00.5', "day" = '2026-05-21', "span" = '-1 day',
    "free" = '{"b":  1, "a": [1.0]}', "=formula" = '=1+1', "'quoted" = '''x'
    WHERE sequence_number = 2;
UPDATE ledger_entries SET "amount" = 1234567890123456789012345678901234567890.10, "flag" = false, "ratio" = 1e300,
    "naive" = '-infinity', "created_at" = 'infinity' WHERE sequence_number = 3;
UPDATE ledger_entries SET "amount" = 'LOWEST', "ratio" = '-0', "naive" = '0044-03-15 12:00 BC',
    "created_at" = '12026-01-01' WHERE sequence_number = 4
"""


def test_columns_of_the_users_own_are_exported_whatever_their_type(forger: Forger, tmp_path: Path) -> None:
    forger.build(5)
    forger.run(EXTRA)
    lowest = "-Infinity" if forger.connection.server_version >= 140_000 else "-5"
    forger.unguarded(SET.replace("LOWEST", lowest))
    first, second, third, fourth, _ = _roundtrip(forger, tmp_path)["x.json"]
    assert {first[name] for name in ("amount", "flag", "raw", "list", "free", 'we"ird')} == {None}
    assert (second["amount"], second["flag"], second["raw"], second["list"]) == ("NaN", True, "\\x00ff22", "{1,NULL,3}")
    assert (second["texts"], second["ratio"]) == ('{"a\\"b",NULL,"c,d","e\nf"}', "Infinity")
    assert (second['we"ird'], second["new\nline"], second["small"]) == ('a\n"b"', "", -5)
    assert (second["naive"], second["day"]) == ("2026-05-21T15:30:00.500000+00:00", "2026-05-21")
    assert second["free"] in ({"b": 1, "a": [1.0]}, '{"b":  1, "a": [1.0]}')
    assert (third["flag"], third["ratio"], third["naive"], third["created_at"]) == (
        False,
        1e300,
        "-infinity",
        "infinity",
    )
    assert "1234567890123456789012345678901234567890.10" in (tmp_path / "x.json").read_text()
    assert (str(fourth["amount"]), fourth["naive"]) == (lowest, "0044-03-15 12:00:00+00 BC")
    assert fourth["created_at"].startswith("12026-01-01")
    for excel_safe in (False, True):
        exported(forger.dsn, tmp_path / "x.csv", excel_safe=excel_safe)
        assert verified(tmp_path / "x.csv").is_valid
    exported(forger.dsn, tmp_path / "x.csv")
    forger.run("CREATE TABLE copied (LIKE ledger_entries)")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file, forger.connection.cursor() as cursor:
        cursor.copy_expert(_copy_back(forger), file)
    as_text = "SELECT t::text FROM {} t ORDER BY sequence_number"
    assert forger.run(as_text.format("copied")) == forger.run(as_text.format("ledger_entries"))


SHAPES: dict[str, str] = {
    "texts of another type": "ALTER TABLE ledger_entries ALTER reasoning TYPE varchar, ALTER entry_hash TYPE text",
    "a version that is a number": "ALTER TABLE ledger_entries ALTER ski_model_version TYPE integer USING 3",
    "a rule that is true": "ALTER TABLE ledger_entries ALTER rule_id TYPE boolean USING true",
    "a reason that is a document": "ALTER TABLE ledger_entries ALTER reasoning TYPE jsonb USING to_jsonb(reasoning)",
    "small numbers": "ALTER TABLE ledger_entries ALTER sequence_number TYPE smallint, ALTER id TYPE integer",
    "naive times": """
        SET TimeZone = 'UTC';
        ALTER TABLE ledger_entries ALTER timestamp TYPE timestamp, ALTER created_at TYPE timestamp
    """,
    "times before and after the calendar": """
        UPDATE ledger_entries SET timestamp = '0044-03-15 BC' WHERE sequence_number = 1;
        UPDATE ledger_entries SET timestamp = '-infinity' WHERE sequence_number = 2;
        UPDATE ledger_entries SET timestamp = 'infinity' WHERE sequence_number = 3;
        UPDATE ledger_entries SET timestamp = '12026-01-01' WHERE sequence_number = 4
    """,
    "values that are missing": """
        ALTER TABLE ledger_entries ALTER timestamp DROP NOT NULL, ALTER verdict DROP NOT NULL,
            ALTER previous_hash DROP NOT NULL, ALTER entry_hash DROP NOT NULL, ALTER telemetry_id DROP NOT NULL,
            ALTER sequence_number DROP NOT NULL;
        UPDATE ledger_entries SET timestamp = NULL, previous_hash = NULL WHERE sequence_number = 3;
        UPDATE ledger_entries SET verdict = NULL, entry_hash = NULL, telemetry_id = NULL WHERE sequence_number = 7;
        UPDATE ledger_entries SET sequence_number = NULL WHERE sequence_number = 9
    """,
}


@pytest.mark.parametrize("statements", SHAPES.values(), ids=SHAPES)
def test_a_ledger_that_was_retyped_or_emptied_in_places_gives_the_same_findings_offline(
    forger: Forger, tmp_path: Path, statements: str
) -> None:
    forger.build(10)
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check")
    forger.unguarded(statements)
    _roundtrip(forger, tmp_path)


def test_a_partitioned_ledger_is_exported_in_order(forger: Forger, tmp_path: Path) -> None:
    build_partitioned(forger, 100, 30, 60)
    entries = _roundtrip(forger, tmp_path)
    assert [entry["sequence_number"] for entry in entries["x.json"]] == list(range(1, 101))


def test_what_cannot_be_read_in_order_is_refused_before_anything_is_written(forger: Forger, tmp_path: Path) -> None:
    forger.build(5)
    forger.unguarded("ALTER TABLE ledger_entries ALTER sequence_number TYPE text USING 'x' || sequence_number")
    with pytest.raises(SourceError, match="sequence_number is text, so entries have no order"):
        exported(forger.dsn, tmp_path / "x.json")
    TAMPERINGS["view-in-place"](emptied(forger).build(60))
    with pytest.raises(SourceError, match="is not a table"):
        exported(forger.dsn, tmp_path / "x.json")
    with pytest.raises(SourceError, match="is not a table"):
        next(Ledger(forger.dsn).export_entries())
    assert not list(tmp_path.iterdir())


def test_text_that_is_no_utf_8_is_refused_in_one_sentence_unless_its_column_is_left_out(
    server: str, tmp_path: Path
) -> None:
    options = "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    told = r"^A text of an entry is not valid UTF-8: .*\. An export is UTF-8\. .* --fields\. .*`audit-ledger backup`\.$"
    with empty_database(server, options) as dsn, Forger(dsn) as forger:
        forger.build(5)
        forger.unguarded("UPDATE ledger_entries SET reasoning = E'a\\xffb' WHERE sequence_number = 3")
        with pytest.raises(SourceError, match=told):
            exported(dsn, tmp_path / "x.json")
        with pytest.raises(SourceError, match=told):
            list(Ledger(dsn).export_entries())
        assert not list(tmp_path.iterdir())
        exported(dsn, tmp_path / "x.json", fields="sequence_number,verdict")
        assert json.loads((tmp_path / "x.json").read_text())["entry_count"] == 5


def test_documents_that_python_cannot_read_are_an_error_and_no_traceback(forger: Forger, tmp_path: Path) -> None:
    forger.build(3, schema="3")
    forger.unguarded("UPDATE ledger_entries SET envelope_json = to_jsonb(repeat('9', 5000)::numeric)")
    with pytest.raises(SourceError, match="too large for Python"):
        list(Ledger(forger.dsn).export_entries())
    exported(forger.dsn, tmp_path / "x.csv")
    assert statuses(verified(tmp_path / "x.csv"))["envelope_hash"] is Status.FAIL
    exported(forger.dsn, tmp_path / "x.json")
    (reason,) = {outcome.reason for outcome in verified(tmp_path / "x.json").outcomes}
    assert "x.json:4: a number has too many digits" in reason


OF_ENTRIES = [
    attack.name
    for attack in attacks_in(entries, deletions)
    if attack.name != "emptied" and {claim.kind for claim in attack.noticed_by} - {"checkpoint", "checkpoint_guards"}
]
"""The attacks on entries that leave some, and that show without a checkpoint."""


@pytest.mark.slow
def test_every_way_to_tamper_with_entries_has_the_same_findings_online_and_offline(
    forger: Forger, tmp_path: Path
) -> None:
    assert len(OF_ENTRIES) >= 10
    for name in OF_ENTRIES:
        emptied(forger).build(entries=hostile_entries())
        TAMPERINGS[name](forger)
        _roundtrip(forger, tmp_path)


# The manifest


def test_the_manifest_is_valid_and_every_number_in_it_is_true(forger: Forger, tmp_path: Path) -> None:
    forger.build(40)
    path = tmp_path / "x.csv.gz"
    with role(forger) as name:
        forger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        before = datetime.now(timezone.utc)
        result = exported(login(forger.dsn, name), path, verdict_filter="CLEAR", fields="sequence_number,reasoning")
        exported(login(forger.dsn, name), tmp_path / "y.json", verify=True)
    manifest = json.loads(manifest_path(path).read_text())
    assert manifest == result.manifest
    assert list(Draft202012Validator(json_schema(MANIFEST_SCHEMA)).iter_errors(manifest)) == []
    rows = queried(forger, "WHERE verdict = 'CLEAR' ORDER BY sequence_number")
    assert (manifest["size"], manifest["sha256"]) == (path.stat().st_size, sha256(path.read_bytes()).hexdigest())
    assert manifest["entries"] == len(rows) == result.entry_count
    assert (manifest["sequence_first"], manifest["sequence_last"]) == (
        rows[0]["sequence_number"],
        rows[-1]["sequence_number"],
    )
    assert (manifest["time_first"], manifest["time_last"]) == (rows[0]["timestamp"], rows[-1]["timestamp"])
    assert manifest["head_hash"] == rows[-1]["entry_hash"]
    assert (manifest["file"], manifest["format"], manifest["compression"]) == ("x.csv.gz", "csv", "gzip")
    assert (manifest["filters"], manifest["fields"]) == ({"verdict": "CLEAR"}, ["sequence_number", "reasoning"])
    assert manifest["table"] == "public.ledger_entries"
    assert before <= datetime.fromisoformat(manifest["exported_at"]) <= datetime.now(timezone.utc)
    assert manifest["assurance"] == "UNKNOWN"
    other = json.loads((tmp_path / "y.json.manifest.json").read_text())
    assert (other["filters"], other["entries"]) == ({}, 40)
    assert [(file.path, file.size, file.sha256) for file in result.files] == [
        (str(file), file.stat().st_size, sha256(file.read_bytes()).hexdigest()) for file in (path, manifest_path(path))
    ]
    for file in tmp_path.iterdir():
        assert ROLE_PASSWORD.encode() not in file.read_bytes()


def test_the_same_entries_make_the_same_bytes(ledger: Forger, tmp_path: Path) -> None:
    for name in ("x.jsonl.gz", "x.csv.gz", "x.csv"):
        first, second = (exported(ledger.dsn, tmp_path / name).manifest["sha256"] for _ in range(2))
        assert first == second


def test_the_assurance_is_that_of_the_snapshot_which_is_exported(forger: Forger, tmp_path: Path) -> None:
    forger.build(50)
    appended: list[int] = []

    def append(_: int) -> None:
        if not appended:
            appended.append(1)
            forger.append(islice(sample_entries(60), 50, None))
            forger.unguarded("UPDATE ledger_entries SET reasoning = 'nothing to see' WHERE sequence_number = 3")

    with Ledger(forger.dsn, progress=telling(append)) as ledger:
        result = ledger.export_entries(output_file=tmp_path / "x.json", verify=True)
    assert appended
    # the default suite's guards saw a ledger in order, too
    assert result.manifest["assurance"] == "SELF-CONSISTENT"
    assert result.entry_count == 50
    assert verified(tmp_path / "x.json").is_valid
    again = exported(forger.dsn, tmp_path / "x.json", verify=True)
    assert (again.entry_count, again.manifest["assurance"]) == (60, "TAMPERED")
    assert "entry_hash" in again.manifest["assurance_meaning"]
