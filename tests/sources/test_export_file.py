"""Exports that are damaged, cut off, filtered, or no exports at all: what is said of them."""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.manifest import manifest_path
from tests.support.checks import GUARDS, UNUSED, accusing
from tests.support.exports import (
    FOLDS,
    WRITERS,
    as_csv,
    as_json,
    as_jsonl,
    found,
    manifest_of,
    outcomes,
    sample_records,
    statuses,
    verified,
    write_both,
    write_export,
    write_manifest,
)

RECORDS = sample_records(10)
JSON, JSONL, CSV = as_json(RECORDS), as_jsonl(RECORDS), as_csv(RECORDS)
FORMATS = list(WRITERS)

# In the JSON document entry n stands on line n + 2, in JSON Lines on line n, in CSV on line n + 1.


def _line(text: str, number: int, change: Callable[[str], str]) -> str:
    lines = text.splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    return "".join(lines)


def _set(number: int, raw: str, column: str = "verdict") -> Callable[[str], str]:
    """Return a change of JSON that gives a column of an entry this raw value."""

    def change(text: str) -> str:
        return _line(text, number, lambda line: re.sub(rf'("{column}": )("[^"]*"|\d+)', rf"\g<1>{raw}", line))

    return change


def _jsonl(number: int, raw: str, column: str = "verdict") -> str:
    changed = _set(number, raw.replace("\\", "\\\\"), column)(JSONL)
    assert changed != JSONL
    return changed


def _csv(number: int, column: int, raw: str) -> str:
    def change(line: str) -> str:
        fields = line.rstrip("\n").split(",")
        fields[column] = raw
        return ",".join(fields) + "\n"

    return _line(CSV, number, change)


DEEP = "[" * 100_000

