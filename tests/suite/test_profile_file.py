"""Profiles: what a file says, where it is found, and every mistake at its place with the line itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pytest_audit_ledger.errors import ProfileError, UsageError
from pytest_audit_ledger.files.resources import json_schema
from pytest_audit_ledger.model.profile import Accepted, Genesis, Hashing
from pytest_audit_ledger.suite.profile_file import load_profile
from pytest_audit_ledger.suite.yaml_document import parse
from tests.support.suites import assert_marked

NAME = "my.profile.yaml"
START = "version: 1\nname: mine\ntable: public.log\n"
ROLES = "roles: {sequence: seq, previous_hash: prev, entry_hash: hash, verdict: action}\n"
PAYLOAD = "payload: {concat: [previous, seq, action]}\n"
MINIMAL = START + ROLES + PAYLOAD
VERSIONS = "versions:\n  column: v\n  of:\n    '1': {payload: {concat: [seq]}}\n"

Written = Callable[[str | bytes], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(content: str | bytes) -> Path:
        path = tmp_path / NAME
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def refuse(written: Written) -> Callable[[str], str]:
    def refuse(content: str) -> str:
        with pytest.raises(ProfileError) as refusal:
            load_profile(written(content))
        return str(refusal.value)

    return refuse


def test_what_a_profile_leaves_out_has_the_default_of_the_language(written: Written) -> None:
    path = written(MINIMAL)
    profile = load_profile(path)
    assert profile.columns == {
        "sequence_number": "seq",
        "previous_hash": "prev",
        "entry_hash": "hash",
        "verdict": "action",
    }
    assert profile.version is not None
    assert profile.version.payload == {"concat": ["previous", "seq", "action"]}
    assert profile.version.hashing == Hashing()
    assert (profile.first, profile.gaps, profile.starts_at, profile.genesis) == (1, False, None, Genesis())
    assert (profile.streams, profile.accepted, profile.append_only) == ((), (), True)
    assert (profile.file, profile.digest) == (str(path), sha256(MINIMAL.encode()).hexdigest())


def test_everything_that_a_profile_says_is_read(written: Written) -> None:
    profile = load_profile(
        written("""\
version: 1
name: house-audit
description: What our clerks do.
table: 'public."tabTransaction Log"'
roles:
  sequence: {column: row_index, as: integer}
  stream: [tenant_id, journal]
  order: id
  timestamp: {column: unix_ns, unit: ns}
  previous_hash: prev_hash
  entry_hash: row_hash
  verdict: action
  track: origin
