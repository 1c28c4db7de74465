"""What went wrong, as pages and the API tell it: HTTP's number, a code, what happened, why, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from mixedmode.cluster.model.errors import (
    ClusterBusyError,
    DatabaseError,
    LockLostError,
    NotFoundError,
    OperationFailedError,
    PrivilegeError,
    VersionError,
)
from mixedmode.errors import CheckFailedError, MixedModeError, RemoteError
from mixedmode.printable import one_line

_STATUS: Final[tuple[tuple[type[MixedModeError], int], ...]] = (
    (PrivilegeError, 403),
    (NotFoundError, 404),
    (ClusterBusyError, 409),
    (VersionError, 409),
    (CheckFailedError, 409),
    (DatabaseError, 503),
    (LockLostError, 409),
    (OperationFailedError, 409),
    (RemoteError, 502),
    (MixedModeError, 400),
)
"""The first that fits."""


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - it is what one is told, and no fault of the program
    """A problem; raised by handlers where no error of the package says it.

    Neither frozen nor slotted: whoever catches an exception writes to it.

    Attributes:
        status: HTTP's number.
        what: One sentence.
        why: The cause, where it is known.
        next_step: What to do now.
        code: A short stable word for scripts; ``WEB-404`` where nothing better is known.
        links: Ways out: text by address.
    """

    status: int
    what: str
    why: str = ""
    next_step: str = ""
    code: str = ""
    links: tuple[tuple[str, str], ...] = ()

    @property
    def shown_code(self) -> str:
        """The code as people read it to each other."""
        return f"WEB-{self.status}{f' {self.code}' if self.code else ''}"

    def document(self, instance: str = "") -> dict[str, Any]:
        """Return it as a problem document (RFC 9457)."""
        found: dict[str, Any] = {
            "type": f"urn:mixedmode:problem:{self.code or HTTPStatus(self.status).name.lower().replace('_', '-')}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.what,
        }
        more: Mapping[str, str] = {"why": self.why, "next_step": self.next_step, "instance": instance}
        return {**found, **{name: text for name, text in more.items() if text}}


def status_of(kind: type[MixedModeError]) -> int:
    """Return HTTP's number for a class of errors."""
    return next(number for each, number in _STATUS if issubclass(kind, each))


def problem_of(error: MixedModeError) -> Problem:
    """Return how an error of the package is told."""
    status = status_of(type(error))
    code = "" if error.code == MixedModeError.default_code else error.code
    return Problem(status, one_line(str(error)), one_line(error.why or ""), one_line(error.next_step or ""), code)


NOT_FOUND: Final = Problem(
    404,
    "There is no page at this address.",
    "The page may be one that this release does not have, or the address has a slip in it.",
    "Take a page from the menu, or go to the overview.",
)
WRONG_METHOD: Final = Problem(
    405, "This address does not take that kind of request.", "", "Open the page and use the form on it."
)
TOO_LARGE: Final = Problem(
    413,
    "What was sent is larger than this page takes. Nothing was kept.",
    "",
    "Send a smaller file: certificates, lists and inventories have a few KB to a few MB.",
)
TWO_LENGTHS: Final = Problem(
    400,
    "This request says its length in two ways, so it was not read.",
    "Content-Length and Transfer-Encoding exclude each other: where it ends could be read in two ways.",
    "Send it again with one of them; a proxy in between may have added the other.",
)
TOO_SLOW: Final = Problem(408, "The request did not come to its end in time. Nothing was kept.", "", "Send it again.")
DATABASE_AWAY: Final = Problem(
    503,
    "The cluster's database does not answer. Pages are made of it, and who is signed in stands in it.",
    "What it was is in the node's log. Phones go on: files, TVS, CAPF and registrations need no page, and TFTP serves "
    "what it has read.",
    "See that the publisher's database runs, and try again; the prompt over SSH and /healthz answer all the same.",
    "database",
)
"""For whoever is not known: where the database is, and who signs in to it, is nobody's business."""
READ_ONLY: Final = Problem(
    503,
    "The publisher's database does not answer, so nothing can be changed now. Nothing was changed.",
    "These pages are of this node's own copy of it, which is for reading.",
    "Send it again when the publisher is back; phones, TFTP and TVS of this node go on meanwhile.",
    "database",
)
BROKEN: Final = Problem(
    500,
    "Something in this program failed. What it was is in the node's log.",
    "",
    "Look at the audit log for what was changed, then try again; report it with the time of this page.",
)
STALE_FORM: Final = Problem(
    403,
    "This form was made before you signed in again, so it was not taken. Nothing was changed.",
    "You signed out and in meanwhile, perhaps in another tab, or the form came from elsewhere.",
    "Open the page again, check what you see, and send the form from there.",
    "stale-form",
)
FOREIGN_FORM: Final = Problem(
    403,
    "This form was sent by another site, so it was not taken. Nothing was changed.",
    "",
    "Open the page here and use the form on it.",
    "foreign-form",
)
SIGNED_OUT: Final = Problem(
    401,
    "You are not signed in any more. The form was not taken, and nothing was changed.",
    "Sessions end after half an hour without a request, after twelve hours, and when the password is changed.",
    "Sign in, open the page again, and send the form from there.",
    "signed-out",
)
