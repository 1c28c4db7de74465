"""The set-up script with stand-ins for apt, pip and Python: its order, what it repeats, what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import what_make_does

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
TOOLS = (
    *("bash", "cat", "chmod", "cp", "cut", "dirname", "env", "grep"),
    *("mkdir", "mktemp", "rm", "sed", "sha256sum", "tee"),
)
STAND_INS = {
    "python3": r"""#!/bin/bash
case "$*" in
  -VV) echo "Python 3.11.2 (main)" ;;
  "-m venv"*)
    echo "venv" >>"$LOG"
    mkdir -p .venv/bin
    cp "$0" .venv/bin/python ;;
  "-m compileall"*) : >compiled ;;
  *"pip install"*)
    echo "pip ${*##*disable-pip-version-check }" >>"$LOG"
    echo "Looking in indexes: ..."
    echo "Collecting alembic==1.20.1 (from -r requirements.lock (line 1))"
    echo "Processing /wheels/cffi-2.1.1-cp311-cp311-manylinux_2_17_x86_64.whl (from -r requirements.lock (line 7))"
    [ ! -e "$FAKES/pip-fails" ] || { echo "ERROR: No matching distribution found for alembic"; exit 1; }
    echo "Installing collected packages: cffi, alembic"
    : >.venv/bin/mixedmode; chmod +x .venv/bin/mixedmode ;;
esac
""",
    "apt-get": r"""#!/bin/bash
