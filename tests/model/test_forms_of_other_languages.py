"""Payloads that Node.js, PHP and Go write with their standard encoders are recognised as what they are."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pytest_audit_ledger.model.entry import Entry
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.model.test_forms_laws import content
from tests.support.ski_forms import recognised

(SAMPLE,) = sample_entries(1)
ENTRY = replace(
    SAMPLE, reasoning='NOx < 90 µg/m³ & rising → 🏭\u2028 "quoted" \\ a/b', timestamp="2026-05-04T08:00:37.120000+00:00"
)

NODE = "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
PHP = "<?php echo json_encode(json_decode(stream_get_contents(STDIN)));"
GO = """package main
import ("encoding/json"; "os")
type Entry map[string]interface{}
func main() {
    decoder := json.NewDecoder(os.Stdin)
    decoder.UseNumber()
    var entry Entry
    decoder.Decode(&entry)
    written, _ := json.Marshal(entry)
    os.Stdout.Write(written)
}
"""


def written(command: list[str], entry: Entry, timestamp: str) -> str:
    """Return the hash of what another language makes of the content."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    given = json.dumps(content(entry, timestamp=timestamp), sort_keys=True)
    found = subprocess.run(command, input=given.encode(), capture_output=True, check=True, timeout=300)
    return sha256(found.stdout.rstrip(b"\n")).hexdigest()


def test_a_payload_of_node_with_the_time_of_its_dates(tmp_path: Path) -> None:
    (tmp_path / "write.js").write_text(NODE)
    digest = written(["node", str(tmp_path / "write.js")], ENTRY, "2026-05-04T08:00:37.120Z")
    found = recognised(ENTRY, digest)
    assert found is not None
    assert found.words == "with timestamp written like 2026-05-21T15:30:00.120Z"


def test_a_payload_of_php(tmp_path: Path) -> None:
    (tmp_path / "write.php").write_text(PHP)
    found = recognised(ENTRY, written(["php", str(tmp_path / "write.php")], ENTRY, ENTRY.timestamp))
    assert found is not None
    assert found.words == "with slashes and everything beyond ASCII escaped, as PHP does"


def test_a_payload_of_go_with_the_nanoseconds_of_its_times(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(GO)
    for time, words in (("37.12Z", "like 2026-05-21T15:30:00.12Z"), ("37.1200007Z", "more digits of the time")):
        digest = written(["go", "run", str(tmp_path / "main.go")], ENTRY, f"2026-05-04T08:00:{time}")
        found = recognised(ENTRY, digest)
        assert found is not None
        assert words in found.words
