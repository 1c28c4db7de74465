"""The tables of lines: directory numbers, and the buttons of phones that have them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mixedmode.cluster.store.schema import Base

__all__ = ["Base", "DeviceNumPlanMap", "NumPlan"]


class NumPlan(Base):
    """A directory number; ``cfa``, ``cfb`` and ``cfna`` are where all, busy and unanswered calls go."""

    __tablename__ = "numplan"

    id: Mapped[int] = mapped_column(primary_key=True)
    dnorpattern: Mapped[str] = mapped_column(String(50), unique=True)
    alertingname: Mapped[str] = mapped_column(String(50), default="")
    cfadestination: Mapped[str] = mapped_column(String(50), default="")
    cfbdestination: Mapped[str] = mapped_column(String(50), default="")
    cfnadestination: Mapped[str] = mapped_column(String(50), default="")


class DeviceNumPlanMap(Base):
    """A button of a phone with a directory number; ``busytrigger`` calls make it busy."""

    __tablename__ = "devicenumplanmap"
    __table_args__ = (UniqueConstraint("fkdevice", "numplanindex"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fkdevice: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    fknumplan: Mapped[int] = mapped_column(ForeignKey("numplan.id", ondelete="CASCADE"), unique=True)
    numplanindex: Mapped[int]
    label: Mapped[str] = mapped_column(String(50), default="")
    busytrigger: Mapped[int] = mapped_column(Integer, default=1)
