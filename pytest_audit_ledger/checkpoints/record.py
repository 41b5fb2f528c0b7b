"""What lies beside a checkpoint: a record of what neither the chain nor the checkpoint covers. No I/O.

`SIZE.record.json` holds (see checks/checkpoint-record.schema.json)

1.  a second Merkle root, over every column of each entry. A leaf is the entry as a JSON object of texts, each as
    PostgreSQL prints it (session as the source pins it; timestamps as the canonical payload writes them) or null, as
    `json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in UTF-8: no two rows have the same;
2.  the guards: columns, constraints, triggers and their functions, policies, owner, grants, as the catalogue has them;
3.  the perfect subtrees of both trees, from which they can be grown without the entries, their pieces, each of which
    can be proven without the others (see `pieces.py`), and the inclusion proof of the last entry;
4.  when it was made, of what, and by what.

`SIZE.record.note` binds it: a signed note by the key of the checkpoint, whose text is five lines:
`pytest-audit-ledger/record/v1`, the origin, the size, the base64 root of the checkpoint, and the base64 SHA-256 of the
JSON file. Its first line is not the name of its key, so it is never taken for a checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_audit_ledger.checkpoints.merkle import HASH_SIZE, CompactRange, leaf_hash, root_of_proof
from pytest_audit_ledger.checkpoints.note import Checkpoint, Note, VerifierKey, decode, encode
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.model.batch import Batch, json_objects, json_text
from pytest_audit_ledger.model.entry import canonical_timestamp

VERSION = 1
HEADER = f"pytest-audit-ledger/record/v{VERSION}"

LARGEST_RECORD = 16 * 1024 * 1024
"""Bytes; the bodies of trigger functions are in it."""


class _UntrueError(ValueError):
    """Says in words of its own why a record is not to be trusted."""


@dataclass(frozen=True)
class CheckpointRecord:
    """What was so when a checkpoint was signed.

    `created_at` is the server's time; `columns` are name and type of every column; `last_entry` is the hash of the last
    entry in hexadecimal, and `proof` its inclusion proof; `guards` name each guard and say what it is.
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

    def data(self) -> bytes:
        """Return the JSON file."""
        told = {
            "record_version": VERSION,
            "tool_version": self.tool_version,
            "created_at": self.created_at,
            "database": self.database,
            "table": self.table,
            "server_version": self.server_version,
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
        return f"{json.dumps(told, indent=2)}\n".encode()

    @classmethod
    def parse(cls, data: bytes, checkpoint: Checkpoint) -> CheckpointRecord:
        """Read the JSON file beside a checkpoint, and prove what it says of itself. Raises ValueError."""
        try:
            if len(data) > LARGEST_RECORD:
                raise _UntrueError(f"it is larger than {LARGEST_RECORD:,} bytes")
            return cls._read(json.loads(data), checkpoint)
        except _UntrueError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError("it is not what checkpoint-record.schema.json describes") from None

    @classmethod
    def _read(cls, told: Any, checkpoint: Checkpoint) -> CheckpointRecord:
        size, root = checkpoint.size, checkpoint.root
        if told["record_version"] != VERSION:
            raise _UntrueError(f"it is of version {told['record_version']!r}, and only {VERSION} is known")
        if (told["origin"], told["size"], decode(told["root"])) != (checkpoint.origin, size, root):
            raise _UntrueError("it is the record of another checkpoint")
        entries = CompactRange.restored(size, list(map(decode, told["subtrees"])))
        rows = CompactRange.restored(size, list(map(decode, told["columns_subtrees"])))
        last, proof = told["last_entry"]["entry_hash"], tuple(map(decode, told["last_entry"]["proof"]))
        leaf = leaf_hash(bytes.fromhex(last))
        roots = (entries.root(), root_of_proof(leaf, size - 1, size, proof), rows.root())
        if roots != (root, root, decode(told["columns_root"])):
            raise _UntrueError("what it says of the trees does not lead to their roots")
        height = told["pieces"]["height"]
        try:
            pieces = Pieces.restored(height, _hashes(told["pieces"]["entries"]), entries)
            row_pieces = Pieces.restored(height, _hashes(told["pieces"]["columns"]), rows)
        except ValueError as error:
            raise _UntrueError(str(error)) from None
        return cls(
            checkpoint=checkpoint,
            created_at=canonical_timestamp(datetime.fromisoformat(told["created_at"])),
            **{name: _text(told[name]) for name in ("tool_version", "database", "table", "server_version")},
            columns=_texts(told["columns"]),
            entries=entries,
            rows=rows,
            pieces=pieces,
            row_pieces=row_pieces,
            last_entry=last,
            proof=proof,
            guards=_texts(told["guards"]),
        )


def _hashes(text: str) -> list[bytes]:
    data = decode(text)
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> Mapping[str, str]:
    return {name: _text(text) for name, text in value.items()}


def binding(checkpoint: Checkpoint, data: bytes) -> str:
    """Return the text that is signed to bind the JSON file to its checkpoint."""
    lines = (HEADER, checkpoint.origin, checkpoint.size, encode(checkpoint.root), encode(sha256(data).digest()))
    return "".join(f"{line}\n" for line in lines)


def open_record(data: bytes, note: bytes, checkpoint: Checkpoint, keys: Sequence[VerifierKey]) -> CheckpointRecord:
    """Return the record of a checkpoint that one of its signers bound to it. Raises ValueError."""
    bound = Note.parse(note)
    bound.signed_by(keys)
    if bound.text != binding(checkpoint, data):
        raise ValueError("it is not the record that was signed with the checkpoint")
    return CheckpointRecord.parse(data, checkpoint)


def row_leaves(batch: Batch, columns: Sequence[str]) -> list[bytes]:
    """Return the hashes of the leaves that stand for the entries with all these columns (rule 1 of the module)."""
    texts = {json_text(name): (batch.text(name), True) for name in sorted(columns)}
    return [sha256(b"\x00" + row.encode("latin-1")).digest() for row in json_objects(texts)]


def json_file(checkpoint_file: Path) -> Path:
    """Return where the record of a checkpoint lies."""
    return checkpoint_file.with_suffix(".record.json")


def note_file(checkpoint_file: Path) -> Path:
    """Return where the note lies that binds the record to its checkpoint."""
    return checkpoint_file.with_suffix(".record.note")
