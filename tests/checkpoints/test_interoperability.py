"""Our notes and trees against aics-tlog, another implementation of C2SP, in whatever interpreter has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.merkle import leaf_hash
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey
from pytest_audit_ledger.checkpoints.proof import TlogProof
from pytest_audit_ledger.checkpoints.store import open_checkpoint
from tests.support.merkle_trees import inclusion_proof, tree_root
from tests.support.newer_python import run_newer

ORIGIN = "bank.example/ledger"
KEY = SigningKey(ORIGIN, bytes(range(32)))
LEAVES = [bytes([number]) * 32 for number in range(21)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]

THEIRS = """
import base64, json, sys
import aics_tlog as tlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

asked = json.load(sys.stdin)
leaves = [bytes.fromhex(leaf) for leaf in asked["leaves"]]
tree = tlog.MerkleTree(leaves)
root = tree.root()
note = tlog.parse_note(asked["note"])
verified = tlog.verify_checkpoint(note, tlog.parse_vkey(asked["key"]), expected_origin=asked["origin"])
private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(asked["private"]))
checkpoint = tlog.Checkpoint(asked["origin"], len(leaves), root)
proof = [bytes.fromhex(node) for node in asked["proof"]]
head, _, rest = asked["file"].partition("\\n\\n")
lines, signed = head.split("\\n"), tlog.parse_note(rest)
print(json.dumps({
    "verified": bool(verified.log_ok),
    "changed": bool(tlog.verify_checkpoint(
        tlog.parse_note(asked["note"].replace("21", "22", 1)), tlog.parse_vkey(asked["key"])
    ).log_ok),
    "root": root.hex(),
    "proven": tlog.verify_leaf_inclusion(
        leaves[13], int(lines[1].removeprefix("index ")), tlog.parse_checkpoint(signed.text).size,
        [base64.b64decode(line) for line in lines[2:]], tlog.parse_checkpoint(signed.text).root,
    ),
    "included": tlog.verify_leaf_inclusion(leaves[13], 13, len(leaves), proof, root),
    "note": str(tlog.sign_checkpoint(checkpoint, private, asked["origin"]).text)
        + "\\n" + "".join(
            f"\\u2014 {line.name} {tlog.note.b64_encode(line.key_id + line.signature)}\\n"
            for line in tlog.sign_checkpoint(checkpoint, private, asked["origin"]).signatures
        ),
}))
"""


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    """What the other implementation says of our note, and a note that it signed itself."""
    note = KEY.sign(Checkpoint(ORIGIN, len(LEAVES), tree_root(HASHES)).text())
    asked = {
        "origin": ORIGIN,
        "note": note.decode(),
        "file": TlogProof(13, tuple(inclusion_proof(HASHES, 13)), note).data().decode(),
        "key": str(KEY.verifier()),
        "private": KEY.private.hex(),
        "leaves": [leaf.hex() for leaf in LEAVES],
        "proof": [node.hex() for node in inclusion_proof(HASHES, 13)],
    }
    answer: dict[str, Any] = json.loads(run_newer("tlog", "aics_tlog", THEIRS, json.dumps(asked)))
    return answer


def test_our_checkpoint_verifies_there(theirs: dict[str, Any]) -> None:
    assert (theirs["verified"], theirs["changed"]) == (True, False)


def test_their_checkpoint_verifies_here(theirs: dict[str, Any]) -> None:
    found, keys = open_checkpoint(theirs["note"].encode(), [KEY.verifier()])
    assert keys == (KEY.verifier(),)
    assert found == Checkpoint(ORIGIN, len(LEAVES), tree_root(HASHES))


def test_their_tree_is_ours_and_takes_our_proof(theirs: dict[str, Any]) -> None:
    assert theirs["root"] == tree_root(HASHES).hex()
    assert theirs["included"]


def test_our_proof_of_an_entry_leads_to_the_signed_root_there(theirs: dict[str, Any]) -> None:
    assert theirs["proven"]
