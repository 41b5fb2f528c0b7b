#!/usr/bin/env python3
"""Verify a folder of evidence, or exports, without the program that made them. It needs Python 3.9 and nothing else.

    python3 verify.py [FOLDER] [--key KEY|FILE]... [--profile FILE]

It reads the folder (by default the one that this file is in), writes nothing, and prints what it found, marked so:

    PROVEN   follows from hashes and signatures, which were computed here
    WRONG    files contradict each other, so at least one of them is not what was filed
    DIFFERS  entries are not as the filed profile, a checkpoint or a record of one says
    OPEN     was not decided here

Read it from the end: `Folder.verify` says what is looked at, `Scan` what is asked of entries. The rules are those of
hashing.md of pytest-audit-ledger, whose test vectors this file passes. Keys to trust come from you alone: whatever is
in the folder could have been written by whoever wrote the rest of it, the profile and this file, too.

What it does not do: verify SSH signatures (ssh-keygen does); notice that a transcript was removed; try other forms of a
hash than that of the profile; read backups, databases, keys of HMACs, and payloads made by SQL or other code; judge
protections, suites and waivers; explain anything. Of every entry, it keeps some 300 bytes in memory if there is a
checkpoint.

The exit code is 0 if nothing contradicts, 1 if something does, 2 for wrong usage, 3 if nothing could be verified, or it
is not decided whether entries were edited.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial, reduce
from pathlib import Path
from typing import IO, Any, NamedTuple, Optional
from urllib.parse import unquote
from uuid import UUID
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

Row = Mapping[str, Optional[str]]
LARGEST = 64 * 1024 * 1024
"""Characters of an entry, and bytes of a document, so that what grows when it is unpacked does not fill the memory."""


class WrongError(Exception):
    """Something that contradicts. The message ends the sentence that begins with the name of a file."""


class UnsupportedError(Exception):
    """Something that this file has no code for."""


UNREADABLE: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError)
UNREADABLE += (ArithmeticError, RecursionError, ElementTree.ParseError, zlib.error)
"""What Python raises about data that is not what its name says. `Folder.attempt` catches it."""


# --- Bytes, numbers and JSON ---


def sha256(data: bytes) -> bytes:
    """Return the SHA-256."""
    return hashlib.sha256(data).digest()


def named_hash(data: bytes) -> str:
    """Return the SHA-256 as envelopes and transcripts of SKI entries write it."""
    return f"sha256:{sha256(data).hex()}"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, which may be large."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(partial(file.read, 1 << 20), b""):
            found.update(part)
    return found.hexdigest()


def encode(data: bytes) -> str:
    """Return the base64 of bytes."""
    return base64.b64encode(data).decode()


def unbase64(text: str) -> bytes:
    """Return what base64 encodes; there is one way to write it."""
    data = base64.b64decode(text, validate=True)
    if encode(data) != text:
        raise WrongError("has text that is not canonical base64")
    return data


def whole(text: str) -> int:
    """Return a whole number, as PostgreSQL prints it in any type. Python would take too long to read very long ones."""
    number, _, fraction = text.partition(".")
    if len(text) > 4000 or fraction.strip("0"):
        raise ValueError(f"{text[:40]} is not a whole number of a ledger")
    return int(number)


def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, of which no two have one key."""
    if len(dict(pairs)) != len(pairs):
        raise WrongError("has a key twice in one object")
    return dict(pairs)


def parsed(data: bytes | str) -> Any:
    """Return what JSON says."""
    return json.loads(data, object_pairs_hook=unique, parse_int=whole)


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content(path: Path) -> bytes:
    """Return what is in a file that is no export."""
    if path.stat().st_size > LARGEST:
        raise WrongError(f"has more than {LARGEST:,} bytes")
    return path.read_bytes()


def load(path: Path) -> Any:
    """Return the JSON in a file."""
    return parsed(content(path))


# --- Ed25519 (RFC 8032, sections 5.1 and 6) ---

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]


def point(data: bytes) -> Point:
    """Return the point that 32 bytes encode. Raises ValueError if they encode none, or not canonically."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(data) != 32 or y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("32 bytes do not encode a point")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def add(p: Point, q: Point) -> Point:
    """Return the sum of two points in extended coordinates."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, p: Point) -> Point:
    """Return a multiple of a point."""
    total = (0, 1, 1, 0)
    while scalar:
        total = add(total, p) if scalar & 1 else total
        p, scalar = add(p, p), scalar >> 1
    return total


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def public_key(data: bytes) -> Point:
    """Return the point of a key. One of small order accepts signatures of anybody, so it is none."""
    found = point(data)
    if times(8, found)[0] == 0:
        raise ValueError("a point of small order is not a valid key")
    return found


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a key signed a message. With S >= L, a signature would have a second form."""
    try:
        key, r, s = public_key(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, key))
    is_same = all((left[at] * right[2] - right[at] * left[2]) % P == 0 for at in (0, 1))
    return is_same and s < L and len(signature) == 64


# --- Merkle trees (RFC 6962, section 2.1): leaves are given by their hashes ---


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\0" + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\1" + left + right)


class Tree:
    """The roots over the first so many leaves, and the leaves at some places; all others are forgotten."""

    def __init__(self, sizes: Iterable[int], places: Iterable[int] = ()) -> None:
        self.size, self.roots, self.leaves = 0, {0: sha256(b"")}, dict[int, bytes]()
        self._sizes, self._places = {*sizes}, {*places}
        self._subtrees = list[bytes]()
        """The roots of those that are perfect, largest first."""

    def add(self, leaf: bytes) -> None:
        """Add a leaf after the others."""
        if self.size in self._places:
            self.leaves[self.size] = leaf
        self.size += 1
        self._subtrees.append(leaf)
        for _ in range((self.size & -self.size).bit_length() - 1):  # as often as two divides the size
            self._subtrees[-2:] = [node_hash(*self._subtrees[-2:])]
        if self.size in self._sizes:
            self.roots[self.size] = reduce(lambda right, left: node_hash(left, right), reversed(self._subtrees))


def root_of_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to."""
    if not 0 <= index < size or (size == 1) != (not proof):
        raise WrongError("has a proof of the wrong length")
    if size == 1:
        return leaf
    left = 1 << (size - 1).bit_length() - 1
    if index < left:
        return node_hash(root_of_proof(leaf, index, left, proof[:-1]), proof[-1])
    return node_hash(proof[-1], root_of_proof(leaf, index - left, size - left, proof[:-1]))


# --- Signed files: keys, checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature), records, proofs, DSSE ---


class Key(NamedTuple):
    """A key to trust: of kind 1, which signs, 4, which cosigns, or 0, which signs transcripts and has no name."""

    name: str
    kind: int
    public: bytes
    key_id: bytes = b""