echo "apt-get $1" >>"$LOG"
[ "$1" = install ] || exit 0
[ ! -e "$FAKES/apt-fails" ] || { echo "E: Unable to locate package opensc"; exit 100; }
printf 'Reading database ... 5%%\rReading database ... 10%%\r\n'
echo "Setting up gcc (4:12.2.0-3) ..."
echo "Setting up libc6-dev:amd64 (2.36-9) ..."
cp "$FAKES/mixedmode-gcc" "$FAKES/gcc"
: >"$FAKES/packages-are-there"
""",
    "dpkg-query": '#!/bin/bash\n[ ! -e "$FAKES/packages-are-there" ] || echo "install ok installed"\n',
    "id": "#!/bin/bash\necho 0\n",
    "mixedmode-gcc": "#!/bin/bash\n",
}


class Copy:
    """A working copy on a machine that has nothing but what is listed above."""

    def __init__(self, folder: Path) -> None:
        self.root, self.fakes, self.log = folder / "copy", folder / "bin", folder / "log"
        self.own = folder / "distribution/python3"
        self.more: dict[str, str] = {}
        self.fakes.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.fakes / tool).symlink_to(found)
        for name, text in STAND_INS.items():
            (self.fakes / name).write_text(text)
            (self.fakes / name).chmod(0o755)
        for name in ("scripts/setup", "pyproject.toml", "hatch_build.py", *LOCKS):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.source = self.root / "src/mixedmode/services/tftp/_part.c"
        self.source.parent.mkdir(parents=True)
        self.source.write_text("int x;\n")

    def setup(self, part: str, *, code: int = 0) -> tuple[list[str], str]:
        """Return what was done, and what was said."""
        self.log.write_text("")
        done = subprocess.run(
            [self.root / "scripts/setup", part], capture_output=True, text=True, timeout=30, check=False,
            env={"PATH": str(self.fakes), "LOG": str(self.log), "FAKES": str(self.fakes), "OWN_PYTHON": str(self.own)}
            | self.more,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        return [self._short(line) for line in self.log.read_text().splitlines()], done.stderr

    @staticmethod
    def _short(line: str) -> str:
        return re.sub(r"^pip .*(?<= )(requirements\S*\.lock|--editable)\b.*", r"pip \1", line)


PACKAGE = "pip --editable"
RUNTIME = ["venv", "pip requirements.lock", "pip requirements-build.lock", PACKAGE]
TEST = ["apt-get update", "apt-get install", *RUNTIME, "pip requirements-dev.lock"]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_packages_come_first_and_the_environment_is_made_once(copy: Copy) -> None:
    assert copy.setup("test")[0] == TEST
    assert copy.setup("test") == ([], "")
    assert copy.setup("runtime")[0] == []


def test_what_starts_is_compiled_beforehand_also_when_nothing_else_is_to_do(copy: Copy) -> None:
    copy.setup("runtime")
    (copy.root / "compiled").unlink()
    copy.setup("test")
    assert (copy.root / "compiled").exists()


def test_make_asks_for_the_environment_once() -> None:
    assert what_make_does("setup-test") == ["scripts/setup test"]


def test_a_compiler_that_came_later_repeats_the_package_alone(copy: Copy) -> None:
    assert copy.setup("runtime")[0] == RUNTIME
    assert copy.setup("test")[0] == ["apt-get update", "apt-get install", PACKAGE, "pip requirements-dev.lock"]


@pytest.mark.parametrize(
    ("changed", "repeated"),
    [
        ("src/mixedmode/services/tftp/_part.c", [PACKAGE]),
        ("hatch_build.py", [PACKAGE]),
        ("pyproject.toml", [PACKAGE]),
        ("requirements-dev.lock", ["pip requirements-dev.lock"]),
        ("requirements.lock", [*RUNTIME[1:], "pip requirements-dev.lock"]),
    ],
)
def test_a_change_repeats_what_depends_on_it(copy: Copy, changed: str, repeated: list[str]) -> None:
    copy.setup("test")
    with (copy.root / changed).open("a") as file:
        file.write("\n")
    assert copy.setup("test")[0] == repeated


def test_another_python_has_the_environment_made_anew(copy: Copy) -> None:
    copy.setup("runtime")
    python = copy.fakes / "python3"
    python.write_text(python.read_text().replace("3.11.2", "3.13.5"))
    assert copy.setup("runtime")[0] == RUNTIME


@pytest.mark.parametrize(
    ("named", "version_is_fine", "used"),
    [(False, True, "of the distribution"), (False, False, "3.11.2"), (True, True, "3.11.2")],
)
def test_the_distributions_python_is_taken_unless_it_is_too_old_or_another_is_named(
    copy: Copy, named: bool, version_is_fine: bool, used: str
) -> None:
    copy.own.parent.mkdir()
    text = (copy.fakes / "python3").read_text().replace("3.11.2", "3.12.3 of the distribution")
    old = "" if version_is_fine else "*version_info*) exit 1 ;;"
    copy.own.write_text(text.replace('case "$*" in', f'case "$*" in {old}'))
    copy.own.chmod(0o755)
    if named:
        copy.more = {"PYTHON": "python3"}
    assert copy.setup("runtime")[0] == RUNTIME
    assert used in (copy.root / ".venv/bin/python").read_text()


def test_progress_is_plain_lines_package_by_package(copy: Copy) -> None:
    said = copy.setup("test")[1]
    for line in ("gcc 4:12.2.0-3", "libc6-dev 2.36-9", "alembic 1.20.1", "cffi 2.1.1", "Installing collected packages"):
        assert f"setup:   {line}\n" in said
    assert all(line.startswith("setup: ") for line in said.splitlines())
    assert not re.search(r"[^\n -~]", said)


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("apt-fails", ("E: Unable to locate package opensc",)),
        ("pip-fails", ("Looking in indexes: ...", "ERROR: No matching distribution found for alembic")),
    ],
)
def test_a_failure_shows_all_that_the_tool_said(copy: Copy, tool: str, words: tuple[str, ...]) -> None:
    (copy.fakes / tool).touch()
    said = copy.setup("test", code=1)[1]
    assert all(f"{word}\n" in said for word in words)
    assert "this failed, see above" in said.splitlines()[-1]
    (copy.fakes / tool).unlink()
    assert copy.setup("test")[0][-1] == TEST[-1]


def test_the_end_says_how_the_command_is_typed(copy: Copy) -> None:
    for said in (copy.setup("runtime")[1], copy.setup("runtime")[1]):
        assert ".venv/bin/mixedmode" in said.splitlines()[-1]
        assert ". .venv/bin/activate" in said.splitlines()[-1]


def test_nothing_is_installed_that_no_test_uses() -> None:
    browser = (ROOT / "tests/faces/web/conftest.py").read_text()
    assert "/usr/bin/chromium" in browser
    assert "chromium" in (ROOT / "scripts/setup").read_text()
    # The widest of the usual fonts: with it pages are tried at 360 px.
    assert "fonts-dejavu-core" in (ROOT / "scripts/setup").read_text()
    assert "360" in (ROOT / "tests/faces/web/test_every_page.py").read_text()
