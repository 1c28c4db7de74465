"""sign-config and open-config, run as an administrator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mixedmode.app.commands.files import config
from mixedmode.errors import CheckFailedError, MixedModeError, UsageError
from mixedmode.pki.certificates.load import save_private_key, save_signer
from mixedmode.pki.certificates.profiles import KeyKind
from tests.pki.material import signer
from tests.signedfile.material import PHONE, SAMPLE_TRUST, tftp_signer, trust_list
from tests.support import DATA

app = typer.Typer()
app.command("sign-config")(config.sign_config)
app.command("open-config")(config.open_config)

CONTENT = b"<device><loadInformation>SCCP75</loadInformation><userPassword>cisco</userPassword></device>\r\n"


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a phone's configuration, the TFTP server's signer, the phone's keys and a trust list."""
    phone = signer(KeyKind.RSA_1024, name="SEP001122334455", serial=9)
    (tmp_path / PHONE).write_bytes(CONTENT)
    save_signer(tmp_path / "tftp.pem", tftp_signer())
    (tmp_path / "phone.pem").write_bytes(phone.certificate.pem())
    save_private_key(tmp_path / "phone.key", phone.key)
    (tmp_path / "CTLFile.tlv").write_bytes(trust_list(tftp_signer().certificate).data)
    return tmp_path


@pytest.mark.parametrize("digest", ["sha1", "sha512"])
def test_a_signed_file_is_written_beside_and_opens(folder: Path, digest: str) -> None:
    made = run(
        "sign-config",
        folder / PHONE,
        "--signer",
        folder / "tftp.pem",
        "--digest",
        digest,
        "--timestamp",
        "2026-03-01T00:00:00Z",
    )
    assert made.exit_code == 0, made.output
    signed = folder / f"{PHONE}.sgn"
    opened = run("open-config", signed, "--trust", folder / "CTLFile.tlv", "--filename", f"{PHONE}.sgn")
    assert opened.stdout_bytes == CONTENT
    piped = run("open-config", "-", "--trust", folder / "CTLFile.tlv", stdin=signed.read_bytes())
    assert piped.stdout_bytes == CONTENT
    document = json.loads(run("open-config", signed, "--trust", folder / "CTLFile.tlv", "--json").stdout)
    assert document["filename"] == f"{PHONE}.sgn"
    assert document["timestamp"] == "2026-03-01T00:00:00Z"
    assert document["digest"] == digest
    assert document["record"] == {"number": 2, "role": "TFTP", "subject": tftp_signer().certificate.subject}
    assert document["content"] == CONTENT.decode()


def test_an_encrypted_file_and_its_stub(folder: Path) -> None:
    out = folder / "out"
    out.mkdir()
    made = run(
        "sign-config",
        folder / PHONE,
        "--signer",
        folder / "tftp.pem",
        "--encrypt-to",
        folder / "phone.pem",
        "--output",
        out,
        "--json",
    )
    assert made.exit_code == 0, made.output
    names = [f"{PHONE}.enc.sgn", f"{PHONE}.sgn"]
    assert [entry["filename"] for entry in json.loads(made.stdout)["files"]] == names
    assert sorted(path.name for path in out.iterdir()) == names
    trust = ("--trust", folder / "CTLFile.tlv")
    plain = folder / "plain.xml"
    opened = run("open-config", out / names[0], *trust, "--key", folder / "phone.key", "--output", plain)
    assert (opened.exit_code, opened.stdout) == (0, "")
    assert plain.read_bytes() == CONTENT
    assert plain.stat().st_mode & 0o777 == 0o600
    stub = run("open-config", out / names[1], *trust).stdout
    assert "<encrConfig>true</encrConfig>" in stub
    assert "cisco" not in stub


def test_samples_of_other_tools_open() -> None:
    folder = DATA / "enc" / "rsa2048-sha1"
    opened = run(
        "open-config",
        folder / f"{PHONE}.enc.sgn",
        "--trust",
        SAMPLE_TRUST,
        "--key",
        DATA / "keys" / "phone-rsa2048.key.der",
    )
    assert opened.stdout_bytes == (folder / "plain.xml").read_bytes()


def refused(*arguments: str | Path) -> MixedModeError:
    result = run(*arguments)
    assert isinstance(result.exception, MixedModeError), result.output
    assert result.stdout == ""
    return result.exception


def test_nothing_is_printed_unless_everything_holds(folder: Path) -> None:
    run("sign-config", folder / PHONE, "--signer", folder / "tftp.pem")
    signed = folder / f"{PHONE}.sgn"
    trust = ("--trust", folder / "CTLFile.tlv")
    assert refused("open-config", signed, "--trust", SAMPLE_TRUST).code == "unknown_signer"
    assert refused("open-config", signed, *trust, "--filename", "SEP000000000000.cnf.xml.sgn").code == "wrong_filename"
    broken = refused("open-config", signed, "--trust", DATA / "cucm" / "bad-signature.tlv")
    assert isinstance(broken, CheckFailedError)
    assert broken.code == "trust_list"
    signed.write_bytes(signed.read_bytes().replace(b"cisco", b"crack"))
    changed = refused("open-config", signed, *trust, "--output", folder / "out.xml")
    assert (changed.code, changed.exit_code, changed.where) == ("bad_signature", 1, str(signed))
    assert not (folder / "out.xml").exists()


def test_usage_errors_say_what_to_do(folder: Path) -> None:
    own = ("--signer", folder / "tftp.pem")
    (folder / "ec.pem").write_bytes(signer(KeyKind.EC_256).certificate.pem())
    for arguments in (
        ("sign-config", folder / PHONE, *own, "--digest", "md5"),
        ("sign-config", folder / PHONE, *own, "--timestamp", "yesterday"),
        ("sign-config", folder / PHONE, *own, "--layout", "other"),
        ("sign-config", folder / "absent.xml", *own),
        ("sign-config", folder / PHONE, "--signer", folder / "phone.pem"),
        ("sign-config", folder / PHONE, *own, "--encrypt-to", folder / "ec.pem"),
        ("sign-config", folder / "phone.pem", *own, "--encrypt-to", folder / "phone.pem"),
        ("open-config", "-", "--trust", "-"),
    ):
        error = refused(*arguments)
        assert isinstance(error, UsageError)
        assert error.next_step
    assert not list(folder.glob("*.sgn"))
