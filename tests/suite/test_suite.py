"""Suites: what is understood."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.outcome import Severity
from pytest_audit_ledger.suite.check import Control
from pytest_audit_ledger.suite.loader import load
from tests.support.suites import CHECK, CONTROLS, GUARD, HEAD, NAME, ORDER, Read, Refuse, headlines


@pytest.mark.parametrize("path", sorted(folder("checks").glob("*.ledger.yaml")), ids=lambda path: path.name)
def test_every_shipped_suite_is_understood(path: Path, registry: Registry) -> None:
    suite = load(path, registry)
    assert suite.checks
    assert suite.name == path.name
    assert suite.sha256 == sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("path", sorted(folder("checks").glob("*.ledger.yaml")), ids=lambda path: path.name)
def test_a_shipped_suite_which_no_run_validates_is_valid(path: Path, registry: Registry, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(folder("checks"), tmp_path / "checks")
    assert load(elsewhere / path.name, registry).sha256 == load(path, registry).sha256


def test_the_default_suite_has_every_integrity_kind_under_its_own_name(registry: Registry) -> None:
    suite = load(folder("checks") / "integrity.ledger.yaml", registry)
    assert [check.id for check in suite.checks] == [check.kind.name for check in suite.checks]
    assert {check.kind.name for check in suite.checks} >= {
        "chain_linkage",
        "entry_hash",
        "sequence_continuity",
        "timestamp_order",
        "verdict_taxonomy",
        "append_only",
        "table_guard",
        "envelope_hash",
        "envelope_consistency",
        "transcript_signature",
    }
    assert {check.severity for check in suite.checks if check.kind.integrity} == {Severity.CRITICAL}
    assert {check.kind.name for check in suite.checks if not check.kind.integrity} == {"hash_coverage"}


def test_a_check_holds_what_the_suite_says(read: Read) -> None:
    text = (
        HEAD
        + ORDER
        + (
            "    severity: warning\n    description: Time runs forward.\n    controls: [SOC2-CC7.2, A-1]\n"
            "    future_tolerance: 90s\n"
        )
    )
    suite = read(text + CONTROLS)
    (check,) = suite.checks
    assert suite.controls == {"SOC2-CC7.2": Control("Monitoring"), "A-1": Control("The first")}
    assert (check.id, check.suite, check.kind.name) == ("order", NAME, "timestamp_order")
    assert (check.severity, check.description) == (Severity.WARNING, "Time runs forward.")
    assert check.controls == ("SOC2-CC7.2", "A-1")
    assert check.parameters == {"future_tolerance": "90s"}
    assert check.line == 3


def test_what_is_left_out_has_its_default(read: Read) -> None:
    (check,) = read(HEAD + CHECK).checks
    assert (check.severity, check.description, check.controls) == (Severity.CRITICAL, "", ())
    assert check.parameters == {}


def test_a_suite_can_be_given_another_name(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / NAME
    path.write_text(HEAD + CHECK)
    assert load(path, registry, "checks/ours").checks[0].suite == "checks/ours"
    path.write_text("version: 2\n")
    with pytest.raises(SuiteError, match=r"^checks/ours:1:1: "):
        load(path, registry, "checks/ours")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "# a comment\n", "---\n", "%YAML 1.2\n---\n"])
def test_line_ends_byte_order_mark_comments_and_document_start_change_nothing(
    read: Read, start: str, line_end: str
) -> None:
    (check,) = read((start + HEAD + CHECK).replace("\n", line_end)).checks
    assert check.id == "hashes"


def test_anchors_and_aliases_are_understood(read: Read) -> None:
    text = HEAD + CHECK + "    tags: &all [a, b]\n" + ORDER + "    tags: *all\n"
    assert [check.tags for check in read(text).checks] == [("a", "b"), ("a", "b")]


def test_quoted_and_flow_styles_are_understood(read: Read) -> None:
    (check,) = read('{"version": 1, "checks": [{"id": "hashes", "expect": "entry_hash"}]}').checks
    assert check.id == "hashes"


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Y", "Y"),
        ("1:30", "1:30"),
        ("2026-05-21", "2026-05-21"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        (".inf", ".inf"),
        ("nullify", "nullify"),
        ("1.2.3", "1.2.3"),
        ("!!str yes", "yes"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("'~'", "~"),
    ],
)
def test_a_scalar_that_is_text_in_yaml_1_2_is_text(read: Read, scalar: str, value: str) -> None:
    (check,) = read(f"{HEAD}{CHECK}    description: {scalar}\n").checks
    assert check.description == value


@pytest.mark.parametrize(
    ("scalar", "shown"),
    [
        ("012", "12"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("+3", "3"),
        ("-3", "-3"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("~", "null"),
        ("null", "null"),
        ("NULL", "null"),
        ("", "null"),
        ("true", "true"),
        ("FALSE", "false"),
    ],
)
def test_a_scalar_that_is_no_text_in_yaml_1_2_is_refused_as_text(refuse: Refuse, scalar: str, shown: str) -> None:
    (said,) = headlines(refuse(f"{HEAD}{CHECK}    description: {scalar}\n"))
    assert said.endswith(f": 'description' of check 'hashes' must be text (put it in quotes); got {shown}")


@pytest.mark.parametrize(("scalar", "value"), [("true", True), ("False", False)])
def test_a_parameter_can_be_a_boolean(read: Read, scalar: str, value: bool) -> None:
    (check,) = read(f"{HEAD}{GUARD}    probe: {scalar}\n").checks
    assert check.parameters == {"probe": value}
