"""What hints say: the order of names in a program, and separators as they are typed."""

from __future__ import annotations

from pytest_audit_ledger.infer.hints import hints_of, orders_in, separators_in
from pytest_audit_ledger.infer.shapes import PREVIOUS

COLUMNS = ["id", "created_at", "actor", PREVIOUS]


def test_the_order_is_that_of_the_names_in_a_program() -> None:
    source = "INSERT (id, actor, created_at) … concat_ws('|', NEW.actor, prev_hash, NEW.createdAt)"
    assert orders_in(source, COLUMNS)[0] == ("id", "actor", "created_at")
    assert ("actor", PREVIOUS, "created_at") in orders_in(source, COLUMNS)


def test_short_texts_in_quotes_may_be_separators() -> None:
    assert separators_in(r"""a.join('|') + "\n" + 'a long text' + `~`""") == ["|", "\n", "~"]


def test_a_separator_is_typed_as_in_programs() -> None:
    assert hints_of(separator=r"\x1f\n|").separators == ("\x1f\n|",)
