"""Phones from a CSV file: each field is checked where it stands, so that an error names file, line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, TypeVar

from mixedmode.articles import with_article
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.phone.mind.models import Signalling, get_phone_model
from mixedmode.pki.device_names import device_name

FIELDS: Final = tuple(each.name for each in fields(DeviceSpec))
DEFAULT_MODEL: Final = "7975"
T = TypeVar("T")
_MODES: Final = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class Row:
    """A phone of the file.

    Attributes:
        line: Where it stands, from 1.
        device: What it describes.
    """

    line: int
    device: DeviceSpec


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
            name = row.device.name
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


def checked(given: Mapping[str, str]) -> DeviceSpec:
    """Return the device that texts describe, named as CUCM names it and with the model's own protocol.

    Raises:
        MixedModeError: A field is wrong; ``where`` is its name.
    """

    def field(name: str, check: Callable[[str], T], default: str = "") -> T:
        try:
            return check(given.get(name) or default)
        except MixedModeError as error:
            error.where = name
            raise

    name = field("name", device_name)
    model = field("model", lambda text: get_phone_model(text).name, DEFAULT_MODEL)
    protocol = field("protocol", lambda text: checked_protocol(text, model))
    mode = field("security_mode", _mode, "1")
    web_access = field("web_access", lambda text: _switch(text, "web access"), "Disabled")
    tone = field("secure_tone", lambda text: _switch(text, "setting of a tone"), "Disabled")
    others = {name: given[name] for name in ("description", "device_pool", "authentication_url") if given.get(name)}
    return DeviceSpec(
        name, model, protocol=protocol, security_mode=mode, web_access=web_access, secure_tone=tone, **others
    )


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
        raise UsageError(f"{with_article(known.name)} speaks SIP only", next_step="write SIP, or leave it out")
    return protocol


def _mode(text: str) -> int:
    if text not in _MODES:
        raise UsageError(f"{text!r} is no security mode", next_step="1 non-secure, 2 authenticated, 3 encrypted")
    return int(text)


def _switch(text: str, what: str) -> bool:
    found = {"enabled": True, "disabled": False}.get(text.lower())
    if found is None:
        raise UsageError(f"{text!r} is no {what}", next_step="write Enabled or Disabled")
    return found


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


def _row(file: Path, line: int, found: Mapping[str | None, object]) -> Row:
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
