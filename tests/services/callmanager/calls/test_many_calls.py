"""Many phones at once: no packet of an encrypted cluster is in the clear, and the way back is heard."""

from __future__ import annotations

import asyncio

import pytest
from bench.hall import hall, talk

from mixedmode.protocols.sccp.calls.codes import Protection
from mixedmode.protocols.sccp.registration.admission import SecurityMode

PHONES, CALLS = 40, 10


@pytest.mark.parametrize(
    ("mode", "status", "kind"),
    [
        (SecurityMode.ENCRYPTED, Protection.ENCRYPTED, "SRTP"),
        (SecurityMode.NON_SECURE, Protection.NOT_AUTHENTICATED, "RTP"),
    ],
)
def test_phones_that_all_talk_at_once_hear_each_other(mode: SecurityMode, status: Protection, kind: str) -> None:
    async def everybody() -> None:
        async with hall(PHONES, mode) as here:
            registered = here.service.phones()
            assert len(registered) == PHONES
            assert {phone.security for phone in registered} == {mode.label}
            secret = mode is SecurityMode.ENCRYPTED
            assert all(bool(phone.cipher) == secret for phone in registered)
            talked = await talk(here, CALLS)
            assert (talked.connected, talked.recognised, talked.dropped) == (CALLS, 2 * CALLS, 0)
            assert talked.statuses == {status}
            assert talked.kinds == {kind}
            assert here.packets > 20 * CALLS
            assert here.clear == (0 if secret else here.packets)
            records = here.service.calls.documents()
            assert [record["media"] for record in records] == [kind] * CALLS

    asyncio.run(everybody())
