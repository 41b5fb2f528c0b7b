"""Every command and every suite of a README is run; every option is in the README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forger import Forger
from tests.plugin.conftest import RunLedger

ROOT = Path(__file__).parents[2]
READMES = sorted(
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.md"), *ROOT.glob("checks/*.md"), *ROOT.glob("sql/*.md"), *ROOT.glob("examples/**/*.md")]
)
RUN_ELSEWHERE = {
    "make demo": "test_make_demo_runs",
    "make test": "what runs this",
    "make lint": ".ci/run",
    "make bench": "by hand; it takes minutes",
}


def commands(readme: Path) -> list[tuple[str, int]]:
    """Return the commands of the console blocks of a README with their expected exit codes."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    found = []
    for line in lines:
        command, _, comment = line.partition("  # ")
        code = re.search(r"exits with (\d)", comment)
        found.append((command.strip(), int(code.group(1)) if code else 0))
    return found


CASES = [
    pytest.param(readme, command, code, id=f"{readme}: {command}")
    for readme in READMES
    for command, code in commands(readme)
    if command not in RUN_ELSEWHERE
]


@pytest.mark.parametrize(("readme", "command", "code"), CASES)
def test_a_command_of_a_readme_does_what_it_says(
    readme: Path, command: str, code: int, tmp_path: Path, forger: Forger
) -> None:
    forger.build(100)
    folder = tmp_path / "copy"
    if readme.parts[0] == "examples":
        shutil.copytree(ROOT / readme.parent, folder)
    else:
        folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**inherited, "LEDGER_DSN": forger.dsn, "PATH": path}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr


def test_make_demo_runs() -> None:
    """The recipe of the Makefile, without its installation, which needs a fresh clone to mean anything."""
    recipe = re.search(r"^demo:.*\n\t\$\(BIN\)/python -m (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", *recipe.group(1).split()],
        cwd=ROOT,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
    assert "SELF-CONSISTENT" in done.stdout


def test_every_suite_of_the_manual_runs(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    manual = (ROOT / "checks" / "README.md").read_text(encoding="utf-8")
    suites = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    assert suites
    forger.build(100)
    for number, suite in enumerate(suites):
        (pytester.path / f"manual{number}.ledger.yaml").write_text(suite)
        result = run(f"--ledger-db={forger.dsn}", f"manual{number}.ledger.yaml")
        result.assert_outcomes(passed=suite.count("- id:"))


def test_every_option_is_in_the_readme(run: RunLedger) -> None:
    offered = set(re.findall(r"--ledger-[a-z-]+", run("--help").stdout.str()))
    described = set(re.findall(r"--ledger-[a-z-]+", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert offered == described


def test_every_statement_is_in_the_manual() -> None:
    described = set(re.findall(r"\]\(([a-z_0-9]+\.sql)\)", (ROOT / "sql" / "README.md").read_text(encoding="utf-8")))
    assert described == {path.name for path in (ROOT / "sql").glob("*.sql")}


def test_links_between_documents_lead_somewhere() -> None:
    for readme in READMES:
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / readme).read_text(encoding="utf-8")):
            assert (ROOT / readme.parent / target).exists(), f"{readme}: {target}"
