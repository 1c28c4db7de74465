"""What a session writes goes out in few packets, and a client that is gone is noticed all the same."""

from __future__ import annotations

import asyncio

import pytest

from mixedmode.faces.ssh.outlet import Outlet


class Channel:
    """The end of a channel; who reads it may be gone."""

    def __init__(self) -> None:
        self.packets: list[str] = []
        self.gone = False

    def write(self, data: str) -> None:
        if self.gone:
            raise BrokenPipeError("Channel not open for sending")
        self.packets.append(data)

    async def drain(self) -> None:
        pass


def test_lines_of_one_turn_are_one_packet_and_much_goes_at_once() -> None:
    channel = Channel()

    async def written() -> None:
        outlet = Outlet(channel)
        for at in range(200):
            outlet.put(f"line {at}\n")
        assert channel.packets == []
        await asyncio.sleep(0)
        assert channel.packets == ["".join(f"line {at}\n" for at in range(200))]
        outlet.put("x" * 20_000)
        assert len(channel.packets) == 2
        outlet.put("last words")
        outlet.flush()
        assert channel.packets[-1] == "last words"
        await asyncio.sleep(0)
        assert len(channel.packets) == 3

    asyncio.run(written())


def test_whoever_writes_to_a_client_that_is_gone_is_told_at_the_next_line() -> None:
    channel = Channel()

    async def written() -> None:
        outlet = Outlet(channel)
        channel.gone = True
        outlet.put("to nobody\n")
        await asyncio.sleep(0)
        with pytest.raises(BrokenPipeError):
            outlet.put("again\n")

    asyncio.run(written())
