"""How a CTL Client knows the CTL Provider: fingerprints, given certificates, authorities."""

from __future__ import annotations

import asyncio
import subprocess
import time
from datetime import UTC, datetime

import pytest

from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.errors import CheckFailedError, RemoteError, UsageError
from mixedmode.faces.ctlclient import provider
from mixedmode.faces.ctlclient.known import (
    GivenCertificates,
    Known,
    KnownProviders,
    UnknownProviderError,
    explain_change,
    fingerprint,
)
from mixedmode.faces.ctlclient.lists import client_list, target_mode
from mixedmode.faces.ctlclient.provider import (
    ProviderClient,
)
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.ctlprovider import Action
from mixedmode.services.ctlprovider.service import CtlProviderService, ProviderLimits
from tests.cluster.building import PUB, SUB
from tests.cluster.tokens import ANNA, ONE, TWO
from tests.pki.zoo import CA_FALSE, CA_TRUE, MICROSOFT, PLAIN, certificate, name, part
from tests.services.ctlprovider.provider_site import PASSWORD, Lab
from tests.services.tvs.tvsclient import run


def test_the_certificate_is_known_from_the_first_time_on(lab: Lab) -> None:
    asked: list[str] = []

    def ask(place: str, certificate: Certificate) -> bool:
        asked.append(f"{place} {certificate.common_name}")
        return len(asked) > 1

    async def procedure() -> None:
        known = KnownProviders(lab.folder / "k" / "known", ask)
        async with lab.serving() as service:
            with pytest.raises(UnknownProviderError, match="not known"):
                await lab.client(service, known).connect()
            for _ in range(2):
                async with lab.client(service, known):
                    pass
            assert asked == [f"127.0.0.1:{service.port} {PUB}"] * 2
            assert (lab.folder / "k" / "known").stat().st_mode & 0o777 == 0o600

            lab.cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
            with pytest.raises(UnknownProviderError, match="another certificate than before") as error:
                await lab.client(service, known).connect()
            assert "--accept-fingerprint" in (error.value.next_step or "")
            assert len(asked) == 2

    run(procedure())


def test_a_changed_certificate_is_explained_and_taken_after_a_yes(lab: Lab) -> None:
    file = lab.folder / "known"
    asked: list[list[str]] = []
    answers = [False, True]

    def ask_changed(place: str, before: Known, now: Certificate) -> bool:
        asked.append(explain_change(place, before, now))
        return answers.pop(0)

    async def procedure() -> None:
        known = KnownProviders(file, lambda _place, _certificate: True, ask_changed=ask_changed)
        async with lab.serving() as service:
            async with lab.client(service, known) as client:
                old = client.certificate
            lab.cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
            noted = file.read_bytes()
            with pytest.raises(UnknownProviderError, match="another certificate than before") as error:
                await lab.client(service, known).connect()
            assert file.read_bytes() == noted
            for _ in range(2):
                async with lab.client(service, known) as client:
                    new = client.certificate
            assert len(asked) == 2
            assert old is not None
            assert new is not None
            shown = "\n".join(asked[0])
            for each in (old, new):
                assert each.sha256.hex() in shown
                assert each.serial.hex().upper() in shown
                assert f"{each.not_before:%Y-%m-%d %H:%M:%S} to {each.not_after:%Y-%m-%d %H:%M:%S}" in shown
                assert each.sha256.hex() in str(error.value.why)
            assert shown.count(f"CN={PUB}") == 4
            assert "regenerated" in shown
            assert f"--accept-fingerprint {new.sha256.hex()}" in str(error.value.next_step)
            assert "remove" not in str(error.value.next_step)

    run(procedure())


