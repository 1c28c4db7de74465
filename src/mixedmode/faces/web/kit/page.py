"""A page as it is declared: its address, its title, who may see it, and the function that answers.

A module of :mod:`mixedmode.faces.web.pages` has its pages in ``PAGES``; that is all there is to do for the server, the
checks of who asks and of forms, the breadcrumb, ``make screenshots`` and the tests that go through every page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mixedmode.faces.web.kit.answers import Answer
from mixedmode.faces.web.kit.asking import Ask

Handler: TypeAlias = Callable[[Ask], Answer]
FORM_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        path: Its address; parts such as ``{name}`` come as :attr:`Ask.values`.
        title: For the window and the breadcrumb.
        answer: Answers; called in a thread.
        level: That one needs to see it.
        crumbs: CUCM's path to it, before the title.
        menu: The address of the entry of the menu that it belongs to; its own by default.
        posts: Whether it takes forms.
        body: The most bytes of a form with its files.
        sample: The address to show in screenshots and to try in tests, where the path has parts with names; None
            leaves it out.
    """

    path: str
    title: str
    answer: Handler
    level: int = 0
    crumbs: tuple[str, ...] = ()
    menu: str = ""
    posts: bool = False
    body: int = FORM_BYTES
    sample: str | None = None

    @property
    def example(self) -> str | None:
        """An address of this page that there is in every cluster, None if there is none."""
        return self.sample if "{" in self.path else self.path