def read_key(text: str) -> Key:
    """Return the key in a line NAME+ID+BASE64."""
    name, key_id, data = (*text.strip().split("+", 2), "", "")[:3]
    typed = unbase64(data)
    key = Key(name, typed[0] if typed else 0, typed[1:], sha256(f"{name}\n".encode() + typed)[:4])
    if not name or key.kind not in (1, 4) or key.key_id.hex() != key_id:
        raise WrongError("is not a verifier key of Ed25519")
    public_key(key.public)
    return key


def keys_in(text: str) -> Iterator[Key]:
    """Yield the keys that an argument is, or that are in the file that it names: one a line, or PEM (RFC 8410)."""
    lines = [text] if "+" in text else content(Path(text)).decode().splitlines()
    pems = re.findall("-----BEGIN PUBLIC KEY-----([^-]+)-", "".join(lines))
    for data in map(unbase64, pems):
        if data[:12].hex() != "302a300506032b6570032100":
            raise WrongError("is not a public key of Ed25519")
        public_key(data[12:])
        yield Key("", 0, data[12:])
    yield from (read_key(line) for line in lines if not pems and line.strip() and line[0] != "#")


def signers_of(text: bytes, signatures: Iterable[tuple[str, bytes]], keys: Sequence[Key]) -> list[Key]:
    """Return which of the keys signed a text; a wrong signature of one of them is wrong.

    A signature comes with the name of its key, and after its id. One that cosigns signs the time, too.
    """
    named = [(key, data[4:]) for name, data in signatures for key in keys if (key.name, key.key_id) == (name, data[:4])]
    for key, signature in named:
        head = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n".encode()
        of_text = (signature, text) if key.kind == 1 else (signature[8:], head + text)
        if not is_signed(key.public, *of_text):
            raise WrongError(f"has a wrong signature of the key {key.name}")
    return [key for key, _ in named]


def read_note(data: bytes, keys: Sequence[Key]) -> tuple[str, list[Key]]:
    """Return the text of a note, and which of the keys signed it."""
    text, mark, lines = data.decode().rpartition("\n\n")
    found = re.findall("^\u2014 ([^ +\n]+) ([A-Za-z0-9+/=]+)\n", lines, re.MULTILINE)
    if not mark or not found or "".join(f"\u2014 {name} {signature}\n" for name, signature in found) != lines:
        raise WrongError("is not a signed note")
    return f"{text}\n", signers_of(f"{text}\n".encode(), [(name, unbase64(one)) for name, one in found], keys)


class Checkpoint(NamedTuple):
    """How many entries a ledger had, and the root over them. `signers`: the keys given that vouch for it."""

    name: str
    origin: str
    size: int
    root: bytes
    signers: Sequence[Key]


def read_checkpoint(name: str, data: bytes, keys: Sequence[Key]) -> Checkpoint:
    """Return a checkpoint; a key that signs must have its origin as name, one that cosigns may have any."""
    text, signers = read_note(data, keys)
    origin, size, root, *_ = (*text.split("\n")[:-1], "", "", "")
    if not re.fullmatch("0|[1-9][0-9]{0,18}", size) or len(unbase64(root)) != 32:
        raise WrongError("is not a checkpoint")
    vouching = [key for key in signers if key.kind == 4 or key.name == origin]
    return Checkpoint(name, origin, int(size), unbase64(root), vouching)


class Record(NamedTuple):
    """What the record of a checkpoint covers besides: every column of the entries, by their root, and the profile."""

    checkpoint: Checkpoint
    profile: Mapping[str, str]
    columns: tuple[str, ...]
    root: bytes
    is_signed: bool


def read_record(checkpoint: Checkpoint, data: bytes, note: bytes, keys: Sequence[Key]) -> Record:
    """Return a record that its note binds to the checkpoint. What it has for later runs is not looked at."""
    (text, signers), told = read_note(note, keys), parsed(data)
    bound = (checkpoint.origin, checkpoint.size, encode(checkpoint.root), encode(sha256(data)))
    if text != "\n".join(map(str, (f"pytest-audit-ledger/record/v{told['record_version']}", *bound, ""))):
        raise WrongError("is not the record that its note binds to the checkpoint")
    profile = told["profile"] if told["record_version"] > 1 else SKI
    vouched = any(key in checkpoint.signers for key in signers)
    return Record(checkpoint, profile, tuple(sorted(told["columns"])), unbase64(told["columns_root"]), vouched)


Proof = tuple[str, int, Sequence[bytes], Checkpoint]


def read_proof(name: str, data: bytes, keys: Sequence[Key]) -> Proof:
    """Return the proof that the entry at an index, from 0, is among those of a checkpoint (C2SP tlog-proof)."""
    head, _, note = data.partition(b"\n\n")
    found = re.fullmatch(r"c2sp\.org/tlog-proof@v1\n(?:extra .*\n)?index (0|[1-9]\d{0,18})((?:\n\S+)*)", head.decode())
    if found is None:
        raise WrongError("is not a proof of an entry")
    return name, int(found[1]), list(map(unbase64, found[2].split())), read_checkpoint(name, note, keys)


def read_envelope(data: bytes, payload: bytes, keys: Sequence[Key]) -> list[Key]:
    """Return which of the keys signed a manifest in a DSSE envelope."""
    told, type_ = parsed(data), "application/vnd.in-toto+json"
    if (told["payloadType"], unbase64(told["payload"])) != (type_, payload):
        raise WrongError(f"is not the envelope of {STATEMENT}")
    named = [(*one["keyid"].rpartition("+")[::2], unbase64(one["sig"])) for one in told["signatures"]]
    signatures = [(name, bytes.fromhex(id_) + signature) for name, id_, signature in named]
    return signers_of(f"DSSEv1 {len(type_)} {type_} {len(payload)} ".encode() + payload, signatures, keys)


# --- The profile, in flat normal form: a payload is items one after the other, a value is written in steps ---

MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?", re.ASCII
)


def read_moment(text: str, zone: str = "UTC") -> tuple[datetime, str]:
    """Return a time in a zone, without its fraction, and nine digits of that. Without an offset, it is in UTC."""
    found = MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is not a time of the years 1 to 9999")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    ahead = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc) - ahead
    return moment if zone == "UTC" else moment.astimezone(ZoneInfo(zone)), (found[7] or "").ljust(9, "0")


def time(text: str, pattern: str, zone: str = "UTC") -> str:
    """Write a time by a pattern: C's directives, and some in braces for what they lack."""
    moment, nine = read_moment(text, zone)
    shown, since, used = moment.isoformat(), moment - datetime(1970, 1, 1, tzinfo=timezone.utc), len(nine.rstrip("0"))
    ahead, own = shown[19:], {"%Y": shown[:4], "%f": nine[:6], "%{0}": "", "%{9}": f".{nine}"}
    own |= {"%{+00:00}": ahead, "%{+0000}": ahead.replace(":", ""), "%{+00}": re.sub(":00$", "", ahead)}
    own["%{Z}"] = "Z" if ahead == "+00:00" else ahead
    places = {"trimmed": used, "python": 6 if used else 0, "java": -(-used // 3) * 3, "3": 3, "6": 6}
    own.update({f"%{{{name}}}": f".{nine[:digits]}" if digits else "" for name, digits in places.items()})
    for unit, digits in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9)):
        own[f"%{{{unit}}}"] = str((since.days * 86_400 + since.seconds) * 10**digits + int(nine[:digits] or 0))
    return re.sub(r"%(\{.*?\}|.)", lambda one: own[one[0]] if one[0] in own else moment.strftime(one[0]), pattern)


