"""Every message of the package on one page, read from its source: findings with their remedies, and errors.

`tests/reference.py` writes the page, and a test compares it, so that a change of words shows in a diff. What a message
fills in is shown as a word in {braces}.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import pytest_audit_ledger
from pytest_audit_ledger.kinds.data_kind import RowKind
from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.sources import pg_errors

PACKAGE = Path(pytest_audit_ledger.__file__).parent

ERRORS = {
    "UsageError": "wrong usage",
    "SuiteError": "wrong usage",
    "ProfileError": "wrong usage",
    "RegistrationError": "wrong usage",
    "SourceError": "the ledger could not be read",
    "CannotEvaluate": "a check could not be evaluated",
    "NotApplicable": "a check is skipped",
    "OutputError": "a file could not be written",
    "Prevented": "an attack was refused",
}
MOST = 4
"""Alternatives of one text that are shown."""

Scope = dict[str, list[ast.expr]]


def placeholder(node: ast.expr) -> str:
    """Return the word that stands for what a message fills in."""
    if isinstance(node, ast.Name):
        return node.id.strip("_")
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    if isinstance(node, ast.Subscript):
        return placeholder(node.value)
    if isinstance(node, ast.Call):
        named = [one for one in node.args if not isinstance(one, ast.Constant) and not is_constant(one)]
        return placeholder(named[-1]) if named else "value"
    if isinstance(node, ast.BinOp):
        return "number"
    return "value"


def is_constant(node: ast.expr) -> bool:
    """Tell whether a name is that of a constant, such as the number of characters that are shown."""
    return isinstance(node, ast.Name) and node.id.isupper()


def texts(node: ast.expr, scope: Scope, depth: int = 0) -> list[str]:
    """Return the texts that an expression can be; empty for what is not written here."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*texts(node.body, scope, depth), *texts(node.orelse, scope, depth)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [texts(node.left, scope, depth), texts(node.right, scope, depth)]
        return combined(sides) if any(sides) else []  # a sum of numbers has no text
    if isinstance(node, ast.Name) and node.id in scope and depth < 3:
        found = [text for value in scope[node.id] for text in texts(value, scope, depth + 1)]
        return list(dict.fromkeys(found))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "replace"):
        return texts(node.func.value, scope, depth) if node.func.attr == "replace" else ["{list}"]
    if isinstance(node, ast.JoinedStr):
        parts = []
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                inner = texts(value.value, scope, depth + 1) if not isinstance(value.value, ast.Attribute) else []
                parts.append(inner or [f"{{{placeholder(value.value)}}}"])
            else:
                parts.append(texts(value, scope, depth))
        return combined(parts)
    return []


def combined(parts: list[list[str]]) -> list[str]:
    """Return the texts that parts make together, each part by its alternatives; a few of them."""
    made = [""]
    for part in parts:
        made = [text + more for text in made for more in (part or ["…"])][:MOST]
    return made


def imported(tree: ast.Module) -> Scope:
    """Return the texts that a module imports from others, by name; a bare word is none."""
    found: Scope = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(pytest_audit_ledger.__name__):
            module = import_module(node.module or "")
            values = {one.asname or one.name: getattr(module, one.name, None) for one in node.names}
            texts_only = {
                name: value for name, value in values.items() if isinstance(value, str) and {" ", "."} & {*value}
            }
            found |= {name: [ast.Constant(value)] for name, value in texts_only.items()}
    return found


