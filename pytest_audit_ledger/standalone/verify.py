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

What it does not do: verify SSH signatures (ssh-keygen does) and transcripts; try other forms of a hash than that of the
profile, so an entry that differs may have been edited, or written in a form that `audit-ledger verify` knows; read
backups, databases, keys of HMACs, and payloads made by SQL or other code; judge protections, suites and waivers;
explain anything.

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
from functools import partial
from json.encoder import encode_basestring, encode_basestring_ascii
from pathlib import Path
from typing import IO, Any, NamedTuple, Optional
from urllib.parse import unquote
from uuid import UUID
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

Row = Mapping[str, Optional[str]]


class WrongError(Exception):
    """Something that contradicts. The message ends the sentence that begins with the name of a file."""


class UnsupportedError(Exception):
    """Something that this file has no code for."""


UNREADABLE: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError)
UNREADABLE += (ArithmeticError, RecursionError, ElementTree.ParseError, zlib.error)
"""What Python raises about data that is not what its name says."""


# --- Ed25519 (RFC 8032, sections 5.1 and 6) ---

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def point(data: bytes) -> Point | None:
    """Return the point that 32 bytes encode; None if they encode none, or not canonically."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(data) != 32 or y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
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


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or (0, 1, 1, 0)


def is_key(public: bytes) -> bool:
    """Return whether 32 bytes are a key; a point of small order accepts signatures of anybody, so it is none."""
    found = point(public)
    return found is not None and times(8, found)[0] != 0


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a key signed a message. With S >= L, a signature would have a second form."""
    key, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or r is None or s >= L or not is_key(public):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, key))
    return all((left[at] * right[2] - right[at] * left[2]) % P == 0 for at in (0, 1))


# --- Merkle trees (RFC 6962, section 2.1) ---


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The perfect subtrees of a tree that grows, largest first, each with its height."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[tuple[int, bytes]] = []

    def push(self, node: bytes) -> None:
        """Append a leaf, given by its hash."""
        self.size, height = self.size + 1, 0
        while self.subtrees and self.subtrees[-1][0] == height:
            node, height = node_hash(self.subtrees.pop()[1], node), height + 1
        self.subtrees.append((height, node))

    def root(self) -> bytes:
        """Return the root."""
        nodes = [node for _, node in self.subtrees]
        root = nodes.pop() if nodes else hashlib.sha256(b"").digest()
        while nodes:
            root = node_hash(nodes.pop(), root)
        return root


def root_of_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to, from the hash of a leaf."""
    begin, end, lefts = 0, size, []
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        lefts.append(index >= middle)
        begin, end = (middle, end) if index >= middle else (begin, middle)
    if not 0 <= index < size or len(lefts) != len(proof):
        raise WrongError("has a proof of the wrong length")
    for is_left, sibling in zip(reversed(lefts), proof):
        leaf = node_hash(sibling, leaf) if is_left else node_hash(leaf, sibling)
    return leaf


# --- Signed files: keys, checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature), records, proofs, DSSE ---


def unbase64(text: str) -> bytes:
    """Return what base64 encodes; there is one way to write it."""
    data = base64.b64decode(text, validate=True)
    if encode(data) != text:
        raise WrongError("has text that is not canonical base64")
    return data


def encode(data: bytes) -> str:
    """Return the base64 of bytes."""
    return base64.b64encode(data).decode()


class Key(NamedTuple):
    """A key to trust: of kind 1, which signs, or 4, which cosigns."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]


def read_key(text: str) -> Key:
    """Return the key in a line NAME+ID+BASE64."""
    name, key_id, data = (*text.strip().split("+", 2), "", "")[:3]
    key = Key(name, int.from_bytes(unbase64(data)[:1], "big"), unbase64(data)[1:])
    if not name or key.kind not in (1, 4) or not is_key(key.public) or key.id.hex() != key_id:
        raise WrongError("is not a verifier key of Ed25519")
    return key


def signers_of(text: bytes, signatures: Iterable[tuple[str, bytes]], keys: Sequence[Key]) -> list[Key]:
    """Return which of the keys signed a text; a wrong signature of one of them is wrong.

    A signature comes with the name of its key, and after its id. One that cosigns signs the time, too.
    """
    named = [(key, data[4:]) for name, data in signatures for key in keys if (key.name, key.id) == (name, data[:4])]
    for key, signature in named:
        time, cosigned = int.from_bytes(signature[:8], "big"), key.kind == 4
        whole = f"cosignature/v1\ntime {time}\n".encode() + text if cosigned else text
        if not is_signed(key.public, signature[8 * cosigned :], whole):
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


Proof = tuple[str, int, Sequence[bytes], Checkpoint]


class Record(NamedTuple):
    """What the record of a checkpoint covers besides: every column of the entries, by their root, and the profile."""

    checkpoint: Checkpoint
    profile: Mapping[str, str]
    columns: tuple[str, ...]
    root: bytes
    is_signed: bool


def read_record(checkpoint: Checkpoint, data: bytes, note: bytes, keys: Sequence[Key]) -> Record:
    """Return a record that its note binds to the checkpoint. What it has for later runs is not looked at."""
    text, signers = read_note(note, keys)
    told = parsed(data)
    bound = (checkpoint.origin, checkpoint.size, encode(checkpoint.root), encode(hashlib.sha256(data).digest()))
    if text != "\n".join(map(str, (f"pytest-audit-ledger/record/v{told['record_version']}", *bound, ""))):
        raise WrongError("is not the record that its note binds to the checkpoint")
    profile = told["profile"] if told["record_version"] > 1 else SKI
    vouched = any(key in checkpoint.signers for key in signers)
    return Record(checkpoint, profile, tuple(sorted(told["columns"])), unbase64(told["columns_root"]), vouched)


