"""All rules in one table: their names, what each says, how bad it is, and what it does to phones.

C1 to C19 are those of docs/specification/live-cluster.md 8.3; L are about lists by themselves and beside each other
(phone-trust.md 7, field-notes.md A), P about phones, S about services. docs/reference/findings.md is held to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixedmode.audit.live.finding import Finding, Gap, Severity
from mixedmode.audit.live.rules import certificates, holding, lists, own, phones, services
from mixedmode.audit.live.scene import Scene

Judge = Callable[[Scene], Iterator[Finding | Gap]]


class Subject(StrEnum):
    """What a rule may be about."""

    ANYTHING = ""
    LISTS = "lists"
    PHONES = "phones"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        id: Its name.
        severity: The worst that it finds.
        condition: When it holds.
        effect: What that does to phones.
        needs: What has to be seen.
        judge: The rule itself.
        of: What it is about and has nothing to say without.
    """

    id: str
    severity: Severity
    condition: str
    effect: str
    needs: str
    judge: Judge
    of: Subject = Subject.ANYTHING


_C, _S, _M, _I = Severity.CRITICAL, Severity.SERIOUS, Severity.MODERATE, Severity.INFORMATION
_ANY: Final = "lists by HTTP or TFTP"

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "C1",
        _C,
        "An identity certificate (CallManager, TVS, ITLRecovery, CAPF, tomcat) has ended, ends within 14 days, or is "
        "not valid yet. Moderate within 60 days, information within 180; serious at most for tokens and others.",
        "Phones that check dates refuse what it signed or who shows it; the renewal is another change to be planned.",
        f"{_ANY}, TLS ports, or certificate stores",
        certificates.expiry,
    ),
    Rule(
        "C2",
        _C,
        "ITLRecovery, CallManager and TVS are all newer than the list that a phone holds: no anchor in common.",
        "They refuse every list and every signed file; nothing that the cluster does reaches them.",
        "an ITL, and what phones hold or when they were last seen",
        holding.no_common_anchor,
    ),
    Rule(
        "C3",
        _C,
        "A record of the CTL or ITL is not the certificate that its node uses, or a port shows another than the store.",
        "Phones refuse that node: secure ones do not register there, and TVS or CAPF are not believed.",
        f"{_ANY}, and TLS ports or certificate stores",
        lists.against_live,
        Subject.LISTS,
    ),
    Rule(
        "C4",
        _C,
        "Prepare Cluster for Rollback to pre-8.0 is True, or a served ITL has no TVS or TFTP certificate.",
        "Phones that take the blank ITL accept any unsigned configuration and any next ITL, and HTTPS services stop.",
        f"{_ANY}, or AXL",
        lists.rollback,
    ),
    Rule(
        "C5",
        _S,
        "Nodes serve different CTLs, or from 12.0 on the CTL is not signed by ITLRecovery.",
        "Which CTL a phone gets depends on the node that it asks; one that is signed by CallManager falls with it.",
        f"{_ANY}; the version",
        lists.ctl_of_nodes,
        Subject.LISTS,
    ),
    Rule(
        "C6",
        _S,
        "A security token signed the CTL on 14SU3 or later, where tokens are not supported.",
        "The CTL cannot be made anew with its signer: secure phones keep one that grows old.",
        f"{_ANY}; the version with its build",
        lists.token_signed,
        Subject.LISTS,
    ),
    Rule(
        "C7",
        _S,
        "An RSA key below 2048 bits, MD5 or SHA-1 under a certificate, an LSC of 512 or 1024 bits.",
        "Phones in FIPS mode refuse it; others do after a firmware to come.",
        f"{_ANY}, TLS ports, or certificate stores",
        certificates.strength,
    ),
    Rule(
        "C8",
        _S,
        "A CallManager key above 2048 bits while a model without 3072/4096 RSA key size support is configured.",
        "Those phones cannot check what it signs, and do not register in a secure mode.",
        f"{_ANY}; models of phones",
        certificates.large_keys,
    ),
    Rule(
        "C9",
        _S,
        "Files are signed over SHA-512 while a model that knows SHA-1 only (7921, other legacy) is configured.",
        "Those phones stop: they refuse every list and configuration.",
        f"{_ANY}; models of phones",
        phones.digest,
    ),
    Rule(
        "C10",
        _S,
        "More than 39 certificates in one ITL, or over 64 KB; moderate from 33 certificates on.",
        "Phones do not load the list, and registration fails.",
        _ANY,
        lists.size,
        Subject.LISTS,
    ),
    Rule(
        "C11",
        _M,
        "Alternative names miss the node, a node of a multi-server certificate, name one that is gone, or a wildcard.",
        "Phones and clients that check names refuse the node; the others notice nothing.",
        "TLS ports or certificate stores",
        certificates.names,
    ),
    Rule(
        "C12",
        _S,
        'A phone\'s ITL is none that is served, is "Mismatch", or is missing on a model with Security by Default.',
        "They run on, and take no new list and no new configuration, or take whatever comes first.",
        f"{_ANY}; ITL File Status, alarms or phone pages",
        holding.held_itl,
    ),
    Rule(
        "C13",
        _S,
        "A secure profile without LSC or MIC, an LSC that has ended or whose CAPF was replaced; moderate: it ends "
        "within 90 days.",
        "They cannot prove who they are: they do not register in their security mode, 802.1X fails.",
        "AXL",
        phones.credentials,
        Subject.PHONES,
    ),
    Rule(
        "C14",
        _M,
        "A device without Security by Default (Jabber, 6901/6911, 7940/7960) is in an encrypted profile.",
        "It depends on its CTL alone and cannot ask TVS: the next change of the CTL's signer locks it out.",
        "AXL",
        phones.without_default_security,
        Subject.PHONES,
    ),
    Rule(
        "C15",
        _M,
        "Expired or double certificates in a trust store.",
        "Lists grow; what is deleted without thought is what TVS vouched with for phones that come back later.",
        "certificate stores",
        certificates.trust_stores,
    ),
    Rule(
        "C16",
        _S,
        "A certificate is another in the database than on the node, or the database is not replicated.",
        "Nodes serve and vouch for different things; no forecast holds until that is mended.",
        "AXL, and the certificate interface or SSH",
        services.replication,
    ),
    Rule(
        "C17",
        _M,
        "A node's clock is more than 5 minutes from ours.",
        "Certificates that were just made are not valid yet for phones of that node; logs do not fit together.",
        "HTTPS of the node",
        services.clock,
    ),
    Rule(
        "C18",
        _S,
        "Before 14: TVS or TFTP runs since before the last change of a certificate.",
        "It serves and vouches with what was before; phones that already have the new list do not believe it.",
        "Control Center; TLS ports or certificate stores",
        services.not_restarted,
    ),
    Rule(
        "C19",
        _I,
        "ConfigFileCacheList.txt and unencrypted configurations of phones are readable.",
        "None on phones: anybody can list them and read how they are configured.",
        "HTTP 6970",
        services.exposure,
    ),
    Rule(
        "L1",
        _C,
        "A list that is served cannot be read.",
        "Phones refuse it: those with an older one keep that, new ones have none.",
        _ANY,
        own.unreadable,
        Subject.LISTS,
    ),
    Rule(
        "L2",
        _C,
        "The signature of a served list does not hold, or none of its SAST records is its signer's.",
        "Phones refuse it and keep the list that they have.",
        _ANY,
        own.signature,
        Subject.LISTS,
    ),
    Rule(
        "L3",
        _S,
        "A list contradicts itself: fields of a record are not those of its certificate, a tag stands twice.",
        "Some phones refuse it, others trust the wrong field.",
        _ANY,
        own.contradictions,
        Subject.LISTS,
    ),
    Rule(
        "L4",
        _C,
        "A node serves files, but no ITL.",
        "Phones that start there keep their old ITL, new ones have none and believe anybody.",
        _ANY,
        own.missing_itl,
    ),
    Rule(
        "L5",
        _C,
        "The cluster's mode and its CTL contradict each other; serious if the CTL is the one that says mixed.",
        "Secure phones find no certificate to register by, or phones insist on a mode that nobody serves.",
        f"{_ANY}; AXL",
        own.mode_and_ctl,
    ),
    Rule(
        "L6",
        _S,
        "An ITL has no ITLRecovery, from 10.0 on.",
        "None now; once the CallManager certificate is lost, every phone has to be erased by hand.",
        f"{_ANY}; the version",
        own.recovery,
        Subject.LISTS,
    ),
    Rule(
        "L7",
        _S,
        "ITLRecovery has a shorter key than other certificates of the list (CSCwf85275, CSCuy43181).",
        "None now; utils itl reset fails when it is needed.",
        _ANY,
        own.weak_recovery,
        Subject.LISTS,
    ),
    Rule(
        "L8",
        _C,
        "CTL and ITL, or two ITLs, have different certificates for one purpose of one node; serious for TVS and "
        "ITLRecovery.",
        'Secure phones are "Phone is registering" for ever; after the next change phones have no anchor in common.',
        _ANY,
        own.between_lists,
        Subject.LISTS,
    ),
    Rule(
        "L9",
        _C,
        "A signed file that a node serves is not signed by a TFTP record of the lists that it serves.",
        "Phones refuse their configuration and keep the old one.",
        _ANY,
        own.signed_files,
        Subject.LISTS,
    ),
    Rule(
        "L10",
        _S,
        "A CTL that tokens sign has one token alone.",
        "None now; once it is lost or locked, phones take no next CTL.",
        _ANY,
        own.tokens,
        Subject.LISTS,
    ),
    Rule(
        "L11",
        _M,
        "The CTL has a TVS record, which no CTL of CUCM has.",
        "Phones ignore it; what made the CTL is not the cluster.",
        _ANY,
        own.tvs_in_ctl,
        Subject.LISTS,
    ),
    Rule(
        "L12",
        _S,
        "A node serves an ITL that is another node's.",
        "Phones that start there refuse the configurations that the node signs.",
        _ANY,
        own.not_of_its_node,
        Subject.LISTS,
    ),
    Rule(
        "P1",
        _S,
        "Phones report that they refused the last list (results 5 to 9 of the alarm).",
        "They keep what they had, and are lost with the next change.",
        "alarms or phone pages",
        holding.refused,
        Subject.PHONES,
    ),
    Rule(
        "P2",
        _S,
        "A phone's CTL is none that is served, or is missing in a secure profile.",
        "It registers as long as the certificates in its CTL are in use, and not a moment longer.",
        f"{_ANY}; alarms or phone pages",
        holding.held_ctl,
    ),
    Rule(
        "P3",
        _M,
        "A phone runs another configuration than it is given (inference): ConfigurationMismatch, or other web access.",
        "It may refuse the signer of its configuration, and work on with an old one.",
        "AXL and RIS",
        phones.drift,
        Subject.PHONES,
    ),
    Rule(
        "P4",
        _M,
        "A certificate operation of a phone failed.",
        "It keeps the LSC that it has, or has none.",
        "AXL",
        phones.operations,
        Subject.PHONES,
    ),
    Rule(
        "P5",
        _I,
        "Two sources say different lists of one phone at nearly the same time.",
        "None; one of the sources is wrong.",
        "alarms and phone pages",
        holding.sources_differ,
        Subject.PHONES,
    ),
    Rule(
        "S1",
        _C,
        "Cisco Tftp, TVS or CallManager is activated and stopped; serious for CAPF.",
        "Phones are served by nobody there, or cannot ask.",
        "Control Center",
        services.stopped,
    ),
)
RULES_BY_ID: Final = {rule.id: rule for rule in RULES}
