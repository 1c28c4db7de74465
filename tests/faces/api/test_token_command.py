"""``mixedmode api-token``: what it makes works with the API, until it is revoked."""

from __future__ import annotations

import json

from tests.faces.api.conftest import Program, code, parsed
from tests.faces.web.weblab import WebLab
from tests.support import run_mixedmode


def test_made_listed_and_revoked(own_lab: WebLab) -> None:
    place = f"--directory={own_lab.cluster.directory}"
    made = run_mixedmode("api-token", "create", "night watch", "--level", "1", "--days", "2", place)
    assert made.returncode == 0, made.stderr
    user = Program(own_lab.visitor(), {"authorization": f"Bearer {made.stdout.strip()}"})
    assert parsed(user.get("/api/v1/session"))["level"] == 1
    listed = json.loads(run_mixedmode("api-token", "list", place, "--json").stdout)
    assert [each["label"] for each in listed] == ["night watch"]
    assert run_mixedmode("api-token", "revoke", listed[0]["id"], place).returncode == 0
    assert code(user.get("/api/v1/session")) == "unauthorized"
    assert run_mixedmode("api-token", "create", "--level", "2", place).returncode == 2
