"""The endpoints, a module for each resource."""

from __future__ import annotations

from mixedmode.control.door import Control
from mixedmode.faces.api.endpoint import Endpoint
from mixedmode.faces.api.resources import (
    accounts,
    audit,
    certificates,
    cluster,
    forecasts,
    guides,
    inventory,
    journal,
    lists,
    operations,
    parameters,
    phones,
    services,
    standing,
    tokens,
)


def endpoints(control: Control) -> list[Endpoint]:
    """Return every endpoint; those of operations are made of the cluster's own kinds of them."""
    return [
        *cluster.ENDPOINTS,
        *lists.ENDPOINTS,
        *certificates.ENDPOINTS,
        *parameters.ENDPOINTS,
        *phones.ENDPOINTS,
        *standing.ENDPOINTS,
        *services.ENDPOINTS,
        *operations.endpoints(control),
        *journal.ENDPOINTS,
        *forecasts.ENDPOINTS,
        *inventory.ENDPOINTS,
        *guides.ENDPOINTS,
        *audit.ENDPOINTS,
        *accounts.ENDPOINTS,
        *tokens.ENDPOINTS,
    ]
