"""The native core by itself: what it refuses, and what its SHA-256 gives. `test_payload_laws.py` has its laws."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger import native
from pytest_audit_ledger.model.recipes import compile_recipe
from pytest_audit_ledger.native import PURE
from pytest_audit_ledger.native.plan import Form
from tests.model.recipes.columns import payloads, quick_hashes
from tests.support.standalone import pythons

ROWS = pytest.importorskip("pytest_audit_ledger.native.core", reason="the native core was not built").Rows

Columns = dict[str, list["str | None"]]


def bare(place: int) -> tuple[bytes, int, int, bytes, bytes, bytes, bytes]:
    return b"", place, Form.TEXT, b"", b"", b"", b""


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 5))
def test_rows_of_any_other_width_are_refused(widths: list[int], width: int) -> None:
    data = b"".join(b"\t".join([b"x"] * max(1, fields)) + b"\n" for fields in widths)
    if {max(1, fields) for fields in widths} == {width}:
        assert len(ROWS(data, width)) == len(widths)
    else:
        with pytest.raises(ValueError, match="not rows of this width"):
            ROWS(data, width)


@pytest.mark.parametrize(("data", "width"), [(b"a\tb", 2), (b"a\tb\nc", 2), (b"a\n", 0), (b"a\n", -1)])
def test_a_row_without_its_end_and_a_width_that_is_not_positive_are_refused(data: bytes, width: int) -> None:
    with pytest.raises(ValueError, match="width"):
        ROWS(data, width)


def test_no_rows_have_no_columns_and_no_hashes() -> None:
    rows = ROWS(b"", 3)
    assert (len(rows), rows.column(2, False), rows.hashes((bare(0),), b"")) == (0, [], [])


@pytest.mark.parametrize("place", [-1, 2, 2**40])
def test_a_field_that_a_row_does_not_have_is_refused(place: int) -> None:
    rows = ROWS(b"a\tb\n", 2)
    with pytest.raises(IndexError, match="there is no field"):
        rows.column(place, False)
    with pytest.raises(IndexError, match="there is no field"):
        rows.hashes((bare(place),), b"")


def test_a_form_and_pieces_that_do_not_exist_are_refused() -> None:
    rows = ROWS(b"a\n", 1)
    with pytest.raises(ValueError, match="there is no form 99"):
        rows.hashes(((b"", 0, 99, b"", b"", b"", b""),), b"")
    with pytest.raises(TypeError):
        rows.hashes((b"no tuple",), b"")


@pytest.mark.parametrize("size", [*range(200), 1_000, 4_095, 4_096, 1_000_003])
def test_texts_of_every_length_have_the_hash_that_hashlib_gives(size: int) -> None:
    text = bytes(97 + at % 26 for at in range(size))
    assert ROWS(text + b"\n", 1).hashes((bare(0),), b"") == [sha256(text).hexdigest()]


@given(st.lists(st.integers(0, 300), max_size=7))
def test_texts_of_different_lengths_have_their_hashes_whichever_are_hashed_together(sizes: list[int]) -> None:
    texts = [bytes(97 + at % 26 for at in range(size)) for size in sizes]
    assert ROWS(b"".join(text + b"\n" for text in texts), 1).hashes((bare(0),), b"") == [
        sha256(text).hexdigest() for text in texts
    ]


def test_a_megabyte_of_control_characters_grows_sixfold_and_fits() -> None:
    rows = ROWS(b"\x01" * 2**20 + b"\n" + b"2\n", 1)
    assert rows.column(0, False) == ["\\u0001" * 2**20, "2"]
    expected = b'{"x":"' + b"\\u0001" * 2**20 + b'"}'
    assert rows.hashes(((b'{"x":', 0, Form.TEXT, b'"', b'"', b"", b""),), b"}")[0] == sha256(expected).hexdigest()


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(0, 3_000))
def test_a_plan_may_have_a_field_as_often_as_it_likes(places: list[int], size: int) -> None:
    fields = (b"\x01" * size, b"2026-05-21 15:30:00+00", b"plain")
    texts = ("\\u0001" * size, *(text.decode() for text in fields[1:]))
    rows = ROWS(b"\t".join(fields) + b"\n", 3)
    expected = "".join(texts[place] for place in places).encode()
    assert rows.hashes(tuple(map(bare, places)), b"") == [sha256(expected).hexdigest()]


def test_values_that_are_not_utf8_and_escapes_of_nobody_are_left_to_python() -> None:
    assert ROWS(b"a\n\xff\n", 1).values(0) is None
    with pytest.raises(ValueError, match="an escape that COPY does not write"):
        ROWS(b"\\x\n", 1).values(0)


@pytest.mark.parametrize("text", [b"", b"x", b"infinity", b"-infinity", b"\\N", b"12026-05-21 15:30:00+00", b"2026-"])
def test_what_is_no_moment_of_four_digit_years_stays_as_it_is(text: bytes) -> None:
    assert ROWS(text + b"\n", 1).column(0, True) == [text.decode()]
    null = text == b"\\N"
    expected = b"null" if null else b'"%s"' % text
    assert ROWS(text + b"\n", 1).hashes(((b"", 0, Form.MOMENT, b'"', b'"', b"null", b""),), b"") == [
        sha256(expected).hexdigest()
    ]


def test_the_variable_turns_it_off() -> None:
    command = [sys.executable, "-c", "from pytest_audit_ledger.native import ROWS, in_use; print(ROWS, in_use())"]
    done = subprocess.run(command, env={PURE: "1"}, check=True, capture_output=True, text=True)
    assert done.stdout == "None Python (PYTEST_AUDIT_LEDGER_PURE is set)\n"


PLAIN: Columns = {
    "a": ["x|y", None, "tab\there", 'quo"te'],
    "n": ["1", "-2", None, "3"],
    "at": ["2026-05-21 15:30:00.5+00"] * 4,
}
TYPES = {"n": "bigint", "at": "timestamp with time zone", "ok": "boolean", "price": "numeric"}
COMMON: Columns = {**PLAIN, "ok": ["t", "f", None, "t"], "price": ["1.50", None, "-3", "0"]}


@pytest.mark.parametrize("style", ["python", "javascript", "go", "php", "jcs"])
@pytest.mark.parametrize("digits", ["0", "3", "6", "9", "trimmed", "python", "java"])
def test_common_values_of_json_are_not_left_to_python(style: str, digits: str) -> None:
    moment = {"column": "at", "format": {"iso": {"digits": digits, "offset": "Z"}}}
    data = {"json": {"style": style, "of": ["previous", "a", "n", moment, "ok", "price", {"key": "v", "constant": 2}]}}
    assert None not in quick_hashes(compile_recipe(data, TYPES), COMMON, ["00", "ab", "cd", "ef"])
    payloads(data, COMMON, TYPES, ["00", "ab", "cd", "ef"])  # compares them with Python's


@pytest.mark.parametrize("recipe", ["join", "pairs", "concat", "template"])
def test_common_values_of_other_recipes_are_not_left_to_python(recipe: str) -> None:
    of = [*COMMON]
    options = {"join": {"by": "|", "null": "-", "of": of}, "template": {"text": "{a}:{n} {at}"}}
    data = {recipe: options.get(recipe, of)}
    assert None not in quick_hashes(compile_recipe(data, TYPES), COMMON)
    payloads(data, COMMON, TYPES)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("numeric", "NaN"),
        ("boolean", "?"),
        ("timestamp with time zone", "infinity"),
        ("timestamp with time zone", "2026-05-21"),
    ],
)
def test_a_value_that_a_form_cannot_write_is_left_to_python_in_its_row_alone(type_: str, value: str) -> None:
    item = {"column": "v", "format": "iso"} if type_.startswith("time") else "v"
    good = {"numeric": "1", "boolean": "t"}.get(type_, "2026-05-21 15:30:00+00")
    recipe = compile_recipe({"json": [item]}, {"v": type_})
    found = quick_hashes(recipe, {"v": [good, value, good]})
    assert (found[1], found[0]) == (None, found[2])
    assert found[0] is not None


@pytest.mark.parametrize(
    "item",
    [
        {"column": "a", "trim": True},
        {"column": "a", "null": "omit"},
        {"a": "sha256_hex"},
        {"key": "a", "json": ["a"], "quoted": True},
        {"unless_first": ["a"]},
        {"key": "p", "previous": "HEX"},
        {"key": "z", "column": "at", "format": {"iso": {"zone": "Europe/Madrid"}}},
    ],
)
def test_what_the_native_core_cannot_write_has_no_plan(item: object) -> None:
    assert compile_recipe({"json": [item]}, TYPES).plan is None


def test_a_tree_is_made_of_bytes_only() -> None:
    for made in (native.LEAVES, native.NODES):
        assert made is not None
        with pytest.raises(TypeError):
            made(["text", "text"])  # type: ignore[list-item]


RUN = """
import hashlib, sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("pytest_audit_ledger.native.core", sys.argv[1])
core = module_from_spec(spec)
spec.loader.exec_module(core)
piece = (b"<", 1, int(sys.argv[2]), b"", b"", b"", b"")
assert core.Rows(b"a\\tb\\n", 2).hashes((piece,), b">") == [hashlib.sha256(b"<b>").hexdigest()]
"""


@pytest.mark.parametrize("python", [sys.executable, pythons()[-1]])
def test_whichever_python_builds_it_this_one_runs_it(python: str, tmp_path: Path) -> None:
    where = "import sysconfig; print(sysconfig.get_path('include'))"
    headers = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
    if not shutil.which(compiler[0]) or not Path(headers, "Python.h").exists():
        pytest.skip("no compiler, or no headers of that Python")
    sources = [str(Path(native.__file__).with_name(name)) for name in ("core.c", "document.c", "sha256.c")]
    core = str(tmp_path / "core.abi3.so")
    strict = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run([*compiler, "-shared", "-fPIC", *strict, f"-I{headers}", *sources, "-o", core], check=True)
    subprocess.run([sys.executable, "-c", RUN, core, str(int(Form.TEXT))], check=True)
