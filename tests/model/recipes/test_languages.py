"""JSON and moments are written as the real JavaScript, PHP and Go write them.

The golden files were written by the languages themselves; a language that this machine has is asked for more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.recipes.languages import GOLDEN, LANGUAGES, Language, is_here
from tests.support.laws import examples

escapes = st.sampled_from(
    [r"\u0000", r"\b", r"\f", r"\n", r"\u001f", r"\u007f", r"\u2028", r"\ud800", r"\udc00", r"\/"]
)
characters = st.characters(exclude_categories=["Cs"]).map(lambda one: json.dumps(one)[1:-1])
strings = st.lists(characters | escapes, max_size=5).map(lambda parts: f'"{"".join(parts)}"')
keys = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4).map(json.dumps),
    st.integers(-1, 2**33).map(lambda number: f'"{number}"'),
)
numbers = st.one_of(
    st.integers().map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.tuples(st.integers(0, 10**20), st.integers(-330, 330)).map(lambda parts: f"{parts[0]}e{parts[1]}"),
    st.decimals(allow_nan=False, allow_infinity=False, places=12).map(lambda number: format(number, "f")),
    st.sampled_from(["-0", "-0.0", "1e400", "1.50", "0.000001", "1e-7", "1e21", "1e17"]),
)
documents = st.recursive(
    st.sampled_from(["null", "true", "false"]) | strings | numbers,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(keys, inner), max_size=5, unique_by=lambda pair: pair[0]).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        )
    ),
    max_leaves=10,
)
moments = st.tuples(
    st.datetimes().filter(lambda moment: 1902 <= moment.year <= 2199), st.sampled_from(["Z", "+02:00", "-11:30"])
).map(lambda parts: f"{parts[0].isoformat()}{parts[1]}")


far = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
"""Any year of the calendar. Before 1902, local times have offsets that languages write in their own ways."""

LIMITED = ("madrid", "madrid without colon", "ns")
"""Operations with local times, or with numbers that are too large for Go in far years."""


@pytest.mark.parametrize("name", LANGUAGES)
def test_golden_files_of_the_languages_are_reproduced(name: str) -> None:
    operations = {**LANGUAGES[name].documents, **LANGUAGES[name].moments}
    asked = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text("ascii").splitlines()]
    made = [(one["op"], one["given"], operations[one["op"]](one["given"])) for one in asked]
    assert made == [(one["op"], one["given"], one["made"]) for one in asked]


@pytest.fixture(scope="module", params=LANGUAGES)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Language, Callable[[str, str], str | None]]]:
    language = LANGUAGES[request.param]
    if not is_here(request.param):
        pytest.skip(f"{request.param} is not installed; its golden file stands for it")
    with language.running() as ask:
        yield language, ask


@examples(60)
@given(document=documents, moment=moments, other=far)
def test_what_a_language_writes_is_what_we_write(
    running: tuple[Language, Callable[[str, str], str | None]], document: str, moment: str, other: str
) -> None:
    language, ask = running
    unlimited = {name: ours for name, ours in language.moments.items() if name not in LIMITED}
    for text, operations in ((document, language.documents), (moment, language.moments), (other, unlimited)):
        for operation, ours in operations.items():
            assert (operation, ours(text)) == (operation, ask(operation, text))
