"""A walk at the terminal: each key said, the phone sent home whatever happens, the question put to the person."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.articles import with_article
from mixedmode.errors import CheckFailedError
from mixedmode.faces.terminal.console import print_lines, say

if TYPE_CHECKING:
    from mixedmode.rescue.catalogue import Entry
    from mixedmode.rescue.hands import PhoneHands
    from mixedmode.rescue.readiness import PhoneFacts
    from mixedmode.rescue.wire.pictures import Pictures
    from mixedmode.rescue.wire.whom import Services


def play_walk(
    facts: PhoneFacts,
    entry: Entry,
    hands: PhoneHands,
    services: Services,
    path: Path,
    person: str,
    pictures: Pictures | None = None,
) -> None:
    """Walk a phone, ask what it shows, and write down a yes.

    Args:
        facts: Of the phone.
        entry: The sequence.
        hands: Reach it.
        services: Authentication services that may hear of the login.
        path: The file of walks.
        person: Who stands beside it.
        pictures: Keeps a picture of its screen; None: none is made.

    Raises:
        CheckFailedError: The walk ended early, or the person did not see the question.
    """
    from mixedmode.pki.ask import ask_yes
    from mixedmode.rescue.dry_walk import DryWalk
    from mixedmode.rescue.files import evidence_file
    from mixedmode.rescue.planning import Planned

    model, load, menu = facts.kind
    phone = Planned(facts.name, model, load, menu, facts.url, "", "", "", "", (entry.name,), entry.erases)
    words = next((step.see for step in reversed(entry.steps) if step.see), "")
    with evidence_file(path) as log:
        log.write("walk", {"phone": facts.name, "entry": entry.name, "person": person})
        walk = DryWalk(phone, entry, hands, log, say, stranger=services.stranger)

        async def there() -> str:
            try:
                found = await walk.there()
            except (CheckFailedError, asyncio.CancelledError):
                await asyncio.shield(walk.home())
                raise
            if pictures is not None:
                say(f"its screen: {await walk.pictured(pictures)}")
            return found

        try:
            window = asyncio.run(there())
            named = bool(words) and words.lower() in window.lower()
            if named:
                say(f"the phone itself names its window: {words}")
            saw = ask_yes(f"Does its screen show {words!r}, with the key that would erase? (yes/no) ")
        finally:
            asyncio.run(walk.home())
        if not saw:
            log.write("not seen", {"phone": facts.name, "entry": entry.name, "person": person}, durable=True)
            raise CheckFailedError(
                f"{entry.name} is not confirmed", next_step="try another sequence of this model, or do it by hand"
            )
        walk.confirm(person, datetime.now(UTC).isoformat(timespec="seconds"), named=named)
    kind = f"{model} with {load}{f', {menu}' if menu else ''}"
    print_lines([f"{entry.name} is confirmed for {with_article(kind)} by {person}, in {path}"])
