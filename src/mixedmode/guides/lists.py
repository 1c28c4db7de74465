"""What procedures ask of trust lists and of security tokens: values alone, whoever looked and from where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.facts import ListFacts, Token, TokenFacts
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

_CHOICE: Final = "token:"


def list_facts(trust_list: TrustList | None) -> ListFacts | None:
    """Return what procedures ask of a trust list."""
    if trust_list is None:
        return None
    signer = trust_list.verify().signer
    serial = trust_list.header.signer_serial
    certificates = (record.certificate for record in trust_list.records)
    servers = trust_list.records_with_role(Role.CCM, Role.CCM_TFTP)
    return ListFacts(
        trust_list.md5,
        trust_list.sha1,
        trust_list.length,
        None if serial is None else serial.hex().upper(),
        None if signer is None else signer.sha256.hex(),
        frozenset(each.sha256.hex() for each in certificates if each is not None),
        sum(record.certificate_der is not None for record in servers),
    )


def choices_of(tokens: Mapping[Token, Certificate]) -> dict[str, str]:
    """Return what a run keeps of tokens: their certificates."""
    return {f"{_CHOICE}{token.name}": certificate.pem().decode() for token, certificate in tokens.items()}


def chosen_certificate(choices: Mapping[str, str], token: Token) -> Certificate | None:
    """Return the certificate of a token that a run knows."""
    pem = choices.get(f"{_CHOICE}{token.name}")
    return None if pem is None else Certificate.from_pem(pem.encode())


def token_facts(choices: Mapping[str, str]) -> dict[Token, TokenFacts]:
    """Return what procedures ask of the tokens that a run knows."""
    found = {token: chosen_certificate(choices, token) for token in Token}
    return {
        token: TokenFacts(each.common_name.strip(), each.sha256.hex())
        for token, each in found.items()
        if each is not None
    }


def tokens_in(ctl: TrustList | None) -> list[Certificate]:
    """Return the security tokens of a CTL file, the one that signed it first."""
    if ctl is None:
        return []
    found = dict.fromkeys(record.certificate for record in ctl.records_with_role(Role.SAST))
    tokens = [each for each in found if each is not None and _is_token(each)]
    signer = ctl.verify().signer
    return sorted(tokens, key=lambda each: each != signer)


def _is_token(certificate: Certificate) -> bool:
    return certificate.common_name.strip().upper().startswith("SAST-")
