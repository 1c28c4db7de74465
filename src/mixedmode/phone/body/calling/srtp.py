"""SRTP by libsrtp: keys of the messages in, packets out (RFC 3711; calls-and-media.md 7.3).

Phones of SCCP know AES_CM_128_HMAC_SHA1_32, and this one _80 besides. Everything else is refused: sound that cannot be
protected as asked is not sent at all. libsrtp is loaded when the first keys come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mixedmode.phone.body.calling.media import NoChannelError
from mixedmode.protocols.rtp.stream import Dropped
from mixedmode.protocols.sccp.calls.codes import Algorithm, MediaStatus
from mixedmode.protocols.sccp.calls.media_keys import KEY_LENGTH, SALT_LENGTH, MediaKeys

if TYPE_CHECKING:
    from pylibsrtp import Session

_PROFILES: Final = {
    Algorithm.AES_128_HMAC_SHA1_32: "SRTP_PROFILE_AES128_CM_SHA1_32",
    Algorithm.AES_128_HMAC_SHA1_80: "SRTP_PROFILE_AES128_CM_SHA1_80",
}
_WINDOW: Final = 128
_REPLAYED: Final = "replay check"

Protect = Callable[[bytes], bytes]
"""Encrypts a packet."""
Open = Callable[[bytes], bytes | Dropped]
"""Decrypts a packet, or says why not."""


def protecting(keys: MediaKeys) -> Protect:
    """Return what encrypts packets; nothing is done to them if there are no keys.

    Raises:
        NoChannelError: This phone does not know the algorithm, the keys are none for it, or libsrtp is not installed.
    """
    return _session(keys, inbound=False).protect if keys.encrypts else bytes


def opening(keys: MediaKeys) -> Open:
    """Return what decrypts packets; nothing is done to them if there are no keys.

    Raises:
        NoChannelError: See :func:`protecting`.
    """
    if not keys.encrypts:
        return bytes
    session = _session(keys, inbound=True)
    from pylibsrtp import Error

    def open_packet(packet: bytes) -> bytes | Dropped:
        try:
            return session.unprotect(packet)
        except Error as error:
            return Dropped.REPLAYED if _REPLAYED in str(error) else Dropped.NOT_AUTHENTIC

    return open_packet


def _session(keys: MediaKeys, *, inbound: bool) -> Session:
    name = _PROFILES.get(keys.algorithm)  # type: ignore[call-overload]
    if name is None:
        raise NoChannelError(f"media encryption of algorithm {keys.algorithm} is unknown", MediaStatus.UNKNOWN)
    if (len(keys.key), len(keys.salt), keys.mki, keys.derivation_rate) != (KEY_LENGTH, SALT_LENGTH, 0, 0):
        raise NoChannelError(
            f"a key of {len(keys.key)} and a salt of {len(keys.salt)} bytes are none for algorithm {keys.algorithm}",
            MediaStatus.UNKNOWN,
        )
    try:
        from pylibsrtp import Policy, Session
    except ImportError as error:
        step = 'pip install "mixedmode[node]"'
        raise NoChannelError("libsrtp is not installed, so there is no SRTP", next_step=step) from error
    which = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
    policy = Policy(keys.key + keys.salt, which, srtp_profile=getattr(Policy, name))
    policy.window_size = _WINDOW
    return Session(policy)
