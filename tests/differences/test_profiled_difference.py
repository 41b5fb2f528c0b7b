"""Ledgers of other profiles compared with their exports and backups: entries are matched by stream and number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.differences.comparison import diff
from pytest_audit_ledger.differences.difference import _in_both_orders, as_json
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import json_schema, mistakes_by
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.difference import Difference
from pytest_audit_ledger.model.profile import Profile
from tests.forger import Forger
from tests.support.command import Invoke
from tests.support.profiled import RECIPES, profile_file, profiled


def exported(forger: Forger, profile: Profile, path: Path) -> Path:
    Ledger(forger.dsn, profile=profile).export_entries(output_file=path)
    return path


def compared(path: Path, forger: Forger, profile: Profile) -> Difference:
    found = diff(str(path), forger.dsn, profile=profile)
    assert not list(mistakes_by(json_schema("difference.schema.json"), json.loads(json.dumps(as_json(found)))))
    return found


@pytest.mark.parametrize("format_", ["jsonl", "csv"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_an_export_and_its_ledger_are_the_same(forger: Forger, tmp_path: Path, recipe: str, format_: str) -> None:
    profile = profiled(forger, recipe)
    found = compared(exported(forger, profile, tmp_path / f"before.{format_}"), forger, profile)
    assert found.is_same
    assert found.compared == forger.run(f"SELECT count(*) FROM {profile.table}")[0][0]


def test_what_differs_is_named_by_stream_and_number(forger: Forger, tmp_path: Path, invoke: Invoke) -> None:
    profile = profiled(forger, "join")
    path = exported(forger, profile, tmp_path / "before.jsonl")
    forger.run("SET session_replication_role = replica")
    forger.run("UPDATE movements SET memo = 'loan' WHERE account = 'DE01' AND seq = 2")
    forger.run("DELETE FROM movements WHERE account = 'FR02' AND seq = 2")
    forger.run(
        "INSERT INTO movements SELECT 90, 'EX09', 1, kind, amount, memo, booked_at, prev_hash, row_hash "
        "FROM movements WHERE entry_id = 1"
    )
    found = compared(path, forger, profile)
    assert [(one.stream, one.sequence_number, one.columns) for one in found.changes] == [
        ("DE01", 2, {"memo": ("rent", "loan")})
    ]
    assert found.missing.in_streams() == [("FR02", 2, 2)]
    assert found.added.in_streams() == [("EX09", 1, 1)]
    told = invoke("diff", str(path), forger.dsn, "--profile", str(profile_file("join"))).output
    assert "entry 2 of DE01: memo" in told
    assert "missing in B: 2 of FR02" in told
    assert "added in B: 1 of EX09" in told


streams = st.lists(st.sampled_from("abcdef"), unique=True)


@given(streams, streams)
def test_streams_are_taken_in_an_order_that_both_have_or_not_at_all(a: list[str], b: list[str]) -> None:
    common = [one for one in a if one in b]
    if common != [one for one in b if one in a]:
        with pytest.raises(SourceError, match="different orders"):
            _in_both_orders(a, b)
        return
    merged = _in_both_orders(a, b)
    assert sorted(merged) == sorted({*a, *b})
    assert [one for one in merged if one in a] == a
    assert [one for one in merged if one in b] == b
