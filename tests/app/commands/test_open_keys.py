"""Private keys that others may read: our own are not used, those that a person names are warned of."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.identity.csr import RequestCertificate, pending_request
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import MixedModeError
from mixedmode.node.join import make_keys
from mixedmode.pki.certificates.load import OpenKeyError, save_signer
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, generate_key
from mixedmode.pki.tokens.token_files import token_certificate
from mixedmode.services.ssh.ssh_keys import ensure_key
from tests.cluster.building import PUB
from tests.pki.material import signer
from tests.support import MIXEDMODE, run_mixedmode

MODES = [0o640, 0o644, 0o604, 0o620, 0o666]


def certificate_key(cluster: Cluster, _folder: Path) -> tuple[Path, Callable[[], object]]:
    path = next(cluster.folder(PUB).keys.glob("CallManager-*.pem"))
    return path, lambda: cluster.signer(PUB, "CallManager")


def list_signing_key(cluster: Cluster, _folder: Path) -> tuple[Path, Callable[[], object]]:
    path = next(cluster.folder(PUB).keys.glob("CallManager-*.pem"))
    return path, lambda: cluster.run(SetMixedMode())


def request_key(cluster: Cluster, _folder: Path) -> tuple[Path, Callable[[], object]]:
    cluster.run(RequestCertificate(PUB, "CallManager"))
    path = cluster.folder(PUB).keys / "CallManager.request"
    return path, lambda: pending_request(cluster.folder(PUB), Purpose.CALLMANAGER)


def ssh_key(_cluster: Cluster, folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "publisher_ed25519_key"
    ensure_key(path)
    return path, lambda: ensure_key(path)


def makers_key(_cluster: Cluster, folder: Path) -> tuple[Path, Callable[[], object]]:
    key, now = generate_key(KeyKind.RSA_2048).public_key(), datetime.now(UTC)
    token_certificate(folder / "tokens", "ADN1", key, now=now)
    path = next((folder / "tokens").glob("*.pem"))
    return path, lambda: token_certificate(folder / "tokens", "ADN1", key, now=now)


def joining_key(cluster: Cluster, folder: Path) -> tuple[Path, Callable[[], object]]:
    node = NodeFolder(folder / "sub9")
    description = {
        "version": cluster.version.text, "organization": ["TAC", "Cisco", "Krakow", "Malopolska", "PL"],
        "key": "rsa-2048",
    }  # fmt: skip
    make_keys(node, "sub9", description)
    return next(node.keys.glob("*.pem")), lambda: make_keys(node, "sub9", description)


OWN = (certificate_key, list_signing_key, request_key, ssh_key, makers_key, joining_key)


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_a_key_of_our_own_that_others_may_read_is_not_used(
    cluster: Cluster, tmp_path: Path, kind: Callable[[Cluster, Path], tuple[Path, Callable[[], object]]]
) -> None:
    path, use = kind(cluster, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in MODES:
        path.chmod(mode)
        with pytest.raises(MixedModeError) as refused:
            use()
        assert "others may read this private key" in str(refused.value)
        assert f"chmod 600 {path}" in refused.value.diagnostics()
        assert refused.value.where == str(path)
    for mode in (0o600, 0o400):
        path.chmod(mode)
        use()


def test_a_key_that_is_not_there_is_not_called_open(cluster: Cluster) -> None:
    path = next(cluster.folder(PUB).keys.glob("CallManager-*.pem"))
    path.unlink()
    with pytest.raises(MixedModeError) as missing:
        cluster.signer(PUB, "CallManager")
    assert not isinstance(missing.value, OpenKeyError)
    assert "is not on node" in str(missing.value)


@pytest.fixture
def named(tmp_path: Path) -> Path:
    path = tmp_path / "signer.pem"
    save_signer(path, signer())
    return path


def build(key: Path) -> list[str]:
    return [
        "build",
        str(key.with_name("list.tlv")),
        "--layout",
        "cucm",
        "--signer",
        str(key),
        "--record",
        f"SAST={key}",
    ]


def on_terminal(arguments: list[str]) -> tuple[int, str]:
    master, slave = pty.openpty()
    with subprocess.Popen([MIXEDMODE, *arguments], stdin=slave, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        shown = b""
        while select.select([master], [], [], 30)[0]:
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
        os.close(master)
        return process.wait(100), shown.decode()


def test_a_person_is_warned_of_an_open_key_that_he_names(named: Path) -> None:
    assert on_terminal(build(named)) == (0, "")
    named.chmod(0o644)
    code, shown = on_terminal(build(named))
    assert code == 0
    assert f"others may read the private key {named}; chmod 600 {named}" in " ".join(shown.split())


def test_a_script_is_not_told(named: Path) -> None:
    named.chmod(0o644)
    done = run_mixedmode(*build(named))
    assert (done.returncode, done.stderr) == (0, "")
