"""What the forecast says before is what phones do then, for every seed."""

from __future__ import annotations

import pytest

from tests.simulation.play import Play
from tests.simulation.schedule import made

SEEDS = 40
AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_phones_do_what_was_foreseen(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        found = Play(made(seed)).run().findings
        assert not found, "\n".join([f"python -m tests.simulation --seed {seed}", *map(str, found[:5])])
