"""What to do, by what went wrong: the ways out of phone-trust.md 7, field-notes.md A and rescue.md, once each."""

from __future__ import annotations

from typing import Final

VOUCH: Final = (
    "find out who signed the list that the servers hand out now (mixedmode show http://TFTP:6970/CTLFile.tlv), "
    "upload that "
    "certificate as Phone-SAST-trust, see that the phone's TVS answers on port 2445, and restart the phone; or have "
    "the "
    "list signed by an anchor that the phone still holds (utils ctl reset localkey, utils itl reset localkey); else "
    "erase the lists on the phone. mixedmode forecast says which of it helps"
)
VOUCH_FILE: Final = (
    "the phone holds an ITL that does not name who signs configurations now: upload that CallManager certificate as "
    "CallManager-trust, so that TVS vouches for it, or give the phone the right ITL; else erase its ITL"
)
ASK_TVS: Final = (
    "see that Cisco Trust Verification Service runs on the nodes of the phone's CallManager group, that port 2445 is "
    "open, and that the TVS certificates are those that the phone's ITL names: if all of them were made again, only a "
    "list signed by an anchor that the phone holds, or erasing its ITL, helps"
)
UPLOAD_SAST: Final = "upload the certificate of the signer as Phone-SAST-trust, and restart the phone"
ROLE: Final = (
    "TVS knows the certificate, but not as a signer of lists (role 0): upload it as Phone-SAST-trust; "
    "CallManager-trust "
    "alone makes phones take configurations and refuse lists"
)
LIST_AGAIN: Final = (
    "make the list again (utils ctl update CTLFile; for the ITL restart Cisco Tftp), compare its hash on every TFTP "
    "node, "
    "and restart the phone"
)
SMALLER: Final = (
    "use multi-server certificates and delete those that are not needed, so that the list stays under 64 KB"
)
ERASE: Final = "erase the phone's lists: mixedmode models says how for its model; from afar by mixedmode rescue"
CHECK_SERVER: Final = "see that the TFTP service answers on ports 69 and 6970, and that it has the file"
UPDATE_CTL: Final = (
    "utils ctl update CTLFile, restart Cisco CallManager and Cisco Tftp, reset the phones; a phone that does not "
    "take the "
    "new CTL is to get a non-secure profile first, and its LSC again afterwards"
)
FIRMWARE: Final = "load a firmware between the two (8.5(2) knows both keys), then the newer one"
RESTART_SERVICES: Final = "restart Cisco Tftp and Cisco CallManager on every node that runs them, then reset the phones"
LEARN_802_1X: Final = "give RADIUS the new CAPF certificate, or issue the LSC again"
CERTIFICATE: Final = (
    "compare the issuer of the phone's LSC with the CAPF record of the CTL: if CAPF was made again, utils ctl update "
    "CTLFile and issue the LSC again"
)
ROLLBACK: Final = (
    "the ITL is blank, as under Prepare Cluster for Rollback to pre-8.0: set the parameter to False, restart TVS and "
    "Tftp, "
    "and reset the phones"
)
TOKENS: Final = (
    "insert a token whose certificate is in the CTL; if none is, upload both tokens' certificates as Phone-SAST-trust, "
    "delete CTLFile.tlv on the publisher (file delete tftp CTLFile.tlv), and run the CTL Client again"
)
ITL_PARSE: Final = (
    "an ITLFile.tlv or ITLEXTFile.tlv is damaged: delete itlfileflags.txt in TFTP File Management, restart Cisco "
    "Tftp, and "
    "run show itl again"
)
REPLICATION: Final = (
    "repair database replication (utils dbreplication) before anything is changed: lists are made from it"
)
KEY_SIZE: Final = "make the certificates again with RSA keys of 2048 bits or more, then the lists"
CAPF: Final = (
    "see that the device exists, that an operation is pending for it, and that it shows the right certificate or string"
)
