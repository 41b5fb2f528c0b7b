#!/usr/bin/env python3
"""Verify a folder of evidence, or exports, without the program that made them. It needs Python 3.9 and nothing else.

    python3 verify.py [FOLDER] [--key KEY|FILE]... [--profile FILE]

It reads what is in the folder (by default the one that this file is in), and writes nothing:

1.  files         SHA256SUMS and manifest.json name every file and its SHA-256, and the documents agree with each other
2.  checkpoints   each is signed by a key that you give, and its record belongs to it
3.  exports       each is what its manifest says; numbers, times, links and entry hashes hold by the filed profile, and
                  the Merkle roots over its entries are those of the checkpoints
4.  proofs        each leads from its entry to the root of its checkpoint

The rules are those of hashing.md of pytest-audit-ledger, whose test vectors this file passes. Keys to trust come from
you alone: whatever is in the folder could have been written by whoever wrote the rest of it.

The exit code is 0 if nothing contradicts, 1 if something does, 2 for wrong usage, 3 if nothing could be verified.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import io
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from itertools import product
from json.encoder import encode_basestring, encode_basestring_ascii
from pathlib import Path
from typing import Any, NamedTuple, Optional
from urllib.parse import unquote
from uuid import UUID
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

Row = Mapping[str, Optional[str]]
Piece = tuple[bytes, str]
"""Bytes of a payload, and whether they are `text`, `json` or `bytes`."""


class WrongError(Exception):
    """Something that contradicts. The message ends the sentence that begins with the name of a file."""


class UnsupportedError(Exception):
    """Something that this file has no code for."""


class UnwritableError(Exception):
    """A value that a recipe cannot write, so that its entry has no hash."""


# --- Ed25519 (RFC 8032, sections 5.1 and 6) ---

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


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
    total = NEUTRAL
    while scalar:
        total = add(total, p) if scalar & 1 else total
        p, scalar = add(p, p), scalar >> 1
    return total


def same(p: Point, q: Point) -> bool:
    """Return whether two points are equal."""
    return not ((p[0] * q[2] - q[0] * p[2]) % P or (p[1] * q[2] - q[1] * p[2]) % P)


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


def is_key(public: bytes) -> bool:
    """Return whether 32 bytes are a key; a point of small order accepts signatures of anybody, so it is none."""
    found = point(public)
    return found is not None and not same(times(8, found), NEUTRAL)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a key signed a message. With S >= L, a signature would have a second form."""
    key, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or r is None or s >= L or not is_key(public):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(k, key)))


# --- Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature), and the signed manifest ---


def unbase64(text: str) -> bytes:
    """Return what base64 encodes; there is one way to write it."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
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

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Return whether the key signed a text; one that cosigns signs the time, too."""
        if self.kind == 4:
            text = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n".encode() + text
        return is_signed(self.public, signature[8:] if self.kind == 4 else signature, text)


