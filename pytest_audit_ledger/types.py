"""The other types in public signatures, for annotations: parts of results, and parameters.

The results themselves are in `pytest_audit_ledger`. Every type that a public signature or a field of a result names can
be imported from there, from here, or from the module of its audience; a test holds this.
"""

from pytest_audit_ledger.backup.encryption import Key
from pytest_audit_ledger.backup.proof import BackupProof, Method
from pytest_audit_ledger.checkpoints.merkle import CompactRange
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey, VerifierKey
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.checkpoints.record import CheckpointRecord
from pytest_audit_ledger.checkpoints.store import Trusted
from pytest_audit_ledger.drill.matrix import AttackResult, Noticed, Touched, Trial
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.investigate.hypotheses import Cause
from pytest_audit_ledger.investigate.incident import Advice, Certainty, Command, IncidentType
from pytest_audit_ledger.investigate.inspection import EntryInspection
from pytest_audit_ledger.investigate.other_copy import OtherCopy
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Restored, Stopped, Unexplained, Witness
from pytest_audit_ledger.investigate.rewritings import Rewriting
from pytest_audit_ledger.investigate.stored_entries import StoredEntry
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.difference import ChangedEntry, SequenceRanges, Side
from pytest_audit_ledger.model.forms import Form
from pytest_audit_ledger.model.hasher import Hasher
from pytest_audit_ledger.model.jsonb import Derived, JsonDocument
from pytest_audit_ledger.model.ledger_info import ExportInfo, Extent, Resumed, ResumePoint, Share, Standby
from pytest_audit_ledger.model.outcome import Anchor, Family, Waiver
from pytest_audit_ledger.model.profile import Accepted, Genesis, Hashing, Profile, Version
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.model.recipes.variants import Layout
from pytest_audit_ledger.model.schema import Constraint, Schema
from pytest_audit_ledger.model.segment import FilePart, Segment
from pytest_audit_ledger.model.times import Epoch, Lost, Time
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite.check import Control, SuiteSource
from pytest_audit_ledger.verify.parameters import Verifying
from pytest_audit_ledger.verify.verification import Survey

__all__ = [
    "Accepted",
    "Advice",
    "Anchor",
    "AttackResult",
    "BackupProof",
    "Cause",
    "Certainty",
    "ChangedEntry",
    "Checkpoint",
    "CheckpointRecord",
    "Column",
    "Command",
    "CompactRange",
    "Constraint",
    "Control",
    "Derived",
    "EntryInspection",
    "Epoch",
    "ExportInfo",
    "Extent",
    "Family",
    "FilePart",
    "Form",
    "Genesis",
    "Hasher",
    "Hashing",
    "IncidentType",
    "JsonDocument",
    "Key",
    "Layout",
    "Lost",
    "Method",
    "Noticed",
    "OtherCopy",
    "Pieces",
    "Profile",
    "Progress",
    "Reconstruction",
    "Restored",
    "ResumePoint",
    "Resumed",
    "Rewriting",
    "Schema",
    "Segment",
    "Selection",
    "SequenceRanges",
    "Share",
    "Side",
    "SigningKey",
    "Snapshot",
    "Source",
    "Standby",
    "Stopped",
    "StoredEntry",
    "SuiteSource",
    "Survey",
    "Time",
    "Touched",
    "Trial",
    "Trusted",
    "Unexplained",
    "VerifierKey",
    "Verifying",
    "Version",
    "Waiver",
    "Witness",
    "Written",
]
