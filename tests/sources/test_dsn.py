"""DSNs: whatever libpq takes, and never a secret in what is shown."""

from __future__ import annotations

import pickle

import pytest
from psycopg2.extensions import parse_dsn

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.sql_names import split_name
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.postgres import PostgresSource

SECRET = "hunter2"


def parameters(text: str) -> dict[str, str]:
    """Return what libpq makes of a DSN, when it was read by us and is revealed to libpq."""
    return dict(parse_dsn(Dsn(text).having().reveal()))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_uri_is_read_also_with_the_drivers_of_sqlalchemy(scheme: str) -> None:
    assert parameters(f"{scheme}://me:{SECRET}@db.example:5433/ledger") == {
        "user": "me",
        "password": SECRET,
        "host": "db.example",
        "port": "5433",
        "dbname": "ledger",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=h dbname=d user=u", {"host": "h", "dbname": "d", "user": "u"}),
        ("host=h password='a b'", {"host": "h", "password": "a b"}),
        ("service=ledger", {"service": "ledger"}),
        ("postgresql:///d", {"dbname": "d"}),
        ("postgresql://u:a%40b%2Fc@h/d", {"user": "u", "password": "a@b/c", "host": "h", "dbname": "d"}),
        ("postgresql://h1:1,h2:2/d", {"host": "h1,h2", "port": "1,2", "dbname": "d"}),
        ("postgresql:///d?host=/run&port=5", {"host": "/run", "port": "5", "dbname": "d"}),
        ("", {}),
    ],
)
def test_whatever_libpq_takes_is_read(text: str, expected: dict[str, str]) -> None:
    assert parameters(text) == expected


