"""Steps that many remedies have: what is typed, and what it does to phones."""

from __future__ import annotations

from typing import Final

from mixedmode.audit.live.finding import Step

TFTP: Final = "Cisco Tftp"
TVS: Final = "Cisco Trust Verification Service"
CAPF: Final = "Cisco Certificate Authority Proxy Function"
CALLMANAGER: Final = "Cisco CallManager"
_EFFECTS: Final = {
    TFTP: "phones that start meanwhile ask again; the node's ITL and signed files are made anew",
    TVS: "phones that ask meanwhile ask another node",
    CAPF: "phones that fetch a certificate meanwhile try again; no others notice",
    CALLMANAGER: "its phones register at their next node and come back; calls in progress go on",
}
_SERVICE_OF: Final = {"TVS": TVS, "CAPF": CAPF}


def restart(service: str, node: str) -> Step:
    """Return the step that restarts a service of a node."""
    return Step(_EFFECTS[service], f"utils service restart {service}", node)


def restarts_after(unit: str, node: str) -> tuple[Step, ...]:
    """Return the restarts that a renewed certificate needs, in order (field-notes.md A1, technote 214231)."""
    if unit in {"TVS", "CAPF"}:
        return restart(_SERVICE_OF[unit], node), restart(TFTP, node)
    if unit.startswith("tomcat"):
        return (
            Step(
                "web pages and AXL are away for a minute; no phone notices", "utils service restart Cisco Tomcat", node
            ),
        )
    return restart(TFTP, node), restart(CALLMANAGER, node)


def update_ctl(publisher: str) -> Step:
    """Return the step that makes the CTL anew."""
    return Step(
        "a CTL with the certificates in use goes to every node; nothing happens to phones until they restart",
        "utils ctl update CTLFile",
        publisher,
    )


RESET_PHONES: Final = Step(
    "Reset the phones (Device > Phone > Reset Selected, a pool at a time): each is away for a minute or two and comes "
    "back with the new lists; watch that the number of those with the old one falls"
)
FORECAST: Final = Step(
    "Before anything is changed, ask what every phone would do",
    "mixedmode forecast --inventory INVENTORY --operation 'OPERATION'",
)
AT_THE_PHONE: Final = Step(
    "What takes nothing from afar any more is erased at the phone, or by its own keys: CTL and ITL go, and the phone "
    "takes those that are served",
    "mixedmode rescue",
)


def forecast_of(operation: str) -> Step:
    """Return the step that forecasts an operation, by its words at the ``admin:`` prompt."""
    return Step(
        "asks what every phone would do, and changes nothing",
        f'mixedmode forecast --inventory inventory.json --operation "{operation}"',
    )


def renew(unit: str, node: str, publisher: str, *, mixed: bool | None) -> tuple[Step, ...]:
    """Return the steps that renew a certificate: forecast, one certificate, restarts, CTL, phones."""
    steps = [
        forecast_of(f"set cert regen node={node} unit={unit}"),
        Step("one certificate alone; phones take it with the next list", f"set cert regen {unit}", node),
        *restarts_after(unit, node),
    ]
    if mixed is not False and unit in {"CallManager", "CallManager-ECDSA", "CAPF", "ITLRecovery"}:
        steps.append(update_ctl(publisher))
    if not unit.startswith(("tomcat", "ipsec")):
        steps.append(RESET_PHONES)
    return tuple(steps)
