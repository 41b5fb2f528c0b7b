"""The examples for CI: what the services accept, by their published schemas, and what the scripts in them do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.forger import Forger

FOLDER = Path(__file__).parents[1] / "examples" / "ci"
GITHUB, GITLAB = FOLDER / "github-actions.yml", FOLDER / "gitlab-ci.yml"


def check(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Validate a file against a schema that the package check-jsonschema brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("schema", "path"), [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", GITLAB)], ids=["GitHub", "GitLab"]
)
def test_an_example_is_what_its_service_accepts(schema: str, path: Path, tmp_path: Path) -> None:
    done = check(schema, path)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / path.name
    broken.write_text(path.read_text().replace("    runs-on:", "    runs-in:").replace("  script:", "  scripts:"))
    assert check(schema, broken).returncode == 1, "a mistake would be noticed"


def scripts() -> list[Any]:
    jobs = yaml.safe_load(GITHUB.read_text())["jobs"]
    (verify,) = [step["run"] for step in jobs["verify"]["steps"] if step.get("name") == "Verify"]
    (script,) = yaml.safe_load(GITLAB.read_text())["audit-ledger"]["script"]
    return [pytest.param(verify, id="GitHub"), pytest.param(script, id="GitLab")]


@pytest.mark.parametrize("script", scripts())
def test_the_script_of_an_example_files_the_evidence(script: str, forger: Forger, tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        script.replace("audit-ledger", f"{sys.executable} -m pytest_audit_ledger"),  # the peer's command has that name
        shell=True,
        cwd=tmp_path,
        env={**inherited, "LEDGER_DSN": forger.build(100).dsn, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "evidence" / "junit.xml").is_file()
