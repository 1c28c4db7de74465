"""``show ctl`` as guided runs read it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mixedmode.guides.live.seeing.listing import read_listing

RECORD = """
Parse CTL File
CTL Record #:1
              ----
BYTEPOS TAG             LENGTH  VALUE
------- ---             ------  -----
1       RECORDLENGTH    2       1186
2       DNSNAME         1
3       SUBJECTNAME     56      cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems
4       FUNCTION        2       System Administrator Security Token
5       ISSUERNAME      42      cn=Cisco Manufacturing CA;o=Cisco Systems
6       SERIALNUMBER    10      83:E9:08:00:00:00:55:45:AF:31
7       PUBLICKEY       140
9       CERTIFICATE     902     {first}
                                {last} (SHA1 Hash HEX)
10      IPADDRESS       4
This etoken was used to sign the CTL file.
"""


@given(st.binary(min_size=20, max_size=20))
@example(bytes(16) + bytes.fromhex("64BD2011"))
@example(bytes(16) + bytes.fromhex("12AF9A00"))
def test_a_hash_whose_second_line_looks_like_a_row(digest: bytes) -> None:
    first, last = digest[:16].hex(" ").upper(), digest[16:].hex(" ").upper()
    (record,) = read_listing(RECORD.format(first=first, last=last).splitlines()).records
    assert record.certificate_sha1 == digest.hex()
    assert record.serial == "83:E9:08:00:00:00:55:45:AF:31"
    assert record.function == "System Administrator Security Token"
    assert record.signed
