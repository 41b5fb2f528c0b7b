"""The kind hash_coverage: in which columns an edit can be detected, and by what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_audit_ledger.checkpoints.positions import has_positions
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.kinds.trusted_checkpoints import ComparesCheckpoints, opened_store, shows
from pytest_audit_ledger.model.batch import NULL, Batch, json_text
from pytest_audit_ledger.model.hasher import DEFAULT
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family
from pytest_audit_ledger.model.profile import HASH, Profile, Version, own
from pytest_audit_ledger.model.profile_coverage import all_hashed_columns, hashed_columns, is_linked, line_columns


@dataclass(frozen=True)
class _Protection:
    """One way to protect columns. `carrier` is the column that a protected entry has; `limits` says what it misses.

    `values`: those of the carrier that a protected entry has, as JSON text; None for any but NULL. `others`: whether it
    is any other value than these.
    """

    name: str
    columns: tuple[str, ...]
    carrier: str
    limits: str
    values: frozenset[str] | None = None
    others: bool = False

    def count(self, batch: Batch) -> int:
        """Return how many entries of a batch are protected in this way."""
        texts = batch.text(self.carrier)
        if self.values is None:
            return len(batch) - texts.count(NULL)
        return sum((text in self.values) is not self.others for text in texts)


LINKED = "linked from entry to entry"
REHASHED = "an edit that also recomputes the hash is not detected"
SQL_DECIDES = "and what the profile's SQL reads, which the server evaluates"


def _of_recipes(profile: Profile) -> Iterator[_Protection]:
    """Yield what the recipes of a profile protect, for each version of its entries, and its line hashes."""
    known = frozenset(json_text(value) for value in profile.versions if value != DEFAULT)
    carrier = own(profile.version_column) if profile.versions else HASH
    for value, version in (profile.versions or {None: profile.version or Version(payload={})}).items():
        found = hashed_columns(profile, version)
        linked = LINKED if is_linked(profile, version) else f"not linked: {REHASHED}"
        limits = linked if found is not None else SQL_DECIDES
        covered = tuple(found or {profile.column(HASH)})
        if not profile.versions:
            yield _Protection("entry hash", covered, carrier, limits)
        elif value == DEFAULT:
            yield _Protection("entry hash of other versions", covered, carrier, limits, known, others=True)
        else:
            values = frozenset({json_text(value)})
            yield _Protection(f"entry hash of version {value}", covered, carrier, limits, values)
    limits = f"{REHASHED} by it"
    for column in profile.lines:
        yield _Protection(f"line hash {column}", tuple(line_columns(profile, column)), own(column), limits)


_OF_PROVENANCE = (
    _Protection(
        "envelope hash",
        ("envelope_json", "envelope_hash", "verifier_status"),
        "envelope_hash",
        "an edit that also recomputes the hash is detected only if it contradicts the entry",
    ),
    _Protection(
        "transcript signature",
        ("transcript_json", "transcript_signature", "signing_key_id"),
        "signing_key_id",
        "of transcript_json only request, response and names; only if the key is given",
    ),
)
"""What protects columns besides the hashes of the profile, in a ledger that has these roles."""

UNSIGNED = ("started_at", "completed_at", "backend_name", "backend_metadata")
"""The fields of a transcript that are neither signed nor repeated elsewhere."""

NOTHING = "nothing in the ledger"
"""The fact that lists the columns that only something outside the ledger can cover, such as a checkpoint."""


class HashCoverage(ComparesCheckpoints, ScanKind):
    """Lists which columns are protected, by what, and which by nothing in the ledger. Never fails.

    `folders`, `verifier_keys`: as for `checkpoint`. The record of a checkpoint covers every column up to its last
    entry if this run can compare them; otherwise the checkpoint covers the hashed columns only. What a resumed run does
    not read is not claimed. The kind `checkpoint` compares them.
    """

    name = "hash_coverage"
    family = Family.COVERAGE
    rule = "Lists the columns in which an edit can be detected, and by what, and those in which it cannot."
    remedy = (
        "Do not rely on columns that nothing in the ledger covers, unless a checkpoint proved them. If they matter, "
        "keep a copy of them elsewhere."
    )
    unit = "columns"
    columns: Sequence[str] = ()

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        profile = ledger.profile
        provenance = [one for one in _OF_PROVENANCE if profile.has(one.carrier)]
        self.protections = (*_of_recipes(profile), *provenance)
        # the columns that a protected entry has, if this ledger has them
        here = [one for one in self.protections if one not in provenance or one.carrier in ledger.columns]
        self.columns = list(dict.fromkeys(one.carrier for one in here))
        self.carriers = dict.fromkeys((one.name for one in here), 0)
        self.signed = self._signed()

    def _signed(self) -> list[tuple[int, str, str, Sequence[str]]]:
        """Return what the newest checkpoint covers, and the newest record if this run can compare its columns.

        Each is its last entry, its path, words for its columns, and the columns.
        """
        if not has_positions(self.ledger.profile):
            return []
        try:
            store = opened_store(self.parameters, newest_record=True)
        except LedgerError:  # the kind checkpoint reports it
            return []
        found: list[tuple[int, str, str, Sequence[str]]]
        profile = self.ledger.profile
        hashed = tuple(all_hashed_columns(profile) - {profile.column(HASH)})  # leaves are recomputed, not read
        found = [(one.size, one.path, "only the hashed columns, ", hashed) for one in store.trusted[-1:]]
        for path, record in store.recorded[-1:]:
            if shows(self.ledger, record.columns):
                found.append((record.checkpoint.size, path, "", tuple(record.columns)))
        return found

    def feed(self, batch: Batch) -> None:
        """Count the entries that are protected in each way."""
        for one in self.protections:
            if one.name in self.carriers:
                self.carriers[one.name] += one.count(batch)

    def merge(self, later: HashCoverage) -> None:
        """Add up the counts."""
        super().merge(later)
        for name in self.carriers:
            self.carriers[name] += later.carriers[name]

    def close(self) -> None:
        """Group the columns by what protects them."""
        entries, names = self.element_count, list(self.ledger.columns)
        if not names or (self.ledger.resumed and not entries):  # an export without entries, or no newer entry
            return
        left = list(names)
        for protection in self.protections:
            covered = [name for name in names if name in protection.columns]
            carriers = self.carriers.get(protection.name, 0)
            if covered and carriers:
                left = [name for name in left if name not in covered]
                what = f"{', '.join(covered)}, in {carriers:,} of {entries:,} entries"
                self.facts[protection.name] = f"{what} ({protection.limits})"
        self._claim_signed(names)
        inside = f"of transcript_json {', '.join(UNSIGNED)}"
        partly = [] if "transcript_json" in left or "transcript_json" not in names else [inside]
        is_known = all(protection.limits != SQL_DECIDES for protection in self.protections)
        self.facts[NOTHING] = (", ".join([*left, *partly]) or "no column") if is_known else "unknown: its SQL decides"
        self.element_count = len(names)

    def _claim_signed(self, names: Sequence[str]) -> None:
        """Say which columns of which entries this run compares with checkpoints."""
        before = self.ledger.resumed.after if self.ledger.resumed else 0
        for size, path, words, columns in self.signed:
            if before < size <= before + self.element_count:
                covered = ", ".join(name for name in names if name in columns)
                limits = f"compared with {path}, which locates an edit only roughly"
                order = " in the order of writing" if self.ledger.profile.streams else ""
                self.facts["checkpoint"] = f"{words}{covered}, in entries {before + 1:,} to {size:,}{order} ({limits})"
