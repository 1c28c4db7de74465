"""A phone's flash: one JSON file, written whole, that survives a restart.

Rules:

1. The file is replaced atomically and is readable by its owner only, since a configuration may hold secrets.
2. It belongs to one phone: another name in it is refused.
3. Whatever is wrong with it is a :class:`PhoneStateError` that names the file; no phone starts from half a state.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MalformedError, MixedModeError, RemoteError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.trust.decisions import TvsAnswer, TvsOutcome, TvsQuestion
from mixedmode.phone.mind.trust.state import CachedAnswer, PhoneState, TrustState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.trustlist.model import TrustList

FORMAT: Final = "mixedmode-phone/1"
MAX_BYTES: Final = 16 << 20


class PhoneStateError(MalformedError):
    """A state file that is damaged, of another phone, or no state file at all."""

    default_code = "phone-state"


class PhoneStateNotKeptError(RemoteError):
    """A phone's flash takes nothing: its disk is full, or its folder is not there.

    To the phone that is a failure like one of the network, after which it tries again; to whoever named the file on a
    command line it is bad usage.
    """

    exit_code = UsageError.exit_code
    default_code = "phone-state"


def load_state(path: Path, device: str) -> PhoneState | None:
    """Return the state of a phone, None if it has none yet.

    Args:
        path: The state file.
        device: Whose it must be.

    Raises:
        PhoneStateError: It is damaged, or another phone's.
    """
    found = read_state(path)
    if found is None:
        return None
    owner, state = found
    if owner != device:
        raise PhoneStateError(
            f"this is the state of {owner}, not of {device}",
            where=str(path),
            next_step="name another state file, or the phone that it belongs to",
        )
    return state


def read_state(path: Path) -> tuple[str, PhoneState] | None:
    """Return whose state a file holds, and the state; None if there is no file.

    Raises:
        PhoneStateError: It is damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PhoneStateError(f"the state file cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return _read(data)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError, MixedModeError) as error:
        raise PhoneStateError(
            "the phone's state file is damaged",
            where=str(path),
            why=str(error),
            next_step="remove the file; the phone then starts without trust lists, as from the factory",
        ) from error


def _read(data: bytes) -> tuple[str, PhoneState]:
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    document = read_json(data)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"it does not say that it is {FORMAT}")
    return _string(document["device"]), _state(document)


def save_state(path: Path, device: str, state: PhoneState) -> None:
    """Write a phone's state (rule 1).

    Raises:
        PhoneStateNotKeptError: The file cannot be written; the old one is untouched.
    """
    text = json.dumps(_document(device, state), indent=1)
    try:
        write_atomic(path, text.encode(), mode=PRIVATE)
    except OSError as error:
        raise PhoneStateNotKeptError(
            f"the phone's state cannot be written: {error.strerror}",
            where=str(path),
            next_step="choose a folder that exists and can be written",
        ) from error


def _document(device: str, state: PhoneState) -> dict[str, Any]:
    trust = state.trust
    return {
        "format": FORMAT,
        "device": device,
        "ctl": _text(trust.ctl.data if trust.ctl else None),
        "ctl_backup": _text(state.ctl_backup),
        "itl": _text(trust.itl.data if trust.itl else None),
        "itl_backup": _text(state.itl_backup),
        "config": _text(state.config),
        "config_name": state.config_name,
        "ask_encrypted": state.ask_encrypted,
        "tvs_servers": [[server.address, server.port, server.priority] for server in trust.tvs_servers],
        "tvs_cache": [_cached_document(cached) for cached in state.tvs_cache],
    }


def _cached_document(cached: CachedAnswer) -> dict[str, Any]:
    certificate = cached.answer.certificate
    return {
        "subject": cached.question.subject,
        "issuer": cached.question.issuer,
        "serial": cached.question.serial.hex(),
        "certificate": _text(certificate.der if certificate else None),
        "roles": sorted(cached.answer.roles),
        "ttl": cached.answer.ttl,
        "expires": cached.expires.isoformat(),
    }


def _state(document: dict[str, Any]) -> PhoneState:
    servers = tuple(
        TvsServer(_string(address), int(port), int(priority)) for address, port, priority in document["tvs_servers"]
    )
    trust = TrustState(_trust_list(document["ctl"]), _trust_list(document["itl"]), servers)
    return PhoneState(
        trust=trust,
        ctl_backup=_bytes(document["ctl_backup"]),
        itl_backup=_bytes(document["itl_backup"]),
        config=_bytes(document["config"]),
        config_name=None if document["config_name"] is None else _string(document["config_name"]),
        ask_encrypted=document["ask_encrypted"] is True,
        tvs_cache=tuple(_cached(entry) for entry in document["tvs_cache"]),
    )


def _cached(entry: dict[str, Any]) -> CachedAnswer:
    question = TvsQuestion(_string(entry["subject"]), _string(entry["issuer"]), bytes.fromhex(entry["serial"]))
    der = _bytes(entry["certificate"])
    roles = frozenset(int(role) for role in entry["roles"])
    answer = TvsAnswer(TvsOutcome.KNOWN, None if der is None else Certificate(der), roles, int(entry["ttl"]))
    expires = datetime.fromisoformat(entry["expires"])
    if expires.tzinfo is None:
        raise ValueError("an expiry without a time zone")
    return CachedAnswer(question, answer, expires)


def _trust_list(text: object) -> TrustList | None:
    data = _bytes(text)
    return None if data is None else TrustList.parse(data)


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: object) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(_string(text), validate=True)
    except binascii.Error as error:
        raise ValueError("a value that is no base64") from error


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text belongs")
    return value
