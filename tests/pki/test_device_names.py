"""The names of devices as CUCM takes them."""

from __future__ import annotations

import pytest

from mixedmode.errors import UsageError
from mixedmode.phone.body.client import Phone
from mixedmode.phone.mind.models import get_model
from mixedmode.pki.device_names import device_name, same_device
from mixedmode.services.files.store import MappingStore


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("SEP001122334455", "SEP001122334455"),
        ("sep0011223344ab", "SEP0011223344AB"),
        (" Sep00:11:22:33:44:aB ", "SEP0011223344AB"),
        ("0011.2233.44ab", "SEP0011223344AB"),
        ("00-11-22-33-44-ab", "SEP0011223344AB"),
        ("0011 2233 44AB", "SEP0011223344AB"),
        ("ata0011223344ab", "ATA0011223344AB"),
        ("VGC0011223344ab", "VGC0011223344AB"),
        ("csfjdoe", "CSFJDOE"),
        ("BOT.J-DOE_1", "BOT.J-DOE_1"),
        ("TCTJDOE", "TCTJDOE"),
        ("TAB001122334455", "TAB001122334455"),
        ("CSFABCDEFGHIJKL", "CSFABCDEFGHIJKL"),
    ],
)
def test_names_are_kept_as_cucm_keeps_them(given: str, name: str) -> None:
    assert device_name(given) == same_device(given) == device_name(name) == name


@pytest.mark.parametrize(
    "given",
    ["", "SEP", "SEP00112233445", "SEP0011223344556", "SEP00112233445G", "CSF", "CSFABCDEFGHIJKLM", "CSFA/B", "CSFÄ",
     "CSF\n", "XYZJDOE", "nonsense", "ATA1", "SEP\u0661\u0661\u0661\u0661\u0661\u06611223344", "CSFA\0"],
)  # fmt: skip
def test_what_is_none_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="no device name"):
        device_name(given)
    assert same_device(given) == given


def test_a_client_asks_for_files_of_its_own_name() -> None:
    assert Phone("csfjdoe", get_model("JABBER")).name == "CSFJDOE"
    store = MappingStore({"CTLFile.tlv": b"ctl", "ITLFile.tlv": b"itl"})
    for name in ("CTLCSFJDOE.tlv", "CTLATA001122334455.tlv", "CTLSEP0011223344aa.tlv"):
        assert store.lookup(name) == b"ctl"
    for name in ("CTLnonsense.tlv", "CTL.tlv", "CTLSEP0011.tlv", "CTLCSF.tlv"):
        assert store.lookup(name) is None
