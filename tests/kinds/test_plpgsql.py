"""Which function bodies count as raising unconditionally.

What each body does in truth was tried on PostgreSQL 18: those in `RAISES` refuse a DELETE, and those in `RETURNS` let
it through, but for the first four, which no trigger can have or which end without RETURN.
"""

from __future__ import annotations

import pytest

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.plpgsql import raises_unconditionally

RAISES = {
    "plain": "BEGIN RAISE EXCEPTION 'no'; END",
    "lower case": "begin raise exception 'no'; end;",
    "mixed case over lines": "\nBegin\n\tRaise Exception\n 'no'\n ;\nEnd;\n",
    "no level": "BEGIN RAISE 'no'; END",
    "using": "BEGIN RAISE USING MESSAGE = 'no', ERRCODE = 'P0001'; END",
    "exception using": "BEGIN RAISE EXCEPTION USING MESSAGE = 'no'; END",
    "sqlstate": "BEGIN RAISE SQLSTATE '22012'; END",
    "exception sqlstate": "BEGIN RAISE EXCEPTION SQLSTATE '22012'; END",
    "condition name": "BEGIN RAISE insufficient_privilege; END",
    "condition name using": "BEGIN RAISE insufficient_privilege USING MESSAGE = 'no'; END",
    "with parameters": "BEGIN RAISE EXCEPTION 'no % on %', TG_OP, TG_TABLE_NAME USING HINT = 'ask'; END",
    "escape string": "BEGIN RAISE EXCEPTION E'it\\'s; no'; END",
    "dollar quotes": "BEGIN RAISE EXCEPTION $m$no; RETURN OLD;$m$; END",
    "doubled quotes": "BEGIN RAISE EXCEPTION 'it''s; RETURN OLD'; END",
    "declarations": "DECLARE who text := current_user; n int; BEGIN RAISE EXCEPTION 'no %', who; END",
    "an empty DECLARE": "DECLARE BEGIN RAISE EXCEPTION 'no'; END",
    "labelled block": "<<guard>> BEGIN RAISE EXCEPTION 'no'; END guard",
    "labelled declarations": "<<guard>> DECLARE n int := 1; BEGIN RAISE EXCEPTION 'no'; END guard",
    "comment before": "-- RETURN OLD;\nBEGIN RAISE EXCEPTION 'no'; END",
    "comment inside": "BEGIN /* IF x THEN RETURN OLD; */ RAISE /* NOTICE */ EXCEPTION 'no'; END",
    "nested comment": "BEGIN /* a /* b */ RETURN OLD; */ RAISE EXCEPTION 'no'; END",
    "comment with a quote": "BEGIN -- it's refused\n RAISE EXCEPTION 'no'; END",
    "the word handler in a string": "BEGIN RAISE EXCEPTION 'EXCEPTION WHEN OTHERS THEN RETURN OLD;'; END",
    "assignment before": "DECLARE n int; BEGIN n := 1; RAISE EXCEPTION 'no'; END",
    "assignment with = before": "DECLARE n int; BEGIN n = 1; RAISE EXCEPTION 'no'; END",
    "perform before": "BEGIN PERFORM pg_notify('tamper', TG_OP); RAISE EXCEPTION 'no'; END",
    "insert before": "BEGIN INSERT INTO attempts VALUES (now()); RAISE EXCEPTION 'no'; END",
    "notice before": "BEGIN RAISE NOTICE 'refusing'; RAISE WARNING 'really'; RAISE EXCEPTION 'no'; END",
    "null before": "BEGIN NULL; RAISE EXCEPTION 'no'; END",
    "return after": "BEGIN RAISE EXCEPTION 'no'; RETURN NULL; END",
    "a quoted name": 'DECLARE "RETURN" int; BEGIN "RETURN" := 1; RAISE EXCEPTION \'no\'; END',
}

