"""The codec: what is written is read back, and any bytes end in a packet or a typed error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.protocols.tftp import (
    Ack,
    Data,
    ErrorPacket,
    LazyPackets,
    MalformedPacketError,
    Opcode,
    OptionAck,
    OptionLimits,
    Packet,
    Request,
    data_packets,
    encode_packet,
    negotiate,
    netascii,
    parse_packet,
)

TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=0x24F), min_size=1, max_size=20)
BLOCK = st.integers(0, 65535)
PAIRS = st.dictionaries(TEXT.map(str.lower), TEXT, max_size=4).map(lambda found: tuple(found.items()))
PACKETS: st.SearchStrategy[Packet] = st.one_of(
    st.builds(
        Request,
        st.sampled_from([Opcode.RRQ, Opcode.WRQ]),
        TEXT,
        st.sampled_from(["octet", "netascii", "mail"]),
        PAIRS.filter(lambda pairs: all(name.lower() == name for name, _ in pairs)),
    ),
    st.builds(Data, BLOCK, st.binary(max_size=600)),
    st.builds(Ack, BLOCK),
    st.builds(ErrorPacket, BLOCK, TEXT),
    st.builds(OptionAck, PAIRS.filter(bool)),
)


@given(PACKETS)
def test_what_is_written_is_read_back(packet: Packet) -> None:
    assert parse_packet(encode_packet(packet)) == packet


@given(st.binary(max_size=600) | st.binary(max_size=60).map(lambda tail: b"\0\1" + tail))
def test_any_bytes_are_a_packet_or_a_typed_error(data: bytes) -> None:
    try:
        parse_packet(data)
    except MalformedPacketError as error:
        assert error.what


def test_the_request_of_a_7940_has_no_options() -> None:
    # wire-formats.md 7: 73 bytes on the wire, of which 14 + 20 + 8 are Ethernet, IP and UDP headers.
    wire = b"\0\1CTLSEP0006537B84EF.tlv\0octet\0"
    assert len(wire) == 73 - 14 - 20 - 8
    assert parse_packet(wire) == Request(Opcode.RRQ, "CTLSEP0006537B84EF.tlv")


def test_an_oack_ends_with_its_last_nul() -> None:
    assert encode_packet(OptionAck((("tsize", "5000"),))) == b"\0\6tsize\x005000\0"


def test_option_names_come_in_any_case_and_the_first_counts() -> None:
    packet = parse_packet(b"\0\1a\0OcTeT\0BlkSize\x001024\0blksize\x002048\0")
    assert packet == Request(Opcode.RRQ, "a", "octet", (("blksize", "1024"),))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"blksize": "1428"}, {"blksize": "1428"}),
        ({"tsize": "0", "blksize": "8"}, {"tsize": "5000", "blksize": "8"}),
        ({"blksize": "7"}, {}),
        ({"blksize": "65465"}, {}),
        ({"blksize": "-8"}, {}),
        ({"blksize": "١٢٣"}, {}),
        ({"blksize": "9" * 400}, {}),
        ({"timeout": "0"}, {}),
        ({"timeout": "255", "multicast": ""}, {"timeout": "255"}),
        ({"timeout": "256"}, {}),
        ({"windowsize": "0"}, {}),
        ({"windowsize": "65535"}, {"windowsize": "32"}),
        ({"windowsize": "32", "blksize": "65464"}, {"windowsize": "4", "blksize": "65464"}),
    ],
)
def test_only_good_options_that_were_asked_for_are_answered(asked: dict[str, str], answer: dict[str, str]) -> None:
    negotiated = negotiate(tuple(asked.items()), 5000, OptionLimits())
    assert dict(negotiated.answer) == answer


@given(st.binary(max_size=300), st.integers(8, 40))
def test_packets_hold_the_file_whether_built_before_or_on_the_way(data: bytes, blksize: int) -> None:
    built, lazy = data_packets(data, blksize), LazyPackets(data, blksize)
    assert len(built) == len(lazy)
    assert list(built[1:]) == [lazy[block] for block in range(1, len(lazy))]
    assert b"".join(packet[4:] for packet in built) == data
    assert len(built[-1]) - 4 < blksize


def test_netascii_marks_line_ends() -> None:
    assert netascii(b"a\nb\rc\r\n") == b"a\r\nb\r\0c\r\0\r\n"
