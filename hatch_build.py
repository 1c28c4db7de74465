"""Builds the compiled parts with the C compiler: the loop of TFTP, the walk over lists, the way to a signer's key.

The package works without it, only slower: where there is no compiler, no Python.h or no Linux, this says so, and the
wheel is the poorer by what could not be built.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("src/mixedmode")
FLAGS = (
    "-O2",
    "-shared",
    "-fPIC",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-missing-field-initializers",
    # The parts read what strangers send: an overflow shall end the process, not run their code. Ubuntu's compiler
    # defines _FORTIFY_SOURCE itself, which must not become a warning about a second definition.
    "-fstack-protector-strong",
    "-U_FORTIFY_SOURCE",
    "-D_FORTIFY_SOURCE=2",
)
LINKER_FLAGS = ("-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack")
"""The table of functions is read-only from the start, the stack holds no code."""
SUFFIX = ".abi3.so"
STABLE = "cp311-abi3"
"""The parts use Python's stable interface alone: one file, and one wheel, for 3.11 and every later Python."""
PARTS = (
    PACKAGE / "services/tftp/_lockstep.c",
    PACKAGE / "trustlist/_spans.c",
    PACKAGE / "pki/reading/_usual.c",
)
"""Sources."""


class CompiledParts(BuildHookInterface[Any]):
    """Compiles each extension next to its source."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, before the wheel (or the editable one) is put together."""
        if not sys.platform.startswith("linux"):
            return
        root = Path(self.root)
        for source in PARTS:
            for earlier in (root / source).parent.glob(f"{source.stem}*.so"):
                earlier.unlink()
            target = (root / source).with_suffix(SUFFIX)
            if self._compiled(root / source, target) and version != "editable":
                build_data["pure_python"] = False
                build_data["tag"] = f"{STABLE}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
                build_data["force_include"][str(target)] = str(target.relative_to(root / "src"))

    def _compiled(self, source: Path, target: Path) -> bool:
        compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")[:1]
        include = sysconfig.get_paths()["include"]
        command = [*compiler, *FLAGS, f"-I{include}", str(source), "-o", str(target), *LINKER_FLAGS]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            self.app.display_warning(f"{source.name} is not compiled: {error}")
            return False
        if done.returncode != 0:
            self.app.display_warning(f"{source.name} is not compiled: {done.stderr.strip()}")
            return False
        if done.stderr:
            self.app.display_warning(done.stderr)
        return True
