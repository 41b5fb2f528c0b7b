"""The test vectors of hashing.md, `checks/vectors.json`. `python -m tests.reference` writes them; a test compares them.

The published peer made the hashes of SKI entries, the tax agency those of invoices; signatures are those of RFC 8032.
The rest is made here, and the verifier, which shares no code with the package, must come to the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pytest_audit_ledger.checkpoints.ed25519 import L
from pytest_audit_ledger.checkpoints.merkle import CompactRange, leaf_hash
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey, encode
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.checkpoints.record import CheckpointRecord, binding, row_leaves
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.flat_profile import flat_profile
from pytest_audit_ledger.model.hasher import no_key
from pytest_audit_ledger.model.jsonb import canonical, digest
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, Genesis, Profile
from pytest_audit_ledger.model.recipes import compile_hashing
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.sample import sample_entries, sample_provenance
from pytest_audit_ledger.suite.profile_file import load_profile, versions_in
from tests.checkpoints.test_ed25519 import POINTS, encoded
from tests.support.merkle_trees import inclusion_proof, tree_root
from tests.support.profile_rows import One, hashes, payloads, version_of
from tests.support.signers import RUNTIME, RUNTIME_KEY

Vector = dict[str, Any]

DATA = Path(__file__).parent / "data"
FILE = Path(__file__).parents[1] / "checks" / "vectors.json"
ORIGIN = "bank.example/ledger"
KEY = SigningKey(ORIGIN, sha256(b"a test vector").digest())
WITNESS = SigningKey("witness.example/w1", sha256(b"a witness of test vectors").digest())
OTHER = SigningKey("other.example/ledger", sha256(b"another key of test vectors").digest())

LOG_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
"""The leaves that the tests of Certificate Transparency use."""

RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
)
"""Public key, message and signature of tests 1 and 2 of section 7.1."""


def document() -> str:
    """Return the vectors as JSON."""
    vectors = {
        "description": "Test vectors of examples/reference/hashing.md of pytest-audit-ledger. Bytes are hexadecimal.",
        "version": 1,
        "flat": {name: json.loads(flat_profile(*one)) for name, one in _profiles().items()},
        "entries": [*_of_ski(), *_of_invoices(), *_of_recipes()],
        "documents": list(_documents()),
        "transcripts": [_transcript()],
        "signatures": list(_signatures()),
        "trees": list(_trees()),
        "notes": list(_notes()),
        "rows": list(_rows()),
        "records": [_record()],
    }
    return f"{json.dumps(vectors, indent=1)}\n"


def _profiles() -> Mapping[str, tuple[Profile, Mapping[str, str]]]:
    """Return the profile of every vector by its name, each with the types of the columns."""
    found = {"ski": (SKI, {"sequence_number": "bigint"}), "verifactu": (load_profile("verifactu"), INVOICES)}
    for data in _recipes():
        ((_, version),) = versions_in(data)
        columns = {SEQUENCE: "whole", HASH: "hash"}
        own = Profile(name=data["name"], table="vectors", columns=columns, version=version, genesis=Genesis(text=None))
        found[own.name] = own, AWKWARD_TYPES
    return found


def _of_ski() -> Iterator[Vector]:
    """Yield entries whose payloads and hashes the peer made."""
    lines = (DATA / "canonical-vectors.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines[:24]:
        made = json.loads(line)
        row = {**made["entry"], "sequence_number": str(made["entry"]["sequence_number"])}
        row["knowledge_graph_version"] = row.pop("kg_version")
        yield {
            "profile": "ski",
            "types": {"sequence_number": "bigint"},
            "row": row,
            "previous": row["previous_hash"],
            "payload": made["canonical"].encode().hex(),
            "hash": made["entry_hash"],
        }


INVOICES = {"fecha_expedicion": "date", "cuota_total": "numeric(12,2)", "importe_total": "numeric(12,2)"}


def _of_invoices() -> Iterator[Vector]:
    """Yield the examples of the tax agency."""
    profile = load_profile("verifactu")
    for row in json.loads((DATA / "profiles" / "verifactu.json").read_text(encoding="utf-8"))["records"]:
        one = One(row, row["huella_anterior"], row["huella_anterior"] is None)
        (payload,) = payloads(version_of(profile, row), INVOICES, [one])
        yield _entry("verifactu", INVOICES, one, payload or b"", row["huella"])


def _entry(profile: Any, types: Mapping[str, str], one: One, payload: bytes, hash_: str | None) -> Vector:
    return {
        "profile": profile,
        "types": dict(types),
        "row": dict(one.row),
        "previous": one.before,
        "payload": payload.hex(),
        "hash": hash_,
    }


AWKWARD = {
    "plain": "abc",
    "empty": "",
    "missing": None,
    "control": "\x01\x08\t\n\x0b\x0c\r\x1f\x7f",
    "quoted": "\"quotes\", back\\slash, /slash, <tag> & 'more'",
    "latin": "Gehalt für Mai",
    "astral": "\U0001f6e2\ufe0f \U0001f3f4\U000e0067",
    "lines": "\u2028\u2029\ufeff",
    "spaces": "\t both ends ",
    "whole": "9007199254740993",
    "money": "-0.10",
    "flag": "t",
    "bytes": "\\x00ff10",
    "at": "2026-05-21 15:30:00.87407+00",
    "even": "2026-05-21 15:30:00+00",
    "local": "2026-10-25 00:59:59.5+00",
    "document": '{"a": [1, 2.50, "\u00e9"], "b": null}',
}
_TEXTS = ["plain", "empty", "missing", "control", "quoted", "latin", "astral", "lines", "spaces"]
AWKWARD_TYPES = {
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(("at", "even", "local"), "timestamp with time zone"),
    "whole": "bigint",
    "money": "numeric(12,2)",
    "flag": "boolean",
    "bytes": "bytea",
    "document": "jsonb",
}
_MADRID = {"local": {"iso": {"digits": 3, "zone": "Europe/Madrid"}}}
PAYLOADS: Sequence[Mapping[str, Any]] = (
    {
        "json": [
            *_TEXTS,
            "whole",
            "money",
            "flag",
            {"document": "json_pg"},
            {"key": "previous", "previous": "as_stored"},
        ]
    },
    {"json": {"ascii": False, "sorted": True, "separators": [",", ":"], "null": "skip", "of": [*_TEXTS, "whole"]}},
    {
        "json": {
            "style": "javascript",
            "of": [*_TEXTS, "whole", "flag", {"column": "whole", "quoted": True, "key": "w"}],
        }
    },
    {"json": {"of": [{"document": {"json": {"keys": "sorted", "ascii": False}}}, {"key": "n", "constant": 1}]}},
    {"join": {"by": "|", "null": "", "of": ["previous", *_TEXTS, "whole", "money", "flag"]}},
    {"join": {"by": "\n", "null": {"text": "keep"}, "of": [*_TEXTS, {"column": "missing", "null": "skip"}]}},
    {"join": {"by": "|", "of": ["at", {"at": "iso"}, {"even": "iso"}, {"at": {"iso": {"digits": 6, "offset": "Z"}}}]}},
    {
        "join": {
            "by": "|",
            "of": [_MADRID, {"at": {"unix": "us"}}, {"even": {"strftime": "%d-%m-%Y %H:%M:%S.%f %j %%"}}],
        }
    },
    {
        "join": {
            "by": "|",
            "of": [{"even": {"iso": {"digits": 9, "separator": " ", "offset": ""}}}, {"money": {"decimals": 4}}],
        }
    },
    {
        "concat": [
            {"at": {"iso": {"offset": "+0000"}}},
            {"even": {"iso": {"offset": "+00"}}},
            {"local": {"iso": {"offset": "+00", "zone": "Asia/Kolkata"}}},
            {"local": {"iso": {"offset": "+0000", "zone": "Europe/Madrid"}}},
        ]
    },
    {"pairs": [{"key": "Name", "column": "latin"}, {"key": "Spaces", "column": "spaces", "trim": "both"}, "missing"]},
    {
        "pairs": {
            "by": ";",
            "equals": ":",
            "of": ["plain", {"column": "missing", "null": "none"}, {"flag": {"booleans": ["yes", "no"]}}],
        }
    },
    {
        "concat": [
            {"unless_first": [{"previous": "raw"}]},
            {"bytes": "raw"},
            {"text": "\u20ac"},
            {"latin": "sha256_hex"},
        ]
    },
    {"concat": [{"when_not_null": "missing", "of": [{"text": "never"}]}, {"previous": "base64"}, {"bytes": "HEX"}]},
    {"lengths": ["previous", *_TEXTS, {"at": {"unix": "s"}}, {"bytes": "raw"}]},
    {"lengths": {"prefix": 4, "of": ["latin", "astral", {"json": ["plain"]}]}},
    {"array": ["plain", "missing", "whole", "flag", {"at": "iso"}]},
    {"template": {"text": "{plain}: {whole} {{{missing}}} {at}", "null": "-", "of": {"at": {"at": "iso"}}}},
    *({"json": {"style": style, "of": [*_TEXTS, "whole", "flag"]}} for style in ("php", "go", "jcs")),
)
HASHINGS: Sequence[Mapping[str, str]] = (
    {},
    {"algorithm": "sha512", "encoding": "base64"},
    {"algorithm": "sha3-256", "encoding": "HEX"},
    {"algorithm": "blake2b", "encoding": "bytea"},
    {"prefix": "sha256:"},
)


def _recipes() -> Iterator[dict[str, Any]]:
    """Yield a profile for every recipe."""
    for number, payload in enumerate(PAYLOADS):
        data = {"version": 1, "name": f"vector-{number}", "table": "vectors", "payload": payload, "genesis": None}
        yield data | {
            "roles": {"sequence": "whole", "entry_hash": "hash"},
            "hash": HASHINGS[number % len(HASHINGS)],
        }


def _of_recipes() -> Iterator[Vector]:
    """Yield one awkward row by every recipe: with an entry before it, and as the first of its stream."""
    for data in _recipes():
        ((_, version),) = versions_in(data)
        before = compile_hashing(version.hashing, no_key)([b"the entry before"])
        for previous in (before[0], None):
            one = One(AWKWARD, previous, previous is None)
            (made,), (hashed,) = payloads(version, AWKWARD_TYPES, [one]), hashes(version, AWKWARD_TYPES, [one])
            yield _entry(data, AWKWARD_TYPES, one, made or b"", hashed)


DOCUMENTS: Sequence[tuple[str, Any]] = (
    ('{"b": 1, "a": [true, null, "\u00e9\U0001f6e2"]}', {"b": 1, "a": [True, None, "\u00e9\U0001f6e2"]}),
    ('{"small": 0.0000001, "half": 0.5}', {"small": 1e-07, "half": 0.5}),
    ('{"large": 10000000000000000000000}', {"large": 1e22}),
    ('{"large": 10000000000000000000000}', {"large": 10**22}),
    ('{"zero": 0.0}', {"zero": -0.0}),
    ('{"control": "\\u0001\\b\\u007f\\u2028"}', {"control": "\x01\b\x7f\u2028"}),
)
"""Documents as JSONB prints them, and as Python had them."""


def _documents() -> Iterator[Vector]:
    for stored, written in DOCUMENTS:
        payload = canonical(written)
        yield {"stored": stored, "payload": payload.hex(), "hash": digest(payload)}


def _transcript() -> Vector:
    """Return a transcript as the runtime of the SKI Framework signs it."""
    (entry,) = sample_entries(1)
    row = sample_provenance(entry, RUNTIME)
    public = RUNTIME_KEY.public_key().public_bytes_raw()
    names = ("transcript_json", "transcript_signature", "signing_key_id")
    return {**{name: row[name] for name in names}, "public": public.hex()}


def _signatures() -> Iterator[Vector]:
    def vector(what: str, public: str, message: str, signature: str, valid: bool = False) -> Vector:
        return {"what": what, "public": public, "message": message, "signature": signature, "valid": valid}

    for number, (public, message, signature) in enumerate(RFC_8032, 1):
        yield vector(f"RFC 8032, 7.1, test {number}", public, message, signature, valid=True)
        yield vector("another message", public, f"{message}00", signature)
        s = int.from_bytes(bytes.fromhex(signature[64:]), "little") + L
        yield vector("S is not less than L", public, message, signature[:64] + s.to_bytes(32, "little").hex())
    for point in POINTS:
        yield vector("a key of small order", encoded(point).hex(), "00", f"{encoded(point).hex()}{'00' * 32}")
    yield vector("a key that is not encoded canonically", f"f0{'ff' * 30}7f", "00", f"01{'00' * 63}")


def _trees() -> Iterator[Vector]:
    """Yield the trees over the first leaves, with the proof of each leaf."""
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in LOG_LEAVES]
    for size in range(len(leaves) + 1):
        yield {
            "leaves": list(LOG_LEAVES[:size]),
            "root": tree_root(leaves[:size]).hex(),
            "subtrees": [node.hex() for node in _range(leaves[:size]).hashes()],
            "proofs": [[node.hex() for node in inclusion_proof(leaves[:size], index)] for index in range(size)],
        }


def _range(leaves: Sequence[bytes]) -> CompactRange:
    tree = CompactRange()
    tree.extend(leaves)
    return tree


def cosigned(note: bytes, time: int) -> bytes:
    """Return a note with the cosignature of a witness (C2SP tlog-cosignature, "Ed25519 signatures")."""
    text = note[: note.rindex(b"\n\n") + 1]
    private = Ed25519PrivateKey.from_private_bytes(WITNESS.private)
    signature = private.sign(f"cosignature/v1\ntime {time}\n".encode() + text)
    line = encode(_witness_id() + time.to_bytes(8, "big") + signature)
    return note + f"\N{EM DASH} {WITNESS.name} {line}\n".encode()


def _witness_id() -> bytes:
    return sha256(f"{WITNESS.name}\n".encode() + b"\x04" + WITNESS.verifier().public).digest()[:4]


WITNESS_KEY = f"{WITNESS.name}+{_witness_id().hex()}+{encode(bytes([4]) + WITNESS.verifier().public)}"
"""The verifier key of the witness."""


def _notes() -> Iterator[Vector]:
    """Yield checkpoints; `signed_by` are the names of the keys that vouch for one, None if it is to be refused."""
    own, other = str(KEY.verifier()), str(OTHER.verifier())
    signed = KEY.sign(Checkpoint(ORIGIN, 4327, bytes(range(32))).text())
    witnessed = cosigned(signed, 1_780_000_000)
    extended = KEY.sign(Checkpoint(ORIGIN, 1, bytes(32), ("an extension",)).text())
    foreign = OTHER.sign(Checkpoint(ORIGIN, 4327, bytes(range(32))).text())
    cases: Sequence[tuple[str, bytes, Sequence[str], Sequence[str] | None]] = (
        ("signed", signed, [own], [ORIGIN]),
        ("signed, with an extension line", extended, [own], [ORIGIN]),
        ("cosigned", witnessed, [own, WITNESS_KEY], [ORIGIN, WITNESS.name]),
        ("cosigned, and only the witness is trusted", witnessed, [WITNESS_KEY], [WITNESS.name]),
        ("signed, and nobody is trusted", signed, [], []),
        ("signed by a key with another name than the origin", foreign, [other], []),
        ("changed", signed.replace(b"4327", b"4328"), [own], None),
        ("cosignature with another time", witnessed[:-70] + b"A" + witnessed[-69:], [WITNESS_KEY], None),
        ("not signed", signed[: signed.rindex(b"\n\n") + 2], [own], None),
        ("a size with a zero before it", KEY.sign(f"{ORIGIN}\n01\n{encode(bytes(32))}\n"), [own], None),
    )
    for what, note, keys, signers in cases:
        yield {"what": what, "note": note.decode(), "keys": list(keys), "signed_by": signers}


ROWS: Sequence[Mapping[str, str | None]] = (
    {"sequence_number": "1", "timestamp": "2026-05-21T15:30:00+00:00", "memo": None, "paid": "t", "amount": "1.50"},
    {
        "sequence_number": "2",
        "timestamp": "2026-05-21T15:30:00.874070+00:00",
        "memo": '\x01"\U0001f6e2',
        "paid": "f",
        "amount": "NaN",
    },
)


def _rows() -> Iterator[Vector]:
    """Yield rows with their leaves in the tree over all columns."""
    for row in ROWS:
        leaf = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        (hashed,) = row_leaves(Batch({name: [json_text(value)] for name, value in row.items()}), list(row))
        assert hashed == leaf_hash(leaf)
        yield {"row": dict(row), "leaf": leaf.hex(), "leaf_hash": hashed.hex()}


def _record() -> Vector:
    """Return a checkpoint of seven entries with its record."""
    entries = [sha256(str(number).encode()).digest() for number in range(1, 8)]
    leaves, wide = list(map(leaf_hash, entries)), [leaf_hash(b"row %d" % number) for number in range(1, 8)]
    pieces, wide_pieces = Pieces(), Pieces()
    pieces.extend(leaves)
    wide_pieces.extend(wide)
    record = CheckpointRecord(
        checkpoint=Checkpoint(ORIGIN, 7, _range(leaves).root()),
        created_at="2026-05-21T15:30:00+00:00",
        tool_version="0.1.0",
        database="postgresql:///vectors",
        table="public.ledger_entries",
        server_version="18.0",
        columns={"sequence_number": "bigint"},
        entries=_range(leaves),
        rows=_range(wide),
        pieces=pieces,
        row_pieces=wide_pieces,
        last_entry=entries[-1].hex(),
        proof=tuple(_range(leaves[:-1]).hashes()[::-1]),
        guards={},
    )
    data = record.data()
    return {
        "entry_hashes": [entry.hex() for entry in entries],
        "checkpoint": KEY.sign(record.checkpoint.text()).decode(),
        "record": data.decode(),
        "record_note": KEY.sign(binding(record.checkpoint, data)).decode(),
        "key": str(KEY.verifier()),
    }