def decimals(text: str, digits: int, is_float: bool) -> str:
    """Write a number with so many digits after the point; no number of PostgreSQL has more than these."""
    number = float(text) if is_float else Decimal(text)
    if max(digits, Decimal(number).adjusted()) > 200_000:
        raise ValueError(f"{text[:40]} is too large")
    return finite(format(number, f".{digits}f"))


def finite(text: str) -> str:
    """Return the text of a number that has digits, and is not infinite."""
    return text if text[-1:].isdigit() else str(int(text))


def decoded(data: bytes, form: str, prefix: str) -> bytes:
    """Return the bytes that a text stands for, after a prefix."""
    if not data.startswith(prefix.encode()):
        raise ValueError(f"it does not begin with {prefix}")
    bare = data.decode()[len(prefix) :]
    return base64.b64decode(bare, validate=True) if form == "base64" else bytes.fromhex(bare)


def encoded(data: bytes, form: str) -> bytes:
    """Return the text, or with raw the bytes, that bytes are written as."""
    texts = {"hex": data.hex(), "HEX": data.hex().upper(), "base64": encode(data)}
    return data if form == "raw" else texts[form].encode()


def json_again(text: str, is_sorted: bool, is_ascii: bool, separators: Sequence[str]) -> str:
    """Write a JSON document as Python does."""
    between = (separators[0], separators[1])
    return json.dumps(parsed(text), sort_keys=is_sorted, ensure_ascii=is_ascii, separators=between)


OF_TEXTS: Mapping[str, Callable[..., str]] = {
    "trim": lambda text, side: {"left": text.lstrip, "right": text.rstrip, "both": text.strip}[side](" \t\n\r\v"),
    "quoted": lambda text, is_ascii: json.dumps(text, ensure_ascii=is_ascii),
    "finite": finite,
    "switch": lambda text, values: values[text],
    "decimals": decimals,
    "uuid": lambda text: str(UUID(hex=text.replace("\\x", "", 1))),
    "time": time,
    "json": json_again,
}
OF_BYTES: Mapping[str, Callable[..., bytes]] = {
    "decoded": decoded,
    "encoded": encoded,
    "digest": lambda data, algorithm: hashlib.new(algorithm.replace("-", "_"), data).digest(),
}


def written(item: Mapping[str, Any], row: Row, previous: str | None, is_first: bool) -> bytes | None:
    """Return what an item writes of an entry, without what leads to it; None if it is left out."""
    if "steps" not in item:
        raise UnsupportedError(f"the recipe {', '.join(item)}")
    if any(is_first if "first" in one else row[one["not_null"]] is None for one in item["when"]):
        return None
    if "items" in item:
        made = [(one["lead"].encode(), written(one, row, previous, is_first)) for one in item["items"]]
        members = [lead + length(item["prefix"], data) + data for lead, data in made if data is not None]
        data: bytes = item["open"].encode() + item["between"].encode().join(members) + item["close"].encode()
    else:
        value = item["text"] if "text" in item else row[item["column"]] if "column" in item else previous
        if value is None:
            return None if item["null"] is None else str(item["null"]).encode()
        data = value.encode()
    for name, *given in item["steps"]:
        if name not in {*OF_TEXTS, *OF_BYTES}:
            raise UnsupportedError(f"the format {name}")
        data = OF_BYTES[name](data, *given) if name in OF_BYTES else OF_TEXTS[name](data.decode(), *given).encode()
        if len(data) > LARGEST:
            raise WrongError(f"has an entry that its profile writes in more than {LARGEST:,} bytes")
    return data


def length(prefix: int | str | None, data: bytes) -> bytes:
    """Return the number of bytes as it is written before them: in so many bytes, or in decimal within a text."""
    if isinstance(prefix, int):
        return len(data).to_bytes({4: 4, 8: 8}[prefix], "big")
    return (prefix or "").replace("{bytes}", str(len(data)), 1).encode()


def columns_in(item: Mapping[str, Any]) -> set[str]:
    """Return the columns that an item reads."""
    return {item["column"]} if "column" in item else set().union(*map(columns_in, item.get("items", ())))


class Profile:
    """What the columns of a ledger are, and how its hashes are made."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data, self.name, self.column, self.streams = data, data["name"], data["columns"], data["streams"]
        self.covered = {self.column[role] for role in ("entry_hash", "previous_hash") if role in self.column}
        self.covered |= columns_in({"items": [item for of in data["hashes"].values() for item in of.values()]})

    def first_link(self, row: Row) -> str | None:
        """Return what an entry names if it is the first of its stream."""
        genesis = self.data["genesis"]
        return row[genesis["line"]] if genesis["line"] else genesis["text"]

    def hashes(self, row: Row, previous: str | None) -> dict[str, str | None]:
        """Return what the columns of hashes should hold, None for a hash that cannot be computed of such values."""
        column, found = self.data["version_column"], dict[str, Optional[str]]()
        version = "default" if column is None else "null" if row[column] is None else row[column]
        for name, items in self.data["hashes"].items():
            item = items.get(version, items.get("default"))
            try:
                digits = written(item, row, previous, previous == self.first_link(row)) or b""
                found[name] = item["lead"] + digits.decode()
            except UNREADABLE:
                found[name] = None
        return found


# --- Exports: values as PostgreSQL prints them, None for NULL ---

FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\n]*))(,|\n?\Z)')
DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_int=len)  # whoever needs a number reads its text
WORDS = {"true": "t", "false": "f", "null": None}
AROUND = r'{\n"export_date": "[^"\n]+",\n"entries": \[\n\n?],\n"entry_count": \d+\n}\n'
"""What a JSON export has besides entries, each of which is a line."""


def entries_in(text: IO[str], is_csv: bool) -> Iterator[str]:
    """Yield what is between two line ends; in CSV, a line end in quotes is none."""
    held, odd = "", 0  # whether quotes are open
    for line in iter(partial(text.readline, LARGEST + 1), ""):
        held += line
        odd ^= line.count('"') & is_csv
        if len(held) > LARGEST:
            raise WrongError(f"has an entry of more than {LARGEST:,} characters")
        if not odd:
            yield held
            held = ""
    if held:
        raise WrongError("ends within a text")


def from_json(line: str) -> Row:
    """Return the members of an object; numbers and documents are as they are spelled."""
    found, place = list[tuple[str, Optional[str]]](), 0
    while line[place] == ("," if found else "{"):
        name, colon = DECODER.raw_decode(line, place + 1)
        value, place = DECODER.raw_decode(line, colon + 1)
        raw = line[colon + 1 : place]
        found.append((name if line[colon] == ":" else "", value if isinstance(value, str) else WORDS.get(raw, raw)))
    if line[place:] != "}":
        raise WrongError("has an entry that is not JSON as exports have it")
    return unique(found)


def from_csv(record: str, is_safe: bool) -> list[str | None]:
    """Return the fields; one that is empty without quotes is NULL. `is_safe`: texts may have an apostrophe more."""
    fields, place, more = list[Optional[str]](), 0, ","
    while more == ",":
        found = FIELD.match(record, place)
        if found is None:
            raise WrongError("is not CSV as exports have it")
        text = found[2] or None if found[1] is None else found[1].replace('""', '"')
        fields.append(text[1:] if is_safe and text and text[0] == "'" else text)
        place, more = found.end(), found[3]
    return fields


def rows(path: Path, manifest: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the entries of an export by column."""
    fields, form, is_safe, around = manifest["fields"], manifest["format"], manifest["excel_safe"], ""
    with (gzip.open if manifest["compression"] else open)(path, "rt", encoding="utf-8", newline="\n") as text:
        lines = entries_in(text, form == "csv")
        if form == "csv" and from_csv(next(lines, ""), is_safe) != fields:
            raise WrongError("has other columns than its manifest")
        for line in lines:
            if form == "json" and not line.startswith('{"'):
                around = (around + line)[:1000]
                continue
            values = from_csv(line, is_safe) if form == "csv" else from_json(line.rstrip(",\n"))
            if len(values) != len(fields) or (form != "csv" and [*values] != fields):
                raise WrongError("has an entry with other columns than its manifest")
            yield values if isinstance(values, dict) else dict(zip(fields, values))
    if form == "json" and not re.fullmatch(AROUND, around):
        raise WrongError("does not begin and end as an export")


