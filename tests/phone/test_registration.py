"""A phone that stays registered: failover, whom it trusts, and what it does when it is told to reset."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mixedmode.errors import RemoteError
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.registration_status import RegistrationState
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TVS_UNKNOWN, NeedTvs, TvsAnswer, TvsOutcome
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.registration_trust import judge_server, ways_to_register
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.protocols.sccp import ResetKind
from mixedmode.protocols.sccp.registration.admission import SecurityMode
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.pki.material import signer
from tests.services.callmanager.callmanager_site import (
    DEVICE,
    QUICK,
    Table,
    callmanager,
    config,
    list_of,
    lsc,
    phone_at,
    refused,
    registered,
    registering,
)
from tests.services.tvs.tvsclient import LOOPS, run, tvs_signer
from tests.support import eventually

OURS = signer().certificate
THEIRS = signer(name="cucm-of-another-cluster", serial=0x5678).certificate
TVS = TvsServer("127.0.0.1", 2445)


def ctl(role: Role | None = Role.CCM_TFTP) -> TrustList:
    return list_of(role, OURS)


def other() -> TrustList:
    return list_of(Role.CCM_TFTP, THEIRS)


def secure() -> Table:
    return Table({DEVICE: SecurityMode.ENCRYPTED})


@pytest.mark.parametrize("loop", LOOPS)
def test_a_phone_registers_and_unregisters_when_it_is_switched_off(loop: str) -> None:
    async def procedure() -> None:
        seen: list[RegistrationState] = []
        async with callmanager() as service:
            phone = phone_at(service)
            async with registering(phone, on_change=lambda status: seen.append(status.state)) as registration:
                await registered(registration)
                document = registration.status.document()
                assert (document["state"], document["secure"]) == ("registered", False)
                assert document["server"] == f"127.0.0.1:{service.port}"
                assert document["lines"] == ["1001", "1002"]
            assert registration.status.state is RegistrationState.OFF
            assert service.metrics["unregistered"] == 1
            assert seen[0] is RegistrationState.REGISTERING

    run(procedure(), loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", [ResetKind.RESET, ResetKind.RESTART])
def test_reset_all_makes_phones_boot_again_and_register_again(loop: str, kind: ResetKind) -> None:
    names = [f"SEP0011223344{number:02X}" for number in range(8)]

    async def procedure() -> None:
        booted: list[tuple[str, ResetKind]] = []
        table = Table(dict.fromkeys(names, SecurityMode.NON_SECURE))
        async with callmanager(table) as service, asyncio.TaskGroup() as group:
            done = asyncio.Event()

            async def one(name: str) -> None:
                phone = phone_at(service, name=name)

                async def boot(asked: ResetKind) -> None:
                    assert service.phone(name) is None
                    booted.append((name, asked))

                async with registering(phone, on_reset=boot) as registration:
                    await registered(registration)
                    await done.wait()
                    assert registration.registered
                    assert registration.status.resets == 1

            for name in names:
                group.create_task(one(name))
            await eventually(lambda: len(service.phones()) == len(names))
            await eventually(lambda: service.metrics["alarms"] == 2 * len(names))
            assert service.reset_all(kind) == len(names)
            await eventually(lambda: len(booted) == len(names))
            await eventually(lambda: service.metrics["alarms"] == 4 * len(names))
            done.set()
        assert sorted(booted) == [(name, kind) for name in names]

    run(procedure(), loop)


def test_after_a_reset_the_phone_registers_with_what_it_holds_then() -> None:
    async def procedure() -> None:
        table = secure()
        table.modes[DEVICE] = SecurityMode.NON_SECURE
        async with callmanager(table) as service:
            phone = phone_at(service)

            async def boot(_kind: ResetKind) -> None:
                # The cluster went into mixed mode: a CTL, and a configuration that says encrypted.
                table.modes[DEVICE] = SecurityMode.ENCRYPTED
                booted = phone_at(service, mode=3, ctl=ctl())
                phone.state = booted.state

            async with registering(phone, identity=lsc(), on_reset=boot) as registration:
                await registered(registration)
                assert service.phones()[0].security == "non-secure"
                service.reset_device(DEVICE)
                await eventually(lambda: [each.security for each in service.phones()] == ["encrypted"])
                assert registration.status.secure

    run(procedure())


def test_apply_config_registers_again_only_for_another_configuration() -> None:
    async def procedure() -> None:
        async with callmanager() as first, callmanager() as second:
            phone = phone_at(first)
            applied: list[ResetKind] = []
            contents = [phone.state.config, config([(second.port, second.tls_port)])]

            async def fetch(kind: ResetKind) -> None:
                phone.state = replace(phone.state, config=contents[len(applied)])
                applied.append(kind)

            async with registering(phone, on_reset=fetch) as registration:
                await registered(registration)
                first.reset_all(ResetKind.APPLY_CONFIG)
                await eventually(lambda: len(applied) == 1)
                await asyncio.sleep(0.1)
                assert first.metrics["registrations"] == 1
                assert len(first.phones()) == 1
                first.reset_all(ResetKind.APPLY_CONFIG)
                await eventually(lambda: len(second.phones()) == 1)
                assert not first.phones()

    run(procedure())


def test_a_boot_that_fails_after_a_reset_leaves_the_phone_with_what_it_held() -> None:
    async def procedure() -> None:
        async with callmanager() as service:

            async def boot(_kind: ResetKind) -> None:
                raise RemoteError("the TFTP server does not answer")

            async with registering(phone_at(service), on_reset=boot) as registration:
                await registered(registration)
                service.reset_all()
                await eventually(lambda: service.metrics["registrations"] == 2)
                await registered(registration)

    run(procedure())


def test_the_next_server_when_one_is_down_and_the_first_again_later() -> None:
    async def procedure() -> None:
        async with callmanager() as second, callmanager() as first:
            phone = phone_at(first, second)
            changes: list[str] = []
            async with registering(phone, on_change=lambda status: changes.append(status.reason)) as registration:
                await registered(registration)
                assert len(first.phones()) == 1
                await first.drain(1)
                await first.stop()
                await eventually(lambda: len(second.phones()) == 1)
                await registered(registration)
                assert "the server closed the connection" in " ".join(changes)

    run(procedure())


def test_a_phone_that_no_server_takes_fetches_its_files_and_tries_for_ever() -> None:
    """An administrator changed its profile while it was away: nobody has to reset it."""

    async def procedure() -> None:
        looks = 0
        async with callmanager(secure()) as service:
            phone = phone_at(service)

            async def look() -> None:
                nonlocal looks
                looks += 1
                assert service.metrics["rejected"] > looks, "not before all failed twice"
                if looks == 1:
                    raise RemoteError("the TFTP server does not answer")
                if looks == 3:
                    phone.state = phone_at(service, mode=3, ctl=ctl()).state

            async with registering(phone, identity=lsc(), on_refused=look) as registration:
                await registered(registration)
                assert (looks, registration.status.secure, registration.status.resets) == (3, True, 0)

    run(procedure())


def test_a_server_that_falls_silent_is_left() -> None:
    async def procedure() -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.transport.abort()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with callmanager() as service:
            phone = phone_at(service)
            phone.state = replace(phone.state, config=config([(port, port), (service.port, service.tls_port)]))
            async with registering(phone, times=replace(QUICK, answer=1)) as registration:
                await registered(registration)
        server.close()

    run(procedure())


def test_without_configuration_or_with_sip_the_phone_says_so() -> None:
    async def procedure() -> None:
        phone = Phone(DEVICE, get_model("8861"))
        async with registering(phone) as registration:
            assert "no configuration" in await refused(registration)
        phone.state = replace(phone.state, config=config([(2000, 2443)], protocol="SIP"))
        async with registering(phone) as registration:
            assert "SIP" in await refused(registration)
        phone.state = replace(phone.state, config=config([(2000, 2443)]))
        async with registering(phone) as registration:
            assert "an 8861 speaks SIP only" in await refused(registration)

    run(procedure())


def test_a_server_that_no_list_names_is_sent_nothing() -> None:
    async def procedure() -> None:
        async with callmanager(secure()) as service:
            phone = phone_at(service, mode=3, ctl=other())
            async with registering(phone, identity=lsc()) as registration:
                reason = await refused(registration)
                assert "not trusted" in reason
                assert "no list names CN=cucm-1051-a-pub" in reason
                assert "without an ITL no TVS can be trusted" in reason
                await eventually(lambda: registration.distrusts)
            assert service.metrics["alarms"] == service.metrics["registrations"] == 0

    run(procedure())


def test_tvs_speaks_for_a_new_certificate_and_its_answer_is_kept() -> None:
    async def procedure() -> None:
        asked: list[TvsRequest] = []

        async def tvs(request: TvsRequest) -> TvsAnswer:
            asked.append(request)
            return TvsAnswer(TvsOutcome.KNOWN, OURS, frozenset({0, 2}), 3600)

        itl = list_of(Role.CCM_TFTP, THEIRS, tvs=tvs_signer().certificate)
        async with callmanager(secure()) as service:
            phone = phone_at(service, mode=3, ctl=other(), itl=itl, tvs=(TVS,))
            async with registering(phone, identity=lsc(), tvs=tvs) as registration:
                await registered(registration)
                service.reset_all()
                await eventually(lambda: service.metrics["registrations"] == 2)
        [request] = asked
        assert request.question.serial == OURS.serial
        assert request.trusted == (tvs_signer().certificate.der,)
        assert request.server == TVS

    run(procedure())


def test_a_phone_of_a_cluster_that_left_mixed_mode_registers_without_tls() -> None:
    async def procedure() -> None:
        async with (
            callmanager() as service,
            registering(phone_at(service, mode=3, ctl=ctl(None)), identity=lsc()) as registration,
        ):
            await registered(registration)
            assert not registration.status.secure

    run(procedure())


@pytest.mark.parametrize("vouched", [True, False])
def test_a_phone_that_kept_the_ctl_of_non_secure_mode_registers_by_tls_if_its_itl_vouches(vouched: bool) -> None:
    async def procedure() -> None:
        itl = list_of(Role.CCM_TFTP, OURS if vouched else THEIRS)
        async with (
            callmanager(secure()) as service,
            registering(phone_at(service, mode=3, ctl=ctl(None), itl=itl), identity=lsc()) as registration,
        ):
            if vouched:
                await registered(registration)
                assert registration.status.secure
            else:
                await eventually(lambda: "not trusted" in registration.status.reason)
                assert not registration.registered

    run(procedure())


def test_a_phone_that_kept_the_ctl_of_mixed_mode_does_not_register_in_the_clear() -> None:
    async def procedure() -> None:
        async with (
            callmanager() as service,
            registering(phone_at(service, mode=3, ctl=ctl()), identity=lsc()) as registration,
        ):
            await refused(registration)
            assert not service.phones()

    run(procedure())


POLICY = TrustPolicy(get_model("8861"))


@pytest.mark.parametrize(
    ("mode", "held", "expected"),
    [
        (None, ctl(), [False]),
        (1, ctl(), [False]),
        (2, ctl(), [True]),
        (3, ctl(Role.CCM), [True]),
        (3, ctl(Role.TFTP), [False, True]),
        (3, ctl(None), [False, True]),
        (3, None, [True]),
    ],
)
def test_when_tls_is_used(mode: int | None, held: TrustList | None, expected: list[bool]) -> None:
    assert list(ways_to_register(mode, TrustState(held))) == expected


def test_ctl_then_itl_then_tvs() -> None:
    itl = list_of(Role.CCM, OURS, tvs=tvs_signer().certificate)
    named = judge_server(POLICY, TrustState(ctl(), itl), OURS)
    assert "stored CTL record 2 (CCM+TFTP)" in named.text  # type: ignore[union-attr] # a decision
    by_itl = judge_server(POLICY, TrustState(other(), itl), OURS)
    assert "stored ITL record 2 (CCM)" in by_itl.text  # type: ignore[union-attr] # a decision
    state = TrustState(other(), list_of(Role.TFTP, OURS, tvs=tvs_signer().certificate), (TVS,))
    assert isinstance(judge_server(POLICY, state, OURS), NeedTvs)
    for answer, words in (
        (TVS_UNKNOWN, "TVS does not know it"),
        (TvsAnswer(TvsOutcome.UNREACHABLE), "no TVS server could be asked"),
        (TvsAnswer(TvsOutcome.KNOWN, THEIRS, frozenset({2})), "another certificate"),
        (TvsAnswer(TvsOutcome.KNOWN, OURS, frozenset({3, 21})), "role 3, 21, not 1 or 2"),
    ):
        verdict = judge_server(POLICY, state, OURS, answer)
        assert not isinstance(verdict, NeedTvs)
        assert verdict.refused
        assert words in verdict.text
    legacy = judge_server(TrustPolicy(get_model("7960")), TrustState(other()), OURS)
    assert "a 7960 knows no TVS" in legacy.text  # type: ignore[union-attr] # a decision
