"""The parameters of a verification, for the functions that hand them on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict


class SettingUp(TypedDict, total=False):
    """What a ledger is verified with; `Ledger.verify_integrity` describes each."""

    suites: Sequence[str | Path]
    check_timestamps: bool
    checkpoints: Sequence[str | Path]
    verifier_keys: Sequence[str]
    require_checkpoint: bool
    max_unanchored: str | None
    allow_integrity_waivers: bool
    transcript_keys: Sequence[str | Path]


class Verifying(SettingUp, total=False):
    """What a ledger is verified with, and how; `Ledger.verify_integrity` describes each."""

    workers: int | None
    samples: int
    allow_empty: bool
    standby_tolerance: str


_PEM = re.compile(r"-----BEGIN .*?-----END [^-]*-----", re.DOTALL)


def trust_options(run_parameters: Mapping[str, Mapping[str, Any]], *, portable: bool = False) -> list[str]:
    """Return the options of the command that name again the checkpoints and keys of a run (see `run_parameters`).

    Keys are named as they were given; if `portable`, for somebody who does not have their files, by their texts.
    """
    given = {name: value for values in run_parameters.values() for name, value in values.items()}
    named = {
        "--checkpoint": given.get("folders", ()),
        "--verifier-key": given.get("verifier_keys", ()),
        "--transcript-key": given.get("keys", ()),
    }
    options = [
        part
        for option, values in named.items()
        for value in dict.fromkeys(_in_one_line(one) if portable else getattr(one, "given", one) for one in values)
        for part in (option, value)
    ]
    options += ["--require-checkpoint"] if given.get("require") else []
    return options + (["--max-unanchored", given["max_unanchored"]] if given.get("max_unanchored") else [])


def _in_one_line(text: str) -> str:
    """Return a key in PEM without what surrounds it and without line breaks, and any other text as it is."""
    found = _PEM.search(text)
    return "".join(found[0].splitlines()) if found else str(text)
