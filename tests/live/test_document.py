"""A collected inventory: written, read back, taken by whatever reads an inventory."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from mixedmode.live.document import read_document, write_document
from mixedmode.live.observed import (
    CertificateSeen,
    FaceSeen,
    FileSeen,
    NodeSeen,
    NotSeen,
    Observation,
    ParameterSeen,
    PhoneSeen,
    ServiceSeen,
    Sighting,
    Source,
    Value,
)

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
AXL = Sighting(Source.AXL, NOW, "https://192.0.2.10:8443/axl/")


def phone(name: str, **values: str) -> PhoneSeen:
    return PhoneSeen(name, {key: (Value(text, AXL),) for key, text in values.items()})


def observation(*phones: PhoneSeen) -> Observation:
    return Observation(
        "site",
        NOW,
        NOW,
        (NodeSeen("pub", "192.0.2.10", "publisher", "14.0.1", -1.5, AXL), NodeSeen("sub", "192.0.2.11")),
        (FileSeen("pub", "CTLFile.tlv", None, AXL), FileSeen("pub", "ITLFile.tlv", b"list", AXL)),
        (CertificateSeen("pub", "TVS", b"der", AXL, ("SAST", "TVS")),),
        (FaceSeen("pub", "web", 8443, "RSA", (b"der", b"ca"), "TLSv1.2", "X", AXL),),
        (ServiceSeen("pub", "Cisco Tftp", "Started", NOW, AXL), ServiceSeen("pub", "Cisco CTI", "Stopped", None, AXL)),
        (ParameterSeen("ClusterSecurityMode", "1", AXL),),
        phones,
        (NotSeen("RIS", "", "no login"),),
        True,
    )


def text_of(seen: Observation) -> str:
    return "".join(write_document(seen))


names = st.sampled_from([f"SEP00005E00530{n}" for n in range(10)])
values = st.dictionaries(st.sampled_from(["model", "ctl", "itl", "pool", "status"]), st.text(max_size=12), max_size=5)


@given(st.dictionaries(names, values, max_size=6))
def test_what_is_written_is_read(found: dict[str, dict[str, str]]) -> None:
    seen = observation(*(phone(name, **each) for name, each in found.items()))
    assert read_document(text_of(seen)) == seen


def rows(text: str, *, reformatted: bool = False) -> list[tuple[str, str]]:
    data = (json.dumps(json.loads(text), indent=1) if reformatted else text).encode()
    inventory = Inventory("x.json", Cells(Library(), None))
    return [(name, kind.model_name) for name, kind, _ in inventory.rows(io.BytesIO(data))]


@pytest.mark.parametrize("reformatted", [False, True])
@pytest.mark.parametrize("count", [0, 1, 3000])
def test_readers_of_inventories_take_it(count: int, reformatted: bool) -> None:
    phones = [phone(f"SEP{number:012X}", model="7975", ctl="none") for number in range(count)]
    found = rows(text_of(observation(*phones, phone("CTIPort_7", model="CTI Port"))), reformatted=reformatted)
    assert found == [(each.name, "7975") for each in phones]


@pytest.mark.parametrize(
    ("name", "value", "version", "told"),
    [
        ("PhoneInteractionOnCertificateUpdate", "Automatically Reset", "14.0.1", "is automatic: the cluster resets"),
        ("phone interaction on certificate update", "Manual", "", "is manual: the cluster resets no phone"),
        ("PhoneInteractionOnCertificateUpdate", "0", "15.0.1", "is '0'; if that means automatic"),
        ("Other", "Automatic", "14.0.1.10000-20", "was not read: by default the cluster resets"),
        ("Other", "Automatic", "12.5.1", ""),
    ],
)
@pytest.mark.parametrize("reformatted", [False, True])
def test_a_forecast_is_told_whether_the_cluster_resets_phones_by_itself(
    name: str, value: str, version: str, told: str, reformatted: bool
) -> None:
    parameters, nodes = (ParameterSeen(name, value, AXL),), (NodeSeen("a", "b", "", version),)
    seen = replace(observation(), parameters=parameters, nodes=nodes)
    text = text_of(seen)
    data = (json.dumps(json.loads(text), indent=1) if reformatted else text).encode()
    inventory = Inventory("x.json", Cells(Library(), None))
    assert list(inventory.rows(io.BytesIO(data))) == []
    assert told in "".join(inventory.remarks)
    assert bool(told) == bool(inventory.remarks)


def test_what_no_inventory_takes_is_left_out_of_its_columns() -> None:
    odd = phone("SEP00005E005301", model="!" * 80, ctl="who knows", security_mode="Not Selected")
    assert rows(text_of(observation(odd))) == [("SEP00005E005301", "")]


@pytest.mark.parametrize(
    "text",
    [
        '{"mixedmode_inventory":2}',
        '{"mixedmode_inventory":1}',
        '{"mixedmode_inventory":1,"phones":[',
        '{"mixedmode_inventory"',
        '{"mixedmode_inventory":1,"files":[{"name":"a.tlv","data":"#"}],"phones":[\n]}',
    ],
)
def test_damaged_ones(text: str) -> None:
    with pytest.raises(MalformedError):
        read_document(text)
    with pytest.raises(MalformedError):
        rows(text)