def read_proof(name: str, data: bytes, keys: Sequence[Key]) -> Proof:
    """Return the proof that the entry at a position, from 1, is among those of a checkpoint (C2SP tlog-proof)."""
    head, _, note = data.partition(b"\n\n")
    found = re.fullmatch(r"c2sp\.org/tlog-proof@v1\n(?:extra .*\n)?index (0|[1-9]\d{0,18})((?:\n\S+)*)", head.decode())
    if found is None:
        raise WrongError("is not a proof of an entry")
    return name, int(found[1]) + 1, list(map(unbase64, found[2].split())), read_checkpoint(name, note, keys)


def read_envelope(data: bytes, payload: bytes, keys: Sequence[Key]) -> list[Key]:
    """Return which of the keys signed a manifest in a DSSE envelope."""
    told = parsed(data)
    if (told["payloadType"], unbase64(told["payload"])) != ("application/vnd.in-toto+json", payload):
        raise WrongError(f"is not the envelope of {STATEMENT}")
    text = f"DSSEv1 28 application/vnd.in-toto+json {len(payload)} ".encode() + payload
    named = [(*one["keyid"].rpartition("+")[::2], unbase64(one["sig"])) for one in told["signatures"]]
    return signers_of(text, [(name, bytes.fromhex(id_) + signature) for name, id_, signature in named], keys)


# --- The profile, in flat normal form: a payload is items one after the other, a value is written in steps ---

MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?", re.ASCII
)
BYTEA = re.compile(r"\\x((?:[0-9a-f]{2})*)")


def read_moment(text: str, zone: str = "UTC") -> tuple[datetime, str]:
    """Return a time in a zone, without its fraction, and nine digits of that. Without an offset, it is in UTC."""
    found = MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is not a time of the years 1 to 9999")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    ahead = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc) - ahead
    return moment if zone == "UTC" else moment.astimezone(ZoneInfo(zone)), (found[7] or "").ljust(9, "0")


