"""Whom a phone may ask about a certificate that none of its lists names (phone-trust.md 2.1 and 3.1 to 3.3).

Rules:

1. TVS is used only by models with Security by Default, only if the last configuration names a server, and only if the
   stored ITL holds a TVS certificate; a CTL names none.
2. The servers are asked in the order of the configuration. Whichever answers must show a certificate that the stored
   ITL holds for TVS.
3. A phone asks as ``CP-7975-SEP001122334455``, over no newer TLS than its model knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixedmode.articles import with_article
from mixedmode.phone.mind.trust.lookup import names_tvs, tvs_certificates

if TYPE_CHECKING:
    from mixedmode.phone.mind.config import TvsServer
    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.decisions import TvsQuestion
    from mixedmode.phone.mind.trust.state import TrustState


@dataclass(frozen=True, slots=True)
class TvsRequest:
    """A question for one TVS server.

    Attributes:
        server: Whom to ask.
        question: What to ask.
        device: Who asks: ``CP-7975-SEP001122334455``.
        tls_max: The phone's highest TLS version.
        trusted: DER of the TVS certificates of the stored ITL; no other may answer.
    """

    server: TvsServer
    question: TvsQuestion
    device: str
    tls_max: str
    trusted: tuple[bytes, ...]


def tvs_obstacle(model: PhoneModel, trust: TrustState) -> str | None:
    """Return why a phone would not ask TVS (rule 1), None if it would."""
    if not model.security_by_default:
        return f"{with_article(model.name)} knows no TVS"
    if not names_tvs(trust.itl):
        return "the stored ITL holds no TVS certificate" if trust.itl else "without an ITL no TVS can be trusted"
    return None if trust.tvs_servers else "the last configuration names no TVS server"


def tvs_requests(device: str, model: PhoneModel, trust: TrustState, question: TvsQuestion) -> tuple[TvsRequest, ...]:
    """Return what a phone sends to which servers, in the order to ask (rules 2 and 3).

    Args:
        device: Its name.
        model: What it can do.
        trust: What it holds.
        question: Whom it wants to know about.
    """
    trusted = tvs_certificates(trust.itl)
    asker = f"{model.product}-{device}"
    return tuple(TvsRequest(server, question, asker, model.tls_max, trusted) for server in trust.tvs_servers)
