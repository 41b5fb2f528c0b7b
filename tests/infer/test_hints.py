"""What hints say: the text of a program, and separators as they are typed."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.infer.hints import hints_of
from pytest_audit_ledger.infer.shapes import PREVIOUS
from pytest_audit_ledger.infer.source_text import Source

COLUMNS = ["id", "created_at", "actor"]


def source(text: str) -> Source:
    return Source(text, COLUMNS, "prev_hash")


def test_the_order_is_that_of_the_names_in_a_program() -> None:
    orders = source("INSERT (id, actor, created_at) … concat_ws('|', NEW.actor, prev_hash, NEW.createdAt)").orders
    assert orders[0] == ("id", "actor", "created_at")
    assert ("actor", PREVIOUS, "created_at") in orders


def test_variables_are_known_by_the_statement_that_inserts_them() -> None:
    orders = source(
        """
        CREATE FUNCTION log(p_who text) RETURNS void AS $$ BEGIN
            made := encode(sha256(convert_to(made || '|' || p_who || '|' || n, 'UTF8')), 'hex');
            INSERT INTO public.audit (id, "actor", created_at, prev_hash) VALUES (n, p_who, now(), made);
        END $$
        """
    ).orders
    assert (PREVIOUS, "actor", "id") in [order[-3:] for order in orders]


@pytest.mark.parametrize(
    "program",
    [
        "{ n: entry.id, who: e['actor'], p: prevHash }",
        "json.dumps({'n': row.id, 'who': row[\"actor\"], 'p': previous})",
        "jsonb_build_object('n', NEW.id, 'who', NEW.actor, 'p', NEW.prev_hash)",
        "['n' => $entry->id, 'who' => $entry['actor'], 'p' => $prev_hash]",
    ],
)
def test_keys_are_what_is_written_next_to_columns(program: str) -> None:
    assert source(program).keys == {"id": "n", "actor": "who", PREVIOUS: "p"}


def test_short_texts_in_quotes_may_be_separators() -> None:
    assert source(r"""a.join('|') + "\n" + 'a long text' + `~`""").separators == ["|", "\n", "~"]
    assert source("json.dumps(row, separators=(' ,', \":\"))").json_separators == [(" ,", ":")]


@pytest.mark.parametrize(
    ("program", "pattern"),
    [
        ("to_char(NEW.created_at, 'DD.MM.YYYY HH24:MI:SS')", "%d.%m.%Y %H:%M:%S"),
        ("to_char(NEW.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')", "%Y-%m-%dT%H:%M:%S.%f"),
        ('DateTimeFormatter.ofPattern("dd/MM/yyyy HH:mm:ss")', "%d/%m/%Y %H:%M:%S"),
        ("at.strftime('%d.%m.%y %H:%M')", "%d.%m.%y %H:%M"),
    ],
)
def test_patterns_of_moments_are_read(program: str, pattern: str) -> None:
    assert source(program).patterns == [pattern]


def test_texts_for_null_are_read() -> None:
    assert source("coalesce(NEW.actor, 'nobody'), row.actor ?? 'no one', e['actor'] or \"-\"").nulls == [
        "nobody",
        "no one",
        "-",
    ]


@pytest.mark.parametrize(
    "program",
    [
        """f"{row['id']}|{'Y' if row['actor'] else 'N'}|{prev_hash}" """,
        """row.id + "|" + ("Y" if row.actor else "N") + "|" + prev_hash""",
        "`${e.id}|${e.actor ? 'Y' : 'N'}|${e.prevHash}`",
        "e.id + '|' + (e.actor ? 'Y' : 'N') + '|' + e.prevHash",
        "NEW.id || '|' || CASE WHEN NEW.actor THEN 'Y' ELSE 'N' END || '|' || NEW.prev_hash",
    ],
)
def test_a_choice_between_two_texts_is_what_it_depends_on(program: str) -> None:
    found = source(program)
    assert found.booleans[:1] == [("Y", "N")]
    assert "N" in found.nulls
    assert found.orders[0] == ("id", "actor", PREVIOUS)
    assert [("id", "actor", PREVIOUS), ["", "|", "|"]] in [
        [shape.order, [shape.key(name) for name in shape.order]] for shape in found.templates
    ]


def test_a_key_of_a_choice_is_one_of_what_it_depends_on() -> None:
    assert source("""{"done": "Y" if row["actor"] else "N", "n": row["id"]}""").keys == {"actor": "done", "id": "n"}


def test_time_zones_are_read_unless_they_are_utc() -> None:
    assert source("ZoneInfo('Europe/Madrid'), 'Etc/UTC', 'UTC', \"Not/AZone\"").zones == ["Europe/Madrid"]


@pytest.mark.parametrize(
    "program",
    [
        "f'No {id}: {row.actor} after {prev_hash}.'",
        "`No ${e.id}: ${e.actor} after ${e.prevHash}.`",
        "format('No %s: %s after %s.', NEW.id, NEW.actor, NEW.prev_hash)",
        "'No ' || NEW.id || ': ' || coalesce(NEW.actor, '?') || ' after ' || NEW.prev_hash || '.'",
    ],
)
def test_a_sentence_with_columns_in_it_is_a_template(program: str) -> None:
    shapes = [
        (shape.order, [shape.key(name) for name in shape.order], shape.tail) for shape in source(program).templates
    ]
    assert (("id", "actor", PREVIOUS), ["No ", ": ", " after "], ".") in shapes


def test_a_separator_is_typed_as_in_programs() -> None:
    assert hints_of(separator=r"\x1f\n|").separators == ("\x1f\n|",)