values: {verdict: [created, deleted], violations: [deleted], track: [web]}
guards: {append_only: false, reason: The vendor's table has no triggers.}
accepted:
  - {fork: 101, stream: 7, reason: "two writers, INC-88", until: 2027-01-01}
  - {unverified_before: 12, stream: 8, reason: an older recipe}
  - {gap: 7, stream: 8, reason: a rollback}
  - {gap: 7-9, stream: 9, reason: three rollbacks}
sequence: {start: any, gaps: allowed}
genesis: {line: line_hash}
hash: {algorithm: hmac-sha512, encoding: HEX, key: env:LEDGER_KEY, key_form: hex}
versions:
  column: hash_version
  of:
    2: {payload: {join: {by: "|", of: [previous, row_index]}}}
    "3": {payload: {concat: [previous, row_index]}, hash: {encoding: base64}}
    null: {payload: {concat: [row_index]}, hash: {algorithm: hmac-sha256}}
    default: {payload: {concat: [previous]}}
lines: {line_hash: {payload: {concat: [action]}}}
""")
    )
    keyed = Hashing(algorithm="hmac-sha512", encoding="HEX", key="env:LEDGER_KEY", key_form="hex")
    assert {value: version.hashing for value, version in profile.versions.items()} == {
        "2": keyed,
        "3": Hashing(algorithm="hmac-sha512", encoding="base64", key="env:LEDGER_KEY", key_form="hex"),
        None: Hashing(algorithm="hmac-sha256", encoding="HEX", key="env:LEDGER_KEY", key_form="hex"),
        "default": keyed,
    }
    assert profile.version is None
    assert (profile.name, profile.table) == ("house-audit", 'public."tabTransaction Log"')
    assert (profile.description, profile.version_column) == ("What our clerks do.", "hash_version")
    assert profile.columns["sequence_number"] == "row_index"
    assert (profile.columns["timestamp"], profile.columns["track"]) == ("unix_ns", "origin")
    assert (profile.sequence_as, profile.timestamp_unit) == ("integer", "ns")
    assert profile.streams == ("tenant_id", "journal")
    assert profile.values == {"verdict": ("created", "deleted"), "track": ("web",)}
    assert profile.violations == ("deleted",)
    assert (profile.append_only, profile.no_guards) == (False, "The vendor's table has no triggers.")
    assert profile.accepted == (
        Accepted(what="fork", entry=101, stream="7", reason="two writers, INC-88", until=date(2027, 1, 1)),
        Accepted(what="unverified_before", entry=12, stream="8", reason="an older recipe"),
        Accepted(what="gap", entry=7, stream="8", reason="a rollback", last=7),
        Accepted(what="gap", entry=7, stream="9", reason="three rollbacks", last=9),
    )
    assert (profile.first, profile.gaps) == (None, True)
    assert profile.genesis == Genesis(line="line_hash")
    assert profile.lines["line_hash"].payload == {"concat": ["action"]}


@pytest.mark.parametrize(
    ("genesis", "expected"), [('""', Genesis()), ("null", Genesis(text=None)), ("GENESIS", Genesis(text="GENESIS"))]
)
def test_the_genesis_value_is_a_text_or_nothing(written: Written, genesis: str, expected: Genesis) -> None:
    assert load_profile(written(f"{MINIMAL}genesis: {genesis}\n")).genesis == expected


MISTAKES = {
    "no name": (MINIMAL.replace("name: mine\n", ""), ["1:1: the profile lacks the required key 'name'"]),
    "a tag": (f"{MINIMAL}genesis: !mine x\n", ["6:10: the tag '!mine' has no meaning in a profile; remove it"]),
    "a mistyped key": (
        f"{MINIMAL}genisis: x\n",
        ["6:1: unknown key 'genisis' in the profile; did you mean 'genesis'?"],
    ),
    "no recipe": (START + ROLES, ["1:1: the profile lacks the required key 'payload'"]),
    "a mistyped role": (
        START + "roles: {sequence: seq, entry_hsh: hash}\n" + PAYLOAD,
        ["4:24: unknown key 'entry_hsh' in 'roles'; did you mean 'entry_hash'?"],
    ),
    "a role twice": (
        START + "roles:\n  sequence: seq\n  entry_hash: a\n  entry_hash: b\n" + PAYLOAD,
        ["7:3: the key 'entry_hash' is already set in line 6; remove one of them"],
    ),
    "a column with two roles": (
        START + "roles: {sequence: seq, previous_hash: hash, entry_hash: hash}\n" + PAYLOAD,
        ["4:57: 'hash' already has the role 'previous_hash'; a hash has a column of its own"],
    ),
    "a name of a table that SQL does not know": (
        MINIMAL.replace("public.log", "public.transaction log"),
        ['3:8: \'public.transaction log\' is not a valid table name. Write table, schema.table or "Schema"."Table".'],
    ),
    "an unknown algorithm": (
        f"{MINIMAL}hash: {{algorithm: sha-256}}\n",
        ["6:19: 'hash.algorithm' must be one of sha256, sha384, sha512, sha3-256, blake2b, hmac-sha256"],
    ),
    "an hmac without a key": (
        f"{MINIMAL}hash: {{algorithm: hmac-sha256}}\n",
        ["6:7: hmac-sha256 needs a key: env:NAME or @FILE"],
    ),
    "a key without an hmac": (
        f"{MINIMAL}hash: {{key: '@ledger.key'}}\n",
        ["6:7: sha256 takes no key; hmac-sha256 does"],
    ),
    "a prefix of bytes": (
        f"{MINIMAL}hash: {{encoding: bytea, prefix: x}}\n",
        ["6:7: a bytea holds the hash alone; remove the prefix"],
    ),
    "versions without recipes": (
        f"{START}{ROLES}versions: {{column: v}}\n",
        ["5:11: 'versions' lacks the required key 'of'"],
    ),
    "a recipe next to versions": (
        MINIMAL + VERSIONS,
        ["5:10: 'versions' has recipes, too; move this one there, as the version default"],
    ),
    "a start without a chain": (
        START + "roles: {sequence: seq, entry_hash: hash}\npayload: {concat: [seq]}\nstarts: {at: 5}\n",
        ["6:9: no chain starts here: give a column the role 'previous_hash', or hash 'previous'"],
    ),
    "a genesis of no line": (
        f"{MINIMAL}genesis: {{line: lin}}\nlines: {{line: {{payload: {{concat: [seq]}}}}}}\n",
        ["6:17: there is no line 'lin'; did you mean 'line'?"],
    ),
    "a line that is the entry hash": (
        f"{MINIMAL}lines: {{hash: {{payload: {{concat: [seq]}}}}}}\n",
        ["6:15: 'hash' has the role 'entry_hash'; write its recipe under payload"],
    ),
    "values of a role that no column has": (
        f"{MINIMAL}values: {{track: [web]}}\n",
        ["6:17: no column has the role 'track'; add it to roles"],
    ),
    "a violation that is no verdict": (
        f"{MINIMAL}values: {{verdict: [created, deleted], violations: [delete]}}\n",
        ["6:52: 'delete' is not a verdict; did you mean 'deleted'?"],
    ),
    "a quirk without its number": (
        f"{MINIMAL}accepted:\n  - {{reason: two writers}}\n",
        ["7:5: quirk number 1 lacks the required key 'fork'"],
    ),
    "a quirk without a reason": (
        f"{MINIMAL}accepted:\n  - {{fork: 3}}\n",
        ["7:5: quirk number 1 lacks the required key 'reason'"],
    ),
    "two quirks in one": (
        f"{MINIMAL}accepted:\n  - {{fork: 3, gap: 4, reason: known}}\n",
        ["7:20: this quirk is already a 'fork'; write one quirk for each"],
    ),
    "a quirk in a stream, if there is one chain": (
        f"{MINIMAL}accepted:\n  - {{fork: 3, stream: a, reason: known}}\n",
        ["7:23: no column has the role 'stream'; remove this"],
    ),
    "a gap that ends before it begins": (
        f"{MINIMAL}accepted:\n  - {{gap: 9-7, reason: known}}\n",
        ["7:11: 9-7 is no range; write the lower number first"],
    ),
    "a quirk without its stream": (
        f"{MINIMAL.replace('prev,', 'prev, stream: t,')}accepted:\n  - {{gap: 3, reason: known}}\n",
        ["7:11: the ledger has several streams; name one with 'stream'"],
    ),
    "a start in every stream": (
        f"{MINIMAL.replace('prev,', 'prev, stream: t,')}starts: {{at: 3}}\n",
        ["6:9: with streams, the first entries of every new stream would be before the start, and never verified"],
    ),
    "a day that does not exist": (
        f"{MINIMAL}accepted:\n  - {{fork: 3, reason: known, until: 2027-02-30}}\n",
        ["7:37: 2027-02-30 is not a day; write year-month-day, such as 2027-01-01"],
    ),
    "a start that is a word": (
        f"{MINIMAL}sequence: {{start: first}}\n",
        ["6:19: 'sequence.start' must look like 1 or any; got \"first\""],
    ),
    "an unknown recipe": (f"{START}{ROLES}payload: {{jion: [seq]}}\n", ["5:11: unknown option 'jion'"]),
    "an unknown format": (
        f"{START}{ROLES}payload:\n  concat:\n    - previous\n    - {{seq: heks}}\n",
        ["8:13: 'heks' is not a format"],
    ),
    "an unknown option of a format": (
        f"{START}{ROLES}payload: {{concat: [{{at: {{iso: {{digit: 6}}}}}}]}}\n",
        ["5:32: unknown option 'digit'"],
    ),
    "a mistake in the recipe of a version": (
        f"{START}{ROLES}{VERSIONS}    '2': {{payload: {{concat: [{{previous: hx}}]}}}}\n",
        ["9:41: 'hx' is not one of"],
    ),
    "several mistakes": (
        MINIMAL.replace("version: 1", "version: 2").replace("prev,", "prev, tenant: t,"),
        ["1:10: 'version' must be 1; got 2", "4:45: unknown key 'tenant' in 'roles'"],
    ),
}


@pytest.mark.parametrize(("content", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_at_its_place_and_shown(
    refuse: Callable[[str], str], content: str, expected: list[str]
) -> None:
    message = refuse(content)
    said = [line.removeprefix(f"{NAME}:") for line in message.split("\n") if line.startswith(NAME)]
    assert [found[: len(start)] for found, start in zip(said, expected, strict=True)] == expected
    assert_marked(message, content)


@pytest.mark.parametrize("key", ["correct-horse", "12345", "'env:'", "[correct-horse]"])
def test_a_key_in_a_profile_is_refused_and_not_shown(refuse: Callable[[str], str], key: str) -> None:
    message = refuse(f"{MINIMAL}hash: {{algorithm: hmac-sha265, key: {key}}}\n")
    assert "6:37: 'key' must say where the key is: write env:NAME or @FILE" in message
    assert "horse" not in message
    assert "12345" not in message


def test_a_file_that_is_not_utf_8_is_refused_at_its_line(written: Written) -> None:
    with pytest.raises(ProfileError, match=rf"{NAME}:2:1: the file is not UTF-8"):
        load_profile(written(b"version: 1\nname: \xff\n"))


def test_a_profile_in_the_current_folder_is_found_by_its_name(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load_profile("my").digest == load_profile(path).digest


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("none.profile.yaml", "There is no profile 'none.profile.yaml'. Name a *.profile.yaml file, or one of "),
        ("postgresql://auditor:secret@db/ledger", "A DSN is not a profile. Name a *.profile.yaml file, or one of "),
        ("host=db password=secret", "A DSN is not a profile. Name a *.profile.yaml file, or one of "),
    ],
)
def test_a_profile_that_is_not_there_is_wrong_usage(named: str, words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        load_profile(named)
    assert str(refusal.value).startswith(words)


def test_the_schema_is_valid_and_refuses_what_the_loader_refuses() -> None:
    schema = json_schema("profile.schema.json")
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(parse(MINIMAL).data)
    for content in (
        "a mistyped key",
        "no recipe",
        "a mistyped role",
        "an unknown algorithm",
        "versions without recipes",
    ):
        assert not validator.is_valid(parse(MISTAKES[content][0]).data), content
