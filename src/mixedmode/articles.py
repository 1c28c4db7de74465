"""The indefinite article before what is known only when a text is made: "an 8861", "a 7975", "an ITL", "a CTL".

Rules:

1. What counts is how the first word is said. A number of four figures is said in pairs: 8861 begins with "eighty",
   1140 with "eleven", 1861 with "eighteen".
2. Capitals are said letter by letter, as LSC, unless people read them as a word, as SIP.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"\d+")
_LETTERS: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z](?![A-Za-z])")
_ELEVEN: Final = ("11", "18")
_IN_PAIRS: Final = frozenset({2, 4, 5})
"""How many figures a number has that begins with eleven or eighteen if it begins with these figures."""
_SAID_WITH_A_VOWEL: Final = frozenset("AEFHILMNORSX")
_WORDS: Final = frozenset({"LAN", "MAC", "MIC", "NULL", "RIS", "SAN", "SAST", "SHA", "SIP", "SOAP", "SUDI"})
"""Capitals that are read as a word."""
_SAID_YOU: Final = ("uni", "use", "usa", "uti", "eu", "one")


def with_article(name: str) -> str:
    """Return a name with "a" or "an" before it."""
    return f"{'an' if _begins_with_a_vowel(name.lstrip()) else 'a'} {name}"


def _begins_with_a_vowel(name: str) -> bool:
    number, letters = _NUMBER.match(name), _LETTERS.match(name)
    if number is not None:
        figures = number[0]
        return figures[0] == "8" or (figures[:2] in _ELEVEN and len(figures) in _IN_PAIRS)
    if letters is not None:
        return letters[0] not in _WORDS and name[0] in _SAID_WITH_A_VOWEL
    return name[:1].lower() in set("aeiou") and not name.lower().startswith(_SAID_YOU)
