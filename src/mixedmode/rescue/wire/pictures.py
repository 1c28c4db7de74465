"""Pictures of a phone's screen as evidence: where its confirm key stands next (docs/specification/rescue.md 1.5, 5.9).

Rules:

1. A screen shows names, numbers and messages: pictures are made only where somebody asked for it, of the phone that is
   walked and of the first of a kind.
2. A file is named by the day until which it is kept and by its own hash, never by the phone; the evidence says whose it
   is. What is past its day is deleted before another one is made.
3. A picture is kept as it came, if it begins as a PNG or a BMP does, and never looked into. An error comes with status
   200 too. That there is none holds nothing up.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import UsageError
from mixedmode.pki.files import write_atomic
from mixedmode.rescue.planning import Planned
from mixedmode.rescue.wire.http import Reply

LARGEST: Final = 2 << 20
"""Bytes; an 8800 sends 1.15 MB."""
KEPT_DAYS: Final = 30
_KINDS: Final = ((b"\x89PNG\r\n\x1a\n", "png"), (b"BM", "bmp"))
_NAME: Final = re.compile(r"until-(\d{4}-\d\d-\d\d)-[0-9a-f]{16}\.(?:png|bmp)")
Pictured = Callable[[str, str], Awaitable[Reply]]
"""Gets a path of a phone's address with the control user's login."""


def screen_path(model: str) -> str:
    """Return where a model shows its screen."""
    return "/CGI/lcd.bmp" if model.startswith("69") else "/CGI/Screenshot"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Keeps pictures of screens.

    Attributes:
        folder: Where.
        get: Gets them.
        today: The day.
        days: How long they are kept.
    """

    folder: Path
    get: Pictured
    today: date
    days: int = KEPT_DAYS

    def begin(self) -> int:
        """Make the folder, readable by its owner alone, and delete what is past its day; return how many.

        Raises:
            UsageError: It cannot be made or read.
        """
        count = 0
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for each in self.folder.iterdir():
                found = _NAME.fullmatch(each.name)
                if found is not None and found[1] < self.today.isoformat() and not each.is_dir():
                    each.unlink()
                    count += 1
        except OSError as error:
            raise UsageError(f"pictures cannot be kept: {error.strerror}", where=str(self.folder)) from error
        return count

    async def __call__(self, phone: Planned) -> dict[str, Any]:
        """Make a picture of a phone's screen; return what the evidence says of it, or why there is none."""
        reply = await self.get(phone.url, screen_path(phone.model))
        kind = next((name for begin, name in _KINDS if reply.body.startswith(begin)), "")
        if reply.status != 200 or not kind:
            return {"why": reply.why or (f"HTTP {reply.status}" if reply.status != 200 else "it sends no picture")}
        digest = hashlib.sha256(reply.body).hexdigest()
        until = (self.today + timedelta(days=self.days)).isoformat()
        path = self.folder / f"until-{until}-{digest[:16]}.{kind}"
        try:
            write_atomic(path, reply.body, mode=0o600)
        except OSError as error:
            return {"why": f"it cannot be kept: {error.strerror}"}
        return {"file": path.name, "sha256": digest, "bytes": len(reply.body), "until": until}
