"""Waivers as a suite declares them; `judgement.py` applies them to outcomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any

from pytest_audit_ledger.model.outcome import Waiver
from pytest_audit_ledger.suite.mistakes import did_you_mean
from pytest_audit_ledger.suite.yaml_document import YamlDocument


def waivers_of(
    document: YamlDocument, ids: Collection[str] | None, included: Mapping[str, Waiver]
) -> dict[str, Waiver]:
    """Return the waivers of a file and of those it includes, by id of the check; record mistakes in them.

    `ids` are those of all checks; None if not all are known, because a file has mistakes.
    """
    listed = document.data.get("waivers")
    waivers = dict(included)
    seen: dict[str, int] = {}
    for index, declared in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(declared, dict):
            continue
        _claim_id(document, declared, index, seen)
        waiver = _waiver(document, declared, index)
        for check in _waived(document, declared, index, ids):
            if check in waivers:
                message = f"the check {check!r} is already waived by {waivers[check].id}; remove one of them"
                document.mistake(document.place("waivers", index, "check"), message)
            elif waiver is not None:
                waivers[check] = waiver
    return waivers


def _claim_id(document: YamlDocument, declared: Mapping[str, Any], index: int, seen: dict[str, int]) -> None:
    name = declared.get("id")
    if isinstance(name, str):
        place = document.place("waivers", index, "id")
        if name in seen:
            document.mistake(place, f"the id {name!r} is already taken by the waiver in line {seen[name]}; rename one")
        seen.setdefault(name, place[0])


def _waiver(document: YamlDocument, declared: Mapping[str, Any], index: int) -> Waiver | None:
    words = {name: declared.get(name) for name in ("id", "reason", "approved_by", "expires")}
    if not all(isinstance(word, str) for word in words.values()):
        return None
    try:
        expires = datetime.fromisoformat(str(declared["expires"]).replace("Z", "+00:00"))
    except ValueError:
        if not document.mistakes:  # only for what looks like a time; the schema reports the rest
            place = document.place("waivers", index, "expires")
            document.mistake(place, f"'expires' of waiver {declared['id']!r} is not a valid date and time")
        return None
    ticket = str(declared.get("ticket", ""))
    return Waiver(
        id=declared["id"],
        reason=declared["reason"],
        approved_by=declared["approved_by"],
        expires=expires.astimezone(timezone.utc),
        ticket=ticket,
    )


def _waived(document: YamlDocument, declared: Mapping[str, Any], index: int, ids: Collection[str] | None) -> list[str]:
    """Return the ids that a waiver is for: one, or all those of a parametrized check."""
    named = declared.get("check")
    if not isinstance(named, str) or ids is None:
        return []
    found = [check for check in ids if check == named or check.partition("[")[0] == named]
    if not found:
        hint = (
            did_you_mean(named, [*ids, *(check.partition("[")[0] for check in ids)]) or "; name a check of this suite"
        )
        document.mistake(document.place("waivers", index, "check"), f"unknown check {named!r}{hint}")
    return found
