"""CAPF of a cluster, whole: signed by an authority outside, each proof, each key, and CallManager after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.identity.certificate_import import ImportCertificate
from mixedmode.cluster.operations.identity.certificates import ImportTrust
from mixedmode.cluster.operations.identity.csr import RequestCertificate, needed_request
from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.phone.body.capf import AuthMode, Outcome, Proofs, enrol
from mixedmode.phone.body.registration_status import RegistrationState
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import Operation, Reason
from mixedmode.rehearsal.lab.keys import Factory
from mixedmode.services.callmanager.node import node_callmanager
from mixedmode.services.capf.node import node_capf, order_of
from mixedmode.services.capf.notes import CapfNote
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.net.server_tls import TlsFloor
from tests.cluster.building import MIXED, PUB, ctl_of
from tests.openssl_ca import OpenSslAuthority
from tests.services.callmanager.callmanager_site import phone_at, refused, registering
from tests.services.tvs.tvsclient import run

NAME, OTHER = "SEP001122334455", "SEP001122334466"


def signed_outside(cluster: Cluster, folder: Path) -> OpenSslAuthority:
    """Have CAPF's certificate issued by an authority of another maker: request, signature, import."""
    authority = OpenSslAuthority.make(folder, "Marmalade Root")
    cluster.run(ImportTrust("CAPF-trust", authority.pem))
    cluster.run(RequestCertificate(PUB, "CAPF"))
    request = needed_request(cluster.folder(PUB), Purpose.CAPF).request.pem.decode()
    cluster.run(ImportCertificate(PUB, "CAPF", authority.sign(request)))
    assert cluster.own_certificate(PUB, "CAPF").issuer == "CN=Marmalade Root"
    return authority


class Site:
    """A CAPF, its orders, and the keys of a phone."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.maker = Factory(folder / "keys")
        self.store = CapfStore(folder / "capf", cluster.keep_lsc, cluster.revoked_lscs)
        self.notes: list[CapfNote] = []
        maker = [self.maker.certificate]
        # The seed's keys have 1024 bits.
        self.capf = node_capf(
            cluster,
            cluster.publisher,
            self.store,
            host="127.0.0.1",
            port=0,
            floor=TlsFloor.TLS_1_0,
            issuers=maker,
            audit=self.notes.append,
        )

    def order(self, name: str, key: str, proof: str, operation: Operation = Operation.INSTALL) -> None:
        self.store.order(
            name,
            operation,
            key=key,
            password="12345" if proof == "string" else None,
            by_certificate=proof in {"lsc", "mic"},
            mic_first=proof == "mic",
        )

    async def come(self, name: str, *, lsc: SoftwareSigner | None = None, password: str = "") -> Outcome:
        """A phone comes, and proves itself as its configuration says."""
        capf = self.cluster.own_certificate(PUB, "CAPF")
        mode = order_of(self.store, name).mode
        return await enrol(
            "127.0.0.1",
            self.capf.port,
            name,
            Proofs(lsc, self.maker.mic(name, "8861"), password, AuthMode(mode) if mode else AuthMode.NONE),
            trusted=[capf.der],
        )


ORDERS = (
    ("string", "rsa-2048", 1),
    ("null", "ec-256", 2),
    ("lsc", "ec-384", 3),
    ("mic", "ec-521", 4),
    ("lsc", "rsa-2048", 3),
)


@pytest.mark.interop("openssl")
def test_each_way_and_each_key_ends_in_an_lsc_by_which_the_phone_registers(cluster: Cluster, tmp_path: Path) -> None:
    cluster.devices.add([DeviceSpec(NAME, security_mode=3), DeviceSpec(OTHER, security_mode=3)])
    cluster.run(MIXED)
    signed_outside(cluster, tmp_path)
    site = Site(cluster, tmp_path)

    async def procedure() -> None:
        await site.capf.start()
        lsc: SoftwareSigner | None = None
        try:
            for proof, key, mode in ORDERS:
                site.order(NAME, key, proof)
                assert order_of(site.store, NAME).mode == mode
                outcome = await site.come(NAME, lsc=lsc, password="12345" if proof == "string" else "")
                assert outcome.did == "installed", (proof, key, outcome)
                assert outcome.lsc is not None
                before, lsc = lsc, outcome.lsc
                assert lsc.certificate.is_issued_by(cluster.own_certificate(PUB, "CAPF"))
                assert lsc.certificate != (before and before.certificate)
                assert order_of(site.store, NAME).mode == 0, "nothing waits any more"
            assert lsc is not None
            assert len(cluster.devices.given_lscs(NAME)) == len(ORDERS)
            await registers(cluster, lsc)
            await troubles(site, lsc)
        finally:
            await site.capf.stop()

    run(procedure())
    assert cluster.devices.lsc(NAME) is None, "it was deleted at last"


async def registers(cluster: Cluster, lsc: SoftwareSigner) -> None:
    """CallManager vouches for it by the CAPF's certificate, without that of the authority above."""
    manager = node_callmanager(cluster, cluster.publisher, host="127.0.0.1", port=0, tls_port=0, floor=TlsFloor.TLS_1_0)
    await manager.start()
    try:
        phone = phone_at(manager, name=NAME, mode=3, model="7975", ctl=ctl_of(cluster))
        async with registering(phone, identity=lsc) as registration:
            assert await registration.wait(RegistrationState.REGISTERED, 60), registration.status
            assert [(each.security, each.certificate) for each in manager.phones()] == [("encrypted", "LSC")]
        other = phone_at(manager, name=OTHER, mode=3, model="7975", ctl=ctl_of(cluster))
        async with registering(other, identity=lsc) as registration:
            assert await refused(registration) == "Security Error"
    finally:
        await manager.stop()


async def troubles(site: Site, lsc: SoftwareSigner) -> None:
    """Troubleshoot shows the LSC; one that is revoked proves nobody, its MIC does; then it is deleted."""
    site.order(NAME, "rsa-2048", "lsc", Operation.FETCH)
    assert (await site.come(NAME, lsc=lsc)).reason == Reason.NO_ACTION
    await asyncio.to_thread(site.cluster.run, RevokeLsc(NAME))
    site.order(NAME, "rsa-2048", "lsc", Operation.DELETE)
    assert (await site.come(NAME, lsc=lsc)).reason == Reason.INVALID
    assert "its certificate is revoked" in site.notes[-1].reason
    site.order(NAME, "rsa-2048", "mic", Operation.DELETE)
    assert (await site.come(NAME, lsc=lsc)).did == "removed"


def test_a_wrong_string_locks_out_its_own_address_and_then_the_order(cluster: Cluster, tmp_path: Path) -> None:
    cluster.devices.add([DeviceSpec(NAME, security_mode=3)])
    site = Site(cluster, tmp_path)

    async def procedure() -> None:
        await site.capf.start()
        try:
            site.order(NAME, "ec-256", "string")
            said = [await site.come(NAME, password="54321") for _ in range(4)]
            assert {each.reason for each in said} == {Reason.INVALID}
            right = await site.come(NAME, password="12345")
            assert right.reason == Reason.INVALID, "from this address nothing is judged for a while"
            found = site.store.find(NAME)
            assert found is not None
            assert (found.wrong_proofs, found.operation) == (3, Operation.INSTALL), "and the order still waits"
            assert [note.reason for note in site.notes][-1].endswith("wrong proof 3 of 5")
            assert all("54321" not in note.text for note in site.notes)
        finally:
            await site.capf.stop()

    run(procedure())
