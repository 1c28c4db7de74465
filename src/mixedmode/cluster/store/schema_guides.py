"""The tables of guided runs: how far each is, how many phones are in step, and the resets that nodes are asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mixedmode.cluster.store.schema_lines import Base

__all__ = ["Base", "GuideRunRow", "GuideSampleRow", "PhoneOrderRow", "PhoneOrderToldRow"]


class GuideRunRow(Base):
    """A guided run. ``isopen`` is 1 for the one that may run, else nothing: so there is never another."""

    __tablename__ = "guiderun"

    id: Mapped[int] = mapped_column(primary_key=True)
    procedure: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)
    isopen: Mapped[int | None] = mapped_column(unique=True)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    planned: Mapped[datetime]
    beat: Mapped[datetime | None]
    doer: Mapped[str] = mapped_column(String(64), default="")
    document: Mapped[dict[str, Any]]


class GuideSampleRow(Base):
    """How many phones reported the published CTL at a moment of a run."""

    __tablename__ = "guidesample"
    __table_args__ = (UniqueConstraint("fkguiderun", "moment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fkguiderun: Mapped[int] = mapped_column(ForeignKey("guiderun.id", ondelete="CASCADE"))
    moment: Mapped[datetime]
    instep: Mapped[int]
    total: Mapped[int]


class PhoneOrderRow(Base):
    """What every node shall tell its registered phones to do; no ``devices`` means all of them."""

    __tablename__ = "phoneorder"

    id: Mapped[int] = mapped_column(primary_key=True)
    moment: Mapped[datetime] = mapped_column(index=True)
    username: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    devices: Mapped[dict[str, Any]]


class PhoneOrderToldRow(Base):
    """What a node did about an order: how many of its phones it told, of how many."""

    __tablename__ = "phoneordertold"
    __table_args__ = (UniqueConstraint("fkphoneorder", "node"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fkphoneorder: Mapped[int] = mapped_column(ForeignKey("phoneorder.id", ondelete="CASCADE"))
    node: Mapped[str] = mapped_column(String(255))
    told: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    ended: Mapped[datetime | None]
