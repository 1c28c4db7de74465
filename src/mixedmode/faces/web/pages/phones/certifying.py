"""LSCs are ordered for many phones at once: asked about, noted at CAPF for each, and the phones reset if wanted.

An authentication string is for one phone; it is given on that phone's own page.
"""

from __future__ import annotations

from typing import Final

from mixedmode.control.acts import ORDER_CAPF, RESET_PHONES
from mixedmode.errors import UsageError
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.pages.administration import capf
from mixedmode.faces.web.pages.phones.listing import PATH
from mixedmode.faces.web.pages.phones.resetting import chosen

MOST: Final = 200
"""Phones of one order: each has an entry in the audit log, and the browser waits for all of them."""
TITLE: Final = "Order LSCs"


def lscs(ask: Ask) -> Answer:
    """Ask what CAPF shall do with phones' certificates; once that is answered, order it."""
    form = capf.form_for_many()
    context = {"names": [], "form": form, "can": capf.is_here(ask.cluster), "can_reset": ask.desk.resets.can}
    if not ask.is_post:
        return View("phones/lscs.html", context)
    names = chosen(ask, MOST)
    if not names:
        return Redirect(PATH, "No phone was ticked: tick those that shall have an LSC.", "info")
    if len(names) > MOST:
        raise UsageError(f"more than {MOST} phones are too many at once", next_step=f"take at most {MOST}")
    ask.control.allow(ask.principal, ORDER_CAPF, devices=names)
    if ask.form.get("sure") != "yes":
        return View("phones/lscs.html", {**context, "names": names})
    then = ask.form.get("then") == "reset" and ask.desk.resets.can
    if then:
        ask.control.allow(ask.principal, RESET_PHONES, devices=names)
    text = capf.order_for_many(ask, names)
    if then:
        made = ask.desk.resets.start(ask.principal, names, ask.loop)
        return Redirect(f"{PATH}/resets/{made.number}", text, "ok")
    return Redirect(PATH, f"{text} Reset them: they go to CAPF after that.", "ok")
