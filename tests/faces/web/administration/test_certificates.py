"""Certificate Management: find, show, download, upload, generate, have signed, delete; and what is refused."""

from __future__ import annotations

import hashlib
import re
import tracemalloc
from html import unescape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mixedmode.cluster.model.sightings import Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec, SecurityMode
from mixedmode.cluster.operations.devices import AddDevices
from mixedmode.cluster.operations.identity.csr import pending_request
from mixedmode.faces.web.pages.certificates import reading
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.purposes import Purpose
from tests.cluster.building import MIXED, ctl_of
from tests.faces.web.administration import uploads
from tests.faces.web.weblab import Page, Visitor, WebLab

LIST = "/cmplatform/certificates"
UPLOAD = f"{LIST}/upload"
PUB = "cucm-1051-a-pub"
_TOKENS: dict[str, str] = {}
OWN = f"{LIST}/own/{PUB}/CallManager"


@pytest.fixture
def administrator(lab: WebLab) -> Visitor:
    return lab.visitor("administrator")


def upload(visitor: Visitor, unit: str, name: str, data: bytes) -> Page:
    fields = {"csrf": csrf_of(visitor), "unit": unit, "node": PUB}
    return uploads.send(visitor, UPLOAD, fields, name, data)


def csrf_of(visitor: Visitor) -> str:
    """The token of a session's forms, which stays the same."""
    key = str(visitor.cookies)
    if key not in _TOKENS:
        _TOKENS[key] = visitor.get(UPLOAD).csrf
    return _TOKENS[key]


def stored(lab: WebLab) -> set[bytes]:
    every = [*lab.cluster.certificates.list_own(), *lab.cluster.certificates.list_trust()]
    return {each.certificate.sha256 for each in every}


def hidden(page: Page) -> dict[str, str]:
    """The hidden fields of the panel that asks."""
    panel = page.text[page.text.index('class="confirm') :]
    panel = panel[: panel.index("</form>")]
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', panel)
    return {name: unescape(value) for name, value in found}


def test_the_list_has_every_node_and_store_and_its_filters(administrator: Visitor) -> None:
    page = administrator.get(LIST)
    assert page.heading == "Certificate List"
    rows = administrator.get(f"{LIST}?format=csv").rows
    assert {row["node"] for row in rows if row["type"] == "own"} == {PUB, "cucm-1051-a-sub1"}
    assert {row["certificate"] for row in rows} >= {"CallManager", "TVS", "CAPF", "tomcat", "CallManager-trust"}
    one = next(row for row in rows if row["certificate"] == "TVS" and row["node"] == PUB)
    for query in (
        f"certificate=TVS&node={PUB}",
        f"serial={one['serial']}",
        f"serial={one['sha256'][10:30].upper()}",
    ):
        found = administrator.get(f"{LIST}?format=csv&{query}").rows
        assert [each["sha256"] for each in found] == [one["sha256"]], query
    assert administrator.get(f"{LIST}?format=csv&expiration=ended").rows == []
    assert len(administrator.get(f"{LIST}?format=csv&expiration=later").rows) == len(rows)
    assert {row["type"] for row in administrator.get(f"{LIST}?format=csv&type=trust").rows} == {"trust"}
    assert "ITL" in one["used"]
    assert "No certificates with" in administrator.get(f"{LIST}?cn=nobody").words


def test_a_card_says_what_the_certificate_says_and_who_hangs_on_it(lab: WebLab, administrator: Visitor) -> None:
    page = administrator.get(OWN)
    text, own = page.words, lab.cluster.own_certificate(PUB, "CallManager")
    for part in (own.sha1.hex(" ").upper(), own.sha256.hex(" ").upper(), own.serial.hex(":").upper(), own.subject):
        assert part in text
    assert "signed it" in text
    assert "TVS vouches for it as: " in text
    assert "days left" in text
    tvs = administrator.get(f"{LIST}/own/{PUB}/TVS").words
    assert re.search(r"\d+ phones may ask TVS on cucm-1051-a-pub", tvs)


