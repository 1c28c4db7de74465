"""What a forecast knows of TVS in clusters of another version, and of other nodes, than before."""

from __future__ import annotations

from pathlib import Path

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.nodes import RemoveNode
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.faces.web.standing.world import World
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import TvsQuestion
from mixedmode.protocols.tvs import QueryRequest
from mixedmode.services.tvs.lookup import TrustLookup, read_all
from mixedmode.services.tvs.sources import CtlCache, DatabaseCache
from mixedmode.trustlist.identity import list_identity
from mixedmode.trustlist.kinds import CTL_FILE
from tests.cluster.building import MIXED, PUB, SUB, itl_of, joining, make

Said = dict[str, tuple[list[int], list[int]]]


def said(cluster: Cluster) -> Said:
    """What the forecast has TVS say, and what TVS says, of every certificate that there ever was: its roles."""
    vouched = foreseen_step("now", outlook(cluster), None).vouched
    assert vouched is not None
    ctl = CtlCache()
    ctl.load(cluster.folder(PUB).read(CTL_FILE))
    tvs = TrustLookup([DatabaseCache(cluster), ctl])
    found: Said = {}
    for stored in (*cluster.certificates.list_own(inactive=True), *cluster.certificates.list_trust()):
        subject, issuer, serial = list_identity(stored.certificate)
        question = TvsQuestion(subject, issuer, bytes.fromhex(serial))
        request = QueryRequest(1, "CP-7975-SEP000000000000", subject, issuer, question.serial)
        read_all(tvs.unread(request))
        answer = tvs.answer(request)[0]
        roles = vouched(question).roles
        found[f"{stored.unit} {stored.node} {serial}"] = sorted(roles), sorted(answer.roles or ())
    return found


def see_phones_in_step(cluster: Cluster) -> None:
    """Each node's phones hold the newest list that there is for them."""
    world = World(cluster)
    itls = {node: itl_of(cluster, node) for node in (PUB, SUB)}
    assert world.offered == {"ITL": {each.sha256 for each in itls.values()}}
    assert world.published == {"ITL": itls[PUB].sha256}
    for itl in itls.values():
        assert world.state(PhoneKind(get_model("7975"), "7975", None, itl)).outcome is Fate.FOLLOWS


def test_tvs_vouches_for_what_only_the_other_version_has_as_it_does_for_all_else(tmp_path: Path) -> None:
    """From 12.5 on a subscriber has no ITLRecovery of its own, from 14 on no CAPF; TVS knows both all the same."""
    cluster = make(tmp_path / "cluster", "11.0.1.10000-10")
    try:
        before = said(cluster)
        see_phones_in_step(cluster)
        cluster.run(MIXED)
        cluster.run(Upgrade("14.0.1.10000-20"))
        cluster.run(SwitchVersion())
        after = said(cluster)
        assert outlook(cluster).hidden.keys() == {(SUB, "ITLRecovery"), (SUB, "CAPF")}
        cluster.run(joining(cluster, "sub2", "10.48.47.155"))
        cluster.run(RemoveNode(SUB))
        for each in (before, after, said(cluster)):
            assert {name: forecast for name, (forecast, _) in each.items()} == {
                name: tvs for name, (_, tvs) in each.items()
            }
    finally:
        cluster.close()
