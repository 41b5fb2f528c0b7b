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
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from pathlib import Path
from typing import Any, NamedTuple, Optional
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

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
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
        if scalar & 1:
            total = add(total, p)
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


# --- Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ---


def unbase64(text: str) -> bytes:
    """Return what base64 encodes; there is one way to write it."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise WrongError("has text that is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise WrongError("has base64 that is not canonical")
    return data


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
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    data = unbase64(encoded)
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
    for one in filter(None, found):
        signature = unbase64(one[2])
        for key in keys:
            if (key.name, key.id) == (one[1], signature[:4]):
                if not _signed(key, f"{text}\n".encode(), signature[4:]):
                    raise WrongError(f"has a wrong signature of the key {key.name}")
                signers.append(key)
    return f"{text}\n", signers


def _signed(key: Key, text: bytes, signature: bytes) -> bool:
    if key.kind == 1:
        return is_signed(key.public, signature, text)
    moment = int.from_bytes(signature[:8], "big")
    return is_signed(key.public, signature[8:], f"cosignature/v1\ntime {moment}\n".encode() + text)


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


# --- Merkle trees (RFC 6962, section 2.1) ---


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def leaf_of(entry_hash: str, profile: str) -> bytes:
    """Return the hash of the leaf of an entry: of the bytes of a SKI hash, and of the text of any other."""
    is_hex = profile == "ski" and re.fullmatch("[0-9a-f]{64}", entry_hash)
    return leaf_hash(bytes.fromhex(entry_hash) if is_hex else entry_hash.encode())


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The perfect subtrees of a tree that grows, largest first, each with its height."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[tuple[int, bytes]] = []

    def push(self, node: bytes, height: int = 0) -> None:
        """Append a leaf, or the root of a perfect subtree, which must begin at a multiple of its own size."""
        self.size += 1 << height
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


def tree_of(size: int, nodes: Sequence[bytes]) -> Tree:
    """Return the tree of so many leaves with these perfect subtrees."""
    tree, heights = Tree(), [height for height in reversed(range(size.bit_length())) if size >> height & 1]
    if len(heights) != len(nodes):
        raise WrongError("has a wrong number of subtrees")
    tree.size, tree.subtrees = size, list(zip(heights, nodes))
    return tree


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
        numbers = [int(part or 0) for part in found.groups()[:6]] if found else []
        moment = datetime(*numbers, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
        ahead = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) if found else timedelta()
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
    shown = moment.isoformat()
    end = "" if not offset else "Z" if offset == "Z" and shown[19:] == "+00:00" else shown[19:]
    return f"{shown[:10]}{separator}{shown[11:19]}{kept and '.'}{kept}{end}"


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


def digest(algorithm: str, data: bytes) -> bytes:
    """Return the hash of bytes."""
    return hashlib.new(algorithm.replace("-", "_"), data).digest()


def encoded(data: bytes, form: str) -> bytes:
    """Return bytes as hex, HEX, base64 or raw."""
    if form == "base64":
        return base64.b64encode(data)
    return data if form == "raw" else (data.hex().upper() if form == "HEX" else data.hex()).encode()


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
        for one in given:
            data, kind = formatted(one, data, kind, type_)
            type_ = "text"
        return data, kind
    name, options = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    found = DIGEST.fullmatch(name)
    if found:
        return encoded(digest(found[1], raw(data, kind, type_)), found[2]), "bytes" if found[2] == "raw" else "text"
    if name in ("hex", "HEX", "base64", "raw"):
        return encoded(raw(data, kind, type_), name), "bytes" if name == "raw" else "text"
    if name in ("as_stored", "json_pg"):
        return data, "json" if name == "json_pg" else kind
    try:
        written, kind = _written(name, options, data.decode(), type_)
    except (ValueError, ArithmeticError):
        raise UnwritableError(f"{data.decode()!r} cannot be written as {name}") from None
    return written.encode(), kind


def _written(name: str, options: Any, text: str, type_: str) -> tuple[str, str]:
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

    def quoted(self, text: str) -> str:
        """Return a text as a JSON string."""
        return encode_basestring_ascii(text) if self.ascii else encode_basestring(text)

    def document(self, text: str, is_sorted: bool) -> str:
        """Return a JSON document as it is written again."""
        if self.name != "python":
            raise UnsupportedError("documents as another language than Python writes them")
        value = json.loads(text)
        return json.dumps(value, ensure_ascii=self.ascii, separators=self.separators, sort_keys=is_sorted)


PYTHON = Style()
ITEMS = ("unless_first", "when_not_null", "text", "constant", "previous", "column")
RECIPES: Mapping[str, Sequence[str]] = {
    "json": ("of", "null", "sorted", "style", "ascii", "separators"),
    "join": ("of", "null", "by"),
    "pairs": ("of", "null", "by", "equals"),
    "concat": ("of", "null"),
    "lengths": ("of", "null", "prefix"),
}


def style_of(options: Mapping[str, Any], base: Style) -> Style:
    """Return the style that options ask for."""
    name = options.get("style", base.name)
    if name not in ("python", "javascript") or {*options} - {"style", "ascii", "separators"}:
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


class Within(NamedTuple):
    """The recipe that an item is in: how it writes NULL, and its style if it is JSON."""

    null: Any
    style: Style | None


def made(recipe: Mapping[str, Any], entry: Entry, base: Style = PYTHON) -> Piece:
    """Return what a recipe makes of an entry."""
    ((name, given),) = recipe.items()
    options = given if isinstance(given, dict) else {"of": given}
    others = [key for key in options if key not in RECIPES.get(name, ())]
    if others or name not in RECIPES:
        raise UnsupportedError(f"the recipe {name}" + (f" with {others[0]}" if name in RECIPES else ""))
    style = style_of({key: options[key] for key in RECIPES["json"][3:] if key in options}, base)
    within = Within(options.get("null", "keep" if name == "json" else ""), style if name == "json" else None)
    items = [piece for item in options["of"] for piece in pieces(item, entry, within)]
    kind = "bytes" if any(kind == "bytes" for _, _, kind in items) else "text"
    if name == "json":
        items.sort(key=lambda item: item[0] if options.get("sorted") else "")
        between, after = (text.encode() for text in style.separators)
        return b"{" + between.join(style.quoted(key).encode() + after + data for key, data, _ in items) + b"}", "json"
    if name == "pairs":
        equals = options.get("equals", "=")
        return options.get("by", "&").encode().join(f"{key}{equals}".encode() + data for key, data, _ in items), kind
    if name == "lengths":
        return b"".join(_length(options.get("prefix", "{bytes}:"), data) + data for _, data, _ in items), "bytes"
    return options.get("by", "").encode().join(data for _, data, _ in items), kind


def _length(prefix: Any, data: bytes) -> bytes:
    if str(prefix) in ("4", "8"):
        return len(data).to_bytes(int(prefix), "big")
    return str(prefix).replace("{bytes}", str(len(data)), 1).encode()


def pieces(item: Any, entry: Entry, within: Within) -> Iterator[tuple[str, bytes, str]]:
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
            yield from pieces(one, entry, within)
        return
    value = _value(form, item, entry, within.style)
    if value is None:
        null = item.get("null", within.null)
        if null in ("omit", "skip"):
            return
        text = null["text"] if isinstance(null, dict) else null
        value, item = (
            ((b"null", "json") if null == "keep" else (text.encode(), "text")),
            {**item, "quoted": null != "keep"},
        )
    data, kind = value
    if within.style and item.get("quoted", kind == "text"):
        data, kind = within.style.quoted(data.decode()).encode(), "json"
    yield item.get("key", item["column"] if form == "column" else form), data, kind


def _value(form: str, item: Mapping[str, Any], entry: Entry, style: Style | None) -> Piece | None:
    """Return what an item writes before it is quoted; None for NULL."""
    if form in ("text", "constant"):
        value = item[form]
        return (value.encode(), "text") if isinstance(value, str) else (json.dumps(value).encode(), "json")
    if form == "previous":
        return None if entry.previous is None else _recoded(entry.previous, item[form], entry.hashing)
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
    is_bare = style is None or "quoted" in item
    return (text.encode(), "text") if is_bare or style is None else _by_type(text, type_, style)


def _by_type(text: str, type_: str, style: Style) -> Piece:
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


def _recoded(stored: str, form: str, hashing: Mapping[str, str]) -> Piece:
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
        self.data, self.name = data, str(data["name"])
        roles = data["roles"]
        self.column = {role: given["column"] if isinstance(given, dict) else given for role, given in roles.items()}
        self.streams = [roles["stream"]] if isinstance(roles.get("stream"), str) else roles.get("stream", [])
        genesis = data.get("genesis", "")
        self.line = genesis["line"] if isinstance(genesis, dict) else ""
        self.genesis: str | None = None if self.line else genesis
        self.start: int = data.get("starts", {}).get("at", 0)

    def first_link(self, row: Row) -> str | None:
        """Return what an entry names if it is the first of its stream."""
        return row[self.line] if self.line else self.genesis

    def hashes(self, row: Row, types: Mapping[str, str], previous: str | None) -> Mapping[str, str]:
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


# --- Exports ---


class Number(str):
    """A number of JSON, as it is in the file."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, of which no two have one key."""
    if len(dict(pairs)) != len(pairs):
        raise WrongError("has a key twice in one object")
    return dict(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_int=Number, parse_float=Number, parse_constant=Number)
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
    record, width = "", 0
    for line in lines:
        record += line
        if record.count('"') % 2:
            continue
        fields, place, more = [], 0, ","
        while more == ",":
            found = FIELD.match(record, place)
            if found is None:
                raise WrongError("is not CSV as exports have it")
            text = found[2] or None if found[1] is None else found[1].replace('""', '"')
            fields.append(text[1:] if is_safe and text and text[0] == "'" else text)
            place, more = found.end(), found[3]
        if width not in (0, len(fields)):
            raise WrongError("has an entry with another number of fields")
        yield fields
        record, width = "", len(fields)
    if record:
        raise WrongError("ends within a text")


