"""The error of a request that is not on the allow-list."""

from __future__ import annotations

from mixedmode.errors import UsageError


class NotAllowedError(UsageError):
    """A request is not on the allow-list, and was not sent."""

    default_code = "not-allowed"


def refused(what: str, why: str) -> NotAllowedError:
    """Return the error.

    Args:
        what: What would have been sent, in a few words.
        why: Which rule it breaks.
    """
    return NotAllowedError(
        f"{what[:120]!r} is not sent",
        why=why,
        next_step="only what reads is on the allow-list (docs/specification/live-cluster.md 0.3)",
    )
