"""The parts of the package that are installed on request, and what is said where one is missing.

Reading (``show``, ``verify``, ``diff``, ``build``, ``sign-config``, ``models``, a phone, a TVS) needs only what
``pip install mixedmode`` brings; nodes, labs and tokens are extras, named in ``pyproject.toml``.
"""

from __future__ import annotations

from mixedmode.errors import UsageError

EXTRAS = {
    "alembic": "node",
    "asyncssh": "node",
    "h11": "node",
    "httptools": "node",
    "jinja2": "node",
    "pylibsrtp": "node",
    "python_multipart": "node",
    "prometheus_client": "node",
    "annotated_types": "node",
    "pydantic": "node",
    "pydantic_settings": "node",
    "sqlalchemy": "node",
    "starlette": "node",
    "structlog": "node",
    "tomlkit": "node",
    "uvicorn": "node",
    "uvloop": "node",
    "pkcs11": "tokens",
    "psycopg": "postgresql",
}
"""By module, the extra that brings it."""
UNIX = frozenset({"fcntl", "grp", "pwd", "resource", "termios", "tty"})
"""Modules that Python has on Unix alone."""


def missing_part(error: ModuleNotFoundError) -> UsageError | None:
    """Return what to say about a module that is not there, None if it is none of an extra."""
    module = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(module)
    if extra is not None:
        return UsageError(
            f"this command needs the {extra} part of mixedmode, which is not installed",
            why=f"there is no module {module}",
            next_step=f'pip install "mixedmode[{extra}]"',
            code="missing-part",
        )
    if module in UNIX:
        return UsageError(
            "this command runs on Linux and other Unix systems only",
            why=f"there is no module {module} here",
            next_step="show, verify, diff, extract, build and models run everywhere",
            code="missing-part",
        )
    return None