def iso(text: str, digits: str = "python", offset: str = "+00:00", zone: str = "UTC", separator: str = "T") -> str:
    """Write a time as ISO 8601; the defaults are those of Python's isoformat() in UTC."""
    (moment, nine), short = read_moment(text, zone), {"+0000": (":", ""), "+00": (":00", "")}
    kept = nine[: int(digits)] if digits.isdigit() else nine.rstrip("0")
    kept = nine[:6] if kept and digits == "python" else nine[: -(-len(kept) // 3) * 3] if digits == "java" else kept
    whole = moment.isoformat()
    end = whole[19:] if offset else ""
    if offset in short and (offset == "+0000" or end.endswith(":00")):
        end = end[:3] + end[3:].replace(*short[offset])
    end = "Z" if offset == "Z" and end == "+00:00" else end
    return f"{whole[:10]}{separator}{whole[11:19]}{kept and '.'}{kept}{end}"


def strftime(text: str, pattern: str, zone: str) -> str:
    """Write a time by a pattern; a year has four digits, a fraction six."""
    moment, nine = read_moment(text, zone)
    own = {"%Y": moment.isoformat()[:4], "%f": nine[:6]}
    return re.sub("%.", lambda found: own.get(found[0]) or moment.strftime(found[0]), pattern, flags=re.DOTALL)


def unix(text: str, digits: int) -> str:
    """Write a time as a whole number since 1970, of seconds with so many digits after them, nine at most."""
    moment, nine = read_moment(text)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return str((since.days * 86_400 + since.seconds) * 10 ** min(digits, 9) + int(nine[:digits] or 0))


def finite(text: str) -> str:
    """Return the text of a number that has digits, and is not infinite."""
    return text if text[-1:].isdigit() else str(int(text))


def decimals(text: str, digits: int, is_float: bool) -> str:
    """Write a number with so many digits after the point; no number of PostgreSQL has more than these."""
    number = float(text) if is_float else Decimal(text)
    if max(digits, Decimal(number).adjusted()) > 200_000:
        raise ValueError(f"{text[:40]} is too large")
    return finite(format(number, f".{digits}f"))


def whole(text: str) -> int:
    """Return a whole number, as PostgreSQL prints it in any type. Longer ones would take Python too long."""
    number, _, fraction = text.partition(".")
    if len(text) > 40 or fraction.strip("0"):
        raise ValueError(f"{text[:40]} is not a whole number of a ledger")
    return int(number)


def quoted(text: str, is_ascii: bool, others: Mapping[str, str]) -> str:
    """Write a text as a JSON string, perhaps with everything beyond ASCII escaped, and other characters, too."""
    found = encode_basestring(text).translate(str.maketrans(dict[str, Any](others)))
    return re.sub("[^\0-\x7f]", lambda one: encode_basestring_ascii(one[0])[1:-1], found) if is_ascii else found


def json_again(text: str, style: str, order: str, is_ascii: bool, separators: Sequence[str], is_float: bool) -> str:
    """Write a JSON document as Python does."""
    if style != "python" or order == "javascript" or is_float:
        raise UnsupportedError(f"numbers and keys of JSON as {style} writes them")
    between = (separators[0], separators[1])
    return json.dumps(json.loads(text), ensure_ascii=is_ascii, separators=between, sort_keys=order == "sorted")


def encoded(data: bytes, form: str) -> bytes:
    """Return bytes as hex, HEX, base64, raw, or as PostgreSQL prints a bytea."""
    digits = data.hex().upper() if form == "HEX" else data.hex()
    forms = {"raw": data, "base64": base64.b64encode(data), "bytea": f"\\x{digits}".encode()}
    return forms.get(form, digits.encode())


def unhex(data: bytes, must: bool) -> bytes:
    """Return the bytes that PostgreSQL prints as hexadecimal digits; others stay as they are unless they must be."""
    found = BYTEA.fullmatch(data.decode())
    if found is None and must:
        raise ValueError("a bytea is not in hexadecimal")
    return bytes.fromhex(found[1]) if found else data


def stored_hash(data: bytes, prefix: str, encoding: str) -> bytes:
    """Return the bytes of a hash that a column stores."""
    bare = data.decode()[len(prefix) :]
    return base64.b64decode(bare, validate=True) if encoding == "base64" else bytes.fromhex(bare.replace("\\x", "", 1))


def of_text(write: Callable[..., str]) -> Callable[..., bytes]:
    """Return the step on UTF-8 that does what a function does with texts."""
    return lambda data, *given: write(data.decode(), *given).encode()


STEPS: Mapping[str, Callable[..., bytes]] = {
    "trim": of_text(
        lambda text, side: {"left": text.lstrip, "right": text.rstrip, "both": text.strip}[side](" \t\n\r\v")
    ),
    "quoted": of_text(quoted),
    "finite": of_text(finite),
    "switch": of_text(lambda text, values: values[text]),
    "decimals": of_text(decimals),
    "uuid": of_text(lambda text: str(UUID(hex=text[2:] if BYTEA.fullmatch(text) else text))),
    "iso": of_text(iso),
    "strftime": of_text(strftime),
    "unix": of_text(unix),
    "json": of_text(json_again),
    "bytea": unhex,
    "stored_hash": stored_hash,
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
        if name not in STEPS:
            raise UnsupportedError(f"the format {name}")
        data = STEPS[name](data, *given)
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
        versions = [one for of in data["hashes"].values() for one in of.values()]
        self.covered = set().union(*(columns_in(one["payload"]) for one in versions))
        self.covered |= {self.column[role] for role in ("entry_hash", "previous_hash") if role in self.column}

    def first_link(self, row: Row) -> str | None:
        """Return what an entry names if it is the first of its stream."""
        genesis = self.data["genesis"]
        return row[genesis["line"]] if genesis["line"] else genesis["text"]

    def hashes(self, row: Row, previous: str | None) -> dict[str, str | None]:
        """Return what the columns of hashes should hold, None for a hash that cannot be computed of such values."""
        column, found = self.data["version_column"], dict[str, Optional[str]]()
        version = "default" if column is None else "null" if row[column] is None else row[column]
        for name, of in self.data["hashes"].items():
            how = of.get(version, of.get("default"))
            if how and how["algorithm"].startswith("hmac-"):
                raise UnsupportedError(f"{how['algorithm']}, whose key is not filed")
            try:
                payload = written(how["payload"], row, previous, previous == self.first_link(row)) or b""
                made = STEPS["digest"](payload, how["algorithm"])
                found[name] = how["prefix"] + encoded(made, how["encoding"]).decode()
            except UNREADABLE:
                found[name] = None
        return found


# --- Exports: values as PostgreSQL prints them, None for NULL ---

LARGEST = 64 * 1024 * 1024
"""Characters of an entry, and bytes of a document, so that what grows when it is unpacked does not fill the memory."""
FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\n]*))(,|\n?\Z)')


def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, of which no two have one key."""
    if len(dict(pairs)) != len(pairs):
        raise WrongError("has a key twice in one object")
    return dict(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_int=len)  # whoever needs a number reads its text
"""Reads the members of an entry."""


def entries_in(text: IO[str], is_csv: bool) -> Iterator[str]:
    """Yield what is between two line ends; in CSV, a line end in quotes is none."""
    held, size, odd = list[str](), 0, 0
    for line in iter(partial(text.readline, LARGEST + 1), ""):
        held.append(line)
        size, odd = size + len(line), (odd + line.count('"')) % 2
        if size > LARGEST:
            raise WrongError(f"has an entry of more than {LARGEST:,} characters")
        if not (is_csv and odd):
            yield "".join(held)
            held, size, odd = [], 0, 0
    if held:
        raise WrongError("ends within a text")


def from_json(line: str) -> dict[str, str | None]:
    """Return the members of an object; numbers and documents are as they are spelled."""
    found, marks, place = [], line[:1], 1
    while place < len(line):
        name, colon = DECODER.raw_decode(line, place)
        value, end = DECODER.raw_decode(line, colon + 1)
        raw = line[colon + 1 : end]
        found.append(
            (name, value if isinstance(value, str) else {"true": "t", "false": "f", "null": None}.get(raw, raw))
        )
        marks, place = marks + line[colon] + line[end], end + 1
    if marks != "{" + ":," * (len(found) - 1) + ":}":
        raise WrongError("has an entry that is not JSON as exports have it")
    return unique(found)


def from_csv(record: str, is_safe: bool) -> list[str | None]:
    """Return the fields; one that is empty without quotes is NULL. `is_safe`: texts may have an apostrophe more."""
    fields: list[str | None] = []
    place, more = 0, ","
    while more == ",":
        found = FIELD.match(record, place)
        if found is None:
            raise WrongError("is not CSV as exports have it")
        text = found[2] or None if found[1] is None else found[1].replace('""', '"')
        fields.append(text[1:] if is_safe and text and text[0] == "'" else text)
        place, more = found.end(), found[3]
    return fields


def rows(path: Path, manifest: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the entries of an export by column. JSON has one entry a line between two heads and a tail."""
    fields, form, is_safe = manifest["fields"], manifest["format"], manifest["excel_safe"]
    with (gzip.open if manifest["compression"] else open)(path, "rt", encoding="utf-8", newline="\n") as text:
        lines = entries_in(text, form == "csv")
        if form == "json" and [next(lines, "")[:15] for _ in range(3)] != ["{\n", '"export_date": ', '"entries": [\n']:
            raise WrongError("does not begin as an export")
        if form == "csv" and from_csv(next(lines, ""), is_safe) != fields:
            raise WrongError("has other columns than its manifest")
        for line in lines:
            if form == "json" and line in ("],\n", "\n"):
                break
            values = from_csv(line, is_safe) if form == "csv" else from_json(line.rstrip(",\n"))
            if len(values) != len(fields) or (isinstance(values, dict) and list(values) != fields):
                raise WrongError("has an entry with other columns than its manifest")
            yield values if isinstance(values, dict) else dict(zip(fields, values))
        if form == "json" and not re.fullmatch(r'(],\n)?"entry_count": \d+\n}\n', "".join(lines)):
            raise WrongError("does not end as an export")


