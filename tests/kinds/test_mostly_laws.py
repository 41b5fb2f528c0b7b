"""How much is enough: `mostly` decides as exact fractions do, whatever a computer makes of 0.9."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_audit_ledger.kinds.data_kind import percent
from pytest_audit_ledger.kinds.not_null import NotNull
from pytest_audit_ledger.model.outcome import Severity
from tests.support.rows import LEDGER

DIGITS = st.integers(1, 10**6)


@given(DIGITS, st.integers(1, 10**9), st.floats(0, 1, allow_nan=False))
@example(900_000, 10, 0.1)
@example(290_000, 100, 0.71)
def test_a_share_is_enough_exactly_where_it_is_not_less_than_mostly(
    millionths: int, judged: int, missing: float
) -> None:
    mostly = millionths / 10**6
    kind = NotNull({"column": "rule_id", "mostly": mostly}, LEDGER, 1)
    kind.element_count, kind.unexpected_rows = judged, min(judged, round(judged * missing))
    enough = Fraction(judged - kind.unexpected_rows, judged) >= Fraction(millionths, 10**6)
    assert kind._gravity_of_rows() is (Severity.INFO if enough else None)


@given(st.fractions(0, 1, max_denominator=10**9), DIGITS.map(lambda millionths: Fraction(millionths, 10**6)))
@example(Fraction(962, 1000), Fraction(99, 100))
@example(Fraction(98_996, 100_000), Fraction(99, 100))
def test_a_share_is_shown_on_the_side_of_the_limit_where_it_is(share: Fraction, limit: Fraction) -> None:
    shown = Fraction(percent(share, limit).rstrip("%")) / 100
    assert (shown >= limit, shown > 0, shown < 1) == (share >= limit, share > 0, share < 1)
    assert abs(shown - share) <= Fraction(1, 2000)


def test_a_share_has_no_more_digits_than_it_needs() -> None:
    limit = Fraction(99, 100)
    assert [percent(Fraction(share), limit) for share in ("0.962", "0.5", "0.98996", "0.99", "1")] == [
        "96.2%",
        "50%",
        "98.996%",
        "99%",
        "100%",
    ]
