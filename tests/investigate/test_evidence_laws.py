"""The evidence does not depend on how a ledger is divided, and every fault leads to an incident."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import given

from pytest_audit_ledger.investigate.classification import classify
from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan, Fault
from pytest_audit_ledger.investigate.incident import IncidentType
from pytest_audit_ledger.verify import scan
from tests.support.laws import examples
from tests.support.rows import LEDGER, Row, batch, signed_rows
from tests.verify.test_merge_laws import cuts, ledgers, read


def gathered(segments: list[list[list[Row]]]) -> EvidenceScan:
    parts: Any = [[read(EvidenceScan({}, LEDGER, 0), list(map(batch, segment)))] for segment in segments]
    (merged,) = reduce(scan._merge_parts, parts)
    scan._guarded(merged, merged.close)
    assert isinstance(merged, EvidenceScan)
    assert merged.failure is None
    return merged


@examples(60)
@given(segments=cuts())
def test_segments_and_batches_do_not_change_the_evidence(segments: list[list[list[Row]]]) -> None:
    rows = [row for segment in segments for part in segment for row in part]
    whole, merged = gathered([[rows]]), gathered(segments)
    assert merged.faults == whole.faults
    assert merged.places == whole.places
    assert merged.runs == whole.runs
    assert merged.sample == whole.sample
    assert merged.words == whole.words
    assert classify(merged) == classify(whole)


@examples(60)
@given(rows=ledgers())
def test_every_ledger_that_does_not_fit_has_an_incident_and_one_that_fits_has_none(rows: list[Row]) -> None:
    evidence = gathered([[rows]])
    incidents = classify(evidence)
    assert bool(incidents) is bool(sum(evidence.faults.values()))
    assert all(incident.sentence.endswith(".") for incident in incidents)


def test_a_clean_ledger_has_no_fault() -> None:
    evidence = gathered([[signed_rows(20)]])
    assert not evidence.faults
    assert evidence.vocabulary()["verdict"]


def test_a_deletion_is_one_place() -> None:
    rows = signed_rows(20)
    del rows[9:12]
    evidence = gathered([[rows]])
    assert [(place.entry.number, place.faults) for place in evidence.places] == [(13, Fault.LINK | Fault.GAP)]
    assert [(one.what, one.first, one.last) for one in classify(evidence)] == [(IncidentType.DELETION, 10, 12)]
