"""What the tools for profiles find, in words: how a hash is made, and how a profile fits a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.verify.explanation import Explanation, HashedColumn
from pytest_audit_ledger.verify.profile_trial import FIRST, ProfileTrial

_LINE = 16
"""Bytes in a line of hexadecimal."""

MOST_NAMED = 20
"""Entries named one by one."""

_PROGRAMS = {"sha256": "sha256sum", "sha384": "sha384sum", "sha512": "sha512sum", "blake2b": "b2sum"}
_READABLE = range(0x20, 0x7F)


def explained(explanation: Explanation) -> Iterator[str]:
    """Yield the lines of an explanation."""
    stream = f" of the stream {printable(explanation.stream)}" if explanation.stream else ""
    version = f", {printable(explanation.version)}" if explanation.version else ""
    yield f"Entry {explanation.number:,}{stream} in {explanation.table}, profile {explanation.profile}{version}"
    for hashed in explanation.hashes:
        yield ""
        yield from _hashed(hashed)
    yield ""
    if explanation.uncovered is None:
        yield "Which columns the hash covers depends on the SQL of the profile."
    else:
        yield f"Under no hash: {', '.join(map(printable, explanation.uncovered)) or 'no column'}"


def _hashed(hashed: HashedColumn) -> Iterator[str]:
    yield f"{printable(hashed.column)} is made of"
    width = max(map(len, hashed.inputs), default=0)
    for name, value in hashed.inputs.items():
        yield f"  {printable(name):<{width}}  {'NULL' if value is None else printable(value, 1000)}"
    if not hashed.inputs:
        yield "  what the server builds by the SQL of the profile"
    if hashed.payload is None:
        yield "There is no payload: one of these values has no form that the recipe can write."
        return
    yield f"payload, {len(hashed.payload):,} bytes"
    yield from (f"  {line}" for line in hex_lines(hashed.payload))
    yield f"hash: {_described(hashed.hashing)}"
    yield f"  recomputed  {printable(hashed.recomputed or '', 1000)}"
    same = "the same" if hashed.stored == hashed.recomputed else "not the same"
    yield f"  stored      {'NULL' if hashed.stored is None else printable(hashed.stored, 1000)}, {same}"
    yield "Check it with"
    yield f"  {shell_command(hashed.payload, hashed.hashing)}"


def _described(hashing: Hashing) -> str:
    prefix = f" after {hashing.prefix!r}" if hashing.prefix else ""
    key = f", with the key of {hashing.key}" if hashing.key else ""
    return f"{hashing.algorithm} in {hashing.encoding}{prefix}{key}"


def hex_lines(payload: bytes) -> Iterator[str]:
    """Yield bytes in hexadecimal and as text, with the place of the first one in each line, as `hexdump -C` does."""
    for at in range(0, len(payload), _LINE):
        part = payload[at : at + _LINE]
        text = "".join(chr(byte) if byte in _READABLE else "." for byte in part)
        yield f"{at:08x}  {part.hex(' '):<{3 * _LINE - 1}}  |{text}|"


def shell_command(payload: bytes, hashing: Hashing) -> str:
    """Return the command that hashes the payload in any POSIX shell; it never has the key of an HMAC in it."""
    text = payload.decode(errors="replace")
    if text.replace("\n", "").isprintable() and text.encode() == payload:
        quoted = text.replace("'", "'\\''")
        printed = f"printf %s '{quoted}'"
    else:
        printed = "printf '{}'".format("".join(f"\\{byte:03o}" for byte in payload))
    algorithm = hashing.algorithm.removeprefix("hmac-")
    program = _PROGRAMS.get(algorithm) or f"openssl dgst -{algorithm}"
    if hashing.key:
        program = f"openssl dgst -{algorithm.replace('blake2b', 'blake2b512')} -mac HMAC -macopt hexkey:KEY_IN_HEX"
    return f"{printed} | {program}"


def tried(trial: ProfileTrial) -> Iterator[str]:
    """Yield the lines of a trial."""
    if not trial.examined:
        yield f"{trial.table} has no entry that the profile {trial.profile} covers."
        return
    first = f"the first {FIRST:,}" if trial.examined >= FIRST else f"{trial.examined:,}"
    yield f"{trial.matching:,} of {first} entries of {trial.table} match the profile {trial.profile}."
    if trial.mismatches:
        yield f"{len(trial.mismatches):,} do not match: {_named(trial)}"
    for column, count in trial.lines.items():
        if count:
            yield f"The line {printable(column)} does not match in {count:,} entries."
    if trial.starts is not None:
        yield f"Entries before {trial.starts:,} have no hash. Write: starts: {{at: {trial.starts}}}"
    yield from _remedies(trial)


def _named(trial: ProfileTrial) -> str:
    names = [f"{printable(stream)} {number}".strip() for stream, number in trial.mismatches[:MOST_NAMED]]
    return f"{', '.join(names)}{', …' if len(trial.mismatches) > MOST_NAMED else ''}"


def _remedies(trial: ProfileTrial) -> Iterator[str]:
    if not trial.remedies:
        if trial.mismatches and trial.starts is None:
            yield "No other format of a single column makes any of them match."
        return
    yield "With one of these items in the recipe, entries match that do not now:"
    for remedy in trial.remedies:
        version = f" in version {printable(remedy.version)}" if remedy.version else ""
        yield f"  {flow(remedy.item)}  matches {remedy.matching:,} of {remedy.tried:,} tried{version}"


def flow(data: Any) -> str:
    """Return data as YAML in one line."""
    text = yaml.safe_dump(data, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
    return str(text).removesuffix("\n...\n").strip()
