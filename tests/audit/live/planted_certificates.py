"""Faults of certificates, and of lists beside them (C1 to C11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mixedmode.live.observed import Observation, ParameterSeen, Source
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.profiles import KeyKind, Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordSpec
from mixedmode.trustlist.roles import Role
from tests.audit.live.faults import CALLMANAGER, CAPF, RECOVERY, TVS, fault
from tests.audit.live.world import (
    MADE,
    NOW,
    PUB,
    SUB,
    VERSIONS,
    World,
    emptied,
    lists_alone,
    seen,
    with_file,
    with_phone,
)
from tests.cluster.tokens import ONE, TWO


def itl_with(world: World, node: str, *records: RecordSpec, without: Role | None = None) -> Observation:
    kept = [each for each in world.itl_records(node) if each.role is not without]
    return with_file(
        world.look(), node, "ITLFile.tlv", world.built([*kept, *records], world.signs(node), "ITLFile.tlv")
    )


def token_ctl(version: str, *tokens: Any) -> Observation:
    world = World(version)
    records = [*(RecordSpec(Role.SAST, each.certificate) for each in tokens), *world.ctl_records()]
    data = world.built(records, tokens[0], "CTLFile.tlv")
    return with_file(with_file(world.look(), PUB, "CTLFile.tlv", data), SUB, "CTLFile.tlv", data)


@fault("C1/cucm-sub1/TVS")
def tvs_has_ended() -> Observation:
    world = World()
    old = world.make(SUB, TVS, made=NOW - timedelta(days=5 * 366 + 3))
    world.renew(SUB, TVS, old, lists=True, store=True)
    return world.look()


@fault("C1/cucm-pub/ITLRecovery")
def recovery_ends_within_days() -> Observation:
    world = World()
    old = world.make(PUB, RECOVERY, made=NOW - timedelta(days=5 * 365 + 1 - 10), years=5)
    world.renew(PUB, RECOVERY, old, lists=True, store=True)
    return lists_alone(world.look())


@fault("C1/cucm-pub/tomcat")
def tomcat_is_not_valid_yet() -> Observation:
    world = World()
    world.renew(
        PUB, Purpose.TOMCAT, world.make(PUB, Purpose.TOMCAT, made=NOW + timedelta(days=1)), lists=True, store=True
    )
    return world.look()


@fault("C2/away")
def phone_was_away_while_all_was_renewed() -> Observation:
    before = str(int((MADE - timedelta(days=9)).timestamp()))
    return with_phone(World().look(), status="UnRegistered", last_seen=before)


@fault("C3/CTL/cucm-sub1/CallManager", "C3/ITL/cucm-sub1/cucm-sub1/CallManager")
def callmanager_renewed_without_lists() -> Observation:
    world = World()
    world.renew(SUB, CALLMANAGER, lists=False, store=True)
    return world.look()


@fault("C3/CTL/cucm-pub/CAPF")
def capf_renewed_without_ctl() -> Observation:
    world = World()
    old = world.ctl()
    world.renew(PUB, CAPF, lists=True, store=True)
    found = with_file(world.look(), PUB, "CTLFile.tlv", old)
    return with_file(found, SUB, "CTLFile.tlv", old)


@fault("C3/ITL/cucm-pub/cucm-sub1/TVS")
def tvs_renewed_without_itl() -> Observation:
    world = World()
    world.renew(SUB, TVS, lists=False, store=True)
    return world.look()


@fault("C3/shown/cucm-pub/port-2445")
def tvs_not_restarted_shows_the_old_one() -> Observation:
    world = World()
    world.shown[PUB, "TVS"] = world.make(PUB, TVS)
    return world.look()


@fault("C4/parameter")
def rollback_parameter() -> Observation:
    found = World().look()
    named = ParameterSeen("Prepare Cluster for Rollback to pre 8.0", "t", seen(Source.AXL))
    return replace(found, parameters=(found.parameters[0], named))


@fault("C4/cucm-sub1")
def blank_itl() -> Observation:
    world = World()
    records = [emptied(each) if each.role in {Role.CCM_TFTP, Role.TVS} else each for each in world.itl_records(SUB)]
    data = world.built(records, world.signs(SUB), "ITLFile.tlv")
    return lists_alone(with_file(world.look(), SUB, "ITLFile.tlv", data))


@fault("C5/cucm-sub1")
def another_ctl_on_a_node() -> Observation:
    world = World()
    data = world.built(reversed(world.ctl_records()), world.signs(PUB), "CTLFile.tlv")
    return lists_alone(with_file(world.look(), SUB, "CTLFile.tlv", data))


@fault("C5/cucm-sub1")
def no_ctl_on_a_node() -> Observation:
    return lists_alone(with_file(World().look(), SUB, "CTLFile.tlv", None))


@fault("C5/signer")
def ctl_signed_by_callmanager() -> Observation:
    world = World(VERSIONS["12.5"])
    data = world.built(world.ctl_records(), world.listed[PUB, "CallManager"], "CTLFile.tlv")
    return with_file(with_file(world.look(), PUB, "CTLFile.tlv", data), SUB, "CTLFile.tlv", data)


@fault("C6/CTL")
def token_signed_on_14su3() -> Observation:
    return token_ctl(VERSIONS["14"], ONE, TWO)


@fault("C7/cucm-pub/TVS")
def small_key() -> Observation:
    world = World()
    world.renew(PUB, TVS, world.make(PUB, TVS, kind=KeyKind.RSA_1024), lists=True, store=True)
    return lists_alone(world.look())


@fault("C7/cucm-sub1/CallManager")
def sha1_under_a_certificate() -> Observation:
    world = World()
    world.renew(SUB, CALLMANAGER, world.make(SUB, CALLMANAGER, hash=Hash.SHA1), lists=True, store=True)
    return world.look()


@fault("C7/LSC")
def lsc_of_1024_bits() -> Observation:
    return with_phone(World().look(), lsc_key_bits="1024")


@fault("C8/cucm-sub1")
def large_key_and_an_old_model() -> Observation:
    world = World()
    world.renew(SUB, CALLMANAGER, world.make(SUB, CALLMANAGER, kind=KeyKind.RSA_4096), lists=True, store=True)
    return with_phone(world.look(), model="Cisco 7975")


@fault("C9/SHA-512")
def sha512_and_a_7921() -> Observation:
    return with_phone(World(digest=DigestAlgorithm.SHA512).look(), model="Cisco 7921", security_mode="Non Secure")


@fault("C10/ITL/cucm-pub")
def too_many_certificates() -> Observation:
    world = World()
    small = [world.make(f"old{n}", TVS, kind=KeyKind.RSA_1024).certificate for n in range(35)]
    more = [RecordSpec(Role.TVS, each, f"old{n}") for n, each in enumerate(small)]
    return itl_with(world, PUB, *more)


@fault("C11/cucm-pub/tomcat")
def names_without_the_node() -> Observation:
    world = World()
    world.renew(PUB, Purpose.TOMCAT, world.make(PUB, Purpose.TOMCAT, names=("old-pub",)), lists=True, store=True)
    return world.look()


@fault("C11/tomcat")
def multi_server_with_a_node_that_is_gone() -> Observation:
    world = World()
    both = world.make(PUB, Purpose.TOMCAT, common_name="cucm-ms", names=(PUB, SUB, "cucm-sub9", "cucm-ms"))
    for node in (PUB, SUB):
        world.renew(node, Purpose.TOMCAT, both, lists=True, store=True)
    return world.look()


@fault("C11/cucm-sub1/tomcat")
def wildcard() -> Observation:
    world = World()
    star = world.make(SUB, Purpose.TOMCAT, names=(SUB, "*.example.net"))
    world.renew(SUB, Purpose.TOMCAT, star, lists=True, store=True)
    return world.look()
