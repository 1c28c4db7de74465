"""What tests of several rooms share."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"
"""Vectors made by others; tests/data/README.md names their origins."""
