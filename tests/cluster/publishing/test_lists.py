"""Lists as values: what would be published, for the cluster as it is and as it might be, without a key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mixedmode.cluster.authority.authority import KeyName
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError, VersionError
from mixedmode.cluster.model.topology import NodeInfo, NodeRole, SecurityMode, Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.publishing import lists
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.roles import Role
from tests.cluster.building import MIXED, NON_SECURE, PUB, SUB, ctl_of, itl_of

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SHA1 = DigestAlgorithm.SHA1


@pytest.fixture
def view(cluster: Cluster) -> TrustView:
    return cluster.view()


def ctl(view: TrustView, *, reset: bool = False) -> TrustList:
    return TrustList.parse(lists.ctl(view, lists.stand_in(view, lists.ctl_signer(view, reset=reset)), SHA1, NOW))


def itl(view: TrustView, node: str = PUB, *, reset: bool = False) -> TrustList:
    signer = lists.stand_in(view, lists.itl_signer(view, node, reset=reset))
    return TrustList.parse(lists.itl(view, view.node(node), signer, SHA1, NOW))


def roles(found: TrustList) -> list[tuple[str, str, bool]]:
    return [(each.role_label, each.dns_name or "", each.certificate is not None) for each in found.records]


def test_without_a_key_the_list_is_the_published_one_but_for_date_and_signature(cluster: Cluster) -> None:
    for operation, mode in ((MIXED, SecurityMode.MIXED), (NON_SECURE, SecurityMode.NON_SECURE)):
        before = ctl(cluster.view().in_mode(mode))
        cluster.run(operation)
        published = ctl_of(cluster)
        assert lists.same_content(published.data, before.data)
        assert len(published.data) == len(before.data)
        assert lists.has_stand_in(before.data)
        assert not lists.has_stand_in(published.data)
        assert before.verify().code == "bad_signature"
    for node in (PUB, SUB):
        assert lists.same_content(itl_of(cluster, node).data, itl(cluster.view(), node).data)


def test_the_same_view_signer_digest_and_time_give_the_same_bytes(cluster: Cluster, view: TrustView) -> None:
    key = lists.itl_signer(view, SUB)
    signer = cluster.certificates.signer(key.node, key.purpose.value)
    once, twice = (lists.itl(view, view.node(SUB), signer, DigestAlgorithm.SHA512, NOW) for _ in range(2))
    assert once == twice
    assert TrustList.parse(once).verify()
    assert TrustList.parse(once).header.timestamp == int(NOW.timestamp())


def test_whoever_signs_a_ctl_stands_first_in_it(view: TrustView) -> None:
    newer = view.on_version(Version.parse("12.5.1.10000-1"))
    usual, reset = ctl(newer), ctl(newer, reset=True)
    assert lists.ctl_signer(newer) == KeyName(PUB, Purpose.ITLRECOVERY)
    assert usual.records[0].certificate == view.certificate(PUB, Purpose.ITLRECOVERY)
    assert reset.records[0].certificate == view.certificate(PUB, Purpose.CALLMANAGER)
    assert {each.raw for each in usual.records} == {each.raw for each in reset.records}
    with pytest.raises(UsageError, match="not among the SAST records"):
        lists.ctl(view, lists.StandIn(view.certificate(SUB, Purpose.CALLMANAGER)), SHA1, NOW)


def test_a_hypothetical_certificate_mode_and_rollback(view: TrustView) -> None:
    other = view.certificate(SUB, Purpose.TVS)
    changed = view.replacing(PUB, Purpose.TVS.value, other)
    assert [each.certificate for each in itl(changed, SUB).records if each.role is Role.TVS] == [other]
    assert [each.certificate for each in itl(view, SUB).records if each.role is Role.TVS] != [other]
    empty = [("CCM+TFTP", PUB, False), ("TVS", PUB, False), ("TVS", SUB, False)]
    assert [each for each in roles(itl(view.preparing_rollback())) if not each[2]] == empty
    assert itl(view.preparing_rollback().preparing_rollback(wanted=False)).data == itl(view).data
    assert [each for each in roles(ctl(view)) if not each[2]] == [("CCM+TFTP", PUB, False), ("CCM+TFTP", SUB, False)]
    assert all(whole for _, _, whole in roles(ctl(view.in_mode(SecurityMode.MIXED))))


def test_a_hypothetical_node_comes_leaves_or_runs_other_services(view: TrustView) -> None:
    third = NodeInfo("sub2", NodeRole.SUBSCRIBER, "10.48.47.155", frozenset({Service.TVS, Service.CALLMANAGER}))
    more = view.in_mode(SecurityMode.MIXED).with_node(third)
    for purpose in (Purpose.CALLMANAGER, Purpose.TVS):
        more = more.replacing("sub2", purpose.value, view.certificate(PUB, purpose))
    assert more.without_node("sub2") == view.in_mode(SecurityMode.MIXED)
    assert ("sub2" in {name for _, name, _ in roles(ctl(more))}) is False, "a certificate of several nodes stands once"
    own = more.replacing("sub2", Purpose.CALLMANAGER.value, view.certificate(SUB, Purpose.TVS))
    assert ("CCM", "sub2", True) in roles(ctl(own))
    without = view.with_node(replace(view.node(SUB), services=frozenset({Service.CALLMANAGER})))
    assert [name for role, name, _ in roles(itl(without)) if role == "TVS"] == [PUB]
    assert [name for role, name, _ in roles(itl(view.without_node(SUB))) if role == "TVS"] == [PUB]
    with pytest.raises(NotFoundError):
        view.without_node(SUB).node(SUB)


def test_a_version_without_a_list_has_none(view: TrustView) -> None:
    old = view.on_version(Version.parse("7.1.5.10000-1"))
    assert (PUB, "TVS") not in old.own
    with pytest.raises(VersionError, match="no ITL"):
        lists.itl_signer(old, PUB)
    with pytest.raises(VersionError, match="no ITL"):
        lists.itl(old, old.publisher, lists.stand_in(old, KeyName(PUB, Purpose.CALLMANAGER)), SHA1, NOW)
    with pytest.raises(VersionError, match="utils ctl"):
        lists.ctl_signer(old)
    assert not lists.has_stand_in(b"no list")
