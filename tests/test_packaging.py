"""The wheel, installed where nothing of this source tree is: an editable install hides a missing data file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_audit_ledger.native import ROWS
from tests.forger import Forger
from tests.support.checks import PASSED, SKIPPED
from tests.test_documentation import INSTALLED, blocks, commands

ROOT = Path(__file__).parents[1]
CORE_TYPES = "pytest_audit_ledger/native/core.pyi"

pytestmark = pytest.mark.slow  # each builds a wheel, or installs one in a fresh environment


@dataclass(frozen=True)
class Installed:
    """Our wheel, and the programs of an environment that has nothing but it."""

    wheel: Path
    programs: Path

    def run(self, command: str, folder: Path, dsn: str) -> str:
        """Run a command in a folder, as somebody would whose ledger is in LEDGER_DSN, and return what it prints."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
        path = os.pathsep.join([str(self.programs), os.environ["PATH"]])
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env={**inherited, "PATH": path, "LEDGER_DSN": dsn},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "fresh", with_pip=True)
    programs = folder / "fresh" / "bin"
    # what is imported compiles itself, and much is not
    install = [str(programs / "pip"), "install", "--quiet", "--no-compile", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    return Installed(wheel, programs)


def test_the_wheel_has_what_stands_at_the_top_level_inside_the_package(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    for folder in ("checks", "sql"):
        paths = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
        shipped = {f"pytest_audit_ledger/{path.as_posix()}" for path in paths}
        assert shipped <= set(names)
    templates = ROOT / "pytest_audit_ledger" / "report" / "templates"
    assert {path.relative_to(ROOT).as_posix() for path in templates.iterdir()} <= set(names)
    assert "pytest_audit_ledger/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "checks/", "sql/"))]


def test_the_wheel_has_a_native_core_for_every_python_that_we_support(installed: Installed, tmp_path: Path) -> None:
    if ROWS is None:
        pytest.skip("the native core was not built on this machine")
    assert "-cp310-abi3-" in installed.wheel.name
    assert "(native core)" in installed.run("audit-ledger --version", tmp_path, "")


def test_without_a_compiler_the_wheel_is_for_any_machine(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120, env={**os.environ, "CC": "false"})
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "native/core." in name and name != CORE_TYPES]


def test_what_is_installed_verifies_a_ledger(installed: Installed, tmp_path: Path, forger: Forger) -> None:
    command = "python -m pytest --ledger-db=env:LEDGER_DSN --ledger-report=report.html"
    told = installed.run(command, tmp_path, forger.build(100).dsn)
    assert f"{PASSED} passed, {SKIPPED} skipped" in told
    assert "SELF-CONSISTENT" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_package_with_kinds_is_installed_beside_ours_and_used(
    installed: Installed, tmp_path: Path, forger: Forger
) -> None:
    """The commands of its README, the installation among them."""
    shutil.copytree((ROOT / INSTALLED).parent, tmp_path / "copy")
    dsn = forger.build(100).dsn
    (block,) = blocks(INSTALLED, "console")
    told = {command: installed.run(command, tmp_path / "copy", dsn) for command, _ in commands(block)}
    _, tested, verified, explained = told.values()
    assert "house.ledger.yaml::reasoning-fits-the-report" in tested
    assert "18 passed" in tested
    assert "Other checks: ✓ 2/2 passed" in verified
    assert explained.startswith("no_longer_than\n  No value of the column has more characters than `longest`.\n")


USER = "user.py"


def lines_with_errors(told: str) -> set[int]:
    """Return the lines of the user's program at which a type checker reports an error."""
    return {int(line) for line in re.findall(rf"{re.escape(USER)}:(\d+)(?::\d+)?(?: -|:) error", told)}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_type_checker_understands_what_is_installed(installed: Installed, tmp_path: Path, checker: str) -> None:
    program = Path(sys.executable).with_name(checker)
    if not program.exists():
        assert not os.environ.get("CI"), f"{checker} is not installed: python -m pip install -e '.[test]'"
        pytest.skip(f"{checker} is not installed: python -m pip install -e '.[test]'")
    shutil.copy(ROOT / "tests" / "data" / "typed_user.txt", tmp_path / USER)
    arguments = {
        "mypy": ["--strict", "--cache-dir", str(tmp_path / "cache"), "--python-executable"],
        "pyright": ["--pythonpath"],
    }
    command = [str(program), *arguments[checker], str(installed.programs / "python"), USER]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False).stdout
    lines = (tmp_path / USER).read_text(encoding="utf-8").splitlines()
    assert lines_with_errors(told) == {number for number, line in enumerate(lines, 1) if line.endswith("# error")}, told
