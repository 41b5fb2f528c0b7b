"""What `audit-ledger verify` finds, what it says in its tree and its report, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke, start
from tests.test_manual import MANUAL

PEER = ["Total entries", "Chain integrity", "Hash verification", "Timestamp order", "Last verified"]
"""The lines that the peer documents, in this order."""

SECTIONS = [
    "Chain Analysis:",
    "Integrity Checks:",
    "Verdict Distribution:",
    "Covered By:",
    "Risk Assessment:",
    "Status: ",
    "Recommendation: ",
]

LINES = {
    "edit": "Hash verification: ✗ 99/100 valid, first at sequence 50",
    "edit-with-own-hash": "Chain integrity: ✗ 1 FINDING, first at sequence 51",
    "middle-deleted": "Chain integrity: ✗ 2 FINDINGS, first at sequence 50",
    "start-deleted": "Chain integrity: ✗ 2 FINDINGS, first at sequence 1",
    "swapped": "Chain integrity: ✗ 3 FINDINGS, first at sequence 50",
    "duplicated": "Chain integrity: ✗ 2 FINDINGS, first at sequence 50",
    "inserted": "Hash verification: ✗ 50/101 valid, first at sequence 51",
    "clock-moved-back": "Timestamp order: ✗ 1 FINDING, first at sequence 50",
    "foreign-verdict": "Verdicts: ✗ 1 FINDING, first at sequence 50",
    "trigger-disabled": "Protections: ✗ 1 FINDING",
    "trigger-emptied": "Protections: ✗ 3 FINDINGS",
    "unique-dropped": "Protections: ✗ 1 FINDING",
    "view-in-place": "Protections: ✗ 1 FINDING",
    "rows-hidden": "Protections: ✗ 1 FINDING",
}
UNSEEN = {"edit-and-rewrite", "end-deleted"}
"""What only a checkpoint can show."""


def test_a_line_is_expected_for_every_tampering_that_shows() -> None:
    assert LINES.keys() | UNSEEN <= TAMPERINGS.keys()


def test_a_clean_ledger_is_a_short_tree_and_code_0(invoke: Invoke, dsn: str) -> None:
    result = invoke("verify", "--ledger-db", dsn)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:7] == [
        "Ledger Integrity Verification",
        "├── Total entries: 100",
        "├── Chain integrity: ✓ VERIFIED",
        "├── Hash verification: ✓ 100/100 valid",
        "├── Timestamp order: ✓ VALID",
        "├── Verdicts: ✓ ALL KNOWN",
        "├── Protections: ✓ IN PLACE",
    ]
    assert re.fullmatch(r"└── Last verified: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[9])
    assert lines[11].startswith("SELF-CONSISTENT: All integrity checks passed. Without a checkpoint")
    assert lines[13].startswith("Recommendation: To detect a full rewrite from now on, sign checkpoints")
    assert lines[14].startswith("  audit-ledger checkpoint keygen --output ")
    assert lines[15] == "Then run:"
    assert lines[16].startswith("  audit-ledger checkpoint create --ledger-db ")
    assert len(lines) == 17


@pytest.mark.parametrize("name", LINES)
def test_a_tampering_is_a_red_line_what_was_found_what_to_do_and_code_1(
    invoke: Invoke, forger: Forger, name: str
) -> None:
    TAMPERINGS[name](forger.build(100))
    result = invoke("verify", "--ledger-db", forger.dsn)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert f"├── {LINES[name]}" in lines
    assert "├── Assurance: TAMPERED" in lines
    *_, last = (line for line in lines if not line.startswith("  audit-ledger "))  # which are copied from there
    assert last.startswith("Recommendation: ")
    assert len(lines) < 60
    titles = [match[1] for line in lines if (match := re.match(r"[├└]── ([\w ]+): ", line))]
    assert [title for title in titles if title in PEER] == PEER


@pytest.mark.parametrize("name", sorted(UNSEEN))
def test_what_only_a_checkpoint_can_show_is_not_claimed(invoke: Invoke, forger: Forger, name: str) -> None:
    TAMPERINGS[name](forger.build(100))
    brief, report = (invoke("verify", "--ledger-db", forger.dsn, *more) for more in ([], ["--verbose"]))
    assert (brief.exit_code, report.exit_code) == (0, 0)
    assert "a full rewrite or a truncated tail cannot be detected" in brief.stdout
    assert "truncated tail: ? cannot be detected without a checkpoint" in report.stdout


def test_many_findings_are_three_below_the_tree_and_the_samples_in_the_report(invoke: Invoke, forger: Forger) -> None:
    TAMPERINGS["inserted"](forger.build(100))
    brief, report, all_of_them = (
        invoke("verify", "--ledger-db", forger.dsn, *more).stdout
        for more in ([], ["--verbose"], ["--verbose", "--samples", "60"])
    )
    assert brief.count("- ENTRY_HASH_MISMATCH") == 3
    assert "… and 48 more (--verbose shows more)" in brief
    one = invoke("verify", "--ledger-db", forger.dsn, "--samples", "1").stdout
    assert "… and 50 more (--samples N shows more)" in one
    assert report.count("- ENTRY_HASH_MISMATCH") == 20
    assert all_of_them.count("- ENTRY_HASH_MISMATCH") == 51


@pytest.mark.parametrize("tampering", [None, "edit"])
def test_the_report_has_every_section_in_order_and_ends_with_what_to_do(
    invoke: Invoke, forger: Forger, tampering: str | None
) -> None:
    forger.build(100)
    if tampering:
        TAMPERINGS[tampering](forger)
    result = invoke("verify", "--ledger-db", forger.dsn, "--verbose")
    assert result.exit_code == (1 if tampering else 0)
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Ledger Integrity Verification Report", "===================================="]
    places = [next(number for number, line in enumerate(lines) if line.startswith(name)) for name in SECTIONS]
    assert places == sorted(places)
    advice = lines[places[-1] :]
    assert advice[-1].startswith("  audit-ledger ")  # a command has a line of its own
    assert len(advice) == (2 if tampering else 4)
    assert ("Findings:" in lines) is bool(tampering)
    for verdict in ("CLEAR", "FLAG", "NULL_UNMAPPED", "NULL_STALE", "DISCRETIONARY"):
        assert re.search(rf"^  {verdict}: [\d,]+ \(\d+\.\d%\)$", result.stdout, re.MULTILINE)


def test_what_was_not_checked_is_not_claimed(invoke: Invoke, dsn: str) -> None:
    brief, report = (
        invoke("verify", "--ledger-db", dsn, "--no-check-timestamps", *more) for more in ([], ["--verbose"])
    )
    assert brief.exit_code == 0
    assert "├── Timestamp order: ? NOT CHECKED" in brief.stdout
    assert "  Timestamp order: ? NOT CHECKED" in report.stdout
    assert "timestamp_order" not in report.stdout


def test_why_nothing_could_be_read_is_said_once_and_with_nothing_else(invoke: Invoke, forger: Forger) -> None:
    for arguments in ([], ["--verbose"]):
        result = invoke("verify", "--ledger-db", forger.dsn, *arguments)
        assert (result.exit_code, result.stderr) == (3, "")
        assert re.fullmatch(
            r"UNVERIFIED: Nothing could be verified\. There is no table public\.ledger_entries in .*\n", result.stdout
        )


def test_why_nothing_could_be_read_is_said_with_quiet_too(invoke: Invoke, dsn: str) -> None:
    asked = ("--source", f"{dsn} port=1", "--quiet")
    filed = start("evidence", "--output", "e", *asked)  # runs pytest, which is one already here
    said = [(filed.returncode, filed.stdout, filed.stderr)]
    for command in (["verify"], ["report", "--output", "r.html"], ["export", "--output", "x.json"]):
        result = invoke(*command, *asked)
        said.append((result.exit_code, result.stdout, result.stderr))
    for code, output, error in said:
        assert (code, output) == (3, "")
        assert error.count("\n") == error.count("No server answers") == 1
        assert error.startswith("Error: ")


def test_an_empty_ledger_is_not_verified_unless_it_may_be_empty(invoke: Invoke, forger: Forger) -> None:
    forger.build(0)
    result = invoke("verify", "--ledger-db", forger.dsn)
    assert result.exit_code == 3
    assert "UNVERIFIED: The ledger has no entries, so nothing was verified." in result.stdout
    assert "├── Chain integrity: ? COULD NOT BE EVALUATED" in result.stdout
    allowed = invoke("verify", "--ledger-db", forger.dsn, "--allow-empty")
    assert allowed.exit_code == 0
    assert "├── Chain integrity: ? NOT CHECKED" in allowed.stdout
    assert "├── Assurance: UNVERIFIED" in allowed.stdout


def test_an_empty_ledger_that_lost_a_guard_is_tampered_with_even_where_it_may_be_empty(
    invoke: Invoke, forger: Forger
) -> None:
    TAMPERINGS["trigger-disabled"](forger.build(0))
    assert invoke("verify", "--ledger-db", forger.dsn, "--allow-empty").exit_code == 1


@pytest.mark.parametrize(
    ("parameters", "code", "line"),
    [
        ("severity: critical, roles: critical", 1, "Protections: ✗ 1 FINDING"),
        ("severity: warning, roles: critical", 0, "Protections: ! 1 FINDING"),
        ("severity: info, roles: critical", 0, "Protections: ! 1 FINDING"),
        ("severity: critical, roles: info", 0, "Protections: ✓ IN PLACE"),
    ],
)
def test_the_severity_of_an_own_check_decides_the_code(
    invoke: Invoke, dsn: str, forger: Forger, tmp_path: Path, parameters: str, code: int, line: str
) -> None:
    forger.run("DROP ROLE IF EXISTS audit_ledger_test_writer; CREATE ROLE audit_ledger_test_writer")
    forger.run("GRANT UPDATE ON ledger_entries TO audit_ledger_test_writer")
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(f"version: 1\nchecks:\n  - {{id: nobody-writes, expect: append_only, {parameters}}}\n")
    result, report = (
        invoke("verify", "--ledger-db", dsn, "--suite", str(suite), *more) for more in ([], ["--verbose"])
    )
    forger.run("DROP OWNED BY audit_ledger_test_writer; DROP ROLE audit_ledger_test_writer")
    assert result.exit_code == code, result.stdout
    assert line in result.stdout
    assert " nobody-writes: " in report.stdout
    assert "audit_ledger_test_writer" in report.stdout


def test_a_mistake_in_a_suite_is_shown_with_its_place_and_nothing_runs(invoke: Invoke, tmp_path: Path) -> None:
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text("version: 1\nchecks:\n  - {id: a, expect: nonsense}\n  - {id: b, sevrity: info}\n")
    result = invoke("verify", "--ledger-db", "demo", "--suite", str(suite))
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Error: own.ledger.yaml:3:21: unknown kind 'nonsense'")
    assert lines[2] == "      |                     ^^^^^^^^"
    assert any(line.startswith("own.ledger.yaml:4:") for line in lines)


@pytest.mark.parametrize("name", ["ledger.json", "ledger.jsonl", "ledger.csv.gz"])
def test_an_export_is_verified_like_a_database(invoke: Invoke, dsn: str, name: str) -> None:
    assert invoke("export", "--source", dsn, "--output", name).exit_code == 0
    result = invoke("verify", "--ledger-db", name)
    assert result.exit_code == 0, result.stdout
    assert "├── Hash verification: ✓ 100/100 valid" in result.stdout
    assert "├── Protections: ? NOT CHECKED" in result.stdout
    assert "├── Export file: ✓ MATCHES ITS MANIFEST" in result.stdout
    report = invoke("verify", "--ledger-db", name, "--verbose").stdout
    assert re.search(r"^SHA-256 of the export: [0-9a-f]{64}$", report, re.MULTILINE)
    assert "Future changes: ? NOT CHECKED" in report


def test_a_changed_export_is_code_1(invoke: Invoke, dsn: str) -> None:
    invoke("export", "--source", dsn, "--output", "ledger.jsonl")
    path = Path("ledger.jsonl")
    path.write_text(path.read_text().replace('"verdict":"FLAG"', '"verdict":"CLEAR"', 1))
    result = invoke("verify", "--ledger-db", "ledger.jsonl")
    assert result.exit_code == 1
    assert "├── Hash verification: ✗ 99/100 valid" in result.stdout
    assert "├── Export file: ✗ " in result.stdout


@pytest.mark.server
def test_a_demo_is_verified_by_as_many_workers_as_there_are() -> None:
    result = start("verify", "--ledger-db", "demo:tampered", "--workers", "2")
    assert result.returncode == 1
    assert "├── Hash verification: ✗ 4,321/4,322 valid, first at sequence 1208" in result.stdout
    assert result.stderr == ""


def test_as_many_workers_read_a_ledger_as_it_is_worth(invoke: Invoke, dsn: str) -> None:
    result = invoke("verify", "--ledger-db", dsn, "--workers", "auto")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "├── Hash verification: ✓ 100/100 valid" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        "verify --ledger-db DSN",
        "verify --ledger-db DSN --verbose",
        "verify --ledger-db DSN --check-timestamps",
        "verify --ledger-db DSN --repair",
        "verify --ledger-db DSN --output result.txt",
        "verify --source DSN",
        "export --source DSN --output ledger-data.json --format json",
        "export --source DSN --output d.csv --format csv --fields id,timestamp,verdict,rule_id,telemetry_id",
        "export --source DSN --output audit-export.json --format json --date-range 2026-01-01,2026-05-31",
        "export --source DSN --output violations.json --format json --verdict-filter FLAG",
        "export --source DSN --output null.jsonl --verdict-filter NULL_STALE --rule-id e001 --limit 5",
        "export --ledger-db DSN --output recent-flags.json --verdict-filter FLAG --date-range 2026-05-01,2026-05-31",
    ],
)
def test_the_command_lines_that_the_peer_documents_work(invoke: Invoke, dsn: str, arguments: str) -> None:
    result = invoke(*(dsn if word == "DSN" else word for word in arguments.split()))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("tampering", "assurance", "code"),
    [(None, "SELF-CONSISTENT", 0), ("edit", "TAMPERED", 1), ("empty", "UNVERIFIED", 3)],
)
def test_an_export_that_is_to_be_verified_ends_like_a_verification_and_is_written(
    invoke: Invoke, forger: Forger, tampering: str | None, assurance: str, code: int
) -> None:
    forger.build(0 if tampering == "empty" else 100)
    if tampering == "edit":
        TAMPERINGS[tampering](forger)
    result = invoke("export", "--source", forger.dsn, "--output", "a.jsonl", "--verify")
    assert result.exit_code == code
    assert f"\n{assurance}: " in result.stdout
    assert Path("a.jsonl").exists()
    piped = invoke("export", "--source", forger.dsn, "--output", "-", "--format", "jsonl", "--verify")
    assert piped.exit_code == code
    assert piped.stdout == Path("a.jsonl").read_text()
    assert assurance in piped.stderr


def test_two_suites_of_the_same_name_are_both_told(invoke: Invoke, forger: Forger, tmp_path: Path) -> None:
    TAMPERINGS["trigger-disabled"](forger.build(5))
    arguments = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        suite = tmp_path / name / "own.ledger.yaml"
        suite.write_text("version: 1\nchecks: [{id: x, expect: append_only, severity: warning}]\n")
        arguments += ["--suite", str(suite)]
    brief, report = (invoke("verify", "--ledger-db", forger.dsn, *arguments, *more) for more in ([], ["--verbose"]))
    assert brief.stdout.count("\nx: ") == 2
    assert report.stdout.count("  ! own.ledger.yaml::x: ") == 2


def test_what_a_check_on_data_found_is_told_with_its_value_and_its_waiver(
    invoke: Invoke, dsn: str, tmp_path: Path
) -> None:
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(
        "version: 1\nchecks:\n"
        "  - {id: few, expect: metric, expression: count(*), error_if: '> 5', description: There are few entries.}\n"
        "waivers:\n"
        "  - {id: W-1, check: few, reason: Migration, approved_by: CISO, expires: '2020-01-01T00:00:00Z'}\n"
    )
    result = invoke("verify", "--ledger-db", dsn, "--suite", str(suite))
    assert result.exit_code == 1
    (told,) = (paragraph for paragraph in result.stdout.split("\n\n") if paragraph.startswith("few: "))
    headline, about, why, finding, *_ = told.splitlines()
    assert (headline, about) == ("few: 1 finding", "  about  There are few entries.")
    assert why.startswith("  why    Its waiver has expired: waiver W-1 until 2020-01-01 00:00:00")
    assert finding == "  - METRIC the number is > 5: 100"


ENDS = {
    "PASS": "expect: not_null, column: rule_id, where: verdict = 'FLAG'",
    "WARN": "expect: metric, expression: count(*), warn_if: '> 5'",
    "WAIVED": "expect: metric, expression: count(*), error_if: '> 5'",
    "SKIP": "expect: not_null, column: rule_id, where: verdict = 'X', allow_empty: true",
    "FAIL": "expect: metric, expression: count(*), error_if: '> 5'",
    "ERROR": "expect: not_null, column: ruleid",
    "a mistake in a suite": "expect: not_nul, column: rule_id",
}
WAIVER = "waivers: [{id: W, check: own, reason: r, approved_by: CISO, expires: '2099-01-01T00:00:00Z'}]\n"


@pytest.mark.parametrize("how", ENDS)
def test_a_check_in_a_suite_ends_with_the_code_that_the_manual_says(
    invoke: Invoke, dsn: str, tmp_path: Path, how: str
) -> None:
    suite = tmp_path / "own.ledger.yaml"
    waiver = WAIVER if how == "WAIVED" else ""
    suite.write_text(f"version: 1\nchecks:\n  - {{id: own, {ENDS[how]}}}\n{waiver}")
    told = re.search(rf"^\| {how}\b.* (\d)(, nothing runs)? \|$", MANUAL, re.MULTILINE)
    assert told is not None
    assert invoke("verify", "--ledger-db", dsn, "--suite", str(suite)).exit_code == int(told[1])
