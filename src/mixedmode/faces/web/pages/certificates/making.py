"""Generate Self-signed, Generate CSR: a node's own certificates made anew, or requests that an authority signs.

A form says which certificate it was made for: if somebody replaced that meanwhile, the form is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.identity.csr import (
    SELF_SIGNED_ONLY,
    Pending,
    RequestCertificate,
    needed_request,
)
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.foresight import Foreseen, foresee, not_agreed
from mixedmode.faces.web.kit.answers import Answer, Download, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.faces.web.pages.certificates.addresses import (
    LEVEL,
    LIST,
    REQUESTS,
    nodes_here,
    path_of,
    waiting_requests,
    with_query,
)
from mixedmode.faces.web.pages.trust.losing import lost_address
from mixedmode.guides.words import WORD
from mixedmode.pki.certificates.profiles import PROFILES, SELECTABLE_YEARS
from mixedmode.pki.certificates.purposes import KeyKind, Purpose

if TYPE_CHECKING:
    from mixedmode.cluster.engine.results import OperationResult
    from mixedmode.cluster.model.records import StoredCertificate

_REPLACED: Final = "was-replaced"


def generate(ask: Ask) -> Answer:
    """Choose a certificate to make anew, see what that does to the phones, and do it."""
    asked = ask.form if ask.is_post else ask.query
    node, unit = _chosen(ask, asked.get("node", ""), asked.get("unit", ""), ())
    present = _present(ask, node, unit)
    key = _key(asked.get("key", ""), unit, present)
    years = next((each for each in SELECTABLE_YEARS if str(each) == asked.get("years", "")), None)
    operation = RegenerateCertificate(node, unit, key, years)
    foreseen, error = Foreseen(), ""
    wants = bool(asked.get("unit"))
    if wants and ask.may(LEVEL):
        foreseen = foresee(ask, (operation,))
    if ask.is_post:
        _same(present, ask.form.get("sha256", ""))
        error = not_agreed(foreseen, ask.form) if ask.may(LEVEL) else ""
        if not error:
            result = ask.control.run(ask.principal, operation)
            return Redirect(
                with_query(LIST, certificate=unit, type="own"), told(f"{unit} of {node} is made anew.", result)
            )
    plan = ask.control.plan(ask.principal, operation) if wants and ask.may(LEVEL) else None
    return View(
        "cmplatform/generate.html",
        {
            "node": node,
            "unit": unit,
            "nodes": [each.name for each in nodes_here(ask.cluster)],
            "units": _units(ask, ()),
            "keys": _keys(unit),
            "key": key,
            "years": years,
            "all_years": SELECTABLE_YEARS,
            "present": present,
            "present_path": path_of(present) if present is not None else "",
            "plan": plan,
            "foreseen": foreseen,
            "lost_path": lost_address((operation,)),
            "wants": wants,
            "error": error,
            "word": WORD,
            "may": ask.may(LEVEL),
            "level": LEVEL,
        },
        status=422 if error else 200,
    )


def requests(ask: Ask) -> Answer:
    """Show the requests that wait, give one as a file, or make one."""
    asked = ask.form if ask.is_post else ask.query
    if asked.get("download"):
        return _file(ask, asked.get("node", ""), asked.get("unit", ""))
    node, unit = _chosen(ask, asked.get("node", ""), asked.get("unit", ""), SELF_SIGNED_ONLY)
    key = asked.get("key", "")
    key = key if key in _keys(unit) else ""
    operation = RequestCertificate(node, unit, key)
    waiting = waiting_requests(ask.cluster)
    old = next((each for name, each in waiting if (name, each.purpose.value) == (node, unit)), None)
    asks = False
    if ask.is_post:
        asks = old is not None and ask.form.get("replace") != _mark(old)
        if not asks:
            result = ask.control.run(ask.principal, operation)
            path = with_query(REQUESTS, node=node, unit=unit)
            return Redirect(path, told(f"The signing request for {unit} of {node} is made. Download it here.", result))
    return View(
        "cmplatform/requests.html",
        {
            "node": node,
            "unit": unit,
            "key": key,
            "nodes": [each.name for each in nodes_here(ask.cluster)],
            "units": _units(ask, SELF_SIGNED_ONLY),
            "keys": _keys(unit),
            "waiting": waiting,
            "replaces": _mark(old) if asks and old is not None else "",
            "may": ask.may(LEVEL),
            "level": LEVEL,
        },
        status=422 if asks else 200,
    )


def told(first: str, result: OperationResult) -> str:
    """Return what became of an operation, for the next page: changes, what waits, what to do now."""
    parts = [first, *(f"{each}." for each in result.changes), *result.warnings]
    by_service: dict[str, list[str]] = {}
    for node, service in result.restart:
        by_service.setdefault(service, []).append(node)
    for service, nodes in by_service.items():
        parts.append(f"Restart {service} on {nodes[0] if len(nodes) == 1 else f'{len(nodes)} nodes'}.")
    parts += [f"{node} gets its file later: {why}." for node, why in result.undelivered.items()]
    return " ".join(parts)


def _chosen(ask: Ask, node: str, unit: str, without: tuple[Purpose, ...] | frozenset[Purpose]) -> tuple[str, str]:
    """Return the node and the certificate that are meant; the first ones if nothing is said.

    Raises:
        NotFoundError: There is no such node.
        Problem: There is no such certificate, or no node's keys are here.
    """
    here = nodes_here(ask.cluster)
    if not here:
        raise Problem(409, "No node's keys are on this host.", "", "Sign in to the pages of the node itself.")
    found = ask.cluster.node(node).name if node else here[0].name
    units = _units(ask, without)
    if not unit:
        return found, units[0]
    name = next((each for each in units if each.lower() == unit.lower()), "")
    if not name:
        raise Problem(404, f"There is no certificate {unit} to be made.", "", f"Take one of: {', '.join(units)}.")
    return found, name


def _units(ask: Ask, without: tuple[Purpose, ...] | frozenset[Purpose]) -> list[str]:
    return [each.value for each in ask.cluster.version.own_purposes(publisher=True) if each not in without]


def _present(ask: Ask, node: str, unit: str) -> StoredCertificate | None:
    found = ask.cluster.certificates.list_own(node, unit)
    return found[0] if found else None


def _keys(unit: str) -> list[str]:
    family = PROFILES[Purpose(unit)].key_kind
    return [kind.label for kind in KeyKind if kind.value[0] == family]


def _key(wanted: str, unit: str, present: StoredCertificate | None) -> str:
    """Return the kind of key: what is asked for, else one like the present, but no RSA key below 2048 bits."""
    if wanted in _keys(unit):
        return wanted
    weakest = KeyKind.RSA_2048
    try:
        weak = present is not None and present.certificate.key_bits < weakest.value[1]
    except MixedModeError:
        weak = True
    return weakest.label if weak and weakest.label in _keys(unit) else ""


def _same(present: StoredCertificate | None, said: str) -> None:
    """Refuse a form that was made for another certificate than the present one."""
    if said != ("" if present is None else present.certificate.sha256.hex()):
        raise Problem(
            409,
            "Somebody replaced this certificate while you read it. Your form was not taken; nothing was changed.",
            "The page showed an earlier one.",
            "Look at the certificate as it is now, and decide again.",
            _REPLACED,
            ((LIST, "Certificate List"),),
        )


def _mark(pending: Pending) -> str:
    """Return what tells one request from the next of the same name."""
    return f"{pending.created:.6f}"


def _file(ask: Ask, node: str, unit: str) -> Download:
    name, purpose = _chosen(ask, node, unit, SELF_SIGNED_ONLY)
    pending = needed_request(ask.cluster.folder(name), Purpose(purpose))
    return Download(f"{name}-{purpose}.csr", pending.request.pem, "application/pkcs10")
