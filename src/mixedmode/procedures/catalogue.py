"""All procedures by name."""

from __future__ import annotations

from typing import Final

from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.etokens import ETOKENS, ETOKENS_TO_TOKENLESS, TOKENLESS_TO_ETOKENS
from mixedmode.procedures.secure import SECURE
from mixedmode.procedures.tokenless import NON_SECURE_TO_MIXED, REGENERATE_CALLMANAGER, TOKENLESS

PROCEDURES: Final[dict[str, Procedure]] = {each.name: each for each in (*TOKENLESS, *ETOKENS, *SECURE)}
PAGES: Final = (NON_SECURE_TO_MIXED, ETOKENS_TO_TOKENLESS, TOKENLESS_TO_ETOKENS, REGENERATE_CALLMANAGER)
"""The seed's four: those that have a page of the how-to."""
