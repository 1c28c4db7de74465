"""Which SQL reads and nothing else.

Rules:

1. A statement begins with ``select``, and is one: no ``;``, no comment of any of Informix's three kinds.
2. No word that writes, locks or calls stands anywhere outside a string, and none that puts rows elsewhere (``into``).
3. A function can write in Informix (``dbwritedevicexml``): only the few that are named here may be called.
4. The one exception is the procedure that reads a device's XML, with a key and nothing else.
5. What cannot be read for certain is refused: quotation marks that do not close, double ones, control characters.
"""

from __future__ import annotations

import re
from typing import Final

from mixedmode.live.allowed.refusal import refused

LONGEST: Final = 16 << 10
_READ_XML: Final = re.compile(
    r"execute procedure dbreaddevicexml\('\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?'\)"
)
_STRING: Final = re.compile(r"'(?:[^']|'')*'")
_WORD: Final = re.compile(r"[a-z_][a-z0-9_]*")
_CALL: Final = re.compile(r"([a-z_][a-z0-9_.]*)\s*\(")
_MARKS: Final = re.compile(r"--|/\*|\*/|[;{}\"\\`$#?@:\[\]]")
_FUNCTIONS: Final = frozenset({"count", "min", "max", "sum", "avg", "lower", "upper", "trim", "length", "nvl"})
_BEFORE_BRACKETS: Final = frozenset({"in", "and", "or", "not", "exists", "on", "where", "from", "select", "join", "by"})
_WRITING: Final = frozenset(
    [
        *(
            "into",
            "update",
            "insert",
            "delete",
            "merge",
            "replace",
            "truncate",
            "rename",
            "temp",
            "external",
            "scratch",
        ),
        *("execute", "exec", "call", "procedure", "function", "routine", "trigger", "do", "prepare", "declare"),
        *("drop", "alter", "create", "grant", "revoke", "set", "lock", "unlock", "unload", "load", "outfile"),
        *("begin", "commit", "rollback", "work", "savepoint", "start", "stop", "reset"),
        *("database", "connect", "disconnect", "nextval", "currval"),
    ]
)


def check_sql(statement: str) -> None:
    """Check that a statement only reads.

    Raises:
        NotAllowedError: It may do something else.
    """
    if len(statement) > LONGEST or not statement.isascii() or not statement.isprintable():
        raise refused(statement, "a statement is one line of printable ASCII")
    if _READ_XML.fullmatch(statement):
        return
    bare = _STRING.sub("''", statement).lower()
    if bare.replace("''", "").count("'"):
        raise refused(statement, "a quotation mark does not close")
    if found := _MARKS.search(bare):
        raise refused(statement, f"{found.group()} has no place in a statement that reads")
    if not re.match(r"select\s", bare):
        raise refused(statement, "only select reads")
    if written := _WRITING.intersection(_WORD.findall(bare)):
        raise refused(statement, f"{min(written)} does more than read")
    for name in _CALL.findall(bare):
        if name not in _FUNCTIONS and name not in _BEFORE_BRACKETS:
            raise refused(statement, f"{name}() is not known to read only")


def quoted(text: str) -> str:
    """Return a text as a string of SQL.

    Raises:
        NotAllowedError: It has characters that no name has.
    """
    if not text.isascii() or not text.isprintable() or len(text) > LONGEST:
        raise refused(text, "a name is printable ASCII")
    return "'" + text.replace("'", "''") + "'"
