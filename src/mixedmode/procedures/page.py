"""A procedure as a page of the how-to: what its definition says, and the transcript of its rehearsal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from mixedmode.procedures.definition import Precondition, Procedure
from mixedmode.procedures.phones import PhoneRule
from mixedmode.procedures.steps import Part, Prompt, Step, Undo

WIDTH: Final = 120
WRITTEN: Final = (
    "<!-- Written by `make docs` from mixedmode.procedures and a rehearsal: change those, not this page. -->"
)
PHONES: Final = {"regenerate-callmanager": 12}
"""How many phones a page's rehearsal has, if not :data:`~mixedmode.procedures.names.DEFAULT_PHONES`."""
_CODE: Final = re.compile(r"`[^`]*`")
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def command(procedure: Procedure) -> str:
    """Return what a reader types to rehearse a procedure."""
    phones = PHONES.get(procedure.name)
    return f"mixedmode rehearse {procedure.name}{f' --phones {phones}' if phones else ''}"


def page(procedure: Procedure, transcript: Sequence[str]) -> str:
    """Return a procedure's page.

    Args:
        procedure: Its definition.
        transcript: Of its rehearsal by :func:`command`, normalised.
    """
    return "\n".join([*_lines(procedure), "```text", *transcript, "```", ""])


def _lines(procedure: Procedure) -> Iterator[str]:
    yield from (f"# {procedure.title}", "", WRITTEN, "")
    yield from (*_filled(procedure.about), "", *_filled(f"Source: {procedure.source}."), "")
    yield from ("## Before you begin", "")
    for precondition in procedure.preconditions:
        yield from _filled(_before(precondition), "* ")
    yield from ("", "## Steps", "")
    for number, step in enumerate(procedure.own_steps(), 1):
        yield from _step(step, f"{number}. ")
    yield from ("## What phones do", "", "| phones | how they end | why | what to do |", "| --- | --- | --- | --- |")
    yield from _phones(procedure)
    yield from ("", "## If it goes otherwise", "")
    yield from _otherwise(procedure)
    yield from ("", "## Rehearse it", "", "```console", f"$ {command(procedure)}", "```", "")
    yield from _filled(
        "This is what it prints, without what differs each time: checksums and serial numbers have names here, the same"
        " name for the same one; certificates, their hashes and signatures are left out."
    )
    yield ""


def _before(precondition: Precondition) -> str:
    shown = f" `{precondition.look}` shows it." if precondition.look else ""
    return f"{precondition.what}.{shown} {precondition.why if precondition.check is None else _else(precondition)}"


def _else(precondition: Precondition) -> str:
    return f"Else: {precondition.why[0].lower()}{precondition.why[1:]}"


def _step(step: Step, number: str) -> Iterator[str]:
    where = f"{'by hand, ' if step.act.by_hand else ''}{step.act.where}"
    yield from _filled(f"**{where[0].upper()}{where[1:]}**: {step.what}", number)
    indent = " " * len(number)
    if step.act.lines:
        yield from ("", f"{indent}```text", *(f"{indent}{line}" for line in step.act.lines), f"{indent}```")
    says = [""] if step.act.lines else []
    if isinstance(step.act, Prompt) and step.act.answers:
        says.append(f"Answer {' and '.join(f'`{each}`' for each in step.act.answers)}.")
    if step.after:
        says.append(f"Then: {'; '.join(check.for_people for check in step.after)}.")
    says.extend(_undo(step.undo))
    for each in says:
        yield from _filled(each, indent) if each else [each]
    if says != [""]:
        yield ""


def _undo(undo: Undo) -> Iterator[str]:
    if undo.possible is not None:
        yield f"{'It can be taken back' if undo.possible else 'It cannot be taken back'}: {undo.how}."


def _phones(procedure: Procedure) -> Iterator[str]:
    kinds: dict[PhoneRule, list[str]] = {}
    for kind, rule in procedure.phones.items():
        kinds.setdefault(rule, []).append(kind.value)
    for rule, names in kinds.items():
        who = "all" if len(kinds) == 1 else "; ".join(names)
        yield f"| {who} | {rule.ending} | {rule.why} | {rule.does} |"


def _otherwise(procedure: Procedure) -> Iterator[str]:
    for step in procedure.steps:
        if step.part is Part.MISTAKE:
            found = "; ".join(check.for_people for check in step.after)
            yield from _filled(
                f"Do not {step.what[0].lower()}{step.what[1:].rstrip('.')}. What comes of it: {found}.", "* "
            )
    for remedy in procedure.remedies:
        yield from _filled(f"{remedy.sign}. {remedy.do}", "* ")
    for text in dict.fromkeys(rule.remedy.text() for rule in procedure.phones.values() if rule.remedy):
        yield from _filled(f"A phone cannot follow: {text}.", "* ")


def _filled(text: str, first: str = "") -> list[str]:
    """Return a paragraph, wrapped; its further lines stand under its first one, and code stays on one line."""
    kept = _CODE.sub(lambda found: found[0].replace(" ", _NO_BREAK), text)
    lines = textwrap.wrap(
        kept, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
        break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip
    return [line.replace(_NO_BREAK, " ") for line in lines]
