"""Light phones in a process of their own: a process may open only so many files, and each phone's connection is one.

``python -m bench.herd PORT FIRST COUNT`` is the child. It does what each line of its input asks for (``register``,
``call PAIRS ROUNDS``, ``kept``), answers with lines of JSON, the last of which says ``"done": true``, and ends with its
input. :class:`Herd` is the other end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bench.hall import name_of, number_of
from bench.light_phones import LightPhone, register
from bench.peers import all_files, alone_on_ctrl_c
from mixedmode.errors import RemoteError

AT_ONCE = 64
"""Phones that register in the same moment."""
_TOLD_SECONDS = 0.5
_CALL_SECONDS = 30.0


class Herd:
    """Phones of another process."""

    def __init__(self, process: asyncio.subprocess.Process, count: int) -> None:
        self.count = count
        self._process = process

    async def ask(self, *words: object, told: Callable[[int], None] = lambda _done: None) -> dict[str, Any]:
        """Have something done; return what came of it.

        Args:
            words: What the child knows.
            told: Told how far it is.

        Raises:
            RemoteError: The process is gone.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        while line := await self._process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if answer["done"]:
                return answer
            told(answer["so_far"])
        raise RemoteError("the phones of this bench ended", where=f"process {self._process.pid}")


@asynccontextmanager
async def herd(port: int, first: int, count: int) -> AsyncIterator[Herd]:
    """Have a process of phones, none of which is registered yet.

    Args:
        port: Of their CallManager, on this host.
        first: The number of the first one; the others follow.
        count: How many.
    """
    words = ["-m", "bench.herd", str(port), str(first), str(count)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
    try:
        yield Herd(process, count)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _registered(phones: list[LightPhone], port: int, first: int) -> dict[str, Any]:
    """Register all; tell now and then how many are."""
    work = asyncio.ensure_future(register(phones, port, AT_ONCE, first=first))
    while not work.done():
        await asyncio.wait({work}, timeout=_TOLD_SECONDS)
        _tell(so_far=sum(phone.registered for phone in phones))
    return {"registered": work.result()}


async def _called(phones: list[LightPhone], pairs: int, rounds: int) -> dict[str, Any]:
    """Set up calls and end them, many at once."""
    both, done = list(zip(phones[::2], phones[1::2], strict=False))[:pairs], 0
    for number in range(rounds):
        done += sum(await asyncio.gather(*(_call(one, other) for one, other in both)))
        _tell(so_far=number + 1)
    return {"calls": done, "wanted": len(both) * rounds}


async def _call(one: LightPhone, other: LightPhone) -> bool:
    connected, over = asyncio.Event(), asyncio.Event()
    one.on_connected, one.on_over = connected.set, over.set
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            one.dial(number_of(other.device))
            await connected.wait()
            one.hang_up()
            await over.wait()
    except TimeoutError:
        return False
    return True


def _tell(*, done: bool = False, **facts: Any) -> None:
    print(json.dumps({"done": done, **facts}), flush=True)


async def _live(port: int, first: int, count: int) -> None:
    phones = [LightPhone(name_of(first + number), takes=number % 2 == 1) for number in range(count)]
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["register"]:
                _tell(done=True, **await _registered(phones, port, first))
            case ["call", pairs, rounds]:
                _tell(done=True, **await _called(phones, int(pairs), int(rounds)))
            case ["kept"]:
                _tell(done=True, kept=sum(phone.registered for phone in phones))


if __name__ == "__main__":
    alone_on_ctrl_c()
    all_files()
    asyncio.run(_live(*map(int, sys.argv[1:4])))
