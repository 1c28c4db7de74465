"""Rules about phones: what proves who they are, what they can, what they run (C2, C9, C13, C14, P3, P4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from mixedmode.audit.live.abilities import knows_lists
from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.models import Able, knows_sha512, model_of, models_of
from mixedmode.audit.live.remedies import AT_THE_PHONE, RESET_PHONES, TFTP, restart, update_ctl
from mixedmode.audit.live.rules.telling import SECURE, about_phones, moment, number_of, phones_by
from mixedmode.audit.live.scene import Scene, is_on, told
from mixedmode.errors import MixedModeError
from mixedmode.live.observed import PhoneSeen, Source, Value
from mixedmode.live.provisioned import CounterSeen
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile.signed import SignedFile
from mixedmode.trustlist.roles import Role

LSC_DAYS: Final = 90
_ENCRYPTED: Final = frozenset({"encrypted", "3"})
_EXAMPLES: Final = 3
_DATABASE: Final = (Source.AXL, Source.SSH, Source.FILE)
_ONE_RESET: Final = timedelta(minutes=5)
_MOST_LOADS: Final = 20
_OTHER_LOADS: Final = "the one of their own"
_FEW: Final = 2
_STRING: Final = "by authentication string"


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
            steps = (*_to_authenticate(scene, found[name]), *steps)
            title = f"{number_of(len(found[name]))} {said}."
            yield about_phones(finding_id("C13", name), "C13", title, found[name], steps, severity)


def _to_authenticate(scene: Scene, phones: list[tuple[PhoneSeen, Value]]) -> tuple[Step, ...]:
    """Return the step that phones need whose profile wants a text typed at the phone."""
    wanting = {each.name for each in scene.observation.profiles if each.authentication.strip().casefold() == _STRING}
    count = sum(phone.newest("security_profile") in wanting for phone, _ in phones)
    if not count:
        return ()
    said = (
        f"The security profile of {count:,} of them wants an authentication string, typed at the phone: choose By Null "
        "String or By Existing Certificate for as long as this lasts, or have it typed"
    )
    return (Step(said),)


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
        able = knows_lists(scene, phone)
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
            f"{number_of(len(found))} an encrypted profile, and no Security by Default: their CTL alone is believed.",
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
    """P3: what a phone does is not what its configuration says: it may not accept its configuration (inference).

    Web access that differs is proof once the phone registered after its configuration was changed; before that it may
    just not have been reset since.
    """
    found = []
    proven = False
    for phone in scene.observation.phones:
        mismatch = phone.values.get("status_reason")
        if mismatch and mismatch[0].text.strip().casefold() in {"14", "configurationmismatch"}:
            found.append((phone, mismatch[0]))
            proven = True
            continue
        shown = _differing_access(phone)
        if shown is not None:
            found.append((phone, shown))
            proven = proven or _registered_since(phone)
    if found:
        unsure = "who was not reset since its web access was set is among them: reset, and look again"
        finding = about_phones(
            "P3/configuration",
            "P3",
            f"{number_of(len(found), 'runs', 'run')} another configuration than the one that is served.",
            found,
            (RESET_PHONES, Step("Look at who stays so after that: its ITL and its status messages"), AT_THE_PHONE),
            Severity.MODERATE if proven else Severity.INFORMATION,
        )
        yield finding if proven else replace(finding, evidence=(*finding.evidence, unsure))


def _differing_access(phone: PhoneSeen) -> Value | None:
    """Return what a phone shows of its web access, if it is set to something else; None if that is not so."""
    own = [*phone.values.get("httpd", ()), *_of(phone, "web_access", Source.PAGE)]
    wanted = [*phone.values.get("web_access_configured", ()), *_of(phone, "web_access", *_DATABASE)]
    if not own or not wanted:
        return None
    shown, configured = (max(each, key=lambda value: value.seen.at) for each in (own, wanted))
    one, two = is_on(shown.text), is_on(configured.text)
    return shown if one is not None and two is not None and one is not two else None


def _of(phone: PhoneSeen, name: str, *sources: Source) -> Iterator[Value]:
    return (each for each in phone.values.get(name, ()) if each.seen.source in sources)


def _registered_since(phone: PhoneSeen) -> bool:
    """Return whether a phone registered after its configuration was changed, as far as both moments are known."""
    changed, since = moment(phone.newest("config_changed") or ""), moment(phone.newest("last_seen") or "")
    return changed is not None and since is not None and since > changed + _ONE_RESET


def firmware(scene: Scene) -> Iterator[Finding | Gap]:
    """P6: a phone runs another firmware than is set for it or its model."""
    defaults = {
        (_model_key(each.model), each.protocol.upper()): each.load
        for each in scene.observation.default_loads
        if each.load
    }
    found: dict[str, list[tuple[PhoneSeen, Value]]] = {}
    for phone in scene.observation.phones:
        running = phone.values.get("load")
        if not running or (phone.newest("status") or "").casefold() != "registered":
            continue
        key = _model_key(phone.newest("model") or ""), (phone.newest("protocol") or "").upper()
        wanted = phone.newest("configured_load") or defaults.get(key, "")
        if wanted and _load(running[0].text) != _load(wanted):
            found.setdefault(_load(wanted), []).append((phone, running[0]))
    for wanted in sorted(found, key=lambda each: (-len(found[each]), each))[_MOST_LOADS:]:
        found.setdefault(_OTHER_LOADS, []).extend(found.pop(wanted))
    for wanted, phones in sorted(found.items()):
        yield about_phones(
            finding_id("P6", wanted),
            "P6",
            f"{number_of(len(phones), 'runs', 'run')} another firmware than {wanted}, which is set for them.",
            phones,
            (
                Step("Look whether the firmware is on their TFTP nodes, then reset one of them and read its messages"),
                Step("Who takes no firmware may take no configuration either: look at its ITL"),
            ),
            Severity.INFORMATION,
        )


def uncounted(scene: Scene) -> Iterator[Finding | Gap]:
    """P7: a node counts fewer secure phones than are registered there with a secure profile (inference)."""
    counted: dict[str, list[CounterSeen]] = {}
    for each in scene.observation.counters if scene.is_mixed is not False else ():
        if each.name.casefold().startswith(("authenticated", "encrypted")):
            counted.setdefault(scene.node_of(each.node) or each.node, []).append(each)
    secure: dict[str, list[tuple[PhoneSeen, Value]]] = {}
    for phone in scene.observation.phones:
        status, node = phone.values.get("status"), scene.node_of(phone.newest("node"))
        is_secure = (phone.newest("security_mode") or "").casefold() in SECURE
        if node in counted and is_secure and status and status[0].text.casefold() == "registered":
            secure.setdefault(node, []).append((phone, status[0]))
    for node, phones in sorted(secure.items()):
        number = sum(each.value for each in counted[node])
        if len(phones) - number > max(_FEW, len(phones) // 20):  # phones come and go between two readings
            finding = about_phones(
                finding_id("P7", node),
                "P7",
                f"{node} counts {number:,} secure phones; {len(phones):,} with a secure profile are registered there.",
                phones,
                (Step("Look at which of them use TLS, at their pages: security mode"), RESET_PHONES),
                Severity.INFORMATION,
            )
            said = ", ".join(f"{each.name} {each.value:,}" for each in counted[node])
            yield replace(finding, evidence=(*finding.evidence, f"{said}; {told(counted[node][0].seen)}"))


def _load(name: str) -> str:
    return name.strip().casefold().removesuffix(".loads")


def _model_key(name: str) -> str:
    model = model_of(name)
    return model.name if model is not None else name.casefold()


def operations(scene: Scene) -> Iterator[Finding | Gap]:
    """P4: a certificate operation of a phone failed."""
    for status, phones in phones_by(scene, "certificate_status", lambda text: "failed" in text.casefold()):
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
