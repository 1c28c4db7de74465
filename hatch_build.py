"""Builds the compiled inner loop of the TFTP service with the system's C compiler.

The package works without it, only slower: where there is no compiler, no Python.h, or no Linux, this says so and the
wheel stays pure Python.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/mixedmode/services/_lockstep.c")


class CompiledLoop(BuildHookInterface[Any]):
    """Compiles the extension next to its source."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, before the wheel (or the editable one) is put together."""
        root = Path(self.root)
        target = (root / SOURCE).with_suffix(sysconfig.get_config_var("EXT_SUFFIX") or ".so")
        if not sys.platform.startswith("linux") or not self._compiled(root, target):
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["force_include"][str(target)] = str(target.relative_to(root / "src"))

    def _compiled(self, root: Path, target: Path) -> bool:
        compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")[:1]
        include = sysconfig.get_paths()["include"]
        flags = [
            "-O2",
            "-shared",
            "-fPIC",
            "-Wall",
            "-Wextra",
            "-Wno-unused-parameter",
            "-Wno-missing-field-initializers",
        ]
        command = [*compiler, *flags, f"-I{include}", str(root / SOURCE), "-o", str(target)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            self.app.display_warning(f"no compiled inner loop: {error}")
            return False
        if done.returncode != 0:
            self.app.display_warning(f"no compiled inner loop: {done.stderr.strip()}")
            return False
        if done.stderr:
            self.app.display_warning(done.stderr)
        return True
