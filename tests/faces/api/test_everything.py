"""What the pages do, programs do: each act of a page has an endpoint, and the document says what is there."""

from __future__ import annotations

import ast
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

import mixedmode.faces.web
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.ctl_upload import InstallCtl
from mixedmode.control import acts
from mixedmode.faces.api.resources import endpoints
from mixedmode.faces.api.resources.operations import slug
from tests.faces.api.conftest import PHONE, PUB, Program, parsed
from tests.faces.web.weblab import WebLab
from tests.phone.site import ctl, itl

WEB = Path(mixedmode.faces.web.__file__).parent
NO_ACTS = {"LOGIN"}
"""What the audit log has of a session, and nobody asks for."""


def acts_of_pages() -> Iterator[tuple[str, str]]:
    """Yield every operation and act that a module of the pages names: in an import, or as a text."""
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "mixedmode.control.acts":
                names = {each.name for each in node.names} - NO_ACTS - {"Act"}
                yield from ((path.name, getattr(acts, name).name) for name in sorted(names))
            elif isinstance(node, ast.Constant) and node.value in OPERATIONS:
                yield path.name, str(node.value)


@pytest.mark.parametrize(("module", "act"), sorted(set(acts_of_pages())))
def test_each_act_of_a_page_has_an_endpoint(lab: WebLab, module: str, act: str) -> None:
    known = {each.act for each in endpoints(lab.service.desk.control)} | {InstallCtl.title}
    assert act in known, f"{module} does what programs cannot"


def test_each_operation_has_an_address_of_its_own(lab: WebLab) -> None:
    names = [slug(title) for title in OPERATIONS]
    assert len(set(names)) == len(names)
    paths = {each.path for each in endpoints(lab.service.desk.control)}
    assert {f"/operations/{name}" for name in names} - paths == {f"/operations/{slug(InstallCtl.title)}"}


def test_tags_spare_a_body_and_guard_a_change(admin: Program) -> None:
    path = "/api/v1/parameters/CTLProviderPort"
    first = admin.get(path)
    tag = first.headers["etag"]
    again = admin.get(path, **{"if-none-match": f'W/"x", {tag}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert admin.send("PUT", path, {"value": "2555"}, **{"if-match": tag}).status == 200
    late = admin.send("PUT", path, {"value": "2556"}, **{"if-match": tag})
    assert late.status == 412
    assert parsed(admin.get(path))["value"] == "2555"


def test_pages_of_a_list(admin: Program) -> None:
    first = admin.get("/api/v1/phones?size=3&sort=-name")
    found = parsed(first)
    assert (found["total"], len(found["items"]), found["items"][0]["name"]) == (4, 3, "SEP001122334403")
    assert 'page=2>; rel="next"' in first.headers["link"]
    last = parsed(admin.get("/api/v1/phones?size=3&sort=-name&page=2"))
    assert [each["name"] for each in last["items"]] == [PHONE]
    assert parsed(admin.get("/api/v1/phones?name=%25"))["total"] == 0
    rows = admin.get("/api/v1/phones?name=4401", accept="text/csv")
    assert rows.text.splitlines()[1].startswith("SEP001122334401,7975,")


def test_how_a_phone_stands(admin: Program) -> None:
    found = parsed(admin.get(f"/api/v1/phones/{PHONE}/standing"))
    assert (found["name"], found["outcome"]) == (PHONE, "unknown")
    assert found["reason"]


def test_a_plan_is_foreseen_and_a_loss_refused(admin: Program) -> None:
    lists = {each["file"]: each for each in parsed(admin.get("/api/v1/lists"))}
    rows = f"name,model,ctl,itl\nSEP001122334455,7975,none,{lists['ITLFile.tlv']['sha1']}\n"
    steps = [{"operation": {"name": "set-cert-regen", "fields": {"node": PUB, "unit": "TVS"}}}]
    page = admin.post("/api/v1/forecasts", {"steps": steps, "inventory": rows, "propose": True})
    found = parsed(page)
    assert page.status == 200
    assert (found["phones"], sum(found["outcomes"].values())) == (1, 1)
    assert found["proposal"]["plan"]


def test_a_proposed_plan_publishes_the_lists_that_were_asked_about(admin: Program) -> None:
    """Another cluster's lists lose the phone; it is not saved by leaving one of them out, or the whole change."""
    rows = f"name,model,ctl,itl\nSEP001122334455,7975,{ctl('mine').sha256},none\n"
    asked = [ctl("other", servers=("other",)), itl("other", servers=("other",))]
    sent = [base64.b64encode(each.data).decode() for each in (ctl("mine"), *asked)]
    page = admin.post(
        "/api/v1/forecasts", {"steps": [{"publish": [each]} for each in sent], "inventory": rows, "propose": True}
    )
    found = parsed(page)
    assert page.status == 200, page.body
    assert found["outcomes"]["frozen"] == found["proposal"]["outcomes"]["frozen"] == 1
    assert all(f'publish = ["{each.sha256}"]' in found["proposal"]["plan"] for each in asked)


def test_the_page_of_the_description(lab: WebLab) -> None:
    page = lab.visitor().get("/api/docs")
    assert page.status == 200
    assert "<script" not in page.text
    for each in endpoints(lab.service.desk.control):
        assert f'id="{each.name}"' in page.text
