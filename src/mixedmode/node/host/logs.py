"""Logs of a node: structured events on standard error; who runs the node keeps and rotates them.

Secrets never get here: services log names, addresses and reasons. What strangers make a service say is bounded
(:mod:`.log_limits`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from mixedmode.node.host.log_limits import LogLimits
from mixedmode.printable import printable, printable_block

if TYPE_CHECKING:
    import structlog

_BLOCKS: Final = frozenset({"exception", "stack"})


def node_log() -> structlog.stdlib.BoundLogger:
    """Return the log of what nodes do; its library is loaded when there is something to say."""
    import structlog

    log: structlog.stdlib.BoundLogger = structlog.get_logger("mixedmode.node")
    return log


def set_up_logs(*, level: str, as_json: bool) -> None:
    """Send the events of this program and of its libraries to standard error.

    Args:
        level: The least that is shown.
        as_json: One JSON document a line, for collectors; else text for people.
    """
    import structlog

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else _printable_lines(structlog.dev.ConsoleRenderer(colors=False))
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                last,
            ],
        )
    )
    handler.addFilter(LogLimits())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncssh", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def set_up_plain_logs() -> None:
    """Send warnings of a lab, or of a service without a node, to standard error: plain lines for who started it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PlainLines())
    handler.addFilter(LogLimits())
    logging.getLogger().handlers[:] = [handler]


class _PlainLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = printable(record.getMessage())
        if left_out := getattr(record, "left_out", 0):
            text = f"{text} ({left_out:,} more like this were left out before)"
        if not record.exc_info:
            return text
        return "\n".join(
            [text, *(f"  {printable(line)}" for line in self.formatException(record.exc_info).splitlines())]
        )


def _printable_lines(render: Callable[..., str]) -> Callable[..., str]:
    """Return what writes an event as printable text: on one line, but for a traceback, which is indented."""

    def rendered(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        for name, value in event.items():
            if isinstance(value, str):
                lines = value.splitlines() if name in _BLOCKS else [value]
                event[name] = "\n".join(
                    f"  {printable(line)}" if name in _BLOCKS else printable(line) for line in lines
                )
        return printable_block(render(logger, method, event))

    return rendered
