"""Numbers in what people type and in what other machines send: one rule, and an error that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.app.commands.auditing.watch import address_of
from mixedmode.app.commands.forecasting.change import Changes
from mixedmode.app.commands.phones.calling import _host_and_port
from mixedmode.app.commands.phones.fleet import _span, share
from mixedmode.audit.live.rules.telling import moment as seconds_or_date
from mixedmode.cluster.model.parameters import CAPF_EXPIRY
from mixedmode.control.audit_log import checked_last, moment
from mixedmode.control.login_locks import read_locks
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.expiry.seen import moment_of
from mixedmode.faces.api.negotiation import chosen
from mixedmode.faces.shell.periods import relative
from mixedmode.faces.soap.axl.lists import _number as axl_number
from mixedmode.faces.soap.axl.things import number_of, uuid_of
from mixedmode.faces.soap.errors import AxlError
from mixedmode.fleet.phones import parse_mix
from mixedmode.forecast.plan import Off, Step
from mixedmode.inventory.library import Library
from mixedmode.live.cluster_file import read_cluster_file
from mixedmode.live.document import read_document
from mixedmode.node.host.settings import load_settings
from mixedmode.numbers import decimal_number, port_number, whole_number
from mixedmode.phone.body.errors import TransferFailed
from mixedmode.phone.body.http import fetch_http
from mixedmode.pki.tokens.pkcs11_uri import parse_pkcs11_uri
from mixedmode.protocols.tftp.options import OptionLimits, negotiate
from mixedmode.rescue.planning import read_plan
from mixedmode.trustlist.pasted.described import from_json
from mixedmode.xml_reader import Element

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ODD = ("9" * 5000, "0" * 5000, "\u0663", "\u00b2", "\uff11", "1_0", "+5", "0x5", "1e3", "nan", "inf", "--5")

ASKED: tuple[Callable[[str], object], ...] = (
    lambda text: address_of(f"127.0.0.1:{text}"),
    lambda text: _host_and_port(f"192.0.2.1:{text}"),
    share,
    lambda text: share(f"{text}%"),
    lambda text: _span(f"0:{text}"),
    lambda text: _span(f"{text}:"),
    CAPF_EXPIRY.check,
    checked_last,
    lambda text: moment(f"{text}d", NOW),
    lambda text: relative(f"hours {text}", NOW),
    lambda text: parse_mix(f"7975:{text}"),
    lambda text: Off.parse(f"{text}%"),
    lambda text: parse_pkcs11_uri(f"pkcs11:slot-id={text}"),
)


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("read", ASKED)
def test_what_is_no_number_is_told_to_who_typed_it(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(UsageError):
        read(text)


@pytest.mark.parametrize("text", ODD)
def test_what_another_machine_sends_as_a_number_is_none(text: str) -> None:
    assert moment_of(text) is None
    assert seconds_or_date(text) is None
    assert negotiate((("blksize", text), ("tsize", text)), 100, OptionLimits()).answer == ()
    assert (
        chosen(f"application/json;q=0.5, text/html;q={text}", ["text/html", "application/json"]) == "application/json"
    )
    with pytest.raises(AxlError):
        axl_number(Element("", "listPhone", children=[Element("", "first", pieces=[text])]), "first")


@pytest.mark.parametrize("digits", ["0x00000000ab", "+00000000005", "1_0000000000", "\uff11" * 12])
def test_a_uuid_is_of_hex_digits(digits: str) -> None:
    assert number_of(uuid_of(7, 171), 7) == 171
    assert number_of(f"00000007-0000-4000-8000-{digits}", 7) is None


HEADS = (
    "HTTP/1.1 \u00b2\u00b9\u00b3 OK",
    "HTTP/1.1 +20 OK",
    "HTTP/1.1 200\r\nContent-Length: +5",
    f"HTTP/1.1 200\r\nContent-Length: {'9' * 5000}",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello",
)


@pytest.mark.parametrize("head", HEADS)
def test_a_phone_and_a_server_with_odd_numbers(head: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{head}\r\n\r\nhello".encode("latin-1"))
        writer.close()

    async def fetch() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            with pytest.raises(TransferFailed, match=r"no HTTP answer|no number|no size") as found:
                await fetch_http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x")
            assert "invalid literal" not in str(found.value)

    asyncio.run(fetch())


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 3000 + "]" * 3000])
@pytest.mark.parametrize(
    "read", [load_settings, read_cluster_file, lambda path: Changes(Step, path.parent, Library()).from_file(path)]
)
def test_a_toml_file_with_more_than_python_reads(read: Callable[[Path], object], value: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(f"a = {value}\n")
    with pytest.raises(MixedModeError, match="TOML") as found:
        read(tmp_path / "x.toml")
    assert isinstance(found.value, MalformedError | UsageError)


@pytest.mark.parametrize(
    "read", [read_document, lambda text: from_json(text.encode()), lambda text: read_plan(text, "plan.json")]
)
def test_a_json_file_with_more_than_python_reads_is_told_in_plain_words(read: Callable[[str], object]) -> None:
    with pytest.raises(MalformedError) as found:
        read(f'{{"a": {"9" * 5000}}}')
    assert "a number of it has thousands of digits" in str(found.value.why)


@pytest.mark.parametrize("row", ['{"account":"a","address":"b","failures":1e999,"last":0}', "[" * 100_000])
def test_a_damaged_file_of_locks_does_not_keep_a_node_from_starting(row: str, tmp_path: Path) -> None:
    (tmp_path / "locks.json").write_text(f"[{row}]")
    assert read_locks(tmp_path / "locks.json") == {}


@settings(max_examples=50)
@given(st.text(max_size=24) | st.from_regex(r"[0-9]{1,20}(\.[0-9]{0,20})?", fullmatch=True))
def test_a_number_is_its_digits_and_nothing_else(text: str) -> None:
    whole, decimal = whole_number(text), decimal_number(text)
    assert (whole is not None) == (0 < len(text) < 19 and set(text) <= set("0123456789"))
    assert whole is None or whole == int(text)
    assert decimal is None or (decimal == float(text) and set(text) <= set("0123456789."))
    assert port_number(text) == (whole if whole is not None and 0 < whole < 65536 else None)
