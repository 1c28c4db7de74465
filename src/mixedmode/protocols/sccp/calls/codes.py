"""What the numbers in the messages of calls mean (calls-and-media.md 3 to 7). Others may come; they are kept."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """Of a call, in CallState."""

    OFF_HOOK = 1
    ON_HOOK = 2
    RING_OUT = 3
    RING_IN = 4
    CONNECTED = 5
    BUSY = 6
    CONGESTION = 7
    HOLD = 8
    CALL_WAITING = 9
    TRANSFER = 10
    PARK = 11
    PROCEED = 12
    REMOTE_MULTILINE = 13
    INVALID_NUMBER = 14
    HOLD_REVERT = 15
    WHISPER = 16
    REMOTE_HOLD = 17


class Tone(IntEnum):
    """In StartTone."""

    SILENCE = 0
    INSIDE_DIAL = 0x21
    OUTSIDE_DIAL = 0x22
    BUSY = 0x23
    ALERTING = 0x24
    REORDER = 0x25
    CALL_WAITING = 0x2D
    ZIP_ZIP = 0x31
    ZIP = 0x32
    SECURE = 0x39
    """Three long beeps."""
    NOT_SECURE = 0x49
    """Six short beeps."""
    NONE = 0x7F


class Key(IntEnum):
    """A soft key, in SoftKeyEvent and the template."""

    REDIAL = 1
    NEW_CALL = 2
    HOLD = 3
    TRANSFER = 4
    FORWARD_ALL = 5
    FORWARD_BUSY = 6
    FORWARD_NO_ANSWER = 7
    BACKSPACE = 8
    END_CALL = 9
    RESUME = 10
    ANSWER = 11
    INFO = 12
    CONFERENCE = 13
    PARK = 14
    JOIN = 15
    MEET_ME = 16
    PICK_UP = 17
    GROUP_PICK_UP = 18


class KeySet(IntEnum):
    """Which soft keys are shown, in SelectSoftKeys."""

    ON_HOOK = 0
    CONNECTED = 1
    ON_HOLD = 2
    RING_IN = 3
    OFF_HOOK = 4
    CONNECTED_TRANSFERABLE = 5
    DIGITS = 6
    CONNECTED_CONFERENCE = 7
    RING_OUT = 8
    OFF_HOOK_FEATURES = 9
    IN_USE = 10
    ON_HOOK_STEALABLE = 11


class Button(IntEnum):
    """A button or a lamp."""

    REDIAL = 1
    SPEED_DIAL = 2
    HOLD = 3
    TRANSFER = 4
    LINE = 9
    VOICE_MAIL = 0x0F


class Lamp(IntEnum):
    """How a lamp is lit."""

    OFF = 1
    ON = 2
    WINK = 3
    FLASH = 4
    BLINK = 5


class Ring(IntEnum):
    """How a phone rings."""

    OFF = 1
    INSIDE = 2
    OUTSIDE = 3
    FEATURE = 4
    SILENT = 5
    URGENT = 6


class Switched(IntEnum):
    """Speaker and microphone."""

    ON = 1
    OFF = 2


class CallKind(IntEnum):
    """In CallInfo."""

    IN = 1
    OUT = 2
    FORWARD = 3


class Protection(IntEnum):
    """The security status of a call in CallInfo: 3 is shown as a lock, 2 as a shield, the others as nothing."""

    UNKNOWN = 0
    NOT_AUTHENTICATED = 1
    AUTHENTICATED = 2
    ENCRYPTED = 3

    @property
    def words(self) -> str:
        """The status, for people."""
        return self.name.lower().replace("_", " ")

    @property
    def icon(self) -> str:
        """``lock``, ``shield`` or nothing."""
        return {Protection.ENCRYPTED: "lock", Protection.AUTHENTICATED: "shield"}.get(self, "")


class MediaStatus(IntEnum):
    """What a phone says of a channel."""

    OK = 0
    UNKNOWN = 1
    NO_CHANNEL = 2
    CODEC_TOO_COMPLEX = 3
    BAD_PARTY = 4
    BAD_CALL = 5
    BAD_CODEC = 6
    BAD_PACKET_SIZE = 7
    OUT_OF_SOCKETS = 8
    CODER_FAILED = 9
    BAD_DYNAMIC_PAYLOAD = 10
    NO_SUCH_ADDRESS_TYPE = 11
    ON_HOOK = 0xFF


class Algorithm(IntEnum):
    """Of media encryption."""

    NONE = 0
    AES_128_HMAC_SHA1_32 = 1
    AES_128_HMAC_SHA1_80 = 2
    F8_128_HMAC_SHA1_32 = 3
    F8_128_HMAC_SHA1_80 = 4
    AEAD_AES_128_GCM = 5
    AEAD_AES_256_GCM = 6


class Payload(IntEnum):
    """A codec, as SCCP numbers it."""

    ALAW = 2
    ULAW = 4
    G722 = 6
    G723 = 9
    G729 = 11
    G729A = 12
    G729B = 15
    G729AB = 16
    WIDE_BAND = 0x19
    G726_32 = 0x52
    ILBC = 0x56
    TELEPHONE_EVENT = 0x101


RTP_TYPES: Final = {
    Payload.ULAW: 0,
    Payload.G723: 4,
    Payload.ALAW: 8,
    Payload.G722: 9,
    Payload.WIDE_BAND: 25,
    **dict.fromkeys((Payload.G729, Payload.G729A, Payload.G729B, Payload.G729AB), 18),
    Payload.TELEPHONE_EVENT: 101,
    Payload.G726_32: 112,
}
"""The payload type of RTP for a codec; iLBC's is dynamic."""

DIGITS: Final = "0123456789ABCD*#+"
"""What KeypadButton's numbers stand for, from 0 on."""


class Phrase:
    """Words of the phone's own language, for prompts; other text may follow."""

    ON_HOOK: Final = "\udc80\x15"
    RING_OUT: Final = "\udc80\x16"
    FROM: Final = "\udc80\x17"
    CONNECTED: Final = "\udc80\x18"
    BUSY: Final = "\udc80\x19"
    PROCEED: Final = "\udc80\x1e"
    ENTER_NUMBER: Final = "\udc80\x20"
    TEMPORARY_FAILURE: Final = "\udc80\x23"
    UNKNOWN_NUMBER: Final = "\udc80\x38"
    SECURITY_ERROR: Final = "\udc80\x56"
