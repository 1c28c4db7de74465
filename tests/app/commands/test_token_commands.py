"""Tokens from the command line, and the CTL Client against a lab: wizard, script, wrong passwords, attackers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.softhsm import MODULE
from tests.support import run_mixedmode, start_mixedmode, until

PASSWORD = "Cisco123"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    folder = tmp_path / "tokens"
    for number in ("ADN0054f509", "ADN008580ef"):
        assert run_mixedmode("token", "init", number, "--tokens", folder).returncode == 0
    return folder


@pytest.fixture
def pin(tmp_path: Path) -> Path:
    path = tmp_path / "pin"
    path.write_text(PASSWORD)
    path.chmod(0o600)
    return path


def soft_hsm(folder: Path, *labels: str, settings: str = "") -> dict[str, str]:
    """Make a token for each label, all without keys, and return the environment that leads to them."""
    (folder / "hsm").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'hsm'}\n{settings}")
    env = {"SOFTHSM2_CONF": str(conf)}
    for label in labels:
        words = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PASSWORD]
        subprocess.run(words, check=True, capture_output=True, env={**env, "PATH": "/usr/bin:/bin"})
    return env


@pytest.mark.interop("openssl")
def test_tokens_are_listed_exported_and_never_take_a_pin_as_an_argument(
    tokens: Path, pin: Path, tmp_path: Path
) -> None:
    listed = json.loads(run_mixedmode("token", "list", "--tokens", tokens, "--json").stdout)
    assert [each["label"] for each in listed] == ["SAST-ADN0054f509", "SAST-ADN008580ef"]
    assert {each["issuer"] for each in listed} == {"CN=Cisco Manufacturing CA;O=Cisco Systems"}
    assert {len(each["serial"]) for each in listed} == {20}
    out = tmp_path / "one.pem"
    done = run_mixedmode("token", "export", "ADN0054f509", out, "--tokens", tokens, "--pin-file", pin)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["openssl", "x509", "-in", out, "-noout", "-subject"], capture_output=True, text=True, check=True
    )
    assert "SAST-ADN0054f509" in shown.stdout
    assert not re.search(r"--pin(\s|$)", run_mixedmode("token", "export", "--help").stdout)
    unasked = run_mixedmode("token", "export", "ADN0054f509", out, "--tokens", tokens)
    assert unasked.returncode == 2
    assert "MIXEDMODE_PIN" in unasked.stderr


def test_the_sixteenth_wrong_password_locks_a_token_for_good(tokens: Path, tmp_path: Path) -> None:
    def unlock(password: str) -> subprocess.CompletedProcess[str]:
        return run_mixedmode("token", "unlock", "ADN0054f509", "--tokens", tokens, env={"MIXEDMODE_PIN": password})

    assert all("wrong" in unlock("no").stderr for _ in range(2))
    assert unlock(PASSWORD).returncode == 0
    (tokens / "SAST-ADN0054f509" / "token.json").write_text('{"failures": 14}')
    assert "1 more wrong one locks" in unlock("no").stderr
    assert "locked for good" in unlock("no").stderr
    assert "locked for good" in unlock(PASSWORD).stderr
    listed = json.loads(run_mixedmode("token", "list", "--tokens", tokens, "--json").stdout)
    assert [each["state"] for each in listed] == ["locked", "ready"]


def test_a_pkcs11_token_gets_its_key_and_lists_with_a_uri(tmp_path: Path) -> None:
    env = soft_hsm(tmp_path, "SAST-ADN0B000001")
    made = run_mixedmode("token", "init", "ADN0B000001", "--module", MODULE, "--tokens", tmp_path / "t", env=env)
    assert made.returncode == 0, made.stderr
    listed = json.loads(
        run_mixedmode("token", "list", "--module", MODULE, "--tokens", tmp_path / "t", "--json", env=env).stdout
    )
    assert [each["label"] for each in listed] == ["SAST-ADN0B000001"]
    assert listed[0]["uri"].startswith("pkcs11:token=SAST-ADN0B000001")
    objects = subprocess.run(
        ["pkcs11-tool", "--module", MODULE, "--login", "--pin", PASSWORD, "--list-objects", "--type", "privkey"],
        check=True,
        capture_output=True,
        text=True,
        env={**env, "PATH": "/usr/bin:/bin"},
    ).stdout
    assert "local" in objects  # the token made the key itself
    assert "never extractable" in objects

    def unlock(officer: str) -> subprocess.CompletedProcess[str]:
        words = ("token", "unlock", "SAST-ADN0B000001", "--module", MODULE)
        return run_mixedmode(*words, env={**env, "MIXEDMODE_SO_PIN": officer, "MIXEDMODE_PIN": "Other123"})

    refused = unlock("not-it")
    assert refused.returncode == 3
    assert "security officer" in refused.stderr
    assert unlock("12345678").returncode == 0
    export = ("token", "export", "SAST-ADN0B000001", tmp_path / "out.der", "--form", "der", "--module", MODULE)
    assert run_mixedmode(*export, env={**env, "MIXEDMODE_PIN": PASSWORD}).returncode == 3
    assert run_mixedmode(*export, env={**env, "MIXEDMODE_PIN": "Other123"}).returncode == 0
    read = ["pkcs11-tool", "--module", MODULE, "--read-object", "--type", "cert", "--label", "SAST-ADN0B000001"]
    by_tool = subprocess.run(read, check=True, capture_output=True, env={**env, "PATH": "/usr/bin:/bin"})
    assert by_tool.stdout == (tmp_path / "out.der").read_bytes()


@pytest.mark.interop("openssl")
def test_a_token_behind_a_library_is_never_overruled_by_a_file_of_its_name(tmp_path: Path) -> None:
    files = tmp_path / "files"
    env = {**soft_hsm(tmp_path, "SAST-ADN0C000001", "SAST-ADN0C000002"), "MIXEDMODE_PIN": PASSWORD}
    # A file token of the same number is there first: the library's token gets its key all the same.
    assert run_mixedmode("token", "init", "ADN0C000001", "--tokens", files).returncode == 0
    assert run_mixedmode("token", "init", "ADN0C000001", "--module", MODULE, "--tokens", files, env=env).returncode == 0

    shown = run_mixedmode("token", "list", "--module", MODULE, "--tokens", files, "--json", env=env)
    by_place = {(each["label"], each["source"]): each for each in json.loads(shown.stdout)}
    assert set(by_place) == {
        ("SAST-ADN0C000001", MODULE),
        ("SAST-ADN0C000002", MODULE),
        ("SAST-ADN0C000001", str(files / "SAST-ADN0C000001")),
    }
    assert by_place["SAST-ADN0C000002", MODULE]["state"] == "no certificate"
    assert by_place["SAST-ADN0C000002", MODULE]["subject"] is None
    table = run_mixedmode("token", "list", "--module", MODULE, "--tokens", files, env=env).stdout
    assert "no certificate" in table
    assert str(files) in table

    out = tmp_path / "out.pem"
    export = ("token", "export", "ADN0C000001", out, "--module", MODULE, "--tokens", files)
    assert run_mixedmode(*export, env=env).returncode == 0
    fields = ["openssl", "x509", "-in", str(out), "-noout", "-fingerprint", "-sha1"]
    printed = subprocess.run(fields, capture_output=True, text=True, check=True).stdout
    assert printed.strip().rpartition("=")[2].replace(":", "").lower() == by_place["SAST-ADN0C000001", MODULE]["sha1"]


def test_a_token_that_makes_no_keys_gets_one_made_here(tmp_path: Path) -> None:
    env = soft_hsm(tmp_path, "SAST-ADN0D000001", settings="slots.mechanisms = -CKM_RSA_PKCS_KEY_PAIR_GEN\n")
    made = run_mixedmode("token", "init", "ADN0D000001", "--module", MODULE, "--tokens", tmp_path / "t", env=env)
    assert made.returncode == 0, made.stderr
    listed = run_mixedmode("token", "list", "--module", MODULE, "--tokens", tmp_path / "t", "--json", env=env)
    assert [(each["label"], each["state"]) for each in json.loads(listed.stdout)] == [("SAST-ADN0D000001", "ready")]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "lab"
    words = ("lab", "--directory", folder, "--phones", "0")
    process = start_mixedmode(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until((folder / "lab.json").exists)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(100)


def client(
    lab: Path, tokens: Path, *words: str | Path, stdin: bytes = b"", password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    return run_mixedmode(
        "ctl-client", "--directory", lab, "--tokens", tokens, *words, stdin=stdin, env={"MIXEDMODE_PIN": password}
    )


def published(lab: Path) -> bytes | None:
    path = lab / "cucm-1051-a-pub" / "active" / "log" / "cm" / "tftpdata" / "CTLFile.tlv"
    return path.read_bytes() if path.exists() else None


def test_the_ctl_client_from_a_script_and_as_a_wizard(lab: Path, tokens: Path, tmp_path: Path) -> None:
    both = ("--token", "ADN0054f509", "--token", "ADN008580ef")
    wrong = client(lab, tokens, "--action", "mixed-mode", *both, password="nope")
    assert wrong.returncode != 0
    assert "password of the Security Token is wrong" in wrong.stderr
    assert published(lab) is None

    alone = client(lab, tokens, "--action", "mixed-mode", "--token", "ADN0054f509")
    assert alone.returncode == 2
    assert "at least 2" in alone.stderr
    assert published(lab) is None

    done = client(lab, tokens, "--action", "mixed-mode", *both, "--json")
    assert done.returncode == 0, done.stderr
    assert all(each["installed"] for each in json.loads(done.stdout)["results"])
    mixed = published(lab)
    assert mixed is not None
    (tmp_path / "CTLFile.tlv").write_bytes(mixed)
    assert run_mixedmode("verify", tmp_path / "CTLFile.tlv").returncode == 0

    strange = tmp_path / "strange"
    run_mixedmode("token", "init", "ADN0BADBAD0", "--tokens", strange)
    refused = client(lab, strange, "--action", "update", "--token", "ADN0BADBAD0")
    assert refused.returncode == 1
    assert "does not exist in the CTL File" in refused.stderr
    assert published(lab) == mixed

    wizard = client(lab, tokens, stdin=b"2\n\nadd\nfinish\nwrong\nCisco123\n\n")
    assert wizard.returncode == 0, wizard.stderr
    assert "Security Token Information" in wizard.stdout
    assert "the password of the Security Token is wrong" in wizard.stdout
    assert wizard.stdout.count("Good") == 2
    emptied = published(lab)
    assert emptied is not None
    assert len(emptied) < len(mixed)

    left = client(lab, tokens, stdin=b"3\ncancel\n")
    assert left.returncode == 2
    assert "nothing was changed" in left.stderr
    assert published(lab) == emptied

    for command in ("set cert regen CallManager", "utils service restart Cisco CTL Provider"):
        assert run_mixedmode("admin", "--directory", lab, *command.split()).returncode == 0
    update = ("--action", "update", "--token", "ADN0054f509")
    changed = client(lab, tokens, *update)
    assert changed.returncode == 1
    assert "shows another certificate than before" in changed.stderr
    new = changed.stderr.rsplit("--accept-fingerprint ", 1)[1].split(";")[0]
    for answers in (b"", b"no\n", b"3\n\n"):
        refused = client(lab, tokens, stdin=answers)
        assert refused.returncode == 1
        assert "It showed until now:" in refused.stderr
        assert published(lab) == emptied
    assert client(lab, tokens, *update, "--accept-fingerprint", "00" * 32).returncode == 1
    taken = client(lab, tokens, stdin=b"yes\n3\ncancel\n")
    assert "Take the new certificate from now on?" in taken.stderr
    assert "Cluster: version" in taken.stdout
    assert client(lab, tokens, *update, "--accept-fingerprint", new).returncode == 0
    assert client(lab, tokens, *update).returncode == 0
    assert published(lab) != emptied


def test_a_wrong_login_is_refused(lab: Path, tokens: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not the password\n")
    (tmp_path / "wrong").chmod(0o600)
    done = client(lab, tokens, "--password-file", tmp_path / "wrong", "--action", "update", "--token", "ADN0054f509")
    assert done.returncode == 1
    assert "user name or the password" in done.stderr