def test_downloads_are_the_certificate(lab: WebLab, administrator: Visitor) -> None:
    own = lab.cluster.own_certificate(PUB, "CallManager")
    pem, der = administrator.get(f"{OWN}?download=pem"), administrator.get(f"{OWN}?download=der")
    assert Certificate.from_pem(pem.body) == own
    assert der.body == own.der
    assert pem.headers["content-disposition"] == f'attachment; filename="{PUB}-CallManager.pem"'


@pytest.mark.parametrize(
    "path",
    [
        f"{LIST}/own/nope/CallManager",
        f"{LIST}/own/{PUB}/nope",
        f"{LIST}/own/{PUB}/..%2f..%2fetc",
        f"{LIST}/trust/CAPF-trust/{'0' * 64}",
        f"{LIST}/trust/nope-trust/{'0' * 64}",
        f"{LIST}/trust/CAPF-trust/{'0' * 64}/delete",
        f"{LIST}/csr?download=pem&node={PUB}&unit=TVS",
        f"{LIST}/generate?node=%3Cscript%3Ealert(1)%3C/script%3E&unit=TVS",
        f"{LIST}/generate?unit=%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_what_there_is_not_is_a_page_with_a_way_out(administrator: Visitor, path: str) -> None:
    page = administrator.get(path)
    assert page.status == 404
    assert "<script>alert" not in page.text


def test_uploads_go_where_they_should_as_pem_der_and_chain(lab: WebLab, administrator: Visitor) -> None:
    one, two, three = (uploads.certificate(f"signer {at}") for at in range(3))
    assert upload(administrator, "Phone-SAST-trust", "one.pem", uploads.pem(one)).status == 303
    assert upload(administrator, "CAPF-trust", "two.cer", uploads.der(two)).status == 303
    answer = upload(administrator, "CallManager-trust", "chain.p7b", uploads.chain_pkcs7(two, three))
    assert answer.location == f"{LIST}?certificate=CallManager-trust"
    assert "into CallManager-trust" in administrator.get(answer.location).words
    names = {(each.unit, each.certificate.common_name) for each in lab.cluster.certificates.list_trust()}
    assert names >= {
        ("Phone-SAST-trust", "signer 0"),
        ("CAPF-trust", "signer 1"),
        ("CallManager-trust", "signer 1"),
        ("CallManager-trust", "signer 2"),
    }
    again = upload(administrator, "CAPF-trust", "two.cer", uploads.der(two))
    assert "had it already; nothing was changed" in administrator.get(again.location).words
    audit = lab.cluster.operations.journal.audit(20, user="administrator")
    assert any(each.action == "set cert import trust" and each.source == "127.0.0.1" for each in audit)


def test_a_private_key_is_refused_by_its_content_in_every_form_and_nothing_is_kept(
    lab: WebLab, administrator: Visitor
) -> None:
    before = stored(lab)
    for name, data in uploads.private_keys().items():
        page = upload(administrator, "Phone-SAST-trust", name, data)
        assert page.status == 422, name
        assert (
            f"{name} holds a private key. Nothing was kept. Next: export the certificate alone, as .cer or .pem, and "
            "choose it again." in page.words
        ), (name, page.words[-800:])
        assert 'aria-invalid="true"' in page.text
    assert stored(lab) == before
    audit = lab.cluster.operations.journal.audit(40, user="administrator", outcome="refused")
    assert any(each.action == "set cert import" and "private key" in str(each.details) for each in audit)


def test_garbage_is_refused_kindly(lab: WebLab, administrator: Visitor) -> None:
    before, good = stored(lab), uploads.der(uploads.certificate())
    damaged = uploads.pem(uploads.certificate()).replace(b"MII", b"!!!", 1)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(uploads.KEY, hashes.SHA256())
    garbage = {
        "empty.pem": b"",
        "blank.pem": b"  \r\n",
        "text.cer": b"hello",
        "zeros.der": bytes(2000),
        "half.der": good[: len(good) // 2],
        "damaged.pem": damaged,
        "mixed.pem": uploads.pem(uploads.certificate()) + damaged,
        "bomb.der": b"\x30\x80" * 400,
        "request.csr": request.public_bytes(serialization.Encoding.PEM),
        "list.tlv": lab.cluster.folder(PUB).read("ITLFile.tlv") or b"",
        "many.pem": uploads.pem(uploads.certificate()) * 1
        + b"".join(uploads.pem(uploads.certificate(str(at))) for at in range(17)),
        "large.pem": uploads.pem(uploads.certificate()) + b"x" * (65 << 10),
        '<img src=x onerror="alert(1)">.pem': b"hello",
    }
    for name, data in garbage.items():
        page = upload(administrator, "Phone-SAST-trust", name.replace('"', "%22"), data)
        assert page.status == 422, name
        assert "Nothing was kept." in page.words, (name, page.words[-600:])
        assert "<img src=x" not in page.text
    assert "no file was chosen" in administrator.post(UPLOAD, fields(administrator, unit="CAPF-trust", node=PUB)).words
    assert stored(lab) == before


def fields(visitor: Visitor, **more: str) -> dict[str, str]:
    return {"csrf": visitor.get(UPLOAD).csrf, **more}


def test_fifty_megabytes_are_cut_off_at_the_limit_and_never_held(administrator: Visitor, lab: WebLab) -> None:
    before, csrf = stored(lab), administrator.get(UPLOAD).csrf
    whole = 50 << 20
    head = f'--{uploads.BOUNDARY}\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n{csrf}\r\n'.encode()
    head += f'--{uploads.BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="big.pem"\r\n\r\n'.encode()
    page = uploads.stream(administrator, UPLOAD, head, whole, chunked=False)
    assert (page.status, "Nothing was kept" in page.text) == (413, True)
    tracemalloc.start()
    try:
        page = uploads.stream(administrator, UPLOAD, head, whole // 3, chunked=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (page.status, "Nothing was kept" in page.text) == (413, True)
    assert peak < 8 << 20
    assert stored(lab) == before


def test_a_script_in_any_name_of_a_certificate_is_text_everywhere(lab: WebLab, administrator: Visitor) -> None:
    evil = uploads.SCRIPT
    many = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"cn{evil}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f'"><svg onload=alert(1)>{evil}'),
            x509.NameAttribute(NameOID.LOCALITY_NAME, f"{{{{ 7*7 }}}}{evil}"),
        ]
    )
    made = [
        uploads.certificate("plain", organization=evil, alternative=f"a{evil}", issuer=f"ca{evil}"),
        uploads.certificate(evil, subject=many, alternative="x.example"),
        uploads.certificate("=1+1|cmd", issuer="=HYPERLINK(1)"),
    ]
    for each in made:
        assert upload(administrator, "CAPF-trust", f"{evil[:20]}.pem", uploads.pem(each)).status == 303
    paths = [f"{LIST}/trust/CAPF-trust/{Certificate.from_der(uploads.der(each)).sha256.hex()}" for each in made]
    seen = [LIST, f"{LIST}?certificate=CAPF-trust", f"{LIST}?cn={evil}", *paths, *(f"{path}/delete" for path in paths)]
    seen += ["/", "/ccmservice/audit"]
    for path in seen:
        page = administrator.get(path)
        if page.status == 404 and path.startswith("/ccm"):
            continue
        assert page.status == 200, path
        assert "<script>alert" not in page.text, path
        assert "<svg onload" not in page.text, path
        assert ">49<" not in page.text, path
    rows = administrator.get(f"{LIST}?format=csv&certificate=CAPF-trust").rows
    assert "'=1+1|cmd" in {row["cn"] for row in rows}
    download = administrator.get(f"{paths[1]}?download=pem").headers["content-disposition"]
    assert "<" not in download
    assert download.count('"') == 2
    for path in paths:
        page = administrator.get(f"{path}/delete")
        assert administrator.post(f"{path}/delete", {"csrf": page.csrf, **hidden(page)}).status == 303


@pytest.mark.parametrize("user", ["reader", ""])
def test_who_has_not_the_level_is_refused_at_every_form(lab: WebLab, administrator: Visitor, user: str) -> None:
    before = stored(lab)
    trusted = next(each for each in lab.cluster.certificates.list_trust("CallManager-trust"))
    path = f"{LIST}/trust/CallManager-trust/{trusted.certificate.sha256.hex()}/delete"
    visitor = lab.visitor(user)
    csrf = visitor.get(UPLOAD).csrf if user else "0"
    wanted = 403 if user else 401
    own = lab.cluster.own_certificate(PUB, "TVS").sha256.hex()
    data = uploads.pem(uploads.certificate())
    assert uploads.send(visitor, UPLOAD, {"csrf": csrf, "unit": "CAPF-trust"}, "a.pem", data).status == wanted
    assert visitor.post(f"{LIST}/generate", {"csrf": csrf, "node": PUB, "unit": "TVS", "sha256": own}).status == wanted
    assert visitor.post(f"{LIST}/csr", {"csrf": csrf, "node": PUB, "unit": "tomcat"}).status == wanted
    assert visitor.post(path, {"csrf": csrf}).status == wanted
    assert stored(lab) == before
    assert pending_request(lab.cluster.folder(PUB), Purpose.TOMCAT) is None
    if user:
        audit = lab.cluster.operations.journal.audit(20, user="reader", outcome="refused")
        assert {"set cert import", "set cert regen", "set csr gen", "set cert delete"} <= {
            each.action for each in audit
        }
        for shown in (UPLOAD, f"{LIST}/generate?unit=TVS", f"{LIST}/csr", path):
            assert "Your level is 0" in visitor.get(shown).words


def test_forms_without_their_token_and_of_a_second_tab_are_refused(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    stale, before = visitor.get(UPLOAD).csrf, stored(lab)
    data = uploads.pem(uploads.certificate())
    assert uploads.send(visitor, UPLOAD, {"unit": "CAPF-trust"}, "a.pem", data).status == 403
    visitor.cookies.clear()
    visitor.sign_in()
    page = uploads.send(visitor, UPLOAD, {"unit": "CAPF-trust", "csrf": stale}, "a.pem", data)
    assert (page.status, "Nothing was changed" in page.text) == (403, True)
    assert visitor.post(f"{LIST}/generate", {"csrf": stale, "node": PUB, "unit": "TVS"}).status == 403
    assert stored(lab) == before


def test_a_request_is_made_downloaded_signed_and_taken_into_use(own_lab: WebLab) -> None:
    visitor = own_lab.visitor("administrator")
    csrf = visitor.get(f"{LIST}/csr").csrf
    answer = visitor.post(f"{LIST}/csr", {"csrf": csrf, "node": PUB, "unit": "tomcat"})
    assert answer.status == 303
    assert "1 signing request waits" in visitor.get(answer.location).words
    request = x509.load_pem_x509_csr(visitor.get(f"{LIST}/csr?download=pem&node={PUB}&unit=tomcat").body)
    # A second one asks first, since the first one's certificate would be of no use any more.
    asked = visitor.post(f"{LIST}/csr", {"csrf": csrf, "node": PUB, "unit": "tomcat"})
    assert asked.status == 422
    assert "Replace the signing request" in asked.words

    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = uploads.certificate("Krakow Root", key=ca_key, signer=ca_key, authority=True)
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    signed = uploads.certificate(
        PUB, issuer="Krakow Root", subject=request.subject, public=request.public_key(), signer=ca_key, names=names
    )
    stranger = uploads.certificate("stranger")
    wrong = upload(visitor, "tomcat", "wrong.pem", uploads.pem(stranger))
    assert (wrong.status, "is not for the key of the waiting signing request" in wrong.words) == (422, True)
    alone = upload(visitor, "tomcat", "alone.pem", uploads.pem(signed))
    assert alone.status == 200
    sent = visitor.post(UPLOAD, hidden(alone))
    assert (sent.status, "CA certificate is not available in the trust-store" in sent.words) == (422, True)

    panel = upload(visitor, "tomcat", "chain.pem", uploads.pem(ca, signed))
    assert panel.status == 200
    assert f"Take this certificate into use as tomcat of {PUB}?" in panel.words
    assert own_lab.cluster.own_certificate(PUB, "tomcat").common_name != "Krakow Root"
    done = visitor.post(UPLOAD, hidden(panel))
    assert done.status == 303
    assert own_lab.cluster.own_certificate(PUB, "tomcat").der == uploads.der(signed)
    assert "Restart: Cisco Tomcat" in visitor.get(done.location).words
    trusted = {each.certificate.common_name for each in own_lab.cluster.certificates.list_trust("tomcat-trust")}
    assert "Krakow Root" in trusted


def test_a_regeneration_asks_with_its_forecast_and_refuses_a_page_that_is_behind(own_lab: WebLab) -> None:
    visitor = own_lab.visitor("administrator")
    path = f"{LIST}/generate?node={PUB}&unit=TVS"
    page, second_tab = visitor.get(path), visitor.get(path)
    assert "Nothing was changed yet." in page.words
    assert "Make TVS of cucm-1051-a-pub anew, with a new key?" in page.words
    before = own_lab.cluster.own_certificate(PUB, "TVS")
    done = visitor.post(f"{LIST}/generate", hidden(page))
    assert done.status == 303
    after = own_lab.cluster.own_certificate(PUB, "TVS")
    assert after != before
    assert "TVS of cucm-1051-a-pub is made anew." in visitor.get(done.location).words
    late = visitor.post(f"{LIST}/generate", hidden(second_tab))
    assert (late.status, "Somebody replaced this certificate" in late.words) == (409, True)
    assert own_lab.cluster.own_certificate(PUB, "TVS") == after


def lose_phones(lab: WebLab, names: list[str]) -> None:
    """Add phones that register by TLS and cannot ask TVS: they do not know what a new certificate would be."""
    cluster = lab.cluster
    if cluster.mode is not SecurityMode.MIXED:
        cluster.run(MIXED)
    cluster.run(AddDevices(tuple(DeviceSpec(name, "7940", security_mode=3) for name in names)))
    holds = hashlib.sha1(ctl_of(cluster).data).hexdigest()
    for name in names:
        seen = Seen()
        seen.report(Reported(1.0, holds, "none"))
        cluster.sightings.add({name: seen})


def test_who_would_be_lost_is_named_and_the_word_is_asked_for(own_lab: WebLab) -> None:
    cluster, visitor = own_lab.cluster, own_lab.visitor("administrator")
    lose_phones(own_lab, ["SEP00112233AA00"])
    path = f"{LIST}/generate?node={PUB}&unit=CallManager"
    page = visitor.get(path)
    assert "SEP00112233AA00" in page.text
    assert re.search(r"Regenerate and (freeze|lock out) 1 phone\b", page.words)
    assert "Type LOCKOUT" in page.words
    before, sent = cluster.own_certificate(PUB, "CallManager"), hidden(page)
    for word in ("", "lockout", "LOCKOUT "):
        again = visitor.post(f"{LIST}/generate", {**sent, "word": word})
        assert (again.status, "Type LOCKOUT, in capitals" in again.words) == (422, True), word
    # One more phone would be lost since the page was made.
    lose_phones(own_lab, ["SEP00112233AA01"])
    more = visitor.post(f"{LIST}/generate", {**sent, "word": "LOCKOUT"})
    assert (more.status, "It would lose 2 phones now; the form that you sent said 1." in more.words) == (422, True)
    assert cluster.own_certificate(PUB, "CallManager") == before
    assert visitor.post(f"{LIST}/generate", {**hidden(more), "word": "LOCKOUT"}).status == 303
    assert cluster.own_certificate(PUB, "CallManager") != before


def test_what_is_in_a_file_is_told_by_its_content() -> None:
    one, two = uploads.certificate("one"), uploads.certificate("two")
    assert len(reading.certificates_in(b"subject=one\n" + uploads.pem(one, two, one) + b"\nbye", "x")) == 2
    assert len(reading.certificates_in(uploads.pem(one).decode().encode("utf-16"), "x")) == 1
    assert len(reading.certificates_in(b"\xef\xbb\xbf" + uploads.pem(one).replace(b"\n", b"\r\n"), "x")) == 1
    assert reading.shown_name("C:\\Users\\kowal\\key.p12") == "key.p12"
    assert len(reading.shown_name("a" * 500)) == 80
