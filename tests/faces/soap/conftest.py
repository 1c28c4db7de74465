"""A node with its web service, phones, lines and registrations, for programs that were written for CUCM."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.sightings import Registered, Seen
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.lines import AddLines
from mixedmode.control.services import OperationServices
from mixedmode.faces.soap.ris.face import Rate
from mixedmode.pki.certificates.profiles import KeyKind
from tests.cluster.building import copied
from tests.faces.web.weblab import PASSWORD, Page, WebLab, web_lab

ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns="{space}">'
    "<soapenv:Header/><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
)
AXL = "http://www.cisco.com/AXL/API/"
AST = "http://schemas.cisco.com/ast/soap"
NAMES = tuple(f"SEP00005E00530{at}" for at in range(4))


class Hands(OperationServices):
    """Services whose CallManagers have registered two phones, one with each node; the second may be out of reach."""

    alone = False

    async def registered(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        now = "2026-11-26T05:00:00+00:00"
        phone = {"since": now, "load": "SCCP75.9-4-2", "model": "7975", "security": "non-secure"}
        here = {"axl-pub": [{**phone, "name": NAMES[1], "address": "192.0.2.51"}]}
        return here if self.alone else {**here, "axl-sub1": [{**phone, "name": NAMES[3], "address": "192.0.2.53"}]}


@dataclass
class Programs:
    """A program's way to the node."""

    lab: WebLab

    def post(
        self,
        path: str,
        body: str | bytes,
        *,
        user: str = "reader",
        password: str = PASSWORD,
        action: str | None = None,
        login: bool = True,
    ) -> Page:
        headers = {"content-type": "text/xml; charset=utf-8"}
        if login:
            headers["authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if action is not None:
            headers["SOAPAction"] = action
        data = body.encode() if isinstance(body, str) else body
        return self.lab.visitor().send("POST", path, data, headers)

    def axl(self, body: str, version: str = "14.0", *, action: str | None = None, **more: Any) -> Page:
        said = f'"CUCM:DB ver={version}"' if action is None else action
        return self.post("/axl/", ENVELOPE.format(space=f"{AXL}{version}", body=body), action=said, **more)

    def sql(self, query: str, **more: Any) -> Page:
        plain = query.replace("&", "&amp;").replace("<", "&lt;")
        return self.axl(f"<ns:executeSQLQuery><sql>{plain}</sql></ns:executeSQLQuery>", **more)

    def ris(self, names: Sequence[str], operation: str = "selectCmDeviceExt", state: str = "", **criteria: str) -> Page:
        items = "".join(f"<ns:item><ns:Item>{name}</ns:Item></ns:item>" for name in names)
        fields = {"MaxReturnedDevices": "1000", "DeviceClass": "Phone", "Model": "255", "Status": "Any", **criteria}
        held = "".join(f"<ns:{name}>{value}</ns:{name}>" for name, value in fields.items())
        body = (
            f"<ns:{operation}><ns:StateInfo>{state}</ns:StateInfo><ns:CmSelectionCriteria>{held}"
            f"<ns:SelectItems>{items}</ns:SelectItems></ns:CmSelectionCriteria></ns:{operation}>"
        )
        return self.post("/realtimeservice2/services/RISService70", ENVELOPE.format(space=AST, body=body))

    def control(self, body: str) -> Page:
        path = "/controlcenterservice2/services/ControlCenterServices"
        return self.post(path, ENVELOPE.format(space=AST, body=body))


@pytest.fixture(scope="session")
def axl_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("axl") / "cluster"
    nodes = (NodeSpec("axl-pub", "127.0.0.11"), NodeSpec("axl-sub1", "127.0.0.12"))
    devices = tuple(
        DeviceSpec(name, "8841" if at == 0 else "7975", f"Desk <{at}> & 'co'", protocol="SIP" if at == 0 else "SCCP",
                   security_mode=3 if at == 2 else 1)
        for at, name in enumerate(NAMES)
    )  # fmt: skip
    spec = ClusterSpec(Version.parse("14.0.1.10000-20"), nodes, rsa_key=KeyKind.RSA_2048, devices=devices)
    cluster = Cluster.create(place, spec)
    cluster.run(AddLines((LineSpec(NAMES[1], "1001", name="Ada"),)))
    cluster.sightings.add(
        {
            NAMES[1]: Seen(registered=Registered(1_764_000_000.0, "192.0.2.51", "non-secure")),
            NAMES[2]: Seen(registered=Registered(1_763_000_000.0, "192.0.2.52", "encrypted")),
        }
    )
    cluster.close()
    return place


@pytest.fixture(scope="session")
def shared(axl_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebLab]:
    with (
        copied(axl_template, tmp_path_factory.mktemp("programs")) as cluster,
        web_lab(cluster, services=Hands(cluster)) as running,
    ):
        yield running


@pytest.fixture
def programs(shared: WebLab, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setattr(Rate, "take", lambda _self: True)
    return Programs(shared)