# name, the file's name, its contents, the line that is named, what is said of it
MALFORMED: list[tuple[str, str, str | bytes, int | None, str]] = [
    ("empty JSON", "x.json", "", 1, "ends too early"),
    ("only spaces", "x.json", " \n\n ", 3, "ends too early"),
    ("not JSON", "x.json", "hello", 1, "expected '{' here, got 'h'"),
    ("a number", "x.json", "42", 1, "expected '{'"),
    ("endless space", "x.json", " " * 1_100_000 + JSON, 1, "more white space"),
    (
        "endless space after the entries",
        "x.json.gz",
        gzip.compress((JSON + "\n" * 1_100_000).encode()),
        None,
        "white sp",
    ),
    ("endless blank lines", "x.jsonl.gz", gzip.compress((JSONL + "\n" * 1_100_000).encode()), None, "more white space"),
    ("endless blank lines in CSV", "x.csv.gz", gzip.compress((CSV + "\n" * 1_100_000).encode()), None, "more white sp"),
    (
        "too many keys",
        "x.json",
        f"{{{','.join(f'{chr(34)}k{n}{chr(34)}:1' for n in range(2000))}}}",
        1,
        "more keys than",
    ),
    (
        "an entry of too many columns",
        "x.jsonl",
        f"{json.dumps(dict.fromkeys(map(str, range(1601))))}\n",
        1,
        "1,601 colu",
    ),
    ("CSV of too many columns", "x.csv", "\n".join([",".join(map(str, range(1601)))] * 2) + "\n", 2, "1,601 columns"),
    ("a list of numbers", "x.json", "[1, 2]", 1, "not a JSON object, as an entry is"),
    ("an object without entries", "x.json", '{"entry_count": 0}\n', 1, "no list of entries"),
    ("entries that are no list", "x.json", '{\n"entries": 5}', 2, r"expected '\['"),
    ("entries twice", "x.json", JSON.replace("{", '{"entries": [],', 1), 2, "'entries' occurs twice"),
    ("entry_count twice", "x.json", JSON.replace("{", '{"entry_count": 3,', 1), 14, "'entry_count' occurs twice"),
    ("a key that is no text", "x.json", '{5: 1, "entries": []}', 1, "is not text"),
    ("entry_count too high", "x.json", JSON.replace(": 10\n", ": 11\n"), None, "has 10 entries, but .* says 11"),
    ("entry_count before the entries", "x.json", JSON.replace("{", '{"entry_count": 9,', 1), None, "twice"),
    ("entry_count true", "x.json", as_json(RECORDS[:1]).replace(": 1\n", ": true\n"), None, "says True"),
    ("entry_count a fraction", "x.json", JSON.replace(": 10\n", ": 10.0\n"), None, r"says 10\.0"),
    ("entry_count null", "x.json", JSON.replace(": 10\n", ": null\n"), None, "says None"),
    ("something after the document", "x.json", JSON + "{}", 16, "after the end"),
    ("two documents", "x.json", JSON + JSON, 16, "after the end"),
    ("a comma too many in the list", "x.json", JSON.replace("}\n]", "},\n]"), 13, "this is not JSON"),
    ("a comma too many in the document", "x.json", JSON.replace(": 10\n", ": 10,\n"), 15, "this is not JSON"),
    ("a comma too few", "x.json", _line(JSON, 5, lambda line: line.rstrip(",\n") + "\n"), 6, "expected ']'"),
    ("cut within an entry", "x.json", JSON[: JSON.index("sequence_number", 3000) + 5], None, "ends too early"),
    ("cut after an entry", "x.json", "".join(JSON.splitlines(keepends=True)[:6]), 7, "ends too early"),
    ("cut before the last bracket", "x.json", JSON[:-2], 15, "ends too early"),
    ("cut within a word", "x.json", as_json([{"a": True}]).split("true")[0] + "tru", 3, "not JSON"),
    ("a quote that turned", "x.json", _line(JSON, 4, lambda line: line.replace('", "', "B, B", 1)), 4, "not JSON"),
    ("a raw newline in a text", "x.json", _line(JSON, 4, lambda line: line.replace("TEL", "T\nL")), 4, "not JSON"),
    ("a bracket that turned", "x.json", _line(JSON, 7, lambda line: "[" + line[1:]), 7, "not JSON"),
    ("a member that turned", "x.json", _line(JSON, 9, lambda line: line.replace(": ", "; ", 1)), 9, "not JSON"),
    ("CSV named JSON", "x.json", CSV, 1, "expected '{'"),
    ("gzip named JSON", "x.json", gzip.compress(JSON.encode()), 1, "expected '{'"),
    ("UTF-16", "x.json", JSON.encode("utf-16"), 1, "expected '{'"),
    ("deep JSON", "x.json", '{"entries": [\n' + DEEP, 2, "nested too deeply"),
    ("deep JSON next to the entries", "x.json", '{"x":\n' + DEEP, 2, "nested too deeply"),
    ("JSON named JSON Lines", "x.jsonl", JSON, 1, "this is not JSON"),
    ("CSV named JSON Lines", "x.jsonl", CSV, 1, "this is not JSON"),
    ("a line that is a list", "x.jsonl", "[1]\n" + JSONL, 1, "not a JSON object, as an entry is"),
    ("a line cut off", "x.jsonl", JSONL[:-40], 10, "not JSON; the file seems to be truncated"),
    ("two entries on a line", "x.jsonl", _line(JSONL, 3, lambda line: line.rstrip() + line), 3, "this is not JSON"),
    ("an entry on two lines", "x.jsonl", _line(JSONL, 3, lambda line: line.replace(", ", ",\n", 1)), 3, "not JSON"),
    ("a key twice", "x.jsonl", _line(JSONL, 6, lambda line: '{"track": "x", ' + line[1:]), 6, "a key occurs twice"),
    ("a nested key twice", "x.jsonl", _jsonl(6, '{"a": 1, "a": 2}'), 6, "a key occurs twice"),
    ("NaN", "x.jsonl", _jsonl(2, "NaN", "sequence_number"), 2, "NaN is not JSON"),
    ("Infinity", "x.jsonl", _jsonl(2, "-Infinity", "sequence_number"), 2, "-Infinity is not JSON"),
    ("a giant number", "x.jsonl", _jsonl(2, "9" * 5000, "sequence_number"), 2, "many digits|not a whole number"),
    ("a number beyond 64 bits", "x.jsonl", _jsonl(2, "9" * 30, "sequence_number"), 2, "not a whole number"),
    ("a fraction for a number", "x.jsonl", _jsonl(2, "2.0", "sequence_number"), 2, "sequence_number is 2.0, .*whole"),
    ("an exponent for a number", "x.jsonl", _jsonl(2, "2e0", "sequence_number"), 2, "not a whole number"),
    ("true for a number", "x.jsonl", _jsonl(1, "true", "sequence_number"), 1, "sequence_number is True"),
    ("text for a number", "x.jsonl", _jsonl(2, '"two"', "sequence_number"), 2, "not a whole number"),
    ("Arabic digits", "x.jsonl", _jsonl(2, '"٢"', "sequence_number"), 2, "not a whole number"),
    ("a number for text", "x.jsonl", _jsonl(4, "17"), 4, "verdict is 17, which is not text"),
    ("true for text", "x.jsonl", _jsonl(4, "true"), 4, "verdict is True"),
    ("a list for text", "x.jsonl", _jsonl(4, "[]"), 4, "which is not text"),
    (
        "a word for a time",
        "x.jsonl",
        _jsonl(4, '"yesterday"', "timestamp"),
        4,
        "timestamp is 'yesterday', which is not",
    ),
    ("a number for a time", "x.jsonl", _jsonl(4, "1764000000", "timestamp"), 4, "timestamp is 1764000000"),
    ("a week for a time", "x.jsonl", _jsonl(4, '"2026-W21-4"', "timestamp"), 4, "which is not a time"),
    ("too fine a time", "x.jsonl", _jsonl(4, '"2026-05-21T15:30:00.1234567+00:00"', "timestamp"), 4, "not a time"),
    ("a lone surrogate", "x.jsonl", _jsonl(4, r'"\ud83c"', "telemetry_id"), 4, "telemetry_id is .*UTF-8"),
    ("no UTF-8", "x.jsonl", JSONL.encode().replace(b"TEL_", b"TEL\xff", 1), 1, "telemetry_id is .*UTF-8"),
    ("half a character", "x.jsonl", _jsonl(9, '"é"', "track").encode().replace(b"\xa9", b""), 9, "track is"),
    (
        "a column missing",
        "x.jsonl",
        _line(JSONL, 5, lambda line: re.sub('"verdict": "[^"]*", ', "", line)),
        5,
        "missing ver",
    ),
    ("a column too many", "x.jsonl", _line(JSONL, 5, lambda line: '{"x": 1, ' + line[1:]), 5, "extra x"),
    ("deep JSON Lines", "x.jsonl", _line(JSONL, 3, lambda _: f"{DEEP}\n"), 3, "nested too deeply"),
    ("a field missing", "x.csv", _line(CSV, 4, lambda line: line.split(",", 1)[1]), 4, "11 fields.* names 12"),
    ("a field too many", "x.csv", _line(CSV, 4, lambda line: "," + line), 4, "13 fields"),
    ("cut within a quoted field", "x.csv", CSV[:-10], 11, "seems to be truncated"),
    ("cut within a bare field", "x.csv", CSV.replace('"', "")[:-10], 11, "not end, so the file seems to be truncated"),
    ("cut before the last newline", "x.csv", CSV[:-1], 11, "not end, so the file seems to be truncated"),
    ("cut in the first line", "x.csv", CSV[:20], 1, "truncated"),
    ("a quote that never ends", "x.csv", _line(CSV, 5, lambda line: line.replace('","', ',"', 1)), 5, "not quoted as"),
    ("a quote in the middle", "x.csv", _csv(5, 10, 'a"b""'), 5, "contains a quote|not quoted as"),
    ("text after a quote", "x.csv", _csv(5, 10, '"a"b'), 5, "not quoted as in CSV"),
    ("a column named twice", "x.csv", _line(CSV, 1, lambda line: line.replace("track", "verdict")), 1, "twice"),
    ("a word in a column of numbers", "x.csv", _csv(5, 0, '"four"'), 5, "sequence_number is 'four'"),
    ("JSON named CSV", "x.csv", JSON, 2, r"fields, but|not quoted"),
    ("a compressed file cut off", "x.json.gz", gzip.compress(JSON.encode())[:-30], None, "damaged or truncated"),
    ("a compressed file cut in its end", "x.json.gz", gzip.compress(JSON.encode())[:-4], None, "damaged or truncated"),
    ("plain text named gzip", "x.json.gz", b"plain" + JSON.encode(), None, "damaged or truncated"),
    ("garbage after gzip", "x.jsonl.gz", gzip.compress(JSONL.encode()) + b"garbage", None, "damaged or truncated"),
]


