"""The seed's procedures: what the administrator types, and what must hold afterwards, for the cluster and each phone.

A procedure is a function over a :class:`Stage`; a statement of it that does not hold fails the rehearsal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.phone.mind.alarms import Alarm
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.rehearsal.stage import Stage
from mixedmode.trustlist import Role, TrustList

SECURITY_MODE_QUERY = "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"
CACHE_SECONDS = 1.0
"""Within which TVS takes a changed CTL file into its cache."""
VOUCHED = "CertificateDBCache::getCertificateInformation - Found entry {rolecount : 2}"
"""What TVS traces of a CallManager certificate that phones ask about."""
DELETE_CTL = (
    "delete the CTL on the phone by hand (its security menu; in a lab: mixedmode phones delete-ctl NAME), "
    "then reset it (mixedmode phones reset NAME): it takes the next CTL as its first"
)
"""The seed's remedy for phones that cannot ask TVS."""


async def set_mixed_mode(stage: Stage) -> list[BootOutcome]:
    """Bring a non-secure cluster and its phones into mixed mode, as every procedure begins; return the boots."""
    stage.step("Set the cluster to mixed mode")
    await stage.admin("utils ctl set-cluster mixed-mode", "y")
    await _check_mode(stage, "1")
    stage.step("Restart the services, then the phones")
    await stage.restart_services()
    return await stage.reset_phones()


async def _check_mode(stage: Stage, value: str) -> None:
    shown = await stage.admin(SECURITY_MODE_QUERY)
    said = any(line.split() == ["ClusterSecurityMode", value] for line in shown)
    stage.check(f"ClusterSecurityMode is {value}", said)


async def non_secure_to_mixed(stage: Stage) -> None:
    """Play the seed's first procedure: no CTL, mixed mode set, phones reset, checksums compared."""
    stage.step("Non-secure: phones hold an ITL only, and there is no CTL")
    boots = await stage.reset_phones()
    stage.check("no phone holds a CTL", all(boot.trust.ctl is None for boot in boots))
    shown = await stage.admin("show ctl")
    stage.check("show ctl says that there is no CTL", any("CTL File not found" in line for line in shown))
    await _check_mode(stage, "0")
    boots = await set_mixed_mode(stage)
    await promise_published_ctl(stage, boots)


async def mixed_to_non_secure(stage: Stage) -> None:
    """Play the way back: the CTL stays, without a call manager's certificate, and phones follow it."""
    await stage.reset_phones()
    boots = await set_mixed_mode(stage)
    stage.check("every phone is in mixed mode", all(boot.trust.ctl is not None for boot in boots))
    stage.step("Set the cluster to non-secure mode")
    await stage.admin("utils ctl set-cluster non-secure-mode", "y")
    await _check_mode(stage, "0")
    stage.step("Restart the services, then the phones")
    await stage.restart_services()
    boots = await stage.reset_phones()
    published = stage.published_ctl()
    emptied = published is not None and all(
        record.certificate_der is None for record in published.records_with_role(Role.CCM, Role.CCM_TFTP)
    )
    stage.check("the CTL names no call manager's certificate", emptied)
    await promise_published_ctl(stage, boots)


async def regenerate_callmanager(stage: Stage) -> None:
    """Play the seed's certificate regeneration: phones with Security by Default follow through TVS, others cannot."""
    await stage.reset_phones()
    boots = await set_mixed_mode(stage)
    stage.check("every phone is in mixed mode", all(boot.trust.ctl is not None for boot in boots))
    old, old_serial = stage.published_ctl(), _callmanager_serial(stage)
    stage.step("Make the CallManager certificate of the publisher anew")
    await stage.admin(f"set cert regen {Purpose.CALLMANAGER}")
    stage.check("the serial number of the certificate changes", _callmanager_serial(stage) != old_serial)
    stage.step("Update the CTL file; TVS takes it into its cache")
    await stage.admin("utils ctl update CTLFile", "y")
    new = stage.published_ctl()
    changed = old is not None and new is not None and new.header.signer_serial not in {None, old.header.signer_serial}
    stage.check("the CTL file is signed with the new certificate", changed)
    await _check_caches(stage)
    stage.step("Restart the services, then the phones: they ask TVS about the unknown signer")
    await stage.restart_services()
    boots = await stage.reset_phones()
    await promise_by_trust(stage, boots, old)


