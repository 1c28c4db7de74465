"""The LSCs that CAPF gave a phone, and their revocation: which there were, and that they prove nobody any more.

Rules:

1. A revocation means every LSC of the phone, and cannot be taken back; so it is asked about, with what becomes of the
   phone.
2. The form says which LSC the phone had when the page was made. If it has another one now nothing is revoked: that one
   may be its remedy.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.faces.web.pages.administration import capf, device

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

REVOKE: Final = f"{device.DEVICE}/revoke-lsc"
LEVEL: Final = RevokeLsc.privilege


def revoke(ask: Ask) -> Answer:
    """Ask, and revoke every LSC of a phone."""
    name = ask.cluster.devices.get(ask.values["name"]).name
    present, back = _present(ask.cluster, name), device.path_of(name)
    if ask.is_post:
        if ask.form.get("lsc") != present:
            raise Problem(
                409,
                f"{name} has another LSC than when you read the page. Nothing was revoked.",
                "CAPF gave it a new one, or somebody revoked it.",
                "Look at the phone as it is now, and decide again.",
                "was-changed",
                ((back, name),),
            )
        return Redirect(back, device.run(ask, RevokeLsc(name, ask.form.get("reason", "").strip())))
    plan = ask.control.plan(ask.principal, RevokeLsc(name)) if ask.may(LEVEL) else None
    context = {
        "name": name,
        "device_path": back,
        "may": plan is not None,
        "level": LEVEL,
        "plan": plan,
        "present": present,
        "given": [each for each in capf.given(ask.cluster, name) if each.revoked is None],
    }
    return View("ccmadmin/revoke_lsc.html", context)


def _present(cluster: Cluster, name: str) -> str:
    """Return what tells the LSC of a phone from others; empty without one (rule 2)."""
    der = cluster.devices.lsc(name)
    return "" if der is None else hashlib.sha256(der).hexdigest()
