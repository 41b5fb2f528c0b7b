"""SQL of others: whatever it tries, its own check says so in one sentence, and everything else is as before."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.output.outcome_text import describe
from tests.forger import Forger
from tests.support.checks import by_id, run_check, run_text
from tests.support.databases import ROLE_PASSWORD, another_session, login, role

HEAD = "version: 1\nchecks:\n"
BESIDE = "  - {id: beside, expect: not_null, column: verdict}\n  - {id: hashes, expect: entry_hash}\n"


def failed_rows(check_id: str, query: str) -> str:
    lines = "\n".join(f"      {line}" for line in query.splitlines())
    return f"  - id: {check_id}\n    expect: failed_rows\n    query: |\n{lines}\n"


REFUSED = {
    "writes in WITH": (
        "WITH gone AS (DELETE FROM {ledger} RETURNING *) SELECT * FROM gone",
        "must be at the top level",
        "Write one plain SELECT.",
    ),
    "draws from a sequence": (
        "SELECT nextval('public.ledger_entries_id_seq') FROM {ledger}",
        "cannot execute nextval() in a read-only transaction",
        "A check only reads: write a SELECT",
    ),
    "locks entries": (
        "SELECT sequence_number FROM {ledger} FOR UPDATE",
        "cannot execute SELECT FOR UPDATE in a read-only transaction",
        "A check only reads: write a SELECT",
    ),
    "writes into a table": (
        "SELECT * INTO public.copied FROM {ledger}",
        "INTO is not allowed here",
        "Correct the SQL.",
    ),
    "asks for a column that is not there": (
        "SELECT verdikt FROM {ledger}",
        'column "verdikt" does not exist',
        'Perhaps you meant to reference the column "ledger_entries.verdict".',
    ),
    "asks for a table that is not there": (
        "SELECT 1 FROM {ledger}, rules",
        'relation "rules" does not exist',
        "Write {ledger} for the ledger, and schema.table for any other table.",
    ),
    "calls a function that is not there": (
        "SELECT nothing_of_the_kind(id) FROM {ledger}",
        "function nothing_of_the_kind(bigint) does not exist",
        "Check its name and arguments",
    ),
    "uses an operator that is not there": (
        "SELECT 1 FROM {ledger} WHERE verdict > 5",
        "operator does not exist: text > integer",
        "Check its name and arguments",
    ),
    "divides by zero": (
        "SELECT sequence_number / (sequence_number - 50) FROM {ledger}",
        "division by zero",
        "Divide by nullif(…, 0)",
    ),
    "is no SQL": ("SELECT FROM WHERE {ledger}", "syntax error", "Correct the SQL."),
    "returns no column": ("SELECT FROM {ledger}", "The SQL returns no column", "Select at least"),
    "sleeps": ("SELECT pg_sleep(20) FROM {ledger}", "took longer than 1 s", "--ledger-timeout SECONDS"),
    "sleeps although it allows itself more time": (
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(0.4) FROM {ledger}",
        "took longer than 1 s",
        "--ledger-timeout SECONDS",
    ),
    "ends its own connection": (
        "SELECT pg_terminate_backend(pg_backend_pid()) FROM {ledger}",
        "The connection was lost",
        "nothing was concluded",
    ),
    "reads a file that is not there": (
        "SELECT pg_read_file('/nowhere') FROM {ledger}",
        "could not open file",
        "Look at its log and its disks.",
    ),
}

HARMLESS = {
    "literal": "SELECT 1 FROM {ledger} WHERE reasoning LIKE '%(draft)s' OR reasoning = '$1' OR false",
    "settings": (
        "SELECT set_config('TimeZone', 'Asia/Tokyo', false), set_config('search_path', 'public', false) "
        "FROM {ledger} WHERE set_config('row_security', 'on', false) IS NULL"
    ),
    "locks": "SELECT 1 FROM {ledger} WHERE pg_advisory_lock(7) IS NULL AND pg_advisory_lock_shared(8) IS NULL",
    "comment": "SELECT 1 FROM {ledger} WHERE false -- it's ) over;",
    "semicolon": "SELECT 1 FROM {ledger} WHERE false ; -- done",
    "parentheses": "(SELECT 1 FROM {ledger} WHERE false)",
    "with": "WITH none AS (SELECT * FROM {ledger} WHERE false) SELECT * FROM none",
    "same_names": "SELECT id, id, id AS sequence_number FROM {ledger} WHERE false",
}


@pytest.fixture
def ledger(workshop: Forger) -> Forger:
    """A ledger of a hundred entries, in the database that the tests of this process share."""
    workshop.run("RESET ALL; SET TimeZone = 'UTC'; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return workshop.build(100)


def state(forger: Forger) -> list[tuple[object, ...]]:
    return forger.run(
        "SELECT (SELECT md5(string_agg(e::text, '|' ORDER BY id)) FROM ledger_entries e), last_value, is_called, "
        "(SELECT count(*) FROM pg_class) FROM ledger_entries_id_seq"
    )


def test_sql_that_does_wrong_fails_its_own_check_only(ledger: Forger, tmp_path: Path) -> None:
    before = state(ledger)
    names = {f"r{number}": name for number, name in enumerate(REFUSED)}
    wrong = "".join(failed_rows(check_id, REFUSED[name][0]) for check_id, name in names.items())
    found = by_id(run_text(tmp_path, ledger.dsn, HEAD + wrong + BESIDE, timeout=1))
    for check_id, name in names.items():
        _, words, remedy = REFUSED[name]
        outcome = found.pop(check_id)
        assert outcome.status is Status.ERROR, name
        assert words in outcome.reason, name
        assert remedy in outcome.reason, name
        assert "\n" not in outcome.reason, name
        assert "Error:" not in outcome.reason, name
    assert {check_id: outcome.status for check_id, outcome in found.items()} == {
        "beside": Status.PASS,
        "hashes": Status.PASS,
    }
    assert state(ledger) == before


def test_sql_that_closes_the_parenthesis_around_it_is_refused_by_the_server_too(ledger: Forger) -> None:
    query = "SELECT 1 FROM {ledger}) AS x, (SELECT 2"
    outcome = run_check(ledger.dsn, "failed_rows", {"query": query})
    assert outcome.status is Status.ERROR
    assert "columns available but" in outcome.reason
    assert "Correct the SQL." in outcome.reason


def test_sql_that_only_looks_wrong_or_changes_its_own_session_is_run(ledger: Forger, tmp_path: Path) -> None:
    text = HEAD + "".join(failed_rows(name, query) for name, query in HARMLESS.items())
    text += failed_rows("utc", "SELECT 1 FROM {ledger} WHERE current_setting('TimeZone') <> 'UTC'")
    found = by_id(run_text(tmp_path, ledger.dsn, text))
    told = {name: (outcome.status, outcome.element_count, outcome.reason) for name, outcome in found.items()}
    assert told == dict.fromkeys([*HARMLESS, "utc"], (Status.PASS, 100, ""))
    assert ledger.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


def test_a_lock_that_another_session_holds_is_not_waited_for_without_end(ledger: Forger, tmp_path: Path) -> None:
    with another_session(ledger.dsn, "SELECT pg_advisory_lock(7)"):
        text = HEAD + failed_rows("waits", "SELECT pg_advisory_lock(7) FROM {ledger}") + BESIDE
        found = by_id(run_text(tmp_path, ledger.dsn, text, timeout=1))
    assert found["waits"].status is Status.ERROR
    assert found["beside"].status is Status.PASS


def test_a_million_rows_are_counted_in_memory_that_stays_constant(ledger: Forger, tmp_path: Path) -> None:
    query = "SELECT e.sequence_number, repeat('x', 500) AS wide FROM {ledger} e, generate_series(1, 10000)"
    run_text(tmp_path, ledger.dsn, HEAD + failed_rows("warm", "SELECT 1 FROM {ledger}"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (outcome,) = run_text(tmp_path, ledger.dsn, HEAD + failed_rows("many", query)).outcomes
    assert (outcome.status, outcome.unexpected_count, len(outcome.findings)) == (Status.FAIL, 1_000_000, 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kilobytes


def test_a_huge_value_is_shown_cut(ledger: Forger, tmp_path: Path) -> None:
    query = "SELECT sequence_number, repeat('x', 50000000) AS huge FROM {ledger} WHERE sequence_number = 9"
    (outcome,) = run_text(tmp_path, ledger.dsn, HEAD + failed_rows("huge", query)).outcomes
    (finding,) = outcome.findings
    assert finding.sequence_number == 9
    assert finding.actual.startswith("huge = xxx")
    assert len(finding.actual) < 400


METRICS = {
    "'many'": "does not give a number",
    "true": "does not give a number",
    "NULL::int": "The expression gives NULL",
    "'NaN'::float8": "The result is NaN",
    "max(sequence_number) / 0": "division by zero",
    "sequence_number": "must appear in the GROUP BY clause",
    "count(*), 1": "must return only one column|syntax error|does not give a number",
}


def test_a_metric_that_is_no_number_is_an_error(ledger: Forger, tmp_path: Path) -> None:
    text = HEAD + "".join(
        f'  - {{id: m{number}, expect: metric, expression: "{sql}", error_if: "> 5"}}\n'
        for number, sql in enumerate(METRICS)
    )
    found = by_id(run_text(tmp_path, ledger.dsn, text + BESIDE))
    for number, words in enumerate(METRICS.values()):
        outcome = found[f"m{number}"]
        assert outcome.status is Status.ERROR, words
        assert any(word in outcome.reason for word in words.split("|")), outcome.reason
    assert found["beside"].status is Status.PASS


def test_sql_that_answers_differently_each_time_is_told_so(ledger: Forger, tmp_path: Path) -> None:
    fickle = "coalesce(current_setting('own.asked', true), '') <> '' OR set_config('own.asked', 'yes', false) = ''"
    text = f'{HEAD}  - {{id: fickle, expect: expression_is_true, expression: "{fickle}"}}\n'
    (outcome,) = run_text(tmp_path, ledger.dsn, text).outcomes
    assert outcome.status is Status.ERROR
    assert outcome.reason == "The SQL gives a different result each time. Remove what is random from it."


SECRET = "the patient is called Smith"
LEAKS = {
    "number": "  - {id: number, expect: not_null, column: id, where: 'reasoning::int > 1'}\n",
    "table": failed_rows("table", "SELECT 1 FROM {ledger} WHERE replace(reasoning, ' ', '')::regclass::oid > 1"),
    "setting": failed_rows("setting", "SELECT current_setting(replace(reasoning, ' ', '_')) FROM {ledger}"),
    "metric": "  - {id: metric, expect: metric, expression: max(reasoning), error_if: '> 5'}\n",
    "metric_cast": "  - {id: metric_cast, expect: metric, expression: max(reasoning::int), error_if: '> 5'}\n",
    "rows": "  - {id: rows, expect: row_count_between, min_value: 1, where: 'reasoning::date < now()'}\n",
    "recency": "  - {id: recency, expect: recency, column: reasoning, within: 5m}\n",
    "shown": failed_rows("shown", "SELECT sequence_number, reasoning FROM {ledger}"),
    "value": "  - {id: value, expect: accepted_values, column: reasoning, values: [nothing]}\n",
    "regex": "  - {id: regex, expect: values_match_regex, column: reasoning, regex: '^$'}\n",
    "unique": "  - {id: unique, expect: unique, column: reasoning}\n",
    "before": "  - {id: before, expect: values_increasing, column: reasoning, strictly: true}\n",
    "pair": "  - {id: pair, expect: pair_a_greater_than_b, column_a: reasoning, column_b: reasoning}\n",
    "expression": "  - {id: expression, expect: expression_is_true, expression: 'false', show: [reasoning]}\n",
}


def test_what_is_redacted_is_shown_nowhere_not_even_in_the_servers_words(ledger: Forger, tmp_path: Path) -> None:
    ledger.unguarded(f"UPDATE ledger_entries SET reasoning = '{SECRET}'")
    head = "version: 1\ndefaults: {redact: [reasoning]}\nchecks:\n"
    verification = run_text(tmp_path, ledger.dsn, head + "".join(LEAKS.values()))
    assert [outcome.check_id for outcome in verification.outcomes if outcome.status is Status.PASS] == []
    for name, outcome in by_id(verification).items():
        told = f"{outcome!r} {describe(outcome)}"
        assert "Smith" not in told, name
        assert "patient" not in told, name


def test_no_password_is_shown_when_the_connection_is_lost(ledger: Forger, tmp_path: Path) -> None:
    with role(ledger) as reader:
        ledger.run(f"GRANT SELECT ON ledger_entries TO {reader}; GRANT USAGE ON SCHEMA public TO {reader}")
        text = HEAD + failed_rows("dies", REFUSED["ends its own connection"][0]) + BESIDE
        found = by_id(run_text(tmp_path, login(ledger.dsn, reader), text))
    assert found["dies"].status is Status.ERROR
    assert found["beside"].status is Status.PASS
    assert ROLE_PASSWORD not in describe(found["dies"])


def test_what_the_role_may_not_do_is_told(ledger: Forger, tmp_path: Path) -> None:
    ledger.run("CREATE TABLE private (secret text)")
    with role(ledger) as reader:
        ledger.run(f"GRANT SELECT ON ledger_entries TO {reader}; GRANT USAGE ON SCHEMA public TO {reader}")
        text = HEAD + failed_rows("pries", "SELECT 1 FROM {ledger}, public.private") + BESIDE
        found: dict[str, Outcome] = by_id(run_text(tmp_path, login(ledger.dsn, reader), text))
    assert "permission denied for table private" in found["pries"].reason
    assert found["beside"].status is Status.PASS
