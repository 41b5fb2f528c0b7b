"""Find the files of evidence that were changed, are missing or were added, by the manifest and SHA256SUMS."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pytest_audit_ledger.evidence.folder import PREDICATE, written
from pytest_audit_ledger.evidence.names import SUMS
from pytest_audit_ledger.files.evidence_folder import ENVELOPE, MANIFEST, SSH_SIGNATURE, STATEMENT
from pytest_audit_ledger.files.reading import is_file, read_bytes
from pytest_audit_ledger.model.printable import printable

LARGEST_LIST = 64 * 1024 * 1024
"""Bytes of a manifest, or of SHA256SUMS: some hundred thousand files."""


def mistakes(folder: Path) -> list[str]:
    """Return what is wrong with a folder of evidence, in sentences: changed, missing and added files.

    Raises OSError if something in it cannot be read.
    """
    found = set(_files(folder))
    sums, malformed = _sums(folder)
    problems = [*malformed, *_manifest_problems(folder, sums)]
    expected = {*sums, MANIFEST, SUMS}
    found -= {SSH_SIGNATURE, ENVELOPE} - expected
    problems += [f"{name} is missing." for name in sorted(expected - found)]
    problems += [f"{name} was added." for name in sorted(found - expected)]
    for name in sorted(expected & found & sums.keys()):
        path = folder / name
        if path.is_symlink() or not is_file(path):
            problems.append(f"{name} is not a regular file.")
        elif written(folder, name).sha256 != sums[name]:
            problems.append(f"{name} was changed.")
    return problems


def _files(folder: Path) -> Iterator[str]:
    """Yield everything in a folder except folders that are not empty; links are not followed."""
    for here, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if Path(here, name).is_symlink()]
        folders[:] = [name for name in folders if name not in links]
        for name in [*files, *links]:
            yield Path(here, name).relative_to(folder).as_posix()
        if not folders and not files and not links and Path(here) != folder:
            yield f"{Path(here).relative_to(folder).as_posix()}/"


def _raise(error: OSError) -> None:
    raise error


def _sums(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the SHA-256 of every file in SHA256SUMS, and its malformed lines as problems."""
    sums: dict[str, str] = {}
    problems = []
    data = read_bytes(folder / SUMS, LARGEST_LIST) if is_file(folder / SUMS) else b""
    for line in data.decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in sums or ".." in PurePosixPath(name).parts or name.startswith("/"):
            problems.append(f"{SUMS} has a malformed line: {printable(line)}.")
        else:
            sums[name] = digest
    return sums, problems


def _manifest_problems(folder: Path, sums: Mapping[str, str]) -> Iterator[str]:
    """Yield how the manifest differs from SHA256SUMS, and from the sizes of the files."""
    if not is_file(folder / MANIFEST):
        return
    try:
        statement = json.loads(read_bytes(folder / MANIFEST, LARGEST_LIST).decode())
        stated = {one["name"]: (one["digest"]["sha256"], one["annotations"]["size"]) for one in statement["subject"]}
        kind = (statement["_type"], statement["predicateType"])
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"{MANIFEST} is not a manifest of evidence."
        return
    if kind != (STATEMENT, PREDICATE):
        yield f"{MANIFEST} is an in-toto Statement of another type."
    listed = {name: digest for name, digest in sums.items() if name != MANIFEST}
    if {name: digest for name, (digest, _) in stated.items()} != listed:
        yield f"{MANIFEST} and {SUMS} do not list the same files."
    for name, (_, size) in stated.items():
        path = folder / name
        if name in listed and path.is_file() and path.stat().st_size != size:
            yield f"{name} does not have the size that {MANIFEST} states."
