"""CAPF on a real socket: phones get, show and lose their LSC; whoever cannot prove himself gets nothing."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mixedmode.phone.body.capf import Outcome, Proofs, enrol
from mixedmode.phone.body.tls import UntrustedServerError
from mixedmode.pki.certificates.capf_proof import proof_holds
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import Asked, Operation, ServerSession
from mixedmode.services.capf.judge import claim_faults
from mixedmode.services.capf.service import CapfLimits, CapfService
from mixedmode.services.capf.store import CapfDevice, CapfStore
from tests.support import DATA

PHONE = "SEP001122334455"


def make_authority() -> SoftwareSigner:
    key = generate_key(KeyKind.RSA_2048)
    subject = Subject("CAPF-e41e7d87", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    return SoftwareSigner(self_signed(Purpose.CAPF, subject=subject, key=key, now=datetime.now(UTC), serial=77), key)


AUTHORITY = make_authority()


@asynccontextmanager
async def serving(store: CapfStore, limits: CapfLimits | None = None) -> AsyncIterator[CapfService]:
    service = CapfService(store, lambda: AUTHORITY, port=0, limits=limits)
    await service.start()
    try:
        yield service
    finally:
        await service.drain(2.0)
        await service.stop()


def visit(store: CapfStore, *, password: str = "", lsc: SoftwareSigner | None = None, name: str = PHONE) -> Outcome:
    async def play() -> Outcome:
        async with serving(store) as service:
            return await enrol("127.0.0.1", service.port, name, Proofs(lsc, password=password))

    return asyncio.run(play())


@pytest.fixture
def store(tmp_path: Path) -> CapfStore:
    return CapfStore(tmp_path / "capf")


def ordered(store: CapfStore, operation: Operation, key: str = "ec-256", password: str | None = "12345") -> None:
    store.order(PHONE, operation, key=key, password=password, by_certificate=False)


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("key", ["rsa-2048", "ec-256", "ec-384", "ec-521"])
def test_an_lsc_is_installed_and_openssl_believes_it(store: CapfStore, tmp_path: Path, key: str) -> None:
    ordered(store, Operation.INSTALL, key)
    outcome = visit(store, password="12345")
    assert (outcome.did, outcome.reason) == ("installed", 1)
    assert outcome.lsc is not None
    (tmp_path / "lsc.pem").write_bytes(outcome.lsc.certificate.pem())
    (tmp_path / "capf.pem").write_bytes(AUTHORITY.certificate.pem())
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", tmp_path / "capf.pem", tmp_path / "lsc.pem"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    device = store.find(PHONE)
    assert device is not None
    assert (device.operation, device.lsc) == (Operation.NONE, outcome.lsc.certificate)
    assert f"CN={PHONE}" in outcome.lsc.certificate.subject
    again = visit(store, password="12345", lsc=outcome.lsc)
    assert again.text == "no pending CAPF operation"


def test_a_phone_keeps_what_it_stored_though_it_does_not_hear_the_end(
    store: CapfStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServerSession, "_say_end", lambda session, _reason: session._end(0))
    ordered(store, Operation.INSTALL)
    outcome = visit(store, password="12345")
    device = store.find(PHONE)
    assert device is not None
    assert outcome.did == "installed"
    assert outcome.lsc is not None
    assert (device.operation, device.lsc) == (Operation.NONE, outcome.lsc.certificate)
    ordered(store, Operation.DELETE)
    assert visit(store, password="12345", lsc=outcome.lsc).did == "removed"


@pytest.mark.parametrize("kept", [True, False])
def test_a_phone_holds_its_lsc_before_it_says_so_and_goes_back_if_it_was_not_taken(
    store: CapfStore, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """One that is switched off in between must open what is encrypted to it from then on."""
    held: list[SoftwareSigner | None] = []
    before: list[int] = []
    done = store.done

    def kept_at_the_server(order: CapfDevice, certificate: bytes | None) -> bool:
        before.append(len(held))
        return kept and done(order, certificate)

    monkeypatch.setattr(store, "done", kept_at_the_server)
    ordered(store, Operation.INSTALL)

    async def procedure() -> Outcome:
        async with serving(store) as service:
            return await enrol("127.0.0.1", service.port, PHONE, Proofs(password="12345"), keep=held.append)

    outcome = asyncio.run(procedure())
    assert before == [1]
    assert held[0] is not None
    assert (held[1:], outcome.did) == (([], "installed") if kept else ([None], ""))
    assert outcome.lsc is held[-1]


def test_an_lsc_is_fetched_and_deleted(store: CapfStore) -> None:
    ordered(store, Operation.INSTALL)
    lsc = visit(store, password="12345").lsc
    assert lsc is not None
    ordered(store, Operation.FETCH)
    assert visit(store, password="12345", lsc=lsc).reason == 0
    held = store.find(PHONE)
    assert held is not None
    assert held.lsc == lsc.certificate
    ordered(store, Operation.DELETE)
    assert visit(store, password="12345", lsc=lsc).did == "removed"
    gone = store.find(PHONE)
    assert gone is not None
    assert gone.lsc is None


@pytest.mark.parametrize("password", ["", "1234", "123456"])
def test_a_wrong_password_gets_nothing_and_the_operation_waits(store: CapfStore, password: str) -> None:
    ordered(store, Operation.INSTALL)
    outcome = visit(store, password=password)
    assert (outcome.reason, outcome.lsc) == (7, None)
    device = store.find(PHONE)
    assert device is not None
    assert device.operation is Operation.INSTALL


def test_an_unknown_device_is_told_so(store: CapfStore) -> None:
    assert visit(store, name="SEPFFFFFFFFFFFF").reason == 9
    assert visit(store, name="../../etc/passwd").reason == 9


def test_the_recorded_proof_by_certificate_holds_and_a_changed_one_does_not() -> None:
    lines = json.loads((DATA / "wire" / "capf" / "session.6.json").read_text())
    server = ServerSession(7)
    [event] = server.receive(bytes.fromhex(lines[1][1]), 0)
    assert isinstance(event, Asked)
    claim = event.claim
    shown = Certificate.from_der(claim.certificate or b"")
    assert proof_holds(shown, claim.signed, sha1=claim.proof, sha512=claim.proof_sha512)
    assert proof_holds(shown, claim.signed, sha1=claim.proof, sha512=None)
    assert not proof_holds(shown, claim.signed + b"x", sha1=claim.proof, sha512=claim.proof_sha512)
    assert not proof_holds(shown, claim.signed, sha1=claim.proof, sha512=b"\0" * 256)
    assert not proof_holds(shown, claim.signed, sha1=None, sha512=None)


def test_a_phone_must_show_the_certificate_that_was_asked_for(store: CapfStore) -> None:
    store.order(PHONE, Operation.INSTALL, key="ec-256", password=None, by_certificate=True)
    assert visit(store).reason == 7


def test_a_phone_refuses_a_server_that_its_lists_do_not_hold(store: CapfStore) -> None:
    async def play(trusted: bytes) -> Outcome:
        async with serving(store) as service:
            return await enrol("127.0.0.1", service.port, PHONE, trusted=[trusted])

    assert asyncio.run(play(AUTHORITY.certificate.der)).reason == 9
    with pytest.raises(UntrustedServerError):
        asyncio.run(play(make_authority().certificate.der))


def test_silence_and_garbage_disturb_nobody(store: CapfStore) -> None:
    ordered(store, Operation.INSTALL)

    async def play() -> tuple[Outcome, bytes]:
        limits = CapfLimits(handshake_seconds=36000, answer_seconds=36000)  # so nobody waits for another's end
        async with serving(store, limits) as service:
            silent = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(30)]
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=context)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            outcome = await enrol("127.0.0.1", service.port, PHONE, Proofs(password="12345"))
            said = await asyncio.wait_for(reader.read(), 60)
            assert service.metrics["open"] >= len(silent)
            for _, each in [*silent, (reader, writer)]:
                each.transport.abort()
            return outcome, said

    outcome, said = asyncio.run(play())
    assert outcome.did == "installed"
    assert said.endswith(bytes.fromhex("000401000107"))


def test_files_of_the_store_are_private_and_hold_no_password(store: CapfStore) -> None:
    ordered(store, Operation.INSTALL, password="987654321")
    path = store.folder / f"{PHONE}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "987654321" not in path.read_text()


def test_an_expired_certificate_proves_nothing(store: CapfStore) -> None:
    store.order(PHONE, Operation.INSTALL, key="ec-256", password=None, by_certificate=True)
    service = CapfService(store, lambda: AUTHORITY, clock=lambda: datetime.now(UTC) + timedelta(days=400))
    asyncio.run(_started(service))
    lines = json.loads((DATA / "wire" / "capf" / "session.6.json").read_text())
    server = ServerSession(7)
    [event] = server.receive(bytes.fromhex(lines[1][1]), 0)
    assert isinstance(event, Asked)
    device = store.find(PHONE)
    assert device is not None
    assert claim_faults(event.claim, device, service.believed(), service.now())


async def _started(service: CapfService) -> None:
    service._signer = AUTHORITY
