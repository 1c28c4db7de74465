"""How each outcome looks: a silhouette, a word, a colour and a hatch. The worse, the louder; never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.printable import printable


@dataclass(frozen=True, slots=True)
class Look:
    """How an outcome looks.

    Attributes:
        css: Its class; also the name of its icon.
        word: For people.
        hatched: Whether its fill in pictures has a hatch.
    """

    css: str
    word: str
    hatched: bool = False


LOOKS: Final = {
    Fate.LOCKED_OUT: Look("locked", "locked out", hatched=True),
    Fate.FROZEN: Look("frozen", "frozen", hatched=True),
    Fate.BEHIND: Look("behind", "behind", hatched=True),
    Fate.UNKNOWN: Look("unknown", "unknown"),
    Fate.FOLLOWS_BY_TVS: Look("tvs", "follows by TVS"),
    Fate.FOLLOWS: Look("follows", "follows"),
}
"""The worst first, in the order of every picture and table."""


def text(value: object) -> str:
    """Return text for a page: printable, escaped; anybody may have chosen it."""
    return escape(printable(str(value)))


def short(value: str, most: int) -> str:
    """Return text of at most so many characters for a picture; what was longer stands in its title."""
    return text(value) if len(value) <= most else f"{text(value[: most - 1])}…<title>{text(value)}</title>"


def icon(css: str) -> str:
    """Return an icon of the sprite, beside a word that says the same."""
    return f'<svg class="ico" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-{css}"/></svg>'


def badge(fate: Fate) -> str:
    """Return an outcome as a badge."""
    look = LOOKS[fate]
    return f'<span class="o {look.css}">{icon(look.css)}{look.word}</span>'


SPRITE: Final = (
    '<svg class="sprite" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="h-frozen" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path class="h" d="M0 0v7"/></pattern>'
    '<pattern id="h-locked" width="6" height="6" patternUnits="userSpaceOnUse"><path class="h" d="M0 0l6 6M6 '
    '0L0 6"/></pattern>'
    '<pattern id="h-behind" width="5" height="5" patternUnits="userSpaceOnUse"><path class="h" d="M0 '
    '2.500h5"/></pattern>'
    "</defs>"
    '<symbol id="i-follows" viewBox="0 0 24 24"><path fill-rule="evenodd" d="M12 2a10 10 0 1 0 0 20 10 10 0 '
    '0 0 0-20zm-1.6 14.8-4.6-4.6 1.9-1.9 2.7 2.7 5.9-5.9 1.9 1.9z"/></symbol>'
    '<symbol id="i-tvs" viewBox="0 0 24 24"><path fill="none" stroke="currentColor" stroke-width="2.2" '
    'stroke-linejoin="round" d="M3.2 4.2h17.6v12.3H11l-4.6 4.3v-4.3H3.2z"/><path fill="none" '
    'stroke="currentColor" stroke-width="2.4" d="m7.8 10.2 3 3 5.4-5.6"/></symbol>'
    '<symbol id="i-behind" viewBox="0 0 24 24"><path d="M5 2h14v2.4h-1.3c0 3.6-1.6 5.8-3.8 7.6 2.2 1.8 3.8 4 '
    '3.8 7.6H19V22H5v-2.4h1.3c0-3.6 1.6-5.8 3.8-7.6-2.2-1.8-3.8-4-3.8-7.6H5z"/></symbol>'
    '<symbol id="i-frozen" viewBox="0 0 24 24"><g fill="none" stroke="currentColor" stroke-width="2.2" '
    'stroke-linecap="round"><path d="M12 2v20M3.3 7l17.4 10M3.3 17 20.7 7"/><path d="m9 3.6 3 2.6 3-2.6M9 '
    '20.4l3-2.6 3 2.6M3 10.6l3.8-1.5-.6-4M21 13.4l-3.8 1.5.6 4M3 13.4l3.8 1.5-.6 4M21 10.6l-3.8-1.5.6-4" '
    'stroke-width="1.7"/></g></symbol>'
    '<symbol id="i-locked" viewBox="0 0 24 24"><path fill-rule="evenodd" d="M7 10V7a5 5 0 0 1 10 '
    '0v3h2.5v12h-15V10zm2.4 0h5.2V7a2.6 2.6 0 0 0-5.2 0zM11 14v4h2v-4z"/></symbol>'
    '<symbol id="i-unknown" viewBox="0 0 24 24"><path fill="none" stroke="currentColor" stroke-width="2" '
    'd="M12 1.8 22.2 12 12 22.2 1.8 12z"/><path d="M10.9 16h2.2v2.1h-2.2zM8.9 9.6a3.2 3.2 0 1 1 4.9 '
    '2.7c-.6.4-.7.7-.7 1.3v.8h-2.2v-1.2c0-1.2.6-1.9 1.4-2.4.6-.4.8-.7.8-1.2a1.1 1.1 0 0 0-2.1 0z"/></symbol>'
    '<symbol id="i-wait" viewBox="0 0 24 24"><circle cx="12" cy="12" r="7.500" fill="none" '
    'stroke="currentColor" stroke-width="2"/></symbol>'
    '<symbol id="i-now" viewBox="0 0 24 24"><path d="M6 3.500 20 12 6 20.500z"/></symbol>'
    "</svg>"
)
"""Icons and hatches; a page has it once."""
