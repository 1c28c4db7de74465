"""The part of a configuration file that concerns trust."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError
from mixedmode.phone.mind.config import CallManager, TvsServer, parse_config
from tests.phone.site import CONFIG
from tests.support import DATA


def test_what_a_configuration_says() -> None:
    config = parse_config(CONFIG)
    assert config.protocol == "SCCP"
    assert config.call_managers == (CallManager("callmanager", 0, sccp_port=2000),)
    assert config.tvs == (TvsServer("127.0.0.1", 2445, 0), TvsServer("127.0.0.2", 2445, 1))
    assert (config.device_security_mode, config.encrypted, config.certificate_hash) == (1, False, "")


def test_at_most_five_tvs_servers_in_priority_order() -> None:
    members = "".join(f'<member priority="{9 - n}"><address>tvs{n}</address></member>' for n in range(9))
    config = parse_config(f"<device><TVS><members>{members}</members></TVS></device>".encode())
    assert [server.address for server in config.tvs] == ["tvs8", "tvs7", "tvs6", "tvs5", "tvs4"]


def test_samples_of_another_writer() -> None:
    for path in sorted(DATA.glob("enc/*/plain.xml")):
        assert parse_config(path.read_bytes()).full
    for path in sorted(DATA.glob("sgn/*/SEP*.cnf.xml")):
        parse_config(path.read_bytes())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<device>",
        b"<a/>",
        b'<!DOCTYPE device [<!ENTITY a "b">]><device>&a;</device>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE device><device/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="klingon"?><device/>',
        b"<device><deviceSecurityMode>many</deviceSecurityMode></device>",
        b"<device><TVS><members><member><port>70000</port><address>a</address></member></members></TVS></device>",
        b"<device>" + b"<a>" * 100 + b"</a>" * 100 + b"</device>",
        b"<device>" + b"<a/>" * 30_000 + b"</device>",
        b"<device>" + b" " * (1 << 20) + b"</device>",
    ],
    ids=lambda data: str(data[:24]),
)
def test_what_no_phone_should_read(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_config(data)


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda junk: b"<device>" + junk + b"</device>"))
def test_any_bytes_end_in_a_configuration_or_a_typed_error(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_config(data)
