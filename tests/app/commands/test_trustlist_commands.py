"""show, verify, diff, extract and build, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support import DATA, run_mixedmode
from tests.trustlist.samples import SAMPLES, TOKENLESS, Sample, sample_id

BAD_SIGNATURE = DATA / "cucm" / "bad-signature.tlv"
TRUNCATED = DATA / "tlv" / "72-truncated.tlv"


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_show_json_and_exit_codes_for_every_sample(sample: Sample) -> None:
    shown = run_mixedmode("show", sample.path, "--json")
    verified = run_mixedmode("verify", sample.path, "--json")
    if sample.expected.get("malformed"):
        assert (shown.returncode, verified.returncode) == (2, 2)
        assert json.loads(verified.stdout)["problems"][0]["offset"] is not None
        return
    assert shown.returncode == 0
    document = json.loads(shown.stdout)
    assert document["sha256"] == sample.expected["sha256"]
    assert document["verified"] is sample.expected["verified"]
    assert json.loads(verified.stdout)["verified"] is sample.expected["verified"]
    assert verified.returncode == (0 if sample.expected["verified"] else 1)


def test_show_prints_the_listing_then_details() -> None:
    shown = run_mixedmode("show", TOKENLESS)
    assert "Length of CTL file: 4947" in shown.stdout
    assert "The CTL file was verified successfully." in shown.stdout
    assert "SHA-256:        3a8136b810f509f4" in shown.stdout
    assert "RSA 1024" in shown.stdout


def test_show_reads_standard_input() -> None:
    shown = run_mixedmode("show", "-", stdin=TOKENLESS.read_bytes())
    assert "4947" in shown.stdout


def test_show_of_a_missing_file_says_so_and_what_to_do() -> None:
    shown = run_mixedmode("show", "no-such-file.tlv")
    assert shown.returncode == 2
    assert "no-such-file.tlv" in shown.stderr
    assert "next:" in shown.stderr


def test_verify_names_problem_and_offset() -> None:
    verified = run_mixedmode("verify", BAD_SIGNATURE)
    assert verified.returncode == 1
    assert "error at byte 180" in verified.stdout
    truncated = run_mixedmode("verify", TRUNCATED)
    assert truncated.returncode == 2
    assert "at byte 4000" in truncated.stderr


def test_verify_with_a_certificate_from_outside(tmp_path: Path) -> None:
    run_mixedmode("extract", TOKENLESS, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    publisher, capf = (tmp_path / index["records"][number]["file"] for number in (0, 2))
    assert run_mixedmode("verify", TOKENLESS, "--signer", publisher).returncode == 0
    other = run_mixedmode("verify", TOKENLESS, "--signer", capf)
    assert other.returncode == 1
    assert "unknown_signer" in other.stdout


@pytest.mark.interop("openssl")
def test_extracted_certificates_are_read_by_openssl(tmp_path: Path) -> None:
    done = run_mixedmode("extract", DATA / "cucm" / "nonsecure-3746.tlv", tmp_path / "certificates", "--json")
    records = json.loads(done.stdout)["records"]
    assert [record["file"] is None for record in records] == [False, False, True, False, True]
    pem = tmp_path / "certificates" / records[0]["file"]
    subject = subprocess.run(
        ["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha1"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert subject.strip().split("=")[1].replace(":", "").lower() == records[0]["certificate_sha1"]


def test_diff_names_what_changed() -> None:
    same = run_mixedmode("diff", TOKENLESS, TOKENLESS)
    assert (same.returncode, same.stdout) == (0, "identical\n")
    differs = run_mixedmode("diff", TOKENLESS, BAD_SIGNATURE)
    assert differs.returncode == 1
    assert "~ record 1 changed: SAST cucm-1051-a-pub" in differs.stdout
    assert "- record 2 removed: CCM+TFTP cucm-1051-a-pub" in differs.stdout
    document = json.loads(run_mixedmode("diff", TOKENLESS, BAD_SIGNATURE, "--json").stdout)
    assert {record["change"] for record in document["records"]} == {"changed", "removed"}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and certificate in one PEM, made by openssl as an operator would."""
    folder = tmp_path_factory.mktemp("signer")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = "/C=PL/ST=Malopolska/L=Krakow/O=Cisco/OU=TAC/CN=cucm-1051-a-pub"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "30",
         "-subj", subject],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "ccm.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


