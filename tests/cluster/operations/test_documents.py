"""Every operation as a document and back: for journals, also those of earlier releases, forms and APIs."""

from __future__ import annotations

import json
from dataclasses import MISSING, FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixedmode.cluster.engine.documents import document_of, operation_of, schema_of
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.ctl_upload import CtlAction, InstallCtl, UploadCtl
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.services import RestartService
from mixedmode.errors import UsageError
from tests.cluster.building import PUB
from tests.cluster.operations.schemas import faults

KINDS = tuple(OPERATIONS.values())
DEVICES = st.builds(
    DeviceSpec,
    st.integers(0, 2**48 - 1).map(lambda number: f"SEP{number:012X}"),
    protocol=st.sampled_from(["SCCP", "SIP"]),
    security_mode=st.integers(1, 3),
)
st.register_type_strategy(DeviceSpec, DEVICES)
NUMBERS = st.from_regex(r"\A[0-9]{1,9}\Z")
st.register_type_strategy(LineSpec, st.builds(LineSpec, st.just("SEP001122334455"), NUMBERS, forward_all=NUMBERS))

WRITTEN_BEFORE = [
    ("utils ctl set-cluster mixed-mode", {}),
    (
        "ctl client install",
        {"action": "update", "token": "CN=1", "sha256": "00", "length": 7, "phones_cleared": True, "mode": 1},
    ),
    ("put back CTLFile.tlv", {"ctl": "AAAA"}),
    ("utils itl reset remotekey", {"file": "AAAA"}),
    ("set cert regen", {"node": "pub", "unit": "CallManager"}),
    ("set cert regen", {"node": "pub", "unit": "CallManager", "key": "RSA-2048", "years": None}),
    ("set cert import trust", {"unit": "CallManager-trust", "pem": "PEM"}),
    ("set cert delete", {"node": "pub", "unit": "CAPF-trust", "sha256": "00"}),
    ("set csr gen", {"node": "pub", "unit": "tomcat"}),
    ("set cert import own", {"node": "pub", "unit": "tomcat", "pem": "PEM", "ca": ""}),
    ("certificate change notification", {"before": "2026-11-25T00:00:00+00:00"}),
    ("make missing certificates", {"node": "pub"}),
    ("utils service stop", {"node": "pub", "service": "Cisco Tftp"}),
    (
        "node start",
        {"node": "pub", "waited": [{"service": "Cisco Tftp", "since": "2026-11-25T00:00:00+00:00"}]},
    ),
    ("set parameter", {"name": "AutoRegistrationEnabled", "value": "True", "node": None}),
    ("utils system upgrade", {"version": "12.5.1.10000-22", "partition": "b"}),
    ("utils system switch-version", {"partition": "b"}),
    ("file delete tftp", {"node": "pub", "name": "CTLFile.tlv"}),
    (
        "node join",
        {
            "name": "sub",
            "address": "192.0.2.2",
            "ports": {"sftp": 22},
            "sftp_host_key": None,
            "certificates": {"TVS": "P"},
        },
    ),
    ("node remove", {"node": "sub"}),
    ("device add", {"devices": [{"name": "SEP001122334455", "model": "8861", "protocol": "SIP", "security_mode": 3}]}),
    ("device change", {"name": "SEP001122334455", "values": {"description": "lobby", "security_mode": 2}}),
    ("capf revoke", {"device": "SEP001122334455", "reason": "stolen"}),
    ("device remove", {"name": "SEP001122334455"}),
    ("line add", {"lines": [{"device": "SEP001122334455", "number": "1001", "forward_all": "1002"}]}),
    ("line change", {"number": "1001", "values": {"calls": 2}}),
    ("line remove", {"number": "1001"}),
]
"""What journals of the release before typed operations hold."""


