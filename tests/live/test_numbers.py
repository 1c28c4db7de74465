"""Numbers that a cluster, a phone or a person writes: too long, of another script, or none."""

from __future__ import annotations

import pytest

from mixedmode.app.commands.phones.tvs import _server
from mixedmode.errors import UsageError
from mixedmode.live.counters import registered_phones
from mixedmode.live.rows import row_values
from mixedmode.live.sources.control_center import look_at_services
from mixedmode.live.sources.database import _role
from mixedmode.live.sources.ris import Ris
from mixedmode.live.sources.seeing import Seen
from mixedmode.numbers import whole_number
from tests.explain.reading import kinds, read
from tests.live.canned import Canned, Time, device, told
from tests.live.stub import Answer, xml

ODD = ["9" * 5000, "²", "٣", "-1", "1e9", "", "1" * 19, "0x10"]


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_number_is_none(text: str) -> None:
    assert whole_number(text) is None
    assert whole_number("0012") == 12


@pytest.mark.parametrize("text", ODD)
def test_a_cucm_that_writes_odd_numbers(text: str) -> None:
    def answered(answer: Answer) -> Canned:
        return Canned(lambda _sent: answer)

    status, fields, body = told(device("SEP001122334455"))
    body = body.replace(b"<TotalDevicesFound>1<", f"<TotalDevicesFound>{text}<".encode())
    body = body.replace(b"1764000000", text.encode())
    found = Ris(answered((status, fields, body)), Time()).select(["SEP001122334455"])
    assert "last_seen" not in found.phones["SEP001122334455"]
    service = f"<item><ServiceName>Cisco Tftp</ServiceName><UpTime>{text}</UpTime></item>"
    seen = Seen()
    look_at_services(answered(xml(f"<a><ServiceInfoList>{service}</ServiceInfoList></a>")), "pub", seen, Time())
    assert [each.started for each in seen.services] == [None]
    assert "lsc_until" not in row_values({"name": "x", "lsc_until": text})
    assert _role(text).startswith("role ")
    counter = f"<item><Name>\\\\pub\\Cisco CallManager\\RegisteredHardwarePhones</Name><Value>{text}</Value></item>"
    with pytest.raises(Exception, match="does not count"):
        registered_phones(answered(xml(f"<a>{counter}</a>")), "pub")


@pytest.mark.parametrize("code", ["00091", *ODD])
def test_an_alarm_with_an_odd_code_is_explained(code: str) -> None:
    values = {"DeviceName": "SEP001122334455", "ITL_Signature": "Not Installed", "StatusCode": code}
    held = "".join(f'<String name="{name}">{text}</String>' for name, text in values.items())
    alarm = f'<x-cisco-alarm><Alarm Name="DeviceTLInfo"><ParameterList>{held}</ParameterList></Alarm></x-cisco-alarm>'
    assert kinds(read(f"{alarm}\n".encode()))


@pytest.mark.parametrize("port", ODD)
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(UsageError, match="names no server"):
        _server(f"192.0.2.1:{port}")
