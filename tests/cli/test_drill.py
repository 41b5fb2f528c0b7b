"""`audit-ledger drill`: what it prints and writes, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import psutil
import pytest

from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE
from pytest_audit_ledger.output.paragraphs import LOG
from tests.support.command import Invoke, Terminal

FEW = ("--entries", "40", "--attack", "edit", "--attack", "edit-and-rewrite")


def test_it_prints_the_matrix_and_writes_it(invoke: Invoke, server: str, dsn: str, tmp_path: Path) -> None:
    result = invoke("drill", "--ledger-db", dsn, "--scratch-db", server, *FEW, "--output", "drill.html")
    assert (result.exit_code, result.stderr[:10]) == (0, "drill.html")
    lines = result.stdout.splitlines()
    assert lines[:3] == ["Drill: would this set-up notice an attack?", "", "1 of 2 attacks noticed, 1 unnoticed."]
    assert "✓ edit: edit an entry" in lines
    assert "    Noticed by entry_hash at entry 20." in lines
    assert "! edit-and-rewrite: edit an entry and rewrite later hashes" in lines
    assert lines[-4:] == [
        "1 of 2 attacks noticed, 1 unnoticed.",
        "NOT COVERED: edit-and-rewrite. Keep checkpoints outside the database: --checkpoint and",
        "  --verifier-key.",
        "Every attack that a check claims to notice was noticed.",
    ]
    assert max(len(line) for line in lines if "postgresql://" not in line) <= LOG
    assert (tmp_path / "drill.html").read_text().startswith("<!doctype html>")


def test_json_goes_to_standard_output_and_text_to_a_file(invoke: Invoke, server: str, tmp_path: Path) -> None:
    result = invoke("drill", "--scratch-db", server, *FEW, "--format", "json", "--output", "drill.txt")
    assert result.exit_code == 0
    assert [one["attack"] for one in json.loads(result.stdout)["trials"]] == ["edit", "edit-and-rewrite"]
    assert "✓ edit: edit an entry\n" in (tmp_path / "drill.txt").read_text()


def test_list_lists_every_attack_and_makes_none(invoke: Invoke) -> None:
    result = invoke("drill", "--list", "--ledger-db", "postgresql://nobody@127.0.0.1:1/nothing")
    assert result.exit_code == 0
    listed = [line.partition(":")[0] for line in result.stdout.splitlines() if not line.startswith("  ")]
    assert listed == list(CATALOGUE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--attack", "swaped"], "There is no attack 'swaped'. Did you mean swapped?"),
        (["--entries", "39"], "Invalid value for '--entries': '39' is not a whole number of at least 40."),
        (["--output", "drill.pdf"], "Use a name that ends in .html, .json, .txt."),
        (["--output", "nowhere/drill.html"], "nowhere/drill.html could not be written"),
        (["--checkpoint", "checkpoints"], "Add --verifier-key=KEY."),
        (["--suite", "absent.ledger.yaml"], "absent.ledger.yaml"),
        (["--scratch-db", "port=x"], "cannot read this DSN"),
        (["--ledger-db", "demo:other"], "There is no demo ledger"),
    ],
)
def test_a_mistake_shows_before_anything_is_started(invoke: Invoke, arguments: list[str], words: str) -> None:
    result = invoke("drill", *arguments)
    assert result.exit_code in (2, 3)
    assert words in result.stderr
    assert result.stdout == ""


def test_help_shows_the_fewest_entries_and_each_exit_code_on_a_line(invoke: Invoke) -> None:
    told = invoke("drill", "--help").stdout
    assert "40 or more" in told
    assert re.findall(r"^    (\d)  ", told, re.MULTILINE) == ["0", "1", "2", "3"]


def test_a_ledger_that_cannot_be_reached_is_code_3(invoke: Invoke, server: str) -> None:
    result = invoke("drill", "--ledger-db", "postgresql://nobody@127.0.0.1:1/nothing", "--scratch-db", server)
    assert result.exit_code == 3
    assert "No server answers" in result.stderr


@pytest.mark.server
def test_ctrl_c_leaves_no_server_and_no_folder() -> None:
    with tempfile.TemporaryDirectory(prefix="al-") as folder:
        Path(folder).chmod(0o755)
        terminal = Terminal("drill", "--entries", "100", env={"TMPDIR": folder})
        terminal.read_until(r"\d+/\d\d")
        terminal.interrupt_until_taken()
        assert terminal.finish() == 3
        assert "Error: Interrupted. Nothing was concluded" in terminal.output
        assert list(Path(folder).glob("audit-ledger*")) == []
        assert [one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or [])] == []
