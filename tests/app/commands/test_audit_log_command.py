"""``mixedmode audit-log``: its options say what :mod:`mixedmode.control.audit_log` holds.

They are a copy, since every command would pay for reading that module.
"""

from __future__ import annotations

from inspect import signature
from typing import Any, get_type_hints

from mixedmode.app.commands.cluster.audit_log import audit_log
from mixedmode.control.audit_log import LAST, MOST, OUTCOMES


def option(name: str) -> Any:
    return get_type_hints(audit_log, include_extras=True)[name].__metadata__[0]


def test_the_outcomes_are_those_of_the_log() -> None:
    assert option("outcome").help == f"{', '.join(OUTCOMES[:-1])} or {OUTCOMES[-1]}."


def test_as_many_entries_as_at_the_prompt() -> None:
    assert (option("last").min, option("last").max) == (1, MOST)
    assert signature(audit_log).parameters["last"].default == LAST
