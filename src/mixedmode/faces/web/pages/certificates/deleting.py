"""Delete Certificate: out of a trust store, with who would be lost."""

from __future__ import annotations

from typing import Final

from mixedmode.cluster.operations.identity.certificates import DeleteTrust
from mixedmode.faces.web.foresight import Foreseen, foresee, not_agreed
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.pages.certificates.addresses import LEVEL, LIST, path_of, trusted_at, with_query
from mixedmode.faces.web.pages.certificates.making import told
from mixedmode.faces.web.pages.certificates.uses import Lists
from mixedmode.faces.web.pages.trust.losing import lost_address
from mixedmode.guides.words import WORD

_HERE: Final = "here"


def delete(ask: Ask) -> Answer:
    """Ask, and delete."""
    stored = trusted_at(ask.cluster, ask.values)
    asked = ask.form if ask.is_post else ask.query
    everywhere = ask.cluster.version.deletes_trust_everywhere
    only_here = asked.get("where") == _HERE and not everywhere
    operation = DeleteTrust(stored.unit, stored.certificate.sha256.hex(), ask.desk.node if only_here else "")
    foreseen = foresee(ask, (operation,)) if ask.may(LEVEL) else Foreseen()
    error = ""
    if ask.is_post:
        error = not_agreed(foreseen, ask.form) if ask.may(LEVEL) else ""
        if not error:
            result = ask.control.run(ask.principal, operation)
            first = f"{stored.name} is out of {stored.unit}{f' on {ask.desk.node}' if only_here else ''}."
            return Redirect(with_query(LIST, certificate=stored.unit), told(first, result))
    return View(
        "cmplatform/delete.html",
        {
            "stored": stored,
            "path": path_of(stored),
            "lists": [each.text for each in Lists(ask.cluster).of(stored.certificate)],
            "foreseen": foreseen,
            "lost_path": lost_address((operation,)),
            "everywhere": everywhere,
            "only_here": only_here,
            "node": ask.desk.node,
            "error": error,
            "word": WORD,
            "may": ask.may(LEVEL),
            "level": LEVEL,
        },
        status=422 if error else 200,
    )
