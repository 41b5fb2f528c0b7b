"""Write a verification as OSCAL assessment results, which tools for governance, risk and compliance import.

    check            an observation by the method TEST; its evidence is the outcome in verification.json
    control          a finding about its objective, with the observations of the checks that serve it
    this package     a component of assessment-assets, and the origin of both
    suites           a resource in back-matter, which `import-ap` names as the plan
    files            resources in back-matter with their SHA-256; verification.json is embedded if it is not a file

A finding can only say `satisfied` or `not-satisfied`. A failed check is reason enough for the second. What could not be
evaluated is neither, and a check that passed only supports its control, so the first is said only if it is asked for.

Everything follows from the verification, the identifiers included, so that a second writing gives the same bytes. Only
what the versions 1.1.2 to 1.2.3 have in common is written.

Sources: NIST, OSCAL 1.2.3, assessment results model (schema, metaschema and "Identifier Use"); the datatypes of
Metaschema. The property `assessment-rule-id` is that of OSCAL Compass (compliance-to-policy).
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.stores import AnyPath, is_store, named_from
from pytest_audit_ledger.files.writing import Written, refuse_existing, whole_files
from pytest_audit_ledger.model.defaults import OSCAL_VERSIONS
from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.model.printable import ascii_json, printable
from pytest_audit_ledger.output import verification_json
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.output.markdown import advised, escaped, told
from pytest_audit_ledger.output.tone import others
from pytest_audit_ledger.verify.verification import Verification

NAMESPACE = "https://pypi.org/project/pytest-audit-ledger"
"""The namespace of our properties and identifiers; nothing needs to be there."""

_OSCAL_CONTENT = "https://raw.githubusercontent.com/usnistgov/oscal-content/main"

CATALOGS = {
    "nist-800-53": (
        "NIST SP 800-53 Rev. 5",
        f"{_OSCAL_CONTENT}/nist.gov/SP800-53/rev5/json/NIST_SP-800-53_rev5_catalog.json",
    ),
}
"""The titles and addresses of the catalogs that the shipped suites name."""

OBJECTIVE = "_obj"
"""What follows the id of a control in the id of its assessment objective, as in NIST's catalogs."""

Json = dict[str, Any]


@dataclass(frozen=True)
class OscalRequest:
    """Which version of OSCAL to write, and whether to call controls satisfied."""

    version: str = OSCAL_VERSIONS[0]
    satisfied: bool = False


def oscal_request(version: str | None, *, satisfied: bool) -> OscalRequest:
    """Return what is asked for; None is the newest version. Raises UsageError for an unknown version."""
    if version not in (None, *OSCAL_VERSIONS):
        raise UsageError(f"OSCAL {version} cannot be written.", f"Use one of {', '.join(OSCAL_VERSIONS)}.")
    return OscalRequest(version or OSCAL_VERSIONS[0], satisfied)


def as_text(verification: Verification, request: OscalRequest, files: Sequence[Written] = ()) -> str:
    """Return the assessment results as JSON text; the paths of `files` are relative to where it will be."""
    return ascii_json(_Writer(verification, request, files).document())


@dataclass(frozen=True)
class OscalArtifact(Artifact):
    """The assessment results of a run."""

    path: AnyPath
    request: OscalRequest
    force: bool = False

    def __post_init__(self) -> None:
        refuse_existing(self.path, force=self.force)  # before the run, not after it

    def write(self, verified: ArtifactContext) -> tuple[Written, ...]:
        """Write them, with the files that were written before."""
        return (save(verified.verification, self.path, self.request, verified.written, force=self.force),)


def save(
    verification: Verification, path: AnyPath, request: OscalRequest, files: Sequence[Written] = (), *, force: bool
) -> Written:
    """Write the assessment results of a verification that left these files. Raises UsageError and OutputError."""
    refuse_existing(path, force=force)
    named = [replace(file, path=named_from(path.parent, file.path)) for file in files]
    with whole_files(path, overwrite=force) as (draft,):
        draft.write(f"{as_text(verification, request, named)}\n".encode())
    return draft.written(str(path))


