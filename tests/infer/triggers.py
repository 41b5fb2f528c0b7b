"""Hash-chained tables that triggers and functions of the database write, each hashed as people write it in SQL."""

from __future__ import annotations

from collections.abc import Mapping

_TRIGGER = """
CREATE TABLE {name} ({columns}, previous_seal text, seal text);
CREATE FUNCTION {name}_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last text;
BEGIN
  IF NEW.no < {start} THEN RETURN NEW; END IF;
  SELECT seal INTO last FROM {name} ORDER BY no DESC LIMIT 1;
  NEW.previous_seal := {previous};
  NEW.seal := encode(sha256(convert_to({payload}, 'UTF8')), 'hex');
  RETURN NEW;
END $$;
CREATE TRIGGER seal BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION {name}_seal();
INSERT INTO {name} SELECT {values} FROM generate_series(1, {count}) n;
"""

_COLUMNS = "no bigint PRIMARY KEY, at timestamptz, actor text, amount numeric(9,2), note text"
_VALUES = "n, '2026-03-01 06:00Z'::timestamptz + n * interval '40000.25 s', 'Zo\u00eb' || n % 4, n + 0.5, "
_VALUES += "CASE WHEN n % 3 > 0 THEN 'note ' || n % 5 END"


def table(
    name: str, payload: str, *, columns: str = _COLUMNS, values: str = _VALUES, start: int = 1, previous: str = "last"
) -> str:
    """Return the SQL that makes a table: entries before `start` have no hash, and each other one names `previous`."""
    fields = {"name": name, "payload": payload, "columns": columns, "values": values, "start": start}
    return _TRIGGER.format(**fields, previous=previous, count=60 if start == 1 else start + 99)


TABLES: Mapping[str, str] = {
    "sentence": table(
        "sentence",
        "'Entry ' || NEW.no || ': ' || NEW.actor || ' at ' || to_char(NEW.at AT TIME ZONE 'Europe/Madrid', "
        "'DD/MM/YYYY HH24:MI:SS') || ' (' || coalesce(NEW.note, 'no note') || ') after ' || NEW.previous_seal || '.'",
        previous="coalesce(last, 'the start')",
    ),
    "formatted": table("formatted", "format('%s<%s> %s', NEW.no, NEW.actor, NEW.previous_seal)"),
    "migrated": table(
        "migrated",
        "concat_ws('#', NEW.no, to_char(NEW.at, 'DD.MM.YYYY HH24:MI:SS'), NEW.note, NEW.actor, last)",
        start=201,
    ),
    "own_keys": table(
        "own_keys",
        "json_build_object('seq', NEW.no, 'who', NEW.actor, 'when', NEW.at, 'what', NEW.note, 'prev', "
        "NEW.previous_seal)::text",
    ),
    "whole_row": table("whole_row", "(to_jsonb(NEW) - 'seal')::text"),
    "pretty_row": table(
        "pretty_row",
        "jsonb_pretty(to_jsonb(NEW) - 'seal')",
        columns=f"{_COLUMNS}, tags jsonb",
        values=f'{_VALUES}, \'{{"list": [], "of": {{"x": [1, null]}}}}\'',
    ),
    "compact_row": table(
        "compact_row",
        "row_to_json((SELECT one FROM (SELECT NEW.no, NEW.actor, NEW.at) one))::text || coalesce(last, '')",
        previous="coalesce(last, '')",
    ),
    "canonical": table(
        "canonical",
        "NEW.payload",
        columns="no bigint PRIMARY KEY, at timestamptz, payload text",
        values="n, now() + n * interval '1 s', '{{\"n\": ' || n || '}}'",
    ),
    "long_texts": table(
        "long_texts",
        "concat(last, '|', NEW.no, '|', encode(sha256(convert_to(NEW.body, 'UTF8')), 'hex'))",
        columns="no bigint PRIMARY KEY, body text",
        values="n, repeat('x', 100 + n)",
    ),
}
