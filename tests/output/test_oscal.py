"""OSCAL assessment results: valid by NIST's rules in every state of a ledger, and what they say and leave unsaid."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.model.defaults import OSCAL_VERSIONS
from pytest_audit_ledger.model.outcome import Assurance, Finding, Outcome, Status
from pytest_audit_ledger.output import verification_json
from pytest_audit_ledger.output.oscal import OscalRequest, as_text, oscal_request
from pytest_audit_ledger.suite.check import Control, SuiteSource
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import TAMPERINGS, Forger
from tests.support.hostile import HOSTILE
from tests.support.newer_python import run_newer
from tests.support.outcomes import outcome, verification

THEIRS = """
import json, sys, tempfile
from pathlib import Path
from oscal_validate import validate_file

found = []
with tempfile.TemporaryDirectory() as folder:
    for text in json.load(sys.stdin):
        path = Path(folder) / "results.json"
        path.write_text(text, encoding="utf-8")
        found.append([[one.severity.name, one.code, one.location, one.message] for one in validate_file(path)])
print(json.dumps(found))
"""

PLAIN, SATISFIED = OscalRequest(), OscalRequest(satisfied=True)
DATE = "2026-05-21T15:30:00.123456+00:00"
CONTROLS = {
    "NIST-AU-9": Control("Protection of audit information", oscal=("nist-800-53", "au-9")),
    "OTHER-9": Control("The same by another name", oscal=("nist-800-53", "au-9")),
    "9/house:rule": Control("A rule of the house"),
}


def judged(*texts: str) -> list[list[tuple[str, str]]]:
    """Return what NIST's schema and constraints find wrong in each document, and where.

    Left out is what the tool says it did not look at, that older versions are judged by the rules of 1.2.3, and that
    the controls are in no document that was given to it.
    """
    given = json.loads(run_newer("oscal", "oscal_validate", THEIRS, json.dumps(texts)))
    return [[(code, f"{where}: {said}") for _, code, where, said in one if not _is_known(code, where)] for one in given]


def _is_known(code: str, where: str) -> bool:
    unseen = ("PATTERN_NOT_CHECKED", "CONSTRAINT_NOT_EVALUATED", "IMPORT_NOT_SUPPLIED", "OSCAL_VERSION_DIFFERS")
    return code in unseen or (code == "REFERENCE_UNVERIFIABLE" and where.endswith("/control-id"))


def written(found: Verification, request: OscalRequest = PLAIN, files: Sequence[Written] = ()) -> dict[str, Any]:
    """Return the assessment results of a verification."""
    results: dict[str, Any] = json.loads(as_text(found, request, files))["assessment-results"]
    return results


def verified(*outcomes: Outcome, **said: Any) -> Verification:
    """Return a verification of some moment, but for what is said."""
    suites = (SuiteSource("my own.ledger.yaml", Path("my own.ledger.yaml"), "a" * 64),)
    return verification(*outcomes, **{"started_at": DATE, "controls": CONTROLS, "suites": suites, **said})


def states(results: dict[str, Any]) -> dict[str, str]:
    """Return the state of every objective that has a finding."""
    findings = results["results"][0].get("findings", ())
    return {one["target"]["target-id"]: one["target"]["status"]["state"] for one in findings}


def resources(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["title"]: one for one in results["back-matter"]["resources"]}


def clean(forger: Forger) -> Verification:
    return Ledger(forger.build(60).dsn).verify_integrity()


def failed(forger: Forger) -> Verification:
    TAMPERINGS["verdict-edited"](forger.build(100))
    return Ledger(forger.dsn).verify_integrity()


def warned(forger: Forger) -> Verification:
    own = Path("own.ledger.yaml")
    own.write_text(
        "version: 1\ncontrols: {9/house:rule: {title: A rule}}\nchecks:\n"
        "  - {id: cites-rule, expect: not_null, column: rule_id, severity: warning, controls: [9/house:rule]}\n"
    )
    return Ledger(forger.build(60).dsn).verify_integrity(suites=[own])


def skipped(forger: Forger) -> Verification:
    return Ledger(forger.build(0).dsn).verify_integrity(allow_empty=True)


def unverified(forger: Forger) -> Verification:
    return Ledger(forger.dsn, table="nothing.here").verify_integrity()


def of_streams(forger: Forger) -> Verification:
    forger.run(sql("demo/verifactu.sql"))
    forger.run("UPDATE registros_facturacion SET importe_total = 1 WHERE numero_registro = 51")
    return Ledger(forger.dsn, profile="verifactu").verify_integrity()


@pytest.mark.parametrize(
    ("state", "assurance", "worst"),
    [
        (clean, Assurance.SELF_CONSISTENT, Status.PASS),
        (warned, Assurance.SELF_CONSISTENT, Status.WARN),
        (failed, Assurance.TAMPERED, Status.FAIL),
        (skipped, Assurance.UNVERIFIED, Status.SKIP),
        (unverified, Assurance.UNVERIFIED, Status.ERROR),
        (of_streams, Assurance.TAMPERED, Status.FAIL),
    ],
)
def test_every_state_of_a_ledger_is_valid_by_nists_rules(
    forger: Forger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: Callable[[Forger], Verification],
    assurance: Assurance,
    worst: Status,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = state(forger)
    assert found.assurance is assurance
    assert found.with_status(worst)
    results = written(found)
    served = {"au-9_obj", "au-10_obj", "SOC2-CC7.2", "ISO27001-A.8.15", "EU-AI-Act-12"}  # by entry_hash
    assert states(results) == dict.fromkeys(served if worst is Status.FAIL else (), "not-satisfied")
    assert results["results"][0]["title"] == assurance.value
    assert len(results["results"][0]["observations"]) == len(found.outcomes)
    assert judged(as_text(found, PLAIN), as_text(found, OscalRequest(OSCAL_VERSIONS[-1], satisfied=True))) == [[], []]


def test_nists_rules_find_an_identifier_of_another_version_and_the_reference_that_it_breaks() -> None:
    text = as_text(verified(outcome()), PLAIN)
    filed = resources(json.loads(text)["assessment-results"])["verification.json"]["uuid"]
    (found,) = judged(text.replace(f'"uuid": "{filed}"', f'"uuid": "{filed[:14]}1{filed[15:]}"'))
    assert [code for code, _ in found] == ["DATATYPE_MISMATCH", "REFERENCE_UNVERIFIABLE"]


def test_hostile_texts_are_valid_by_nists_rules() -> None:
    outcomes = [
        outcome(check_id=text, controls=(text,), description=text, findings=(Finding("CODE", text),), codes={"CODE": 1})
        for text in HOSTILE
        if "\ud800" not in text
    ]
    assert judged(as_text(verified(*outcomes, database="\n", sentence=" "), PLAIN)) == [[]]


TEXTS = st.text(max_size=8) | st.sampled_from(HOSTILE)
OUTCOMES = st.builds(
    outcome,
    check_id=TEXTS,
    suite=TEXTS,
    description=TEXTS,
    controls=st.lists(TEXTS | st.sampled_from([*CONTROLS]), max_size=4, unique=True).map(tuple),
    status=st.sampled_from(Status),
    codes=st.dictionaries(TEXTS, st.integers(1, 9), max_size=2),
    findings=st.lists(st.builds(Finding, TEXTS, TEXTS), max_size=2).map(tuple),
)
FILES = st.lists(
    st.builds(
        Written,
        path=st.text(min_size=1).filter(lambda path: "\0" not in path),
        sha256=st.just("a" * 64) | st.just("b" * 64),
        size=st.just(1),
    ),
    unique_by=lambda file: file.path,
)


def everything(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value in a document with its name, from the outside to the inside."""
    yield name, part
    if isinstance(part, dict):
        for key, value in part.items():
            yield from everything(value, key)
    elif isinstance(part, list):
        for value in part:
            yield from everything(value, name)


