"""What a kind is: the one page a third party needs.

A **fold** reads every entry once, batch by batch. Its parts can be merged, so that several processes can share a scan:

    class WeekendVerdicts(ScanKind):
        name = "no_weekend_verdicts"
        rule = "No verdict is given on a Saturday or Sunday."
        remedy = "Ask the owner of the schedule why the job ran."
        columns = ("timestamp",)

        def feed(self, batch: Batch) -> None:
            for number, text in zip(batch.sequence_numbers, batch.values("timestamp")):
                if datetime.fromisoformat(text).weekday() >= 5:
                    self.findings.add(Finding("WEEKEND", "verdict given on a weekend", number, actual=text))

A **guard** examines what surrounds the entries (columns, constraints, triggers), with queries against the catalog.

A **query** asks about the entries with SELECTs, in a session of its own that joins the run's snapshot. An export has
no server to ask, so there it is skipped. Most queries judge entry by entry: a **row kind** (`RowKind` in `data.py`)
says with SQL conditions which entries it judges and which of those are not as expected. Everything else is there:
`where`, `mostly`, `warn_if`, `error_if`, `allow_empty`, `redact`, counting on the server, samples, and the judgement
of a ledger without entries.

    class NoLongerThan(RowKind):
        name = "no_longer_than"
        rule = "No value of the column has more characters than it may have."
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
            return f"length({self.column()}::text) > %(check.longest)s"

        def values(self):
            return {"longest": self.parameters["longest"]}

`column()` and `named()` return a column quoted, and refuse one that the ledger does not have. A value goes into
`values()`, is bound, and stands in the SQL as `%(check.NAME)s`. What is about the entries together is a `DataKind`:
`statements()` returns every statement that it asks with, so that `audit-ledger suite explain` can print them, and
`examine()` asks, sets `element_count` and `unexpected_rows`, and adds findings.

A run that resumes after a checkpoint (`LedgerInfo.resumed`) feeds a fold newer entries only. One that looks at each
entry alone need not know; an `PairwiseScanKind` knows the neighbour of the first one; any other learns it in `resume`.

All only ever add findings. They never format, print or decide what a finding does to the run: that is the severity of
the check. A kind that cannot conclude anything raises CannotEvaluate, and one that has nothing to be applied to raises
NotApplicable, in `close` or `examine`. One that examined nothing (`element_count` is 0) and found nothing is an ERROR.

Register a kind through the hook `pytest_ledger_register_kinds` (see `hookspecs.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import LedgerInfo, ResumePoint
from pytest_audit_ledger.model.outcome import Anchor, Family, Finding, Findings, Sides
from pytest_audit_ledger.model.questions import Catalog, Queries, Statement


class Kind(ABC):
    """What a check can expect. One instance is made for each check: `parameters` are the check's own over the defaults.

    Class attributes: `name` is what suites call it (`expect:`); `rule` says what must be true and `remedy` what to do
    if it is not, each in a plain sentence; `parameters_schema` is a JSON Schema for each parameter, with its `default`,
    and `required_parameters` are those that a check must give; `family` says what the rule is about; `integrity` marks
    the kinds whose failure means TAMPERED, unless all codes found are in `inconclusive`, such as that of a lost file;
    `unit` names what `element_count` counts; `aliases` are further names that suites may use; `sides` says, by code,
    what the two values of a finding are if they are not what the rule expects and what is there. Two hashes that differ
    accuse neither.

    A text parameter whose schema has the format `sql-expression` or `sql-query` may use variables of the suite, which
    it finds by name in `parameters["variables"]`.
    """

    name: ClassVar[str]
    family: ClassVar[Family] = Family.DATA
    rule: ClassVar[str]
    remedy: ClassVar[str]
    unit: ClassVar[str]
    integrity: ClassVar[bool] = False
    inconclusive: ClassVar[frozenset[str]] = frozenset()
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    required_parameters: ClassVar[Sequence[str]] = ()
    aliases: ClassVar[Sequence[str]] = ()
    sides: ClassVar[Mapping[str, Sides]] = {}

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:  # noqa: ARG003  (for others)
        """Yield what is wrong with parameters that each fit their schema: the name of one, and words for it."""
        return ()

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:  # noqa: ARG003  (for others)
        """Return the parameters of a check in a suite as a run needs them, such as files read.

        Called once, when a suite in `folder` is loaded. Raises UsageError, which is reported as a mistake of the suite.
        """
        return parameters

    resumes: ClassVar[bool] = False
    """Whether it can prove that older entries are unchanged without reading them, so that a run can resume."""

    @classmethod
    def resume_point(cls, parameters: Mapping[str, Any]) -> ResumePoint | None:  # noqa: ARG003  (for others)
        """Return the entry after which a run can resume, None if there is none; asked only of kinds that `resumes`.

        Raises LedgerError if that cannot be found out.
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
        """How many findings there are, without those of severity INFO."""
        return self.findings.unexpected()


