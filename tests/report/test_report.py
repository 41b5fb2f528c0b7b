"""Reports: every figure against a query of our own, whatever the source, and nothing of an entry let loose."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import pytest_audit_ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.cli import main
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import VERDICTS
from pytest_audit_ledger.model.progress import no_progress
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.report import SECTIONS, Report, generate, report_request, save
from pytest_audit_ledger.report.figures import MOST_NAMES, VerdictTally
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify.resumption import Since
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import default_suite, verify_checks
from tests.support.databases import emptied
from tests.support.hostile import HOSTILE_TEXTS, escalate, violations
from tests.support.signers import PEM

CLOCK = datetime(2026, 11, 24, 15, 0, tzinfo=timezone.utc)
STEP_S = 600.0


@contextmanager
def verified(dsn: str, **options: Any) -> Iterator[ArtifactContext]:
    """Verify a ledger with the default suite, and hold what it read."""
    source = PostgresSource(dsn)
    with source.snapshot() as snapshot:
        suite = default_suite()
        verification = verify_checks(source, suite.checks, shared=snapshot.share(), suites=[suite], **options)
        yield ArtifactContext(verification, source, snapshot, no_progress)


def report(dsn: str, *, verify_options: Mapping[str, Any] | None = None, **asked: Any) -> Report:
    with verified(dsn, **(verify_options or {})) as found:
        return generate(found, report_request(**asked), made_at=CLOCK)


def conforms(made: Report) -> None:
    """Hold the JSON of a report against its published schema."""
    schemas = {
        name: json.loads((folder("checks") / name).read_text(encoding="utf-8"))
        for name in ("report.schema.json", "investigation.schema.json", "verification.schema.json")
    }
    registry: Any = Registry().with_resources((name, Resource.from_contents(s)) for name, s in schemas.items())
    Draft202012Validator(schemas["report.schema.json"], registry=registry).validate(json.loads(made.json))


@pytest.fixture
def busy(forger: Forger) -> Forger:
    """Three weeks of entries, some of them escalated, a day without any, on a server that is not in UTC."""
    ((name,),) = forger.run("SELECT current_database()")
    forger.run(f"ALTER DATABASE {name} SET timezone = 'America/New_York'")
    forger.build(entries=sample_entries(3000, step_s=STEP_S))
    escalate(forger, "verdict = 'FLAG' AND sequence_number % 3 = 0", "OPEN", "Sensor sent back.")
    escalate(forger, "verdict = 'FLAG' AND sequence_number % 3 = 1", "RESOLVED", "Filter replaced.\nMeasured again.")
    escalate(forger, "verdict = 'DISCRETIONARY' AND sequence_number < 300", "REVIEWED")
    return forger


PERIODS: list[dict[str, Any]] = [
    {},
    {"start_date": "2025-09-08", "end_date": "2025-09-14"},
    {"start_date": "2025-09-10", "end_date": "2025-09-10"},
    {"start_date": "2025-09-10T08:30:00Z", "end_date": "2025-09-12T17:45:30.5Z"},
    {"start_date": "2025-09-15"},
    {"end_date": "2025-09-03"},
]


@pytest.mark.parametrize("period", PERIODS, ids=lambda period: "-".join(period.values()) or "all")
def test_every_figure_equals_a_query_of_our_own(busy: Forger, period: dict[str, Any]) -> None:
    made = report(busy.dsn, **period)
    conforms(made)
    holds(made.data, busy, period)


def holds(data: Mapping[str, Any], forger: Forger, period: Mapping[str, str]) -> None:
    """Compare every figure of a report with what the server says."""
    since, before = _bounds(period)
    inside = f"\"timestamp\" >= '{since or '-infinity'}' AND \"timestamp\" < '{before or 'infinity'}'"
    flagged = f"{inside} AND verdict = 'FLAG'"

    def counted(columns: str, condition: str, rest: str = "") -> list[tuple[Any, ...]]:
        return forger.run(f"SELECT {columns} FROM ledger_entries WHERE {condition} {rest}")

    ((entries, low, high),) = counted("count(*), min(sequence_number), max(sequence_number)", inside)
    assert (data["period"]["entries"], data["period"]["sequence_first"], data["period"]["sequence_last"]) == (
        entries,
        low,
        high,
    )
    verdicts = dict(counted("verdict, count(*)", inside, "GROUP BY 1"))
    rows = {row["verdict"]: row for row in data["verdicts"]["rows"]}
    assert {name: row["count"] for name, row in rows.items() if row["count"]} == verdicts
    assert all(row["share"] == round(row["count"] / entries, 6) for row in rows.values())
    if since and before:
        earlier = f"\"timestamp\" >= '{since - (before - since)}' AND \"timestamp\" < '{since}'"
        expected = dict(counted("verdict, count(*)", earlier, "GROUP BY 1"))
        assert {name: row["count_before"] for name, row in rows.items() if row["count_before"]} == expected
        assert data["verdicts"]["preceding"]["entries"] == sum(expected.values())
        rules_before = dict(counted("rule_id, count(*)", f"{earlier} AND verdict = 'FLAG'", "GROUP BY 1"))
        shown = {row["name"]: row["count_before"] for row in data["violations"]["by_rule"] if row["count_before"]}
        assert shown == rules_before
        assert data["violations"]["count_before"] == expected.get("FLAG", 0)
    else:
        assert data["verdicts"]["preceding"] is None
        assert data["violations"]["count_before"] is None
    violations, escalations = data["violations"], data["escalations"]
    assert violations["count"] == verdicts["FLAG"]
    by_rule = counted("rule_id, count(*)", flagged, "GROUP BY 1 ORDER BY 2 DESC, 1")
    assert [(row["name"], row["count"]) for row in violations["by_rule"]] == by_rule
    by_status = dict(counted("coalesce(escalation_status, '(missing)'), count(*)", flagged, "GROUP BY 1"))
    assert {row["name"]: row["count"] for row in violations["by_status"]} == by_status
    oldest = dict(counted("coalesce(escalation_status, '(missing)'), min(timestamp)", flagged, "GROUP BY 1"))
    found = {row["name"]: datetime.fromisoformat(row["oldest"]) for row in violations["by_status"]}
    assert found == {name: moment.astimezone(timezone.utc) for name, moment in oldest.items()}
    for row in violations["by_rule"]:
        of_rule = f"{flagged} AND rule_id = '{row['name']}'"
        spans = [f"\"timestamp\" >= '{s['begin']}' AND \"timestamp\" < '{s['end']}'" for s in violations["steps"]]
        assert row["by_step"] == [counted("count(*)", f"{of_rule} AND {one}")[0][0] for one in spans]
    columns = "sequence_number, rule_id, reasoning, telemetry_id, escalation_status, escalation_notes"
    names = columns.split(", ")
    latest = counted(columns, flagged, "ORDER BY sequence_number DESC LIMIT 20")[::-1]
    assert [tuple(row[name] for name in names) for row in violations["latest"]] == latest
    with_status = f"{inside} AND escalation_status IS NOT NULL"
    assert escalations["count"] == counted("count(*)", with_status)[0][0]
    assert escalations["open_violations"] == by_status.get("(missing)", 0)
    by_status = dict(counted("escalation_status, count(*)", with_status, "GROUP BY 1"))
    assert {row["name"]: row["count"] for row in escalations["by_status"]} == by_status
    latest = counted(columns, with_status, "ORDER BY sequence_number DESC LIMIT 20")[::-1]
    assert [tuple(row[name] for name in names) for row in escalations["latest"]] == latest
    without = f"{flagged} AND escalation_status IS NULL"
    unfollowed = counted(columns, without, "ORDER BY sequence_number LIMIT 20")
    assert [tuple(row[name] for name in names) for row in escalations["unfollowed"]] == unfollowed
    steps = data["timeline"]["steps"]
    assert sum(step["total"] for step in steps) == entries
    for step in steps:
        within = f"{inside} AND \"timestamp\" >= '{step['begin']}' AND \"timestamp\" < '{step['end']}'"
        assert step["counts"] == dict(counted("verdict, count(*)", within, "GROUP BY 1")), step
    assert [step["end"] for step in steps[:-1]] == [step["begin"] for step in steps[1:]]
    for gap in data["timeline"]["gaps"]:
        within = f"{inside} AND \"timestamp\" >= '{gap['begin']}' AND \"timestamp\" < '{gap['end']}'"
        assert counted("count(*)", within) == [(0,)]


def _bounds(period: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Return the period as a person means it, worked out apart from the package."""

    def moment(text: str) -> datetime:
        return datetime.strptime(f"{text}+0000", "%Y-%m-%d%z" if len(text) == 10 else _FORMATS[len(text)])

    since = moment(period["start_date"]) if "start_date" in period else None
    if "end_date" not in period:
        return since, None
    end = moment(period["end_date"])
    return since, end + (timedelta(days=1) if len(period["end_date"]) == 10 else timedelta(microseconds=1))


