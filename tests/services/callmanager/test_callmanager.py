"""CallManager with our phones, with OpenSSL's client, and with clients that are slow, silent or broken."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.sccp import Frame, Message, ResetKind, encode_message, parse_message
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.questions import ServerReq
from mixedmode.protocols.sccp.messages.server_list import ServerEntry, ServerRes
from mixedmode.protocols.sccp.registration.admission import SecurityMode
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.trustlist.roles import Role
from tests.pki.material import signer
from tests.services.callmanager.callmanager_site import (
    DEVICE,
    OTHER,
    REGISTER,
    SCCP,
    Table,
    callmanager,
    client,
    ctl,
    list_of,
    lsc,
    mic,
    phone_at,
    refused,
    registered,
    registering,
)
from tests.services.tvs.tvsclient import LOOPS, run
from tests.support import eventually


@pytest.mark.parametrize("loop", LOOPS)
def test_recorded_frames_register_a_phone_and_set_it_up(loop: str) -> None:
    async def procedure() -> None:
        frames = ("26-alarm", "04-register-v17-124", "27-ipport", "15-capabilities-res-3", "17-button-template-req")
        sent = b"".join((SCCP / f"{name}.bin").read_bytes() for name in frames)
        async with callmanager() as service, client(service, sent) as phone:
            ack = await phone.next()
            assert ack == r.RegisterAck(30, 60, "D.M.Y", 17, bytes.fromhex("20f1ff"))
            assert await phone.next() == s.CapabilitiesReq()
            template = await phone.next()
            assert isinstance(template, t.ButtonTemplateRes)
            assert template.buttons == (t.Button(1, t.BUTTON_LINE), t.Button(2, t.BUTTON_LINE))
            [seen] = service.phones()
            assert (seen.name, seen.model, seen.device_type) == (DEVICE, "8861", 437)
            assert (seen.security, seen.load, seen.address) == ("non-secure", "SCCP75.9-3-1SR4-1S", "127.0.0.1")
            phone.writer.write((SCCP / "08-unregister.bin").read_bytes())
            assert await phone.next() == r.UnregisterAck(0)
            assert await phone.next() is None
            assert service.phones() == ()

    run(procedure(), loop)


@pytest.mark.parametrize("down", [False, True])
def test_a_phone_that_asks_for_servers_gets_its_group_or_at_least_this_one(down: bool) -> None:
    async def procedure() -> None:
        table = Table()
        frames = b"".join((SCCP / f"{name}.bin").read_bytes() for name in ("04-register-v17-124", "27-ipport"))
        async with callmanager(table) as service, client(service, frames) as phone:
            assert isinstance(await phone.next(), r.RegisterAck)
            assert await phone.next() == s.CapabilitiesReq()
            table.down = down
            phone.writer.write(encode_message(ServerReq(), 17))
            host, port = service.address
            wanted = ServerEntry(host, port, host) if down else ServerEntry("one", 2000, "10.0.0.1")
            assert await phone.next() == ServerRes((wanted,), long=True)

    asyncio.run(procedure())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", list(ResetKind))
def test_a_reset_reaches_the_phone_byte_for_byte(loop: str, kind: ResetKind) -> None:
    async def procedure() -> None:
        async with callmanager() as service, client(service, REGISTER) as phone:
            assert isinstance(await phone.next(), r.RegisterAck)
            assert isinstance(await phone.next(), s.CapabilitiesReq)
            assert service.reset_device(DEVICE, kind)
            assert not service.reset_device(OTHER, kind)
            assert await phone.next() == r.Reset(kind)
            assert service.reset_all(kind) == 1

    run(procedure(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_phone_registers_by_tls_with_its_lsc(loop: str) -> None:
    async def procedure() -> None:
        async with callmanager(Table({DEVICE: SecurityMode.ENCRYPTED})) as service:
            phone = phone_at(service, mode=3, ctl=ctl(), itl=ctl())
            async with registering(phone, identity=lsc()) as registration:
                await registered(registration)
                assert registration.status.secure
                assert registration.status.lines == ("1001", "1002")
                [seen] = service.phones()
                assert (seen.security, seen.certificate) == ("encrypted", "LSC")
                assert (seen.cipher or "").startswith("TLSv1.2")
                await eventually(lambda: service.phones()[0].ctl_hash == ctl().sha1)
            await eventually(lambda: not service.phones())
            assert service.metrics["unregistered"] == 1

    run(procedure(), loop)


def test_what_phones_report_reaches_the_directory() -> None:
    async def procedure() -> None:
        table = Table()
        async with callmanager(table) as service, registering(phone_at(service, itl=ctl())) as registration:
            await registered(registration)
            sha1 = list_of(Role.CCM_TFTP, signer().certificate).sha1
            await eventually(lambda: (DEVICE, "", sha1) in table.notes)

    run(procedure())


@pytest.mark.parametrize("identity", [mic(), lsc()], ids=["MIC", "LSC"])
def test_a_7975_registers_by_tls_1_0_where_that_is_switched_on(identity: SoftwareSigner) -> None:
    async def procedure() -> None:
        for mode, cipher in ((SecurityMode.AUTHENTICATED, "AES"), (SecurityMode.ENCRYPTED, "AES")):
            table = Table({DEVICE: mode})
            async with callmanager(table, floor=TlsFloor.TLS_1_0) as service:
                phone = phone_at(service, mode=mode, model="7975", ctl=ctl())
                async with registering(phone, identity=identity) as registration:
                    await registered(registration)
                    assert (service.phones()[0].cipher or "").startswith("TLSv1 ")
                    assert cipher in (service.phones()[0].cipher or "")
        async with callmanager(Table({DEVICE: SecurityMode.ENCRYPTED})) as service:
            phone = phone_at(service, mode=3, model="7975", ctl=ctl())
            async with registering(phone, identity=identity) as registration:
                assert "TLS" in await refused(registration)

    run(procedure())


@pytest.mark.interop("openssl")
@pytest.mark.parametrize(
    ("mode", "answer"), [(SecurityMode.AUTHENTICATED, r.RegisterAck), (SecurityMode.ENCRYPTED, r.RegisterReject)]
)
def test_a_cipher_that_does_not_encrypt_is_for_authenticated_devices(
    tmp_path: Path, mode: SecurityMode, answer: type[Message]
) -> None:
    pem = tmp_path / "lsc.pem"
    pem.write_bytes(private_key_pem(lsc().key) + lsc().certificate.pem())

    async def procedure() -> None:
        async with callmanager(Table({DEVICE: mode}), floor=TlsFloor.TLS_1_0) as service:
            process = await asyncio.create_subprocess_exec(
                *("openssl", "s_client", "-connect", f"127.0.0.1:{service.tls_port}", "-quiet", "-tls1"),
                *("-cipher", "NULL-SHA:@SECLEVEL=0", "-cert", str(pem), "-key", str(pem)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(REGISTER)
            head = await asyncio.wait_for(process.stdout.readexactly(12), 60)
            body = await process.stdout.readexactly(int.from_bytes(head[:4], "little") - 4)
            assert type(parse_message(Frame(int.from_bytes(head[8:12], "little"), body))) is answer
            process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    run(procedure())
