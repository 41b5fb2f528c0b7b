"""Waivers as a suite declares them; what they do to an outcome is the matter of `verification.py`."""

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
    """Return the waivers of a file, and of those it includes, by the id of the check, and record mistakes in them.

    `ids` are those of all checks; None where not all are known, because a file has mistakes.
    """
    declared = document.data.get("waivers")
    waivers = dict(included)
    seen: dict[str, int] = {}
    for index, told in enumerate(declared if isinstance(declared, list) else ()):
        if not isinstance(told, dict):
            continue
        _claim_id(document, told, index, seen)
        waiver = _waiver(document, told, index)
        for check in _waived(document, told, index, ids):
            if check in waivers:
                message = f"the check {check!r} is waived by {waivers[check].id} already"
                document.mistake(document.place("waivers", index, "check"), message)
            elif waiver is not None:
                waivers[check] = waiver
    return waivers


def _claim_id(document: YamlDocument, told: Mapping[str, Any], index: int, seen: dict[str, int]) -> None:
    name = told.get("id")
    if isinstance(name, str):
        place = document.place("waivers", index, "id")
        if name in seen:
            document.mistake(place, f"the id {name!r} is taken by the waiver in line {seen[name]}")
        seen.setdefault(name, place[0])


def _waiver(document: YamlDocument, told: Mapping[str, Any], index: int) -> Waiver | None:
    words = {name: told.get(name) for name in ("id", "reason", "approved_by", "expires")}
    if not all(isinstance(word, str) for word in words.values()):
        return None
    try:
        expires = datetime.fromisoformat(str(told["expires"]).replace("Z", "+00:00"))
    except ValueError:
        if not document.mistakes:  # one that looks like a moment; what does not is the matter of the schema
            place = document.place("waivers", index, "expires")
            document.mistake(place, f"'expires' of waiver {told['id']!r} is no moment of the calendar")
        return None
    ticket = str(told.get("ticket", ""))
    return Waiver(
        id=told["id"],
        reason=told["reason"],
        approved_by=told["approved_by"],
        expires=expires.astimezone(timezone.utc),
        ticket=ticket,
    )


def _waived(document: YamlDocument, told: Mapping[str, Any], index: int, ids: Collection[str] | None) -> list[str]:
    """Return the checks that a waiver is for: one, or all of a parametrized one."""
    named = told.get("check")
    if not isinstance(named, str) or ids is None:
        return []
    found = [check for check in ids if check == named or check.partition("[")[0] == named]
    if not found:
        hint = did_you_mean(named, [*ids, *(check.partition("[")[0] for check in ids)])
        document.mistake(document.place("waivers", index, "check"), f"unknown check {named!r}{hint}")
    return found