def read_key(text: str) -> Key:
    """Return the key in a line NAME+ID+BASE64."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded_ = rest.partition("+")
    data = unbase64(encoded_)
    key = Key(name, data[0] if data else 0, data[1:])
    if not name or key.kind not in (1, 4) or not is_key(key.public) or key.id.hex() != key_id:
        raise WrongError("is not a verifier key of Ed25519")
    return key


def read_note(data: bytes, keys: Sequence[Key]) -> tuple[str, list[Key]]:
    """Return the text of a note, and which of the keys signed it; a wrong signature of one of them is wrong."""
    text, mark, lines = data.decode("utf-8", "strict").rpartition("\n\n")
    found = [re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)", line) for line in lines[:-1].split("\n")]
    if not mark or not lines.endswith("\n") or not all(found):
        raise WrongError("is not a signed note")
    signers = []
    for name, signature in ((one[1], unbase64(one[2])) for one in found if one):
        for key in keys:
            if (key.name, key.id) == (name, signature[:4]):
                if not key.signed(f"{text}\n".encode(), signature[4:]):
                    raise WrongError(f"has a wrong signature of the key {key.name}")
                signers.append(key)
    return f"{text}\n", signers


class Checkpoint(NamedTuple):
    """How many entries a ledger had, and the root over them. `signers`: the keys given that vouch for it."""

    name: str
    origin: str
    size: int
    root: bytes
    signers: Sequence[Key] = ()


def read_checkpoint(name: str, data: bytes, keys: Sequence[Key]) -> Checkpoint:
    """Return a checkpoint; a key that signs must have its origin as name, one that cosigns may have any."""
    text, signers = read_note(data, keys)
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or len(unbase64(lines[2])) != 32:
        raise WrongError("is not a checkpoint")
    vouching = [key for key in signers if key.kind == 4 or key.name == lines[0]]
    return Checkpoint(name, lines[0], int(lines[1]), unbase64(lines[2]), vouching)


def read_envelope(data: bytes, payload: bytes, keys: Sequence[Key]) -> list[Key]:
    """Return which of the keys signed a manifest in a DSSE envelope."""
    told = json.loads(data, object_pairs_hook=unique)
    if (told["payloadType"], unbase64(told["payload"])) != ("application/vnd.in-toto+json", payload):
        raise WrongError(f"is not the envelope of {STATEMENT}")
    text = f"DSSEv1 28 application/vnd.in-toto+json {len(payload)} ".encode() + payload
    named = [(key, unbase64(one["sig"])) for one in told["signatures"] for key in keys if one["keyid"] == key_id(key)]
    if not all(key.signed(text, signature) for key, signature in named):
        raise WrongError("has a wrong signature of a key that you gave")
    return [key for key, _ in named]


def key_id(key: Key) -> str:
    """Return how an envelope names a key."""
    return f"{key.name}+{key.id.hex()}"


# --- Merkle trees (RFC 6962, section 2.1), records of checkpoints, proofs of entries ---


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


class Record(NamedTuple):
    """What the record of a checkpoint covers besides: every column of the entries, by their root, and the profile.

    `columns` is empty if an export cannot show them all as PostgreSQL prints them, because there are JSON documents.
    """

    checkpoint: Checkpoint
    profile: Mapping[str, str]
    columns: tuple[str, ...]
    root: bytes
    is_signed: bool


def read_record(checkpoint: Checkpoint, data: bytes, note: bytes, keys: Sequence[Key]) -> Record:
    """Return a record that its note binds to the checkpoint. What it has for later runs is not looked at."""
    text, signers = read_note(note, keys)
    told = json.loads(data, object_pairs_hook=unique)
    digest_ = encode(hashlib.sha256(data).digest())
    bound = (checkpoint.origin, checkpoint.size, encode(checkpoint.root), digest_)
    if text != "\n".join(map(str, (f"pytest-audit-ledger/record/v{told['record_version']}", *bound, ""))):
        raise WrongError("is not the record that its note binds to the checkpoint")
    profile = told["profile"] if told["record_version"] > 1 else SKI
    columns = () if {"json", "jsonb"} & {*told["columns"].values()} else tuple(sorted(told["columns"]))
    is_signed_ = any(key in checkpoint.signers for key in signers)
    return Record(checkpoint, profile, columns, unbase64(told["columns_root"]), is_signed_)


class Proof(NamedTuple):
    """The proof that an entry, by its number, is among those of a checkpoint."""

    name: str
    number: int
    hashes: Sequence[bytes]
    checkpoint: Checkpoint


def read_proof(name: str, data: bytes, keys: Sequence[Key]) -> Proof:
    """Return a proof (C2SP tlog-proof)."""
    head, _, note = data.partition(b"\n\n")
    first, *lines = head.decode("ascii").split("\n")
    lines = lines[1:] if lines and lines[0].startswith("extra ") else lines
    index = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[0]) if lines else None
    if first != "c2sp.org/tlog-proof@v1" or index is None:
        raise WrongError("is not a proof of an entry")
    return Proof(name, int(index[1]) + 1, list(map(unbase64, lines[1:])), read_checkpoint(name, note, keys))


# --- The values of columns, as PostgreSQL prints them, in the formats of a profile ---

MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?", re.ASCII
)
DIGEST = re.compile("(md5|sha1|sha256|sha384|sha512|sha3-256|blake2b)_(hex|HEX|base64|raw)")
BYTEA = re.compile(r"\\x((?:[0-9a-f]{2})*)")
FLOATS = ("real", "double precision")


def read_moment(text: str, zone: str = "UTC") -> tuple[datetime, str]:
    """Return a time in a zone, without its fraction, and nine digits of that. Without an offset, it is in UTC."""
    found = MOMENT.fullmatch(text)
    try:
        year, month, day, *clock = [int(part or 0) for part in found.groups()[:6]] if found else []
        ahead = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) if found else timedelta()
        moment = datetime(year, month, day, *clock, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
        moment += ahead if found and found[8] == "-" else -ahead
        local = moment if zone == "UTC" else moment.astimezone(ZoneInfo(zone))
    except (TypeError, ValueError, OverflowError):
        raise UnwritableError(f"{text} is not a time of the years 1 to 9999") from None
    return local, ((found and found[7]) or "").ljust(9, "0")


def iso(text: str, digits: Any = "python", offset: str = "+00:00", zone: str = "UTC", separator: str = "T") -> str:
    """Write a time as ISO 8601; the defaults are those of Python's isoformat() in UTC."""
    moment, nine = read_moment(text, zone)
    kept = nine.rstrip("0")
    if digits == "python":
        kept = nine[:6] if kept else ""
    elif digits == "java":
        kept = nine[: -(-len(kept) // 3) * 3]
    elif digits != "trimmed":
        kept = nine[: int(digits)]
    shown_ = moment.isoformat()
    end = "Z" if offset == "Z" and shown_[19:] == "+00:00" else shown_[19:] if offset else ""
    if offset in ("+0000", "+00"):
        end = end.replace(":", "") if offset == "+0000" else re.sub(r"(?<=^...):00$", "", end)
    return f"{shown_[:10]}{separator}{shown_[11:19]}{kept and '.'}{kept}{end}"


def strftime(text: str, pattern: str, zone: str = "UTC") -> str:
    """Write a time by a pattern; a year has four digits, a fraction six."""
    moment, nine = read_moment(text, zone)
    own = {"%Y": moment.isoformat()[:4], "%f": nine[:6]}
    return re.sub("%.", lambda found: own.get(found[0]) or moment.strftime(found[0]), pattern, flags=re.DOTALL)


def unix(text: str, unit: str) -> str:
    """Write a time as a whole number since 1970."""
    moment, nine = read_moment(text)
    since, places = moment - datetime(1970, 1, 1, tzinfo=timezone.utc), {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]
    return str((since.days * 86_400 + since.seconds) * 10**places + int(nine[:places] or 0))


def encoded(data: bytes, form: str) -> bytes:
    """Return bytes as hex, HEX, base64 or raw."""
    if form == "base64":
        return base64.b64encode(data)
    return data if form == "raw" else (data.hex().upper() if form == "HEX" else data.hex()).encode()


def digest(algorithm: str, data: bytes) -> bytes:
    """Return the hash of bytes."""
    return hashlib.new(algorithm.replace("-", "_"), data).digest()


def raw(data: bytes, kind: str, type_: str) -> bytes:
    """Return the bytes of a value: those of a bytea, otherwise its UTF-8."""
    if kind == "bytes" or type_ not in ("", "bytea"):
        return data
    found = BYTEA.fullmatch(data.decode())
    if type_ and not found:
        raise UnwritableError("a bytea is not in hexadecimal")
    return bytes.fromhex(found[1]) if found else data


def formatted(given: Any, data: bytes, kind: str, type_: str) -> Piece:
    """Return a value in a format: a name, a name with options, or a list of these, one after the other."""
    if isinstance(given, list):
        for place, one in enumerate(given):
            data, kind = formatted(one, data, kind, "text" if place else type_)
        return data, kind
    name, options = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    found = DIGEST.fullmatch(name)
    if found or name in ("hex", "HEX", "base64", "raw"):
        data, form = raw(data, kind, type_), found[2] if found else name
        return encoded(digest(found[1], data) if found else data, form), "bytes" if form == "raw" else "text"
    if name in ("as_stored", "json_pg"):
        return data, "json" if name == "json_pg" else kind
    try:
        written, kind = as_text(name, options, data.decode(), type_)
    except (ValueError, ArithmeticError):
        raise UnwritableError(f"{data.decode()!r} cannot be written as {name}") from None
    return written.encode(), kind


def as_text(name: str, options: Any, text: str, type_: str) -> tuple[str, str]:
    """Return a value in a format that writes texts, and whether it is JSON."""
    if name == "iso":
        return iso(text, **options), "text"
    if name == "strftime":
        return strftime(text, **(options if isinstance(options, dict) else {"pattern": options})), "text"
    if name == "unix":
        return unix(text, options), "json"
    if name == "decimals":
        return format(float(text) if type_ in FLOATS else Decimal(text), f".{options}f"), "text"
    if name == "booleans":
        value = options[0] if text in ("t", "true", "1") else options[1]
        return (value, "text") if isinstance(value, str) else (json.dumps(value), "json")
    if name == "uuid":
        return str(UUID(hex=text[2:] if BYTEA.fullmatch(text) else text)), "text"
    if name != "json" or type_ in FLOATS or options.get("keys") == "javascript":
        raise UnsupportedError(f"the format {name}")
    style = style_of({key: value for key, value in options.items() if key != "keys"}, PYTHON)
    return style.document(text, options.get("keys") == "sorted"), "json"


# --- Recipes of payloads ---


class Style(NamedTuple):
    """How JSON is written: in the style `python` by json.dumps, in `javascript` by JSON.stringify."""

    name: str = "python"
    ascii: bool = True
    separators: tuple[str, str] = (", ", ": ")

    def quoted(self, text: str) -> bytes:
        """Return a text as a JSON string."""
        return (encode_basestring_ascii(text) if self.ascii else encode_basestring(text)).encode()

    def document(self, text: str, is_sorted: bool) -> str:
        """Return a JSON document as it is written again."""
        if self.name != "python":
            raise UnsupportedError("documents as another language than Python writes them")
        value = json.loads(text)
        return json.dumps(value, ensure_ascii=self.ascii, separators=self.separators, sort_keys=is_sorted)


PYTHON = Style()
STYLED = ("style", "ascii", "separators")
ITEMS = ("unless_first", "when_not_null", "text", "constant", "previous", "column")
RECIPES: Mapping[str, Sequence[str]] = {
    "json": ("of", "null", "sorted", *STYLED),
    "join": ("of", "null", "by"),
    "pairs": ("of", "null", "by", "equals"),
    "concat": ("of", "null"),
    "lengths": ("of", "null", "prefix"),
}


def style_of(options: Mapping[str, Any], base: Style) -> Style:
    """Return the style that options ask for."""
    name = options.get("style", base.name)
    if name not in ("python", "javascript") or {*options} - {*STYLED}:
        raise UnsupportedError(f"JSON in the style {name} with {', '.join(options)}")
    base = base if name == base.name else PYTHON if name == "python" else Style(name, False, (",", ":"))
    return Style(name, options.get("ascii", base.ascii), tuple(options.get("separators", base.separators)))


class Entry(NamedTuple):
    """What a recipe reads: a row, the types of its columns, the hash before it, and how hashes are stored."""

    row: Row
    types: Mapping[str, str]
    previous: str | None
    is_first: bool
    hashing: Mapping[str, str] = {}


def made(recipe: Mapping[str, Any], entry: Entry, base: Style = PYTHON) -> Piece:
    """Return what a recipe makes of an entry."""
    ((name, given),) = recipe.items()
    options = given if isinstance(given, dict) else {"of": given}
    others = [key for key in options if key not in RECIPES.get(name, ())]
    if others or name not in RECIPES:
        raise UnsupportedError(f"the recipe {name}" + (f" with {others[0]}" if name in RECIPES else ""))
    style = style_of({key: options[key] for key in STYLED if key in options}, base) if name == "json" else None
    null = options.get("null", "keep" if style else "")
    items = [piece for item in options["of"] for piece in pieces(item, entry, null, style)]
    kind = "bytes" if any(kind == "bytes" for _, _, kind in items) else "text"
    if style:
        items.sort(key=lambda item: item[0] if options.get("sorted") else "")
        between, after = (text.encode() for text in style.separators)
        return b"{" + between.join(style.quoted(key) + after + data for key, data, _ in items) + b"}", "json"
    if name == "pairs":
        equals = options.get("equals", "=")
        return options.get("by", "&").encode().join(f"{key}{equals}".encode() + data for key, data, _ in items), kind
    if name == "lengths":
        return b"".join(length(options.get("prefix", "{bytes}:"), data) + data for _, data, _ in items), "bytes"
    return options.get("by", "").encode().join(data for _, data, _ in items), kind


def length(prefix: Any, data: bytes) -> bytes:
    """Return the number of bytes as it is written before them."""
    if str(prefix) in ("4", "8"):
        return len(data).to_bytes(int(prefix), "big")
    return str(prefix).replace("{bytes}", str(len(data)), 1).encode()


def pieces(item: Any, entry: Entry, null: Any, style: Style | None) -> Iterator[tuple[str, bytes, str]]:
    """Yield key, bytes and kind of what an item writes; nothing if it is left out."""
    if isinstance(item, str):
        item = {"previous": "as_stored"} if item == "previous" else {"column": item}
    form = next((name for name in (*ITEMS, *RECIPES) if name in item), "")
    if not form and len(item) == 1:
        ((column, given),) = item.items()
        form, item = "column", {"column": column, "format": given}
    if form in ("unless_first", "when_not_null"):
        is_held = not entry.is_first if form == "unless_first" else entry.row[item[form]] is not None
        for one in (item[form] if form == "unless_first" else item["of"]) if is_held else ():
            yield from pieces(one, entry, null, style)
        return
    value, is_quoted = value_of(form, item, entry, style), item.get("quoted")
    if value is None:
        null = item.get("null", null)
        if null in ("omit", "skip"):
            return
        text, is_quoted = null["text"] if isinstance(null, dict) else null, null != "keep"
        value = (b"null", "json") if null == "keep" else (text.encode(), "text")
    data, kind = value
    if style and (kind == "text" if is_quoted is None else is_quoted):
        data, kind = style.quoted(data.decode()), "json"
    yield item.get("key", item["column"] if form == "column" else form), data, kind


def value_of(form: str, item: Mapping[str, Any], entry: Entry, style: Style | None) -> Piece | None:
    """Return what an item writes before it is quoted; None for NULL."""
    if form in ("text", "constant"):
        value = item[form]
        return (value.encode(), "text") if isinstance(value, str) else (json.dumps(value).encode(), "json")
    if form == "previous":
        return None if entry.previous is None else recoded(entry.previous, item[form], entry.hashing)
    if form != "column":
        data, kind = made({form or next(iter(item)): item.get(form)}, entry, style or PYTHON)
        return formatted(item["format"], data, kind, "text") if "format" in item else (data, kind)
    text, type_ = entry.row[item["column"]], re.sub(r"\(.*\)", "", entry.types.get(item["column"], ""))
    if text is None:
        return None
    if item.get("trim"):
        text = {"left": text.lstrip, "right": text.rstrip}.get(item["trim"], text.strip)(" \t\n\r\v")
    if "format" in item:
        return formatted(item["format"], text.encode(), "text", type_)
    return (text.encode(), "text") if style is None or "quoted" in item else by_type(text, type_, style)


def by_type(text: str, type_: str, style: Style) -> Piece:
    """Return a member of JSON that has no format of its own."""
    if type_ in FLOATS or type_.endswith("[]"):
        raise UnsupportedError(f"the type {type_} in JSON")
    if type_ in ("json", "jsonb"):
        return style.document(text, is_sorted=False).encode(), "json"
    if type_ == "boolean":
        return (b"true" if text == "t" else b"false"), "json"
    if type_ == "numeric" and not text[-1:].isdigit():
        raise UnwritableError(f"{text} is not JSON")
    return text.encode(), "json" if type_ in ("smallint", "integer", "bigint", "oid", "numeric") else "text"


def recoded(stored: str, form: str, hashing: Mapping[str, str]) -> Piece:
    """Return a stored hash in another encoding."""
    if form == "as_stored":
        return stored.encode(), "text"
    bare = stored[len(hashing.get("prefix", "")) :]
    try:
        data = base64.b64decode(bare) if hashing.get("encoding") == "base64" else bytes.fromhex(bare.replace("\\x", ""))
    except ValueError:
        raise UnwritableError(f"{stored} is not a hash") from None
    return encoded(data, form), "bytes" if form == "raw" else "text"


def hash_of(data: bytes, hashing: Mapping[str, str]) -> str:
    """Return the hash of a payload as its column stores it."""
    algorithm, encoding = hashing.get("algorithm", "sha256"), hashing.get("encoding", "hex")
    if algorithm.startswith("hmac-"):
        raise UnsupportedError(f"{algorithm}, whose key is not filed")
    if encoding == "bytea":
        return "\\x" + digest(algorithm, data).hex()
    return hashing.get("prefix", "") + encoded(digest(algorithm, data), encoding).decode()


class Profile:
    """What the columns of a ledger are, and how its hashes are made: the profile's file as JSON."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data, self.name, roles = data, str(data["name"]), data["roles"]
        self.column = {role: given["column"] if isinstance(given, dict) else given for role, given in roles.items()}
        self.streams = [roles["stream"]] if isinstance(roles.get("stream"), str) else roles.get("stream", [])
        self.start: int = data.get("starts", {}).get("at", 0)

    def first_link(self, row: Row) -> str | None:
        """Return what an entry names if it is the first of its stream."""
        genesis: Any = self.data.get("genesis", "")
        return row[genesis["line"]] if isinstance(genesis, dict) else genesis

    def hashes(self, row: Row, types: Mapping[str, str], previous: str | None) -> dict[str, str]:
        """Return what the columns that hold hashes should hold; `previous` is the hash that the entry names."""
        declared, versions = self.data, self.data.get("versions")
        if versions:
            value, of = row[versions["column"]], versions["of"]
            declared = of.get("null" if value is None else value, of.get("default"))
            if declared is None:
                raise UnwritableError(f"the profile has no recipe for the version {value}")
        found = {}
        for column, one in {**self.data.get("lines", {}), self.column["entry_hash"]: declared}.items():
            hashing = {**self.data.get("hash", {}), **one.get("hash", {})}
            entry = Entry(row, types, previous, previous == self.first_link(row), hashing)
            found[column] = hash_of(made(one["payload"], entry)[0], hashing)
        return found


# --- Forms: other ways to write the payload of a SKI entry, each of which writes no two contents alike ---

GO = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}
ESCAPES: Sequence[tuple[bool, Mapping[int, str]]] = ((False, {}), (True, {}), (True, {ord("/"): "\\/"}), (False, GO))
"""Whether everything beyond ASCII is escaped, and what else: by RFC 8785, Python, PHP and Go."""
LAYOUTS = [*product(ESCAPES, *[(False, True)] * 5)]
PLAIN = [layout for layout in LAYOUTS if [layout[0] != ESCAPES[0], *layout[1:]].count(True) < 2]
TIMES: list[Any] = [*product(("python", 6, 3, "trimmed"), "T ", ("+00:00", "Z", "", "+00", "+0000", " UTC"))]
LOCAL = [*product(["python"], "T ", [minutes for minutes in range(-720, 841, 15) if minutes])]
FORMS = [*product(LAYOUTS, TIMES), *product(PLAIN, LOCAL)]
SAME_STREAM = "(stream)"
"""The stream as the server groups it, if it takes for the same what it prints in several ways."""

COLUMNS = ["sequence_number", "previous_hash", "timestamp", "verdict", "telemetry_id", "telemetry_hash", "rule_id"]
COLUMNS += ["knowledge_graph_version", "ski_model_version", "reasoning", "track"]


def in_form(row: Row, form: Any) -> bytes:
    """Return the payload of an entry in a form; nothing if that cannot hold its time."""
    ((is_ascii, escapes), spaced, by_column, named, in_quotes, omitting), (digits, separator, zone) = form
    (moment, nine), number = read_moment(row["timestamp"] or ""), row["sequence_number"] or "0"
    if isinstance(zone, int) and 1 < moment.year < 9999:
        moment += timedelta(minutes=zone)
        zone = f"{'-' if zone < 0 else '+'}{abs(zone) // 60:02}:{abs(zone) % 60:02}"
    time = iso(f"{moment.isoformat()[:19]}.{nine}", digits, "", separator=separator)
    if read_moment(time) != (moment, nine):
        return b""
    data = {**row, "timestamp": f"{time}{zone}", "sequence_number": number if in_quotes else int(number)}
    keys = {name: name if named else name.replace("knowledge_graph_version", "kg_version") for name in COLUMNS}
    document_ = {key: data[name] for name, key in keys.items() if not (omitting and data[name] is None)}
    separators = (", ", ": ") if spaced else (",", ":")
    written = json.dumps(document_, ensure_ascii=is_ascii, separators=separators, sort_keys=not by_column)
    return written.translate(escapes).encode()


# --- Exports ---


class Number(str):
    """A number of JSON, as it is in the file."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, of which no two have one key."""
    if len(dict(pairs)) != len(pairs):
        raise WrongError("has a key twice in one object")
    return dict(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_int=Number, parse_float=Number, parse_constant=Number)
LONGEST = 64 * 1024 * 1024
"""Characters of an entry, so that a file that grows when it is unpacked does not fill the memory."""
FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\n]*))(,|\n?\Z)')


