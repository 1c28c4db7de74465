"""The forms of a phone and of its lines, and the operations that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.lines import MOST_CALLS, MOST_LINES, NAME_LENGTH, LineSpec
from mixedmode.cluster.model.topology import DEVICE_LENGTHS, DeviceSpec
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice, DeviceValues
from mixedmode.cluster.operations.lines import AddLines, ChangeLine, LineValues, RemoveLine
from mixedmode.faces.web.kit.forms import Field, Form
from mixedmode.faces.web.pages.administration.profiles import MODES
from mixedmode.phone.mind.models import MODELS

if TYPE_CHECKING:
    from mixedmode.cluster.model.records import Device

DESCRIPTION: Final = DEVICE_LENGTHS["description"]
_ENABLED: Final = "Enabled"
_ACCESS: Final = (("Disabled", "Disabled"), (_ENABLED, "Enabled"))
_PROTOCOLS: Final = (("SCCP", "SCCP"), ("SIP", "SIP"))
_MODES: Final = tuple((str(mode), word) for mode, word in MODES.items())
_NUMBER: Final = 24
"""Characters of a directory number."""


def change_form(device: Device, pools: Sequence[str]) -> Form:
    """Return the form of what a phone is set to."""
    offered = dict.fromkeys((*pools, device.device_pool))
    return Form(
        [
            Field(
                "description",
                "Description",
                value=device.description,
                hint=f"Up to {DESCRIPTION} characters; phones do not show it.",
                most=DESCRIPTION,
            ),
            Field(
                "device_pool",
                "Device Pool",
                kind="choice",
                value=device.device_pool,
                hint="Its group says which nodes the phone registers with, and whose TVS it asks.",
                choices=tuple((each, each) for each in offered),
                required=True,
            ),
            Field(
                "protocol", "Device Protocol", kind="choice", value=device.protocol, choices=_PROTOCOLS, required=True
            ),
            Field(
                "security_mode",
                "Device Security Mode (Phone Security Profile)",
                kind="choice",
                value=str(device.security_mode),
                hint="Authenticated and encrypted phones register over TLS: they need the CTL of mixed mode.",
                choices=_MODES,
                required=True,
            ),
            Field(
                "web_access",
                "Web Access",
                kind="choice",
                value=_access(device.web_access),
                hint="Whether the phone's own pages may be seen.",
                choices=_ACCESS,
            ),
            Field(
                "authentication_url",
                "Authentication Server",
                value=device.authentication_url,
                hint="Who says who may press the phone's keys from afar, such as http://cucm:8080/authenticate.jsp.",
                mono=True,
                most=DEVICE_LENGTHS["authentication_url"],
            ),
            Field(
                "secure_tone",
                "Protected Device (Play Secure Indication Tone)",
                kind="choice",
                value=_access(device.secure_tone),
                hint="A tone tells who talks whether the call is encrypted.",
                choices=_ACCESS,
            ),
        ]
    )


def changed(device: Device, given: Mapping[str, str]) -> ChangeDevice | None:
    """Return the operation for what was changed; None if nothing was.

    Raises:
        UsageError: A value is out of its range.
    """
    mode = int(given["security_mode"])
    values = DeviceValues(
        description=_other(given.get("description", ""), device.description),
        device_pool=_other(given["device_pool"], device.device_pool),
        protocol=_other(given["protocol"], device.protocol),
        security_mode=None if mode == device.security_mode else mode,
        web_access=_switched(given, "web_access", device.web_access),
        authentication_url=_other(
            given.get("authentication_url", device.authentication_url), device.authentication_url
        ),
        secure_tone=_switched(given, "secure_tone", device.secure_tone),
    )
    return None if values == DeviceValues() else ChangeDevice(device.name, values)


def add_form(pools: Sequence[str]) -> Form:
    """Return the form of a new phone."""
    models = [model.name for model in MODELS.values() if model.is_phone]
    default = "Default" if "Default" in pools else (pools[0] if pools else "Default")
    return Form(
        [
            Field(
                "name",
                "Device Name",
                hint="SEP and the twelve digits of its MAC address, such as SEP001122334455.",
                required=True,
                mono=True,
                most=128,
            ),
            Field(
                "model",
                "Product Type",
                kind="choice",
                value="7975",
                choices=tuple((each, f"Cisco {each}") for each in models),
                required=True,
            ),
            Field("description", "Description", most=DESCRIPTION),
            Field(
                "device_pool",
                "Device Pool",
                kind="choice",
                value=default,
                choices=tuple((each, each) for each in pools or (default,)),
                required=True,
            ),
            Field("protocol", "Device Protocol", kind="choice", value="SCCP", choices=_PROTOCOLS, required=True),
            Field("security_mode", "Device Security Mode", kind="choice", value="1", choices=_MODES, required=True),
        ]
    )


def added(given: Mapping[str, str]) -> AddDevices:
    """Return the operation for a new phone.

    Raises:
        UsageError: A value is out of its range.
    """
    spec = DeviceSpec(
        given["name"].strip(),
        given["model"],
        given.get("description", ""),
        given["device_pool"],
        given["protocol"],
        int(given["security_mode"]),
    )
    return AddDevices((spec,))


def line_form(line: LineSpec | None) -> Form:
    """Return the form of a line; of a new one if there is none yet."""
    fields = []
    if line is None:
        fields = [
            Field(
                "number",
                "Directory Number",
                hint="Digits, * and #, such as 1001.",
                required=True,
                mono=True,
                most=_NUMBER,
            ),
            Field("position", "Button", kind="number", hint=f"1 to {MOST_LINES}; the first free one if left out."),
        ]
    shown = line or LineSpec("", "0")
    return Form(
        [
            *fields,
            Field("name", "Alerting Name", value=shown.name, hint="What others see.", most=NAME_LENGTH),
            Field(
                "label", "Line Text Label", value=shown.label, hint="What stands beside the button.", most=NAME_LENGTH
            ),
            Field("forward_all", "Forward All", value=shown.forward_all, mono=True, most=_NUMBER),
            Field("forward_busy", "Forward Busy", value=shown.forward_busy, mono=True, most=_NUMBER),
            Field("forward_no_answer", "Forward No Answer", value=shown.forward_no_answer, mono=True, most=_NUMBER),
            Field(
                "calls",
                "Busy Trigger",
                kind="number",
                value=str(shown.calls),
                hint=f"Calls until it is busy, 1 to {MOST_CALLS}.",
                required=True,
            ),
        ],
        types={"position": "integer", "calls": "integer"},
    )


def added_line(device: str, form: Form, given: Mapping[str, str]) -> AddLines:
    """Return the operation for a new line.

    Raises:
        UsageError: A value is out of its range.
    """
    found = form.document(given)
    return AddLines(
        (
            LineSpec(
                device,
                str(found["number"]).strip(),
                _number(found["position"], 0),
                str(found["name"] or ""),
                str(found["label"] or ""),
                str(found["forward_all"] or ""),
                str(found["forward_busy"] or ""),
                str(found["forward_no_answer"] or ""),
                _number(found["calls"], 0),
            ),
        )
    )


def changed_line(line: LineSpec, form: Form, given: Mapping[str, str]) -> ChangeLine:
    """Return the operation for a line's new values; one that stays is not in it.

    Raises:
        UsageError: Nothing is changed, or a value is out of its range.
    """
    calls = _number(form.document(given)["calls"], 0)
    values = LineValues(
        name=_other(given.get("name", ""), line.name),
        label=_other(given.get("label", ""), line.label),
        forward_all=_other(given.get("forward_all", ""), line.forward_all),
        forward_busy=_other(given.get("forward_busy", ""), line.forward_busy),
        forward_no_answer=_other(given.get("forward_no_answer", ""), line.forward_no_answer),
        calls=None if calls == line.calls else calls,
    )
    return ChangeLine(line.number, values)


def remove_line(line: LineSpec) -> RemoveLine:
    """Return the operation that removes a line."""
    return RemoveLine(line.number)


def _access(is_on: bool) -> str:
    return _ENABLED if is_on else "Disabled"


def _switched(given: Mapping[str, str], name: str, present: bool) -> bool | None:
    """Return what is chosen, None if it stays; a form of an older page does not say it."""
    chosen = given.get(name) or _access(present)
    return None if chosen == _access(present) else chosen == _ENABLED


def _other(given: str, present: str) -> str | None:
    return None if given == present else given


def _number(value: object, otherwise: int) -> int:
    """Return a number of a form; what is none is out of every range."""
    if isinstance(value, int):
        return value
    return otherwise if not value else -1
