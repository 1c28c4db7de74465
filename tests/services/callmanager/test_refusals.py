"""Who is refused on the secure port, and why: the phone is told little, the trace says all of it (real sockets)."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.errors import UsageError
from mixedmode.phone.body.tls import PhoneTls
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, issue_lsc, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.sccp import encode_message
from mixedmode.protocols.sccp.calls.from_phone import OffHook
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Refusal, SecurityMode
from mixedmode.services.callmanager.directory import ClusterDirectory, KnownDevice
from mixedmode.services.callmanager.service import CallManagerService
from tests.cluster.building import PHONES
from tests.pki.material import NOW, PUBLISHER, key
from tests.services.callmanager.callmanager_site import (
    DEVICE,
    KEEPALIVE,
    OTHER,
    REGISTER,
    Client,
    Table,
    authority,
    callmanager,
    client,
    ctl,
    lsc,
    mic,
    phone_at,
    refused,
    registered,
    registering,
)
from tests.services.tvs.tvsclient import run
from tests.support import eventually


def issued(
    device: str = DEVICE, *, by: SoftwareSigner | None = None, since: timedelta = timedelta(), days: int = 3560
) -> SoftwareSigner:
    own, authority_ = key(KeyKind.RSA_2048, 8), by or authority()
    made = issue_lsc(
        device,
        own.public_key(),
        authority=authority_.certificate,
        authority_key=authority_.key,
        now=datetime.now(UTC).replace(microsecond=0) + since,
        serial=0x4711,
        days=days,
    )
    return SoftwareSigner(made, own)


@cache
def namesake() -> SoftwareSigner:
    """Another cluster's CAPF that bears the name of ours."""
    other = key(KeyKind.RSA_2048, 6)
    return SoftwareSigner(
        self_signed(Purpose.CAPF, subject=PUBLISHER.named("CAPF-1234abcd"), key=other, now=NOW, serial=0x77), other
    )


Shown = Callable[[], SoftwareSigner | None]
IN_THE_HANDSHAKE: dict[str, tuple[Shown, str]] = {
    "an expired LSC": (lambda: issued(since=-timedelta(days=30), days=2), "certificate has expired"),
    "one of tomorrow": (lambda: issued(since=timedelta(days=1)), "not yet valid"),
    "an LSC of another cluster": (lambda: issued(by=authority("CAPF-0000ffff")), "unable to get"),
    "one of a CAPF with our CAPF's name": (lambda: issued(by=namesake()), "certificate"),
    "one that a phone issued with its LSC": (lambda: issued(OTHER, by=lsc()), "unable to get"),
    "one that is signed by itself": (
        lambda: SoftwareSigner(
            self_signed(
                Purpose.PHONE_LSC, subject=PUBLISHER.named(DEVICE), key=key(KeyKind.RSA_2048, 8), now=NOW, serial=9
            ),
            key(KeyKind.RSA_2048, 8),
        ),
        "certificate",
    ),
}


@pytest.mark.parametrize("what", IN_THE_HANDSHAKE)
def test_a_certificate_that_does_not_hold_ends_the_handshake(what: str) -> None:
    shown, why = IN_THE_HANDSHAKE[what]

    async def procedure() -> None:
        lines: list[str] = []
        anchors = [authority().certificate]
        async with callmanager(Table({DEVICE: SecurityMode.ENCRYPTED}), anchors=anchors) as service:
            service.refused = lines.append
            async with registering(phone_at(service, mode=3, ctl=ctl()), identity=shown()) as registration:
                assert "refuses the phone's certificate" in await refused(registration)
            assert service.phones() == ()
        assert lines
        assert all(line.startswith("127.0.0.1: its certificate is refused: ") for line in lines)
        assert why in lines[0]

    run(procedure())


