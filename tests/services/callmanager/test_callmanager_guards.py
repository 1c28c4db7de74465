"""CallManager and those whom it refuses, drops or outlives: devices, certificates, silence, floods, taken ports."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.errors import RemoteError, UsageError
from mixedmode.phone.body.registration_status import RegistrationState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, issue_lsc
from mixedmode.pki.reading.der import encode
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.sccp import encode_message
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.registration import server
from mixedmode.protocols.sccp.registration.admission import Refusal, SecurityMode
from mixedmode.services.callmanager.connection import PhoneConnection
from mixedmode.services.callmanager.directory import ClusterDirectory, KnownDevice
from mixedmode.services.callmanager.node import node_callmanager
from mixedmode.services.callmanager.service import CallManagerLimits, CallManagerService
from mixedmode.services.callmanager.tls import device_of
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.trustlist.model import TrustList
from tests.cluster.building import MIXED, PHONES, PUB, ctl_of
from tests.pki.material import key, signer
from tests.pki.zoo import certificate
from tests.services.callmanager.callmanager_site import (
    DEVICE,
    KEEPALIVE,
    OTHER,
    REGISTER,
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
    trust,
)
from tests.services.tvs.tvsclient import run
from tests.support import eventually


def test_an_unknown_device_is_rejected() -> None:
    async def procedure() -> None:
        async with callmanager(Table({OTHER: SecurityMode.NON_SECURE})) as service:
            async with registering(phone_at(service)) as registration:
                assert await refused(registration) == "Error DBConfig"
            assert service.metrics["rejected"] >= 1
            assert service.phones() == ()

    run(procedure())


def test_security_mode_and_port_must_agree() -> None:
    async def procedure() -> None:
        lines: list[str] = []
        table = Table({DEVICE: SecurityMode.ENCRYPTED})
        async with callmanager(table, log=lines.append) as service:
            # The database says encrypted, the phone's old configuration does not; and the other way round.
            async with registering(phone_at(service, mode=1)) as registration:
                assert await refused(registration) == "Security Error"
            table.modes[DEVICE] = SecurityMode.NON_SECURE
            async with registering(phone_at(service, mode=3, ctl=ctl()), identity=lsc()) as registration:
                assert await refused(registration) == "Security Error"
            assert f"{DEVICE} rejected: Security Error" in lines

    run(procedure())


def test_a_certificate_of_another_name_or_none_is_a_security_error() -> None:
    async def procedure() -> None:
        async with callmanager(Table({DEVICE: SecurityMode.AUTHENTICATED})) as service:
            for identity in (lsc(OTHER), mic(OTHER), None):
                phone = phone_at(service, mode=2, ctl=ctl())
                async with registering(phone, identity=identity) as registration:
                    assert await refused(registration) == "Security Error"

    run(procedure())


def test_a_certificate_that_nobody_vouches_for_ends_the_handshake() -> None:
    async def procedure() -> None:
        lines: list[str] = []
        table = Table({DEVICE: SecurityMode.ENCRYPTED})
        async with callmanager(table, anchors=[authority("CAPF-0000ffff").certificate], log=lines.append) as service:
            phone = phone_at(service, mode=3, ctl=ctl())
            async with registering(phone, identity=lsc()) as registration:
                assert "certificate" in await refused(registration)
            assert service.metrics["handshake_failures"] >= 1
            assert any("its certificate is refused" in line for line in lines)

    run(procedure())


def test_a_certificate_of_the_store_that_openssl_refuses_is_named() -> None:
    broken = Certificate.from_der(certificate(dates=(encode(0x17, b"today"), encode(0x02, b"\1"))))

    async def procedure() -> None:
        with pytest.raises(UsageError, match="does not take a certificate that vouches for phones") as refusal:
            async with callmanager(anchors=[authority().certificate, broken]):
                pass
        assert refusal.value.where == "CAPF-trust: CN=cucm-pub;O=Example;C=NZ"
        assert refusal.value.next_step == "remove it from the store"

    run(procedure())


def test_what_a_certificate_is_called_ties_it_to_a_device() -> None:
    assert device_of(lsc().certificate) == (DEVICE, "LSC")
    assert device_of(mic().certificate) == (DEVICE, "MIC")
    assert device_of(signer().certificate) == (None, None)


def test_a_silent_phone_is_dropped_and_the_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "KEEPALIVE_GRACE", 3.0)  # so that a phone on a busy machine may be late

    async def procedure() -> None:
        async with (
            callmanager(Table({DEVICE: SecurityMode.NON_SECURE, OTHER: SecurityMode.NON_SECURE}), keepalive=1) as cm,
            client(cm, REGISTER),
            registering(phone_at(cm, name=OTHER)) as registration,
        ):
            await registered(registration)
            assert {each.name for each in cm.phones()} == {DEVICE, OTHER}
            await eventually(lambda: cm.metrics["silent"] == 1)
            assert [each.name for each in cm.phones()] == [OTHER]
            assert registration.registered

    run(procedure())


def test_a_second_connection_of_a_device_takes_the_place_of_the_first() -> None:
    async def procedure() -> None:
        async with callmanager() as service, client(service, REGISTER) as first:
            assert isinstance(await first.next(), r.RegisterAck)
            async with client(service, REGISTER) as second:
                assert isinstance(await second.next(), r.RegisterAck)
                await first.next()
                assert await first.next() is None
                assert len(service.phones()) == 1
                assert service.reset_device(DEVICE)

    run(procedure())


def test_garbage_and_silence_do_not_disturb_others() -> None:
    async def procedure() -> None:
        limits = CallManagerLimits(handshake_seconds=0.5)
        async with callmanager(limits=limits, first_seconds=0.5) as service:
            quiet = [await asyncio.open_connection("127.0.0.1", port) for port in (service.port, service.tls_port) * 20]
            for data in (
                b"GET / HTTP/1.0\r\n\r\n",
                bytes(12),
                b"\xff" * 5000,
                REGISTER[:20],
                encode_message(Register("", "1.2.3.4", 7)),
            ):
                reader, writer = await asyncio.open_connection(*service.address)
                writer.write(data)
                quiet.append((reader, writer))
            async with registering(phone_at(service)) as registration:
                await registered(registration)
            async with asyncio.timeout(60):
                for reader, writer in quiet:
                    with contextlib.suppress(ConnectionError):
                        assert await reader.read() == b""
                    writer.transport.abort()
            await eventually(lambda: not service.metrics["open"])
            assert service.metrics["malformed"] == 4

    run(procedure())


def test_a_flood_is_answered_in_turns_and_who_takes_nothing_is_cut_off() -> None:
    async def procedure() -> None:
        async with callmanager(limits=CallManagerLimits(write_seconds=0.3)) as service:
            async with client(service, REGISTER) as phone:
                assert isinstance(await phone.next(), r.RegisterAck)
                flood = encode_message(t.SoftKeyTemplateReq()) * 20_000
                phone.writer.write(flood)
                async with registering(phone_at(service, name=DEVICE)) as registration:
                    await registered(registration)
                await eventually(lambda: service.metrics["stuck"] + service.metrics["replaced"] >= 1)
            async with client(service, REGISTER) as phone:
                phone.writer.write(flood)
                await eventually(lambda: service.metrics["stuck"] >= 1)

    run(procedure())


def test_nothing_is_written_to_who_is_gone_while_his_flood_is_worked_on() -> None:
    """asyncio would log each of the writes."""
    wrote = 0

    class Line(asyncio.Transport):
        broken = False

        def is_closing(self) -> bool:
            return self.broken

        def write(self, _data: object) -> None:
            nonlocal wrote
            wrote += 1

        def resume_reading(self) -> None:
            pass

        def abort(self) -> None:
            pass

    async def procedure() -> None:
        async with callmanager() as service:
            place, line = service.guests.admit("127.0.0.9"), Line()
            assert place is not None
            connection = PhoneConnection(service, place)
            connection.connection_made(line)
            connection.data_received(KEEPALIVE)
            line.broken = True
            connection.data_received(KEEPALIVE * 100)
            connection.connection_lost(None)
            assert wrote == 1

    run(procedure())


def test_connections_are_bounded() -> None:
    async def procedure() -> None:
        async with callmanager(limits=CallManagerLimits(connections=3, per_address=2)) as service:
            held = [await asyncio.open_connection(*service.address) for _ in range(2)]
            await eventually(lambda: service.metrics["open"] == 2)
            reader, writer = await asyncio.open_connection(*service.address)
            assert await reader.read() == b""
            assert service.metrics["refused"] == 1
            for _, each in [*held, (reader, writer)]:
                each.transport.abort()
            await eventually(lambda: not service.metrics["open"])
            async with registering(phone_at(service)) as registration:
                await registered(registration)

    run(procedure())


def test_a_directory_that_is_down_sends_the_phone_to_the_next_node() -> None:
    async def procedure() -> None:
        down = Table()
        down.down = True
        async with callmanager(down) as first, callmanager() as second:
            async with registering(phone_at(first, second)) as registration:
                await registered(registration)
                assert registration.status.server == f"127.0.0.1:{second.port}"
            assert first.metrics["directory_failures"] == 1

    run(procedure())


def test_drain_closes_without_a_word_and_stop_twice_does_no_harm() -> None:
    async def procedure() -> None:
        async with callmanager() as service, client(service, REGISTER) as phone:
            assert isinstance(await phone.next(), r.RegisterAck)
            assert isinstance(await phone.next(), s.CapabilitiesReq)
            assert service.healthy
            assert await service.drain(2) == 0
            assert await phone.next() is None
            await service.stop()
            await service.stop()
            with pytest.raises(UsageError):
                _ = service.port

    run(procedure())


def test_a_port_that_is_taken() -> None:
    async def procedure() -> None:
        async with callmanager() as service:
            twin = CallManagerService(Table(), trust(), port=0, tls_port=service.tls_port)
            with pytest.raises(RemoteError, match="cannot listen"):
                await twin.start()
            elsewhere = CallManagerService(Table(), trust(), port=0, tls_port=service.tls_port, tls_elsewhere=True)
            await elsewhere.start()
            assert elsewhere.tls_port != service.tls_port
            await elsewhere.stop()

    run(procedure())


def test_a_key_that_openssl_does_not_take() -> None:
    async def procedure() -> None:
        weak = signer(KeyKind.RSA_1024, name="weak")
        with pytest.raises(UsageError, match="CallManager certificate"):
            async with callmanager(server=weak):
                pass

    run(procedure())


def test_a_nodes_callmanager_serves_the_clusters_devices(cluster: Cluster) -> None:
    device = PHONES[0].name

    async def procedure() -> None:
        service = node_callmanager(
            cluster, cluster.publisher, host="127.0.0.1", port=0, tls_port=0, floor=TlsFloor.TLS_1_0
        )
        await service.start()
        try:
            itl = cluster.show_itl(PUB).data
            assert itl is not None
            async with registering(phone_at(service, name=device, itl=TrustList.parse(itl))) as registration:
                assert await registration.wait(RegistrationState.REGISTERED, 60)
                await eventually(lambda: bool(cluster.devices.get(device).itl_hash))
            directory = ClusterDirectory(cluster)
            assert directory.find(OTHER) == Refusal()
            found = directory.find(device)
            assert isinstance(found, KnownDevice)
            assert found.facts.mode is SecurityMode.NON_SECURE
        finally:
            await service.stop()

    run(procedure())


def test_a_cluster_in_mixed_mode_registers_encrypted_devices_with_an_lsc_of_its_own_capf(cluster: Cluster) -> None:
    async def procedure() -> None:
        cluster.devices.add([DeviceSpec(OTHER, security_mode=3)])
        capf = cluster.signer(PUB, Purpose.CAPF.value)
        own = key(KeyKind.RSA_2048)
        certificate = issue_lsc(
            OTHER,
            own.public_key(),
            authority=capf.certificate,
            authority_key=capf.key,
            now=capf.certificate.not_before,
            serial=7,
            days=3560,
        )
        node = cluster.publisher
        service = node_callmanager(cluster, node, host="127.0.0.1", port=0, tls_port=0, floor=TlsFloor.TLS_1_0)
        await service.start()
        try:
            # Non-secure: whatever the device's profile says, it registers without TLS.
            async with registering(phone_at(service, name=OTHER, mode=1)) as registration:
                assert await registration.wait(RegistrationState.REGISTERED, 60)
            await asyncio.to_thread(cluster.run, MIXED)
            async with registering(phone_at(service, name=OTHER, mode=1)) as registration:
                assert await refused(registration) == "Security Error"
            phone = phone_at(service, name=OTHER, mode=3, model="7975", ctl=ctl_of(cluster))
            async with registering(phone, identity=SoftwareSigner(certificate, own)) as registration:
                assert await registration.wait(RegistrationState.REGISTERED, 60), registration.status
                await eventually(lambda: cluster.devices.get(OTHER).ctl_hash == ctl_of(cluster).sha1)
                assert [each.security for each in service.phones()] == ["encrypted"]
        finally:
            await service.stop()

    run(procedure())
