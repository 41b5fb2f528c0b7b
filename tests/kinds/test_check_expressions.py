"""Which CHECK constraints count, in the spelling of PostgreSQL 18's pg_get_expr. `v` is a character varying column."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.kinds.check_expressions import allows_only, refuses_empty
from pytest_audit_ledger.model.entry import VERDICTS

FIVE = "'CLEAR'::text, 'FLAG'::text, 'NULL_UNMAPPED'::text, 'NULL_STALE'::text, 'DISCRETIONARY'::text"
LIST = f"verdict = ANY (ARRAY[{FIVE}])"
VARYING = FIVE.replace("text", "character varying")

ALLOWS_ONLY = {
    "IN": f"({LIST})",
    "without brackets": LIST,
    "one value": "(verdict = 'FLAG'::text)",
    "a subset": "(verdict = ANY (ARRAY['FLAG'::text, 'CLEAR'::text]))",
    "OR": "((verdict = 'FLAG'::text) OR (verdict = 'CLEAR'::text))",
    "OR of three": "((verdict = 'FLAG'::text) OR (verdict = 'CLEAR'::text) OR (verdict = 'NULL_STALE'::text))",
    "IS NULL OR": f"((verdict IS NULL) OR ({LIST}))",
    "IS NOT NULL AND": f"((verdict IS NOT NULL) AND ({LIST}))",
    "character varying constants": f"(verdict = ANY ((ARRAY[{VARYING}])::text[]))",
}

ALLOWS_ONLY_VARYING = {
    "IN": f"((v)::text = ANY ((ARRAY[{VARYING}])::text[]))",
    "one value": "((v)::text = 'FLAG'::text)",
    "OR": "(((v)::text = 'FLAG'::text) OR ((v)::text = 'CLEAR'::text))",
    "IS NULL OR": "((v IS NULL) OR ((v)::text = ANY ((ARRAY['FLAG'::character varying])::text[])))",
}

ALLOWS_MORE = {
    "nothing": "",
    "true": "true",
    "OR true": f"(({LIST}) OR true)",
    "NOT": f"(NOT ({LIST}))",
    "constants only": "('FLAG'::text = 'FLAG'::text)",
    "OR constants": f"(({LIST}) OR ('FLAG'::text = 'FLAG'::text))",
    "equal to itself": "(verdict = verdict)",
    "a sixth value": f"(verdict = ANY (ARRAY[{FIVE}, 'MAYBE'::text]))",
    "an empty value": f"(verdict = ANY (ARRAY[{FIVE}, ''::text]))",
    "another case": "(verdict = 'flag'::text)",
    "a value with a quote": "(verdict = ANY (ARRAY['FLAG'::text, 'it''s'::text]))",
    "a value that looks like code": "(verdict = 'FLAG'' OR verdict = ''CLEAR'::text)",
    "a missing value, so that nothing is refused": "(verdict = ANY (ARRAY['FLAG'::text, NULL::text]))",
    "another column": f"(track = ANY (ARRAY[{FIVE}]))",
    "a column with a longer name": f"(last_verdict = ANY (ARRAY[{FIVE}]))",
    "OR another column": f"(({LIST}) OR (track = 'llm'::text))",
    "unequal": "(verdict <> 'FLAG'::text)",
    "<> ALL": f"(verdict <> ALL (ARRAY[{FIVE}]))",
    "greater": "(verdict > 'FLAG'::text)",
    "LIKE": "(verdict ~~ 'FLAG'::text)",
    "a pattern": "(verdict ~ 'FLAG'::text)",
    "a function of it": f"(upper(verdict) = ANY (ARRAY[{FIVE}]))",
    "COALESCE": f"(COALESCE(verdict, 'FLAG'::text) = ANY (ARRAY[{FIVE}]))",
    "concatenation": "((verdict || ''::text) = 'FLAG'::text)",
    "OR IS NOT NULL": f"(({LIST}) OR (verdict IS NOT NULL))",
    "IS NOT FALSE": f"(({LIST}) IS NOT FALSE)",
    "IS NULL of it": f"(({LIST}) IS NULL)",
    "CASE": f"\nCASE\n    WHEN true THEN true\n    ELSE ({LIST})\nEND",
    "another operator": f"(verdict OPERATOR(public.=) ANY (ARRAY[{FIVE}]))",
    "cut to five characters, so that CLEARLY is allowed": (
        f"(((verdict)::character varying(5))::text = ANY ((ARRAY[{VARYING}])::text[]))"
    ),
    "cut to a character": "((verdict)::character(4) = 'FLAG'::bpchar)",
    "blanks at the end do not count": "((verdict)::bpchar = ANY (ARRAY['FLAG'::bpchar, 'CLEAR'::bpchar]))",
}

REFUSES_EMPTY = {
    "length": "(length(track) > 0)",
    "length at least one": "(length(track) >= 1)",
    "char_length": "(char_length(track) >= 1)",
    "octet_length": "(octet_length(track) <> 0)",
    "unequal": "(track <> ''::text)",
    "IS NULL OR length": "((track IS NULL) OR (length(track) > 0))",
    "IS NULL OR unequal": "((track IS NULL) OR (track <> ''::text))",
    "a list": "(track = ANY (ARRAY['symbolic'::text, 'llm'::text]))",
    "IS NULL OR a list": "((track IS NULL) OR (track = ANY (ARRAY['symbolic'::text])))",
}

ALLOWS_EMPTY = {
    "nothing": "",
    "true": "true",
    "length at least zero": "(length(track) >= 0)",
    "length above minus one": "(length(track) > '-1'::integer)",
    "length OR true": "((length(track) > 0) OR true)",
    "NOT": "(NOT (length(track) > 0))",
    "length or not": "((length(track) <> 0) OR (length(track) = 0))",
    "length of something longer": "(length((track || 'x'::text)) > 0)",
    "length of another column": "(length(verdict) > 0)",
    "unequal to something else": "(track <> 'x'::text)",
    "unequal to a blank": "(track <> ' '::text)",
    "equal to empty": "(track = ''::text)",
    "IS NULL OR empty": "((track IS NULL) OR (track = ''::text))",
    "a list with empty": "(track = ANY (ARRAY[''::text, 'a'::text]))",
    "another column": "(verdict <> ''::text)",
    "constants only": "('a'::text <> ''::text)",
    "IS NOT NULL": "(track IS NOT NULL)",
    "unequal OR true": "((track <> ''::text) OR true)",
    "NOT a list": "(NOT (track = ANY (ARRAY['symbolic'::text])))",
}


@pytest.mark.parametrize("expression", ALLOWS_ONLY.values(), ids=ALLOWS_ONLY.keys())
def test_an_expression_that_refuses_other_values_counts(expression: str) -> None:
    assert allows_only(expression, "verdict", VERDICTS)


@pytest.mark.parametrize("expression", ALLOWS_ONLY_VARYING.values(), ids=ALLOWS_ONLY_VARYING.keys())
def test_an_expression_over_a_varying_column_counts(expression: str) -> None:
    assert allows_only(expression, "v", VERDICTS)


@pytest.mark.parametrize("expression", ALLOWS_MORE.values(), ids=ALLOWS_MORE.keys())
def test_an_expression_that_lets_another_value_through_does_not_count(expression: str) -> None:
    assert not allows_only(expression, "verdict", VERDICTS)


def test_an_expression_counts_for_its_own_column_only() -> None:
    assert allows_only(LIST, "verdict", VERDICTS)
    assert not allows_only(LIST, "track", VERDICTS)
    assert not allows_only(LIST, "verdict", VERDICTS[1:])


@pytest.mark.parametrize("expression", REFUSES_EMPTY.values(), ids=REFUSES_EMPTY.keys())
def test_an_expression_that_refuses_the_empty_text_counts(expression: str) -> None:
    assert refuses_empty(expression, "track")


@pytest.mark.parametrize("expression", ["(length((v)::text) > 0)", "((v)::text <> ''::text)"])
def test_an_expression_over_a_varying_column_refuses_the_empty_text(expression: str) -> None:
    assert refuses_empty(expression, "v")


@pytest.mark.parametrize("expression", ALLOWS_EMPTY.values(), ids=ALLOWS_EMPTY.keys())
def test_an_expression_that_lets_the_empty_text_through_does_not_count(expression: str) -> None:
    assert not refuses_empty(expression, "track")
