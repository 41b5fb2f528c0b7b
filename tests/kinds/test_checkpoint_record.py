"""The record next to a checkpoint: columns that no hash covers, protections, and records that lie."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.record import binding, json_file, note_file
from pytest_audit_ledger.checkpoints.store import checkpoint_path, read_store
from pytest_audit_ledger.files.resources import folder as shipped
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.anchored import KEY, codes, messages, verify
from tests.support.checks import ALONE, SEVERAL, Readers, both, outcomes
from tests.support.databases import cloned, empty_database, login, role

# The record next to a checkpoint.


@pytest.fixture(scope="module")
def model(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A ledger of 60 entries with checkpoints and their records at 20 and at 40."""
    entries, folder = list(sample_entries(60)), tmp_path_factory.mktemp("model")
    with empty_database(server) as dsn:
        with Forger(dsn) as forger:
            forger.build(0, schema="3")
            for start in (0, 20):
                forger.append(entries[start : start + 20])
                assert Ledger(dsn).create_checkpoint(folder, KEY).path
            forger.append(entries[40:])
        yield dsn, folder


@pytest.fixture
def recorded(server: str, model: tuple[str, Path], tmp_path: Path) -> Iterator[tuple[Forger, Path]]:
    """A copy of it, which the test may change."""
    folder = shutil.copytree(model[1], tmp_path / "checkpoints")
    with cloned(server, model[0]) as forger:
        yield forger, Path(folder)


UNCOVERED = {
    "id": "id + 1000",
    "created_at": "created_at + interval '1 microsecond'",
    "escalation_status": "'closed'",
    "escalation_notes": "'nothing to see'",
    "envelope_json": """'{"a": 1}'""",
    "envelope_hash": "repeat('a', 71)",
    "transcript_json": "'{}'",
    "transcript_signature": "'ab'",
    "signing_key_id": "repeat('b', 71)",
    "verifier_status": "'UNVERIFIABLE'",
}


@pytest.mark.parametrize(("column", "readers"), [*((column, ALONE) for column in UNCOVERED), ("created_at", SEVERAL)])
def test_an_edit_of_a_column_that_no_hash_covers_is_found(
    recorded: tuple[Forger, Path], column: str, readers: Readers
) -> None:
    forger, folder = recorded
    forger.unguarded(f"UPDATE ledger_entries SET {column} = {UNCOVERED[column]} WHERE sequence_number = 33")
    verification = verify(forger, folder, **readers)
    assert codes(verification) == ["UNCOVERED_CHANGED"]
    assert "at least one entry between 21 and 40" in messages(verification)
    assert "in at least one of these columns, which no entry hash covers: " in messages(verification)
    assert column in messages(verification)
    assert verification.assurance is Assurance.TAMPERED
    assert verification.anchor is not None
    assert (verification.anchor.entries, verification.anchor.rows) == (40, 20)


@both
def test_a_clean_ledger_is_unchanged_in_every_column(recorded: tuple[Forger, Path], readers: Readers) -> None:
    forger, folder = recorded
    forger.unguarded("UPDATE ledger_entries SET escalation_notes = 'looked at' WHERE sequence_number > 40")
    verification = verify(forger, folder, **readers, require_checkpoint=True)
    assert verification.assurance is Assurance.ANCHORED, verification.sentence
    assert verification.anchor is not None
    assert (verification.anchor.entries, verification.anchor.rows) == (40, 40)
    assert outcomes(verification)["checkpoint_guards"].status is Status.PASS