def printed(value: Any) -> str | None:
    """Return a value of JSON as PostgreSQL prints it."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return document(value) if isinstance(value, (dict, list)) else value


def document(value: Any) -> str:
    """Return a document as JSONB prints it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {document(value[key])}" for key in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(document, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def short_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines, none of them longer than an entry may be."""
    for line in iter(partial(text.readline, LONGEST + 1), ""):
        if len(line) > LONGEST:
            raise WrongError(f"has an entry of more than {LONGEST:,} characters")
        yield line


def json_rows(lines: Iterator[str], format_: str) -> Iterator[dict[str, str | None]]:
    """Yield the entries of JSON Lines, or of JSON as exports have it: one entry a line between two heads and a tail."""
    if format_ == "json" and [next(lines, "")[:15] for _ in range(3)] != ["{\n", '"export_date": ', '"entries": [\n']:
        raise WrongError("does not begin as an export")
    for line in lines:
        if format_ == "json" and line in ("],\n", "\n"):
            break
        yield {name: printed(value) for name, value in DECODER.decode(line.rstrip(",\n")).items()}
    if format_ == "json" and not re.fullmatch(r'(],\n)?"entry_count": \d+\n}\n', "".join(lines)):
        raise WrongError("does not end as an export")


def csv_rows(lines: Iterator[str], is_safe: bool) -> Iterator[list[str | None]]:
    """Yield the rows of CSV; an empty field without quotes is NULL. `is_safe`: texts may have an apostrophe more."""
    held, quotes = io.StringIO(), 0
    for line in lines:
        quotes += line.count('"')
        if held.tell() + held.write(line) > LONGEST:
            raise WrongError(f"has an entry of more than {LONGEST:,} characters")
        if quotes % 2:
            continue
        record, fields, place, more = held.getvalue(), [], 0, ","
        while more == ",":
            found = FIELD.match(record, place)
            if found is None:
                raise WrongError("is not CSV as exports have it")
            text = found[2] or None if found[1] is None else found[1].replace('""', '"')
            fields.append(text[1:] if is_safe and text and text[0] == "'" else text)
            place, more = found.end(), found[3]
        yield fields
        held, quotes = io.StringIO(), 0
    if held.tell():
        raise WrongError("ends within a text")


