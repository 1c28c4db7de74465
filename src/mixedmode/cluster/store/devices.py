"""The phones of the cluster: bulk loading, look-up by name, what they hold.

Every look-up goes over an index; forty thousand devices cost no more than forty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.records import Device, GivenLsc
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.schema import (
    CallManagerGroup,
    CallManagerGroupMember,
    DevicePool,
    DeviceRow,
    LscRow,
    ProcessNode,
)
from mixedmode.errors import UsageError

_CHUNK = 1000


DEVICES = select(DeviceRow, DevicePool.name).join(DevicePool)
"""Devices, each with its pool."""


class DeviceStore:
    """The devices of a cluster."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, devices: Iterable[DeviceSpec]) -> int:
        """Add devices in one transaction and return how many.

        Raises:
            UsageError: A name is there already.
        """
        with self._database.write() as session:
            return add_devices(session, devices)

    def get(self, name: str) -> Device:
        """Return a device by its name.

        Raises:
            NotFoundError: There is none.
        """
        with self._database.read() as session:
            found = session.execute(DEVICES.where(DeviceRow.name == name)).first()
        if found is None:
            raise NotFoundError(f"there is no device {name}", next_step="add it, or check its name")
        return device_of(*found)

    def find(self, name: str) -> Device | None:
        """Return a device by its name, None if there is none."""
        try:
            return self.get(name)
        except NotFoundError:
            return None

    def __iter__(self) -> Iterator[Device]:
        """Go through all devices by name, a thousand at a time."""
        last = ""
        while True:
            query = DEVICES.where(DeviceRow.name > last).order_by(DeviceRow.name).limit(_CHUNK)
            with self._database.read() as session:
                page = [device_of(row, pool) for row, pool in session.execute(query)]
            yield from page
            if len(page) < _CHUNK:
                return
            last = page[-1].name

    def __len__(self) -> int:
        """Count them."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(DeviceRow)) or 0

    def report(self, name: str, now: datetime, *, itl_hash: str | None = None, ctl_hash: str | None = None) -> None:
        """Note what a phone said it holds; an unknown phone is not noted."""
        values: dict[str, object] = {"lastseen": now}
        if itl_hash is not None:
            values["itlhash"] = itl_hash
        if ctl_hash is not None:
            values["ctlhash"] = ctl_hash
        with self._database.write() as session:
            session.execute(update(DeviceRow).where(DeviceRow.name == name).values(**values))

    def lsc(self, name: str) -> bytes | None:
        """Return the DER of a device's LSC, None if it is not known."""
        with self._database.read() as session:
            return session.scalar(select(DeviceRow.lsc).where(DeviceRow.name == name))

    def with_lscs(self, name: str | None = None) -> Iterator[tuple[Device, bytes | None]]:
        """Go through all devices by name, or one, a thousand at a time, each with the DER of its LSC if it is known."""
        query = DEVICES.add_columns(DeviceRow.lsc).order_by(DeviceRow.name).limit(_CHUNK)
        query = query if name is None else query.where(DeviceRow.name == name)
        last = ""
        while True:
            with self._database.read() as session:
                found = session.execute(query.where(DeviceRow.name > last))
                page = [(device_of(row, pool), lsc) for row, pool, lsc in found]
            yield from page
            if len(page) < _CHUNK:
                return
            last = page[-1][0].name

    def lscs(self) -> Iterator[tuple[str, bytes]]:
        """Go through the devices whose LSC is known, by name, a thousand at a time: the name, and the LSC's DER."""
        last = ""
        while True:
            query = select(DeviceRow.name, DeviceRow.lsc).where(DeviceRow.name > last, DeviceRow.lsc.is_not(None))
            with self._database.read() as session:
                page = session.execute(query.order_by(DeviceRow.name).limit(_CHUNK)).all()
            yield from ((name, lsc) for name, lsc in page if lsc is not None)
            if len(page) < _CHUNK:
                return
            last = page[-1][0]

    def revoked_lscs(self, name: str | None = None) -> frozenset[bytes]:
        """Return the SHA-256 of the LSCs that are revoked: of one device, or of all."""
        query = select(LscRow.sha256).where(LscRow.revoked.is_not(None))
        with self._database.read() as session:
            found = session.scalars(query if name is None else query.where(LscRow.device == name))
            return frozenset(bytes.fromhex(each) for each in found)

    def with_revoked_lscs(self, name: str | None = None) -> frozenset[str]:
        """Return the names of the devices, or of one, of which an LSC was revoked."""
        query = select(LscRow.device).where(LscRow.revoked.is_not(None)).distinct()
        with self._database.read() as session:
            return frozenset(session.scalars(query if name is None else query.where(LscRow.device == name)))

    def given_lscs(self, name: str) -> list[GivenLsc]:
        """Return the LSCs that CAPF gave a device, as far as they are known, the newest first."""
        query = select(LscRow).where(LscRow.device == name).order_by(LscRow.id.desc())
        with self._database.read() as session:
            return [GivenLsc(row.device, row.certificate, row.revoked, row.reason) for row in session.scalars(query)]

    def trust_servers(self, name: str) -> list[str]:
        """Return the nodes whose TVS a phone may ask: device pool, CallManager group, its members in order."""
        query = (
            select(ProcessNode.name)
            .join(CallManagerGroupMember, CallManagerGroupMember.fkprocessnode == ProcessNode.id)
            .join(DevicePool, DevicePool.fkcallmanagergroup == CallManagerGroupMember.fkcallmanagergroup)
            .join(DeviceRow, DeviceRow.fkdevicepool == DevicePool.id)
            .where(DeviceRow.name == name)
            .order_by(CallManagerGroupMember.priority)
        )
        with self._database.read() as session:
            return list(session.scalars(query))


