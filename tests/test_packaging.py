"""The wheel, installed where nothing of this source tree is: an editable install hides a missing data file."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

from tests.forger import Forger

ROOT = Path(__file__).parents[1]


def test_a_wheel_in_a_fresh_environment_verifies_a_ledger(tmp_path: Path, forger: Forger) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("checks", "sql"):
        shipped = {f"pytest_audit_ledger/{folder}/{path.name}" for path in (ROOT / folder).iterdir() if path.is_file()}
        assert shipped <= set(names)
    templates = ROOT / "pytest_audit_ledger" / "artifacts" / "report" / "templates"
    assert {path.relative_to(ROOT).as_posix() for path in templates.iterdir()} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "checks/", "sql/"))]
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    command = [str(python), "-m", "pytest", f"--ledger-db={forger.build(100).dsn}", "--ledger-report=report.html"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
    assert "SELF-CONSISTENT" in (tmp_path / "report.html").read_text(encoding="utf-8")
