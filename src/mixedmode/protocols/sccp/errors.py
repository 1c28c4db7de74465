"""What is no SCCP."""

from __future__ import annotations

from mixedmode.errors import MalformedError


class MalformedSccpError(MalformedError):
    """Bytes are no SCCP frame or message, or a value fits into none.

    ``offset`` counts from the frame's first byte, or from the body's where only a body is read.
    """

    default_code = "sccp-message"
