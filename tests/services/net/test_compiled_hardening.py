"""The compiled parts as the build makes them: what keeps an overflow in them from running a stranger's code."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


class App:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def display_warning(self, text: str) -> None:
        self.warnings.append(text)


def hook_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(folder: Path) -> tuple[list[Path], dict[str, Any], App]:
    """Run the build's own hook on copies of the sources."""
    module = hook_module()
    for source in module.PARTS:
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, folder / source)
    app = App()
    hook = module.CompiledParts(str(folder), {}, None, None, str(folder), "wheel", app)
    data: dict[str, Any] = {"force_include": {}}
    hook.initialize("standard", data)
    return sorted((folder / module.PACKAGE).rglob("*.so"), key=lambda part: part.name), data, app


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if shutil.which("gcc") is None or shutil.which("readelf") is None:
        pytest.skip("no compiler here")
    parts, data, app = build(tmp_path_factory.mktemp("parts"))
    assert app.warnings == []
    assert [Path(path).name for path in data["force_include"]] == [part.name for part in parts]
    assert [part.name for part in parts] == ["_lockstep.abi3.so", "_spans.abi3.so", "_usual.abi3.so"]
    assert data["tag"].startswith("cp311-abi3-linux_")
    return parts


def test_each_part_is_hardened(built: list[Path]) -> None:
    for part in built:
        shown = subprocess.run(
            ["readelf", "-W", "-d", "-l", "--dyn-syms", part], capture_output=True, text=True, check=True
        ).stdout
        assert "GNU_RELRO" in shown
        assert "BIND_NOW" in shown
        stack = next(line for line in shown.splitlines() if "GNU_STACK" in line)
        assert " RWE " not in stack
        assert "TEXTREL" not in shown
        assert "__stack_chk_fail" in shown


STABLE = {"_PyArg_ParseTuple_SizeT", "_Py_BuildValue_SizeT", "_Py_Dealloc", "_Py_NoneStruct"}
"""The names with an underscore that are part of Python's stable interface and that a header's macro brings in."""


def test_each_part_keeps_to_the_stable_interface(built: list[Path]) -> None:
    for part in built:
        shown = subprocess.run(["readelf", "-W", "--dyn-syms", part], capture_output=True, text=True, check=True).stdout
        wanted = {line.split()[-1] for line in shown.splitlines() if " UND " in line}
        assert {name for name in wanted if name.startswith("_Py")} <= STABLE


def test_the_fortified_library_is_asked_for(tmp_path: Path, built: list[Path]) -> None:
    assert built
    module = hook_module()
    source = tmp_path / "probe.c"
    source.write_text("#include <stdio.h>\nint level = _FORTIFY_SOURCE;\n")
    flags = [flag for flag in module.FLAGS if flag != "-shared"]
    done = subprocess.run(["gcc", *flags, "-E", source], capture_output=True, text=True, check=True)
    assert int(done.stdout.strip().splitlines()[-1].split("=")[1].strip("; ")) >= 2
    assert done.stderr == ""


def test_without_a_compiler_the_build_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    parts, data, app = build(tmp_path)
    assert parts == []
    assert "pure_python" not in data
    assert len(app.warnings) == len(hook_module().PARTS)
    assert all("is not compiled" in warning for warning in app.warnings)
