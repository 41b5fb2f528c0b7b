"""Sentences in lines: nothing is lost, and what may be copied stays whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.output.paragraphs import wrapped

SENTENCES = st.text(st.sampled_from('ab "é'), max_size=60)


@given(SENTENCES.map(str.strip), st.integers(1, 30))
def test_every_line_break_stands_for_one_space(text: str, width: int) -> None:
    assert " ".join(line.strip(" ") if at else line for at, line in enumerate(wrapped(text, width, 2))) == text


@given(st.text(st.sampled_from("ab "), max_size=60), st.integers(3, 30))
def test_no_line_is_longer_than_its_width_but_for_one_word(text: str, width: int) -> None:
    for line in wrapped(text.strip(), width, 2):
        assert len(line) <= width or "  " in line.strip() or " " not in line.strip()


def test_a_value_in_quotes_and_a_hash_stay_whole() -> None:
    digest = "e" * 64
    lines = wrapped(f'Entry 5 was written with reasoning "all is  well, said the pump"; hash {digest}.', 30, 4)
    assert lines == [
        "Entry 5 was written with",
        "    reasoning",
        '    "all is  well, said the pump";',
        "    hash",
        f"    {digest}.",
    ]


def test_what_follows_hangs_below_the_beginning() -> None:
    assert wrapped("  why      because it is", 20, 11) == ["  why      because", "           it is"]
