"""Reports of ledgers with hostile texts in every column, also in those of other tables than the SKI ledger's."""

from __future__ import annotations

import re

import pytest

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.report.test_report import Page, conforms
from tests.support.hostile import HOSTILE_TEXTS

TRAPS = ("<script", "<img", "<svg", "<style>*", "](javascript", "\u202e", "\x1b")
TEXTS = [text for text in HOSTILE_TEXTS if len(text) < 1_000]


def columns_of(forger: Forger, table: str) -> list[str]:
    """Return the columns of a table that hold any text, once nothing limits them."""
    forger.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for (name,) in forger.run(
        f"SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype IN ('c', 'f', 'u')"
    ):
        forger.run(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
    found = forger.run(
        f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped "
        "AND atttypid::regtype::text IN ('text', 'character varying', 'character') ORDER BY attnum"
    )
    for (column,) in found:
        forger.run(f'ALTER TABLE {table} ALTER COLUMN "{column}" TYPE text')
    return [column for (column,) in found]


def entrust(forger: Forger, table: str, columns: list[str]) -> None:
    """Write a hostile text to every column, each of another row; texts that are hashed contradict their hash, too."""
    for place, column in enumerate(columns):
        text = TEXTS[place % len(TEXTS)].replace("'", "''").replace("\x00", "")
        rows = f"(SELECT ctid FROM {table} ORDER BY ctid OFFSET {place + 2} LIMIT 1)"
        forger.run(f"UPDATE {table} SET \"{column}\" = '{text}' WHERE ctid = {rows}")


@pytest.mark.parametrize(
    "name", ["ski", *(pytest.param(one, marks=pytest.mark.slow) for one in ("verifactu", "formance", "frappe", "odoo"))]
)
def test_no_column_of_a_profile_writes_markup_into_a_report(forger: Forger, name: str) -> None:
    profile = load_profile(name)
    if name == "ski":
        forger.build(entries=list(sample_entries(40)), schema="3")
    else:
        forger.run(sql(f"demo/{name}.sql"))
    entrust(forger, profile.table, columns_of(forger, profile.table))
    report = Ledger(forger.dsn, profile=name).generate_report()
    conforms(report)
    page = Page(report.html)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object"}
    assert not {key for _, attributes in page.tags for key in attributes if key.startswith("on") or key == "style"}
    assert all(str(target).startswith("#") for target in page.attributes("href"))
    assert "\u202e" not in report.html
    assert "\x1b" not in report.html
    for line in report.markdown.splitlines():
        outside = line.replace("\\`", "")
        for run in ("```", "``", "`"):
            parts = outside.split(run)
            outside = "".join(parts[::2]) if len(parts) % 2 else outside
        assert not [trap for trap in TRAPS if trap in re.sub(r"\\.", "", outside)], line
