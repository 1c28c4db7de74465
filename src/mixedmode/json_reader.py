"""Reads JSON that strangers write: whatever is wrong with it is one kind of error, with words for people."""

from __future__ import annotations

import json
from typing import Any


def read_json(data: str | bytes) -> Any:
    """Return what a JSON document says.

    Raises:
        ValueError: It is none: no text, wrong at a place that the error names, nested deeper than this program follows,
            or with a number of thousands of digits.
    """
    try:
        return json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError("a number of it has thousands of digits") from error
