"""An authority outside signs a phone's LSC: its key goes out, the certificate comes back and takes the LSC's place."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mixedmode.errors import UsageError
from mixedmode.phone.body.capf import Proofs, enrol
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, issue_lsc
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import (
    Command,
    Element,
    Enrolment,
    Installed,
    Message,
    Operation,
    PhoneSession,
    encode_message,
    parse_message,
)
from mixedmode.protocols.capf.messages import certificate_elements
from mixedmode.services.capf.service import CapfService
from mixedmode.services.capf.store import CapfStore
from tests.pki.material import key
from tests.services.capf.capf_site import MAKER, PHONE, authority
from tests.support import run_mixedmode

OUTSIDE = authority(MAKER, 2)


def signed(name: str, public: object, days: int = 30) -> Certificate:
    return issue_lsc(
        name,
        public,  # type: ignore[arg-type]
        authority=OUTSIDE.certificate,
        authority_key=OUTSIDE.key,
        now=datetime.now(UTC),
        serial=77,
        days=days,
    )


def test_the_key_goes_out_and_the_certificate_comes_back(tmp_path: Path) -> None:
    store, pem = CapfStore(tmp_path / "capf"), tmp_path / "signed.pem"

    async def visit(lsc: SoftwareSigner | None) -> SoftwareSigner:
        service = CapfService(store, authority, port=0, issuers=[OUTSIDE.certificate])
        await service.start()
        try:
            outcome = await enrol("127.0.0.1", service.port, PHONE, Proofs(lsc))
        finally:
            await service.stop()
        assert outcome.did == "installed"
        assert outcome.lsc is not None
        return outcome.lsc

    store.order(PHONE, Operation.INSTALL, key="ec-256", password=None, by_certificate=False)
    first = asyncio.run(visit(None))
    done = run_mixedmode("capf", "request", PHONE, "--directory", store.folder, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    public = load_pem_public_key((tmp_path / f"{PHONE}.pub.pem").read_bytes())
    pem.write_bytes(signed(PHONE, public).pem())
    done = run_mixedmode("capf", "import", pem, "--directory", store.folder)
    assert f"{PHONE}: takes the certificate of" in done.stdout, done.stderr
    second = asyncio.run(visit(first))
    assert second.certificate.pem() == pem.read_bytes()
    assert second.key is first.key, "it made no other"
    device = store.find(PHONE)
    assert device is not None
    assert (device.operation, device.ready, device.lsc) == (Operation.NONE, "", second.certificate)


def test_what_is_not_for_the_phones_key_is_refused(tmp_path: Path) -> None:
    store = CapfStore(tmp_path / "capf")
    stranger = signed(PHONE, key(KeyKind.EC_256, 5).public_key())
    with pytest.raises(UsageError, match="has no LSC"):
        store.give(PHONE, stranger)
    order = store.order(PHONE, Operation.INSTALL, key="ec-256", password=None, by_certificate=False)
    store.done(order, signed(PHONE, key(KeyKind.EC_256).public_key()).der)
    with pytest.raises(UsageError, match="not for the key"):
        store.give(PHONE, stranger)
    store.give(PHONE, signed(PHONE, key(KeyKind.EC_256).public_key()))
    store.order(PHONE, Operation.DELETE, key="ec-256", password=None, by_certificate=False)
    device = store.find(PHONE)
    assert device is not None
    assert device.ready == "", "another order takes its place"


@pytest.mark.parametrize("fits", [True, False])
def test_a_phone_takes_a_certificate_for_its_own_key_alone(fits: bool) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    own, other = (key(KeyKind.EC_256, number).public_key() for number in (0, 5))
    held = own.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    phone = PhoneSession(Enrolment(PHONE, certificate=signed(PHONE, own).der, public_key=held))
    der = signed(PHONE, own if fits else other).der
    events = phone.receive(encode_message(Message(Command.STORE_REQUEST, 1, certificate_elements(der))), 0)
    assert events == ([Installed(der)] if fits else [])
    assert parse_message(phone.bytes_to_send()).number(Element.REASON) == (1 if fits else 7)