_FORMATS = {20: "%Y-%m-%dT%H:%M:%SZ%z", 22: "%Y-%m-%dT%H:%M:%S.%fZ%z"}


def test_an_export_has_the_same_figures_as_the_database(busy: Forger, tmp_path: Path) -> None:
    period: dict[str, Any] = {"start_date": "2025-09-08", "end_date": "2025-09-14"}
    with Ledger(busy.dsn) as ledger:
        ledger.export_entries(output_file=tmp_path / "ledger.jsonl.gz")
        there = ledger.generate_report(**period).data
    with Ledger(str(tmp_path / "ledger.jsonl.gz")) as ledger:
        here = ledger.generate_report(**period)
    conforms(here)
    for section in ("period", "verdicts", "violations", "escalations", "timeline"):
        assert here.data[section] == there[section], section


def test_the_same_input_and_clock_make_the_same_bytes(busy: Forger) -> None:
    with verified(busy.dsn) as found:
        first, second = (generate(found, report_request(), made_at=CLOCK) for _ in range(2))
    assert (first.html, first.json, first.markdown) == (second.html, second.json, second.markdown)


def test_an_empty_period_makes_a_report_that_says_so(busy: Forger) -> None:
    made = report(busy.dsn, start_date="2024-01-01", end_date="2024-01-31")
    conforms(made)
    assert "The period has no entries, so there is nothing to report about it." in made.data["summary"]
    assert made.data["period"]["entries"] == made.data["violations"]["count"] == 0
    assert "The period has no entries" in made.html
    (has_none,) = [one for one in made.data["filing"] if one["fact"] == "The period has no entries."]
    assert has_none["weight"] == "blocks"


