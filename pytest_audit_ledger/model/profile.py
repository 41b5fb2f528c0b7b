"""A profile: what a ledger's table looks like, and how its hashes are made. No I/O.

A source translates roles: its batches name the column of a role by the role (`sequence_number`, `entry_hash` …), and a
column that a recipe reads by `own(column)`. So the rest of the program knows roles and not columns. What it shows to
people names the table's own columns (`Profile.column`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pytest_audit_ledger.model.schema import Schema

SEQUENCE, STREAM, ORDER = "sequence_number", "stream", "order"
PREVIOUS, HASH, TIMESTAMP, VERDICT = "previous_hash", "entry_hash", "timestamp", "verdict"

ROLES: Mapping[str, str] = {
    "sequence": SEQUENCE,
    "stream": STREAM,
    "order": ORDER,
    "previous_hash": PREVIOUS,
    "entry_hash": HASH,
    "timestamp": TIMESTAMP,
    "verdict": VERDICT,
}
"""The roles as a profile's file spells them, each with its name in a batch. Other names are those of the SKI ledger."""


BEFORE = ".(hash before)"
"""In a batch, the hash of the entry before in its stream, for a ledger that stores no previous hash."""

SAME_STREAM = "(stream)"
"""In an export, the stream as the server groups it, if it takes for the same what it prints in several ways."""

PAYLOAD = ".(payload)"
"""In a batch, the payload that the server builds, for a recipe in SQL."""


UNVERIFIED = "unverified_before"
"""The quirk of entries before a number whose hashes nothing reproduces."""


def own(column: str) -> str:
    """Return the name that a batch gives to a column of the table, as distinct from that of a role."""
    return f".{column}"


@dataclass(frozen=True, kw_only=True)
class Hashing:
    """How a payload becomes the text of a hash.

    `algorithm`: `sha256`, `sha384`, `sha512`, `sha3-256` or `blake2b`, each also as `hmac-…`. `encoding`: `hex`, `HEX`,
    `base64` or `bytea`. `prefix`: text before the encoded hash. `key`: where the key of an HMAC is, as `env:NAME` or
    `@FILE`; `key_form`: `utf8`, `hex` or `base64`.
    """

    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    key: str = ""
    key_form: str = "utf8"