def add_devices(session: Session, devices: Iterable[DeviceSpec]) -> int:
    """Add devices; a device pool that is not there yet is made with the default group."""
    pools: dict[str, int] = {}
    rows = [{**_values(session, device, pools), "itlhash": "", "ctlhash": ""} for device in devices]
    names = [row["name"] for row in rows]
    if len(set(names)) != len(names):
        raise UsageError("two devices have the same name", next_step="name each device once")
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        there = session.scalars(select(DeviceRow.name).where(DeviceRow.name.in_([r["name"] for r in chunk]))).first()
        if there is not None:
            raise UsageError(f"device {there} is there already", next_step="leave it out")
        session.execute(insert(DeviceRow), chunk)
    return len(rows)


def change_device(session: Session, device: DeviceSpec) -> None:
    """Give a device other values; what it reported, and its LSC, stay."""
    session.execute(update(DeviceRow).where(DeviceRow.name == device.name).values(_values(session, device, {})))


def _values(session: Session, device: DeviceSpec, pools: dict[str, int]) -> dict[str, str | int]:
    """Return a row's values; its device pool is looked up, or made with the default group."""
    if device.device_pool not in pools:
        pool = session.scalars(select(DevicePool).where(DevicePool.name == device.device_pool)).first()
        if pool is None:
            default_group = session.scalars(select(CallManagerGroup.id).order_by(CallManagerGroup.id)).first()
            pool = DevicePool(name=device.device_pool, fkcallmanagergroup=default_group)
            session.add(pool)
            session.flush()
        pools[device.device_pool] = pool.id
    return {
        "name": device.name,
        "model": device.model,
        "protocol": device.protocol,
        "description": device.description,
        "fkdevicepool": pools[device.device_pool],
        "securitymode": device.security_mode,
        "webaccess": device.web_access,
        "authenticationurl": device.authentication_url,
        "securetone": device.secure_tone,
    }


def set_lsc(session: Session, name: str, lsc: bytes | None) -> bool:
    """Note a device's LSC (DER), None for none; return whether there is such a device."""
    noted = update(DeviceRow).where(DeviceRow.name == name).values(lsc=lsc)
    found = session.connection().execute(noted).rowcount > 0
    if found and lsc is not None:
        _remember(session, name, lsc)
    return found


def revoke_lscs(session: Session, name: str, now: datetime, reason: str) -> int:
    """Revoke every LSC that a device was given, and take away the one that it has; return how many were not yet."""
    held = session.scalars(select(DeviceRow.lsc).where(DeviceRow.name == name)).first()
    if held is not None:
        _remember(session, name, held)
    open_ones = (LscRow.device == name, LscRow.revoked.is_(None))
    count = session.scalar(select(func.count()).select_from(LscRow).where(*open_ones)) or 0
    session.execute(update(LscRow).where(*open_ones).values(revoked=now, reason=reason))
    session.execute(update(DeviceRow).where(DeviceRow.name == name).values(lsc=None))
    return count


def _remember(session: Session, name: str, lsc: bytes) -> None:
    # Every phone of a site may come in one night: a statement or two is a third of what objects would cost.
    sha256, connection = hashlib.sha256(lsc).hexdigest(), session.connection()
    if connection.scalar(select(LscRow.id).where(LscRow.sha256 == sha256)) is None:
        connection.execute(insert(LscRow).values(device=name, sha256=sha256, certificate=lsc, reason=""))


def device_of(row: DeviceRow, pool: str) -> Device:
    """Return the device of a row and the name of its pool."""
    return Device(
        row.name,
        row.model,
        row.protocol,
        row.description,
        pool,
        row.securitymode,
        row.itlhash,
        row.ctlhash,
        row.lastseen,
        row.webaccess,
        row.authenticationurl,
        row.securetone,
    )