@pytest.mark.parametrize("field", ["--filename=\udcff.tlv", "--record=CCM={},dns=\udcff"])
def test_bytes_that_are_no_text_do_not_come_into_a_list(tmp_path: Path, signer: Path, field: str) -> None:
    record = f"--record=SAST={signer}"
    done = run_mixedmode("build", tmp_path / "CTLFile.tlv", "--signer", signer, record, field.format(signer))
    assert done.returncode == 2
    assert "is no text" in done.stderr


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("layout", ["cucm", "ctlclient", "tlvfile"])
def test_built_list_is_accepted_by_openssl(tmp_path: Path, signer: Path, digest: str, layout: str) -> None:
    out = tmp_path / "CTLFile.tlv"
    address = "" if layout == "tlvfile" else ",dns=cucm-1051-a-pub,ip=10.48.47.153"
    built = run_mixedmode(
        "build", out, "--signer", signer, "--digest", digest, "--layout", layout, "--timestamp", "2015-03-06T19:45:13Z",
        "--record", f"SAST={signer}{address}", "--record", f"CCM+TFTP={signer}{address}",
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    document = json.loads(run_mixedmode("show", out, "--json").stdout)
    assert document["verified"] is True
    assert document["digest"] == digest
    assert document["timestamp"] == "2015-03-06T19:45:13Z"

    data = out.read_bytes()
    at = data.index(bytes.fromhex("0c0100"))
    (tmp_path / "signature").write_bytes(data[at + 3 : at + 259])
    (tmp_path / "signed").write_bytes(data[:at] + data[at + 259 :])
    key = subprocess.run(
        ["openssl", "x509", "-in", signer, "-noout", "-pubkey"], check=True, capture_output=True
    ).stdout
    (tmp_path / "public.pem").write_bytes(key)
    checked = subprocess.run(
        ["openssl", "dgst", f"-{digest}", "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature",
         tmp_path / "signed"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.stdout.strip() == "Verified OK"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--record", "CCM=@"), "not among the SAST records"),
        (("--record", "BOSS=@"), "unknown role 'BOSS'"),
        (("--record", "SAST=@,ip=10.0.0"), "no IP address"),
        (("--record", "SAST=@,colour=red"), "is not dns=, ip= or form="),
        (("--record", "SAST=@", "--digest", "md5"), "use one of: sha1, sha256, sha512"),
        (("--record", "SAST=@", "--layout", "other"), "use one of: cucm, ctlclient, tlvfile"),
        (("--record", "SAST=@", "--timestamp", "yesterday"), "no ISO 8601 time"),
        (("--record", "SAST=@,dns=a", "--layout", "tlvfile"), "tlvfile layout has only certificates"),
    ],
)
def test_bad_build_arguments_are_explained_and_nothing_is_written(
    tmp_path: Path, signer: Path, arguments: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "CTLFile.tlv"
    built = run_mixedmode("build", out, "--signer", signer, *(text.replace("@", str(signer)) for text in arguments))
    assert built.returncode == 2
    assert said in built.stderr
    assert not out.exists()


def test_build_an_itl_with_signer_version_for_https(tmp_path: Path, signer: Path) -> None:
    out = tmp_path / "ITLFile.tlv"
    run_mixedmode("build", out, "--signer", signer, "--signer-version", "1.1", "--record", f"SAST={signer}")
    document = json.loads(run_mixedmode("show", out, "--json").stdout)
    assert (document["kind"], document["filename"], document["signer_version"]) == (
        "ITL",
        "ITLFile.tlv",
        "1.1",
    )


def test_version_help_and_usage_errors() -> None:
    assert run_mixedmode("--version").stdout.startswith("mixedmode ")
    assert "Example" in run_mixedmode("build", "--help").stdout
    assert run_mixedmode("show").returncode == 2
    assert run_mixedmode("nonsense").returncode == 2
