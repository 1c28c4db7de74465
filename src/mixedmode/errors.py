"""One tree of errors for the whole package.

Every error says what is wrong, where (file and byte offset, node, phone, field), why, and what to do
next. Library exceptions never leave a public function: they are chained (``raise ... from``) below one
of these. The class decides the exit code of the ``mixedmode`` command:

* 1 -- a check does not hold (:class:`CheckFailedError`)
* 2 -- bad usage, or unreadable or malformed input (:class:`UsageError`, :class:`MalformedError`)
* 3 -- the other side failed: network, node, database, token (:class:`RemoteError`)
"""

from __future__ import annotations

from typing import Any

from mixedmode.printable import one_line, shortened


class MixedModeError(Exception):
    """The root of the tree.

    Args:
        what: One sentence: what is wrong.
        where: The file, node, phone or field.
        offset: The byte offset in ``where``, if the error is about bytes.
        why: The cause, when it is known and not plain from ``what``.
        next_step: What the reader should do now.
        code: A short stable word for scripts, such as ``truncated``.
    """

    exit_code = 2
    default_code = "error"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        offset: int | None = None,
        why: str | None = None,
        next_step: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.offset = offset
        self.why = why
        self.next_step = next_step
        self.code = code or self.default_code

    def __str__(self) -> str:
        place = self.where or ""
        if self.offset is not None:
            place = f"{place} at byte {self.offset}".strip()
        return f"{place}: {self.what}" if place else self.what

    def located(self, where: str) -> MixedModeError:
        """Return this error with its place filled in, if it had none."""
        if self.where is None:
            self.where = where
        return self

    def diagnostics(self) -> str:
        """Return the text for people: what and where, why, and the next step, a printable line each."""
        lines = [one_line(shortened(str(self)))]
        if self.why:
            lines.append(f"  why:  {one_line(shortened(self.why))}")
        if self.next_step:
            lines.append(f"  next: {one_line(shortened(self.next_step))}")
        return "\n".join(lines)

    def as_document(self) -> dict[str, Any]:
        """Return the JSON form that ``--json`` prints."""
        return {
            "code": self.code,
            "message": shortened(self.what),
            "where": self.where and shortened(self.where),
            "offset": self.offset,
            "why": self.why and shortened(self.why),
            "next_step": self.next_step and shortened(self.next_step),
        }


class UsageError(MixedModeError):
    """The caller asked for something that cannot be done as asked."""

    default_code = "usage"


class MalformedError(MixedModeError):
    """Bytes do not follow their format. ``offset`` says where."""

    default_code = "malformed"


class CheckFailedError(MixedModeError):
    """A check does not hold: bad signature, unknown signer, a phone locked out."""

    exit_code = 1
    default_code = "check-failed"


class RemoteError(MixedModeError):
    """The other side failed: network, node, database or token."""

    exit_code = 3
    default_code = "remote"


class ProtocolError(MixedModeError):
    """Somebody broke a protocol; which side did is the class of the error."""

    default_code = "protocol"


class RemoteProtocolError(ProtocolError, RemoteError):
    """The other side broke the protocol."""


class LocalProtocolError(ProtocolError, UsageError):
    """This side would have broken the protocol: it is not the time for what was to be sent, or that does not fit."""
