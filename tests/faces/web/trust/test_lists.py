"""Lists of every node, the archive, differences, anchors, lists from elsewhere: what is said and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from playwright.sync_api import Browser

from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.archive import Publication
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import MAX_FILE
from tests.faces.web.administration import uploads
from tests.faces.web.conftest import sign_in
from tests.faces.web.test_every_page import serious
from tests.faces.web.trust.conftest import FORMULA, SCRIPT
from tests.faces.web.trust.test_phones import beyond
from tests.faces.web.weblab import Page, Visitor, WebLab

LISTS = "/trust/lists"
UPLOAD = "/trust/upload"


@pytest.fixture(scope="module")
def admin(fleet: WebLab) -> Visitor:
    return fleet.visitor("administrator")


@pytest.fixture(scope="module")
def ctls(fleet: WebLab) -> list[Publication]:
    return [each for each in archive.history(fleet.cluster.database) if each.name == CTL_FILE]


def sent(visitor: Visitor, data: bytes, fields: Mapping[str, str], name: str = "CTLFile.tlv") -> Page:
    return uploads.send(visitor, UPLOAD, {"csrf": visitor.get(UPLOAD).csrf, **fields}, name, data)


def data_of(lab: WebLab, entry: Publication) -> bytes:
    found = archive.content(lab.cluster.database, entry.sha256)
    assert found is not None
    return found


def test_each_node_has_a_verdict_in_words(own_fleet: WebLab, ctls: list[Publication]) -> None:
    admin, cluster = own_fleet.visitor("administrator"), own_fleet.cluster
    text = admin.get(LISTS).text
    assert text.count(">as published<") == 2
    assert ctls[-1].md5 in text
    folders = [cluster.folder(node.name) for node in cluster.nodes()]
    folders[1].write(CTL_FILE, data_of(own_fleet, ctls[0]))
    assert "an older one, of " in admin.get(LISTS).text
    folders[1].write(CTL_FILE, b"torn")
    assert "damaged: phones cannot read it" in admin.get(LISTS).text
    folders[0].write(CTL_FILE, None)
    text = admin.get(LISTS).text
    assert "no file, though one is published" in text
    assert "2 of 2 nodes have another CTL" in text


def test_every_list_ever_published_with_time_and_cause(admin: Visitor, ctls: list[Publication]) -> None:
    page = admin.get(f"{LISTS}?of=CTL")
    assert "utils ctl set-cluster mixed-mode" in page.text
    assert "utils ctl update CTLFile" in page.text
    rows = admin.get(f"{LISTS}?of=CTL&format=csv").rows
    assert [row["md5"] for row in rows] == [each.md5 for each in reversed(ctls)]
    assert rows[-1]["held"] == "3"
    assert admin.get(f"{LISTS}?of=CTL&md5={ctls[0].sha1[:10]}").text.count('name="a"') == 1


def test_a_list_is_found_by_six_digits_and_shown_both_ways(admin: Visitor, ctls: list[Publication]) -> None:
    found = admin.get(f"{LISTS}?digest={ctls[0].md5[:6]}")
    found = admin.get(found.location)
    assert found.location == f"{LISTS}/{ctls[0].sha256}"
    page = admin.get(found.location)
    for said in ("This is not what phones are offered now", "3 phones are known to hold it", "System Administrator",
                 "signed this CTL file", "The checksum value of the CTL file:", "verified successfully"):  # fmt: skip
        assert said in page.text, said
    file = admin.get(f"{found.location}/file")
    assert TrustList.parse(file.body).sha256 == ctls[0].sha256
    assert file.headers["content-disposition"].startswith("attachment")
    for bad in ("abcde", "zz", "0123456789", "..%2f..%2fetc%2fpasswd", "%3Cscript%3Ealert(1)"):
        refused = admin.get(f"{LISTS}/{bad}")
        assert refused.status in {400, 404}, bad
        assert "<script>alert" not in refused.text


def test_a_difference_says_first_what_it_means(admin: Visitor, ctls: list[Publication]) -> None:
    page = admin.get(f"/trust/difference?a={ctls[0].md5}&b={ctls[-1].sha1}")
    assert "does not know the signer of the right one" in page.text
    assert "a model that cannot ask TVS refuses it" in page.text
    assert "<del>" in page.text
    assert "<ins>" in page.text
    same = admin.get(f"/trust/difference?a={ctls[0].md5}&b={ctls[0].md5}")
    assert "They are the same file." in same.text
    itl = next(each for each in admin.get(f"{LISTS}?of=ITL").text.split('name="a" value="')[1:])[:64]
    assert "One is a CTL, the other an ITL." in admin.get(f"/trust/difference?a={ctls[0].md5}&b={itl}").text
    assert admin.get("/trust/difference?a=abcdef99&b=123456").status == 404


def test_anchors_stand_in_time_and_a_certificate_says_who_needs_it(admin: Visitor) -> None:
    page = admin.get("/trust/anchors")
    assert 'aria-label="Validity of' in page.text
    assert ">now</text>" in page.text
    address = re.search(r'href="(/trust/certificates/[0-9a-f]{64})"', page.text)
    assert address is not None
    certificate = admin.get(address[1])
    assert "phones hold a list that names it" in certificate.text
    assert admin.get(f"/trust/certificates/{'0' * 64}").status == 404
    assert admin.get("/trust/anchors?format=csv").text.startswith("end,title,days")


def test_a_list_from_elsewhere_is_looked_at_compared_and_forgotten(own_fleet: WebLab, ctls: list[Publication]) -> None:
    operator = own_fleet.visitor("reader")
    data = _renamed(data_of(own_fleet, ctls[0]))
    page = sent(operator, data, {"with": ctls[-1].sha256}, name=f"{SCRIPT}.tlv")
    assert page.status == 200, page.text[-2000:]
    assert "<script>alert" not in page.text
    assert "A phone that holds" in page.text
    digest = TrustList.parse(data).sha256
    assert operator.get(f"{LISTS}/{digest}").status == 404
    kept = sent(operator, data, {"keep": "yes"}, name=FORMULA)
    assert kept.location == f"{LISTS}/{digest}"
    shown = operator.get(kept.location)
    assert "This list was never published here" in shown.text
    assert operator.get(f"/trust/difference?a={digest}&b={ctls[0].sha256}").status == 200
    operator.post(UPLOAD, {"csrf": shown.csrf, "drop": digest})
    assert operator.get(f"{LISTS}/{digest}").status == 404


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no file was sent"),
        (b"MZ\x90\x00" * 64, "this is no trust list"),
        (b"<svg onload=alert(1)>" * 9, "this is no trust list"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMIIE", "holds a private key"),
        (b"\x00" * (MAX_FILE + 1), "a list has at most"),
        (b"\x01\x00\x02\x01\x02\x02\x00\x02\x7f\xff", "this is no trust list"),
    ],
)
def test_what_is_no_list_is_refused_and_not_kept(admin: Visitor, data: bytes, said: str) -> None:
    page = sent(admin, data, {"keep": "yes"}, name="../../../etc/passwd")
    assert page.status == 422
    assert said in page.text
    assert "<svg onload" not in page.text


def test_uploads_have_a_limit_and_need_their_token(admin: Visitor) -> None:
    assert sent(admin, b"x" * (4 * MAX_FILE), {}).status == 413
    edge = "x"
    body = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc\r\n--x--\r\n'
    assert admin.send("POST", UPLOAD, body, {"content-type": f"multipart/form-data; boundary={edge}"}).status == 403


def test_a_damaged_list_is_shown_as_damaged(admin: Visitor, fleet: WebLab, ctls: list[Publication]) -> None:
    torn = data_of(fleet, ctls[0])[:-40]
    page = sent(admin, torn, {})
    assert page.status == 200
    assert "no phone takes it" in page.text


def test_names_in_lists_are_text(admin: Visitor, fleet: WebLab, ctls: list[Publication]) -> None:
    data = data_of(fleet, ctls[0])
    old, new = b"cucm-1051-a-pub", b"<script>alert(1)"[:15]
    page = sent(admin, data.replace(old, new), {"with": ctls[-1].sha256})
    assert page.status == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(" in page.text


def test_the_pages_in_a_browser(chromium: Browser, fleet: WebLab, ctls: list[Publication]) -> None:
    context = chromium.new_context(ignore_https_errors=True, base_url=fleet.url)
    tab = context.new_page()
    sign_in(tab)
    tab.goto(f"/trust/difference?a={ctls[0].md5}&b={ctls[-1].md5}")
    problems = serious(tab)
    tab.goto(f"{LISTS}/{ctls[0].sha256}")
    problems += serious(tab)
    tab.set_viewport_size({"width": 360, "height": 740})
    problems += beyond(tab)
    tab.goto(f"/trust/difference?a={ctls[0].md5}&b={ctls[-1].md5}")
    problems += beyond(tab)
    assert problems == []
    context.close()


def _renamed(data: bytes) -> bytes:
    """Return a list with another name in it, as another cluster's would have."""
    return data.replace(b"cucm-1051-a-pub", b"cucm-1051-b-pub")
