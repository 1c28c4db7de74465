"""The tables of people and their programs: tokens of the REST API, answers to repeated requests, saved filters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mixedmode.cluster.store.schema_guides import Base

__all__ = ["ApiRequestRow", "ApiTokenRow", "Base", "SavedFilterRow"]


class ApiTokenRow(Base):
    """A token of the API; ``secret`` is the SHA-256 of what its program shows. ``isconsole``: no account made it."""

    __tablename__ = "apitoken"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))
    node: Mapped[str] = mapped_column(String(255), index=True)
    username: Mapped[str] = mapped_column(String(128))
    label: Mapped[str] = mapped_column(String(64), default="")
    level: Mapped[int] = mapped_column(Integer)
    isconsole: Mapped[bool] = mapped_column(Boolean, default=False)
    created: Mapped[datetime]
    expires: Mapped[datetime]
    lastused: Mapped[datetime | None]


class ApiRequestRow(Base):
    """A request with a key, and its answer once there is one; ``id`` is a hash of who asks and his key."""

    __tablename__ = "apirequest"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    username: Mapped[str] = mapped_column(String(128))
    request: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(200))
    started: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class SavedFilterRow(Base):
    """A table of the pages as somebody wants to see it again; ``address`` is its path and query."""

    __tablename__ = "savedfilter"
    __table_args__ = (UniqueConstraint("node", "username", "name"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    node: Mapped[str] = mapped_column(String(255), index=True)
    username: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(255))
    query: Mapped[str] = mapped_column(String(1024))
    created: Mapped[datetime]
