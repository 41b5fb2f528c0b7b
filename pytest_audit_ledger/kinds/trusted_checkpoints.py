"""The parameters that name checkpoints and keys, and the base class of the kinds that compare with checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.checkpoints.keys import verifier_keys
from pytest_audit_ledger.checkpoints.record import CheckpointRecord
from pytest_audit_ledger.checkpoints.store import Store, read_store
from pytest_audit_ledger.errors import CannotEvaluate, NotApplicable, UsageError
from pytest_audit_ledger.files.stores import path_of
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import ORDER, Profile

UNLIMITED = "none"

_TEXTS: Mapping[str, Any] = {"type": "array", "items": {"type": "string", "minLength": 1}, "default": []}


class ComparesCheckpoints(Kind):
    """Take the folders of checkpoints and the keys that are trusted, in a suite relative to it."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "folders": {
            **_TEXTS,
            "description": "Folders of checkpoints outside the database, or s3://BUCKET/PREFIX; relative to the suite.",
        },
        "verifier_keys": {
            **_TEXTS,
            "description": "The trusted keys: what keygen printed, or files with it, in a suite relative to its file.",
        },
    }

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
        """Return the parameters with folders relative to the suite resolved, and keys read. Raises UsageError."""
        folders = [str(path_of(name, folder)) for name in parameters.get("folders", ())]
        keys = [str(key) for key in verifier_keys(parameters.get("verifier_keys", ()), folder)]
        return {**parameters, **({"folders": folders} if folders else {}), **({"verifier_keys": keys} if keys else {})}


def opened_store(parameters: Mapping[str, Any], *, newest_record: bool = False) -> Store:
    """Return the checkpoints in the folders that the parameters name, with all records or only the newest.

    Raises NotApplicable if no folder is named, UsageError if no key is named or a folder cannot be read, CannotEvaluate
    if the checkpoints are of several ledgers.
    """
    folders: Sequence[str] = parameters["folders"]
    if not folders and (parameters.get("require") or parameters.get("max_unanchored", UNLIMITED) != UNLIMITED):
        raise UsageError(
            "Checkpoints are required, but no folder of checkpoints is named.", "Add --ledger-checkpoint=DIR."
        )
    if not folders:
        raise NotApplicable(
            "No checkpoint was given to check the ledger against.",
            "Name the folder of checkpoints with --ledger-checkpoint=DIR. To create the first one, run "
            "`audit-ledger checkpoint create`.",
        )
    keys = verifier_keys(parameters["verifier_keys"])
    if not keys:
        raise UsageError("Checkpoints need the key that signed them.", "Add --ledger-verifier-key=KEY.")
    store = read_store(folders, keys, newest_record=newest_record)
    if len(store.origins) > 1:
        raise CannotEvaluate(
            f"The checkpoints are of several ledgers: {', '.join(store.origins)}.",
            "Trust only the key of this ledger, and keep the checkpoints of each ledger in a folder of its own.",
        )
    return store


def refuse_another_profile(store: Store, profile: Profile) -> None:
    """Raise CannotEvaluate if a checkpoint's record is of a ledger with another profile."""
    for path, record in [one for one in store.recorded if one[1].profile != profile.name][-1:]:
        raise CannotEvaluate(
            f"The checkpoint {path} was made with the profile {record.profile}, but the ledger is read with the "
            f"profile {profile.name}.",
            "Name the right profile with --ledger-profile, or the checkpoints of this ledger.",
        )
    order = profile.columns.get(ORDER, "") if profile.streams else ""
    for path, record in [one for one in store.recorded if one[1].order_column != order][-1:]:
        raise CannotEvaluate(
            f"{path} has the entries in the order of {record.order_column or 'their numbers'}, and the profile "
            f"{profile.name} now has them in the order of {order or 'their numbers'}.",
            "Use the profile with which the checkpoint was made, or move the checkpoints away and begin again.",
        )


def newest_record(parameters: Mapping[str, Any], profile: Profile | None = None) -> tuple[str, CheckpointRecord] | None:
    """Return path and record of the newest trusted checkpoint that has one, or None.

    Raises like `opened_store`, and CannotEvaluate for one of a ledger with another profile than this.
    """
    store = opened_store(parameters, newest_record=True)
    if profile is not None:
        refuse_another_profile(store, profile)
    return store.recorded[-1] if store.recorded else None


def shows(ledger: LedgerInfo, columns: Mapping[str, str]) -> bool:
    """Return whether all columns of a record (name: type) can be compared; exports write documents differently."""
    documents = ledger.export is not None and {"json", "jsonb"} & set(columns.values())
    return columns.keys() <= ledger.columns.keys() and not documents