# --- Entries ---

SAME_STREAM = "(stream)"
"""The stream as the server groups it, if it takes for the same what it prints in several ways."""
ISO = "%Y-%m-%dT%H:%M:%S%{python}%{+00:00}"
PROVENANCE = {
    "envelope": ("envelopes match their hashes", "envelopes have numbers that JSONB may spell otherwise"),
    "transcript": ("transcripts match their hashes", "transcripts have numbers that JSONB may spell otherwise"),
    "signature": (
        "transcripts are signed by a key that you gave",
        "transcripts: signed by no key that you gave: --key FILE",
    ),
}
"""What is said of the documents of SKI entries, if they are right, and if that is not known."""


def has_hash(document: Any, hash_: str | None) -> bool | None:
    """Return whether a JSON document has a hash; None if JSONB may spell a number in it otherwise."""
    if hash_ == named_hash(canonical(document)):
        return True
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    is_twofold = isinstance(document, (int, float)) and (document == 0.0 or abs(document) >= 1e16)
    return None if is_twofold or any(has_hash(one, "") is None for one in inner) else False


def provenance(row: Row, keys: Mapping[str, Key]) -> Iterator[tuple[str, bool | None]]:
    """Yield the documents of a SKI entry, and whether their hashes and signatures are right, if that is known."""
    if row.get("envelope_json") is not None and row["envelope_hash"] is not None:
        yield "envelope", has_hash(parsed(row["envelope_json"] or ""), row["envelope_hash"])
    if row.get("transcript_json") is not None:
        told, signature = parsed(row["transcript_json"] or ""), row["transcript_signature"] or ""
        is_asked = told["request_hash"] == named_hash(told["request_canonical"].encode())
        is_asked &= (told["signature_hex"], told["signing_key_id"]) == (signature, row["signing_key_id"])
        yield "transcript", is_asked and has_hash(told["response_canonical"], told["response_hash"])
        key, signed = keys.get(told["signing_key_id"]), f"{told['request_hash']}|{told['response_hash']}".encode()
        yield "signature", is_signed(key.public, bytes.fromhex(signature), signed) if key else None


class Last(NamedTuple):
    """The entry before in a stream, and the hashes that the next may name: more than one after an accepted fork."""

    number: int
    link: str | None
    hashes: Sequence[str | None]
    moment: tuple[datetime, str] | None