def _write_raw(path: Path, contents: str | bytes) -> Path:
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


@pytest.mark.parametrize(
    ("name", "contents", "line", "words"), [pytest.param(*case[1:], id=case[0]) for case in MALFORMED]
)
def test_a_malformed_file_is_one_clear_error_with_its_line(
    tmp_path: Path, name: str, contents: str | bytes, line: int | None, words: str
) -> None:
    verification = verified(_write_raw(tmp_path / name, contents))
    assert verification.assurance is Assurance.UNVERIFIED
    reasons = {outcome.reason for outcome in verification.outcomes if outcome.kind in FOLDS}
    assert {outcome.status for outcome in verification.outcomes if outcome.kind in FOLDS} == {Status.ERROR}
    (reason,) = reasons
    assert re.search(words, reason), reason
    assert reason.isprintable()
    assert len(reason) < 400
    if line is not None:
        assert f"{name}:{line}: " in reason


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.csv", "x.json.gz", "x.jsonl.gz", "x.csv.gz"])
def test_a_file_cut_at_any_place_is_never_verified_beside_its_manifest(tmp_path: Path, name: str) -> None:
    path = write_both(tmp_path / name, RECORDS[:3])
    whole = path.read_bytes()
    for end in range(0, len(whole), 149):
        path.write_bytes(whole[:end])
        verification = verified(path)
        assert not verification.is_valid
        assert statuses(verification)["export_manifest"] is not Status.PASS


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.csv"])
def test_a_file_cut_at_any_place_is_never_called_tampered_without_its_manifest(tmp_path: Path, name: str) -> None:
    path = write_export(tmp_path / name, RECORDS[:3])
    whole = path.read_bytes()
    for end in range(0, len(whole), 149):
        path.write_bytes(whole[:end])
        assert verified(path).assurance is not Assurance.TAMPERED


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.csv", "x.json.gz", "x.csv.gz"])
def test_one_flipped_bit_is_found_wherever_it_is(tmp_path: Path, name: str) -> None:
    path = write_both(tmp_path / name, RECORDS[:3])
    whole = path.read_bytes()
    for index in range(3, len(whole), 149):
        flipped = bytearray(whole)
        flipped[index] ^= 1 << index % 8
        path.write_bytes(flipped)
        assert not verified(path).is_valid


