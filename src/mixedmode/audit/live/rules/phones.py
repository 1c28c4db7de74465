"""Rules about phones: what proves who they are, what they can, what they run (C2, C9, C13, C14, P3, P4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.models import Able, knows_default_security, knows_sha512, models_of
from mixedmode.audit.live.remedies import AT_THE_PHONE, RESET_PHONES, TFTP, restart, update_ctl
from mixedmode.audit.live.rules.telling import SECURE, about_phones, moment, number_of
from mixedmode.audit.live.scene import Scene, is_on, told
from mixedmode.errors import MixedModeError
from mixedmode.live.observed import PhoneSeen, Value
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile.signed import SignedFile
from mixedmode.trustlist.roles import Role

LSC_DAYS: Final = 90
_ENCRYPTED: Final = frozenset({"encrypted", "3"})
_EXAMPLES: Final = 3


def digest(scene: Scene) -> Iterator[Finding | Gap]:
    """C9: files are signed over SHA-512 while a model that knows SHA-1 only is configured."""
    evidence = _sha512(scene)
    if not evidence:
        return
    models = models_of(scene.observation.phones)
    if not models:
        yield Gap("models of phones", "", "signatures over SHA-512 need models that know it")
        return
    unable = {name: phones for name, phones in models.items() if knows_sha512(name) is Able.NO}
    unknown = sorted(name for name in models if knows_sha512(name) is Able.UNKNOWN)
    if unknown:
        yield Gap("SHA-512 by model", "", f"no source says of {', '.join(unknown)}")
    if unable:
        counted = ", ".join(f"{len(phones):,} x {name}" for name, phones in sorted(unable.items()))
        yield Finding(
            "C9/SHA-512",
            "C9",
            Severity.SERIOUS,
            f"Files are signed over SHA-512, which {', '.join(sorted(unable))} cannot check.",
            (*evidence, f"models configured: {counted}"),
            (
                Step("Set TFTP File Signature Algorithm to SHA-1 (System > Enterprise Parameters)"),
                *(restart(TFTP, node.name) for node in scene.nodes),
                RESET_PHONES,
            ),
            phones=tuple(sorted(name for names in unable.values() for name in names)),
        )


def _sha512(scene: Scene) -> tuple[str, ...]:
    found = []
    parameter = scene.parameter("signature", "algorithm")
    if parameter is not None and "512" in parameter[0]:
        found.append(f"TFTP File Signature Algorithm {parameter[0]}; {told(parameter[1])}")
    for seen, listed in scene.readable():
        if listed.header.digest is DigestAlgorithm.SHA512:
            found.append(f"{seen.name} of {seen.node}; {told(seen.seen)}")
    for (node, name), file in scene.files.items():
        if file.data is not None and name.endswith(".sgn"):
            try:
                over = SignedFile.parse(file.data).header.digest
            except MixedModeError:
                continue
            if over is DigestAlgorithm.SHA512:
                found.append(f"{name} of {node}; {told(file.seen)}")
    return tuple(found[:_EXAMPLES])


def credentials(scene: Scene) -> Iterator[Finding | Gap]:
    """C13: a secure profile without a certificate; an LSC that has ended, ends soon, or whose CAPF was replaced."""
    capf = {each.facts.common_name for each in scene.live("CAPF")} or {
        facts.common_name
        for _, listed in scene.readable()
        for record in listed.records_with_role(Role.CAPF)
        if (facts := scene.record_facts(record))
    }
    if not any("security_mode" in phone.values for phone in scene.observation.phones):
        yield Gap("security profiles and LSCs of phones", "", "AXL was not read")
    found: dict[str, list[tuple[PhoneSeen, Value]]] = {name: [] for name, _, _ in _CREDENTIALS}
    for phone in scene.observation.phones:
        for name, value in _credentials_of(phone, scene.now, capf):
            found[name].append((phone, value))
    install = Step(
        "Set certificate operation Install/Upgrade for them (Bulk Administration > Phones > Update) and reset them: "
        "each fetches an LSC from CAPF and registers again"
    )
    for name, severity, said in _CREDENTIALS:
        if found[name]:
            steps = (update_ctl(scene.publisher), install) if name == "issuer" else (install,)
            title = f"{number_of(len(found[name]))} {said}."
            yield about_phones(finding_id("C13", name), "C13", title, found[name], steps, severity)


_CREDENTIALS: Final = (
    ("none", Severity.SERIOUS, "a secure profile, but no certificate (LSC or MIC) is known"),
    ("ended", Severity.SERIOUS, "an LSC that has ended"),
    ("ending", Severity.MODERATE, f"an LSC that ends within {LSC_DAYS} days"),
    ("issuer", Severity.SERIOUS, "an LSC of a CAPF certificate that was replaced"),
)


def _credentials_of(phone: PhoneSeen, now: datetime, capf: set[str]) -> Iterator[tuple[str, Value]]:
    has = phone.values.get("has_certificate")
    if has and is_on(has[0].text) is False and (phone.newest("security_mode") or "").casefold() in SECURE:
        yield "none", has[0]
    until = phone.values.get("lsc_until")
    at = moment(until[0].text) if until else None
    if until and at is not None and at < now + timedelta(days=LSC_DAYS):
        yield "ended" if at < now else "ending", until[0]
    issuer = phone.values.get("lsc_issuer")
    if issuer and capf and (name := _issuer_name(issuer[0].text)).startswith("CAPF-") and name not in capf:
        yield "issuer", issuer[0]


def without_default_security(scene: Scene) -> Iterator[Finding | Gap]:
    """C14: a device without Security by Default in an encrypted profile: it has its CTL alone, and cannot ask TVS."""
    found, unknown = [], set()
    for phone in scene.observation.phones:
        mode = phone.values.get("security_mode")
        if not mode or mode[0].text.casefold() not in _ENCRYPTED:
            continue
        model = phone.newest("model") or ""
        able = knows_default_security(model)
        if able is Able.NO:
            found.append((phone, mode[0]))
        elif able is Able.UNKNOWN:
            unknown.add(model or "phones of no known model")
    if unknown:
        yield Gap("Security by Default by model", "", f"no source says of {', '.join(sorted(unknown))}")
    if found:
        yield about_phones(
            "C14/encrypted",
            "C14",
            f"{number_of(len(found))} an encrypted profile, but no Security by Default: they have their CTL alone.",
            found,
            (
                Step(
                    "Keep one signer of their CTL while the other is renewed, and forecast each change with them; who "
                    "loses it is erased at the device"
                ),
            ),
            Severity.MODERATE,
        )


def drift(scene: Scene) -> Iterator[Finding | Gap]:
    """P3: what a phone does is not what its configuration says: it may not accept its configuration (inference)."""
    found = []
    for phone in scene.observation.phones:
        mismatch = phone.values.get("status_reason")
        if mismatch and mismatch[0].text.strip().casefold() in {"14", "configurationmismatch"}:
            found.append((phone, mismatch[0]))
            continue
        shown, wanted = phone.values.get("httpd"), phone.values.get("web_access")
        if shown and wanted and _differ(shown[0].text, wanted[0].text):
            found.append((phone, shown[0]))
    if found:
        yield about_phones(
            "P3/configuration",
            "P3",
            f"{number_of(len(found), 'runs', 'run')} another configuration than the one that is served.",
            found,
            (RESET_PHONES, Step("Look at who stays so after that: its ITL and its status messages"), AT_THE_PHONE),
            Severity.MODERATE,
        )


def _differ(shown: str, wanted: str) -> bool:
    one, two = is_on(shown), is_on(wanted)
    return one is not None and two is not None and one is not two


def operations(scene: Scene) -> Iterator[Finding | Gap]:
    """P4: a certificate operation of a phone failed."""
    by_status: dict[str, list[tuple[PhoneSeen, Value]]] = {}
    for phone in scene.observation.phones:
        values = phone.values.get("certificate_status")
        if values and "failed" in values[0].text.casefold():
            by_status.setdefault(values[0].text, []).append((phone, values[0]))
    for status, phones in sorted(by_status.items()):
        yield about_phones(
            finding_id("P4", status),
            "P4",
            f"{number_of(len(phones))} certificate status {status}.",
            phones,
            (Step("Mend what it names, set certificate operation Install/Upgrade again and reset the phones"),),
            Severity.MODERATE,
        )


def _issuer_name(text: str) -> str:
    found = re.search(r"CN\s*=\s*([^;,/]+)", text, re.IGNORECASE)
    return (found[1] if found else text).strip()