class Scan:
    """One reading of an export: what differs in its entries, and the leaves over them."""

    def __init__(self, name: str, profile: Profile, manifest: Mapping[str, Any], folder: Folder) -> None:
        self.name, self.profile, self.manifest, self.fields = name, profile, manifest, {*manifest["fields"]}
        self.is_whole, self.anchored, self.is_recorded = not manifest["filters"], 0, False
        missing = ", ".join(sorted(profile.covered - self.fields))
        self.unsupported = f"hashes of columns that are not here ({missing})" if missing else ""
        self.keys = {named_hash(key.public): key for key in folder.keys if not key.kind}
        self.differs, self.accepted = list[str](), set[str]()
        self.unhashed: list[tuple[int, str, str]] = []
        """Entries without the hash that the profile gives them: the place, the column, and a sentence."""
        self.lasts: dict[tuple[str | None, ...], Last] = {}
        self.count, self.verdicts, self.documents = 0, Counter[str](), Counter[Any]()
        self.first: Row = {}
        self.last: Row = {}
        sizes: dict[tuple[str, ...], set[int]] = {(): {one.size for one in folder.checkpoints}}
        for one in folder.records:
            sizes.setdefault(one.columns, set()).add(one.checkpoint.size)
        places = [index for _, index, _, _ in folder.proofs]
        self.trees = {columns: Tree(asked, places) for columns, asked in sizes.items() if self.fields >= {*columns}}
        """Over the entries, and over columns of them."""
        self.unsorted: list[tuple[int, list[bytes]]] = []
        """The order of entries of streams, and their leaves of each tree."""
        self.has_leaves = bool(folder.checkpoints or folder.proofs)

    def read(self, entries: Iterable[Row]) -> None:
        """Judge every entry."""
        column = self.profile.column
        for row in entries:
            self.first, self.last, self.count = self.first or row, row, self.count + 1
            self.verdicts[str(row.get(column.get("verdict", "")))] += 1
            number = whole(row[column["sequence_number"]] or "")
            key = tuple(map(row.get, [SAME_STREAM] if SAME_STREAM in row else self.profile.streams))
            self.stream = ", ".join(map(str, key))
            self.where = f"{self.name}: entry {number:,}" + (f" of {self.stream}" if key else "")
            self.lasts[key], hash_ = self._entry(number, row, self.lasts.get(key))
            self._leaf(number, hash_ or "", row)
            for what, is_right in provenance(row, self.keys) if self.profile.name == "ski" else ():
                self.documents[what, is_right] += 1
                if is_right is False:
                    self._differs(f"does not have the {what} that was hashed or signed")
        for _, leaves in sorted(self.unsorted):
            self._grow(leaves)

    def _differs(self, what: str) -> None:
        self.differs.append(f"{self.where} {what}")

    def _entry(self, number: int, row: Row, last: Last | None) -> tuple[Last, str | None]:
        """Judge an entry; return what the next is compared with, and the recomputed hash."""
        data, column, stored = self.profile.data, self.profile.column, row[self.profile.column["entry_hash"]]
        start, wanted = data["starts_at"] or 0, last.number + 1 if last else data["first"] or number
        is_known = number > wanted and self._accepts("gap", wanted, number - 1)
        may_skip = not self.is_whole or (last is not None and data["gaps"])
        if number < wanted or not (number == wanted or may_skip or is_known):
            self._differs(f"is not the next number, which is {wanted:,}")
        links = [self.profile.first_link(row)] if last is None or number <= start else last.hashes
        link = row[column["previous_hash"]] if "previous_hash" in column else links[0]
        hashes, moment = [stored], self._moment(row, last)
        if number < start:
            return Last(number, link, hashes, moment), stored
        if link not in links and (self.is_whole or number == wanted) and not is_known:
            if last and link == last.link and self._accepts("fork", number):
                hashes = [stored, *last.hashes]
            else:
                self._differs("does not name the hash of the entry before it")
        return Last(number, link, hashes, moment), self._hash(number, row, link)

    def _accepts(self, quirk: str, number: int, last: int | None = None) -> bool:
        """Return whether the profile accepts a quirk at an entry, or a gap, on the day of the export."""
        for one in self.profile.data["accepted"]:
            entry, is_here = one["entry"], (one["what"], one["stream"]) == (quirk, self.stream)
            holds = number < entry if quirk == "unverified_before" else (number, last) == (entry, one["last"])
            if holds and is_here and self.manifest["server_time"][:10] <= (one["until"] or "9999"):
                self.accepted.add(f"{quirk} {entry}{self.stream and ' of '}{self.stream} ({one['reason']})")
                return True
        return False

    def _moment(self, row: Row, last: Last | None) -> tuple[datetime, str] | None:
        try:
            moment = read_moment(row.get(self.profile.column.get("timestamp", "")) or "")
        except (ValueError, OverflowError):
            return last and last.moment
        if last and last.moment and moment < last.moment:
            self._differs("is older than the entry before it")
        return moment

    def _hash(self, number: int, row: Row, link: str | None) -> str | None:
        """Compare the hashes of an entry with those that it has, and return its entry hash; None if it has none."""
        column, found = self.profile.column["entry_hash"], dict[str, Optional[str]]()
        try:
            found = {} if self.unsupported else self.profile.hashes(row, link)
        except UnsupportedError as error:
            self.unsupported = str(error)
        for name, one in found.items():
            if one != row[name] and not (name == column and self._accepts("unverified_before", number)):
                what = f"{self.where} does not have the {name} that the profile gives it"
                self.unhashed.append((self.count, name, what))
        return found.get(column, row[column])

    def _leaf(self, number: int, hash_: str, row: Row) -> None:
        """Add the leaves of an entry. Of one stream, they end where numbers do not go on."""
        order = self.profile.column.get("order")
        if not self.has_leaves or (not order if self.profile.streams else number != self.trees[()].size + 1):
            return
        is_hex = self.profile.name == "ski" and re.fullmatch("[0-9a-f]{64}", hash_)
        hashed = bytes.fromhex(hash_) if is_hex else hash_.encode()
        texts = [canonical({name: row[name] for name in columns}) if columns else hashed for columns in self.trees]
        if order and self.profile.streams:
            self.unsorted.append((whole(row[order] or ""), [*map(leaf_hash, texts)]))
        else:
            self._grow(map(leaf_hash, texts))

    def _grow(self, leaves: Iterable[bytes]) -> None:
        for tree, leaf in zip(self.trees.values(), leaves):
            tree.add(leaf)

    def facts(self) -> dict[str, Any]:
        """Return what a manifest and a verification state of entries, by name."""
        column, found = self.profile.column, dict[str, Any](entries=self.count)
        for end, row in (("first", self.first), ("last", self.last)):
            moment, number = row.get(column.get("timestamp", "")) or "", row.get(column["sequence_number"])
            found[f"sequence_{end}"] = number and whole(number)
            found[f"time_{end}"] = time(moment, ISO) if MOMENT.fullmatch(moment) else None
        return {**found, "head_hash": self.last.get(column["entry_hash"])}


# --- The folder ---

SUMS, STATEMENT, VERIFICATION = "SHA256SUMS", "manifest.json", "verification.json"
SIGNATURES = SSH, ENVELOPE = ("manifest.json.sig", "manifest.dsse.json")
VERIFICATION_HAS = {"anchor", "assurance", "assurance_meaning", "entries", "is_valid", "snapshot", "suites"}
OUTCOME_HAS = {"check", "codes", "facts", "kind", "status", "suite"}
SKI = {"name": "ski", "sha256": ""}


