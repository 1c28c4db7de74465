"""Which files are asked for by TFTP and HTTP, and which pages of phones (live-cluster.md 4.2, 6.3)."""

from __future__ import annotations

import re
from typing import Final

from mixedmode.live.allowed.refusal import refused

_MAC: Final = r"[0-9A-F]{12}"
_FILE: Final = re.compile(
    rf"(CTLFile|ITLFile|CTLSEP{_MAC}|ITLSEP{_MAC})\.tlv"
    rf"|(SEP{_MAC}|XMLDefault|SPDefault)\.cnf\.xml(\.sgn|\.enc\.sgn)?"
    r"|(ConfigFileCacheList|FileList|BinFileCacheList|PerfMon|ParamList)\.txt"
)
_PAGES: Final = (
    *("NetworkConfiguration", "DeviceInformation", "EthernetInformation", "PortInformation", "StreamingStatistics"),
    *("status.html", "console.html", "debug.html", "Device_Information.html", "Network_Setup.html"),
)
_ADAPTERS: Final = (
    r"device\.statistics\.(device|configuration|ethernet|port\.access|port\.network|consolelog|coredumps|security"
    r"|streaming\.[0-4])|device\.settings\.status\.messages|device\.trace\.display\.alarm"
)
_PAGE: Final = re.compile(
    rf"/(CGI/Java/Serviceability)?\?adapterX?=({_ADAPTERS})"
    rf"|/({'|'.join(re.escape(each) for each in _PAGES)})X?(\?[0-9])?"
    r"|/DeviceLogX?\?[0-9]|/localmenus\.cgi\?func=(604|219)|/"
)


def check_file(name: str) -> None:
    """Check that a file's name is one of those that an audit asks for; asking for it only reads.

    Raises:
        NotAllowedError: It is another one.
    """
    if not _FILE.fullmatch(name):
        raise refused(name, "no such file is asked for")


def check_page(target: str) -> None:
    """Check that path and query are those of a phone's page that shows something and does nothing.

    Raises:
        NotAllowedError: They are not: ``/CGI/Execute`` presses keys, ``/CGI/Screenshot`` shows what a person sees.
    """
    if not _PAGE.fullmatch(target):
        raise refused(target, "no such page of a phone is read")
