"""Given a cluster, when phones ask about signers, then TVS answers from two caches and traces it as the seed does."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.identity.certificates import ImportTrust, RegenerateCertificate
from mixedmode.errors import RemoteError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, self_signed, token_subject
from mixedmode.pki.files import write_atomic
from mixedmode.protocols.tvs import Answer, QueryRequest, VerifyRequest
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.traces.catalogue import TVS
from mixedmode.services.traces.trace_file import TraceFile
from mixedmode.services.tvs import service as tvs_service
from mixedmode.services.tvs.files import WatchedList
from mixedmode.services.tvs.lookup import TrustLookup, read_all
from mixedmode.services.tvs.node import node_tvs
from mixedmode.services.tvs.sources import CtlCache, DatabaseCache, MapKey, TableSource
from mixedmode.trustlist import Role, TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list, signer_identity
from mixedmode.trustlist.roles import Layout
from tests.cluster.building import MIXED, PUB, UPDATE
from tests.pki.material import NOW, key, signer
from tests.services.tvs.tvsclient import DEVICE, ask, run, serving
from tests.support import DATA, eventually


def query(certificate: Certificate) -> QueryRequest:
    identity = signer_identity(certificate, Layout.CUCM)
    return QueryRequest(7, DEVICE, identity.name, identity.issuer, identity.serial)


def answered(lookup: TrustLookup, request: QueryRequest | VerifyRequest) -> tuple[Answer, list[str]]:
    failures = read_all(lookup.unread(request))
    answer, lines = lookup.answer(request)
    return answer, failures + lines


def lookup_of(cluster: Cluster) -> TrustLookup:
    return TrustLookup((DatabaseCache(cluster, lifetime=0), watched(cluster).cache))


def watched(cluster: Cluster) -> WatchedList:
    ctl = WatchedList(cluster.folder(PUB).tftp / "CTLFile.tlv")
    ctl.refresh()
    return ctl


def stranger(name: str = "other-cluster-pub") -> Certificate:
    subject = Subject(name, "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    return self_signed(Purpose.CALLMANAGER, subject=subject, key=key(KeyKind.RSA_1024), now=NOW, serial=0x4711)


def token() -> Certificate:
    subject = token_subject("ADN008580ef")
    return self_signed(
        Purpose.TOKEN, subject=subject, key=key(KeyKind.RSA_1024), now=NOW, serial=0x31AF455500000008E983
    )


def test_the_trace_of_a_regenerated_certificate_reads_as_the_seed(cluster: Cluster) -> None:
    cluster.run(MIXED)
    cluster.run(RegenerateCertificate(PUB, "CallManager"))
    new = cluster.own_certificate(PUB, "CallManager")
    serial, name = new.serial.hex().upper(), "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL"
    answer, lines = answered(lookup_of(cluster), query(new))
    assert (answer.known, answer.certificate, answer.roles, answer.ttl) == (True, new.der, (0, 2), 86400)
    place = "CertificateDBCache::getCertificateInformation -"
    assert lines[:8] == [
        "tvsHandleQueryCertReq",
        f"tvsHandleQueryCertReq : Subject Name is: {name}",
        f"tvsHandleQueryCertReq : Issuer Name is: {name}",
        f"tvsHandleQueryCertReq : Serial Number is: {serial}",
        f"{place} Looking up the certificate cache using Unique MAP ID : {serial}{name}",
        f"{place} Found entry {{rolecount : 2}}",
        f"{place} {{role : 0}}",
        f"{place} {{role : 2}}",
    ]
    assert lines[8].startswith("convertX509ToDER -x509cert : 0x")
    assert lines[9:] == ["tvsHandleQueryCertReq: Timer started from tvsHandleNewPhConnection"]


def test_a_token_of_the_ctl_file_is_found_after_the_database(cluster: Cluster) -> None:
    folder = cluster.folder(PUB)
    folder.write("CTLFile.tlv", (DATA / "tlv" / "52-seed-etoken2-signs-5728.tlv").read_bytes())
    header = TrustList.parse(folder.read("CTLFile.tlv") or b"").header
    assert header.signer_serial is not None
    asked = QueryRequest(1, DEVICE, header.signer_name or "", header.signer_issuer or "", header.signer_serial)
    answer, lines = answered(lookup_of(cluster), asked)
    assert (answer.known, answer.roles) == (True, (0,))
    looking_up = "getCertificateInformation - Looking up the certificate cache using Unique MAP ID"
    map_id = "83E9080000005545AF31cn=Cisco Manufacturing CA;o=Cisco Systems"
    for line in (
        "tvsHandleQueryCertReq :subjectName and issuerName matches for eToken certificate",
        "tvsHandleQueryCertReq : SAST Issuer Name  is: cn=Cisco Manufacturing CA;o=Cisco Systems",
        "tvsHandleQueryCertReq : This is SAST eToken cert",
        "tvsHandleQueryCertReq : Serial Number is: 83E9080000005545AF31",
        f"CertificateDBCache::{looking_up} : {map_id}",
        "ERROR:CertificateDBCache::getCertificateInformation - Cannot find the certificate in the cache",
        f"CertificateCTLCache::{looking_up} : {map_id}, len : 61",
        "CertificateCTLCache::getCertificateInformation - Found entry {rolecount : 1}",
        "CertificateCTLCache::getCertificateInformation - {role : 0}",
    ):
        assert line in lines
    reversed_serial = QueryRequest(1, DEVICE, asked.subject, asked.issuer, asked.serial[::-1])
    assert answered(lookup_of(cluster), reversed_serial)[0].known, "a token's serial counts forward or reversed"


def test_an_uploaded_token_misses_in_the_database_and_hits_in_the_ctl_file_as_the_seed_prints(cluster: Cluster) -> None:
    from tests.cluster.tokens import ONE, TWO, install, upload_tokens

    upload_tokens(cluster, ONE, TWO)
    install(cluster)
    asked = query(TWO.certificate)
    map_id = f"{asked.serial.hex().upper()}{asked.issuer}"
    database, ctl = ("CertificateDBCache::getCertificateInformation", "CertificateCTLCache::getCertificateInformation")
    looking = "Looking up the certificate cache using Unique MAP ID"
    answer, lines = answered(lookup_of(cluster), asked)
    assert (answer.known, answer.roles, answer.certificate) == (True, (0,), TWO.certificate.der)
    assert lines[7:12] == [
        f"{database} - {looking} : {map_id}",
        f"ERROR:{database} - Cannot find the certificate in the cache",
        f"{ctl} - {looking} : {map_id}, len : {len(map_id)}",
        f"{ctl} - Found entry {{rolecount : 1}}",
        f"{ctl} - {{role : 0}}",
    ]
    assert lines[12].startswith("convertX509ToDER -x509cert : 0x")
    assert lines[13:] == ["tvsHandleQueryCertReq: Timer started from tvsHandleNewPhConnection"]
    verified, _ = answered(lookup_of(cluster), VerifyRequest(1, DEVICE, TWO.certificate.der))
    assert (verified.known, verified.roles) == (True, (0,))


def test_an_uploaded_token_is_vouched_for_while_no_ctl_file_has_it(cluster: Cluster) -> None:
    from tests.cluster.tokens import TWO, upload_tokens

    asked = query(TWO.certificate)
    verify = VerifyRequest(1, DEVICE, TWO.certificate.der)
    assert not answered(lookup_of(cluster), asked)[0].known
    upload_tokens(cluster, TWO)
    for request in (asked, QueryRequest(1, DEVICE, asked.subject, asked.issuer, asked.serial[::-1]), verify):
        answer, lines = answered(lookup_of(cluster), request)
        assert (answer.known, answer.roles) == (True, (0,))
        assert any(line.startswith("CertificateDBCache") and "rolecount : 1" in line for line in lines)
    other = QueryRequest(1, DEVICE, asked.subject, asked.issuer, asked.serial[:-1] + b"\1")
    assert not answered(lookup_of(cluster), other)[0].known


def test_trust_stores_grant_their_roles(cluster: Cluster) -> None:
    foreign, lookup = stranger(), lookup_of(cluster)
    assert not answered(lookup, query(foreign))[0].known
    cluster.run(ImportTrust("CallManager-trust", foreign.pem().decode()))
    assert answered(lookup, query(foreign))[0].roles == (3,)
    cluster.run(ImportTrust("Phone-SAST-trust", foreign.pem().decode()))
    assert answered(lookup, query(foreign))[0].roles == (0, 3), "phone-trust.md 3.4, the migration's trace"
    cluster.run(ImportTrust("Phone-SAST-trust", token().pem().decode()))
    assert answered(lookup, query(token()))[0].roles == (0,)


def test_verify_is_about_one_certificate_and_nothing_else(cluster: Cluster) -> None:
    cluster.run(MIXED)
    lookup, own = lookup_of(cluster), cluster.own_certificate(PUB, "CallManager")
    answer, lines = answered(lookup, VerifyRequest(1, DEVICE, own.der))
    assert (answer.known, answer.roles, answer.certificate) == (True, (0, 2), None)
    assert lines[1] == f"tvsHandleVerifyCertReq : Certificate Hash is: {own.sha256.hex().upper()}"
    forged = own.der[:-1] + bytes([own.der[-1] ^ 1])
    assert not answered(lookup, VerifyRequest(1, DEVICE, forged))[0].known, "same names and serial, another signature"
    assert not answered(lookup, VerifyRequest(1, DEVICE, b"no certificate"))[0].known
    tvs = cluster.own_certificate(PUB, "TVS")
    assert answered(lookup, VerifyRequest(1, DEVICE, tvs.der))[0].roles == (Role.TVS,)


def test_what_a_client_writes_cannot_forge_the_trace(cluster: Cluster) -> None:
    asked = QueryRequest(1, DEVICE, "CN=a\n17:00:00 | debug {role : 0}\x1b[2J", "x" * 5000, b"\1" * 3000)
    lines = answered(lookup_of(cluster), asked)[1]
    assert all(line.isprintable() and len(line) < 800 for line in lines)


def test_a_database_that_fails_leaves_the_ctl_file(cluster: Cluster) -> None:
    class Down(DatabaseCache):
        def read(self, key: object) -> None:
            raise RemoteError("the database does not answer")

    cluster.run(MIXED)
    lookup = TrustLookup((Down(cluster), watched(cluster).cache))
    answer, lines = answered(lookup, query(cluster.own_certificate(PUB, "CallManager")))
    assert lines[0] == "ERROR:CertificateDBCache::getCertificateInformation - the database does not answer"
    assert answer.roles == (0, 2)
    assert any(line.startswith("CertificateCTLCache") and "rolecount : 2" in line for line in lines)


def test_the_database_is_asked_once_for_a_storm_and_again_a_moment_later(cluster: Cluster) -> None:
    now = [0.0]
    cache = DatabaseCache(cluster, size=3, clock=lambda: now[0])
    lookup, foreign = TrustLookup((cache,)), stranger()
    assert not answered(lookup, query(foreign))[0].known
    assert lookup.unread(query(foreign)) == []
    cluster.run(ImportTrust("Phone-SAST-trust", foreign.pem().decode()))
    now[0] = 1.0
    assert answered(lookup, query(foreign))[0].known
    for number in range(10):
        answered(lookup, QueryRequest(1, DEVICE, "CN=a", "CN=b", bytes([number + 1])))
    assert len(cache._kept) == 3


def test_a_lists_issuer_in_tlvfile_style_is_found_by_its_attributes() -> None:
    certificate = signer().certificate
    lookup = TrustLookup((TableSource("table", [(certificate, (0,))]),))
    style = "C=PL,ST=Malopolska,L=Krakow,O=Cisco,OU=TAC,CN=cucm-1051-a-pub"
    assert answered(lookup, QueryRequest(1, DEVICE, style, style, certificate.serial))[0].known
    assert answered(lookup, QueryRequest(1, DEVICE, style, style, b"\0" + certificate.serial))[0].known
    assert not answered(lookup, QueryRequest(1, DEVICE, style, "CN=someone else", certificate.serial))[0].known


def test_a_changed_ctl_file_is_known_within_a_second(tmp_path: Path) -> None:
    path, said = tmp_path / "CTLFile.tlv", list[str]()

    class Listen:
        def __call__(self, lines: object, /) -> None:
            said.extend(lines)  # type: ignore[arg-type] # lines of text

        def close(self) -> None: ...

    def write(certificate: Certificate) -> None:
        record = RecordSpec(Role.SAST, certificate, dns_name="pub")
        own = RecordSpec(Role.SAST, signer().certificate, dns_name="pub")
        write_atomic(path, build_trust_list([own, record], signer(), timestamp=1))

    async def becomes(service: object, asked: QueryRequest, *, known: bool) -> None:
        while (await ask(service, encode(asked))).known is not known:  # type: ignore[arg-type] # noqa: ASYNC110 - as a phone would find out
            await asyncio.sleep(0.05)

    async def procedure() -> None:
        ctl = WatchedList(path)
        async with serving(ctl.cache, lists=(ctl,), trace=Listen()) as service:
            first, second = query(stranger("one")), query(stranger("two"))
            assert not (await ask(service, encode(first))).known
            write(stranger("one"))
            await becomes(service, first, known=True)
            write(stranger("two"))
            await becomes(service, second, known=True)
            assert not (await ask(service, encode(first))).known
            os.utime(path)
            path.write_bytes(b"\1\0\2nonsense")
            await eventually(lambda: said[-1].startswith("ERROR:updateLocalCTLCache : CTLFile.tlv:"))
            assert (await ask(service, encode(second))).known, "a broken file changes nothing"
            path.unlink()
            await becomes(service, second, known=False)

    run(procedure())
    modified = "CertificateCache::localCTLCacheMonitor - CTLFile.tlv has been modified. Recaching CTL Certificate Cache"
    assert said.count(modified) >= 4
    assert "updateLocalCTLCache : Refreshing the local CTL certificate cache" in said
    issuer = stranger("two").issuer
    length = len(stranger("two").serial.hex() + issuer)
    unique = f"tvs_sql_get_all_CTL_certificate - Unique Key used for Caching :: 4711{issuer}, length : {length}"
    assert unique in said


def test_a_list_that_has_just_changed_is_read_before_a_phone_is_told_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tvs_service, "_WATCH_SECONDS", 3600.0)
    path, asked = tmp_path / "CTLFile.tlv", query(stranger("one"))

    async def procedure() -> None:
        ctl = WatchedList(path)
        async with serving(ctl.cache, lists=(ctl,)) as service:
            assert not (await ask(service, encode(asked))).known
            records = [RecordSpec(Role.SAST, each, dns_name="pub") for each in (signer().certificate, stranger("one"))]
            write_atomic(path, build_trust_list(records, signer(), timestamp=1))
            assert (await ask(service, encode(asked))).known
            assert (service.metrics["list_reloads"], ctl.loads) == (1, 1)
            assert not (await ask(service, encode(query(stranger("two"))))).known
            assert ctl.loads == 1, "what is the same is not read again"

    run(procedure())


def test_who_asks_while_a_list_is_read_finds_the_old_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = (signer().certificate, stranger("one"))
    data = build_trust_list(
        [RecordSpec(Role.SAST, each, dns_name="pub") for each in certificates], signer(), timestamp=1
    )
    cache, keys = CtlCache(), [MapKey(each.serial.hex().upper(), each.issuer) for each in certificates]
    cache.load(data)
    whole = [cache.find(key) for key in keys]
    assert all(whole)
    parsed, found = TrustList.parse(data), []

    class Slow:
        @property
        def records(self) -> Iterator[object]:
            for record in parsed.records:
                found.append([cache.find(key) for key in keys])
                yield record

    monkeypatch.setattr(TrustList, "parse", lambda _data: Slow())
    cache.load(data)
    assert found == [whole, whole]
    assert [cache.find(key) for key in keys] == whole


def test_a_list_that_could_not_be_read_for_a_moment_is_read_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "CTLFile.tlv"
    path.write_bytes(
        build_trust_list([RecordSpec(Role.SAST, signer().certificate, dns_name="p")], signer(), timestamp=1)
    )
    ctl, key = WatchedList(path), MapKey(signer().certificate.serial.hex().upper(), signer().certificate.issuer)

    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        assert ctl.refresh()[-1] == "ERROR:updateLocalCTLCache : CTLFile.tlv: Too many open files"
        assert ctl.refresh() == [], "told once"
    assert ctl.cache.find(key) is None
    assert ctl.refresh()
    assert ctl.cache.find(key) is not None
    assert ctl.refresh() == []


def encode(request: QueryRequest) -> bytes:
    from mixedmode.protocols.tvs import encode_message

    return encode_message(request)


def test_a_node_serves_its_own_certificate_and_takes_a_regenerated_one_into_use(cluster: Cluster) -> None:
    cluster.run(MIXED)

    async def shown(host: str, port: int) -> bytes | None:
        from tests.services.tvs.tvsclient import client_context

        context = client_context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="")
        der: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        return der

    async def procedure() -> None:
        from dataclasses import replace

        node = replace(cluster.node(PUB), address="127.0.0.1")
        service = node_tvs(cluster, node, cluster.folder(PUB), port=0, floor=TlsFloor.TLS_1_0)
        await service.start()
        try:
            assert await shown(*service.address) == cluster.own_certificate(PUB, "TVS").der
            await asyncio.to_thread(cluster.run, RegenerateCertificate(PUB, "TVS"))
            new = cluster.own_certificate(PUB, "TVS").der
            while await shown(*service.address) != new:  # noqa: ASYNC110 - as a phone would find out
                await asyncio.sleep(0.1)
            await asyncio.to_thread(cluster.run, UPDATE)
            await eventually(lambda: service.metrics["list_reloads"])
            assert service.metrics["certificate_reloads"] == 1
            assert service.metrics["list_reloads"] == 1
        finally:
            await service.stop()

    run(procedure())
    traces = sorted((cluster.folder(PUB).area("activelog") / TVS.folder).iterdir())
    assert [path.name for path in traces] == ["tvs00000001.txt"]
    assert " |   debug CertificateCache::localCTLCacheMonitor - CTLFile.tlv" in traces[0].read_text()


def test_the_trace_is_bounded_and_survives_its_deletion(tmp_path: Path) -> None:
    moment = datetime(2015, 3, 9, 17, 21, 51, 831_999, tzinfo=UTC)
    trace = TraceFile(tmp_path / "sdi", size=1000, files=3, clock=lambda: moment)
    trace(["tvsHandleQueryCertReq"])
    assert (tmp_path / "sdi/tvs00000001.txt").read_text() == "17:21:51.831 |   debug tvsHandleQueryCertReq\n"
    for _ in range(200):
        trace(["x" * 100])
    names = sorted(path.name for path in (tmp_path / "sdi").iterdir())
    assert len(names) == 3
    assert all(path.stat().st_size <= 1000 for path in (tmp_path / "sdi").iterdir())
    (tmp_path / "sdi" / names[-1]).unlink()
    trace(["after the deletion"])
    trace.close()
    trace(["after closing"])
    trace.close()
    assert "after the deletion" in "".join(path.read_text() for path in (tmp_path / "sdi").iterdir())
    nowhere = TraceFile(tmp_path / "sdi" / names[0] / "below a file")
    nowhere(["lost"])
    assert nowhere.lost == 1
