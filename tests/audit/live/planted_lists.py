"""Faults of lists by themselves (L)."""

from __future__ import annotations

from dataclasses import replace

from mixedmode.live.observed import Observation
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.trustlist.roles import Role
from tests.audit.live.faults import CALLMANAGER, RECOVERY, fault
from tests.audit.live.planted_certificates import token_ctl
from tests.audit.live.world import (
    PUB,
    SUB,
    VERSIONS,
    World,
    lists_alone,
    with_file,
)
from tests.cluster.tokens import ONE


@fault("L1/ITL/cucm-sub1")
def half_a_list() -> Observation:
    world = World()
    return lists_alone(with_file(world.look(), SUB, "ITLFile.tlv", world.itl(SUB)[:-100]))


@fault("L2/ITL/cucm-sub1")
def changed_list() -> Observation:
    world = World()
    data = bytearray(world.itl(SUB))
    data[-10] ^= 1
    return lists_alone(with_file(world.look(), SUB, "ITLFile.tlv", bytes(data)))


@fault("L4/cucm-sub1")
def no_itl() -> Observation:
    return lists_alone(with_file(World().look(), SUB, "ITLFile.tlv", None))


@fault("L5/mixed")
def mixed_without_ctl() -> Observation:
    found = World().look()
    return with_file(with_file(found, PUB, "CTLFile.tlv", None), SUB, "CTLFile.tlv", None)


@fault("L5/non-secure")
def non_secure_with_ctl() -> Observation:
    found = World().look()
    return replace(found, parameters=(replace(found.parameters[0], value="0"), *found.parameters[1:]))


@fault("L6/cucm-sub1")
def itl_without_recovery() -> Observation:
    world = World(VERSIONS["11.5"])
    recovery = world.listed[PUB, "ITLRecovery"].certificate
    records = [each for each in world.itl_records(SUB) if each.certificate != recovery]
    return with_file(world.look(), SUB, "ITLFile.tlv", world.built(records, world.signs(SUB), "ITLFile.tlv"))


@fault("L7/ITLRECOVERY_cucm-pub")
def small_recovery_key() -> Observation:
    world = World(VERSIONS["11.5"])
    world.renew(PUB, RECOVERY, world.make(PUB, RECOVERY, kind=KeyKind.RSA_1024), lists=True, store=True)
    return lists_alone(world.look())


@fault("L8/cucm-sub1/CallManager")
def ctl_and_itl_differ() -> Observation:
    world = World()
    ctl = world.ctl()
    world.renew(SUB, CALLMANAGER, lists=True, store=True)
    found = with_file(with_file(world.look(), PUB, "CTLFile.tlv", ctl), SUB, "CTLFile.tlv", ctl)
    return lists_alone(found)


@fault("L9/cucm-sub1/XMLDefault.cnf.xml.sgn")
def configuration_of_another_signer() -> Observation:
    world = World()
    return lists_alone(
        with_file(world.look(), SUB, "XMLDefault.cnf.xml.sgn", world.default(SUB, world.make(SUB, CALLMANAGER)))
    )


@fault("L10/CTL")
def one_token_alone() -> Observation:
    return token_ctl(VERSIONS["10.5"], ONE)


@fault("L11/CTL")
def tvs_in_the_ctl() -> Observation:
    world = World()
    data = world.built([*world.ctl_records(), world.record(Role.TVS, PUB, "TVS")], world.signs(PUB), "CTLFile.tlv")
    return with_file(with_file(world.look(), PUB, "CTLFile.tlv", data), SUB, "CTLFile.tlv", data)


@fault("L12/cucm-sub1")
def another_nodes_itl() -> Observation:
    world = World()
    return lists_alone(with_file(world.look(), SUB, "ITLFile.tlv", world.itl(PUB)))