@dataclass
class _Objective:
    """What a finding is about: the objective of a control, with the checks that test it by their places.

    `control` is its id in the document, `names` are those in suites. Without a catalog there is no objective elsewhere,
    so the id itself is the target.
    """

    catalog: str
    control: str
    title: str
    names: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.control}{OBJECTIVE}" if self.catalog else self.control


@dataclass(frozen=True)
class _Writer:
    verification: Verification
    request: OscalRequest
    files: Sequence[Written]

    @cached_property
    def filed(self) -> bytes:
        """The bytes of verification.json."""
        return f"{verification_json.as_text(self.verification)}\n".encode()

    @cached_property
    def digest(self) -> str:
        return sha256(self.filed).hexdigest()

    def uuid(self, *names: object) -> str:
        """Return the identifier of something in this verification."""
        return _uuid(self.digest, *names)

    @cached_property
    def tool(self) -> str:
        """The identifier of this package, the same in every document."""
        return _uuid("tool", self.verification.tool_version)

    @cached_property
    def ledger(self) -> str:
        """The identifier of the ledger, the same in every document about it."""
        return _uuid("ledger", self.verification.database, self.verification.table)

    def document(self) -> Json:
        """Return the document. Its own identifier depends on everything in it, as OSCAL asks."""
        content = {
            "metadata": self.metadata(),
            "import-ap": {"href": f"#{self.uuid('plan')}"},
            "results": [self.result()],
            "back-matter": {"resources": [*self.resources()]},
        }
        return {"assessment-results": {"uuid": _uuid(ascii_json(content)), **content}}

    def metadata(self) -> Json:
        return {
            "title": _words(f"Verification of {self.name}"),
            "last-modified": self.ended,
            "version": self.verification.started_at,
            "oscal-version": self.request.version,
        }

    @property
    def name(self) -> str:
        where = " in ".join(filter(None, (self.verification.table, self.verification.database)))
        return f"the audit ledger {where}" if where else "an audit ledger"

    @property
    def ended(self) -> str:
        started = datetime.fromisoformat(self.verification.started_at)
        return (started + timedelta(seconds=round(self.verification.duration_s, 3))).isoformat()

    def result(self) -> Json:
        verification = self.verification
        facts = verification_json.properties(verification)
        found = {
            "uuid": self.uuid("result"),
            "title": verification.assurance.value,
            "description": _words(f"{verification.sentence} {verification.reading}"),
            "start": verification.started_at,
            "end": self.ended,
            "props": _props({name: value for name, value in facts.items() if name not in _STATED}),
            "local-definitions": self.definitions(),
            "reviewed-controls": {"control-selections": [*self.reviewed()]},
            "observations": [self.observation(*one) for one in enumerate(verification.outcomes)],
            "findings": [*self.findings()],
            "remarks": _words(verification.recommendation),
        }
        return _kept(found)

    def definitions(self) -> Json:
        used = {"uses-components": [{"component-uuid": self.tool}]}
        tool = {
            "uuid": self.tool,
            "type": "software",
            "title": "pytest-audit-ledger",
            "description": "Detects tampering with hash-chained audit ledgers.",
            "props": [{"name": "version", "value": _line(self.verification.tool_version)}],
            "status": {"state": "operational"},
        }
        ledger = {
            "uuid": self.ledger,
            "type": "database",
            "title": _words(self.name),
            "description": "The append-only, hash-chained table of entries that was verified, or an export of it.",
            "status": {"state": "operational"},
        }
        platform = {"uuid": self.uuid("platform"), "title": "The run of the checks", **used}
        assets = {"components": [tool], "assessment-platforms": [platform]}
        return {"components": [ledger], "assessment-assets": assets}

    @property
    def origins(self) -> list[Json]:
        return [{"actors": [{"type": "tool", "actor-uuid": self.tool}]}]

    def reviewed(self) -> Iterator[Json]:
        """Yield the controls that were reviewed, those of each catalog together."""
        by_catalog: dict[str, list[str]] = {}
        for objective in self.objectives:
            statuses = {self.verification.outcomes[place].status for place in objective.places}
            if objective.names and not statuses <= _NOT_REVIEWED:
                by_catalog.setdefault(objective.catalog, []).append(objective.control)
        for catalog, controls in by_catalog.items():
            title = _words(CATALOGS.get(catalog, (catalog,))[0])
            link = {"href": f"#{self.uuid('catalog', catalog)}", "rel": "reference"}
            selection = {
                "description": f"Controls of {title}." if catalog else "Controls that the suites place in no catalog.",
                "props": _props({"catalog": catalog}),
                "links": [link] if catalog in CATALOGS else [],
                "include-controls": [{"control-id": control} for control in controls],
            }
            yield _kept(selection)
        if not by_catalog:
            words = "No check that was evaluated names a control. OSCAL asks for the id of one."
            yield {"description": words, "include-controls": [{"control-id": "none"}]}

    def in_catalog(self, control: str) -> tuple[str, str]:
        """Return the catalog of a control, and its id there; without a catalog, its id in the suite as a token."""
        declared = self.verification.controls.get(control)
        return declared.oscal if declared and declared.oscal else ("", _token(control))

    def observation(self, place: int, outcome: Outcome) -> Json:
        facts: Json = {
            "suite": outcome.suite,
            "kind": outcome.kind,
            "status": outcome.status.value,
            "severity": outcome.severity.value,
            "examined": f"{outcome.element_count} {outcome.unit}",
            "findings": outcome.unexpected_count,
            "owner": outcome.owner,
            "control": outcome.controls,
        }
        rule = {"name": "assessment-rule-id", "value": _line(outcome.check_id)}
        evidence = f"The outcome of this check, number {place + 1:,} of `outcomes`, with its findings."
        found = {
            "uuid": self.uuid("observation", place),
            "title": _words(f"{outcome.status.value}: {outcome.description or outcome.rule}"),
            "description": "\n".join(told(outcome)).rstrip(),
            "props": [rule, *_props(facts)],
            "methods": ["TEST"],
            "types": ["control-objective"],
            "origins": self.origins,
            "subjects": [{"subject-uuid": self.ledger, "type": "component"}],
            "relevant-evidence": [{"href": f"#{self.uuid('verification')}", "description": evidence}],
            "collected": self.verification.started_at,
            "remarks": advised(outcome.remedy) if outcome.codes else "",
        }
        return _kept(found)

    @cached_property
    def objectives(self) -> list[_Objective]:
        """The objectives of all controls. A failed check without a control is one by itself, so that it is not lost.

        Two names of a control that have one id are one objective, so that no two findings about it contradict.
        """
        found: dict[tuple[str, str], _Objective] = {}
        for place, outcome in enumerate(self.verification.outcomes):
            for name in outcome.controls:
                declared = self.verification.controls.get(name)
                where = self.in_catalog(name)
                title = f"{name}: {declared.title}" if declared else name
                objective = found.setdefault(where, _Objective(*where, title))
                objective.names += [] if name in objective.names else [name]
                objective.places += [] if place in objective.places else [place]
            if not outcome.controls and outcome.status is Status.FAIL:
                where = "", _token(outcome.check_id)
                found.setdefault(where, _Objective(*where, outcome.description or outcome.rule)).places.append(place)
        return [*found.values()]

    def findings(self) -> Iterator[Json]:
        for objective in self.objectives:
            outcomes = [self.verification.outcomes[place] for place in objective.places]
            status = self.status({outcome.status for outcome in outcomes})
            if status is None:
                continue
            ended = [outcome.status for outcome in outcomes if outcome.status is not Status.SKIP]
            words = f"{ended.count(Status.PASS):,} of {len(ended):,} {'check' if len(ended) == 1 else 'checks'} passed."
            failed = others((outcome.check_id, outcome.status) for outcome in outcomes)
            finding = {
                "uuid": self.uuid("finding", objective.catalog, objective.control),
                "title": _words(objective.title),
                "description": _words(f"{words} {failed}"),
                "props": _props({"catalog": objective.catalog, "control": objective.names}),
                "origins": self.origins,
                "target": {"type": "objective-id", "target-id": objective.id, "status": status},
                "related-observations": [
                    {"observation-uuid": self.uuid("observation", place)} for place in objective.places
                ],
            }
            yield _kept(finding)

    def status(self, ended: set[Status]) -> Json | None:
        """Return the status of an objective whose checks ended like this, or None if there is nothing to say."""
        if Status.FAIL in ended:
            return {"state": "not-satisfied", "reason": "fail"}
        if self.request.satisfied and self.verification.is_valid and {Status.PASS} <= ended <= _SATISFIED:
            words = "All checks that were run passed. They support the control, and do not cover all of it."
            return {"state": "satisfied", "reason": "pass", "remarks": words}
        return None

    def resources(self) -> Iterator[Json]:
        """Yield what the document refers to: the suites, verification.json, other files, and catalogs."""
        paths = {file.sha256: file.path for file in self.files}
        suites = [(paths.get(suite.sha256, suite.name), suite.sha256) for suite in self.verification.suites]
        plan = {"uuid": self.uuid("plan"), "title": "Suites", "description": "The suites of checks that were run."}
        yield _kept({**plan, "rlinks": [_rlink(*suite) for suite in suites]})
        yield self.evidence(paths.get(self.digest))
        for file in self.files:
            if file.sha256 not in (self.digest, *(digest for _, digest in suites)):
                title = _words(Path(file.path).name)
                yield {"uuid": self.uuid("file", file.path), "title": title, "rlinks": [_rlink(file.path, file.sha256)]}
        for catalog in dict.fromkeys(objective.catalog for objective in self.objectives):
            if catalog in CATALOGS:
                title, address = CATALOGS[catalog]
                yield {"uuid": self.uuid("catalog", catalog), "title": title, "rlinks": [{"href": address}]}

    def evidence(self, path: str | None) -> Json:
        """Return the resource that is verification.json: the file, or else its bytes."""
        found = {
            "uuid": self.uuid("verification"),
            "title": "verification.json",
            "description": f"What every check found. The SHA-256 of the file is {self.digest}.",
        }
        if path is not None:
            return {**found, "rlinks": [_rlink(path, self.digest)]}
        value = b64encode(self.filed).decode()
        return {**found, "base64": {"filename": "verification.json", "media-type": "application/json", "value": value}}


