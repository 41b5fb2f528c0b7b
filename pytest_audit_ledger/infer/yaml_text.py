"""Data as YAML that people like to read: short values on one line, long ones in blocks. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/.-]*(?: [A-Za-z0-9_/.-]+)*")
_RESERVED = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])


def flow(data: Any) -> str:
    """Return data on one line."""
    if isinstance(data, dict):
        return f"{{{', '.join(f'{_scalar(str(key))}: {flow(value)}' for key, value in data.items())}}}"
    if isinstance(data, list):
        return f"[{', '.join(map(flow, data))}]"
    return _scalar(data)


def _scalar(data: Any) -> str:
    if isinstance(data, str) and _PLAIN.fullmatch(data) and data.lower() not in _RESERVED:
        return data
    return json.dumps(data, ensure_ascii=False)


def block(data: Any, indent: str = "") -> Iterator[str]:
    """Yield the lines of data, with what fits on a line on one."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _entry(f"{indent}{_scalar(str(key))}:", value, indent)
    else:
        yield from (f"{indent}- {flow(item)}" for item in data)


def _entry(start: str, value: Any, indent: str) -> Iterator[str]:
    line = f"{start} {flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, (dict, list)):
        yield line
    else:
        yield start
        yield from block(value, f"{indent}  ")