SAME_STREAM = "(stream)"
"""The stream as the server groups it, if it takes for the same what it prints in several ways."""


class Last(NamedTuple):
    """The entry before in a stream, and the hashes that the next may name: more than one after an accepted fork."""

    number: int
    link: str | None
    hashes: Sequence[str | None]
    moment: tuple[str, str]


class Scan:
    """One reading of an export: what differs in its entries, and the roots and leaves that others ask for."""

    def __init__(self, name: str, profile: Profile, manifest: Mapping[str, Any], folder: Folder) -> None:
        self.name, self.profile, self.manifest, self.folder = name, profile, manifest, folder
        self.fields, self.is_whole, self.is_recorded = {*manifest["fields"]}, not manifest["filters"], False
        self.sizes, self.positions = (
            {one.size for one in folder.checkpoints},
            {position for _, position, _, _ in folder.proofs},
        )
        self.differs: list[str] = []
        self.unhashed: list[str] = []
        """Of entries that do not have the hash that the profile gives them."""
        self.accepted: set[str] = set()
        missing = ", ".join(sorted(profile.covered - self.fields))
        self.unsupported = f"hashes of columns that are not here ({missing})" if missing else ""
        self.lasts: dict[tuple[str | None, ...], Last] = {}
        self.count, self.verdicts, self.envelopes = 0, Counter[str](), Counter[str]()
        self.first: Row = {}
        self.last: Row = {}
        self.leaves: list[tuple[int, bytes, Sequence[bytes]]] = []
        """Positions, or orders of streams to be sorted, and the leaves in both trees; as many as somebody asks for."""
        recorded = {one.columns for one in folder.records}
        self.tree, self.wide = Tree(), {columns: Tree() for columns in recorded if {*columns} <= self.fields}
        self.roots, self.wide_roots, self.proven = {0: Tree().root()}, dict[Any, bytes](), dict[int, bytes]()

    def read(self, entries: Iterable[Row]) -> None:
        """Judge every entry."""
        column = self.profile.column
        for row in entries:
            self.first, self.last, self.count = self.first or row, row, self.count + 1
            self.verdicts[str(row.get(column.get("verdict", "")))] += 1
            names = [SAME_STREAM] if SAME_STREAM in row else self.profile.streams
            number, key = whole(row[column["sequence_number"]] or "0"), tuple(map(row.get, names))
            self.stream = ", ".join(map(str, key))
            self.where = f"{self.name}: entry {number:,}" + (f" of {self.stream}" if key else "")
            self.lasts[key], recomputed = self._entry(number, row, self.lasts.get(key))
            leaf = recomputed or ""  # the bytes of a SKI hash, the text of any other
            is_hex = self.profile.name == "ski" and re.fullmatch("[0-9a-f]{64}", leaf)
            self._place(number, leaf_hash(bytes.fromhex(leaf) if is_hex else leaf.encode()), row)
            self._envelope(row)
        for position, (_, node, wide) in enumerate(sorted(self.leaves, key=lambda one: one[0]), 1):
            self._grow(position, node, wide)

    def _entry(self, number: int, row: Row, last: Last | None) -> tuple[Last, str | None]:
        """Judge an entry; return what the next is compared with, and the recomputed hash."""
        data, column, stored = self.profile.data, self.profile.column, row[self.profile.column["entry_hash"]]
        start, wanted = data["starts_at"] or 0, last.number + 1 if last else data["first"] or number
        is_known = number > wanted and self._accepts("gap", wanted, number - 1)
        may_skip = not self.is_whole or (last is not None and data["gaps"])
        if number < wanted or not (number == wanted or may_skip or is_known):
            self.differs.append(f"{self.where} is not the next number, which is {wanted:,}")
        links = [self.profile.first_link(row)] if last is None or number <= start else last.hashes
        link = row[column["previous_hash"]] if "previous_hash" in column else links[0]
        hashes, moment = [stored], self._moment(row, last)
        if number < start:
            return Last(number, link, hashes, moment), stored
        if link not in links and (self.is_whole or number == wanted) and not is_known:
            if last and link == last.link and self._accepts("fork", number):
                hashes = [stored, *last.hashes]
            else:
                self.differs.append(f"{self.where} does not name the hash of the entry before it")
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

    def _hash(self, number: int, row: Row, link: str | None) -> str | None:
        """Compare the hashes of an entry with those that it has, and return its entry hash; None if it has none."""
        column, found = self.profile.column["entry_hash"], dict[str, Optional[str]]()
        try:
            found = {} if self.unsupported else self.profile.hashes(row, link)
        except UnsupportedError as error:
            self.unsupported = str(error)
        for name, one in found.items():
            if one != row[name] and not (name == column and self._accepts("unverified_before", number)):
                self.unhashed.append(f"{self.where} does not have the {name} that the profile gives it")
        return found.get(column, row[column])

    def _moment(self, row: Row, last: Last | None) -> tuple[str, str]:
        try:
            moment, fraction = read_moment(row.get(self.profile.column.get("timestamp", "")) or "")
        except (ValueError, OverflowError):
            return last.moment if last else ("", "")
        if last and (moment.isoformat(), fraction) < last.moment:
            self.differs.append(f"{self.where} is older than the entry before it")
        return moment.isoformat(), fraction

    def _envelope(self, row: Row) -> None:
        """Compare the envelope of a SKI entry with its hash. JSONB may spell a number otherwise than it was hashed."""
        text, stored = row.get("envelope_json"), row.get("envelope_hash")
        if text is not None and stored is not None and self.profile.name == "ski":
            is_same = stored == f"sha256:{hashlib.sha256(canonical(json.loads(text))).hexdigest()}"
            is_open = not is_same and re.search(r"\d{17}|0\.0", text) is not None
            self.envelopes["open" if is_open else "proven"] += 1
            if not (is_same or is_open):
                self.differs.append(f"{self.where} has an envelope that does not match envelope_hash")

    def _place(self, number: int, leaf: bytes, row: Row) -> None:
        """Append an entry to the trees, which end where numbers do not go on.

        Entries of several streams have positions in the order in which all were written, so they are kept until then.
        """
        order = self.profile.column.get("order") if self.profile.streams else None
        if number == self.tree.size + 1 if not self.profile.streams else order and (self.sizes or self.positions):
            wide = [leaf_hash(canonical({column: row[column] for column in columns})) for columns in self.wide]
            if order:
                self.leaves.append((whole(row[order] or "0"), leaf, wide))
            else:
                self._grow(number, leaf, wide)

    def _grow(self, position: int, leaf: bytes, wide: Sequence[bytes]) -> None:
        self.tree.push(leaf)
        for tree, wide_leaf in zip(self.wide.values(), wide):
            tree.push(wide_leaf)
        if position in self.positions:
            self.proven[position] = leaf
        if position in self.sizes:
            self.roots[position] = self.tree.root()
            self.wide_roots.update({(columns, position): tree.root() for columns, tree in self.wide.items()})

    def facts(self) -> dict[str, Any]:
        """Return what a manifest and a verification state of entries, by name; None is unknown."""
        column, found = self.profile.column, dict[str, Any](entries=self.count)
        for end, row in (("first", self.first), ("last", self.last)):
            moment, number = row.get(column.get("timestamp", "")) or "", row.get(column["sequence_number"])
            found[f"sequence_{end}"] = number and whole(number)
            found[f"time_{end}"] = iso(moment) if MOMENT.fullmatch(moment) else None
        return {**found, "head_hash": self.last.get(column["entry_hash"])}


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- The folder ---

