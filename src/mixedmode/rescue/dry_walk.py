"""A walk of one phone with the confirm key left out: what confirms a sequence (docs/specification/rescue.md 2.3).

Rules:

1. The person who stands beside the phone says what its screen shows. What the phone itself names is written down too.
2. The phone is sent home, whatever the answer is.
3. Every key is in the evidence, which is the file that the confirmation stands in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mixedmode.errors import CheckFailedError
from mixedmode.rescue.around import Hands
from mixedmode.rescue.catalogue import Confirmation, Entry
from mixedmode.rescue.files import EvidenceFile
from mixedmode.rescue.phone import reading
from mixedmode.rescue.phone.actions import Look, Pause, Press, Walk
from mixedmode.rescue.phone.answers import taken
from mixedmode.rescue.phone.walking import anybody, dry, in_use, other_firmware, own_page
from mixedmode.rescue.planning import Planned


class DryWalk:
    """One walk.

    Args:
        phone: Which; its lists do not matter.
        entry: The sequence.
        hands: Reach it.
        log: The file of walks.
        say: Told each key.
        sleep: Waits.
        stranger: Returns why a phone that names an authentication service gets no login; empty if it does.
    """

    def __init__(
        self,
        phone: Planned,
        entry: Entry,
        hands: Hands,
        log: EvidenceFile,
        say: Callable[[str], object],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        stranger: Callable[[str | None], str] = anybody,
    ) -> None:
        self._phone, self._entry, self._hands, self._log, self._say, self._sleep = phone, entry, hands, log, say, sleep
        self._number, self._stranger = 0, stranger

    async def there(self) -> str:
        """Walk up to the confirm key; return what the phone itself names its window, empty if it does not.

        Raises:
            CheckFailedError: It is another phone, it is in use, or a key was refused; it was sent home.
        """
        page = await self._drive(own_page(self._phone.name, self._phone.model))
        if isinstance(page, str):
            raise CheckFailedError(f"{self._phone.name} is not there: {page}", where=self._phone.url)
        refused = self._stranger(page.authentication_url)
        if refused:
            raise CheckFailedError(refused, where=self._phone.name, next_step="look at what it has for a configuration")
        other = await self._drive(other_firmware(self._phone))
        if other:
            raise CheckFailedError(other, where=self._phone.name, next_step="correct the load in the inventory")
        if await self._drive(in_use()):
            raise CheckFailedError(f"{self._phone.name} is in use", next_step="come back when nobody speaks")
        failed = await self._drive(dry(self._entry))
        if failed is not None:
            raise CheckFailedError(f"the walk ended early: {failed.reason}", where=self._phone.name)
        window = await self._hands.get(self._phone.url, reading.WINDOW, login=True)
        return window.body if window.is_page else ""

    async def pictured(self, picture: Callable[[Planned], Awaitable[Mapping[str, Any]]]) -> str:
        """Make a picture of its screen, note it, and return its file, or why there is none."""
        said = await picture(self._phone)
        self._log.write("picture", {"phone": self._phone.name, **said})
        return str(said.get("file") or f"no picture: {said.get('why')}")

    async def home(self) -> None:
        """Send the phone home."""
        await self._do(Press(self._entry.home, self._entry.name, leaves=True))

    def confirm(self, person: str, moment: str, *, named: bool) -> Confirmation:
        """Write down that the person saw the question."""
        phone, entry = self._phone, self._entry
        head = self._log.head
        found = Confirmation(
            entry.name, entry.sha256, phone.model, phone.load, phone.menu, person, moment, phone.name, head, named
        )
        self._log.write("confirmed", {"confirmation": found.document()}, durable=True)
        return found

    async def _drive(self, steps: Walk[Any]) -> Any:
        value: Any = None
        try:
            while True:
                value = await self._do(steps.send(value))
        except StopIteration as end:
            return end.value

    async def _do(self, action: object) -> Any:
        match action:
            case Look(path, login):
                return await self._hands.get(self._phone.url, path, login=login)
            case Pause(seconds):
                await self._sleep(seconds)
            case Press(uri, confirm=False):
                return await self._press(uri, leaves=action.leaves)
        return 0.0

    async def _press(self, uri: str, *, leaves: bool) -> Any:
        said = {"phone": self._phone.name, "key": uri, "entry": self._entry.name}
        self._log.write("key", {**said, **({"leaves": True} if leaves else {"dry": True})})
        answer = await self._hands.press(self._phone.url, uri)
        found = taken(answer)
        self._log.write("answer", {**said, "status": answer.status, "taken": found.ok, "why": found.why})
        if not leaves and self._number < len(self._entry.steps):
            step = self._entry.steps[self._number]
            self._number += 1
            expected = f": its screen should show {step.see}" if step.see else ""
            self._say(f"pressed {uri}{expected}" if found.ok else f"{uri} was not taken: {found.why}")
        return found
