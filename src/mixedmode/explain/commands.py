"""What commands of the ``admin:`` prompt and the CTL Client print (cucm-admin.md 1 and 4; transcripts)."""

from __future__ import annotations

from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.rules import Rule, Table, pattern
from mixedmode.explain.values import Grade

_OK, _NOTE, _WARNING, _REFUSED = Grade.OK, Grade.NOTE, Grade.WARNING, Grade.REFUSED
ADMIN: Final = "admin: prompt"
_CLIENT: Final = "CTL Client"
_SERVICES: Final = (
    "Cisco CallManager", "Cisco Tftp", "Cisco Trust Verification Service", "Cisco CTL Provider",
    "Cisco Certificate Authority Proxy Function", "Cisco CTIManager",
)  # fmt: skip
_NAMES: Final = "|".join(_SERVICES)

COMMANDS: Final = Table(
    ADMIN,
    (
        Rule("no-list", _NOTE, "file not found. please run", "the node has no {0}", pattern(r"([CI]TL) File not found"),
             "a cluster that is not in mixed mode has no CTL; in mixed mode it must have one"),
        Rule("no-list", _NOTE, "ctl file not found", "the node has no CTL", None, "a cluster that is not in mixed "
             "mode has "
             "none; in mixed mode it must have one"),
        Rule("no-list", _NOTE, "length of ctl file: 0", "the node has no CTL file", pattern(r"file:\s*0\s*$")),
        Rule("no-list", _NOTE, "length of itl file: 0", "the node has no ITL file", pattern(r"file:\s*0\s*$")),
        Rule("list-unreadable", _WARNING, "error parsing the itl file", "the node cannot read its ITL",
             None, "ITLFile.tlv or ITLEXTFile.tlv is damaged", remedies.ITL_PARSE),
        Rule("list-unreadable", _NOTE, "error parsing the ctl file", "the node has no CTL that it can read"),
        Rule("list-unverified", _REFUSED, "verification of the", "the node's list does not verify: {0}",
             pattern(r"(Verification of the [CI]TL.*failed.*)"), "no phone that holds a list takes one whose signature "
             "does not hold", remedies.LIST_AGAIN),
        Rule("mixed-mode", _OK, "cluster set to mixed mode", "the cluster was set to mixed mode", None, "",
             remedies.RESTART_SERVICES),
        Rule("non-secure", _OK, "cluster set to non secure mode", "the cluster was set to non-secure mode", None,
             "phones keep their CTL until they take the new one", remedies.RESTART_SERVICES),
        Rule("ctl-updated", _OK, "ctl file updated", "the CTL was made and signed again", None,
             "its signer may be another one: phones that do not know it must ask TVS", remedies.RESTART_SERVICES),
        Rule("ctl-updating", _NOTE, "updating ctl file", "the CTL is being made again"),
        Rule("moving", _NOTE, "moving cluster to", "the cluster's mode is being changed"),
        Rule("asked", _NOTE, "do you want to continue?", "the command asked before it began"),
        Rule("auto-registration", _WARNING, "auto-registration is enabled", "auto-registration is on on a node", None,
             "phones that register by themselves do not register securely", "switch it off, or go on knowing it"),
        Rule("restart-services", _NOTE, "please restart the tftp and cisco callmanager", "Cisco Tftp and Cisco "
             "CallManager "
             "are to be restarted on every node that runs them", None, "", "then reset the phones"),
        Rule("restart-services", _NOTE, "restart cisco ctimanager", "Cisco CTIManager is to be restarted where it "
             "runs"),
        Rule("reset-phones", _NOTE, "you must reset all phones", "all phones are to be reset, so that they take the "
             "new CTL"),
        Rule("deleted", _NOTE, "files: found = ", "the file was deleted on this node only: {0} found, {1} deleted",
             pattern(r"found = (\d+), deleted = (\d+)"), "each node has its own copy", "delete it on every node"),
        Rule("deleting", _NOTE, "delete the file ", "a file is to be deleted: {0}", pattern(r"Delete the File "
             r"(\S+?)\?")),
        Rule("asked", _NOTE, 'enter "y" followed by return', "the command asked before it began"),
        Rule("mode", _NOTE, "clustersecuritymode", "the cluster is in mixed "
             "mode", pattern(r"ClusterSecurityMode\s+1\b")),
        Rule("mode", _NOTE, "clustersecuritymode", "the cluster is not in mixed mode",
             pattern(r"ClusterSecurityMode\s+0\b")),
        Rule("token-unknown", _WARNING, "security token you have inserted does not exist", "the CTL Client refused a "
             "token: "
             "it is not in the CTL", None, "a CTL without tokens takes no token's signature", remedies.TOKENS, _CLIENT),
        Rule("token-unknown", _NOTE, "please remove any security tokens already inserted", "the CTL Client asks for "
             "another "
             "token", source=_CLIENT),
        Rule("ctl-missing", _WARNING, "no ctl file exists on the server", "the cluster is in mixed mode and has no CTL",
             None, "phones keep the CTL they have; new ones register without security",
             "make the CTL: by the CTL Client, or utils ctl update CTLFile", _CLIENT),
        Rule("ctl-missing", _NOTE, "you must create the ctl file", "the CTL Client says to make the "
             "CTL", source=_CLIENT),
        Rule("reset-itl", _NOTE, "generating the reset itl", "an ITL is made that the other anchor signs"),
        Rule("reset-itl", _OK, "reset itl file was generated successfully", "the ITL that the other anchor signs is "
             "made"),
        Rule("reset-itl", _OK, "successfully transferred reset itl", "the reset ITL is on {0}", pattern(r"to node "
             r"(\S+)"),
             "phones that hold the signer as an anchor take it", "reset the phones, wait until each shows the new "
             "hash, then "
             "restart Cisco Tftp and reset them once more"),
        Rule("reset-itl", _NOTE, "transferring new reset itl", "the reset ITL goes to the TFTP nodes"),
        Rule("reset-itl", _NOTE, "active tftp server", "active TFTP servers: {0}",
             pattern(r"Number of Active TFTP servers in the cluster\s*:\s*(\d+)")),
        Rule("reset-itl", _NOTE, "active tftp servers", "the active TFTP servers are looked for"),
        Rule("trap", _WARNING, "if you are using a tokenless ctl", "the command warns: with a tokenless CTL the "
             "phones must "
             "have the CallManager's new certificate before ITLRecovery is made again", None, "with both anchors new "
             "no "
             "phone follows", "go on only when every phone shows the hash of the CTL that is served now"),
        Rule("certificate-new", _OK, "successfully regenerated certificate for", "the certificate {0} was made again",
             pattern(r"Certificate for ([\w-]+)"), "lists that name the old one are to be made again",
             "see docs: CallManager, CAPF, ITLRecovery: utils ctl update CTLFile in mixed mode; one certificate at a "
             "time, "
             "reset the phones, wait for all of them"),
        Rule("certificate-new", _OK, "successfully imported certificate for", "the certificate {0} was imported",
             pattern(r"certificate for ([\w-]+)"), "", "restart what uses it"),
        Rule("restart-services", _NOTE, "restart services related to", "services that use the certificate are to be "
             "restarted"),
        Rule("restart-services", _NOTE, "restart the services related to", "services that use the certificate are to "
             "be "
             "restarted"),
        Rule("asked", _NOTE, "proceed with regeneration", "the command asked before it began"),
        Rule("replication-bad", _WARNING, "out of sync", "database replication is out of sync", pattern(r"\(3\)"),
             "nodes do not know the same certificates", remedies.REPLICATION),
        Rule("replication-bad", _WARNING, "active-failed", "database replication failed", pattern(r"\([34]\)"),
             "nodes do not know the same certificates", remedies.REPLICATION),
        Rule("replication-good", _NOTE, "(2) setup completed", "database replication is good"),
        Rule("service", _WARNING, "stopped", "{0} is stopped", pattern(rf"({_NAMES})\s*\[\s*STOPPED\s*\]"),
             "", "start it, if phones need it on this node"),
        Rule("service", _NOTE, "started", "{0} runs", pattern(rf"({_NAMES})\s*\[\s*STARTED\s*\]")),
        Rule("service", _NOTE, "[start", "a service of the node starts or runs", pattern(r"\[\s*START(?:ED|ING)\s*\]")),
        Rule("service", _NOTE, "[ stop", "a service of the node is stopped", pattern(r"\[\s*STOP(?:PED|PING)\s*\]")),
        Rule("service", _NOTE, "[stop", "a service of the node stops or is "
             "stopped", pattern(r"\[\s*STOP(?:PED|PING)\s*\]")),
        Rule("version", _NOTE, "active master version", "the node runs {0}", pattern(r"Active Master "
             r"Version:\s*(\S+)")),
        Rule("certificate-listed", _NOTE, ".pem", "certificate {0}: {1}",
             pattern(r"^\s*([\w-]+/\S+\.(?:pem|der)):\s*(.+)$")),
        Rule("validity", _NOTE, "validity from", "a certificate is valid from {0}", pattern(r"Validity From:\s*(.+)")),
    ),
)  # fmt: skip