SUMS, STATEMENT, VERIFICATION = "SHA256SUMS", "manifest.json", "verification.json"
SIGNATURES = SSH, ENVELOPE = ("manifest.json.sig", "manifest.dsse.json")
VERIFICATION_HAS = {"anchor", "assurance", "assurance_meaning", "entries", "is_valid", "snapshot", "suites"}
OUTCOME_HAS = {"check", "codes", "kind", "status", "suite"}
SKI = {"name": "ski", "sha256": ""}


def parsed(data: bytes) -> Any:
    """Return what JSON says; no object has a key twice."""
    return json.loads(data, object_pairs_hook=unique, parse_int=whole)


def content(path: Path) -> bytes:
    """Return what is in a file that is no export."""
    if path.stat().st_size > LARGEST:
        raise WrongError(f"has more than {LARGEST:,} bytes")
    return path.read_bytes()


def load(path: Path) -> Any:
    """Return the JSON in a file."""
    return parsed(content(path))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(partial(file.read, 1 << 20), b""):
            found.update(part)
    return found.hexdigest()


class Folder:
    """What is in a folder, and what was found out about it: sentences, by their marks."""

    def __init__(self, path: Path, keys: Sequence[Key], profile: Path | None) -> None:
        self.path, self.keys, self.own_profile, self.is_undecided = path, keys, profile, False
        self.said: dict[str, list[str]] = {mark: [] for mark in ("WRONG", "DIFFERS", "PROVEN", "OPEN")}
        self.checkpoints: list[Checkpoint] = []
        self.records: list[Record] = []
        self.proofs: list[Proof] = []
        self.anchors: list[Checkpoint] = []
        self.profiles: set[str] = set()
        self.told: Any = {}

    def say(self, mark: str, *sentences: str) -> None:
        """Keep sentences."""
        self.said[mark] += sentences

    def name(self, path: Path) -> str:
        """Return the name of a file, seen from the folder."""
        return path.relative_to(self.path).as_posix()

    def each(self, pattern: str, read: Callable[[Path], object]) -> None:
        """Read every file of a kind, and keep what is wrong with it."""
        for path in sorted(self.path.rglob(pattern)):
            self.attempt(path, read)

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

    def verify(self) -> None:
        """Verify everything."""
        if not self.files():
            return
        if (self.path / ENVELOPE).exists():
            self.attempt(self.path / ENVELOPE, self._dsse)
        if (self.path / SSH).exists():
            self.say("OPEN", f"{SSH} was not verified: that is for ssh-keygen -Y verify")
        self.compare()

    def files(self) -> bool:
        """Compare what is here with SHA256SUMS and the manifest, if there are any, and return whether to read on.

        Nothing is read of a folder with links, or pipes and devices, which may have no end.
        """
        here = {self.name(one): one for one in sorted(self.path.rglob("*"))}
        odd = [name for name, one in here.items() if one.is_symlink() or not (one.is_file() or one.is_dir())]
        self.say("WRONG", *(f"{name} is not a regular file" for name in odd))
        if not odd and {SUMS, STATEMENT} & {*here}:
            self.attempt(self.path / SUMS, partial(self._sums, here))
        return not odd

    def compare(self) -> None:
        """Compare the files with each other, and the entries with what is said of them."""
        if (self.path / VERIFICATION).exists():
            self.attempt(self.path / VERIFICATION, self._verification)
        self.each("*.checkpoint", lambda path: self.checkpoints.append(read_checkpoint(*self._signed(path))))
        self.each("*.record.json", lambda path: self.records.append(self._record(path)))
        self.each("*.tlog-proof", lambda path: self.proofs.append(read_proof(*self._signed(path))))
        roots: dict[tuple[str, int], bytes] = {}
        for one in [*self.checkpoints, *(proof[-1] for proof in self.proofs)]:
            if roots.setdefault((one.origin, one.size), one.root) != one.root:
                self.say("WRONG", f"{one.name} is of the size of another checkpoint, and their roots differ")
        for path in sorted(self.path.rglob("*")):
            is_export = re.search(r"\.(jsonl|csv)(\.gz)?$", path.name)
            if is_export and not path.with_name(f"{path.name}.manifest.json").exists():
                self.say("OPEN", f"{self.name(path)} has no manifest, and was not read")
        self.each("*.manifest.json", self._export)
        if self.told:
            self.attempt(self.path / VERIFICATION, self._documents)

    def _verification(self, path: Path) -> None:
        told = load(path)
        if not {*told} >= VERIFICATION_HAS or not all({*one} >= OUTCOME_HAS for one in told["outcomes"]):
            raise WrongError("is not a verification")
        self.told = told

    def _sums(self, here: Mapping[str, Path], path: Path) -> None:
        lines = content(path).decode().splitlines() if SUMS in here else []
        sums = {line[66:]: line[:64] for line in lines if re.fullmatch("[0-9a-f]{64}  .+", line)}
        found = {
            name if one.is_file() else f"{name}/"
            for name, one in here.items()
            if one.is_file() or not any(one.iterdir())
        }
        wrong = [f"{SUMS} has a malformed line: {line}" for line in lines if sums.get(line[66:]) != line[:64]]
        wrong += [f"{name} is missing" for name in sorted({*sums, SUMS, STATEMENT} - found)]
        wrong += [f"{name} was added" for name in sorted(found - {*sums, SUMS, STATEMENT, *SIGNATURES})]
        wrong += [f"{name} was changed" for name in sorted({*sums} & found) if sha256_of(here[name]) != sums[name]]
        if STATEMENT in here and f"{STATEMENT} was changed" not in wrong:
            told = load(here[STATEMENT])
            subjects = {one["name"]: one for one in told["subject"]}
            stated = {name: one["digest"]["sha256"] for name, one in subjects.items()}
            if stated != {name: digest for name, digest in sums.items() if name != STATEMENT} or len(sums) != len(
                lines
            ):
                wrong.append(f"{STATEMENT} and {SUMS} do not list the same files")
            if told["_type"] != "https://in-toto.io/Statement/v1":
                wrong.append(f"{STATEMENT} is an in-toto Statement of another type")
            for name in {*subjects} & found:
                if here[name].stat().st_size != subjects[name]["annotations"]["size"]:
                    wrong.append(f"{name} does not have the size that {STATEMENT} states")
        self.say("WRONG", *wrong)
        if not wrong:
            self.say("PROVEN", f"the {len(sums):,} files are those of {SUMS} and {STATEMENT}, and there are no others")

    def _dsse(self, path: Path) -> None:
        signers = read_envelope(content(path), content(self.path / STATEMENT), self.keys)
        names = ", ".join(f"{key.name}+{key.id.hex()}" for key in signers)
        what = f"{STATEMENT} is signed by {names}, which you trust" if names else f"{ENVELOPE} has no key that you gave"
        self.say("PROVEN" if names else "OPEN", what)

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
            self.profiles.add(name)
        if found:
            return Profile(next(iter(found.values())))
        raise UnsupportedError(f"names the profile {used['name']}, which is not here as JSON; give it with --profile")

    def _export(self, path: Path) -> None:
        manifest = load(path)
        file = path.with_name(path.name[: -len(".manifest.json")])
        name, stated = self.name(file), [manifest[key] for key in ("file", "size", "sha256")]
        if stated != [file.name, file.stat().st_size, sha256_of(file)]:
            self.say("WRONG", f"{name} does not have the name, size and SHA-256 that its manifest states")
        if "fields" not in manifest:
            self.say("OPEN", f"{name} is a backup; restore it, and verify the database")
            return
        scan = Scan(name, self._profile(manifest.get("profile", SKI)), manifest, self)
        is_read = self.attempt(file, lambda file: scan.read(rows(file, manifest)))
        self._summary(scan, is_read)
        if scan.is_whole and is_read:
            self._trees(scan)
            self._proofs(scan)
        uncovered = sorted(scan.fields - scan.profile.covered - {SAME_STREAM})
        if uncovered and not scan.unsupported and not scan.is_recorded:
            self.say("OPEN", f"{name}: no entry hash covers {', '.join(uncovered)}")

    def _summary(self, scan: Scan, is_read: bool) -> None:
        """Say what was found in the entries of an export, all of which were read, or some."""
        told = self.told if scan.is_whole and scan.manifest["snapshot"] == self.told.get("snapshot") else {}
        if is_read:
            self._facts(scan, told)
        what = f"{scan.name}: {scan.count:,} entries" + ("" if scan.is_whole else ", a part of the ledger")
        if scan.unsupported:
            self.say("OPEN", f"{what}: entry hashes were not recomputed; this file has no code for {scan.unsupported}")
        if not scan.is_whole:
            self.say("OPEN", f"{what}: entries that it lacks were not judged")
        self.say("OPEN", *(f"{scan.name}: the profile accepts {one}" for one in sorted(scan.accepted)))
        codes = {code for one in told.get("outcomes", ()) if one["kind"] == "entry_hash" for code in one["codes"]}
        is_form = codes == {"HASH_FORM"} and bool(scan.unhashed)
        self.is_undecided |= is_form
        if is_form:
            self.say(
                "OPEN",
                f"{what}: {len(scan.unhashed):,} do not have the hash that the profile gives them; {VERIFICATION} "
                "calls that another form of it (HASH_FORM), which is not decided here",
            )
        self.say("DIFFERS", *scan.differs, *(() if is_form else scan.unhashed))
        if is_read and scan.count and not (scan.differs or scan.unhashed):
            hashes = "" if scan.unsupported else " and entry hashes"
            self.say("PROVEN", f"{what}: numbers, times, links{hashes} are correct by the profile {scan.profile.name}")
        ends = (
            ("PROVEN", "proven", "match their hashes"),
            ("OPEN", "open", "have numbers that JSONB may spell otherwise"),
        )
        for mark, kind, sentence in ends:
            if scan.envelopes[kind]:
                self.say(mark, f"{scan.name}: {scan.envelopes[kind]:,} envelopes {sentence}")

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

    def _trees(self, scan: Scan) -> None:
        """Compare checkpoints and their records with the entries."""
        for one in self.checkpoints:
            if scan.roots.get(one.size) != one.root:
                self.say("DIFFERS", f"{scan.name} does not have the {one.size:,} entries that {one.name} was made of")
            elif one.signers:
                self.anchors.append(one)
            else:
                self.say("OPEN", f"{one.name} matches {scan.name}, but no key that you gave signed it")
        for record in self.records:
            name, root = record.checkpoint.name, scan.wide_roots.get((record.columns, record.checkpoint.size))
            if record.profile != scan.manifest.get("profile", SKI):
                self.say("WRONG", f"{scan.name} was not read with the profile that the record of {name} names")
            if root is None:
                self.say("OPEN", f"{scan.name} does not show every column that the record of {name} covers")
            elif root != record.root:
                self.say("DIFFERS", f"{scan.name} differs from the record of {name}, in a column of an entry")
            elif record.is_signed:
                scan.is_recorded = True
                self.say("PROVEN", f"{scan.name}: every column is as the signed record of {name} says")

    def _proofs(self, scan: Scan) -> None:
        """Follow the proofs of entries from the entries to their checkpoints."""
        for name, position, hashes, checkpoint in self.proofs:
            leaf, what = scan.proven.get(position), f"entry {position:,}"
            if leaf is None:
                self.say("OPEN", f"{name}: {scan.name} does not have the {what}")
            elif root_of_proof(leaf, position - 1, checkpoint.size, hashes) != checkpoint.root:
                self.say("WRONG", f"{name} does not lead from {what} to the root of its checkpoint")
            else:
                self.say("PROVEN", f"{name}: {what} is among the {checkpoint.size:,} of its checkpoint")

    def _documents(self, _: Path) -> None:
        """Compare verification.json with the other documents of evidence."""
        before = len(self.said["WRONG"])
        for name, claims in DOCUMENTS.items():
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
        size, keys = self.told["anchor"]["entries"], list(keys_in([str(filed)]))
        found = [read_checkpoint("", content(self.path / one.name), keys) for one in self.checkpoints]
        if not any(one.signers for one in found if one.size == size):
            raise WrongError(f"has no key of a checkpoint of the {size:,} entries that {VERIFICATION} calls anchored")


