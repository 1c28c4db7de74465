"""Have phones reset wherever they are registered: an order that every node follows, allowed and audited."""

from __future__ import annotations

from collections.abc import Sequence

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.phone_orders import PhoneOrders
from mixedmode.control.acts import RESET_PHONES
from mixedmode.control.door import Control
from mixedmode.control.phones import short


def order_phones(
    cluster: Cluster, control: Control, principal: Principal, names: Sequence[str] | None, kind: str = "reset"
) -> int:
    """Have every node tell its registered phones; return the order's number.

    Args:
        cluster: Whose phones.
        control: The door to it.
        principal: Who asks.
        names: Of the phones; None: all that are registered.
        kind: ``reset``, ``restart`` or ``apply``.

    Raises:
        PrivilegeError: He may not.
        DatabaseError: The order cannot be given.
    """
    devices = short(None if names is None else list(names))
    control.allow(principal, RESET_PHONES, kind=kind, devices=devices)
    number = PhoneOrders(cluster.database).give(principal.user, principal.source, kind, names, cluster.now())
    control.note(principal, RESET_PHONES, "done", kind=kind, devices=devices, order=number)
    return number
