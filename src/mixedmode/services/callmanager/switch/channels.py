"""Media of two legs: who listens where, who sends where to, with which keys.

Rules (calls-and-media.md 7 and 8):

1. Keys are made anew each time that channels are opened, one set for each direction, and only if both phones are
   registered as encrypted over a connection that encrypts. Otherwise there are none, and the status says so to both.
2. The status of a call is the least of its parties'.
3. A phone is told where to send once the other one listens. It is not waited for that a phone confirms sending.
4. A phone that does not open its channel, in time or at all, ends the call; so does an address that the other phone's
   version has no form for.
5. Media of a phone go to where its connection comes from, whatever address it names: whoever could name another's would
   have phones send to him. The port is the phone's to say.
"""

from __future__ import annotations

from typing import Final

from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls.codes import Algorithm, MediaStatus, Protection
from mixedmode.protocols.sccp.calls.layout import NOWHERE, TYPED_ADDRESSES_FROM
from mixedmode.protocols.sccp.calls.media_keys import CLEAR, KEY_LENGTH, SALT_LENGTH, MediaKeys
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.model import Channel, Elsewhere, Leg, LegState, NoKeys, Station

_PORTS: Final = range(1, 65536)
_UNUSABLE: Final = frozenset({NOWHERE, "::", "255.255.255.255"})


def protection(one: Station, other: Station) -> Protection:
    """Return the status of a call between two phones (rule 2)."""
    return min(one.protection, other.protection)


def keys_between(board: Board, one: Station, other: Station) -> tuple[MediaKeys, MediaKeys]:
    """Return the keys from one phone to the other and back (rule 1)."""
    if protection(one, other) is not Protection.ENCRYPTED:
        return CLEAR, CLEAR
    return _fresh(board), _fresh(board)


def open_between(board: Board, one: Leg, other: Leg, now: float) -> None:
    """Have both ends listen, if both are connected."""
    if one.state is not LegState.CONNECTED or other.state is not LegState.CONNECTED or one.talk is None:
        return
    stations = board.stations[one.device], board.stations[other.device]
    there, back = keys_between(board, *stations)
    weaker, stronger = sorted(stations, key=lambda station: station.protection)
    if stronger.protection is Protection.ENCRYPTED and not there.encrypts:
        board.effects.found.append(NoKeys(one.talk.number, weaker.device, weaker.mode))
    one.talk.encrypted = one.talk.encrypted or there.encrypts
    for leg, speaks, hears in ((one, there, back), (other, back, there)):
        due = now + board.settings.media
        leg.channel = Channel(board.fresh(), hears, speaks, due)
        board.wake(leg, due)
        opened = m.OpenReceiveChannel(leg.call, leg.channel.party, call=leg.call, keys=hears)
        board.tell(leg, [opened])


def close(board: Board, leg: Leg) -> None:
    """End the media of a leg and of its peer."""
    for each in (leg, board.peer(leg)):
        channel = None if each is None else each.channel
        if each is not None and channel is not None:
            each.channel = None
            board.tell(each, [m.CloseReceiveChannel(each.call, channel.party, each.call)])
            if channel.sending:
                board.tell(each, [m.StopMediaTransmission(each.call, channel.party, each.call)])


def opened(board: Board, leg: Leg, ack: m.OpenReceiveChannelAck) -> bool:
    """Take that a phone listens: the other one sends there (rule 3).

    Returns:
        Whether the call can go on (rule 4).
    """
    channel, peer = leg.channel, board.peer(leg)
    if channel is None or peer is None or peer.channel is None:
        return True
    if ack.status != MediaStatus.OK or ack.port not in _PORTS or ack.address in _UNUSABLE:
        return False
    address = _where(board, leg.device, ack.address)
    if ":" in address and board.stations[peer.device].protocol < TYPED_ADDRESSES_FROM:
        return False
    channel.due = None
    start = m.StartMediaTransmission(
        peer.call, peer.channel.party, address, ack.port, call=peer.call, keys=peer.channel.speaks
    )
    again = [m.StopMediaTransmission(peer.call, peer.channel.party, peer.call)] if peer.channel.sending else []
    peer.channel.sending = True
    board.tell(peer, [*again, start])
    return True


def _where(board: Board, device: str, named: str) -> str:
    """Return where media of a phone go (rule 5)."""
    own = board.stations[device].address
    if not own or own == named:
        return named
    board.effects.found.append(Elsewhere(device, named, own))
    return own


def leg_of_channel(board: Board, device: str, party: int, call: int = 0) -> Leg | None:
    """Return a phone's leg by its channel, or by its call for phones that leave the party empty."""
    mine = [leg for leg in board.legs_of(device) if leg.channel is not None]
    for leg in mine:
        if leg.channel is not None and leg.channel.party == party:
            return leg
    return next((leg for leg in mine if not party and call and leg.call == call), None)


def _fresh(board: Board) -> MediaKeys:
    return MediaKeys(Algorithm.AES_128_HMAC_SHA1_32, board.random(KEY_LENGTH), board.random(SALT_LENGTH))
