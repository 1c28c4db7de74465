"""A phone's errand against servers that answer rubbish, and one that goes in the middle of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from mixedmode.errors import RemoteError
from mixedmode.phone.body.calling import errands
from mixedmode.phone.body.client import Phone
from mixedmode.phone.mind.models import get_model
from mixedmode.protocols.sccp import Frame
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.codes import State
from mixedmode.protocols.sccp.framing import encode_agreed, encode_message
from mixedmode.protocols.sccp.messages.registering import RegisterAck, RegisterReject
from mixedmode.protocols.sccp.messages.setup import CapabilitiesReq, DefineTimeDate, LineStat
from mixedmode.protocols.sccp.messages.templates import Button, ButtonTemplateRes, SoftKeySetRes, SoftKeyTemplateRes

ACK = encode_message(RegisterAck(30, 60, "D.M.Y", 11, bytes(3)))
READY = ACK + b"".join(
    map(
        encode_message,
        (
            CapabilitiesReq(),
            ButtonTemplateRes.of((Button(1, 9),)),
            SoftKeyTemplateRes.of(()),
            SoftKeySetRes(0, 0, 0, ()),
            LineStat(1, "1001", "", ""),
            DefineTimeDate.of(datetime(2026, 1, 1)),  # noqa: DTZ001 - the phone's own time
        ),
    )
)
NO_SCCP = "bytes that are no SCCP"


def phone_of(host: str, port: int) -> Phone:
    phone = Phone("SEP001122334455", get_model("7975"))
    errands.knows(phone, host, port)
    return phone


@asynccontextmanager
async def server(data: bytes, seconds: float | None = None) -> AsyncIterator[int]:
    """A server that says this to whoever comes, and after some seconds is gone for good."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if seconds is None:
            await reader.read()
        else:
            await asyncio.sleep(seconds)
            listener.close()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NO_SCCP),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NO_SCCP),
        (bytes(10_000), NO_SCCP),
        ((1 << 31).to_bytes(4, "little") + bytes(20), NO_SCCP),
        (b"\x15\x03\x01\x00\x02\x02\x28", NO_SCCP),
        (Frame(0x81, b"\x1e").encode(), "RegisterAck (0081): the message ends"),
        (encode_message(RegisterReject("\x1b[31mEvil\r\n")), "?[31mEvil??"),
        (Frame(0x9D).encode(), "no reason given"),
        (ACK + Frame(0x97, bytes(3)).encode(), NO_SCCP),
    ],
)
def test_a_server_that_answers_rubbish_is_named_with_what_is_wrong(data: bytes, why: str) -> None:
    async def procedure() -> None:
        async with server(data) as port:
            with pytest.raises(RemoteError) as caught:
                await errands.run(phone_of("127.0.0.1", port), errands.Errand(dial="1"))
            assert why in (caught.value.why or "")
            assert "\x1b" not in f"{caught.value} {caught.value.why}"

    asyncio.run(procedure())


def test_a_call_that_a_phone_took_ends_some_time_after_its_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_LOOK_SECONDS", 0.05)
    said = (t.CallState(State.RING_IN, 1, 7), t.CallState(State.CONNECTED, 1, 7), m.OpenReceiveChannel(7, 8, call=7))
    in_call = READY + b"".join(encode_agreed(each, 11) for each in said)

    async def procedure() -> None:
        async with server(in_call, seconds=0.3) as port:
            report = await errands.run(phone_of("127.0.0.1", port), errands.Errand(answer=True))
            assert report.connected

    asyncio.run(procedure())


@pytest.mark.parametrize("host", ['a"b', "<a>&", "x\x01y", "]]>"])
def test_a_name_with_signs_of_xml_or_of_none_is_a_name(host: str) -> None:
    config = phone_of(host, 2000).state.config_in_force()
    assert config is not None
    assert [each.address for each in config.call_managers] == [host.replace("\x01", "?")]