def test_a_change_between_two_records_of_one_size_is_found_although_the_newer_one_matches(
    recorded: tuple[Forger, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    forger, folder = recorded
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 40")
    forger.unguarded("UPDATE ledger_entries SET escalation_notes = 'nothing to see' WHERE sequence_number = 33")
    newer = tmp_path_factory.mktemp("newer")
    assert Ledger(forger.dsn).create_checkpoint(newer, KEY).path
    assert codes(verify(forger, newer)) == []
    both_folders = Ledger(forger.dsn).verify_integrity(checkpoints=[folder, newer], verifier_keys=[str(KEY.verifier())])
    assert codes(both_folders) == ["UNCOVERED_CHANGED"]


def test_a_rewritten_entry_is_not_told_twice(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    forger.rewrite(33, lambda entry: replace(entry, reasoning="nothing to see"))
    assert codes(verify(forger, folder)) == ["REWRITTEN"]


def test_a_column_that_came_later_is_nobodys_business_and_one_that_is_gone_is_told(
    recorded: tuple[Forger, Path],
) -> None:
    forger, folder = recorded
    forger.run("ALTER TABLE ledger_entries ADD reviewed TEXT DEFAULT 'no'")
    assert codes(verify(forger, folder)) == []
    forger.run("ALTER TABLE ledger_entries DROP escalation_notes")
    verification = verify(forger, folder)
    assert codes(verification) == ["UNCOVERED_CHANGED"]
    assert "are missing: escalation_notes" in messages(verification)


@pytest.mark.parametrize(
    "setting",
    ["bytea_output = 'escape'", "extra_float_digits = -5", "IntervalStyle = 'iso_8601'", "TimeZone = 'Asia/Tokyo'"],
)
def test_settings_of_the_server_are_no_change(forger: Forger, tmp_path: Path, setting: str) -> None:
    forger.build(5).run(
        "ALTER TABLE ledger_entries ADD raw BYTEA DEFAULT '\\xdeadbeef', ADD score FLOAT8 DEFAULT 0.1::float8 + 0.2, "
        "ADD took INTERVAL DEFAULT '1 day 2 hours', ADD day DATE DEFAULT '2026-05-31'"
    )
    Ledger(forger.dsn).create_checkpoint(tmp_path, KEY)
    ((database,),) = forger.run("SELECT current_database()")
    forger.run(f"ALTER DATABASE {database} SET {setting}")
    verification = verify(forger, tmp_path)
    forger.run(f"ALTER DATABASE {database} RESET ALL")
    assert codes(verification) == []
    assert verification.anchor is not None
    assert verification.anchor.rows == 5


GUARD_CHANGES = {
    "trigger ledger_refuse_update": "ALTER TABLE ledger_entries ENABLE TRIGGER ledger_refuse_update",
    "trigger extra": "CREATE TRIGGER extra AFTER INSERT ON ledger_entries EXECUTE FUNCTION ledger_refuse_change()",
    "function public.ledger_refuse_change()": "CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger "
    "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$",
    "owner": "ALTER TABLE ledger_entries OWNER TO audit_ledger_test_owner",
    "grant on table to PUBLIC": "GRANT SELECT ON ledger_entries TO PUBLIC",
    "grant on column verdict to PUBLIC": "GRANT UPDATE (verdict) ON ledger_entries TO PUBLIC",
    "column escalation_notes": "ALTER TABLE ledger_entries ALTER escalation_notes SET DEFAULT 'x'",
    "constraint positive": "ALTER TABLE ledger_entries ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",
    "index more": "CREATE INDEX more ON ledger_entries (track)",
    "policy all": 'CREATE POLICY "all" ON ledger_entries USING (true)',
    "rule quiet": "CREATE RULE quiet AS ON DELETE TO ledger_entries WHERE false DO INSTEAD NOTHING",
    "table": "ALTER TABLE ledger_entries FORCE ROW LEVEL SECURITY",
    "child table public.child": "CREATE TABLE child () INHERITS (ledger_entries)",
}


@pytest.mark.parametrize("name", GUARD_CHANGES)
def test_a_guard_that_was_changed_is_named(recorded: tuple[Forger, Path], name: str) -> None:
    forger, folder = recorded
    forger.run("DROP ROLE IF EXISTS audit_ledger_test_owner; CREATE ROLE audit_ledger_test_owner")
    try:
        forger.run(GUARD_CHANGES[name])
        verification = verify(forger, folder)
    finally:
        forger.run("REASSIGN OWNED BY audit_ledger_test_owner TO CURRENT_USER; DROP ROLE audit_ledger_test_owner")
    outcome = outcomes(verification)["checkpoint_guards"]
    assert {finding.code for finding in outcome.findings} == {"GUARDS_CHANGED"}
    named = [finding.message.partition(": ")[0] for finding in outcome.findings]
    assert name in named
    named = [one for one in named if one != "switches"]  # which summarise the others
    # a new owner has the rights of one, and the old one no more
    assert len(named) == (3 if name == "owner" else 1), named
    assert verification.assurance is Assurance.TAMPERED


def test_a_guard_that_was_changed_and_put_back_leaves_a_trace_and_accuses_nobody(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    forger.run("GRANT SELECT ON ledger_entries TO PUBLIC; REVOKE SELECT ON ledger_entries FROM PUBLIC")
    verification = verify(forger, folder)
    assert [finding.code for finding in outcomes(verification)["checkpoint_guards"].findings] == ["TABLE_REWRITTEN"]
    assert verification.assurance is Assurance.UNVERIFIED


def test_a_role_that_may_only_select_sees_the_same_guards(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    with role(forger) as reader:
        forger.run(f"GRANT SELECT ON ledger_entries TO {reader}")
        assert Ledger(forger.dsn).create_checkpoint(folder, KEY, accept_guards=True).path
        found = Ledger(login(forger.dsn, reader)).verify_integrity(
            checkpoints=[folder], verifier_keys=[str(KEY.verifier())]
        )
        assert found.assurance is Assurance.ANCHORED, found.issues


def test_guards_that_were_meant_to_change_are_taken_into_the_next_checkpoint(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    forger.run("GRANT SELECT ON ledger_entries TO PUBLIC")
    ledger = Ledger(forger.dsn)
    assert ledger.create_checkpoint(folder, KEY).path == ""
    assert ledger.create_checkpoint(folder, KEY, accept_guards=True).path == str(checkpoint_path(folder, 60))
    assert verify(forger, folder).assurance is Assurance.ANCHORED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda told: told["guards"].clear(), "not the record that was signed"),
        (lambda told: told.update(columns_root=told["root"]), "not the record that was signed"),
        (lambda told: told.update(record_version=3), "not the record that was signed"),
    ],
)
def test_a_record_that_was_changed_is_rejected(
    recorded: tuple[Forger, Path], change: Callable[[Any], None], reason: str
) -> None:
    forger, folder = recorded
    path = json_file(checkpoint_path(folder, 40))
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    verification = verify(forger, folder)
    assert codes(verification) == ["CHECKPOINT_REJECTED"]
    assert f"{path} is not trusted: it is {reason}" in messages(verification)
    assert verification.anchor is not None
    assert verification.anchor.entries == 40


def test_a_record_without_its_note_or_of_another_checkpoint_is_rejected(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    small, large = (checkpoint_path(folder, size) for size in (20, 40))
    for path in (json_file(large), note_file(large)):
        before = path.read_bytes()
        path.unlink()
        assert codes(verify(forger, folder)) == ["CHECKPOINT_REJECTED"]
        path.write_bytes(before)
    for of in (json_file, note_file):
        shutil.copy(of(small), of(large))
    assert codes(verify(forger, folder)) == ["CHECKPOINT_REJECTED"]


def signed_record(folder: Path, change: Callable[[Any], Any]) -> None:
    """Change the record at 40 entries, and sign it again as if it were right."""
    path = checkpoint_path(folder, 40)
    (one,) = (found for found in read_store([folder], [KEY.verifier()]).trusted if found.size == 40)
    told = json.loads(json_file(path).read_text())
    changed = change(told)
    data = json.dumps(told if changed is None else changed).encode()
    json_file(path).write_bytes(data)
    note_file(path).write_bytes(KEY.sign(binding(one.checkpoint, data)))


def test_a_record_that_lies_although_it_is_signed_is_rejected(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    signed_record(folder, lambda told: told["last_entry"].update(entry_hash="0" * 64))
    verification = verify(forger, folder)
    assert codes(verification) == ["CHECKPOINT_REJECTED"]
    assert "do not lead to the signed roots" in messages(verification)


def test_the_newest_record_is_read_once_however_many_ask_for_it(signed: Path) -> None:
    stores = [read_store([signed], [KEY.verifier()], newest_record=only) for only in (True, False, True)]
    first, *others = [store.trusted[-1].record for store in stores]
    assert first is not None
    assert all(record is first for record in others)


def test_a_record_of_version_1_is_read_like_those_of_today(recorded: tuple[Forger, Path]) -> None:
    forger, folder = recorded
    path = checkpoint_path(folder, 40)
    told = {**json.loads(json_file(path).read_text()), "record_version": 1}
    told = {name: value for name, value in told.items() if name not in ("profile", "streams")}
    jsonschema.Draft202012Validator(record_schema()).validate(told)
    (one,) = (found for found in read_store([folder], [KEY.verifier()]).trusted if found.size == 40)
    data = json.dumps(told).encode()
    json_file(path).write_bytes(data)
    note_file(path).write_bytes(KEY.sign(binding(one.checkpoint, data, 1)))
    (old,) = (found for found in read_store([folder], [KEY.verifier()]).trusted if found.size == 40)
    assert old.record is not None
    assert (old.record.profile, old.record.guards) == ("ski", one.record.guards if one.record else {})
    assert codes(verify(forger, folder)) == []


def record_schema() -> Any:
    return json.loads((shipped("checks") / "checkpoint-record.schema.json").read_text())


def test_a_record_is_what_its_schema_describes(signed: Path) -> None:
    for path in signed.glob("*.record.json"):
        jsonschema.Draft202012Validator(record_schema()).validate(json.loads(path.read_text()))


def misshapen() -> list[tuple[str, Any]]:
    """Return every property of a record with values that its schema does not allow."""
    schema = record_schema()
    values: tuple[Any, ...] = (None, [], "x")
    validators = {
        name: jsonschema.Draft202012Validator({**of_property, "$defs": schema["$defs"]})
        for name, of_property in schema["properties"].items()
    }
    # the lists of hashes have as many as the size asks for, which a schema does not know
    return [
        (name, value)
        for name, validator in validators.items()
        for value in values
        if not validator.is_valid(value) or (value == [] and name.endswith("subtrees"))
    ]


@pytest.mark.parametrize(("name", "value"), misshapen())
def test_a_signed_record_that_is_not_what_its_schema_describes_is_rejected_in_words(
    signed: Path, tmp_path: Path, name: str, value: Any
) -> None:
    folder = shutil.copytree(signed, tmp_path / "copy")
    signed_record(folder, lambda told: {**told, name: value})
    (rejected,) = read_store([folder], [KEY.verifier()]).rejected
    assert rejected.path == str(json_file(checkpoint_path(folder, 40)))
    assert rejected.reason.startswith(("it is ", "its ", "it does not match ", "what it says "))


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000, b"{}", b"null", b"\xff"])
def test_a_signed_record_that_is_no_record_is_rejected_in_words(signed: Path, tmp_path: Path, data: bytes) -> None:
    folder = shutil.copytree(signed, tmp_path / "copy")
    path = checkpoint_path(folder, 40)
    (one,) = (found for found in read_store([folder], [KEY.verifier()]).trusted if found.size == 40)
    json_file(path).write_bytes(data)
    note_file(path).write_bytes(KEY.sign(binding(one.checkpoint, data)))
    (rejected,) = read_store([folder], [KEY.verifier()]).rejected
    assert rejected.reason == "it does not match checkpoint-record.schema.json"
