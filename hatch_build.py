"""Builds the native core, `pytest_audit_ledger/native/`, if there is a C compiler. Without it, Python does the work."""

from __future__ import annotations

import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

NAME = "pytest_audit_ledger.native.core"
FOLDER = Path("pytest_audit_ledger", "native")


class NativeCore(BuildHookInterface[Any]):
    """Compiles the core into the wheel; for an editable installation, next to its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it for CPython's limited API, so that one wheel of a platform serves Python 3.10 and newer."""
        if self.target_name != "wheel" or sysconfig.get_config_var("Py_GIL_DISABLED"):  # that has no limited API
            return
        self._temporary = Path(tempfile.mkdtemp(prefix="native-"))
        built = self._built()
        if not built.exists():
            return
        tags = (tag.platform for tag in sys_tags())
        platform = next(name for name in tags if not name.startswith(("manylinux", "musllinux")))
        build_data.update(pure_python=False, tag=f"cp310-abi3-{platform}")
        if version == "editable":
            shutil.move(built, Path(self.root, FOLDER, built.name))
        else:
            build_data["force_include"][str(built)] = (FOLDER / built.name).as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was built, which is in the wheel now."""
        shutil.rmtree(getattr(self, "_temporary", ""), ignore_errors=True)

    def _built(self) -> Path:
        """Return where the compiled core is, if it could be compiled."""
        core = Extension(
            NAME,
            [str(Path(self.root, FOLDER, name)) for name in ("core.c", "document.c", "sha256.c")],
            extra_compile_args=[] if sysconfig.get_platform().startswith("win") else ["-O3"],
            py_limited_api=True,
            optional=True,
        )
        command = build_ext(Distribution({"ext_modules": [core]}))
        command.build_lib = command.build_temp = str(self._temporary)
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(NAME))
