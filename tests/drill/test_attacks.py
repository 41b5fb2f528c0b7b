"""The catalogue of attacks: each is noticed by exactly what it claims, by nothing else, and changes nothing else."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pluggy
import pytest
from psycopg2.extensions import parse_dsn

from pytest_audit_ledger import Ledger, hookspecs
from pytest_audit_ledger.attacks import Prevented
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.drill.attacks import catalog_edits, checkpoints, disguises, provenance, triggers
from pytest_audit_ledger.drill.attacks import protections as guards
from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Claim, Target, attack
from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE, attacks_in, registered_attacks
from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.investigate.incident import Incident, IncidentType
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.kinds.transcript_signature import RUNTIME_TRACK
from pytest_audit_ledger.model.entry import Entry
from pytest_audit_ledger.model.outcome import Assurance, Severity, Status
from pytest_audit_ledger.repair.plan import plan_repair
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.scratch.superuser import Superuser
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import REGISTRY, found, outcomes, run_check, run_suite
from tests.support.databases import empty_database, login, needs_version, role
from tests.support.provenance import SIGNED
from tests.support.rows import chained
from tests.support.signers import PEM
from tests.threat_model import HEADINGS

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
TABLE = '"Bank"."ledger of ""97"""'
OLDER, MIDDLE = 16, 20
SAMPLE = list(sample_entries(40))


@dataclass
class Range:
    """A signed ledger of schema v3 in a database of a role that is no superuser, and its checkpoints.

    Every attack gets a copy of the database: the table in it is the same one to a checkpoint's record, and what a
    superuser does to its catalog cannot be undone. The checkpoints are of some of the entries, and of all.
    """

    superuser: str
    owner: str
    role: str
    checkpoints: Path


def _build(owner: str) -> None:
    """Make the table, under a name that has to be quoted."""
    with ScratchLedger(owner) as made:
        made.run('CREATE SCHEMA "Bank"')
        made.build(0, schema="3")
        made.run('ALTER TABLE public.ledger_entries SET SCHEMA "Bank"')
        made.run(f'ALTER TABLE "Bank".ledger_entries RENAME TO {TABLE.partition(".")[2]}')


def _entries() -> list[Entry]:
    """Return entries of the runtime's track, and every tenth of another."""
    return list(chained(replace(e, track=e.track if e.sequence_number % 10 == 1 else RUNTIME_TRACK) for e in SAMPLE))


@pytest.fixture(scope="module")
def shooting_range(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Range]:
    folder = tmp_path_factory.mktemp("checkpoints")
    with ExitStack() as stack:
        administrator = stack.enter_context(Forger(server))
        name = stack.enter_context(role(administrator, "bank"))
        superuser = stack.enter_context(empty_database(server, f"OWNER {name}"))
        with Forger(superuser) as above:
            above.run(f"ALTER SCHEMA public OWNER TO {name}")  # which it is without that from PostgreSQL 15 on
        owner = login(superuser, name)
        _build(owner)
        with ScratchLedger(owner, TABLE) as ledger:
            for part in (_entries()[:OLDER], _entries()[OLDER:]):
                ledger.append(part, SIGNED)
                assert Ledger(owner, table=TABLE).create_checkpoint(folder, KEY).path
            ledger.run("SELECT pg_catalog.setval('\"Bank\".ledger_entries_id_seq', 1000)")
        yield Range(superuser, owner, name, folder)


@pytest.fixture
def target(server: str, shooting_range: Range, tmp_path: Path) -> Iterator[Target]:
    """The ledger as it was signed, with a copy of its checkpoints."""
    folder = shutil.copytree(shooting_range.checkpoints, tmp_path / "checkpoints")
    model = parse_dsn(shooting_range.superuser)["dbname"]
    with (
        empty_database(server, f"OWNER {shooting_range.role} TEMPLATE {model}") as superuser,
        ScratchLedger(login(superuser, shooting_range.role), TABLE) as ledger,
    ):
        yield Target(ledger, MIDDLE, folder, Superuser(Dsn(superuser)))


def trusted(target: Target) -> dict[str, Any]:
    """Return all that a set-up can have: checkpoints, what is asked of them, and the key of transcripts."""
    keys = {"verifier_keys": [str(KEY.verifier())], "transcript_keys": [PEM]}
    return {"checkpoints": [target.checkpoints], **keys, "require_checkpoint": True, "max_unanchored": "10"}


def verified(target: Target, **others: Any) -> Verification:
    """Verify with all that a set-up can have."""
    return run_suite(
        target.ledger.database.reveal(), table=TABLE, run_parameters=run_parameters(**{**trusted(target), **others})
    )


