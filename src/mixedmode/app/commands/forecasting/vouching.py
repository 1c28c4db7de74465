"""What ``--tvs-trust`` says that TVS vouches for, and what ``--policy`` answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from mixedmode.app.commands.forecasting.change import truth
from mixedmode.app.targets.sources import read_source
from mixedmode.errors import MalformedError, UsageError
from mixedmode.forecast.vouching import EVERY_ROLE, Vouched
from mixedmode.json_reader import read_json
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.files import read_limited
from mixedmode.trustlist.roles import Role

_LIMIT = 1 << 20
_INDEX_LIMIT = 64 << 20
_ENDINGS = {".pem", ".crt", ".cer", ".der"}
_MARK = b"-----BEGIN CERTIFICATE-----"


def vouched(paths: Iterable[Path]) -> Vouched:
    """Return what TVS vouches for: the certificates of files and folders, their roles from an ``index.json``.

    Raises:
        UsageError: A path cannot be read, or holds no certificate.
        MalformedError: A file is no certificate.
    """
    roles: dict[Certificate, frozenset[int]] = {}
    for path in paths:
        index = _index(path) if path.is_dir() else None
        for file in _certificate_files(path):
            given = EVERY_ROLE if index is None else index.get(file.name, frozenset())
            for certificate in _certificates(file):
                roles[certificate] = roles.get(certificate, frozenset()) | given
    return Vouched(tuple((certificate, given) for certificate, given in roles.items() if given))


def _certificate_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in _ENDINGS)
    if not found:
        raise UsageError("the folder holds no certificate", where=str(path), next_step="put PEM files into it")
    return found


def _certificates(path: Path) -> list[Certificate]:
    data = read_source(str(path), limit=_LIMIT)
    parts = [_MARK + part for part in data.split(_MARK)[1:]] or [data]
    try:
        found = [Certificate.from_file(part) for part in parts]
        for each in found:
            _ = each.subject  # whether it can be read
    except MalformedError as error:
        raise error.located(str(path)) from None
    return found


def _index(path: Path) -> dict[str, frozenset[int]] | None:
    """Return the roles of files, as ``mixedmode extract`` writes them; None without an index."""
    file = path / "index.json"
    if not file.exists():
        return None
    found: dict[str, frozenset[int]] = {}
    try:
        for record in read_json(read_limited(file, _INDEX_LIMIT)[0])["records"]:
            if record["file"] is not None:
                role = Role.from_label(record["role"]).value
                found[record["file"]] = found.get(record["file"], frozenset()) | {role}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedError(
            "this is no index as mixedmode extract writes it", where=str(file), why=repr(error)
        ) from error
    return found


def policy_settings(given: Iterable[str]) -> tuple[PolicySettings, frozenset[str]]:
    """Return the settings of ``KEY=VALUE`` texts, and which of them are given.

    Raises:
        UsageError: There is no such setting, or the value is neither true nor false.
    """
    known = [each.name for each in fields(PolicySettings)]
    values: dict[str, bool] = {}
    for text in given:
        key, _, value = text.partition("=")
        name = key.strip().replace("-", "_")
        if name not in known:
            raise UsageError(f"{key!r} is no setting of the policy", next_step=f"there are {', '.join(known)}")
        values[name] = truth(value)
    return PolicySettings(**values), frozenset(values)
