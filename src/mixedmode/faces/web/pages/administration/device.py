"""Phone Configuration: what administrators set of one phone: description, pool, profile, lines, what CAPF shall do.

Rules:

1. Each form does one thing and is one operation, with its own entry in the audit log.
2. A form says what the phone was when the page was made. If somebody changed it meanwhile the form is refused: nobody
   overwrites what he has not seen.
3. The digits of a CAPF authentication string are kept as a hash by CAPF and stand nowhere else; they do not come back
   with an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sqlalchemy import select

from mixedmode.cluster.model.errors import PrivilegeError
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.operations.devices import RemoveDevice
from mixedmode.cluster.store.schema import DevicePool
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.forms import Form
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.faces.web.pages.administration import capf, device_forms
from mixedmode.faces.web.pages.administration.profiles import profile_name
from mixedmode.pki.certificates.certificates import Certificate

if TYPE_CHECKING:
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.cluster.engine.results import OperationResult
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.records import Device

ADD: Final = "/ccmadmin/phone"
DEVICE: Final = f"{ADD}/{{name}}"
LINE: Final = f"{DEVICE}/line/{{number}}"
REMOVE: Final = f"{DEVICE}/remove"
PHONES: Final = "/ccmadmin/phones"
LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A phone as it is now.

    Attributes:
        capf: What waits for it at CAPF, None where that cannot be seen.
        mark: Another one when any of it is.
    """

    device: Device
    lines: Sequence[LineSpec]
    capf: capf.Standing | None
    mark: str


def path_of(name: str) -> str:
    """Return the address of a phone's page."""
    return f"{ADD}/{quote(name, safe='')}"


def line_path(name: str, number: str) -> str:
    """Return the address of a line's page."""
    return f"{path_of(name)}/line/{quote(number, safe='')}"


def found_at(ask: Ask) -> Found:
    """Return the phone that the address names.

    Raises:
        NotFoundError: There is none.
    """
    device = ask.cluster.devices.get(ask.values["name"])
    lines, waits = ask.cluster.lines_of(device.name), capf.standing(ask.cluster, device.name)
    set_by_people = (device.model, device.description, device.device_pool, device.protocol, device.security_mode)
    pages = (device.web_access, device.authentication_url, device.secure_tone)
    mark = hashlib.sha256(repr((device.name, set_by_people, pages, lines, waits)).encode()).hexdigest()[:32]
    return Found(device, lines, waits, mark)


def device(ask: Ask) -> Answer:
    """Show a phone, or do what one of its forms asks for."""
    found = found_at(ask)
    forms = _forms(ask, found)
    if ask.is_post:
        act = ask.form.get("act", "")
        handler = _ACTS.get(act)
        if handler is None:
            raise Problem(400, "The form does not say what it is for. Nothing was changed.", "", "Open the page again.")
        check_mark(ask, found)
        form = forms[act]
        form.take(ask.form)
        if form.is_right:
            try:
                return Redirect(path_of(found.device.name), handler(ask, found, form))
            except MixedModeError as error:
                _refuse(form, error)
    return _page(ask, found, forms)


def line(ask: Ask) -> Answer:
    """Show a line of a phone, change it or remove it."""
    found = found_at(ask)
    spec = next((each for each in found.lines if each.number == ask.values["number"]), None)
    if spec is None:
        raise Problem(
            404,
            f"{found.device.name} has no such line.",
            "Somebody may have removed it since you saw it.",
            "Look at the phone as it is now.",
            links=((path_of(found.device.name), found.device.name),),
        )
    form = device_forms.line_form(spec)
    if ask.is_post:
        check_mark(ask, found)
        back = path_of(found.device.name)
        try:
            if ask.form.get("act") == "remove":
                return Redirect(back, run(ask, device_forms.remove_line(spec)))
            form.take(ask.form)
            if form.is_right:
                return Redirect(back, run(ask, device_forms.changed_line(spec, form, ask.form)))
        except MixedModeError as error:
            _refuse(form, error)
    context = {"found": found, "line": spec, "form": form, "path": line_path(found.device.name, spec.number)}
    return View("ccmadmin/line.html", _around(ask, found, context), status=200 if form.is_right else 422)


def remove(ask: Ask) -> Answer:
    """Ask, and remove a phone from the cluster."""
    found = found_at(ask)
    if ask.is_post:
        check_mark(ask, found)
        return Redirect(PHONES, run(ask, RemoveDevice(found.device.name)))
    return View("ccmadmin/remove_phone.html", _around(ask, found, {"found": found}))