INNOCENT: dict[str, tuple[str, str | bytes]] = {
    "a list without a document": ("x.json", "[" + JSONL.strip().replace("\n", ",") + "]"),
    "entry_count first": ("x.json", '{"entry_count": 10,' + JSON[1:].replace(',\n"entry_count": 10', "")),
    "members that nobody knows": ("x.json", JSON.replace("{", '{"x": [1.5, {"a": null}], "y": -0.1e+5,', 1)),
    "all on one line": ("x.json", JSON.replace("\n", "")),
    "a byte order mark": ("x.json", b"\xef\xbb\xbf" + JSON.encode()),
    "a byte order mark in CSV": ("x.csv", b"\xef\xbb\xbf" + CSV.encode()),
    "a byte order mark in JSON Lines": ("x.jsonl", b"\xef\xbb\xbf" + JSONL.encode()),
    "CRLF in CSV": ("x.csv", CSV.replace("\n", "\r\n")),
    "CRLF in JSON Lines": ("x.jsonl", JSONL.replace("\n", "\r\n")),
    "CRLF in JSON": ("x.json", JSON.replace("\n", "\r\n")),
    "blank lines in JSON Lines": ("x.jsonl", JSONL.replace("\n", "\n\n")),
    "blank lines in CSV": ("x.csv", CSV.replace("\n", "\n\n")),
    "CSV without quotes": ("x.csv", CSV.replace('"', "")),
    "numbers as text": ("x.jsonl", re.sub(r'"sequence_number": (\d+)', r'"sequence_number": "\1"', JSONL)),
    "keys in another order": ("x.jsonl", as_jsonl([dict(sorted(record.items())) for record in RECORDS])),
    "no newline at the end of JSON Lines": ("x.jsonl", JSONL[:-1]),
    "times as PostgreSQL prints them": ("x.csv", re.sub(r"(\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)\+00:00", r"\1 \2+00", CSV)),
    "times with Z": ("x.jsonl", JSONL.replace("+00:00", "Z")),
    "times of another zone": ("x.jsonl", re.sub(r"T06:(\S+)\+00:00", r"T08:\1+02:00", JSONL)),
    "concatenated members of gzip": (
        "x.jsonl.gz",
        b"".join(gzip.compress(line.encode() + b"\n") for line in JSONL.splitlines()),
    ),
    "zeros after gzip": ("x.jsonl.gz", gzip.compress(JSONL.encode()) + b"\0" * 100),
    "a suffix in capitals": ("x.JSONL", JSONL),
    "columns that nobody knows": ("x.jsonl", as_jsonl([{**record, "x": [1, None], "y": None} for record in RECORDS])),
}


@pytest.mark.parametrize(("name", "contents"), INNOCENT.values(), ids=INNOCENT)
def test_what_is_written_differently_but_says_the_same_is_read(
    tmp_path: Path, name: str, contents: str | bytes
) -> None:
    verification = verified(_write_raw(tmp_path / name, contents))
    assert {kind: statuses(verification)[kind] for kind in FOLDS} == dict.fromkeys(FOLDS, Status.PASS)
    assert verification.total_entries == 10
    assert verification.assurance is Assurance.SELF_CONSISTENT


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.csv.gz", "x.jsonl.gz"])
@pytest.mark.parametrize("allow_empty", [True, False])
def test_an_empty_file_proves_nothing(tmp_path: Path, name: str, allow_empty: bool) -> None:
    verification = verified(_write_raw(tmp_path / name, ""), allow_empty=allow_empty)
    assert verification.assurance is Assurance.UNVERIFIED
    assert not verification.is_valid


def test_a_csv_with_its_first_line_only_proves_nothing(tmp_path: Path) -> None:
    verification = verified(_write_raw(tmp_path / "x.csv", CSV.splitlines(keepends=True)[0]))
    assert verification.assurance is Assurance.UNVERIFIED