def investigated(target: Target) -> Investigation:
    """Investigate with all that a set-up can have."""
    return Ledger(target.ledger.database.reveal(), table=TABLE).investigate(
        limit_seconds=0, workers=1, **trusted(target)
    )


def noticing(verification: Verification) -> set[str]:
    """Return the kinds that found something."""
    return {
        outcome.kind
        for outcome in verification.outcomes
        if any(finding.severity is not Severity.INFO for finding in outcome.findings)
    }


def unevaluated(verification: Verification) -> set[str]:
    return {outcome.kind for outcome in verification.with_status(Status.ERROR)}


def surroundings(ledger: ScratchLedger) -> tuple[object, ...]:
    """Return what is around the entries: guards, settings, schemas, functions, and which indexes are in use."""
    return (
        ledger.rows(sql("guards.sql")),
        ledger.run("SELECT setdatabase, setrole, setconfig FROM pg_catalog.pg_db_role_setting ORDER BY 1, 2"),
        ledger.run("SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1"),
        ledger.run("SELECT relname FROM pg_catalog.pg_class WHERE oid >= 16384 AND relkind <> 't' ORDER BY 1"),
        ledger.run("SELECT proname FROM pg_catalog.pg_proc WHERE oid >= 16384 ORDER BY 1"),
        ledger.rows("SELECT indexrelid, indisready, indisvalid FROM pg_catalog.pg_index WHERE indrelid = %(table)s"),
    )


def test_the_ledger_that_is_attacked_is_clean(target: Target) -> None:
    verification = verified(target)
    assert verification.assurance is Assurance.ANCHORED, verification.issues
    assert (noticing(verification), unevaluated(verification)) == (set(), set())


UNREADABLE = {"emptied", "view-in-place", "materialized-view-in-place", "shown-by-a-rule", "foreign-partition"}
"""What leaves nothing to evaluate."""

AROUND = {attack.name for attack in attacks_in(triggers, guards, disguises, catalog_edits)} - {
    "silenced-and-edited",
    "lying-index",
    "entry-missing-in-an-index",
}
MOVING = {"duplicated", "forked", "foreign-verdict", "emptied-and-written-again"}
"""The attacks that have to drop a constraint before they can change entries, or that TRUNCATE."""


_SHOWN: dict[tuple[IncidentType, ...], str] = {
    (IncidentType.EDIT,): "edit verdict-edited silenced-and-edited shadowed-functions",
    (IncidentType.EDIT, IncidentType.PROTECTIONS): "shadowed-table",
    (IncidentType.EDIT_WITH_HASH,): "edit-with-own-hash",
    (IncidentType.EDIT, IncidentType.CLOCK): "infinite-time",
    (IncidentType.INSERTION,): "inserted",
    (IncidentType.REORDERING,): "swapped",
    (IncidentType.FORK,): "forked-at-the-end",
    (IncidentType.FORK, IncidentType.PROTECTIONS): "forked",
    (IncidentType.DUPLICATE, IncidentType.PROTECTIONS): "duplicated entry-in-a-child-table",
    (IncidentType.DELETION,): "middle-deleted",
    (IncidentType.DELETION, IncidentType.TRUNCATION): "middle-deleted-and-renumbered",
    (IncidentType.PREFIX_DELETION,): "start-deleted",
    (IncidentType.TRUNCATION,): "middle-deleted-and-rewritten end-deleted rewritten-and-cut-off",
    (IncidentType.TRUNCATION, IncidentType.PROTECTIONS): "emptied",
    (IncidentType.REWRITE,): "edit-and-rewrite inserted-and-rewritten",
    (IncidentType.REWRITE, IncidentType.CLOCK): "clock-moved-back future-date",
    (IncidentType.REWRITE, IncidentType.UNKNOWN_VERDICT, IncidentType.PROTECTIONS): "foreign-verdict",
    (IncidentType.REWRITE, IncidentType.TRUNCATION): "start-deleted-and-rewritten",
    (IncidentType.REWRITE, IncidentType.TRUNCATION, IncidentType.PROTECTIONS): "emptied-and-written-again",
    (
        IncidentType.ENVELOPE,
        IncidentType.UNHASHED_COLUMN,
    ): "envelope-edited envelope-verdict-edited verifier-status-edited",
    (
        IncidentType.ENVELOPE,
        IncidentType.TRANSCRIPT,
        IncidentType.UNHASHED_COLUMN,
    ): "envelope-stripped envelopes-exchanged",
    (IncidentType.TRANSCRIPT, IncidentType.UNHASHED_COLUMN): (
        "request-edited response-edited response-edited-with-its-hash signature-flipped signed-by-a-foreign-key "
        "signed-in-our-name transcripts-exchanged transcript-stripped document-stripped signature-stripped "
        "everything-stripped"
    ),
    (IncidentType.TRANSCRIPT, IncidentType.TRANSCRIPT, IncidentType.UNHASHED_COLUMN): "called-unsigned",
    (IncidentType.UNHASHED_COLUMN,): (
        "id-edited created-at-edited escalation-edited notes-edited envelope-edited-with-its-hash "
        "unsigned-parts-edited everything-stripped-elsewhere"
    ),
    (IncidentType.UNHASHED_COLUMN, IncidentType.PROTECTIONS): "column-dropped column-generated",
    (IncidentType.UNEXPLAINED,): "lying-index",
    (): (
        "false-entry entry-missing-in-an-index checkpoint-rolled-back newest-checkpoint-lost checkpoints-lost "
        "record-lost checkpoints-rekeyed checkpoint-edited record-edited"
    ),
}
SHOWN = {name: incidents for incidents, names in _SHOWN.items() for name in names.split()}
"""What an investigation tells of each attack, but for what is wrong with checkpoints; of all others, their guards."""


