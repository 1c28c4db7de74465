"""The column ``tvs_servers``: whom a phone's configuration names, and what that means for whom it asks."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.forecast.evaluation import Forecast, Forecaster
from mixedmode.forecast.plan import Plan, Step, Tvs
from mixedmode.inventory.cells import Cells, tvs_hosts_of
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from mixedmode.live.document import write_document
from mixedmode.live.provisioned import GroupSeen, PoolSeen
from mixedmode.phone.mind.fate.hosts import names_host, same_host
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.forecast.test_settled_points import KNOWS_NEW, NEW_CTL, NEW_ITL, OLD_ITL, SECURE, step
from tests.live.test_document import AXL, observation, phone
from tests.phone.site import ctl, identity

HEAD = "name,model,ctl,itl,tvs_servers\n"
ROW = "SEP000000000001,8841,none,none,{}\n"
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9](\.[a-z]{2,5}){0,2}", fullmatch=True)
HOSTS = st.one_of(NAMES, st.ip_addresses().map(str))


def read(data: str) -> list[PhoneKind]:
    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")))
    return [kind for _, kind, _ in inventory.rows(io.BytesIO(data.encode()))]


@given(st.lists(HOSTS, min_size=1, max_size=8), st.sampled_from([" ", "  ", "|", " | ", "; "]))
def test_hosts_are_read_whatever_stands_between_them(hosts: list[str], between: str) -> None:
    said = tvs_hosts_of(between.join(hosts))
    assert said == tuple(sorted(set(hosts)))
    assert tvs_hosts_of(" ".join(said)) == said
    assert tvs_hosts_of(between.join(map(str.upper, hosts)) + between) == said


@given(st.text(max_size=40))
def test_any_text_is_hosts_or_is_refused(text: str) -> None:
    try:
        said = tvs_hosts_of(text)
    except UsageError:
        return
    assert said is None or tvs_hosts_of(" ".join(said) or "none") == said


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", None),
        ("none", ()),
        ("NONE", ()),
        ("pub", ("pub",)),
        ("b. A", ("a", "b")),
        ("[2001:DB8::1]", ("2001:db8::1",)),
    ],
)
def test_csv_and_json_say_the_same(cell: str, said: tuple[str, ...] | None) -> None:
    row = {"name": "SEP000000000001", "model": "8841", "ctl": "none", "itl": "none", "tvs_servers": cell}
    (one,), (two,), (three,) = read(HEAD + ROW.format(cell)), read(json.dumps([row])), read(json.dumps(row))
    assert one == two == three
    assert one.tvs_servers == said


def test_without_the_column_all_is_as_before() -> None:
    (kind,) = read("name,model,ctl,itl\nSEP000000000001,8841,none,none\n")
    assert kind == PhoneKind(get_model("8841"), "8841", None, None)
    assert [kind] == read(HEAD + ROW.format(""))


@pytest.mark.parametrize(
    "cell",
    [
        "10.1.2",
        "10.1.2.300",
        "pub:2445",
        "-pub",
        "a/b",
        "1::2::3",
        "m\u00fcnchen",
        "a" * 300,
        " ".join(map(str, range(99))),
    ],
)
def test_what_is_no_host_is_named_with_row_and_column(cell: str) -> None:
    for data in (HEAD + ROW.format("pub") + ROW.format(cell).replace("001,", "002,"),):
        with pytest.raises(MixedModeError, match="row 2, column tvs_servers") as error:
            read(data)
        assert error.value.exit_code == 2
        assert len(str(error.value)) < 400


def _record(dns_name: str, certificate: str, address: str | None = None) -> TrustList:
    specs = [
        RecordSpec(Role.SAST, identity("callmanager").certificate, dns_name="callmanager"),
        RecordSpec(Role.TVS, identity(certificate).certificate, dns_name=dns_name, ip_address=address),
    ]
    data = build_trust_list(specs, identity("callmanager"), timestamp=0, filename="ITLFile.tlv")
    return TrustList.parse(data)


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("pub", True),
        ("PUB.example.net", True),
        ("pub.example.org", False),
        ("pub2", False),
        ("tvs", True),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
    ],
)
def test_a_record_names_its_host_by_name_common_name_or_address(host: str, names: bool) -> None:
    record = _record("pub.example.net", "tvs", "192.0.2.1").record(2)
    assert names_host(record, host) is names
    assert names_host(_record("pub.example.net", "tvs").record(2), "192.0.2.1") is None, "nothing to compare it with"
    assert not same_host("", "")


def _foreseen(itl: TrustList, *servers: str, told: bool = True, mode: int = 1, tvs: Tvs = Tvs.OLD) -> Forecast:
    """What becomes of a phone whose lists do not name the signer of the new ones; the old TVS would vouch."""
    kind = PhoneKind(get_model("8841"), "8841", ctl("callmanager"), itl, mode)
    kind = replace(kind, tvs_servers=servers if told else None)
    plan = Plan((_move(),), tvs, KNOWS_NEW)
    return Forecaster(plan).of(kind)


def _move() -> Step:
    return replace(step(NEW_CTL, NEW_ITL), signer=identity("new-callmanager").certificate)


def test_a_phone_after_half_a_move_asks_nobody() -> None:
    """The configuration of one cluster, the ITL of the other: without the column it looks as one that is whole."""
    half = partial(_foreseen, OLD_ITL, "elsewhere.example.net", "192.0.2.9")
    assert _foreseen(OLD_ITL, told=False).outcome is Fate.FOLLOWS_BY_TVS
    assert _foreseen(OLD_ITL, "tvs.example.net").outcome is Fate.FOLLOWS_BY_TVS
    assert half().outcome is Fate.FROZEN
    taken = Forecaster(Plan((step(NEW_CTL, NEW_ITL),), Tvs.OLD, KNOWS_NEW)).of(half().kind)
    assert taken.outcome is Fate.BEHIND, "it takes the configuration, which names servers that its ITL names"
    assert half(mode=SECURE).outcome is Fate.LOCKED_OUT
    assert any("its ITL names none of the TVS servers" in note for note in half().notes)
    nobody = _foreseen(OLD_ITL)
    assert nobody.outcome is Fate.FROZEN
    assert any("names no TVS server" in note for note in nobody.notes)


def test_addresses_say_nothing_of_an_itl_that_has_none() -> None:
    assert _foreseen(OLD_ITL, "192.0.2.9").outcome is Fate.FOLLOWS_BY_TVS
    with_address = _record("tvs", "tvs", "192.0.2.1")
    assert _foreseen(with_address, "192.0.2.1").outcome is _foreseen(with_address, told=False).outcome
    assert _foreseen(with_address, "192.0.2.9").outcome is Fate.FROZEN


def test_legacy_phones_ask_nobody_anyway() -> None:
    kind = PhoneKind(get_model("7940"), "7940", ctl("callmanager"), None, SECURE)
    forecaster = Forecaster(Plan((_move(),), Tvs.OLD, KNOWS_NEW))
    one, two = forecaster.of(kind), forecaster.of(replace(kind, tvs_servers=("elsewhere",)))
    assert (one.outcome, one.prospect) == (two.outcome, two.prospect)


def test_a_collected_inventory_tells_it_of_phones_that_are_registered() -> None:
    here = phone("SEP000000000001", model="8841", ctl="none", itl="none", pool="P", status="Registered")
    away = phone("SEP000000000002", model="8841", ctl="none", itl="none", pool="P", status="UnRegistered")
    odd = phone("SEP000000000003", model="8841", ctl="none", itl="none", pool="O", status="Registered")
    none = phone("SEP000000000004", model="8841", ctl="none", itl="none", pool="?", status="Registered")
    groups = (GroupSeen("G", ("pub", "sub9"), AXL), GroupSeen("H", ("not a host", "1.2.3"), AXL))
    pools = (PoolSeen("P", "G", AXL), PoolSeen("O", "H", AXL))
    seen = replace(observation(here, away, odd, none), groups=groups, pools=pools, files=())
    said = [kind.tvs_servers for kind in read("".join(write_document(seen)))]
    assert said == [("192.0.2.10", "pub", "sub9"), None, None, None]
