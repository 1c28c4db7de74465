"""Finding a command in a line; help and completion from the same table.

Rules:

1. Words are written in full, in any case; a shortened word is refused and its full form named, so that a script
   never runs another command after an update.
2. What the version does not have is not found; what an account may not run is not offered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mixedmode.faces.shell import texts
from mixedmode.faces.shell.model import Argument, BadCommandError, Command, Kind, Parsed

if TYPE_CHECKING:
    from mixedmode.faces.shell.login import Login

LINE_LIMIT = 8192
"""Characters of a line; a longer one is refused."""


def parse(line: str, commands: Sequence[Command]) -> Parsed:
    """Return the command that a line names, with its arguments.

    Raises:
        BadCommandError: It names none, or its arguments are wrong.
    """
    if len(line) > LINE_LIMIT:
        raise BadCommandError(f"the line is longer than {LINE_LIMIT} characters")
    words = line.split()
    found = [command for command in commands if matches(command.path, words)]
    if not found:
        raise _no_command(words, commands)
    command = max(found, key=lambda each: len(each.path))
    rest = line.split(maxsplit=len(command.path))
    return _arguments(command, rest[len(command.path)].strip() if len(rest) > len(command.path) else "")


def matches(path: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether the words begin with a path."""
    return len(words) >= len(path) and all(w.lower() == p.lower() for w, p in zip(words, path, strict=False))


def _arguments(command: Command, text: str) -> Parsed:
    values: dict[str, str] = {}
    flags: set[str] = set()
    rest = text
    for argument in command.arguments:
        if argument.kind is Kind.REST:
            if rest:
                values[argument.name] = rest
            rest = ""
        elif argument.kind is Kind.FLAGS:
            rest = _take_flags(command, argument, rest, values, flags)
            continue
        elif rest:
            word, _, rest = rest.partition(" ")
            rest = rest.strip()
            values[argument.name] = _checked(command, argument, word)
        if argument.required and argument.name not in values:
            raise BadCommandError(f"{argument.name} is missing", next_step=f"usage: {command.usage}")
    if rest:
        raise BadCommandError(f"{rest.split()[0]!r} is one word too many", next_step=f"usage: {command.usage}")
    return Parsed(command, values, frozenset(flags))


def _take_flags(command: Command, argument: Argument, rest: str, values: dict[str, str], flags: set[str]) -> str:
    """Put the flags that a text begins with, and the words that they take, where they belong; return what is left."""
    while rest and (flag := _choice(argument, rest.split(maxsplit=1)[0])):
        taken = argument.follows.get(flag, ())
        words = rest.split(maxsplit=1 + len(taken))
        if len(words) <= len(taken):
            raise BadCommandError(f"after {flag} a word is missing", next_step=f"usage: {command.usage}")
        if taken:
            pairs = zip(words[1:], taken, strict=False)
            values[flag] = " ".join(_one_of(command, flag, word, choices) for word, choices in pairs)
        flags.add(flag)
        rest = words[1 + len(taken)] if len(words) > 1 + len(taken) else ""
    return rest


def _choice(argument: Argument, word: str) -> str | None:
    return next((choice for choice in argument.choices if choice.lower() == word.lower()), None)


def _checked(command: Command, argument: Argument, word: str) -> str:
    return _one_of(command, argument.name, word, argument.choices)


def _one_of(command: Command, name: str, word: str, choices: Sequence[str]) -> str:
    if not choices:
        return word
    for choice in choices:
        if choice.lower() == word.lower():
            return choice
    raise BadCommandError(f"{word!r} is no {name}", next_step=f"usage: {command.usage}")


def _no_command(words: Sequence[str], commands: Sequence[Command]) -> BadCommandError:
    """Say where the line left the tree (rule 1)."""
    known: list[str] = []
    for word in words:
        following = next_words(known, commands)
        full = [each for each in following if each.lower() == word.lower()]
        if full:
            known.append(full[0])
            continue
        shortened = [each for each in following if each.lower().startswith(word.lower())]
        if len(shortened) == 1:
            step = f"write the word in full: {' '.join((*known, shortened[0]))}"
        else:
            step = f"after {' '.join(known)!r} comes: {', '.join(shortened or following)}" if known else "type help"
        return BadCommandError(f"{' '.join((*known, word))!r} is no command", next_step=step)
    return BadCommandError(
        f"{' '.join(known)!r} is not complete", next_step=f"go on with: {', '.join(next_words(known, commands))}"
    )