def entries_of(target: Target) -> Counter[tuple[Any, str]]:
    """Return the entries in all their columns, by number."""
    rows = target.ledger.rows(f"SELECT sequence_number, entry::text FROM {TABLE} AS entry")
    return Counter((row["sequence_number"], row["entry"]) for row in rows)


def accuses_only(incident: Incident, touched: set[int]) -> bool:
    """Whether an incident is about entries that were touched; of a rewrite only where it can have begun is known."""
    first, last = incident.first, incident.last
    if first is None:
        return True
    if incident.what is IncidentType.REWRITE:
        return first <= min(touched)
    if incident.what is IncidentType.FORK:  # which has two branches, and an innocent one
        return not touched.isdisjoint(range(first, (last or first) + 1))
    return touched.issuperset(range(first, (last or first) + 1))


def suggests_repair(told: list[Incident]) -> bool:
    """Whether an investigation suggests the command that repairs, or that says what cannot be repaired."""
    advice = (one for incident in told if incident.what is IncidentType.PROTECTIONS for one in incident.next_step)
    return any("--repair" in command.arguments for one in advice for command in one.commands)


def repairs_or_explains(target: Target) -> bool:
    plan = plan_repair(PostgresSource(target.ledger.database, TABLE))
    return bool(plan.steps or plan.impossible)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "edited-as-a-replica"])
def test_an_attack_is_noticed_by_exactly_what_claims_it_and_changes_nothing_else(target: Target, name: str) -> None:
    attack = CATALOGUE[name]
    if name == "foreign-partition":
        needs_version(target.ledger, 13, "a foreign server that asks for no password")
    before, entries = surroundings(target.ledger), entries_of(target)
    assert attack.applies(target) is None
    attack.perform(target)
    now = entries_of(target)
    touched = {number for number, _ in [*(entries - now), *(now - entries)]}
    found = investigated(target)
    told = [one for one in found.incidents if one.what is not IncidentType.CHECKPOINTS]
    assert tuple(one.what for one in told) == SHOWN.get(name, (IncidentType.PROTECTIONS,))
    assert [one.sentence for one in told if not accuses_only(one, touched)] == []
    assert suggests_repair(told) is repairs_or_explains(target)
    verification = found.verification
    claimed = {claim.kind for claim in attack.noticed_by if claim.parameter != "roles"}
    assert noticing(verification) <= claimed <= noticing(verification) | unevaluated(verification)
    assert bool(unevaluated(verification)) is (name in UNREADABLE)
    if name not in UNREADABLE:
        assert (surroundings(target.ledger) != before) is (name in AROUND | MOVING)


UNSET: dict[str, dict[str, Any]] = {
    "checkpoint": {"require_checkpoint": False, "max_unanchored": None},
    "transcript_signature": {"transcript_keys": []},
}
"""For each kind that claims something with a parameter, a set-up without any."""


@pytest.mark.parametrize(
    "name", [name for name, one in CATALOGUE.items() if any(c.parameter and c.kind in UNSET for c in one.noticed_by)]
)
def test_what_is_claimed_with_a_parameter_is_not_noticed_without_it(target: Target, name: str) -> None:
    CATALOGUE[name].perform(target)
    (kind,) = {claim.kind for claim in CATALOGUE[name].noticed_by if claim.parameter}
    outcome = outcomes(verified(target, **UNSET[kind]))[kind]
    assert {finding.code for finding in outcome.findings} <= {"SIGNATURES_UNVERIFIED"}


def test_a_role_that_may_change_entries_is_noticed_where_that_is_declared(target: Target) -> None:
    CATALOGUE["rights-granted"].perform(target)
    outcome = run_check(target.ledger.database.reveal(), "append_only", {"roles": "critical"}, table=TABLE)
    assert "PUBLIC" in [finding.actual for finding in outcome.findings if finding.severity is Severity.CRITICAL]


