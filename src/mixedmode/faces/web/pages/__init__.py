"""Every page of the administration, a module for each application.

A module has ``PAGES``; what it tells open pages as events it has in ``TOPICS``. Addresses that are no pages (the API,
the faces for programs) come as Starlette's routes from :func:`routes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.faces.api import routes as api
from mixedmode.faces.soap import routes as programs
from mixedmode.faces.web.kit.events import Topic
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages import (
    account,
    ccmadmin,
    ccmservice,
    cmplatform,
    cucreports,
    guides,
    overview,
    phones,
    plugins,
    trust,
)

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from mixedmode.faces.web.kit.desk import Desk

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *ccmadmin.PAGES,
    *phones.PAGES,
    *cmplatform.PAGES,
    *ccmservice.PAGES,
    *cucreports.PAGES,
    *trust.PAGES,
    *guides.PAGES,
    *plugins.PAGES,
    *account.PAGES,
)
TOPICS: Final[tuple[Topic, ...]] = (
    *overview.TOPICS,
    *phones.TOPICS,
    *ccmservice.TOPICS,
    *guides.TOPICS,
)


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes that are no pages."""
    return [*programs.routes(desk), *api.routes(desk)]


def limits(desk: Desk) -> list[tuple[str, int]]:
    """Return how many bytes a body may have there, by the beginning of the path."""
    return [*programs.BODY_BYTES.items(), *api.limits(desk)]
