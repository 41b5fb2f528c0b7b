"""The package holds to its own design: imports point one way, everything public is documented, modules are short."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest_audit_ledger

PACKAGE = Path(pytest_audit_ledger.__file__).parent
NAME = "pytest_audit_ledger"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
LONGEST_MODULE = 700
ALONE = "standalone/verify.py"
"""It is one file by design: whoever verifies with it has nothing else of ours."""

LAYERS = (
    ("errors",),
    ("native",),
    ("model", "files", "standalone"),
    ("options",),
    ("commands",),
    ("checkpoints", "extensions"),
    ("kinds",),
    ("suite", "sources"),
    ("scratch",),
    ("verify",),
    ("investigate", "repair", "infer"),
    ("output",),
    ("export",),
    ("backup", "report"),
    ("differences", "anchor", "evidence"),
    ("artifacts",),
    ("drill",),
    ("attacks",),
    ("hookspecs",),
    ("ledger",),
    ("types",),
    ("cli", "plugin"),
    ("__main__",),
)
"""From the bottom up. A module may import its own layer's room, and whatever lies below."""

PSYCOPG2 = {"sources", "scratch", "repair"}
PYTEST = {"plugin"}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room(module: str) -> str:
    """Return the part of the package that a module belongs to, such as `kinds`; empty for the public face."""
    return module.removeprefix(NAME).removeprefix(".").partition(".")[0]


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Return the full names that a module imports, at its top or inside of a function."""
    names: list[str] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)} has a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(names)


def is_ours(name: str) -> bool:
    return name.partition(".")[0] == NAME


def level(name: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if name in rooms)


def test_there_are_modules_to_look_at() -> None:
    assert {"model/entry.py", "kinds/chain_linkage.py", "plugin/__init__.py"} <= set(map(relative, MODULES))


def test_every_module_has_its_place_in_the_order() -> None:
    placed = {name for rooms in LAYERS for name in rooms}
    assert {room(dotted(path)) for path in MODULES} - {""} <= placed


def test_imports_point_one_way() -> None:
    ours = [(path, room(dotted(path)), name) for path in MODULES for name in imported(path) if is_ours(name)]
    assert len(ours) > len(MODULES)
    assert [
        f"{relative(path)} imports {name}"
        for path, here, name in ours
        if here and room(name) != here and level(room(name)) >= level(here)
    ] == []


def test_the_public_face_is_imported_by_nobody() -> None:
    parts = {one.stem for one in PACKAGE.iterdir()}
    ours = [(path, name) for path in MODULES for name in imported(path) if name.startswith(f"{NAME}.")]
    assert [f"{relative(path)} imports {name}" for path, name in ours if room(name) not in parts] == []


def importers(library: str) -> set[str]:
    return {room(dotted(path)) for path in MODULES if any(name.partition(".")[0] == library for name in imported(path))}


def test_the_table_of_options_imports_next_to_nothing() -> None:
    ours = {room(name) for name in imported(PACKAGE / "options.py") if is_ours(name)}
    assert ours <= {"errors", "model"}


def test_only_sources_scratch_and_repair_know_psycopg2() -> None:
    assert importers("psycopg2") == PSYCOPG2


def test_only_the_plugin_knows_pytest() -> None:
    assert importers("pytest") == PYTEST


def test_nobody_imports_the_inside_of_pytest() -> None:
    assert importers("_pytest") == set()


def test_the_core_does_no_input_or_output() -> None:
    forbidden = {"os", "io", "pathlib", "socket", "subprocess", "sys", "tempfile", "logging"}
    kinds = ("kind", "chain_linkage", "hash_coverage", "envelope_hash", "plpgsql", "transcript_signature")
    investigate = ("rewritings", "hypotheses", "reconstruction", "systematic")
    rooms = (*(f"kinds/{kind}.py" for kind in kinds), *(f"investigate/{name}.py" for name in investigate))
    model = [relative(path) for path in MODULES if room(dotted(path)) == "model"]
    for name in (*model, *rooms):
        assert {one.partition(".")[0] for one in imported(PACKAGE / name)} & forbidden == set(), name


def is_overload(node: ast.AST) -> bool:
    """Tell whether a function only declares types, and the one that follows it is documented."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(isinstance(decorator, ast.Name) and decorator.id == "overload" for decorator in decorators)


def undocumented(node: ast.AST, name: str) -> Iterator[str]:
    """Yield the public classes and functions, and methods of public classes, that have no docstring."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            if ast.get_docstring(child) is None and not is_overload(child):
                yield f"{name}{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from undocumented(child, f"{name}{child.name}.")


def test_every_module_that_holds_something_says_what() -> None:
    assert [relative(path) for path in MODULES if parsed(path).body and not ast.get_docstring(parsed(path))] == []


def test_everything_public_has_a_docstring() -> None:
    assert [name for path in MODULES for name in undocumented(parsed(path), f"{relative(path)}: ")] == []


def test_no_module_is_long() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE and name != ALONE} == {}


def test_the_verifier_that_is_filed_imports_nothing_but_the_standard_library() -> None:
    tree = parsed(PACKAGE / ALONE)
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
