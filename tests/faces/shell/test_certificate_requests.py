"""Signing requests and the certificates that an authority issues for them, with ``openssl`` as the authority."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.shell.session import AdminSession
from mixedmode.trustlist import TrustList
from tests.faces.conftest import CET, PUBLISHER, ClusterMaker, Terminal
from tests.faces.sshlab import ssh_lab
from tests.openssl_ca import OpenSslAuthority, openssl


@pytest.fixture
def authority(tmp_path: Path) -> OpenSslAuthority:
    return OpenSslAuthority.make(tmp_path, "Marmalade Root")


def request_of(terminal: Terminal, unit: str) -> str:
    shown = terminal.type(f"show csr own {unit}")
    begin = shown.index("-----BEGIN CERTIFICATE REQUEST-----")
    return "\n".join((*shown[begin:], ""))


def trust(terminal: Terminal, store: str, authority: OpenSslAuthority) -> None:
    terminal.type(f"set cert import trust {store}", *authority.pem.splitlines())
    assert terminal.last.exit_code == 0


@pytest.mark.interop("openssl")
def test_a_request_asks_for_what_cucm_asks_for(terminal: Terminal, cluster: Cluster) -> None:
    assert terminal.type("set csr gen CallManager") == ["Successfully Generated CSR for CallManager."]
    words = ("req", "-verify", "-noout", "-text", "-nameopt", "RFC2253")
    told = openssl(*words, stdin=request_of(terminal, "CallManager"))
    assert "verify OK" in told
    assert f"DNS:{PUBLISHER}" in told
    assert "Digital Signature, Key Encipherment, Data Encipherment, Key Agreement" in told
    assert "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System" in told
    assert f"CN={PUBLISHER}" in told
    assert "Public-Key: (1024 bit)" in told
    (file,) = cluster.folder(PUBLISHER).keys.glob("*request")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.interop("openssl")
def test_requests_are_listed_until_their_certificate_is_there(terminal: Terminal, authority: OpenSslAuthority) -> None:
    assert terminal.type("show csr list own") == ["No signing request waits for its certificate."]
    terminal.type("set csr gen tomcat")
    terminal.type("set csr gen CAPF")
    capf, tomcat = terminal.type("show csr list type own")
    assert capf.startswith("CAPF/CAPF.csr: CN=CAPF-")
    assert tomcat.startswith(f"tomcat/tomcat.csr: CN={PUBLISHER}")
    trust(terminal, "tomcat-trust", authority)
    signed = authority.sign(request_of(terminal, "tomcat"))
    terminal.type("set cert import own tomcat", *signed.splitlines())
    assert [line.partition("/")[0] for line in terminal.type("show csr list own")] == ["CAPF"]


@pytest.mark.interop("openssl")
def test_capf_asks_to_be_an_authority(terminal: Terminal, authority: OpenSslAuthority, cluster: Cluster) -> None:
    terminal.type("set csr gen CAPF")
    request = request_of(terminal, "CAPF")
    assert "CA:TRUE" in openssl("req", "-noout", "-text", stdin=request)
    trust(terminal, "CAPF-trust", authority)
    terminal.type("set cert import own CAPF", *authority.sign(request, copy=False).splitlines())
    assert terminal.last.error is not None
    assert terminal.last.error.code == "no-authority"
    terminal.type("set cert import own CAPF", *authority.sign(request).splitlines())
    assert terminal.last.exit_code == 0
    assert cluster.own_certificate(PUBLISHER, "CAPF").issuer == "CN=Marmalade Root"


def test_a_request_that_waits_is_replaced_only_on_purpose(terminal: Terminal) -> None:
    terminal.type("set csr gen tomcat")
    first = request_of(terminal, "tomcat")
    assert terminal.type("set csr gen tomcat", "no")[-1] == "Command cancelled"
    assert request_of(terminal, "tomcat") == first
    terminal.type("set csr gen tomcat", "yes")
    assert request_of(terminal, "tomcat") != first


@pytest.mark.interop("openssl")
def test_a_signed_certificate_comes_into_use(terminal: Terminal, cluster: Cluster, authority: OpenSslAuthority) -> None:
    terminal.type("utils ctl set-cluster mixed-mode", "y")
    terminal.type("set csr gen CallManager")
    trust(terminal, "CallManager", authority)
    signed = authority.sign(request_of(terminal, "CallManager"))
    shown = terminal.type("set cert import own CallManager CallManager-trust/Marmalade_Root.pem", *signed.splitlines())
    assert shown[-4:-1] == [
        "Successfully imported certificate for CallManager.",
        "Please restart services related to CallManager for the new certificate to",
        "become active.",
    ]
    assert "utils ctl update CTLFile" in shown[-1]
    assert cluster.own_certificate(PUBLISHER, "CallManager").pem().decode().split() == signed.split()
    assert cluster.signer(PUBLISHER, "CallManager").certificate.issuer == "CN=Marmalade Root"
    assert "CallManager/CallManager.pem: Certificate Signed by Marmalade Root" in terminal.type("show cert list own")
    itl = TrustList.parse(cluster.show_itl(PUBLISHER).data or b"")
    assert itl.verify()
    assert itl.header.signer_issuer == "CN=Marmalade Root"
    terminal.type("utils ctl update CTLFile", "y")
    ctl = TrustList.parse(cluster.show_ctl(PUBLISHER).data or b"")
    assert ctl.verify()
    assert "CN=Marmalade Root" in [record.issuer for record in ctl.records]
    assert len(cluster.folder(PUBLISHER).key_names()) == 6
    audited = cluster.operations.journal.audit()[-3]
    assert (audited.action, audited.outcome) == ("set cert import own", "done")
    assert "imported, issued by CN=Marmalade Root" in audited.details["changes"][0]
    assert set(audited.details["sha256_before"]) >= {f"{PUBLISHER}/CallManager.pem"}


@pytest.mark.interop("openssl")
def test_every_authority_must_be_trusted(terminal: Terminal, authority: OpenSslAuthority, cluster: Cluster) -> None:
    below = OpenSslAuthority.make(authority.folder, "Marmalade Issuing", above=authority)
    before = cluster.own_certificate(PUBLISHER, "tomcat")
    terminal.type("set csr gen tomcat")
    signed = below.sign(request_of(terminal, "tomcat")).splitlines()

    def refusal(line: str = "set cert import own tomcat") -> str:
        shown = "\n".join(terminal.type(line, *signed))
        assert terminal.last.exit_code == 1
        assert cluster.own_certificate(PUBLISHER, "tomcat") == before
        return shown

    assert "CA certificate is not available in the trust-store" in refusal()
    assert "set cert import trust" in refusal()
    trust(terminal, "CallManager-trust", below)  # not tomcat's store
    assert "'CN=Marmalade Issuing' is not there" in refusal()
    trust(terminal, "tomcat-trust", below)
    assert "'CN=Marmalade Root' is not there" in refusal()
    trust(terminal, "tomcat-trust", authority)
    assert "is not the certificate of the issuer" in refusal("set cert import own tomcat tomcat-trust/Marmalade_Root")
    terminal.type("set cert import own tomcat tomcat-trust/Marmalade_Issuing.pem", *signed)
    assert terminal.last.exit_code == 0


@pytest.mark.interop("openssl")
def test_what_does_not_fit_the_request_is_refused(terminal: Terminal, authority: OpenSslAuthority) -> None:
    assert "there is no signing request for tomcat" in terminal.type("set cert import own tomcat")[1]
    terminal.type("set csr gen tomcat")
    trust(terminal, "tomcat-trust", authority)
    request = request_of(terminal, "tomcat")

    def refused(pem: str) -> str:
        shown = terminal.type("set cert import own tomcat", *pem.splitlines())
        assert terminal.last.exit_code == 1
        return "\n".join(shown)

    assert "CSR SAN and Certificate SAN does not match" in refused(authority.sign(request, copy=False))
    assert "is expired" in refused(authority.sign_for_the_past(request))
    earlier = authority.sign(request)
    terminal.type("set csr gen tomcat", "yes")
    assert "not for the key of the waiting signing request" in refused(earlier)
    assert "not for the key" in refused(authority.pem)


def test_the_recovery_certificate_is_always_self_signed(terminal: Terminal) -> None:
    assert "always self-signed" in "\n".join(terminal.type("set csr gen ITLRecovery"))
    assert "caCert goes with own" in "\n".join(terminal.type("set cert import trust tomcat tomcat-trust/x.pem"))


@pytest.mark.interop("openssl")
def test_ec_keys(make_cluster: ClusterMaker, authority: OpenSslAuthority) -> None:
    cluster = make_cluster("12.5.1.10000-22")
    terminal = Terminal(AdminSession(cluster, PUBLISHER, zone=CET))
    terminal.type("set csr gen CallManager-ECDSA")
    request = request_of(terminal, "CallManager-ECDSA")
    assert "NIST CURVE: P-256" in openssl("req", "-verify", "-noout", "-text", stdin=request)
    trust(terminal, "CallManager-trust", authority)
    terminal.type("set cert import own CallManager-ECDSA", *authority.sign(request).splitlines())
    assert cluster.signer(PUBLISHER, "CallManager-ECDSA").certificate.issuer == "CN=Marmalade Root"


@pytest.mark.interop("openssl", "ssh")
def test_through_openssh(cluster: Cluster, authority: OpenSslAuthority, tmp_path: Path) -> None:
    with ssh_lab(cluster, PUBLISHER, tmp_path) as lab:
        assert lab.ssh("set csr gen tomcat", user="guest").returncode == 2
        assert lab.ssh("set csr gen tomcat").stdout == "Successfully Generated CSR for tomcat.\n"
        request = lab.ssh("show csr own tomcat").stdout.partition("]\n")[2]
        trusted = lab.ssh("set cert import trust tomcat-trust", stdin=authority.pem)
        assert "Successfully imported certificate for tomcat-trust." in trusted.stdout
        imported = lab.ssh("set cert import own tomcat", stdin=authority.sign(request))
        assert imported.returncode == 0, imported.stdout
        assert "Successfully imported certificate for tomcat." in imported.stdout
        assert "tomcat/tomcat.pem: Certificate Signed by Marmalade Root" in lab.ssh("show cert list own").stdout