def test_a_ledger_without_entries_makes_a_report_that_says_so(forger: Forger) -> None:
    made = report(forger.build(0).dsn)
    conforms(made)
    assert "The ledger has no entries." in made.data["summary"]
    assert "UNVERIFIED" in made.html


def test_the_end_day_is_in_to_its_last_microsecond(forger: Forger) -> None:
    forger.build(0)
    start = datetime(2026, 5, 30, tzinfo=timezone.utc)
    moments = [start, start + timedelta(days=2, microseconds=-1), start + timedelta(days=2)]
    entries = [
        entry.__class__(**{**vars(entry), "timestamp": moment.isoformat()})
        for entry, moment in zip(sample_entries(3), moments, strict=True)
    ]
    forger.append(entries)
    assert report(forger.dsn, end_date="2026-05-31").data["period"]["entries"] == 2
    assert report(forger.dsn, start_date="2026-05-31").data["period"]["entries"] == 2


@pytest.mark.parametrize("name", ["verdict-edited", "foreign-verdict", "view-in-place", "trigger-disabled"])
def test_a_tampered_ledger_is_reported_as_what_it_is(forger: Forger, name: str) -> None:
    TAMPERINGS[name](forger.build(100))
    made = report(forger.dsn)
    conforms(made)
    assert made.data["verification"]["assurance"] == "TAMPERED"
    assert (made.data["first"]["tone"], made.data["first"]["state"]) == ("stop", "TAMPERED")
    assert 1 <= len(made.data["first"]["facts"]) <= 3
    assert "**TAMPERED: This ledger was tampered with. Do not rely on it.**" in made.markdown
    assert made.data["filing"][0]["weight"] == "blocks"


