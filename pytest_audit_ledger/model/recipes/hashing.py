"""From payloads to hashes, as a column stores them. No I/O."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes import options
from pytest_audit_ledger.model.recipes.errors import RecipeError
from pytest_audit_ledger.model.recipes.formats import digest_of, encoded

ALGORITHMS = ("sha256", "sha384", "sha512", "sha3-256", "blake2b")
ENCODINGS = ("hex", "HEX", "base64", "bytea")
KEY_FORMS = ("utf8", "hex", "base64")
_HMAC = "hmac-"

HashFunction = Callable[[Sequence["bytes | None"]], "list[str | None]"]


def compile_hashing(hashing: Hashing, read_key: Callable[[str], bytes]) -> HashFunction:
    r"""Return the function from payloads to hashes as the column stores them, None for a payload that is None.

    A bytea is as COPY prints it, `\x` and hex. `read_key` gets where the key of an HMAC is, and returns what is there;
    a line end after it does not count. Raises RecipeError for what is not valid, and whatever `read_key` raises.
    """
    algorithm = options.one_of(hashing.algorithm.removeprefix(_HMAC), ALGORITHMS, ("algorithm",))
    encode = _encoder(options.one_of(hashing.encoding, ENCODINGS, ("encoding",)), hashing.prefix)
    if hashing.algorithm.startswith(_HMAC):
        if not hashing.key:
            raise RecipeError(("key",), f"{hashing.algorithm} needs a key: env:NAME or @FILE")
        form = options.one_of(hashing.key_form, KEY_FORMS, ("key_form",))
        digest = partial(hmac.digest, _key(read_key(hashing.key), form), digest=algorithm.replace("-", "_"))
    elif hashing.key:
        raise RecipeError(("key",), f"{algorithm} takes no key; hmac-{algorithm} does")
    else:
        new = digest_of(algorithm)
        if (hashing.encoding, hashing.prefix) == ("hex", ""):  # like nearly all, and quickest
            return lambda payloads: [None if payload is None else new(payload).hexdigest() for payload in payloads]
        digest = partial(_digest, new)
    return lambda payloads: [None if payload is None else encode(digest(payload)) for payload in payloads]


def _digest(new: Callable[[bytes], Any], payload: bytes) -> bytes:
    digest: bytes = new(payload).digest()
    return digest


def _encoder(encoding: str, prefix: str) -> Callable[[bytes], str]:
    if encoding == "bytea":
        if prefix:
            raise RecipeError(("prefix",), "a bytea holds the hash alone; remove the prefix")
        return lambda digest: f"\\x{digest.hex()}"
    if not prefix:
        return bytes.hex if encoding == "hex" else lambda digest: encoded(digest, encoding)
    return lambda digest: prefix + encoded(digest, encoding)


def _key(text: bytes, form: str) -> bytes:
    line = text.removesuffix(b"\n").removesuffix(b"\r")
    if form == "utf8":
        return line
    try:
        return bytes.fromhex(line.decode()) if form == "hex" else base64.b64decode(line, validate=True)
    except ValueError as error:
        raise RecipeError(("key",), f"the key is not {form}, as key_form says") from error.__cause__
