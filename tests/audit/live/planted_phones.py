"""Faults of phones, stores and nodes (C12 to C19, P, S)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mixedmode.live.observed import CertificateSeen, Observation, Source
from mixedmode.live.provisioned import CounterSeen
from mixedmode.trustlist.roles import Role
from tests.audit.live.faults import CALLMANAGER, TVS, fault
from tests.audit.live.world import (
    MADE,
    NOW,
    PUB,
    SUB,
    VERSIONS,
    World,
    der,
    lists_alone,
    phone,
    seen,
    trusted,
    with_file,
    with_phone,
)


@fault("C12/unknown")
def phone_with_a_foreign_itl() -> Observation:
    return with_phone(World().look(), itl="ab" * 20)


@fault("C12/mismatch")
def cluster_says_mismatch() -> Observation:
    return with_phone(World().look(), itl_file_status="Mismatch")


@fault("C12/none")
def phone_without_itl() -> Observation:
    return with_phone(World().look(), itl="none")


@fault("C13/none")
def encrypted_without_certificate() -> Observation:
    return with_phone(World().look(), has_certificate="f", lsc_until="0")


@fault("C13/ended")
def lsc_has_ended() -> Observation:
    return with_phone(World().look(), lsc_until=str(int((NOW - timedelta(days=2)).timestamp())))


@fault("C13/issuer")
def capf_was_replaced() -> Observation:
    return with_phone(World().look(), lsc_issuer="CN=CAPF-deadbeef;OU=TAC;O=Cisco")


@fault("C14/encrypted")
def jabber_in_an_encrypted_profile() -> Observation:
    return with_phone(World().look(), model="Cisco Unified Client Services Framework")


@fault("C15/CallManager-trust/ended")
def expired_trust() -> Observation:
    world = World()
    ended = der(world.make("old", CALLMANAGER, made=MADE.replace(year=2010)))
    old = CertificateSeen("", "CallManager-trust", ended, seen(Source.AXL))
    return trusted(world.look(), old, *(replace(old, node=node, seen=seen(Source.REST, node)) for node in (PUB, SUB)))


@fault("C15/tomcat-trust/twice")
def double_trust() -> Observation:
    found = World().look()
    return trusted(found, next(each for each in found.certificates if each.unit == "tomcat-trust" and each.node == SUB))


@fault("C16/cucm-sub1/CallManager-trust")
def trust_that_did_not_arrive() -> Observation:
    world = World()
    late = CertificateSeen("", "CallManager-trust", der(world.make("cube", CALLMANAGER)), seen(Source.AXL, PUB))
    return trusted(world.look(), late, replace(late, node=PUB, seen=seen(Source.REST, PUB)))


@fault("C16/replication")
def no_replication() -> Observation:
    return replace(World().look(), replication_ok=False)


@fault("C17/cucm-sub1")
def wrong_clock() -> Observation:
    found = World().look()
    return replace(found, nodes=(found.nodes[0], replace(found.nodes[1], clock_offset=-601.0)))


@fault("C18/cucm-pub/Cisco-Trust-Verification-Service")
def tvs_started_before_its_certificate() -> Observation:
    world = World(VERSIONS["11.5"])
    world.renew(PUB, TVS, world.make(PUB, TVS, made=NOW - timedelta(days=1)), lists=True, store=True)
    return world.look()


@fault("C19/cucm-pub")
def list_of_phones_for_anybody() -> Observation:
    return lists_alone(with_file(World().look(), PUB, "ConfigFileCacheList.txt", b"SEP00005E005301.cnf.xml 1 2\n"))


@fault("P1/8")
def phone_refused_a_list() -> Observation:
    return with_phone(World().look(), tl_status="8")


@fault("P2/unknown")
def phone_with_a_foreign_ctl() -> Observation:
    return with_phone(World().look(), ctl="cd" * 20)


@fault("P3/configuration")
def web_access_as_before() -> Observation:
    return with_phone(World().look(), httpd="Yes", web_access="disabled")


@fault("P4/Upgrade-Failed:-Invalid-LSC")
def certificate_operation_failed() -> Observation:
    return with_phone(World().look(), certificate_status="Upgrade Failed: Invalid LSC")


@fault("S1/cucm-sub1/Cisco-Tftp")
def tftp_is_stopped() -> Observation:
    found = World().look()
    services = (
        replace(each, status="Stopped") if (each.node, each.name) == (SUB, "Cisco Tftp") else each
        for each in found.services
    )
    return replace(found, services=tuple(services))


@fault("P5/sources")
def two_sources_differ() -> Observation:
    found = World().look()
    one = found.phones[0]
    other = replace(one.values["itl"][0], text="ab" * 20, seen=seen(Source.PAGE, at=NOW - timedelta(minutes=1)))
    values = {**one.values, "itl": (one.values["itl"][0], other)}
    return replace(found, phones=(replace(one, values=values), *found.phones[1:]))


@fault("P3/configuration")
def settings_that_a_restart_did_not_bring() -> Observation:
    changed = (NOW - timedelta(hours=3)).isoformat()
    return with_phone(World().look(), httpd="No", web_access_configured="yes", config_changed=changed)


@fault("P6/sip88xx.14-3-1-0001-60")
def another_firmware_than_the_model_has() -> Observation:
    return with_phone(World().look(), load="sip88xx.12-8-1-0001-455")


@fault("P6/sip88xx.99-1")
def another_firmware_than_its_own() -> Observation:
    return with_phone(World().look(), configured_load="sip88xx.99-1.loads")


@fault("P7/cucm-sub1")
def secure_phones_that_are_not_counted() -> Observation:
    world = World()
    world.phones = tuple(phone(number, node=SUB) for number in range(9))
    at = seen(Source.PERFMON, SUB)
    names = ("AuthenticatedRegisteredPhones", "EncryptedRegisteredPhones", "RegisteredHardwarePhones")
    counters = (CounterSeen(SUB, "Cisco CallManager", name, 3, at) for name in names)
    return replace(world.look(), counters=tuple(counters))


@fault("S2/Default/TVS")
def nobody_to_ask() -> Observation:
    found = World().look()
    services = (
        replace(each, status="Stopped") if each.name == "Cisco Trust Verification Service" else each
        for each in found.services
    )
    return replace(found, services=tuple(services))


@fault("S2/Default/cucm-sub1")
def group_with_a_node_that_the_itl_does_not_have() -> Observation:
    world = World()
    records = [each for each in world.itl_records(PUB) if each.role is not Role.TVS or each.dns_name == PUB]
    return with_file(world.look(), PUB, "ITLFile.tlv", world.built(records, world.signs(PUB), "ITLFile.tlv"))


@fault("S3")
def signer_that_tvs_does_not_know() -> Observation:
    found = World().look()
    return replace(found, vouched=tuple(each for each in found.vouched if "ITLRecovery" not in each.services))


@fault("S3")
def signer_that_tvs_does_not_know_as_one() -> Observation:
    found = World().look()
    vouched = (replace(each, roles=("CAPF",)) if "ITLRecovery" in each.services else each for each in found.vouched)
    return replace(found, vouched=tuple(vouched))


@fault("S3/roles")
def tables_that_say_other_roles() -> Observation:
    found = World().look()
    certificates = (
        replace(each, roles=("SAST",)) if (each.unit, each.seen.source) == ("CallManager", Source.AXL) else each
        for each in found.certificates
    )
    return replace(found, certificates=tuple(certificates))


@fault("C14/encrypted")
def model_that_the_cluster_itself_says_is_unable() -> Observation:
    return with_phone(World().look(), model="Cisco 99xx", model_number="999", product="998")