def test_entries_that_cannot_be_read_are_told_and_not_counted(forger: Forger) -> None:
    TAMPERINGS["view-in-place"](forger.build(100))
    made = report(forger.dsn)
    assert made.data["verdicts"] is made.data["violations"] is made.data["timeline"] is None
    assert "They could not be counted: public.ledger_entries is not a table" in made.html


def test_a_ledger_that_lost_columns_is_reported_without_them(forger: Forger) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries DROP COLUMN rule_id, DROP COLUMN escalation_status")
    made = report(forger.dsn)
    conforms(made)
    assert (
        made.data["violations"]["count"] == forger.run("SELECT count(*) FROM ledger_entries WHERE verdict='FLAG'")[0][0]
    )
    assert made.data["violations"]["by_rule"] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_only_the_sections_that_are_asked_for_are_in(forger: Forger, section: str) -> None:
    made = report(forger.build(100).dsn, include=(section,))
    conforms(made)
    ids = {"verdicts": "verdicts", "violations": "violations", "timeline": "timeline", "audit_trail": "checks"}
    assert {name for name, html_id in ids.items() if f'<section id="{html_id}"' in made.html} == {section}
    for always in ("filing", "gaps", "reverify", "sign", "ids"):
        assert f'<section id="{always}"' in made.html


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> set[str | None]:
        return {attributes[name] for _, attributes in self.tags if name in attributes}


def entrusted(forger: Forger, texts: Sequence[str]) -> Forger:
    """Build a ledger of violations whose texts are these, also those of the escalation."""
    forger.build(entries=violations(texts))
    for number, text in enumerate(texts, 1):
        escalate(forger, f"sequence_number = {number}", text[:2_000], text)
    return forger


@pytest.fixture
def hostile(forger: Forger) -> Forger:
    return entrusted(forger, HOSTILE_TEXTS)


def test_nothing_of_a_hostile_entry_becomes_markup_an_address_or_a_name(hostile: Forger) -> None:
    quiet = Page(report(hostile.dsn).html)
    harmless = Page(report(entrusted(emptied(hostile), ["x"] * len(HOSTILE_TEXTS)).dsn).html)
    assert {tag for tag, _ in quiet.tags} - {"br"} == {tag for tag, _ in harmless.tags} - {"br"}
    for name in ("id", "class", "href", "style", "src", "xmlns", "content", "role"):
        assert quiet.attributes(name) <= harmless.attributes(name), name
    assert all(str(target).startswith("#") for target in quiet.attributes("href"))
    assert not {name for _, attributes in quiet.tags for name in attributes if name.startswith("on")}
    assert "<script>document.title='owned'</script>" in quiet.text
    assert "\\u202eevil\\u2066\\u2069" in quiet.text
    assert "\u202e" not in quiet.text
    assert max(map(len, quiet.text.split())) < 2_000


def test_markdown_shows_hostile_entries_as_code(hostile: Forger) -> None:
    text = report(hostile.dsn).markdown
    assert len(text) < 100_000
    for line in text.splitlines():
        outside = line.replace("\\`", "")
        for run in ("```", "``", "`"):
            parts = outside.split(run)
            outside = "".join(parts[::2]) if len(parts) % 2 else outside
        for trap in ("<script", "<img", "](javascript", "evil.invalid", "\u202e"):
            assert trap not in outside, line


def test_ever_new_names_are_counted_together_in_constant_memory() -> None:
    tally = VerdictTally()
    tally.add(["often"] * 5)
    for start in range(0, 10 * MOST_NAMES, 100):
        tally.add([f"once {number}" for number in range(start, start + 100)])
    assert tally.total == 10 * MOST_NAMES + 5
    assert len(tally.counts) <= MOST_NAMES
    assert tally.named()[0] == ("often", 5)
    assert tally.named()[-1] == ("(other)", tally.others)


