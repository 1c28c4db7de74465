"""What administrators do beside operations of the cluster: the name that the audit log has for it, and its level.

An operation says its own level (:mod:`mixedmode.cluster.engine`); what stands here is done by the room that holds the
files, phones or accounts, and passes the door all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an administrator does.

    Attributes:
        name: As the audit log names it.
        level: Of privilege that it needs.
    """

    name: str
    level: int


SHOW_AUDIT: Final = Act("show audit", 1)
DELETE_FILE: Final = Act("file delete", 1)
DELETE_FOLDER: Final = Act("file delete dir", 1)
GET_FILES: Final = Act("file get", 0)
TRUST_HOST: Final = Act("file get host key", 0)
GET_RECOVERY_KEY: Final = Act("file get tftp ITLRecovery.p12", 4)
SHOW_TECH: Final = Act("show tech", 1)
MAKE_ACCOUNT: Final = Act("set account name", 4)
SET_PASSWORD: Final = Act("set password user", 4)
DELETE_ACCOUNT: Final = Act("delete account", 4)
RESET_PHONES: Final = Act("phones reset", 1)
DELETE_LISTS: Final = Act("phones delete list", 1)
RESCUE: Final = Act("rescue", 4)
"""Lists erased on phones by their own keys: a run, from its begin to its end."""
UPDATE_LSC: Final = Act("phones update-lsc", 1)
"""At a lab's phones: what somebody types on them."""
CALL: Final = Act("phones call", 1)
"""The same."""
LOGIN: Final = Act("login", 0)
SERVICE: Final = Act("utils service", 1)
"""What a node did to a service after the operation that decided on it."""
CAPF: Final = Act("CAPF", 0)
"""What CAPF refused a phone."""
REPLICATION: Final = Act("replication prepared", 4)
GUIDE: Final = Act("guide", 1)
"""Going on with a guided run: planning, beginning, leaving a step out, stopping."""
ORDER_CAPF: Final = Act("capf set", 1)
MAKE_TOKEN: Final = Act("api-token create", 0)
REVOKE_TOKEN: Final = Act("api-token revoke", 0)
SAVE_FILTER: Final = Act("filter save", 0)
DROP_FILTER: Final = Act("filter drop", 0)
