"""The options of a run (checkpoints, keys) as parameters of the kinds that use them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_audit_ledger.checkpoints.keys import verifier_keys as parse_verifier_keys
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.stores import AnyPath
from pytest_audit_ledger.kinds.checkpoint import UNANCHORED_PATTERN, CheckpointMatch
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards
from pytest_audit_ledger.kinds.hash_coverage import HashCoverage
from pytest_audit_ledger.kinds.transcript_keys import read_keys
from pytest_audit_ledger.kinds.transcript_signature import TranscriptSignature
from pytest_audit_ledger.model.named_text import NamedText

RunParameters = Mapping[str, Mapping[str, Any]]
"""Parameters by name of kind."""


def run_parameters(
    *,
    checkpoints: Sequence[str | AnyPath] = (),
    verifier_keys: Sequence[str] = (),
    require_checkpoint: bool = False,
    max_unanchored: str | None = None,
    transcript_keys: Sequence[str | Path] = (),
) -> RunParameters:
    """Return the parameters that options set; all others are left to the suites. Reads the keys.

    Raises UsageError if options contradict each other, or if a key is not valid or cannot be read.
    """
    if checkpoints and not verifier_keys:
        raise UsageError("Checkpoints need the key that signed them.", "Add --ledger-verifier-key=KEY.")
    if max_unanchored is not None and not re.match(UNANCHORED_PATTERN, max_unanchored):
        raise UsageError(
            f"{max_unanchored!r} is neither a number of entries nor a duration.", "Use 1000 or 24h, for example."
        )
    trusted = {
        "folders": [one if isinstance(one, NamedText) else str(one) for one in checkpoints],
        "verifier_keys": [NamedText(str(key), text) for text in verifier_keys for key in parse_verifier_keys([text])],
    }
    limits = {"require": require_checkpoint, "max_unanchored": max_unanchored}
    by_kind: dict[str, dict[str, Any]] = {
        CheckpointMatch.name: {**trusted, **limits},
        CheckpointGuards.name: trusted,
        HashCoverage.name: trusted,
        TranscriptSignature.name: {"keys": read_keys(transcript_keys)},
    }
    set_by_options = {kind: {name: v for name, v in values.items() if v} for kind, values in by_kind.items()}
    return {kind: values for kind, values in set_by_options.items() if values}
