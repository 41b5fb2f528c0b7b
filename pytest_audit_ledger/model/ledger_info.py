"""What is known about a ledger before its entries are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import Any

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.hasher import Hasher, ReadKey, hasher_of, no_key
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.schema import Schema
from pytest_audit_ledger.model.ski import SKI


class Extent(str, Enum):
    """Which entries of a ledger the source has."""

    WHOLE = "all entries"
    PART = "the entries that a filter left"
    UNKNOWN = "perhaps a part of the entries"


@dataclass(frozen=True)
class ExportInfo:
    """An export file: its size in bytes, its SHA-256, and its manifest, if it has one.

    `guessed`: the types, by column, that neither the file nor the profile states, and that the first entries show.
    """

    path: str
    size: int
    sha256: str
    manifest: Mapping[str, Any] | None
    guessed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resumed:
    """Where a run resumes instead of reading every entry: after `after`, the last entry of a checkpoint.

    That entry was read, and is the signed one. `checkpoint` is the file, made at `moment`. `recheck` is the share of
    the entries up to `after` that is read all the same. If the ledger has streams, `after` is the position of the entry
    in the order of writing, and `order` its value of that role.
    """

    after: int
    checkpoint: str
    moment: str
    recheck: Share | None = None
    order: int | None = None


@dataclass(frozen=True)
class Standby:
    """A server that replays what another one writes: whether it is paused, and how far behind; None if unknown."""

    paused: bool
    behind_s: float | None

    def __str__(self) -> str:
        if self.paused:
            return "a standby whose replay is paused"
        if self.behind_s is None:
            return "a standby that has replayed nothing yet"
        return f"a standby {self.behind_s:,.0f} s behind its primary"


@dataclass(frozen=True)
class ResumePoint:
    """The last entry of the checkpoint in the file `checkpoint`, made at `moment`: its position and its proven hash.

    `order`: its value of that role, if the ledger has streams.
    """

    entry: int
    entry_hash: str
    checkpoint: str
    moment: str
    order: int | None = None


@dataclass(frozen=True)
class LedgerInfo:
    """What is known about a ledger before its entries are read.

    `database` is masked, `table` is schema-qualified and quoted, `relation_kind` is pg_class.relkind, `server_time` is
    the snapshot's time as a canonical timestamp, `columns` is empty if the table cannot be described.

    For an export `database` is the file, `export` describes it, and `table`, `relation_kind`, `server_version` and
    `snapshot` are empty; `extent` says whether it must have every entry of the ledger.

    `profile` says what the table looks like; `columns` has the table's own names. `read_key` returns a key that the
    profile names.

    `role` is who reads, to the database. `server_started` is when its server started, which tells it from replicas.
    `standby` is None unless the server is one. `resumed` is None if the entries are read from the first one on.
    """

    database: str
    table: str
    relation_kind: str
    columns: Mapping[str, Column]
    server_version: str
    server_time: str
    snapshot: str
    export: ExportInfo | None = None
    extent: Extent = Extent.WHOLE
    resumed: Resumed | None = None
    standby: Standby | None = None
    profile: Profile = SKI
    read_key: ReadKey = no_key
    role: str = ""
    server_started: str = ""

    @property
    def types(self) -> Mapping[str, str]:
        """The types of the table's columns, in PostgreSQL's spelling."""
        return {name: column.type for name, column in self.columns.items()}

    @cached_property
    def hasher(self) -> Hasher:
        """What recomputes the hashes of entries. Raises RecipeError if the profile's recipe does not fit the table."""
        return hasher_of(self.profile, self.types, self.read_key)

    @property
    def prints_streams_apart(self) -> bool:
        """Whether entries of one stream may name it differently: 1 and 1.0, or texts that a collation takes for one."""
        columns = [self.columns[name] for name in self.profile.streams if name in self.columns]
        return any(one.folds or one.type.rpartition(".")[2] in ("numeric", "citext") for one in columns)

    @property
    def schema(self) -> str:
        """What the table looks like: the version of its schema, or the profile if that declares none."""
        return f"v{self.schema_version}" if self.schema_version else f"profile {self.profile.name}"

    @property
    def schema_version(self) -> str:
        """The version of the table's schema, empty if the profile declares none."""
        return self.declared.version if self.declared else ""

    @cached_property
    def declared(self) -> Schema | None:
        """The newest schema of the profile that added a column which the table has, otherwise the oldest."""
        schemas = self.profile.schemas
        for older, newer in reversed(list(pairwise(schemas))):
            if self.columns.keys() & (newer.columns.keys() - older.columns.keys()):
                return newer
        return schemas[0] if schemas else None


@dataclass(frozen=True)
class Share:
    """One of `turns` shares of the entries: number `turn`, counted from 0."""

    turn: int
    turns: int

    def __str__(self) -> str:
        return f"{self.turn + 1} of {self.turns}"

    def has(self, number: int) -> bool:
        """Return whether the piece with this number belongs to the share."""
        return number % self.turns == self.turn

    @classmethod
    def of(cls, text: str, day: date) -> Share:
        """Return the share that is due on a day in UTC; `text` is 1/N, such as `1/30`. Raises UsageError."""
        found = re.fullmatch(r"1/([1-9][0-9]{0,3})", text)
        if found is None:
            raise UsageError(
                f"{text!r} is not a valid share of the entries.",
                "Use 1/N, for example --ledger-recheck=1/30 to cover all older entries in a month.",
            )
        turns = int(found[1])
        return cls(day.toordinal() % turns, turns)