RETURNS = {
    "empty": "",
    "only a comment": "-- BEGIN RAISE EXCEPTION 'no'; END",
    "empty block": "BEGIN END",
    "only null": "BEGIN NULL; END",
    "return": "BEGIN RETURN OLD; END",
    "return before raise": "BEGIN RETURN OLD; RAISE EXCEPTION 'no'; END",
    "perform, then return": "BEGIN PERFORM 1; RETURN OLD; RAISE EXCEPTION 'no'; END",
    "only a notice": "BEGIN RAISE NOTICE 'no'; RETURN OLD; END",
    "only lower levels": "BEGIN RAISE DEBUG 'a'; RAISE LOG 'a'; RAISE INFO 'a'; RAISE WARNING 'a'; RETURN OLD; END",
    "lower level in lower case": "begin raise notice 'no'; return old; end",
    "if then raise": "BEGIN IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION 'no'; END IF; RETURN OLD; END",
    "if false then": "BEGIN IF false THEN NULL; RAISE EXCEPTION 'no'; END IF; RETURN OLD; END",
    "else raise": "BEGIN IF true THEN RETURN OLD; ELSE RAISE EXCEPTION 'no'; END IF; END",
    "case": "BEGIN CASE WHEN false THEN RAISE EXCEPTION 'no'; ELSE RETURN OLD; END CASE; END",
    "loop": "BEGIN FOR i IN 1..0 LOOP RAISE EXCEPTION 'no'; END LOOP; RETURN OLD; END",
    "loop that is left": "BEGIN NULL; LOOP EXIT; RAISE EXCEPTION 'no'; END LOOP; RETURN OLD; END",
    "while": "BEGIN WHILE false LOOP RAISE EXCEPTION 'no'; END LOOP; RETURN OLD; END",
    "exit from a label": "BEGIN <<b>> BEGIN EXIT b; RAISE EXCEPTION 'no'; END; RETURN OLD; END",
    "handler": "BEGIN RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN RETURN OLD; END",
    "handler in lower case": "begin raise exception 'no'; exception when others then return old; end",
    "handler behind a comment": "BEGIN RAISE EXCEPTION 'no'; EXCEPTION /* x */ WHEN OTHERS THEN RETURN OLD; END",
    "handler around a nested block": (
        "BEGIN BEGIN RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN OLD; END"
    ),
    "raise in a comment": "BEGIN -- RAISE EXCEPTION 'no';\n RETURN OLD; END",
    "raise in a bracket comment": "BEGIN /* RAISE EXCEPTION 'no'; */ RETURN OLD; END",
    "raise in a nested comment": "BEGIN /* /* */ RAISE EXCEPTION 'no'; */ RETURN OLD; END",
    "raise in a string": "BEGIN PERFORM 'x; RAISE EXCEPTION'; RETURN OLD; END",
    "raise in dollar quotes": "BEGIN PERFORM $q$; RAISE EXCEPTION 'no'; $q$; RETURN OLD; END",
    "raise in a tagless string": "BEGIN PERFORM $$; RAISE EXCEPTION 'no'; $$; RETURN OLD; END",
    "raise in a quoted name": 'BEGIN PERFORM 1 AS "; RAISE EXCEPTION"; RETURN OLD; END',
    "return behind a lone backslash": "BEGIN PERFORM '\\'; RETURN OLD; --'; RAISE EXCEPTION 'no';\nEND",
    "return behind a carriage return": "BEGIN -- \r RETURN OLD; \n RAISE EXCEPTION 'no'; END",
    "return between names with dollars": (
        "BEGIN PERFORM 1 AS x$a$; RETURN OLD; PERFORM 1 AS x$a$; RAISE EXCEPTION 'no'; END"
    ),
    "a variable called raise": "DECLARE raise int; BEGIN raise := 1; RETURN OLD; END",
    "a variable called raise, with =": "DECLARE raise int; BEGIN raise = 1; RETURN OLD; END",
    "an array called raise": "DECLARE raise int[]; BEGIN raise[1] := 1; RETURN OLD; END",
    "a record called raise": "DECLARE raise ledger_entries; BEGIN raise.verdict := ''; RETURN OLD; END",
    "a name that ends in raise": "DECLARE \u00a0raise int; BEGIN \u00a0raise := 1; RETURN OLD; END",
    "a variable that resembles raise": "DECLARE ra\u0131se int; BEGIN ra\u0131se := 1; RETURN OLD; END",
    "a table called begin": "DECLARE n int := (SELECT 1 FROM begin raise); BEGIN RETURN OLD; END",
    "execute": "BEGIN EXECUTE 'SELECT 1'; RETURN OLD; END",
}

TOO_CLEVER = {
    "a string whose end depends on standard_conforming_strings": (
        "BEGIN PERFORM '\\'; RAISE ''; --'; RETURN OLD;\nEND"
    ),
    "nested block": "BEGIN BEGIN RAISE EXCEPTION 'no'; END; END",
    "both branches": "BEGIN IF TG_OP = 'UPDATE' THEN RAISE 'a'; ELSE RAISE 'b'; END IF; END",
    "raise without parameters": "BEGIN RAISE; END",
    "a failing assertion": "BEGIN ASSERT false; RETURN OLD; END",
    "execute of a raise": "BEGIN EXECUTE 'DO $$ BEGIN RAISE EXCEPTION $x$no$x$; END $$'; RETURN OLD; END",
}


@pytest.mark.parametrize("body", RAISES.values(), ids=RAISES.keys())
def test_a_body_that_plainly_raises_is_believed(body: str) -> None:
    assert raises_unconditionally(body)


@pytest.mark.parametrize("body", RETURNS.values(), ids=RETURNS.keys())
def test_a_body_that_can_return_is_not_believed(body: str) -> None:
    assert not raises_unconditionally(body)


@pytest.mark.parametrize("body", TOO_CLEVER.values(), ids=TOO_CLEVER.keys())
def test_a_body_that_has_to_be_studied_is_not_believed(body: str) -> None:
    assert not raises_unconditionally(body)


def test_the_function_that_we_ship_is_believed() -> None:
    assert raises_unconditionally(sql("append_only.sql").split("$$")[1])
