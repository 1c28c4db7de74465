"""The problems that the API answers (RFC 9457): one table, made of the errors of the package and of HTTP's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.problems import Problem, status_of

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Known:
    """A problem.

    Attributes:
        code: The last part of its ``type``.
        status: HTTP's number.
        meaning: One sentence.
    """

    code: str
    status: int
    meaning: str


SIGN_IN: Final = Problem(
    401,
    "This needs somebody who is signed in.",
    "There was no token and no session, or it works no more.",
    "Send Authorization: Bearer TOKEN; mixedmode api-token create makes one.",
    "unauthorized",
)
NO_CSRF: Final = Problem(
    403,
    "A change by a browser's session needs the header X-CSRF-Token.",
    "Another site could have sent it otherwise.",
    "GET /api/v1/session says it; programs use a token instead.",
    "csrf",
)
TOO_OFTEN: Final = Problem(429, "That was too often.", "", "Wait as long as Retry-After says.", "too-often")
NOTHING_HERE: Final = Problem(
    404, "The API has nothing at this address.", "", "See /api/docs for what it has.", "no-such-address"
)
NOT_THIS_WAY: Final = Problem(
    405, "This address does not take that method.", "", "Allow says which it takes.", "method"
)
NOT_ACCEPTABLE: Final = Problem(
    406, "This is not to be had in a form that Accept allows.", "", "See /api/docs for the forms.", "not-acceptable"
)
NOT_JSON: Final = Problem(
    415, "The body must be JSON.", "", "Send Content-Type: application/json, not compressed.", "not-json"
)
CHANGED: Final = Problem(
    412,
    "It was changed since you read it. Nothing was done.",
    "Its ETag is not the one of If-Match.",
    "Read it again, and decide again.",
    "changed",
)
LARGE_ONES: Final = Problem(
    429, "Other large bodies are being read.", "", "Send it again when they are, one at a time.", "large-ones"
)
STILL_RUNNING: Final = Problem(
    409,
    "The first request with this Idempotency-Key is still being done.",
    "",
    "Send the same request again in a while: it will have the answer of the first.",
    "still-running",
)
WOULD_LOSE: Final = "would-lose"

_OWN: Final = (
    *(SIGN_IN, NO_CSRF, TOO_OFTEN, NOTHING_HERE, NOT_THIS_WAY, NOT_ACCEPTABLE, NOT_JSON, CHANGED, LARGE_ONES),
    STILL_RUNNING,
    Problem(409, "More phones would be lost than lose_at_most allows. Nothing was done.", code=WOULD_LOSE),
    Problem(422, "The Idempotency-Key was used for another request.", code="key-reused"),
    Problem(429, "Forecasts are being made already.", code="forecasts-busy"),
    Problem(403, "A token makes no tokens.", code="by-token"),
    Problem(429, "Too many wrong tokens came from this address.", code="locked"),
    Problem(400, "Body or query are not as the description says.", code="invalid"),
    Problem(413, "The body is larger than this takes.", code="too-large"),
    Problem(408, "The request did not come to its end in time.", code="too-slow"),
    Problem(500, "Something in this program failed; the node's log has it.", code="internal-server-error"),
)


def table() -> list[Known]:
    """Return every problem by its code: those of this face, and every class of the package's errors."""
    found = {each.code: Known(each.code, each.status, each.what) for each in _OWN}
    for kind in _kinds(MixedModeError):
        meaning = (kind.__doc__ or "").strip().splitlines()[0]
        known = Known(kind.default_code, status_of(kind), meaning)
        found.setdefault(kind.default_code, known)
    return sorted(found.values(), key=lambda each: (each.status, each.code))


def _kinds(kind: type[MixedModeError]) -> Iterator[type[MixedModeError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


def phrase(status: int) -> str:
    """Return HTTP's words for a number."""
    return HTTPStatus(status).phrase
