"""What a kind is: the one page that authors of kinds need.

A **scan kind** reads every entry once, batch by batch. Its parts can be merged, so that several processes share a scan:

    class WeekendVerdicts(ScanKind):
        name = "no_weekend_verdicts"
        rule = "No verdict is given on a Saturday or Sunday."
        remedy = "Ask the owner of the schedule why the job ran."
        columns = ("timestamp",)

        def feed(self, batch: Batch) -> None:
            for number, text in zip(batch.sequence_numbers, batch.values("timestamp")):
                if datetime.fromisoformat(text).weekday() >= 5:
                    self.findings.add(Finding("WEEKEND", "verdict given on a weekend", number, actual=text))

A **catalog kind** examines the table around the entries (columns, constraints, triggers) with queries of the database's
catalog.

A **query kind** asks about the entries with SELECTs, in a session of its own that joins the run's snapshot. An export
has no server, so there it is skipped. Most query kinds judge entry by entry: a **row kind** (`RowKind` in
`data_kind.py`) gives SQL conditions for the entries that it judges and for those that are unexpected. The base class
does the rest: `where`, `mostly`, `warn_if`, `error_if`, `allow_empty`, `redact`, counting on the server, samples, and
a ledger without entries.

    class NoLongerThan(RowKind):
        name = "no_longer_than"
        rule = "No value of the column has more characters than `longest`."
        remedy = "Find out what wrote the values shown."
        code = "TOO_LONG"
        parameters_schema = {
            "column": {"type": "string"},
            "longest": {"type": "integer", "description": "The most characters."},
            **RowKind.parameters_schema,
        }
        required_parameters = ("column", "longest")

        def judged(self):
            return f"{self.column()} IS NOT NULL"

        def unexpected(self):
            return f"length({self.column()}::text) > %(check.longest)s::int"

`column()` and `named()` return a column quoted, and refuse one that the ledger does not have. `%(check.NAME)s` in the
SQL is the parameter of that name, bound as text; `values()` can return others. A rule about all entries together is a
`DataKind`: `statements()` returns every statement that it asks, so that `audit-ledger suite explain` can print them;
`examine()` asks, sets `element_count` and `unexpected_rows`, and adds findings.

A run that resumes after a checkpoint (`LedgerInfo.resumed`) feeds a scan kind the newer entries only. A kind that looks
at each entry alone can ignore this. A `PairwiseScanKind` knows the entry before the first one. Any other kind learns it
in `resume`.

Kinds only add findings. They never format, print, or decide what a finding does to the run: the severity of the check
does. A kind that cannot conclude anything raises CannotEvaluate, and one that does not apply to the ledger raises
NotApplicable, in `close` or `examine`. A check that examined nothing (`element_count` is 0) and found nothing is an
ERROR.

A kind must have `name`, `rule` and `remedy`; a scan kind also `columns`, the roles that it reads; a catalog kind also
`unit`, what it counts. All else has a default.

Register a kind through the hook `pytest_ledger_register_kinds` (see `hookspecs.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.ledger_info import LedgerInfo, ResumePoint
from pytest_audit_ledger.model.outcome import Anchor, Family, Finding, Findings, Sides
from pytest_audit_ledger.model.profile import STREAM, Accepted
from pytest_audit_ledger.model.questions import Catalog, Queries, Statement
from pytest_audit_ledger.model.segment import Segment


class Kind(ABC):
    """Say what a check expects. Each check gets one instance: `parameters` are the check's own over the defaults.

    - `name`: what suites call the kind (`expect:`); `aliases`: further names that suites may use.
    - `rule`: what must be true. `remedy`: what to do if it is not; `remedies`: what to do instead, by code of finding.
      A command is between backticks, without options: `audit-ledger investigate`. Its reader gets it complete.
    - `parameters_schema`: a JSON Schema for each parameter, with its `default`; `required_parameters`: those that a
      check must give.
    - `family`: what the rule is about. `unit`: what `element_count` counts.
    - `integrity`: whether a failure means TAMPERED, unless all codes found are in `inconclusive` (a lost file, say).
      A code in `unproven` means UNVERIFIED, at any severity.
    - `sides`: by code, what the two values of a finding are, if they are not the expected and the actual value. If two
      hashes differ, either can be the wrong one.

    A text parameter whose schema has the format `sql-expression` or `sql-query` may use variables of the suite. They
    are in `parameters["variables"]`, by name.
    """

    name: ClassVar[str]
    family: ClassVar[Family] = Family.DATA
    rule: ClassVar[str]
    remedy: ClassVar[str]
    remedies: ClassVar[Mapping[str, str]] = {}
    unit: ClassVar[str]
    integrity: ClassVar[bool] = False
    inconclusive: ClassVar[frozenset[str]] = frozenset()
    unproven: ClassVar[frozenset[str]] = frozenset()
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    required_parameters: ClassVar[Sequence[str]] = ()
    aliases: ClassVar[Sequence[str]] = ()
    sides: ClassVar[Mapping[str, Sides]] = {}

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:  # noqa: ARG003  (for others)
        """Yield what is wrong with parameters that each fit their schema: the name of one, and the reason."""
        return ()

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:  # noqa: ARG003  (for others)
        """Return the parameters of a check as a run needs them, for example with files read.

        Called once, when a suite in `folder` is loaded. Raises UsageError, which is reported as a mistake of the suite.
        """
        return parameters

    resumes: ClassVar[bool] = False
    """Whether it can prove that older entries are unchanged without reading them, so that a run can resume."""

    @classmethod
    def resume_point(cls, parameters: Mapping[str, Any]) -> ResumePoint | None:  # noqa: ARG003  (for others)
        """Return the entry after which a run can resume, or None; asked only if `resumes` is true.

        Raises LedgerError if it cannot be determined.
        """
        return None

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        defaults = {name: schema["default"] for name, schema in self.parameters_schema.items() if "default" in schema}
        self.parameters: Mapping[str, Any] = {**defaults, **parameters}
        self.ledger = ledger
        self.findings = Findings(samples)
        self.facts: dict[str, str] = {}
        self.anchor: Anchor | None = None
        """What was proven against a checkpoint."""
        self.element_count = 0
        self.failure: LedgerError | None = None
        """Why this could not be evaluated; set by the run when the code of the kind raises."""

    @property
    def unexpected_count(self) -> int:
        """The number of findings, without those of severity INFO."""
        return self.findings.unexpected()


class ScanKind(Kind):
    """Read every entry once, in order, in constant memory. Must be picklable between batches."""

    unit: ClassVar[str] = "entries"
    columns: Sequence[str]
    """The columns it reads, by role (see `model/profile.py`); `sequence_number` and the stream are always included."""

    counts_rows: ClassVar[bool] = False
    """Whether it needs the number of rows in the table, counted without an index that could hide some."""

    row_count: int | None = None
    """That number; None if it was not counted."""

    segment: Segment | None = None
    """What it is fed of the ledger, if others read segments before or after it; None if it is fed all."""

    in_order: ClassVar[bool] = False
    """Whether it reads the entries of all streams in the order of writing, not one stream after the other."""

    @abstractmethod
    def feed(self, batch: Batch) -> None:
        """Examine a batch. `element_count` is counted by the caller."""

    def accepted(self, what: str, number: int | None, last: int | None = None) -> Accepted | None:
        """Return the quirk of this kind that the profile accepts at an entry of the stream that is read."""
        day = date.fromisoformat(self.ledger.server_time[:10])
        return self.ledger.profile.accepts(what, number, self.findings.stream, day, last)

    def merge(self, later: Any) -> None:
        """Add what the same kind found in the entries that follow. Both have seen at least one entry."""
        self.findings.extend(later.findings)

    def close(self) -> None:
        """Judge what only the whole ledger shows, such as its first entry. Called once, after every merge."""

    resumed = False
    """Whether it knows the entry before the first one that it is fed, so that later parts can be merged."""

    def resume(self, batch: Batch) -> None:
        """Take the one entry after which the run resumes. It is proven: do not judge or count it."""

    again: Sequence[tuple[int, int] | Segment] = ()
    """Ranges of entries (first, last), or segments, to read after every merge, and to give to `reread`: older ones in a
    run that resumes, or such as can only be judged in their order.
    """

    def reread(self, place: int, batch: Batch) -> None:
        """Examine a batch of the range at this place in `again`. Called after every merge, before `close`."""


class CatalogKind(Kind):
    """Examine the table around the entries."""

    @abstractmethod
    def examine(self, catalog: Catalog) -> None:
        """Query the catalog, add findings, and set `element_count` to the number of things examined."""


class QueryKind(Kind):
    """Ask about the entries with SELECTs."""

    unit: ClassVar[str] = "entries"

    @abstractmethod
    def statements(self) -> Mapping[str, Statement]:
        """Return every statement that it asks, by purpose. `suite explain` prints them."""

    @abstractmethod
    def examine(self, queries: Queries) -> None:
        """Ask, add findings, and set `element_count` to the number of things examined."""


WHOLE_EXPORT = "Verify the database, or an export of all entries with its manifest next to it."
"""The remedy if an export lacks entries that a rule needs."""

PRESERVE = (
    "Do not rely on the ledger. Preserve the server as it is. Compare the entries shown with the latest backup or "
    "export. To see what can be proven, run `audit-ledger investigate`."
)
"""The remedy if entries do not match their hashes."""


class PairwiseScanKind(ScanKind):
    """Judge each entry together with the one before it, also across batches and segments.

    A segment does not know the entry before its first. So the first entry is kept, and judged as soon as the entry
    before it is known: in `merge`, or in `close` if it starts the ledger.
    """

    first: Any = None
    last: Any = None
    stream: str | None = None
    """The chain that is being read, as JSON text (empty if the ledger has one); None before the first entry."""

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.first_stream: str | None = None
        self.is_in_first_stream = False
        """Whether the chain that is being read may have begun in the segment before."""
        self.before: dict[str, Any] = {}
        """In a run that resumes: the entry before the first newer one of each stream."""

    def feed(self, batch: Batch) -> None:
        """Examine the entries of each stream; where another stream begins, there is no entry before."""
        starts = batch.starts(self.stream)
        if (
            starts
            and self.stream is not None
            and not self.before
            and (last := self.flawless(batch, starts)) is not None
        ):
            self._begin(batch.text(STREAM)[-1])
            self.last = last
            return
        for stream, entries in batch.streams():
            if stream != self.stream:
                self._begin(stream)
            self.feed_stream(entries)

    def _begin(self, stream: str) -> None:
        self.is_in_first_stream = self.stream is None
        if self.is_in_first_stream:
            self.first_stream = stream
        self.stream, self.last = stream, self.before.get(stream)
        self.findings.stream = shown(stream)

    @property
    def is_leading(self) -> bool:
        """Whether the entry before may be in another segment."""
        return self.last is None and self.is_in_first_stream

    def flawless(self, batch: Batch, starts: Sequence[int]) -> Any:  # noqa: ARG002  (for others)
        """Return the last entry of a batch if there is nothing to find in it. Streams begin at the places `starts`.

        It only saves time if there are many streams: otherwise return None, and `feed_stream` gets the entries.
        """
        return None

    @abstractmethod
    def feed_stream(self, batch: Batch) -> None:
        """Examine consecutive entries of one stream."""

    @abstractmethod
    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Judge two neighbours; `previous` is None if `current` starts the ledger."""

    def join(self, current: Any) -> None:
        """Judge `current` with the last entry seen, or keep it as the first."""
        if self.is_leading:
            self.first = current
        elif (finding := self.inspect(self.last, current)) is not None:
            self.findings.add(finding)
        self.last = current

    def resume(self, batch: Batch) -> None:
        """Take the entry as the one before the first of its stream, whatever was found in it."""
        for stream, entries in batch.streams():
            self._begin(stream)
            self.feed_stream(entries)
            self.before[stream] = self.last
        self.resumed, self.first, self.stream, self.last = True, None, None, None
        self.findings = Findings(self.findings.limit)

    def merge(self, later: Any) -> None:
        """Judge the two entries at the seam, then add what the later segment found."""
        if later.first_stream != self.stream:
            self._begin(later.first_stream)
        if later.first is not None:
            self.join(later.first)
        if later.stream != later.first_stream:
            self._begin(later.stream)
        if later.stream != later.first_stream or later.last is not None:
            self.last = later.last
        super().merge(later)

    def close(self) -> None:
        """Judge the entry that starts the ledger."""
        if self.first is not None:
            self.findings.stream = shown(self.first_stream or "")
            if (finding := self.inspect(None, self.first)) is not None:
                self.findings.prepend([finding])
        self.findings.stream = ""
