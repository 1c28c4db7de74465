"""What ``mixedmode phones`` says of a phone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from mixedmode.errors import UsageError

GOES_ON: Final = "who is registered stays so until the connection ends, and is refused then"
"""What comes of a registration whose certificate ends meanwhile; TLS looks at certificates in the handshake."""
_NUMBER = re.compile(r"[0-9*#A-D+]{1,24}")


def check_number(number: str) -> None:
    """Refuse what no phone can dial.

    Raises:
        UsageError: It is no number.
    """
    if not _NUMBER.fullmatch(number):
        raise UsageError(
            f"{number!r} is no number", next_step="write up to 24 keys of a phone: 0 to 9, *, #, A to D, +"
        )


def call_lines(report: dict[str, Any]) -> list[str]:
    """Return how a call of a lab's phone went.

    Args:
        report: As the lab's socket describes it.
    """
    call = report["call"]
    if call is None:
        return []
    if not call["connected"]:
        return [f"{report['name']}: {call['state']}"]
    parties = f"{_party(call['calling_name'], call['calling'])} to {_party(call['called_name'], call['called'])}"
    icon = f"{call['icon']} on the screen" if call["icon"] else "no icon on the screen"
    return [f"{report['name']}: {parties}, {call['media']}, {icon}", *filter(None, [report["media_line"]])]


def _party(name: str, number: str) -> str:
    return f"{name} ({number})" if name and name != number else number or "?"


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
    lsc = phone["lsc"]
    if lsc is not None:
        lines.append(f"LSC: {until_text(lsc['not_after'])}")
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
        "certificate": " ".join(
            filter(None, (phone["certificate"] or "none", until_text(phone.get("certificate_until"))))
        ),
        "cipher": phone["cipher"] or "none",
        "CTL (SHA-1)": _hash(phone["ctl_sha1"]),
        "ITL (SHA-1)": _hash(phone["itl_sha1"]),
    }
    return [*lines, *(f"  {label:<12}{value}" for label, value in rows.items())]


def has_ended(until: str | None) -> bool:
    """Return whether the certificate ended by which a phone is registered."""
    return until is not None and datetime.now(UTC) > datetime.fromisoformat(until)


def until_text(until: str | None) -> str:
    """Return until when a phone's certificate holds, and what comes of it if that was before now."""
    if until is None:
        return ""
    return f"until {until}" + (f", which has ended: {GOES_ON}" if has_ended(until) else "")


def _hash(reported: str | None) -> str:
    return "not reported" if reported is None else reported or "none"


def _registration(status: dict[str, Any]) -> str:
    if status["state"] == "registered":
        return f"registered with {status['server']}{' by TLS' if status['secure'] else ''} since {status['since']}"
    return f"{status['state']}: {status['reason']}" if status["reason"] else str(status["state"])
