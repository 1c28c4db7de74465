"""What the faces for programs refuse."""

from __future__ import annotations

from mixedmode.errors import MixedModeError


class AxlError(MixedModeError):
    """A request that AXL answers with a fault.

    Args:
        message: As AXL words it.
        axl_code: ``axlcode`` of the fault.
        status: Of the HTTP answer.
    """

    default_code = "axl"

    def __init__(self, message: str, axl_code: int = -1, *, status: int = 500) -> None:
        super().__init__(message)
        self.axl_code, self.status = axl_code, status


def too_large(total: object, fitted: int) -> AxlError:
    """Return the refusal of a reply with too many bytes.

    Args:
        total: Rows that there are.
        fitted: Rows that a reply holds.
    """
    return AxlError(
        f"Query request too large. Total rows matched: {total} rows. "
        f"Suggestive Row Fetch: less than {max(1, fitted)} rows"
    )


NOT_VALID = 5007
SYNTAX = -201
NO_TABLE = -206
NO_COLUMN = -217