class Folder:
    """What is in a folder, and what was found out about it: sentences, by their marks."""

    def __init__(self, path: Path, keys: Sequence[Key], profile: Path | None) -> None:
        self.path, self.keys, self.own_profile, self.is_undecided = path, keys, profile, False
        self.said: dict[str, list[str]] = {mark: [] for mark in ("WRONG", "DIFFERS", "PROVEN", "OPEN")}
        self.checkpoints, self.anchors = list[Checkpoint](), list[Checkpoint]()
        self.records, self.proofs, self.profiles = list[Record](), list[Proof](), set[str]()
        self.told: Any = {}

    def say(self, mark: str, *sentences: str) -> None:
        """Keep sentences."""
        self.said[mark] += sentences

    def name(self, path: Path) -> str:
        """Return the name of a file, seen from the folder."""
        return path.relative_to(self.path).as_posix()

    def attempt(self, path: Path, read: Callable[[Path], object]) -> bool:
        """Read a file, and keep what is wrong with it; return whether it could be read."""
        try:
            read(path)
        except UnsupportedError as error:
            self.say("OPEN", f"{self.name(path)} {error}")
        except WrongError as error:
            self.say("WRONG", f"{self.name(path)} {error}")
        except PermissionError:  # which contradicts nothing
            raise
        except UNREADABLE as error:
            self.say("WRONG", f"{self.name(path)} cannot be read: {type(error).__name__}: {str(error)[:200]}")
        else:
            return True
        return False

    def each(self, pattern: str, read: Callable[[Path], object]) -> None:
        """Read every file of a kind, and keep what is wrong with it."""
        for path in sorted(self.path.rglob(pattern)):
            self.attempt(path, read)

    def verify(self) -> None:
        """Verify everything; nothing is read of a folder with links, or pipes and devices, which may have no end."""
        if not self.files():
            return
        if (self.path / ENVELOPE).exists():
            self.attempt(self.path / ENVELOPE, self._dsse)
        elif self.keys and (self.path / STATEMENT).exists():
            self.say("OPEN", f"{STATEMENT} is signed by no key that you gave, so documents only agree with each other")
        if (self.path / SSH).exists():
            self.say("OPEN", f"{SSH} was not verified: that is for ssh-keygen -Y verify")
        self.compare()

    def files(self) -> bool:
        """Compare what is here with SHA256SUMS and the manifest, if there are any, and return whether to read on."""
        here = sorted(self.path.rglob("*"))
        odd = [self.name(one) for one in here if one.is_symlink() or not (one.is_file() or one.is_dir())]
        self.say("WRONG", *(f"{name} is not a regular file" for name in odd))
        files = [one for one in here if one.is_file() or not any(one.iterdir())] if not odd else []
        found = {self.name(one) + "/" * one.is_dir(): one for one in files}
        if {SUMS, STATEMENT} & {*found}:
            self.attempt(self.path / SUMS, partial(self._sums, found))
        return not odd

    def _sums(self, here: Mapping[str, Path], path: Path) -> None:
        lines, needed = content(path).decode().splitlines() if SUMS in here else [], {SUMS, STATEMENT}
        sums = {line[66:]: line[:64] for line in lines if re.fullmatch("[0-9a-f]{64}  .+", line)}
        wrong = [f"{SUMS} has a malformed line: {line}" for line in lines if sums.get(line[66:]) != line[:64]]
        wrong += [f"{name} is missing" for name in sorted({*sums, *needed} - {*here})]
        wrong += [f"{name} was added" for name in sorted({*here} - {*sums, *needed, *SIGNATURES})]
        wrong += [f"{name} was changed" for name in sorted({*sums} & {*here}) if sha256_of(here[name]) != sums[name]]
        if STATEMENT in here and f"{STATEMENT} was changed" not in wrong:
            subjects = load(here[STATEMENT])["subject"]
            stated = [f"{one['digest']['sha256']}  {one['name']}" for one in subjects]
            if sorted(stated) != sorted(line for line in lines if line[66:] != STATEMENT):
                wrong.append(f"{STATEMENT} and {SUMS} do not list the same files")
            sizes = {one["name"]: one["annotations"]["size"] for one in subjects if one["name"] in here}
            unlike = [name for name, size in sizes.items() if here[name].stat().st_size != size]
            wrong += [f"{name} does not have the size that {STATEMENT} states" for name in unlike]
        self.say("WRONG", *wrong)
        if not wrong:
            self.say("PROVEN", f"the {len(sums):,} files are those of {SUMS} and {STATEMENT}, and there are no others")

    def _dsse(self, path: Path) -> None:
        signers = read_envelope(content(path), content(self.path / STATEMENT), self.keys)
        names = ", ".join(f"{key.name}+{key.key_id.hex()}" for key in signers)
        what = f"{STATEMENT} is signed by {names}, which you trust" if names else f"{ENVELOPE} has no key that you gave"
        self.say("PROVEN" if names else "OPEN", what)

    def compare(self) -> None:
        """Compare the files with each other, and the entries with what is said of them."""
        if (self.path / VERIFICATION).exists():
            self.attempt(self.path / VERIFICATION, self._verification)
        self.each("*.checkpoint", lambda path: self.checkpoints.append(read_checkpoint(*self._signed(path))))
        self.each("*.record.json", lambda path: self.records.append(self._record(path)))
        self.each("*.tlog-proof", lambda path: self.proofs.append(read_proof(*self._signed(path))))
        known: dict[tuple[str, int], bytes] = {}
        for one in [*self.checkpoints, *(proof[-1] for proof in self.proofs)]:
            if known.setdefault((one.origin, one.size), one.root) != one.root:
                self.say("WRONG", f"{one.name} is of the size of another checkpoint, and their roots differ")
        for path in sorted(self.path.rglob("*")):
            is_export = re.search(r"\.(jsonl|csv)(\.gz)?$", path.name)
            if is_export and not path.with_name(f"{path.name}.manifest.json").exists():
                self.say("OPEN", f"{self.name(path)} has no manifest, and was not read")
        self.each("*.manifest.json", self._export)
        if self.told:
            self.attempt(self.path / VERIFICATION, self._claims)

    def _verification(self, path: Path) -> None:
        told = load(path)
        if not {*told} >= VERIFICATION_HAS or not all({*one} >= OUTCOME_HAS for one in told["outcomes"]):
            raise WrongError("is not a verification")
        self.told = told

    def _signed(self, path: Path) -> tuple[str, bytes, Sequence[Key]]:
        return self.name(path), content(path), self.keys

    def _record(self, path: Path) -> Record:
        stem = str(path)[: -len(".record.json")]
        checkpoint = read_checkpoint(*self._signed(Path(f"{stem}.checkpoint")))
        return read_record(checkpoint, content(path), content(Path(f"{stem}.record.note")), self.keys)

    def _profile(self, used: Mapping[str, str]) -> Profile:
        """Return the profile of an export: the one that was given, or one that is filed under its name."""
        found = {}
        for path in [self.own_profile] if self.own_profile else sorted(self.path.rglob("*.profile.json")):
            data = load(path)
            if data["name"] == used["name"] and data["flat_version"] == 1:
                found[path.name if self.own_profile else self.name(path)] = data
        for name, data in found.items():
            if data != next(iter(found.values())) or data["sha256"] != used["sha256"]:
                raise WrongError(f"names a profile, and {name} is not that one, or there are two of that name")
        if not found:
            raise UnsupportedError(f"names the profile {used['name']}, which is not here; give it with --profile")
        self.profiles |= {*found}
        return Profile(next(iter(found.values())))

    def _export(self, path: Path) -> None:
        manifest, file = load(path), path.with_name(path.name[: -len(".manifest.json")])
        name, stated = self.name(file), [manifest[key] for key in ("file", "size", "sha256")]
        if stated != [file.name, file.stat().st_size, sha256_of(file)]:
            self.say("WRONG", f"{name} does not have the name, size and SHA-256 that its manifest states")
        if "fields" not in manifest:
            self.say("OPEN", f"{name} is a backup; restore it, and verify the database")
            return
        scan = Scan(name, self._profile(manifest.get("profile", SKI)), manifest, self)
        told = self.told if scan.is_whole and manifest["snapshot"] == self.told.get("snapshot") else {}
        is_read = self.attempt(file, lambda file: scan.read(rows(file, manifest)))
        if is_read:
            self._facts(scan, told)
        self._summary(scan, is_read)
        if scan.is_whole and is_read:
            self._trees(scan)
        self._unhashed(scan, told)
        uncovered = sorted(scan.fields - scan.profile.covered - {SAME_STREAM})
        if uncovered and not scan.unsupported and not scan.is_recorded:
            self.say("OPEN", f"{name}: no entry hash covers {', '.join(uncovered)}")

    def _facts(self, scan: Scan, told: Mapping[str, Any]) -> None:
        """Compare the entries with what the manifest and a verification of the same snapshot state of them."""
        filed, documents = told.get("entries"), {"its manifest": scan.manifest}
        documents.update({VERIFICATION: {**filed, "entries": filed["count"]}} if filed else {})
        for name, value in scan.facts().items():
            for where, stated in documents.items():
                if value is not None and stated[name] not in (value, "", None):
                    self.say("WRONG", f"{scan.name} has {name} {value}, and {where} states {stated[name]}")
        if filed and scan.manifest["assurance"] not in ("UNKNOWN", told["assurance"]):
            self.say("WRONG", f"the manifest of {scan.name} states another assurance than {VERIFICATION}")
        if filed and "verdict" in scan.profile.column and dict(scan.verdicts) != filed["verdicts"]:
            self.say("WRONG", f"{scan.name} has other verdicts than {VERIFICATION} counts")

    def _summary(self, scan: Scan, is_read: bool) -> None:
        """Say what was found in the entries of an export, all of which were read, or some."""
        what = f"{scan.name}: {scan.count:,} entries" + ("" if scan.is_whole else ", a part of the ledger")
        if scan.unsupported:
            self.say("OPEN", f"{what}: entry hashes were not recomputed; this file has no code for {scan.unsupported}")
        if not scan.is_whole:
            self.say("OPEN", f"{what}: entries that it lacks were not judged")
        self.say("OPEN", *(f"{scan.name}: the profile accepts {one}" for one in sorted(scan.accepted)))
        self.say("DIFFERS", *scan.differs)
        if is_read and scan.count and not (scan.differs or scan.unhashed):
            hashes = "" if scan.unsupported else " and entry hashes"
            self.say("PROVEN", f"{what}: numbers, times, links{hashes} are correct by the profile {scan.profile.name}")
        for (kind, is_right), count in scan.documents.items():
            if is_right is not False:  # those are among what differs
                words = PROVENANCE[kind][is_right is None]
                self.say("PROVEN" if is_right else "OPEN", f"{scan.name}: {count:,} {words}")

    def _trees(self, scan: Scan) -> None:
        """Compare checkpoints, their records, and proofs of entries with the entries."""
        tree = scan.trees[()]
        for one in self.checkpoints:
            if tree.roots.get(one.size) != one.root:
                self.say("DIFFERS", f"{scan.name} does not have the {one.size:,} entries that {one.name} was made of")
            elif one.signers:
                self.anchors.append(one)
                scan.anchored = max(scan.anchored, one.size)
            else:
                self.say("OPEN", f"{one.name} matches {scan.name}, but no key that you gave signed it")
        for record in self.records:
            self._recorded(scan, record)
        for name, index, hashes, of in self.proofs:
            what = f"entry {index + 1:,}"
            if index not in tree.leaves:
                self.say("OPEN", f"{name}: {scan.name} does not have the {what}")
            elif root_of_proof(tree.leaves[index], index, of.size, hashes) != of.root:
                self.say("WRONG", f"{name} does not lead from {what} to the root of its checkpoint")
            else:
                self.say("PROVEN", f"{name}: {what} is among the {of.size:,} of its checkpoint")

    def _recorded(self, scan: Scan, record: Record) -> None:
        name, size = record.checkpoint.name, record.checkpoint.size
        root = scan.trees[record.columns].roots.get(size) if record.columns in scan.trees else None
        if record.profile != scan.manifest.get("profile", SKI):
            self.say("WRONG", f"{scan.name} was not read with the profile that the record of {name} names")
        if root is None:
            self.say("OPEN", f"{scan.name} does not show every column that the record of {name} covers")
        elif root != record.root:
            self.say("DIFFERS", f"{scan.name} differs from the record of {name}, in a column of an entry")
        elif record.is_signed:
            scan.is_recorded = True
            self.say("PROVEN", f"{scan.name}: every column is as the signed record of {name} says")

    def _unhashed(self, scan: Scan, told: Mapping[str, Any]) -> None:
        """Judge entries that lack the hash that the profile gives them, which may be in a form that is not known here.

        The leaves of a checkpoint are hashes in the profile's form, so a signed one proves them nevertheless.
        """
        count = len({place for place, column, _ in scan.unhashed if column == scan.profile.column["entry_hash"]})
        stated = f"{scan.count - count:,} of {scan.count:,}; {count:,} more in another form" if count else None
        filed = [one for one in told.get("outcomes", ()) if one["kind"] == "entry_hash"]
        forms = [[*one["codes"]] == ["HASH_FORM"] and one["facts"].get("matching entries") == stated for one in filed]
        if not scan.unhashed or not forms or not all(forms):
            self.say("DIFFERS", *(sentence for _, _, sentence in scan.unhashed))
            return
        what = f"{scan.name}: {len(scan.unhashed):,} do not have the hash that the profile gives them; {VERIFICATION} "
        what += "calls that another form of it (HASH_FORM), "
        is_proven = scan.anchored >= (scan.count if scan.profile.streams else scan.unhashed[-1][0])
        self.is_undecided |= not is_proven
        what += "and they are those of a checkpoint that you trust" if is_proven else "which is not decided here"
        self.say("PROVEN" if is_proven else "OPEN", what)

    def _claims(self, _: Path) -> None:
        """Compare verification.json with the other documents of evidence."""
        before = len(self.said["WRONG"])
        for name, claims in CLAIMS.items():
            if name != "oscal.json" or (self.path / name).exists():  # evidence of an older version has none
                self.attempt(self.path / name, partial(self._agree, claims))
        if self.told["anchor"] and self.checkpoints:
            self.attempt(self.path / "trusted" / "verifier-keys.txt", self._anchor)
        if len(self.said["WRONG"]) == before:
            self.say("PROVEN", f"{VERIFICATION} agrees with every other document, with suites and profile")

    def _agree(self, claims: Callable[[Any, Path], Mapping[str, bool]], path: Path) -> None:
        wrong = [what for what, holds in claims(self.told, path).items() if not holds]
        self.say("WRONG", *(f"{self.name(path)} contradicts {VERIFICATION}: {what}" for what in wrong))

    def _anchor(self, filed: Path) -> None:
        """Look for the checkpoint that anchors the ledger, signed by a key that the run trusted."""
        size, keys = self.told["anchor"]["entries"], list(keys_in(str(filed)))
        found = [read_checkpoint("", content(self.path / one.name), keys) for one in self.checkpoints]
        if not any(one.signers for one in found if one.size == size):
            raise WrongError(f"has no key of a checkpoint of the {size:,} entries that {VERIFICATION} calls anchored")


