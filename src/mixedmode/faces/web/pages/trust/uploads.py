"""A list from elsewhere: looked at and compared, kept only if that is asked for.

Rules:

1. It is checked by its content; its name is shown and used for nothing else. What is refused is not kept.
2. Whoever is signed in may look at one: it changes nothing, and no phone is ever given it.
"""

from __future__ import annotations

from typing import Final

from mixedmode.cluster.publishing import archive
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.forms import Field, Form
from mixedmode.faces.web.pages.trust.differing import choices, compare
from mixedmode.faces.web.pages.trust.known import KnownList, known_list, read, uploads
from mixedmode.faces.web.pages.trust.one import context
from mixedmode.trustlist.header import Header
from mixedmode.trustlist.kinds import FileKind, kind_of, not_a_list
from mixedmode.trustlist.roles import MAX_FILE
from mixedmode.trustlist.walk import walk_header

BODY_BYTES: Final = MAX_FILE + (16 << 10)
_NAME: Final = 80


def upload(ask: Ask) -> Answer:
    """Show the form; of a file that was sent, what it is and how it differs."""
    form = _form(ask)
    if not ask.is_post:
        return View("trust/upload.html", {"form": form, "compared": None, "shown": None})
    if dropped := ask.form.get("drop", ""):
        uploads(ask).drop(dropped)
        return Redirect("/trust/upload", "The list is forgotten.")
    form.take(ask.form)
    try:
        found = _checked(ask)
        other = ask.form.get("with", "")
        compared = compare(known_list(ask, other), found) if other and found.parsed is not None else None
    except MixedModeError as error:
        form.refuse(error)
        return View("trust/upload.html", {"form": form, "compared": None, "shown": None}, status=422)
    if ask.form.get("keep"):
        return Redirect(f"/trust/lists/{uploads(ask).keep(found.data, found.name)}", "The list is kept for an hour.")
    return View("trust/upload.html", {"form": form, "compared": compared, "shown": found, **context(ask, found)})


def _form(ask: Ask) -> Form:
    picks = tuple(dict(choices(archive.history(ask.cluster.database))).items())[:200]
    return Form(
        [
            Field("file", "The list's file", "file", hint=f"CTLFile.tlv or ITLFile.tlv, at most {MAX_FILE:,} bytes."),
            Field(
                "with", "Compare with", "choice", choices=picks, hint="The one on the left; leave it out to look only."
            ),
            Field(
                "keep",
                "Keep it for an hour, so that its address can be shared",
                "check",
                hint="Without this it is shown once and forgotten.",
            ),
        ]
    )


def _checked(ask: Ask) -> KnownList:
    sent = ask.files.get("file")
    if sent is None or not sent.data:
        raise UsageError("no file was sent", where="file", next_step="choose one, and send the form again")
    if len(sent.data) > MAX_FILE:
        raise UsageError(
            f"the file has {len(sent.data):,} bytes: a list has at most {MAX_FILE:,}",
            where="file",
            why="nothing was kept",
        )
    if b"PRIVATE KEY" in sent.data:
        raise UsageError("the file holds a private key", where="file", why="nothing was kept")
    try:
        header = Header(sent.data, walk_header(sent.data))
        if kind_of(header) is not FileKind.TRUST_LIST:
            raise not_a_list(header)
    except MixedModeError as error:
        raise UsageError(
            f"this is no trust list: {error.what}",
            where="file",
            why="nothing was kept",
            next_step="choose a CTL or ITL file, as TFTP has it",
        ) from None
    return read(sent.data, sent.name[:_NAME])
