"""Forms are the same for one reader and for several, whatever the entries and wherever the segments begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan
from pytest_audit_ledger.kinds.entry_hash import EntryHash
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.profile import Genesis, Profile, Version, own
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.verify import scan
from tests.support.laws import examples
from tests.support.rows import LEDGER

TYPES = {
    "tenant": "text",
    "seq": "bigint",
    "at": "timestamp with time zone",
    "note": "text",
    "prev": "text",
    "h": "text",
}
ONE_CHAIN = Profile(
    name="notes",
    table="notes",
    columns={"sequence_number": "seq", "previous_hash": "prev", "entry_hash": "h", "timestamp": "at"},
    genesis=Genesis(text=""),
    version=Version(payload={"json": ["previous", "seq", "note", {"at": {"iso": {"digits": 6, "offset": "Z"}}}]}),
)
STREAMS = replace(ONE_CHAIN, streams=("tenant",))

FORMS = {
    "own": '{{"previous": "{0}", "seq": {1}, "note": "{2}", "at": "{3}.500000Z"}}',
    "compact": '{{"previous":"{0}","seq":{1},"note":"{2}","at":"{3}.500000Z"}}',
    "offset": '{{"previous": "{0}", "seq": {1}, "note": "{2}", "at": "{3}.500000+00:00"}}',
    "both": '{{"previous":"{0}","seq":{1},"note":"{2}","at":"{3}.500+00:00"}}',
    "unknown": "{0}{1}{2}{3}?",
}
Row = dict[str, str]


def ledger(forms: Sequence[str], length: int) -> list[Row]:
    """Return entries in chains of a length, each hashed in a form."""
    rows: list[Row] = []
    for place, form in enumerate(forms):
        number = place % length + 1
        link = rows[-1]["h"] if number > 1 else ""
        note, second = "µ" * (place % 3), f"{place // 60:02}:{place % 60:02}"
        written = FORMS[form].format(link, number, note, f"2026-05-21T15:{second}")
        written = written.replace("µ", "\\u00b5") if form in ("own", "offset") else written
        row = {"tenant": f"T{place // length:03}", "seq": str(number), "at": f"2026-05-21 15:{second}.5+00"}
        rows.append({**row, "note": note, "prev": link, "h": sha256(written.encode()).hexdigest()})
    return rows


def batch(rows: Sequence[Row], profile: Profile) -> Batch:
    roles = {**profile.columns, **({"stream": "tenant"} if profile.streams else {})}
    columns = {own(name): [json_text(row[name]) for row in rows] for name in TYPES}
    return Batch({**columns, **{role: columns[own(column)] for role, column in roles.items()}})


def read(kind: type[ScanKind], profile: Profile, rows: Sequence[Row], segments: int) -> ScanKind:
    """Let a kind read a ledger in so many segments, of batches of seven, as `scan` does."""
    columns = {name: Column(type_, False) for name, type_ in TYPES.items()}
    info = replace(LEDGER, profile=profile, columns=columns)
    width = max(1, -(-len(rows) // segments))
    parts: list[list[ScanKind]] = []
    for start in range(0, len(rows), width):
        part = kind({}, info, 1000)
        part.segment = Segment(start + 1, start + width + 1) if segments > 1 else None
        feed(part, rows[start : start + width], profile)
        parts.append([part])
    ((merged,),) = [reduce(scan._merge_parts, parts)]
    for place, asked in enumerate(merged.again):
        first, last = asked if isinstance(asked, tuple) else (asked.first or 1, (asked.end or 1) - 1)
        some = rows[first - 1 : last]
        for at in range(0, len(some), 7):
            merged.element_count += len(some[at : at + 7])
            merged.reread(place, batch(some[at : at + 7], profile))
    merged.close()
    return merged


def feed(kind: ScanKind, rows: Sequence[Row], profile: Profile) -> None:
    for at in range(0, len(rows), 7):
        kind.element_count += len(rows[at : at + 7])
        kind.feed(batch(rows[at : at + 7], profile))


def result(kind: Any) -> Any:
    if isinstance(kind, EntryHash):
        return kind.findings.samples, kind.findings.counts, kind.element_count, kind.facts
    said = [(one.stream, one.runs, one.places, one.faults, one.sample) for one in kind.by_stream]
    forms = {name: (one.found, one.untried) for name, one in kind.forms.items()}
    return said, forms, kind.element_count


runs = st.lists(st.tuples(st.sampled_from([*FORMS]), st.integers(1, 20)), min_size=1, max_size=6)


@pytest.mark.parametrize("kind", [EntryHash, EvidenceScan])
@examples(4)
@given(runs, st.integers(5, 60))
def test_several_segments_find_the_forms_that_one_finds(
    kind: type[ScanKind], forms: list[tuple[str, int]], length: int
) -> None:
    hashed = [form for form, count in forms for _ in range(count)]
    for profile, rows in ((STREAMS, ledger(hashed, length)), (ONE_CHAIN, ledger(hashed, len(hashed)))):
        alone = result(read(kind, profile, rows, 1))
        for segments in (2, 5):
            assert result(read(kind, profile, rows, segments)) == alone
