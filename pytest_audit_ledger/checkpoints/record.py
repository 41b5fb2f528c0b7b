"""The record next to a checkpoint: what neither the chain nor the checkpoint covers. No I/O.

`SIZE.record.json` has (see checks/checkpoint-record.schema.json)

1.  a second Merkle root, over every column of each entry. A leaf is the entry as a JSON object of texts, each as
    PostgreSQL prints it (session as the source pins it; timestamps as the canonical payload writes them) or null, as
    `json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in UTF-8: different rows differ;
2.  the protections: columns, constraints, triggers and their functions, policies, owner and grants in the catalog;
3.  the perfect subtrees of both trees, from which they can grow without the entries, their pieces, each of which can
    be checked alone (see `pieces.py`), and the inclusion proof of the last entry;
4.  when and by what it was made, of which database and table, and by which profile.

5.  if the ledger has streams: the highest number of each, so that an end or a stream that is gone is found by name,
    and the values of `order` at the end of the checkpoint and of each piece, by which their entries are found again.

In version 1, the ledger is always a SKI ledger. With one chain, `streams` is empty, and there is no `order`.

`SIZE.record.note` binds it to the checkpoint: a note signed by the same key, whose text is five lines:
`pytest-audit-ledger/record/v2` (or `v1`, as `record_version` says), the origin, the size, the base64 root of the
checkpoint, and the base64 SHA-256 of the JSON file. Its first line is not the name of its key, so nobody can pass it
off as a checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pytest_audit_ledger.checkpoints.merkle import HASH_SIZE, CompactRange, leaf_hash, leaf_hashes, root_of_proof
from pytest_audit_ledger.checkpoints.note import Checkpoint, Note, VerifierKey, decode, encode
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.files.stores import P
from pytest_audit_ledger.model.batch import Batch, json_objects, json_plan, json_text, plain_texts
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.native.plan import Plan

VERSION = 2
READABLE = (1, VERSION)
HEADER = "pytest-audit-ledger/record/v"

LARGEST_RECORD = 64 * 1024 * 1024
"""Bytes; a record includes the bodies of trigger functions, and about 60 bytes for each stream."""


class _UntrueError(ValueError):
    """A record that contradicts its checkpoint or itself; the message says how."""


@dataclass(frozen=True)
class CheckpointRecord:
    """The state of a ledger when a checkpoint was signed.

    `created_at`: the server's time. `profile`: the name of the ledger's profile, and `profile_digest` the SHA-256 of
    its file, empty for the built-in one. `columns`: name and type of every column. `last_entry`: the hash of the last
    entry as the column stores it, and `proof` its inclusion proof. `guards`: the protections that exist, each by name
    with its definition. `order_column`: the column of the role `order`, `order` its value in the last entry, and
    `streams` the highest number of each stream, as JSON text (see `batch.py`); None and empty if there is one chain.
    """

    checkpoint: Checkpoint
    created_at: str
    tool_version: str
    database: str
    table: str
    server_version: str
    columns: Mapping[str, str]
    entries: CompactRange
    rows: CompactRange
    pieces: Pieces
    row_pieces: Pieces
    last_entry: str
    proof: tuple[bytes, ...]
    guards: Mapping[str, str]
    profile: str = SKI.name
    profile_digest: str = ""
    order_column: str = ""
    order: int | None = None
    streams: Mapping[str, int] = field(default_factory=dict)

    def data(self) -> bytes:
        """Return the bytes of the JSON file."""
        streams = sorted(self.streams)
        heads = list(zip(plain_texts(streams), map(self.streams.__getitem__, streams), strict=True))
        document = {
            "record_version": VERSION,
            "tool_version": self.tool_version,
            "created_at": self.created_at,
            "database": self.database,
            "table": self.table,
            "server_version": self.server_version,
            "profile": {"name": self.profile, "sha256": self.profile_digest},
            "streams": [],
            **self._order(),
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "root": encode(self.checkpoint.root),
            "subtrees": list(map(encode, self.entries.hashes())),
            "last_entry": {"entry_hash": self.last_entry, "proof": list(map(encode, self.proof))},
            "columns": dict(sorted(self.columns.items())),
            "columns_root": encode(self.rows.root()),
            "columns_subtrees": list(map(encode, self.rows.hashes())),
            "pieces": {
                "height": self.pieces.height,
                "entries": encode(b"".join(self.pieces.roots)),
                "columns": encode(b"".join(self.row_pieces.roots)),
            },
            "guards": dict(sorted(self.guards.items())),
        }
        # there may be 100,000 streams, which take one line; an empty list stays as it is
        text = json.dumps(document, indent=2).replace('"streams": []', f'"streams": {json.dumps(heads)}', 1)
        return f"{text}\n".encode()

    def _order(self) -> Mapping[str, Any]:
        if self.order is None:
            return {}
        return {"order": {"column": self.order_column, "last": self.order, "pieces": self.pieces.orders}}

    @classmethod
    def parse(cls, data: bytes, checkpoint: Checkpoint) -> CheckpointRecord:
        """Read the JSON file next to a checkpoint, and check it against itself. Raises ValueError."""
        try:
            return cls._read(json.loads(data), checkpoint)
        except _UntrueError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("it does not match checkpoint-record.schema.json") from error

    @classmethod
    def _read(cls, document: Any, checkpoint: Checkpoint) -> CheckpointRecord:
        size, root = checkpoint.size, checkpoint.root
        version = document["record_version"]
        if version not in READABLE:
            raise _UntrueError(f"its record_version is {version!r}; this version reads {_listed(READABLE)}")
        profile = document["profile"] if version > 1 else {"name": SKI.name, "sha256": ""}
        if (document["origin"], document["size"], decode(document["root"])) != (checkpoint.origin, size, root):
            raise _UntrueError("it is the record of another checkpoint")
        entries = CompactRange.restored(size, list(map(decode, document["subtrees"])))
        rows = CompactRange.restored(size, list(map(decode, document["columns_subtrees"])))
        last, proof = document["last_entry"]["entry_hash"], tuple(map(decode, document["last_entry"]["proof"]))
        leaf = leaf_hash(bytes.fromhex(last) if profile["name"] == SKI.name else last.encode("utf-8"))
        roots = (entries.root(), root_of_proof(leaf, size - 1, size, proof), rows.root())
        if roots != (root, root, decode(document["columns_root"])):
            raise _UntrueError("its subtrees or its proof do not lead to the signed roots")
        height = document["pieces"]["height"]
        order = document.get("order", {"column": "", "last": None, "pieces": []})
        ends = list(map(_whole, order["pieces"]))
        try:
            pieces = Pieces.restored(height, _hashes(document["pieces"]["entries"]), entries, ends)
            row_pieces = Pieces.restored(height, _hashes(document["pieces"]["columns"]), rows)
        except ValueError as error:
            raise _UntrueError(str(error)) from error
        return cls(
            checkpoint=checkpoint,
            created_at=canonical_timestamp(datetime.fromisoformat(document["created_at"])),
            **{name: _text(document[name]) for name in ("tool_version", "database", "table", "server_version")},
            columns=_texts(document["columns"]),
            entries=entries,
            rows=rows,
            pieces=pieces,
            row_pieces=row_pieces,
            last_entry=last,
            proof=proof,
            guards=_texts(document["guards"]),
            profile=_text(profile["name"]),
            profile_digest=_text(profile["sha256"]),
            order_column=_text(order["column"]),
            order=_whole(order["last"]) if "order" in document else None,
            streams={_stream(stream): _whole(number) for stream, number in document.get("streams", ())},
        )


def _hashes(text: str) -> list[bytes]:
    data = decode(text)
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _stream(value: Any) -> str:
    text = None if value is None else _text(value)
    is_plain = text is not None and text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
    return (
        text if text is not None and is_plain else json_text(text)
    )  # there are many, and most are written as they are


def _texts(value: Any) -> Mapping[str, str]:
    return {name: _text(text) for name, text in value.items()}


def _listed(versions: Sequence[int]) -> str:
    return " and ".join(map(str, versions))


def binding(checkpoint: Checkpoint, data: bytes, version: int = VERSION) -> str:
    """Return the text whose signature binds the JSON file, of this version, to its checkpoint."""
    root, digest = encode(checkpoint.root), encode(sha256(data).digest())
    lines = (f"{HEADER}{version}", checkpoint.origin, checkpoint.size, root, digest)
    return "".join(f"{line}\n" for line in lines)


def open_record(data: bytes, note: bytes, checkpoint: Checkpoint, keys: Sequence[VerifierKey]) -> CheckpointRecord:
    """Return the record that a signer of the checkpoint bound to it. Raises ValueError."""
    bound = Note.parse(note)
    bound.signed_by(keys)
    if bound.text not in [binding(checkpoint, data, version) for version in READABLE]:
        raise ValueError("it is not the record that was signed with the checkpoint")
    return CheckpointRecord.parse(data, checkpoint)


def row_leaves(batch: Batch, columns: Sequence[str], profile: Profile = SKI) -> list[bytes]:
    """Return the hashes of the leaves for the entries with all these columns (rule 1 of the module)."""
    names = sorted(columns)
    in_batch = tuple(map(profile.in_batch, names))
    if batch.quick is not None:
        return [
            found or b"" for found in batch.quick.digests(_row_plan(tuple(names), in_batch))
        ]  # none is left to Python
    texts = {json_text(key): (batch.text(name), True) for key, name in zip(names, in_batch, strict=True)}
    return leaf_hashes(row.encode("latin-1") for row in json_objects(texts))


@lru_cache
def _row_plan(names: tuple[str, ...], in_batch: tuple[str, ...]) -> Plan:
    return json_plan(dict(zip(map(json_text, names), in_batch, strict=True)), before="\0")


def json_file(checkpoint_file: P) -> P:
    """Return the path of the record of a checkpoint."""
    return checkpoint_file.with_suffix(".record.json")


def note_file(checkpoint_file: P) -> P:
    """Return the path of the note that binds the record to its checkpoint."""
    return checkpoint_file.with_suffix(".record.note")