@pytest.mark.parametrize("empty", ['{"entries": [], "entry_count": 0}', "[]"])
@pytest.mark.parametrize("allow_empty", [True, False])
def test_a_file_emptied_beside_its_manifest_is_a_finding_even_where_a_ledger_may_be_empty(
    tmp_path: Path, empty: str, allow_empty: bool
) -> None:
    path = write_both(tmp_path / "x.json", RECORDS)
    path.write_text(empty)
    verification = verified(path, allow_empty=allow_empty)
    assert outcomes(verification)["export_manifest"].codes == {"EXPORT_CUT": 1, "EXPORT_CHANGED": 1}
    assert verification.assurance is Assurance.TAMPERED


@pytest.mark.parametrize("format_", FORMATS)
def test_a_nul_is_read_as_a_part_of_the_text(tmp_path: Path, format_: str) -> None:
    records = [{**record, "reasoning": "a\0b"} if record["sequence_number"] == 4 else record for record in RECORDS]
    verification = verified(write_export(tmp_path / f"x.{format_}", records))
    if format_ == "csv" and statuses(verification)["entry_hash"] is Status.ERROR:
        assert "x.csv:5: " in outcomes(verification)["entry_hash"].reason  # Python 3.10 refuses it
    else:
        assert found(verification) == [("entry_hash", "ENTRY_HASH_MISMATCH", 4)]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.csv"])
def test_damage_in_front_of_a_large_file_is_told_at_once(tmp_path: Path, name: str) -> None:
    text = WRITERS[name.split(".")[1]](RECORDS)
    damaged = _line(text, 5, lambda line: line.replace('"', "B", 5))
    rest = text.splitlines(keepends=True)[5] * 20_000
    path = _write_raw(tmp_path / name, damaged + rest)
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert f"{name}:5: " in outcomes(verified(path))["entry_hash"].reason
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * 1024  # KiB


def test_a_text_of_megabytes_with_quotes_is_read(tmp_path: Path) -> None:
    records = [{**RECORDS[0], "reasoning": '"' * 1_000_000 + "\n" * 1000}]
    for format_ in FORMATS:
        verification = verified(write_export(tmp_path / f"x.{format_}", records))
        assert found(verification) == [("entry_hash", "ENTRY_HASH_MISMATCH", 1)]


@pytest.mark.parametrize("format_", FORMATS)
def test_entries_that_are_large_come_few_at_a_time(tmp_path: Path, format_: str) -> None:
    sizes: list[int] = []
    for length, most in ((100_000, 2), (0, 600)):
        records = [{**record, "reasoning": "x" * length} for record in sample_records(40) * 20]
        path = write_export(tmp_path / f"x.{format_}", records[: 40 if length else None])
        with ExportFile(path).snapshot() as snapshot:
            snapshot.scan(["sequence_number"], Segment(), lambda batch: sizes.append(len(batch)))
        assert max(sizes) <= most
        assert sum(sizes) == (40 if length else 800)
        sizes.clear()


# Manifests


def test_a_complete_file_beside_its_manifest_is_self_consistent(tmp_path: Path) -> None:
    for name in ("x.json", "x.jsonl.gz", "x.csv"):
        verification = verified(write_both(tmp_path / name, RECORDS))
        assert verification.assurance is Assurance.SELF_CONSISTENT
        passed = dict.fromkeys((*FOLDS, "hash_coverage", "export_manifest"), Status.PASS)
        assert statuses(verification) == {**passed, **dict.fromkeys((*GUARDS, *UNUSED), Status.SKIP)}
        assert "not the triggers" in outcomes(verification)["append_only"].reason


def test_a_complete_file_without_a_manifest_is_self_consistent_and_says_that_nothing_describes_it(
    tmp_path: Path,
) -> None:
    verification = verified(write_export(tmp_path / "x.json", RECORDS))
    assert verification.assurance is Assurance.SELF_CONSISTENT
    assert statuses(verification)["export_manifest"] is Status.SKIP
    assert "no manifest" in outcomes(verification)["export_manifest"].reason
    assert "export_manifest (SKIP)" in verification.sentence


def test_a_manifest_goes_with_a_file_that_was_renamed(tmp_path: Path) -> None:
    path = write_both(tmp_path / "x.json", RECORDS)
    moved = path.rename(tmp_path / "y.json")
    manifest_path(path).rename(manifest_path(moved))
    assert verified(moved).is_valid


EDITED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "another SHA-256": ({"sha256": "0" * 64}, ["EXPORT_CHANGED"]),
    "another size": ({"size": 5}, ["EXPORT_MANIFEST"]),
    "more entries": ({"entries": 11}, ["EXPORT_CUT"]),
    "fewer entries": ({"entries": 9}, ["EXPORT_CUT"]),
    "a later end": ({"sequence_last": 11}, ["EXPORT_CUT"]),
    "no end": ({"sequence_last": None}, ["EXPORT_CUT"]),
    "a later start": ({"sequence_first": 2}, ["EXPORT_MANIFEST"]),
    "another head": ({"head_hash": "0" * 64}, ["EXPORT_MANIFEST"]),
    "an earlier time": ({"time_first": "2020-01-01T00:00:00+00:00"}, ["EXPORT_MANIFEST"]),
    "a later time": ({"time_last": "2030-01-01T00:00:00+00:00"}, ["EXPORT_MANIFEST"]),
    "other fields": ({"fields": ["sequence_number"]}, ["EXPORT_MANIFEST"]),
    "all of them": ({"head_hash": "1" * 64, "size": 7, "time_last": "x"}, ["EXPORT_MANIFEST"] * 3),
}