AFTER_IT: dict[str, tuple[Shown, SecurityMode, str]] = {
    "the LSC of another device": (lambda: lsc(OTHER), SecurityMode.ENCRYPTED, f"its certificate is that of {OTHER}"),
    "the MIC of another device": (
        lambda: mic(OTHER),
        SecurityMode.AUTHENTICATED,
        f"its certificate is that of {OTHER}",
    ),
    "none": (lambda: None, SecurityMode.ENCRYPTED, "it showed no certificate that names a device"),
    "that of a server": (
        lambda: SoftwareSigner(
            issue_lsc(
                "cucm-1051-a-pub",
                key(KeyKind.RSA_2048, 8).public_key(),
                authority=authority().certificate,
                authority_key=authority().key,
                now=NOW,
                serial=3,
                days=3560,
            ),
            key(KeyKind.RSA_2048, 8),
        ),
        SecurityMode.ENCRYPTED,
        "it showed no certificate that names a device",
    ),
    "its own, for a device that is non-secure": (lsc, SecurityMode.NON_SECURE, "it came by TLS, and is non-secure"),
}


@pytest.mark.parametrize("what", AFTER_IT)
def test_a_certificate_that_proves_another_is_a_security_error(what: str) -> None:
    shown, mode, why = AFTER_IT[what]

    async def procedure() -> None:
        lines: list[str] = []
        async with callmanager(Table({DEVICE: mode})) as service:
            service.refused = lines.append
            async with registering(phone_at(service, mode=3, ctl=ctl()), identity=shown()) as registration:
                assert await refused(registration) == "Security Error", "the phone is told no more"
            assert service.phones() == ()
        assert f"{DEVICE} rejected: Security Error ({why}), from 127.0.0.1" in lines

    run(procedure())


class Revoking(Table):
    """A directory that knows revoked certificates."""

    revoked: frozenset[bytes] = frozenset()

    def find(self, name: str) -> KnownDevice | Refusal:
        found = super().find(name)
        assert isinstance(found, KnownDevice)
        return replace(found, facts=replace(found.facts, revoked=self.revoked))


def test_a_revoked_certificate_registers_nobody_and_who_is_there_already_is_cut_off() -> None:
    async def procedure() -> None:
        lines: list[str] = []
        table = Revoking({DEVICE: SecurityMode.ENCRYPTED, OTHER: SecurityMode.ENCRYPTED})
        async with callmanager(table) as service:
            service.refused = lines.append
            other = phone_at(service, mode=3, name=OTHER, ctl=ctl())
            async with (
                registering(phone_at(service, mode=3, ctl=ctl()), identity=lsc()) as lost,
                registering(other, identity=lsc(OTHER)) as kept,
            ):
                await registered(lost)
                await registered(kept)
                table.revoked = frozenset({lsc().certificate.sha256})
                service.drop(table.revoked)
                await eventually(lambda: lost.status.reason == "Security Error")
                assert [phone.name for phone in service.phones()] == [OTHER]
                assert kept.registered
        assert lines[0] == f"{DEVICE}: its certificate was revoked, its connection from 127.0.0.1 is ended"
        assert f"{DEVICE} rejected: Security Error (its certificate is revoked), from 127.0.0.1" in lines

    run(procedure())


def test_revoking_is_an_operation_of_the_cluster_that_its_directory_knows(cluster: Cluster) -> None:
    from mixedmode.cluster.model.topology import SecurityMode as ClusterMode
    from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues, RemoveDevice
    from tests.cluster.building import MIXED

    name = PHONES[0].name
    with pytest.raises(UsageError, match="no LSC that could be revoked"):
        cluster.run(RevokeLsc(name))
    with pytest.raises(NotFoundError):
        cluster.run(RevokeLsc("SEPFFFFFFFFFFFF"))
    old, new = issued(name), issued(name, by=authority("CAPF-0000ffff"))
    for each in (old, new):
        cluster.keep_lsc(name, each.certificate)
    cluster.run(MIXED)
    assert cluster.mode is ClusterMode.MIXED
    cluster.run(ChangeDevice(name, DeviceValues(security_mode=3, protocol="SCCP")))
    done = cluster.run(RevokeLsc(name, "stolen from the lobby"))
    assert f"2 LSCs of {name} revoked" in done.changes
    assert cluster.devices.lsc(name) is None
    both = frozenset({old.certificate.sha256, new.certificate.sha256})
    assert cluster.revoked_lscs() == cluster.revoked_lscs(name) == both
    known = ClusterDirectory(cluster).find(name)
    assert isinstance(known, KnownDevice)
    assert known.facts.revoked == both
    assert [each.reason for each in cluster.devices.given_lscs(name)] == ["stolen from the lobby"] * 2
    cluster.run(RemoveDevice(name))
    assert cluster.revoked_lscs() == both, "a certificate does not become good again by the device's removal"


