"""The search tries every candidate that it counts, and nothing else."""

from __future__ import annotations

import hashlib
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.infer.digest_search import Clock, Ends, new_state, search, sizes_of
from pytest_audit_ledger.infer.pieces import Slot

PIECES = st.lists(
    st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=3, unique=True), min_size=1, max_size=5
)


@given(pieces=PIECES, data=st.data(), by=st.sampled_from([b"", b"|", b"::"]))
def test_any_candidate_is_found_and_counted(pieces: list[list[bytes]], data: st.DataObject, by: bytes) -> None:
    left_out = data.draw(st.integers(0, len(pieces)))
    ends = Ends(b"{", by, b"}")
    slots = [[(by + text, Slot(f"{place}", (), ())) for text in texts] for place, texts in enumerate(pieces)]
    candidates = [
        (kept, by.join(chosen))
        for kept in combinations(range(len(pieces)), len(pieces) - left_out)
        for chosen in product(*(pieces[place] for place in kept))
    ]
    assert sizes_of([len(texts) for texts in pieces])[left_out] == len(candidates)
    kept, text = data.draw(st.sampled_from(candidates))
    clock = Clock(60, lambda _: None)
    digest = hashlib.sha256(b"{" + text + b"}").digest()
    found = list(search(slots, left_out, ends, new_state("sha256", b""), digest, clock))
    assert tuple(str(place) for place in kept) in [tuple(slot.name for slot in one if slot) for one in found]
    assert all(sum(slot is None for slot in one) == left_out for one in found)
    assert clock.tried == len(candidates)
