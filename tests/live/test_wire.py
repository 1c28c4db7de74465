"""HTTP and TFTP to servers that are slow, broken, closed, or not who they should be; and what nodes serve and show."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import Place
from mixedmode.live.cluster_file import CUCM_PORTS, ClusterFile, Login, Node
from mixedmode.live.looking import observe
from mixedmode.live.observed import Observation, Source
from mixedmode.live.parts import Part
from mixedmode.live.wire.clock import SYSTEM, Pace
from mixedmode.live.wire.https import Credentials, LoginRefusedError, Web
from mixedmode.live.wire.tls import Trust, is_for
from mixedmode.pki.certificates.load import private_key_pem
from tests.live.stub import Answer, Sent, serving
from tests.pki.material import signer

SERVERS = "/cucm-uds/servers"


def ok(_sent: Sent) -> Answer:
    return 200, {}, b"<servers/>"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node's own key and certificate, self-signed, for a name that is not its address."""
    made = signer(name="cucm-pub.example.net")
    path = tmp_path_factory.mktemp("node") / "node.pem"
    path.write_bytes(private_key_pem(made.key) + made.certificate.pem())
    return path


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "other.pem"
    path.write_bytes(signer(name="another", serial=7).certificate.pem())
    return path


@contextmanager
def raw(talk: bytes, *, pause: float = 0.0, then_close: bool = True) -> Iterator[int]:
    """Serve bytes, one by one if there is a pause between them."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(4096)
                    for byte in [talk] if not pause else [talk[n : n + 1] for n in range(len(talk))]:
                        connection.sendall(byte)
                        time.sleep(pause)
                    if not then_close:
                        over.wait(60)
                except OSError:
                    pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_a_nodes_own_certificate_is_recognised_whatever_its_name(pem: Path) -> None:
    with serving(ok, pem) as stub:
        web = Web(Place.CLUSTER, "127.0.0.1", stub.port, trust=Trust.of(pem), login=Credentials("audit", "secret"))
        assert [web.get(SERVERS).status for _ in range(3)] == [200, 200, 200]
        web.close()
    assert stub.sent[0].headers["authorization"].startswith("Basic ")


def test_another_certificate_gets_no_login(pem: Path, other: Path) -> None:
    for trust in (Trust.of(other), Trust()):
        with serving(ok, pem) as stub:
            web = Web(Place.CLUSTER, "127.0.0.1", stub.port, trust=trust, login=Credentials("audit", "secret"))
            with pytest.raises(RemoteError, match="not trusted") as caught:
                web.get(SERVERS)
        assert stub.sent == []
        assert "cacert" in str(caught.value.next_step)
        assert signer(name="cucm-pub.example.net").certificate.sha256.hex() in caught.value.what


def test_without_trust_there_is_no_login(pem: Path) -> None:
    with serving(ok, pem) as stub:
        web = Web(Place.CLUSTER, "127.0.0.1", stub.port, login=Credentials("audit", "secret"))
        assert web.get(SERVERS).status == 200
        web.close()
    assert "authorization" not in stub.sent[0].headers


def test_a_node_that_has_only_old_tls_is_recognised_too(pem: Path) -> None:
    with serving(ok, pem, old=True) as stub:
        web = Web(Place.CLUSTER, "127.0.0.1", stub.port, trust=Trust.of(pem), login=Credentials("audit", "secret"))
        assert web.get(SERVERS).status == 200
        web.close()


def test_a_name_that_is_none() -> None:
    for address in ("a..b", "x" * 70 + ".example"):
        with pytest.raises(RemoteError, match="reached"):
            Web(Place.LISTS, address, 80, tls=False).get("/CTLFile.tlv")


def test_names_of_certificates() -> None:
    der = signer(name="cucm-pub.example.net").certificate.der
    assert is_for(der, "CUCM-pub.example.net")
    assert not is_for(der, "example.net")
    assert not is_for(b"no certificate", "example.net")


def test_a_refused_login_is_not_tried_again(pem: Path) -> None:
    login = Credentials("audit", "wrong")
    with serving(lambda _: (401, {}, b""), pem) as stub:
        for _ in range(3):
            web = Web(Place.CLUSTER, "127.0.0.1", stub.port, trust=Trust.of(pem), login=login)
            with pytest.raises(LoginRefusedError):
                web.get(SERVERS)
    assert len(stub.sent) == 1
    assert "wrong" not in repr(login)


def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    with raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port:
        web = Web(Place.LISTS, "127.0.0.1", port, tls=False)
        assert web.get("/CTLFile.tlv").body == b"ok"
        assert web.get("/CTLFile.tlv").body == b"ok"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"]
)
@pytest.mark.parametrize("pause", [0.0, 0.001])
def test_an_answer_that_ends_the_connection_is_read_to_its_end(head: bytes, pause: float) -> None:
    with raw(head + b"some list", pause=pause) as port:
        web = Web(Place.LISTS, "127.0.0.1", port, tls=False)
        assert [web.get("/CTLFile.tlv").body for _ in range(2)] == [b"some list"] * 2


@pytest.mark.parametrize(
    ("talk", "what"),
    [
        (b"", "closed without an answer"),
        (b"220 mail.example.net ESMTP\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "cut off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho", "cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "packed"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000, "over 1000 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "no HTTP"),
    ],
)
def test_broken_answers(talk: bytes, what: str) -> None:
    with raw(talk) as port, pytest.raises(RemoteError, match=what):
        Web(Place.LISTS, "127.0.0.1", port, tls=False).get("/CTLFile.tlv", limit=1000)


def test_a_byte_now_and_then_does_not_hold_it_up() -> None:
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 90
    with raw(slow, pause=0.03) as port, pytest.raises(RemoteError, match="no answer within"):
        Web(Place.LISTS, "127.0.0.1", port, tls=False, seconds=0.3).get("/CTLFile.tlv")


def test_redirects_are_not_followed() -> None:
    with serving(lambda _: (302, {"location": "http://127.0.0.1:1/"}, b"")) as stub:
        web = Web(Place.LISTS, "127.0.0.1", stub.port, tls=False)
        assert web.get("/CTLFile.tlv").status == 302
        web.close()
    assert len(stub.sent) == 1


def test_pace_keeps_requests_apart() -> None:
    pace, begun = Pace(0.02, SYSTEM), time.monotonic()
    for _ in range(4):
        pace.wait()
    assert time.monotonic() - begun >= 0.06


def look(ports: dict[str, int], *parts: Part, login: Login | None = None) -> Observation:
    node = Node("cucm-pub", "127.0.0.1", "publisher", {**CUCM_PORTS, **ports})
    return observe(ClusterFile(Path("site.toml"), (node,), web=login), parts)


def test_files_by_http() -> None:
    def answer(sent: Sent) -> Answer:
        return (200, {}, b"list") if sent.target == "/ITLFile.tlv" else (404, {}, b"")

    with serving(answer) as stub:
        seen = look({"http": stub.port, "tftp": 1}, Part.FILES)
    assert {each.name: each.data for each in seen.files} == {
        "CTLFile.tlv": None,
        "ITLFile.tlv": b"list",
        "XMLDefault.cnf.xml.sgn": None,
        "ConfigFileCacheList.txt": None,
    }
    assert {each.seen.source for each in seen.files} == {Source.HTTP}
    assert seen.cluster == "site"
    assert seen.not_seen == ()


def tftp_server() -> tuple[socket.socket, threading.Thread]:
    """Serve ``CTLFile.tlv`` of a block, and nothing else."""
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ours.bind(("127.0.0.1", 0))

    def run() -> None:
        while True:
            data, sender = ours.recvfrom(600)
            if data == b"end":
                return
            if data[:2] == b"\0\1":
                answer = b"\0\3\0\1the ctl" if b"CTLFile.tlv" in data else b"\0\5\0\1File not found\0"
                ours.sendto(answer, sender)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return ours, thread


def test_503_goes_to_tftp() -> None:
    ours, thread = tftp_server()
    with serving(lambda _: (503, {}, b"")) as stub:
        seen = look({"http": stub.port, "tftp": ours.getsockname()[1]}, Part.FILES)
    ours.sendto(b"end", ours.getsockname())
    thread.join()
    ours.close()
    assert {each.name: each.data for each in seen.files}["CTLFile.tlv"] == b"the ctl"
    assert {each.data for each in seen.files} == {b"the ctl", None}
    assert {each.seen.source for each in seen.files} == {Source.TFTP}


def test_a_node_that_is_down_is_no_evidence() -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    ports = dict.fromkeys(CUCM_PORTS, closed.getsockname()[1])
    seen = look(ports, Part.FACES, Part.RELEASE)
    closed.close()
    assert seen.faces == ()
    assert {each.what.split()[0] for each in seen.not_seen} == {"release", "TLS"}
    assert all(each.why for each in seen.not_seen)


def test_faces_and_release(pem: Path) -> None:
    def answer(_sent: Sent) -> Answer:
        body = b'<versionInformation version="14.0"><version>14.0.1</version><capabilities><upgradeInProgress>true'
        return (
            200,
            {"date": "Thu, 26 Nov 2026 08:00:00 GMT"},
            body + b"</upgradeInProgress></capabilities></versionInformation>",
        )

    with serving(answer, pem) as stub:
        seen = look(dict.fromkeys(CUCM_PORTS, 1) | {"web": stub.port}, Part.FACES, Part.RELEASE)
    assert seen.nodes[0].version == "14.0.1"
    assert seen.nodes[0].clock_offset is not None
    assert [(each.name, each.value) for each in seen.parameters] == [("upgradeInProgress", "true")]
    assert {each.key: [*map(len, each.chain)] != [] for each in seen.faces} == {"RSA": True, "EC": False}
    assert seen.faces[0].chain[0] == signer(name="cucm-pub.example.net").certificate.der
    assert seen.faces[0].version == "TLSv1.2"


def test_a_face_that_insists_on_a_certificate_of_ours(pem: Path) -> None:
    with serving(ok, pem, asks=True) as stub:
        seen = look(dict.fromkeys(CUCM_PORTS, 1) | {"sccp_tls": stub.port}, Part.FACES)
    assert [each.chain[0] for each in seen.faces if each.chain] == [signer(name="cucm-pub.example.net").certificate.der]


def test_a_handshake_that_comes_by_drops_ends() -> None:
    with (
        raw(b"\x16\x03\x03\x40\x00" + b"\x02" * 300, pause=0.05) as port,
        pytest.raises(RemoteError, match="no answer"),
    ):
        Web(Place.CLUSTER, "127.0.0.1", port, seconds=0.4).get(SERVERS)


def test_a_certificate_file_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(MixedModeError):
        look({}, Part.RELEASE, login=Login("web", cacert=tmp_path / "missing.pem"))
