"""What several handlers ask of a request: where it comes from, whether this site sent it, where it may lead."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from mixedmode.faces.web.kit.problems import FOREIGN_FORM

THEME_COOKIE: Final = "__Host-mixedmode-theme"


def check_origin(request: Request) -> None:
    """Refuse what another site sends.

    Raises:
        Problem: It does.
    """
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FOREIGN_FORM
    if origin is not None and origin.lower() != f"https://{request.headers.get('host', '')}".lower():
        raise FOREIGN_FORM


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else ""


def keep_place(request: Request) -> None:
    """Keep the connection of somebody who has signed in, whoever else comes."""
    keep = request.scope.get("state", {}).get("keep")
    if keep is not None:
        keep()


def is_within(path: str) -> bool:
    """Return whether a text is an address of this server and nothing else."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path


def theme_of(request: Request) -> str | None:
    """Return the theme that a browser asked for, None if the system decides."""
    theme = request.cookies.get(THEME_COOKIE)
    return theme if theme in {"light", "dark"} else None
