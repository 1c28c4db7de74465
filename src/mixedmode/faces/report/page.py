"""The frame of a report: one file, nothing from outside.

The policy in the page forbids everything but the style sheet that it carries, by its hash: what a stranger's name could
bring in would neither load nor run, even if it were not escaped. It is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from mixedmode.faces.pictures.looks import SPRITE, text

_SHEETS: Final = (("mixedmode.faces.pictures", "tokens.css"), ("mixedmode.faces.report", "report.css"))


@cache
def _style() -> str:
    return "".join((files(room) / name).read_text("utf-8") for room, name in _SHEETS)


@cache
def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def page(title: str, where: str, body: str, foot: str) -> str:
    """Return a whole page.

    Args:
        title: Of the page; text.
        where: What it is about, beside the program's name; text.
        body: Markup, from the ribbon to the end of ``main``.
        foot: Who made it, and when; text.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">\n'
        f"<title>{text(title)} - mixedmode</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">\n'
        f"<style>{_style()}</style></head>\n<body>{SPRITE}\n"
        '<a class="skip" href="#main">Skip to the content</a>\n'
        f'<header class="top"><span class="mark">mixedmode</span><p class="where">{text(where)}</p></header>\n'
        f'{body}\n<footer class="foot">{text(foot)}</footer>\n</body></html>\n'
    )


def table(head: list[tuple[str, str]], rows: list[list[str]], *, label: str, css: str = "") -> str:
    """Return a table; on a narrow screen each row of ``cards`` is a block.

    Args:
        head: Title and class of each column; titles are text.
        rows: Cells as markup, ``<td>`` or ``<th>`` included.
        label: What it shows, for those who do not see it; text.
        css: Class of the table.
    """
    columns = "".join(f'<th scope="col" class="{kind}">{text(title)}</th>' for title, kind in head)
    lines = "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(label)}"><table class="{css}">'
        f"<thead><tr>{columns}</tr></thead><tbody>\n{lines}</tbody></table></div>"
    )
