"""CAPF among guessers and strangers: how often they may try, what is noted of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import UsageError
from mixedmode.phone.body.capf import credential
from mixedmode.pki.certificates.capf_proof import proof_holds
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.capf import Claim, Operation
from mixedmode.services.capf.guard import ProofGuard, ProofPolicy
from mixedmode.services.capf.notes import CapfNote, CapfOutcome, NoteBudget, NoteFile
from mixedmode.services.capf.service import CapfLimits
from mixedmode.services.capf.store import CapfDevice, CapfStore
from tests.services.capf.capf_site import NOW, PHONE, Site, replace_source, shown


def test_guesses_are_few_and_seen_and_hurt_only_who_makes_them(tmp_path: Path) -> None:
    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.INSTALL, password="4711")
            guesses = [await site.visit(f"{number:04}") for number in range(8)]
            # The right one does not help who has guessed: nothing of him is judged while he waits.
            guesses.append(await site.visit("4711"))
            assert {guess.reason for guess in guesses} == {7}
            assert len(site.reasons()) == 3
            assert all("the password is wrong" in why and "of 5" in why for why in site.reasons())
            assert site.device().wrong_proofs == 3
            assert site.device().operation is Operation.INSTALL
            assert any("has to wait" in line for line in site.lines)
            # Another address is not locked out.
            site.service.guard = replace_source(site.service.guard)
            assert (await site.visit("4711")).did == "installed"
            assert site.device().wrong_proofs == 0

    asyncio.run(procedure())


def test_a_guesser_who_waits_cancels_nobodys_order(tmp_path: Path) -> None:
    limits = CapfLimits(proofs=ProofPolicy(first_wait=0.0))

    async def procedure() -> None:
        async with Site(tmp_path, limits) as site:
            site.order(Operation.INSTALL, password="4711")
            for number in range(9):
                assert (await site.visit(f"{number:04}")).reason == 7
            assert ["of 5" in why for why in site.reasons()] == [True] * 3 + [False] * 6
            assert (site.device().wrong_proofs, site.device().operation) == (3, Operation.INSTALL)
            # Those of another address count again.
            site.service.guard = replace_source(site.service.guard)
            for number in range(2):
                await site.visit(f"{number:04}")
            assert site.device().operation is Operation.NONE

    asyncio.run(procedure())


def test_a_device_that_needs_no_proof_forgives_no_guesses(tmp_path: Path) -> None:
    limits = CapfLimits(proofs=ProofPolicy(free_in_all=2))

    async def procedure() -> None:
        async with Site(tmp_path, limits) as site:
            site.order(Operation.INSTALL, password="4711")
            for number in range(2):
                await site.visit(f"{number:04}")
            other = "SEP001122334456"
            for _ in range(3):
                site.store.order(other, Operation.INSTALL, key="ec-256", password=None, by_certificate=False)
                assert (await site.visit(name=other)).did == "installed"
            await site.visit("0003")
            assert site.device().wrong_proofs == 2
            assert any("has to wait" in line for line in site.lines)

    asyncio.run(procedure())


def test_no_operation_is_worth_more_than_five_guesses_from_wherever(tmp_path: Path) -> None:
    limits = CapfLimits(proofs=ProofPolicy(free=1000, free_in_all=1000))

    async def procedure() -> None:
        async with Site(tmp_path, limits) as site:
            site.order(Operation.INSTALL, password="4711")
            # All at once: a count after the verdict would let every one of them be judged.
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(site.visit(f"{number:04}")) for number in range(24)]
            assert {task.result().reason for task in tasks} <= {7, 0}
            judged = [why for why in site.reasons() if "the password is wrong" in why]
            assert len(judged) == 5
            device = site.device()
            assert (device.operation, device.password) == (Operation.NONE, "")
            assert "cancelled after 5 wrong proofs, the last from 127.0.0.1" in device.note
            assert CapfOutcome.CANCELLED in {note.outcome for note in site.notes}
            assert (await site.visit("4711")).text == "no pending CAPF operation"
            site.order(Operation.INSTALL, password="0815")
            assert (site.device().wrong_proofs, site.device().note) == (0, "")
            assert (await site.visit("0815")).did == "installed"

    asyncio.run(procedure())


def test_a_whole_site_behind_one_address_comes_at_once_and_has_its_turns(tmp_path: Path) -> None:
    """More than a hundred phones, few of which wait for the disk at the same time; none is turned away."""
    names = [f"SEP0011223355{number:02X}" for number in range(140)]
    there, most = 0, 0

    async def procedure() -> None:
        async with Site(tmp_path) as site:
            kept, counting = site.store.done, Lock()

            def done(order: CapfDevice, certificate: bytes | None) -> bool:
                nonlocal there, most
                with counting:
                    there += 1
                    most = max(most, there)
                try:
                    return kept(order, certificate)
                finally:
                    with counting:
                        there -= 1

            site.store.done = done  # type: ignore[method-assign]
            for name in names:
                site.store.order(name, Operation.INSTALL, key="ec-256", password=None, by_certificate=False)
            came = await asyncio.gather(*(site.visit(name=name) for name in names))
            assert [each.did for each in came] == ["installed"] * len(names)
            assert 1 <= most <= 4

    asyncio.run(procedure())


def test_wrong_proofs_are_remembered_over_a_restart(tmp_path: Path) -> None:
    store = CapfStore(tmp_path)
    store.order(PHONE, Operation.INSTALL, key="ec-256", password="4711", by_certificate=False)
    for _ in range(9):
        service = CapfStore(tmp_path)
        counted = service.begin_proof(PHONE, 10)
        assert counted is not None
        service.judged(counted, held=False)
    counted = store.begin_proof(PHONE, 10)
    assert counted is not None
    assert store.begin_proof(PHONE, 10) is None, "one that is judged right now counts"
    store.judged(counted, held=None)
    again = store.begin_proof(PHONE, 10)
    assert again is not None, "one that was not judged does not"
    store.judged(again, held=True)
    assert store.find(PHONE) == replace(again, wrong_proofs=0)


def test_of_two_sessions_with_one_password_one_gets_its_lsc(tmp_path: Path) -> None:
    store = CapfStore(tmp_path)
    store.order(PHONE, Operation.INSTALL, key="ec-256", password="4711", by_certificate=False)
    order = store.find(PHONE)
    assert order is not None
    first, second = shown(PHONE).certificate, shown("CP-8861-SEP001122334455").certificate
    assert store.done(order, first.der)
    assert not store.done(order, second.der)
    found = store.find(PHONE)
    assert found is not None
    assert found.lsc == first
    # An operation that was ordered anew is another one, though it looks the same.
    again = store.order(PHONE, Operation.INSTALL, key="ec-256", password="4711", by_certificate=False)
    assert not store.done(order, second.der)
    assert not store.cancel(order, "too late")
    assert store.done(again, second.der)


def test_a_device_cannot_be_called_like_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        CapfStore(tmp_path).order(
            "CP-8861-SEP001122334455", Operation.INSTALL, key="ec-256", password=None, by_certificate=False
        )


def test_an_address_waits_longer_each_time_and_for_all_devices_at_last() -> None:
    guard = ProofGuard(ProofPolicy(free=2, free_in_all=4, first_wait=10, longest_wait=30))
    now = 0.0
    assert [guard.begin("a", "one", now) for _ in range(2)] == [0, 0]
    assert guard.begin("a", "one", now) == 10
    assert guard.begin("b", "one", now) == 0
    assert guard.begin("a", "two", now) == 0
    assert guard.begin("a", "one", 10) == 0
    assert guard.begin("a", "three", 10) == 10
    assert guard.begin("a", "one", 20) == 10
    assert guard.begin("a", "one", 30) == 0
    assert guard.begin("a", "one", 30) == 30
    guard.held("b", "one")
    assert guard.begin("b", "one", 30) == 0
    assert guard.begin("a", "four", 30 + 5 * 3600) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.booleans()), max_size=60))
def test_a_guard_is_bounded_and_never_locks_others(tries: list[tuple[str, str, bool]]) -> None:
    guard = ProofGuard(ProofPolicy(free=3, free_in_all=9, remembered=5))
    for source, device, right in tries:
        if guard.begin(source, device, 0) == 0 and right:
            guard.held(source, device)
    assert len(guard._counters) <= 7
    assert guard.begin("somebody else", "x", 0) == 0


def test_strangers_cannot_fill_a_log(tmp_path: Path) -> None:
    budget = NoteBudget(burst=3, every=60)
    note = CapfNote(NOW, CapfOutcome.REFUSED, PHONE, "10.0.0.9", "the password is wrong")
    told = [budget.allow(note, 0) for _ in range(100)]
    assert [each is not None for each in told] == [True] * 3 + [False] * 97
    done = budget.allow(replace(note, outcome=CapfOutcome.INSTALLED), 1)
    assert done is not None
    assert done.text == "SEP001122334455 from 10.0.0.9 has a new LSC: the password is wrong (97 more were not written)"
    later = budget.allow(note, 61)
    assert later == replace(note, left_out=0)
    file = NoteFile(tmp_path / "capf" / "audit.log", most=1000)
    for _ in range(200):
        file(note)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "capf").iterdir()}
    assert set(sizes) == {"audit.log", "audit.log.1"}
    assert max(sizes.values()) <= 1000
    assert (tmp_path / "capf" / "audit.log").stat().st_mode & 0o777 == 0o600
    [first, *_] = (tmp_path / "capf" / "audit.log").read_text().splitlines()
    assert json.loads(first)["reason"] == "the password is wrong"


def test_a_trace_names_messages_and_no_secret(tmp_path: Path) -> None:
    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.INSTALL, password="987654321")
            await site.visit("987654321", lsc=shown("CP-8861-SEP001122334455"))
            text = "\n".join(site.lines)
            assert "987654321" not in text
            assert "> AUTH_RESPONSE, reason OK, certificate CN=CP-8861-SEP001122334455;O=Example issued by" in text
            assert "device SEP001122334455" in text
            assert "proof with SHA-512" in text
            assert "< KEYGEN_REQUEST, key type EC, curve P256" in text
            assert "< END_SESSION, reason OK" in text

    asyncio.run(procedure())


def test_what_a_stranger_calls_himself_does_no_harm_on_a_terminal(tmp_path: Path) -> None:
    async def procedure() -> None:
        async with Site(tmp_path) as site:
            await site.visit(name="\x1b]0;owned\x07")
            assert all(line.isprintable() for line in [*site.lines, *(note.text for note in site.notes)])
            assert site.notes[0].outcome is CapfOutcome.UNKNOWN

    asyncio.run(procedure())


def test_what_a_phone_sends_by_each_mode() -> None:
    lsc = shown(PHONE)
    made = credential(PHONE, lsc)
    claim = Claim(PHONE, b"", made.certificate, made.proof, made.proof_sha512)
    shown_again = Certificate.from_der(made.certificate)
    assert proof_holds(shown_again, claim.signed, sha1=claim.proof, sha512=claim.proof_sha512)
