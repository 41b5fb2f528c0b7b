"""What pytest's JUnit file lacks to stand as evidence, in the words of readers: Jenkins, GitLab, GitHub, Azure.

- `system-out` of a check has its rule, what it examined, its controls with their titles, and what it warns of. Readers
  show it, while none shows what a test that passed warned of, and most drop the properties of a test case.
- The class is `ledger.` and the name of the suite. Readers take the last part of a class for its name, and the others
  for a package, so of `integrity.ledger.yaml` they would show `yaml`.
- The strict form has no properties of test cases, which the schema of Jenkins does not have (xunit-plugin,
  junit-10.xsd): they are lines of `system-out` there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.outcome_text import describe
from pytest_audit_ledger.suite.check import Control

PREFIX = "ledger."
"""What the names of our properties begin with."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def without_control_characters(text: str) -> str:
    """Return a text that XML 1.0 allows (section 2.2)."""
    return _NOT_XML.sub("?", text)


def class_name(suite: str) -> str:
    """Return the class of the checks of a suite, which has a dot only between folders."""
    parts = re.sub(r"\.ledger\.ya?ml$", "", suite).split("/")
    return ".".join(["ledger", *(part.replace(".", "_") for part in parts if part.strip("."))])


def complete(
    path: Path, outcomes: Mapping[str, Outcome], controls: Mapping[str, Control], *, prefix: str, strict: bool
) -> None:
    """Complete the JUnit file that pytest wrote; `outcomes` are by node id, `prefix` is pytest's own for classes.

    Raises OutputError if the file cannot be written, and ValueError or OSError if it cannot be read.
    """
    try:
        tree = ElementTree.parse(path)  # noqa: S314  (pytest wrote it)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not XML: {error}") from error
    cases = [case for case in tree.iter("testcase") if "suite" in _properties(case)]
    for case in cases:
        told = _properties(case)
        outcome = outcomes.get(f"{told['suite']}::{case.get('name')}")
        case.set("classname", ".".join(filter(None, (prefix, class_name(told["suite"])))))
        lines = [*(_described(outcome, controls) if outcome else ()), *(_facts(told) if strict else ())]
        if strict:
            _drop_properties(case)
        if lines:
            _say(case, "\n".join(lines))
    if cases:
        with whole_files(path, overwrite=True) as (draft,):
            draft.write(ElementTree.tostring(tree.getroot(), encoding="utf-8", xml_declaration=True))


def _properties(case: Element) -> dict[str, str]:
    """Return our properties of a test case, without their prefix."""
    told = {one.get("name", ""): one.get("value", "") for one in case.iterfind("properties/property")}
    return {name.removeprefix(PREFIX): value for name, value in told.items() if name.startswith(PREFIX)}


def _drop_properties(case: Element) -> None:
    for properties in case.findall("properties"):
        for one in properties.findall("property"):
            if one.get("name", "").startswith(PREFIX):
                properties.remove(one)
        if not len(properties):
            case.remove(properties)


def _described(outcome: Outcome, controls: Mapping[str, Control]) -> Iterator[str]:
    """Yield what to say of an outcome; of a failure, only what is not in its message."""
    if outcome.status not in (Status.FAIL, Status.ERROR):
        yield describe(outcome)
    yield f"  examined  {outcome.element_count:,} {outcome.unit}"
    for name in outcome.controls:
        title = controls[name].title if name in controls else ""
        yield f"  control  {printable(f'{name} {title}'.rstrip(), 1000)}"


def _facts(told: Mapping[str, str]) -> Iterator[str]:
    yield from (f"  {name}: {value}" for name, value in told.items() if value)


def _say(case: Element, text: str) -> None:
    said = case.find("system-out")
    if said is None:
        said = ElementTree.SubElement(case, "system-out")
    said.text = without_control_characters("\n".join(filter(None, (said.text, text))))
