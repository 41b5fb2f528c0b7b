"""The parameters of a verification, for the functions that hand them on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict


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
