"""Reads TOML that strangers write: whatever is wrong with it is one kind of error, with words for people."""

from __future__ import annotations

import tomllib
from typing import Any


def read_toml(data: bytes) -> dict[str, Any]:
    """Return what a TOML file says; it may begin with the mark that editors of Windows write.

    Raises:
        ValueError: It is none: no UTF-8, wrong at a line and column that the error names, nested deeper than this
            program follows, or with a number of thousands of digits.
    """
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError("a number of it has thousands of digits") from error
