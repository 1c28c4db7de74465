"""TOML files that people may open: written by a library of others, which is loaded when one is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def toml_file(comment: str, tables: Mapping[str, Any]) -> str:
    """Return a TOML file: a comment for who opens it, then the tables."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(comment))
    document.add(tomlkit.nl())
    document.update(tables)
    return tomlkit.dumps(document)