@pytest.mark.parametrize(("changes", "codes"), EDITED.values(), ids=EDITED)
def test_an_edited_manifest_is_a_finding(tmp_path: Path, changes: dict[str, Any], codes: list[str]) -> None:
    verification = verified(write_both(tmp_path / "x.json", RECORDS, **changes))
    assert [code for _, code, _ in found(verification)] == codes
    assert accusing(verification) == []
    assert verification.assurance is Assurance.TAMPERED


def test_the_manifest_of_another_file_is_a_finding(tmp_path: Path) -> None:
    path = write_both(tmp_path / "x.json", RECORDS)
    other = write_both(tmp_path / "y.json", RECORDS[:9])
    manifest_path(path).write_bytes(manifest_path(other).read_bytes())
    assert [code for _, code, _ in found(verified(path))] == ["EXPORT_CUT", "EXPORT_CHANGED"]


MANIFESTS: dict[str, str | bytes] = {
    "empty": "",
    "not JSON": "{",
    "a list": "[]",
    "deep": DEEP,
    "no UTF-8": b'{"file": "\xff"}',
    "NaN": '{"size": NaN}',
    "a key twice": json.dumps(manifest_of(Path(__file__), RECORDS))[:-1] + ', "size": 1}',
    "another version": json.dumps({**manifest_of(Path(__file__), RECORDS), "manifest_version": 2}),
    "a member too many": json.dumps({**manifest_of(Path(__file__), RECORDS), "more": 1}),
    "an unknown filter": json.dumps({**manifest_of(Path(__file__), RECORDS), "filters": {"colour": "red"}}),
    "a hash too short": json.dumps({**manifest_of(Path(__file__), RECORDS), "sha256": "0"}),
    "a negative size": json.dumps({**manifest_of(Path(__file__), RECORDS), "size": -1}),
    "a control character": json.dumps({**manifest_of(Path(__file__), RECORDS), "format": "\x1b[2J"}),
}


@pytest.mark.parametrize("contents", MANIFESTS.values(), ids=MANIFESTS)
def test_a_broken_manifest_is_one_clear_error(tmp_path: Path, contents: str | bytes) -> None:
    path = write_export(tmp_path / "x.json", RECORDS)
    _write_raw(manifest_path(path), contents)
    verification = verified(path)
    assert verification.assurance is Assurance.UNVERIFIED
    (reason,) = {outcome.reason for outcome in verification.outcomes}
    assert reason.startswith(f"The manifest {manifest_path(path)} cannot be read: ")
    assert reason.isprintable()


def test_a_manifest_that_is_no_file_is_one_clear_error_and_no_hang(tmp_path: Path) -> None:
    path = write_export(tmp_path / "x.json", RECORDS)
    os.mkfifo(manifest_path(path))
    assert verified(path).assurance is Assurance.UNVERIFIED
    manifest_path(path).unlink()
    manifest_path(path).mkdir()
    assert verified(path).assurance is Assurance.UNVERIFIED


@pytest.mark.parametrize("stated", ["0000-00-00T00:00:00+00:00", "", "never", "9999-12-31T23:59:59+00:00"])
def test_a_clock_in_the_manifest_that_is_none_or_in_the_future_is_taken_as_now(tmp_path: Path, stated: str) -> None:
    path = write_both(tmp_path / "x.json", RECORDS, server_time=stated)
    assert verified(path).is_valid
    with ExportFile(path).snapshot() as snapshot:
        assert snapshot.info.server_time < "2100"


# Parts of a ledger


def _without(*columns: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in record.items() if name not in columns} for record in RECORDS]


PARTS: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
    "by verdict": ([r for r in RECORDS if r["sequence_number"] % 3], {"verdict": "CLEAR"}),
    "by rule": (RECORDS[3:5] + RECORDS[7:9], {"rule_id": "x"}),
    "since": (RECORDS[4:], {"since": "2025-09-01T06:04:00+00:00"}),
    "before": (RECORDS[:4], {"before": "2025-09-01T06:04:00+00:00"}),
    "by number": (RECORDS[:5], {"limit": "5"}),
    "all the same": (RECORDS, {"verdict": "CLEAR"}),
    "from a part": (RECORDS, {"source": "perhaps a part of the entries"}),
}


