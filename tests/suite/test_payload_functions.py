"""Payloads that a profile leaves to a function of a plugin's."""

from __future__ import annotations

from pathlib import Path

import pluggy
import pytest

from pytest_audit_ledger.errors import ProfileError, RegistrationError
from pytest_audit_ledger.suite.payload_functions import payload_functions
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.support.command import RunLedger

PROFILE = """\
version: 1
name: house
table: house
roles: {sequence: n, previous_hash: p, entry_hash: h}
payload: {python: {function: NAME, columns: [actor]}}
"""
PLUGIN = """\
def payload(columns, previous):
    return f"{previous}/{columns['actor']}".encode()

def pytest_ledger_register_payloads():
    return {"house_payload": payload}
"""
TABLE = """
    CREATE TABLE house (n int PRIMARY KEY, actor text, p text, h text);
    INSERT INTO house VALUES (1, 'ann', '', encode(sha256('/ann'), 'hex'));
    INSERT INTO house SELECT 2, 'bob', h, encode(sha256(convert_to(h || '/bob', 'UTF8')), 'hex') FROM house
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "house.profile.yaml"
    path.write_text(PROFILE.replace("NAME", "house_payload"))
    return path


def test_pytest_hashes_with_the_function_that_a_conftest_registers(
    run: RunLedger, forger: Forger, pytester: pytest.Pytester, profile: Path
) -> None:
    forger.run(TABLE)
    pytester.makepyfile(house_plugin=PLUGIN)
    arguments = ["-p", "house_plugin", f"--ledger-db={forger.dsn}", f"--ledger-profile={profile}", "-k", "entry_hash"]
    result = run(*arguments)
    result.assert_outcomes(passed=1, deselected=12)
    forger.run("UPDATE house SET actor = 'eve' WHERE n = 2")
    edited = run(*arguments)
    edited.assert_outcomes(failed=1, deselected=12)
    edited.stdout.fnmatch_lines(["*ENTRY_HASH_MISMATCH sequence 2*"])


def test_a_function_that_nobody_registers_is_a_mistake_of_the_profile(profile: Path) -> None:
    with pytest.raises(ProfileError, match="the function cannot be loaded: there is no function 'house_payload'"):
        load_profile(profile)


@pytest.mark.parametrize("name", ["os:system", "subprocess:call", "os.path:join"])
def test_what_belongs_to_python_itself_makes_no_payloads(tmp_path: Path, name: str) -> None:
    path = tmp_path / "house.profile.yaml"
    path.write_text(PROFILE.replace("NAME", f"'{name}'"))
    with pytest.raises(ProfileError, match=r"house.profile.yaml:5:.*this function belongs to Python itself"):
        load_profile(path)


def two_plugins(*functions: object) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("pytest")
    from pytest_audit_ledger import hookspecs  # noqa: PLC0415  (as a plugin manager reads it)

    manager.add_hookspecs(hookspecs)
    for number, function in enumerate(functions):
        hook = pluggy.HookimplMarker("pytest")(lambda function=function: {"house": function})
        manager.register(type("Plugin", (), {"pytest_ledger_register_payloads": staticmethod(hook)}), f"plugin{number}")
    return manager


def test_two_plugins_cannot_register_one_name() -> None:
    with pytest.raises(RegistrationError, match=r"The payload 'house' of the plugin plugin. is already registered by"):
        payload_functions(two_plugins(two_plugins, two_plugins))


def test_a_function_that_no_other_process_can_import_is_refused() -> None:
    with pytest.raises(RegistrationError, match="but a payload needs a name without a colon"):
        payload_functions(two_plugins(lambda: None))
