"""Cases decided by hand from phone-trust.md and forecast.md 5: the forecast and the phones must both agree.

Names: ``cm``, ``rec``, ``tvs``, ``capf`` are a cluster's certificates, with a 2 or 3 behind them those after it was
regenerated; ``o`` begins those of another cluster; ``t1`` to ``t4`` are tokens. The first SAST of a list signs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pytest

from mixedmode.cluster.model.versions import Version
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step, Tvs
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.config import parse_config
from mixedmode.phone.mind.fate.prospect import SAFE, Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.simulation.afterwards import _played
from tests.simulation.world import keys
from tests.simulation.world.handset import Handset
from tests.simulation.world.served import config_text

_VERSION = Version.parse("11.5.1.10000-6")
_PURPOSES = {"cm": Purpose.CALLMANAGER, "rec": Purpose.ITLRECOVERY, "tvs": Purpose.TVS, "capf": Purpose.CAPF}
FOLLOWS, TVS_HELPS, BEHIND, FROZEN, LOCKED_OUT, UNKNOWN = (
    Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS, Fate.BEHIND, Fate.FROZEN, Fate.LOCKED_OUT, Fate.UNKNOWN,
)  # fmt: skip


@cache
def certificate(name: str) -> Certificate:
    if name[0] == "t" and name[1:].isdigit():
        return keys.own("tokens", name, Purpose.CALLMANAGER, 0, _VERSION).certificate
    cluster, bare = ("b", name[1:]) if name.startswith("o") else ("a", name)
    node, bare = ("sub", bare[1:]) if bare.startswith("s") else ("pub", bare)
    purpose = next(each for each in _PURPOSES if bare.startswith(each))
    generation = int(bare.removeprefix(purpose) or 1) - 1
    return keys.own(cluster, f"{cluster}-{node}", _PURPOSES[purpose], generation, _VERSION).certificate


def _made(kind: str, sast: str, records: Sequence[tuple[Role, str]], *, empty: frozenset[Role] = frozenset()) -> bytes:
    specs = [RecordSpec(Role.SAST, certificate(each), dns_name=each) for each in sast.split()]
    for role, name in records:
        none = role in empty
        form = RecordForm.ADDRESS if none else RecordForm.FULL
        specs.append(RecordSpec(role, None if none else certificate(name), dns_name=name, form=form))
    signer = keys.remembering(certificate(sast.split(maxsplit=1)[0]))
    return build_trust_list(specs, signer, timestamp=1_500_000_000, filename=f"{kind}File.tlv")


@cache
def ctl(sast: str, servers: str = "cm", capf: str = "capf", *, non_secure: bool = False) -> TrustList:
    records = [(Role.CCM_TFTP, each) for each in servers.split()] + [(Role.CAPF, capf)]
    empty = frozenset({Role.CCM_TFTP}) if non_secure else frozenset[Role]()
    return TrustList.parse(_made("CTL", sast, records, empty=empty))


@cache
def itl(sast: str, server: str = "cm", tvs: str = "tvs", capf: str = "capf", *, blanked: bool = False) -> TrustList:
    records = [(Role.CCM_TFTP, server), *((Role.TVS, each) for each in tvs.split()), (Role.CAPF, capf)]
    empty = frozenset({Role.CCM_TFTP, Role.TVS}) if blanked else frozenset[Role]()
    return TrustList.parse(_made("ITL", sast, records, empty=empty))


@dataclass(frozen=True)
class Phone:
    """A phone and what must become of it; ``off``: in which steps, from 1."""

    must: Fate
    model: str = "8861"
    ctl: TrustList | None = None
    itl: TrustList | None = None
    mode: int = 1
    off: tuple[int, ...] = ()
    lsc: str = ""


@dataclass(frozen=True)
class Case:
    """A change and phones."""

    name: str
    steps: tuple[Step, ...]
    phones: tuple[Phone, ...]
    knows: dict[str, set[int]] = field(default_factory=dict)
    tvs: Tvs = Tvs.UP


def publish(*lists: TrustList, reset: bool = True, signer: str = "") -> Step:
    published = tuple(Published(ListKind(each.kind), each) for each in lists)
    return Step("publish", published, reset=reset, signer=certificate(signer) if signer else None)


ITL10, ITL12 = itl("cm rec"), itl("rec cm")
CTL1051, CTL10, CTL12 = ctl("cm"), ctl("cm rec"), ctl("rec cm")
TOKENS = ctl("t1 t2")
SIGNS, ALL = {0}, {0, 1, 2, 3, 4, 7, 21}
_OTHERS = (ctl("ocm", "ocm", "ocapf"), itl("ocm orec", "ocm", "otvs", "ocapf"))
_OTHERS12 = (ctl("orec ocm", "ocm", "ocapf"), itl("orec ocm", "ocm", "otvs", "ocapf"))

CASES = [
    Case("TVS alone is renewed", (publish(itl("cm rec", tvs="tvs2")),),
         (Phone(FOLLOWS, itl=ITL10), Phone(BEHIND, itl=ITL10, off=(1,)), Phone(FOLLOWS, "7940"))),
    Case("CallManager alone is renewed, before 12.0", (publish(itl("cm2 rec", "cm2")),),
         (Phone(TVS_HELPS, itl=ITL10), Phone(BEHIND, itl=ITL10, off=(1,)), Phone(FOLLOWS)), {"cm2": ALL}),
    Case("the same with TVS down: the recovery key is in both lists", (publish(itl("cm2 rec", "cm2")),),
         (Phone(BEHIND, itl=ITL10),), {"cm2": ALL}, Tvs.DOWN),
    Case("the same, TVS knows nobody", (publish(itl("cm2 rec", "cm2")),), (Phone(BEHIND, itl=ITL10),)),
    Case("CallManager alone is renewed, from 12.0: the recovery key signs", (publish(itl("rec cm2", "cm2")),),
         (Phone(FOLLOWS, itl=ITL12), Phone(FOLLOWS, itl=ITL10))),
    Case("ITLRecovery alone is renewed, from 12.0", (publish(itl("rec2 cm")),),
         (Phone(TVS_HELPS, itl=ITL12),), {"rec2": ALL}),
    Case("the same with TVS down: CallManager is in both", (publish(itl("rec2 cm")),),
         (Phone(BEHIND, itl=ITL12),), {"rec2": ALL}, Tvs.DOWN),
    Case("CallManager and ITLRecovery together, TVS as it was", (publish(itl("rec2 cm2", "cm2")),),
         (Phone(TVS_HELPS, itl=ITL12),), {"rec2": ALL, "cm2": ALL}),
    Case("the same with TVS down: it can be made to answer", (publish(itl("rec2 cm2", "cm2")),),
         (Phone(BEHIND, itl=ITL12),), {"rec2": ALL}, Tvs.DOWN),
    Case("all three together: A1", (publish(itl("rec2 cm2", "cm2", "tvs2")),),
         (Phone(FROZEN, itl=ITL12), Phone(FROZEN, itl=ITL10), Phone(FOLLOWS)), {"rec2": ALL, "cm2": ALL}),
    Case("one of two TVS certificates is left: it is enough", (publish(itl("cm2 rec", "cm2", "tvs2 stvs")),),
         (Phone(TVS_HELPS, itl=itl("cm rec", tvs="tvs stvs")), Phone(BEHIND, itl=ITL10)), {"cm2": ALL}),
    Case("CallManager, then TVS", (publish(itl("cm2 rec", "cm2")), publish(itl("cm2 rec", "cm2", "tvs2"))),
         (Phone(TVS_HELPS, itl=ITL10), Phone(BEHIND, itl=ITL10, off=(1,))), {"cm2": ALL}),
    Case("TVS, then CallManager, as the guide has it",
         (publish(itl("cm rec", tvs="tvs2")), publish(itl("cm2 rec", "cm2", "tvs2"))),
         (Phone(TVS_HELPS, itl=ITL10), Phone(BEHIND, itl=ITL10, off=(1,))), {"cm2": ALL}),
    Case("the same before 10.0: no recovery key",
         (publish(itl("cm", tvs="tvs2")), publish(itl("cm2", "cm2", "tvs2"))),
         (Phone(TVS_HELPS, itl=itl("cm")), Phone(FROZEN, itl=itl("cm"), off=(1,))), {"cm2": ALL}),
    Case("the same from 12.0: who was off follows by the recovery key",
         (publish(itl("rec cm", tvs="tvs2")), publish(itl("rec cm2", "cm2", "tvs2"))),
         (Phone(FOLLOWS, itl=ITL12), Phone(FOLLOWS, itl=ITL12, off=(1,)))),
    Case("CallManager twice, TVS knows the last one alone",
         (publish(itl("cm2 rec", "cm2")), publish(itl("cm3 rec", "cm3"))),
         (Phone(TVS_HELPS, itl=ITL10), Phone(TVS_HELPS, itl=ITL10, off=(1,))), {"cm3": ALL}),
    Case("CallManager twice with TVS down", (publish(itl("cm2 rec", "cm2")), publish(itl("cm3 rec", "cm3"))),
         (Phone(BEHIND, itl=ITL10),), {}, Tvs.DOWN),
    Case("ITLRecovery, bridged by reset localkey", (publish(itl("cm rec2")), publish(itl("rec2 cm"))),
         (Phone(FOLLOWS, itl=ITL12), Phone(BEHIND, itl=ITL12, off=(1,))), {}, Tvs.DOWN),
    Case("a rebuilt server that has its recovery key: remotekey", (publish(itl("rec cm2", "cm2", "tvs2")),),
         (Phone(FOLLOWS, itl=ITL10), Phone(FOLLOWS, itl=ITL12), Phone(FROZEN, itl=itl("cm")))),
    Case("CallManager and CTL in mixed mode, from 12.0",
         (publish(ctl("rec cm2", "cm2"), itl("rec cm2", "cm2")),),
         (Phone(FOLLOWS, ctl=CTL12, itl=ITL12, mode=3), Phone(FOLLOWS, "7940", CTL12, mode=3), Phone(FOLLOWS, mode=2))),
    Case("the same in 10.5(1): one anchor", (publish(ctl("cm2", "cm2"), itl("cm2 rec", "cm2")),),
         (Phone(TVS_HELPS, "7975", CTL1051, ITL10, 3), Phone(FROZEN, "7940", CTL1051),
          Phone(LOCKED_OUT, "7960", CTL1051, mode=3)), {"cm2": ALL}),
    Case("the same with TVS down", (publish(ctl("cm2", "cm2"), itl("cm2 rec", "cm2")),),
         (Phone(LOCKED_OUT, "7975", CTL1051, ITL10, 3), Phone(BEHIND, "7975", CTL1051, ITL10)), {"cm2": ALL}, Tvs.DOWN),
    Case("TVS gives the signer no right to lists: it vouches for files and servers alone",
         (publish(ctl("cm2", "cm2"), itl("cm2 rec", "cm2")),),
         (Phone(BEHIND, "7975", CTL1051, ITL10, 3),), {"cm2": {2}}),
    Case("CAPF is renewed without the CTL: the held CTL still names it", (publish(itl("rec cm", capf="capf2")),),
         (Phone(FOLLOWS, ctl=CTL12, itl=ITL12, mode=3, lsc="capf"),)),
    Case("CAPF is renewed with the CTL", (publish(ctl("rec cm", capf="capf2"), itl("rec cm", capf="capf2")),),
         (Phone(LOCKED_OUT, ctl=CTL12, itl=ITL12, mode=3, lsc="capf"), Phone(FOLLOWS, ctl=CTL12, itl=ITL12, mode=3),
          Phone(FOLLOWS, ctl=CTL12, itl=ITL12, lsc="capf"),
          Phone(FOLLOWS, ctl=CTL12, itl=ITL12, mode=3, lsc="capf2"))),
    Case("mixed mode for the first time, from 12.0", (publish(CTL12),),
         (Phone(FOLLOWS, itl=ITL12, mode=3), Phone(FOLLOWS, "7940"), Phone(FOLLOWS, itl=ITL10))),
    Case("back to non-secure", (publish(ctl("rec cm", non_secure=True), signer="cm"),),
         (Phone(FOLLOWS, ctl=CTL12, itl=ITL12, mode=3), Phone(FOLLOWS, "7940", CTL12, mode=3),
          Phone(LOCKED_OUT, "7940", TOKENS, mode=3), Phone(FROZEN, "7940", TOKENS))),
    Case("tokens to tokenless: the ITL names the new signer", (publish(CTL1051),),
         (Phone(FOLLOWS, "7975", TOKENS, ITL10, 3), Phone(FROZEN, "7960", TOKENS, mode=3),
          Phone(FROZEN, "7960", TOKENS))),
    Case("all tokens are lost", (publish(ctl("t3 t4")),),
         (Phone(TVS_HELPS, "7975", TOKENS, ITL10), Phone(FROZEN, "7940", TOKENS), Phone(FOLLOWS, "7940")),
         {"t3": SIGNS}),
    Case("all tokens are lost, and nobody uploaded the new ones", (publish(ctl("t3 t4")),),
         (Phone(BEHIND, "7975", TOKENS, ITL10, 3), Phone(FROZEN, "7940", TOKENS, mode=3))),
    Case("one token is lost", (publish(ctl("t2 t3")),),
         (Phone(FOLLOWS, "7940", TOKENS, mode=3), Phone(FOLLOWS, "7975", TOKENS, ITL10))),
    Case("tokenless to tokens in 11.5: both kinds of anchors stand in the list", (publish(ctl("t1 t2 rec cm")),),
         (Phone(BEHIND, "7940", CTL10, mode=3), Phone(FROZEN, "7940", ctl("cm3")))),
    Case("the first CTL of a token that nobody knows: not known (row 5)", (publish(TOKENS),),
         (Phone(UNKNOWN, "7975", itl=ITL10), Phone(FOLLOWS, "7940"), Phone(FOLLOWS, "7975"))),
    Case("rollback flag in a non-secure cluster, then another cluster",
         (publish(itl("cm rec", blanked=True)), publish(_OTHERS[1])),
         (Phone(FOLLOWS, itl=ITL10), Phone(FROZEN, itl=ITL10, off=(1,)), Phone(FOLLOWS))),
    Case("the same with the old TVS still there", (publish(itl("cm rec", blanked=True)), publish(_OTHERS[1])),
         (Phone(FOLLOWS, itl=ITL10), Phone(BEHIND, itl=ITL10, off=(1,))), {}, Tvs.OLD),
    Case("rollback flag between secure clusters", (publish(itl("cm rec", blanked=True)), publish(*_OTHERS)),
         (Phone(FROZEN, ctl=CTL10, itl=ITL10), Phone(LOCKED_OUT, ctl=CTL10, itl=ITL10, mode=3)), {"ocm": ALL}, Tvs.OLD),
    Case("a blanked ITL alone and a first CTL", (publish(_OTHERS[0]),),
         (Phone(FROZEN, itl=itl("cm rec", blanked=True)), Phone(FOLLOWS, itl=itl("ocm orec", blanked=True))),
         {"ocm": ALL}),
    Case("to another cluster with its certificate in Phone-SAST-trust", (publish(*_OTHERS),),
         (Phone(TVS_HELPS, ctl=CTL10, itl=ITL10, mode=3), Phone(UNKNOWN, itl=ITL10),
          Phone(LOCKED_OUT, "7960", CTL10, mode=3)), {"ocm": SIGNS}, Tvs.OLD),
    Case("to another cluster from 12.0 on, its ITLRecovery forgotten", (publish(*_OTHERS12),),
         (Phone(LOCKED_OUT, ctl=CTL12, itl=ITL12, mode=3), Phone(BEHIND, ctl=CTL12, itl=ITL12)),
         {"ocm": {0, 3}}, Tvs.OLD),
    Case("option 150 was changed, and that was all", (publish(*_OTHERS),),
         (Phone(FROZEN, ctl=CTL10, itl=ITL10), Phone(LOCKED_OUT, ctl=CTL10, itl=ITL10, mode=3), Phone(FOLLOWS),
          Phone(FROZEN, "7940", CTL10))),
    Case("there and back again without the certificates taken back", (publish(*_OTHERS), publish(CTL10, ITL10)),
         (Phone(BEHIND, ctl=CTL10, itl=ITL10), Phone(FOLLOWS, ctl=CTL10, itl=ITL10, off=(1,))), {"ocm": ALL}, Tvs.OLD),
    Case("two TFTP servers out of step, before 12.0", (publish(itl("cm2 rec", "cm2")), publish(ITL10)),
         (Phone(BEHIND, itl=ITL10), Phone(FOLLOWS, itl=ITL10, off=(1,))), {"cm2": ALL}),
    Case("two TFTP servers out of step, from 12.0", (publish(itl("rec cm2", "cm2")), publish(ITL12)),
         (Phone(FOLLOWS, itl=ITL12),)),
    Case("nobody restarts the phones", (publish(ctl("rec cm2", "cm2"), itl("rec cm2", "cm2"), reset=False),),
         (Phone(LOCKED_OUT, ctl=CTL12, itl=ITL12, mode=3), Phone(BEHIND, ctl=CTL12, itl=ITL12))),
    Case("they are restarted at the next step",
         (publish(ctl("rec cm2", "cm2"), itl("rec cm2", "cm2"), reset=False), publish()),
         (Phone(FOLLOWS, ctl=CTL12, itl=ITL12, mode=3), Phone(FOLLOWS, "7940", CTL12, mode=3))),
    Case("both lists name the other's new signer: one more restart",
         (publish(ctl("cm2", "cm2"), itl("cm cm2", "cm2")),),
         (Phone(BEHIND, "7975", CTL10, ITL10), Phone(LOCKED_OUT, "7960", CTL10, mode=3)), {}, Tvs.DOWN),
    Case("models that ask for no ITL", (publish(itl("rec2 cm2", "cm2", "tvs2")),),
         (Phone(FOLLOWS, "7940", CTL10), Phone(FOLLOWS, "6901"), Phone(FROZEN, "8945", itl=ITL10))),
    Case("a model of which Security by Default is not known", (publish(ctl("cm2", "cm2")),),
         (Phone(UNKNOWN, "7931", CTL10, ITL10), Phone(FOLLOWS, "7931")), {"cm2": ALL}),
]  # fmt: skip


def plan_of(case: Case) -> Plan:
    vouched = tuple((certificate(name), frozenset(roles)) for name, roles in case.knows.items())
    return Plan(case.steps, case.tvs, Vouched(vouched))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_forecast_and_phones_say_what_was_decided(case: Case) -> None:
    plan = plan_of(case)
    forecaster = Forecaster(plan)
    for number, phone in enumerate(case.phones):
        model = get_model(phone.model)
        absences = tuple(each in phone.off for each in range(1, len(case.steps) + 1)) if phone.off else ()
        lsc = certificate(phone.lsc).subject if phone.lsc else None
        found = forecaster.of(PhoneKind(model, phone.model, phone.ctl, phone.itl, phone.mode, lsc), absences)
        chain = "\n".join(map(str, found.chain))
        assert found.outcome is phone.must, f"phone {number + 1} ({phone.model}):\n{chain}"
        if found.outcome is Fate.UNKNOWN:
            continue
        content = config_text(("tvs",), "callmanager", phone.mode, "SIP" if model.sip_only else "SCCP")
        config = parse_config(content)
        trust = TrustState(phone.ctl, phone.itl if model.asks_itl else None, config.tvs)
        name = f"SEP0022000000{number:02X}"
        handset = Handset(
            name, model, phone.mode, PhoneState(trust).with_config(f"{name}.cnf.xml", content, config), lsc
        )
        away = replace(plan, steps=tuple(
            replace(step, off=replace(step.off, names=frozenset({name} if absent else ())))
            for step, absent in zip(plan.steps, absences or (False,) * len(plan.steps), strict=True)
        ))  # fmt: skip
        registers, took = _played(handset, away, keys.BEGIN)
        assert registers is (found.outcome is not Fate.LOCKED_OUT) or phone.off or not case.steps[-1].reset, chain
        if found.outcome is not Fate.LOCKED_OUT and not phone.off and case.steps[-1].reset:
            assert took is (found.outcome in SAFE), chain


def test_half_of_a_move_is_named() -> None:
    """Field notes A2: CallManager-trust alone lets the configuration in, with the new TVS, and the ITL not."""
    vouched = Vouched(((certificate("ocm"), frozenset({3})),))
    forecaster = Forecaster(Plan((publish(_OTHERS[1]),), Tvs.OLD, vouched))
    found = forecaster.of(PhoneKind(get_model("8861"), "8861", None, ITL10))
    assert found.outcome is BEHIND
    assert any("takes the configuration by TVS, but not the ITL" in each for each in found.notes)
    whole = Forecaster(Plan((publish(_OTHERS[1]),), Tvs.OLD, Vouched(((certificate("ocm"), frozenset({0, 3})),))))
    assert whole.of(PhoneKind(get_model("8861"), "8861", None, ITL10)).notes == ()