def test_a_control_that_no_check_serves_stands_in_the_matrix(forger: Forger, tmp_path: Path) -> None:
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(
        "version: 1\n"
        "controls:\n"
        "  DORA-9: {title: Protection and prevention}\n"
        "  DORA-10: {title: Detection}\n"
        "checks:\n"
        "  - {id: own-linkage, expect: chain_linkage, controls: [DORA-10]}\n"
    )
    with Ledger(forger.build(100).dsn) as ledger:
        made = ledger.generate_report(suites=[suite])
    controls = {control["id"]: control for control in made.data["controls"]}
    assert controls["DORA-9"] == {
        "id": "DORA-9",
        "title": "Protection and prevention",
        "framework": "DORA",
        "checks": [],
        "served": False,
        "partly": [],
    }
    assert [check["check"] for check in controls["DORA-10"]["checks"]] == ["own-linkage"]
    assert controls["DORA-10"]["served"]
    assert not controls["DORA-10"]["partly"]
    audit = controls["NIST-AU-10"]
    assert {check["check"]: check["status"] for check in audit["checks"]}["checkpoint"] == "SKIP"
    assert not audit["served"]
    assert "checkpoint" in audit["partly"]
    assert [one["name"] for one in made.data["verification"]["suites"]] == ["integrity.ledger.yaml", "own.ledger.yaml"]
    (condition,) = [one for one in made.data["filing"] if one["fact"] == "No check of this run serves a control."]
    assert (condition["weight"], "DORA-9" in condition["detail"]) == ("disclose", True)


def test_a_waiver_stands_in_the_report(forger: Forger, tmp_path: Path) -> None:
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(
        "version: 1\n"
        "checks:\n"
        "  - {id: no-flags, expect: accepted_values, column: verdict, values: [CLEAR]}\n"
        "waivers:\n"
        "  - {id: W-1, check: no-flags, reason: Known since spring., approved_by: CISO,\n"
        "     expires: 2099-01-01T00:00:00Z}\n"
    )
    with Ledger(forger.build(100).dsn) as ledger:
        made = ledger.generate_report(suites=[suite])
    conforms(made)
    (waiver,) = made.data["waivers"]
    assert (waiver["id"], waiver["check"], waiver["status"]) == ("W-1", "no-flags", "WAIVED")
    assert "Known since spring." in made.html


def test_the_commands_to_verify_again_name_the_ledger_without_its_password(forger: Forger) -> None:
    made = report(f"{forger.build(10).dsn} password=hunter2", start_date="2025-09-01", end_date="2025-09-30")
    commands = [step["command"] for step in made.data["reverify"]]
    assert any("--start-date 2025-09-01 --end-date 2025-09-30" in command for command in commands)
    assert "hunter2" not in made.html + made.json + made.markdown


def test_the_commands_to_verify_again_prove_what_the_report_says(forger: Forger, tmp_path: Path) -> None:
    key, public_key = SigningKey.generate("example/ledger"), tmp_path / "transcripts.pem"
    public_key.write_text(PEM)
    with Ledger(forger.build(100).dsn) as ledger:
        ledger.create_checkpoint(tmp_path / "check points", key)
        made = ledger.generate_report(
            checkpoints=[tmp_path / "check points"],
            verifier_keys=[str(key.verifier())],
            require_checkpoint=True,
            max_unanchored="24h",
            transcript_keys=[public_key],
        )
    _, _, verify_again, report_again, _, offline = made.data["reverify"]
    done = CliRunner().invoke(main, shlex.split(verify_again["command"])[1:])
    assert (done.exit_code, "ANCHORED" in done.stdout) == (0, True), done.output
    held_against = ["--checkpoint", str(tmp_path / "check points"), "--verifier-key", str(key.verifier())]
    held_against += ["--transcript-key", PEM.replace("\n", "")]  # whoever gets the report does not have the file
    options = shlex.join([*held_against, "--require-checkpoint", "--max-unanchored", "24h"])
    for step in (verify_again, report_again, offline):
        assert options in step["command"]


@pytest.mark.parametrize("name", ["report.pdf", "report", ""])
def test_a_name_that_says_no_format_is_refused(busy: Forger, tmp_path: Path, name: str) -> None:
    with verified(busy.dsn) as found, pytest.raises(UsageError):
        save(generate(found, report_request(), made_at=CLOCK), tmp_path / name if name else "")