@dataclass(frozen=True, kw_only=True)
class Version:
    """How entries of one version are hashed. `payload` is the recipe as the profile's file has it."""

    payload: Mapping[str, Any]
    hashing: Hashing = Hashing()


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A known quirk: what (`fork`, `gap`, UNVERIFIED), at which number, why, and until when (the last day).

    `last`: the last number of a gap. A gap is accepted as a whole: one that has grown is not.
    """

    what: str
    entry: int
    reason: str
    stream: str = ""
    until: date | None = None
    last: int | None = None

    def holds(self, number: int | None, day: date, last: int | None = None) -> bool:
        """Return whether it is accepted on a day that this entry has the quirk, which is a gap if it has a `last`."""
        if number is None or (self.until is not None and day > self.until):
            return False
        return number < self.entry if self.what == UNVERIFIED else (number, last) == (self.entry, self.last)

    def __str__(self) -> str:
        ends = f" until {self.until}" if self.until else ""
        return f"accepted{ends}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Genesis:
    """What the first entry names instead of a hash before it: `text`, None for NULL, or the line hash `line`."""

    text: str | None = ""
    line: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a ledger's table looks like, and how its hashes are made.

    - `table`: the name of the table unless the user sets another, quoted where needed.
    - `columns`: the table's column by role (the names of `ROLES`); `stream` is in `streams`, which may be several.
    - `sequence_as`: `integer` if the sequence has a type of texts or fractions, and holds whole numbers; else empty.
    - `timestamp_unit`: `s`, `ms`, `us` or `ns` if the timestamp is a number, otherwise empty.
    - `values`: the values that a role may have. `violations`: the verdicts that are violations.
    - `append_only`: whether the table promises triggers; if not, checks are skipped with the reason `no_guards`.
    - `unique`: whether it promises that no number occurs twice in a stream; if not, no key is missed.
    - `first`: the number of the first entry, None for any. `gaps`: whether numbers may be skipped.
    - `starts_at`: the number of the first entry that the chain covers, None for the first entry there is.
    - `version`: how entries are hashed; `versions` by the value of `version_column` if there are several (None for a
      missing value, `default` for any other).
    - `lines`: hashes in columns of their own, by column.
    - `types`: the types of columns, by PostgreSQL's names, for files that do not state them.
    - `where`: the condition, in SQL, that entries meet; other rows of the table are none. Empty if every row is one.
    - `description`: what the ledger is, for a list of profiles.
    - `given_as`: what names it to a command; empty for the built-in one.
    - `file`, `digest`: where it was read from, and the SHA-256 of that file; empty for the built-in one.
    - `schemas`: the versions of the table, oldest first, if the profile declares its types and keys; then every
      column is a role of the same name. `undecided`: the verdicts that decide nothing, and why.
    """

    name: str
    table: str
    columns: Mapping[str, str]
    streams: Sequence[str] = ()
    sequence_as: str = ""
    timestamp_unit: str = ""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    violations: Sequence[str] = ()
    append_only: bool = True
    unique: bool = True
    no_guards: str = ""
    accepted: Sequence[Accepted] = ()
    first: int | None = 1
    gaps: bool = False
    starts_at: int | None = None
    genesis: Genesis = Genesis()
    version: Version | None = None
    version_column: str = ""
    versions: Mapping[str | None, Version] = field(default_factory=dict)
    lines: Mapping[str, Version] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    description: str = ""
    given_as: str = ""
    file: str = ""
    digest: str = ""
    schemas: Sequence[Schema] = ()
    undecided: Mapping[str, str] = field(default_factory=dict)

    def column(self, role: str) -> str:
        """Return the table's own name of a role's column, or the role if the table has none, or several."""
        if role == STREAM and len(self.streams) == 1:
            return self.streams[0]
        return self.columns.get(role, role)

    def version_of(self, value: str | None) -> Version | None:
        """Return how entries are hashed that have this value in the version column; None if no recipe is for it."""
        return self.version or self.versions.get(value, self.versions.get("default"))

    def named(self, name: str) -> str:
        """Return the column that `role:NAME` names, and any other name as it is."""
        role = name.removeprefix("role:")
        return name if role == name else self.column(ROLES.get(role, role))

    def in_batch(self, column: str) -> str:
        """Return what a batch calls a column of the table."""
        return column if self.schemas else own(column)

    @property
    def marks(self) -> list[str]:
        """The columns by which a ledger of this profile is recognised: those of its chain."""
        return [self.columns[role] for role in (SEQUENCE, PREVIOUS, HASH) if role in self.columns]

    def accepts(
        self, what: str, number: int | None, stream: str, day: date, last: int | None = None
    ) -> Accepted | None:
        """Return the known quirk of this kind at an entry, if it is accepted on this day; `last` is that of a gap."""
        here = [one for one in self.accepted if (one.what, one.stream) == (what, stream)]
        return next((one for one in here if one.holds(number, day, last)), None)

    @property
    def naming(self) -> list[str]:
        """The option that names the profile to a command: a shipped one by its name, otherwise its file."""
        return ["--profile", self.given_as] if self.given_as else []

    def lacks(self, names: Iterable[str]) -> str:
        """Return the roles among the names of a batch that the ledger does not have, in words; empty if it has all.

        If the profile declares its table, every column is a role, and one that is missing is a finding.
        """
        if self.schemas:
            return ""
        return ", ".join(name for name in names if not (name.startswith(".") or self.has(name)))

    def has(self, role: str) -> bool:
        """Return whether the ledger has this role."""
        return role in self.columns or (role == STREAM and bool(self.streams))
