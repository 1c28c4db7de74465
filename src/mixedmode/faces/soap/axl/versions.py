"""Which schema of AXL a request speaks (docs/specification/live-cluster.md 1.1, 1.2)."""

from __future__ import annotations

import re
from typing import Final

NAMESPACE: Final = "http://www.cisco.com/AXL/API/"
VERSIONS: Final = ("10.0", "10.5", "11.0", "11.5", "12.0", "12.5", "14.0", "15.0")
"""All of them, whatever the cluster's own version: what is answered is the same in each."""
OLDEST: Final = "1.0"
"""Stands for the oldest schema."""
STATUS: Final = 599
_ACTION: Final = re.compile(r'"?\s*CUCM:DB ver=(\d{1,2}\.\d)(?:\s+\w+)?\s*"?', re.IGNORECASE)


def version_of(action: str, space: str) -> str | None:
    """Return the version that a request speaks, None if it is none of ours or its two versions differ.

    Args:
        action: The SOAPAction header; may be empty.
        space: The namespace of the operation.
    """
    said = space.removeprefix(NAMESPACE) if space.startswith(NAMESPACE) else ""
    found = _ACTION.fullmatch(action.strip())
    header = found[1] if found else said
    if not said or said != header:
        return None
    return said if said in VERSIONS or said == OLDEST else None


def wrong_version_page() -> str:
    """Return the page that tells which versions there are."""
    listed = f"{', '.join(VERSIONS[:-1])} and {VERSIONS[-1]}"
    return (
        "<!DOCTYPE html><html><head><title>AXL</title></head><body><h1>HTTP Status 599</h1>"
        f"<p>The AXL version of the request is not supported. Supported axl versions are {listed}</p></body></html>"
    )
