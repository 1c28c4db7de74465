"""The other side of an ``admin:`` prompt as a pure machine: text and time in, what to type and what was printed out.

Rules:

1. A command has ended when the last line is ``admin:`` and nothing more comes for a moment. Until a line has ended
   since it was typed (its echo does), ``admin:`` may be the old prompt drawn again: that takes a while to count.
2. A question that is known (:mod:`.questions`) is answered as the command's caller said, once; else somebody is asked.
   It counts when nothing more comes for the same moment: an answer must not reach what is asked behind it. At any
   other question nothing is typed: the session is over, and the error says what was seen.
3. What looks like a question counts as one when nothing more comes for a while; everything else waits for the prompt
   until the command's time is over.
4. Text and time are bounded. What was typed as a secret is in no line and no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mixedmode.errors import CheckFailedError, MixedModeError, RemoteError
from mixedmode.live.shell.blots import Blots
from mixedmode.live.shell.lines import TerminalLines
from mixedmode.live.shell.questions import PAGERS, PROMPT, Question, found_question
from mixedmode.printable import printable

_ASKING: Final = ("?", ":", "]", ")", ">", "#", "$")
"""How questions and the prompts of other shells end."""
_ENDS: Final = (*_ASKING, "Hit Enter", "hit enter")
"""How those of the table do; a look that costs little."""
_SHOWN: Final = 6
"""Lines of what was seen that an error has."""
_LOOKED_AT: Final = 4000
"""Characters before a question's end in which its beginning is looked for."""
_LOOKED_LINES: Final = 64
"""Lines of them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how much.

    Attributes:
        settle: Seconds without anything more after which ``admin:`` is the prompt (rule 1), a known question one.
        quiet: Seconds without anything more after which a question counts (rule 3).
        login: Seconds until the first prompt.
        characters: Of one command's output.
        pages: Of one command's output.
    """

    settle: float = 0.25
    quiet: float = 15.0
    login: float = 60.0
    characters: int = 4 << 20
    pages: int = 5000


class UnexpectedPromptError(CheckFailedError):
    """The node asks something that is not known: nothing was typed."""

    default_code = "unexpected-prompt"


class NoPromptError(RemoteError):
    """The prompt did not come back."""

    default_code = "no-prompt"


class ConnectionLostError(RemoteError):
    """The session ended before the command had."""

    default_code = "connection-lost"


