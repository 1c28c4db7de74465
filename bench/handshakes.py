"""What a secure registration costs a CallManager: memory, and processor time beside OpenSSL's for a handshake."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.hall import lsc
from bench.light_phones import LightPhone, register
from bench.peers import free_port, resident, spent, wait_for
from bench.timing import Effort, Found
from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.pki.signing.signer import SoftwareSigner

_AT_ONCE = 64
_FIRST = 20
_MOST_BYTES = 40_000
_MOST_HANDSHAKES = 3.0


async def measure(effort: Effort, found: Found, folder: Path, process: int, port: int, names: list[str]) -> None:
    """Have phones register by TLS, and OpenSSL shake hands as often.

    Args:
        effort: Whom to tell.
        found: Takes the figures.
        folder: Has the server's key and certificate in ``server.pem``, its CAPF's certificate in ``capf.pem``.
        process: Of the server.
        port: Its TLS port.
        names: Of the devices.
    """
    effort.say(f"making {len(names)} certificates of phones")
    for name in names:
        lsc(name)
    contexts = partial(_context, folder)
    effort.say(f"{len(names)} phones register by TLS")
    cost = await _secure(found, process, port, names, contexts)
    effort.say("OpenSSL shakes hands as often")
    theirs = await _openssl(folder, names, contexts)
    words = "" if theirs is None else f"; openssl s_server {theirs * 1e6:,.0f} us a handshake"
    found.lines.append(f"processor time: {cost * 1e6:,.0f} us a secure registration{words}")
    found.goal(
        "a secure registration / a handshake of OpenSSL",
        None if theirs is None else cost / theirs,
        _MOST_HANDSHAKES,
        at_most=True,
        missing="openssl s_server could not be had here",
    )


def write(path: Path, signer: SoftwareSigner) -> None:
    """Write key and certificate."""
    write_atomic(path, private_key_pem(signer.key) + signer.certificate.pem(), mode=PRIVATE)


async def _secure(
    found: Found, process: int, port: int, names: list[str], contexts: Callable[[str], ssl.SSLContext]
) -> float:
    """Register by TLS; return the server's processor time for one."""
    phones = [LightPhone(name) for name in names]
    # The first ones load what every server loads once.
    first = await register(phones[:_FIRST], port, _AT_ONCE, contexts)
    phones = phones[_FIRST:]
    held, before, begun = resident(process), spent(process), time.monotonic()
    registered = await register(phones, port, _AT_ONCE, contexts)
    seconds, used = time.monotonic() - begun, spent(process) - before
    each = (resident(process) - held) / max(registered, 1)
    found.lines.append(
        f"{registered:,} secure registrations, {registered / seconds:,.0f} a second, {each:,.0f} bytes each"
    )
    found.goal("secure registrations", (first + registered) / len(names), 1, at_most=False)
    found.goal("bytes for a secure registration held open", each, _MOST_BYTES, at_most=True)
    for phone in phones:
        phone.close()
    return used / max(registered, 1)


async def _openssl(folder: Path, names: list[str], contexts: Callable[[str], ssl.SSLContext]) -> float | None:
    """Return OpenSSL's processor time for a handshake with a client's certificate, None if there is no OpenSSL."""
    port, none, server = free_port(), asyncio.subprocess.DEVNULL, str(folder / "server.pem")
    words = ["s_server", "-accept", f"127.0.0.1:{port}", "-cert", server, "-key", server, "-quiet"]
    words += ["-CAfile", str(folder / "capf.pem"), "-Verify", "2"]
    try:
        process = await asyncio.create_subprocess_exec(
            "openssl", *words, stdin=asyncio.subprocess.PIPE, stdout=none, stderr=none
        )
    except OSError:
        return None
    try:
        await asyncio.to_thread(wait_for, port)
        before = spent(process.pid)
        for name in names:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=contexts(name), server_hostname="")
            writer.transport.abort()
        return (spent(process.pid) - before) / len(names)
    finally:
        process.kill()
        await process.wait()


def _context(folder: Path, device: str) -> ssl.SSLContext:
    """Return a phone's TLS; it judges nobody, since the server is ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    file = folder / "phone.pem"
    write(file, lsc(device))
    context.load_cert_chain(file)
    return context