@given(st.lists(OUTCOMES), FILES, st.booleans(), TEXTS)
def test_whatever_a_ledger_and_its_suites_say_the_document_holds_together(
    outcomes: list[Outcome], files: list[Written], satisfied: bool, text: str
) -> None:
    found = verified(*outcomes, database=text, table=text, sentence=text)
    request = OscalRequest(satisfied=satisfied)
    results = written(found, request, files)
    assert results == written(found, request, files)
    parts = list(everything(results))
    assert not [name for name, part in parts if part in ("", [], {}, None)]
    own = [part for name, part in parts if name == "uuid"]
    assert len(own) == len(set(own))
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in own)
    referred = [part for name, part in parts if name.endswith("-uuid")]
    referred += [part.removeprefix("#") for name, part in parts if name == "href" and part.startswith("#")]
    assert set(referred) <= set(own)
    tokens = [part for name, part in parts if name in ("control-id", "target-id", "name", "filename")]
    assert [token for token in tokens if not re.fullmatch(r"[A-Za-z_][\w.-]*", token, re.ASCII)] == []
    lines = [part for name, part in parts if name in ("value", "title") and isinstance(part, str)]
    assert [line for line in lines if not re.fullmatch(r"\S(.*\S)?", line)] == []


def test_only_what_failed_is_stated() -> None:
    ended = {status: outcome(status=status, controls=(status.value,)) for status in Status}
    results = written(verified(*ended.values(), assurance=Assurance.TAMPERED), SATISFIED)
    assert states(results) == {"FAIL": "not-satisfied"}
    (selection,) = results["results"][0]["reviewed-controls"]["control-selections"]
    reviewed = {one["control-id"] for one in selection["include-controls"]}
    assert reviewed == {"PASS", "WARN", "FAIL", "WAIVED"}


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ((Status.PASS, Status.PASS), "satisfied"),
        ((Status.PASS, Status.SKIP), "satisfied"),
        ((Status.SKIP, Status.SKIP), None),
        ((Status.PASS, Status.WARN), None),
        ((Status.PASS, Status.WAIVED), None),
        ((Status.PASS, Status.ERROR), None),
        ((Status.PASS, Status.FAIL), "not-satisfied"),
    ],
)
def test_a_control_is_satisfied_if_that_is_asked_for_and_nothing_was_found(
    statuses: Sequence[Status], state: str | None
) -> None:
    found = verified(*(outcome(status=status, controls=("NIST-AU-9",)) for status in statuses))
    assert states(written(found, SATISFIED)) == ({"au-9_obj": state} if state else {})
    plain = {"au-9_obj": state} if state == "not-satisfied" else {}
    assert states(written(found)) == plain


