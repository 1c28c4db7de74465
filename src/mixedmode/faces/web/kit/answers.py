"""What a page's handler returns: a page, another address, a file, a table as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from mixedmode.printable import spreadsheet_cell

_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class View:
    """A page.

    Attributes:
        template: Its file below ``templates/``.
        context: What the template is given, beside the frame.
        status: HTTP's number; 422 for a form that comes back with errors.
        refresh: Seconds after which a browser without script asks again; 0 never. For pages with work in progress.
    """

    template: str
    context: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    refresh: int = 0


@dataclass(frozen=True, slots=True)
class Redirect:
    """See another address (303), as after each form that did something.

    Attributes:
        path: Within this server.
        note: What became of it, shown once at the top of the next page.
        kind: Of the note: ``ok``, ``info`` or ``warn``.
    """

    path: str
    note: str = ""
    kind: str = "ok"


@dataclass(frozen=True, slots=True)
class Download:
    """A file to be saved.

    Attributes:
        name: Suggested; only letters, digits, dot, dash and underscore of it are kept.
        body: Its bytes, or pieces of them.
        media_type: As the browser is told.
    """

    name: str
    body: bytes | Iterable[bytes]
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Csv:
    """A table as CSV: UTF-8 with a header.

    Attributes:
        name: Of the file, without its ending.
        header: The names of the columns.
        rows: Values; read while they are sent.
    """

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[object]]

    def pieces(self) -> Iterator[bytes]:
        """Yield the file; a cell that a spreadsheet would take for a formula is text (CWE-1236)."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.header)
        for number, row in enumerate(self.rows, 1):
            writer.writerow([_harmless(value) for value in row])
            if number % _ROWS_AT_ONCE == 0:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
        yield text.getvalue().encode()


Answer: TypeAlias = View | Redirect | Download | Csv


def _harmless(value: object) -> object:
    if isinstance(value, int | float):
        return value
    return spreadsheet_cell("" if value is None else str(value))
