"""What ``mixedmode phones`` says of a phone."""

from __future__ import annotations

from typing import Any


def screen_lines(phone: dict[str, Any]) -> list[str]:
    """Return what a person sees on a lab's phone.

    Args:
        phone: As the lab's socket describes it.
    """
    alarm = phone["alarm"]
    lines = [f"{phone['name']}, Cisco {phone['model']}: {_registration(phone['registration'])}", "", "Status messages"]
    lines += [f"  {message}" for message in phone["messages"]] or ["  (none)"]
    lines += ["", *phone["screen"], ""]
    lines.append("Trust list alarm: " + ("none" if alarm is None else f"{alarm['code']} {alarm['name']}"))
    if phone["outcome"] is not None:
        lines.append(f"Outcome: {phone['outcome']}")
    for file, why in phone["refused"].items():
        lines.append(f"{file} refused: {why}")
    if phone["deleted"]:
        lines.append(f"deleted by hand: {', '.join(phone['deleted'])}; then: mixedmode phones reset {phone['name']}")
    for kind in phone["kept_lists"][:1]:
        name = phone["name"]
        lines.append(f"remedy: mixedmode phones delete-{kind.lower()} {name}, then mixedmode phones reset {name}")
    return lines


def registered_lines(phone: dict[str, Any]) -> list[str]:
    """Return what a node knows of a registered phone.

    Args:
        phone: As the node's socket describes it.
    """
    since = f"since {phone['since']}, from {phone['address']}"
    lines = [f"{phone['name']}, Cisco {phone['model']}: registered with {phone['node']}, {phone['security']}, {since}"]
    rows = {
        "load": phone["load"] or "-",
        "certificate": phone["certificate"] or "none",
        "cipher": phone["cipher"] or "none",
        "CTL (SHA-1)": _hash(phone["ctl_sha1"]),
        "ITL (SHA-1)": _hash(phone["itl_sha1"]),
    }
    return [*lines, *(f"  {label:<12}{value}" for label, value in rows.items())]


def _hash(reported: str | None) -> str:
    return "not reported" if reported is None else reported or "none"


def _registration(status: dict[str, Any]) -> str:
    if status["state"] == "registered":
        return f"registered with {status['server']}{' by TLS' if status['secure'] else ''} since {status['since']}"
    return f"{status['state']}: {status['reason']}" if status["reason"] else str(status["state"])