# --- What the documents of evidence claim: whether it is what verification.json says, by what it is about ---


def of_statement(told: Any, path: Path) -> Mapping[str, bool]:
    """Compare the manifest: what passed, and the result."""
    predicate = load(path)["predicate"]
    lists = {"passedTests": ("PASS",), "warnedTests": ("WARN", "WAIVED"), "failedTests": ("FAIL", "ERROR")}
    ended = {
        name: [f"{one['suite']}::{one['check']}" for one in told["outcomes"] if one["status"] in statuses]
        for name, statuses in lists.items()
    }
    result = "FAILED" if not told["is_valid"] else "WARNED" if ended["warnedTests"] else "PASSED"
    return {name: predicate[name] == value for name, value in {**ended, "result": result}.items()}


MARKS = {"PASS": (set(),), "WARN": (set(), {"failure"}), "FAIL": ({"failure"},), "ERROR": ({"error"},)}
"""How a test case of JUnit shows a status; SKIP and WAIVED are skipped, or failures under --runxfail."""


def of_junit(told: Any, path: Path) -> Mapping[str, bool]:
    """Compare pytest's own results: the facts of the run, and how each check ended. --exitfirst leaves some out."""
    suite = ElementTree.fromstring(content(path))  # noqa: S314  (expat limits what entities expand to)
    stated = {one.get("name"): one.get("value") for one in suite.iterfind("testsuite/properties/property")}
    facts = {**(told["entries"] or {}), "assurance": told["assurance"], "started_at": told["started_at"]}
    facts["entries"] = facts.pop("count", None)
    claims = {
        name: str(facts[name]) == stated.get(f"ledger.{name}", str(facts[name]))
        for name in {*facts} - {"verdicts"}
        if facts[name] is not None
    }
    marked = {
        (case.get("classname", ""), case.get("name")): {part.tag for part in case} & {"failure", "error", "skipped"}
        for case in suite.iter("testcase")
    }
    for one in told["outcomes"]:
        parts = re.sub(r"\.ledger\.ya?ml$", "", one["suite"]).split("/")
        class_ = ".".join(["ledger", *(part.replace(".", "_") for part in parts if part.strip("."))])
        found = [marks for (name, check), marks in marked.items() if check == one["check"] and name.endswith(class_)]
        is_stopped = not found and any("failure" in marks for marks in marked.values())
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