def test_old_tls_is_refused_where_it_is_switched_off() -> None:
    async def procedure() -> None:
        lines: list[str] = []
        async with callmanager(Table({DEVICE: SecurityMode.ENCRYPTED})) as service:
            service.refused = lines.append
            for newest in ("1.0", "1.1"):
                context = await PhoneTls(newest, 3, lsc()).context()
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await asyncio.open_connection("127.0.0.1", service.tls_port, ssl=context)
            await eventually(lambda: len(lines) == 2)
        assert all("the TLS handshake failed: unsupported protocol" in line for line in lines)

    run(procedure())


def test_what_is_no_tls_is_refused_on_the_secure_port() -> None:
    async def procedure() -> None:
        lines: list[str] = []
        async with callmanager(Table({DEVICE: SecurityMode.ENCRYPTED})) as service:
            service.refused = lines.append
            reader, writer = await asyncio.open_connection("127.0.0.1", service.tls_port)
            writer.write(REGISTER)
            with suppress(ConnectionError):
                assert REGISTER not in await reader.read(4096)
            writer.transport.abort()
            await eventually(lambda: lines)
            assert service.phones() == ()

    run(procedure())


def header(length: int, message: int = 1) -> bytes:
    return struct.pack("<III", length, 0, message)


MALFORMED = {
    "oversized": header(0x7FFFFFFF),
    "just too long": header(0x10000) + bytes(64),
    "too short for a message": header(3),
    "a Register that ends early": header(24) + bytes(20),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_frame_that_is_none_ends_the_connection_and_nobody_elses(what: str) -> None:
    async def procedure() -> None:
        lines: list[str] = []
        async with callmanager(Table({DEVICE: SecurityMode.NON_SECURE})) as service:
            service.refused = lines.append
            async with registering(phone_at(service)) as registration, client(service, MALFORMED[what]) as stranger:
                await registered(registration)
                assert await stranger.next() is None
                assert registration.registered
        assert len(lines) == 1
        assert lines[0].startswith("127.0.0.1: the phone sent bytes that are no SCCP: ")

    run(procedure())


async def read_all(stranger: Client, acks: int) -> list[type]:
    """What a connection says until it ends, or until its keepalives are answered and it is silent."""
    said: list[type] = []
    with suppress(TimeoutError):
        while True:
            answered = acks and said.count(r.KeepAliveAck) >= acks
            message = await asyncio.wait_for(stranger.next(), 0.1 if answered else 60)
            if message is None:
                break
            said.append(type(message))
    assert said.count(r.KeepAliveAck) == acks
    return said


def test_messages_before_their_time_do_nothing() -> None:
    """Reordered: whoever has not registered has no calls, no lines and no servers."""

    async def procedure() -> None:
        async with callmanager(Table({DEVICE: SecurityMode.NON_SECURE})) as service:
            early = encode_message(OffHook(0, 0), 0) + encode_message(r.IpPort(4000), 0) + KEEPALIVE
            async with client(service, early) as stranger:
                assert await read_all(stranger, 1) == [r.KeepAliveAck], "only the keepalive is answered"
            assert service.phones() == ()
            assert not service.calls.records

    run(procedure())


async def plain(service: CallManagerService, *frames: bytes) -> list[type]:
    async with client(service, b"".join(frames)) as stranger:
        return await read_all(stranger, frames.count(KEEPALIVE))


def test_a_registration_that_was_recorded_is_worth_nothing_without_the_key() -> None:
    """Replayed: what an encrypted phone sent, said again in the clear or behind another phone's certificate."""

    async def procedure() -> None:
        lines: list[str] = []
        async with callmanager(Table({DEVICE: SecurityMode.ENCRYPTED, OTHER: SecurityMode.ENCRYPTED})) as service:
            service.refused = lines.append
            async with registering(phone_at(service, mode=3, ctl=ctl()), identity=lsc()) as registration:
                await registered(registration)
                recorded = REGISTER
                assert DEVICE.encode() in recorded
                assert await plain(service, recorded, recorded) == [r.RegisterReject]
                context = await PhoneTls("1.3", 3, lsc(OTHER)).context()
                reader, writer = await asyncio.open_connection("127.0.0.1", service.tls_port, ssl=context)
                writer.write(recorded)
                assert await Client(reader, writer).next() == r.RegisterReject("Security Error")
                writer.transport.abort()
                assert registration.registered, "its own connection stays"
                assert [phone.name for phone in service.phones()] == [DEVICE]
        assert (
            f"{DEVICE} rejected: Security Error (it came without TLS, and its mode is encrypted), from 127.0.0.1"
            in lines
        )
        assert f"{DEVICE} rejected: Security Error (its certificate is that of {OTHER}), from 127.0.0.1" in lines

    run(procedure())


def test_messages_said_twice_on_a_connection_do_no_harm() -> None:
    async def procedure() -> None:
        async with callmanager(Table({DEVICE: SecurityMode.NON_SECURE})) as service:
            said = await plain(service, REGISTER, REGISTER, KEEPALIVE, KEEPALIVE)
            assert said.count(r.KeepAliveAck) == 2
            assert said.count(r.RegisterAck) == 2
            assert r.RegisterReject not in said
            await eventually(lambda: service.phones() == ())

    run(procedure())


def test_every_fault_of_a_connection_is_said_in_words() -> None:
    from mixedmode.protocols.sccp.registration.admission import Security

    now = datetime(2026, 3, 1, tzinfo=UTC)
    good = Security(True, True, DEVICE, b"one")
    facts = DeviceFacts(SecurityMode.ENCRYPTED, revoked=frozenset({b"two"}))
    assert good.fault(DEVICE, facts) == ""
    for security, word in (
        (Security(), "without TLS"),
        (replace(good, device=None), "no certificate"),
        (replace(good, device=OTHER), OTHER),
        (replace(good, certificate=b"two"), "revoked"),
        (replace(good, encrypts=False), "does not encrypt"),
        (replace(good, until=now), "expired"),
    ):
        assert word in security.fault(DEVICE, facts, now)
    assert replace(good, until=now + timedelta(seconds=1)).fault(DEVICE, facts, now) == ""


def test_a_certificate_that_ends_between_handshake_and_register_proves_nobody() -> None:
    from mixedmode.protocols.sccp.registration.admission import Security
    from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
    from mixedmode.protocols.sccp.registration.phone_events import PhoneFacts
    from mixedmode.protocols.sccp.registration.server import ServerRegistration, ServerSettings
    from mixedmode.protocols.sccp.registration.server_events import Rejected

    day = datetime(2026, 3, 1, tzinfo=UTC)
    times = iter((day, day + timedelta(seconds=9)))
    server = ServerRegistration(
        Security(True, True, DEVICE, b"one", day + timedelta(seconds=5)), ServerSettings(), 0, lambda: next(times)
    )
    for wanted in (False, True):
        server.receive(PhoneRegistration(PhoneFacts(DEVICE, 437), 0).bytes_to_send(), 1)
        server.send(DeviceFacts(SecurityMode.ENCRYPTED), 1)
        ended = [event for event in server.receive(b"", 1) if isinstance(event, Rejected)]
        assert [event.why for event in ended] == ["its certificate has expired"] * wanted