@pytest.mark.parametrize("assurance", [Assurance.UNVERIFIED, Assurance.TAMPERED])
def test_no_control_is_satisfied_by_a_ledger_that_was_not_verified(assurance: Assurance) -> None:
    found = verified(outcome(status=Status.PASS, controls=("NIST-AU-9",)), assurance=assurance)
    assert states(written(found, SATISFIED)) == {}


def test_a_failed_check_without_a_control_is_not_lost() -> None:
    results = written(verified(outcome(check_id="one-model-a-day"), outcome(check_id="two", status=Status.PASS)))
    assert states(results) == {"one-model-a-day": "not-satisfied"}


def test_two_names_of_one_control_get_one_finding_with_the_observations_of_both() -> None:
    one, two = outcome(controls=("NIST-AU-9",)), outcome(check_id="two", controls=("OTHER-9",), status=Status.PASS)
    results = written(verified(one, two, outcome(check_id="three", controls=("9/house:rule",))))
    assert states(results) == {"au-9_obj": "not-satisfied", "_9_house_rule": "not-satisfied"}
    (finding, _) = results["results"][0]["findings"]
    assert finding["description"] == "1 of 2 checks passed. 1 check failed: one."
    observed = [observation["uuid"] for observation in results["results"][0]["observations"]]
    assert [related["observation-uuid"] for related in finding["related-observations"]] == observed[:2]


def test_the_evidence_is_embedded_and_the_plan_names_the_suites() -> None:
    found = verified(outcome())
    results = written(found)
    plan, filed = resources(results)["Suites"], resources(results)["verification.json"]
    assert results["import-ap"] == {"href": f"#{plan['uuid']}"}
    hashes = [{"algorithm": "SHA-256", "value": "a" * 64}]
    assert plan["rlinks"] == [{"href": "my%20own.ledger.yaml", "hashes": hashes}]
    content = b64decode(filed["base64"]["value"])
    assert content.decode() == f"{verification_json.as_text(found)}\n"
    assert sha256(content).hexdigest() in filed["description"]
    (observation,) = results["results"][0]["observations"]
    assert [one["href"] for one in observation["relevant-evidence"]] == [f"#{filed['uuid']}"]
    assert observation["props"][0] == {"name": "assessment-rule-id", "value": "one"}


def test_files_are_named_where_they_are() -> None:
    found = verified(outcome())
    digest = sha256(f"{verification_json.as_text(found)}\n".encode()).hexdigest()
    names = {"v.json": digest, "suites/my own.ledger.yaml": "a" * 64, "a:b.jsonl": "b" * 64}
    results = written(found, files=[Written(path=path, sha256=one, size=1) for path, one in names.items()])
    linked = {one["href"]: one["hashes"][0]["value"] for part in resources(results).values() for one in part["rlinks"]}
    assert linked == {"v.json": digest, "suites/my%20own.ledger.yaml": "a" * 64, "a%3Ab.jsonl": "b" * 64}


def test_another_verification_of_the_same_ledger_has_other_identifiers_but_for_ledger_and_tool() -> None:
    one = verified(outcome(), database="ledger")
    found = [{part for name, part in everything(written(each)) if name == "uuid"} for each in (one, later(one))]
    definitions = written(one)["results"][0]["local-definitions"]
    known = [*definitions["components"], *definitions["assessment-assets"]["components"]]
    assert found[0] & found[1] == {component["uuid"] for component in known}


def later(found: Verification) -> Verification:
    return replace(found, started_at="2026-05-22T15:30:00+00:00")


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(UsageError, match=r"OSCAL 1\.0\.0 cannot be written\. Use one of 1\.2\.3, 1\.1\.2"):
        oscal_request("1.0.0", satisfied=False)


def test_the_python_api_writes_what_the_command_prints(forger: Forger, tmp_path: Path) -> None:
    ledger = Ledger(forger.build(10).dsn)
    found = ledger.verify_integrity()
    written = ledger.save_oscal(found, tmp_path / "oscal.json", version="1.1.2")
    assert (tmp_path / "oscal.json").read_text("utf-8") == f"{as_text(found, OscalRequest('1.1.2'))}\n"
    assert written.sha256 == sha256((tmp_path / "oscal.json").read_bytes()).hexdigest()
    with pytest.raises(UsageError, match="exists already"):
        ledger.save_oscal(found, tmp_path / "oscal.json")
    with pytest.raises(UsageError, match=r"OSCAL 9 cannot be written"):
        ledger.save_oscal(found, tmp_path / "other.json", version="9")
