"""Certification Authority Proxy Function (CAPF) Information of a phone: what waits for it, and how it proves itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mixedmode.control.acts import ORDER_CAPF
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.forms import Field, Form
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.capf import Operation
from mixedmode.services.capf.store import KEY_NAMES, CapfStore

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.faces.web.kit.asking import Ask

_FOLDER: Final = "capf"
_MOST_GIVEN: Final = 10
OPERATIONS: Final = {
    Operation.NONE: "No Pending Operation",
    Operation.INSTALL: "Install/Upgrade",
    Operation.DELETE: "Delete",
    Operation.FETCH: "Troubleshoot",
}
"""As CUCM's page calls them."""
_STRING, _NULL, _CERTIFICATE, _MIC = "string", "null", "certificate", "mic"
_PROOFS: Final = (
    (_STRING, "By Authentication String"),
    (_NULL, "By Null String"),
    (_CERTIFICATE, "By Existing Certificate (precedence to LSC)"),
    (_MIC, "By Existing Certificate (precedence to MIC)"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a phone stands at CAPF.

    Attributes:
        operation: What waits for it.
        key: The key that it shall make.
        proof: How it proves itself: ``string``, ``null``, ``certificate`` or ``mic``.
        wrong_proofs: Since the operation was ordered.
        note: What became of the last operation; empty if nothing has to be said.
    """

    operation: Operation = Operation.NONE
    key: str = KEY_NAMES[0]
    proof: str = _NULL
    wrong_proofs: int = 0
    note: str = ""

    @property
    def text(self) -> str:
        """What waits, as CUCM's page calls it."""
        return OPERATIONS[self.operation]


def standing(cluster: Cluster, device: str) -> Standing | None:
    """Return how a phone stands at CAPF; None where the publisher's folder is not: on another host.

    Raises:
        MalformedError: Its record cannot be read.
    """
    store = _store(cluster)
    if store is None:
        return None
    found = store.find(device)
    if found is None:
        return Standing(key="rsa-2048")
    shown = _MIC if found.mic_first else _CERTIFICATE
    proof = shown if found.by_certificate else _STRING if found.password else _NULL
    return Standing(found.operation, found.key, proof, found.wrong_proofs, found.note)


@dataclass(frozen=True, slots=True)
class Given:
    """An LSC that the phone was given.

    Attributes:
        serial: With colons, upper hex; empty if it cannot be read.
        issuer: Who issued it.
        ends: Its last moment.
        revoked: Since when it proves nobody any more, None if it does.
        reason: Why.
    """

    serial: str
    issuer: str
    ends: datetime | None
    revoked: datetime | None
    reason: str


def given(cluster: Cluster, name: str) -> Sequence[Given]:
    """Return the LSCs that a phone was given, as far as they are known, the newest first; at most ten."""
    found = []
    for each in cluster.devices.given_lscs(name)[:_MOST_GIVEN]:
        try:
            certificate = Certificate.from_der(each.der)
            serial, issuer, ends = certificate.serial.hex(":").upper(), certificate.issuer, certificate.not_after
        except MixedModeError:
            found.append(Given("", "", None, each.revoked, each.reason))
        else:
            found.append(Given(serial, issuer, ends, each.revoked, each.reason))
    return found


def form(waits: Standing) -> Form:
    """Return the form that orders an operation."""
    operation, key = _operation(waits), _key(waits)
    proof = Field("proof", "Authentication Mode", kind="choice", value=waits.proof, choices=_PROOFS, required=True)
    string = Field(
        "password",
        "Authentication String",
        kind="password",
        hint="4 to 15 digits that the user types on the phone. It is kept as a hash, and good once.",
        autocomplete="new-password",
        most=15,
    )
    return Form([operation, proof, string, key])


def form_for_many() -> Form:
    """Return the form that orders an operation for many phones: nobody types a string on each."""
    usual = Standing(Operation.INSTALL, "rsa-2048", _CERTIFICATE)
    proofs = tuple(each for each in _PROOFS if each[0] != _STRING)
    proof = Field("proof", "Authentication Mode", kind="choice", value=usual.proof, choices=proofs, required=True)
    return Form([_operation(usual), proof, _key(usual)])


def _operation(waits: Standing) -> Field:
    choices = tuple((each.value, text) for each, text in OPERATIONS.items())
    return Field(
        "operation",
        "Certificate Operation",
        kind="choice",
        value=waits.operation.value,
        choices=choices,
        required=True,
    )


def _key(waits: Standing) -> Field:
    choices = tuple((each, each.upper().replace("-", " ").replace(",", ", backup ")) for each in KEY_NAMES)
    return Field("key", "Key Size (Bits)", kind="choice", value=waits.key, choices=choices, required=True)


def is_here(cluster: Cluster) -> bool:
    """Return whether CAPF's records are on this host."""
    return _store(cluster) is not None


def order(ask: Ask, device: str) -> str:
    """Order what the form asks for; return what became of it.

    Raises:
        PrivilegeError: Who asks has not the level.
        UsageError: The string is none, or CAPF's folder is on another host.
    """
    operation, password = _asked(ask), ask.form.get("password", "")
    if ask.form["proof"] == _STRING and operation is not Operation.NONE and not password:
        raise UsageError("the authentication string is missing", where="password", next_step="choose 4 to 15 digits")
    _note(ask, _needed(ask.cluster), device, operation, password)
    if operation is Operation.NONE:
        return f"Nothing waits for {device} at CAPF."
    return f"{OPERATIONS[operation]} waits for {device}. Reset the phone: it goes to CAPF after that."


def order_for_many(ask: Ask, devices: Sequence[str]) -> str:
    """Order what the form for many asks for; return what became of it.

    Raises:
        PrivilegeError: Who asks has not the level.
        UsageError: The form has a string, or CAPF's folder is on another host.
    """
    operation, store = _asked(ask), _needed(ask.cluster)
    if ask.form["proof"] == _STRING:
        raise UsageError("an authentication string is for one phone", next_step="give it on the page of that phone")
    for device in devices:
        _note(ask, store, device, operation, "")
    phones = f"{len(devices):,} {'phone' if len(devices) == 1 else 'phones'}"
    return f"{'Nothing' if operation is Operation.NONE else OPERATIONS[operation]} waits for {phones} at CAPF."


def _asked(ask: Ask) -> Operation:
    for field in ("operation", "proof", "key"):
        if field not in ask.form:
            raise UsageError(f"the form has no {field}", where=field, next_step="load the page again")
    try:
        return Operation(ask.form["operation"])
    except ValueError:
        raise UsageError("there is no such operation", where="operation", next_step="choose one of the list") from None


def _note(ask: Ask, store: CapfStore, device: str, operation: Operation, password: str) -> None:
    proof = ask.form["proof"]
    if proof not in dict(_PROOFS):
        raise UsageError("there is no such authentication mode", where="proof", next_step="choose one of the list")
    ask.control.do(
        ask.principal,
        ORDER_CAPF,
        lambda: store.order(
            device,
            operation,
            key=ask.form["key"],
            password=password if proof == _STRING and password else None,
            by_certificate=proof in {_CERTIFICATE, _MIC},
            mic_first=proof == _MIC,
        ),
        device=device,
        operation=operation.value,
    )


def _needed(cluster: Cluster) -> CapfStore:
    store = _store(cluster)
    if store is None:
        raise UsageError("CAPF runs on the publisher", next_step="sign in to the pages of the publisher")
    return store


def _store(cluster: Cluster) -> CapfStore | None:
    folder = cluster.folder(cluster.publisher.name)
    return CapfStore(folder.root / _FOLDER) if folder.is_here else None
