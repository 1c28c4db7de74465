"""How SQLite and PostgreSQL write what CUCM's tables need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

PEM_MARK = "\x02der:"
"""Begins a cell that is a certificate in DER, as hex: SQLite cannot write PEM."""


class Dialect(Protocol):
    """The words of a database."""

    schema: str

    def key(self, kind: int, number: str) -> str:
        """Return a pkid: the number of a table and of its row."""

    def epoch(self, moment: str) -> str:
        """Return seconds since 1970."""

    def fact(self, document: str, name: str, at: int) -> str:
        """Return an element of a list in a JSON document, as text."""

    def der(self, blob: str) -> str:
        """Return a certificate as :data:`PEM_MARK` and hex."""

    def after(self, blob: str, found: bytes) -> str:
        """Return the position behind some bytes in a blob, or a number that is not above their length."""

    def digits(self, blob: str, start: str) -> str:
        """Return twelve digits at a position of a blob, as text."""

    def utc(self, digits: str) -> str:
        """Return the seconds since 1970 of ``YYMMDDhhmmss``."""


class Sqlite:
    """SQLite."""

    schema = "main"

    def key(self, kind: int, number: str) -> str:
        """Return a pkid."""
        return f"printf('{kind:08x}-0000-4000-8000-%012x', {number})"

    def epoch(self, moment: str) -> str:
        """Return seconds since 1970."""
        return f"CAST(strftime('%s', {moment}) AS INTEGER)"

    def fact(self, document: str, name: str, at: int) -> str:
        """Return an element of a list in a JSON document."""
        return f"CAST(json_extract({document}, '$.{name}[{at}]') AS TEXT)"

    def der(self, blob: str) -> str:
        """Return a certificate as hex."""
        return f"'{PEM_MARK}' || hex({blob})"

    def after(self, blob: str, found: bytes) -> str:
        """Return the position behind some bytes."""
        return f"(instr({blob}, x'{found.hex()}') + {len(found)})"

    def digits(self, blob: str, start: str) -> str:
        """Return twelve digits."""
        return f"CAST(substr({blob}, {start}, 12) AS TEXT)"

    def utc(self, digits: str) -> str:
        """Return seconds since 1970."""
        parts = (f"substr({digits}, {at}, 2)" for at in (1, 3, 5, 7, 9, 11))
        year, month, day, hour, minute, second = parts
        text = (
            f"'20' || {year} || '-' || {month} || '-' || {day} || ' ' || {hour} || ':' || {minute} || ':' || {second}"
        )
        return f"CAST(strftime('%s', {text}) AS INTEGER)"


class Postgresql:
    """PostgreSQL."""

    schema = "public"

    def key(self, kind: int, number: str) -> str:
        """Return a pkid."""
        return f"('{kind:08x}-0000-4000-8000-' || lpad(to_hex({number}), 12, '0'))"

    def epoch(self, moment: str) -> str:
        """Return seconds since 1970."""
        return f"CAST(extract(epoch from {moment}) AS BIGINT)"

    def fact(self, document: str, name: str, at: int) -> str:
        """Return an element of a list in a JSON document."""
        return f"({document} -> '{name}' ->> {at})"

    def der(self, blob: str) -> str:
        """Return a certificate as hex."""
        return f"'{PEM_MARK}' || encode({blob}, 'hex')"

    def after(self, blob: str, found: bytes) -> str:
        """Return the position behind some bytes."""
        return f"(position('\\x{found.hex()}'::bytea in {blob}) + {len(found)})"

    def digits(self, blob: str, start: str) -> str:
        """Return twelve digits."""
        return f"convert_from(substring({blob} from {start} for 12), 'SQL_ASCII')"

    def utc(self, digits: str) -> str:
        """Return seconds since 1970."""
        return f"CAST(extract(epoch from to_timestamp({digits} || '+00', 'YYMMDDHH24MISSTZH')) AS BIGINT)"


def values(rows: Iterable[Sequence[str | int | None]], columns: Sequence[str]) -> str:
    """Return a SELECT of fixed rows; of none if there are no rows."""
    listed = ", ".join(f"({', '.join(literal(cell) for cell in row)})" for row in rows)
    names = ", ".join(columns)
    if not listed:
        return f"SELECT {', '.join(f'NULL AS {name}' for name in columns)} WHERE 1 = 0"
    numbered = ", ".join(f"column{at} AS {name}" for at, name in enumerate(columns, 1))
    return f"SELECT {numbered} FROM (VALUES {listed}) AS fixed" if names else ""


def literal(cell: str | int | None) -> str:
    """Return a value as SQL."""
    if cell is None:
        return "NULL"
    return str(cell) if isinstance(cell, int) else f"'{str(cell).replace(chr(39), chr(39) * 2)}'"