# --- What the documents of evidence claim: whether it is what verification.json says, by what it is about ---


def of_statement(told: Any, path: Path) -> Mapping[str, bool]:
    """Compare the manifest: what passed, and the result."""
    statement = load(path)
    lists = {"passedTests": ("PASS",), "warnedTests": ("WARN", "WAIVED"), "failedTests": ("FAIL", "ERROR")}
    ended: dict[str, Any] = {
        name: [f"{one['suite']}::{one['check']}" for one in told["outcomes"] if one["status"] in statuses]
        for name, statuses in lists.items()
    }
    ended["result"] = "FAILED" if not told["is_valid"] else "WARNED" if ended["warnedTests"] else "PASSED"
    claims = {name: statement["predicate"][name] == value for name, value in ended.items()}
    return {**claims, "type": statement["_type"] == "https://in-toto.io/Statement/v1"}


MARKS = {"PASS": (set(),), "WARN": (set(), {"failure"}), "FAIL": ({"failure"},), "ERROR": ({"error"},)}
"""How a test case of JUnit shows a status; SKIP and WAIVED are skipped, or failures under --runxfail."""


def of_junit(told: Any, path: Path) -> Mapping[str, bool]:
    """Compare pytest's own results: the facts of the run, and how each check ended. --exitfirst leaves some out."""
    suite = ElementTree.fromstring(content(path))  # noqa: S314  (expat limits what entities expand to)
    stated = {one.get("name"): one.get("value") for one in suite.iterfind("testsuite/properties/property")}
    facts = {**(told["entries"] or {}), "assurance": told["assurance"], "started_at": told["started_at"]}
    facts["entries"] = facts.pop("count", None)
    claims = {
        name: str(fact) == stated.get(f"ledger.{name}", str(fact))
        for name, fact in facts.items()
        if fact is not None and name != "verdicts"
    }
    marked = [
        (case.get("classname", ""), case.get("name"), {part.tag for part in case} & {"failure", "error", "skipped"})
        for case in suite.iter("testcase")
    ]
    for one in told["outcomes"]:
        parts = re.sub(r"\.ledger\.ya?ml$", "", one["suite"]).split("/")
        class_ = ".".join(["ledger", *(part.replace(".", "_") for part in parts if part.strip("."))])
        found = [marks for name, check, marks in marked if check == one["check"] and name.endswith(class_)]
        is_stopped = not found and any("failure" in marks for *_, marks in marked)
        fits = found and found[0] in MARKS.get(one["status"], ({"skipped"}, {"failure"}))
        claims[f"{one['check']} did not end as {one['status']}"] = bool(is_stopped or fits)
    return claims


