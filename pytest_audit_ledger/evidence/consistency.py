"""Whether the files of evidence say the same: the documents of each other, and of the entries that are filed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_audit_ledger.export.verifier import PROFILE_SUFFIX
from pytest_audit_ledger.files.reading import read_text
from pytest_audit_ledger.standalone.verify import VERIFICATION, Folder, load
from pytest_audit_ledger.suite.profile_file import SUFFIX
from pytest_audit_ledger.suite.profile_json import text_as_json

_OF_ENTRIES = ("chain_linkage", "entry_hash", "sequence_continuity", "timestamp_order", "checkpoint")
"""The kinds that judge what the verifier judges, too."""


def contradictions(folder: Path) -> Iterator[str]:
    """Yield what contradicts in a folder of evidence, in sentences.

    The verifier that is filed with the folder compares the files. Entries that do not hold contradict only a
    verification that says that they do. Raises OSError if something cannot be read.
    """
    compared = Folder(folder, (), None)
    compared.compare()
    yield from (f"{sentence}." for sentence in compared.wrong)
    if _found_nothing(load(folder / VERIFICATION)):
        yield from (f"{sentence}." for sentence in compared.entries)
    yield from _of_profiles(folder)


def _found_nothing(told: Any) -> bool:
    """Return whether a verification has no finding about entries, not even of hashes in a form that only we know."""
    return bool(told["is_valid"]) and not any(one["codes"] for one in told["outcomes"] if one["kind"] in _OF_ENTRIES)


def _of_profiles(folder: Path) -> Iterator[str]:
    filed = {text_as_json(read_text(path)) for path in folder.rglob(f"*{SUFFIX}")}
    for path in sorted(folder.rglob(f"*{PROFILE_SUFFIX}")) if filed else ():
        if read_text(path) not in filed:
            yield f"{path.relative_to(folder)} does not say what the profile says that is filed as YAML."


def summary(folder: Path) -> Iterator[str]:
    """Yield what the filed verification found, in lines."""
    told: Any = load(folder / VERIFICATION)
    yield f"Assurance  {told['assurance']}: {told['assurance_meaning']}"
    if told["entries"]:
        yield f"Entries    {told['entries']['count']:,}, the last with the hash {told['entries']['head_hash']}"
