"""A writer that hashes in another form than its profile says is not accused, in any profile; an edit is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger import Assurance, Ledger, Outcome, Verification
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.investigate.incident import IncidentType
from pytest_audit_ledger.model.outcome import Status
from tests.drill.test_profiles import JOIN
from tests.forger import Forger

PROFILE = JOIN.with_suffix(".profile.yaml")
COUNT = 300
TIME = "to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"


def movements(forger: Forger, moment: str, where: str = "true") -> None:
    """Make two chains of the table of examples/profiles; entries that meet a condition are hashed with another time."""
    forger.run(JOIN.with_suffix(".sql").read_text(encoding="utf-8"))
    forger.run(
        f"""
        ALTER TABLE movements DISABLE TRIGGER USER;
        TRUNCATE movements;
        INSERT INTO movements (account, seq, kind, amount, memo, booked_at, prev_hash, row_hash)
        SELECT account, n, 'fee', n / 4.0, CASE n % 2 WHEN 0 THEN 'entry ' || n END,
            timestamptz '2026-05-04 00:00:00.123456+00' + n * interval '61.000001 seconds', '', ''
        FROM generate_series(1, {COUNT // 2}) AS n, (VALUES ('DE01'), ('FR02')) AS a (account);
        DO $$
        DECLARE entry movements; link text; made text;
        BEGIN
            FOR entry IN SELECT * FROM movements ORDER BY account, seq LOOP
                link := CASE entry.seq WHEN 1 THEN 'GENESIS' ELSE made END;
                SELECT encode(sha256(convert_to(concat_ws('|', link, account, seq, kind, amount, coalesce(memo, ''),
                    CASE WHEN {where} THEN {moment} ELSE {TIME} || 'Z' END), 'UTF8')), 'hex')
                INTO made FROM movements WHERE entry_id = entry.entry_id;
                UPDATE movements SET prev_hash = link, row_hash = made WHERE entry_id = entry.entry_id;
            END LOOP;
        END $$;
        ALTER TABLE movements ENABLE TRIGGER USER"""
    )


def verified(forger: Forger, workers: int = 1) -> tuple[Verification, Outcome]:
    found = Ledger(forger.dsn, profile=PROFILE).verify_integrity(workers=workers)
    return found, next(one for one in found.outcomes if one.kind == "entry_hash")


WITH_OFFSET = f"{TIME} || '+00:00'"
NANOSECONDS = f"{TIME} || lpad((seq * 7 % 1000)::text, 3, '0') || 'Z'"


@pytest.mark.parametrize(
    ("moment", "where", "count", "words"),
    [
        (WITH_OFFSET, "true", COUNT, "with booked_at written like 2026-05-21T15:30:00.120000+00:00"),
        (WITH_OFFSET, "seq = 75", 2, "with booked_at written like 2026-05-21T15:30:00.120000+00:00"),
        (NANOSECONDS, "seq > 140", 20, "with more digits of the time than are stored"),
    ],
)
def test_entries_in_another_form_are_one_warning(
    forger: Forger, moment: str, where: str, count: int, words: str
) -> None:
    movements(forger, moment, where)
    found, outcome = verified(forger)
    assert (found.assurance, outcome.status) == (Assurance.SELF_CONSISTENT, Status.WARN)
    (finding,) = outcome.findings
    assert (finding.code, finding.stream) == ("HASH_FORM", "DE01")
    assert finding.message.startswith(f"{count:,} entries were hashed {words}, which proves the stored content")
    told = [one for one in Ledger(forger.dsn, profile=PROFILE).investigate().incidents if one.stream]
    assert {one.what for one in told} == {IncidentType.HASH_FORM}
    (form,) = told
    assert (form.stream, form.count) == ("DE01", count)
    assert form.because[0] == "Their contents have their stored row_hash in this form."


def test_an_edit_among_entries_in_another_form_is_tampering(forger: Forger) -> None:
    movements(forger, WITH_OFFSET)
    forger.run(
        "ALTER TABLE movements DISABLE TRIGGER USER; UPDATE movements SET amount = 1 WHERE account = 'FR02' AND seq = 9"
    )
    found, outcome = verified(forger)
    assert found.assurance is Assurance.TAMPERED
    assert outcome.codes == {"ENTRY_HASH_MISMATCH": 1, "HASH_FORM": 1}
    assert (outcome.findings[0].stream, outcome.findings[0].sequence_number) == ("FR02", 9)


REORDERED = """
version: 1
name: reordered
table: public.reordered
roles: {sequence: seq, stream: agent, order: id, previous_hash: prev, entry_hash: hash}
guards: {append_only: false, unique: false}
payload: {join: {by: "|", of: [previous, agent, seq, {body: {json: {style: javascript}}}]}}
"""


@pytest.mark.parametrize("share", [1, 3, 40], ids=["all", "a third", "some"])
def test_json_whose_keys_jsonb_has_reordered_is_one_warning_and_an_edit_is_found(
    forger: Forger, tmp_path: Path, share: int
) -> None:
    forger.run(
        f"""
        CREATE TABLE reordered (id bigserial PRIMARY KEY, agent text, seq int, body jsonb, prev text, hash text);
        DO $$ DECLARE link text; said text; BEGIN
        FOR agent IN 1..2 LOOP link := ''; FOR n IN 1..120 LOOP
            said := CASE WHEN n % {share} = 0 THEN format('{{"zeta":%s,"a":[{{"to":"x","b":null}}]}}', n)
                    ELSE format('{{"a":%s,"zeta":1.50}}', n) END;
            INSERT INTO reordered (agent, seq, body, prev, hash) VALUES ('A' || agent, n, said::jsonb, link, encode(
                sha256(convert_to(concat_ws('|', link, 'A' || agent, n, replace(said, '1.50', '1.5')), 'UTF8')), 'hex'))
            RETURNING hash INTO link;
        END LOOP; END LOOP; END $$"""
    )
    profile = tmp_path / "reordered.profile.yaml"
    profile.write_text(REORDERED)
    for workers in (1, 3):
        found = Ledger(forger.dsn, profile=profile).verify_integrity(workers=workers)
        (outcome,) = (one for one in found.outcomes if one.kind == "entry_hash")
        assert (found.assurance, outcome.codes) == (Assurance.SELF_CONSISTENT, {"HASH_FORM": 1})
        (finding,) = outcome.findings
        assert finding.message.startswith(
            f"{240 // share} entries were hashed with the keys of JSON in another order than jsonb keeps"
        )
    forger.run(
        """UPDATE reordered SET body = '{"a": [{"b": null, "to": "y"}], "zeta": 80}' WHERE agent = 'A2' AND seq = 80"""
    )
    found = Ledger(forger.dsn, profile=profile).verify_integrity(workers=3)
    (outcome,) = (one for one in found.outcomes if one.kind == "entry_hash")
    assert found.assurance is Assurance.TAMPERED
    (edit,) = (one for one in outcome.findings if one.code == "ENTRY_HASH_MISMATCH")
    assert (edit.stream, edit.sequence_number) == ("A2", 80)


LINES = """
version: 1
name: lines
table: public.lines
roles: {sequence: seq, entry_hash: hash}
guards: {append_only: false}
lines: {line_hash: {payload: {array: [seq, {at: {iso: {digits: 6, offset: Z}}}]}}}
payload: {concat: [previous, line_hash]}
"""


def test_line_hashes_have_forms_too(forger: Forger, tmp_path: Path) -> None:
    """The times of all lines were hashed with +00:00, and line 9 was edited."""
    forger.run(
        """
        CREATE TABLE lines (seq int PRIMARY KEY, at timestamptz, line_hash text, hash text);
        INSERT INTO lines SELECT n, timestamptz '2026-05-04 00:00+00' + n * interval '1.5 s'
            FROM generate_series(1, 20) n;
        UPDATE lines SET line_hash = encode(sha256(convert_to(format('[%s, "%s+00:00"]', seq,
            to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')), 'UTF8')), 'hex');
        DO $$ DECLARE made text := ''; BEGIN FOR n IN 1..20 LOOP
            UPDATE lines SET hash = encode(sha256(convert_to(made || line_hash, 'UTF8')), 'hex') WHERE seq = n
            RETURNING hash INTO made;
        END LOOP; END $$;"""
    )
    profile = tmp_path / "lines.profile.yaml"
    profile.write_text(LINES)
    ledger = Ledger(forger.dsn, profile=profile)
    assert ledger.verify_integrity().assurance is Assurance.SELF_CONSISTENT
    (told,) = ledger.investigate().incidents
    assert told.sentence.startswith("20 entries between 1 and 20 were hashed with at written like 2026-05-21T15:30:00")
    assert told.because == ("Their contents have their stored line_hash in this form.",)
    forger.run("UPDATE lines SET at = at + interval '1 hour' WHERE seq = 9")
    found = ledger.verify_integrity()
    (outcome,) = (one for one in found.outcomes if one.kind == "entry_hash")
    assert (found.assurance, outcome.codes) == (Assurance.TAMPERED, {"LINE_HASH_MISMATCH": 1, "HASH_FORM": 1})
    form, edit = sorted(outcome.findings, key=lambda one: one.code)
    assert (edit.sequence_number, form.sequence_number) == (9, 1)
    assert form.message.startswith("19 entries were hashed for line_hash with at written like")


def test_a_time_that_nothing_marks_off_has_no_other_forms(forger: Forger) -> None:
    """In the text that Frappe hashes, `1.50` and `0x` read as `1.500x` does."""
    forger.run(sql("demo/frappe.sql"))
    forger.run("""UPDATE "tabTransaction Log" SET timestamp = timestamp + interval '1 hour' WHERE row_index = '50'""")
    assert Ledger(forger.dsn, profile="frappe").verify_integrity().assurance is Assurance.TAMPERED