def scopes(tree: ast.Module, known_before: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    """Yield every call, with what the names of its function and module are when it is reached."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    everywhere = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    constants = {name: [value for _, value in found] for name, found in assigned(tree.body).items()}
    seen: set[int] = set()
    for function in sorted(functions, key=lambda node: (node.end_lineno or 0) - node.lineno):
        known = {**known_before, **constants, **passed(function, everywhere)}
        local = assigned(list(ast.walk(function)))
        branches = [node for node in ast.walk(function) if isinstance(node, ast.If)]
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and id(node) not in seen:
                seen.add(id(node))
                yield node, {**known, **{name: reaching(node, found, branches) for name, found in local.items()}}


def assigned(nodes: Sequence[ast.AST]) -> dict[str, list[tuple[int, ast.expr]]]:
    """Return what each name is assigned, and in which line."""
    found: dict[str, list[tuple[int, ast.expr]]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append((node.lineno, node.value))
    return found


def reaching(call: ast.Call, found: list[tuple[int, ast.expr]], branches: list[ast.If]) -> list[ast.expr]:
    """Return which of the values that a name is assigned it can have at a call: the last, by each branch before it."""
    before = sorted((line, id(value), value) for line, value in found if line < call.lineno)
    if not before:
        return [value for _, value in found]
    last = before[-1][0]
    around = [(one.lineno, one.end_lineno or 0) for one in branches if one.lineno <= last <= (one.end_lineno or 0)]
    ended = [span for span in around if span[1] < call.lineno]
    start = min((first for first, _ in ended), default=last)
    return [value for line, _, value in before if line >= start]


def passed(function: ast.FunctionDef, everywhere: list[ast.Call]) -> Scope:
    """Return what the parameters of a function are given by the calls in its module."""
    names = [one.arg for one in function.args.args if one.arg not in ("self", "cls")]
    scope: Scope = {}
    for call in everywhere:
        if name_of(call) == function.name:
            for place, name in enumerate(names):
                if (value := argument(call, place, name)) is not None:
                    scope.setdefault(name, []).append(value)
    return scope


def name_of(call: ast.Call) -> str:
    """Return the name of what is called."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def argument(call: ast.Call, place: int, keyword: str) -> ast.expr | None:
    """Return an argument by its place or its name."""
    if len(call.args) > place:
        return call.args[place]
    return next((one.value for one in call.keywords if one.arg == keyword), None)


def calls(path: Path) -> list[tuple[ast.Call, Scope]]:
    """Return the calls of a module in order of their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = scopes(tree, imported(tree))
    return sorted(found, key=lambda one: (one[0].lineno, one[0].col_offset))


def cell(text: str) -> str:
    """Return a text as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def findings(path: Path) -> Iterator[str]:
    """Yield a row for each finding that a module can make."""
    rows = []
    for call, scope in calls(path):
        if name_of(call) == "Finding":
            code, message = argument(call, 0, "code"), argument(call, 1, "message")
            for one in texts(code, scope) if code is not None else []:
                rows += [f"| `{one}` | {cell(text)} |" for text in (texts(message, scope) if message else [])]
    yield from dict.fromkeys(rows)


def errors(path: Path) -> Iterator[str]:
    """Yield a row for each error that a module can raise."""
    rows = []
    if path == Path(pg_errors.__file__):
        rows = [
            f"| {cell(f'{sentence}: {{label}} ({{words}}).')} | {cell(remedy)} | {ERRORS['SourceError']} |"
            for sentence, remedy in pg_errors.SENTENCES
        ]
    for call, scope in calls(path):
        kind = ERRORS.get(name_of(call))
        message, remedy = argument(call, 0, "message"), argument(call, 1, "remedy")
        if kind and message is not None:
            said = texts(message, scope)
            advice = texts(remedy, scope) if remedy is not None else []
            rows += [f"| {cell(text)} | {cell(' / '.join(advice[:MOST]))} | {kind} |" for text in said[:MOST]]
    yield from dict.fromkeys(rows)


def mistakes(path: Path) -> Iterator[str]:
    """Yield a row for each mistake in a suite that a module can report."""
    rows = []
    for call, scope in calls(path):
        if name_of(call) in ("mistake", "Objection"):
            rows += [
                f"| {cell(text)} |" for text in texts(call.args[-1], scope) if text.strip("{}") != placeholder(call)
            ]
    yield from dict.fromkeys(rows)


def page(note: str) -> str:
    """Return the page; `note` says where it comes from."""
    lines = [
        "# Messages",
        "",
        note,
        "",
        "Every finding of a check and every error, with what to do. A word in {braces} stands for what is filled in.",
        "",
        "- [Findings](#findings)",
        "- [Errors](#errors)",
        "- [Mistakes in suites](#mistakes-in-suites)",
        "",
        "## Findings",
    ]
    for kind in SHIPPED:
        lines += ["", f"### {kind.name}", "", f"{kind.rule}", "", f"What to do: {kind.remedy}"]
        rows = list(findings(PACKAGE / "kinds" / f"{kind.name}.py"))
        if issubclass(kind, RowKind) and not rows:
            rows = [f"| `{kind.code}` | {cell(kind.fault or '(words that depend on the check)')} |"]
        lines += [*(f"\n`{code}`: {remedy}" for code, remedy in kind.remedies.items())]
        lines += ["", "| code | finding |", "|---|---|", *rows] if rows else []
    shared = [row for path in sorted((PACKAGE / "checkpoints").glob("*.py")) for row in findings(path)]
    lines += ["", "### checkpoint, by comparison", "", "| code | finding |", "|---|---|", *shared, "", "## Errors"]
    for path in sorted(PACKAGE.rglob("*.py")):
        rows = list(errors(path))
        if rows:
            place = path.relative_to(PACKAGE).as_posix()
            lines += ["", f"### {place}", "", "| message | what to do | what it means |", "|---|---|---|", *rows]
    slips = [row for path in sorted((PACKAGE / "suite").glob("*.py")) for row in mistakes(path)]
    place = "Each with its place, `FILE:LINE:COLUMN`. A suite with a mistake does not run."
    lines += ["", "## Mistakes in suites", "", place, "", "| mistake, and what to do |", "|---|", *dict.fromkeys(slips)]
    return "\n".join(lines) + "\n"
