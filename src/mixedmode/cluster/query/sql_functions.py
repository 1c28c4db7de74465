"""Which functions a query for PostgreSQL names, read by the lexical rules of PostgreSQL 15 with standard strings.

A call needs the function's name as an identifier, before a parenthesis or behind a point. So what stands in strings and
comments is left out, and everything else that might be a name is returned, more rather than less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mixedmode.cluster.query.query_bounds import refused

_LEXICAL: Final = re.compile(
    r"""
    (?P<blank>   [ \t\r\n\f\v]+ | --[^\r\n]* )
  | (?P<comment> /\* )
  | (?P<escaped> [eE]' (?: [^'\\] | \\. | '' )* ' )
  | (?P<unicode> [uU]&['"] )
  | (?P<string>  ' (?: [^'] | '' )* ' )
  | (?P<quoted>  " (?: [^"] | "" )* " )
  | (?P<dollar>  \$ (?: [A-Za-z_\x80-\U0010ffff] [A-Za-z0-9_\x80-\U0010ffff]* )? \$ )
  | (?P<broken>  [eE]' | ' | " | \$ )
  | (?P<name>    [A-Za-z_\x80-\U0010ffff] [A-Za-z0-9_$\x80-\U0010ffff]* )
  | (?P<number>  [0-9] [0-9.]* )
  | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT: Final = re.compile(r"/\*|\*/")
_NAME_BYTES = 63
"""PostgreSQL cuts longer names to so many bytes."""
SET_CONFIG = "set_config"


class Kind(Enum):
    """What a token is."""

    NAME = auto()
    STRING = auto()
    ESCAPED = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token; a name as PostgreSQL looks it up, a plain string's content, or one other character."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    """What a query may call.

    Attributes:
        names: Functions, or columns and aliases that look alike.
        settings: Of each ``set_config``, the setting if it is a plain string, else None.
    """

    names: frozenset[str]
    settings: tuple[str | None, ...]


def calls_of(sql: str) -> Calls:
    """Return what a query may call.

    Raises:
        UsageError: A string, name or comment has no end, or there is a spelling that no query needs.
    """
    tokens = list(tokens_of(sql))
    names = set()
    settings: list[str | None] = []
    blank = Token(Kind.OTHER, "")
    around = [blank, *tokens, blank, blank, blank]
    for before, token, after, first, second in zip(around, tokens, around[2:], around[3:], around[4:], strict=False):
        if token.kind is not Kind.NAME or (after.text != "(" and before.text != "."):
            continue
        names.add(token.text)
        if token.text == SET_CONFIG:
            plain = after.text == "(" and first.kind is Kind.STRING and second == Token(Kind.OTHER, ",")
            settings.append(first.text.lower() if plain else None)
    return Calls(frozenset(names), tuple(settings))


def tokens_of(sql: str) -> Iterator[Token]:
    """Return the tokens of a query, without spaces and comments.

    Raises:
        UsageError: See :func:`calls_of`.
    """
    before = Kind.OTHER
    for token in _tokens(sql):
        # A string that goes on behind a line's end is read as it began, backslashes and all.
        if before is Kind.ESCAPED and token.kind is Kind.STRING:
            raise refused("a string by E'' is not continued here")
        before = token.kind
        yield token


def _tokens(sql: str) -> Iterator[Token]:
    at = 0
    while (found := _LEXICAL.match(sql, at)) is not None:
        kind, text, at = found.lastgroup, found[0], found.end()
        if kind == "comment":
            at = _comment_end(sql, found.start())
        elif kind == "dollar":
            at = _dollar_end(sql, text, at)
            yield Token(Kind.OTHER, "$")
        elif (reason := _REFUSED.get(str(kind))) is not None:
            raise refused(reason)
        elif kind != "blank":
            make = _MAKERS.get(str(kind))
            yield Token(Kind.OTHER, text) if make is None else make(text)


_REFUSED: Final = {
    "unicode": "names and strings by U& are not taken",
    "broken": "a string or name has no end, or there is a parameter",
}
_MAKERS: Final[dict[str, Callable[[str], Token]]] = {
    "escaped": lambda _: Token(Kind.ESCAPED, ""),
    "string": lambda text: Token(Kind.STRING, text[1:-1].replace("''", "'")),
    "quoted": lambda text: Token(Kind.NAME, _cut(text[1:-1].replace('""', '"'))),
    "name": lambda text: Token(Kind.NAME, _cut(_folded(text))),
}


def _folded(name: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in name)


def _cut(name: str) -> str:
    return name.encode("utf-8", "surrogatepass")[:_NAME_BYTES].decode("utf-8", "ignore")


def _dollar_end(sql: str, tag: str, at: int) -> int:
    """Return the end of a string between dollars."""
    end = sql.find(tag, at)
    if end < 0:
        raise refused("a string has no end")
    return end + len(tag)


def _comment_end(sql: str, at: int) -> int:
    """Return the end of a comment, which may hold others."""
    depth = 0
    for mark in _COMMENT.finditer(sql, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise refused("a comment has no end")
