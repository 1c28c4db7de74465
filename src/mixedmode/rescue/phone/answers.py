"""One key a request, and what a phone answers; pure (docs/specification/rescue.md 1.1, 1.2).

Rules:

1. A request has one item. Three would be taken, but their order is not guaranteed.
2. "Success" says that a request was taken and nothing else.
3. What is no answer of a phone is a refusal, whatever its status.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

EXECUTE: Final = "/CGI/Execute"
AUTHENTICATION: Final = 4
_ITEM: Final = re.compile(r"<ResponseItem\s[^<>]{0,500}Status\s*=\s*\"([0-9]+)\"", re.IGNORECASE)
_ERROR: Final = re.compile(r"<CiscoIPPhoneError\s[^<>]{0,500}Number\s*=\s*\"([0-9]+)\"", re.IGNORECASE)
_WORDS: Final = {
    1: "it cannot parse the request",
    2: "it found an error of framing",
    3: "it found an error of a file",
    4: "it did not accept the login: password, association, authentication URL, its server, DNS or the trust list",
    6: "it does not know the key",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came.

    Attributes:
        status: Of HTTP; 0 if nothing came.
        body: Of it, decoded.
        why: Why nothing came, or what a refusal says.
    """

    status: int
    body: str = ""
    why: str = ""

    @property
    def is_page(self) -> bool:
        """Whether it is a page, rather than an error that says 200 all the same."""
        return self.status == 200 and _ERROR.search(self.body) is None


@dataclass(frozen=True, slots=True)
class Taken:
    """How a key was answered.

    Attributes:
        ok: Whether it was taken.
        came: Whether anything was answered at all.
        error: The number of the error, 0 without.
        why: In words.
    """

    ok: bool
    came: bool = True
    error: int = 0
    why: str = ""


def basic(user: str, password: str) -> str:
    """Return the value of the Authorization field; it is never written down."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def taken(answer: Answer) -> Taken:
    """Return how a key was answered."""
    if not answer.status:
        return Taken(ok=False, came=False, why=answer.why or "nothing was answered")
    if answer.status != 200:
        return Taken(
            ok=False, why=answer.why or f"HTTP {answer.status}", error=AUTHENTICATION if answer.status == 401 else 0
        )
    error = _ERROR.search(answer.body)
    if error is not None:
        number = int(error[1][:4])
        return Taken(ok=False, error=number, why=f"Error {number}: {_WORDS.get(number, 'not documented')}")
    item = _ITEM.search(answer.body)
    if item is None:
        return Taken(ok=False, why="its answer is none of a phone's")
    return Taken(ok=True) if int(item[1][:4]) == 0 else Taken(ok=False, why=f"Status {item[1][:4]}")
