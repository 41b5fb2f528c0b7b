"""Run the test vectors against a verifier, with whatever Python runs this: `run_vectors.py VERIFIER VECTORS`.

It imports neither the package nor anything of other packages, and prints what does not come out as expected.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any


def main(verifier: str, vectors: str) -> Iterator[str]:
    """Yield what differs."""
    sys.path.insert(0, str(Path(verifier).parent))
    own = import_module(Path(verifier).stem)
    told = json.loads(Path(vectors).read_text(encoding="utf-8"))
    for place, one in enumerate(told["entries"]):
        yield from _entry(own, place, one, told["flat"])
    for name, judge in (("documents", _document), ("transcripts", _transcript), ("signatures", _signature)):
        yield from (f"{name}: {one}" for one in told[name] if not judge(own, one))
    for one in told["trees"]:
        yield from _tree(own, one)
    for name, judge in (("notes", _note), ("rows", _row), ("records", _record)):
        yield from (f"{name}: {one}" for one in told[name] if not judge(own, one))


def _hash(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _document(_: Any, one: Any) -> bool:
    return bool(_hash(bytes.fromhex(one["payload"])) == one["hash"])


def _transcript(own: Any, one: Any) -> bool:
    told = json.loads(one["transcript_json"])
    signed, public = f"{told['request_hash']}|{told['response_hash']}".encode(), bytes.fromhex(one["public"])
    hashes = _hash(told["request_canonical"].encode()), _hash(own.canonical(told["response_canonical"]))
    is_hashed = hashes == (told["request_hash"], told["response_hash"]) and one["signing_key_id"] == _hash(public)
    return bool(is_hashed and own.is_signed(public, bytes.fromhex(one["transcript_signature"]), signed))


def _signature(own: Any, one: Any) -> bool:
    given = [bytes.fromhex(one[name]) for name in ("public", "signature", "message")]
    return own.is_signed(*given) is one["valid"]


def _row(own: Any, one: Any) -> bool:
    return bool(own.leaf_hash(own.canonical(one["row"])).hex() == one["leaf_hash"])


def _record(own: Any, one: Any) -> bool:
    keys = [own.read_key(one["key"])]
    checkpoint = own.read_checkpoint("vector", one["checkpoint"].encode(), keys)
    record = own.read_record(checkpoint, one["record"].encode(), one["record_note"].encode(), keys)
    return bool(record.is_signed and base64.b64encode(record.root).decode() in one["record"])


def _note(own: Any, one: Any) -> bool:
    try:
        checkpoint = own.read_checkpoint("vector", one["note"].encode(), list(map(own.read_key, one["keys"])))
    except own.WrongError:
        return one["signed_by"] is None
    return bool([key.name for key in checkpoint.signers] == one["signed_by"])


def _entry(own: Any, place: int, one: Any, flat: Any) -> Iterator[str]:
    named = one["profile"]
    profile = own.Profile(flat[named if isinstance(named, str) else named["name"]])
    try:
        found = profile.hashes(one["row"], one["previous"])[profile.column["entry_hash"]]
    except own.UnsupportedError:
        found = one["hash"] if "_by" in json.dumps(profile.data) else "nothing"
    if found != one["hash"]:
        yield f"entry {place}: {found}, not {one['hash']}, of {bytes.fromhex(one['payload'])!r}"


def _tree(own: Any, one: Any) -> Iterator[str]:
    leaves = [own.leaf_hash(bytes.fromhex(leaf)) for leaf in one["leaves"]]
    tree = own.Tree([len(leaves)])
    for leaf in leaves:
        tree.add(leaf)
    if tree.roots[len(leaves)].hex() != one["root"]:
        yield f"tree of {len(leaves)}"
    for index, proof in enumerate(one["proofs"]):
        root = own.root_of_proof(leaves[index], index, len(leaves), list(map(bytes.fromhex, proof)))
        if root.hex() != one["root"]:
            yield f"proof of {index} in {len(leaves)}"


if __name__ == "__main__":
    print("\n".join(main(*sys.argv[1:])))  # noqa: T201  (a program of its own)
