"""What an error of the system means, in plain words: an address, a port, a permission, a name that nobody knows.

The system's own words ("Cannot assign requested address") name the call that failed, not what is wrong.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError, UsageError

_PRIVILEGED: Final = 1024

_Words = Mapping[int, tuple[str, str | None]]
_TRIED: Final = re.compile(r"\[Errno (-?\d+)\]")

_LISTEN: Final[_Words] = {
    errno.EADDRINUSE: ("the port is in use", "stop what uses it (`ss -lnp` names it), or choose another port"),
    errno.EADDRNOTAVAIL: ("this host does not have the address", "choose one that `ip address` lists"),
    errno.EAFNOSUPPORT: ("this host does not speak this kind of address", "choose one that `ip address` lists"),
    errno.EACCES: ("this user may not open the port", "choose another port"),
    errno.EMFILE: (
        "this process may open no more files",
        "raise its limit (ulimit -n)",
    ),
}
_LOW_PORT: Final = "ports below 1024 need CAP_NET_BIND_SERVICE, as the systemd unit gives it; or choose another port"
_CONNECT: Final[_Words] = {
    errno.ECONNREFUSED: ("nothing listens on this port", "check the port, and that the service runs there"),
    errno.ETIMEDOUT: ("no answer", "check the address, and that no firewall drops the packets"),
    errno.EHOSTUNREACH: ("no such host can be reached", "check the address and the route to it"),
    errno.ENETUNREACH: ("there is no route to this address", "check the address and the route to it"),
    errno.EHOSTDOWN: ("the host is down", "check the address and the host"),
    errno.ECONNRESET: ("the other side closed the connection", None),
    errno.EPIPE: ("the other side closed the connection", None),
    errno.EACCES: ("this address is not allowed", "check the address: is it a broadcast?"),
    errno.EAFNOSUPPORT: ("this host does not speak this kind of address", None),
}
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""What OpenSSL calls an answer that is no TLS."""
_NO_NAME: Final = ("no host of this name is known", "check the name, or give its address")
_FILE: Final[_Words] = {
    errno.EACCES: ("no permission", "run this as the file's user, or change its permissions"),
    errno.EPERM: ("no permission", "run this as the file's user, or change its permissions"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.ENOSPC: ("the disk is full", "make room, or choose another folder"),
    errno.EDQUOT: ("the disk quota is used up", "make room, or choose another folder"),
    errno.ENOENT: ("there is no such file or folder", "check the path"),
    errno.ENOTDIR: ("a part of the path is no folder", "check the path"),
    errno.EISDIR: ("it is a folder, not a file", "check the path"),
    errno.EEXIST: ("there is a file of this name", "choose another name"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.ELOOP: ("its links go round in a circle", "check the path"),
    errno.EMFILE: ("this process may open no more files", "raise its limit (ulimit -n)"),
    errno.ETXTBSY: ("the file is being run", None),
}


def cannot_listen(what: str, host: str, port: int, error: OSError | UnicodeError) -> RemoteError:
    """Return the error of a service whose port cannot be had.

    Args:
        what: The service, as it stands at the beginning of an error: ``CallManager``.
        host: The address.
        port: Its port.
        error: What the system said.
    """
    words, step = _words(_LISTEN, error)
    if getattr(error, "errno", None) in {errno.EACCES, errno.EPERM} and 0 < port < _PRIVILEGED:
        step = _LOW_PORT
    return RemoteError(
        f"{what} cannot listen: {words}",
        where=place(host, port),
        next_step=step or "choose another address or port",
        code="listen",
    )


def why_no_connection(error: OSError | UnicodeError) -> tuple[str, str | None]:
    """Return why another host cannot be reached, and what to do about it."""
    return _words(_CONNECT, error)


def file_error(error: OSError) -> MixedModeError:
    """Return the error of a file that cannot be used."""
    words, step = _words(_FILE, error)
    return UsageError(words, where=str(error.filename) if error.filename else None, next_step=step, code="os-error")


def not_text(error: UnicodeEncodeError) -> MixedModeError | None:
    """Return the error of a word of the command line whose bytes are no text; None if it is another fault.

    Such bytes come in as surrogates (PEP 383). As a file's name they do; sent to others, or written into a list, not.
    """
    if not any("\udc80" <= each <= "\udcff" for each in error.object):
        return None
    around = error.object[max(error.start - 32, 0) : error.start + 32]
    return UsageError(
        f"{around!r} has bytes that are no UTF-8 text",
        next_step="write it in UTF-8; see `locale`",
        code="text",
    )


def place(host: str, port: int) -> str:
    """Return an address and its port as people write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(table: _Words, error: OSError | UnicodeError) -> tuple[str, str | None]:
    if isinstance(error, UnicodeError):
        return _NO_NAME  # of the encoding of international names
    if table is _CONNECT and getattr(error, "reason", None) in _NO_TLS:
        return "what listens there does not speak TLS", "check the port; perhaps http:// is meant"
    number = error.errno or 0
    if not number and (tried := _TRIED.findall(str(error))):
        # A name with several addresses: asyncio puts what was wrong with each of them into one text.
        number = int(tried[-1])
    if isinstance(error, TimeoutError):
        number = errno.ETIMEDOUT
    if number < 0:
        # Of getaddrinfo: no number of the system's, but the resolver's, and those are negative.
        return _NO_NAME
    found = table.get(number)
    if found is not None:
        return found
    return error.strerror or str(error) or "the connection was closed", None