def name_of(kind: type[Operation]) -> str:
    return kind.title


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_document_holds_all_of_an_operation_and_fits_its_schema(kind: type[Operation], data: st.DataObject) -> None:
    operation = data.draw(st.from_type(kind))
    document = document_of(operation)
    assert json.loads(json.dumps(document)) == document
    assert operation_of(kind, document) == operation
    given = {name: value for name, value in document.items() if value is not None}
    assert faults(schema_of(kind), document) == faults(schema_of(kind), given) == []


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_a_schema_names_each_field_its_help_and_what_must_be_there(kind: type[Operation]) -> None:
    schema: dict[str, Any] = schema_of(kind)
    names = {each.name for each in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    assert (schema["title"], schema["additionalProperties"]) == (kind.title, False)
    assert set(schema.get("properties", ())) == names
    assert set(schema.get("required", ())) == needed
    for name, each in schema.get("properties", {}).items():
        assert each["description"].endswith("."), f"{name} has no help"
    for name in needed:
        without = dict.fromkeys(needed - {name}, "x")
        with pytest.raises(UsageError, match=f"{kind.title} needs {name}|is wrong"):
            operation_of(kind, without)
        assert f".{name} is missing" in faults(schema, without)


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_an_unknown_field_is_named(kind: type[Operation]) -> None:
    with pytest.raises(UsageError) as error:
        operation_of(kind, {"colour": "red"})
    assert error.value.where in {"colour", *(each.name for each in fields(kind))}
    assert ".colour is unknown" in faults(schema_of(kind), {"colour": "red"})


def test_a_schema_tells_the_kind_of_a_value_and_who_gives_it() -> None:
    schema: dict[str, Any] = schema_of(OPERATIONS["utils system upgrade"])
    assert schema["properties"]["version"] == {
        "description": "The version's number, such as 12.5.1.10000-22.",
        "format": "version",
        "minLength": 1,
        "title": "Version",
        "type": "string",
    }
    assert schema["properties"]["partition"]["readOnly"] is True
    schema = schema_of(InstallCtl)
    assert schema["$defs"]["CtlAction"]["enum"] == ["mixed", "non-secure", "update"]


def test_an_unknown_field_beside_all_that_are_needed() -> None:
    with pytest.raises(UsageError, match="utils service restart has no field colour") as error:
        operation_of(RestartService, {"node": "pub", "service": "Cisco Tftp", "colour": "red"})
    assert (error.value.where, error.value.next_step) == ("colour", "its fields: node, service")


@pytest.mark.parametrize(
    ("kind", "document", "where"),
    [
        (RestartService, {"node": 7, "service": "Cisco Tftp"}, "node"),
        (RestartService, {"node": "", "service": "Cisco Tftp"}, "node"),
        (RegenerateCertificate, {"node": "pub", "unit": "CAPF", "years": "5"}, "years"),
        (InstallCtl, {"action": "rubbish"}, "action"),
        (InstallCtl, {"action": "mixed", "phones_cleared": 1}, "phones_cleared"),
        (AddDevices, {"devices": []}, "devices"),
        (AddDevices, {"devices": [{"name": "SEP001122334455", "security_mode": "high"}]}, "devices.0.security_mode"),
        (AddDevices, {"devices": [{"name": "SEP001122334455", "colour": "red"}]}, "devices.0.colour"),
        (AddDevices, {"devices": [{}]}, "devices.0.name"),
        (ChangeDevice, {"name": "SEP001122334455", "values": {"colour": "red"}}, "values.colour"),
        (ChangeDevice, {"name": "SEP001122334455", "values": {"description": 7}}, "values.description"),
    ],
)
def test_what_is_wrong_is_named(kind: type[Operation], document: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError) as error:
        operation_of(kind, document)
    assert error.value.where == where
    assert faults(schema_of(kind), document)


def test_a_field_that_is_left_empty_is_refused_and_audited_whoever_asks(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="utils service restart needs service"):
        cluster.run(RestartService(PUB, ""), Principal("anna", 4))
    last = cluster.operations.journal.audit()[-1]
    assert (last.action, last.outcome) == ("utils service restart", "refused")
    assert last.details["arguments"] == {"node": PUB, "service": ""}
    assert isinstance(cluster.operations.plan(RestartService(PUB, "")).refusal, UsageError)


@pytest.mark.parametrize(
    ("title", "document"), WRITTEN_BEFORE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_earlier_releases_wrote_is_read(title: str, document: dict[str, Any]) -> None:
    kind = OPERATIONS[title]
    operation = operation_of(kind, document)
    again: dict[str, Any] = dict(document_of(operation))
    assert operation_of(kind, again) == operation
    for name, value in document.items():
        if isinstance(value, dict):
            assert again[name].items() >= value.items()
        elif name not in {"devices", "lines"} and value is not None:
            assert again[name] == value


def test_every_title_was_written_or_takes_nothing() -> None:
    written = {title for title, _ in WRITTEN_BEFORE}
    alike = {"utils service start": "utils service stop", "utils service restart": "utils service stop"}
    for title, kind in OPERATIONS.items():
        assert title in written or alike.get(title) in written or not fields(kind), title


def test_an_uploaded_list_is_not_in_the_document() -> None:
    operation = UploadCtl.of(b"a list", CtlAction.MIXED)
    document = document_of(operation)
    assert set(document) == {each.name for each in fields(InstallCtl)}
    assert type(operation_of(InstallCtl, document)) is InstallCtl


def test_operations_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        RestartService("pub", "Cisco Tftp").node = "sub"  # type: ignore[misc]
    assert all("__dict__" not in dir(kind) for kind in KINDS)