async def phones_behind(stage: Stage) -> None:
    """Play two regenerations while some phones are switched off: when they return they are behind by two lists."""
    await stage.reset_phones()
    boots = await set_mixed_mode(stage)
    stage.check("every phone is in mixed mode", all(boot.trust.ctl is not None for boot in boots))
    first = stage.published_ctl()
    away = set(stage.lab.phones.names[: len(boots) // 2])
    stage.step(f"Switch {len(away)} phones off")
    for change in ("first", "second"):
        stage.step(f"The {change} new CallManager certificate and CTL file, without them")
        await stage.admin(f"set cert regen {Purpose.CALLMANAGER}")
        await stage.admin("utils ctl update CTLFile", "y")
        await _check_caches(stage)
        await stage.restart_services()
        boots = await stage.reset_phones(without=away)
    stage.step("Switch them on: they hold a CTL file whose signer is gone, and ask TVS about the new one")
    boots = await stage.reset_phones()
    await promise_by_trust(stage, boots, first)


async def promise_by_trust(
    stage: Stage, boots: list[BootOutcome], old: TrustList | None, *, vouched: str | None = VOUCHED
) -> None:
    """State that phones with Security by Default hold the published CTL, and that others keep the old one.

    Args:
        stage: What the procedure plays on.
        boots: The phones' last boots.
        old: The CTL that phones without Security by Default keep; None if they follow as well.
        vouched: A line of a TVS trace that must be there; None where phones need no TVS.
    """
    able = [boot for boot in boots if old is None or boot.model.security_by_default]
    await promise_published_ctl(stage, able, with_itl=stage.published_itl() is not None)
    if vouched is not None and able:
        traces = [stage.tvs_trace(node) for node in stage.lab.nodes]
        stage.check("TVS vouched for the new signer", any(vouched in trace for trace in traces))
        published = stage.published_ctl()
        if published is not None and published.header.signer_serial is not None:
            stage.show_verification(able, published.header.signer_serial)
    unable = [boot for boot in boots if boot not in able]
    if unable and old is not None:
        stage.step(f"Phones that cannot ask TVS keep the old CTL, as the seed says: {len(unable)}")
        for boot in unable:
            stage.tell(Painted(f"# {boot.name} ({boot.model.name}): {DELETE_CTL}", Colour.YELLOW))
    stage.promise(
        unable,
        "is locked out: it refuses the new CTL and keeps the old one",
        lambda boot: boot.locked_out and boot.trust.ctl == old and boot.alarm is Alarm.TL_FAILED_OLD_CTL,
        remedy=DELETE_CTL,
    )
    stage.report.phones.sort(key=lambda phone: phone.boot.name)


def _callmanager_serial(stage: Stage) -> bytes:
    cluster = stage.lab.cluster
    return cluster.own_certificate(cluster.publisher.name, Purpose.CALLMANAGER.value).serial


async def _check_caches(stage: Stage) -> None:
    """State that TVS of every node has the new signer of its CTL in its cache, soon enough."""
    new = _callmanager_serial(stage).hex().upper()
    end = asyncio.get_running_loop().time() + CACHE_SECONDS
    waiting = set(stage.lab.nodes)
    while waiting and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        waiting -= {node for node in waiting if f"Caching :: {new}CN=" in stage.tvs_trace(node)}
    stage.check("TVS of each node has the new CTL file in its cache within a second", not waiting, ", ".join(waiting))
    stage.show_caching(stage.lab.cluster.publisher.name)


async def promise_published_ctl(stage: Stage, boots: list[BootOutcome], *, with_itl: bool = False) -> None:
    """State that phones hold the published CTL and show its checksum, and that every node has it."""
    stage.step("The phones show the checksum that show ctl prints")
    shown = await stage.admin("show ctl")
    cluster = stage.lab.cluster
    for node in stage.lab.nodes:
        stage.check(f"{node} has the same CTL", not cluster.show_ctl(node).differs)
    md5 = next((line.removesuffix("(MD5)") for line in shown if line.endswith("(MD5)")), None)
    sha1 = next((line.removesuffix("(SHA1)") for line in shown if line.endswith("(SHA1)")), None)
    stage.check("show ctl verified the file", any("verified successfully" in line for line in shown))
    itl = stage.published_itl() if with_itl else None

    def holds(boot: BootOutcome) -> bool:
        ctl = boot.trust.ctl
        return (
            ctl is not None
            and (ctl.md5, ctl.sha1) == (md5, sha1)
            and (itl is None or boot.trust.itl in {itl, None})
            and not boot.refused
        )

    promised = "holds the published CTL and shows its checksum"
    stage.promise(boots, f"{promised}, and the published ITL" if with_itl else promised, holds)


PROCEDURES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "non-secure-to-mixed": non_secure_to_mixed,
    "mixed-to-non-secure": mixed_to_non_secure,
    "regenerate-callmanager": regenerate_callmanager,
    "phones-behind": phones_behind,
}
"""By the name that ``mixedmode rehearse`` knows."""