def test_triggers_that_are_always_on_prevent_an_edit_in_a_replica_session(target: Target) -> None:
    edited = CATALOGUE["edited-as-a-replica"]
    before = list(target.ledger.entries())
    with pytest.raises(Prevented, match="ENABLE ALWAYS"):
        edited.perform(target)
    assert list(target.ledger.entries()) == before
    CATALOGUE["trigger-silenced"].perform(target)
    edited.perform(target)
    assert found(outcomes(verified(target))["entry_hash"]) == [("ENTRY_HASH_MISMATCH", MIDDLE)]


# What an attack says of itself, and who may add one.


def test_every_attack_says_what_it_needs_and_what_to_do() -> None:
    assert 80 <= len(CATALOGUE) <= 110
    assert len({attack.title for attack in CATALOGUE.values()}) == len(CATALOGUE)
    for name, one in CATALOGUE.items():
        assert one.remedy.endswith("."), name
        assert one.what.endswith("."), name
        assert one.title[0].islower(), name
        assert not one.title.endswith("."), name
        assert bool(one.limit) is not bool(one.noticed_by), name
        assert all(REGISTRY.get(claim.kind) for claim in one.noticed_by), name
        assert one.who in HEADINGS, f"{name} is on no table of the threat model"


def test_attacks_that_a_ledger_does_not_allow_say_why(forger: Forger) -> None:
    target = Target(forger.build(10), 5)
    refused = {name: reason for name, attack in CATALOGUE.items() if (reason := attack.applies(target))}
    of_v3 = {attack.name for attack in attacks_in(provenance)}
    of_folders = {attack.name for attack in attacks_in(checkpoints)}
    of_superusers = {name for name, one in CATALOGUE.items() if one.who == SUPERUSER}
    assert refused.keys() == of_v3 | of_folders | of_superusers
    assert all(reason.endswith(".") for reason in refused.values())
    forger.run("DROP FUNCTION ledger_refuse_change() CASCADE; DROP INDEX IF EXISTS ledger_entries_rule_id")
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check, DROP escalation_notes")
    for name in ("trigger-dropped", "trigger-silenced", "check-dropped", "notes-edited", "shadowed-trigger-function"):
        assert CATALOGUE[name].applies(target), name


@attack("call a reading another one", noticed_by=(Claim("entry_hash"),), remedy="Check entry_hash.")
def reading_renamed(target: Target) -> None:
    """Give one entry the telemetry_id of another reading."""
    target.ledger.store([target.middle], telemetry_id="TEL_0")


def manager_with(*attacks: object) -> pluggy.PluginManager:
    class Plugin:
        @pluggy.HookimplMarker("pytest")
        def pytest_ledger_register_attacks(self) -> list[object]:
            return list(attacks)

    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    manager.register(Plugin(), "bank")
    return manager


def test_an_attack_of_a_plugin_joins_the_catalogue_and_works(forger: Forger) -> None:
    attacks = registered_attacks(manager_with(reading_renamed))
    assert list(attacks) == [*CATALOGUE, "reading-renamed"]
    own = attacks["reading-renamed"]
    assert own.what == "Give one entry the telemetry_id of another reading."
    own.perform(Target(forger.build(10), 5))
    assert found(run_check(forger.dsn, "entry_hash")) == [("ENTRY_HASH_MISMATCH", 5)]


def test_a_name_that_is_taken_and_what_is_no_attack_are_refused() -> None:
    with pytest.raises(RegistrationError, match="The attack 'edit' of the plugin bank is already registered by the"):
        registered_attacks(manager_with(replace(reading_renamed, name="edit")))
    with pytest.raises(RegistrationError, match="The plugin bank registered 'edit', which is not an Attack"):
        registered_attacks(manager_with("edit"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Reading_renamed"}, "is not a valid attack name"),
        ({"what": ""}, "has no what"),
        ({"noticed_by": ()}, "has neither noticed_by nor limit"),
    ],
)
def test_an_attack_that_does_not_say_what_it_must_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(reading_renamed, **changes)


def test_a_claim_is_made_by_its_kind_where_the_parameter_is_set() -> None:
    kind = REGISTRY.get("checkpoint")
    assert kind is not None
    assert Claim("checkpoint").is_made_by(kind, {})
    assert not Claim("entry_hash").is_made_by(kind, {})
    required = Claim("checkpoint", "require")
    assert [required.is_made_by(kind, parameters) for parameters in ({}, {"require": False}, {"require": True})] == [
        False,
        False,
        True,
    ]