def of_oscal(told: Any, path: Path) -> Mapping[str, bool]:
    """Compare the assessment results: statuses, a finding for each check that failed, and the files that they name."""
    results = load(path)["assessment-results"]
    (result,), resources = results["results"], results["back-matter"]["resources"]
    ended = [{prop["name"]: prop["value"] for prop in one["props"]}["status"] for one in result["observations"]]
    failed = {one["uuid"] for one, status in zip(result["observations"], ended) if status == "FAIL"}
    unmet = [one for one in result.get("findings", ()) if one["target"]["status"]["state"] == "not-satisfied"]
    told_of = {one["observation-uuid"] for finding in unmet for one in finding["related-observations"]}
    links = [link for one in resources for link in one.get("rlinks", ()) if link.get("hashes")]
    named = {unquote(link["href"]): link["hashes"][0]["value"] for link in links}
    files = {one.relative_to(path.parent).as_posix(): one for one in path.parent.rglob("*") if one.is_file()}
    return {
        "assurance": result["title"] == told["assurance"],
        "statuses": ended == [one["status"] for one in told["outcomes"]],
        "a finding about each check that failed": failed <= told_of,
        "the SHA-256 of the files": VERIFICATION in named
        and all(digest == sha256_of(files[name]) for name, digest in named.items() if name in files),
    }


def of_used(told: Any, path: Path) -> Mapping[str, bool]:
    """Compare the suites that were run, or look for the profile, as people read it and as this file does."""
    is_suites = path.name == "suites"
    filed = {sha256_of(one) for one in path.rglob("*" if is_suites else "*.yaml") if one.is_file()}
    if is_suites:
        return {"suites": filed == {one["sha256"] for one in told["suites"]}}
    used = told["profile"] or SKI
    return {"profile": used["sha256"] in (filed or {""}) and (path / f"{used['name']}.profile.json").exists()}


def of_text(told: Any, path: Path) -> Mapping[str, bool]:
    """Look for the assurance in the README or the report, which also has the last hash."""
    is_report, text = path.suffix == ".html", content(path).decode()
    wanted = [told["assurance"], (told["entries"] or {}).get("head_hash", "")] if is_report else []
    return {one: one in text for one in wanted or [f"Assurance  {told['assurance']}: "]}


CLAIMS: Mapping[str, Callable[[Any, Path], Mapping[str, bool]]] = {
    "manifest.json": of_statement,
    "junit.xml": of_junit,
    "oscal.json": of_oscal,
    "report.html": of_text,
    "README.txt": of_text,
    "suites": of_used,
    "profiles": of_used,
}


# --- The command ---


def conclusion(folder: Folder) -> tuple[int, str]:
    """Return the exit code, and what all of it amounts to."""
    if folder.said["WRONG"]:
        return 1, "Files contradict each other: see what is WRONG above. Do not rely on this folder."
    if folder.said["DIFFERS"]:
        return 1, "Entries differ from what was filed or signed: see above. Do not rely on them until it is explained."
    if folder.is_undecided:
        return 3, "Not decided here: whether entries were edited. audit-ledger verify knows other forms of a hash."
    if not folder.said["PROVEN"]:
        return 3, "Nothing could be verified."
    if not folder.keys:
        what = "nothing from outside vouches for this folder: whoever can write to it could have made all of it"
        return 0, f"No file contradicts another, but {what}. Get the keys from their owners, and give them: --key KEY."
    if not folder.anchors:
        return 0, "No file contradicts another, but no checkpoint for an export here is signed by a key that you gave."
    newest, profiles = max(folder.anchors, key=lambda one: one.size), " and ".join(sorted(folder.profiles))
    names = ", ".join(sorted({key.name for key in newest.signers}))
    what = f"those that {names} signed ({newest.name}), if the ledger's profile is {profiles}"
    return 0, f"The first {newest.size:,} entries are {what}. No file contradicts another."


def shown(text: str) -> str:
    """Return a text without characters that a terminal might obey."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def main() -> int:
    """Verify the folder that the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", action="append", default=[], help="a key that you trust, or a file with some")
    parser.add_argument("--profile", type=Path, help="the profile to use, as JSON, instead of the one in the folder")
    given = parser.parse_args()
    try:
        keys = [key for text in given.key for key in keys_in(text)]
    except (OSError, ValueError, WrongError) as error:
        parser.error(f"a key cannot be read: {error}")
    if not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}")
    folder = Folder(given.folder, keys, given.profile)
    try:
        folder.verify()
    except PermissionError as error:
        parser.exit(3, f"{error.filename} cannot be read: {error.strerror}\n")
    code, sentence = conclusion(folder)
    for mark, found in folder.said.items():
        more = [f"and {len(found) - 50:,} more"] if found[50:] else []
        print(*(f"{mark:7} {shown(one)}\n" for one in [*found[:50], *more]), sep="", end="")
    print(f"\n{VERIFICATION} says {shown(folder.told['assurance'])}.\n" if folder.told else "")
    print(shown(sentence))
    return code


if __name__ == "__main__":
    sys.exit(main())
