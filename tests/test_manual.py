"""The manual of the suite language: every suite in it does what it says, and nothing of the language is left out.

A block of YAML holds a whole suite, or checks to be wrapped in one. By its first line

    # FAIL, WARN, WAIVED, ERROR, SKIP   its last check ends so, and the text that follows is in what is reported
    # refused                           it is not understood, and the text that follows is among what is said
    # NAME.yaml                         it is a file of that name, for others to include

and otherwise all of its checks pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.kinds.data_kind import RowKind
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.output.outcome_text import describe
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.suite.schema import language
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import REGISTRY, verify_checks

MANUAL = (Path(__file__).parents[1] / "checks" / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Example:
    """A block of YAML: its mark, the suite, and the text that follows it at once, if there is any."""

    mark: str
    suite: str
    text: str

    @property
    def name(self) -> str:
        """The first id in it, with its mark."""
        found = re.search(r"id: ([\w.-]+)", self.suite)
        return f"{self.mark or 'PASS'} {found[1] if found else ''}"


def examples() -> Iterator[Example]:
    """Yield every block of YAML in the manual."""
    for block, text in re.findall(r"```yaml\n(.*?)```(?:\n\n```text\n(.*?)```)?", MANUAL, re.DOTALL):
        marked = re.match(r"# ([A-Z]+|refused|\S+\.yaml)\n", block)
        head = "" if "version: 1" in block else "version: 1\nchecks:\n"
        yield Example(marked[1] if marked else "", head + block, text)


EXAMPLES = list(examples())


@pytest.fixture
def ledger(forger: Forger) -> str:
    """The DSN of a ledger of which all is true that the manual says of one."""
    forger.build(100)
    forger.run("CREATE TABLE rules AS SELECT DISTINCT rule_id AS id FROM ledger_entries")
    return forger.dsn


def outcomes(example: Example, folder: Path, dsn: str) -> tuple[Outcome, ...]:
    """Write the example next to those that it may include, and run it."""
    for other in EXAMPLES:
        if other.mark.endswith(".yaml"):
            (folder / other.mark).parent.mkdir(exist_ok=True)
            (folder / other.mark).write_text(other.suite)
    path = folder / "my.ledger.yaml"
    path.write_text(example.suite)
    verification: Verification = verify_checks(
        PostgresSource(dsn, "ledger_entries"), load(path, REGISTRY, environment={}).checks
    )
    return verification.outcomes


def assert_told(text: str, told: str) -> None:
    """Check that every line of a text is in what is reported, in this order."""
    assert text, "the manual says how this ends, and has to show what is reported"
    lines = iter(told.splitlines())
    for line in text.splitlines():
        assert any(line in candidate for candidate in lines), f"{line!r} is not told:\n{told}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_of_the_manual_does_what_it_says(example: Example, tmp_path: Path, ledger: str) -> None:
    if example.mark == "refused":
        with pytest.raises(SuiteError) as refusal:
            outcomes(example, tmp_path, ledger)
        assert_told(example.text, str(refusal.value))
        return
    *others, last = outcomes(example, tmp_path, ledger)
    if example.mark in Status.__members__:
        assert last.status is Status[example.mark], describe(last)
        assert_told(example.text, describe(last))
    else:
        others.append(last)
    for outcome in others:
        assert outcome.status is Status.PASS or outcome.reason.startswith("There was no entry"), describe(outcome)


def rows(head: str) -> dict[str, list[str]]:
    """Return the cells of every row of the manual's tables with that head, by what the first one names."""
    found: dict[str, list[str]] = {}
    for table in re.findall(rf"\| {re.escape(head)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", MANUAL):
        for row in table.splitlines():
            first, *cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            for name in names(first):
                found[name] = [*found.get(name, []), *cells]  # some keys are those of a suite and of a check
    return found


def names(cell: str) -> list[str]:
    """Return what is in backticks."""
    return re.findall(r"`([\w.]+)`", cell)


@pytest.mark.parametrize("kind", SHIPPED, ids=lambda kind: kind.name)
def test_a_kind_stands_in_the_manual_with_its_parameters(kind: type[Kind]) -> None:
    parameters, _ = rows("kind")[kind.name]
    outside = re.sub(r"\([^)]*\)", "", parameters)  # what is in brackets are defaults and values
    common = set(RowKind.parameters_schema) if "common" in outside else set()
    assert set(names(outside)) | common == set(kind.parameters_schema)
    assert set(re.findall(r"\*\*`(\w+)`\*\*", outside)) == set(kind.required_parameters)
    defaults = {name: schema["default"] for name, schema in kind.parameters_schema.items() if "default" in schema}
    for name in defaults.keys() - common:
        if name not in RowKind.parameters_schema:
            written = str(defaults[name]).lower() or '""'
            assert f"`{name}` (`{written}`" in parameters or f"`{name}` (`{written}:" in parameters, name


def test_the_manual_describes_every_common_parameter_and_has_no_kind_that_is_not_there() -> None:
    assert rows("parameter").keys() == RowKind.parameters_schema.keys()
    assert rows("kind").keys() == {kind.name for kind in SHIPPED}


def test_every_kind_about_data_has_an_example() -> None:
    used = set(re.findall(r"expect: (\w+)", "".join(example.suite for example in EXAMPLES)))
    assert {kind.name for kind in SHIPPED if not kind.integrity} <= used


def test_every_key_of_the_language_stands_in_the_manual() -> None:
    schema: Mapping[str, Any] = language()
    described = rows("key")
    definitions = schema["$defs"]
    assert described.keys() == {*schema["properties"], *definitions["check"]["properties"]}
    parts = {
        "vars": definitions["variable"],
        "controls": schema["properties"]["controls"]["additionalProperties"],
        "defaults": schema["properties"]["defaults"],
    }
    for key, part in parts.items():
        assert set(part["properties"]) <= set(names(" ".join(described[key]))), key
    waivers = MANUAL.partition("\n## Waivers\n")[2].partition("\n## ")[0]
    assert set(definitions["waiver"]["properties"]) <= set(names(waivers))


def test_every_alias_stands_in_the_table_of_names_beside_its_kind() -> None:
    table = MANUAL.partition("\n## Names you know\n")[2].partition("\n## ")[0]
    told: dict[str, list[str]] = {}
    for _, _, expectation, _, ours, _ in (line.split("|") for line in table.splitlines() if line.startswith("|")):
        told.update(dict.fromkeys(names(expectation), names(ours)))
    aliases = {alias: [kind.name] for kind in SHIPPED for alias in kind.aliases}
    assert {alias: told.get(alias) for alias in aliases} == aliases
