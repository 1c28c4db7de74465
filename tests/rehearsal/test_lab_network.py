"""Labs on one machine: each has a network of its own while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.network import claim_any, claim_of
from mixedmode.rehearsal.lab.spec import LabSpec


def test_labs_that_run_together_have_other_addresses(tmp_path: Path) -> None:
    async def both() -> None:
        labs = [Lab(tmp_path / name, LabSpec(nodes=1, models=())) for name in ("first", "other")]
        first, other = labs
        assert first.publisher.info.address != other.publisher.info.address
        for lab in labs:
            await lab.start()
        assert first.publisher.ports["tvs"] == other.publisher.ports["tvs"] == 2445
        for lab in labs:
            await lab.stop()

    asyncio.run(both())


def test_a_lab_leaves_standard_ports_to_the_lab_that_has_its_network(tmp_path: Path) -> None:
    async def twice() -> None:
        before = Lab(tmp_path / "lab", LabSpec(nodes=1, models=()))
        address = before.publisher.info.address
        await before.start()
        await before.stop()
        taken = claim_of(address)
        back = Lab(tmp_path / "lab", LabSpec())
        await back.start()
        ports = set(back.publisher.ports.values())
        await back.stop()
        taken.release()
        assert not ports & {2445, 2000, 6969, 6970, 3804}

    asyncio.run(twice())


def test_a_released_network_can_be_claimed_again() -> None:
    first = claim_any()
    assert first.claimed
    assert not claim_of(first.address(7)).claimed
    first.release()
    first.release()
    assert not first.claimed


def test_without_a_free_network_a_lab_has_no_claim() -> None:
    last = claim_any(0)
    assert (last.address(2), last.claimed) == ("127.0.0.2", False)