@pytest.mark.parametrize(("records", "filters"), PARTS.values(), ids=PARTS)
def test_a_filtered_export_is_never_called_verified_and_says_what_could_not_be_concluded(
    tmp_path: Path, records: list[dict[str, Any]], filters: dict[str, str]
) -> None:
    verification = verified(write_both(tmp_path / "x.json", records, filters=filters))
    assert verification.assurance is Assurance.UNVERIFIED
    assert not verification.is_valid
    found_outcomes = outcomes(verification)
    assert found_outcomes["sequence_continuity"].status is Status.ERROR
    assert found_outcomes["entry_hash"].status is found_outcomes["export_manifest"].status is Status.PASS
    assert re.search("filtered|not in the export", found_outcomes["sequence_continuity"].reason)
    whole_chain = records == RECORDS[: len(records)]
    assert found_outcomes["chain_linkage"].status is (Status.PASS if whole_chain else Status.ERROR)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_an_edited_entry_within_a_filtered_export_is_tampering(tmp_path: Path, with_manifest: bool) -> None:
    records = [dict(record) for record in RECORDS if record["sequence_number"] not in (2, 7)]
    records[3]["reasoning"] = "nothing to see"
    path = write_export(tmp_path / "x.json", records)
    if with_manifest:
        write_manifest(path, {**manifest_of(path, records), "filters": {"verdict": "CLEAR"}})
    verification = verified(path)
    assert found(verification) == [("entry_hash", "ENTRY_HASH_MISMATCH", records[3]["sequence_number"])]
    assert verification.assurance is Assurance.TAMPERED


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_link_between_neighbours_is_judged_within_a_filtered_export(tmp_path: Path, with_manifest: bool) -> None:
    records = [dict(record) for record in RECORDS if record["sequence_number"] != 2]
    records[4]["previous_hash"] = "f" * 64
    path = write_export(tmp_path / "x.json", records)
    if with_manifest:
        write_manifest(path, {**manifest_of(path, records), "filters": {"limit": "9"}})
    assert ("chain_linkage", "HASH_MISMATCH", records[4]["sequence_number"]) in found(verified(path))


def test_a_wrong_start_is_judged_where_the_first_entry_is_there(tmp_path: Path) -> None:
    records = [{**RECORDS[0], "previous_hash": "f" * 64}, RECORDS[1], RECORDS[4]]
    verification = verified(write_both(tmp_path / "x.json", records, filters={"limit": "3"}))
    assert ("chain_linkage", "HASH_MISMATCH", 1) in found(verification)


def test_a_number_that_stands_twice_is_found_within_a_filtered_export(tmp_path: Path) -> None:
    records = [RECORDS[0], RECORDS[3], RECORDS[3]]
    verification = verified(write_both(tmp_path / "x.json", records, filters={"limit": "3"}))
    assert ("sequence_continuity", "SEQUENCE_DUPLICATE", 4) in found(verification)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("gone", [range(1, 3), range(4, 6)])
def test_a_gap_without_a_manifest_cannot_be_judged_and_is_no_alarm(tmp_path: Path, format_: str, gone: range) -> None:
    records = [record for record in RECORDS if record["sequence_number"] not in gone]
    verification = verified(write_export(tmp_path / f"x.{format_}", records))
    assert found(verification) == []
    assert verification.assurance is Assurance.UNVERIFIED
    gap = outcomes(verification)["sequence_continuity"]
    assert gap.status is Status.ERROR
    assert gap.reason.startswith(f"{len(gone)} entries are not in the export, first {gone[0]}")


def test_a_gap_in_a_file_that_should_be_whole_is_tampering(tmp_path: Path) -> None:
    records = [record for record in RECORDS if record["sequence_number"] not in (4, 5)]
    verification = verified(write_both(tmp_path / "x.json", records))
    assert ("sequence_continuity", "SEQUENCE_GAP", 4) in found(verification)
    assert verification.assurance is Assurance.TAMPERED


def test_filters_struck_from_a_manifest_make_its_gaps_tampering(tmp_path: Path) -> None:
    records = RECORDS[:3] + RECORDS[6:]
    write_both(tmp_path / "x.json", records, filters={"verdict": "CLEAR"})
    write_manifest(tmp_path / "x.json", {**manifest_of(tmp_path / "x.json", records), "filters": {}})
    assert verified(tmp_path / "x.json").assurance is Assurance.TAMPERED


