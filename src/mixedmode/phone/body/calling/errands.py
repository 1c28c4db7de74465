"""One phone's errand: register, place or take one call, and say how it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mixedmode.errors import RemoteError
from mixedmode.phone.body.calling.telephone import FAILED, Telephone
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.registration_status import RegistrationStatus
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.calls.events import PhoneCall
from mixedmode.protocols.sccp.calls.codes import State
from mixedmode.xml_reader import xml_text

if TYPE_CHECKING:
    from mixedmode.phone.body.calling.media import Media
    from mixedmode.phone.mind.calls.sound import Sound
    from mixedmode.pki.signing.signer import SoftwareSigner

_REGISTER_SECONDS: Final = 20.0
_LEAVE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0
_LOOKS_ALONE: Final = 10
"""So long a call goes on that the phone took, once no server is there that would end it."""
SCCP_PORT: Final = 2000
_LOOK: Final = "look at the address, the port, and whether the server knows the phone"
_TAKEN: Final = "the server closed the connection"
_OTHER: Final = (
    "another phone has this name: a lab's own phone takes it back; one of your own gets a name by mixedmode device add"
)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a phone is to do once it is registered.

    Attributes:
        dial: The number to call, empty for none.
        answer: Whether to take the first call.
        talk: Seconds until it hangs up a call that it placed.
        wait: Seconds for a call to come, or to be answered.
    """

    dial: str = ""
    answer: bool = False
    talk: float = 3.0
    wait: float = 60.0


@dataclass(frozen=True, slots=True)
class Report:
    """How it went.

    Attributes:
        registration: As it was while it was registered.
        call: The call as it was last while there was one; None if there was none.
        sound: What came of its media; None if it had none.
    """

    registration: RegistrationStatus
    call: PhoneCall | None = None
    sound: Sound | None = None

    @property
    def connected(self) -> bool:
        """Whether the call was answered."""
        return self.call is not None and self.call.was_connected

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        call = None if self.call is None else {**self.call.document(), "connected": self.connected}
        sound = None if self.sound is None else self.sound.document()
        return {"registration": self.registration.document(), "call": call, "media": sound}


def knows(phone: Phone, host: str, port: int = SCCP_PORT) -> None:
    """Give a phone a configuration that names one CallManager, without TLS, as if it had booted with it."""
    phone.state = replace(
        phone.state,
        config=(
            "<device><deviceProtocol>SCCP</deviceProtocol><devicePool><callManagerGroup><members>"
            f'<member priority="0"><callManager><ports><ethernetPhonePort>{port}</ethernetPhonePort></ports>'
            f"<processNodeName>{xml_text(host)}</processNodeName></callManager></member></members></callManagerGroup>"
            "</devicePool><deviceSecurityMode>1</deviceSecurityMode></device>"
        ).encode(),
    )


async def run(
    phone: Phone,
    errand: Errand,
    *,
    identity: SoftwareSigner | None = None,
    media: Media | None = None,
    on_change: Callable[[PhoneCall], None] = lambda _call: None,
) -> Report:
    """Register, do the errand, and leave.

    Args:
        phone: It has booted.
        errand: What to do.
        identity: Its LSC or MIC, for TLS.
        media: What plays and records sound.
        on_change: Told each change of a call.

    Raises:
        RemoteError: No server registers the phone.
    """
    registration = Registration(phone, identity=identity, tvs=ask_tvs)
    shown: list[PhoneCall] = []

    def changed(call: PhoneCall) -> None:
        if call.state != State.ON_HOOK:
            shown[:] = [call]
        on_change(call)

    telephone = Telephone(registration, media, answers=errand.answer, on_change=changed)
    registration.start()
    try:
        if not await registration.ready(_REGISTER_SECONDS):
            status = registration.status
            raise RemoteError(
                "the phone is not registered",
                where=status.server or phone.name,
                why=status.reason or "no server answers in time",
                next_step=_LOOK if not status.reason.endswith(_TAKEN) else f"{_LOOK}, and whether {_OTHER}",
            )
        status = registration.status
        if errand.dial:
            await _place(telephone, errand)
        elif errand.answer:
            await _take(telephone, errand)
        call = shown[0] if shown else None
        if telephone.registrations > 1 and (call is None or not call.was_connected):
            raise RemoteError(
                "the registration ended before the call was answered",
                where=phone.name,
                next_step=f"see whether {_OTHER}",
            )
        return Report(status, call, None if call is None else telephone.media.sound(call.call))
    finally:
        await registration.stop()
        telephone.hush()


def _decided(call: PhoneCall) -> bool:
    return call.was_connected or call.state in FAILED


async def _place(telephone: Telephone, errand: Errand) -> None:
    telephone.dial(errand.dial)
    await telephone.wait(lambda calls: any(map(_decided, calls.values())), errand.wait)
    if any(call.was_connected for call in telephone.calls.values()):
        await telephone.wait(lambda calls: not calls, errand.talk)
    for call in tuple(telephone.calls.values()):
        telephone.hang_up(call)
    await telephone.wait(lambda calls: not calls, _LEAVE_SECONDS)


async def _take(telephone: Telephone, errand: Errand) -> None:
    if not await telephone.wait(lambda calls: any(call.was_connected for call in calls.values()), errand.wait):
        return
    alone = 0
    # Sound goes on without a server, as on a real phone; who dialled will not come back by it.
    while alone < _LOOKS_ALONE and not await telephone.wait(lambda calls: not calls, _LOOK_SECONDS):
        alone = 0 if telephone.registration.registered else alone + 1
