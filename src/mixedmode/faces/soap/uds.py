"""What the user data service says without a login: the version and the servers (live-cluster.md 1.2)."""

from __future__ import annotations

from collections.abc import Sequence

from mixedmode.xml_reader import xml_text


def version_document(uri: str, version: str) -> bytes:
    """Return ``/cucm-uds/version``."""
    short = ".".join(version.partition("-")[0].split(".")[:3])
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<versionInformation uri="{xml_text(uri)}" version="{xml_text(short)}"><version>{xml_text(short)}</version>'
        "<capabilities><usersResourceAuthEnabled>true</usersResourceAuthEnabled></capabilities></versionInformation>"
    ).encode()


def servers_document(uri: str, version: str, servers: Sequence[str]) -> bytes:
    """Return ``/cucm-uds/servers``."""
    short = ".".join(version.partition("-")[0].split(".")[:2])
    listed = "".join(f"<server>{xml_text(each)}</server>" for each in servers)
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<servers uri="{xml_text(uri)}" version="{xml_text(short)}">{listed}</servers>'
    ).encode()
