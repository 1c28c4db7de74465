"""How many devices a user controls by the database: what a list is held against before it is written back; pure.

Rules:

1. A list that was cut short looks like a short list. Written back, it takes phones from the user
   (docs/specification/rescue.md 1.4). So the database is asked for their number, by another way than the list came.
2. The row is the user's own: one that is not found has no row, and is not taken for one who controls nothing.
3. Of the associations only "controlled devices" count: the map also holds device profiles (docs/decisions/0085).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mixedmode.errors import CheckFailedError, MalformedError
from mixedmode.live.allowed.sql import quoted
from mixedmode.rescue.prepared.changes import Kind

_NAME_COLUMNS: Final = {Kind.APPLICATION: "name", Kind.END: "userid"}
_STATEMENTS: Final = {
    Kind.APPLICATION: "select u.name as username, count(m.fkdevice) as devices from applicationuser u left join "
    "applicationuserdevicemap m on m.fkapplicationuser=u.pkid and m.tkuserassociation=1 where {} group by u.name",
    Kind.END: "select u.userid as username, count(m.fkdevice) as devices from enduser u left join "
    "enduserdevicemap m on m.fkenduser=u.pkid and m.tkuserassociation=1 where {} group by u.userid",
}
"""``tkuserassociation`` 1 is a controlled device."""
_PKID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Held:
    """What AXL lists of a user.

    Attributes:
        user: By name.
        kind: What he is.
        devices: What he controls.
        uuid: His, as AXL writes it; empty if it does not.
    """

    user: str
    kind: Kind
    devices: tuple[str, ...]
    uuid: str = ""


def statement(held: Held) -> str:
    """Return what asks how many devices a user controls.

    Raises:
        NotAllowedError: His name has no place in a statement, and AXL names no uuid.
    """
    pkid = held.uuid.strip("{}").lower()
    if not held.user.isascii() and _PKID.fullmatch(pkid):
        whose = f"u.pkid={quoted(pkid)}"
    else:
        whose = f"lower(u.{_NAME_COLUMNS[held.kind]})=lower({quoted(held.user)})"
    return _STATEMENTS[held.kind].format(whose)


def counted(held: Held, rows: Sequence[Mapping[str, str]]) -> int:
    """Return how many devices a user controls.

    Args:
        held: What AXL lists of him.
        rows: What the statement was answered with.

    Raises:
        MalformedError: They are not one row about this user.
    """
    found = [each.get("devices", "") for each in rows if each.get("username", "").lower() == held.user.lower()]
    if len(rows) != 1 or len(found) != 1 or not _NUMBER.fullmatch(found[0]):
        raise MalformedError(f"the database answers with {len(rows):,} rows, none a number of devices of {held.user}")
    return int(found[0])


def check_count(held: Held, count: int, where: str) -> None:
    """Check that a list is as long as the database says.

    Args:
        held: The list.
        count: By the database.
        where: The publisher, for the message.

    Raises:
        CheckFailedError: It is not.
    """
    listed = len({each.lower() for each in held.devices})
    if listed != count:
        raise CheckFailedError(
            f"AXL lists {listed:,} devices of {held.user}, and the database counts {count:,}; nothing was written",
            where=where,
            why="a list that is cut short and written back would take phones from the user",
            next_step="run it again, in case somebody was changing the user; if they still differ, change the user's "
            "Controlled Devices in Cisco Unified CM Administration",
        )
