"""The tokens of the API itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from mixedmode.control.acts import MAKE_TOKEN, REVOKE_TOKEN
from mixedmode.control.signed_in.api_tokens import LABEL_LENGTH, LONGEST_DAYS, ApiToken
from mixedmode.faces.api.endpoint import STRICT, Call, Endpoint, Reply
from mixedmode.faces.web.kit.problems import Problem

_TAG: Final = "tokens"
_BY_TOKEN: Final = Problem(
    403,
    "A token makes no tokens.",
    "One that got out could outlive its end otherwise.",
    "Sign in and make it with the session, or with mixedmode api-token create.",
    "by-token",
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret.

    Attributes:
        id: Names it.
        user: Whose account it stands for.
        label: What it is for.
        level: That it has at most.
        last_used: When it was used last, give or take a minute.
    """

    id: str
    user: str
    label: str
    level: int
    created: datetime
    expires: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that is wanted."""

    __pydantic_config__ = STRICT

    level: Annotated[int, Field(ge=0, le=4, description="0, 1 or 4; at most your own.")] = 0
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS, description="How long it works.")] = 90
    label: Annotated[str, Field(max_length=LABEL_LENGTH, description="What it is for.")] = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A token that was made.

    Attributes:
        secret: What a program sends as `Authorization: Bearer`; it is shown this once.
    """

    token: Token
    secret: str


def _token(found: ApiToken) -> Token:
    return Token(found.id, found.user, found.label, found.level, found.created, found.expires, found.last_used)


def _tokens(call: Call) -> Reply:
    return Reply([_token(each) for each in call.desk.doorman.tokens.all(call.principal)])


def _make(call: Call) -> Reply:
    if call.by_token:
        raise _BY_TOKEN
    sent = call.sent(NewToken)
    found, secret = call.desk.doorman.tokens.make(call.principal, label=sent.label, level=sent.level, days=sent.days)
    return Reply(Made(_token(found), secret))


def _revoke(call: Call) -> Reply:
    call.desk.doorman.tokens.revoke(call.principal, call.values["id"])
    return Reply()


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/tokens",
        "listTokens",
        "List your tokens; with level 4 those of everybody.",
        _tokens,
        _TAG,
        list[Token],
    ),
    Endpoint(
        "POST",
        "/tokens",
        "makeToken",
        "Make a token; its secret is shown once.",
        _make,
        _TAG,
        Made,
        status=201,
        body=NewToken,
        needs_body=False,
        about="Only a session may, not a token.",
        act=MAKE_TOKEN.name,
    ),
    Endpoint("DELETE", "/tokens/{id}", "revokeToken", "End a token.", _revoke, _TAG, status=204, act=REVOKE_TOKEN.name),
)
