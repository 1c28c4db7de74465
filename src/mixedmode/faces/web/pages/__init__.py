"""Every page of the administration, a module for each application.

A module has ``PAGES``; what it tells open pages as events it has in ``TOPICS``. Addresses that are no pages (the API,
the faces for programs) come as Starlette's routes from :func:`routes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mixedmode.faces.soap import routes as programs
from mixedmode.faces.web.kit.events import Topic
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages import (
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
)
TOPICS: Final[tuple[Topic, ...]] = (
    *overview.TOPICS,
    *phones.TOPICS,
    *ccmservice.TOPICS,
    *guides.TOPICS,
)


BODY_BYTES: Final[Mapping[str, int]] = programs.BODY_BYTES
"""The most bytes of a body at what is no page, by the beginning of its path."""


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes that are no pages."""
    return [*programs.routes(desk)]