def test_the_page_says_that_it_may_do_nothing(forger: Forger) -> None:
    page = Page(report(forger.build(10).dsn).html)
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "embed", "form"}
    assert page.attributes("style") == set()


def test_every_verdict_has_its_row_also_without_entries(forger: Forger) -> None:
    rows = report(forger.build(3).dsn).data["verdicts"]["rows"]
    assert [row["verdict"] for row in rows] == list(VERDICTS)


def test_the_digest_of_the_code_is_what_the_command_in_the_report_prints(forger: Forger) -> None:
    made = report(forger.build(3).dsn)
    (command,) = [step["command"] for step in made.data["reverify"] if "sha256sum" in step["command"]]
    installed = Path(pytest_audit_ledger.__file__).parents[1]
    done = subprocess.run(command, shell=True, cwd=installed, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == made.data["tool_sha256"]
    assert made.data["tool_sha256"] in made.html


def test_a_time_that_no_calendar_has_is_counted_and_not_drawn(forger: Forger) -> None:
    forger.build(20).unguarded(
        "UPDATE ledger_entries SET \"timestamp\" = 'infinity' WHERE sequence_number = 7",
        "UPDATE ledger_entries SET \"timestamp\" = '0044-03-15 12:00+00 BC' WHERE sequence_number = 8",
        "UPDATE ledger_entries SET \"timestamp\" = '12026-03-15 12:00+00' WHERE sequence_number = 9",
    )
    made = report(forger.dsn)
    conforms(made)
    assert made.data["timeline"]["untimed"] == 3
    assert sum(step["total"] for step in made.data["timeline"]["steps"]) == 17
    assert made.data["period"]["entries"] == 20
    assert "3 entries are not drawn: their time is invalid" in made.html


def test_an_anchored_ledger_is_reported_with_how_much_is_proven(forger: Forger, tmp_path: Path) -> None:
    key, folder = tmp_path / "signing.key", tmp_path / "checkpoints"
    made_key = CliRunner().invoke(main, ["checkpoint", "keygen", "--origin", "example/ledger", "--output", str(key)])
    verifier = made_key.stdout.strip()
    forger.build(entries=islice(sample_entries(120), 100))
    with Ledger(forger.dsn) as ledger:
        ledger.create_checkpoint(folder, key)
        forger.append(islice(sample_entries(120), 100, None))
        made = ledger.generate_report(checkpoints=[folder], verifier_keys=[verifier])
    conforms(made)
    weights = {one["fact"]: one["weight"] for one in made.data["filing"]}
    assert weights["The ledger matches a checkpoint that is kept elsewhere."] == "met"
    assert weights["20 entries are in no checkpoint."] == "disclose"
    assert (made.data["first"]["proof"]["anchored"], made.data["first"]["proof"]["entries"]) == (100, 120)
    assert "100 of 120 entries match a signed checkpoint" in made.html


def test_a_report_of_a_run_since_a_checkpoint_says_what_was_not_read(forger: Forger, tmp_path: Path) -> None:
    key = SigningKey("bank.example/ledger", bytes(range(32)))
    forger.build(entries=islice(sample_entries(120), 100))
    Ledger(forger.dsn).create_checkpoint(tmp_path, key)
    forger.append(islice(sample_entries(120), 100, None))
    source = PostgresSource(forger.dsn)
    given = run_parameters(checkpoints=[tmp_path], verifier_keys=[str(key.verifier())])
    with source.snapshot() as snapshot:
        found = verify_checks(
            source, default_suite().checks, shared=snapshot.share(), run_parameters=given, since=Since()
        )
        made = generate(ArtifactContext(found, source, snapshot, no_progress), report_request(), made_at=CLOCK)
    conforms(made)
    assert "The ledger was not read completely. 20 entries after entry 100, where " in made.data["summary"][0]
    (read,) = [one for one in made.data["filing"] if one["fact"] == "100 entries were not read again."]
    assert (read["weight"], "20 entries after entry 100" in read["detail"]) == ("disclose", True)
    assert "100 entries since the checkpoint" in [one["what"] for one in made.data["not_covered"]]
    assert "The period has 120 entries" in " ".join(made.data["summary"])