def test_a_fingerprint_may_be_accepted_without_a_question(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            right = lab.cluster.own_certificate(PUB, "CallManager").sha256.hex()
            for text in (
                right,
                right.upper(),
                f"SHA256:{right}",
                ":".join(right[at : at + 2] for at in range(0, 64, 2)),
            ):
                async with lab.client(service, KnownProviders(lab.folder / "k", accepted=fingerprint(text))):
                    pass
            async with lab.client(service, KnownProviders(lab.folder / "k")):
                pass
            with pytest.raises(UnknownProviderError, match="than the one that is accepted"):
                await lab.client(service, KnownProviders(lab.folder / "k", accepted="00" * 32)).connect()
            place = f"127.0.0.1:{service.port}"
            # As an older release noted it, and damaged.
            for line in (f"{place} {right}\n", f"{place} {right} !!!\n", f"{place} {right} AAAA\n"):
                (lab.folder / "k").write_text(line)
                async with lab.client(service, KnownProviders(lab.folder / "k")):
                    pass
                assert len((lab.folder / "k").read_text().split()[2]) > 400
            (lab.folder / "k").write_text(f"{place} {'11' * 32}\n")
            with pytest.raises(UnknownProviderError, match="another certificate than before"):
                await lab.client(service, KnownProviders(lab.folder / "k")).connect()

    run(procedure())
    for text in ("", "12", "zz" * 32, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"):
        with pytest.raises(UsageError, match="is no SHA-256 fingerprint"):
            fingerprint(text)


def test_an_administrator_may_take_his_time_over_the_fingerprint(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_ASKED_SECONDS", 0.1)
    asked: list[Certificate] = []
    service: CtlProviderService

    def slowly(_place: str, certificate: Certificate) -> bool:
        asked.append(certificate)
        time.sleep(0.6)
        service.limits = ProviderLimits()
        return True

    async def procedure() -> None:
        nonlocal service
        async with lab.serving(limits=ProviderLimits(login_seconds=0.4)) as service:
            trust = KnownProviders(lab.folder / "slow", slowly)
            async with lab.client(service, trust) as client:
                assert await client.login("anna", PASSWORD) == 1
            assert len(asked) == 1

    run(procedure())


def test_the_certificate_may_be_given(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            right = GivenCertificates([lab.cluster.own_certificate(PUB, "CallManager")])
            async with lab.client(service, right) as client:
                assert client.node == PUB
            wrong = GivenCertificates([lab.cluster.own_certificate(SUB, "CallManager"), ONE.certificate])
            with pytest.raises(UnknownProviderError):
                await lab.client(service, wrong).connect()

    run(procedure())


def test_an_authoritys_certificate_may_be_given_if_the_servers_names_the_host() -> None:
    from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
    from tests.cluster.tokens import _authority

    authority = GivenCertificates([_authority().certificate], lambda: datetime(2020, 1, 1, tzinfo=UTC))
    authority.check("SAST-ADN0054f509        ", 2444, ONE.certificate)
    with pytest.raises(UnknownProviderError):
        authority.check("elsewhere", 2444, ONE.certificate)
    with pytest.raises(UnknownProviderError):
        GivenCertificates([_authority().certificate], lambda: datetime(2050, 1, 1, tzinfo=UTC)).check(
            "SAST-ADN0054f509        ", 2444, ONE.certificate
        )
    key = generate_key(KeyKind.RSA_1024)
    server = self_signed(
        Purpose.CALLMANAGER,
        subject=Subject("pub"),
        key=key,
        now=datetime(2020, 1, 1, tzinfo=UTC),
        serial=5,
        dns_names=("pub.example",),
    )
    with pytest.raises(UnknownProviderError):
        authority.check("pub.example", 2444, server)


@pytest.mark.parametrize(
    ("extensions", "cause"),
    [
        (b"", "no basic constraints"),
        (CA_FALSE, "CA:FALSE"),
        (CA_TRUE, "does not name the host"),
        (None, "none of those"),
    ],
)
def test_why_an_authoritys_certificate_is_not_believed_is_named(extensions: bytes | None, cause: str) -> None:
    authority = Certificate.from_der(certificate(MICROSOFT, extensions=extensions or b""))
    other = PLAIN if extensions is None else MICROSOFT
    shown = Certificate.from_der(certificate(name(part("CN", "cucm-pub")), issuer=other, number=1, issuer_number=0))
    with pytest.raises(UnknownProviderError) as caught:
        GivenCertificates([authority], lambda: datetime(2026, 1, 1, tzinfo=UTC)).check("elsewhere", 2444, shown)
    assert cause in (caught.value.why or "")
    if extensions == CA_TRUE:
        GivenCertificates([authority], lambda: datetime(2026, 1, 1, tzinfo=UTC)).check("CUCM-pub", 2444, shown)


@pytest.mark.interop("openssl")
def test_openssls_client_sees_the_callmanager_certificate_and_tls_1_2_at_least(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            place = f"127.0.0.1:{service.port}"

            def s_client(*options: str) -> str:
                command = ["openssl", "s_client", "-connect", place, "-cipher", "DEFAULT:@SECLEVEL=0", *options]
                return subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False).stdout.decode()

            shown = await asyncio.to_thread(s_client, "-tls1_2")
            assert f"CN = {PUB}" in shown or f"CN={PUB}" in shown
            assert "BEGIN CERTIFICATE" not in await asyncio.to_thread(s_client, "-tls1_1")

    run(procedure())


def test_nobody_there_and_somebody_else_there(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            port = service.port
        known = KnownProviders(lab.folder / "known", lambda _place, _certificate: True)
        with pytest.raises(RemoteError) as error:
            await ProviderClient("127.0.0.1", port, known, connect_seconds=60).connect()
        assert "CTL Provider" in (error.value.next_step or "")

        async def says_something(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ready\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(says_something, "127.0.0.1", 0)
        async with server:
            with pytest.raises(RemoteError):
                await ProviderClient("127.0.0.1", server.sockets[0].getsockname()[1], known).connect()

    run(procedure())


def test_a_port_in_use_is_told(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            other = CtlProviderService(CtlDesk(lab.cluster, PUB), PUB, service.logins, port=service.port)
            with pytest.raises(RemoteError, match="cannot listen"):
                await other.start()
            await other.stop()
            with pytest.raises(UsageError):
                await service.start()
            with pytest.raises(UsageError):
                _ = other.port
            assert service.healthy

    run(procedure())


def test_the_scripted_steps_of_the_documentation(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            cluster = await client.describe()
            tokens = [ONE.certificate, TWO.certificate]
            data = client_list(cluster, tokens, TWO, target_mode(cluster, Action.MIXED))
            assert (await client.install(data, Action.MIXED)).changes
            with pytest.raises(CheckFailedError):
                await client.install(data, Action.MIXED)

    run(procedure())
