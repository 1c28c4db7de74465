"""``mixedmode tvs``: a lab's TVS asked from the command line, and a TVS without a cluster."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist import Role
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from tests.pki.material import signer
from tests.services.tvs.tvsclient import tvs_signer
from tests.support import run_mixedmode, start_mixedmode


@contextmanager
def running(*arguments: str | Path, ready: str, output: Path) -> Iterator[str]:
    """Run the command until the block ends; yield what it had printed when it was ready."""
    with output.open("w") as sink:
        process = start_mixedmode(*arguments, stdout=sink, stderr=sink)
        try:
            deadline = time.monotonic() + 300
            while ready not in output.read_text():
                assert process.poll() is None, output.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield output.read_text()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(100) == 0, output.read_text()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("tvs")
    directory = folder / "lab"
    arguments = ("lab", "--directory", directory, "--phones", "1", "--nodes", "1")
    with running(*arguments, ready="What to try", output=folder / "output"):
        yield directory, json.loads((directory / "lab.json").read_text())


def server_of(document: dict[str, Any]) -> str:
    node = document["nodes"][0]
    return f"{node['address']}:{node['ports']['tvs']}"


def own(directory: Path, unit: str, into: Path) -> Path:
    """Write the public part of a node's certificate into a file."""
    key_file = next(directory.rglob(f"keys/{unit}-*.pem"))
    text = key_file.read_text()
    into.write_text(text[text.index("-----BEGIN CERTIFICATE") :])
    return into


@pytest.mark.parametrize("options", [(), ("--verify",), ("--tls", "1.0")])
def test_a_lab_vouches_for_its_callmanager_certificate(
    lab: tuple[Path, dict[str, Any]], tmp_path: Path, options: tuple[str, ...]
) -> None:
    directory, document = lab
    certificate = own(directory, "CallManager", tmp_path / "ccm.pem")
    itl = next(directory.rglob("ITLFile.tlv"))
    asked: tuple[str | Path, ...] = (
        "tvs",
        "query",
        certificate,
        "--server",
        server_of(document),
        "--trust",
        itl,
        *options,
    )
    done = run_mixedmode(*asked)
    assert done.returncode == 0, done.stderr
    assert "Roles    SAST, CCM+TFTP" in done.stdout
    assert "Valid for 86400 s" in done.stdout
    shown = json.loads(run_mixedmode(*asked, "--json").stdout)
    assert (shown["known"], shown["roles"], shown["ttl"]) == (True, ["SAST", "CCM+TFTP"], 86400)
    assert shown["checked"] is True


def test_a_stranger_is_not_known_and_another_clusters_itl_does_not_fit(
    lab: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    stranger, itl = tmp_path / "stranger.pem", tmp_path / "ITLFile.tlv"
    stranger.write_bytes(signer(name="stranger").certificate.pem())
    server = server_of(lab[1])
    done = run_mixedmode("tvs", "query", stranger, "--server", server)
    assert (done.returncode, "Not known" in done.stdout) == (1, True)
    assert "without --trust" in done.stderr
    records = [RecordSpec(Role.SAST, signer().certificate), RecordSpec(Role.TVS, tvs_signer().certificate)]
    itl.write_bytes(build_trust_list(records, signer(), timestamp=1, filename="ITLFile.tlv"))
    other = run_mixedmode("tvs", "query", stranger, "--server", server, "--trust", itl)
    assert other.returncode == 3
    assert "not one that the trust list holds for TVS" in other.stderr
    ctl = next(iter(lab[0].rglob("CTLFile.tlv")), None)
    assert ctl is None
    assert run_mixedmode("tvs", "query", stranger, "--server", "127.0.0.1:9").returncode == 3
    for bad in ("127.0.0.1:0", ":2445", "host:port"):
        assert run_mixedmode("tvs", "query", stranger, "--server", bad).returncode == 2


def test_the_trace_is_in_the_nodes_activelog(lab: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    certificate = own(lab[0], "CallManager", tmp_path / "ccm.pem")
    assert run_mixedmode("tvs", "query", certificate, "--server", server_of(lab[1])).returncode == 0
    listing = run_mixedmode("admin", "--directory", lab[0], "file", "list", "activelog", "cm/trace/tvs/sdi")
    assert "tvs00000001.txt" in listing.stdout, listing.stderr


def pem_of(each: SoftwareSigner) -> bytes:
    return private_key_pem(each.key) + each.certificate.pem()


def test_a_tvs_without_a_cluster_vouches_for_lists_and_certificates(tmp_path: Path) -> None:
    key, ccm, extra = tmp_path / "tvs.pem", tmp_path / "ccm.crt", tmp_path / "next.crt"
    key.write_bytes(pem_of(tvs_signer()))
    ccm.write_bytes(signer().certificate.pem())
    extra.write_bytes(signer(KeyKind.RSA_2048, name="next-signer", serial=0x77).certificate.pem())
    itl = tmp_path / "ITLFile.tlv"
    records = [RecordSpec(Role.SAST, signer().certificate), RecordSpec(Role.TVS, tvs_signer().certificate)]
    itl.write_bytes(build_trust_list(records, signer(), timestamp=1, filename="ITLFile.tlv"))
    arguments = ("--key", key, "--trust", itl, "--certificate", f"SAST+CCM+TFTP={extra}", "--port", "0", "--ttl", "60")
    with running("tvs", "serve", *arguments, "--trace", ready="Ctrl-C", output=tmp_path / "output") as printed:
        server = printed[printed.index("TVS on ") + 7 :].split(";")[0]
        for certificate, roles in ((ccm, "SAST"), (extra, "SAST, CCM, TFTP")):
            done = run_mixedmode("tvs", "query", certificate, "--server", server, "--trust", itl)
            assert done.returncode == 0, done.stderr
            assert f"Roles    {roles}\n" in done.stdout
            assert "Valid for 60 s" in done.stdout
    said = (tmp_path / "output").read_text()
    assert "tvsHandleQueryCertReq : Serial Number is: 77" in said
    assert "2 known, 0 not known, 0 connections cut off" in said


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "nothing to vouch for"),
        (("--trust", "nowhere.tlv"), "cannot read it"),
        (("--certificate", "BOSS=x.pem"), "unknown role"),
        (("--certificate", "SAST="), "names no file"),
    ],
)
def test_serve_says_what_it_lacks(tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
    key = tmp_path / "tvs.pem"
    key.write_bytes(pem_of(tvs_signer()))
    done = run_mixedmode("tvs", "serve", "--key", key, "--port", "0", *options)
    assert done.returncode == 2
    assert problem in done.stderr
