"""Enterprise Parameters: the cluster's security mode, which is read only here, and those that can be set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mixedmode.cluster.model.parameters import ENTERPRISE, PARAMETERS, SECURITY_MODE, Parameter
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.forms import Field, Form

PATH: Final = "/ccmadmin/enterprise-parameters"
_SET: Final = "set parameter"
_LEVEL: Final = 1
_HINTS: Final = {
    "TFTPFileSignatureAlgorithm": "With SHA-512 every phone must support it; one that does not stops taking files.",
    "PrepareClusterForRollbackToPre80": "With True the ITL is empty of certificates, and phones take any ITL and any "
    "configuration file.",
    "CAPFOperationExpiresInDays": "How long a phone may take to begin an operation of CAPF.",
    "PhoneInteractionOnCertificateUpdate": "Whether phones are reset by themselves when a certificate changes.",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """A parameter on the page."""

    parameter: Parameter
    value: str
    changed: bool


def enterprise_parameters(ask: Ask) -> Answer:
    """Show the enterprise parameters, or set those that were changed, one operation for each."""
    shown = _parameters(ask)
    form = _form(shown)
    if ask.is_post:
        form.take(ask.form)
        if form.is_right:
            changes = {
                each.parameter.name: value
                for each in shown
                if not each.parameter.read_only
                and (value := ask.form.get(each.parameter.name, each.value)) != each.value
            }
            try:
                done = _set(ask, changes)
            except MixedModeError as error:
                form.refuse(error)
            else:
                return Redirect(
                    PATH, done or "Nothing was changed: every value is as it was.", "ok" if done else "info"
                )
    mode = next(each for each in shown if each.parameter is SECURITY_MODE)
    return View(
        "ccmadmin/enterprise_parameters.html",
        {"form": form, "mode": mode, "label": ask.cluster.mode.label, "may": ask.may(_LEVEL), "level": _LEVEL},
        status=200 if form.is_right else 422,
    )


def _parameters(ask: Ask) -> list[_Shown]:
    found = []
    for parameter in PARAMETERS.values():
        if parameter.service == ENTERPRISE:
            value = ask.cluster.parameter(parameter.name)
            found.append(_Shown(parameter, value, value != parameter.default))
    return found


def _form(shown: Sequence[_Shown]) -> Form:
    fields = []
    for each in shown:
        parameter = each.parameter
        if parameter.read_only:
            continue
        numbers = parameter.numbers
        suggested = f"Suggested: {parameter.default}"
        limits = f"; {numbers[0]} to {numbers[1]}" if numbers else ""
        hint = _HINTS.get(parameter.name, "")
        fields.append(
            Field(
                parameter.name,
                parameter.title,
                kind="number" if numbers else "choice",
                value=each.value,
                hint=f"{suggested}{limits}. {hint}",
                choices=tuple((choice, choice) for choice in parameter.choices),
                required=True,
            )
        )
    return Form(fields)


def _set(ask: Ask, changes: dict[str, str]) -> str:
    """Set parameters; return what was done."""
    told = []
    for name, value in changes.items():
        operation = ask.control.operation(_SET, {"name": name, "value": value})
        result = ask.control.run(ask.principal, operation)
        told += [f"{each}." for each in result.changes] + list(result.warnings)
    return " ".join(told)