def rows(path: Path, manifest: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the entries of an export by column, as PostgreSQL prints them; None for NULL."""
    fields = manifest["fields"]
    open_text = gzip.open if manifest["compression"] else open
    with open_text(path, "rt", encoding="utf-8", newline="\n") as text:
        lines = short_lines(text)
        if manifest["format"] == "csv":
            records = csv_rows(lines, manifest["excel_safe"])
            if next(records, fields) != fields:
                raise WrongError("has other columns than its manifest")
            found: Iterator[Row] = (dict(zip(fields, one)) if len(one) == len(fields) else {} for one in records)
        else:
            found = json_rows(lines, manifest["format"])
        for row in found:
            if list(row) != fields:
                raise WrongError("has an entry with other columns than its manifest")
            yield row


class Watched(dict):  # type: ignore[type-arg]
    """An entry that notes in a set which of its columns were read."""

    def __init__(self, row: Row, noted: set[str]) -> None:
        super().__init__(row)
        self.noted = noted

    def __getitem__(self, column: str) -> Any:
        self.noted.add(column)
        return super().__getitem__(column)


class Last(NamedTuple):
    """The entry before in a stream, and the hashes that the next may name: more than one after an accepted fork."""

    number: int
    link: str | None
    hashes: Sequence[str | None]
    moment: tuple[str, str]


class Scan:
    """One reading of an export: what is wrong in its entries, and the roots and leaves that others ask for.

    `sizes` and `numbers` are those of checkpoints and proofs, `wide` the columns of records.
    """

    def __init__(self, name: str, profile: Profile, manifest: Mapping[str, Any], wide: set[tuple[str, ...]]) -> None:
        self.name, self.profile, self.manifest = name, profile, manifest
        self.types = {"sequence_number": "bigint", **manifest.get("types", {})}
        self.is_whole, self.is_complete, self.is_recorded = not manifest["filters"], False, False
        self.sizes, self.numbers, self.accepted = set[int](), set[int](), set[str]()
        self.covered = {profile.column[role] for role in ("entry_hash", "previous_hash") if role in profile.column}
        self.wrong: list[str] = []
        self.where = self.stream = self.unsupported = ""
        self.lasts: dict[tuple[str | None, ...], Last] = {}
        self.count, self.in_forms, self.in_vain = 0, 0, 0
        self.known: list[Any] = []
        self.verdicts: Counter[str] = Counter()
        self.written: list[tuple[bool, int, bytes, Sequence[bytes]]] = []
        """With streams: the leaves of the entries, to be sorted by the role `order`."""
        self.first: Row = {}
        self.last: Row = {}
        self.tree, self.wide = Tree(), {columns: Tree() for columns in wide if {*columns} <= {*manifest["fields"]}}
        self.roots, self.wide_roots, self.leaves = {0: Tree().root()}, dict[Any, bytes](), dict[int, bytes]()

    def read(self, entries: Iterator[Row]) -> None:
        """Judge every entry."""
        column = self.profile.column
        for row in entries:
            self.first, self.last, self.count = self.first or row, row, self.count + 1
            self.verdicts[str(row.get(column.get("verdict", "")))] += 1
            names = [SAME_STREAM] if SAME_STREAM in row else self.profile.streams
            number, key = int(row[column["sequence"]] or 0), tuple(row[name] for name in names)
            self.stream = ", ".join(map(str, key))
            self.where = f"entry {number:,}" + (f" of {self.stream}" if key else "")
            self.lasts[key], recomputed = self._entry(number, row, self.lasts.get(key))
            self._place(number, leaf_of(recomputed or "", self.profile.name), row)
        for position, (_, _, leaf, wide) in enumerate(sorted(self.written, key=lambda one: one[:2]), 1):
            self._grow(position, leaf, wide)
        self.is_complete = True

    def _entry(self, number: int, row: Row, last: Last | None) -> tuple[Last, str | None]:
        """Judge an entry; return what the next is compared with, and the recomputed hash."""
        profile, stored = self.profile, row[self.profile.column["entry_hash"]]
        declared, before = profile.data.get("sequence", {}), last.number if last else 0
        start = declared.get("start", 1)
        wanted = before + 1 if last else number if start == "any" else start
        names = f"{wanted}-{number - 1}" if number > wanted + 1 else wanted
        is_known = number > wanted and self._accepts("gap", names)
        may_skip = not self.is_whole or (last is not None and declared.get("gaps") == "allowed")
        if number < wanted or not (number == wanted or may_skip or is_known):
            self._say(f"is not the next number, which is {wanted:,}")
        links = [profile.first_link(row)] if last is None or number <= profile.start else last.hashes
        link = row[profile.column["previous_hash"]] if "previous_hash" in profile.column else links[0]
        hashes, moment = [stored], self._moment(row, last)
        if number < profile.start:
            return Last(number, link, hashes, moment), stored
        if link not in links and (self.is_whole or number == before + 1) and not is_known:
            if last and link == last.link and self._accepts("fork", number):
                hashes = [stored, *last.hashes]
            else:
                self._say("does not name the hash of the entry before it")
        return Last(number, link, hashes, moment), self._hash(number, row, link)

    def _say(self, sentence: str) -> None:
        self.wrong.append(f"{self.name}: {self.where} {sentence}")

    def _accepts(self, quirk: str, number: int | str) -> bool:
        """Return whether the profile accepts a quirk at an entry, or before one, on the day of the export."""
        for one in self.profile.data.get("accepted", ()):
            holds = int(number) < one.get(quirk, 0) if quirk == "unverified_before" else number == one.get(quirk)
            day = self.manifest["server_time"][:10]
            if holds and str(one.get("stream", "")) == self.stream and day <= one.get("until", day):
                self.accepted.add(f"{quirk} {one[quirk]}{self.stream and ' of '}{self.stream} ({one['reason']})")
                return True
        return False

    def _hash(self, number: int, row: Row, link: str | None) -> str | None:
        """Compare the hashes of an entry with those that it has, and return its entry hash; None if it has none."""
        column = self.profile.column["entry_hash"]
        try:
            found = self.profile.hashes(Watched(row, self.covered), self.types, link)
        except UnsupportedError as error:
            self.unsupported = str(error)
            return row[column]
        except UnwritableError as error:
            self._say(f"has no hash: {error}")
            return None
        for one in [one for one in found if found[one] != row[one]]:
            if one != column or not (self._accepts("unverified_before", number) or self._is_in_a_form(row)):
                self._say(f"does not match its {one}")
        return found[column]

    def _is_in_a_form(self, row: Row) -> bool:
        """Return whether an entry has its hash in another form; all are tried until twenty entries had none."""
        forms = [*self.known, *(FORMS if self.in_vain < 20 else ())] if self.profile.name == "ski" else []
        for form in forms:
            if hashlib.sha256(in_form(row, form)).hexdigest() == row["entry_hash"]:
                self.known += [] if form in self.known else [form]
                self.in_forms += 1
                return True
        self.in_vain += 1
        return False

    def _moment(self, row: Row, last: Last | None) -> tuple[str, str]:
        try:
            moment, fraction = read_moment(row.get(self.profile.column.get("timestamp", "")) or "")
        except UnwritableError:
            return last.moment if last else ("", "")
        if last and (moment.isoformat(), fraction) < last.moment:
            self._say("is older than the entry before it")
        return moment.isoformat(), fraction

    def _place(self, number: int, leaf: bytes, row: Row) -> None:
        """Append an entry to the trees, which end where numbers do not go on; with streams, keep it until all are read.

        Entries of several streams have positions in the order in which all were written.
        """
        streams, order = self.profile.streams, self.profile.column.get("order")
        if (order is None or not (self.sizes or self.numbers)) if streams else number != self.tree.size + 1:
            return
        wide = [leaf_hash(canonical({column: row[column] for column in columns})) for columns in self.wide]
        if order is None or not streams:
            self._grow(number, leaf, wide)
        else:
            self.written.append((row[order] is None, int(row[order] or 0), leaf, wide))

    def _grow(self, number: int, leaf: bytes, wide: Sequence[bytes]) -> None:
        self.tree.push(leaf)
        for tree, wide_leaf in zip(self.wide.values(), wide):
            tree.push(wide_leaf)
        if number in self.numbers:
            self.leaves[number] = leaf
        if number in self.sizes:
            self.roots[number] = self.tree.root()
            self.wide_roots.update({(columns, number): tree.root() for columns, tree in self.wide.items()})

    def facts(self) -> dict[str, Any]:
        """Return what a manifest and a verification state of entries, by name; None is unknown."""
        column, found = self.profile.column, dict[str, Any](entries=self.count)
        for end, row in (("first", self.first), ("last", self.last)):
            moment, number = row.get(column.get("timestamp", "")) or "", row.get(column["sequence"])
            found[f"sequence_{end}"] = number and int(number)
            found[f"time_{end}"] = iso(moment) if MOMENT.fullmatch(moment) else None
        return {**found, "head_hash": self.last.get(column["entry_hash"])}


def leaf_of(entry_hash: str, profile: str) -> bytes:
    """Return the hash of the leaf of an entry: of the bytes of a SKI hash, and of the text of any other."""
    is_hex = profile == "ski" and re.fullmatch("[0-9a-f]{64}", entry_hash)
    return leaf_hash(bytes.fromhex(entry_hash) if is_hex else entry_hash.encode())


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- The folder ---

SUMS, STATEMENT, VERIFICATION = "SHA256SUMS", "manifest.json", "verification.json"
SIGNATURES = SSH, ENVELOPE = ("manifest.json.sig", "manifest.dsse.json")
VERIFICATION_HAS = ("anchor", "assurance", "assurance_meaning", "entries", "is_valid", "snapshot", "suites")
OUTCOME_HAS = ("check", "codes", "kind", "status", "suite")
SKI = {"name": "ski", "sha256": ""}


def load(path: Path) -> Any:
    """Return the JSON in a file."""
    return json.loads(path.read_bytes(), object_pairs_hook=unique)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            found.update(part)
    return found.hexdigest()


UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(ElementTree.ParseError, zlib.error),
)
"""What Python raises about files that are not what their names say."""


class Folder:
    """What is in a folder, and what was found out about it.

    `wrong` is what contradicts among the files, `entries` among the entries of exports, `open` what was not proven.
    """

    def __init__(self, path: Path, keys: Sequence[Key], profile: Path | None) -> None:
        self.path, self.keys, self.own_profile = path, keys, profile
        self.proven: list[str] = []
        self.wrong: list[str] = []
        self.entries: list[str] = []
        self.open: list[str] = []
        self.checkpoints: list[Checkpoint] = []
        self.records: list[Record] = []
        self.proofs: list[Proof] = []
        self.anchors: list[Checkpoint] = []
        self.profiles: set[str] = set()
        self.told: Any = {}

    def name(self, path: Path) -> str:
        """Return the name of a file, seen from the folder."""
        return path.relative_to(self.path).as_posix()

    def each(self, pattern: str, read: Callable[[Path], None]) -> None:
        """Read every file of a kind."""
        for path in sorted(self.path.rglob(pattern)):
            self._attempt(path, read)

    def _attempt(self, path: Path, read: Callable[[Path], None]) -> None:
        """Read a file, and keep what is wrong with it."""
        try:
            read(path)
        except WrongError as error:
            self.wrong.append(f"{self.name(path)} {error}")
        except UnsupportedError as error:
            self.open.append(f"{self.name(path)} {error}")
        except UNREADABLE as error:
            self.wrong.append(f"{self.name(path)} cannot be read: {type(error).__name__}: {error}")

    def verify(self) -> None:
        """Verify everything. Nothing is read of a folder with links, or pipes and devices, which may have no end."""
        odd = [one for one in sorted(self.path.rglob("*")) if one.is_symlink() or not (one.is_file() or one.is_dir())]
        if odd:
            self.wrong += [f"{self.name(one)} is not a regular file" for one in odd]
            return
        for path in filter(Path.is_file, [self.path / STATEMENT]):
            self._attempt(path, self._sums)
        for path in filter(Path.is_file, [self.path / ENVELOPE]):
            self._attempt(path, self._envelope)
        if (self.path / SSH).exists():
            self.open.append(f"{SSH} was not verified: that is for ssh-keygen -Y verify")
        self.compare()

    def compare(self) -> None:
        """Compare the files with each other, and the entries with what is said of them."""
        for path in filter(Path.is_file, [self.path / VERIFICATION]):
            self._attempt(path, self._verification)
        self.each("*.checkpoint", lambda path: self.checkpoints.append(self._checkpoint(path)))
        self.each("*.record.json", lambda path: self.records.append(self._record(path)))
        self.each("*.tlog-proof", lambda path: self.proofs.append(read_proof(self.name(path), *self._read(path))))
        roots: dict[tuple[str, int], Checkpoint] = {}
        for one in [*self.checkpoints, *(proof.checkpoint for proof in self.proofs)]:
            if roots.setdefault((one.origin, one.size), one).root != one.root:
                self.wrong.append(f"{one.name} is of the size of another checkpoint, and their roots differ")
        for path in sorted(self.path.rglob("*")):
            is_export = re.search(r"\.(jsonl|csv)(\.gz)?$", path.name)
            if is_export and not path.with_name(f"{path.name}.manifest.json").exists():
                self.open.append(f"{self.name(path)} has no manifest, and was not read")
        self.each("*.manifest.json", self._export)
        if self.told:
            self._attempt(self.path / VERIFICATION, lambda _: self._documents())

    def _read(self, path: Path) -> tuple[bytes, Sequence[Key]]:
        return path.read_bytes(), self.keys

    def _verification(self, path: Path) -> None:
        told = load(path)
        outcomes = [{*one} for one in told["outcomes"]]
        if not {*VERIFICATION_HAS} <= {*told} or not all({*OUTCOME_HAS} <= one for one in outcomes):
            raise WrongError("is not a verification")
        self.told = told

    def _sums(self, path: Path) -> None:
        folder = self.path
        if not (folder / SUMS).exists():
            raise WrongError(f"has no {SUMS} next to it")
        lines = (folder / SUMS).read_text("utf-8").splitlines()
        sums = {name: digest_ for digest_, _, name in (line.partition("  ") for line in lines)}
        subjects = {one["name"]: one for one in load(path)["subject"]}
        stated = {name: one["digest"]["sha256"] for name, one in subjects.items()}
        if {name: digest_ for name, digest_ in sums.items() if name != STATEMENT} != stated or len(sums) != len(lines):
            raise WrongError(f"and {SUMS} do not list the same files")
        found = {self.name(one) for one in folder.rglob("*") if one.is_symlink() or one.is_file()}
        wrong = [f"{name} is missing" for name in sorted({*sums} - found)]
        wrong += [f"{name} was added" for name in sorted(found - {*sums, SUMS, *SIGNATURES})]
        for name in sorted({*sums} & found):
            file = folder / name
            if file.is_symlink() or sha256_of(file) != sums[name]:
                wrong.append(f"{name} was changed")
            elif name in subjects and file.stat().st_size != subjects[name]["annotations"]["size"]:
                wrong.append(f"{name} has not the size that {STATEMENT} states")
        self.wrong += wrong
        if not wrong:
            self.proven.append(f"the {len(sums):,} files are those of {SUMS} and {STATEMENT}, and there are no others")

    def _envelope(self, path: Path) -> None:
        signers = read_envelope(path.read_bytes(), (self.path / STATEMENT).read_bytes(), self.keys)
        names = ", ".join(map(key_id, signers))
        self.proven += [f"{STATEMENT} is signed by {names}, which you trust"] if names else []
        self.open += [] if names else [f"{ENVELOPE} is signed by no key that you gave"]

    def _checkpoint(self, path: Path) -> Checkpoint:
        return read_checkpoint(self.name(path), *self._read(path))

    def _record(self, path: Path) -> Record:
        stem = path.name[: -len(".record.json")]
        checkpoint = self._checkpoint(path.with_name(f"{stem}.checkpoint"))
        return read_record(checkpoint, path.read_bytes(), *self._read(path.with_name(f"{stem}.record.note")))

    def _profile(self, wanted: str) -> Profile:
        """Return the profile of an export: the one that was given, or one that is filed under its name."""
        for one in [self.own_profile] if self.own_profile else sorted(self.path.rglob("*.profile.json")):
            profile = Profile(load(one))
            if profile.name == wanted:
                self.profiles.add(shown(str(one) if self.own_profile else self.name(one)))
                return profile
        raise UnsupportedError(f"names the profile {wanted}, which is not here as JSON; give it with --profile")

    def _export(self, path: Path) -> None:
        manifest = load(path)
        file = path.with_name(path.name[: -len(".manifest.json")])
        name, stated = self.name(file), [manifest[key] for key in ("file", "size", "sha256")]
        if stated != [file.name, file.stat().st_size, sha256_of(file)]:
            self.wrong.append(f"{name} does not have the name, size and SHA-256 that its manifest states")
        if "fields" not in manifest:
            self.open.append(f"{name} is a backup; restore it, and verify the database")
            return
        filed = [sha256_of(one) for one in self.path.rglob("*.profile.yaml")]
        if filed and manifest.get("profile", SKI)["sha256"] not in ("", *filed):
            self.wrong.append(f"{name} was not made with the profile that is filed, by the SHA-256 in its manifest")
        profile = self._profile(manifest.get("profile", SKI)["name"])
        scan = Scan(name, profile, manifest, {one.columns for one in self.records if one.columns})
        scan.sizes, scan.numbers = {one.size for one in self.checkpoints}, {one.number for one in self.proofs}
        self._attempt(file, lambda file: scan.read(rows(file, manifest)))
        self.entries += scan.wrong
        self._compare_facts(scan)
        self._summary(scan)
        if scan.is_whole and scan.is_complete:
            self._roots(scan)
            self._leaves(scan)
        uncovered = sorted({*manifest["fields"]} - scan.covered)
        if uncovered and not scan.is_recorded and not scan.unsupported:
            self.open.append(f"{name}: no entry hash covers {', '.join(uncovered)}")

    def _compare_facts(self, scan: Scan) -> None:
        """Compare the entries with what the manifest and the verification state of them."""
        found = scan.facts()
        filed = self.told.get("entries") or {}
        is_same = scan.is_whole and filed and scan.manifest["snapshot"] == self.told["snapshot"]
        documents = {"its manifest": scan.manifest}
        documents |= {VERIFICATION: {**filed, "entries": filed["count"]}} if is_same else {}
        for name, value in found.items():
            for document_, stated in documents.items():
                if value is not None and stated[name] not in (value, "", None):
                    self.wrong.append(f"{scan.name} has {name} {value}, and {document_} states {stated[name]}")
        if is_same and scan.manifest["assurance"] not in ("UNKNOWN", self.told["assurance"]):
            self.wrong.append(f"the manifest of {scan.name} states another assurance than {VERIFICATION}")
        if is_same and "verdict" in scan.profile.column and dict(scan.verdicts) != filed["verdicts"]:
            self.wrong.append(f"{scan.name} has other verdicts than {VERIFICATION} counts")

    def _summary(self, scan: Scan) -> None:
        what = f"{scan.name}: {scan.count:,} entries" + ("" if scan.is_whole else ", a part of the ledger")
        if scan.unsupported:
            self.open.append(f"{what}: entry hashes were not recomputed; this file has no code for {scan.unsupported}")
        if not scan.is_whole:
            self.open.append(f"{what}: entries that it lacks were not judged")
        if scan.in_forms:
            self.open.append(
                f"{scan.name}: {scan.in_forms:,} entries were hashed in another form, which proves their content"
            )
        self.open += [f"{scan.name}: the profile accepts {one}" for one in sorted(scan.accepted)]
        if scan.is_complete and scan.count and not scan.wrong:
            hashes = "" if scan.unsupported else " and entry hashes"
            self.proven.append(f"{what}: numbers, times, links{hashes} are correct by the profile {scan.profile.name}")

    def _roots(self, scan: Scan) -> None:
        """Compare the checkpoints and their records with the entries."""
        for one in self.checkpoints:
            if scan.roots.get(one.size) != one.root:
                self.entries.append(f"{scan.name} does not have the {one.size:,} entries that {one.name} was made of")
            elif one.signers:
                self.anchors.append(one)
            else:
                self.open.append(f"{one.name} matches {scan.name}, but no key that you gave signed it")
        for record in self.records:
            name, root = record.checkpoint.name, scan.wide_roots.get((record.columns, record.checkpoint.size))
            if record.profile != scan.manifest.get("profile", SKI):
                self.wrong.append(f"{scan.name} was not read with the profile that the record of {name} names")
            if root is None:
                self.open.append(f"{scan.name} does not show every column that the record of {name} covers")
            elif root != record.root:
                self.entries.append(f"{scan.name} differs from the record of {name}, in a column of an entry")
            elif record.is_signed:
                scan.is_recorded = True
                self.proven.append(f"{scan.name}: every column is as the signed record of {name} says")

    def _leaves(self, scan: Scan) -> None:
        for one in self.proofs:
            leaf, checkpoint, what = scan.leaves.get(one.number), one.checkpoint, f"entry {one.number:,}"
            if leaf is None:
                self.open.append(f"{one.name}: {scan.name} does not have the {what}")
            elif root_of_proof(leaf, one.number - 1, checkpoint.size, one.hashes) != checkpoint.root:
                self.wrong.append(f"{one.name} does not lead from {what} to the root of its checkpoint")
            else:
                self.proven.append(f"{one.name}: {what} is among the {checkpoint.size:,} of its checkpoint")

    def _documents(self) -> None:
        """Compare verification.json with the other documents of evidence."""
        before = len(self.wrong)
        for name, compare in DOCUMENTS.items():
            if name != "oscal.json" or (self.path / name).exists():  # evidence of an older version has none
                self._attempt(self.path / name, partial(self._differ, compare))
        if self.told["anchor"] and self.checkpoints:
            self._attempt(self.path / "trusted" / "verifier-keys.txt", self._anchor)
        if len(self.wrong) == before:
            self.proven.append(f"{VERIFICATION} agrees with every other document, with suites and profile")

    def _differ(self, compare: Callable[[Any, Path], Iterator[str]], path: Path) -> None:
        said = [f"{self.name(path)} contradicts {VERIFICATION}: {sentence}" for sentence in compare(self.told, path)]
        self.wrong += said

    def _anchor(self, filed: Path) -> None:
        """Look for the checkpoint that anchors the ledger, signed by a key that the run trusted."""
        size, keys = self.told["anchor"]["entries"], list(keys_in([str(filed)]))
        found = [read_checkpoint("", path.read_bytes(), keys) for path in sorted(self.path.rglob("*.checkpoint"))]
        if not any(one.signers for one in found if one.size == size):
            raise WrongError(
                f"has no key of a checkpoint here of the {size:,} entries that {VERIFICATION} calls anchored"
            )


def of_statement(told: Any, path: Path) -> Iterator[str]:
    """Yield how the manifest differs."""
    predicate = load(path)["predicate"]
    lists = {"passedTests": ("PASS",), "warnedTests": ("WARN", "WAIVED"), "failedTests": ("FAIL", "ERROR")}
    for name, statuses in lists.items():
        if predicate[name] != [
            f"{one['suite']}::{one['check']}" for one in told["outcomes"] if one["status"] in statuses
        ]:
            yield name
    if predicate["result"] != (
        "FAILED" if not told["is_valid"] else "WARNED" if predicate["warnedTests"] else "PASSED"
    ):
        yield "result"


MARKS = {"PASS": (set(),), "WARN": (set(), {"failure"}), "FAIL": ({"failure"},), "ERROR": ({"error"},)}
"""How a test case of JUnit shows a status; SKIP and WAIVED are skipped, or failures under --runxfail."""


def of_junit(told: Any, path: Path) -> Iterator[str]:
    """Yield how pytest's own results differ."""
    suite = ElementTree.parse(path)  # noqa: S314  (a file of the folder; expat limits what entities expand to)
    stated = {one.get("name"): one.get("value") for one in suite.iterfind("testsuite/properties/property")}
    entries = told["entries"] or {}
    facts = {name: entries.get(name) for name in ("head_hash", "sequence_first", "sequence_last", "time_last")}
    facts |= {"assurance": told["assurance"], "entries": entries.get("count"), "started_at": told["started_at"]}
    for name, value in facts.items():
        if value is not None and stated.get(f"ledger.{name}") not in (None, str(value)):
            yield f"{name} {stated[f'ledger.{name}']}, not {value}"
    cases = {(case.get("classname", ""), case.get("name")): case for case in suite.iter("testcase")}
    for one in told["outcomes"]:
        parts = re.sub(r"\.ledger\.ya?ml$", "", one["suite"]).split("/")
        class_ = ".".join(["ledger", *(part.replace(".", "_") for part in parts if part.strip("."))])
        found = [case for (name, check), case in cases.items() if check == one["check"] and name.endswith(class_)]
        marks = {case.tag for case in found[0]} & {"failure", "error", "skipped"} if found else {"missing"}
        is_stopped = marks == {"missing"} and suite.find(".//failure") is not None  # by --exitfirst
        if not is_stopped and marks not in MARKS.get(one["status"], ({"skipped"}, {"failure"})):
            yield f"{one['check']} did not end as {one['status']}"


def of_oscal(told: Any, path: Path) -> Iterator[str]:
    """Yield how the assessment results differ, or what they name that is not here."""
    results = load(path)["assessment-results"]
    (result,), resources = results["results"], results["back-matter"]["resources"]
    ended = [{prop["name"]: prop["value"] for prop in one["props"]}["status"] for one in result["observations"]]
    if (result["title"], ended) != (told["assurance"], [one["status"] for one in told["outcomes"]]):
        yield "assurance, or statuses"
    failed = {one["uuid"] for one, status in zip(result["observations"], ended) if status == "FAIL"}
    unmet = [one for one in result.get("findings", ()) if one["target"]["status"]["state"] == "not-satisfied"]
    if failed - {one["observation-uuid"] for finding in unmet for one in finding["related-observations"]}:
        yield "no finding about a check that failed"
    links = [link for one in resources for link in one.get("rlinks", ()) if link.get("hashes")]
    named = {unquote(link["href"]): link["hashes"][0]["value"] for link in links}
    here = {name: sha256_of(path.parent / name) for name in named if (path.parent / name).is_file()}
    if VERIFICATION not in here or any(named[name] != digest_ for name, digest_ in here.items()):
        yield "the SHA-256 of a file"


def of_report(told: Any, path: Path) -> Iterator[str]:
    """Yield what the report does not say."""
    text = path.read_text("utf-8")
    yield from (one for one in (told["assurance"], (told["entries"] or {}).get("head_hash", "")) if one not in text)


def of_readme(told: Any, path: Path) -> Iterator[str]:
    """Yield what the README does not say."""
    if f"Assurance  {told['assurance']}: " not in path.read_text("utf-8"):
        yield f"it does not say {told['assurance']}"


def of_suites(told: Any, path: Path) -> Iterator[str]:
    """Yield which suites were not run, or are not those that were."""
    filed, ran = {sha256_of(one) for one in path.rglob("*") if one.is_file()}, {one["sha256"] for one in told["suites"]}
    if filed != ran:
        yield "they are not those that were run"


def of_profiles(told: Any, path: Path) -> Iterator[str]:
    """Yield whether the ledger was read with another profile."""
    filed, used = [sha256_of(one) for one in path.glob("*.yaml")], told["profile"] or SKI
    if used["sha256"] not in (filed or [""]) or not (path / f"{used['name']}.profile.json").exists():
        yield "the ledger was read with another one"


DOCUMENTS = {
    "manifest.json": of_statement,
    "junit.xml": of_junit,
    "oscal.json": of_oscal,
    "report.html": of_report,
    "README.txt": of_readme,
    "suites": of_suites,
    "profiles": of_profiles,
}


# --- The command ---


def conclusion(folder: Folder) -> tuple[int, str]:
    """Return the exit code, and what all of it amounts to."""
    if folder.wrong:
        return 1, "Files contradict each other: see what is WRONG above. Do not rely on this folder."
    if folder.entries:
        return 1, (
            "Entries are not correct: see what is WRONG above. Do not rely on them until that is explained. "
            "audit-ledger verify knows more forms of hashes than this file; audit-ledger investigate looks for causes."
        )
    if not folder.proven:
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
        for line in Path(text).read_text("utf-8").splitlines() if "+" not in text else [text]:
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
    folder.verify()
    marks = (("WRONG ", folder.wrong), ("WRONG ", folder.entries), ("PROVEN", folder.proven), ("OPEN  ", folder.open))
    for mark, sentences in marks:
        for one in [*sentences[:50], *([f"and {len(sentences) - 50:,} more"] if sentences[50:] else [])]:
            print(mark, shown(one))
    code, sentence = conclusion(folder)
    print(f"\n{shown(sentence)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
