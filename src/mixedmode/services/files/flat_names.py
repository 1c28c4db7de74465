"""Where to look for a name that is not there as such: firmware and locales in folders of their own.

Phones ask for ``sip88xx.14-2-1-0401-30.loads`` and for ``New_Zealand/g3-tones.xml``; people keep these as
``firmware/8851/sip88xx.14-2-1-0401-30.loads`` and ``locales/countries/New_Zealand/g3-tones.xml``.

A rule is ``PATTERN=FOLDER``: a name that fits the pattern is looked for below the folder. Both take ``*`` and ``?``; in
the folder these stop at a slash. Rules:

1. A file of the very name that is asked for comes first, then the rules in their order, then a rule's folders in the
   order of their names.
2. Trust lists and configurations are never looked for: a file that lies about in a folder must not stand for what the
   cluster makes and signs.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.services.files.file_names import clean_name, is_safe_name
from mixedmode.services.files.folder_walk import Found, Place

DEFAULT_MAP: Final = (
    "*=firmware",
    "*=firmware/*",
    "*=firmware/*/*",
    "*=locales",
    "*=locales/*",
    "*=locales/*/*",
)
"""Firmware by model and version, locales by language and country."""
_NEVER = re.compile(r"(?is:.*\.(tlv|cnf\.xml(\.enc)?(\.sgn)?))")


class FlatNames:
    """The rules.

    Args:
        rules: Each ``PATTERN=FOLDER``.

    Raises:
        UsageError: A rule is none, or its folder is not below the root.
    """

    def __init__(self, rules: Sequence[str] = DEFAULT_MAP) -> None:
        self._rules = [_rule(each) for each in rules]

    def apply(self, found: Found) -> tuple[dict[str, Place], dict[str, str]]:
        """Return the names that the rules add.

        Returns:
            Names to files; and files that another one with the same name stands before, with which one it is.
        """
        added: dict[str, str] = {}
        doubles: dict[str, str] = {}
        tree = _Tree(found)
        for pattern, folder in self._rules:
            for name, source in tree.below(folder):
                if not fnmatchcase(name, pattern) or not is_safe_name(name) or _NEVER.fullmatch(name):
                    continue
                first = name if name in found.files else added.setdefault(name, source)
                if found.files[first].path != found.files[source].path:
                    doubles[source] = f"asked for as {name}, {first} is served"
        return {name: found.files[source] for name, source in added.items()}, doubles


class _Tree:
    """Files by folder, in the order of their names."""

    def __init__(self, found: Found) -> None:
        self._by_folder: dict[str, list[str]] = {folder: [] for folder in found.folders}
        for name in found.files:
            folder, slash, _ = name.rpartition("/")
            if slash:
                self._by_folder[folder].append(name)
        self._folders = sorted(self._by_folder)

    def below(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
        """Yield (name below the folder, name) of each file below each folder that fits."""
        for folder in filter(pattern.fullmatch, self._folders):
            first, last = bisect_left(self._folders, f"{folder}/"), bisect_left(self._folders, f"{folder}0")
            for deeper in (folder, *self._folders[first:last]):
                for name in self._by_folder[deeper]:
                    yield name[len(folder) + 1 :], name


def _rule(text: str) -> tuple[str, re.Pattern[str]]:
    pattern, equals, folder = text.partition("=")
    where = (clean_name(folder.strip()) or "").rstrip("/")
    if not equals or not pattern.strip() or not where:
        raise UsageError(
            "This is no rule for names",
            where=repr(text),
            next_step="Write PATTERN=FOLDER, such as '*.loads=firmware/*'; the folder is below the one that is served.",
        )
    steps = {"*": "[^/]*", "?": "[^/]"}
    return pattern.strip(), re.compile("".join(steps.get(each) or re.escape(each) for each in where))