def of_report(told: Any, path: Path) -> Mapping[str, bool]:
    """Look for the assurance and the last hash in the report."""
    text = content(path).decode()
    return {one: one in text for one in (told["assurance"], (told["entries"] or {}).get("head_hash", ""))}


def of_profiles(told: Any, path: Path) -> Mapping[str, bool]:
    """Look for the profile with which the ledger was read, for people and for this file."""
    used, filed = told["profile"] or SKI, [sha256_of(one) for one in path.glob("*.yaml")] or [""]
    return {"profile": used["sha256"] in filed and (path / f"{used['name']}.profile.json").exists()}


DOCUMENTS: Mapping[str, Callable[[Any, Path], Mapping[str, bool]]] = {
    "manifest.json": of_statement,
    "junit.xml": of_junit,
    "oscal.json": of_oscal,
    "report.html": of_report,
    "README.txt": lambda told, path: {"assurance": f"Assurance  {told['assurance']}: " in content(path).decode()},
    "suites": lambda told, path: {
        "suites": {sha256_of(one) for one in path.rglob("*") if one.is_file()}
        == {one["sha256"] for one in told["suites"]}
    },
    "profiles": of_profiles,
}


# --- The command ---


def conclusion(folder: Folder) -> tuple[int, str]:
    """Return the exit code, and what all of it amounts to."""
    if folder.said["WRONG"]:
        return 1, "Files contradict each other: see what is WRONG above. Do not rely on this folder."
    if folder.said["DIFFERS"]:
        return 1, (
            "Entries differ from what was filed or signed: see above. Do not rely on them until that is explained. "
            "audit-ledger verify knows more forms of hashes than this file; audit-ledger investigate looks for causes."
        )
    if folder.is_undecided:
        return 3, "Not decided here: whether entries were edited. audit-ledger verify knows other forms of a hash."
    if not folder.said["PROVEN"]:
        return 3, "Nothing could be verified."
    if not folder.keys:
        return 0, (
            "No file contradicts another, but nothing from outside vouches for this folder: whoever can write to it "
            "could have made all of it. Get the keys from their owners, and give them: --key KEY."
        )
    if not folder.anchors:
        return 0, "No file contradicts another, but no checkpoint for an export here is signed by a key that you gave."
    newest = max(folder.anchors, key=lambda one: one.size)
    names = ", ".join(sorted({key.name for key in newest.signers}))
    return 0, (
        f"The first {newest.size:,} entries are those that {names} signed ({newest.name}), if the ledger's profile is "
        f"{' and '.join(sorted(folder.profiles))}. No file contradicts another."
    )


