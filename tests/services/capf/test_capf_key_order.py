"""An EC key is preferred, and an RSA key is what a phone makes that cannot: sessions without sockets."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, issue_lsc
from mixedmode.protocols.capf import (
    Command,
    Element,
    Message,
    Operation,
    Reason,
    encode_message,
    parse_message,
)
from mixedmode.protocols.capf.messages import text_element
from mixedmode.services.capf.guard import ProofGuard, ProofPolicy
from mixedmode.services.capf.notes import CapfOutcome
from mixedmode.services.capf.session import CapfSession
from mixedmode.services.capf.store import CapfStore
from tests.pki.material import key
from tests.services.capf.capf_site import PHONE, authority

EC, RSA = key(KeyKind.EC_256), key(KeyKind.RSA_2048)
NUMBER = 7


class Desk:
    """What a session needs of its service."""

    def __init__(self, folder: Path, key: str) -> None:
        self.store = CapfStore(folder / "capf")
        self.guard = ProofGuard(ProofPolicy())
        self.counts: Counter[str] = Counter()
        self.without_ec: set[str] = set()
        self.told: list[CapfOutcome] = []
        self.store.order(PHONE, Operation.INSTALL, key=key, password="12345", by_certificate=False)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def believed(self) -> tuple[Certificate, ...]:
        return (authority().certificate,)

    def lsc(self, device: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
        capf = authority()
        return issue_lsc(
            device, key, authority=capf.certificate, authority_key=capf.key, now=self.now(), serial=9, days=9
        ).der

    def tell(self, outcome: CapfOutcome, device: str, address: str, reason: str = "") -> None:
        self.told.append(outcome)

    def trace(self, line: str) -> None:
        pass


class Visit:
    """A phone that says what a test wants."""

    def __init__(self, desk: Desk, version: int = 3) -> None:
        self.session = CapfSession(desk, NUMBER, "10.0.0.1", "10.0.0.1")
        self.heard()
        self.say(
            Command.AUTH_RESPONSE,
            (Element.VERSION, bytes([version])),
            text_element(Element.PASSWORD, "12345"),
            text_element(Element.DEVICE, PHONE),
        )

    def say(self, command: int, *elements: tuple[int, bytes]) -> None:
        self.session.receive(encode_message(Message(command, NUMBER, elements)))

    def heard(self) -> Message:
        return parse_message(self.session.machine.bytes_to_send())

    def wished(self) -> str:
        message = self.heard()
        assert message.command == Command.KEYGEN_REQUEST
        return "EC" if message.number(Element.KEY_TYPE) else f"RSA {message.number(Element.KEY_SIZE)}"

    def makes(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Message:
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.say(Command.KEYGEN_RESPONSE, (Element.PUBLIC_KEY, der))
        return self.heard()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, "ec-256,rsa-2048")


def test_a_phone_that_can_makes_an_ec_key(desk: Desk) -> None:
    phone = Visit(desk)
    assert phone.wished() == "EC"
    assert phone.makes(EC).command == Command.STORE_REQUEST
    phone.say(Command.STORE_RESPONSE, (Element.REASON, b"\1"))
    assert phone.heard().number(Element.REASON) == Reason.OK
    assert desk.told == [CapfOutcome.INSTALLED]


def test_an_old_version_is_asked_for_rsa(desk: Desk) -> None:
    phone = Visit(desk, version=2)
    assert phone.wished() == "RSA 2048"
    assert phone.makes(RSA).command == Command.STORE_REQUEST


def test_a_phone_that_makes_none_is_asked_once_more_and_not_for_ever(desk: Desk) -> None:
    phone = Visit(desk)
    assert phone.wished() == "EC"
    phone.say(Command.KEYGEN_RESPONSE, (Element.REASON, b"\7"))
    assert phone.wished() == "RSA 2048"
    phone.say(Command.KEYGEN_RESPONSE)
    assert phone.heard().command == Command.END_SESSION


def test_an_rsa_key_is_taken_though_ec_was_asked_for(desk: Desk) -> None:
    phone = Visit(desk)
    assert phone.wished() == "EC"
    assert phone.makes(RSA).command == Command.STORE_REQUEST


@pytest.mark.parametrize("breaks_off", [lambda phone: phone.session.broke_off("gone"), lambda phone: phone.say(20)])
def test_who_breaks_off_is_asked_for_rsa_the_next_time(desk: Desk, breaks_off: object) -> None:
    first = Visit(desk)
    assert first.wished() == "EC"
    assert callable(breaks_off)
    breaks_off(first)
    second = Visit(desk)
    assert second.wished() == "RSA 2048"
    second.makes(RSA)
    second.say(Command.STORE_RESPONSE, (Element.REASON, b"\1"))
    assert not desk.without_ec, "the next order prefers EC again"


def test_a_key_that_is_neither_is_refused(desk: Desk) -> None:
    phone = Visit(desk)
    phone.wished()
    assert phone.makes(key(KeyKind.EC_384)).number(Element.REASON) == Reason.INVALID


def test_where_there_is_no_choice_nothing_else_is_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "ec-256")
    phone = Visit(desk, version=2)
    assert phone.wished() == "EC"
    phone.say(Command.KEYGEN_RESPONSE)
    assert phone.heard().number(Element.REASON) == Reason.INVALID
    Visit(desk).session.broke_off("gone")
    assert not desk.without_ec
    for name in ("rsa-2048,ec-256", "ec-256,rsa-1024", "ec-256,", "ec-256,ec-384", "ec-256, rsa-2048"):
        with pytest.raises(UsageError, match="there is no key"):
            desk.store.order(PHONE, Operation.INSTALL, key=name, password=None, by_certificate=False)
