r"""A profile in flat normal form: nothing is short or left out, for programs that do not know the language. No I/O.

    {"column": "memo", "lead": "\"memo\":", "when": [], "steps": [["quoted", true, {}]], "null": "null"}

An item has one source: a `column`, the `previous` hash, a `text`, or `items` between `open` and `close`. `lead` is
written before it. It is left out unless every condition in `when` holds. `steps` write its value, one after the other;
`null` is written for NULL, which leaves the item out if it is null, too. `prefix` writes lengths before items. A hash
is an item, too, whose steps end with `digest` and `encoded`. A recipe that only the server or other code can make has
its name alone: `{"sql": ...}`. hashing.md specifies all of this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pytest_audit_ledger.model.profile import HASH, ORDER, PREVIOUS, SEQUENCE, TIMESTAMP, VERDICT, Profile, Version
from pytest_audit_ledger.model.recipes import compile_recipe

_VERSION = 1
_WIDTH = 120
_ROLES = (SEQUENCE, ORDER, TIMESTAMP, PREVIOUS, HASH, VERDICT)


def flat_profile(profile: Profile, types: Mapping[str, str]) -> str:
    """Return a profile as JSON, for a table whose columns have these types. Raises RecipeError if they do not fit."""
    return f"{_laid_out(_data(profile, types))}\n"


def _laid_out(value: Any, indent: str = "") -> str:
    """Return JSON with as much on a line as fits, so that an item of a payload is a line that people read."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) < _WIDTH or not isinstance(value, (dict, list)):
        return line
    inner, is_dict = f"{indent} ", isinstance(value, dict)
    leads = [f"{json.dumps(key, ensure_ascii=False)}: " for key in value] if is_dict else [""] * len(value)
    members = value.values() if isinstance(value, dict) else value
    parts = [f"{inner}{lead}{_laid_out(member, inner)}" for lead, member in zip(leads, members, strict=True)]
    return f"{'{' if is_dict else '['}\n" + ",\n".join(parts) + f"\n{indent}{'}' if is_dict else ']'}"


def _data(profile: Profile, types: Mapping[str, str]) -> Mapping[str, Any]:
    versions = profile.versions or {"default": profile.version or Version(payload={})}
    return {
        "flat_version": _VERSION,
        "name": profile.name,
        "sha256": profile.digest,
        "types": dict(types),
        "columns": {role: profile.columns[role] for role in _ROLES if profile.has(role)},
        "streams": list(profile.streams),
        "first": profile.first,
        "gaps": profile.gaps,
        "starts_at": profile.starts_at,
        "genesis": asdict(profile.genesis),
        "accepted": [{**asdict(one), "until": one.until and str(one.until)} for one in profile.accepted],
        "version_column": profile.version_column or None,
        "hashes": {
            **{column: {"default": _flat(version, types)} for column, version in profile.lines.items()},
            profile.column(HASH): {value or "null": _flat(version, types) for value, version in versions.items()},
        },
    }


def _flat(version: Version, types: Mapping[str, str]) -> Mapping[str, Any]:
    """Return how a hash is made as an item: of the payload, which is digested, and written as the column stores it."""
    hashing = version.hashing
    payload = compile_recipe(version.payload, types, hashing).flat
    if "steps" not in payload:  # only the server or other code can make it
        return payload
    is_bytea, is_keyed = hashing.encoding == "bytea", hashing.algorithm.startswith("hmac-")
    digest = [hashing.algorithm] if is_keyed else ["digest", hashing.algorithm]
    return {
        "lead": r"\x" if is_bytea else hashing.prefix,
        "when": [],
        "open": "",
        "prefix": None,
        "between": "",
        "close": "",
        "items": [payload],
        "steps": [digest, ["encoded", "hex" if is_bytea else hashing.encoding]],
    }
