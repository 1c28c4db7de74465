"""Loads what typer prints helps with, without the parts of rich that no help of this program uses.

typer's module of helps loads rich's Markdown (with a parser and all languages of a highlighter) and its tracebacks;
rich looks for attrs in case somebody prints such an object. Together they take longer than the printing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Final

_UNUSED: Final = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
"""Modules, and the class of each that typer names."""


def load_lean_help() -> None:
    """Load it; whoever loads the other parts afterwards gets them as they are."""
    if "typer.rich_utils" in sys.modules:
        return
    stand_ins: dict[str, ModuleType | None] = {"attr": None}
    for name, unused in _UNUSED.items():
        stand_ins[name] = module = ModuleType(name)
        setattr(module, unused, type(unused, (), {}))
    put = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(put)  # type: ignore[arg-type]  # None, as importlib has it: such an import fails
    try:
        import typer.rich_utils  # noqa: F401
    finally:
        for name in put:
            del sys.modules[name]
