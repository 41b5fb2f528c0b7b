"""What the tests of exports share: hostile entries, and the rows of a ledger as a query of our own shows them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from itertools import cycle, zip_longest
from pathlib import Path
from typing import Any

from pytest_audit_ledger.model.entry import Entry
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.rows import chained

HOSTILE = [
    "",
    "'",
    "''",
    '"',
    '""',
    "\\",
    "\\N",
    "\\.",
    "\\n",
    "\n",
    "\r",
    "\r\n",
    "\n\\.\n",
    "\t",
    "\v",
    "\x01",
    "\x1f",
]
HOSTILE += ["=1+1", "'=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "=cmd|' /C calc'!A0", ",", ";", "a,b"]
HOSTILE += [
    "null",
    "NULL",
    "None",
    "true",
    "0",
    " ",
    "  padded  ",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ufeffa",
    "é",
    "🏭",
]
HOSTILE += [
    "\U0010ffff",
    "\ud7ff",
    "a\u0301",
    "\u202e",
    '{"a": 1}',
    "[",
    "</script>",
    "2026-05-21T00:00:00Z",
    '","',
    '"\n"',
]


def hostile_entries(count: int = 100) -> Iterator[Entry]:
    """Yield a valid chain of entries whose texts are hostile to JSON, CSV and spreadsheets."""
    changed = (
        replace(entry, reasoning=text, rule_id=text[::-1], telemetry_id=text, knowledge_graph_version=text * 2)
        if number % 7
        else replace(entry, reasoning=None, rule_id=None, knowledge_graph_version=None)
        for number, (entry, text) in enumerate(zip(sample_entries(count), cycle(HOSTILE), strict=False))
    )
    return chained(changed)


def queried(forger: Forger, rest: str = "", columns: str = "*", table: str = "ledger_entries") -> list[dict[str, Any]]:
    """Return rows as an export should show them: times as ISO 8601 in UTC."""
    with forger.connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} {rest}")
        assert cursor.description
        names = [column.name for column in cursor.description]
        return [dict(zip(names, map(_shown, row), strict=True)) for row in cursor.fetchall()]


def _shown(value: Any) -> Any:
    return value.astimezone(timezone.utc).isoformat() if isinstance(value, datetime) else value


def read(path: Path) -> list[dict[str, Any]]:
    """Return the entries of an export as the standard library reads it; of CSV every value is text, '' if missing."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if ".jsonl" in path.name:
        return [json.loads(line) for line in text.split("\n")[:-1]]
    if ".json" in path.name:
        document = json.loads(text)
        assert list(document) == ["export_date", "entries", "entry_count"]
        assert document["entry_count"] == len(document["entries"])
        assert datetime.fromisoformat(document["export_date"]).tzinfo
        return list(document["entries"])
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def as_csv_shows(row: dict[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def differences(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[Any]:
    """Return the first pairs that differ, which is quicker to show than two long lists."""
    return [pair for pair in zip_longest(found, expected) if pair[0] != pair[1]][:2]


HOSTILE_TEXTS = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "javascript:document.title='owned'",
    "[click](javascript:alert(1)) <https://evil.invalid> https://evil.invalid www.evil.invalid a@evil.invalid",
    "\u202eevil\u2066\u2069",
    "</style></table></main><style>*{display:none}</style>",
    "{{ 7*7 }} {% raw %}",
    "W" * 1_000_000,
    "| a | b |\n|---|---|\n``` `` `",
    "line one\nline two\r\n\tline three\x1b[31m\x00"[:-1],
    "http://evil.invalid/?q='\"><svg onload=document.title='owned'>",
]
"""What would run, lead somewhere or break the layout, if a page let it."""


def violations(texts: Sequence[str], count: int = 22) -> Iterator[Entry]:
    """Yield a valid chain of violations with these texts."""
    return chained(
        replace(entry, verdict="FLAG", reasoning=text, rule_id=text[:2_000], telemetry_id=text)
        for entry, text in zip(sample_entries(count), cycle(texts), strict=False)
    )


def escalate(forger: Forger, condition: str, status: str, notes: str | None = None) -> None:
    """Give entries an escalation status, which no hash covers."""
    change = f"UPDATE ledger_entries SET escalation_status = %s, escalation_notes = %s WHERE {condition}"
    with forger.connection.cursor() as cursor:
        forger.unguarded(cursor.mogrify(change.replace("%", "%%").replace("%%s", "%s"), (status, notes)).decode())