def rows(path: Path, manifest: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the entries of an export by column, as PostgreSQL prints them; None for NULL."""
    fields = manifest["fields"]
    with gzip.open(path) if manifest["compression"] else path.open("rb") as binary:
        lines = iter(io.TextIOWrapper(binary, "utf-8", newline="\n"))
        if manifest["format"] == "csv":
            records = csv_rows(lines, manifest["excel_safe"])
            if next(records, fields) != fields:
                raise WrongError("has other columns than its manifest")
            found: Iterator[Row] = ({name: record[at] for at, name in enumerate(fields)} for record in records)
        else:
            found = json_rows(lines, manifest["format"])
        for row in found:
            if list(row) != fields:
                raise WrongError("has an entry with other columns than its manifest")
            yield row


class Asked(NamedTuple):
    """The sizes of trees and the numbers of entries that checkpoints and proofs need, and the columns of records."""

    sizes: Sequence[int] = ()
    numbers: Sequence[int] = ()
    columns: Sequence[tuple[str, ...]] = ()


class Last(NamedTuple):
    """The entry before in a stream. `branch`: the hash of the other branch of an accepted fork."""

    number: int
    link: str | None
    hash: str | None
    moment: tuple[str, str]
    branch: str | None = None


class Watched(dict):  # type: ignore[type-arg]
    """An entry that notes in a set which of its columns were read."""

    def __init__(self, row: Row, noted: set[str]) -> None:
        super().__init__(row)
        self.noted = noted

    def __getitem__(self, column: str) -> Any:
        self.noted.add(column)
        return super().__getitem__(column)


class Scan:
    """One reading of an export: what is wrong in its entries, and the roots and leaves that others ask for."""

    def __init__(self, name: str, profile: Profile, manifest: Mapping[str, Any], asked: Asked) -> None:
        self.name, self.profile, self.manifest, self.asked = name, profile, manifest, asked
        self.types = {"sequence_number": "bigint", **manifest.get("types", {})}
        self.is_whole = not manifest["filters"]
        self.lasts: dict[tuple[str | None, ...], Last] = {}
        self.wrong: list[str] = []
        self.unsupported, self.accepted = "", set[str]()
        self.covered = {profile.column[role] for role in ("entry_hash", "previous_hash") if role in profile.column}
        self.is_complete = self.is_recorded = False
        self.tree, self.roots = Tree(), {0: Tree().root()}
        self.leaves: dict[int, bytes] = {}
        self.written: list[tuple[bool, int, bytes, Sequence[bytes]]] = []
        """With streams: the leaves of the entries, to be sorted by the role `order`."""
        self.wide = {columns: Tree() for columns in asked.columns if {*columns} <= {*manifest["fields"]}}
        self.wide_roots: dict[tuple[tuple[str, ...], int], bytes] = {}
        self.count, self.stream = 0, ""
        self.first: Row = {}
        self.last: Row = {}

    def read(self, entries: Iterator[Row]) -> None:
        """Judge every entry."""
        for row in entries:
            self.first, self.last, self.count = self.first or row, row, self.count + 1
            number = int(row[self.profile.column["sequence"]] or 0)
            stream = tuple(row[column] for column in self.profile.streams)
            self._entry(number, stream, row)
        for position, (_, _, leaf, wide) in enumerate(sorted(self.written, key=lambda one: one[:2]), 1):
            self._push(position, leaf, wide)
        self.is_complete = True

    def _entry(self, number: int, stream: tuple[str | None, ...], row: Row) -> None:
        profile, last = self.profile, self.lasts.get(stream)
        self.stream = ", ".join(str(one) for one in stream)
        where = f"entry {number:,}" + (f" of {self.stream}" if stream else "")
        wanted = profile.first_link(row) if last is None or number <= profile.start else last.hash
        stored = recomputed = row[profile.column["entry_hash"]]
        link = row[profile.column["previous_hash"]] if "previous_hash" in profile.column else wanted
        branch = None
        if number >= profile.start:
            branch = self._link(where, number, link, wanted, last)
            recomputed = self._hashes(where, number, row, link)
        self._number(where, number, last)
        self.lasts[stream] = Last(number, link, stored, self._moment(where, row, last), branch)
        self._grow(number, recomputed, row)

    def _number(self, where: str, number: int, last: Last | None) -> None:
        declared = self.profile.data.get("sequence", {})
        start = declared.get("start", 1)
        wanted = last.number + 1 if last else number if start == "any" else start
        may_skip = not self.is_whole or (last is not None and declared.get("gaps") == "allowed")
        if number < wanted or not (number == wanted or may_skip or self._is_accepted_gap(wanted, number - 1)):
            self.wrong.append(f"{self.name}: {where} is not the next number, which is {wanted:,}")

    def _link(self, where: str, number: int, link: str | None, wanted: str | None, last: Last | None) -> str | None:
        """Judge a link; return the hash of the other branch if the chain forks here, and that is accepted."""
        before = last.number if last else 0
        if link == wanted or (last and last.branch == link) or (not self.is_whole and number != before + 1):
            return None
        if last and link == last.link:
            if self._is_accepted("fork", number, self.stream):
                return last.hash
            self.wrong.append(f"{self.name}: {where} names the same hash as the entry before it, so the chain forks")
        elif not (number > before + 1 and self._is_accepted_gap(before + 1, number - 1)):
            self.wrong.append(f"{self.name}: {where} does not name the hash of the entry before it")
        return None

    def _is_accepted_gap(self, first: int, last: int) -> bool:
        return self._is_accepted("gap", first if first == last else f"{first}-{last}", self.stream)

    def _is_accepted(self, quirk: str, number: int | str, stream: str) -> bool:
        """Return whether the profile accepts a quirk at an entry, or before one, on the day of the export."""
        for one in self.profile.data.get("accepted", ()):
            holds = int(number) < one.get(quirk, 0) if quirk == "unverified_before" else number == one.get(quirk)
            day = self.manifest["server_time"][:10]
            if holds and str(one.get("stream", "")) == stream and day <= one.get("until", day):
                self.accepted.add(f"{quirk} {one[quirk]}{stream and ' of '}{stream} ({one['reason']})")
                return True
        return False

    def _hashes(self, where: str, number: int, row: Row, link: str | None) -> str | None:
        column = self.profile.column["entry_hash"]
        try:
            found = self.profile.hashes(Watched(row, self.covered), self.types, link)
        except UnsupportedError as error:
            self.unsupported = str(error)
            return row[column]
        except UnwritableError as error:
            self.wrong.append(f"{self.name}: {where} has no hash: {error}")
            return None
        wrong = [one for one in found if found[one] != row[one]]
        if column in wrong and self._is_accepted("unverified_before", number, self.stream):
            wrong.remove(column)
        self.wrong += [f"{self.name}: {where} does not match its {one}" for one in wrong]
        return found[column]

    def _moment(self, where: str, row: Row, last: Last | None) -> tuple[str, str]:
        try:
            moment, fraction = read_moment(row.get(self.profile.column.get("timestamp", "")) or "")
        except UnwritableError:
            return last.moment if last else ("", "")
        if last and (moment.isoformat(), fraction) < last.moment:
            self.wrong.append(f"{self.name}: {where} is older than the entry before it")
        return moment.isoformat(), fraction

    def _grow(self, number: int, recomputed: str | None, row: Row) -> None:
        """Append an entry to the trees, which end where numbers do not go on; with streams, keep it until all are read.

        Entries of several streams have positions in the order in which all were written.
        """
        order = self.profile.column.get("order") if self.asked.sizes or self.asked.numbers else None
        if order is None if self.profile.streams else number != self.tree.size + 1:
            return
        leaf = leaf_of(recomputed or "", self.profile.name)
        wide = [leaf_hash(canonical({column: row[column] for column in columns})) for columns in self.wide]
        if order is None or not self.profile.streams:
            self._push(number, leaf, wide)
        else:
            self.written.append((row[order] is None, int(row[order] or 0), leaf, wide))

    def _push(self, number: int, leaf: bytes, wide: Sequence[bytes]) -> None:
        self.tree.push(leaf)
        for tree, wide_leaf in zip(self.wide.values(), wide):
            tree.push(wide_leaf)
        if number in self.asked.numbers:
            self.leaves[number] = leaf
        if number in self.asked.sizes:
            self.roots[number] = self.tree.root()
            self.wide_roots.update({(columns, number): tree.root() for columns, tree in self.wide.items()})


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- Records of checkpoints, and proofs ---


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
    """Return a record that its note binds to the checkpoint, and that contradicts neither it nor itself."""
    text, signers = read_note(note, keys)
    told, size = json.loads(data, object_pairs_hook=unique), checkpoint.size
    bound = (checkpoint.origin, size, encode(checkpoint.root), encode(hashlib.sha256(data).digest()))
    if text != "\n".join(map(str, (f"pytest-audit-ledger/record/v{told['record_version']}", *bound, ""))):
        raise WrongError("is not the record that its note binds to the checkpoint")
    profile = told["profile"] if told["record_version"] > 1 else {"name": "ski", "sha256": ""}
    entries, wide = (tree_of(size, list(map(unbase64, told[name]))) for name in ("subtrees", "columns_subtrees"))
    last, height = told["last_entry"], told["pieces"]["height"]
    leaf = leaf_of(last["entry_hash"], profile["name"])
    roots = {entries.root(), root_of_proof(leaf, size - 1, size, list(map(unbase64, last["proof"]))), checkpoint.root}
    if roots != {checkpoint.root} or encode(wide.root()) != told["columns_root"]:
        raise WrongError("does not lead to the roots that were signed")
    for name, tree in (("entries", entries), ("columns", wide)):
        pieces_, whole = unbase64(told["pieces"][name]), Tree()
        for at in range(0, len(pieces_), 32):
            whole.push(pieces_[at : at + 32], height)
        for rest, node in tree.subtrees:
            if rest < height:
                whole.push(node, rest)
        if whole.root() != tree.root():
            raise WrongError("has pieces that do not lead to its roots")
    columns = () if {"json", "jsonb"} & {*told["columns"].values()} else tuple(sorted(told["columns"]))
    return Record(checkpoint, profile, columns, wide.root(), any(key in checkpoint.signers for key in signers))


def encode(data: bytes) -> str:
    """Return the base64 of bytes."""
    return base64.b64encode(data).decode()


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


# --- The folder ---

SUMS, STATEMENT, VERIFICATION = "SHA256SUMS", "manifest.json", "verification.json"
SIGNATURES = ("manifest.json.sig", "manifest.dsse.json")


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


class Folder:
    """What is in a folder, and what was found out about it."""

    def __init__(self, path: Path, keys: Sequence[Key], profile: Path | None) -> None:
        self.path, self.keys, self.own_profile = path, keys, profile
        self.proven: list[str] = []
        self.wrong: list[str] = []
        """What contradicts among the files."""
        self.entries: list[str] = []
        """What contradicts among the entries of exports."""
        self.open: list[str] = []
        self.checkpoints: list[Checkpoint] = []
        self.records: list[Record] = []
        self.proofs: list[Proof] = []
        self.anchors: list[Checkpoint] = []
        self.profiles: set[str] = set()

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
        except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            self.wrong.append(f"{self.name(path)} cannot be read: {type(error).__name__}: {error}")

    def verify(self) -> None:
        """Verify everything."""
        self.each(STATEMENT, self._sums)
        self.compare()

    def compare(self) -> None:
        """Compare the files with each other, and the entries with what is said of them."""
        self.each("*.checkpoint", lambda path: self.checkpoints.append(self._checkpoint(path)))
        self.each("*.record.json", lambda path: self.records.append(self._record(path)))
        self.each("*.tlog-proof", lambda path: self.proofs.append(self._proof(path)))
        self._equivocations()
        self._unread()
        self.each("*.manifest.json", self._export)
        self.each(VERIFICATION, self._documents)

    def _sums(self, path: Path) -> None:
        folder = path.parent
        if not (folder / SUMS).exists():
            raise WrongError(f"has no {SUMS} beside it")
        lines = (folder / SUMS).read_text("utf-8").splitlines()
        sums = {name: digest_ for digest_, _, name in (line.partition("  ") for line in lines)}
        subjects = load(folder / STATEMENT)["subject"]
        stated = {one["name"]: one["digest"]["sha256"] for one in subjects}
        if {name: digest_ for name, digest_ in sums.items() if name != STATEMENT} != stated or len(sums) != len(lines):
            raise WrongError(f"and {SUMS} do not list the same files")
        found = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_symlink() or one.is_file()}
        wrong = [f"{name} is missing" for name in sorted({*sums} - found)]
        wrong += [f"{name} was added" for name in sorted(found - {*sums, SUMS, *SIGNATURES})]
        for name in sorted({*sums} & found):
            if (folder / name).is_symlink() or sha256_of(folder / name) != sums[name]:
                wrong.append(f"{name} was changed")
        wrong += [
            f"{one['name']} has not the size that {STATEMENT} states"
            for one in subjects
            if one["name"] in found and (folder / one["name"]).stat().st_size != one["annotations"]["size"]
        ]
        self.wrong += wrong
        if not wrong:
            self.proven.append(f"the {len(sums):,} files are those of {SUMS} and {STATEMENT}, and there is no other")

    def _checkpoint(self, path: Path) -> Checkpoint:
        return read_checkpoint(self.name(path), path.read_bytes(), self.keys)

    def _record(self, path: Path) -> Record:
        stem = path.name[: -len(".record.json")]
        checkpoint = self._checkpoint(path.with_name(f"{stem}.checkpoint"))
        return read_record(checkpoint, path.read_bytes(), path.with_name(f"{stem}.record.note").read_bytes(), self.keys)

    def _proof(self, path: Path) -> Proof:
        return read_proof(self.name(path), path.read_bytes(), self.keys)

    def _unread(self) -> None:
        """Name the exports that nothing describes, which are not read."""
        for path in sorted(self.path.rglob("*")):
            is_export = re.search(r"\.(jsonl|csv)(\.gz)?$", path.name)
            if is_export and not path.with_name(f"{path.name}.manifest.json").exists():
                self.open.append(f"{self.name(path)} has no manifest, and was not read")

    def _equivocations(self) -> None:
        roots: dict[tuple[str, int], Checkpoint] = {}
        for one in [*self.checkpoints, *(proof.checkpoint for proof in self.proofs)]:
            other = roots.setdefault((one.origin, one.size), one)
            if one.root != other.root:
                self.wrong.append(f"{one.name} and {other.name} are of one size, and their roots differ")

    def _profile(self, manifest: Mapping[str, Any]) -> Profile:
        """Return the profile of an export: the one that was given, or one that is filed under its name."""
        wanted = manifest.get("profile", {"name": "ski"})
        for one in [self.own_profile] if self.own_profile else sorted(self.path.rglob("*.profile.json")):
            profile = Profile(load(one))
            if profile.name == wanted["name"]:
                self.profiles.add(shown(str(one) if self.own_profile else self.name(one)))
                return profile
        raise UnsupportedError(f"names the profile {wanted['name']}, which is not here as JSON; give it with --profile")

    def _export(self, path: Path) -> None:
        manifest = load(path)
        file = path.with_name(path.name[: -len(".manifest.json")])
        name = self.name(file)
        stated, found = [manifest[key] for key in ("file", "size", "sha256")], [file.name, file.stat().st_size]
        if stated != [*found, sha256_of(file)]:
            self.wrong.append(f"{name} does not have the name, size and SHA-256 that its manifest states")
        if "fields" not in manifest:
            self.open.append(f"{name} is a backup; restore it, and verify the database")
            return
        sizes, numbers = [one.size for one in self.checkpoints], [one.number for one in self.proofs]
        asked = Asked(sizes, numbers, [one.columns for one in self.records if one.columns])
        filed = [sha256_of(one) for one in self.path.rglob("*.profile.yaml")]
        if filed and manifest.get("profile", {}).get("sha256", "") not in ("", *filed):
            self.wrong.append(f"{name} was not made with the profile that is filed, by the SHA-256 in its manifest")
        scan = Scan(name, self._profile(manifest), manifest, asked)
        self._attempt(file, lambda file: scan.read(rows(file, manifest)))
        self.entries += scan.wrong
        self._manifest(scan)
        self._summary(scan)
        if scan.is_whole and scan.is_complete:
            self._roots(scan)
            self._leaves(scan)
        uncovered = sorted({*manifest["fields"]} - scan.covered)
        if uncovered and not scan.is_recorded and not scan.unsupported:
            self.open.append(f"{name}: no entry hash covers {', '.join(uncovered)}")

    def _manifest(self, scan: Scan) -> None:
        column, told = scan.profile.column, scan.manifest
        facts = {"entries": str(scan.count), "head_hash": scan.last.get(column["entry_hash"])}
        for end, row in (("first", scan.first), ("last", scan.last)):
            facts[f"sequence_{end}"] = row.get(column["sequence"])
            moment = row.get(column.get("timestamp", "")) or ""
            facts[f"time_{end}"] = iso(moment) if MOMENT.fullmatch(moment) else None
        for name, found in facts.items():
            if found is not None and str(told[name]) not in (found, ""):
                self.wrong.append(f"{scan.name} has {name} {found}, and its manifest states {told[name]}")

    def _summary(self, scan: Scan) -> None:
        what = f"{scan.name}: {scan.count:,} entries" + ("" if scan.is_whole else ", a part of the ledger")
        if scan.unsupported:
            self.open.append(f"{what}: entry hashes were not recomputed; this file has no code for {scan.unsupported}")
        if not scan.is_whole:
            self.open.append(f"{what}: entries that it lacks were not judged")
        self.open += [f"{scan.name}: the profile accepts {one}" for one in sorted(scan.accepted)]
        if scan.is_complete and scan.count and not scan.wrong:
            hashes = "" if scan.unsupported else " and entry hashes"
            self.proven.append(f"{what}: numbers, times, links{hashes} hold, by the profile {scan.profile.name}")

    def _roots(self, scan: Scan) -> None:
        """Compare the checkpoints and their records with the entries."""
        for one in self.checkpoints:
            if scan.roots.get(one.size) != one.root:
                what = f"the {one.size:,} entries that {one.name} was made of"
                self.entries.append(f"{scan.name} does not have {what}")
            elif one.signers:
                self.anchors.append(one)
            else:
                self.open.append(f"{one.name} matches {scan.name}, but no key that you gave signed it")
        stated = scan.manifest.get("profile", {"name": "ski", "sha256": ""})
        for record in self.records:
            one, root = record.checkpoint, scan.wide_roots.get((record.columns, record.checkpoint.size))
            if record.profile != stated:
                self.wrong.append(f"{scan.name} was not read with the profile that the record of {one.name} names")
            if root is None:
                self.open.append(f"{scan.name} does not show every column that the record of {one.name} covers")
            elif root != record.root:
                self.entries.append(f"{scan.name} differs from the record of {one.name}, in a column of an entry")
            elif record.is_signed:
                scan.is_recorded = True
                self.proven.append(f"{scan.name}: every column is as the signed record of {one.name} says")

    def _leaves(self, scan: Scan) -> None:
        for one in self.proofs:
            leaf, checkpoint = scan.leaves.get(one.number), one.checkpoint
            if leaf is None:
                self.open.append(f"{one.name}: {scan.name} does not have the entry {one.number:,}")
            elif root_of_proof(leaf, one.number - 1, checkpoint.size, one.hashes) != checkpoint.root:
                self.wrong.append(f"{one.name} does not lead from entry {one.number:,} to the root of its checkpoint")
            else:
                self.proven.append(
                    f"{one.name}: entry {one.number:,} is among the {checkpoint.size:,} of its checkpoint"
                )

    def _documents(self, path: Path) -> None:
        """Compare verification.json with the other documents of evidence."""
        told, folder = load(path), path.parent
        wrong = [*_of_statement(told, load(folder / STATEMENT)), *_of_junit(told, folder / "junit.xml")]
        wrong += [
            f"suites/{suite['name']} is not the suite that was run"
            for suite in told["suites"]
            if suite["sha256"] not in map(sha256_of, filter(Path.is_file, folder.glob("suites/**/*")))
        ]
        for one in sorted(folder.glob("artifacts/*.manifest.json")):
            wrong += _of_export(told, load(one), self.name(one))
        report = (folder / "report.html").read_text("utf-8")
        for fact in (told["assurance"], (told["entries"] or {}).get("head_hash", "")):
            if fact not in report:
                wrong.append(f"report.html does not say {fact}")
        sizes = [one.size for one in self.checkpoints]
        if told["anchor"] and sizes and told["anchor"]["entries"] not in sizes:
            wrong.append(f"there is no checkpoint of the {told['anchor']['entries']:,} entries that are anchored")
        self.wrong += [f"{self.name(path)}: {sentence}" for sentence in wrong]
        if not wrong:
            self.proven.append(f"{self.name(path)} agrees with {STATEMENT}, junit.xml, report.html, suites and exports")


def _of_statement(stated: Mapping[str, Any], statement: Mapping[str, Any]) -> Iterator[str]:
    lists = {"passedTests": ("PASS",), "warnedTests": ("WARN", "WAIVED"), "failedTests": ("FAIL", "ERROR")}
    for name, statuses in lists.items():
        found = [f"{one['suite']}::{one['check']}" for one in stated["outcomes"] if one["status"] in statuses]
        if statement["predicate"][name] != found:
            yield f"{STATEMENT} has other {name}"
    if (statement["predicate"]["result"] == "FAILED") is stated["is_valid"]:
        yield f"{STATEMENT} has another result"


def _of_junit(told: Mapping[str, Any], path: Path) -> Iterator[str]:
    suite = ElementTree.parse(path)  # noqa: S314  (a file of the folder; expat limits what entities expand to)
    stated = {one.get("name"): one.get("value") for one in suite.iter("property")}
    entries = told["entries"] or {}
    facts = {"assurance": told["assurance"], "head_hash": entries.get("head_hash"), "entries": entries.get("count")}
    for name, value in facts.items():
        found = stated.get(f"ledger.{name}")
        if value is not None and found not in (None, str(value)):
            yield f"junit.xml states {name} {found}, not {value}"
    failed = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    if {one["check"] for one in told["outcomes"] if one["status"] == "FAIL"} - failed:
        yield "junit.xml lacks a failure"


def _of_export(told: Mapping[str, Any], manifest: Mapping[str, Any], name: str) -> Iterator[str]:
    entries = told["entries"]
    if not entries or manifest.get("filters") or manifest["snapshot"] != told["snapshot"]:
        return
    facts = {**entries, "entries": entries["count"], "assurance": told["assurance"]}
    for fact in ("entries", "sequence_first", "sequence_last", "time_first", "time_last", "head_hash", "assurance"):
        # of a ledger with streams, a verification states neither ends nor a head
        if facts[fact] not in (None, "") and manifest[fact] not in (facts[fact], "", "UNKNOWN"):
            yield f"{name} states {fact} {manifest[fact]}, not {facts[fact]}"


# --- The command ---


def conclusion(folder: Folder) -> tuple[int, str]:
    """Return the exit code, and what all of it amounts to."""
    if folder.wrong:
        return 1, "Files contradict each other: see what is WRONG above. Do not rely on this folder."
    if folder.entries:
        return 1, (
            "Entries do not hold: see what is WRONG above. Do not rely on them until that is explained; audit-ledger "
            "verify knows more forms of hashes than the profile has, and audit-ledger investigate looks for causes."
        )
    if not folder.proven:
        return 3, "Nothing could be verified."
    if not folder.keys:
        return 0, (
            "Nothing contradicts, but nothing from outside vouches for this folder: whoever could write to it could "
            "have made all of it. Give the keys that you trust: --key KEY."
        )
    if not folder.anchors:
        return 0, "Nothing contradicts, but no checkpoint here is signed by a key that you gave and covers an export."
    newest = max(folder.anchors, key=lambda one: one.size)
    names = ", ".join(sorted({key.name for key in newest.signers}))
    return 0, (
        f"The first {newest.size:,} entries are those that {names} signed ({newest.name}), if the ledger's profile is "
        f"{' and '.join(sorted(folder.profiles))}. Nothing contradicts."
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
        for one in sentences[:50]:
            print(mark, shown(one))
        if sentences[50:]:
            print(mark, f"and {len(sentences) - 50:,} more")
    code, sentence = conclusion(folder)
    print(f"\n{shown(sentence)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
