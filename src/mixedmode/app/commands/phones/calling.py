"""What ``mixedmode phone`` does once the phone has booted: register, place a call or take one."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say
from mixedmode.numbers import port_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mixedmode.phone.body.calling.capture import Capture
    from mixedmode.phone.body.client import Phone
    from mixedmode.phone.mind.calls.events import PhoneCall


@dataclass(frozen=True, slots=True)
class Calling:
    """What the user wants of calls.

    Attributes:
        manager: ``HOST[:PORT]`` of a server to register with at once; empty for those of the configuration.
        dial: The number to call.
        answer: Whether to take a call.
        talk: Seconds until a call that was placed is hung up.
        wait: Seconds for a call to come, or to be answered.
        as_json: Whether the result is JSON.
        capture: A file for what is sent and comes, None for none.
    """

    manager: str
    dial: str
    answer: bool
    talk: float
    wait: float
    as_json: bool = False
    capture: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.manager or self.dial or self.answer)


def call(phone: Phone, calling: Calling, lsc: Path | None, mic: Path | None) -> None:
    """Register, call or be called, and show how it went.

    Raises:
        CheckFailedError: The call was not answered, or none came.
        OSError: The capture cannot be written.
        RemoteError: No server registered the phone.
    """
    from mixedmode.app.targets.phone_keys import read_key
    from mixedmode.phone.body.calling.capture import Capture, CapturedNetwork
    from mixedmode.phone.body.calling.errands import Errand, knows, run
    from mixedmode.phone.body.calling.rtp import RtpMedia
    from mixedmode.protocols.rtp.tones import tone_of

    if calling.manager:
        knows(phone, *_host_and_port(calling.manager))
    identity = read_key(lsc, missing=True) or read_key(mic)
    errand = Errand(calling.dial, calling.answer, calling.talk, calling.wait)
    told = [""]

    def tell(each: PhoneCall) -> None:
        line = _line(each)
        if not calling.as_json and line != told[-1]:
            told[:] = [line]
            print_lines(told)

    capture = None if calling.capture is None else Capture()
    media = RtpMedia(tone_of(phone.name), None if capture is None else capture.datagram)
    if capture is not None:
        phone.world = replace(phone.world, network=CapturedNetwork(phone.world.network, capture))
    with ended_by_terminate():
        try:
            report = interrupts.run(run(phone, errand, identity=identity, media=media, on_change=tell))
        finally:
            if capture is not None and calling.capture is not None:
                _keep(capture, calling.capture)
    if calling.as_json:
        print_json(report.document())
    else:
        status = report.registration
        numbers = f", lines {', '.join(status.lines)}" if any(status.lines) else ""
        print_lines([f"registered with {status.server}, {'TLS' if status.secure else 'no TLS'}{numbers}"])
        print_lines([] if report.call is None or not report.connected else [_protection(report.call)])
        print_lines([] if report.sound is None else [report.sound.line()])
    if media.problem:
        say(f"error: {media.problem}")
    if (calling.dial or calling.answer) and not report.connected:
        ended = "no call came" if report.call is None else f"the call was not answered: {report.call.state_words}"
        raise CheckFailedError(ended, where=phone.name)


@contextmanager
def ended_by_terminate() -> Iterator[None]:
    """Have SIGTERM end a call as Ctrl-C does, so that its capture is kept (``timeout 60 mixedmode phone ...``)."""
    before = signal.signal(signal.SIGTERM, lambda _signal, _frame: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _keep(capture: Capture, path: Path) -> None:
    from mixedmode.phone.body.calling.capture import MOST_BYTES
    from mixedmode.pki.files import PRIVATE, write_atomic

    write_atomic(path, bytes(capture.data), mode=PRIVATE)
    if capture.full:
        say(f"warning: {path} holds the first {MOST_BYTES >> 20} MiB of the call")


def _protection(call: PhoneCall) -> str:
    """Return how well a call is protected, for people."""
    from mixedmode.protocols.sccp.calls.codes import Protection

    words = Protection(call.security).words if call.security in set(Protection) else f"status {call.security}"
    return f"security: {words}{f', {call.icon} icon' if call.icon else ', no icon'}"


def _line(call: PhoneCall) -> str:
    """Return a change of a call for people: its state, who takes part, and the icon."""
    parties = f"{_party(call.calling_name, call.calling)} to {_party(call.called_name, call.called)}"
    shown = f" ({call.icon})" if call.icon else ""
    return f"call {call.call}: {call.state_words}{f', {parties}' if call.calling or call.called else ''}{shown}"


def _party(name: str, number: str) -> str:
    return f"{name} ({number})" if name and number and name != number else name or number or "?"


def _host_and_port(text: str) -> tuple[str, int]:
    from mixedmode.phone.body.calling.errands import SCCP_PORT

    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        return text.strip("[]"), SCCP_PORT
    number = port_number(port)
    if not host or number is None:
        raise UsageError(f"{text!r} names no server", where="--call-manager", next_step="write HOST or HOST:PORT")
    return host.strip("[]"), number
