"""Unified Reporting: figures of this cluster, filters, CSV, and all of it on one page."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from mixedmode.cluster.model.sightings import Registered, Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.cluster.publishing.published import TrustFile
from mixedmode.pki.certificates.profiles import issue_lsc
from tests.faces.web.weblab import Visitor, WebLab

FEATURES = "/cucreports/phone-features"
LISTS = "/cucreports/trust-lists"
CERTIFICATES = "/cucreports/certificates"
PHONE_CERTIFICATES = "/cucreports/phone-certificates"


def sha1(file: TrustFile) -> str:
    return hashlib.sha1(file.data or b"", usedforsecurity=False).hexdigest()


def table(visitor: Visitor, path: str) -> list[dict[str, str]]:
    return visitor.get(path).rows


def test_the_phone_feature_list_counts_this_cluster(own_lab: WebLab) -> None:
    own_lab.cluster.devices.add(
        [DeviceSpec("SEP0011223344A0", "7940"), DeviceSpec("SEP0011223344A1", "7975", protocol="SIP")]
    )
    visitor = own_lab.visitor("reader")
    page = visitor.get(FEATURES).text
    assert "5 of 6 phones know Security By Default." in page
    assert "1 does not: it asks for no ITL, and cannot ask TVS." in page
    here = table(visitor, f"{FEATURES}?here=yes&format=csv")
    assert {(row["product"], row["protocol"], row["phones"]) for row in here} == {
        ("Cisco 7975", "SCCP", "4"),
        ("Cisco 7975", "SIP", "1"),
        ("Cisco 7940", "SCCP", "1"),
    }
    without = table(visitor, f"{FEATURES}?here=yes&without=security_by_default&format=csv")
    assert [row["product"] for row in without] == ["Cisco 7940"]
    every = table(visitor, f"{FEATURES}?format=csv")
    assert len(every) > 100
    whole = visitor.get(f"{FEATURES}?all=yes").text
    assert whole.count('<th scope="row">') == len(every)


def test_what_phones_hold_is_counted_by_list(own_lab: WebLab) -> None:
    cluster = own_lab.cluster
    old = sha1(cluster.show_itl("cucm-1051-a-pub"))
    cluster.run(SetMixedMode())
    now = datetime.now(UTC).timestamp()
    ctl = sha1(cluster.show_ctl("cucm-1051-a-pub"))
    seen = {}
    for at, held in enumerate(((ctl, old), ("none", old), ("ab" * 20, None))):
        seen[f"SEP00112233440{at}"] = each = Seen(registered=Registered(now, "127.0.0.9", "non-secure"))
        each.report(Reported(now, *held))
    cluster.sightings.add(seen)
    desk = own_lab.service.desk
    assert desk is not None
    desk.standing.now()
    visitor = own_lab.visitor("reader")
    rows = {(row["kind"], row["sha1"], row["state"]): row["phones"] for row in table(visitor, f"{LISTS}?format=csv")}
    assert rows["CTL", ctl, "published"] == "1"
    assert rows["CTL", "none", "no list"] == "1"
    assert rows["CTL", "ab" * 20, "unexplained"] == "1"
    assert rows["CTL", "", "not known"] == "1"
    assert sum(int(number) for (kind, _, _), number in rows.items() if kind == "ITL") == 4
    only = table(visitor, f"{LISTS}?sha1={ctl[:8].upper()}&format=csv")
    assert [row["kind"] for row in only] == ["CTL"]
    page = visitor.get(f"{LISTS}?state=unexplained").text
    assert f'href="/ccmadmin/phones?list={"ab" * 8}"' in page
    assert visitor.get(f"/ccmadmin/phones?list={'ab' * 8}").text.count("SEP001122334402") >= 1


def test_certificates_of_all_nodes_and_the_lists_they_are_in(own_lab: WebLab) -> None:
    cluster = own_lab.cluster
    cluster.run(SetMixedMode())
    visitor = own_lab.visitor("reader")
    rows = table(visitor, f"{CERTIFICATES}?kind=own&format=csv")
    stored = cluster.certificates.list_own()
    assert len(rows) == len(stored)
    pub = next(row for row in rows if (row["unit"], row["node"]) == ("CallManager", "cucm-1051-a-pub"))
    assert "CTL: CCM+TFTP" in pub["lists"] or "CTL: SAST" in pub["lists"]
    tomcat = next(row for row in rows if row["unit"] == "tomcat")
    assert tomcat["lists"] == ""
    serial = pub["serial"]
    found = table(visitor, f"{CERTIFICATES}?name={serial.upper()}&format=csv")
    assert {row["serial"] for row in found} == {serial}
    assert table(visitor, f"{CERTIFICATES}?ends=ended&format=csv") == []
    tvs = table(visitor, f"{CERTIFICATES}?unit=TVS&kind=own&listed=yes&format=csv")
    assert {row["node"] for row in tvs} == {node.name for node in cluster.nodes()}
    assert all("ITL of 2 nodes: TVS" in row["lists"] for row in tvs)


def test_the_lscs_of_phones_are_listed_with_what_they_are_worth(own_lab: WebLab) -> None:
    cluster = own_lab.cluster
    good, ended, stolen = [device.name for device in cluster.devices][:3]
    capf = cluster.signer("cucm-1051-a-pub", "CAPF")
    for at, (name, days) in enumerate(((good, 365), (ended, 30), (stolen, 365)), 1):
        made = issue_lsc(
            name,
            capf.key.public_key(),
            authority=capf.certificate,
            authority_key=capf.key,
            now=datetime.now(UTC).replace(microsecond=0) - timedelta(days=60),
            serial=at,
            days=days,
        )
        cluster.keep_lsc(name, made)
    cluster.run(ChangeDevice(ended, DeviceValues(security_mode=3)))
    cluster.run(RevokeLsc(stolen))
    visitor = own_lab.visitor("reader")
    page = visitor.get(PHONE_CERTIFICATES).text
    assert "1 secure phone has an LSC that proves it no more." in page
    rows = {row["name"]: row for row in table(visitor, f"{PHONE_CERTIFICATES}?format=csv")}
    assert {name: rows[name]["standing"] for name in (good, ended, stolen)} == {
        good: "valid",
        ended: "expired",
        stolen: "revoked",
    }
    assert int(rows[ended]["days"]) == -31
    assert [row["name"] for row in table(visitor, f"{PHONE_CERTIFICATES}?standing=expired&format=csv")] == [ended]
    assert [row["name"] for row in table(visitor, f"{PHONE_CERTIFICATES}?secure=yes&format=csv")] == [ended]
