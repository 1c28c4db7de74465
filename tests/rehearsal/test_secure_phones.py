"""Given a lab in mixed mode, when devices have a secure profile, then their phones register by TLS as it says."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
from mixedmode.control.door import Control
from mixedmode.control.phones import PhoneControl
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.phone.body.registration_status import RegistrationState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_certificate
from mixedmode.pki.certificates.profiles import KeyKind, generate_key
from mixedmode.protocols.capf import Operation
from mixedmode.rehearsal.lab.keys import RSA_KEYS, Factory
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.phone_control import lab_phone_commands, resetting
from mixedmode.rehearsal.lab.spec import LabSpec

MODELS = ("7975", "7940", "7965")
ENCRYPTED, AUTHENTICATED, PLAIN = (f"SEP00112233440{number}" for number in (1, 2, 3))


@dataclass
class Seen:
    """What was seen of the phones: by device, and what CallManager says of those that are registered."""

    phones: dict[str, dict[str, Any]] = field(default_factory=dict)
    registered: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    config: bytes = b""
    log: str = ""


@dataclass
class Story:
    """A lab in mixed mode: with MICs, with LSCs, and with a certificate that proves another."""

    by_mic: Seen
    by_lsc: Seen
    forged: Seen
    typed: list[dict[str, Any]]
    audit: str
    trace: str
    folder: Path


def look(lab: Lab) -> Seen:
    seen = Seen()
    for name in lab.phones.names:
        phone = lab.phones.find(name)
        assert phone is not None
        seen.phones[name] = phone.document()
    manager = lab.publisher.callmanager
    assert manager is not None
    seen.registered = {each.name: (each.security, each.certificate) for each in manager.phones()}
    encrypted = lab.phones.find(ENCRYPTED)
    assert encrypted is not None
    seen.config = encrypted.phone.state.config or b""
    seen.log = "\n".join(encrypted.log)
    return seen


async def typing(lab: Lab, again: Callable[..., Awaitable[Seen]]) -> list[dict[str, Any]]:
    """CAPF wants a string of a phone: somebody types a wrong one, then the right one."""
    lab.publisher.capf_store.order(PLAIN, Operation.INSTALL, key="ec-256", password="73914", by_certificate=False)
    waiting = (await again(without=AUTHENTICATED)).phones[PLAIN]
    door = PhoneControl(Control(lab.cluster), lab._user)
    commands = lab_phone_commands(lab.nodes, lab.phones, lambda: lab.phone_server, door)
    found = [waiting]
    for digits in ("00000", "73914"):
        asked = commands["phone-update-lsc"](os.getuid(), {"devices": [PLAIN], "digits": digits})
        assert isinstance(asked, Awaitable)
        found += (await asked)["phones"]
    return found


async def story(folder: Path) -> Story:
    lab = Lab(folder, LabSpec(nodes=1, models=MODELS))
    await lab.start()
    reset = resetting(lab.nodes, lab.phones, lambda: lab.phone_server)

    async def again(*, without: str = "") -> Seen:
        lab.publisher._phone_units.configs.forget()
        await reset({"kind": "reset"})
        for name in lab.phones.names:
            phone = lab.phones.find(name)
            assert phone is not None
            assert phone.registration is not None
            state = RegistrationState.UNREGISTERED if name == without else RegistrationState.REGISTERED
            assert await phone.registration.wait(state, 60), phone.document()
        return look(lab)

    audited = ""
    try:
        await lab.phones.boot_all(lab.phone_server)
        await lab.phones.register_all(lab.phone_server)
        for line, answers in (
            ("utils ctl set-cluster mixed-mode", ("y",)),
            ("utils service restart Cisco Tftp", ()),
            ("utils service restart Cisco CallManager", ()),
        ):
            assert (await lab.session().run(line, ScriptedIO(answers))).exit_code == 0
        for name, mode in ((ENCRYPTED, 3), (AUTHENTICATED, 2)):
            lab.cluster.run(ChangeDevice(name, DeviceValues(security_mode=mode)), lab.principal)
        by_mic = await again()
        for name in (ENCRYPTED, AUTHENTICATED):
            lab.publisher.capf_store.order(name, Operation.INSTALL, key="rsa-2048", password=None, by_certificate=True)
        by_lsc = await again()
        forger, other = lab.phones.find(AUTHENTICATED), lab.phones.find(ENCRYPTED)
        assert forger is not None
        assert other is not None
        forger.keys.lsc = other.keys.lsc
        forged = await again(without=AUTHENTICATED)
        typed = await typing(lab, again)
        audited = repr([(each.action, each.outcome, each.details) for each in lab.cluster.operations.journal.audit()])
    finally:
        await lab.stop()
    traces = sorted(lab.publisher.folder.area("activelog").joinpath("cm/trace/ccm/sdi").glob("*.txt"))
    return Story(by_mic, by_lsc, forged, typed, audited, "".join(each.read_text() for each in traces), folder)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return asyncio.run(story(tmp_path_factory.mktemp("secure") / "lab"))


def test_a_secure_profile_registers_by_tls_with_the_makers_certificate(told: Story) -> None:
    assert told.by_mic.registered == {
        ENCRYPTED: ("encrypted", "MIC"),
        AUTHENTICATED: ("authenticated", "MIC"),
        PLAIN: ("non-secure", None),
    }
    assert [each["registration"]["secure"] for each in told.by_mic.phones.values()] == [True, True, False]


def test_capf_gives_each_its_own_certificate_and_that_is_shown_from_then_on(told: Story) -> None:
    assert told.by_lsc.registered[ENCRYPTED] == ("encrypted", "LSC")
    assert told.by_lsc.registered[AUTHENTICATED] == ("authenticated", "LSC")
    assert told.by_lsc.phones[ENCRYPTED]["capf"] == "installed"
    assert told.by_lsc.phones[ENCRYPTED]["lsc"]["issuer"].startswith("CN=CAPF-")
    assert told.by_lsc.phones[PLAIN]["lsc"] is None
    assert told.by_lsc.phones[PLAIN]["capf"] is None, "nothing waits for it, so it does not go there"


def test_the_profile_comes_by_a_configuration_that_is_encrypted_to_the_new_certificate(told: Story) -> None:
    assert f"{ENCRYPTED}.cnf.xml.enc.sgn" in told.by_lsc.log
    assert b"<deviceSecurityMode>3" in told.by_lsc.config
    assert b"<encrConfig>true" in told.by_lsc.config
    assert f"{ENCRYPTED}.cnf.xml.enc.sgn" not in told.by_mic.log


def test_a_certificate_of_another_is_refused_on_the_screen_and_in_the_trace(told: Story) -> None:
    assert AUTHENTICATED not in told.forged.registered
    assert "Registration Rejected: Security Error" in told.forged.phones[AUTHENTICATED]["messages"]
    assert f"{AUTHENTICATED} rejected: Security Error (its certificate is that of {ENCRYPTED})" in told.trace
    assert told.forged.registered[ENCRYPTED] == ("encrypted", "LSC"), "the others are not disturbed"


def test_a_string_is_typed_by_hand_and_stands_nowhere(told: Story) -> None:
    waiting, wrong, right = told.typed
    assert waiting["capf"] == "waits for the authentication string", "a phone does not try in vain by itself"
    assert wrong["capf"].startswith("refused: wrong password")
    assert right["capf"] == "installed"
    assert "phones update-lsc" in told.audit
    assert "73914" not in told.audit
    assert "00000" not in told.audit


def test_keys_are_private_and_the_makers_certificate_is_there_for_others(told: Story) -> None:
    keys = told.folder / "phone-keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    for path in keys.iterdir():
        assert path.name == "manufacturing-ca.pem" or stat.S_IMODE(path.stat().st_mode) == 0o600
    maker = load_certificate(keys / "manufacturing-ca.pem")
    mic = load_certificate(keys / f"{ENCRYPTED}.mic.pem")
    assert mic.is_issued_by(maker)
    assert mic.common_name == f"CP-7975-{ENCRYPTED}"
    assert isinstance(maker, Certificate)


def test_a_factory_makes_few_rsa_keys_and_each_phone_its_own_certificate(tmp_path: Path) -> None:
    made: list[KeyKind] = []

    def quick(kind: KeyKind) -> Any:
        made.append(kind)
        return generate_key(KeyKind.EC_256)

    factory = Factory(tmp_path / "keys", quick)
    serials = {factory.mic(f"SEP0011223344{number:02X}", "7975").certificate.serial for number in range(20)}
    assert len(serials) == 20
    assert made.count(KeyKind.RSA_2048) == RSA_KEYS
    again = Factory(tmp_path / "keys", quick)
    assert again.mic("SEP001122334400", "7975").certificate.serial in serials, "it is the same phone"
