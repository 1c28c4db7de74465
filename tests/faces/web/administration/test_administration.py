"""Device pools, groups, profiles, phones as devices, plugins: what they show, change and refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.store.devices import set_lsc
from mixedmode.protocols.capf import Operation
from mixedmode.services.capf.store import CapfStore
from tests.faces.web.weblab import Page, Visitor, WebLab

ADD = "/ccmadmin/phone"
NAME = "SEP00AABBCCDD01"
PHONE = f"{ADD}/{NAME}"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def phone(lab: WebLab) -> Iterator[str]:
    """A phone of its own; it is gone afterwards."""
    lab.cluster.devices.add([DeviceSpec(NAME, "7975", "Reception", "Default")])
    yield NAME
    visitor = lab.visitor("administrator")
    page = visitor.get(f"{PHONE}/remove")
    if page.status == 200:
        assert visitor.post(f"{PHONE}/remove", {"csrf": page.csrf, "mark": mark(page)}).status == 303


@pytest.fixture
def administrator(lab: WebLab) -> Visitor:
    return lab.visitor("administrator")


def mark(page: Page) -> str:
    found = re.search(r'name="mark" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


def send(visitor: Visitor, path: str, **fields: str) -> Page:
    """Open a page and send one of its forms."""
    page = visitor.get(path)
    return visitor.post(path, {"csrf": page.csrf, "mark": mark(page), **fields})


def change(**other: str) -> dict[str, str]:
    present = {"description": "Reception", "device_pool": "Default", "protocol": "SCCP", "security_mode": "1"}
    return {"act": "change", **present, **other}


def test_pools_and_groups_show_their_nodes_in_order(lab: WebLab, administrator: Visitor) -> None:
    lab.cluster.devices.add([DeviceSpec("SEP00AABBCCDD99", "8861", "", f"DP {EVIL}")])
    for path in ("/ccmadmin/device-pools", "/ccmadmin/cm-groups"):
        page = administrator.get(path)
        assert re.search(r"1\. cucm-1051-a-pub\b.* 2\. cucm-1051-a-sub1\b", page.words), path
        assert EVIL not in page.text
    pools = {row["pool"]: row for row in administrator.get("/ccmadmin/device-pools?format=csv&sort=-phones").rows}
    assert pools["Default"]["nodes"] == "cucm-1051-a-pub cucm-1051-a-sub1"
    assert int(pools["Default"]["phones"]) >= 4
    assert pools[f"DP {EVIL}"]["phones"] == "1"
    assert "No device pools with pool nope" in administrator.get("/ccmadmin/device-pools?pool=nope").words
    group = administrator.get("/ccmadmin/cm-groups?format=csv").rows[0]
    assert group["nodes"] == "cucm-1051-a-pub cucm-1051-a-sub1"
    assert int(group["pools"]) >= 2


def test_profiles_are_called_as_in_cucm(lab: WebLab, administrator: Visitor) -> None:
    found = administrator.get("/ccmadmin/phone-security-profiles?format=csv&model=7975&mode=1").rows
    assert found[0]["profile"] == "Cisco 7975 - Standard SCCP Non-Secure Profile"
    assert "authenticated or encrypted" in administrator.get("/ccmadmin/phone-security-profiles").words


def test_a_phone_is_changed_and_only_what_was_changed(lab: WebLab, administrator: Visitor, phone: str) -> None:
    page = administrator.get(PHONE)
    assert (page.status, page.heading) == (200, phone)
    assert "Cisco 7975 - Standard SCCP Non-Secure Profile" in page.text
    assert send(administrator, PHONE, **change(description=f"Lobby {EVIL}", security_mode="3")).status == 303
    after = lab.cluster.devices.get(phone)
    assert (after.description, after.security_mode, after.protocol) == (f"Lobby {EVIL}", 3, "SCCP")
    page = administrator.get(PHONE)
    assert f"Device {phone} changed. Reset the phone" in page.words
    assert EVIL not in page.text
    audit = lab.cluster.operations.journal.audit(5, user="administrator", outcome="done")
    assert audit[-1].action == "device change" or any(each.action == "device change" for each in audit)
    same = send(administrator, PHONE, **change(description=f"Lobby {EVIL}", security_mode="3"))
    assert "Nothing was changed" in administrator.get(same.location).words


def test_lines_are_added_changed_and_removed(lab: WebLab, administrator: Visitor, phone: str) -> None:
    line = {"act": "add-line", "number": "1001", "name": "Kowal", "label": EVIL, "forward_busy": "1002", "calls": "2"}
    assert send(administrator, PHONE, **line).status == 303
    found = lab.cluster.lines_of(phone)[0]
    assert (found.number, found.position, found.name, found.forward_busy, found.calls) == (
        "1001",
        1,
        "Kowal",
        "1002",
        2,
    )
    assert EVIL not in administrator.get(PHONE).text
    assert EVIL not in administrator.get(f"{PHONE}/line/1001").text
    again = send(administrator, PHONE, **{**line, "label": ""})
    assert (again.status, "line 1001 is there already" in again.words) == (422, True)
    for bad in (
        {"number": "abc"},
        {"number": "1003", "calls": "9"},
        {"number": "1003", "position": "x"},
        {"number": ""},
    ):
        assert send(administrator, PHONE, **{**line, "label": "", **bad}).status == 422, bad
    path = f"{PHONE}/line/1001"
    assert administrator.get(path).heading == "1001"
    assert send(administrator, path, name="Nowak", label="", forward_busy="", calls="1").status == 303
    found = lab.cluster.lines_of(phone)[0]
    assert (found.name, found.label, found.forward_busy, found.calls) == ("Nowak", "", "", 1)
    assert send(administrator, path, act="remove").status == 303
    assert lab.cluster.lines_of(phone) == []
    assert administrator.get(path).status == 404


def test_capf_is_ordered_and_its_digits_stand_nowhere(lab: WebLab, administrator: Visitor, phone: str) -> None:
    order = {"act": "capf", "operation": "install", "proof": "string", "key": "ec-256"}
    page = send(administrator, PHONE, **order, password="12ab")
    assert (page.status, "a CAPF password has 4 to 15 digits" in page.words) == (422, True)
    assert "12ab" not in page.text
    page = send(administrator, PHONE, **order)
    assert (page.status, "the authentication string is missing" in page.words) == (422, True)
    assert send(administrator, PHONE, **order, password="8675309").status == 303
    page = administrator.get(PHONE)
    assert "Install/Upgrade waits for the phone" in page.words
    assert "8675309" not in page.text
    store = CapfStore(lab.cluster.folder(lab.cluster.publisher.name).root / "capf")
    waits = store.find(phone)
    assert waits is not None
    assert (waits.operation, waits.key, waits.fits(b"8675309")) == (Operation.INSTALL, "ec-256", True)
    audit = lab.cluster.operations.journal.audit(20, user="administrator")
    assert any(each.action == "capf set" and each.details["device"] == phone for each in audit)
    assert "8675309" not in str([each.details for each in audit])
    assert send(administrator, PHONE, **{**order, "operation": "none", "proof": "null"}).status == 303


def test_a_form_of_a_page_that_is_behind_is_refused(lab: WebLab, administrator: Visitor, phone: str) -> None:
    second = administrator.get(PHONE)
    assert send(administrator, PHONE, **change(description="First")).status == 303
    for path, fields in (
        (PHONE, change(description="Second")),
        (PHONE, {"act": "add-line", "number": "1009", "calls": "1"}),
        (PHONE, {"act": "capf", "operation": "delete", "proof": "null", "key": "rsa-2048"}),
        (f"{PHONE}/remove", {}),
    ):
        page = administrator.post(path, {"csrf": second.csrf, "mark": mark(second), **fields})
        assert (page.status, f"Somebody changed {phone} while you read it" in page.words) == (409, True), path
    assert lab.cluster.devices.get(phone).description == "First"


@pytest.mark.parametrize("user", ["reader", ""])
def test_who_has_not_the_level_changes_nothing(lab: WebLab, administrator: Visitor, phone: str, user: str) -> None:
    shown = administrator.get(PHONE)
    visitor = lab.visitor(user)
    csrf = visitor.get(PHONE).csrf if user else "0"
    new = {
        "name": "SEP00AABBCCDD55",
        "model": "7975",
        "device_pool": "Default",
        "protocol": "SCCP",
        "security_mode": "1",
    }
    for path, fields in (
        (PHONE, change(description="Mine")),
        (PHONE, {"act": "add-line", "number": "1009", "calls": "1"}),
        (PHONE, {"act": "capf", "operation": "delete", "proof": "null", "key": "rsa-2048"}),
        (f"{PHONE}/remove", {}),
        (ADD, new),
    ):
        page = visitor.post(path, {"csrf": csrf, "mark": mark(shown), **fields})
        assert page.status == (403 if user else 401), (path, fields)
        if user:
            assert "privilege" in page.words.lower(), (path, fields)
            without = administrator.post(path, {"mark": mark(shown), **fields})
            assert (without.status, "Nothing was changed" in without.text) == (403, True)
    assert lab.cluster.devices.get(phone).description == "Reception"
    assert lab.cluster.device("SEP00AABBCCDD55") is None
    if user:
        assert "Your level is 0" in visitor.get(PHONE).words
        audit = lab.cluster.operations.journal.audit(20, user="reader", outcome="refused")
        assert {"device change", "line add", "capf set", "device remove", "device add"} <= {e.action for e in audit}


def test_the_lsc_of_a_phone_is_revoked(lab: WebLab, administrator: Visitor, phone: str) -> None:
    path = f"{PHONE}/revoke-lsc"
    assert "has no LSC that could be revoked" in administrator.get(path).words
    der = lab.cluster.own_certificate(lab.cluster.publisher.name, "CAPF").der
    with lab.cluster.database.write() as session:
        set_lsc(session, phone, der)
    assert "Revoke it" in administrator.get(PHONE).words
    page = administrator.get(path)
    assert f"Revoke every LSC of {phone}? It cannot be taken back." in page.words
    assert "It registers again by another certificate" in page.words
    present = re.search(r'name="lsc" value="(\w+)"', page.text)
    assert present is not None
    reader = lab.visitor("reader")
    assert "Your level is 0" in reader.get(path).words
    asked = {"csrf": page.csrf, "lsc": present[1], "reason": EVIL}
    assert reader.post(path, {**asked, "csrf": reader.get(PHONE).csrf}).status == 403
    assert administrator.post(path, {**asked, "csrf": ""}).status == 403
    assert administrator.post(path, {**asked, "lsc": "0" * 64}).status == 409
    assert administrator.post(path, {**asked, "reason": "x" * 256}).status == 400
    assert lab.cluster.devices.lsc(phone) == der
    assert administrator.post(path, asked).location == PHONE
    assert lab.cluster.devices.lsc(phone) is None
    page = administrator.get(PHONE)
    assert "Revoked LSC" in page.words
    assert EVIL in page.words
    assert EVIL not in page.text
    assert administrator.post(path, asked).status == 409
    audit = lab.cluster.operations.journal.audit(20, user="administrator")
    revoked = [each for each in audit if each.action == "capf revoke"]
    assert any(phone in str(each.details) for each in revoked), revoked


def test_a_phone_is_added_and_deleted(lab: WebLab, administrator: Visitor) -> None:
    csrf = administrator.get(ADD).csrf
    new = {"csrf": csrf, "model": "8861", "device_pool": "Default", "protocol": "SIP", "security_mode": "1"}
    for bad in ({"name": "printer"}, {"name": ""}, {"name": "SEP00AABBCCDD77", "model": "fax"}, {"name": EVIL}):
        page = administrator.post(ADD, {**new, **bad})
        assert page.status == 422, bad
        assert EVIL not in page.text
    done = administrator.post(ADD, {**new, "name": "sep00aabbccdd77", "description": "New"})
    assert done.location == f"{ADD}/SEP00AABBCCDD77"
    assert administrator.post(ADD, {**new, "name": "SEP00AABBCCDD77"}).status == 422, "it is there already"
    assert send(administrator, f"{done.location}/remove").location == "/ccmadmin/phones"
    assert lab.cluster.device("SEP00AABBCCDD77") is None
    for path in (done.location, f"{done.location}/remove", f"{done.location}/line/1", f"{ADD}/{EVIL}"):
        page = administrator.get(path)
        assert page.status == 404, path
        assert EVIL not in page.text


def test_the_plugin_page_says_how_the_client_is_run(lab: WebLab, administrator: Visitor) -> None:
    page = administrator.get("/plugins/")
    publisher = lab.cluster.publisher
    assert f"mixedmode ctl-client {publisher.address} --cacert {publisher.name}-CallManager.pem" in page.words
    shown = lab.cluster.own_certificate(publisher.name, "CallManager").sha256.hex(":").upper()
    assert shown in page.text
    assert administrator.get("/plugins").status in {303, 307}


def test_forty_thousand_phones_make_no_page_slow(own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page asks of the database does not grow with the phones: questions are counted, not milliseconds."""
    from sqlalchemy import event

    from tests.faces.web.weblab import web_lab

    own_cluster.devices.add(
        DeviceSpec(f"SEP10{at:010X}", ("7975", "8861")[at % 2], "", f"DP-{at % 30:02}", "SCCP", at % 3 + 1)
        for at in range(2000)
    )
    with web_lab(own_cluster) as running:
        visitor = running.visitor("administrator")
        running.service.desk.standing.now()
        for path in (
            "/ccmadmin/device-pools",
            "/ccmadmin/cm-groups",
            "/ccmadmin/phone-security-profiles",
            f"{ADD}/SEP100000000001",
            "/cmplatform/certificates",
            "/cmplatform/cluster",
        ):
            fetched: list[int] = []

            def count(_connection: object, cursor: object, *_rest: object, into: list[int] = fetched) -> None:
                into.append(1)
                del cursor

            engine = own_cluster.database.engine
            event.listen(engine, "after_cursor_execute", count)
            try:
                page = visitor.get(path)
            finally:
                event.remove(engine, "after_cursor_execute", count)
            assert page.status == 200, path
            assert len(fetched) < 200, (path, len(fetched))  # the table of phones is read beside it
            assert len(page.body) < 60_000, path
