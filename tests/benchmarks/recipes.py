"""Measures how many payloads a second recipes build and hash, against the built-in SKI path on the same entries.

    .venv/bin/python -m tests.benchmarks.recipes

No server: the batches are made of COPY text before the clock starts. The clock is that of the processor, because others
share the machine. "from JSON text" includes turning the columns of a batch into values, which the SKI path does not
need.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from tabulate import tabulate

from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, PAYLOAD_COLUMNS
from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes import compile_hashing, compile_recipe
from pytest_audit_ledger.model.recipes.hashing import HashFunction
from pytest_audit_ledger.scratch.sample import copy_field, sample_entries
from pytest_audit_ledger.sources.copy_text import batch, plain_layout

ENTRIES, REPEATS, ROUNDS = 500, 40, 15
TYPES = {"sequence_number": "bigint", "timestamp": "timestamp with time zone"}
ISO = {"column": "timestamp", "format": "iso"}
OTHERS = [name for name in HASHED_COLUMNS if name not in (*TYPES, "previous_hash", "track")]
TEN: list[Any] = [{"previous": "as_stored"}, {"column": "sequence_number"}, ISO, *({"column": name} for name in OTHERS)]
SKI = [
    {"key": key, **(ISO if column == "timestamp" else {"column": column})} for key, column in PAYLOAD_COLUMNS.items()
]
FLOOR, AS_JSON = "the SKI path", "the SKI payload as json"
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "join of ten columns": {"join": {"by": "|", "of": TEN}},
    "join of ten columns, NULL skipped": {"join": {"by": "|", "null": "skip", "of": TEN}},
    "pairs of ten columns": {"pairs": TEN},
    "lengths of ten columns": {"lengths": TEN},
    AS_JSON: {"json": {"sorted": True, "ascii": False, "separators": [",", ":"], "of": SKI}},
}


class Values:
    """A batch as a recipe reads it, from `kept` columns if there are any."""

    def __init__(self, read: Batch, kept: Mapping[str, list[str | None]] | None = None) -> None:
        self._batch, self._kept = read, kept

    def __len__(self) -> int:
        return len(self._batch)

    def values(self, column: str) -> list[str | None]:
        return self._kept[column] if self._kept else self._batch.values(column)

    def previous(self) -> list[str | None]:
        return self.values("previous_hash")

    def first(self) -> list[bool]:
        return [False] * len(self)


def as_postgresql_prints(canonical: str) -> str:
    """Return a canonical timestamp as COPY has it."""
    clock = canonical.removesuffix("+00:00").replace("T", " ")
    return f"{clock.rstrip('0') if '.' in clock else clock}+00"


def rates(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return how many entries a second each work takes, as the median of rounds in which they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            begun = time.process_time()
            for _ in range(REPEATS):
                work()
            seconds[name].append(time.process_time() - begun)
    return {name: ENTRIES * REPEATS / statistics.median(taken) for name, taken in seconds.items()}


def main() -> None:
    """Measure, and print all figures as Markdown."""
    entries = list(sample_entries(ENTRIES))
    printed = [replace(entry, timestamp=as_postgresql_prints(entry.timestamp)) for entry in entries]
    texts = ["\t".join(copy_field(getattr(entry, name)) for name in HASHED_COLUMNS) + "\n" for entry in printed]
    stored = batch(plain_layout(HASHED_COLUMNS, ()), "".join(texts).encode())
    ski = batch(plain_layout(HASHED_COLUMNS), "".join(texts).encode())
    if compile_recipe(RECIPES[AS_JSON], TYPES).payloads(Values(stored)) != ski.payloads():
        sys.exit("the recipe of the SKI payload makes other payloads")
    read = Values(stored, {name: stored.values(name) for name in HASHED_COLUMNS})
    hashes = compile_hashing(Hashing(), lambda _: b"")
    works: dict[str, Callable[[], object]] = {FLOOR: lambda: [sha256(one).hexdigest() for one in ski.payloads()]}
    for name, data in RECIPES.items():
        payloads = compile_recipe(data, TYPES).payloads
        works[name] = partial(_hashed, payloads, read, hashes)
        works[f"{name}, from JSON text"] = partial(_hashed, payloads, Values(stored), hashes)
    found = rates(works)
    rows = [(name, f"{rate:,.0f}", f"{rate / found[FLOOR]:.2f}") for name, rate in found.items()]
    head = ("recipe", "entries/s", "of the SKI path")
    print(tabulate(rows, head, tablefmt="github", disable_numparse=True, colalign=("left", "right", "right")))


def _hashed(payloads: Callable[[Values], list[bytes | None]], rows: Values, hashes: HashFunction) -> list[str | None]:
    return hashes(payloads(rows))


if __name__ == "__main__":
    main()
