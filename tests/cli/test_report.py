"""`audit-ledger report`: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke


@pytest.mark.parametrize(
    ("name", "start"), [("r.html", "<!doctype html>"), ("r.json", "{"), ("r.md", "# Audit ledger")]
)
def test_a_report_is_written_as_its_name_says(invoke: Invoke, dsn: str, name: str, start: str) -> None:
    result = invoke("report", "--source", dsn, "--output", name)
    assert result.exit_code == 0
    assert Path(name).read_text().lstrip().startswith(start)
    assurance, told = result.stdout.splitlines()
    assert assurance.startswith("SELF-CONSISTENT: ")
    assert told.startswith(f"{name}  {Path(name).stat().st_size:,} bytes  SHA-256 ")
    assert [path.name for path in Path().iterdir()] == [name]


def test_every_option_of_the_peer_does_what_it_documents(invoke: Invoke, dsn: str) -> None:
    sections = ("--include-verdicts", "--include-violations", "--include-timeline", "--include-audit-trail")
    dates = ("--start-date", "2025-09-01", "--end-date", "2025-09-30")
    cover = ("--title", "Monthly", "--organization", "Acme Energy Corp")
    for included in sections:
        asked = ("report", "--source", dsn, f"--output={included}.json", *dates, *cover, included, "--quiet")
        result = invoke(*asked)
        assert (result.exit_code, result.output) == (0, "")
        made = json.loads(Path(f"{included}.json").read_text())
        assert made["sections"] == [included.removeprefix("--include-").replace("-", "_")]
        assert (made["title"], made["organization"]) == ("Monthly", "Acme Energy Corp")
        assert (made["period"]["since"], made["period"]["before"]) == (
            "2025-09-01T00:00:00+00:00",
            "2025-10-01T00:00:00+00:00",
        )


def test_tampering_is_reported_and_is_code_1(invoke: Invoke, forger: Forger) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    result = invoke("report", "--source", forger.dsn, "--output", "r.html")
    assert result.exit_code == 1
    assert "TAMPERED" in Path("r.html").read_text()


FLAGS = """\
version: 1
checks:
  - {id: flags, expect: failed_rows, query: "SELECT sequence_number, rule_id FROM {ledger} WHERE verdict = 'FLAG'"}
"""


def test_a_failed_check_of_the_users_is_said_before_the_assurance(invoke: Invoke, dsn: str) -> None:
    Path("own.ledger.yaml").write_text(FLAGS)
    for name in ("r.html", "r.md"):
        result = invoke("report", "--source", dsn, "--suite", "own.ledger.yaml", "--output", name, color=True)
        assert result.exit_code == 1
        first, second = result.stdout.splitlines()[:2]
        assert first == "\x1b[31m1 check failed: flags.\x1b[0m"
        assert second.startswith("\x1b[31mSELF-CONSISTENT: All integrity checks passed.")
    page = Path("r.html").read_text()
    first_words = "A critical check failed. The chain of entries holds."
    assert (
        page.index('<div class="hero act">')
        < page.index(f"<h1>{first_words}</h1>")
        < page.index("SELF-CONSISTENT</span>")
    )
    words = Path("r.md").read_text()
    assert 0 < words.index(f"**Not ready to file: {first_words}**") < words.index("**SELF-CONSISTENT**")
    tree = invoke("verify", "--source", dsn, "--suite", "own.ledger.yaml")
    assert "\n\n1 check failed: flags.\nSELF-CONSISTENT: " in tree.stdout
    report = invoke("verify", "--source", dsn, "--suite", "own.ledger.yaml", "--verbose")
    assert "\nStatus: SELF-CONSISTENT\n  1 check failed: flags.\n" in report.stdout


def test_only_anchored_is_green(invoke: Invoke, dsn: str) -> None:
    keygen = invoke("checkpoint", "keygen", "--origin", "bank.example/ledger", "--output", "signing.key")
    invoke("checkpoint", "create", "--source", dsn, "--signing-key", "signing.key", "--output", "checkpoints")
    trusted = ("--checkpoint", "checkpoints", "--verifier-key", keygen.stdout.strip())
    shown = {}
    for name, options in (("alone.html", ()), ("anchored.html", trusted)):
        result = invoke("report", "--source", dsn, "--output", name, *options, color=True)
        box = Path(name).read_text().partition('<div class="hero ')[2].partition('"')[0]
        shown[result.stdout[:5], box] = invoke("verify", "--source", dsn, *options, color=True).stdout
    (alone, anchored) = shown
    assert (alone, anchored) == (("\x1b[36m", "fair"), ("\x1b[32m", "good"))
    assert "\x1b[36m\x1b[1mSELF-CONSISTENT: " in shown[alone]
    assert "\x1b[32m\x1b[1mANCHORED: " in shown[anchored]


def test_an_outage_is_code_3_and_leaves_nothing(invoke: Invoke, dsn: str) -> None:
    result = invoke("report", "--source", f"{dsn} port=1", "--output", "r.html")
    assert result.exit_code == 3
    assert "No server answers" in result.stderr
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--output", "r.pdf"], "Cannot tell the format of r.pdf. Use a name that ends in .html, .json, .md."),
        (["--output", "nowhere/r.html"], "nowhere/r.html could not be written: No such file or directory."),
        (["--output", "r.html", "--start-date", "2026-06-01", "--end-date", "2026-05-01"], "The range * is reversed."),
        (["--output", "r.html", "--end-date", "31.5.2026"], "Invalid date '31.5.2026'."),
        (["--output", "r.html", "--title", ""], "The title is empty or longer than 200 characters."),
        ([], "Missing option '--output' / '-o'."),
    ],
)
def test_a_mistake_is_told_before_anything_connects(invoke: Invoke, arguments: list[str], expected: str) -> None:
    result = invoke("report", "--source", "postgresql://nobody@nowhere.invalid/ledger", *arguments)
    assert result.exit_code in (2, 3)
    begin, _, end = expected.partition("*")
    assert result.stderr.startswith(f"Error: {begin}")
    assert end in result.stderr
