"""Command lines of the documents' console blocks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^(?P<indent> *)```console\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"#.*\bexit code (\d)(?: if\b|:|$)")
LOGIN = re.compile(r"(?:ssh |mixedmode admin\b)")


@dataclass(frozen=True)
class Command:
    """What a reader types.

    Attributes:
        page: The document, from the repository's root.
        line: Where it begins there.
        text: As it stands on the page, with its further lines and comment, without the prompt.
        login: For a line at ``admin:`` the command by which the reader came to that prompt, if the block names it.
    """

    page: str
    line: int
    text: str
    admin: bool = False
    login: str = ""

    @property
    def words(self) -> str:
        """Return it on one line without its comment."""
        return re.sub(r"\s+", " ", re.sub(r"\s#\s.*|\\$", "", self.text, flags=re.MULTILINE)).strip()

    @property
    def exit_code(self) -> int:
        """Return the exit code that the page promises: 0 unless its comment says ``exit code N``."""
        found = CODE.search(self.text)
        return int(found[1]) if found else 0

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.words}"


def pages() -> list[str]:
    """Return every page that says what to type."""
    found = [ROOT / "README.md", *ROOT.glob("docs/how-to/*.md"), *ROOT.glob("docs/tutorial/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def commands(page: str) -> list[Command]:
    return list(commands_of(page, (ROOT / page).read_text()))


def commands_of(page: str, text: str) -> Iterator[Command]:
    """Yield each ``$`` line with those that continue it, and each ``admin:`` line."""
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("body")) + 1
        login, found = "", list[tuple[int, str]]()
        for number, line in enumerate(textwrap.dedent(block["body"]).splitlines(), first):
            if line.startswith(("$ ", "admin:")):
                found.append((number, line))
            elif line.startswith(" ") and found:
                found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}")
        for number, typed in found:
            if typed.startswith("admin:"):
                yield Command(page, number, typed.removeprefix("admin:"), admin=True, login=login)
                continue
            command = Command(page, number, typed.removeprefix("$ "))
            if LOGIN.match(command.words):
                login = command.words
            yield command
