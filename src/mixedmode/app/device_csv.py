"""Phones from a CSV file: each field is checked where it stands, so that an error names file, line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.phone.mind.models import Signalling, get_phone_model
from mixedmode.pki.device_names import device_name

FIELDS: Final = ("name", "model", "description", "device_pool", "protocol", "security_mode")
DEFAULT_MODEL: Final = "7975"
_MODES: Final = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class Row:
    """A phone of the file.

    Attributes:
        line: Where it stands, from 1.
        values: For ``device add``.
    """

    line: int
    values: dict[str, Any]


def read_devices(file: Path, data: bytes) -> list[Row]:
    """Return the phones of a CSV file with a header.

    Raises:
        MalformedError: A line does not fit, or a field is wrong.
        UsageError: The file names no phone, or one twice.
    """
    reader = csv.DictReader(io.StringIO(_text(file, data), newline=""), strict=True)
    rows: list[Row] = []
    lines: dict[str, int] = {}
    try:
        _check_header(file, reader.fieldnames or ())
        for found in reader:
            row = _row(file, reader.line_num, found)
            name = row.values["name"]
            if name in lines:
                raise UsageError(
                    f"column name: {name} is on line {lines[name]} already",
                    where=f"{file}:{row.line}",
                    next_step="name each device once",
                )
            lines[name] = row.line
            rows.append(row)
    except csv.Error as error:
        raise MalformedError(
            "this line is no CSV", where=f"{file}:{reader.line_num}", why=str(error), next_step="look at its quotes"
        ) from error
    if not rows:
        raise UsageError("the file names no phone", where=str(file))
    return rows


def checked(given: Mapping[str, str]) -> dict[str, Any]:
    """Return what ``device add`` is given, with names as CUCM keeps them and the model's own protocol.

    Raises:
        MixedModeError: A field is wrong; ``where`` is its name.
    """

    def field(name: str, check: Callable[[str], Any]) -> None:
        try:
            values[name] = check(given.get(name) or _DEFAULTS[name])
        except MixedModeError as error:
            error.where = name
            raise

    values: dict[str, Any] = {name: text for name, text in given.items() if text}
    field("name", device_name)
    field("model", lambda text: get_phone_model(text).name)
    field("protocol", lambda text: checked_protocol(text, values["model"]))
    field("security_mode", _mode)
    return values


_DEFAULTS: Final = {"name": "", "model": DEFAULT_MODEL, "protocol": "", "security_mode": "1"}


def checked_protocol(text: str, model: str) -> str:
    """Return a device's protocol; the model's own if none is given.

    Raises:
        UsageError: There is no such protocol, or the model does not speak it.
    """
    known = get_phone_model(model)
    protocol = text.strip().upper() or known.signalling.value
    if protocol not in set(Signalling):
        raise UsageError(f"{text!r} is no protocol", next_step="write SCCP or SIP")
    if known.sip_only and protocol != Signalling.SIP:
        raise UsageError(f"a {known.name} speaks SIP only", next_step="write SIP, or leave it out")
    return protocol


def _mode(text: str) -> int:
    if text not in _MODES:
        raise UsageError(f"{text!r} is no security mode", next_step="1 non-secure, 2 authenticated, 3 encrypted")
    return int(text)


def _text(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError(
            "this line is not UTF-8", where=f"{file}:{line}", next_step="save the file as UTF-8"
        ) from error


def _check_header(file: Path, names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(FIELDS))
    if unknown or "name" not in names or len(set(names)) != len(names):
        what = f"unknown column {unknown[0]!r}" if unknown else "there is no column 'name'"
        raise MalformedError(
            what if unknown or "name" not in names else "a column is there twice",
            where=f"{file}:1",
            next_step=f"columns: {', '.join(FIELDS)}",
        )


def _row(file: Path, line: int, found: Mapping[str | None, Any]) -> Row:
    if None in found or None in found.values():
        raise MalformedError(
            f"this line has {'more' if None in found else 'fewer'} fields than the header", where=f"{file}:{line}"
        )
    try:
        return Row(line, checked({str(name): str(value).strip() for name, value in found.items()}))
    except MixedModeError as error:
        raise MalformedError(
            f"column {error.where}: {error.what}",
            where=f"{file}:{line}",
            why=error.why,
            next_step=error.next_step,
            code=error.code,
        ) from error