@dataclass(frozen=True, slots=True)
class Send:
    """Type this.

    Attributes:
        text: With its end of line, where it has one.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The node asks what the caller did not answer beforehand; :meth:`Prompt.answer` comes next.

    Attributes:
        question: Which.
        text: As it was printed.
    """

    question: Question
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The prompt is back.

    Attributes:
        lines: What was printed, without the echo of the command.
    """

    lines: tuple[str, ...]


Said = Send | Asked | Done


class _At(Enum):
    COMMAND = "a command runs, or the login"
    PROMPT = "the prompt waits"
    ASKED = "somebody is asked"
    OVER = "nothing more is typed"


class Prompt:
    """A session at a prompt, from its login on.

    Args:
        where: The node, for errors.
        now: Seconds of any clock that only goes forward.
        patience: How long and how much.
    """

    def __init__(self, where: str, now: float, patience: Patience | None = None) -> None:
        self.where = where
        self._patience = patience or Patience()
        self._terminal = TerminalLines()
        self._blots = Blots()
        self._state = _At.COMMAND
        self._start("", now, self._patience.login, {})

    def _start(self, line: str, now: float, seconds: float, answers: Mapping[str, str]) -> None:
        self._line, self._answers = line, dict(answers)
        self._lines: list[str] = []
        self._asked: dict[int, str] = {}
        self._since_typed = 0
        self._characters = self._pages = 0
        self._heard, self._end = now, now + seconds

    @property
    def due(self) -> float:
        """When :meth:`tick` is to be called, if nothing comes before."""
        if self._state is not _At.COMMAND:
            return float("inf")
        if self._question() is not None:
            return self._heard + self._patience.settle
        wait = self._settle if self._at_prompt() else self._patience.quiet
        return min(self._heard + wait, self._end) if self._at_prompt() or self._asks() else self._end

    def type(
        self, line: str, now: float, seconds: float, answers: Mapping[str, str] | None = None, secret: bool = False
    ) -> list[Said]:
        """Type a command.

        Args:
            line: Without its end.
            now: The time.
            seconds: That it may take.
            answers: To its questions, by their names; each is given once.
            secret: Whether the answers are secrets.

        Raises:
            CheckFailedError: The prompt does not wait, or the line is none.
        """
        if self._state is not _At.PROMPT or not line.isprintable() or not line.strip():
            raise CheckFailedError(f"{printable(line)!r} cannot be typed now", where=self.where)
        self._start(line, now, seconds, answers or {})
        self._terminal = TerminalLines()
        self._state = _At.COMMAND
        for each in self._answers.values() if secret else ():
            self._blots.hide(each)
        return [Send(f"{line}\n")]

    def received(self, text: str, now: float) -> list[Said]:
        """Take in what the node sent.

        Raises:
            UnexpectedPromptError: It sends without an end.
        """
        self._heard = now
        self._characters += len(text)
        self._lines += self._terminal.feed(text)
        if self._characters > self._patience.characters:
            self._state = _At.OVER
            raise UnexpectedPromptError(
                "the node prints without an end",
                where=self.where,
                why=f"{self._characters:,} characters of one command",
            )
        return self._turned() if self._state is _At.COMMAND else []

    def tick(self, now: float) -> list[Said]:
        """Look at the time.

        Raises:
            UnexpectedPromptError: The node asks what is not known (rule 2).
            NoPromptError: The prompt did not come in time.
        """
        if self._state is not _At.COMMAND:
            return []
        if self._at_prompt() and now >= self._heard + self._settle:
            self._state = _At.PROMPT
            return [Done(self._printed())]
        question = self._question()
        if question is not None:
            return self._asked_for(question, now) if now >= self._heard + self._patience.settle else []
        if self._asks() and now >= self._heard + self._patience.quiet:
            raise self._over(
                UnexpectedPromptError(
                    "the node asks something that is not known here: nothing was typed",
                    where=self.where,
                    why=self._saw(),
                    next_step="look at that node yourself; what was typed before is checked by its effect",
                )
            )
        if now >= self._end:
            raise self._over(
                NoPromptError(
                    f"the prompt {PROMPT!r} did not come{f' after {self._line!r}' if self._line else ''}",
                    where=self.where,
                    why=self._saw(),
                    next_step="look whether the node is busy, then go on: what was typed is checked by its effect",
                )
            )
        return []

    def answer(self, text: str | None, now: float, *, secret: bool = False) -> list[Said]:
        """Answer what was asked; None types nothing and ends the session.

        Raises:
            UnexpectedPromptError: There is no answer.
        """
        if self._state is not _At.ASKED:
            raise CheckFailedError("nothing is asked now", where=self.where)
        if text is None:
            raise self._over(
                UnexpectedPromptError(
                    "the node's question was not answered", where=self.where, why=self._saw(), next_step="begin again"
                )
            )
        self._state = _At.COMMAND
        if secret:
            self._blots.hide(text)
        return [self._typed(text, now)]

    def ended(self) -> ConnectionLostError:
        """Return what is to be said of a session that ended."""
        self._state = _At.OVER
        what = f"the connection was lost while {self._line!r} ran" if self._line else "the node closed the session"
        return ConnectionLostError(
            what,
            where=self.where,
            why=self._saw() or None,
            next_step="go on once the node answers: what was typed is checked by its effect, and not typed again",
        )

    def _turned(self) -> list[Said]:
        """Turn a page, if that is what the node waits for."""
        tail = self._terminal.tail
        for pager in PAGERS:
            if pager.pattern.search(tail):
                self._pages += 1
                if self._pages > self._patience.pages:
                    raise self._over(UnexpectedPromptError("there are too many pages", where=self.where))
                self._terminal.feed("\r\x1b[K")
                return [Send(pager.key)]
        return []

    def _question(self) -> Question | None:
        """Return the known question that all that was printed ends with, None if it is none."""
        since = max(self._since_typed, len(self._lines) - _LOOKED_LINES)
        printed = "\n".join([*self._lines[since:], self._terminal.tail])[-_LOOKED_AT:]
        return found_question(printed) if printed.rstrip().endswith(_ENDS) else None

    def _asked_for(self, question: Question, now: float) -> list[Said]:
        answer = self._answers.pop(question.name, None)
        if answer is None:
            self._state = _At.ASKED
            shown = [*self._lines[self._since_typed :], self._terminal.tail]
            return [Asked(question, "\n".join(self._clean(shown)))]
        return [self._typed(answer, now)]

    def _typed(self, text: str, now: float) -> Send:
        self._asked[len(self._lines)] = text
        self._lines.append(self._terminal.tail)
        self._since_typed = len(self._lines)
        self._terminal.feed("\r\x1b[K")
        self._heard = now
        return Send(f"{text}\n")

    @property
    def _settle(self) -> float:
        """Seconds without anything more after which ``admin:`` is the prompt (rule 1)."""
        echoed = not self._line or bool(self._lines)
        return self._patience.settle if echoed else self._patience.quiet

    def _at_prompt(self) -> bool:
        return self._terminal.tail.rstrip(" ") == PROMPT

    def _asks(self) -> bool:
        tail = self._terminal.tail.strip()
        # The echo of a command may come slowly, and end with such a character itself.
        return tail.endswith(_ASKING) and not (self._line and tail.removeprefix(PROMPT).strip() == self._line.strip())

    def _printed(self) -> tuple[str, ...]:
        lines = list(self._joined())
        if lines and self._line and lines[0].strip().removeprefix(PROMPT).strip() == self._line.strip():
            lines = lines[1:]
        return tuple(self._clean(line for line in lines if not _of_pager(line)))

    def _joined(self) -> Iterator[str]:
        """Yield the lines, a question and the echo of its answer as one."""
        echo = ""
        for at, line in enumerate(self._lines):
            if echo and line.strip() == echo:
                echo = ""
                continue
            echo = self._asked.get(at, "").split("\n")[0].strip()
            yield f"{line}{echo}" if echo and line.strip() else line

    def _clean(self, lines: Iterable[str]) -> list[str]:
        return [self._blots.of(line.rstrip()) for line in lines]

    def _saw(self) -> str:
        last = [line for line in self._clean([*self._lines[-_SHOWN:], self._terminal.tail]) if line.strip()]
        return f"it shows: {' | '.join(last[-_SHOWN:])}" if last else "it shows nothing"

    def _over(self, error: MixedModeError) -> MixedModeError:
        self._state = _At.OVER
        return error


def _of_pager(line: str) -> bool:
    return any(each.pattern.search(line) or each.pattern.search(line.removesuffix(each.key.strip())) for each in PAGERS)
