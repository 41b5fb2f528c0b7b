"""What a check found: findings, outcomes, and how much a verification proves. No I/O, no formatting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pytest_audit_ledger.model.printable import clip

DEFAULT_SAMPLES = 20
"""Findings of a check that are kept, unless a run decides otherwise."""

LONGEST_TEXT = 2_000
"""Characters kept of a text in a finding: an entry may hold a megabyte, a finding must not."""


class Severity(str, Enum):
    """What a finding of a check does to the run: fail it, warn, or only be told."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Status(str, Enum):
    """How a check ended."""

    PASS = "PASS"  # noqa: S105  (no password)
    WARN = "WARN"
    FAIL = "FAIL"
    ERROR = "ERROR"
    SKIP = "SKIP"
    WAIVED = "WAIVED"


class Assurance(str, Enum):
    """How much a verification proves; no output may claim more."""

    ANCHORED = "ANCHORED"
    SELF_CONSISTENT = "SELF-CONSISTENT"
    TAMPERED = "TAMPERED"
    UNVERIFIED = "UNVERIFIED"


class Family(Enum):
    """What a kind's rule is about, from which follows what its outcome is worth.

    A ledger is self-consistent if every shipped kind of the family CHAIN passed. PROVENANCE and CHECKPOINTS are about
    what not every ledger has. DATA is everybody's own rules about the entries.
    """

    CHAIN = "chain"
    TIME = "time"
    VERDICTS = "verdicts"
    PROTECTIONS = "protections"
    PROVENANCE = "provenance"
    COVERAGE = "coverage"
    CHECKPOINTS = "checkpoints"
    EXPORT = "export"
    DATA = "data"


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Findings of a check that somebody has accepted until `expires`, which is aware."""

    id: str
    reason: str
    approved_by: str
    expires: datetime
    ticket: str = ""

    def __str__(self) -> str:
        ticket = f", {self.ticket}" if self.ticket else ""
        ends = f"{self.expires:%Y-%m-%d %H:%M:%S} UTC"
        return f"waiver {self.id} until {ends}: {self.reason} (approved by {self.approved_by}{ticket})"


Sides = tuple[str, str]
"""What the two values of a finding are, in a word or two each."""

AGAINST_THE_RULE: Sides = ("expected", "actual")
"""For what a rule demands, and what is there instead."""

RECOMPUTED: Sides = ("recomputed", "stored")
"""For a hash that does not fit what it is over: that does not tell which of the two was changed."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong. Authors of kinds write it in one line, so it alone among results takes arguments by position.

    `sequence_number` is None for what belongs to no entry, such as a missing trigger. `severity` is None for the
    severity of the check, or the finding's own. `sides` say what `expected` and `actual` are where they are two things
    that disagree, and neither is known to be right; the kind names them (`Kind.sides`).
    """

    code: str
    message: str
    sequence_number: int | None = None
    expected: str = ""
    actual: str = ""
    severity: Severity | None = None
    sides: Sides = AGAINST_THE_RULE

    def __post_init__(self) -> None:
        for name in ("message", "expected", "actual"):
            object.__setattr__(self, name, clip(getattr(self, name), LONGEST_TEXT))


@dataclass
class Findings:
    """Findings, counted in full and kept as samples, so that a million of them need no memory."""

    limit: int
    samples: list[Finding] = field(default_factory=list)
    counts: Counter[tuple[str, Severity | None]] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it while there is room."""
        self.counts[finding.code, finding.severity] += 1
        if len(self.samples) < self.limit:
            self.samples.append(finding)

    def add_counted(self, samples: Sequence[Finding], count: int) -> None:
        """Take the first findings of one code and severity, of which there are `count` in all."""
        self.counts[samples[0].code, samples[0].severity] += count
        self.samples.extend(samples[: self.limit - len(self.samples)])

    def prepend(self, findings: Iterable[Finding]) -> None:
        """Count findings that stand before all others."""
        first = Findings(self.limit)
        for finding in findings:
            first.add(finding)
        first.extend(self)
        self.samples, self.counts = first.samples, first.counts

    def extend(self, later: Findings) -> None:
        """Count the findings of what follows."""
        self.counts.update(later.counts)
        self.samples.extend(later.samples[: self.limit - len(self.samples)])

    def unexpected(self) -> int:
        """Return how many were found, without those that are only told."""
        return sum(count for (_, severity), count in self.counts.items() if severity is not Severity.INFO)

    def worst(self, of_the_check: Severity) -> Severity | None:
        """Return the gravest severity found, or None. No finding is graver than its check is declared to be."""
        ranks = list(Severity)
        limit = ranks.index(of_the_check)
        found = [max(limit, ranks.index(severity or of_the_check)) for (_, severity) in self.counts]
        return ranks[min(found)] if found else None

    def codes(self) -> dict[str, int]:
        """Return how often each code was found."""
        codes: Counter[str] = Counter()
        for (code, _), count in self.counts.items():
            codes[code] += count
        return dict(codes)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """How much of a ledger was proven against a checkpoint.

    `entries` of `total` are those of the file `checkpoint`, whose time is `moment` (canonical, see `entry.py`); the
    first `rows` of them in every column, also in those that no hash covers.

    Of those entries this run did not read `unread`: they were proven when the checkpoint was made, and nothing is known
    of them since. It did read `reread` that are older than where it resumed.
    """

    entries: int
    total: int
    checkpoint: str
    moment: str
    rows: int = 0
    unread: int = 0
    reread: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one check found.

    `element_count` is how many things were examined, in the kind's `unit` (entries, triggers, columns …), and
    `unexpected_count` how many findings there were; `findings` are the first of them. `reason` says why the check is
    ERROR, SKIP or WAIVED, or what its waiver did; if it ends with what to do, that is also the `advice`. `description`
    is the check's, `rule` and `remedy` are the kind's words, and `location` is the check's place in its suite, as
    `file:line`. `inconclusive` says that what was found, such as a lost file, is not a sign of tampering; `anchor` is
    what was proven against a checkpoint.
    """

    check_id: str
    suite: str
    kind: str
    family: Family
    integrity: bool
    severity: Severity
    controls: tuple[str, ...]
    status: Status
    description: str
    rule: str
    remedy: str
    unit: str
    element_count: int = 0
    unexpected_count: int = 0
    findings: tuple[Finding, ...] = ()
    codes: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    inconclusive: bool = False
    anchor: Anchor | None = None
    location: str = ""
    owner: str = ""
    waiver: Waiver | None = None
    advice: str = ""
