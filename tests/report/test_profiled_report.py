"""Reports and evidence of ledgers with other profiles: their own words, and none of the SKI ledger's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.report import Report
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.report.test_report import conforms
from tests.support.command import Invoke
from tests.support.profiled import FOLDER, RECIPES, profile_file, profiled

OF_SKI = re.compile(r"FLAG|CLEAR|NULL_|telemetry|escalation|knowledge|envelope|transcript|reasoning", re.IGNORECASE)


def reported(forger: Forger, profile: object) -> Report:
    report = Ledger(forger.dsn, profile=profile).generate_report()  # type: ignore[arg-type]
    conforms(report)
    return report


def words_of(text: str) -> str:
    """Return what a page shows, without the style and what skipped checks are called."""
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_report_shows_what_its_profile_has(forger: Forger, recipe: str) -> None:
    profile = profiled(forger, recipe)
    report = reported(forger, profile)
    data = report.data
    assert data["verification"]["profile"] == {"name": profile.name, "sha256": profile.digest}
    assert data["period"]["entries"] == data["verification"]["entries"]["count"]
    assert (data["verdicts"] is None) is (recipe != "join")
    assert data["escalations"] is None
    assert data["timeline"]["steps"]
    assert f"Profile {profile.name}" in words_of(report.html)
    if recipe == "join":
        assert [row["verdict"] for row in data["verdicts"]["rows"]] == ["deposit", "withdrawal", "fee"]
        assert "withdrawal" in report.markdown
    told = "\n".join(
        line
        for line in (words_of(report.html) + report.markdown).splitlines()
        if "transcript" not in line.lower() and "envelope" not in line.lower()
    )
    assert OF_SKI.findall(told) == []


def test_violations_of_a_profile_are_shown_by_stream(forger: Forger, tmp_path: Path) -> None:
    profiled(forger, "join")
    path = tmp_path / "movements.profile.yaml"
    text = profile_file("join").read_text("utf-8")
    path.write_text(text.replace("fee]}", "fee], violations: [fee]}"), "utf-8")
    report = reported(forger, path)
    (latest,) = report.data["violations"]["latest"]
    assert (latest["stream"], latest["sequence_number"], latest["verdict"]) == ("DE01", 3, "fee")
    assert "1 of them (20.0%) is a violation (verdict fee)." in report.data["summary"][2]
    assert "DE01" in words_of(report.html)
    assert "3 of" in report.markdown


def test_a_finding_names_its_stream_in_every_form(forger: Forger, invoke: Invoke) -> None:
    profile = profiled(forger, "join")
    forger.run("SET session_replication_role = replica; UPDATE movements SET memo = 'x' WHERE entry_id = 3")
    report = reported(forger, profile)
    assert "ENTRY_HASH_MISMATCH at sequence 2 of stream `DE01`" in report.markdown.replace("\\", "")
    assert '<th scope="row" role="rowheader">2<span class="sub">DE01</span></th>' in report.html
    told = invoke("verify", "--source", forger.dsn, "--profile", str(profile_file("join"))).stdout
    assert "Hash verification: ✗ 4/5 valid, first at sequence 2 of stream DE01" in told
    assert "entry_hash: 1 finding, first at sequence 2 of stream DE01" in told


def test_days_cannot_be_chosen_where_no_entry_has_a_time(forger: Forger, tmp_path: Path) -> None:
    path = tmp_path / "untimed.profile.yaml"
    path.write_text(profile_file("join").read_text("utf-8").replace("  timestamp: booked_at\n", ""), "utf-8")
    profiled(forger, "join")
    assert reported(forger, path).data["timeline"] is None
    with pytest.raises(UsageError, match="names no column for timestamp"):
        Ledger(forger.dsn, profile=path).generate_report(start_date="2026-05-01")


def test_evidence_has_the_profile_and_its_digest(forger: Forger, invoke: Invoke, tmp_path: Path) -> None:
    profiled(forger, "join")
    done = invoke("evidence", "--source", forger.dsn, "--profile", str(profile_file("join")), "--output", "may")
    assert done.exit_code == 0, done.output
    filed = tmp_path / "may" / "profiles" / "join.profile.yaml"
    assert filed.read_bytes() == (FOLDER / "join.profile.yaml").read_bytes()
    manifest = json.loads((tmp_path / "may" / "manifest.json").read_text("utf-8"))
    configuration = {one["name"]: one["digest"]["sha256"] for one in manifest["predicate"]["configuration"]}
    digest = load_profile(filed).digest
    assert configuration["profiles/join.profile.yaml"] == digest
    junit = (tmp_path / "may" / "junit.xml").read_text("utf-8")
    assert f'name="ledger.profile_sha256" value="{digest}"' in junit
    assert 'name="ledger.profile" value="movements"' in junit
    assert "--profile" in (tmp_path / "may" / "README.txt").read_text("utf-8")
    assert invoke("evidence", "verify", "may").exit_code == 0
    assert invoke("verify", "--source", forger.dsn, "--profile", str(filed)).exit_code == 0


@pytest.mark.parametrize("recipe", ["join", "json"])
def test_the_full_report_of_verify_lists_the_verdicts_of_the_profile(
    forger: Forger, invoke: Invoke, recipe: str
) -> None:
    profiled(forger, recipe)
    told = invoke("verify", "--source", forger.dsn, "--profile", str(profile_file(recipe)), "--verbose").stdout
    assert ("deposit: 2 (40.0%)\n  withdrawal: 2 (40.0%)\n  fee: 1 (20.0%)" in told) is (recipe == "join")
    assert ("Verdict Distribution" in told) is (recipe == "join")
    assert "FLAG" not in told
