"""The declared public surface: it is whole, needs the reading parts alone, and its page tells the truth."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from mixedmode import api
from tests.support import DATA

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "python-api.md"
INSIDE = {"sqlalchemy", "asyncssh", "pydantic", "pkcs11", "asyncio", "typer", "rich"}


def test_every_name_is_there_and_says_what_it_is() -> None:
    assert api.__all__ == sorted(api.__all__, key=lambda name: (name[0].islower(), name))
    for name in api.__all__:
        assert getattr(api, name).__doc__, name
    public = {name for name in vars(api) if not name.startswith("_")} - {"annotations"}
    assert public == set(api.__all__)


def test_the_page_names_them_all() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert {name for name in api.__all__ if name not in named} <= {
        name for name in api.__all__ if name.endswith("Error")
    }


def test_what_the_page_shows_runs(tmp_path: Path) -> None:
    shutil.copy(DATA / "tlv" / "50-seed-tokenless-4947.tlv", tmp_path / "CTLFile.tlv")
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True")


def test_it_loads_nothing_of_a_server() -> None:
    code = "import sys, mixedmode.api; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not INSIDE & set(done.stdout.split())


def test_scripts_that_know_the_models_by_their_old_place_still_run() -> None:
    from mixedmode.phone.models import get_model

    assert get_model("CP-8845-K9") == api.get_model("8845")
