"""How the entries of a ledger are hashed: one hasher a ledger, made of its profile. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.batch import Batch, json_text, plain_texts, shown
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.profile import BEFORE, PAYLOAD, PREVIOUS, TIMESTAMP, Profile, Version, own
from pytest_audit_ledger.model.recipes import Recipe, RecipeError, compile_hashing, compile_recipe
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.native.plan import Plan

ReadKey = Callable[[str], bytes]
"""Returns the key that `env:NAME` or `@FILE` names. Raises UsageError."""

DEFAULT = "default"
"""The version that stands for every value that has no recipe of its own."""


def no_key(named: str) -> bytes:
    """Return no key: where nothing is read, none is needed."""
    raise ValueError(named)


Hashes = Sequence[str | None]
"""Hashes as the column stores them, as JSON text (see `batch.py`); None for an entry that has no payload."""


class Hasher(Protocol):
    """Recomputes the hashes of entries. It can be pickled."""

    @property
    def columns(self) -> Sequence[str]:
        """What it needs of a batch."""

    @property
    def needs_neighbour(self) -> bool:
        """Whether it needs the hash of the entry before, which no column of the entry holds."""

    @property
    def is_canonical(self) -> bool:
        """Whether payloads are those of `entry.py`, whose other forms are known, so that entries can be rebuilt."""

    @property
    def sql(self) -> str:
        """The expression with which the server builds payloads; empty if it builds none."""

    def hashes(self, batch: Batch) -> Hashes:
        """Return the hash of every entry, recomputed from its payload."""

    def digests(self, batch: Batch) -> Iterable[bytes]:
        """Return the recomputed hash of every entry as bytes, for trees."""

    def lines(self, batch: Batch) -> Mapping[str, Hashes]:
        """Return what the columns that hold a hash of their own should hold."""

    def obstacle(self, batch: Batch, index: int) -> str:
        """Return why an entry has no payload."""


class SkiHasher:
    """The hashes of a SKI ledger, which `Batch` makes quicker than any recipe."""

    columns = tuple(PAYLOAD_COLUMNS.values())
    needs_neighbour = False
    is_canonical = True
    sql = ""

    def hashes(self, batch: Batch) -> Hashes:
        """Return the hash of every entry; one whose timestamp has no canonical form has none."""
        if batch.has_canonical_timestamps:
            return batch.recomputed_hashes
        pairs = zip(batch.recomputed_hashes, batch.text("timestamp"), strict=True)
        return [found if "T" in moment else None for found, moment in pairs]

    def digests(self, batch: Batch) -> Iterable[bytes]:
        """Return the recomputed hash of every entry as bytes."""
        return map(bytes.fromhex, batch.recomputed_hashes)

    def lines(self, batch: Batch) -> Mapping[str, Hashes]:  # noqa: ARG002  (a SKI ledger has none)
        """Return nothing: the envelope hash is in the provenance that another kind examines."""
        return {}

    def obstacle(self, batch: Batch, index: int) -> str:
        """Return that its timestamp is infinite or beyond what ISO 8601 can write."""
        return f"its timestamp {shown(batch.text(TIMESTAMP)[index])} has no canonical form"


class RecipeHasher:
    """The hashes of a ledger whose profile has recipes, perhaps one for each version of its entries."""

    is_canonical = False

    def __init__(self, profile: Profile, types: Mapping[str, str], read_key: ReadKey) -> None:
        """Take the types of the table's columns, in PostgreSQL's spelling. Raises RecipeError."""
        self.profile = profile
        self.types, self.read_key = types, read_key
        self._last: tuple[Batch, Hashes] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is compiled: functions cannot be pickled, and are quickly made again."""
        kept = ("profile", "types", "read_key")
        return {**{name: self.__dict__[name] for name in kept}, "_last": None}

    @cached_property
    def _versions(self) -> Mapping[str | None, _Compiled]:
        found = self.profile.versions or {DEFAULT: self.profile.version or Version(payload={})}
        return {value: self._compiled(version) for value, version in found.items()}

    @cached_property
    def _lines(self) -> Mapping[str, _Compiled]:
        return {column: self._compiled(version) for column, version in self.profile.lines.items()}

    def _compiled(self, version: Version) -> _Compiled:
        try:
            recipe = compile_recipe(version.payload, self.types, version.hashing)
        except RecipeError as error:
            message = f"The recipe of the profile {self.profile.name} does not fit the table: {error}."
            remedy = "Correct the recipe. To try it on some entries, run `audit-ledger profile test`."
            raise SourceError(message, remedy) from error
        hashing, plan = version.hashing, recipe.plan
        reads_neighbour = recipe.needs_previous and not self.profile.has(PREVIOUS)
        if reads_neighbour or (hashing.algorithm, hashing.encoding, hashing.prefix) != ("sha256", "hex", ""):
            plan = None
        return _Compiled(recipe, compile_hashing(hashing, self.read_key), plan)

    @cached_property
    def recipes(self) -> Sequence[Recipe]:
        """The recipes of all versions and lines."""
        return [one.recipe for one in (*self._versions.values(), *self._lines.values())]

    @cached_property
    def columns(self) -> Sequence[str]:
        """What it needs of a batch: columns of the table, and the previous hash."""
        names = [own(column) for recipe in self.recipes for column in recipe.columns]
        names += [own(column) for column in (*self._lines, self.profile.version_column) if column]
        names += [self.previous] if any(recipe.needs_previous for recipe in self.recipes) else []
        names += [PAYLOAD] if self.sql else []
        return tuple(dict.fromkeys(names))

    @property
    def needs_neighbour(self) -> bool:
        """Whether a recipe needs the hash of the entry before, and no column holds it."""
        return BEFORE in self.columns

    @property
    def previous(self) -> str:
        """What a batch calls the previous hash."""
        return PREVIOUS if self.profile.has(PREVIOUS) else BEFORE

    @cached_property
    def sql(self) -> str:
        """The expression with which the server builds payloads; empty if it builds none."""
        expressions = {recipe.sql for recipe in self.recipes} - {""}
        if len(expressions) > 1:
            raise SourceError(
                f"The profile {self.profile.name} has more than one recipe in SQL.", "Combine them with CASE."
            )
        return expressions.pop() if expressions else ""

    def hashes(self, batch: Batch) -> Hashes:
        """Return the hash of every entry. Those of the last batch are kept, since several kinds ask for them."""
        if self._last is None or self._last[0] is not batch:
            self._last = batch, self._hashes(batch)
        return self._last[1]

    def _hashes(self, batch: Batch) -> Hashes:
        if not self.profile.version_column:
            return self._versions[DEFAULT].hashes(BatchRows(batch, self.profile))
        values = batch.values(own(self.profile.version_column))
        found: list[str | None] = [None] * len(batch)
        for value in dict.fromkeys(values):
            version = self._versions.get(value, self._versions.get(DEFAULT))
            if version is not None:
                at = [index for index, one in enumerate(values) if one == value]
                part = batch if len(at) == len(batch) else batch.rows(at)
                for index, text in zip(at, version.hashes(BatchRows(part, self.profile)), strict=True):
                    found[index] = text
        return found

    def digests(self, batch: Batch) -> Iterable[bytes]:
        """Return the hash of every entry as the column stores it, in UTF-8; nothing for one that has no payload."""
        texts = [text or "" for text in self.hashes(batch)]
        whole = "\n".join(texts)  # JSON text has no line ends of its own, and digits need no decoding
        if whole.isascii() and "\\" not in whole:
            return whole.encode("ascii").split(b"\n")
        return [(text or "").encode("utf-8") for text in plain_texts(texts)]

    def lines(self, batch: Batch) -> Mapping[str, Hashes]:
        """Return what the columns that hold a hash of their own should hold."""
        rows = BatchRows(batch, self.profile)
        return {column: line.hashes(rows) for column, line in self._lines.items()}

    def obstacle(self, batch: Batch, index: int) -> str:
        """Return that no recipe is for its version, or that a value has no form that the recipe can write."""
        column = self.profile.version_column
        value = batch.values(own(column))[index] if column else DEFAULT
        if value not in self._versions and DEFAULT not in self._versions:
            return f"the profile has no recipe for the version {value!r} in {column}"
        return "one of its values has no form that the profile's recipe can write"


