"""Which lines of a phone's console log and of TVS's trace tell how an unknown signer was verified.

The seed prints the phone's question, what TVS traced of it, and what the phone did with the answer; and before that how
TVS took the new CTL file into its cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mixedmode.rehearsal.stage import Stage

_QUESTION: Final = ("setupSocketToTvsProxy", "SECUREAPP-TVS: process request", "tvsQuery:")
_ANSWER: Final = (": TVS: ", ": TVS cache: ")
_NEXT_FILE: Final = "TFTP: requesting "
_BEGIN: Final = "debug tvsHandleQueryCertReq"
_END: Final = "Timer started from"
_RECACHED: Final = "localCTLCacheMonitor"
_CACHING: Final = ("updateLocalCTLCache", "tvs_sql_get_all_CTL_certificate")


def asked_and_answered(log: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a phone's lines up to its first question to TVS, and those that follow; both empty if it asked nothing.

    Args:
        log: The console log of one boot.
    """
    answer = next((at for at, line in enumerate(log) if any(each in line for each in _ANSWER)), None)
    if answer is None:
        return [], []
    first = next((at for at, line in enumerate(log[:answer]) if any(each in line for each in _QUESTION)), answer)
    # A socket that was opened for an earlier file belongs to that one.
    files = [at for at, line in enumerate(log[:answer]) if _NEXT_FILE in line]
    first = max(first, files[-1] + 1 if files else 0)
    end = next((at for at in range(answer, len(log)) if _NEXT_FILE in log[at]), len(log))
    return list(log[first:answer]), list(log[answer:end])


def last_request(trace: Sequence[str], serial: str) -> list[str]:
    """Return the last request about a certificate that TVS traced, empty if there is none.

    Args:
        trace: The lines.
        serial: The certificate's serial number, upper-case hex.
    """
    found: list[str] = []
    block: list[str] = []
    for line in trace:
        if line.endswith(_BEGIN):
            block = []
        block.append(line)
        if _END in line and any(f"Serial Number is: {serial}" in each for each in block):
            found = block
    return found


def last_caching(trace: Sequence[str]) -> list[str]:
    """Return how TVS took a changed CTL file into its cache for the last time, empty if it never did."""
    start = next((at for at in range(len(trace) - 1, -1, -1) if _RECACHED in trace[at]), None)
    if start is None:
        return []
    end = start + 1
    while end < len(trace) and any(each in trace[end] for each in _CACHING):
        end += 1
    return list(trace[start:end])


def show_caching(stage: Stage) -> None:
    """Show how TVS of the publisher took the new CTL file into its cache."""
    node = stage.lab.cluster.publisher.name
    _show(stage, f"TVS trace of {node}: it takes the CTL file into its cache", last_caching(stage.tvs_trace(node)))


def show_verification(stage: Stage) -> None:
    """Show how the first phone that asked TVS had it verify the unknown signer: its console log and TVS's trace."""
    asked = ((boot, *asked_and_answered(boot.log)) for boot in stage.boots.values())
    boot, question, answer = next((each for each in asked if each[1]), (None, [], []))
    published = stage.published_ctl()
    if boot is None or published is None or published.header.signer_serial is None:
        return
    who, serial = f"{boot.name} ({boot.model.name})", published.header.signer_serial.hex().upper()
    _show(stage, f"Phone console log of {who}: a request to TVS to verify the unknown certificate", question)
    for node in stage.lab.nodes:
        request = last_request(stage.tvs_trace(node), serial)
        if request:
            _show(stage, f"TVS trace of {node}: the request of the phone, which is verified", request)
            break
    _show(stage, f"Phone console log of {who}: the reply of TVS, to trust the certificate", answer)


def _show(stage: Stage, heading: str, lines: Sequence[str]) -> None:
    if lines:
        stage.head(heading)
        for line in lines:
            stage.tell(line)