def add(ask: Ask) -> Answer:
    """Add a phone."""
    form = device_forms.add_form(pools(ask.cluster))
    if ask.is_post:
        form.take(ask.form)
        if form.is_right:
            try:
                operation = device_forms.added(ask.form)
                return Redirect(path_of(operation.devices[0].name), run(ask, operation))
            except MixedModeError as error:
                _refuse(form, error)
    context = {"form": form, "may": ask.may(LEVEL), "level": LEVEL}
    return View("ccmadmin/add_phone.html", context, status=200 if form.is_right else 422)


def pools(cluster: Cluster) -> list[str]:
    """Return the names of the device pools."""
    with cluster.database.read() as session:
        return list(session.scalars(select(DevicePool.name).order_by(DevicePool.name)))


def check_mark(ask: Ask, found: Found) -> None:
    """Refuse a form that was made for the phone as it was before (rule 2).

    Raises:
        Problem: It was.
    """
    if ask.form.get("mark") != found.mark:
        name = found.device.name
        raise Problem(
            409,
            f"Somebody changed {name} while you read it. Your form was not taken; nothing was changed.",
            "The page showed an earlier state.",
            "Look at the phone as it is now, and decide again.",
            "was-changed",
            ((path_of(name), name),),
        )


def _refuse(form: Form, error: MixedModeError) -> None:
    """Show an error in its form; who has not the level gets a page that says so and nothing else."""
    if isinstance(error, PrivilegeError):
        raise error
    form.refuse(error)


def run(ask: Ask, operation: Operation) -> str:
    """Run an operation; return what became of it.

    Raises:
        MixedModeError: It is refused, or fails.
    """
    result: OperationResult = ask.control.run(ask.principal, operation)
    return " ".join([*(f"{each[:1].upper()}{each[1:]}." for each in result.changes), *result.warnings])


def _forms(ask: Ask, found: Found) -> dict[str, Form]:
    forms = {
        "change": device_forms.change_form(found.device, pools(ask.cluster)),
        "add-line": device_forms.line_form(None),
    }
    if found.capf is not None:
        forms["capf"] = capf.form(found.capf)
    return forms


def _change(ask: Ask, found: Found, _form: Form) -> str:
    operation = device_forms.changed(found.device, ask.form)
    return "Nothing was changed: every value is as it was." if operation is None else run(ask, operation)


def _add_line(ask: Ask, found: Found, form: Form) -> str:
    return run(ask, device_forms.added_line(found.device.name, form, ask.form))


def _order(ask: Ask, found: Found, _form: Form) -> str:
    return capf.order(ask, found.device.name)


_ACTS: Final[Mapping[str, Callable[[Ask, Found, Form], str]]] = {
    "change": _change,
    "add-line": _add_line,
    "capf": _order,
}


def _page(ask: Ask, found: Found, forms: Mapping[str, Form]) -> View:
    right = all(form.is_right for form in forms.values())
    lsc = ask.cluster.devices.lsc(found.device.name)
    name = found.device.name
    context = {
        "found": found,
        "forms": forms,
        "profile": profile_name(found.device.model, found.device.protocol, found.device.security_mode),
        "servers": ask.cluster.trust_servers(name),
        "lsc": _lsc(ask, lsc),
        "revoked": [each for each in capf.given(ask.cluster, name) if each.revoked is not None],
        "line_paths": {each.number: line_path(name, each.number) for each in found.lines},
        "can_reset": ask.desk.resets.can,
    }
    return View("ccmadmin/phone.html", _around(ask, found, context), status=200 if right else 422)


def _around(ask: Ask, found: Found, context: Mapping[str, object]) -> dict[str, object]:
    name = found.device.name
    here = {"name": name, "device_path": path_of(name), "trust_path": f"{PHONES}/{quote(name, safe='')}"}
    return {**here, "may": ask.may(LEVEL), "level": LEVEL, **context}


def _lsc(ask: Ask, der: bytes | None) -> dict[str, object] | None:
    """Return what is shown of a phone's LSC; None if it has none that can be read."""
    if der is None:
        return None
    try:
        certificate = Certificate.from_der(der)
        facts: dict[str, object] = {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "serial": certificate.serial.hex(":").upper(),
            "key": certificate.key_description,
            "ends": certificate.not_after,
            "days": (certificate.not_after - ask.cluster.now()).days,
        }
    except MixedModeError:
        return None
    return facts
