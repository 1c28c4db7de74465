"""What an administrator is asked about the certificate of a CTL Provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixedmode.faces.terminal.console import say

if TYPE_CHECKING:
    from mixedmode.faces.ctlclient.known import Known
    from mixedmode.pki.certificates.certificates import Certificate


def accept(place: str, certificate: Certificate) -> bool:
    """Ask on the terminal whether an unknown provider is the right one."""
    from mixedmode.pki.ask import ask_yes, is_terminal

    if not is_terminal():
        return False
    say(f"The CTL Provider {place} shows {certificate.subject}")
    say(f"SHA-256 {certificate.sha256.hex()}")
    return ask_yes("Is this the right one? (yes/no) ")


def accept_change(place: str, before: Known, now: Certificate, *, wizard: bool) -> bool:
    """Show a changed certificate beside the known one, and ask whether to take it.

    Args:
        place: ``HOST:PORT``.
        before: What was noted.
        now: What is shown.
        wizard: Ask on a pipe too, whose answers a wizard takes anyway; the end of input is a no.
    """
    from mixedmode.faces.ctlclient.known import explain_change
    from mixedmode.pki.ask import ask_yes, is_terminal

    if not (wizard or is_terminal()):
        return False
    for line in explain_change(place, before, now):
        say(line)
    return ask_yes("Take the new certificate from now on? (yes/no) ")
