"""The clients that people use: ciscoaxl, and zeep with the WSDL that the node serves; TLS by its own certificate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from requests import Session
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from mixedmode.faces.soap.ris.face import Rate
from tests.faces.soap.conftest import NAMES
from tests.faces.web.weblab import PASSWORD, WebLab

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]


class ByName(HTTPAdapter):
    """Checks the certificate against the node's name, whatever the address."""

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, assert_hostname="axl-pub", server_hostname="axl-pub", **more)


@pytest.fixture
def session(shared: WebLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session that trusts the node's own tomcat certificate and no other."""
    monkeypatch.setattr(Rate, "take", lambda _self: True)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    trusted = tmp_path / "tomcat.pem"
    trusted.write_bytes(shared.cluster.own_certificate("axl-pub", "tomcat").pem())
    with Session() as made:
        made.verify = str(trusted)
        made.auth = HTTPBasicAuth("reader", PASSWORD)
        made.mount("https://", ByName())
        yield made


def test_ciscoaxl_reads_phones_nodes_and_sql(shared: WebLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # they would win over ciscoaxl's "verify = False"
        monkeypatch.delenv(name, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ucm = import_module("ciscoaxl").axl("reader", PASSWORD, "127.0.0.1", "12.5")
        ucm.client._binding_options["address"] = f"{shared.url}/axl/"
        phones = ucm.get_phones(tagfilter={"name": "", "product": "", "protocol": "", "devicePoolName": ""})
        assert [phone["name"] for phone in phones] == list(NAMES)
        assert [phone["product"] for phone in phones][:2] == ["Cisco 8841", "Cisco 7975"]
        phone = ucm.get_phone(name=NAMES[1])
        assert phone["name"] == NAMES[1]
        assert phone["lines"]["line"][0]["dirn"]["pattern"] == "1001"
        assert "was not found" in str(ucm.get_phone(name="nobody"))
        found = ucm.run_sql_query("select name, tkmodel from device order by name")
        assert found["num_rows"] == 4
        assert found["rows"][1] == {"name": NAMES[1], "tkmodel": "437"}
        pools = ucm.get_device_pools(tagfilter={"name": ""})
        assert [pool["name"] for pool in pools] == ["Default"]
        nodes = ucm.client.listProcessNode({"name": "%"}, returnedTags={"name": ""})["return"]["processNode"]
        assert [node["name"] for node in nodes] == ["axl-pub", "axl-sub1"]
        assert ucm.client.getCCMVersion()["return"]["componentVersion"]["version"] == "14.0.1.10000-20"
        assert ucm.client.getNumDevices("Phone")["return"]["_value_1"] == 4
        assert "only reads" in str(ucm.sql_update("update device set name='x'"))


def test_zeep_reads_registrations_and_services(shared: WebLab, session: Session) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zeep: Any = import_module("zeep")
        transport = zeep.Transport(session=session, timeout=60, operation_timeout=60)
        ris = zeep.Client(f"{shared.url}/realtimeservice2/services/RISService70?wsdl", transport=transport)
        criteria = {
            "MaxReturnedDevices": 1000,
            "DeviceClass": "Phone",
            "Model": 255,
            "Status": "Any",
            "NodeName": "",
            "SelectBy": "Name",
            "SelectItems": {"item": [{"Item": name} for name in NAMES]},
            "Protocol": "Any",
            "DownloadStatus": "Any",
        }
        told = ris.service.selectCmDeviceExt(StateInfo="", CmSelectionCriteria=criteria)
        result = told["SelectCmDeviceResult"]
        assert result["TotalDevicesFound"] == 3
        by_name = {device["Name"]: device for node in result["CmNodes"]["item"] for device in node["CmDevices"]["item"]}
        assert by_name[NAMES[1]]["IPAddress"]["item"][0]["IP"] == "192.0.2.51"
        assert by_name[NAMES[2]]["Status"] == "UnRegistered"
        control = zeep.Client(
            f"{shared.url}/controlcenterservice2/services/ControlCenterServices?wsdl", transport=transport
        )
        services = control.service.soapGetServiceStatus(ServiceStatus=[""])["ServiceInfoList"]["item"]
        assert "Cisco CallManager" in {service["ServiceName"] for service in services}
        products = control.service.getProductInformationList(ServiceInfo="")
        assert products["ActiveServerVersion"] == "14.0.1.10000-20"
