"""The parts of an export file that several processes can read, each by itself: they have every record once.

JSON Lines have a line end after each record, and nowhere else. CSV has line ends within quotes, too, and doubles the
quotes there, so a line end after an even number of quotes ends a record; an export always writes it so. What gzip
compressed can be read from the start of a member only, and the manifest of an export says where each begins.

However a file is cut, every byte of it is in one part, and a record that is cut in two can be read in neither.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Any, BinaryIO

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.reading import COPIED_AT_ONCE, open_regular
from pytest_audit_ledger.files.stores import AnyPath
from pytest_audit_ledger.model.defaults import EXPORT_PART_BYTES
from pytest_audit_ledger.model.segment import FilePart

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes that may follow in search of the end of a record; what is longer is no record either."""

MOST_PARTS = 1_000
"""Parts that a manifest can ask for. Each is a task, and many would take hours, so they are joined."""

Cut = tuple[Iterator[bytes], int]
"""The bytes of a part, and the number of its first line."""


@dataclass(frozen=True)
class Measured:
    """The SHA-256 and the size of a file, and its parts if it can be cut."""

    sha256: str
    size: int
    parts: tuple[FilePart, ...] = ()


def measured(path: AnyPath, format_: str | None, manifest: Mapping[str, Any] | None) -> Measured:
    """Read a file once, to hash it and to find its parts. Raises SourceError."""
    whole, parts, start = sha256(), [], 0
    is_compressed = path.suffix.lower() == ".gz"
    starts = _stated_starts(manifest) if is_compressed else ()
    can_be_cut = bool(starts) if is_compressed else format_ == "jsonl" or (format_ == "csv" and manifest is not None)
    try:
        with open_regular(path) as file:
            cuts = _at_ends_of_records(file, is_csv=format_ == "csv") if can_be_cut else iter([(_blocks(file), 1)])
            for blocks, line in _at_starts(file, starts) if starts else cuts:
                digest, size = sha256(), 0
                for block in blocks:
                    whole.update(block)
                    digest.update(block)
                    size += len(block)
                if size:
                    parts.append(FilePart(start, start + size, digest.hexdigest(), line))
                start += size
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    # what a manifest states of another file counts for nothing
    is_other = manifest is not None and manifest["sha256"] != whole.hexdigest()
    cut = (*(replace(part, has_next=True) for part in parts[:-1]), *parts[-1:]) if can_be_cut and not is_other else ()
    return Measured(whole.hexdigest(), start, cut)


def _blocks(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """Yield the next bytes of a file, up to its end or so many."""
    while block := file.read(COPIED_AT_ONCE if size is None else min(size, COPIED_AT_ONCE)):
        yield block
        size = None if size is None else size - len(block)


def _stated_starts(manifest: Mapping[str, Any] | None) -> tuple[tuple[int, int], ...]:
    """Return where the members of a compressed file begin, with their lines; none if that cannot be."""
    parts = (manifest or {}).get("parts", ())
    stated = tuple((int(part["start"]), int(part["line"])) for part in parts)  # 1.0 is an integer of JSON Schema, too
    starts = [start for start, _ in stated]
    can_be = starts[:1] == [0] and all(one < later for one, later in pairwise(starts))
    return stated[:: -(-len(stated) // MOST_PARTS)] if can_be else ()


def _at_starts(file: BinaryIO, stated: tuple[tuple[int, int], ...]) -> Iterator[Cut]:
    for (start, line), end in zip(stated, [*(one for one, _ in stated[1:]), None], strict=True):
        yield _blocks(file, None if end is None else end - start), line


def _at_ends_of_records(file: BinaryIO, *, is_csv: bool) -> Iterator[Cut]:
    line = 1
    while data := file.read(EXPORT_PART_BYTES):
        rest = [file.readline(LONGEST_LINE)]
        is_within = is_csv and (data.count(b'"') + rest[0].count(b'"')) % 2 == 1
        left = LONGEST_LINE
        while is_within and left > 0 and (more := file.readline(left)):
            rest.append(more)
            left -= len(more)
            is_within = more.count(b'"') % 2 == 0
        yield iter([data, *rest]), line
        line += sum(block.count(b"\n") for block in (data, *rest))


def open_part(path: AnyPath, part: FilePart) -> BinaryIO:
    """Open a part of a file. Reading it to its end raises SourceError if it is not the part that was measured."""
    file = open_regular(path)
    file.seek(part.start)
    return io.BufferedReader(_Part(file, path, part))


class _Part(io.RawIOBase):
    """A part of an open file."""

    def __init__(self, file: BinaryIO, path: AnyPath, part: FilePart) -> None:
        self._file, self._path, self._part = file, path, part
        self._left = part.end - part.start
        self._digest = sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(self._left, len(buffer)))
        buffer[: len(data)] = data
        self._left -= len(data)
        self._digest.update(data)
        if not data and self._digest.hexdigest() != self._part.sha256:
            raise SourceError(
                f"{self._path} is not the file here that this run began to read.",
                "Let nobody write to it meanwhile, and every worker read the very same file; then run again.",
            )
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