class ScanKind(Kind):
    """A kind that reads every entry once, in order, in constant memory. Must be picklable between batches."""

    unit: ClassVar[str] = "entries"
    columns: ClassVar[Sequence[str]]
    """The columns it reads; `sequence_number` is always there."""

    counts_rows: ClassVar[bool] = False
    """Whether it wants to know how many rows the table has, counted without an index that could hide some."""

    row_count: int | None = None
    """That number; None if it was not counted."""

    @abstractmethod
    def feed(self, batch: Batch) -> None:
        """Examine a batch. `element_count` is counted by the caller."""

    def merge(self, later: Any) -> None:
        """Take in the fold (of this same class) of the entries that follow; neither has seen none."""
        self.findings.extend(later.findings)

    def close(self) -> None:
        """Judge what only the whole ledger shows, such as how it starts. Called once, after every merge."""

    resumed = False
    """Whether it knows the entry before the first one that it is fed, so that there is something to merge with."""

    def resume(self, batch: Batch) -> None:
        """Learn the one entry after which the run resumes: it is proven, and not to be judged or counted."""

    again: Sequence[tuple[int, int]] = ()
    """Where a run resumes: ranges of older entries (first, last) to be read nevertheless, and given to `reread`."""

    def reread(self, place: int, batch: Batch) -> None:
        """Examine a batch of the range at this place in `again`; after every merge, and before `close`."""


class CatalogKind(Kind):
    """A kind that examines what surrounds the entries."""

    @abstractmethod
    def examine(self, catalog: Catalog) -> None:
        """Query the catalog, add findings and set `element_count` to the number of things examined."""


class QueryKind(Kind):
    """A kind that asks about the entries with SELECTs."""

    unit: ClassVar[str] = "entries"

    @abstractmethod
    def statements(self) -> Mapping[str, Statement]:
        """Return every statement that it asks with, by what it is for. People read them, too."""

    @abstractmethod
    def examine(self, queries: Queries) -> None:
        """Ask, add findings and set `element_count` to the number of things examined."""


WHOLE_EXPORT = "Verify the database, or an export of all entries with its manifest beside it."
"""The remedy where an export lacks what a rule needs."""


class PairwiseScanKind(ScanKind):
    """A fold whose rule ties each entry to the one before, also across batches and segments.

    A segment does not know the entry before its first, so the first entry is kept and judged when the left neighbour
    is known: in `merge`, or in `close` for the entry that starts the ledger.
    """

    first: Any = None
    last: Any = None

    @abstractmethod
    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Judge two neighbours; `previous` is None where `current` starts the ledger."""

    def join(self, current: Any) -> None:
        """Judge `current` against the last entry seen, or keep it as the first."""
        if self.last is None:
            self.first = current
        elif (finding := self.inspect(self.last, current)) is not None:
            self.findings.add(finding)
        self.last = current

    def resume(self, batch: Batch) -> None:
        """Take the entry as the left neighbour of the first one, whatever was found in it."""
        self.feed(batch)
        self.resumed, self.first = True, None
        self.findings = Findings(self.findings.limit)

    def merge(self, later: Any) -> None:
        """Judge the seam, then take in what the later segment found."""
        if later.first is not None:
            self.join(later.first)
            self.last = later.last
        super().merge(later)

    def close(self) -> None:
        """Judge the entry that starts the ledger."""
        if self.first is not None and (finding := self.inspect(None, self.first)) is not None:
            self.findings.prepend([finding])