_STATED = {"assurance_meaning", "started_at", "duration_s", "tool_version", "suites", "suite_sha256", "reading"}
"""The facts about a verification for which OSCAL has places of its own."""

_SATISFIED = {Status.PASS, Status.SKIP}
"""How checks may have ended whose control is called satisfied. One that warned, or was waived, found something."""

_NOT_REVIEWED = {Status.SKIP, Status.ERROR}


def _uuid(*names: object) -> str:
    """Return the identifier of these names: version 5 of RFC 9562, which OSCAL takes as it takes version 4."""
    return str(uuid5(uuid5(NAMESPACE_URL, NAMESPACE), "\n".join(map(str, names))))


def _kept(found: Json) -> Json:
    """Return an object without what is empty: OSCAL has no empty arrays and texts."""
    return {name: value for name, value in found.items() if value}


def _words(text: str) -> str:
    """Return a text of one line as markup of OSCAL, which may not be empty."""
    return escaped(text.strip()) or "-"


def _line(value: object) -> str:
    """Return a value as a string of OSCAL: one line that neither begins nor ends with a space, and is not empty."""
    return printable(str(value), 2_000).strip() or "-"


def _token(name: str) -> str:
    """Return a name as a token of OSCAL: letters, digits, `.`, `-` and `_`, the first a letter or `_`."""
    token = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return token if re.match(r"[A-Za-z_]", token) else f"_{token}"


def _props(facts: Mapping[str, Any]) -> list[Json]:
    """Return our properties, without those that have no value; a sequence gives one for each of its values."""
    return [
        {"name": name.replace("_", "-"), "ns": NAMESPACE, "value": _line(one)}
        for name, value in facts.items()
        for one in (value if isinstance(value, (list, tuple)) else [value])
        if one not in ("", None)
    ]


def _rlink(path: str, digest: str) -> Json:
    unquoted = ":/" if is_store(path) else "/"
    return {"href": quote(os.fsencode(path), safe=unquoted), "hashes": [{"algorithm": "SHA-256", "value": digest}]}
