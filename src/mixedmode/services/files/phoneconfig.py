"""The configuration file of a phone, rendered from what the cluster knows (phone-trust.md 6).

Pure: text in, text out. Only elements that matter to trust and registration are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Server:
    """A server that a phone is told of.

    Attributes:
        address: Host name or address.
        port: TCP port.
        secure_port: TCP port with TLS; of call managers only.
    """

    address: str
    port: int
    secure_port: int | None = None


@dataclass(frozen=True, slots=True)
class CapfOrder:
    """What waits for a phone at CAPF.

    Attributes:
        mode: ``capfAuthMode``: 1 password, 2 nothing, 3 its LSC or else its MIC, 4 its MIC.
        waits: Whether an operation does: then the phone must go to CAPF, whatever certificate it holds.
    """

    mode: int = 2
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """What a configuration says.

    Attributes:
        protocol: ``SCCP`` or ``SIP``.
        security_mode: 1 non-secure, 2 authenticated, 3 encrypted.
        call_managers: In order of priority, up to five.
        tvs: In order of priority, up to five.
        capf: Certificate Authority Proxy Functions, up to five.
        load: Firmware load; empty for the one in place.
        encrypted: Whether the phone shall ask for the encrypted file.
        capf_mode: How it proves itself to CAPF, ``capfAuthMode``.
        certificate_hash: MD5 of the certificate that it shall hold, in hex; empty: it goes to CAPF.
        web_access: Whether its own pages may be seen, None to say nothing about it.
        authentication_url: Who is asked whether its keys may be pressed from afar; empty to say nothing about it.
    """

    protocol: str = "SCCP"
    security_mode: int = 1
    call_managers: Sequence[Server] = ()
    tvs: Sequence[Server] = ()
    capf: Sequence[Server] = ()
    load: str = ""
    encrypted: bool = False
    capf_mode: int = 2
    certificate_hash: str = ""
    web_access: bool | None = None
    authentication_url: str = ""


_MOST = 5
_PORTS = {"SCCP": ("ethernetPhonePort", "securedPhonePort"), "SIP": ("sipPort", "securedSipPort")}
_TLS, _TCP = 3, 1


# What is none, in small sets: Python takes ten times as long to compile the set of all others.
_NO_XML = re.compile("[\x00-\x08]|[\x0b\x0c]|[\x0e-\x1f]|[\ud800-\udfff]|[\ufffe\uffff]")
"""Characters that XML cannot hold, not even escaped: a phone would drop the whole file for one."""


def _text(text: str) -> str:
    return escape(_NO_XML.sub("", text), quote=False)


def render_config(facts: ConfigFacts) -> bytes:
    """Return the XML of a ``SEP<MAC>.cnf.xml``."""
    plain, secured = _PORTS[facts.protocol]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<device>",
        "  <fullConfig>true</fullConfig>",
        f"  <deviceProtocol>{facts.protocol}</deviceProtocol>",
        "  <devicePool><callManagerGroup><members>",
    ]
    for priority, each in enumerate(facts.call_managers[:_MOST]):
        secure = f"<{secured}>{each.secure_port}</{secured}>" if each.secure_port is not None else ""
        lines.append(
            f'    <member priority="{priority}"><callManager>'
            f"<ports><{plain}>{each.port}</{plain}>{secure}</ports>"
            f"<processNodeName>{_text(each.address)}</processNodeName></callManager></member>"
        )
    lines += ["  </members></callManagerGroup></devicePool>", "  <TVS><members>"]
    lines += [
        f'    <member priority="{priority}"><port>{each.port}</port><address>{_text(each.address)}</address></member>'
        for priority, each in enumerate(facts.tvs[:_MOST])
    ]
    lines += [
        "  </members></TVS>",
        f"  <deviceSecurityMode>{facts.security_mode}</deviceSecurityMode>",
        f"  <transportLayerProtocol>{_TLS if facts.security_mode > 1 else _TCP}</transportLayerProtocol>",
        f"  <loadInformation>{_text(facts.load)}</loadInformation>",
        f"  <capfAuthMode>{facts.capf_mode}</capfAuthMode>",
        "  <capfList>",
    ]
    lines += [
        f"    <capf><phonePort>{each.port}</phonePort><processNodeName>{_text(each.address)}</processNodeName></capf>"
        for each in facts.capf[:_MOST]
    ]
    lines += [
        "  </capfList>",
        f"  <certHash>{facts.certificate_hash}</certHash>",
        f"  <encrConfig>{str(facts.encrypted).lower()}</encrConfig>",
    ]
    if facts.web_access is not None:
        # The number says what is disabled (live-cluster.md 1.7, Q12).
        lines.append(f"  <vendorConfig><webAccess>{int(not facts.web_access)}</webAccess></vendorConfig>")
    if facts.authentication_url:
        lines.append(f"  <authenticationURL>{_text(facts.authentication_url)}</authenticationURL>")
    lines += ["</device>", ""]
    return "\n".join(lines).encode()