class _Compiled:
    """A recipe, and what makes hashes of its payloads; a plan, if the native core can make most of them."""

    def __init__(
        self, recipe: Recipe, hashing: Callable[[Sequence[bytes | None]], list[str | None]], plan: Plan | None
    ) -> None:
        self.recipe, self._hashing, self._plan = recipe, hashing, plan

    def hashes(self, rows: BatchRows) -> Hashes:
        """Return the hashes as JSON text. They differ in digits only, so if one is JSON text as it is, all are."""
        found = self._stored(rows)
        one = next(filter(None, found), "")
        return found if json_text(one) == one else [None if text is None else json_text(text) for text in found]

    def _stored(self, rows: BatchRows) -> list[str | None]:
        quick = rows.batch.quick
        if self._plan is None or quick is None or not quick.is_utf8:
            return self._hashing(self.recipe.payloads(rows))
        found = quick.hashes(self._plan)
        left = [at for at, text in enumerate(found) if text is None]
        if left:
            for at, text in zip(left, self._hashing(self.recipe.payloads(rows.some(left))), strict=True):
                found[at] = text
        return found


class BatchRows:
    """What a recipe reads of a batch."""

    def __init__(self, batch: Batch, profile: Profile) -> None:
        self.batch = batch
        self._profile, self._genesis = profile, profile.genesis
        self._previous = PREVIOUS if profile.has(PREVIOUS) else BEFORE

    def __len__(self) -> int:
        return len(self.batch)

    def some(self, at: Sequence[int]) -> BatchRows:
        """Return the entries at these places."""
        return BatchRows(self.batch.rows(at), self._profile)

    def values(self, column: str) -> list[str | None]:
        """Return a column of the table."""
        return self.batch.values(self._profile.in_batch(column))

    def previous(self) -> list[str | None]:
        """Return the previous hash of each entry."""
        return self.batch.values(self._previous)

    def first(self) -> list[bool]:
        """Return which entries start a chain: they name the genesis value, or their own line hash."""
        if self._genesis.line:
            lines = self.values(self._genesis.line)
            return [link == line for link, line in zip(self.previous(), lines, strict=True)]
        return [link == self._genesis.text for link in self.previous()]


def hasher_of(profile: Profile, types: Mapping[str, str], read_key: ReadKey) -> Hasher:
    """Return the hasher of a ledger; `types` are those of the table's columns."""
    is_canonical = profile.schemas and profile.version == SKI.version  # its columns are those of `entry.py`, too
    return SkiHasher() if is_canonical else RecipeHasher(profile, types, read_key)
