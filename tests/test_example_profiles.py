"""The tables in examples/profiles: the hashes that their triggers wrote are those that their profiles ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2.sql import SQL, Identifier

from pytest_audit_ledger.model.profile import HASH, SEQUENCE, Profile
from pytest_audit_ledger.model.recipes import SQL_PAYLOAD
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.support.profile_rows import Types, entry_hashes, line_hashes

FOLDER = Path(__file__).parents[1] / "examples" / "profiles"
TABLES = sorted(FOLDER.glob("*.sql"))


def types_of(forger: Forger, table: str) -> Types:
    """Return the types of a table's columns."""
    columns = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND attrelid = "
    return dict(forger.run(f"{columns}%s::regclass", (table,)))


def rows_of(forger: Forger, profile: Profile, types: Types) -> list[dict[str, str | None]]:
    """Return a table's rows in the order of its streams, as COPY prints them."""
    payload = profile.version.payload.get("sql", "NULL") if profile.version else "NULL"
    printed = {name: "left({}::text, 1)" if type_ == "boolean" else "{}::text" for name, type_ in types.items()}
    values = [SQL(shape).format(Identifier(name)) for name, shape in printed.items()]
    order = [Identifier(name) for name in (*profile.streams, profile.column(SEQUENCE))]
    query = SQL("SELECT {}, ({})::text FROM {} AS entry ORDER BY {}").format(
        SQL(", ").join(values), SQL(payload), SQL(profile.table), SQL(", ").join(order)
    )
    return [dict(zip((*types, SQL_PAYLOAD), row, strict=True)) for row in forger.run(query)]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table_has_the_hashes_that_its_profile_asks_for(forger: Forger, path: Path) -> None:
    profile = load_profile(path.with_suffix(".profile.yaml"))
    forger.run("SET TIME ZONE 'UTC'; " + path.read_text(encoding="utf-8"))
    types = types_of(forger, profile.table)
    rows = rows_of(forger, profile, types)
    first = profile.starts_at or 0
    covered = [place for place, row in enumerate(rows) if int(row[profile.column(SEQUENCE)] or 0) >= first]
    made = entry_hashes(profile, types, rows)
    assert len(covered) >= 3
    assert [made[place] for place in covered] == [rows[place][profile.column(HASH)] for place in covered]
    for line in profile.lines:
        assert line_hashes(profile, line, types, rows) == [row[line] for row in rows]
