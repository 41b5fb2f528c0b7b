"""What a check found: findings, outcomes, and how much a verification proves. No I/O, no formatting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from pytest_audit_ledger.model.printable import clip

DEFAULT_SAMPLES = 20
"""Findings kept for each check, unless the run sets another number."""

LONGEST_TEXT = 2_000
"""Characters kept of a text in a finding, because an entry may hold a megabyte."""


class Severity(str, Enum):
    """What a finding of a check does: fail the run, warn, or only inform."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Status(str, Enum):
    """The result of a check."""

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
    """What a kind's rule is about. It decides what an outcome of the kind proves.

    A ledger is self-consistent if every shipped kind of the family CHAIN passed. Not every ledger has what PROVENANCE
    and CHECKPOINTS examine. DATA is for the users' own rules about entries.
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
    """An accepted set of findings of a check, until `expires`, which is aware."""

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
"""The labels of the two values of a finding."""

AGAINST_THE_RULE: Sides = ("expected", "actual")
"""The labels for what a rule requires, and what was found."""

RECOMPUTED: Sides = ("recomputed", "stored")
"""The labels for a hash that does not match its contents. Either of them may be wrong."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong. Authors of kinds write it in one line, so it alone among results takes arguments by position.

    `sequence_number` is None if the finding belongs to no entry, such as a missing trigger. `severity` is None for
    that of the check. `sides` are the labels of `expected` and `actual`; the kind sets others (`Kind.sides`) if neither
    value is known to be right. `stream` is the chain that the entry belongs to, if the ledger has several.
    """

    code: str
    message: str
    sequence_number: int | None = None
    expected: str = ""
    actual: str = ""
    severity: Severity | None = None
    sides: Sides = AGAINST_THE_RULE
    stream: str = ""

    def accepted(self, quirk: object) -> Finding:
        """Return the finding as information only, with the reason why it is known and accepted."""
        return replace(self, severity=Severity.INFO, message=f"{self.message} ({quirk})")

    @property
    def where(self) -> str:
        """Which entry it is about, by number and stream; empty if none."""
        if self.sequence_number is None:
            return f"stream {self.stream}" if self.stream else ""
        return f"sequence {self.sequence_number}" + (f" of stream {self.stream}" if self.stream else "")

    def __post_init__(self) -> None:
        for name in ("message", "expected", "actual"):
            object.__setattr__(self, name, clip(getattr(self, name), LONGEST_TEXT))


@dataclass
class Findings:
    """Findings: all are counted, and the first ones kept as samples, so that a million of them need no memory."""

    limit: int
    samples: list[Finding] = field(default_factory=list)
    counts: Counter[tuple[str, Severity | None]] = field(default_factory=Counter)
    stream: str = ""
    """The chain that is being read, if the ledger has several; findings are of its entries."""

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it if there is room."""
        self.counts[finding.code, finding.severity] += 1
        if len(self.samples) < self.limit:
            self.samples.append(replace(finding, stream=self.stream) if self.stream else finding)

    @property
    def room(self) -> int:
        """How many more samples are kept."""
        return max(0, self.limit - len(self.samples))

    def add_unseen(self, code: str, count: int) -> None:
        """Count findings for which there is no room, and which need not be made: there may be millions."""
        if count > 0:
            self.counts[code, None] += count

    def add_counted(self, samples: Sequence[Finding], count: int) -> None:
        """Add the first findings of one code and severity, of which there are `count` in all."""
        self.counts[samples[0].code, samples[0].severity] += count
        self.samples.extend(samples[: self.limit - len(self.samples)])

    def prepend(self, findings: Iterable[Finding]) -> None:
        """Add findings before all others."""
        first = Findings(self.limit, stream=self.stream)
        for finding in findings:
            first.add(finding)
        first.extend(self)
        self.samples, self.counts = first.samples, first.counts

    def extend(self, later: Findings) -> None:
        """Add the findings of the entries that follow."""
        self.counts.update(later.counts)
        self.samples.extend(later.samples[: self.limit - len(self.samples)])

    def unexpected(self) -> int:
        """Return how many there are, without those of severity INFO."""
        return sum(count for (_, severity), count in self.counts.items() if severity is not Severity.INFO)

    def worst(self, of_the_check: Severity) -> Severity | None:
        """Return the worst severity found, or None. No finding is worse than the severity of its check."""
        ranks = list(Severity)
        limit = ranks.index(of_the_check)
        found = [max(limit, ranks.index(severity or of_the_check)) for (_, severity) in self.counts]
        return ranks[min(found)] if found else None

    def codes(self) -> dict[str, int]:
        """Return the number of findings by code."""
        codes: Counter[str] = Counter()
        for (code, _), count in self.counts.items():
            codes[code] += count
        return dict(codes)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """How much of a ledger was proven against a checkpoint.

    `entries` of `total` are those that the file `checkpoint` covers, made at `moment` (canonical, see `entry.py`); the
    first `rows` of them are proven in every column, including those that no hash covers.

    A run that resumes did not read `unread` of these entries: they were proven when the checkpoint was made, and
    nothing is known about them since. It did read `reread` older entries again.
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

    `element_count` is the number of things examined, in the kind's `unit` (entries, triggers, columns …);
    `unexpected_count` is the number of findings, and `findings` are the first of them. `reason` says why the check is
    ERROR, SKIP or WAIVED, or what its waiver did; if it ends with what to do, that is also the `advice`. `description`
    is the check's, `rule` the kind's, and `remedy` the kind's for the codes found. `location` is the check's place in
    its suite, as `file:line`. `inconclusive` says that the findings, such as a lost file, are not a sign of tampering,
    `unproven` that they leave open what the rule says, at any severity.
    `anchor` is what was proven against a checkpoint.
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
    unproven: bool = False
    anchor: Anchor | None = None
    location: str = ""
    owner: str = ""
    waiver: Waiver | None = None
    advice: str = ""
