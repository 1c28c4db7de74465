"""The CTL and ITL file: model, codec, signing and verifying, diff, and the ``show ctl`` listing.

PURE: no socket, clock, database or file. Formats: wire-formats.md section 1.

* :mod:`.roles` -- tags, roles, limits; :mod:`.walk`, :mod:`.fields` -- the TLV walk, compiled where it can be.
* :mod:`.header`, :mod:`.model` -- views.
* :mod:`.verify` -- the signature; :mod:`.problems` -- everything else that may be wrong.
* :mod:`.build` -- write and sign; :mod:`.diff`, :mod:`.listing`, :mod:`.document` -- for people and scripts.
"""

from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import Layout, Role
from mixedmode.trustlist.verify import Verification

__all__ = ["Layout", "Record", "Role", "TrustList", "Verification"]
