"""Informix's SELECT read into tokens, checked, and written again for SQLite and PostgreSQL.

Rules:

1. One SELECT. Comments are dropped; what ends a statement, and signs that neither SELECT nor CUCM's tables need, are
   refused. Tokens are written again with blanks between them, so that no server reads one where another was meant.
2. After FROM, JOIN and the commas between them stands a table that AXL has, or a SELECT in parentheses. Nothing is
   qualified by a schema.
3. ``skip N first M`` behind SELECT becomes LIMIT and OFFSET at the end of that SELECT; ``limit M`` there means
   ``first M``.
4. Text in double quotes is a string, as in Informix, but for a name behind AS.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from mixedmode.faces.soap.errors import NO_TABLE, SYNTAX, AxlError
from mixedmode.numbers import whole_number

MOST_CHARACTERS: Final = 60_000
_LEXICAL: Final = re.compile(
    r"""
    (?P<blank>  \s+ | --[^\r\n]* | /\*.*?\*/ | \{[^}]*\} )
  | (?P<string> '(?:[^']|'')*' )
  | (?P<double> "(?:[^"]|"")*" )
  | (?P<name>   [A-Za-z_][A-Za-z0-9_]* )
  | (?P<number> (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? )
  | (?P<sign>   <= | >= | <> | != | \|\| | :: | [(),.+\-*/%<>=] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_PROCEDURE: Final = re.compile(
    r"\s*execute\s+procedure\s+dbreaddevicexml\s*\(\s*'([0-9A-Fa-f-]{36})'\s*\)\s*", re.IGNORECASE
)
_FUNCTIONS: Final = {"nvl": "coalesce"}
_ENDS_FROM: Final = {"where", "group", "order", "having", "limit", "union", "intersect", "except", "on", "select"}
_SCHEMAS: Final = {"main", "public", "temp", "information_schema"}
_SYSTEM: Final = ("pg_", "sqlite_", "sysmaster", "json_")
_READS_TABLES: Final = re.compile(r"(table|query|cursor|schema|database)_to_xml\w*|ts_stat")
"""PostgreSQL's functions that read what a text names, past the views; some of them count as stable."""
_STATEMENTS: Final = {"with", "table", "values", "into", "insert", "update", "delete", "execute", "call"}
_BIGGEST: Final = 9_223_372_036_854_775_807


@dataclass(slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "name" else ""


@dataclass(frozen=True, slots=True)
class Query:
    """A query as the engine takes it.

    Attributes:
        sql: The text.
        words: The names in it, in lower case.
    """

    sql: str
    words: frozenset[str]


def procedure_of(sql: str) -> str | None:
    """Return the pkid of ``execute procedure dbreaddevicexml('...')``, None if the text is something else."""
    found = _PROCEDURE.fullmatch(sql)
    return None if found is None else found[1].lower()


def read_query(sql: str, tables: Collection[str]) -> Query:
    """Read a query.

    Args:
        sql: As it came.
        tables: That AXL has.

    Raises:
        AxlError: It is no single SELECT over these tables.
    """
    tokens = _tokens(sql)
    if not tokens or tokens[0].word != "select":
        raise AxlError("Only queries that begin with select are taken here", SYNTAX)
    _check(tokens, tables)
    words = frozenset(token.word for token in tokens if token.word)
    return Query(" ".join(token.text for token in _rewritten(tokens)), words)


def _tokens(sql: str) -> list[_Token]:
    plain = sql.strip()
    plain = plain.removesuffix(";")
    if len(plain) > MOST_CHARACTERS:
        raise AxlError(f"The query has more than {MOST_CHARACTERS} characters", SYNTAX)
    found, at = [], 0
    while at < len(plain):
        match = _LEXICAL.match(plain, at)
        if match is None:
            raise AxlError("A syntax error has occurred.", SYNTAX)
        at = match.end()
        if match.lastgroup != "blank":
            found.append(_Token(str(match.lastgroup), match[0]))
    return found


def _check(tokens: list[_Token], tables: Collection[str]) -> None:
    """Hold rule 2."""
    places = _Places(tables)
    nothing = _Token("sign", "")
    for before, token, after in zip([nothing, *tokens], tokens, [*tokens[1:], nothing], strict=False):
        places.see(before, token, after)
        if token.word and before.text != ".":
            _check_word(token, after.text)
    places.end()


class _Places:
    """Knows where tables stand.

    Args:
        tables: That there are.
    """

    def __init__(self, tables: Collection[str]) -> None:
        self._tables = tables
        self._in_from = [False]
        """For each open parenthesis, whether tables stand in it."""
        self._expects = False

    def see(self, before: _Token, token: _Token, after: _Token) -> None:
        """Take the next token.

        Raises:
            AxlError: It is no table where one must stand, or closes what is not open.
        """
        expected, self._expects = self._expects, False
        if expected and token.text != "(" and (token.word not in self._tables or after.text in {".", "("}):
            raise AxlError(f"The specified table ({token.text}) is not in the database.", NO_TABLE)
        if token.text == "(":
            # Tables may stand in parentheses themselves: (a join b on ...).
            holds_tables = before.word in {"from", "join"} or (self._in_from[-1] and before.text in {",", "("})
            self._in_from.append(holds_tables)
            self._expects = holds_tables and after.word != "select"
        elif token.text == ")":
            self._in_from.pop()
            if not self._in_from:
                raise AxlError("A syntax error has occurred.", SYNTAX)
        elif token.text == ",":
            self._expects = self._in_from[-1]
        elif token.word in {"from", "join"}:
            self._in_from[-1] = self._expects = True
        elif token.word in _ENDS_FROM:
            self._in_from[-1] = False

    def end(self) -> None:
        """Take the end.

        Raises:
            AxlError: A parenthesis is open.
        """
        if len(self._in_from) != 1:
            raise AxlError("A syntax error has occurred.", SYNTAX)


def _check_word(token: _Token, after: str) -> None:
    word = token.word
    if word in _STATEMENTS:
        raise AxlError(f"Only queries are taken here, and {token.text} is no part of one", SYNTAX)
    if word.startswith(_SYSTEM) or _READS_TABLES.fullmatch(word) or (word in _SCHEMAS and after == "."):
        raise AxlError(f"The specified table ({token.text}) is not in the database.", NO_TABLE)


def _rewritten(tokens: list[_Token]) -> list[_Token]:
    """Return the tokens as SQLite and PostgreSQL take them (rules 3 and 4)."""
    made: list[_Token] = []
    ends: list[str] = [""]
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.text == "(":
            ends.append("")
        elif token.text == ")":
            made += _limit(ends.pop())
        if token.kind == "double":
            behind_as = bool(made) and made[-1].word == "as"
            made.append(token if behind_as else _Token("string", _single(token.text)))
            continue
        after = tokens[at].text if at < len(tokens) else ""
        if token.word in _FUNCTIONS and after == "(":
            token = _Token("name", _FUNCTIONS[token.word])
        made.append(token)
        if token.word == "select":
            at, ends[-1] = _modifiers(tokens, at)
            if at < len(tokens) and tokens[at].word == "unique":
                tokens[at] = _Token("name", "distinct")
    return made + _limit(ends[0])


def _modifiers(tokens: list[_Token], at: int) -> tuple[int, str]:
    """Return where the columns begin, and the LIMIT that stood before them."""
    found: dict[str, int] = {}
    while at + 1 < len(tokens) and tokens[at].word in {"skip", "first", "limit"} and tokens[at + 1].kind == "number":
        number = whole_number(tokens[at + 1].text)
        if number is None:
            raise AxlError("A syntax error has occurred.", SYNTAX)
        found["skip" if tokens[at].word == "skip" else "first"] = number
        at += 2
    if not found:
        return at, ""
    return at, f"limit {found.get('first', _BIGGEST)} offset {found.get('skip', 0)}"


def _limit(text: str) -> list[_Token]:
    return [_Token("sign", text)] if text else []


def _single(text: str) -> str:
    inner = text[1:-1].replace('""', '"').replace("'", "''")
    return f"'{inner}'"
