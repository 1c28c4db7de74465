"""The transcripts of the field, reproduced."""

from __future__ import annotations

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.faces.shell.session import AdminSession
from tests.faces.conftest import CET, PUBLISHER, ClusterMaker, Terminal
from tests.faces.transcript import masked, normal, transcript

RESTART = "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services"
SECURITY_MODE = "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"


def test_before_there_is_a_ctl_file(terminal: Terminal) -> None:
    shown = terminal.type("show ctl")
    assert masked(shown) == [
        word.replace("found", "found.") if word == "found" else word
        for word in masked(transcript("118893-a-no-ctl.txt", "show ctl"))
        if word != "."
    ]
    assert terminal.type(SECURITY_MODE) == [
        "paramname           paramvalue",
        "=================== ==========",
        "ClusterSecurityMode 0",
    ]


def test_non_secure_to_mixed(terminal: Terminal) -> None:
    assert terminal.type("utils ctl set-cluster mixed-mode", "y") == [
        "This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):y",
        "Moving Cluster to Mixed Mode",
        "Cluster set to Mixed Mode",
        RESTART,
    ]
    assert terminal.type(SECURITY_MODE)[-1] == "ClusterSecurityMode 1"
    shown = terminal.type("show ctl")
    assert masked(shown) == masked(transcript("118893-e-tokenless-full.txt", "show ctl"))


def test_every_node_shows_the_same_ctl(terminal: Terminal, on_subscriber: Terminal) -> None:
    terminal.type("utils ctl set-cluster mixed-mode", "y")
    publisher, subscriber = terminal.type("show ctl"), on_subscriber.type("show ctl")
    assert publisher[:3] == subscriber[:3]
    assert publisher[-1] == subscriber[-1] == "The CTL file was verified successfully."


def test_update(terminal: Terminal) -> None:
    terminal.type("utils ctl set-cluster mixed-mode", "y")
    assert terminal.type("utils ctl update CTLFile", "y") == [
        "This operation updates the CTLFile. Do you want to continue? (y/n):y",
        "Updating CTL file",
        "CTL file Updated",
        RESTART,
    ]


def test_mixed_to_non_secure(terminal: Terminal) -> None:
    terminal.type("utils ctl set-cluster mixed-mode", "y")
    shown = terminal.type("utils ctl set-cluster non-secure-mode", "y")
    expected = transcript("118892-set-nonsecure.txt", "utils ctl set-cluster non-secure-mode")
    assert normal(shown) == normal([expected[0] + "y", *expected[1:]])


def test_delete_and_look_again(terminal: Terminal) -> None:
    terminal.type("utils ctl set-cluster mixed-mode", "y")
    shown = terminal.type("file delete tftp CTLFile.tlv", "y")
    assert normal(shown) == normal(transcript("118892-delete-and-recreate.txt", "file delete tftp CTLFile.tlv"))
    assert normal(terminal.type("show ctl")) == normal(transcript("118892-delete-and-recreate.txt", "show ctl"))


def test_auto_registration_is_told_on_later_versions(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster("11.6.1.10000-1")
    cluster.run(SetParameter("AutoRegistrationEnabled", "True", node=PUBLISHER))
    shown = Terminal(AdminSession(cluster, PUBLISHER, zone=CET)).type("utils ctl set-cluster mixed-mode", "y")
    said = (
        "This operation will set the cluster to Mixed mode.  Auto-registration is enabled on at least one CM node. "
        "Do you want to continue? (y/n): y"
    )
    assert shown[0] == said
    assert shown[1:] == [
        "Moving Cluster to Mixed Mode",
        "Cluster set to Mixed Mode",
        "You must reset all phones to ensure they received the updated CTL file.",
        "You must restart Cisco CTIManager services on all the nodes in the cluster that have the service activated.",
    ]


def test_service_list(terminal: Terminal) -> None:
    shown = terminal.type("utils service list")
    assert shown[0] == "Requesting service status, please wait..."
    assert "System SSH [STARTED]" in shown
    start = shown.index("Service Manager is running")
    assert shown[start : start + 3] == [
        "Service Manager is running",
        "Getting list of all services",
        ">> Return code = 0",
    ]
    assert "Cisco Tftp[STARTED]" in shown[start + 3 :]


def test_service_restart(terminal: Terminal) -> None:
    expected = transcript("service-restart.txt", "utils service restart")
    shown = terminal.type("utils service restart Cisco Tftp")
    assert shown == [line.replace("Cisco Finesse Tomcat", "Cisco Tftp") for line in expected]


def test_stopped_service(terminal: Terminal) -> None:
    terminal.type("utils service stop Cisco Tftp")
    assert "Cisco Tftp[ STOPPED ]  Component is not running" in terminal.type("utils service list")
    assert terminal.type("utils service start Cisco Tftp")[-1] == "Cisco Tftp[STARTED]  "


def test_version(terminal: Terminal, cluster: Cluster) -> None:
    shown = terminal.type("show version active")
    assert shown[0] == f"Active Master Version: {cluster.version}"
    assert shown[1:] == ["Active Version Installed Software Options:", "  No Installed Software Options Found."]
