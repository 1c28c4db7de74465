"""CAPF against those who are not who they say: guesses, foreign certificates, fakes; and what people see of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import UsageError
from mixedmode.phone.body.capf import AuthMode, Outcome, credential, enrol
from mixedmode.pki.certificates.capf_proof import make_proof, proof_holds
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.phone_names import device_named, is_lsc, names_device
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import Claim, Credential, Operation
from mixedmode.services.capf.guard import ProofGuard, ProofPolicy
from mixedmode.services.capf.judge import certificate_faults
from mixedmode.services.capf.notes import CapfNote, CapfOutcome, NoteBudget, NoteFile
from mixedmode.services.capf.service import CapfLimits, CapfService
from mixedmode.services.capf.store import CapfDevice, CapfStore
from tests.pki.material import key

PHONE = "SEP001122334455"
NOW = datetime.now(UTC)


@cache
def authority(name: str = "CAPF-1234abcd", number: int = 1) -> SoftwareSigner:
    own = key(KeyKind.RSA_2048, number)
    purpose = Purpose.CAPF if name.startswith("CAPF-") else Purpose.CALLMANAGER
    made = self_signed(purpose, subject=Subject(name, "TAC", "Example"), key=own, now=NOW, serial=77)
    return SoftwareSigner(made, own)


MAKER = "Example Manufacturing CA"


@cache
def shown(name: str, issuer: str = "CAPF-1234abcd", *, days: int = 0, number: int = 5) -> SoftwareSigner:
    """A phone's certificate of any name and issuer, made some days ago or to come."""
    own, by = key(KeyKind.RSA_2048, number), authority(issuer, 2 if issuer == MAKER else 1)
    return SoftwareSigner(issued(name, own, by, NOW + timedelta(days=days)), own)


def issued(
    name: str, own: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, by: SoftwareSigner, begin: datetime
) -> Certificate:
    """A certificate of a name that no profile has, as makers of phones write them."""
    builder = x509.CertificateBuilder(by.certificate.x509.subject, Subject(name, organization="Example").name())
    builder = builder.public_key(own.public_key()).serial_number(0x99)
    builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=3650))
    return Certificate.from_library(builder.sign(by.key, hashes.SHA256()))


class Site:
    """A running CAPF, what it tells, and phones that visit it from addresses of this host."""

    def __init__(self, folder: Path, limits: CapfLimits | None = None) -> None:
        self.store = CapfStore(folder / "capf")
        self.notes: list[CapfNote] = []
        self.lines: list[str] = []
        self.service = CapfService(
            self.store,
            authority,
            port=0,
            issuers=lambda: [authority(MAKER, 2).certificate],
            limits=limits,
            told=self.notes.append,
            trace=self.lines.append,
        )

    async def __aenter__(self) -> Self:
        await self.service.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.stop()

    def order(self, operation: Operation, *, password: str | None = None, by_certificate: bool = False) -> None:
        self.store.order(PHONE, operation, key="ec-256", password=password, by_certificate=by_certificate)

    async def visit(
        self,
        password: str = "",
        *,
        lsc: SoftwareSigner | None = None,
        mic: SoftwareSigner | None = None,
        mode: AuthMode = AuthMode.LSC,
        name: str = PHONE,
    ) -> Outcome:
        port = self.service.port
        return await enrol("127.0.0.1", port, name, password=password, lsc=lsc, mic=mic, mode=mode)

    def device(self) -> CapfDevice:
        found = self.store.find(PHONE)
        assert found is not None
        return found

    def reasons(self) -> list[str]:
        return [note.reason for note in self.notes if note.outcome is CapfOutcome.REFUSED]


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


def replace_source(guard: ProofGuard) -> ProofGuard:
    """A guard to which this host is another one."""
    return ProofGuard(guard.policy)


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


def test_wrong_proofs_are_remembered_over_a_restart(tmp_path: Path) -> None:
    store = CapfStore(tmp_path)
    store.order(PHONE, Operation.INSTALL, key="ec-256", password="4711", by_certificate=False)
    for _ in range(10):
        assert CapfStore(tmp_path).begin_proof(PHONE, 10) is not None
    assert store.begin_proof(PHONE, 10) is None


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