def next_words(known: Sequence[str], commands: Iterable[Command]) -> list[str]:
    """Return the words that may follow a path, sorted."""
    depth = len(known)
    return sorted({c.path[depth] for c in commands if len(c.path) > depth and matches(c.path[:depth], known)})


def help_lines(words: Sequence[str], commands: Sequence[Command]) -> list[str]:
    """Return what ``help`` and ``?`` print at any depth."""
    below = [command for command in commands if matches(command.path[: len(words)], words)]
    below = [command for command in below if len(command.path) >= len(words)]
    exact = [command for command in below if len(command.path) == len(words)]
    if not below:
        inside = [command for command in commands if matches(command.path, words)]
        if not inside:
            return texts.HELP_MISSING.lines(line=" ".join(words))
        exact = [max(inside, key=lambda each: len(each.path))]
    lines: list[str] = []
    for command in exact:
        lines += [f"{command.name} help:", command.summary, "", f"usage: {command.usage}"]
        lines += [f"  {argument.name:<12}{argument.help}" for argument in command.arguments if argument.help]
    deeper = [command for command in below if len(command.path) > len(words)]
    if not deeper:
        return lines
    if lines:
        lines.append("")
    width = max(len(command.name) for command in deeper) + 2
    lines += [f"  {command.name:<{width}}{command.summary}" for command in deeper]
    return lines


def complete(line: str, commands: Sequence[Command], session: Login) -> tuple[str, list[str]]:
    """Complete the last word of a line; of an argument that takes the rest of the line, all of it.

    Returns:
        The line, longer if it could be completed, and the candidates if there are several.
    """
    words = line.split()
    partial = "" if not line or line[-1].isspace() else words.pop()
    options = _options(words, commands, session)
    for command in commands:
        if len(words) > len(command.path) and matches(command.path, words) and _takes_rest(command):
            partial = line.lstrip().split(maxsplit=len(command.path))[-1]
            options = _options(command.path, commands, session)
    # A file's name that is not printable cannot be typed, and would reach the terminal raw.
    options = [each for each in options if each.lower().startswith(partial.lower()) and each.isprintable()]
    if not options:
        return line, []
    stem = line[: len(line) - len(partial)]
    if len(options) == 1:
        return f"{stem}{options[0]} ", []
    common = _common_start(options)
    return stem + (common if len(common) > len(partial) else partial), options


def _common_start(options: Sequence[str]) -> str:
    first = options[0]
    for length in range(len(first), 0, -1):
        if all(option.lower().startswith(first[:length].lower()) for option in options):
            return first[:length]
    return ""


def _takes_rest(command: Command) -> bool:
    return len(command.arguments) == 1 and command.arguments[0].kind is Kind.REST


def _following(argument: Argument, words: Sequence[str]) -> Sequence[str] | None:
    """Return what may come after the last words if a flag takes it, None if a flag may come."""
    for back in range(1, 1 + max((len(taken) for taken in argument.follows.values()), default=0)):
        flag = _choice(argument, words[-back]) if len(words) >= back else None
        if flag and len(argument.follows.get(flag, ())) >= back:
            return argument.follows[flag][back - 1]
    return None


def _options(words: Sequence[str], commands: Sequence[Command], session: Login) -> list[str]:
    options = set(next_words(words, commands))
    for command in commands:
        if not matches(command.path, words):
            continue
        given = len(words) - len(command.path)
        for position, argument in enumerate(command.arguments):
            here = argument.kind is Kind.FLAGS and position <= given
            if here and (following := _following(argument, words[len(command.path) + position :])) is not None:
                options.update(following)
            elif position == given or here:
                options.update(argument.choices)
                options.update(argument.candidates(session) if argument.candidates else ())
    return sorted(options)