@pytest.mark.parametrize("with_manifest", [True, False])
@pytest.mark.parametrize("column", RECORDS[0])
def test_without_a_column_the_checks_that_need_it_say_so(tmp_path: Path, column: str, with_manifest: bool) -> None:
    records = _without(column)
    path = tmp_path / "x.json"
    write_both(path, records) if with_manifest else write_export(path, records)
    if with_manifest:  # a real export knows what it does not show
        edges = {key: manifest_of(path, RECORDS)[key] for key in ("sequence_first", "sequence_last", "time_first")}
        write_manifest(path, {**manifest_of(path, records), **edges, "head_hash": RECORDS[-1]["entry_hash"]})
    verification = verified(path)
    assert verification.assurance is Assurance.UNVERIFIED
    assert found(verification) == []
    assert f"the export has no column {column}" in outcomes(verification)["entry_hash"].reason
    if column not in ("sequence_number", "previous_hash", "entry_hash"):
        assert statuses(verification)["chain_linkage"] is Status.PASS


# Exports of exports


@pytest.mark.parametrize("case", ["filtered", "limited", "no manifest", "changed"])
def test_an_export_of_a_part_is_a_part_again(tmp_path: Path, case: str) -> None:
    source, copy = tmp_path / "x.json", tmp_path / "y.csv"
    if case == "no manifest":
        write_export(source, RECORDS)
    elif case == "changed":
        write_both(source, RECORDS)
        write_export(source, RECORDS[:5])
    else:
        write_both(source, RECORDS[:5], filters={"limit": "5"})
    with Ledger(str(source)) as ledger:
        result = ledger.export_entries(output_file=copy)
    assert result.manifest["filters"]["source"]
    verification = verified(copy)
    assert verification.assurance is Assurance.UNVERIFIED
    assert found(verification) == []


def test_a_document_of_any_depth_is_exported_again_or_is_one_clear_error(tmp_path: Path) -> None:
    for depth in (10, *range(940, 1010, 6), 5000):
        document = '{"sequence_number": 1, "x": ' + "[" * depth + "]" * depth + "}\n"
        path = _write_raw(tmp_path / "x.jsonl", document)
        try:
            Ledger(str(path)).export_entries(output_file=tmp_path / "y.jsonl", force=True)
        except SourceError as error:
            assert "nested too deeply" in error.message  # noqa: PT017
        else:
            assert (tmp_path / "y.jsonl").read_text().count("[") == depth


def test_an_export_of_a_whole_export_is_whole(tmp_path: Path) -> None:
    with Ledger(str(write_both(tmp_path / "x.json", RECORDS))) as ledger:
        result = ledger.export_entries(output_file=tmp_path / "y.csv", verify=True)
    assert result.manifest["filters"] == {}
    assert result.manifest["assurance"] == "SELF-CONSISTENT"
    assert result.manifest["source"] == str(tmp_path / "x.json")
    assert verified(tmp_path / "y.csv").is_valid


MOMENTS = ["-infinity", "0044-03-15 12:00:00+00 BC", "0044-03-15T12:00:00+00:00", "2025-09-01T00:00:00+00:00"]
MOMENTS += ["2025-09-01T23:59:59.999999+00:00", "2025-09-02T00:00:00+00:00", "12026-01-01 00:00:00+00", "infinity"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-09-01", "2025-09-01", [4, 5]),
        ("2025-09-01", None, [4, 5, 6, 7, 8]),
        (None, "2025-09-01", [1, 2, 3, 4, 5]),
        ("0001-01-01", None, [3, 4, 5, 6, 7, 8]),
        ("2025-09-01T23:59:59.999999Z", "2025-09-02T00:00:00", [5, 6]),
        ("2025-09-01T19:59:59.999999-04:00", "2025-09-02T02:00:00+02:00", [5, 6]),
    ],
)
def test_an_export_is_filtered_by_time_as_the_database_is(
    tmp_path: Path, start: str | None, end: str | None, expected: list[int]
) -> None:
    records = [{"sequence_number": number, "timestamp": moment} for number, moment in enumerate(MOMENTS, 1)]
    with Ledger(str(write_export(tmp_path / "x.jsonl", records))) as ledger:
        entries = list(ledger.export_entries(start_date=start, end_date=end))
    assert [entry["sequence_number"] for entry in entries] == expected


@pytest.mark.parametrize("name", ["nowhere.json", "x" * 5000 + ".json", "folder.json", "pipe.csv"])
def test_what_is_no_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="There is no file"):
        Ledger(str(tmp_path / name))


def test_a_file_that_does_not_end_like_an_export_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an export"):
        ExportFile(_write_raw(tmp_path / "x.txt", JSON))


def test_a_file_that_goes_away_is_a_source_error(tmp_path: Path) -> None:
    path = write_export(tmp_path / "x.json", RECORDS)
    ledger = Ledger(str(path))
    assert ledger.source.label == str(path)
    path.unlink()
    (reason,) = {outcome.reason for outcome in ledger.verify_integrity().outcomes}
    assert reason.startswith(f"{path} cannot be read: No such file")
    with pytest.raises(SourceError, match="cannot be read"):
        next(ledger.export_entries())