UNREADABLE = [
    f"postgresql+asyncpg://me:{SECRET}@h/d",
    f"mysql://me:{SECRET}@h/d",
    f"me:{SECRET}@h/d",
    f"postgresql://me:{SECRET}%zz@h/d",
    f"host=h password='{SECRET}",
    f"host=h password={SECRET} extra",
    f"host=h passwort={SECRET}",
    f"postgresql://me@h/d?pasword={SECRET}",
    f" postgresql://me:{SECRET}@h/d",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_libpq_cannot_read_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Dsn(text).having()
    assert SECRET not in str(refusal.value)
    assert refusal.value.remedy
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None
    assert SECRET not in f"{Dsn(text)} {Dsn(text)!r}"


NOT_ENCODED = {
    "at": f"postgresql://me:x@{SECRET}@h/d",
    "slash": f"postgresql://me:{SECRET}/x@h/d",
    "slash after a number": f"postgresql://me:123/{SECRET}@h/d",
    "slash at the end": f"postgresql://me:{SECRET}/@h/d",
    "slash and at": f"postgresql://me:x/y@{SECRET}@h/d",
    "question mark": f"postgresql://me:x?{SECRET}@h/d",
    "question mark and at": f"postgresql://me:x?y@{SECRET}@h/d",
    "question mark and slash": f"postgresql://me:12?y/{SECRET}@h/d",
    "hash": f"postgresql://me:x#{SECRET}@h/d",
    "colon": f"postgresql://me:x:{SECRET}@h/d",
    "bracket": f"postgresql://me:x[{SECRET}]@h/d",
    "percent": f"postgresql://me:x%{SECRET}@h/d",
}


@pytest.mark.parametrize("text", NOT_ENCODED.values(), ids=NOT_ENCODED.keys())
def test_a_password_that_is_not_percent_encoded_is_not_shown(text: str) -> None:
    try:
        shown = PostgresSource(text).label
    except UsageError as refusal:
        shown = str(refusal)
    assert SECRET not in shown


SHOWN = [
    (f"postgresql://me:{SECRET}@h:5433/d", "postgresql://me@h:5433/d"),
    (f"postgresql+psycopg2://me:{SECRET}@h/d", "postgresql://me@h/d"),
    (f"host=h user=me password={SECRET} dbname=d", "postgresql://me@h/d"),
    (f"postgresql://me@h/d?password={SECRET}", "postgresql://me@h/d"),
    (f"postgresql://me@h/d?sslpassword={SECRET}&sslkey=/k", "postgresql://me@h/d"),
    (f"postgresql://me@h/d?options=-c%20x.y%3D{SECRET}", "postgresql://me@h/d"),
    (f"host=/run/pg port=5 user=me dbname=d password={SECRET}", "postgresql://me@/d?host=/run/pg&port=5"),
    ("service=ledger", "postgresql:///?service=ledger"),
    ("host=h", "postgresql://h/"),
    ("postgresql://[::1]:5433/d", "postgresql://[::1]:5433/d"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_a_label_names_the_database_without_secrets(text: str, shown: str) -> None:
    assert str(Dsn(text)) == f"{Dsn(text)}" == shown
    assert repr(Dsn(text)) == f"Dsn('{shown}')"
    assert PostgresSource(text).label == shown
    assert SECRET not in repr(vars(PostgresSource(text)))


@pytest.mark.parametrize("nested", [f"postgresql://me:{SECRET}@h/d", f"host=h password={SECRET}"])
def test_a_database_name_that_is_a_dsn_itself_is_not_shown(nested: str) -> None:
    assert SECRET not in str(Dsn("host=h").having({"dbname": nested}))


def test_a_dsn_is_pickled_with_its_secrets_because_other_processes_connect_too() -> None:
    assert pickle.loads(pickle.dumps(Dsn(f"password={SECRET}"))).reveal() == f"password={SECRET}"


def test_parameters_of_a_dsn_are_added_replaced_and_removed() -> None:
    dsn = Dsn(f"postgresql://me:{SECRET}@h/d").having({"password": None, "dbname": "e f"}, {"user": "you", "port": "1"})
    assert parse_dsn(dsn.reveal()) == {"user": "me", "host": "h", "dbname": "e f", "port": "1"}
    assert dsn.parameter("dbname") == "e f"
    assert dsn.parameter("password") == ""


@pytest.mark.parametrize("name", ["env:LEDGER_DSN", "demo:tampered", "filed/ledger.jsonl.gz", "backup.dump"])
def test_what_is_no_dsn_is_shown_as_it_was_given(name: str) -> None:
    assert str(Dsn(name)) == name


def test_a_variable_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_LEDGER", "host=h")
    assert Dsn("env:MY_LEDGER").resolved().reveal() == "host=h"
    assert Dsn("host=other").resolved().reveal() == "host=other"
    assert PostgresSource("env:MY_LEDGER").label == "postgresql://h/"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("MY_LEDGER", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_LEDGER", value)
    with pytest.raises(UsageError, match="MY_LEDGER is not set"):
        Dsn("env:MY_LEDGER").resolved()


@pytest.mark.parametrize("text", [f"env:postgresql://me:{SECRET}@h/d", f"env:host=h password={SECRET}", "env:"])
def test_a_dsn_in_the_place_of_a_variables_name_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Dsn(text).resolved()
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "schema", "table"),
    [
        ("ledger_entries", "public", "ledger_entries"),
        ("audit.ledger_entries", "audit", "ledger_entries"),
        ("Audit.Ledger", "audit", "ledger"),
        ('"Audit"."Ledger"', "Audit", "Ledger"),
        ('audit."Ledger"', "audit", "Ledger"),
        ('"Audit".LEDGER', "Audit", "ledger"),
        ('"a.b"', "public", "a.b"),
        ('"a.b"."c.d"', "a.b", "c.d"),
        ('"say ""hi"""', "public", 'say "hi"'),
        ('" "', "public", " "),
        ("a$1", "public", "a$1"),
        ("_x", "public", "_x"),
        ("größe", "public", "größe"),
        ("ÉTAT", "public", "État"),
        ('"; DROP TABLE x"', "public", "; DROP TABLE x"),
    ],
)
def test_the_name_of_a_table_is_read_as_sql_reads_it(name: str, schema: str, table: str) -> None:
    assert split_name(name) == (schema, table)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a.b.c",
        "1a",
        "a b",
        "a-b",
        "a;b",
        '"a',
        'a"',
        '""',
        '"a"b',
        '"a".',
        "a\n",
        " a",
        "$a",
        "'a'",
    ],
)
def test_what_is_no_name_of_a_table_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid table name"):
        split_name(name)


@pytest.mark.parametrize(
    ("dsn", "repeated"),
    [
        ("env:MY_LEDGER", "env:MY_LEDGER"),
        ("service=ledger", "service=ledger"),
        ("postgresql+psycopg://me@h/d?sslmode=require", "postgresql+psycopg://me@h/d?sslmode=require"),
        (f"postgresql://me:{SECRET}@h:5/d?sslmode=require", "user=me dbname=d host=h port=5 sslmode=require"),
        (f"host=/run/pg port=5 password='{SECRET}'", "host=/run/pg port=5"),
        (f"host=h sslkey=k sslpassword={SECRET}", "host=h sslkey=k"),
        (f"mysql://me:{SECRET}@h/d", "(unreadable DSN)"),
    ],
)
def test_a_command_repeats_a_dsn_as_given_without_its_secrets(dsn: str, repeated: str) -> None:
    assert Dsn(dsn).repeatable() == repeated
