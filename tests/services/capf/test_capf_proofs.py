"""CAPF against those who are not who they say: guesses, foreign certificates, fakes; and what people see of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mixedmode.phone.body.capf import AuthMode
from mixedmode.pki.certificates.capf_proof import make_proof, proof_holds
from mixedmode.pki.certificates.phone_names import device_named, is_lsc, names_device
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import Claim, Credential, Operation
from mixedmode.services.capf.judge import certificate_faults
from mixedmode.services.capf.notes import CapfOutcome
from tests.pki.material import key
from tests.services.capf.capf_site import MAKER, NOW, PHONE, Site, authority, issued, shown


@pytest.mark.parametrize(
    ("name", "device", "same"),
    [
        ("SEP001122334455", PHONE, True),
        ("CP-7965G-SEP001122334455", PHONE, True),
        ("CP-8861-SEP001122334455", PHONE, True),
        ("CP-8845-K9-SEP001122334455", PHONE, True),
        ("cp-8861-sep001122334455", PHONE, True),
        ("CP-8861-SEP001122334456", PHONE, False),
        ("CP-8861-SEP001122334455x", PHONE, False),
        ("CP-SEP001122334455", PHONE, False),
        ("CP--SEP001122334455", PHONE, False),
        ("XX-8861-SEP001122334455", PHONE, False),
        ("CP-8861-SEP001122334455\0", PHONE, False),
        ("CP-8861 SEP001122334455", PHONE, False),
        ("", PHONE, False),
        ("", "", False),
        ("CP-ATA191-ATA001122334455", "ATA001122334455", True),
        ("CSFANNA", "CSFANNA", True),
    ],
)
def test_names_of_real_certificates(name: str, device: str, same: bool) -> None:
    assert names_device(name, device) is same
    assert not same or device_named(name) == device


def test_who_issued_a_certificate_tells_an_lsc_from_a_mic() -> None:
    assert is_lsc(shown("CP-8861-SEP001122334455").certificate)
    assert not is_lsc(shown("CP-8861-SEP001122334455", MAKER).certificate)
    assert is_lsc(shown(PHONE).certificate)


@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.RSA_2048, KeyKind.EC_256, KeyKind.EC_521])
def test_a_proof_is_made_as_it_is_checked(kind: KeyKind) -> None:
    own = generate_key(kind)
    made = self_signed(Purpose.PHONE_LSC, subject=Subject(PHONE), key=own, now=NOW, serial=5)
    signer = SoftwareSigner(made, own)
    sha1, sha512 = make_proof(signer, b"text")
    assert proof_holds(made, b"text", sha1=sha1, sha512=sha512)
    assert proof_holds(made, b"text", sha1=sha1, sha512=None)
    assert not proof_holds(made, b"tuxt", sha1=sha1, sha512=sha512)
    assert not proof_holds(made, b"text", sha1=sha1[:-1] + bytes([sha1[-1] ^ 1]), sha512=None)


@pytest.mark.parametrize(
    ("lsc", "mic", "mode"),
    [
        (shown(PHONE), None, AuthMode.LSC),
        (shown("CP-8861-SEP001122334455"), None, AuthMode.LSC),
        (None, shown("CP-7965G-SEP001122334455", MAKER), AuthMode.LSC),
        (shown(PHONE), shown("CP-7965G-SEP001122334455", MAKER), AuthMode.MIC),
    ],
    ids=["LSC", "LSC of CUCM", "MIC for want of an LSC", "MIC"],
)
def test_a_phone_proves_itself_by_its_certificate(
    tmp_path: Path, lsc: SoftwareSigner | None, mic: SoftwareSigner | None, mode: AuthMode
) -> None:
    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.INSTALL, by_certificate=True)
            assert (await site.visit(lsc=lsc, mic=mic, mode=mode)).did == "installed"
            assert [note.outcome for note in site.notes] == [CapfOutcome.INSTALLED]

    asyncio.run(procedure())


@pytest.mark.parametrize(
    ("identity", "mode", "reason"),
    [
        (None, AuthMode.LSC, "it shows no certificate"),
        (shown(PHONE), AuthMode.PASSWORD, "it shows no certificate"),
        (shown(PHONE), AuthMode.NONE, "it shows no certificate"),
        (shown("CP-8861-SEP001122334466"), AuthMode.LSC, "is that of CN=CP-8861-SEP001122334466, not of SEP0011"),
        (shown(PHONE, days=-4000), AuthMode.LSC, "is not valid after"),
        (shown(PHONE, days=3), AuthMode.LSC, "is not valid before"),
        (shown(PHONE, "CAPF-0000ffff"), AuthMode.LSC, "issuer is CN=CAPF-0000ffff"),
    ],
)
def test_who_does_not_is_refused_and_people_see_why(
    tmp_path: Path, identity: SoftwareSigner | None, mode: AuthMode, reason: str
) -> None:
    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.INSTALL, by_certificate=True)
            assert (await site.visit(lsc=identity, mode=mode)).reason == 7
            [why] = site.reasons()
            assert reason in why
            assert any(reason in line for line in site.lines)
            assert site.device().operation is Operation.INSTALL

    asyncio.run(procedure())


def test_a_stolen_certificate_without_its_key_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stolen, mine = shown(PHONE), shown(PHONE, number=6)
    der = stolen.certificate.der

    def by_another_key(device: str, _identity: SoftwareSigner) -> Credential:
        return Credential(der, *make_proof(mine, Claim(device, b"", der).signed))

    monkeypatch.setattr("mixedmode.phone.body.capf.credential", by_another_key)

    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.INSTALL, by_certificate=True)
            assert (await site.visit(lsc=stolen)).reason == 7
            assert "the proof of its certificate's key does not hold" in site.reasons()[0]

    asyncio.run(procedure())


def test_a_certificate_that_bears_an_issuers_name_and_another_signature() -> None:
    forged = authority("CAPF-1234abcd", 3)
    own = key(KeyKind.RSA_2048, 5)
    made = issued(PHONE, own, forged, NOW)
    [fault] = certificate_faults(made.der, PHONE, [authority().certificate], NOW)
    assert "whose signature it does not bear" in fault
    assert "cannot be read" in certificate_faults(b"0\x03abc", PHONE, [authority().certificate], NOW)[0]


@pytest.mark.parametrize("password", [None, "12345"])
def test_a_fetch_takes_no_fake_and_nothing_unproved(tmp_path: Path, password: str | None) -> None:
    own = key(KeyKind.RSA_2048, 7)
    fake = SoftwareSigner(self_signed(Purpose.PHONE_LSC, subject=Subject(PHONE), key=own, now=NOW, serial=1), own)
    given = password or ""

    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.FETCH, password=password)
            assert (await site.visit(given, lsc=fake)).reason == 7
            assert (await site.visit(given, lsc=shown("CP-8861-SEP001122334466"))).reason == 7
            assert site.device().lsc is None
            assert site.device().operation is Operation.FETCH
            assert "neither this CAPF nor a believed manufacturer" in site.reasons()[0]
            # Issued by this CAPF, and anybody may have seen it: without the key it is not taken.
            site.order(Operation.FETCH, password=password)
            assert (await site.visit(given, lsc=shown(PHONE), mode=AuthMode.PASSWORD)).reason == 7
            assert "it did not prove to hold the key" in site.reasons()[-1]
            assert site.device().lsc is None

    asyncio.run(procedure())


@pytest.mark.parametrize("name", [PHONE, "CP-8861-SEP001122334455"])
def test_a_fetch_takes_what_is_proved_and_what_it_has_already(tmp_path: Path, name: str) -> None:
    async def procedure() -> None:
        async with Site(tmp_path) as site:
            site.order(Operation.FETCH, password="12345")
            assert (await site.visit("12345", lsc=shown(name))).reason == 0
            assert site.device().lsc == shown(name).certificate
            site.order(Operation.FETCH, password="12345")
            assert (await site.visit("12345", lsc=shown(name), mode=AuthMode.PASSWORD)).reason == 0
            assert [note.outcome for note in site.notes] == [CapfOutcome.FETCHED] * 2

    asyncio.run(procedure())