def shown(text: str) -> str:
    """Return a text without characters that a terminal might obey."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def keys_in(texts: Sequence[str]) -> Iterator[Key]:
    """Yield the keys that arguments are, or that are in the files that they name, one a line."""
    for text in texts:
        for line in content(Path(text)).decode().splitlines() if "+" not in text else [text]:
            if line.strip() and not line.startswith("#"):
                yield read_key(line)


def main() -> int:
    """Verify the folder that the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", action="append", default=[], help="a verifier key that you trust, or a file with some")
    parser.add_argument("--profile", type=Path, help="the profile to use, as JSON, instead of the one in the folder")
    given = parser.parse_args()
    try:
        keys = list(keys_in(given.key))
    except (OSError, ValueError, WrongError) as error:
        parser.error(f"a key cannot be read: {error}")
    if not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}")
    folder = Folder(given.folder, keys, given.profile)
    try:
        folder.verify()
    except PermissionError as error:
        print(f"{error.filename} cannot be read: {error.strerror}")
        return 3
    for mark, sentences in folder.said.items():
        for one in [*sentences[:50], *([f"and {len(sentences) - 50:,} more"] if sentences[50:] else [])]:
            print(f"{mark:7}", shown(one))
    if folder.told:
        print(f"\n{VERIFICATION} says {shown(folder.told['assurance'])}.")
    code, sentence = conclusion(folder)
    print(f"\n{shown(sentence)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
